"""A real Dask scheduler with real workers, processes of their own on the loopback interface.

They start in a folder that has nothing of this project, as on another machine: what they need of it
has to reach them.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

DEADLINE_S = 120
ENDING_S = 5
# A worker that is killed takes its children along only where they notice; nobody restarts it.
_WORKER = ("--nthreads", "1", "--no-dashboard", "--no-nanny", "--host", "127.0.0.1")


@dataclass
class RealCluster:
    """A scheduler and workers; `folder` is where they run, and what they share of a disk."""

    folder: Path
    scheduler: subprocess.Popen[bytes]
    arguments: Sequence[str] = ()
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / "scheduler.json"

    @property
    def address(self) -> str:
        return str(json.loads(self.file.read_text(encoding="utf-8"))["address"])

    def start_worker(
        self, name: str, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> None:
        """Starts a worker; who connects waits for it."""
        command = (
            "worker", "--scheduler-file", str(self.file), "--name", name,
            "--local-directory", str(self.folder / "scratch"), *_WORKER, *self.arguments,
            *arguments,
        )  # fmt: skip
        self.workers[name] = _start(self.folder, name, command, variables or {})

    def kill(self, name: str) -> None:
        """Kills a worker at once."""
        worker = self.workers.pop(name)
        worker.kill()
        worker.wait()

    def kill_scheduler(self) -> None:
        """Kills the scheduler at once."""
        self.scheduler.kill()
        self.scheduler.wait()

    def stop(self) -> None:
        """Ends all of it; the workers first, which want to take their leave of the scheduler."""
        for processes in ([*self.workers.values()], [self.scheduler]):
            for process in processes:
                process.send_signal(signal.SIGTERM)
            for process in processes:
                try:
                    process.wait(ENDING_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def log(self) -> str:
        """What all of them wrote."""
        return "\n".join(path.read_text(errors="replace") for path in self.folder.glob("*.log"))


@contextlib.contextmanager
def real_cluster(
    folder: Path, workers: int, arguments: Sequence[str] = (), protocol: str = "tcp"
) -> Iterator[RealCluster]:
    """Starts a scheduler with so many workers, "w0", "w1" and so on.

    Args:
        arguments: of the scheduler and the workers alike, such as their certificates.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "scheduler.json"
    command = (
        "scheduler", "--scheduler-file", str(file), "--host", f"{protocol}://127.0.0.1",
        "--port", "0", "--no-dashboard", *arguments,
    )  # fmt: skip
    cluster = RealCluster(folder, _start(folder, "scheduler", command, {}), arguments)
    try:
        wait_for(lambda: _is_whole(file), cluster.log)
        for number in range(workers):
            cluster.start_worker(f"w{number}")
        yield cluster
    finally:
        cluster.stop()


def _is_whole(file: Path) -> bool:
    """Whether a file is there that holds a JSON document: the scheduler opens it, then writes."""
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return True


def wait_for(there, why=lambda: "") -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + DEADLINE_S
    while not there():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)


def nodes_of(folder: Path) -> list[int]:
    """Returns the processes, nodes and what they started, that work below a folder."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if str((process / "cwd").readlink()).startswith(f"{folder}/scratch/"):
                found.append(int(process.name))
    return found


def _start(
    folder: Path, name: str, command: Sequence[str], variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *command],
            cwd=folder,
            env={**kept, **variables},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
