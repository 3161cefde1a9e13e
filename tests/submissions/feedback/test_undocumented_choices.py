"""Where a document is silent, a submission's own choice is as good as ours."""

import pytest

from harness.network.spec import make_spec
from harness.submissions.feedback.comparison import compare
from harness.submissions.feedback.matching import with_own_choices
from reference.facts import expected_network, load
from reference.layers import total_params

KERNELS = "kernel_size"


def unchanged(_kind, _number, config):
    return config


def spec_of(facts, change=unchanged):
    """The documented network with other settings; `number` counts the layers of a kind."""
    seen: dict[str, int] = {}
    rows = []
    for node in expected_network(facts).nodes:
        number = seen[node.kind] = seen.get(node.kind, 0) + 1
        config = change(node.kind, number, dict(node.config))
        rows.append((node.kind, config, node.inputs, node.trainable))
    return make_spec(rows, [f"layer{i}" for i in range(len(rows))])


def adopt(facts, spec):
    comparison, notes = with_own_choices(compare(facts, spec))
    assert comparison == compare(comparison.facts, spec)
    return comparison.facts, notes


def setting(kind, number, **values):
    def change(this, count, config):
        return {**config, **values} if (this, count) == (kind, number) else config

    return change


@pytest.mark.parametrize("name", ["functional_cnn", "deep_cnn", "mlp_64_32"])
def test_the_documented_network_makes_no_choice_of_its_own(name):
    facts = load(name)
    assert adopt(facts, spec_of(facts)) == (facts, ())


def test_an_open_kernel_brings_its_own_counts():
    facts = load("functional_cnn")
    spec = spec_of(facts, setting("Conv2D", 1, kernel_size=[5, 5]))
    adopted, (note,) = adopt(facts, spec)
    assert adopted.layers[0].params == 5 * 5 * 32 + 32
    assert adopted.total_params == total_params(spec.network) == facts.total_params + 16 * 32
    assert "kernel_size" in note
    assert "[5, 5]" in note
    assert "kernel_size is left open" in adopted.layers[0].source
    assert expected_network(adopted).nodes[1].config == spec.network.nodes[1].config


def test_an_open_rate_and_activation_are_taken_and_the_rest_stays():
    facts = load("functional_cnn")

    def change(kind, number, config):
        if kind == "Dropout":
            return {**config, "rate": 0.25}
        # The third activation is the hidden layer's.
        return {"activation": "tanh"} if (kind, number) == ("Activation", 3) else config

    spec = spec_of(facts, change)
    adopted, notes = adopt(facts, spec)
    assert len(notes) == 2
    assert expected_network(adopted) == spec.network


def test_what_the_document_fixes_is_not_open():
    facts = load("deep_cnn")
    spec = spec_of(facts, setting("Conv2D", 1, kernel_size=[5, 5]))
    assert adopt(facts, spec) == (facts, ())


def test_scores_of_ten_classes_are_probabilities_whatever_the_document_leaves_open():
    facts = load("sequential_cnn")
    assert facts.layers[-1].evidence["config.activation"].basis == "chosen"
    last = sum(node.kind == "Activation" for node in expected_network(facts).nodes)
    spec = spec_of(facts, setting("Activation", last, activation="sigmoid"))
    assert adopt(facts, spec) == (facts, ())


def test_a_choice_that_changes_a_documented_shape_is_not_taken():
    facts = load("functional_cnn")
    spec = spec_of(facts, setting("Conv2D", 1, kernel_size=[5, 5], padding="valid"))
    adopted, _ = adopt(facts, spec)
    assert adopted.layers[0].output_shape == (28, 28, 32)
    # The kernel is free, the padding is not: the document keeps 28 x 28.
    assert adopted.layers[0].config["padding"] == "same"
