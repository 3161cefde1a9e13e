"""The rubric: what each check is worth, and which part of it a submission has earned.

Points are counted in whole thousandths, shares are fractions: nothing is rounded but an award,
once, down to a thousandth of a point. So scores are exact sums of the points of their rows.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from harness.system.directories import PROJECT_ROOT
from reference import toml_file
from reference.errors import UserError
from reference.fields import shown

DEFAULT = PROJECT_ROOT / "reference" / "rubric.toml"

_PLACES = 3
_UNIT = 1000
_MAX_POINTS = 10_000

_POINTS = f"a number from 0 to {_MAX_POINTS} with at most {_PLACES} decimals"
_WORTH = f"{_POINTS}, or {{ points = ..., partial = true }}"
_DISTANCE = f"from -100 to 0 percentage points, with at most {_PLACES} decimals"
_SHARE = f"from 0 to 1, with at most {_PLACES} decimals"
_BANDS = "[[distance from the gate in percentage points, share], ...], as in reference/rubric.toml"


@dataclass(frozen=True)
class Worth:
    """What one check is worth.

    Attributes:
        thousandths: of a point, for passing it.
        partial: whether a part is earned without passing.
    """

    thousandths: int
    partial: bool = False


@dataclass(frozen=True)
class Rubric:
    """Points for every check.

    Attributes:
        source: the file it was read from, for readers.
        checks: by id, e.g. "test_structure.py::test_layers".
        bands: (distance from the gate as a fraction of 1, share), ascending, the last (0, 1).
    """

    source: str
    checks: Mapping[str, Worth]
    bands: tuple[tuple[Fraction, Fraction], ...]

    def points(self, check: str) -> float:
        """Returns the most that a check can earn; one that the rubric does not know earns none."""
        return _number(self._worth(check).thousandths)

    def award(
        self,
        check: str,
        *,
        passed: bool,
        share: Fraction = Fraction(0),
        from_gate: Fraction | None = None,
    ) -> float:
        """Returns the points that a check has earned.

        Args:
            share: the part that is right although it did not pass.
            from_gate: its accuracy less the gate's, where the check is about an accuracy; it
                then decides, by the bands.
        """
        worth = self._worth(check)
        if passed:
            return _number(worth.thousandths)
        if not worth.partial:
            return 0.0
        part = share if from_gate is None else self.share_at(from_gate)
        return _number(int(worth.thousandths * min(max(part, Fraction(0)), Fraction(1))))

    def share_at(self, from_gate: Fraction) -> Fraction:
        """Returns the share for an accuracy so far from the gate, which was not passed.

        A run among several may miss the gate while their mean does not: the bands up to the
        gate count, not the one at it.
        """
        below = (share for distance, share in self.bands if distance <= from_gate and distance < 0)
        return max(below, default=Fraction(0))

    def to_json(self) -> dict[str, Any]:
        """Returns the rubric as results.json has it.

        Distances are fractions as accuracies are: -0.005 is half a percentage point below the gate.
        """
        return {
            "source": self.source,
            "max_score": total(map(self.points, self.checks)),
            "checks": {
                check: {"points": self.points(check), "partial": worth.partial}
                for check, worth in self.checks.items()
            },
            "bands": [[float(distance), float(share)] for distance, share in self.bands],
        }

    def _worth(self, check: str) -> Worth:
        return self.checks.get(check, Worth(0))


def total(points: Iterable[float]) -> float:
    """Returns the sum of points of at most three decimals, exact to the thousandth."""
    return _number(sum(round(value * _UNIT) for value in points))


def load(path: Path | None = None) -> Rubric:
    """Reads a rubric; None for the project's own.

    Raises:
        UserError: it cannot be read, or is not a rubric: names the file, the place, what is there
            and what was expected.
    """
    default = _read(DEFAULT, "reference/rubric.toml", None)
    return default if path is None else _read(path, str(path), default)


def _read(path: Path, name: str, default: Rubric | None) -> Rubric:
    document = _Document(name, toml_file.read(path, name, "a rubric", parse_float=Decimal))
    document.only({"checks", "accuracy"})
    checks = document.table("checks")
    known = default.checks if default else checks
    worths = {check: document.worth(check, value, known) for check, value in checks.items()}
    for check in known:
        if check not in checks:
            document.fail(f'[checks] "{check}" is missing, but should be {_WORTH}')
    accuracy = document.table("accuracy")
    if set(accuracy) != {"bands"}:
        document.fail(f"[accuracy] has the keys {sorted(accuracy)}, but should have one: bands")
    # A path says where a file lay on one machine; its name is what the reader knows it by.
    source = name if default is None else Path(name).name
    return Rubric(source, worths, document.bands(accuracy["bands"]))


@dataclass(frozen=True)
class _Document:
    """A parsed file, and its name for messages."""

    name: str
    values: Mapping[str, Any]

    def fail(self, problem: str) -> NoReturn:
        raise UserError(f"{self.name}: {problem}")

    def only(self, known: set[str]) -> None:
        for key in self.values:
            if key not in known:
                self.fail(f"{shown(key)} is not a rubric's key; expected [checks] and [accuracy]")

    def table(self, key: str) -> Mapping[str, Any]:
        value = self.values.get(key)
        if not isinstance(value, Mapping):
            self.fail(f"[{key}] is missing; a rubric has the tables [checks] and [accuracy]")
        return value

    def worth(self, check: str, value: object, known: Mapping[str, Any]) -> Worth:
        place = f"[checks] {_quoted(check)}"
        if check not in known:
            close = difflib.get_close_matches(check[:200], known, 1)
            meant = f'; did you mean "{close[0]}"?' if close else ""
            self.fail(f"{place} is not a check{meant}")
        partial: object = False
        if isinstance(value, Mapping):
            if not {"points"} <= set(value) <= {"points", "partial"}:
                self.fail(f"{place} has the keys {shown(sorted(value))}, but should be {_WORTH}")
            partial = value.get("partial", False)
            value = value["points"]
        if not isinstance(partial, bool):
            self.fail(f"{place} partial = {shown(partial)}, but should be true or false")
        thousandths = _thousandths(value, 0, _MAX_POINTS)
        if thousandths is None:
            self.fail(f"{place} = {_shown(value)}, but should be {_WORTH}")
        return Worth(thousandths, partial)

    def bands(self, value: object) -> tuple[tuple[Fraction, Fraction], ...]:
        if not isinstance(value, list) or not value:
            self.fail(f"[accuracy] bands = {_shown(value)}, but should be {_BANDS}")
        bands: list[tuple[Fraction, Fraction]] = []
        for number, entry in enumerate(value, start=1):
            place = f"[accuracy] band {number}"
            if not isinstance(entry, list) or len(entry) != 2:
                self.fail(f"{place} = {_shown(entry)}, but should be two numbers: {_BANDS}")
            distance, share = _thousandths(entry[0], -100, 0), _thousandths(entry[1], 0, 1)
            if distance is None:
                self.fail(f"{place}: the distance is {_shown(entry[0])}, but should be {_DISTANCE}")
            if share is None:
                self.fail(f"{place}: the share is {_shown(entry[1])}, but should be {_SHARE}")
            band = (Fraction(distance, 100 * _UNIT), Fraction(share, _UNIT))
            if bands and band[0] <= bands[-1][0]:
                self.fail(f"{place}: the distances should ascend from band to band")
            if bands and band[1] < bands[-1][1]:
                self.fail(f"{place}: a better accuracy should not earn less than the band before")
            bands.append(band)
        if bands[-1] != (Fraction(0), Fraction(1)):
            self.fail("[accuracy] bands should end with [0, 1]: at the gate everything is earned")
        return tuple(bands)


def _thousandths(value: object, low: int, high: int) -> int | None:
    """Returns a number as written in thousandths; None if it is not one within the limits."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    if not number.is_finite() or not low <= number <= high:
        return None
    _, digits, exponent = number.as_tuple()
    beyond = -_PLACES - int(exponent)
    if beyond > 0 and any(digits[-beyond:]):
        return None
    return int(number * _UNIT)


def _number(thousandths: int) -> float:
    """The nearest float to a number of thousandths, which prints with three decimals at most."""
    return thousandths / _UNIT


def _shown(value: object) -> str:
    if isinstance(value, int) and abs(value) > 10**18:
        return "a number of more than 18 digits"
    return str(value)[:60] if isinstance(value, Decimal) else shown(value)


def _quoted(text: str) -> str:
    return f'"{text}"' if len(text) <= 100 and text.isprintable() else shown(text)
