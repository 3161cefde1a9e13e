"""The printed summary table: read, made from a network, and written as the document has it."""

from dataclasses import replace

import pytest

from reference import summary
from reference.errors import UserError
from reference.facts import expected_network, load, names
from reference.layers import normalise

PRINTED = load("sequential_cnn").summary
ENTRY = ("InputLayer", {"shape": [28, 28, 1]}, (), True)


def _table(*layers):
    chain = [(kind, config, (i,), True) for i, (kind, config) in enumerate(layers)]
    return summary.summarise(normalise([ENTRY, *chain]), "x")


def test_the_documented_network_gives_the_documents_table_to_the_letter():
    network = expected_network(load("sequential_cnn"))
    found = summary.summarise(network, PRINTED.table.title)
    assert summary.write(found) == PRINTED.text
    assert len(found.rows) == 5


def test_only_document_001_prints_a_table():
    assert [name for name in names() if load(name).summary] == ["sequential_cnn"]


def test_the_printed_cells_are_those_of_the_layer_facts():
    facts = load("sequential_cnn")
    rows = [
        (layer.cls, str((None, *layer.output_shape)), str(layer.params)) for layer in facts.layers
    ]
    assert [(a.split("(")[1].rstrip(")"), b, c) for a, b, c in PRINTED.table.rows] == rows
    assert PRINTED.table.totals == (f"{facts.total_params:,}", f"{facts.trainable_params:,}", "0")


@pytest.mark.parametrize("name", names())
def test_what_is_written_can_be_read(name):
    table = summary.summarise(expected_network(load(name)), "A title")
    assert summary.read(summary.write(table)) == table


def test_layers_without_names_are_numbered_by_class():
    found = _table(
        ("Conv2D", {"filters": 2, "kernel_size": 3, "activation": "relu"}),
        ("Conv2D", {"filters": 2, "kernel_size": 3}),
        ("BatchNormalization", {}),
        ("ReLU", {}),
        ("GlobalAveragePooling2D", {}),
        ("Dense", {"units": 3}),
        ("Softmax", {}),
    )
    assert [row[0] for row in found.rows] == [
        "conv2d (Conv2D)",
        "conv2d_1 (Conv2D)",
        "batch_normalization (BatchNormalization)",
        # Normalisation carries no activation, a dense layer can.
        "activation (Activation)",
        "global_average_pooling2d (GlobalAveragePooling2D)",
        "dense (Dense)",
    ]
    assert found.rows[2] == (found.rows[2][0], "(None, 24, 24, 2)", "8")
    # 20 + 38 + 8 + 9, and two running statistics of two channels
    assert found.totals == ("75", "71", "4")


def test_an_activation_beside_a_use_of_what_it_takes_is_a_layer_of_its_own():
    dense = ("Dense", {"units": 1}, (0,), True)
    beside = [ENTRY, dense, ("ReLU", {}, (1,), True), ("Add", {}, (1, 2), True)]
    rows = summary.summarise(normalise(beside), "x").rows
    assert [row[0] for row in rows] == ["dense (Dense)", "activation (Activation)", "add (Add)"]


def test_a_name_too_long_for_its_column_makes_the_column_wider():
    lines = summary.write(_table(("GlobalAveragePooling2D", {}))).splitlines()
    start = "global_average_pooling2d (GlobalAveragePooling2D) "
    assert lines[4].startswith(start + "(None, 1)")
    assert lines[2].index("Output Shape") == len(start)
    assert {len(line) for line in lines if not line.strip("_=")} == {len(start) + 26 + 10}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('Model: "CNN Model"', "CNN Model", "should begin with Model"),
        ("Param #", "Weights", "should have Layer (type), Output Shape, Param #"),
        (" 320\n", "\n", "should have three cells"),
        ("Total params: 693,962", "", "should be Total params: and a number"),
        ("Non-trainable params: 0", "Non-trainable params:", "should be Non-trainable params:"),
    ],
)
def test_what_is_no_table_says_where(old, new, message):
    assert old in PRINTED.text
    with pytest.raises(UserError) as error:
        summary.read(PRINTED.text.replace(old, new))
    assert message in str(error.value)


def test_a_table_without_an_end_is_no_table():
    with pytest.raises(UserError, match="should end with Total params"):
        summary.read("\n".join(PRINTED.text.splitlines()[:4]))


def test_titles_are_no_part_of_a_network():
    network = expected_network(load("sequential_cnn"))
    assert summary.summarise(network, "b") == replace(summary.summarise(network, "a"), title="b")
