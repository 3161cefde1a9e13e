"""A training job as data, and the key that its record is stored under."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness import recipe as recipes
from harness import spec as specs
from harness.canonical import digest
from harness.recipe import Recipe
from harness.spec import Spec

# Raise it when a change of the engine changes the numbers it produces.
ENGINE_VERSION = 2


@dataclass(frozen=True)
class TrainJob:
    """Train one network, once: JSON in, a record in the store out.

    Attributes:
        dataset: name, for messages.
        data_digest: which images and labels, exactly.
        platform: what else decides the bits: framework versions, device, threads, CPU flags
            (`harness.environment.numeric_platform`).
    """

    spec: Spec
    recipe: Recipe
    dataset: str
    data_digest: str
    seed: int
    platform: Mapping[str, Any]

    @property
    def key(self) -> str:
        """SHA-256 of everything that the numbers in the record depend on, and nothing else."""
        return digest(
            {
                "kind": "train",
                "engine": ENGINE_VERSION,
                "spec": self.spec.digest,
                "recipe": self.recipe.to_json(),
                "data": self.data_digest,
                "seed": self.seed,
                "platform": dict(self.platform),
            }
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "spec": self.spec.to_json(),
            "recipe": self.recipe.to_json(),
            "dataset": self.dataset,
            "data_digest": self.data_digest,
            "seed": self.seed,
            "platform": dict(self.platform),
        }


def from_json(document: Mapping[str, Any]) -> TrainJob:
    """Reads what `TrainJob.to_json` wrote."""
    return TrainJob(
        spec=specs.from_json(document["spec"]),
        recipe=recipes.from_json(document["recipe"]),
        dataset=document["dataset"],
        data_digest=document["data_digest"],
        seed=document["seed"],
        platform=document["platform"],
    )
