"""Has targets tried by drivers, each pair in a process of its own, and collects what they found."""

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzzing import guard, mutation
from tests.fuzzing.ledger import Finding, Ledger
from tests.fuzzing.target import Target

MUTATION, GUIDED = "hypothesis", "atheris"
_STUCK_S = 120  # without a new case: nobody computes, so no limit of processor time ends it


@dataclass(frozen=True)
class Row:
    """What one driver found out about one target.

    Attributes:
        seconds: of processor time, inside the parser alone.
    """

    target: str
    driver: str
    cases: int
    refused: int
    accepted: int
    seconds: float
    findings: tuple[Finding, ...]


def table(module: str) -> Sequence[Target]:
    """Returns the targets that a module lists."""
    targets: Sequence[Target] = importlib.import_module(module).TARGETS
    return targets


def run(
    module: str,
    targets: Sequence[Target],
    drivers: Sequence[str],
    cases: int,
    seed: int,
    folder: Path,
) -> Iterator[Row]:
    """Yields a row for each target and driver, as each ends.

    Args:
        module: the table's, which a process of its own imports.
        cases: in all; each target gets its share.
        folder: where the cases of findings are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    whole = sum(target.share for target in targets) * len(drivers)
    for target in targets:
        for driver in drivers:
            count = max(1, round(cases * target.share / whole))
            ledger = Ledger(folder / f"{target.name.replace(' ', '_')}-{driver}.ledger", new=True)
            start = _forked if driver == MUTATION else _guided
            how = _watched(ledger, *start(module, target, ledger, count, seed))
            if how:
                ledger.add("died", how)
            yield _row(target, driver, ledger)


def _row(target: Target, driver: str, ledger: Ledger) -> Row:
    counts = ledger.counts
    seconds = counts.nanoseconds / 1e9
    findings = tuple(ledger.findings)
    return Row(
        target.name, driver, counts.cases, counts.refused, counts.accepted, seconds, findings
    )


Started = tuple[Callable[[float], int | None], Callable[[], None]]
"""Waits so many seconds for the process's end, and returns its exit code; and ends the process."""


def _forked(_module: str, target: Target, ledger: Ledger, cases: int, seed: int) -> Started:
    """A fork has all modules imported, and memory and limits of its own."""
    process = multiprocessing.get_context("fork").Process(
        target=_mutate, args=(target, ledger, cases, seed)
    )
    process.start()

    def wait(seconds: float) -> int | None:
        process.join(seconds)
        return process.exitcode

    return wait, process.kill


def _mutate(target: Target, ledger: Ledger, cases: int, seed: int) -> None:
    log = os.open(ledger.path.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    guard.prepare()
    judge = guard.Guard(target, ledger)
    judge.examples()
    mutation.drive(target, judge, cases, seed)
    judge.finish()


def _guided(module: str, target: Target, ledger: Ledger, cases: int, seed: int) -> Started:
    command = [
        sys.executable, "-m", "tests.fuzzing.guided", f"--table={module}",
        f"--target={target.name}", f"--ledger={ledger.path}", f"--cases={cases}", f"--seed={seed}",
    ]  # fmt: skip
    log = ledger.path.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=guard.PROJECT_ROOT, stdout=output, stderr=output, env=os.environ.copy()
        )

    def wait(seconds: float) -> int | None:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    return wait, process.kill


def _watched(
    ledger: Ledger, wait: Callable[[float], int | None], kill: Callable[[], None]
) -> str | None:
    """Waits for the end of a process; returns what was wrong with it, or None."""
    before = -1
    while (code := wait(_STUCK_S)) is None:
        now = ledger.counts.cases
        if now == before:
            kill()
            wait(_STUCK_S)
            return f"no new case in {_STUCK_S} s, though nothing was computed"
        before = now
    if code == -signal.SIGVTALRM:
        return "a hang outside of Python's own code: the kernel ended the process"
    if code < 0:
        return f"the process was killed by {signal.Signals(-code).name}"
    return f"the process exited with {code}" if code else None
