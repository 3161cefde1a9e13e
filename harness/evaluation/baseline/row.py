"""One thing that was compared with the baseline: a row of results.json."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Measure = Literal["presence", "accuracy", "total_params", "flops", "speed"]
Status = Literal[
    "passed", "regressed", "inconclusive", "improved", "unchanged", "missing", "new", "renamed",
    "not comparable", "not judged",
]  # fmt: skip
Interval = tuple[float, float]


@dataclass(frozen=True)
class Row:
    """What became of one measure of one network.

    Attributes:
        subject: the network's name now; None when it is gone.
        baseline_subject: its name in the baseline; None when it is new.
        before, after: accuracies as fractions, counts, speed-ups over Keras, images a second.
        difference: after less before; of speeds, the relative change.
        interval: of the difference, 95 %.
        text: all of it as a sentence.
    """

    subject: str | None
    baseline_subject: str | None
    measure: Measure
    status: Status
    text: str
    before: float | None = None
    after: float | None = None
    difference: float | None = None
    interval: Interval | None = None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "interval": list(self.interval) if self.interval else None}
