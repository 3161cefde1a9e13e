"""The ledger: what became of each check, as rows of results.json."""

import inspect
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from harness.app.pytest_plugin.selection import experiment_of, subject_of
from harness.evaluation.checking import Mismatch, NotApplicable, Unavailable
from harness.evaluation.results import EXPERIMENTS
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


class Ledger:
    """Rows of checks by subject, in the order they ran, and rows of benchmarks by test id."""

    def __init__(self, rubric: Rubric) -> None:
        self.rubric = rubric
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.benchmarks: dict[str, dict[str, Any]] = {}

    def enter(
        self, item: pytest.Item, report: pytest.TestReport, error: BaseException | None
    ) -> None:
        """Adds a check's row when it is decided: by its own call, or by a set-up that failed."""
        if report.when == "teardown" or (report.when == "setup" and report.passed):
            return
        self.rows[subject_of(item)].append(row(item, report, error, self.rubric))


def row(
    item: pytest.Item, report: pytest.TestReport, error: BaseException | None, rubric: Rubric
) -> dict[str, Any]:
    """Returns one check as results.json has it."""
    file = item.path.name
    function = item.originalname if isinstance(item, pytest.Function) else item.name
    passed = report.outcome == "passed"
    decided = status(report, error)
    differences = error.differences if isinstance(error, Mismatch) else ()
    check = f"{file}::{function}"
    experiment = experiment_of(item)
    # What goes wrong on our side is nobody's loss, and what does not apply nobody's gain.
    applies = not isinstance(error, NotApplicable)
    counts = decided != "grader_error" and applies
    return {
        # The rubric knows a check by its function; a subject may have several experiments.
        "id": check if experiment is None else f"{check}[{experiment.id}]",
        "group": _GROUPS.get(file, "other"),
        "title": title(item) if experiment is None else experiment.title,
        "status": decided,
        "applies": applies,
        "points": _earned(rubric, check, decided, error),
        "max_points": rubric.points(check) if counts else 0.0,
        "expected": _join(f"{d.what} = {describe(d.expected)}" for d in differences),
        "actual": _join(f"{d.what} = {describe(d.actual)}" for d in differences),
        "hint": _join(dict.fromkeys(d.hint for d in differences if d.hint)),
        "message": None if passed else _message(error),
        "source": _join(dict.fromkeys(d.source for d in differences if d.source)),
        "duration_s": round(report.duration, 4),
    }


def _earned(rubric: Rubric, check: str, decided: str, error: BaseException | None) -> float:
    if decided == "failed" and isinstance(error, Mismatch):
        return rubric.award(check, passed=False, share=error.share, from_gate=error.from_gate)
    return rubric.award(check, passed=decided == "passed")


def title(item: pytest.Item) -> str:
    """Returns the check's docstring: the sentence that a reader sees."""
    documentation = inspect.getdoc(getattr(item, "function", None)) or item.name
    return " ".join(documentation.split("\n\n")[0].split())


def status(report: pytest.TestReport, error: BaseException | None) -> str:
    """Returns results.json's status: who or what is to blame.

    An assertion is about the implementation; any other error is ours.
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


def _join(lines: Any) -> str | None:
    return "\n".join(lines) or None


def failed(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Returns the rows that are neither passed nor skipped."""
    return [row for row in rows if row["status"] not in ("passed", "skipped")]
