"""Kills gradings at drawn moments: `python -m tests.fault_injection --kills 60 --seed 1`.

Grades a small class on the embedded digits, kills in turn pytest itself, a worker, the workers'
fork server, a submission in the sandbox and the sandbox's server, gives the same command again and
compares with an uninterrupted grading. Prints each kill and the table of docs/reliability.md; the
exit code is 1 when anything was not as it should be.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.fault_injection import sample as samples
from tests.fault_injection.campaign import Outcome, campaign, draws, uninterrupted
from tests.fault_injection.processes import ROLES

_HEAD = (
    "| killed | times | s after the start | trainings finished | all gone after, at most "
    "| checks not decided | not as it should be |"
)


def table(outcomes: Sequence[Outcome]) -> str:
    """Returns the figures, a row for each role, as Markdown."""
    rows = [
        _HEAD,
        "|---|---:|---|---|---:|---:|---:|",
    ]
    for role in ROLES:
        some = [one for one in outcomes if one.draw.role == role]
        if some:
            gone = max(one.gone_s or 0.0 for one in some)
            rows.append(
                f"| {role} | {len(some)} | {_range([one.at_s for one in some])} "
                f"| {_range([one.trained for one in some])} | {gone:.1f} s "
                f"| {sum(one.affected for one in some)} | {sum(bool(one.faults) for one in some)} |"
            )
    return "\n".join(rows)


def line(one: Outcome) -> str:
    """Returns what came of one kill."""
    gone = "somebody stays" if one.gone_s is None else f"gone after {one.gone_s:.1f} s"
    return (
        f"{one.draw.role:15} {one.at_s:6.1f} s  {one.finished:2} records, {one.trained} trainings, "
        f"{gone}, {one.affected} checks not decided; {'; '.join(one.faults) or 'as it should be'}"
    )


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.0f} to {max(values):.0f}"


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault_injection", description=__doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="survival-") as folder:
        sample = samples.make(Path(folder).resolve())
        reference = uninterrupted(sample)
        print(f"uninterrupted: {reference.seconds:.0f} s, exit code {reference.code}", flush=True)
        plan = draws(given.kills, given.seed)
        try:
            for number, one in enumerate(campaign(sample, reference, plan), 1):
                outcomes.append(one)
                print(f"{number:3} {line(one)}", flush=True)
        finally:  # Ctrl-C ends it with the figures so far
            print(table(outcomes))
    return int(any(one.faults for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())
