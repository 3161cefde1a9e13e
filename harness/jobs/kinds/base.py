"""What workers do, as data, and the keys that their results are stored under."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Protocol, Self

from reference.errors import UserError

# Raise it when a change of the engine changes the numbers it produces.
ENGINE_VERSION = 2


class Job(Protocol):
    """What a worker can be asked to do; `harness.jobs.kinds.registry` lists every kind.

    Attributes:
        kind: key of `registry.KINDS` and `registry.PERFORM`.
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


OnEvent = Callable[[Job, Mapping[str, Any]], None]


# Told of each epoch that ended: "epoch", "epochs" and, where it is known, "val_accuracy".
OnEpoch = Callable[[dict[str, Any]], None]


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
