"""What the pages of a class show, ready to print: frozen, plain, and already in words."""

from dataclasses import dataclass

from markupsafe import Markup

from harness.report.views.common import Tally, Verdict
from harness.report.views.page import Check, Confusion, Misread, Network, Run


@dataclass(frozen=True)
class Layer:
    """One side of a row of the comparison."""

    kind: str
    name: str
    details: tuple[str, ...]
    shape: str
    params: str


@dataclass(frozen=True)
class LayerPair:
    """A layer of the document beside the one that was built; one of them may be missing."""

    verdict: Verdict
    state: str  # same, changed, missing, extra, or unknown
    document: Layer | None
    yours: Layer | None
    differences: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Comparison:
    pairs: tuple[LayerPair, ...]
    summary: str
    totals: tuple[tuple[str, str, str, bool], ...]  # label, document's, yours, whether they differ


@dataclass(frozen=True)
class RecipeRow:
    """A setting of the recipe; `basis` says whether the document fixes it."""

    label: str
    document: str
    basis: str
    yours: str
    verdict: Verdict
    state: str


@dataclass(frozen=True)
class Finding:
    where: str
    cause: Markup


@dataclass(frozen=True)
class GroupScore:
    """The points of one group of checks."""

    name: str
    points: str
    width: int  # of what was earned, in percent


@dataclass(frozen=True)
class Skipped:
    """Checks that were not run for one and the same reason."""

    reason: str
    titles: tuple[str, ...]


@dataclass(frozen=True)
class OwnWeights:
    accuracy: str
    interval: str
    count: str


@dataclass(frozen=True)
class Card:
    """A line of the class table, and the head of a submission's page."""

    name: str
    link: str
    architecture: str
    verdict: Verdict
    score: str
    score_of: str
    percent: str
    width: int  # of the score, in percent
    accuracy: str
    interval: str
    fault: Markup


@dataclass(frozen=True)
class SubmissionPage:
    card: Card
    lead: tuple[str, ...]
    groups: tuple[GroupScore, ...]
    error: str | None
    error_title: str
    error_hint: str | None
    findings: tuple[Finding, ...]
    remarks: tuple[Finding, ...]
    notes: tuple[Markup, ...]
    failures: tuple[Check, ...]
    checks: tuple[tuple[str, tuple[Check, ...]], ...]
    checks_summary: str
    skipped: tuple[Skipped, ...]
    comparison: Comparison | None
    recipe: tuple[RecipeRow, ...]
    recipe_note: str
    network: Network
    own_weights: OwnWeights | None
    curve: Markup | None
    confusion: Confusion | None
    misread: tuple[Misread, ...]
    misread_basis: str
    runs: tuple[Run, ...]
    facts: tuple[tuple[str, str], ...]
    root: str  # the way from this page to results.json: "" or "../"
    classroom: str  # the address of the class page, "" where there is none
    classroom_words: str


@dataclass(frozen=True)
class CheckRate:
    """How many of those for whom a check was run have passed it."""

    title: str
    id: str
    passed: str
    width: int
    rest: str


@dataclass(frozen=True)
class Fault:
    title: str
    count: int
    width: int
    example: Markup
    who: tuple[tuple[str, str], ...]  # name and address
    more: int


@dataclass(frozen=True)
class Twins:
    """Submissions of one and the same network."""

    architecture: str
    count: int
    params: str
    who: tuple[tuple[str, str], ...]
    more: int


@dataclass(frozen=True)
class ClassPage:
    headline: str
    lead: tuple[Markup, ...]
    notices: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    tally: tuple[Tally, ...]
    statuses: tuple[tuple[str, int], ...]
    histogram: Markup | None
    rates: tuple[tuple[str, tuple[CheckRate, ...]], ...]
    faults: tuple[Fault, ...]
    twins: tuple[Twins, ...]
    twins_note: str
    cards: tuple[Card, ...]
    environment: tuple[tuple[str, str], ...]
    command: str
    files: tuple[tuple[str, str], ...]  # address, what it is
