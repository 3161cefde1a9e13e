"""Runs many commands of pytest one after the other, each as if it were the only one.

Python takes a second to import pytest and NumPy, and most commands that are refused are over
within a tenth of one. What is not the project's own is imported here, once; then each command is a
fork of this process, in the same folder and environment, and from there on what
`python -m pytest ...` is.

in   [["checks", "--seeds=0"], ...]     out  [[exit code, what was printed], ...]
"""

import concurrent.futures  # noqa: F401
import json
import os
import runpy
import sys
import tempfile
from pathlib import Path

import jinja2  # noqa: F401
import numpy as np  # noqa: F401
import pytest  # noqa: F401


def main() -> None:
    """Answers on standard output; in a fork, becomes the command and returns when it is over."""
    found = []
    for arguments in json.load(sys.stdin):
        with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
            process = os.fork()
            if process == 0:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                sys.path[0] = str(Path.cwd())
                sys.argv[1:] = arguments
                runpy.run_module("pytest", run_name="__main__", alter_sys=True)
            _, status = os.waitpid(process, 0)
            output.seek(0)
            found.append((os.waitstatus_to_exitcode(status), output.read()))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
