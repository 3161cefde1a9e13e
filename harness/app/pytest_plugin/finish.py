"""The end of a session: results.json, the report and the lines on the terminal."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.app.grading.session import Session
from harness.app.pytest_plugin.check_results import Ledger
from harness.benchmarks import rows
from harness.evaluation import results
from harness.evaluation.results import SessionOutcome, history
from harness.evaluation.results.files import RESULTS
from harness.report import terminal
from harness.system import atomic_files
from harness.system.directories import MEND_REPORT
from harness.system.strict_json import NotJson, parse
from reference.errors import UserError
from reference.facts import names

PAGE = "index.html"
SUMMARY = "summary.md"


def conclude(
    session: Session,
    ledger: Ledger,
    *,
    command: str,
    passed: bool,
    benchmarked: bool,
    baseline: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Waits for all that was found, and returns it as results.json will hold it.

    A grading run keeps the benchmarks of the results before it, and a benchmark run everything
    but the contests that it repeats: each row says when and on what machine it was measured.

    Args:
        baseline: of results.json, what was compared with an earlier one.

    Raises:
        UserError: what a run left behind can no longer be read.
    """
    path = session.options.report / RESULTS
    if benchmarked:
        document = _earlier(path) or _graded(session, ledger, command, passed, [])
        document["benchmarks"] = rows.merged(
            document.get("benchmarks") or [], list(ledger.benchmarks.values())
        )
    else:
        kept = results.read_benchmarks(path)
        document = _graded(session, ledger, command, passed, kept, baseline)
        past = history.place(session.options.report)
        history.put_into(document, past, names(), session.tell)
    return document


def write(document: Mapping[str, Any], session: Session, *, benchmarked: bool) -> None:
    """Writes results.json and the report into the session's report folder, each file whole.

    Raises:
        UserError: the folder cannot be written.
    """
    # The report brings in matplotlib: not before it is needed.
    from harness.report import exports, render  # noqa: PLC0415

    path = session.options.report / RESULTS
    document = results.write(document, path)
    entry = None if benchmarked else history.entry(document, names())
    if entry and (problem := history.append(history.place(session.options.report), entry)):
        session.tell(f"WARNING: {problem}")
    render.write(path, session.options.report / PAGE)
    if document.get("submissions"):  # an earlier version's results may be kept
        exports.write_all(document, session.options.report)
    if not benchmarked:
        _summarise(document, session.options.report / SUMMARY)


def _summarise(document: Mapping[str, Any], path: Path) -> None:
    """Writes the Markdown summary beside the report, and onto the page of a GitHub job."""
    from harness.report import render  # noqa: PLC0415 - as above

    text = render.markdown(document)
    target = path
    try:
        atomic_files.replace(path, text.encode())
        if page := os.environ.get("GITHUB_STEP_SUMMARY"):
            target = Path(page)
            with target.open("a", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        problem = f"{target} cannot be written: {error.strerror or error}"
        raise UserError(f"{problem}. {MEND_REPORT}") from error


def summary(document: Mapping[str, Any], page: Path | None, *, benchmarked: bool) -> Iterator[str]:
    """Yields the verdicts of a run, and where its report is, as lines for the terminal.

    Args:
        page: the report; None where it could not be written.
    """
    # What a benchmark run keeps of an earlier grading is in the report, with its date.
    subjects = [] if benchmarked else document["subjects"]
    if len(subjects) <= _LISTED:
        yield from map(_line, subjects)
    else:
        counts = Counter(subject["verdict"] for subject in subjects)
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
        yield f"{len(subjects)} submissions: {verdicts}"
    yield from _idle(subjects)
    if not benchmarked:
        yield from terminal.lines(document.get("baseline") or {})
    if page is not None:
        yield f"Report: {_shown(page)}"


def _idle(subjects: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Why checks were skipped that do not concern what they would have checked."""
    reasons = Counter(
        " ".join((check["message"] or "").split())
        for subject in subjects
        for check in subject["checks"]
        if check.get("applies") is False
    )
    for reason, count in reasons.most_common():
        yield f"{count} skipped, not applicable: {reason}"


# More submissions than that are counted, not listed: the class page lists them.
_LISTED = 40


def _shown(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def _line(subject: Mapping[str, Any]) -> str:
    gate = subject["gate"]
    accuracy = "not trained"
    if gate:
        lower, upper = gate["interval"]
        accuracy = (
            f"{gate['accuracy']:.2%} [{lower:.2%}, {upper:.2%}], gate {gate['threshold']:.2%} "
            f"{gate['verdict']}"
        )
    score = f"{subject['score']:g}/{subject['max_score']:g}"
    return f"{subject['id']:<16} {subject['verdict']:<13} {score:>6}  {accuracy}"


def _earlier(path: Path) -> dict[str, Any] | None:
    try:
        document = parse(path.read_bytes())
    except (OSError, NotJson):
        return None
    known = isinstance(document, dict) and document.get("schema") == results.SCHEMA
    return document if known else None


def _graded(
    session: Session,
    ledger: Ledger,
    command: str,
    passed: bool,
    benchmarks: list[Any],
    baseline: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    graded = [session.outcome(name, ledger.rows[name]) for name in session.subjects]
    experiments = [finished.to_json() for finished in session.experiments()]
    run = SessionOutcome(
        command=command,
        outcome="passed" if passed else "failed",
        dataset=session.data,
        recipe=session.options.recipe,
        seeds=range(session.options.seeds),
        environment=session.environment,
        rubric=ledger.rubric,
    )
    return results.assemble(run, graded, benchmarks, experiments, baseline)
