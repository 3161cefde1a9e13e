"""Accuracies that were measured: which each network reaches on a data set, by which recipe.

On MNIST the documents' recipes and gates hold, and what was measured says besides what a run may be
expected to give. Of other data no document speaks: there the recipe is adapted, and the measured
floors are the gates.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reference import toml_file
from reference.errors import UserError

FOLDER = Path(__file__).parent / "calibrations"


@dataclass(frozen=True)
class Floor:
    """The accuracies that the recipe may give, and the runs that they were derived from.

    Attributes:
        floor: mean - k * deviation, a fraction.
        k: one-sided normal tolerance factor for `seeds` runs.
    """

    floor: float
    mean: float
    deviation: float
    seeds: int
    k: float

    @property
    def ceiling(self) -> float:
        """As far above the mean as the floor is below it, but at most 1."""
        return min(1.0, self.mean + self.k * self.deviation)


@dataclass(frozen=True)
class Calibration:
    """How a data set is trained on here, and what that was seen to give.

    Attributes:
        recipe: what is set differently from the documents' recipes.
        floors: by network.
        command: what measured the floors.
        documented: the documents' own recipes and gates hold; the minimum accuracies are not
            gates.
        measured_by: name of the recipe that the floors were measured with, as of --recipe.
    """

    dataset: str
    recipe: Mapping[str, Any] = field(default_factory=dict)
    floors: Mapping[str, Floor] = field(default_factory=dict)
    command: str = ""
    documented: bool = False
    measured_by: str = "gate"

    def __post_init__(self) -> None:
        if self.documented and self.recipe:
            raise UserError(
                f"the calibration of {self.dataset} sets {sorted(self.recipe)}, but should leave "
                "the documents' recipes as they are: it says that these hold"
            )


DOCUMENTED = Calibration("mnist", documented=True)
"""The documents' recipes and gates, and nothing measured."""


def load(dataset: str) -> Calibration:
    """Returns a data set's calibration; where nothing was measured, the documents' gates hold.

    Raises:
        UserError: the file is not a calibration.
    """
    path = FOLDER / f"{dataset}.toml"
    if not path.exists():
        return replace(DOCUMENTED, dataset=dataset)
    try:
        document = toml_file.read(path, path.name, "a calibration")
        documented = document.get("documented", False)
        return Calibration(
            dataset=dataset,
            # Only where the documents' hold may there be none.
            recipe=document.get("recipe", {}) if documented else document["recipe"],
            floors={name: Floor(**row) for name, row in document.get("floor", {}).items()},
            command=document["command"],
            documented=documented,
            measured_by=document.get("measured_by", "gate"),
        )
    except (KeyError, TypeError, UserError) as error:
        raise UserError(f"{path.name} is not a calibration: {error!r}") from error
