"""What became of a check, and who is to blame when it is not known."""

from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.app.pytest_plugin import check_results, finish
from harness.app.pytest_plugin.check_results import CheckResults, status, title
from harness.evaluation.checking import Mismatch, NotApplicable, Unavailable, require_none
from harness.evaluation.rubric import Rubric, Worth
from harness.network.difference import Difference, describe
from harness.report.schema.results import Check, Subject

RUBRIC = Rubric("x", {"test_structure.py::test_shapes[deep_cnn]": Worth(1000)}, ())


def result(item, report, error):
    return check_results.result(item, report, error, RUBRIC)


def _check():
    pass


_check.__doc__ = """every layer has
    the documented shape

    More for the author of the check.
    """


def _item(subject="deep_cnn", file="test_structure.py"):
    return SimpleNamespace(
        path=Path("checks") / file,
        name="test_shapes[deep_cnn]",
        originalname="test_shapes",
        function=_check,
        callspec=SimpleNamespace(params={"subject_id": subject}),
    )


def _report(outcome, when="call", duration=0.12345):
    return pytest.TestReport(
        nodeid="n", location=("f", 1, "t"), keywords={}, outcome=outcome, longrepr=None, when=when,
        duration=duration,
    )  # fmt: skip


MISMATCH = Mismatch(
    [
        Difference("a.units", 33, 32, "Summary, row 1", "count again"),
        Difference("a.shape", (1, 2), (3, 4), "Summary, row 1", "count again"),
        Difference("rate", 0.1, 0.5, "Summary, row 2"),
    ]
)


@pytest.mark.parametrize(
    ("outcome", "error", "expected"),
    [
        ("passed", None, "passed"),
        ("skipped", pytest.skip.Exception("no network"), "skipped"),
        ("failed", MISMATCH, "failed"),
        ("failed", AssertionError("wrong"), "failed"),
        ("failed", Unavailable("timeout", "too long"), "timeout"),
        ("failed", Unavailable("resource", "out of memory"), "resource"),
        ("failed", Unavailable("grader_error", "no sandbox"), "grader_error"),
        ("failed", KeyError("x"), "grader_error"),
        ("failed", OSError("disk"), "grader_error"),
        ("failed", None, "grader_error"),
    ],
)
def test_status(outcome, error, expected):
    assert status(_report(outcome), error) == expected


def test_title_is_the_docstrings_first_paragraph_on_one_line():
    assert title(_item()) == "every layer has the documented shape"


def test_a_check_without_a_docstring_goes_by_its_name():
    item = _item()
    item.function = lambda: None
    assert title(item) == "test_shapes[deep_cnn]"


def test_row_of_a_passed_check():
    found = result(_item(), _report("passed"), None)
    assert found.id.startswith("test_structure.py::test_shapes")
    assert asdict(found) == {
        "id": found.id, "group": "structure", "title": "every layer has the documented shape",
        "status": "passed", "applies": True, "points": 1.0, "max_points": 1.0, "expected": None,
        "actual": None, "hint": None, "message": None, "source": None, "duration_s": 0.1235,
    }  # fmt: skip


def test_row_of_a_difference_has_every_value_and_each_source_and_hint_once():
    found = result(_item(), _report("failed"), MISMATCH)
    assert (found.status, found.points, found.max_points) == ("failed", 0.0, 1.0)
    assert found.expected == "a.units = 32\na.shape = [3, 4]\nrate = 0.5"
    assert found.actual == "a.units = 33\na.shape = [1, 2]\nrate = 0.1"
    assert found.source == "Summary, row 1\nSummary, row 2"
    assert found.hint == "count again"
    assert found.message == str(MISMATCH)


def test_our_own_errors_are_named_by_their_type():
    assert result(_item(), _report("failed"), KeyError("x")).message == "KeyError: 'x'"


def test_the_reason_for_a_skip_is_kept():
    found = result(_item(), _report("skipped", "setup"), pytest.skip.Exception("no network"))
    assert (found.status, found.points, found.message) == ("skipped", 0.0, "no network")


def test_what_does_not_concern_a_subject_is_told_from_what_could_not_be_checked():
    no_network = result(_item(), _report("skipped", "setup"), pytest.skip.Exception("no network"))
    no_recipe = result(_item(), _report("skipped", "setup"), NotApplicable("no recipe"))
    assert (no_network.applies, no_network.max_points) == (True, 1.0)
    assert (no_recipe.applies, no_recipe.max_points) == (False, 0.0)


def test_an_error_of_the_grader_costs_no_points():
    found = result(_item(), _report("failed"), KeyError("x"))
    assert found.status == "grader_error"
    assert found.max_points == found.points == 0.0


@pytest.mark.parametrize(
    ("file", "group"),
    [
        ("test_build.py", "build"),
        ("test_structure.py", "structure"),
        ("test_numerics.py", "numerics"),
        ("test_training.py", "training"),
        ("test_persistence.py", "persistence"),
        ("test_baseline.py", "baseline"),
        ("test_new.py", "other"),
    ],
)
def test_group(file, group):
    assert result(_item(file=file), _report("passed"), None).group == group


@pytest.mark.parametrize(
    ("phases", "statuses"),
    [
        ([("setup", "passed"), ("call", "passed"), ("teardown", "passed")], ["passed"]),
        ([("setup", "passed"), ("call", "failed"), ("teardown", "passed")], ["failed"]),
        ([("setup", "skipped"), ("teardown", "passed")], ["skipped"]),
        ([("setup", "failed"), ("teardown", "passed")], ["failed"]),
    ],
)
def test_a_check_is_entered_once(phases, statuses):
    found = CheckResults(RUBRIC)
    for when, outcome in phases:
        error = AssertionError("x") if outcome == "failed" else None
        found.add(_item(), _report(outcome, when), error)
    assert [check.status for check in found.checks["deep_cnn"]] == statuses


def test_rows_go_to_their_subject_in_order():
    found = CheckResults(RUBRIC)
    for subject, outcome in [("a", "passed"), ("b", "failed"), ("a", "skipped")]:
        found.add(
            _item(subject), _report(outcome), AssertionError() if outcome == "failed" else None
        )
    assert {s: [check.status for check in checks] for s, checks in found.checks.items()} == {
        "a": ["passed", "skipped"], "b": ["failed"],
    }  # fmt: skip
    assert found.checks["never seen"] == []


# How a difference reads --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (692_352, "692,352"),
        ((26, 26, 32), "[26, 26, 32]"),
        ([5_408], "[5,408]"),
        (True, "True"),
        (None, "None"),
        (0.1, "0.1"),
        (1e-4, "0.0001"),
        ("relu", "relu"),
        ([[1, 0.5], "x"], "[[1, 0.5], x]"),
    ],
)
def test_values_are_written_for_people(value, text):
    assert describe(value) == text


def test_a_difference_is_a_sentence_with_its_source_and_hint():
    assert str(Difference("dropout.rate", 0.1, 0.5, "000, Summary", "see row 5")) == (
        "dropout.rate = 0.1, but should be 0.5 [000, Summary]\n    see row 5"
    )
    assert str(Difference("x", 1, 2)) == "x = 1, but should be 2"


def test_all_differences_are_raised_together_and_none_is_none():
    require_none([])
    with pytest.raises(Mismatch) as caught:
        require_none(Difference(name, 1, 2) for name in "ab")
    assert str(caught.value) == "a = 1, but should be 2\nb = 1, but should be 2"


def test_experiments_of_a_subject_are_rows_of_their_own():
    rubric = Rubric("x", {"test_experiments.py::test_experiment": Worth(2000)}, ())
    rows = []
    for id_ in ("folds", "grid"):
        item = _item(file="test_experiments.py")
        item.name = "test_experiment"
        experiment = SimpleNamespace(architecture="deep_cnn", id=id_, title=f"The {id_}")
        item.callspec.params["experiment"] = experiment
        rows.append(check_results.result(item, _report("passed"), None, rubric))
    assert [(found.id, found.title, found.group, found.points) for found in rows] == [
        ("test_experiments.py::test_experiment[folds]", "The folds", "experiments", 2.0),
        ("test_experiments.py::test_experiment[grid]", "The grid", "experiments", 2.0),
    ]


def test_the_terminal_says_once_why_checks_do_not_apply():
    idle = Check(id="a", status="skipped", applies=False, message="no\nrecipe")
    old = Check(id="b", status="skipped", message="of an earlier version")
    subjects = [
        Subject(id=str(place), checks=rows)
        for place, rows in enumerate([[idle, replace(idle, applies=True)], [idle, old]])
    ]
    assert list(finish._not_applicable(subjects)) == ["2 checks do not apply: no recipe"]
    assert list(finish._not_applicable(subjects[1:])) == ["1 check does not apply: no recipe"]
