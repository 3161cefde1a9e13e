"""What the sections of the experiments show, ready to print: frozen, plain, already in words."""

from dataclasses import dataclass

from markupsafe import Markup

from harness.report.views.common import Verdict


@dataclass(frozen=True)
class Figure:
    heading: str
    drawing: Markup
    caption: str = ""


@dataclass(frozen=True)
class Setting:
    """A cell of a variant: its value, and whether that differs from the document's."""

    value: str
    changed: bool


@dataclass(frozen=True)
class Variant:
    name: str
    why: str
    settings: tuple[Setting, ...]
    params: str
    runs: str
    mean: str
    interval: str
    std: str
    against: Verdict | None  # where it lies against the claim


@dataclass(frozen=True)
class Fold:
    number: str
    accuracy: str
    images: str
    epochs: str
    time: str


@dataclass(frozen=True)
class Study:
    axes: tuple[str, ...]
    variants: tuple[Variant, ...]
    caption: str
    claim: str
    figures: tuple[Figure, ...]  # side by side
    multiples: tuple[Figure, ...]  # small, on one axis
    multiples_note: str
    folds: tuple[Fold, ...]
    folds_caption: str


@dataclass(frozen=True)
class Letter:
    picture: str
    label: str
    alternative: str
    misread: str  # "" where every seed read it rightly
    framed: bool  # misread by half of the seeds or more


@dataclass(frozen=True)
class TransferRun:
    seed: str
    training: str
    left_out: str
    reached: str
    time: str
    frozen_before: str
    frozen_after: str
    frozen: Verdict
    head_before: str
    head_after: str
    head: Verdict


@dataclass(frozen=True)
class Transfer:
    facts: tuple[tuple[str, str], ...]
    note: str
    figures: tuple[Figure, ...]
    letters: tuple[tuple[str, tuple[Letter, ...]], ...]  # by class
    letters_note: str
    runs: tuple[TransferRun, ...]
    runs_note: str
    test: str
    test_letters: tuple[Letter, ...]


@dataclass(frozen=True)
class TwinRow:
    feature: str
    numpy_document: str
    numpy_measured: str
    keras_document: str
    keras_measured: str


@dataclass(frozen=True)
class TwinRun:
    seed: str
    accuracy: str
    interval: str
    validation: str
    time: str
    cpu: str


@dataclass(frozen=True)
class Configuration:
    name: str
    settings: str
    accuracy: str
    interval: str
    runs: str
    against: Verdict | None


@dataclass(frozen=True)
class Twin:
    facts: tuple[tuple[str, str], ...]
    table: tuple[TwinRow, ...]
    figures: tuple[Figure, ...]
    runs: tuple[TwinRun, ...]
    configurations: tuple[Configuration, ...]


@dataclass(frozen=True)
class Compared:
    """A cell of the document's table; `actual` is said where it differs."""

    expected: str
    actual: str
    equal: bool


@dataclass(frozen=True)
class SummaryTable:
    columns: tuple[str, ...]
    rows: tuple[tuple[Compared | None, ...], ...]
    totals: tuple[tuple[str, Compared], ...]  # rows of one cell, and what it is called
    summary: str
    document: str
    regenerated: str


@dataclass(frozen=True)
class Sample:
    picture: str
    alternative: str
    index: str
    label: str
    prediction: str
    verdict: Verdict | None
    share: str
    width: int
    second: str


@dataclass(frozen=True)
class Samples:
    note: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Section:
    anchor: str
    id: str
    kind: str
    network: str
    network_anchor: str | None
    title: str
    question: str
    source: str
    status: Verdict
    reason: str
    problems: tuple[str, ...]
    finding: str
    short: str  # the finding's first sentence, a study's two, or why there is none
    claimed: str
    measured: str
    interval: str
    body: Study | Transfer | Twin | SummaryTable | Samples | None
