"""What the page shows, ready to print: frozen, plain, and already in words."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from markupsafe import Markup

from harness.report.views.common import Tally, Verdict

if TYPE_CHECKING:
    from harness.report.views.evidence import Evidence
    from harness.report.views.experiments import Section
    from harness.report.views.progress import Progress
    from harness.report.views.side_by_side import Beside


@dataclass(frozen=True)
class Notice:
    title: str
    text: str


@dataclass(frozen=True)
class Check:
    """One row of the list of checks; `details` are (label, text) pairs of a failure."""

    id: str
    ident: str  # where it is in the page
    title: str
    group: str
    verdict: Verdict
    points: str
    details: tuple[tuple[str, str], ...]
    hint: str | None
    message: str | None


@dataclass(frozen=True)
class LayerRow:
    """One row of a layer table; a `should_be` is text where the document differs, else empty."""

    verdict: Verdict
    name: str
    kind: str
    kind_should_be: str
    shape: str
    shape_should_be: str
    params: str
    params_should_be: str
    flops: str
    config: tuple[str, ...]
    changes: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Total:
    label: str
    actual: str
    should_be: str


@dataclass(frozen=True)
class LayerTable:
    rows: tuple[LayerRow, ...]
    totals: tuple[Total, ...]
    flops: str
    summary: str
    as_documented: bool  # nothing in it needs a reader's eye


@dataclass(frozen=True)
class Cell:
    """A count of the confusion matrix; `shade` is s0 (none) to s6, or "right" on the diagonal."""

    count: str
    shade: str
    hint: str


@dataclass(frozen=True)
class ConfusionRow:
    label: int
    cells: tuple[Cell, ...]
    recall: str


@dataclass(frozen=True)
class Pair:
    label: int
    prediction: int
    count: str
    share: str
    width: int  # of the bar, in percent of the longest


@dataclass(frozen=True)
class Confusion:
    rows: tuple[ConfusionRow, ...]
    precision: tuple[str, ...]
    pairs: tuple[Pair, ...]
    basis: str


@dataclass(frozen=True)
class Misread:
    picture: str
    label: int
    prediction: int
    confidence: str
    alternative: str
    index: str


@dataclass(frozen=True)
class Run:
    ident: str
    seed: str
    accuracy: str
    interval: str
    loss: str
    epochs: str
    time: str
    stopped: str
    cached: bool
    key: str
    weights: str


@dataclass(frozen=True)
class Keys:
    """What a column of the comparison is sorted by; empty where nothing is known."""

    accuracy: str
    gate: str
    margin: str
    params: str
    flops: str
    epochs: str
    time: str
    rate: str
    score: str


@dataclass(frozen=True)
class Network:
    anchor: str
    id: str
    short: str  # of the id, for tight places
    family: str
    title: str
    document: str
    source: str
    verdict: Verdict
    reasons: tuple[str, ...]
    error: str | None
    accuracy: str
    interval: str
    gate: str
    gate_verdict: Verdict | None
    gate_words: str
    margin: str
    params: str
    flops: str
    epochs: str
    epochs_of: str
    time: str
    rate: str
    score: str
    score_of: str
    failures: tuple[Check, ...]
    checks: tuple[tuple[str, tuple[Check, ...]], ...]
    checks_summary: str
    layers: LayerTable | None
    confusion: Confusion | None
    misread: tuple[Misread, ...]
    misread_basis: str
    runs: tuple[Run, ...]
    spec_digest: str
    keys: Keys


@dataclass(frozen=True)
class CurvePanel:
    name: str
    anchor: str
    drawing: Markup
    caption: str


@dataclass(frozen=True)
class Claim:
    ident: str
    network: str
    anchor: str | None
    what: str
    document: str
    quote: str
    source: str
    claimed: str
    measured: str
    interval: str
    difference: str
    seeds: str
    verdict: Verdict
    reason: str
    keys: tuple[str, str, str]  # what it is sorted by: claimed, measured, difference
    evidence: tuple[tuple[str, str], ...] = ()  # anchor and title of experiments


@dataclass(frozen=True)
class SpeedRow:
    runner: str
    rate: str
    width: int  # of the bar, in percent of the fastest at the task
    band: tuple[int, int] | None  # where half of the rounds lie, on the same scale
    ratio: str  # how many times as fast our engine is
    median: str
    spread: str  # where half of the rounds lie
    p95: str
    first_call: str
    device: str
    matmul: str
    verdict: Verdict | None  # unless it was measured and nothing is to be said
    note: str


@dataclass(frozen=True)
class SpeedTask:
    task: str
    rows: tuple[SpeedRow, ...]


@dataclass(frozen=True)
class SpeedGroup:
    network: str
    tasks: tuple[SpeedTask, ...]


@dataclass(frozen=True)
class Download:
    label: str
    what: str
    address: str
    file: str | None  # the name to save it under, for a data: address


@dataclass(frozen=True)
class Page:
    headline: str
    lead: tuple[Markup, ...]
    notices: tuple[Notice, ...]
    facts: tuple[tuple[str, str], ...]
    networks: tuple[Network, ...]
    claims: tuple[Claim, ...]
    claims_tally: tuple[Tally, ...]
    curves: tuple[CurvePanel, ...]
    curves_note: str
    charts: tuple[tuple[str, str, Markup], ...]  # heading, caption, drawing
    speed: tuple[SpeedGroup, ...]
    speed_note: str
    environment: tuple[tuple[str, str], ...]
    command: str
    downloads: tuple[Download, ...] = field(default=())
    test_images: str = ""
    experiments: "tuple[Section, ...]" = ()
    claims_drawn: Markup | None = None
    evidence: "Evidence | None" = None
    progress: "Progress | None" = None
    beside: "tuple[Beside, ...]" = ()
    markdown: str = ""
    contents: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()  # group, then its links
