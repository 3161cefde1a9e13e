"""The command `python -m tests.fuzzing [--cases N] [--driver NAME]... [--target NAME]...`."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

FOUND, USAGE = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a table of what was tried; returns 1 where something was found, 2 for a bad call."""
    os.environ.setdefault(
        "OPENBLAS_NUM_THREADS", "1"
    )  # before NumPy is there: processes are forked
    from tests.fuzzing import campaign, guided

    drivers = (campaign.MUTATION, campaign.GUIDED)
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("--cases", type=int, default=120_000, help="in all (default: 120,000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--driver", action="append", choices=drivers, help="may be repeated; default: both"
    )
    parser.add_argument(
        "--target", action="append", metavar="NAME", help="may be repeated; default: all"
    )
    parser.add_argument("--table", default="tests.fuzzing.table", help="module of the targets")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="for the cases of findings")
    given = parser.parse_args(arguments)

    chosen = given.driver or list(drivers)
    if campaign.GUIDED in chosen and not guided.available():
        sys.stderr.write(f"error: {guided.MISSING}; or name --driver={campaign.MUTATION}\n")
        return USAGE
    known = campaign.table(given.table)
    names = [target.name for target in known]
    if unknown := sorted(set(given.target or ()) - set(names)):
        sys.stderr.write(f"error: no target {unknown[0]!r}; there are {', '.join(names)}\n")
        return USAGE
    targets = [target for target in known if not given.target or target.name in given.target]
    folder = given.keep or Path(tempfile.mkdtemp(prefix="fuzzing-"))

    rows = []
    for row in campaign.run(given.table, targets, chosen, given.cases, given.seed, folder):
        rows.append(row)
        if not given.json:
            sys.stdout.write(_line(row, header=len(rows) == 1))
            sys.stdout.flush()
    if given.json:
        sys.stdout.write(json.dumps([asdict(row) for row in rows]) + "\n")
    else:
        found = sum(len(row.findings) for row in rows)
        tried = sum(row.cases for row in rows)
        seconds = sum(row.seconds for row in rows)
        sys.stdout.write(f"{tried:,} cases, {seconds:.0f} s in parsers, {found} findings\n")
        if found:
            sys.stdout.write(f"The cases lie in {folder}\n")
    return FOUND if any(row.findings for row in rows) else 0


def _line(row: object, *, header: bool) -> str:
    head = f"{'target':<26} driver       cases  refused accepted       s  found\n"
    text = (
        f"{row.target:<26} {row.driver:<11} {row.cases:>7,} {row.refused:>8,} {row.accepted:>8,} "
        f"{row.seconds:>7.1f}  {len(row.findings)}\n"
    )
    for finding in row.findings:
        text += f"  {finding.kind}: {finding.what} [{finding.where}] {finding.input}\n"
    return head + text if header else text


if __name__ == "__main__":
    sys.exit(main())
