"""Runs commands of pytest, each in a fork of a process that has imported the libraries.

Python takes a second to import them, and many commands are over within a tenth of one. What is not
the project's own is imported once; from there on, a fork is what `python -m pytest ...` is.

Run as a program, this file is that process:
in   {"arguments": [...], "folder": ..., "environment": {...}}     out   [code, stdout, stderr]
"""

import atexit
import json
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path


def run(
    folder: Path, environment: Mapping[str, str], *arguments: str
) -> "subprocess.CompletedProcess[str]":
    """Runs `python -m pytest` with these arguments, as `subprocess.run` would."""
    request = {"folder": str(folder), "environment": dict(environment), "arguments": arguments}
    server = _server()
    server.stdin.write(json.dumps(request) + "\n")
    server.stdin.flush()
    return subprocess.CompletedProcess(arguments, *json.loads(server.stdout.readline()))


@cache
def _server() -> "subprocess.Popen[str]":
    server = subprocess.Popen(
        [sys.executable, __file__], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    atexit.register(lambda: (server.stdin.close(), server.wait()))
    return server


def _serve() -> None:
    """Answers each request; in a fork, becomes the command and returns when it is over."""
    import concurrent.futures  # noqa: F401

    import jinja2  # noqa: F401
    import matplotlib.backends.backend_svg
    import matplotlib.figure  # noqa: F401
    import numpy as np  # noqa: F401
    import pydantic  # noqa: F401
    import pytest  # noqa: F401

    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            process = os.fork()
            if process == 0:
                _become(request, output.fileno(), errors.fileno())
                return
            _, status = os.waitpid(process, 0)
            output.seek(0)
            errors.seek(0)
            answer = [os.waitstatus_to_exitcode(status), output.read(), errors.read()]
        print(json.dumps(answer), flush=True)  # noqa: T201


def _become(request, output, errors) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.path[0] = request["folder"]
    sys.path[1:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.argv[1:] = request["arguments"]
    runpy.run_module("pytest", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _serve()
