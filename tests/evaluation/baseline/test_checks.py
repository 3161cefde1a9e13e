"""The checks of a baseline: what fails, what is skipped, and what each says."""

import json
from types import SimpleNamespace

import pytest
from _pytest.compat import NOTSET

from harness.app.grading import baseline_comparison
from harness.app.pytest_plugin import baseline_hooks
from harness.evaluation.baseline.model import Data, Network, Row
from harness.evaluation.baseline.previous_results import Earlier
from harness.evaluation.checking import Mismatch, NotApplicable, Unavailable
from harness.evaluation.results import COMPARABLE, CheckResult, verdict
from harness.jobs.kinds.errors import JobFailed
from harness.system.failure import BuildFailure
from reference.errors import UserError
from reference.facts import load
from tests.support.baseline_files import document, run, subject
from tests.support.check_runner import calibration as digits
from tests.support.check_runner import checks

COMPARISON = SimpleNamespace(earlier=SimpleNamespace(source="old.json, commit abc"))
TRAINED = {"opened": None, "trained": []}


def _row(status, measure="accuracy", before=0.985, after=0.982):
    return Row("deep_cnn", "deep_cnn", measure, status, f"It is {status}.", before, after)


def _outcome(check, **arguments):
    """What a check comes to: what it raised, or None."""
    try:
        checks()[check](comparison=COMPARISON, **arguments)
    except (Exception, pytest.skip.Exception) as error:  # noqa: BLE001
        return error
    return None


@pytest.mark.parametrize(
    ("status", "comparable", "accurate"),
    [
        ("passed", None, None),
        ("improved", None, None),
        ("unchanged", None, None),
        ("inconclusive", None, None),
        ("regressed", None, Mismatch),
        ("not comparable", Mismatch, pytest.skip.Exception),
        ("new", NotApplicable, NotApplicable),
    ],
)
def test_an_accuracy_that_fell_fails_and_so_does_one_that_cannot_be_compared(
    status, comparable, accurate
):
    found = _outcome("comparable", accuracy_change=_row(status), **TRAINED)
    assert type(found) is (comparable or type(None))
    found = _outcome("no_less_accurate", accuracy_change=_row(status))
    assert type(found) is (accurate or type(None))


def test_a_regression_is_told_with_both_figures_and_where_from():
    said = str(_outcome("no_less_accurate", accuracy_change=_row("regressed")))
    assert said.startswith(
        "test accuracy = 98.20 %, but should be at least 98.30 % [old.json, commit abc]"
    )
    assert "It is regressed. If this is intended, use the results.json" in said


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"opened": BuildFailure("timeout", "too long"), "trained": []}, "timeout"),
        ({"opened": None, "trained": JobFailed("failed", "it is no network")}, "failed"),
        ({"opened": None, "trained": JobFailed("grader_error", "disk")}, "grader_error"),
    ],
)
def test_a_network_without_accuracy_fails_by_itself_whatever_else_is_selected(arguments, status):
    found = _outcome("comparable", accuracy_change=_row("missing"), **arguments)
    assert isinstance(found, Unavailable)
    assert found.status == status
    ended = JobFailed("skipped", "the session has ended")
    nothing = _outcome("comparable", accuracy_change=_row("missing"), opened=None, trained=ended)
    assert type(nothing) is pytest.skip.Exception
    skipped = _outcome("no_less_accurate", accuracy_change=_row("missing"))
    assert type(skipped) is pytest.skip.Exception


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["unchanged", "improved"], None),
        (["unchanged", "regressed"], Mismatch),
        (["regressed", "not comparable"], Mismatch),
        (["new", "new"], NotApplicable),
        (["missing", "missing"], NotApplicable),
    ],
)
def test_growing_fails(statuses, expected):
    rows = [_row(status, "flops", 1000, 2000) for status in statuses]
    found = _outcome("no_larger", size_changes=rows)
    assert type(found) is (expected or type(None))
    if expected is Mismatch:
        assert "flops = 2,000, but should be at most 1,000 [old.json" in str(found)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["passed", "not judged"], None),
        (["inconclusive"], None),
        (["passed", "regressed"], Mismatch),
        (["not judged"], NotApplicable),
        ([], NotApplicable),
    ],
)
def test_slowing_down_fails_where_it_could_be_told(statuses, expected):
    rows = [_row(status, "speed", 4.0, 3.0) for status in statuses]
    found = _outcome("no_slower", speed_changes=rows)
    assert type(found) is (expected or type(None))
    if expected is Mismatch:
        assert "speed-up over Keras = 3×, but should be at least 3.6×" in str(found)


def test_a_network_that_is_gone_fails_and_one_renamed_does_not():
    found = _outcome("still_there", absence=_row("missing", "presence"))
    assert "network deep_cnn = missing, but should be in the project" in str(found)
    assert _outcome("still_there", absence=_row("renamed", "presence")) is None


@pytest.mark.parametrize(
    ("check", "expected"),
    [(COMPARABLE, "passed"), ("test_baseline.py::test_no_less_accurate", "failed")],
)
def test_a_regression_is_the_networks_fault_and_an_unfit_file_is_not(check, expected):
    rows = [CheckResult(check, "failed", group="baseline")]
    assert verdict(SimpleNamespace(checks=rows, spec="a spec", gate=None)) == expected


# Options -----------------------------------------------------------------------------------------


def _config(*, benchmark=False):
    return SimpleNamespace(stash={}, getoption=lambda *_, **__: benchmark)


def test_submissions_have_no_baseline():
    options = SimpleNamespace(baseline="old.json", grades_submissions=True)
    with pytest.raises(UserError, match="--baseline compares the project's own networks: leave"):
        baseline_hooks.prepare(_config(), options, ())


def test_a_benchmark_run_needs_no_networks_in_the_file():
    config = _config(benchmark=True)
    baseline_hooks.prepare(config, SimpleNamespace(baseline="none.json"), ())
    assert config.stash == {}


def test_without_the_option_its_checks_are_left_out():
    item = SimpleNamespace(fixturenames=["comparison", "gone"], config=_config())
    assert baseline_hooks.nothing_to_compare(item)
    item.config.stash[baseline_hooks.COMPARISON] = "a comparison"
    item.callspec = SimpleNamespace(params={"gone": NOTSET})  # as pytest fills an empty set
    assert baseline_hooks.nothing_to_compare(item)
    item.callspec.params["gone"] = "old_mlp"
    assert not baseline_hooks.nothing_to_compare(item)


def test_the_report_s_own_file_may_be_the_baseline_and_is_read_before_it_is_written(tmp_path):
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps(document(subject("deep_cnn", run()))))
    for path, own in ((folder / "results.json", True), (tmp_path / "copy.json", False)):
        path.write_bytes((folder / "results.json").read_bytes())
        options = SimpleNamespace(baseline=path, report=folder, workers=1)
        found = baseline_comparison.read(options, path, ("deep_cnn",))
        assert found.overwritten is own
        assert found.earlier.networks[0].runs == 1


@pytest.mark.parametrize(
    ("then", "now", "calibration", "same"),
    [
        ("gate", "gate", None, True),
        ("documented", "gate", None, False),
        (None, "gate", None, False),
        (None, "documented", None, False),
        # On the bundled digits both names stand for one recipe.
        ("documented", "gate", digits("deep_cnn"), True),
    ],
)
def test_a_recipe_is_another_where_it_trains_otherwise(then, now, calibration, same):
    grading = SimpleNamespace(
        facts={"deep_cnn": load("deep_cnn")},
        calibration=calibration,
        options=SimpleNamespace(recipe=now),
        trains=True,
        data=SimpleNamespace(name="mnist", digest="d", test_labels=range(12)),
    )
    network = Network("deep_cnn", runs=1, correct={0: None})
    found = SimpleNamespace(
        earlier=Earlier("old.json", None, None, Data("mnist", "d", 12), then, [network])
    )
    reason = baseline_comparison.why_incomparable(found, grading)
    assert (reason is None) is same
    if not same:
        assert "trained with --recipe=" in reason
