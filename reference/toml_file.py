"""Parses TOML of unknown origin in bounded time and memory, or refuses it with a reason."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from reference.errors import UserError

MAX_BYTES: Final = 1_000_000
MAX_PARTS: Final = 20
"""Of a dotted key. Python's parser keeps every beginning of one, so that a key of 40,000 parts, in
80 kB, takes it 6 GB; nothing that is read here has more than three."""

_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?)"""
_PARTS = re.compile(_PART)
# Possessive, and matching parts without a dot and texts without an end too: each character is
# looked at once.
_DOTTED = re.compile(rf"{_PART}(?:[ \t]*+\.[ \t]*+{_PART})*+")


def read(
    path: Path, name: str, what: str, *, parse_float: Callable[[str], Any] = float
) -> dict[str, Any]:
    """Returns the outermost table of a file.

    Args:
        name: how messages call the file.
        what: it should be, e.g. "a rubric".
        parse_float: makes a value of a number with a point or an exponent.

    Raises:
        UserError: it cannot be read, is too large or no TOML; names the line where one is known.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{name} cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise UserError(f"{name} has more than {MAX_BYTES:,} bytes, but should be {what}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{name}, line {line}: not UTF-8 text") from error
    _check_keys(text, name)
    try:
        return tomllib.loads(text, parse_float=parse_float)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{name} is not TOML: {error}") from error
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise UserError(
            f"{name} is not TOML that can be read: a number too long, or nested too deeply"
        ) from error


def _check_keys(text: str, name: str) -> None:
    """Refuses a key of very many parts before anything is made of it."""
    for found in _DOTTED.finditer(text):
        if found[0].count(".") >= MAX_PARTS and len(_PARTS.findall(found[0])) > MAX_PARTS:
            line = text.count("\n", 0, found.start()) + 1
            raise UserError(
                f"{name}, line {line}: a key of more than {MAX_PARTS} parts, but should have a "
                "few at most"
            )
