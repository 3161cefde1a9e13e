"""Jobs as data: one serialisation for every kind, and what a job reads."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar, Self, get_type_hints

from harness.network import recipe as recipes
from harness.network import spec as specs
from harness.network.recipe import Recipe
from harness.network.spec import Spec
from reference.errors import UserError

# Raise it when a change of the engine changes the numbers it produces.
ENGINE_VERSION = 2


class Job(ABC):
    """What a worker can be asked to do: a frozen dataclass whose fields are all that it depends on.

    `registry.KINDS` lists every kind.

    Attributes:
        kind: key of `registry.KINDS`.
        platform: the properties of its machine that decide the bits.
    """

    kind: ClassVar[str]
    platform: Mapping[str, object]

    @property
    @abstractmethod
    def key(self) -> str:
        """The key that its result is stored under: everything that the result depends on."""

    def to_json(self) -> dict[str, object]:
        """Returns the job as plain data, with its kind."""
        values = {name: _plain(getattr(self, name)) for name in _types(type(self))}
        return {"kind": self.kind, **values}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Reads what `to_json` wrote.

        Raises:
            UserError: a key is missing or unknown.
        """
        types = _types(cls)
        values = {name: value for name, value in document.items() if name != "kind"}
        if set(values) != set(types):
            raise UserError(f"{cls.kind} job: keys {sorted(values)}; expected {sorted(types)}")
        return cls(**{name: _READ.get(types[name], _same)(values[name]) for name in types})


def _plain(value: object) -> object:
    if isinstance(value, Spec | Recipe):
        return value.to_json()
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def _same(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


_READ: Mapping[object, Callable[[Any], object]] = {
    Spec: specs.from_json,
    Recipe: recipes.from_json,
}


@cache
def _types(job: type[Job]) -> Mapping[str, object]:
    """Returns the types of a job's fields, by name."""
    hints = get_type_hints(job)
    return {field.name: hints[field.name] for field in fields(job)}  # type: ignore[arg-type]


OnEvent = Callable[[Job, Mapping[str, Any]], None]


# Told of each epoch that ended: "epoch", "epochs" and, where it is known, "val_accuracy".
OnEpoch = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Inputs:
    """What a job reads besides its own description, by key and digest.

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
    def from_json(cls, document: Mapping[str, Sequence[str]]) -> Self:
        """Reads what `to_json` wrote."""
        return cls(**{name: tuple(document[name]) for name in ("records", "images", "letters")})
