"""A real Dask cluster on the loopback interface, and a session's end of it.

Its scheduler and workers are processes of their own. They start in a folder that has nothing of
this project, as on another machine: what they need of it has to reach them.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.data import PARTS, Arrays, Dataset, digest, load_digits, publish
from harness.jobs import planning
from harness.jobs.cluster.address import parse
from harness.jobs.cluster.connection import connect
from harness.jobs.cluster.pool import ClusterPool
from harness.jobs.store.store import Store
from harness.network import documented as network_documented
from harness.network.cost import TimeLimit
from reference import facts as all_facts
from tests.support.check_runner import calibration

LIMIT_S = 180
IDLE = ("--module", "harness.benchmarks.scale.idle_worker")
_TRAIN, _TEST = 300, 100

DEADLINE_S = 120
ENDING_S = 5
# A worker that is killed takes its children along only where they notice; nothing restarts it.
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


def made_up(first=0) -> Dataset:
    """Some of the digits: images that no worker's machine has of its own."""
    digits = load_digits()
    sizes = {part: _TRAIN if "train" in part else _TEST for part in PARTS}
    arrays = Arrays(
        **{part: digits.part(part)[first : first + size] for part, size in sizes.items()}
    )
    return Dataset.of(arrays, name="digits", digest=digest(arrays), source="some digits")


def job_of(name: str, dataset: Dataset, seed: int = 0, epochs: int = 2):
    documented = all_facts.load(name)
    recipe = network_documented.recipe_for(documented, "documented", calibration(name))
    recipe = replace(recipe, epochs=epochs)
    return planning.job_for(network_documented.documented_spec(documented), recipe, dataset, seed)


@dataclass
class Site:
    """A session's end of a cluster: its own data and store."""

    folder: Path
    dataset: Dataset
    pool: ClusterPool = None
    told: list[str] = field(default_factory=list)
    epochs: list[tuple[str, int]] = field(default_factory=list)
    on_epoch: Any = None

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def join(self, address: str, *, options=(), resources=None, offers=True) -> None:
        publish(self.dataset, self.data)
        resources = resources or {}
        connection = connect(
            parse(address, self.folder),
            Path("/nowhere/to/be/seen"),  # by a worker: it shares no disk with us
            self.folder / "cluster",
            self.told.append,
            resources=resources,
            options=options,
        )
        self.pool = ClusterPool(
            connection, self.data, self.store, self.hear, self.told.append, resources
        )
        if offers:
            self.pool.offer(self.dataset.digest)

    def hear(self, job, event) -> None:
        self.epochs.append((job.key, event["epoch"]))
        if self.on_epoch is not None:
            self.on_epoch(job, event["epoch"])

    def done(self, *jobs):
        futures = [self.pool.submit(job, 1.0, TimeLimit(LIMIT_S, "too long")) for job in jobs]
        keys = [future.result(LIMIT_S) for future in futures]
        return [self.store.get(key) for key in keys]


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
