"""Kills a grading at a drawn moment, gives the command again, and says what was not right."""

import random
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fault_injection import processes
from tests.fault_injection.comparable import comparable, differences
from tests.fault_injection.grading import (
    Grading,
    Mark,
    cached,
    leftovers,
    records,
    results,
    seconds_until_gone,
)
from tests.fault_injection.processes import PYTEST, ROLES, SUBMISSION
from tests.fault_injection.sample import Sample
from tests.support.project_copy import FAILED, PASSED

# What a check may be that somebody's death kept from being decided.
_LOST = {"resource", "grader_error", "skipped"}
# Of a submission it is told that its process ended without an answer, which is all that is known.
_UNOPENED = {"failed"}


@dataclass(frozen=True)
class Draw:
    """Whom to kill and when.

    Attributes:
        moment: a share of an uninterrupted grading.
        choose: which of several, from 0 to 1.
    """

    role: str
    moment: float
    choose: float


def draws(count: int, seed: int, roles: Sequence[str] = ROLES) -> list[Draw]:
    """Returns so many draws, each role in turn; always the same of a seed."""
    draw = random.Random(seed)
    return [Draw(roles[n % len(roles)], draw.random(), draw.random()) for n in range(count)]


@dataclass(frozen=True)
class Reference:
    """An uninterrupted grading."""

    code: int
    document: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What came of one kill.

    Attributes:
        at_s: when it was, after the start.
        finished: how many records there were at that moment, and of these trainings.
        gone_s: until no process was left, where pytest was killed.
        affected: checks of the first command that ended otherwise than without the kill.
        faults: what was not as it should be; empty where all was.
    """

    draw: Draw
    at_s: float
    finished: int
    trained: int
    gone_s: float | None
    affected: int
    faults: tuple[str, ...] = field(default=())


def uninterrupted(sample: Sample) -> Reference:
    """Grades once from nothing."""
    _clear(sample)
    grading = Grading(sample)
    code = grading.wait()
    return Reference(code, results(sample), time.monotonic() - grading.began)


def campaign(sample: Sample, reference: Reference, plan: Sequence[Draw]) -> Iterator[Outcome]:
    """Yields what came of each kill.

    A grading that ended before there was anybody to kill is begun again, with an earlier moment.
    """
    for draw in plan:
        moment, outcome = draw.moment, None
        while outcome is None:
            outcome = survive(sample, reference, draw, moment * reference.seconds)
            moment /= 2
        yield outcome


def survive(sample: Sample, reference: Reference, draw: Draw, second: float) -> Outcome | None:
    """Begins from nothing, kills, and gives the same command again; None if nobody was killed."""
    _clear(sample)
    grading = Grading(sample)
    family = grading.kill(draw.role, draw.choose) if grading.wait_until(second) else None
    if family is None:
        grading.wait()
        return None
    at_s = time.monotonic() - grading.began
    faults: list[str] = []
    affected = 0
    before = records(sample.store)
    code = grading.wait()
    if draw.role != PYTEST:
        faults += [f"first command: {fault}" for fault in _ended_badly(code, grading)]
        affected, wrong = _affected(results(sample), reference.document, draw.role)
        faults += wrong
    gone_s = seconds_until_gone(family, sample)
    if gone_s is None:
        faults.append(f"still there: {processes.left(family, sample.root)}")
    if draw.role != PYTEST:
        faults += [f"left by the first command: {path}" for path in leftovers(sample)]
    there = records(sample.store)
    trained = len(before.keys() & cached(reference.document).keys())
    again = Grading(sample)
    code = again.wait()
    faults += _ended_badly(code, again)
    faults += _unequal(code, sample, reference)
    faults += _trained_again(before, there, records(sample.store), cached(results(sample)))
    if seconds_until_gone([], sample) is None:
        faults.append(f"still there: {processes.left([], sample.root)}")
    faults += [f"left: {path}" for path in leftovers(sample)]
    return Outcome(draw, at_s, len(before), trained, gone_s, affected, tuple(faults))


def _ended_badly(code: int, grading: Grading) -> list[str]:
    output = grading.output
    if code in {PASSED, FAILED} and "Traceback" not in output and "INTERNALERROR" not in output:
        return []
    return [f"exit code {code}, {output[-2000:]}"]


def _unequal(code: int, sample: Sample, reference: Reference) -> list[str]:
    faults = [] if code == reference.code else [f"exit code {code}, not {reference.code}"]
    one, other = comparable(results(sample)), comparable(reference.document)
    return faults + [f"differs: {place}" for place in differences(one, other)[:10]]


def _affected(
    document: Mapping[str, Any], reference: Mapping[str, Any], role: str
) -> tuple[int, list[str]]:
    """Counts the checks that were not decided as they would have been, and says which wrongly."""
    allowed = _LOST | (_UNOPENED if role == SUBMISSION else set())
    affected, wrong = 0, []
    for one, other in zip(document["subjects"], reference["subjects"], strict=True):
        expected = {check["id"]: check["status"] for check in other["checks"]}
        for check in one["checks"]:
            if check["status"] != expected[check["id"]]:
                affected += 1
                if check["status"] not in allowed:
                    wrong.append(f"{one['id']}: {check['id']} {check['status']}")
    return affected, wrong


def _trained_again(
    before: Mapping[str, Mark],
    there: Mapping[str, Mark],
    after: Mapping[str, Mark],
    runs: Mapping[str, bool],
) -> list[str]:
    """Says what was finished and is another file now, or was not taken from the store.

    Args:
        before: finished when somebody was killed.
        there: finished when the command was given again.
        after: finished in the end.
        runs: of each training whether it came from the store.
    """
    return [
        *(f"done again: {key}" for key, mark in before.items() if after.get(key) != mark),
        *(f"done again: {key}" for key, mark in there.items() if after.get(key) != mark),
        *(f"cached is {said}: {key}" for key, said in runs.items() if said != (key in there)),
    ]


def _clear(sample: Sample) -> None:
    for folder in (sample.store, sample.report, sample.temporary):
        shutil.rmtree(folder, ignore_errors=True)
    sample.temporary.mkdir()
