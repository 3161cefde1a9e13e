"""Accuracy floors that were measured, for data that no document speaks of."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reference.errors import UserError

FOLDER = Path(__file__).parent / "calibrations"


@dataclass(frozen=True)
class Floor:
    """The least accuracy that the recipe may give, and the runs that it was derived from.

    Attributes:
        floor: mean - k * deviation, a fraction.
        k: one-sided normal tolerance factor for `seeds` runs.
    """

    floor: float
    mean: float
    deviation: float
    seeds: int
    k: float


@dataclass(frozen=True)
class Calibration:
    """How a data set is trained on here, and what that was seen to give.

    Attributes:
        recipe: what is set differently from the documents' recipes.
        command: what measured the floors.
    """

    dataset: str
    recipe: Mapping[str, Any]
    floors: Mapping[str, Floor]
    command: str


def load(dataset: str) -> Calibration | None:
    """Returns a data set's calibration; None where the documents' own gates hold.

    Raises:
        UserError: the file is not a calibration.
    """
    path = FOLDER / f"{dataset}.toml"
    if not path.exists():
        return None
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        return Calibration(
            dataset=dataset,
            recipe=document["recipe"],
            floors={name: Floor(**row) for name, row in document.get("floor", {}).items()},
            command=document["command"],
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise UserError(f"{path.name} is no calibration: {error!r}") from error
