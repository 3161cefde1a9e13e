"""A network beside the documented one: what was left out, added, swapped or changed is named."""

from dataclasses import replace

import pytest

from harness.network.keras_config import read_model
from harness.submissions.feedback.comparison import (
    Row,
    actual_rows,
    align,
    compare,
    expected_rows,
)
from reference.facts import load
from tests.support.samples.keras_json import conv, dense, entry, flatten, layer, pool, sequential


def _row(kind, *, shape=(1,), params=0, **config):
    return Row(kind, kind.lower(), config, shape, params, 0)


# A convolutional network in letters: C = Conv2D, P = pooling, F = Flatten, D = Dense, O = Dropout.
KINDS = {
    "C": "Conv2D", "P": "MaxPooling2D", "A": "AveragePooling2D", "F": "Flatten", "D": "Dense",
    "O": "Dropout", "B": "BatchNormalization",
}  # fmt: skip


def _pairs(expected, actual):
    """The pairs as words: "C" same, "C>P" changed, "-C" missing, "+C" extra."""
    rows = [tuple(_row(KINDS[letter]) for letter in letters) for letters in (expected, actual)]
    words = []
    for pair in align(*rows):
        e = "" if pair.expected_index is None else expected[pair.expected_index]
        a = "" if pair.actual_index is None else actual[pair.actual_index]
        word = {"same": e, "changed": f"{e}>{a}", "missing": f"-{e}", "extra": f"+{a}"}
        words.append(word[pair.status])
    return " ".join(words)


@pytest.mark.parametrize(
    ("expected", "actual", "pairs"),
    [
        ("CPFD", "CPFD", "C P F D"),
        # dropped at the start, in the middle, at the end
        ("CPFD", "PFD", "-C P F D"),
        ("CPFD", "CFD", "C -P F D"),
        ("CPFD", "CPF", "C P F -D"),
        ("CBPFD", "CPFD", "C -B P F D"),
        # inserted
        ("CPFD", "BCPFD", "+B C P F D"),
        ("CPFD", "CPFOD", "C P F +O D"),
        ("CPFD", "CPFDO", "C P F D +O"),
        # changed
        ("CPFD", "DPFD", "C>D P F D"),
        ("CPFD", "CAFD", "C P>A F D"),
        ("CPFD", "CPFO", "C P F D>O"),
        # nothing in common, and nothing at all
        ("CP", "FDO", "C>F P>D +O"),
        ("CPF", "", "-C -P -F"),
        ("", "CPF", "+C +P +F"),
    ],
)
def test_pairs(expected, actual, pairs):
    assert _pairs(expected, actual) == pairs


@pytest.mark.parametrize(
    ("expected", "actual"),
    [("CBPFD", "BCPFD"), ("CBPFD", "CPBFD"), ("CPFDOD", "CPFODD"), ("CPFDOB", "CPFDBO")],
)
def test_of_two_swapped_layers_one_stays_and_the_other_is_missing_here_and_extra_there(
    expected, actual
):
    words = _pairs(expected, actual).split()
    moved = [word for word in words if len(word) > 1]
    assert sorted(word[0] for word in moved) == ["+", "-"]
    assert moved[0][1] == moved[1][1]
    assert len(words) == len(expected) + 1


def test_of_two_equal_layers_one_is_missing_whichever():
    assert sorted(_pairs("CPCCPFDD", "CPCPFDD").split()) == sorted(
        ["C", "P", "-C", "C", "P", "F", "D", "D"]
    )


def test_every_row_is_paired_once_and_in_order():
    expected, actual = "CBPCCBPFDOD", "BCPCAPFOODD"
    rows = [tuple(_row(KINDS[letter]) for letter in letters) for letters in (expected, actual)]
    pairs = align(*rows)
    assert [p.expected_index for p in pairs if p.expected_index is not None] == list(range(11))
    assert [p.actual_index for p in pairs if p.actual_index is not None] == list(range(11))


DENSE = {n: _row("Dense", shape=(n,), units=n, activation="relu") for n in (512, 256, 128, 10)}


@pytest.mark.parametrize(
    ("expected", "actual", "statuses"),
    [
        ((256, 128, 10), (512, 256, 128, 10), ["extra", "same", "same", "same"]),
        ((256, 128, 10), (256, 512, 128, 10), ["same", "extra", "same", "same"]),
        ((256, 128, 10), (128, 10), ["missing", "same", "same"]),
        ((256, 128, 10), (256, 10), ["same", "missing", "same"]),
        ((256, 128, 10), (512, 128, 10), ["changed", "same", "same"]),
    ],
)
def test_among_layers_of_one_kind_the_settings_say_which_is_which(expected, actual, statuses):
    pairs = align(tuple(DENSE[n] for n in expected), tuple(DENSE[n] for n in actual))
    assert [pair.status for pair in pairs] == statuses


# Rows of real networks ---------------------------------------------------------------------------


def _cnn(first=(), *, hidden=(), pooled=None):
    """The layers of `sequential_cnn`, parts of it replaced."""
    return read_model(
        sequential(
            entry(28, 28, 1),
            *(first or [conv(32, activation="relu")]),
            pooled or pool(),
            flatten(),
            *(hidden or [dense(128, "hidden", activation="relu")]),
            dense(10, "predictions", activation="softmax"),
        )
    )


@pytest.fixture(scope="module")
def facts():
    return load("sequential_cnn")


def _actual(spec):
    """The rows of a network as document 001 would write them."""
    return actual_rows(spec, expected_rows(load("sequential_cnn")))


def test_an_activation_is_where_the_document_has_it():
    # Document 001 has it within the convolution, document 000 in a layer of its own.
    apart = [row.signature for row in actual_rows(_cnn(), expected_rows(load("functional_cnn")))]
    within = [row.signature for row in _actual(_cnn())]
    assert apart[:3] == [("Conv2D", ""), ("Activation", "relu"), ("MaxPooling2D", "")]
    assert within[:2] == [("Conv2D", ""), ("MaxPooling2D", "")]


def _found(facts, spec):
    pairs = align(expected_rows(facts), _actual(spec))
    return {
        kind: [
            str(replace(d, source="", hint=""))
            for pair in pairs
            for d in pair.differences.get(kind, ())
        ]
        for kind in sorted({kind for pair in pairs for kind in pair.differences})
    }


def test_the_documented_network_is_the_same_row_by_row(facts):
    pairs = align(expected_rows(facts), _actual(_cnn()))
    assert [pair.status for pair in pairs] == ["same"] * 5
    assert _found(facts, _cnn()) == {}


def test_rows_have_the_documents_numbers():
    rows = _actual(_cnn())
    # Document 001, "Model Architecture".
    assert [(row.kind, row.output_shape, row.params) for row in rows] == [
        ("Conv2D", (26, 26, 32), 320),
        ("MaxPooling2D", (13, 13, 32), 0),
        ("Flatten", (5408,), 0),
        ("Dense", (128,), 692_352),
        ("Dense", (10,), 1_290),
    ]
    assert [row.name for row in rows] == ["conv", "pool", "flatten", "hidden", "predictions"]


RELU = layer("Activation", "relu", activation="relu")
RELU_LAYER = layer("ReLU", "relu", max_value=None, negative_slope=0.0, threshold=0.0)


@pytest.mark.parametrize(
    "first",
    [
        [conv(32, activation="relu")],
        [conv(32), RELU],
        [conv(32, activation="linear"), RELU_LAYER],
        [conv(32, activation=None), RELU_LAYER],
    ],
)
def test_an_activation_apart_is_the_same_row(facts, first):
    spec = _cnn(first)
    assert _actual(spec) == _actual(_cnn())
    assert _found(facts, spec) == {}


def test_an_activation_after_two_users_is_a_row_of_its_own():
    # The convolution's own output is used beside its activation's: they are two things.
    from tests.support.samples.keras_json import call, functional

    spec = read_model(
        functional(
            entry(28, 28, 1),
            call(conv(1, padding="same"), "images"),
            call(RELU, "conv"),
            call(layer("Add", "sum"), ["conv", "relu"]),
            call(flatten(), "sum"),
            call(dense(10), "flatten"),
        )
    )
    assert [row.kind for row in _actual(spec)] == [
        "Conv2D", "Activation", "Add", "Flatten", "Dense",
    ]  # fmt: skip


def test_a_second_activation_is_a_row_of_its_own():
    spec = _cnn([conv(32, activation="relu"), layer("Activation", "again", activation="tanh")])
    assert [row.signature for row in _actual(spec)][:2] == [
        ("Conv2D", ""), ("Activation", "tanh"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        (
            {"first": [conv(32)]},
            {"config": ["conv.activation = linear, but should be relu"]},
        ),
        (
            {"first": [conv(33, activation="relu")]},
            {
                # 9 * 33 + 33; 13 * 13 * 33 inputs of 128 units
                "config": ["conv.filters = 33, but should be 32"],
                "params": [
                    "conv.params = 330, but should be 320",
                    "hidden.params = 713,984, but should be 692,352",
                ],
                "shape": [
                    "conv.output_shape = [26, 26, 33], but should be [26, 26, 32]",
                    "pool.output_shape = [13, 13, 33], but should be [13, 13, 32]",
                    "flatten.output_shape = [5,577], but should be [5,408]",
                ],
            },
        ),
        (
            {"first": [conv(32, activation="relu", trainable=False)]},
            {"config": ["conv.trainable = False, but should be True"]},
        ),
        (
            {"pooled": layer("AveragePooling2D", "pool", pool_size=[2, 2], strides=[2, 2])},
            {"kind": ["pool = AveragePooling2D, but should be MaxPooling2D"]},
        ),
    ],
)
def test_a_change_is_said_once_and_with_both_values(facts, changed, found):
    assert _found(facts, _cnn(**changed)) == found


def test_differences_of_one_kind_come_alone_and_with_their_source(facts):
    spec = _cnn([conv(33, activation="relu")])
    found = list(compare(facts, spec).differences("config"))
    assert [d.what for d in found] == ["conv.filters"]
    assert found[0].source == facts.layers[0].source


def test_what_the_document_leaves_open_may_differ():
    facts = load("functional_cnn")  # fixes no initializer
    expected = expected_rows(facts)
    assert "kernel_initializer" not in expected[0].config
    assert "padding" in expected[0].config


def test_a_frozen_layer_is_a_difference_of_configuration(facts):
    frozen = _cnn(hidden=[dense(128, "hidden", activation="relu", trainable=False)])
    assert _found(facts, frozen) == {"config": ["hidden.trainable = False, but should be True"]}
