"""A process beside a Dask worker that does one job after another: our own pool, of one worker.

So a job on a cluster has the same limits of time and memory, and the same error messages, as on
this machine. A node keeps published data and a few records of its own; it asks for what it lacks.

in   {"action": "hello"}
     {"action": "do" | "verify" | "keep", "job": {...}, "limit": {...} | null, "inputs": {...},
      "payloads": [{"kind": "record" | "images" | "letters", "name": ..., "path": ...}]}
out  {"event": "epoch", ...}     any number of times, then one of
     {"event": "hello", "platform": {...}, ...}
     {"event": "done", "key": ..., "folder": ...}     {"event": "verified", "document": {...}}
     {"event": "failed", "status": ..., "message": ...}
     {"event": "missing", "inputs": {...}}             to be sent with the next request, or,
                                                      after "keep", still missing
     {"event": "refused", "expected": {...}, "actual": {...}}     a platform other than the job's
     {"event": "broken", "message": ...}              a fault of this machine, not of the job
"""

import argparse
import contextlib
import os
import queue
import select
import shutil
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from threading import Event, Thread
from typing import Any

from harness.data import publish
from harness.data.letters import open_letters
from harness.data.shared_arrays import open_published
from harness.jobs.cluster import payloads
from harness.jobs.cluster.payloads import own_images
from harness.jobs.kinds import registry
from harness.jobs.kinds.base import Inputs, Job
from harness.jobs.kinds.errors import JobFailed, StoreFailed
from harness.jobs.kinds.train import TrainJob
from harness.jobs.kinds.verify import Verifier
from harness.jobs.local.scheduler import Scheduler
from harness.jobs.store.store import Store
from harness.network.cost import TimeLimit
from harness.system.failure import BuildFailure
from harness.system.machine import cores, describe_cpu, numeric_platform
from harness.system.processes.json_process import answer_all, take_output

Reply = Callable[[Mapping[str, object]], None]

# A node without a request for so long ends: the controller of its cluster may have been killed. It
# is started again, in some seconds, when it is needed.
IDLE_S = 300
# Verifying a run, and altering images for it, follow soon after it; older records are dropped.
_KEPT_RECORDS = 8


class Node:
    """Answers the requests of a Dask worker.

    Args:
        folder: its own: data it may use, records, logs.
        shared: published data that all nodes of this machine share.
        hint: where the controller's published data are, if this machine can see them.
        module: what its worker runs; None for the worker that trains.
    """

    def __init__(self, folder: Path, shared: Path, hint: Path, module: str | None = None) -> None:
        self._data = folder / "data"
        self._data.mkdir(parents=True, exist_ok=True)
        self._store = Store(folder / "store")
        self._shared, self._hint = shared, hint
        self._logs = folder / "logs"
        self._reply: Reply = lambda _document: None
        self._scheduler = Scheduler(
            1,
            self._data,
            self._store.root,
            self._logs,
            lambda _job, event: self._reply(event) if event["event"] == "epoch" else None,
            module,
        )
        self._verifier = Verifier(self._scheduler.fork, self._logs / "verifying.log")
        self._records: list[str] = []

    def stop(self) -> None:
        """Ends its processes."""
        self._verifier.stop()
        self._scheduler.stop()

    def handle(self, request: Mapping[str, Any], reply: Reply) -> None:
        """Answers one request."""
        if request["action"] == "hello":
            reply({"event": "hello", **describe()})
            return
        job = registry.from_json(request["job"])
        expected = dict(job.platform)
        own = numeric_platform()
        actual = {name: own.get(name) for name in expected}
        if actual != expected:
            reply({"event": "refused", "expected": expected, "actual": actual})
            return
        inputs = Inputs.from_json(request["inputs"])
        self._forget(inputs.records)
        for payload in request["payloads"]:
            self._keep(payload)
        lacking = self._lacking(inputs)
        if lacking or request["action"] == "keep":
            reply({"event": "missing", "inputs": lacking.to_json()})
            return
        self._reply = reply
        limit = request["limit"]
        if request["action"] == "verify":
            reply(self._verified(job))
        else:
            reply(self._done(job, TimeLimit(**limit) if limit else None))

    def _done(self, job: Job, limit: TimeLimit | None) -> dict[str, object]:
        try:
            key = self._scheduler.submit(job, 0.0, limit).result()
        except StoreFailed:  # our own disk; the controller's has room
            raise
        except JobFailed as error:
            return {"event": "failed", "status": error.status, "message": str(error)}
        self._records.append(key)
        return {"event": "done", "key": key, "folder": str(self._store.folder(key))}

    def _verified(self, job: Job) -> dict[str, object]:
        if not isinstance(job, TrainJob):
            raise TypeError(f"a {type(job).__name__} is not a training that can be repeated")
        found = self._verifier.verify(job, self._store.folder(job.key), self._data)
        if isinstance(found, BuildFailure):
            return {"event": "failed", "status": found.status, "message": found.message}
        return {"event": "verified", "document": found.to_json()}

    def _forget(self, wanted: Iterable[str]) -> None:
        """Drops all but the newest records: they are at home in the controller's store."""
        old = [key for key in self._records[:-_KEPT_RECORDS] if key not in wanted]
        for key in old:
            self._store.discard(key)
            self._records.remove(key)

    def _keep(self, payload: Mapping[str, str]) -> None:
        kind, name, path = payload["kind"], payload["name"], Path(payload["path"])
        if kind == "images":
            payloads.keep_images(self._shared, name, path.read_bytes())
        elif kind == "letters":
            payloads.keep_letters(self._shared, name, path.read_bytes())
        else:
            self._store.discard(name)
            payloads.keep_record(self._store, name, payloads.pack_record(path))
            self._records.append(name)

    def _lacking(self, inputs: Inputs) -> Inputs:
        return Inputs(
            tuple(key for key in inputs.records if self._store.get(key) is None),
            tuple(one for one in inputs.images if not self._has(one, one, _images_are_whole)),
            tuple(one for one in inputs.letters if not self._has(f"{one}.npz", one, open_letters)),
        )

    def _has(self, name: str, digest: str, check: Callable[[Path, str], object]) -> bool:
        """Whether published data are there, or can be had from this machine's own disk.

        Data that are there were verified when this node first saw them.
        """
        place = self._data / name
        if place.exists():
            return True
        for folder in (self._shared, self._hint, self._shared):
            with contextlib.suppress(OSError, ValueError):
                check(folder, digest)
                place.symlink_to((folder / name).absolute())
                return True
            if folder == self._hint and (found := own_images(digest)) is not None:
                publish(found, self._shared)
        return False


def describe() -> dict[str, object]:
    """Returns what this machine is, as far as a controller needs to know."""
    return {"platform": numeric_platform(), "cpu": describe_cpu(), "cores": cores()}


def _images_are_whole(folder: Path, digest: str) -> None:
    open_published(folder, digest, verify=True)


class _Requests:
    """Takes requests from standard input while a thread of its own answers them in turn.

    So the end of the Dask worker, which closes the input, is noticed in the middle of a job.
    """

    def __init__(self, handle: Callable[[Mapping[str, Any], Reply], None]) -> None:
        self._handle = handle
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._idle = Event()
        self._idle.set()

    def serve(self, idle_s: float) -> None:
        """Returns when the input closes, or after so long without a request."""
        requests = iter(self._lines.get, None)
        answering = (self._answer, requests, take_output())
        Thread(target=answer_all, args=answering, daemon=True).start()
        buffer = b""
        while True:
            readable, _, _ = select.select([0], [], [], idle_s)
            if not readable:
                if self._idle.is_set():
                    return
                continue
            chunk = os.read(0, 1 << 20)
            if not chunk:
                return
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                self._idle.clear()
                self._lines.put(line)

    def _answer(self, request: Mapping[str, Any], reply: Reply) -> None:
        try:
            self._handle(request, reply)
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001  (the request waits for an answer)
            traceback.print_exc()  # for the log
            reply({"event": "broken", "message": f"{type(error).__name__}: {error}"})
        finally:
            self._idle.set()


def main() -> int:
    """Serves on standard input and output; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m harness.jobs.cluster.node")
    parser.add_argument("folder", type=Path, help="for this node alone")
    parser.add_argument("--shared", type=Path, required=True, help="published data")
    parser.add_argument("--hint", type=Path, required=True, help="the controller's published data")
    parser.add_argument("--module", help="what its worker runs")
    parser.add_argument("--idle", type=float, default=IDLE_S, metavar="SECONDS")
    options = parser.parse_args()
    node = Node(options.folder, options.shared, options.hint, options.module)
    try:
        _Requests(node.handle).serve(options.idle)
    finally:
        node.stop()
        shutil.rmtree(options.folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
