"""Runs the comparison of two revisions on another repository, named first."""

import sys
from pathlib import Path

from harness.benchmarks import compare_revisions

if __name__ == "__main__":
    repository, *arguments = sys.argv[1:]
    sys.exit(compare_revisions.main(["--networks=mlp_64_32", *arguments], Path(repository)))
