"""What workers do, as data, and the keys that their results are stored under."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Protocol, Self

from harness.network import recipe as recipes
from harness.network import spec as specs
from harness.network.recipe import Recipe
from harness.network.spec import Spec
from harness.system.hashing import digest
from reference.errors import UserError

# Raise it when a change of the engine changes the numbers it produces.
ENGINE_VERSION = 2

TRAIN, EVALUATE = "train", "evaluate"


class Job(Protocol):
    """What a worker can be asked to do; `harness.jobs.kinds.registry` lists every kind.

    Attributes:
        kind: key of `harness.jobs.kinds.registry.KINDS` and `harness.jobs.local.worker.PERFORM`.
        platform: what of the machine that does it decides the bits.
    """

    kind: ClassVar[str]

    @property
    def platform(self) -> Mapping[str, Any]: ...

    @property
    def key(self) -> str:
        """The key that what comes of it is stored under: everything that that depends on."""

    def to_json(self) -> dict[str, Any]:
        """The job as plain data, with its kind."""


@dataclass(frozen=True)
class PlainJob:
    """What jobs share whose fields are all plain JSON."""

    kind: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Reads what `to_json` wrote.

        Raises:
            UserError: a key is missing or unknown.
        """
        values = {name: value for name, value in document.items() if name != "kind"}
        expected = {field.name for field in fields(cls)}
        if set(values) != expected:
            raise UserError(
                f"{cls.kind} job: keys {sorted(values)}, but should be {sorted(expected)}"
            )
        return cls(**values)


@dataclass(frozen=True)
class TrainJob:
    """Train one network, once: JSON in, a record in the store out.

    Attributes:
        dataset: name, for messages.
        data_digest: which images and labels, exactly.
        platform: what else decides the bits: framework versions, device, threads, CPU flags
            (`harness.system.machine.numeric_platform`).
    """

    spec: Spec
    recipe: Recipe
    dataset: str
    data_digest: str
    seed: int
    platform: Mapping[str, Any]

    kind: ClassVar[str] = TRAIN

    @property
    def key(self) -> str:
        """SHA-256 of everything that the numbers in the record depend on, and nothing else."""
        return digest(
            {
                "kind": TRAIN,
                "engine": ENGINE_VERSION,
                "spec": self.spec.digest,
                "recipe": self.recipe.to_json(),
                "data": self.data_digest,
                "seed": self.seed,
                "platform": dict(self.platform),
            }
        )

    def to_json(self) -> dict[str, Any]:
        """The job as data; without its kind, as records have it."""
        return {
            "spec": self.spec.to_json(),
            "recipe": self.recipe.to_json(),
            "dataset": self.dataset,
            "data_digest": self.data_digest,
            "seed": self.seed,
            "platform": dict(self.platform),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Reads what `to_json` wrote."""
        return cls(
            spec=specs.from_json(document["spec"]),
            recipe=recipes.from_json(document["recipe"]),
            dataset=document["dataset"],
            data_digest=document["data_digest"],
            seed=document["seed"],
            platform=document["platform"],
        )


@dataclass(frozen=True)
class EvaluateJob:
    """Count the test images that a network reads right with weights that it came with.

    Attributes:
        spec: as its author wrote it: the weights belong to its layers.
        weights: key of the store under which they lie, as weights.npz.
        scales: pixels are divided by each of these in turn; nobody knows by which they were
            when the weights were made.
    """

    spec: Spec
    weights: str
    dataset: str
    data_digest: str
    scales: tuple[float, ...]
    platform: Mapping[str, Any]

    kind: ClassVar[str] = EVALUATE

    @property
    def key(self) -> str:
        """SHA-256 of everything that the counts depend on."""
        return digest({"engine": ENGINE_VERSION, **self.to_json(), "spec": self.spec.digest})

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": EVALUATE,
            "spec": self.spec.to_json(),
            "weights": self.weights,
            "dataset": self.dataset,
            "data_digest": self.data_digest,
            "scales": list(self.scales),
            "platform": dict(self.platform),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Reads what `to_json` wrote."""
        return cls(
            spec=specs.from_json(document["spec"]),
            weights=document["weights"],
            dataset=document["dataset"],
            data_digest=document["data_digest"],
            scales=tuple(document["scales"]),
            platform=document["platform"],
        )
