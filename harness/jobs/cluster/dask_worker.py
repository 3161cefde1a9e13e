"""What runs inside a Dask worker: it keeps nodes, and hands each one job after another.

Sent there by value: a Dask worker has Dask and the packages of requirements.txt, and none of this
project. So this module imports nothing of it, and is never imported by its name
(`cluster.connection`). The project's code comes along as an archive and is run by processes
of its own, the nodes: nothing of it stays in a worker that others use, too, and two versions of it
never meet.
"""

import contextlib
import io
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from distributed.diagnostics.plugin import WorkerPlugin

Document = Mapping[str, Any]

SHARED = "mnist-grader-data"
_LOG_CHARACTERS = 4000
# How often to check whether a running job is still wanted.
_LOOK_S = 1.0
# A node stops its own jobs at their limits, and says so; one that does not is beyond help.
_GRACE_S = 120.0


class NodeDied(Exception):
    """A node ended without an answer; the message says how, with the end of its log."""


@dataclass(frozen=True)
class Setup:
    """What a worker's nodes need.

    Attributes:
        name: of this session, unlike any other's; the prefix that `dead_sessions` is told, and
            the client's id.
        code: the project as a zip archive.
        hint: where the controller's published data are; some machines share a disk.
        options: further arguments of every node.
        variables: of its environment.
    """

    name: str
    code: bytes
    hint: str
    options: tuple[str, ...]
    variables: Mapping[str, str]


class Nodes(WorkerPlugin):  # type: ignore[misc]  # Dask is not typed
    """One session's nodes on one Dask worker: as many as it runs jobs at once."""

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup

    def setup(self, worker: Any) -> None:
        """Unpacks the code; called in each worker, also in those that join later."""
        self._worker = worker
        place = Path(worker.local_directory)
        self.folder = place / self.name
        self.shared = place.parent / SHARED
        with zipfile.ZipFile(io.BytesIO(self._setup.code)) as archive:
            archive.extractall(self.folder / "code")
        self._numbers = itertools.count()
        self._idle: list[_Node] = []
        self._all: set[_Node] = set()
        self._lock = Lock()
        self._fetching = Lock()
        self._closed = False

    def teardown(self, worker: Any) -> None:  # noqa: ARG002  (Dask's signature)
        """Ends the nodes; what they were at is lost."""
        with self._lock:
            self._closed = True
            nodes = list(self._all)
        for node in nodes:
            node.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(
        self,
        request: Document,
        on_event: Callable[[Document], None] = lambda _event: None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Document:
        """Has an idle node, or a new one, answer a request.

        Args:
            on_event: told of what it reports meanwhile.
            wanted: whether the answer is still wanted; the node is ended when not.

        Raises:
            NodeDied: it ended without an answer.
        """
        node = self._take()
        try:
            answer = node.ask(request, on_event, wanted)
        except BaseException:
            node.kill()
            with self._lock:
                self._all.discard(node)
            raise
        with self._lock:
            self._idle.append(node)
        return answer

    def perform(self, request: Document, payloads: Sequence[Any], topic: str) -> Document:
        """Does what a task asks for; returns the node's answer, with the files that it names.

        Args:
            payloads: inputs that an earlier answer said were missing, each its kind and name as in
                `harness.jobs.cluster.node`, and bytes, or by name those of a record's files.
            topic: where its progress is told.
        """
        from distributed.worker import thread_state  # noqa: PLC0415  (cannot be sent along)

        address = self._worker.address
        task = self._worker.state.tasks.get(thread_state.key)

        def tell(event: Document) -> None:
            self._worker.log_event(topic, {**event, "job": request["key"]})

        def wanted() -> bool:
            return task is None or task.state != "cancelled"

        unpacked = self.folder / "payloads" / os.urandom(8).hex()
        try:
            known = [_put(unpacked / str(number), *one) for number, one in enumerate(payloads)]
            answer = self.ask({**request, "payloads": known}, tell, wanted)
            if _can_fetch(request, answer):
                self._fetch(request, unpacked, wanted)
                answer = self.ask({**request, "payloads": known}, tell, wanted)
        except NodeDied as error:
            return {"event": "died", "message": str(error), "worker": address}
        except OSError as error:  # as with a full disk
            return {"event": "broken", "message": str(error), "worker": address}
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)
        if answer["event"] == "done":
            answer = {**answer, "files": _files(Path(answer["folder"]))}
        return {**answer, "worker": address}

    def _fetch(self, request: Document, folder: Path, wanted: Callable[[], bool]) -> None:
        """Has images that are not here come from a worker that has them, once for all of ours."""
        from distributed import get_client  # noqa: PLC0415  (as above)

        client = get_client()
        keep = {**request, "action": "keep", "limit": None}
        with self._fetching:
            # Asked again: another thread may have fetched them meanwhile.
            found = []
            for digest in _lacking(self.ask({**keep, "payloads": []}, wanted=wanted)):
                # The worker that had them may be gone: the controller is asked next.
                with contextlib.suppress(Exception):
                    images = client.gather(client.get_dataset(request["images_at"][digest]))
                    found.append(_put(folder / digest, "images", digest, images))
            if found:
                self.ask({**keep, "payloads": found}, wanted=wanted)

    def hello(self) -> Document:
        """Asks a node what machine it is on."""
        try:
            return self.ask({"action": "hello"})
        except (NodeDied, OSError) as error:
            return {"event": "died", "message": str(error)}

    def _take(self) -> "_Node":
        with self._lock:
            if self._closed:
                raise NodeDied("the session has ended")
            while self._idle:
                node = self._idle.pop()
                if node.alive():
                    return node
                self._all.discard(node)
            node = _Node(self.folder, self.shared, next(self._numbers), self._setup)
            self._all.add(node)
            return node


class _Node:
    """A process that speaks lines of JSON; see `harness.jobs.cluster.node`."""

    def __init__(self, folder: Path, shared: Path, number: int, setup: Setup) -> None:
        code = folder / "code"
        path = os.pathsep.join(filter(None, [str(code), os.environ.get("PYTHONPATH")]))
        self._log = folder / f"node-{number}.log"
        with self._log.open("wb") as errors:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "harness.jobs.cluster.node",
                    str(folder / f"node-{number}"),
                    "--shared", str(shared), "--hint", setup.hint, *setup.options,
                ],
                cwd=code,
                env={**os.environ, **setup.variables, "PYTHONPATH": path},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )  # fmt: skip
        self._buffer = b""

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in filter(None, (self._process.stdin, self._process.stdout)):
            with contextlib.suppress(OSError):
                pipe.close()

    def ask(
        self, request: Document, on_event: Callable[[Document], None], wanted: Callable[[], bool]
    ) -> Document:
        limit = request.get("limit")
        deadline = time.monotonic() + limit["seconds"] + _GRACE_S if limit else None
        assert self._process.stdin is not None  # noqa: S101  (asked for with PIPE)
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._death() from None
        for event in self._events(deadline, wanted):
            if event["event"] != "epoch":
                return event
            on_event(event)
        raise self._death()

    def _events(self, deadline: float | None, wanted: Callable[[], bool]) -> Iterator[Document]:
        assert self._process.stdout is not None  # noqa: S101  (asked for with PIPE)
        descriptor = self._process.stdout.fileno()
        while True:
            while b"\n" in self._buffer:
                line, self._buffer = self._buffer.split(b"\n", 1)
                yield json.loads(line)
            if not wanted():
                raise NodeDied("its answer is not wanted any more")
            if deadline is not None and time.monotonic() >= deadline:
                raise NodeDied("it goes on after its job's limit")
            readable, _, _ = select.select([descriptor], [], [], _LOOK_S)
            if readable:
                chunk = os.read(descriptor, 1 << 20)
                if not chunk:
                    return
                self._buffer += chunk

    def _death(self) -> NodeDied:
        code = self._process.wait()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
        words = self._log.read_bytes()[-_LOG_CHARACTERS:].decode(errors="replace").strip()
        return NodeDied(f"a node of the cluster {how}" + (f":\n{words}" if words else ""))


def perform(name: str, request: Document, payloads: Sequence[Any], topic: str) -> Any:
    """The task that Dask runs. It is small, since it travels with every job."""
    from distributed import worker  # noqa: PLC0415  (nothing of its own module is sent along)

    return worker.get_worker().plugins[name].perform(request, payloads, topic)


def hello(name: str, dask_worker: Any) -> Any:
    """Run in every worker at once."""
    return dask_worker.plugins[name].hello()


def dead_sessions(prefix: str, dask_scheduler: Any) -> list[str]:
    """Run in the scheduler: the names of sessions, prefix and client, whose client has gone."""
    return [
        name
        for name in dask_scheduler.worker_plugins
        if name.startswith(prefix) and name.removeprefix(prefix) not in dask_scheduler.clients
    ]


def _can_fetch(request: Document, answer: Document) -> bool:
    """Whether the images that a node lacks lie on another worker."""
    lacking = _lacking(answer)
    return bool(lacking) and set(lacking) <= set(request["images_at"])


def _lacking(answer: Document) -> Sequence[str]:
    """The digests of the images that an answer says are missing."""
    return answer["inputs"]["images"] if answer["event"] == "missing" else ()


def _put(path: Path, kind: str, name: str, content: Any) -> Document:
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "record":
        path.mkdir()
        for file, part in content.items():
            (path / file).write_bytes(part)
    else:
        path.write_bytes(content)
    return {"kind": kind, "name": name, "path": str(path)}


def _files(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():  # a job that leaves nothing, as those do that only take time
        return {}
    return {path.name: path.read_bytes() for path in folder.iterdir()}
