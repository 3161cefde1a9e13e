"""Parses JSON of unknown origin: into what every later reader can work with, or refuses it.

Python's own parser takes NaN and numbers beyond any float for JSON, keeps halves of surrogate
pairs, and lets `RecursionError` through.
"""

import json
import math
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 64
"""Lists and objects within one another: far more than any document here has, and few enough for
whatever walks through them by calling itself."""

_MAX_INTEGER = 1 << 63


class NotJson(ValueError):
    """The text is not such JSON; the message follows the name of a file: "is nested too deeply"."""


def parse(data: bytes, *, strict: bool = True) -> Any:
    """Returns the JSON value that some bytes hold, after a byte order mark where there is one.

    Args:
        strict: also refuse what only some readers can work with: numbers that are not finite or of
            more than 64 bits, and text that is not Unicode.

    Raises:
        NotJson: it is not JSON, or is nested more than `MAX_DEPTH` deep.
    """
    try:
        value = json.loads(data.decode("utf-8-sig"), parse_constant=_refuse if strict else None)
    except NotJson:
        raise
    except UnicodeDecodeError as error:
        raise NotJson(f"is not UTF-8 text (byte {error.start}), but should be JSON") from None
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" at")  # "Unterminated string starting at"
        raise NotJson(f"is not JSON: {what} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise NotJson("is nested too deeply") from None
    except ValueError:  # Python's limit on digits
        raise NotJson("holds a number of too many digits") from None
    _check(value, strict=strict)
    return value


def _refuse(constant: str) -> NoReturn:
    raise NotJson(f"says {constant}, which is not a JSON number")


def _check(document: object, *, strict: bool) -> None:
    """Sees that whatever reads the document later can: without calling itself."""
    level, depth = [document], 0
    while level:
        if depth > MAX_DEPTH:
            raise NotJson("is nested too deeply")
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                below += value.values()
                if strict:
                    below += value  # its keys, which are texts
            elif isinstance(value, list):
                below += value
            elif strict:
                _check_scalar(value)
        level, depth = below, depth + 1


def _check_scalar(value: object) -> None:
    if isinstance(value, str):
        if not value.isascii():
            _check_text(value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise NotJson("holds a number that is not finite")
    elif isinstance(value, int) and abs(value) >= _MAX_INTEGER:
        raise NotJson("holds a number of more than 64 bits")


def _check_text(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotJson("holds text that is not Unicode") from None
