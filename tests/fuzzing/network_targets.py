"""What a stranger's process says of a network, and networks as we stored them."""

import json
from collections.abc import Mapping
from math import prod

import numpy as np

from harness.network import spec as specs
from harness.network.keras_config import read_model
from harness.network.spec import Spec
from harness.submissions.opened import read_answer
from harness.submissions.sandbox import client
from harness.submissions.sandbox.client import Answer, Reply
from harness.submissions.sandbox.inside.limits import Limits as SandboxLimits
from harness.system.failure import BuildFailure
from harness.system.hashing import digest
from reference.errors import UserError
from reference.facts import load, names
from reference.layers import shapes, total_params
from tests.fuzzing.formats import JSON
from tests.fuzzing.target import Target
from tests.support.samples import keras_json as k
from tests.support.samples.model_configs import MODELS, SPECS

FACTS = {name: load(name) for name in names()}
_DENSE = k.sequential(k.entry(784), k.dense(12, "hidden", activation="relu"), k.dense(10, "scores"))


def _nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


BAD_JSON = {
    "nothing": b"",
    "100,000 lists": _nested(100_000),
    "100,000 lists that do not end": b"[" * 100_000,
    "900 lists": b'{"class": "Sequential", "config": ' + _nested(900) + b"}",
    "10,000 digits": b'{"class": "Sequential", "config": {"layers": ' + b"9" * 10_000 + b"}}",
    "no text": b"\xff\xfe{\x00}\x00",
    "not a number": b'{"class": NaN, "config": Infinity}',
    "a number": b"1e999",
}


def _check(spec: Spec) -> None:
    assert total_params(spec.network) <= specs.MAX_PARAMS
    assert all(prod(shape) <= specs.MAX_ACTIVATIONS for shape in shapes(spec.network))
    assert all(name.isprintable() for name in spec.names)
    again = specs.from_json(json.loads(json.dumps(spec.to_json(), allow_nan=False)))
    assert (again, again.digest) == (spec, spec.digest)


# An answer of the sandbox ------------------------------------------------------------------------


def _answer(*networks: Mapping[str, object], payload: bytes = b"", **more: object) -> bytes:
    document = {"networks": list(networks), "notes": [], "error": None, **more}
    return json.dumps(document).encode() + b"\n" + payload


def _recipe() -> Mapping[str, object]:
    return {
        "optimizer": {"class": "Adam", "learning_rate": 0.001},
        "loss": {"name": "categorical_crossentropy", "from_logits": True},
        "batch_size": 32, "epochs": 10, "validation_images": 10_000, "train_images": 50_000,
        "labels": {"shape": [50_000, 10], "dtype": "float32", "min": 0, "max": 1},
        "images": {"shape": [50_000, 784], "dtype": "float32", "min": 0.0, "max": 1.0},
        "metrics": ["accuracy"], "callbacks": [],
    }  # fmt: skip


def _answers() -> Mapping[str, bytes]:
    fitted = {**_DENSE, "recipe": _recipe(), "origin": "fit", "line": 31}
    arrays = [[784, 12], [12]], [[12, 10], [10]]
    saved = {**_DENSE, "weights": [[], *arrays], "origin": "saved file"}
    values = np.zeros(784 * 12 + 12 + 120 + 10, "<f4").tobytes()
    notes = [{"kind": "note", "text": "it prints", "line": 3}, {"kind": "stopped", "text": "x"}]
    return {
        "a script": _answer(fitted, notes=notes),
        "two networks": _answer(fitted, json.loads(MODELS[1])),
        "a saved file": _answer(saved, payload=values),
        "an error": _answer(error={"stage": "import", "message": "No module named x"}),
    }


def _bad_answers() -> Mapping[str, bytes]:
    whole = _answers()["a script"]
    return {
        **{name: data + b"\n" for name, data in BAD_JSON.items()},
        "17 networks": _answer(*[_DENSE] * 17),
        "a network of no class": _answer({"config": {}}),
        "64 bits and one": whole.replace(b"50000", b"9223372036854775808"),
        "half a pair": whole.replace(b"accuracy", b"\\ud800"),
        "an infinite rate": whole.replace(b"0.001", b"1e999"),
    }


def _read_answer(data: bytes) -> None:
    """As `Sandbox.open` and `Opener` do: what is refused by either is told to the author."""
    answer = client._read_reply(Reply("answered", "", "", data), SandboxLimits())
    if isinstance(answer, BuildFailure):
        raise UserError(answer.message)
    assert isinstance(answer, Answer)
    digest(answer.document)  # it can be kept
    opened = read_answer(answer, FACTS, None, None)
    if isinstance(opened, BuildFailure):
        if answer.document["error"] is None:
            raise UserError(opened.message)
        return
    _check(opened.spec)
    assert all(note.isprintable() or "\n" in note for note in opened.notes)
    if opened.weights:
        assert all(np.isfinite(array).all() for array in opened.weights.values())


# A configuration, and a spec ---------------------------------------------------------------------


def _models() -> Mapping[str, bytes]:
    return dict(zip(("sequential", "functional", "within"), map(str.encode, MODELS), strict=True))


def _parsed(data: bytes) -> object:
    """JSON as it comes from a process or a file; what is none, no reader sees."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UserError("no JSON") from error


def _read_model(data: bytes) -> None:
    _check(read_model(_parsed(data)))


def _read_spec(data: bytes) -> None:
    _check(specs.from_json(_parsed(data)))


TARGETS = (
    Target("answers of a sandbox", _read_answer, _answers, _bad_answers, format=JSON),
    Target("Keras configurations", _read_model, _models, lambda: BAD_JSON,
           format=JSON),
    Target("specs", _read_spec, lambda: dict(zip(names(), map(str.encode, SPECS), strict=True)),
           lambda: BAD_JSON, format=JSON),
)  # fmt: skip
