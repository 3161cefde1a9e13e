"""Small readers of JSON values: each checks one kind of thing and says where it is not so.

A reader takes a value and its place ("subjects[2].score") and returns what the page may rely on.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

PIXELS = 28 * 28
LARGEST = 1e100
"""A number beyond is a mistake, and charts could not be drawn to its scale."""

Reader = Callable[[object, str], Any]

_TERMINAL_COLOUR = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
# C0/C1 controls but tab and newline; marks that reorder text around them; halves of a pair
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class ShapeError(Exception):
    """A part of results.json that is not what schema 1 says; the text names the part."""


def clean(value: str) -> str:
    """Returns text without characters that could disturb the page around it."""
    plain = _TERMINAL_COLOUR.sub("", value).replace("\r\n", "\n")
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", plain).strip("\n ")


def kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    shown = names.get(type(value))
    return shown or f"the number {value!r}"[:60]


def _fail(path: str, value: object, expected: str) -> ShapeError:
    return ShapeError(f"{path or 'it'} is {kind(value)}, but should be {expected}")


def text(value: object, path: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise _fail(path, value, "text or null")
    return clean(value)


def name(value: object, path: str) -> str:
    """Text that must be there, as the identity of something."""
    if not isinstance(value, str):
        raise _fail(path, value, "text")
    return clean(value) or "(no name)"


def number(value: object, path: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _fail(path, value, "a number or null")
    return float(value) if abs(value) <= LARGEST else None  # neither where it is no number


def integer(value: object, path: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _fail(path, value, "a whole number or null")
    if isinstance(value, float) and not value.is_integer():
        raise _fail(path, value, "a whole number or null")
    if abs(value) > LARGEST:
        raise _fail(path, value, "a whole number of a size that can be")
    return int(value)


def count(value: object, path: str) -> int:
    """A whole number that must be there and is not negative."""
    whole = integer(value, path)
    if whole is None or whole < 0:
        raise _fail(path, value, "a whole number, 0 or more")
    return whole


def boolean(value: object, path: str) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise _fail(path, value, "true or false")
    return value


def listing(reader: Reader) -> Reader:
    def read(value: object, path: str) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise _fail(path, value, "a list")
        return [reader(item, f"{path}[{place}]") for place, item in enumerate(value)]

    return read


def record(**fields: Reader) -> Reader:
    """An object with these keys; absent and null become each reader's own nothing."""

    def read(value: object, path: str) -> dict[str, Any]:
        given = {} if value is None else value
        if not isinstance(given, Mapping):
            raise _fail(path, value, "an object")
        dot = f"{path}." if path else ""
        return {
            key.rstrip("_"): reader(given.get(key.rstrip("_")), dot + key.rstrip("_"))
            for key, reader in fields.items()
        }

    return read


def mapping(reader: Reader) -> Reader:
    """An object whose keys are anybody's, e.g. names; absent and null become an empty one."""

    def read(value: object, path: str) -> dict[str, Any]:
        given = {} if value is None else value
        if not isinstance(given, Mapping):
            raise _fail(path, value, "an object")
        return {clean(str(key)): reader(item, f"{path}.{key}") for key, item in given.items()}

    return read


def optional(reader: Reader) -> Reader:
    return lambda value, path: None if value is None else reader(value, path)


def settings(value: object, path: str) -> dict[str, Any]:
    """A layer's configuration: any plain JSON values under text keys."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _fail(path, value, "an object")
    return {clean(str(key)): _cleaned(item) for key, item in value.items()}


def _cleaned(value: object) -> object:
    """The same JSON value with every text in it cleaned."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(key)): _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list | tuple) else value


def interval(value: object, path: str) -> tuple[float, float] | None:
    if value is None:
        return None
    ends = listing(number)(value, path)
    if len(ends) != 2:
        raise _fail(path, value, "two numbers or null")
    return None if None in ends else (min(ends), max(ends))


def confusion(value: object, path: str) -> list[list[int]]:
    rows: list[list[int]] = listing(listing(count))(value, path)
    for place, row in enumerate(rows):
        if len(row) != len(rows):
            raise ShapeError(
                f"{path}[{place}] has {len(row)} numbers, but should have {len(rows)}, "
                "one for each row"
            )
    return rows


def pixels(value: object, path: str) -> bytes | None:
    if value is None:
        return None
    try:
        raw = base64.b64decode(name(value, path), validate=True)
    except (binascii.Error, ValueError):
        raise ShapeError(f"{path} is not base64, but should hold {PIXELS} bytes") from None
    if len(raw) != PIXELS:
        raise ShapeError(f"{path} holds {len(raw)} bytes, but should hold {PIXELS} (28 x 28)")
    return raw
