"""Document 001's summary table as an experiment: every cell, and what differs."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.experiments.reproductions import TABLES, compare
from reference.facts import expected_network, load, names
from reference.layers import Network, normalise
from reference.summary import write

FACTS = load("sequential_cnn")
NETWORK = expected_network(FACTS)


def _spelled(units=128, extra=()):
    layers = [
        ("InputLayer", {"shape": [28, 28, 1]}),
        ("Conv2D", {"filters": 32, "kernel_size": 3}),
        ("ReLU", {}),
        ("MaxPooling2D", {}),
        ("Flatten", {}),
        ("Dense", {"units": units, "activation": "relu"}),
        *extra,
        ("Dense", {"units": 10}),
    ]
    return normalise([(kind, c, (i - 1,) if i else (), True) for i, (kind, c) in enumerate(layers)])


def test_each_document_that_prints_a_table_has_its_experiment():
    printed = [facts for facts in map(load, names()) if facts.summary is not None]
    assert [(table.architecture, table.source) for table in TABLES] == [
        (facts.name, facts.summary.where) for facts in printed
    ]
    assert [(table.id, table.kind) for table in TABLES] == [("summary_table", "summary_table")]


def test_it_compares_the_network_that_the_module_builds():
    asked = []

    def spec(name):
        asked.append(name)
        return SimpleNamespace(network=NETWORK)

    context = SimpleNamespace(facts=load, spec=spec)
    found = TABLES[0].run(context)
    assert asked == ["sequential_cnn"]
    assert found == compare(FACTS, NETWORK)


def test_the_documented_network_differs_in_no_cell():
    found = compare(FACTS, NETWORK)
    assert found.problems == ()
    assert found.result["regenerated"] == found.result["document"] == FACTS.summary.text
    cells = found.result["cells"]
    assert len(cells) == 5 * 3 + 3
    assert all(cell["equal"] for cell in cells)
    assert cells[2] == {
        "row": 0, "column": "Param #", "expected": "320", "actual": "320", "equal": True,
    }  # fmt: skip
    assert (cells[-1]["row"], cells[-1]["column"]) == (7, "Non-trainable params")
    assert json.loads(json.dumps(found.result)) == found.result


def test_an_activation_written_as_a_layer_is_in_the_row_of_its_layer():
    assert compare(FACTS, _spelled()).problems == ()


def test_each_cell_that_differs_is_a_problem():
    found = compare(FACTS, _spelled(units=129))
    where = "[001, Model Architecture]"
    assert found.problems == (
        f"row 3, Output Shape = (None, 129), but should be (None, 128) {where}",
        f"row 3, Param # = 697761, but should be 692352 {where}",
        f"row 4, Param # = 1300, but should be 1290 {where}",
        f"row 5, Total params = 699,381, but should be 693,962 {where}",
        f"row 6, Trainable params = 699,381, but should be 693,962 {where}",
    )
    assert "(None, 129)" in found.result["regenerated"]


def test_a_row_too_many_is_compared_with_nothing():
    found = compare(FACTS, _spelled(extra=[("Dropout", {"rate": 0.5})]))
    assert found.problems[0].startswith("row 4, Layer (type) = dropout (Dropout), but should be d")
    assert found.problems[3].startswith("row 5, Layer (type) = dense_1 (Dense), but should be noth")
    assert len(found.result["cells"]) == 6 * 3 + 3


def test_a_row_too_few_leaves_cells_empty():
    nodes = tuple(node for node in NETWORK.nodes if node.kind != "MaxPooling2D")
    moved = [replace(node, inputs=(i - 1,) if i else ()) for i, node in enumerate(nodes)]
    found = compare(FACTS, Network(tuple(moved)))
    assert [c["actual"] for c in found.result["cells"] if c["row"] == 4] == [""] * 3
    assert "= nothing, but should be dense_1 (Dense)" in " ".join(found.problems)


@pytest.mark.parametrize("name", [name for name in names() if name != "sequential_cnn"])
def test_a_document_without_a_table_has_nothing_to_compare(name):
    with pytest.raises(ValueError, match="prints no summary table"):
        compare(load(name), NETWORK)


def test_other_networks_have_tables_too():
    network = expected_network(load("functional_cnn"))
    found = compare(FACTS, network)
    assert found.problems
    assert found.result["regenerated"].count("batch_normalization") == 2
    assert write(FACTS.summary.table) == FACTS.summary.text
