"""What a configuration key may hold, and how every spelling of a value becomes one.

A `Field` reads one key: it returns the canonical, JSON-plain value (`3` becomes `[3, 3]`, `1`
becomes `1.0` where a fraction is meant) or raises `MismatchError`. The sentence saying what was
expected belongs to the field, so every message has the same form.
"""

import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

REQUIRED: Final = object()
"""The default of a key that has none."""

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 8
_SHORT.maxlevel = 3
_MAX_SHOWN = 160


def shown(value: object) -> str:
    """Returns `repr(value)` cut to a length fit for a message, whatever the value."""
    try:
        text = _SHORT.repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, a list in a list in a …
        return f"a value of type {type(value).__name__} that cannot be shown"
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."


def plain(value: object, most: int = 60) -> str:
    """Returns a text on one line, printable and cut to a length; `shown` for other values."""
    text = value if isinstance(value, str) else shown(value)
    return "".join(c if c.isprintable() else "?" for c in text[:most])


class MismatchError(Exception):
    """The value is not what its field expects; the field knows the words for it."""


@dataclass(frozen=True)
class Field:
    """One configuration key.

    Attributes:
        expected: completes the sentence "filters = -3, but should be ...".
        read: returns the canonical value; raises `MismatchError` where the value is not `expected`.
        default: any accepted spelling, or `REQUIRED`.
        same_as: the key whose value is taken where this one's is None.
    """

    expected: str
    read: Callable[[object], Any]
    default: Any = REQUIRED
    same_as: str | None = None

    @property
    def required(self) -> bool:
        """Whether the key must be given."""
        return self.default is REQUIRED


def whole(low: int, high: int, *, default: object = REQUIRED) -> Field:
    """An integer in [low, high]; True and 3.0 are not integers."""

    def read(value: object) -> int:
        return _whole(value, low, high)

    return Field(f"an integer from {low} to {high}", read, default)


def number(
    low: float, high: float, *, below: bool = False, above: bool = False, default: object = REQUIRED
) -> Field:
    """A finite number in [low, high]; `above` leaves out the lower end, `below` the upper."""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise MismatchError
        # A comparison with NaN is false, so NaN and both infinities end here as well.
        if not low <= value <= high or (below and value == high) or (above and value == low):
            raise MismatchError
        return float(value)

    lower = f"greater than {low:g}" if above else f"from {low:g}"
    upper = f"below {high:g}" if below else f"to {high:g}"
    return Field(f"a number {lower} {upper}", read, default)


def boolean(*, default: bool) -> Field:
    """True or False; 1 and 0 are numbers."""

    def read(value: object) -> bool:
        if not isinstance(value, bool):
            raise MismatchError
        return value

    return Field("True or False", read, default)


def choice(
    *names: str, aliases: Mapping[str, str] | None = None, default: object = REQUIRED
) -> Field:
    """One of the names, in any case; an alias is another spelling of a name."""
    spelling = {name: name for name in names} | dict(aliases or {})

    def read(value: object) -> str:
        if not isinstance(value, str) or value.lower() not in spelling:
            raise MismatchError
        return spelling[value.lower()]

    return Field(f"one of {', '.join(names)}", read, default)


def pair(low: int, high: int, *, default: object = REQUIRED, same_as: str | None = None) -> Field:
    """Two integers in [low, high] for height and width; one number stands for both."""

    def read(value: object) -> list[int]:
        items = _items(value if isinstance(value, Sequence) else (value, value), length=2)
        return [_whole(item, low, high) for item in items]

    return Field(f"one or two integers from {low} to {high}", read, default, same_as)


def borders(high: int, *, default: object = REQUIRED) -> Field:
    """Rows and columns to add: n, [rows, columns] or [[top, bottom], [left, right]]."""

    def side(value: object) -> list[int]:
        items = _items(value if isinstance(value, Sequence) else (value, value), length=2)
        return [_whole(item, 0, high) for item in items]

    def read(value: object) -> list[list[int]]:
        items = _items(value if isinstance(value, Sequence) else (value, value), length=2)
        return [side(item) for item in items]

    return Field(
        f"n, [rows, columns] or [[top, bottom], [left, right]], each from 0 to {high}",
        read,
        default,
    )


def sizes(high: int, *, rank: int, inferred: bool = False) -> Field:
    """The shape of one image or feature array; with `inferred`, one size may be -1."""

    def read(value: object) -> list[int]:
        items = _items(value)
        free = sum(type(item) is int and item == -1 for item in items) if inferred else 0
        if not 1 <= len(items) <= rank or free > 1:
            raise MismatchError
        return [-1 if free and item == -1 else _whole(item, 1, high) for item in items]

    also = ", one of them possibly -1" if inferred else ""
    return Field(f"1 to {rank} integers from 1 to {high}{also}", read)


def last_axis() -> Field:
    """The only axis supported: -1, the channels or features."""
    return Field("-1, the last axis", lambda value: _whole(value, -1, -1), -1)


INITIALIZERS: Mapping[str, Mapping[str, Field]] = {
    "Zeros": {},
    "Ones": {},
    "Constant": {"value": number(-1e3, 1e3, default=0.0)},
    "GlorotUniform": {},
    "GlorotNormal": {},
    "HeUniform": {},
    "HeNormal": {},
    "LecunUniform": {},
    "LecunNormal": {},
    "Orthogonal": {"gain": number(-1e3, 1e3, default=1.0)},
    "RandomNormal": {
        "mean": number(-1e3, 1e3, default=0.0),
        "stddev": number(0, 1e3, default=0.05),
    },
    "TruncatedNormal": {
        "mean": number(-1e3, 1e3, default=0.0),
        "stddev": number(0, 1e3, default=0.05),
    },
    "RandomUniform": {
        "minval": number(-1e3, 1e3, default=-0.05),
        "maxval": number(-1e3, 1e3, default=0.05),
    },
    "VarianceScaling": {
        "scale": number(0, 1e3, above=True, default=1.0),
        "mode": choice("fan_in", "fan_out", "fan_avg", default="fan_in"),
        "distribution": choice(
            "truncated_normal", "untruncated_normal", "uniform", default="truncated_normal"
        ),
    },
}
"""Keras 3.15's initializers without their seeds: class name to configuration.

None of them can hold an array, so no spec can bring weights trained elsewhere.
"""


def initializer(default: str) -> Field:
    """An initializer as {"class": "HeUniform", "config": {}}; `default` is a class name."""

    def read(value: object) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not {"class"} <= set(value) <= {"class", "config"}:
            raise MismatchError
        name, config = value["class"], value.get("config", {})
        if not isinstance(name, str) or name not in INITIALIZERS:
            raise MismatchError
        fields = INITIALIZERS[name]
        if not isinstance(config, Mapping) or not set(config) <= set(fields):
            raise MismatchError
        return {
            "class": name,
            "config": {
                key: field.read(config.get(key, field.default)) for key, field in fields.items()
            },
        }

    return Field(
        '{"class": NAME, "config": {...}} with Keras\'s own keys but no seed, and NAME one of '
        + ", ".join(INITIALIZERS),
        read,
        {"class": default, "config": {}},
    )


def _whole(value: object, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise MismatchError
    return value


def _items(value: object, length: int | None = None) -> list[object]:
    if not isinstance(value, list | tuple) or (length is not None and len(value) != length):
        raise MismatchError
    return list(value)
