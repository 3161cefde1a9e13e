"""One grading as a process that is watched and killed, and what it leaves behind."""

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.fault_injection import processes
from tests.fault_injection.processes import Process
from tests.fault_injection.sample import Sample
from tests.support.project_copy import command

_LOOK_S = 0.05
# For what should take a moment, on a busy machine.
PATIENCE_S = 60.0

# Of a record: when it was written, and which file it is.
Mark = tuple[int, int]


class Grading:
    """The real command on a sample, begun."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self.began = time.monotonic()
        self._output = sample.root / f"output of {sample.reports}.txt"
        with self._output.open("w") as file:
            self._process = subprocess.Popen(
                command(*sample.arguments), cwd=sample.project, env=sample.environment,
                stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    def family(self) -> list[Process]:
        """All its processes now."""
        return processes.tree(self.pid, processes.everything())

    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self) -> int:
        """Returns its exit code, which takes a while."""
        return self._process.wait(600)

    def wait_until(self, second: float) -> bool:
        """Waits for a moment of its life; False when it ended before."""
        while time.monotonic() < self.began + second:
            if self.ended():
                return False
            time.sleep(_LOOK_S)
        return True

    def kill(self, role: str, choose: float) -> list[Process] | None:
        """Kills one of a role, as soon as there is one; None when the grading ended before.

        Args:
            choose: which of several, from 0 to 1.

        Returns:
            All its processes at that moment.
        """
        while not self.ended():
            family = self.family()
            among = processes.by_role(self.pid, family).get(role)
            if among:
                os.kill(among[int(choose * len(among))].pid, signal.SIGKILL)
                return family
            time.sleep(_LOOK_S)
        return None


def seconds_until_gone(family: list[Process], sample: Sample) -> float | None:
    """Waits until nobody of a grading is there any more; None when somebody stays."""
    began = time.monotonic()
    while processes.left(family, sample.root):
        if time.monotonic() > began + PATIENCE_S:
            return None
        time.sleep(_LOOK_S)
    return time.monotonic() - began


def records(store: Path) -> dict[str, Mark]:
    """Returns what is finished, by key."""
    found = {}
    for path in store.glob("records/*/*/manifest.json"):
        status = path.stat()
        found[path.parent.name] = (status.st_mtime_ns, status.st_ino)
    return found


def results(sample: Sample) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((sample.report / "results.json").read_text("utf-8"))
    return document


def cached(document: Mapping[str, Any]) -> dict[str, bool]:
    """Returns of each training whether it came from the store."""
    return {run["key"]: run["cached"] for one in document["subjects"] for run in one["runs"]}


def leftovers(sample: Sample) -> list[str]:
    """Returns what should not be there when nobody is at work: temporary files, and locks."""
    store, report = sample.store, sample.report
    paths = [
        *(store / "incoming").glob("*"),
        *(store / "data").glob(".*"),
        *(store / "quarantine").glob("*"),
        *store.glob(".*"),
        *report.rglob(".*"),
        *sample.temporary.glob("*"),
    ]
    found = [str(path.relative_to(sample.root)) for path in paths]
    with (store / "leases").open("rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            found.append("a lock")
    return found
