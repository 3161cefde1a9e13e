"""Collects the result of each check, as rows of results.json."""

import inspect
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from harness.app.pytest_plugin.lookup import experiment_of, subject_of
from harness.evaluation.checking import Mismatch, NotApplicable, Unavailable
from harness.evaluation.results import EXPERIMENTS, CheckResult
from harness.evaluation.rubric import Rubric
from harness.network.difference import describe
from reference.errors import UserError

_GROUPS: Mapping[str, str] = {
    "test_build.py": "build",
    "test_structure.py": "structure",
    "test_numerics.py": "numerics",
    "test_training.py": "training",
    "test_persistence.py": "persistence",
    "test_recipe.py": "recipe",
    "test_own_weights.py": "own weights",
    "test_evidence.py": "evidence",
    "test_experiments.py": EXPERIMENTS,
    "test_baseline.py": "baseline",
}


class CheckResults:
    """The results of checks by subject, in the order they ran; rows of benchmarks by test id."""

    def __init__(self, rubric: Rubric) -> None:
        self.rubric = rubric
        self.checks: dict[str, list[CheckResult]] = defaultdict(list)
        self.benchmarks: dict[str, dict[str, Any]] = {}

    def add(
        self, item: pytest.Item, report: pytest.TestReport, error: BaseException | None
    ) -> None:
        """Adds a check's result once it is final: after its call, or a setup that failed."""
        if report.when == "teardown" or (report.when == "setup" and report.passed):
            return
        self.checks[subject_of(item)].append(result(item, report, error, self.rubric))


CHECK_RESULTS = pytest.StashKey[CheckResults]()


def result(
    item: pytest.Item, report: pytest.TestReport, error: BaseException | None, rubric: Rubric
) -> CheckResult:
    """Returns the result of one check."""
    file = item.path.name
    check = f"{file}::{item.originalname if isinstance(item, pytest.Function) else item.name}"
    decided = status(report, error)
    differences = error.differences if isinstance(error, Mismatch) else ()
    experiment = experiment_of(item)
    # A fault of the grader costs no points, and a check that does not apply earns none.
    applies = not isinstance(error, NotApplicable)
    return CheckResult(
        # The rubric knows a check by its function; a subject may have several experiments.
        id=check if experiment is None else f"{check}[{experiment.id}]",
        status=decided,
        group=_GROUPS.get(file, "other"),
        title=title(item) if experiment is None else experiment.title,
        applies=applies,
        points=_earned(rubric, check, decided, error),
        max_points=rubric.points(check) if applies and decided != "grader_error" else 0.0,
        expected=_join(f"{d.what} = {describe(d.expected)}" for d in differences),
        actual=_join(f"{d.what} = {describe(d.actual)}" for d in differences),
        hint=_join(dict.fromkeys(d.hint for d in differences)),
        message=None if report.passed else _message(error),
        source=_join(dict.fromkeys(d.source for d in differences)),
        duration_s=round(report.duration, 4),
    )


def _earned(rubric: Rubric, check: str, decided: str, error: BaseException | None) -> float:
    if decided == "failed" and isinstance(error, Mismatch):
        return rubric.award(check, passed=False, share=error.share, from_gate=error.from_gate)
    return rubric.award(check, passed=decided == "passed")


def title(item: pytest.Item) -> str:
    """Returns the check's docstring, up to its first empty line, on one line."""
    documentation = inspect.getdoc(getattr(item, "function", None)) or item.name
    return " ".join(documentation.split("\n\n")[0].split())


def status(report: pytest.TestReport, error: BaseException | None) -> str:
    """Returns the status of a check in results.json.

    An assertion fails the implementation; any other exception is a fault of the grader.
    """
    if report.outcome in ("passed", "skipped"):
        return report.outcome
    if isinstance(error, Unavailable):
        return error.status
    return "failed" if isinstance(error, AssertionError) else "grader_error"


def _message(error: BaseException | None) -> str | None:
    if error is None:
        return None
    text = str(error)
    known = (AssertionError, Unavailable, UserError, pytest.skip.Exception)
    return text if isinstance(error, known) else f"{type(error).__name__}: {text}"


def _join(lines: Iterable[str]) -> str | None:
    return "\n".join(filter(None, lines)) or None
