"""A submission on its way into the sandbox: its files, with names that are safe to write."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from reference.errors import UserError
from reference.fields import shown

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
