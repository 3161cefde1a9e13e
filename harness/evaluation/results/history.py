"""history.jsonl: one line for each complete grading of the project's own networks.

It lies beside the report folder, so that the reports of all runs share it, and only grows. Several
runs may end at once, the disk may be full, a line may be half a line: whatever is wrong with the
file is said, and costs no run its verdict.
"""

import fcntl
import json
import os
import stat
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from harness.report.schema.results import HistoryEntry, HistoryNetwork, Results, Subject
from harness.report.schema.values import plain
from harness.submissions.subject import PROJECT
from harness.system.strict_json import NotJson, parse

NAME = "history.jsonl"
MAX_SHOWN = 50
"""The number of runs that a report shows; the file keeps all."""

# Checks that exist only where they were asked for: a run without them is complete.
_ONLY_WHEN_ASKED = (
    "test_recipe.py::", "test_own_weights.py::", "test_experiments.py::", "test_baseline.py::",
)  # fmt: skip

_READER: Final = TypeAdapter(HistoryEntry)


def place(report: Path) -> Path:
    """Where the history of the reports in this folder lies: reports/latest -> reports/."""
    return Path(os.path.abspath(report)).parent / NAME  # noqa: PTH100 - resolve follows links


def entry(results: Results, networks: Sequence[str]) -> HistoryEntry | None:
    """Returns what the history keeps of a results.json; None if it is not a complete grading.

    Args:
        networks: the project's own networks, all of which must have been graded.
    """
    if not _complete(results, networks):
        return None
    return HistoryEntry(
        created=results.created,
        commit=results.environment.commit,
        dataset=results.dataset.name,
        dataset_digest=results.dataset.digest,
        recipe=results.recipe,
        seeds=len(results.seeds),
        outcome=results.outcome,
        cpu=results.environment.cpu,
        networks=[_network(subject) for subject in results.subjects],
    )


def put_into(
    results: Results, path: Path, networks: Sequence[str], tell: Callable[[str], None]
) -> Results:
    """Returns results.json with its `history`: the comparable runs in the file, then this run.

    Results that are not a complete grading stay without a history.
    """
    this = entry(results, networks)
    if this is None:
        return results
    earlier, problem = read(path)
    if problem:
        tell(f"WARNING: {problem}")
    return replace(results, history=comparable(earlier, this))


def comparable(entries: Sequence[HistoryEntry], this: HistoryEntry) -> list[HistoryEntry]:
    """Returns at most `MAX_SHOWN` runs of the same data and recipe, the oldest first, this last."""
    same = [
        one
        for one in entries
        if (one.dataset_digest, one.recipe) == (this.dataset_digest, this.recipe)
    ]
    return [*same[-(MAX_SHOWN - 1) :], this]


def read(path: Path) -> tuple[list[HistoryEntry], str | None]:
    """Returns the entries of a history in the order they were written, and what is wrong with it.

    A missing file is an empty history. A line that is not an entry is left out.
    """
    try:
        _check_kind(path.stat())
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return [], None
    except OSError as error:
        return [], f"{path} cannot be read, so no earlier run is shown: {_reason(error)}"
    found = [(number, _parsed(line)) for number, line in enumerate(lines, 1) if line.strip()]
    bad = [str(number) for number, one in found if one is None]
    problem = None
    if bad:
        which = f"line {bad[0]} is" if len(bad) == 1 else f"lines {', '.join(bad[:5])} are"
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        problem = (
            f"{path}: {which} not an entry of the history{more}, perhaps because a run was "
            "interrupted, and left out. Delete what is broken to remove this warning."
        )
    return [one for _, one in found if one is not None], problem


def append(path: Path, this: HistoryEntry) -> str | None:
    """Adds one line, whole or not at all; returns what went wrong, as a sentence.

    A lock lets one process write at a time. A last line without an end, because its writer was
    killed, gets one.
    """
    text = json.dumps(this, default=plain, ensure_ascii=False, allow_nan=False, sort_keys=True)
    line = text.encode() + b"\n"
    try:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o644)
        try:
            _write_line(descriptor, line)
        finally:
            os.close(descriptor)
    except OSError as error:
        return (
            f"{path} cannot be written, so later reports will not show this run in their history: "
            f"{_reason(error)}. The verdicts and the report of this run are not touched by it."
        )
    return None


def _write_line(descriptor: int, line: bytes) -> None:
    _check_kind(os.fstat(descriptor))
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # until it is closed
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        line = b"\n" + line
    try:
        written = os.write(descriptor, line)
        if written < len(line):
            raise OSError("there is no room for a whole line")
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _check_kind(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):  # a pipe would keep us waiting
        raise OSError("it is not an ordinary file")


def _complete(results: Results, networks: Sequence[str]) -> bool:
    """Whether every one of the project's networks went through every check, after training."""
    if results.dataset.name is None or not results.rubric or results.submissions:
        return False
    if results.outcome not in {"passed", "failed"}:
        return False
    if any(one.trust != PROJECT for one in results.subjects):
        return False
    if sorted(one.id for one in results.subjects) != sorted(networks):
        return False
    checks = results.rubric["checks"]
    wanted = {check for check in checks if not check.startswith(_ONLY_WHEN_ASKED)}
    return all(wanted <= {check.id for check in one.checks} for one in results.subjects)


def _network(subject: Subject) -> HistoryNetwork:
    # A run that came from the store was measured another day, perhaps on another machine.
    rates = [run.train_images_per_s for run in subject.runs if not run.cached]
    known = [rate for rate in rates if rate is not None]
    return HistoryNetwork(
        id=subject.id,
        spec_digest=subject.spec_digest,
        accuracy=subject.gate.accuracy if subject.gate else None,
        interval=subject.gate.interval if subject.gate else None,
        verdict=subject.verdict,
        total_params=subject.spec.total_params if subject.spec else None,
        train_images_per_s=statistics.median(known) if known else None,
    )


def _parsed(line: bytes) -> HistoryEntry | None:
    """Returns an entry; None if a value is missing or of another type."""
    try:
        document = parse(line)
        found = _READER.validate_python(document)
    except (NotJson, ValidationError):
        return None
    known = [found.created, found.dataset, found.dataset_digest, found.recipe, found.seeds]
    known += [found.outcome, *(network.verdict for network in found.networks)]
    return None if None in known or document.get("networks") is None else found


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
