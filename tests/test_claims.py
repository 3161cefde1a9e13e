"""A claim holds when what was measured rounds to what was said."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.claims import compare, judge
from harness.network.spec import make_spec
from harness.record import Record
from harness.statistics import mean_interval, wilson
from reference.facts import ClaimFact, expected_network, load


def _claim(value=0.98, resolution=0.01, metric="test_accuracy", untestable=None):
    return ClaimFact(
        what="the accuracy",
        metric=metric,
        value=value,
        resolution=resolution,
        quote="Accuracy: ~98%",
        where="Results",
        untestable=untestable,
    )


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        # "~98 %" stands for 97.5 to 98.5 %.
        ((0.9700, 0.9740), "not reproduced"),
        ((0.9700, 0.9749), "not reproduced"),
        ((0.9700, 0.9751), "holds"),
        ((0.9790, 0.9810), "holds"),
        ((0.9600, 0.9900), "holds"),
        ((0.9849, 0.9900), "holds"),
        ((0.9851, 0.9900), "exceeded"),
        ((0.9990, 1.0000), "exceeded"),
    ],
)
def test_the_interval_must_meet_the_range_of_what_rounds_to_the_figure(interval, verdict):
    assert compare(_claim(), interval) == verdict


@pytest.mark.parametrize(
    ("resolution", "verdict"),
    [(0.1, "holds"), (0.01, "exceeded"), (0.0001, "exceeded"), (None, "exceeded")],
)
def test_a_finer_figure_claims_more(resolution, verdict):
    assert compare(_claim(resolution=resolution), (0.988, 0.992)) == verdict


def test_a_claim_without_a_number_cannot_be_tested():
    assert compare(_claim(None, None), (0.98, 1.0)) == "cannot be tested"


# Rows --------------------------------------------------------------------------------------------

EPOCHS = 100  # documented


def _run(correct, val_accuracy=(0.9, 0.95), epochs=EPOCHS):
    history = {"val_accuracy": list(val_accuracy), "loss": [0.1] * epochs}
    job = {"seed": 0, "recipe": {"epochs": EPOCHS, "validation_images": 12_000}}
    document = {"history": history, "job": job, "test_correct": correct, "test_images": 10_000}
    return Record(Path(), document, cached=False)


def _spec(facts):
    nodes = expected_network(facts).nodes
    rows = [(node.kind, node.config, node.inputs, node.trainable) for node in nodes]
    return make_spec(rows, ["x"] * len(rows))


def _judge(claim, runs=(), *, spec=True, mnist=True):
    facts = replace(load("mlp_64_32"), claims=(claim,))
    (found,) = judge(facts, _spec(facts) if spec else None, runs, documented_data=mnist)
    return found


def test_row_of_one_run():
    assert _judge(_claim(), [_run(9_790)]) == {
        "architecture": "mlp_64_32",
        "document": "004: Training-Deep-Models-on-MNIST",
        "what": "the accuracy",
        "claimed": 0.98,
        "quote": "Accuracy: ~98%",
        "measured": 0.979,
        "interval": list(wilson(9_790, 10_000)),
        "seeds": 1,
        "verdict": "holds",
        "reason": None,
        "source": "Results",
    }


def test_several_seeds_are_judged_by_their_mean():
    found = _judge(_claim(), [_run(c) for c in (9_700, 9_710, 9_720)])
    assert found["measured"] == pytest.approx(0.971)
    assert found["interval"] == list(mean_interval([0.97, 0.971, 0.972]))
    assert (found["seeds"], found["verdict"]) == (3, "not reproduced")


def test_validation_accuracy_is_the_last_epochs_on_the_validation_images():
    claim = _claim(0.81, 0.01, "validation_accuracy")
    found = _judge(claim, [_run(9_900, val_accuracy=(0.99, 0.81))])
    # 0.81 of 12,000
    assert found["measured"] == pytest.approx(0.81)
    assert found["interval"] == list(wilson(9_720, 12_000))
    assert found["verdict"] == "holds"


def test_a_run_that_stopped_early_says_so():
    found = _judge(_claim(), [_run(9_790, epochs=3)])
    assert (
        found["reason"] == "measured after 3 of the 100 documented epochs, where training stopped"
    )
    assert found["verdict"] == "holds"


@pytest.mark.parametrize(
    ("metric", "value", "verdict", "measured"),
    [
        ("total_params", 52_650, "holds", 52_650),
        ("total_params", 52_651, "not reproduced", 52_650),
        ("trainable_params", 52_650, "holds", 52_650),
    ],
)
@pytest.mark.parametrize("mnist", [True, False])
def test_parameters_are_counted_whatever_the_data(metric, value, verdict, measured, mnist):
    found = _judge(_claim(value, None, metric), mnist=mnist)
    assert (found["verdict"], found["measured"]) == (verdict, measured)
    assert found["interval"] is found["seeds"] is None


@pytest.mark.parametrize(
    ("claim", "given", "reason"),
    [
        (_claim(), {"mnist": False}, "this run did not use MNIST"),
        (_claim(), {"runs": ()}, "the network was not trained"),
        (_claim(untestable="no folds"), {}, "no folds"),
        (_claim(52_650, None, "total_params"), {"spec": False}, "the network was not built"),
    ],
)
def test_what_cannot_be_tested_says_why(claim, given, reason):
    found = _judge(claim, **{"runs": [_run(9_900)], **given})
    assert (found["verdict"], found["reason"]) == ("cannot be tested", reason)
    assert found["measured"] is found["interval"] is found["seeds"] is None


@pytest.mark.parametrize(
    "metric", ["cross_validation_accuracy", "transfer_accuracy", "numpy_accuracy"]
)
def test_a_metric_that_no_run_measures_is_not_judged_by_another(metric):
    found = _judge(_claim(metric=metric), [_run(9_800)])
    assert found["verdict"] == "cannot be tested"
    assert found["measured"] is None


def test_every_claim_of_a_document_has_its_row():
    facts = load("deep_cnn")
    found = judge(facts, None, [], documented_data=True)
    assert [row["what"] for row in found] == [claim.what for claim in facts.claims]
