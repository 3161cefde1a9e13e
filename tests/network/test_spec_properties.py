"""Whatever a stranger's process says a network is: a spec within the caps, or a clear refusal.

Real configurations are taken apart and put together wrongly, with the values that have broken
other readers; and JSON that has nothing to do with a network is read as well. 20,000 documents
and more in all, the same ones every time. Those that are changed, most of them, are drawn from
numbered seeds: drawing them with Hypothesis takes two to four times as long as reading them.
"""

import json
from collections import Counter
from itertools import islice
from math import prod
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.network import spec as specs
from harness.network.keras_config import read_model
from harness.network.spec import (
    MAX_ACTIVATIONS,
    MAX_MESSAGE,
    MAX_NODES,
    MAX_PARAMS,
    Spec,
)
from reference.errors import UserError
from reference.facts import names
from reference.layers import LAYERS, shapes, total_params
from tests.support.samples import keras_json as k
from tests.support.samples.model_configs import MODELS, SPECS

pytestmark = pytest.mark.slow

MANY = 10_000
CHANGED = 9_500  # of either kind


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def _bushy(width: int, depth: int) -> Any:
    return [_bushy(width, depth - 1) for _ in range(width)] if depth else 0


# Real configurations -----------------------------------------------------------------------------


# What is done to them ----------------------------------------------------------------------------

NASTY: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 10, 255, 256, 257, 4096, 65_536, 65_537, 2**31, 2**63,
    10**15, -(10**15), 10**300, 10**4000, 0.0, -0.0, 0.5, 1.0, 1e-9, -1.5, 1e308,
    float("nan"), float("inf"), float("-inf"),
    "", "0", "relu", "RELU", "softmax", "linear", "same", "valid", "images", "scores", "a", "b",
    "float16", "\n\x1b[31m\x00", "\u202e\ud800", "x" * 5000, "<script>", "%s{}", "__class__",
    "Lambda", "Dense", "Conv2D", "InputLayer", "TFOpLambda", "MyLayer", *LAYERS,
    [], [[]], {}, [1, 1], [3, 3], [0, 0], [-1], [None], [None, 784], [None, 28, 28, 1],
    [28, 28, 1], [65_536] * 4, ["images", 0, 0], ["scores", 0, 0], [["a", 0, 0], ["b", 0, 0]],
    _nested(5), _nested(300), _bushy(8, 4), [0] * MANY, ["images"] * MANY,
    {"class_name": "Lambda", "config": {"function": "cos"}},
    {"class_name": "function", "config": "os.system", "module": "builtins"},
    {"class_name": "DTypePolicy", "config": {"name": "float64"}},
    {"class_name": _nested(9), "config": _nested(300)},
    {"class": "HeNormal", "config": {}}, {"class": "HeNormal", "config": {"scale": 10**400}},
    k.tensor("scores"), k.tensor("images", 1), k.tensor("nowhere"),
    k.dense(10**15), k.dense(65_536, "wide"), k.conv(4096, "many"), k.flatten(),
)  # fmt: skip

NASTY_TEXTS = [json.dumps(value) for value in NASTY]  # read anew wherever one is put

OPERATIONS = ("replace", "replace", "replace", "delete", "double", "move", "many", "key")
_ENOUGH = 1_000  # places to choose from


def _places(value: Any) -> list[tuple[Any, Any]]:
    """The places in a document, as container and key."""
    found: list[tuple[Any, Any]] = []
    pending = [value]
    while pending and len(found) < _ENOUGH:
        container = pending.pop()
        for key in islice(range(len(container)) if isinstance(container, list) else container,
                          _ENOUGH):  # fmt: skip
            found.append((container, key))
            if isinstance(container[key], (dict, list)):
                pending.append(container[key])
    return found


def _changed(text: str, draw: Random) -> Any:
    """Returns a document with one change to four, seldom so many."""
    document = json.loads(text)
    for _ in range(min(draw.randint(1, 4), draw.randint(1, 4))):
        change = draw.getrandbits(64)  # where, what and how, in one number
        places = _places(document)
        if places:
            number, operation = divmod(change, len(OPERATIONS))
            number, what = divmod(number, len(NASTY))
            number, where = divmod(number, len(places))
            count, elsewhere = divmod(number, len(places))
            _change(places[where], OPERATIONS[operation], what, places[elsewhere], count)
    return document


def _change(
    place: tuple[Any, Any], operation: str, what: int, elsewhere: tuple[Any, Any], count: int
) -> None:
    """Does one thing to one place; nothing where it cannot be done there."""
    (container, key), (other, other_key) = place, elsewhere
    in_list = isinstance(container, list)
    match operation:
        case "replace":
            container[key] = json.loads(NASTY_TEXTS[what])
        case "delete":
            del container[key]
        case "double" if in_list:
            container.insert(key, json.loads(json.dumps(container[key])))
        case "move" | "double":
            container[key] = json.loads(json.dumps(other[other_key]))
        case "many" if in_list:
            container[key:key] = [container[key]] * (count % MANY)
        case "key" if not in_list:
            name = NASTY[what] if isinstance(NASTY[what], str) else f"key {what}"
            container[name] = json.loads(NASTY_TEXTS[what])


def _judge(read: Any, document: Any) -> str:
    """Reads a document, twice where it is accepted; returns what became of it."""
    try:
        spec = read(document)
    except UserError as error:
        message = str(error)
        assert 0 < len(message) <= MAX_MESSAGE
        assert message.isprintable()
        return "refused"
    assert isinstance(spec, Spec)
    assert len(spec.network.nodes) == len(spec.names) <= MAX_NODES
    assert total_params(spec.network) <= MAX_PARAMS
    assert all(prod(shape) <= MAX_ACTIVATIONS for shape in shapes(spec.network))
    assert {node.kind for node in spec.network.nodes} <= set(LAYERS)
    assert all(name.isprintable() and 0 < len(name) <= specs.MAX_NAME for name in spec.names)
    # What travels on from here is the same network, and so is a spec that is read again.
    travelled = specs.from_json(json.loads(json.dumps(spec.to_json(), allow_nan=False)))
    assert travelled == spec
    assert (travelled if read is specs.from_json else read(document)).digest == spec.digest
    return "accepted"


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples, deadline=None, derandomize=True, database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip


@pytest.mark.parametrize("text", MODELS, ids=["sequential", "residual", "within"])
def test_the_configurations_themselves_are_read(text):
    assert _judge(read_model, json.loads(text)) == "accepted"


@pytest.mark.parametrize("text", SPECS, ids=names())
def test_the_specs_themselves_are_read(text):
    assert _judge(specs.from_json, json.loads(text)) == "accepted"


@pytest.mark.parametrize(
    ("read", "texts"), [(read_model, MODELS), (specs.from_json, SPECS)], ids=["models", "specs"]
)
def test_a_changed_document_is_read_or_refused(read, texts):
    ends = Counter()
    for case in range(CHANGED):
        draw = Random(case)
        try:
            ends[_judge(read, _changed(draw.choice(texts), draw))] += 1
        except BaseException as error:
            error.add_note(f"case {case} of {CHANGED:,}")
            raise
    # Neither is so rare that it would not be tried.
    assert min(ends["accepted"], ends["refused"]) > CHANGED // 20, ends


# Everything JSON can say -------------------------------------------------------------------------

WORDS = ("class", "config", "layers", "class_name", "name", "Sequential", "Functional", "Dense",
         "InputLayer", "units", "batch_shape", "schema", "nodes", "names", "kind", "inputs",
         "trainable", "inbound_nodes", "args", "input_layers", "output_layers", "registered_name",
         "module")  # fmt: skip
# By default Hypothesis looks first which characters UTF-8 can write, which takes seconds.
LETTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.one_of(st.sampled_from(WORDS), st.text(LETTERS, max_size=5))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=8,
)
LAYER = st.fixed_dictionaries(
    {"class_name": st.one_of(st.sampled_from(sorted(LAYERS)), JSON), "config": JSON},
    optional={"name": JSON, "inbound_nodes": JSON, "module": JSON, "registered_name": JSON},
)
MODEL = st.fixed_dictionaries({
    "class": st.one_of(st.sampled_from(["Sequential", "Functional"]), JSON),
    "config": st.one_of(JSON, st.fixed_dictionaries(
        {"layers": st.lists(LAYER, max_size=4)},
        optional={"input_layers": JSON, "output_layers": JSON, "trainable": JSON},
    )),
})  # fmt: skip
NODE = st.fixed_dictionaries({
    "kind": st.one_of(st.sampled_from(sorted(LAYERS)), JSON), "config": JSON,
    "inputs": st.one_of(st.just([]), st.just([0]), JSON), "trainable": JSON,
})  # fmt: skip
SPEC = st.fixed_dictionaries(
    {"schema": st.just(1), "nodes": st.one_of(st.lists(NODE, max_size=3), JSON), "names": JSON}
)


@_settings(1_000)
@given(st.one_of(JSON, MODEL))
def test_any_json_is_no_model_or_one(document):
    _judge(read_model, document)


@_settings(1_000)
@given(st.one_of(JSON, SPEC))
def test_any_json_is_no_spec_or_one(document):
    _judge(specs.from_json, document)


# Documents as large as they may be ---------------------------------------------------------------


def _edited(text: str, *path: Any, to: Any) -> Any:
    """A document with one value replaced."""
    document = json.loads(text)
    value = document
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = to
    return document


HALF_A_MEGABYTE = 250_000
UNKNOWN = {f"key {i}": 0 for i in range(HALF_A_MEGABYTE // 5)}
LAST = ("config", "layers", -1)
FROM = (*LAST, "inbound_nodes")
BIG = {
    "arguments": _edited(MODELS[1], *FROM, to=[{"args": [0] * HALF_A_MEGABYTE}]),
    "empty arguments": _edited(MODELS[1], *FROM, to=[{"args": [[]] * HALF_A_MEGABYTE}]),
    "inputs": _edited(MODELS[1], *FROM, to=[{"args": [k.tensor("both")] * 7_000}]),
    "calls": _edited(MODELS[1], *FROM, to=[{}] * HALF_A_MEGABYTE),
    "keys": _edited(MODELS[0], *LAST, "config", to={"units": 10, **UNKNOWN}),
    "a bush": _edited(MODELS[0], *LAST, "config", "units", to=_bushy(8, 6)),
    "a bushy name": _edited(MODELS[0], *LAST, "name", to=_bushy(8, 6)),
    "a deep name": _edited(MODELS[0], *LAST, "name", to=_nested(900)),
    "a deep module": _edited(MODELS[0], *LAST, "module", to=_nested(900)),
    "a long name": _edited(MODELS[0], *LAST, "name", to="x" * 4 * HALF_A_MEGABYTE),
    "a long class": _edited(MODELS[0], *LAST, "class_name", to="x" * 4 * HALF_A_MEGABYTE),
    "a shape": _edited(MODELS[0], "config", "layers", 0, "config", "batch_shape",
                       to=[None] + [1] * HALF_A_MEGABYTE),
    "layers": _edited(MODELS[0], "config", "layers",
                      to=[{"class_name": "Dense", "config": {}}] * MANY),
    "inputs of the model": _edited(MODELS[1], "config", "input_layers",
                                   to=[["a", 0, 0]] * (HALF_A_MEGABYTE // 4)),
    "a number": _edited(MODELS[0], *LAST, "config", "units", to=int("9" * 4_300)),
}  # fmt: skip


@pytest.mark.parametrize("document", BIG.values(), ids=BIG)
def test_a_document_as_large_as_may_be_is_judged_at_once(document):
    _judge(read_model, document)
