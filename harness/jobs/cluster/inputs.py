"""What a job reads beside its own description: records of the store, and published data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.jobs.kinds.base import EVALUATE, TRAIN, Job
from harness.jobs.kinds.keras_fit import FIT
from harness.jobs.kinds.numpy_twin import TWIN
from harness.jobs.kinds.robustness import ROBUSTNESS
from harness.jobs.kinds.transfer import TRANSFER


@dataclass(frozen=True)
class Needs:
    """Keys and digests.

    Attributes:
        records: keys of the store.
        images: digests of published data sets (`harness.data.shared_arrays`).
        letters: digests of published letters (`harness.data.letters`).
    """

    records: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    letters: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.records or self.images or self.letters)

    def to_json(self) -> dict[str, list[str]]:
        return {name: list(values) for name, values in vars(self).items()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Needs":
        """Reads what `to_json` wrote."""
        return cls(**{name: tuple(document[name]) for name in ("records", "images", "letters")})


def _images(job: Any) -> Needs:
    return Needs(images=(job.data_digest,))


# One for each kind of `harness.jobs.kinds.registry.KINDS`.
NEEDS: Mapping[str, Callable[[Any], Needs]] = {
    TRAIN: _images,
    TWIN: _images,
    FIT: _images,
    EVALUATE: lambda job: Needs(records=(job.weights,), images=(job.data_digest,)),
    ROBUSTNESS: lambda job: Needs(records=(job.base,), images=(job.data_digest,)),
    TRANSFER: lambda job: Needs(
        records=(job.base,),
        letters=tuple(one for one in (job.letters, job.test_letters) if one is not None),
    ),
}


def needs(job: Job) -> Needs:
    """Returns what a job reads."""
    return NEEDS[job.kind](job)
