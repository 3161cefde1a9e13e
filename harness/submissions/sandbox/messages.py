"""Messages to and from the sandbox: a submission's files, and its answer, which is not trusted."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypedDict

from harness.system.failure import BuildFailure
from harness.system.strict_json import NotJson, parse
from reference.errors import UserError
from reference.fields import shown

MAX_FILES = 1000
MAX_BYTES = 100 << 20
_MAX_NAME = 200

MAX_NETWORKS = 16
MAX_NOTES = 50
MAX_MESSAGE = 2000
_MAX_TEXT = 500

# To the sandbox ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class SubmittedFiles:
    """A submission's files.

    Attributes:
        main: the name of the file to open, among `files`.
        files: contents by name, relative to the submission's folder, with "/" between folders.
    """

    main: str
    files: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """SHA-256 over names and contents."""
        total = hashlib.sha256(self.main.encode(errors="surrogateescape") + b"\0")
        for name, content in sorted(self.files.items()):
            total.update(name.encode(errors="surrogateescape") + b"\0")
            total.update(hashlib.sha256(content).digest())
        return total.hexdigest()


def pack(submitted: SubmittedFiles) -> int:
    """Returns a descriptor of an anonymous file, in memory, that holds a submission.

    A line of JSON, {"main": ..., "files": [[name, size], ...]}, then the contents one by one.

    Raises:
        UserError: it is too large, or a name does not lie inside the submission's folder.
    """
    _check_files(submitted)
    listed = [[name, len(content)] for name, content in submitted.files.items()]
    header = json.dumps({"main": submitted.main, "files": listed}).encode() + b"\n"
    descriptor = os.memfd_create("submission")
    with os.fdopen(os.dup(descriptor), "wb") as file:
        for part in (header, *submitted.files.values()):
            file.write(part)
    return descriptor


def _check_files(submitted: SubmittedFiles) -> None:
    if submitted.main not in submitted.files:
        raise UserError(f"{shown(submitted.main)} is not among the submission's files")
    if len(submitted.files) > MAX_FILES:
        raise UserError(f"{len(submitted.files)} files; at most {MAX_FILES} are accepted")
    size = sum(len(content) for content in submitted.files.values())
    if size > MAX_BYTES:
        raise UserError(
            f"the files hold {size / 1e6:.0f} MB; at most {MAX_BYTES / 1e6:.0f} MB are accepted"
        )
    folders = {str(parent) for name in submitted.files for parent in PurePosixPath(name).parents}
    for name in submitted.files:
        if not _is_plain(name) or name in folders:
            raise UserError(
                f"{shown(name)} cannot be the name of a file here; expected a path inside the "
                f"submission's folder, of printable characters, at most {_MAX_NAME} bytes long"
            )


def _is_plain(name: str) -> bool:
    """Tells whether a name is relative, stays below, and says nothing but where the file is."""
    path = PurePosixPath(name)
    return (
        0 < len(name.encode(errors="replace")) <= _MAX_NAME
        and name.isprintable()
        and "\\" not in name
        and not path.is_absolute()
        and ".." not in path.parts
        and str(path) == name
        and name != "."
    )


# From the sandbox -------------------------------------------------------------------------------


class Problem(TypedDict):
    """Why a submission gave no network."""

    stage: str
    message: str


class Document(TypedDict):
    """What a submission's process answered, checked for its form; what it says may be untrue."""

    networks: list[Mapping[str, object]]
    notes: list[Mapping[str, object]]
    error: Problem | None


@dataclass(frozen=True)
class Answer:
    """What a submission's process answered.

    Attributes:
        payload: the weights of a saved file, little-endian float32, else empty.
        log: the last that it printed.
    """

    document: Document
    payload: bytes
    log: str


def read(answer: bytes, log: str) -> Answer:
    """Returns an answer as it came from the sandbox: a line of JSON, then the payload.

    Raises:
        UserError: the line is not a document.
    """
    line, _, payload = answer.partition(b"\n")
    try:
        document = parse(line)
    except NotJson as problem:
        raise UserError(f"the description of the network {problem}") from problem
    return Answer(checked(document), payload, log)


def checked(document: object) -> Document:
    """Returns a document whose keys, types and lengths are as `Document` says.

    Raises:
        UserError: they are not.
    """
    if not isinstance(document, Mapping):
        raise UserError("the process answered something that is not a description")
    networks = _listed(document, "networks", MAX_NETWORKS)
    for network in networks:
        if not isinstance(network.get("class"), str) or "config" not in network:
            raise UserError("the process described a network without class or configuration")
    notes = _listed(document, "notes", MAX_NOTES)
    for note in notes:
        text = note.get("text")
        if not isinstance(note.get("kind"), str) or not isinstance(text, str):
            raise UserError("the process answered a note without a kind or a text")
        if len(text) > _MAX_TEXT:
            raise UserError(f"the process answered a note of more than {_MAX_TEXT} characters")
    error = document.get("error")
    if error is None:
        if not networks:
            raise UserError("the process gave no network and no reason")
        return {"networks": networks, "notes": notes, "error": None}
    stage, message = (
        (error.get("stage"), error.get("message")) if isinstance(error, Mapping) else (None, None)
    )
    if not isinstance(stage, str) or not isinstance(message, str):
        raise UserError("the process answered an error without a stage or a message")
    problem = Problem(stage=stage, message=message[:MAX_MESSAGE])
    return {"networks": networks, "notes": notes, "error": problem}


def _listed(document: Mapping[str, object], key: str, most: int) -> list[Mapping[str, object]]:
    found = document.get(key)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise UserError(f"the process answered no list of {key}")
    if len(found) > most:
        raise UserError(f"the process answered {len(found)} {key}; at most {most} are read")
    return found


def failure(document: Document) -> BuildFailure:
    """Returns the failure of a submission that gave no network."""
    error = document["error"]
    assert error is not None  # noqa: S101  (a document has networks or an error)
    return BuildFailure("timeout" if error["stage"] == "timeout" else "failed", error["message"])


def is_lasting(document: Document) -> bool:
    """Tells whether another time would give the same answer: whether no clock had a part in it."""
    error, notes = document["error"], document["notes"]
    stopped = any(note.get("kind") == "stopped" for note in notes)
    return not stopped and (error is None or error["stage"] != "timeout")
