"""Opens subjects: by the sandbox, or as stored when the same files were opened before."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.jobs.kinds.errors import JobFailed
from harness.jobs.progress import Progress
from harness.jobs.store.store import Store, StoreError
from harness.network import spec as specs
from harness.submissions import saved_weights
from harness.submissions.discovery import Unreadable, read
from harness.submissions.feedback.comparison import compare
from harness.submissions.opened import OpenedSubmission, read_answer
from harness.submissions.sandbox import messages
from harness.submissions.sandbox.client import Sandbox
from harness.submissions.sandbox.messages import Answer, SubmittedFiles
from harness.submissions.subject import PROJECT, Subject
from harness.system.failure import BuildFailure
from harness.system.futures import Shared, fail, follow
from harness.system.hashing import digest
from harness.system.machine import numeric_platform
from reference.errors import UserError
from reference.facts import Facts

# Raise it when the way a submission is opened changes what comes out.
EXTRACT_VERSION = 3

_ANSWER, _PAYLOAD, _SPEC = "answer.json", "weights.bin", "spec.json"

Found = OpenedSubmission | BuildFailure


class Opener:
    """Opens subjects; what the sandbox answered is stored under the digest of their files.

    Args:
        facts: of every architecture that a subject may turn out to be.
        fresh: whether to open again what has been opened before.
        before: called when a subject is there that has not been opened before.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        store: Store,
        facts: Mapping[str, Facts],
        *,
        fresh: bool = False,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._sandbox = sandbox
        self._store = store
        self._facts = facts
        self._fresh = fresh
        self._before = before

    def open(self, subject: Subject) -> Found:
        """Returns a subject's network, or why it gave none."""
        if subject.trust == PROJECT:
            return self._open_project(subject)
        try:
            files = read(subject.entry, [subject.architecture] if subject.architecture else [])
        except Unreadable as problem:
            return BuildFailure("failed", str(problem))
        answer = self.answer(files)
        if isinstance(answer, BuildFailure):
            return answer
        found = read_answer(answer, self._facts, subject.architecture, subject.basis)
        if isinstance(found, BuildFailure) or found.weights is None:
            return found
        # A class has thousands of networks: their weights go into the store.
        key, arrays = saved_weights.key(found.original, found.weights), found.weights
        if self._store.get(key) is None:
            self._store.put(
                key, lambda folder: np.savez(folder / "weights.npz", allow_pickle=False, **arrays)
            )
        return replace(found, weights=None, weights_key=key)

    def _open_project(self, subject: Subject) -> Found:
        """Opens a module of the project: compared with its document as it is, not normalised."""
        assert subject.architecture is not None  # noqa: S101
        try:
            source = subject.source()
        except UserError as error:
            return BuildFailure("failed", str(error))
        key = self._key("spec", name=str(subject.path), source=source)
        stored = self._stored(key, _SPEC)
        if stored is not None:
            spec = specs.from_json(json.loads(stored[_SPEC]))
        else:
            self._before()
            built = self._sandbox.build(str(subject.path), source)
            if isinstance(built, BuildFailure):
                return built
            spec = built
            self._keep(key, {_SPEC: json.dumps(spec.to_json(), sort_keys=True).encode()})
        comparison = compare(self._facts[subject.architecture], spec)
        return OpenedSubmission(comparison, PROJECT, "build()", spec)

    def answer(self, files: SubmittedFiles) -> Answer | BuildFailure:
        """Returns what the sandbox answers about some files.

        A submission that took too long or too much is opened again next time: that can have been
        the machine.
        """
        key = self._key("answer", files=files.digest)
        stored = self._stored(key, _ANSWER, _PAYLOAD)
        if stored is not None:
            with suppress(ValueError, KeyError, UserError):  # then it is opened again
                kept = json.loads(stored[_ANSWER])
                return Answer(messages.checked(kept["document"]), stored[_PAYLOAD], kept["log"])
        self._before()
        found = self._sandbox.open(files)
        if isinstance(found, Answer) and messages.is_lasting(found.document):
            text = json.dumps({"document": found.document, "log": found.log}, sort_keys=True)
            self._keep(key, {_ANSWER: text.encode(), _PAYLOAD: found.payload})
        return found

    def _key(self, kind: str, **of: str) -> str:
        platform = numeric_platform()
        return digest(
            {"kind": kind, "extract": EXTRACT_VERSION, "keras": platform["keras"],
             "tensorflow": platform["tensorflow"], **of}
        )  # fmt: skip

    def _stored(self, key: str, *names: str) -> Mapping[str, bytes] | None:
        """Returns stored files; where they cannot be read, the subject is opened again."""
        try:
            folder = None if self._fresh else self._store.get(key)
            if folder is None:
                return None
            return {name: (folder / name).read_bytes() for name in names}
        except (StoreError, FileNotFoundError):  # another run is just putting a fresh one there
            return None

    def _keep(self, key: str, files: Mapping[str, bytes]) -> None:
        def write(folder: Path) -> None:
            for name, content in files.items():
                (folder / name).write_bytes(content)

        # The subject has been opened all the same; the end of the run reports the store's failure.
        with suppress(StoreError):
            self._store.discard(key)
            self._store.put(key, write)


class OpeningPool:
    """Opens subjects in the background, each once, when it is first asked for.

    Args:
        at_once: how many at a time; each waits for a process of the sandbox.
    """

    def __init__(self, opener: Opener, progress: Progress, at_once: int) -> None:
        self._opener = opener
        self._progress = progress
        self._pool = ThreadPoolExecutor(at_once, "opening")
        self._opened: Shared[Found] = Shared()

    def opened(self, subject: Subject) -> Future[Found]:
        """Returns the future of a subject's network, and starts to open it at the first call."""

        def begin(target: Future[Found]) -> None:
            self._progress.expect_openings(1)
            target.add_done_callback(lambda _: self._progress.opened())
            try:
                follow(self._pool.submit(self._opener.open, subject), target)
            except RuntimeError:  # the pool has been shut down
                fail(JobFailed("skipped", "the session has ended"), target)

        return self._opened.get(subject.id, begin)

    def stop(self) -> None:
        """Cancels pending subjects."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def wait(self) -> None:
        """Waits for subjects that `stop` could not cancel."""
        self._pool.shutdown(wait=True)
