"""Reads studies: which settings of a documented network and recipe to try, and how often.

A study is a TOML file, one of ours in `reference/studies/` or a user's own (`--grid=FILE`). It is
read as strictly as the facts: an unknown key or a value out of range is an error that names the
file and the key.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from reference import toml_file
from reference.errors import UserError
from reference.facts import names
from reference.fields import Field, MismatchError, boolean, choice, number, whole
from reference.kinds import ACTIVATION, OPTIMIZERS
from reference.tables import Table

FOLDER: Final = Path(__file__).parent / "studies"
MAX_TRIALS: Final = 500

LOSSES: Final = (
    "categorical_crossentropy",
    "binary_crossentropy",
    "mean_squared_error",
    "mean_absolute_error",
)
MEASURES: Final = ("validation_accuracy", "test_accuracy", "equal_outputs")

CLAIMS: Final = ("test_accuracy", "validation_accuracy", "cross_validation_accuracy")
"""The claims that an accuracy measured by a study can be held against."""

Settings = Mapping[str, Any]
"""Setting -> value in canonical form; the settings are the keys of `SETTINGS`."""


def _widths(high: int, *, alone: bool) -> Field:
    """A list of up to 8 integers; with `alone`, one number stands for a list of one."""
    each = whole(1, high)

    def read(value: object) -> list[int]:
        items = [value] if alone and type(value) is int else value
        if not isinstance(items, list) or not (alone or items) or len(items) > 8:
            raise MismatchError
        return [each.read(item) for item in items]

    one = "an integer or " if alone else ""
    return Field(f"{one}a list of up to 8 integers from 1 to {high}", read)


SETTINGS: Final[Mapping[str, Field]] = {
    # The network.
    "architecture": choice(*names()),
    "convolutions": boolean(default=True),
    "filters": _widths(512, alone=False),
    "dense": _widths(4096, alone=True),
    "dropout": number(0, 1, below=True),
    "hidden_activation": ACTIVATION,
    "output_activation": ACTIVATION,
    # The recipe.
    "optimizer": choice(*OPTIMIZERS),
    "learning_rate": number(0, 100, above=True),
    "loss": choice(*LOSSES),
    "batch_size": whole(1, 60_000),
    "epochs": whole(1, 1000),
    "pixel_max": number(0, 1e6, above=True),
    "train_images": whole(1, 60_000),
    "validation_images": whole(1, 59_999),
}


@dataclass(frozen=True)
class Measuring:
    """What is measured of a trained network.

    Attributes:
        measure: one of `MEASURES`. "equal_outputs" is the share of all outputs for the test images
            that equal the one-hot labels exactly.
        after: the epoch whose validation accuracy is taken; None for the last.
        pixel_max: divides the pixels of the test images, where it is another number than the one
            that the network was trained with; None for the same.
    """

    measure: str
    after: int | None = None
    pixel_max: float | None = None


@dataclass(frozen=True)
class Variant:
    """One configuration to try.

    Attributes:
        settings: what differs from the study's defaults; empty for the starting point.
        why: why it is worth trying.
        measuring: None where it is the study's own.
    """

    name: str
    why: str
    settings: Settings
    measuring: Measuring | None = None


@dataclass(frozen=True)
class Study:
    """A study as its file declares it.

    Attributes:
        id: the file's stem, without the architecture's name in front.
        count: how many repeats; None for as many seeds as the session has.
        shuffle_seed: of the division into folds; 0 where the repeats are seeds.
        claim: metric of the document's claim that the study is about, or None.
        defaults: settings of every variant that does not say otherwise.
        variants: grids spelled out; the starting point comes first.
    """

    id: str
    architecture: str
    title: str
    question: str
    source: str
    repeats: Literal["folds", "seeds"]
    count: int | None
    shuffle_seed: int
    measuring: Measuring
    claim: str | None
    defaults: Settings
    method: Literal["variants", "product", "one_at_a_time"]
    variants: tuple[Variant, ...]


def load_all(folder: Path = FOLDER) -> tuple[Study, ...]:
    """Returns the studies in a folder, sorted by file name.

    Raises:
        UserError: one of them cannot be used.
    """
    return tuple(load(path) for path in sorted(folder.glob("*.toml")))


def load(path: Path) -> Study:
    """Reads one study.

    Raises:
        UserError: the file is missing, or is not a study; says which key and what was expected.
    """
    document = toml_file.read(path, path.name, "a study")
    return _read(path, Table(path.name, document), document)


def _read(path: Path, table: Table, document: Mapping[str, Any]) -> Study:
    architecture = table.plain("architecture", SETTINGS["architecture"])
    head = {key: table.words(key) for key in ("title", "question", "source")}
    repeats, count, shuffle_seed = _repeats(table.table("repeats"))
    measuring = _measuring(table, None) or Measuring("validation_accuracy")
    claim = table.plain("claim", choice(*CLAIMS)) if "claim" in table else None
    defaults = _settings(table.table("defaults"), repeats) if "defaults" in table else {}
    method, variants = _variants(path.name, table, document, repeats, measuring)
    table.finish()
    trials = len(variants) * (count or 1)
    if trials > MAX_TRIALS:
        raise UserError(
            f"{path.name}: {len(variants)} variants and {count or 1} repeats make {trials:,} "
            f"trials, but should make at most {MAX_TRIALS}; leave out values of the grid"
        )
    return Study(
        id=_id(path.stem, architecture),
        architecture=architecture,
        **head,
        repeats=repeats,
        count=count,
        shuffle_seed=shuffle_seed,
        measuring=measuring,
        claim=claim,
        defaults=defaults,
        method=method,
        variants=variants,
    )


def _id(stem: str, architecture: str) -> str:
    """A file's stem as an id: of a-z, 0-9 and _."""
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in stem.lower())
    return plain.removeprefix(f"{architecture}_") or "study"


def _repeats(table: Table) -> tuple[Literal["folds", "seeds"], int | None, int]:
    kind = table.plain("kind", choice("folds", "seeds"))
    count, shuffle_seed = None, 0
    if kind == "folds":
        count = table.plain("count", whole(2, 100))
        shuffle_seed = table.plain("shuffle_seed", whole(0, 2**32 - 1))
    elif "count" in table:
        count = table.plain("count", whole(1, 100))
    table.finish()
    return kind, count, shuffle_seed


def _measuring(table: Table, default: Measuring | None) -> Measuring | None:
    """Reads what is measured; `default` fills in what is not said. None where nothing is."""
    keys = {
        "measure": choice(*MEASURES),
        "measured_after": whole(1, 1000),
        "measured_pixel_max": number(0, 1e6, above=True),
    }
    given = {key: table.plain(key, field) for key, field in keys.items() if key in table}
    if not given:
        return default
    measure = given.get("measure", default.measure if default else "validation_accuracy")
    after, pixel_max = given.get("measured_after"), given.get("measured_pixel_max")
    if after is not None and measure != "validation_accuracy":
        table.refuse(
            "measured_after", after, "absent: only the validation accuracy is known of each epoch"
        )
    if pixel_max is not None and measure != "test_accuracy":
        table.refuse(
            "measured_pixel_max", pixel_max, 'absent, or measure = "test_accuracy" beside it'
        )
    return Measuring(measure, after, pixel_max)


def _settings(table: Table, repeats: str) -> dict[str, Any]:
    found = {key: table.plain(key, field) for key, field in SETTINGS.items() if key in table}
    _check(table, found, repeats)
    table.finish()
    return found


def _check(table: Table, settings: Settings, repeats: str) -> None:
    if repeats == "folds" and "validation_images" in settings:
        table.refuse(
            "validation_images",
            settings["validation_images"],
            "absent: the fold that is held out is what validates",
        )


def _variants(
    file: str,
    table: Table,
    document: Mapping[str, Any],
    repeats: str,
    measuring: Measuring,
) -> tuple[Literal["variants", "product", "one_at_a_time"], tuple[Variant, ...]]:
    if ("variant" in document) == ("grid" in document):
        found = "both" if "grid" in document else "neither"
        raise UserError(
            f"{file}: has {found} of [[variant]] and [grid], but should have one of them"
        )
    if "variant" in table:
        return "variants", _rows(file, table, repeats, measuring)
    grids = table.rows("grid") if isinstance(document["grid"], list) else [table.table("grid")]
    # Every grid has the starting point, which is tried once.
    spelled: dict[str, Variant] = {}
    methods = []
    for grid in grids:
        method, variants = _grid(grid, repeats)
        methods.append(method)
        for variant in variants:
            spelled.setdefault(variant.name, variant)
    return ("product" if set(methods) == {"product"} else "one_at_a_time"), tuple(spelled.values())


def _rows(file: str, table: Table, repeats: str, measuring: Measuring) -> tuple[Variant, ...]:
    variants: list[Variant] = []
    for row in table.rows("variant"):
        name, why = row.words("name"), row.words("why")
        own = _measuring(row, None if not _overrides(row) else measuring)
        settings = _settings(row.table("settings"), repeats) if "settings" in row else {}
        row.finish()
        if name in {variant.name for variant in variants}:
            raise UserError(f"{file}: two variants are named {name!r}; names should be unique")
        variants.append(Variant(name, why, settings, own))
    return tuple(variants)


def _overrides(row: Table) -> bool:
    return any(key in row for key in ("measure", "measured_after", "measured_pixel_max"))


def _grid(table: Table, repeats: str) -> tuple[str, list[Variant]]:
    method = table.plain("method", choice("product", "one_at_a_time"))
    axes = {
        key: table.plain(key, _several(field)) for key, field in SETTINGS.items() if key in table
    }
    _check(table, axes, repeats)
    table.finish()
    start = Variant(STARTING_POINT, "what the others are compared with", {})
    if method == "one_at_a_time":
        changes = [{key: value} for key, values in axes.items() for value in values]
    else:
        _check_size(table, axes)
        changes = [
            dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
        ]
    return method, [start, *(Variant(described(c), "a point of the grid", c) for c in changes if c)]


STARTING_POINT: Final = "starting point"


def described(settings: Settings) -> str:
    """Returns settings in words, such as "optimizer sgd, learning rate 0.01"."""
    return ", ".join(f"{key.replace('_', ' ')} {_shown(value)}" for key, value in settings.items())


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "-".join(str(item) for item in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _check_size(table: Table, axes: Mapping[str, Sequence[object]]) -> None:
    """Refuses a product that would not even fit into memory."""
    size = 1
    for key, values in axes.items():
        size *= len(values)
        if size > MAX_TRIALS:
            table.refuse(
                key,
                list(values),
                f"shorter: the product of all lists should have at most {MAX_TRIALS} points",
            )


def _several(field: Field) -> Field:
    """A list of different values of a field."""

    def read(value: object) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise MismatchError
        values = [field.read(item) for item in value]
        if any(item in values[:place] for place, item in enumerate(values)):
            raise MismatchError
        return values

    return Field(f"a list of different values, each {field.expected}", read)
