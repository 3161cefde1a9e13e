"""What several views hold."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """A word and the mark beside it; `kind` is pass, fail, unsure, none or over."""

    word: str
    kind: str


@dataclass(frozen=True)
class Tally:
    verdict: Verdict
    count: int
