"""Reads a TOML table key by key, so that nothing in it is missed, misspelt or unexplained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from reference.errors import UserError
from reference.fields import Field, MismatchError, choice, shown

BASES: Final = ("stated", "derived", "chosen")
"""What a value may rest on, the strongest first: the document says so; it follows from what the
document says; the document is silent and we chose."""

ANYTHING: Final = Field("a value", lambda value: value)


@dataclass(frozen=True)
class Evidence:
    """What a value rests on.

    Attributes:
        basis: one of `BASES`.
        where: the place in the document that says it, or that a choice has to fit.
        why: the derivation of a derived value, the reason for a chosen one.
    """

    basis: str
    where: str
    why: str | None


class Table:
    """One TOML table being read: every key is asked for once, then `finish` refuses the rest."""

    def __init__(
        self, file: str, values: Mapping[str, Any], path: str = "", where: str | None = None
    ) -> None:
        """Starts reading; `where` is the place that facts without one of their own come from."""
        self.file = file
        self._left = dict(values)
        self._path = path
        self._where = where
        self.evidence: dict[str, Evidence] = {}

    def __contains__(self, key: str) -> bool:
        """Whether the key is there and has not been read yet."""
        return key in self._left

    def words(self, key: str) -> str:
        """Returns a text that is not empty."""
        value = self._take(key, "a text")
        if not isinstance(value, str) or not value.strip():
            self._fail(key, value, "a text")
        return value

    def plain(self, key: str, field: Field) -> Any:
        """Returns a value that needs no evidence."""
        return self._read(key, field, self._take(key, field.expected))

    def fact(self, key: str, field: Field = ANYTHING) -> Any:
        """Returns the value of `key = { value, basis, where, why }` and keeps its evidence."""
        entry = self.table(key)
        value = entry.plain("value", field)
        basis = entry.plain("basis", choice(*BASES))
        where = entry.words("where") if "where" in entry or not self._where else self._where
        # What a document states needs no reason; anything else is worth nothing without one.
        why = None if basis == "stated" else entry.words("why")
        entry.finish()
        self.evidence[key] = Evidence(basis, where, why)
        return value

    def facts(self) -> dict[str, Any]:
        """Returns all that is left, each key a fact of any type."""
        return {key: self.fact(key) for key in tuple(self._left)}

    def table(self, key: str) -> "Table":
        """Returns the reader of a table within this one."""
        value = self._take(key, "a table")
        if not isinstance(value, Mapping):
            self._fail(key, value, "a table")
        return Table(self.file, value, self._full(key), self._where)

    def rows(self, key: str) -> "list[Table]":
        """Returns the readers of an array of at least one table; each has its own `where`."""
        value = self._take(key, "an array of tables")
        if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
            self._fail(key, value, "an array of tables")
        return [
            Table(self.file, row, f"{self._full(key)}[{place}]", row.get("where"))
            for place, row in enumerate(value)
        ]

    def finish(self) -> None:
        """Refuses unknown keys."""
        for key, value in self._left.items():
            self._fail(key, value, "absent: no such key is known here")

    def refuse(self, key: str, value: object, expected: str) -> NoReturn:
        """Refuses a value that is good by itself, but not beside the others.

        Raises:
            UserError: always.
        """
        self._fail(key, value, expected)

    def _take(self, key: str, expected: str) -> object:
        if key not in self._left:
            raise UserError(f"{self.file}: {self._full(key)} is missing, but should be {expected}")
        return self._left.pop(key)

    def _read(self, key: str, field: Field, value: object) -> Any:
        try:
            return field.read(value)
        except MismatchError:
            self._fail(key, value, field.expected)

    def _full(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _fail(self, key: str, value: object, expected: str) -> NoReturn:
        raise UserError(
            f"{self.file}: {self._full(key)} = {shown(value)}, but should be {expected}"
        )
