"""Runs pytest, as a user does, on a copy of the project; no run needs MNIST or trains for long."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.system.directories import PROJECT_ROOT
from reference import facts as all_facts
from reference.calibration import FOLDER as CALIBRATIONS
from tests.support import forked_pytest

PASSED, FAILED, INTERRUPTED, USAGE = 0, 1, 2, 4
COPIED = (
    "models", "checks", "harness", "reference", "conftest.py", "pytest.ini", "requirements.txt",
    "requirements.lock",
)  # fmt: skip
OPTIONS = ("-p", "no:cacheprovider")
NAMES = all_facts.names()

# So short that a run of everything takes seconds: the checks' verdicts are not looked at here.
CALIBRATION = """command = ""
[recipe]
batch_size = 32
epochs = {epochs}
validation_images = {validation}
"""
FLOOR = "[floor.{name}]\nfloor = 0.01\nmean = 0.5\ndeviation = 0.2\nseeds = 20\nk = 2.5\n"


@dataclass(frozen=True)
class Result:
    code: int
    output: str
    seconds: float

    def line(self, pattern: str) -> str:
        """Returns the first line that matches."""
        found = [line for line in self.output.splitlines() if re.search(pattern, line)]
        assert found, self.output
        return found[0]


def project(folder: Path, *, epochs: int = 1, validation: int = 1237) -> Path:
    """Returns a copy of the project, calibrated for runs of a few seconds."""
    folder.mkdir()
    for name in COPIED:
        source = PROJECT_ROOT / name
        if source.is_dir():
            # Compiled modules go with their sources, which keep their times: to compile all of them
            # anew takes longer than most runs. Those just being written have a number behind.
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("*.pyc.*"))
        else:
            shutil.copy(source, folder / name)
    calibration = folder / CALIBRATIONS.relative_to(PROJECT_ROOT) / "digits.toml"
    calibration.parent.mkdir(exist_ok=True)
    floors = "".join(FLOOR.format(name=name) for name in NAMES)
    calibration.write_text(CALIBRATION.format(epochs=epochs, validation=validation) + floors)
    return folder


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", *OPTIONS, *arguments]


def environment(home: Path) -> dict[str, str]:
    """A user with empty caches and without a network: every proxy is a closed door."""
    home.mkdir(exist_ok=True)
    nowhere = "http://127.0.0.1:9"
    return {
        **{key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ},
        "HOME": str(home),
        "https_proxy": nowhere,
        "http_proxy": nowhere,
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "200",
    }


def grade(
    folder: Path,
    *arguments: str,
    timeout: float = 300,
    prefix: Sequence[str] = (),
    variables: Mapping[str, str | None] | None = None,
) -> Result:
    """Runs pytest in a copy; no traceback may ever be seen.

    Args:
        prefix: a command that runs it, as prlimit.
        variables: of the environment, beside those of every run; None for one that is not set.
    """
    started = time.monotonic()
    changed = environment(folder / "home") | (variables or {})
    done = subprocess.run(
        [*prefix, *command(*arguments)], cwd=folder, capture_output=True, timeout=timeout,
        env={name: value for name, value in changed.items() if value is not None},
        text=True, errors="backslashreplace", check=False,
    )  # fmt: skip
    seconds = time.monotonic() - started
    return _result(done.returncode, done.stdout + done.stderr, seconds)


def grade_each(folder: Path, commands: Iterable[Iterable[str]]) -> list[Result]:
    """Runs one pytest after the other in a copy: for many that are over at once."""
    variables = environment(folder / "home")
    done = [forked_pytest.run(folder, variables, *OPTIONS, *each) for each in commands]
    return [_result(one.returncode, one.stdout + one.stderr) for one in done]


def _result(code: int, output: str, seconds: float = 0.0) -> Result:
    assert "Traceback" not in output, output
    assert "INTERNALERROR" not in output, output
    return Result(code, output, seconds)
