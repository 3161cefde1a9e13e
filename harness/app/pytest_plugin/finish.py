"""The end of a session: results.json, the report and the lines on the terminal."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.app.grading.session import Session
from harness.app.pytest_plugin.check_results import CheckResults
from harness.benchmarks import rows
from harness.evaluation import results
from harness.evaluation.results import SessionOutcome, history
from harness.evaluation.results.files import RESULTS
from harness.report import terminal
from harness.report.schema import results as schema
from harness.system import atomic_files
from harness.system.directories import MEND_REPORT
from harness.system.strict_json import NotJson, parse
from harness.system.text import percent
from reference.errors import UserError
from reference.facts import names

PAGE = "index.html"
SUMMARY = "summary.md"

# The terminal lists at most so many submissions; of more it shows counts.
_MAX_LISTED = 40


def conclude(
    session: Session,
    found: CheckResults,
    *,
    command: str,
    passed: bool,
    benchmarked: bool,
    baseline: schema.Baseline | None = None,
) -> schema.Results:
    """Waits for all that is computed, and returns the content of results.json.

    A grading run keeps the benchmarks of the previous results. A benchmark run keeps everything
    except the benchmarks that it repeats. Each row has its date and machine.

    Args:
        baseline: `baseline` of results.json; None without --baseline.

    Raises:
        UserError: a file of a training run can no longer be read.
    """
    path = session.options.report / RESULTS
    if benchmarked:
        document = _earlier(path) or _assembled(session, found, command, passed, [])
        timed = [schema.Benchmark(**row) for row in found.benchmarks.values()]
        return replace(document, benchmarks=rows.merged(document.benchmarks, timed))
    kept = results.read_benchmarks(path)
    document = _assembled(session, found, command, passed, kept, baseline)
    past = history.place(session.options.report)
    return history.put_into(document, past, names(), session.tell)


def write(document: schema.Results, session: Session, *, benchmarked: bool) -> None:
    """Writes results.json and the report into the session's report folder, each file atomically.

    Raises:
        UserError: the folder cannot be written.
    """
    # Imported only at the end: the report imports matplotlib.
    from harness.report import exports, render  # noqa: PLC0415

    path = session.options.report / RESULTS
    document = results.write(document, path)
    entry = None if benchmarked else history.entry(document, names())
    if entry and (problem := history.append(history.place(session.options.report), entry)):
        session.tell(f"WARNING: {problem}")
    render.write(path, session.options.report / PAGE)
    if document.submissions:
        exports.write_all(document, session.options.report)
    if not benchmarked:
        _summarise(document, session.options.report / SUMMARY)


def _summarise(document: schema.Results, path: Path) -> None:
    """Writes the Markdown summary beside the report, and appends it to a GitHub job's page."""
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


def summary(document: schema.Results, page: Path | None, *, benchmarked: bool) -> Iterator[str]:
    """Yields a run's verdicts and the path of its report, as lines for the terminal.

    Args:
        page: the report; None if it could not be written.
    """
    # The subjects that a benchmark run keeps are those of an earlier grading.
    subjects = [] if benchmarked else document.subjects
    if len(subjects) <= _MAX_LISTED:
        yield from map(_line, subjects)
    else:
        counts = Counter(subject.verdict for subject in subjects)
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
        yield f"{len(subjects)} submissions: {verdicts}"
    yield from _not_applicable(subjects)
    if not benchmarked:
        yield from terminal.lines(document.baseline)
    if page is not None:
        yield f"Report: {_shown(page)}"


def _not_applicable(subjects: Iterable[schema.Subject]) -> Iterator[str]:
    """Yields how many checks do not apply to what is graded, by reason."""
    reasons = Counter(
        " ".join((check.message or "").split())
        for subject in subjects
        for check in subject.checks
        if check.applies is False
    )
    for reason, count in reasons.most_common():
        yield (
            f"{count} checks do not apply: {reason}"
            if count > 1
            else (f"1 check does not apply: {reason}")
        )


def _shown(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def _line(subject: schema.Subject) -> str:
    gate = subject.gate
    accuracy = "not trained"
    if gate and gate.interval:
        numbers = (gate.accuracy, *gate.interval, gate.threshold)
        found, lower, upper, threshold = map(percent, numbers)
        accuracy = f"{found} [{lower}, {upper}], gate {threshold} {gate.verdict}"
    score = f"{subject.score:g}/{subject.max_score:g}"
    return f"{subject.id:<16} {subject.verdict:<13} {score:>6}  {accuracy}"


def _earlier(path: Path) -> schema.Results | None:
    """Returns the results that a benchmark run keeps; None if there are none of this schema.

    Raises:
        UserError: a part of them has another shape.
    """
    try:
        document = parse(path.read_bytes())
    except (OSError, NotJson):
        return None
    known = isinstance(document, dict) and document.get("schema") == schema.SCHEMA
    return schema.checked(document, str(path)) if known else None


def _assembled(
    session: Session,
    found: CheckResults,
    command: str,
    passed: bool,
    benchmarks: Sequence[schema.Benchmark],
    baseline: schema.Baseline | None = None,
) -> schema.Results:
    graded = [session.outcome(name, found.checks[name]) for name in session.subjects]
    experiments = [finished.to_json() for finished in session.experiments()]
    run = SessionOutcome(
        command=command,
        outcome="passed" if passed else "failed",
        dataset=session.data,
        recipe=session.options.recipe,
        seeds=range(session.options.seeds),
        environment=session.environment,
        rubric=found.rubric,
    )
    return results.assemble(run, graded, benchmarks, experiments, baseline)
