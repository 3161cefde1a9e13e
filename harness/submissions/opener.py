"""From a subject's files to its network: by the sandbox, or as stored when it was opened before."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.jobs.store.store import Store, StoreError
from harness.network import spec as specs
from harness.submissions import saved_weights
from harness.submissions.discovery import Content, Unreadable, read
from harness.submissions.feedback.comparison import compare
from harness.submissions.opened import OpenedSubmission, read_answer
from harness.submissions.sandbox import messages as documents
from harness.submissions.sandbox.client import Answer, Extractor
from harness.submissions.sandbox.messages import Submitted
from harness.submissions.subject import PROJECT, Subject
from harness.system.failure import BuildFailure
from harness.system.hashing import digest
from harness.system.machine import numeric_platform
from reference.errors import UserError
from reference.facts import Facts

# Raise it when the way a submission is opened changes what comes out.
EXTRACT_VERSION = 3

_ANSWER, _PAYLOAD, _SPEC = "answer.json", "weights.bin", "spec.json"


class Opening:
    """Opens subjects; what the sandbox answered is stored under the digest of their files.

    Args:
        facts: of every architecture that a subject may turn out to be.
        fresh: open anew what has been opened before.
        before: called when something is there that has not been opened before.
    """

    def __init__(
        self,
        extractor: Extractor,
        store: Store,
        facts: Mapping[str, Facts],
        *,
        fresh: bool = False,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._extractor = extractor
        self._store = store
        self._facts = facts
        self._fresh = fresh
        self._before = before

    def open(self, subject: Subject) -> OpenedSubmission | BuildFailure:
        """Returns a subject's network, or why there is none."""
        return self._project(subject) if subject.trust == PROJECT else self._stranger(subject)

    def _project(self, subject: Subject) -> OpenedSubmission | BuildFailure:
        """Our own modules are held to their document as they are: nothing is made equivalent."""
        assert subject.architecture is not None  # noqa: S101
        try:
            source = subject.source()
        except UserError as error:
            return BuildFailure("failed", str(error))
        key = self._key("spec", {"name": str(subject.path), "source": source})
        stored = self._stored(key, _SPEC)
        if stored is not None:
            spec = specs.from_json(json.loads(stored[_SPEC]))
        else:
            self._before()
            found = self._extractor.build(str(subject.path), source)
            if isinstance(found, BuildFailure):
                return found
            spec = found
            self._keep(key, {_SPEC: json.dumps(spec.to_json(), sort_keys=True).encode()})
        facts = self._facts[subject.architecture]
        return OpenedSubmission(compare(facts, spec), PROJECT, "build()", original=spec)

    def _stranger(self, subject: Subject) -> OpenedSubmission | BuildFailure:
        try:
            content = read(subject.entry, [subject.architecture] if subject.architecture else [])
        except Unreadable as problem:
            return BuildFailure("failed", str(problem))
        answer = self.answer(content)
        if isinstance(answer, BuildFailure):
            return answer
        found = read_answer(answer, self._facts, subject.architecture, subject.basis)
        return found if isinstance(found, BuildFailure) else self._without_arrays(found)

    def _without_arrays(self, found: OpenedSubmission) -> OpenedSubmission:
        """Puts the weights that came with a network into the store: a class has thousands."""
        if found.weights is None or found.original is None:
            return found
        key, arrays = saved_weights.key(found.original, found.weights), found.weights
        if self._store.get(key) is None:
            self._store.put(
                key, lambda folder: np.savez(folder / "weights.npz", allow_pickle=False, **arrays)
            )
        return replace(found, weights=None, weights_key=key)

    def answer(self, content: Content) -> Answer | BuildFailure:
        """Returns what the sandbox says about some files.

        What took too long or too much is asked again next time: that can have been the machine.
        """
        key = self._key("answer", {"files": content.digest})
        stored = self._stored(key, _ANSWER, _PAYLOAD)
        if stored is not None:
            document = json.loads(stored[_ANSWER])
            return Answer(document["document"], stored[_PAYLOAD], document["log"])
        self._before()
        found = self._extractor.open(Submitted(content.main, content.files))
        if isinstance(found, Answer) and documents.is_lasting(found.document):
            text = json.dumps({"document": found.document, "log": found.log}, sort_keys=True)
            self._keep(key, {_ANSWER: text.encode(), _PAYLOAD: found.payload})
        return found

    def _key(self, kind: str, what: Mapping[str, Any]) -> str:
        platform = numeric_platform()
        return digest(
            {"kind": kind, "extract": EXTRACT_VERSION, "keras": platform["keras"],
             "tensorflow": platform["tensorflow"], **what}
        )  # fmt: skip

    def _stored(self, key: str, *names: str) -> Mapping[str, bytes] | None:
        """Returns files that were kept; what cannot be read is opened anew, as if not there."""
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

        # What cannot be kept has been opened all the same; the end of the run tells of it.
        with suppress(StoreError):
            self._store.discard(key)
            self._store.put(key, write)
