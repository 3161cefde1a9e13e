"""A claim holds when what was measured rounds to what was said."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.evaluation.claim_metrics import MEASURED_BY, MEASURES
from harness.evaluation.claims import compare, judge
from harness.jobs.store.record import Record
from harness.network.spec import make_spec
from harness.report.schema.results import Claim
from harness.statistics.intervals import mean_interval, wilson
from reference.fact_types import METRICS
from reference.facts import ClaimFact, expected_network, load


def _claim(value=0.98, resolution=0.01, metric="test_accuracy", untestable=None, **more):
    return ClaimFact(
        what="the accuracy",
        metric=metric,
        value=value,
        resolution=resolution,
        quote="Accuracy: ~98%",
        where="Results",
        untestable=untestable,
        **more,
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


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((0.90, 0.95), "holds"),
        ((0.97, 1.00), "holds"),
        ((0.985, 1.00), "holds"),
        ((0.9851, 1.00), "not reproduced"),
    ],
)
def test_a_claim_of_at_most_fails_only_above(interval, verdict):
    assert compare(_claim(relation="at most"), interval) == verdict


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
    assert _judge(_claim(), [_run(9_790)]) == Claim(
        architecture="mlp_64_32",
        document="004: Training-Deep-Models-on-MNIST",
        what="the accuracy",
        claimed=0.98,
        quote="Accuracy: ~98%",
        measured=0.979,
        interval=wilson(9_790, 10_000),
        seeds=1,
        repeats="seeds",
        verdict="holds",
        reason="1 seed",
        source="Results",
        experiment=None,
    )


def test_several_seeds_are_judged_by_their_mean():
    found = _judge(_claim(), [_run(c) for c in (9_700, 9_710, 9_720)])
    assert found.measured == pytest.approx(0.971)
    assert found.interval == mean_interval([0.97, 0.971, 0.972])
    assert (found.seeds, found.verdict) == (3, "not reproduced")


@pytest.mark.parametrize(("count", "reason"), [(1, "1 seed"), (4, "4 seeds"), (5, None)])
def test_fewer_repeats_than_the_documented_recipes_are_told(count, reason):
    found = _judge(_claim(), [_run(9_790 + seed) for seed in range(count)])
    assert (found.verdict, found.seeds, found.reason) == ("holds", count, reason)


def test_validation_accuracy_is_the_last_epochs_on_the_validation_images():
    claim = _claim(0.81, 0.01, "validation_accuracy")
    found = _judge(claim, [_run(9_900, val_accuracy=(0.99, 0.81))])
    # 0.81 of 12,000
    assert found.measured == pytest.approx(0.81)
    assert found.interval == wilson(9_720, 12_000)
    assert found.verdict == "holds"


@pytest.mark.parametrize(
    ("epochs", "said"),
    [((3,), "3"), ((3, 3), "3"), ((3, 5), "3 to 5"), ((99, EPOCHS), "99 to 100")],
)
@pytest.mark.parametrize("metric", ["test_accuracy", "validation_accuracy"])
def test_training_that_stopped_early_shows_its_accuracy_and_judges_nothing(metric, epochs, said):
    runs = [_run(9_500, val_accuracy=(0.9, 0.95), epochs=number) for number in epochs]
    found = _judge(_claim(0.95, 0.01, metric), runs)
    assert found.verdict == "cannot be tested"
    assert found.reason == f"training stopped after {said} of 100 epochs; {MEASURED_BY}"
    assert found.measured == pytest.approx(0.95)
    images = 10_000 if metric == "test_accuracy" else 12_000
    assert found.interval == wilson(0.95 * images, images)
    assert found.seeds == len(epochs)


@pytest.mark.parametrize(
    ("metric", "value", "verdict", "measured"),
    [
        ("total_params", 52_650, "holds", 52_650),
        ("total_params", 52_651, "not reproduced", 52_650),
        ("trainable_params", 52_650, "holds", 52_650),
        ("non_trainable_params", 0, "holds", 0),
        ("non_trainable_params", 1, "not reproduced", 0),
    ],
)
@pytest.mark.parametrize("mnist", [True, False])
def test_parameters_are_counted_whatever_the_data(metric, value, verdict, measured, mnist):
    found = _judge(_claim(value, None, metric), mnist=mnist)
    assert (found.verdict, found.measured) == (verdict, measured)
    assert found.interval is found.seeds is None


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
    assert (found.verdict, found.reason) == ("cannot be tested", reason)
    assert found.measured is found.interval is found.seeds is None


def test_the_reading_of_a_claim_stands_beside_its_verdict():
    found = _judge(_claim(note="read as test images"), [_run(9_790, epochs=3)])
    assert found.reason.startswith("read as test images; training stopped after 3 of 100")


def test_every_metric_of_a_document_can_be_measured():
    assert set(MEASURES) == set(METRICS)


# Claims that an experiment measures --------------------------------------------------------------


def _experiment(name, kind, result, **changes):
    row = {"id": name, "kind": kind, "status": "done", "reason": None, "problems": []}
    return {**row, "result": result, **changes}


def _folds(*accuracies, **changes):
    runs = [{"accuracy": a, "images": 12_000} for a in accuracies]
    other = {"name": "b", "runs": [{"accuracy": 0.1, "images": 12_000}]}
    result = {"variants": [{"name": "a", "runs": runs}, other]}
    return _experiment("cross_validation", "study", result, **changes)


def _letters(correct, best=None, source="GREEK_DIR", each=(9, 9, 9), **changes):
    runs = [
        {
            "correct": c,
            "images": 27,
            "left_out_correct": 20,
            "history": {"accuracy": [1 / 27, b / 27, c / 27]},
        }
        for c, b in zip(correct, best or correct, strict=True)
    ]
    pictures = [{"label": label} for label, count in enumerate(each) for _ in range(count)]
    result = {
        "letters": {"source": source, "pictures": pictures}, "epochs": 3, "runs": runs,
        "left_out_mean": 0.74, "left_out_interval": [0.55, 0.87],
    }  # fmt: skip
    return _experiment("greek", "transfer", result, **changes)


def _twin(correct, seconds=30.0, fit=50_000.0, **changes):
    runs = [
        {"seed": s, "correct": c, "images": 10_000, "train_time_s": seconds * (1 + s / 10)}
        for s, c in enumerate(correct)
    ]
    speed = {"train_images": 50_000, "fit_images_per_s": fit, "engine_images_per_s": 2 * fit}
    return _experiment("numpy", "twin", {"epochs": 10, "runs": runs, "speed": speed}, **changes)


def _table(*cells):
    rows = [
        {"row": 0, "column": "a", "expected": e, "actual": a, "equal": e == a} for e, a in cells
    ]
    problems = ["a cell differs" for row in rows if not row["equal"]]
    return _experiment("table", "summary_table", {"cells": rows}, problems=problems)


def _judge_with(metric, *experiments, value=0.96, runs=(), mnist=True, **more):
    claim = _claim(value, 0.01 if value else None, metric, **more)
    facts = replace(load("mlp_64_32"), claims=(claim,))
    (found,) = judge(facts, None, runs, experiments, documented_data=mnist)
    return found


def test_cross_validation_is_the_mean_over_the_folds_of_the_first_variant():
    folds = (0.990, 0.991, 0.992, 0.989, 0.988)
    found = _judge_with("cross_validation_accuracy", _folds(0.5, id="grid"), _folds(*folds))
    assert found.measured == pytest.approx(0.99)
    assert found.interval == pytest.approx(mean_interval(folds))
    assert (found.seeds, found.repeats) == (5, "folds")
    assert (found.experiment, found.verdict) == ("cross_validation", "exceeded")


def test_transfer_is_judged_on_its_training_letters_and_tells_the_others():
    found = _judge_with("transfer_accuracy", _letters([27, 26, 26, 25, 26]))
    assert found.measured == pytest.approx(26 / 27)
    assert found.verdict == "holds"
    assert found.experiment == "greek"
    # The experiment's own figures: its interval is over letters, not over seeds.
    assert found.reason.endswith("on letters left out of training: 74.0 % [55.0 %, 87.0 %]")


def test_seeds_that_are_all_equal_have_the_interval_of_their_images():
    found = _judge_with("transfer_accuracy", _letters([27] * 5))
    assert found.interval == wilson(27, 27)
    assert found.verdict == "holds"


def test_folds_that_are_all_equal_have_the_interval_of_all_their_images():
    found = _judge_with("cross_validation_accuracy", _folds(*[0.99] * 5))
    assert found.interval == wilson(59_400, 60_000)


def test_no_interval_of_an_accuracy_ends_above_one():
    assert _judge_with("transfer_accuracy", _letters([27, 27, 26])).interval[1] == 1


@pytest.mark.parametrize(
    ("best", "verdict", "words"),
    [
        ([27] * 5, "not reproduced", "5 of 5 seeds had every letter right at some point in 3 e"),
        ([27], "not reproduced", "1 of 1 seeds had every letter right"),
        ([26] * 5, "holds", "0 of 5 seeds had every letter right"),
    ],
)
def test_whether_training_went_on_beyond_the_claimed_accuracy(best, verdict, words):
    letters = _letters([26] * len(best), best)
    found = _judge_with("transfer_best_accuracy", letters, relation="at most")
    assert found.verdict == verdict
    assert found.measured == pytest.approx(best[0] / 27)
    assert found.reason.startswith(words)


@pytest.mark.parametrize("metric", ["transfer_accuracy", "transfer_best_accuracy"])
def test_letters_that_were_drawn_are_not_the_documents(metric):
    found = _judge_with(metric, _letters([27] * 5, source="drawn"))
    assert (found.verdict, found.measured) == ("cannot be tested", None)
    assert found.experiment == "greek"
    assert found.reason.endswith("on those the accuracy is 100.0 %")


@pytest.mark.parametrize("metric", ["transfer_accuracy", "transfer_best_accuracy"])
@pytest.mark.parametrize(
    ("each", "said"), [((1, 1, 1), "1 alpha, 1 beta and 1 gamma"), ((9, 9, 10), "10 gamma")]
)
def test_letters_that_are_not_nine_of_each_are_not_the_documents(metric, each, said):
    found = _judge_with(metric, _letters([27] * 5, each=each))
    assert (found.verdict, found.measured) == ("cannot be tested", None)
    assert found.experiment == "greek"
    assert found.reason.startswith("the course's letters are nine of each class, and those of ")
    assert found.reason.endswith(f"{said}; on those the accuracy is 100.0 %")


def test_the_numpy_twin():
    correct = (9_750, 9_740, 9_760)
    found = _judge_with("numpy_accuracy", _twin(correct), value=0.9025)
    assert found.measured == pytest.approx(0.975)
    assert found.interval == pytest.approx(mean_interval([c / 10_000 for c in correct]))
    assert (found.verdict, found.experiment) == ("exceeded", "numpy")


@pytest.mark.parametrize(
    ("fit", "verdict", "words"),
    [
        # 3 s an epoch of 50,000 images (10 % more with seed 1) against model.fit's rate
        (50_000, "holds", "takes 3.15 times as long as with Keras's model.fit"),
        (50_000 / 3, "cannot be tested", "takes 1.05 times as long"),
        (50_000 / 3, "cannot be tested", "so which of them is faster cannot be told, each on one"),
        (50_000 / 6, "not reproduced", "takes 0.52 times as long"),
    ],
)
def test_speed_is_a_ratio_of_times_of_an_epoch(fit, verdict, words):
    found = _judge_with("training_speed", _twin([1, 2], fit=fit), value=None)
    assert (found.verdict, found.seeds, found.measured) == (verdict, 2, None)
    assert words in found.reason
    assert "in this suite's own loop take 0.50 times as long" in found.reason


def test_what_the_first_epoch_does_once_does_not_count():
    twin = _twin([1, 2])
    for run in twin["result"]["runs"]:
        run["history"] = {"epoch_time_s": [1_000.0, *[run["train_time_s"] / 10] * 9]}
        run["train_time_s"] += 1_000
    found = _judge_with("training_speed", twin, value=None)
    assert "takes 3.15 times as long" in found.reason


def test_one_time_is_no_comparison():
    found = _judge_with("training_speed", _twin([1]), value=None)
    assert found.verdict == "cannot be tested"


@pytest.mark.parametrize(
    ("cells", "verdict", "measured"),
    [
        ([("320", "320"), ("0", "0")], "holds", 2),
        ([("320", "320"), ("0", "1")], "not reproduced", 1),
        ([("320", "320"), ("0", "0"), ("", "64")], "not reproduced", 1),
    ],
)
@pytest.mark.parametrize("mnist", [True, False])
def test_cells_of_a_table_are_counted_whatever_the_data(cells, verdict, measured, mnist):
    found = _judge_with("summary_cells", _table(*cells), value=2, mnist=mnist)
    assert (found.verdict, found.measured) == (verdict, measured)


EXPERIMENTS = [
    ("cross_validation_accuracy", _folds(0.9, 0.9)),
    ("transfer_accuracy", _letters([27])),
    ("transfer_best_accuracy", _letters([27])),
    ("numpy_accuracy", _twin([9_000])),
    ("training_speed", _twin([9_000])),
    ("summary_cells", _table(("0", "0"))),
]


@pytest.mark.parametrize("metric", [metric for metric, _ in EXPERIMENTS])
def test_an_experiment_that_was_not_wanted_says_how_to_have_it(metric):
    found = _judge_with(metric, runs=[_run(9_800)])
    assert (found.verdict, found.reason) == ("cannot be tested", MEASURED_BY)
    assert found.measured is found.experiment is None


@pytest.mark.parametrize(("metric", "row"), EXPERIMENTS, ids=lambda value: str(value)[:20])
def test_an_experiment_that_failed_measures_nothing(metric, row):
    failed = {**row, "status": "failed", "reason": "it ran out of memory", "result": None}
    found = _judge_with(metric, failed)
    assert (found.verdict, found.reason) == ("cannot be tested", "it ran out of memory")
    assert (found.measured, found.experiment) == (None, row["id"])


@pytest.mark.parametrize(("metric", "row"), EXPERIMENTS[:-1], ids=lambda value: str(value)[:20])
def test_an_experiment_that_went_wrong_proves_nothing(metric, row):
    found = _judge_with(metric, {**row, "problems": ["frozen weights moved"]})
    assert (found.verdict, found.reason) == ("cannot be tested", "frozen weights moved")


@pytest.mark.parametrize(("metric", "row"), EXPERIMENTS[:-1], ids=lambda value: str(value)[:20])
def test_an_experiment_on_other_data_judges_no_claim(metric, row):
    found = _judge_with(metric, row, mnist=False)
    assert (found.verdict, found.reason) == (
        "cannot be tested",
        "this run did not use MNIST",
    )


def test_every_claim_of_a_document_has_its_row():
    facts = load("deep_cnn")
    found = judge(facts, None, [], documented_data=True)
    assert [row.what for row in found] == [claim.what for claim in facts.claims]
