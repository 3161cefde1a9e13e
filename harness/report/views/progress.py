"""What the sections on progress show, ready to print: frozen, plain, already in words."""

from dataclasses import dataclass

from markupsafe import Markup

from harness.report.views.common import Tally, Verdict


@dataclass(frozen=True)
class Expected:
    """One network's measured accuracy beside the range it was calibrated to."""

    network: str
    anchor: str
    verdict: Verdict
    measured: str
    seeds: str
    range: str
    basis: str
    command: str


@dataclass(frozen=True)
class Plausible:
    """`alarms` are (network, anchor, sentence); the network is empty where it is about the data."""

    alarms: tuple[tuple[str, str | None, str], ...]
    rows: tuple[Expected, ...]
    drawing: Markup | None


@dataclass(frozen=True)
class BaselineRow:
    network: str
    anchor: str | None
    measure: str
    verdict: Verdict
    before: str
    after: str
    difference: str
    interval: str
    text: str


@dataclass(frozen=True)
class Baseline:
    facts: tuple[tuple[str, str], ...]
    refused: str  # why nothing can be compared, or ""
    warning: str
    tally: tuple[Tally, ...]
    rows: tuple[BaselineRow, ...]
    unchanged: tuple[BaselineRow, ...]
    drawing: Markup | None
    margin: str


@dataclass(frozen=True)
class Trend:
    """One network over the runs; `notes` say what the drawing does not show."""

    network: str
    anchor: str | None
    drawing: Markup
    notes: tuple[str, ...]


@dataclass(frozen=True)
class PastRun:
    date: str
    commit: str
    seeds: str
    outcome: Verdict
    figures: tuple[tuple[str, str], ...]  # accuracy and interval, in the order of the networks


@dataclass(frozen=True)
class History:
    lead: str
    note: str
    trends: tuple[Trend, ...]
    networks: tuple[str, ...]
    runs: tuple[PastRun, ...]


@dataclass(frozen=True)
class Progress:
    """`contents` are the anchors and titles of its sections, for the page's navigation."""

    contents: tuple[tuple[str, str], ...] = ()
    plausible: Plausible | None = None
    baseline: Baseline | None = None
    history: History | None = None
