"""The sandbox's answer is not trusted: it is checked, and the right network is chosen."""

import json
import re

import numpy as np
import pytest

from harness.jobs.kinds import evaluate
from harness.network.keras_config import read_model
from harness.submissions import saved_weights
from harness.submissions.opened import OpenedSubmission, read_answer
from harness.submissions.sandbox import messages
from harness.submissions.sandbox.messages import Answer
from harness.submissions.saved_weights import read_weights
from harness.system.failure import BuildFailure
from reference import facts as all_facts
from reference.errors import UserError
from tests.support.samples.keras_json import (
    call,
    conv,
    dense,
    entry,
    flatten,
    functional,
    layer,
    sequential,
)

FACTS = {name: all_facts.load(name) for name in all_facts.names()}
MLP = sequential(
    entry(784), dense(64, "a", activation="relu"), dense(32, "b", activation="relu"),
    dense(10, "c", activation="softmax"),
)  # fmt: skip
WIDE = sequential(
    entry(784), dense(256, "a", activation="relu"), dense(128, "b", activation="relu"),
    dense(10, "c", activation="softmax"),
)  # fmt: skip
CNN = sequential(
    entry(28, 28, 1), conv(32, activation="relu"), flatten(), dense(10, activation="softmax")
)

NOTE = {"kind": "note", "text": "x", "line": None}


def answer(*networks, payload=b"", **document):
    listed = [{"origin": "build()", "line": None, "recipe": None, **one} for one in networks]
    found = {"networks": listed, "notes": [], "error": None, **document}
    return Answer(messages.checked(found), payload, "")


def opened(found):
    assert isinstance(found, OpenedSubmission), found
    return found


def refused(found):
    assert isinstance(found, BuildFailure), found
    assert found.status == "failed"
    return found.message


# Which network ----------------------------------------------------------------------------------


def test_a_network_is_graded_as_what_it_is_said_to_be():
    found = opened(read_answer(answer(MLP), FACTS, "mlp_64_32", "named"))
    assert (found.architecture, found.basis, found.origin) == ("mlp_64_32", "named", "build()")
    found = opened(read_answer(answer(MLP), FACTS, "deep_cnn", "file name"))
    assert (found.architecture, found.basis) == ("deep_cnn", "file name")


@pytest.mark.parametrize(("network", "name"), [(MLP, "mlp_64_32"), (WIDE, "mlp_256_128")])
def test_else_as_the_closest(network, name):
    found = opened(read_answer(answer(network), FACTS, None, None))
    assert (found.architecture, found.basis) == (name, "closest")


def test_of_several_the_closest_is_graded_and_that_is_said():
    found = opened(read_answer(answer(CNN, MLP, WIDE), FACTS, "mlp_64_32", "named"))
    assert found.spec.digest == read_model(MLP).digest
    assert "of 3 networks" in found.notes[0]
    assert "number 2" in found.notes[0]


def test_of_equally_close_ones_the_last():
    first, last = ({**MLP, "origin": "fit", "line": line} for line in (7, 31))
    found = opened(read_answer(answer(first, last), FACTS, "mlp_64_32", "named"))
    assert found.origin == "fit, line 31"


def test_a_network_that_cannot_be_read_costs_the_others_nothing():
    broken = {"class": "Net", "config": None}
    found = opened(read_answer(answer(broken, MLP, broken), FACTS, None, None))
    assert found.architecture == "mlp_64_32"


# Why there is none ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("x", "not a description"),
        ({}, "no list of networks"),
        ({"networks": None, "notes": []}, "no list of networks"),
        ({"networks": "x", "error": {"message": "line 3: no"}}, "no list of networks"),
        ({"networks": [3], "notes": []}, "no list of networks"),
        ({"networks": [{"class": "Net"}], "notes": []}, "without class or configuration"),
        ({"networks": [MLP] * 17, "notes": []}, "17 networks; at most 16"),
        ({"networks": [MLP], "notes": ["x"]}, "no list of notes"),
        ({"networks": [MLP], "notes": [{"kind": "a", "text": 3}]}, "without a kind or a text"),
        ({"networks": [MLP], "notes": [{"text": "x"}]}, "without a kind or a text"),
        ({"networks": [MLP], "notes": [NOTE] * 51}, "51 notes; at most 50"),
        ({"networks": [MLP], "notes": [NOTE | {"text": "x" * 501}]}, "more than 500 characters"),
        ({"networks": [], "notes": []}, "no network and no reason"),
        ({"networks": [], "notes": [], "error": {"stage": "run", "message": 3}},
         "an error without a stage or a message"),
        ({"networks": [], "notes": [], "error": {"message": "no"}},
         "an error without a stage or a message"),
        ({"networks": [], "notes": [], "error": "no"}, "an error without a stage or a message"),
    ],
)  # fmt: skip
def test_a_document_of_another_form_is_refused(document, words):
    with pytest.raises(UserError, match=re.escape(words)):
        messages.checked(document)


@pytest.mark.parametrize(
    ("networks", "message", "words"),
    [
        ([{"class": "Net", "config": None}], "x", "the model is a 'Net'"),
        ([], "a\x1b[31mb\u202ec", "a?[31mb?c"),
        ([], " ", "the process gave no reason"),
    ],
)
def test_no_network_has_a_reason(networks, message, words):
    error = {"stage": "run", "message": message}
    assert words in refused(read_answer(answer(*networks, error=error), FACTS, None, None))


def test_the_reason_is_short():
    error = {"stage": "run", "message": "x" * 10**6}
    assert len(refused(read_answer(answer(error=error), FACTS, None, None))) <= 2000


# What else it says ------------------------------------------------------------------------------


def test_notes_are_printable_text():
    notes = [NOTE | {"text": "write to_categorical", "line": 3}, NOTE | {"text": "\x00!"}]
    found = opened(read_answer(answer(MLP, notes=notes), FACTS, None, None))
    assert found.notes == ("line 3: write to_categorical", "?!")


def test_as_many_networks_and_notes_as_there_may_be():
    notes = [NOTE | {"text": f"{i}" + "x" * 490} for i in range(50)]
    found = opened(read_answer(answer(*[WIDE] * 15, MLP, notes=notes), FACTS, None, None))
    assert found.architecture == "mlp_64_32"
    assert "of 16 networks" in "".join(found.notes)
    assert len(found.notes) == 51


def test_a_recipe_that_makes_no_sense_is_no_reason_to_refuse_the_network():
    found = opened(read_answer(answer({**MLP, "recipe": {"epochs": -1}}), FACTS, None, None))
    assert found.recipe is None
    assert "epochs = -1" in found.notes[0]


@pytest.mark.parametrize("line", [None, True, -1, 1.5, "3", 10**9])
def test_an_origin_without_a_sound_line_has_none(line):
    found = opened(read_answer(answer({**MLP, "origin": "fit", "line": line}), FACTS, None, None))
    assert found.origin == "fit"


# Its own weights --------------------------------------------------------------------------------

BRANCHED = functional(
    entry(4),
    call(dense(3, "right"), "images"),
    call(dense(3, "left"), "images"),
    call(layer("Add", "sum"), ["left", "right"]),
    call(dense(10, "scores"), "sum"),
)


def saved(network, arrays):
    """The network with its weights as the sandbox sends them; `arrays` by layer."""
    names = [one["config"]["name"] for one in network["config"]["layers"]]
    shapes = [[list(a.shape) for a in arrays.get(name, [])] for name in names]
    values = [a for name in names for a in arrays.get(name, [])]
    payload = b"".join(a.astype("<f4").tobytes() for a in values)
    return {**network, "weights": shapes}, payload


def random_weights():
    draw = np.random.default_rng(0).standard_normal
    return {
        "right": [draw((4, 3)), draw(3)],
        "left": [draw((4, 3)), draw(3)],
        "scores": [draw((3, 10)), draw(10)],
    }


def test_weights_find_their_layers_whatever_the_order_of_the_file():
    arrays = random_weights()
    network, payload = saved(BRANCHED, arrays)
    spec = read_model(network)
    found = read_weights(network, payload, spec)
    for index, name in enumerate(spec.names):
        for key, expected in zip(("kernel", "bias"), arrays.get(name, ()), strict=False):
            np.testing.assert_array_equal(found[f"{index:03d}/{key}"], expected.astype("<f4"))
    assert len(found) == 6


def _damaged(what, network, payload):
    if what == "short":
        return network, payload[:-4]
    if what == "long":
        return network, payload + b"1234"
    if what == "not a number":
        return network, np.float32(np.nan).tobytes() + payload[4:]
    if what == "other shapes":
        return {**network, "weights": [[[9, 9]]]}, payload
    if what == "no shapes":
        return {**network, "weights": {"x": 1}}, payload
    return {**network, "weights": [[[4.0, 3]], "x", [[True]], 3]}, payload


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("short", "bytes of weights, but the network has 70 weights"),
        ("long", "bytes of weights, but the network has 70 weights"),
        ("not a number", "not finite"),
        ("other shapes", "shapes are not those of its 6 weights"),
        ("no shapes", "holds 0 arrays"),
        ("nonsense", "holds 0 arrays"),
    ],
)
def test_weights_that_do_not_fit_are_refused(what, words):
    network, payload = _damaged(what, *saved(BRANCHED, random_weights()))
    with pytest.raises(UserError, match=words):
        read_weights(network, payload, read_model(network))


def test_bad_weights_leave_the_network():
    network, payload = saved(MLP, {})
    found = opened(read_answer(answer(network, payload=payload), FACTS, None, None))
    assert found.weights is None
    assert "its own weights are not graded" in found.notes[-1]


def test_the_key_of_weights_is_of_every_value():
    network, payload = saved(BRANCHED, random_weights())
    spec = read_model(network)
    weights = read_weights(network, payload, spec)
    other = {**weights, "001/bias": np.nextafter(weights["001/bias"], np.float32(9))}
    assert saved_weights.key(spec, weights) == saved_weights.key(spec, dict(weights))
    assert saved_weights.key(spec, weights) != saved_weights.key(spec, other)
    json.dumps(evaluate.OwnAccuracy(97, 100).to_json(), allow_nan=False)


def test_habits_that_were_rewritten_are_no_findings():
    """Scores for a loss that takes them, and pixels that the network divides, are right."""
    scores = sequential(
        entry(28, 28), layer("Rescaling", "scale", scale=1 / 255, offset=0.0), flatten(),
        dense(64, "a", activation="relu"), dense(32, "b", activation="relu"), dense(10, "c"),
    )  # fmt: skip
    recipe = {
        "loss": {"name": "categorical_crossentropy", "from_logits": True},
        "images": {"shape": [60_000, 28, 28], "dtype": "uint8", "min": 0, "max": 255},
    }
    found = opened(read_answer(answer({**scores, "recipe": recipe}), FACTS, "mlp_64_32", "named"))
    assert found.findings == ()
    assert len(found.notes) == 3
    assert found.spec.digest == opened(read_answer(answer(MLP), FACTS, None, None)).spec.digest
