"""The kinds of values in results.json: how each is checked when read, and what null becomes.

Each type of the model is an `Annotated` type whose validator cleans what it accepts and otherwise
says what is wrong as the end of a sentence: "is text, but should be a number or null".
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar, dataclass_transform

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

T = TypeVar("T")

PIXELS = 28 * 28
MAX_NUMBER = 1e100
"""A larger number is a mistake, and a chart could not be drawn to its scale."""

_TERMINAL_COLOUR = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
# C0/C1 controls but tab and newline; marks that reorder text around them; unpaired surrogates
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(value: str) -> str:
    """Returns text without characters that could change the page around it."""
    plain = _TERMINAL_COLOUR.sub("", value).replace("\r\n", "\n")
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", plain).strip("\n ")


def kind(value: object) -> str:
    """Returns what a JSON value is, in words: "a list", "the number 7"."""
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    shown = names.get(type(value))
    return shown or f"the number {value!r}"[:60]


def problem(error: ValidationError) -> str:
    """Returns the first problem as a sentence: "subjects[2].score is text, but should be ..."."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in first["loc"])
    return f"{place.removeprefix('.') or 'it'}{first['msg']}"


def _wrong(text: str) -> PydanticCustomError:
    # The text is an argument, as braces in a template would be replaced.
    return PydanticCustomError("shape", "{text}", {"text": text})


def _not(value: object, expected: str) -> PydanticCustomError:
    return _wrong(f" is {kind(value)}, but should be {expected}")


def _text(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise _not(value, "text or null")
    return clean(value)


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise _not(value, "text")
    return clean(value) or "(no name)"


def _text_or_number(value: object) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}"
    return _text(value)


def _lines(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _not(value, "text or null")
    return "\n".join(clean(f"|{line}|")[1:-1] for line in value.splitlines()).strip("\n")


def _number(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _not(value, "a number or null")
    return float(value) if abs(value) <= MAX_NUMBER else None  # None also for NaN


def _integer(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _not(value, "a whole number or null")
    if isinstance(value, float) and not value.is_integer():
        raise _not(value, "a whole number or null")
    if abs(value) > MAX_NUMBER:
        raise _not(value, "a whole number of a size that can be")
    return int(value)


def _count(value: object) -> int:
    whole = _integer(value)
    if whole is None or whole < 0:
        raise _not(value, "a whole number, 0 or more")
    return whole


def _boolean(value: object) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise _not(value, "true or false")
    return value


def _list(value: object) -> Sequence[object]:
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise _not(value, "a list")
    return value


def _object(value: object) -> Mapping[str, object]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _not(value, "an object")
    return {clean(str(key)): item for key, item in value.items()}


def _cleaned(value: object) -> object:
    """Returns the same JSON value with every text in it cleaned."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(key)): _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list | tuple) else value


def _settings(value: object) -> object:
    return _cleaned(_object(value))


def _interval(value: object) -> tuple[float, float] | None:
    if value is None:
        return None
    ends = []
    for place, end in enumerate(_list(value)):
        try:
            ends.append(_number(end))
        except PydanticCustomError as error:
            raise _wrong(f"[{place}]{error.message()}") from None
    if len(ends) != 2:
        raise _not(value, "two numbers or null")
    finite = [end for end in ends if end is not None]
    return (min(finite), max(finite)) if len(finite) == 2 else None


def _square(rows: Sequence[Sequence[int]]) -> Sequence[Sequence[int]]:
    for place, row in enumerate(rows):
        if len(row) != len(rows):
            raise _wrong(
                f"[{place}] has {len(row)} numbers, but should have {len(rows)}, one for each row"
            )
    return rows


def _pixels(value: object) -> bytes | None:
    if value is None:
        return None
    try:
        raw = base64.b64decode(_name(value), validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(f" is not base64, but should hold {PIXELS} bytes") from None
    if len(raw) != PIXELS:
        raise _wrong(f" holds {len(raw)} bytes, but should hold {PIXELS} (28 x 28)")
    return raw


Text = Annotated[str | None, BeforeValidator(_text)]
Name = Annotated[str, BeforeValidator(_name)]
"""Text that must be there: it identifies something."""
TextOrNumber = Annotated[
    str | None,
    BeforeValidator(_text_or_number),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]}),
]
Lines = Annotated[str, BeforeValidator(_lines)]
"""Text whose spaces have a meaning: a printed table."""
Number = Annotated[float | None, BeforeValidator(_number)]
"""A finite number; None also for NaN and for what is beyond `MAX_NUMBER`."""
Integer = Annotated[int | None, BeforeValidator(_integer)]
Count = Annotated[int, BeforeValidator(_count)]
"""An integer that must be there and is not negative."""
Boolean = Annotated[bool, BeforeValidator(_boolean)]
Rows = Annotated[Sequence[T], BeforeValidator(_list)]
Table = Annotated[Mapping[str, T], BeforeValidator(_object)]
"""An object whose keys are names, not fields."""
Settings = Annotated[Mapping[str, Any], BeforeValidator(_settings)]
"""An object with any JSON values, as a layer's configuration."""
Interval = Annotated[tuple[float, float] | None, BeforeValidator(_interval)]
"""Lower and upper end, in this order."""
Confusion = Annotated[Rows[Rows[Count]], AfterValidator(_square)]
"""Counts, a row for each true digit and a column for each prediction."""
Pixels = Annotated[
    bytes | None,
    BeforeValidator(_pixels),
    WithJsonSchema({"anyOf": [{"type": "string", "contentEncoding": "base64"}, {"type": "null"}]}),
]
"""A grey image of 28 x 28 bytes, row by row; base64 in the file."""


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class Part(Mapping[str, Any]):
    """Base of each object of results.json: a frozen dataclass that pydantic reads.

    Construction takes values as they are, for writing. Reading goes through pydantic: absent and
    null keys become each type's own nothing, and unknown keys are ignored. A field's name is its
    key, with an underscore after Python's own words.

    Attributes:
        absent: keys that the file leaves out, rather than being null, where they are None.
    """

    absent: ClassVar[frozenset[str]] = frozenset()
    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Any]]

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, kw_only=True, eq=False)(cls)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(cls._completed, handler(source))

    @classmethod
    def _completed(cls, value: object) -> object:
        if isinstance(value, cls):
            return value
        given = {} if value is None else value
        if not isinstance(given, Mapping):
            raise _not(value, "an object")
        return {key: given.get(key) for key in keys(cls)}

    def to_json(self) -> dict[str, object]:
        """Returns what it is in the file, its parts left as they are."""
        found = {key: getattr(self, name) for key, name in keys(type(self)).items()}
        return {k: v for k, v in found.items() if v is not None or k not in self.absent}

    # The project reads attributes; these serve callers that still read keys.
    __hash__ = object.__hash__

    def __getitem__(self, key: str) -> Any:
        return getattr(self, keys(type(self))[key])

    def __iter__(self) -> Iterator[str]:
        return iter(keys(type(self)))

    def __len__(self) -> int:
        return len(keys(type(self)))


@cache
def keys(part: type[Part]) -> Mapping[str, str]:
    """Returns the keys of a part in results.json, each with the name of its field."""
    return {field.name.rstrip("_"): field.name for field in fields(part)}


def plain(value: object) -> object:
    """Returns what a part, or a value in one, is in results.json; for `json.dumps(default=)`."""
    if isinstance(value, Part):
        return value.to_json()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} has no place in results.json")
