"""What the sections on evidence show, ready to print."""

from dataclasses import dataclass

from markupsafe import Markup

from harness.report.views.common import Verdict


@dataclass(frozen=True)
class Figure:
    """A drawing with its heading and what to look for in it."""

    heading: str
    caption: str
    drawing: Markup


@dataclass(frozen=True)
class Name:
    """A network as the page calls it, and where its own section is."""

    short: str
    anchor: str | None


@dataclass(frozen=True)
class PairCell:
    """One cell of the matrix: the row's network against the column's."""

    difference: str
    interval: str
    p: str
    verdict: Verdict


@dataclass(frozen=True)
class PairRow:
    """One pair with all its numbers; `first` is the one that read more images right."""

    first: Name
    second: Name
    difference: str
    interval: str
    p: str
    p_adjusted: str
    only_first: str
    only_second: str
    detectable: str
    method: str
    runs: str
    verdict: Verdict


@dataclass(frozen=True)
class Paired:
    """Which network is better; the matrix is a lower triangle, the best network first."""

    found: str
    together: str  # the test of all networks at once
    figure: Figure | None
    columns: tuple[Name, ...]
    matrix: tuple[tuple[Name, tuple[PairCell | None, ...]], ...]
    basis: str
    pairs: tuple[PairRow, ...]
    pairs_note: str


@dataclass(frozen=True)
class BinRow:
    outputs: str
    images: str
    confidence: str
    accuracy: str
    interval: str


@dataclass(frozen=True)
class CalibrationRow:
    network: Name
    ece: str
    ece_interval: str
    nll: str
    nll_interval: str
    brier: str
    brier_interval: str
    lean: str  # mean confidence less accuracy


@dataclass(frozen=True)
class Diagram:
    network: Name
    drawing: Markup
    caption: str
    bins: tuple[BinRow, ...]


@dataclass(frozen=True)
class Calibration:
    found: str
    diagrams: tuple[Diagram, ...]
    rows: tuple[CalibrationRow, ...]
    notes: tuple[tuple[Name, str], ...]  # networks without one, and why
    basis: str


@dataclass(frozen=True)
class RobustRow:
    network: Name
    clean: str
    clean_interval: str
    error: str
    error_interval: str
    worst: str


@dataclass(frozen=True)
class LevelTable:
    """One corruption: a row for each network, a column for each severity."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Name, tuple[tuple[str, str], ...]], ...]  # accuracy and interval


@dataclass(frozen=True)
class Robustness:
    """Nothing but `found` and `notes` where no network has figures."""

    found: str
    panels: tuple[Figure, ...] = ()
    panels_note: str = ""
    summary: Figure | None = None
    rows: tuple[RobustRow, ...] = ()
    tables: tuple[LevelTable, ...] = ()
    basis: str = ""
    notes: tuple[tuple[Name, str], ...] = ()


@dataclass(frozen=True)
class Shade:
    """A number with the shade behind it, s0 to s6; `strong` marks the row's own extreme."""

    text: str
    shade: str
    hint: str
    strong: bool = False


@dataclass(frozen=True)
class HeatTable:
    heading: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Name, tuple[Shade, ...]], ...]


@dataclass(frozen=True)
class DigitRow:
    digit: str
    images: str
    recall: str
    recall_interval: str
    precision: str
    precision_interval: str
    f1: str


@dataclass(frozen=True)
class Digits:
    found: str
    tables: tuple[HeatTable, ...]
    networks: tuple[tuple[Name, tuple[DigitRow, ...]], ...]


@dataclass(frozen=True)
class Confusions:
    found: str
    networks: tuple[Name, ...]
    pairs: tuple[tuple[int, int, tuple[Shade, ...]], ...]  # true digit, reading, a cell a network
    basis: str


@dataclass(frozen=True)
class Picture:
    source: str  # a data: address, or ""
    alternative: str
    index: str
    label: str
    readings: str


@dataclass(frozen=True)
class Group:
    """Pictures that belong together: those all networks miss, or one alone."""

    network: Name | None
    words: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class HardImages:
    found: str
    all_miss: Group
    only_one: tuple[Group, ...]
    basis: str


@dataclass(frozen=True)
class Evidence:
    """`contents` are the anchors and titles of its sections, for the page's navigation."""

    contents: tuple[tuple[str, str], ...] = ()
    paired: Paired | None = None
    calibration: Calibration | None = None
    robustness: Robustness | None = None
    digits: Digits | None = None
    confusions: Confusions | None = None
    hard: HardImages | None = None
