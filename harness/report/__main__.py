"""The command `python -m harness.report reports/latest/results.json [--output FILE]`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.report.render import write
from reference.errors import UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the page; returns the exit status: 0, or 2 with one line on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.report",
        description="Makes the HTML report of a run from its results.json, offline.",
    )
    parser.add_argument("results", type=Path, help="a results.json, as reports/latest/results.json")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="default: index.html beside results.json"
    )
    given = parser.parse_args(arguments)
    try:
        print(write(given.results, given.output))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
