"""Reads what a submission's process answered, believing nothing of it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from harness.system.strict_json import NotJson, parse
from reference.errors import UserError
from reference.fields import shown

_MAX_NETWORKS = 16
_MAX_NOTES = 50
_MAX_TEXT = 500
_MAX_MESSAGE = 2000


def read(line: bytes) -> dict[str, Any]:
    """Returns the document that a line of JSON holds, with the keys that a document has.

    Raises:
        UserError: it is not one, or holds a number or a text that cannot be worked with.
    """
    try:
        document = parse(line)
    except NotJson as problem:
        raise UserError(f"the description of the network {problem}") from problem
    if not isinstance(document, dict):
        raise UserError("the process answered something that is not a description")
    networks = _listed(document, "networks", _MAX_NETWORKS)
    for network in networks:
        if not isinstance(network.get("class"), str) or "config" not in network:
            raise UserError("the process described a network without class or configuration")
    notes = _listed(document, "notes", _MAX_NOTES)
    for note in notes:
        if not isinstance(note.get("kind"), str) or not _is_text(note.get("text"), _MAX_TEXT):
            raise UserError("the process answered a note that is none")
    error = document.get("error")
    if error is not None and not (
        isinstance(error, Mapping)
        and isinstance(error.get("stage"), str)
        and isinstance(error.get("message"), str)
    ):
        raise UserError("the process answered an error that is none")
    if error is None and not networks:
        raise UserError("the process gave no network and no reason")
    if error is not None:
        error = {**error, "message": error["message"][:_MAX_MESSAGE]}
    return {"networks": networks, "notes": notes, "error": error}


def _is_text(value: object, length: int) -> bool:
    return isinstance(value, str) and len(value) <= length


def _listed(document: Mapping[str, Any], key: str, most: int) -> list[dict[str, Any]]:
    found = document.get(key)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise UserError(f"the process answered no list of {key}")
    if len(found) > most:
        raise UserError(f"the process answered {len(found)} {key}; at most {most} are read")
    return found


def status(error: Mapping[str, Any]) -> str:
    """Returns results.json's status for a submission that gave no network but this reason."""
    return "timeout" if error.get("stage") == "timeout" else "failed"


def is_lasting(document: Mapping[str, Any]) -> bool:
    """Whether another time would give the same answer: whether no clock had a part in it."""
    error, notes = document["error"], document["notes"]
    stopped = any(isinstance(note, Mapping) and note.get("kind") == "stopped" for note in notes)
    return not stopped and (error is None or status(error) != "timeout")


MAX_FILES = 1000


MAX_BYTES = 100 << 20


_MAX_NAME = 200


@dataclass(frozen=True)
class Submitted:
    """What somebody handed in.

    Attributes:
        main: the name of the file to open, among `files`.
        files: contents by name, relative to the submission's folder, with "/" between folders.
    """

    main: str
    files: Mapping[str, bytes]


def packed(submitted: Submitted) -> int:
    """Returns a descriptor of an anonymous file, in memory, that holds a submission.

    A line of JSON, {"main": ..., "files": [[name, size], ...]}, then the contents one by one.

    Raises:
        UserError: it is too large, or a name is not one of a file in the submission's folder.
    """
    _check(submitted)
    listed = [[name, len(content)] for name, content in submitted.files.items()]
    header = json.dumps({"main": submitted.main, "files": listed}).encode() + b"\n"
    descriptor = os.memfd_create("submission")
    with os.fdopen(os.dup(descriptor), "wb") as file:
        for part in (header, *submitted.files.values()):
            file.write(part)
    return descriptor


def _check(submitted: Submitted) -> None:
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
                f"{shown(name)} cannot be the name of a file here; expected one inside the "
                "submission's folder, of printable characters, "
                f"{_MAX_NAME} bytes at most"
            )


def _is_plain(name: str) -> bool:
    """Whether a name is relative, stays below, and says nothing but where the file is."""
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
