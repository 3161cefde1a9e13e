"""Summarises the measured repeats of a study: its result, and the finding in sentences."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from statistics import stdev
from typing import Final

from harness.experiments.study_trials import Trial
from harness.jobs.store.record import Record
from harness.statistics.intervals import Interval, mean_interval, wilson
from harness.system.text import percent
from reference.facts import ClaimFact
from reference.layers import total_params
from reference.study_format import SETTINGS, Measuring, Study

MAX_DISTANCE: Final = 0.005
"""The largest distance of a mean from a claim that it explains, half a point. Without it, a noisy
setting, whose interval is wide, would explain more than a steady one."""

# A standard deviation of the repeats above this, two points, means that chance decides.
_MAX_STEADY_STD: Final = 0.02
_MAX_NAMED: Final = 6
_CURVES: Final = ("accuracy", "loss", "val_accuracy", "val_loss")


@dataclass(frozen=True)
class Claim:
    """An accuracy that the document gives; `resolution` is the unit of its last digit."""

    value: float
    resolution: float


@dataclass(frozen=True)
class Repeat:
    """One finished repeat of a trial.

    Attributes:
        images: the number of images that the accuracy was measured on.
    """

    record: Record
    accuracy: float
    images: int


@dataclass(frozen=True)
class RepeatResult:
    """An element of `VariantResult.runs`."""

    key: str
    repeat: int
    accuracy: float
    images: int
    epochs: int
    history: Mapping[str, Sequence[float | None]]
    train_time_s: float
    cached: bool


@dataclass(frozen=True)
class VariantResult:
    """An element of the result's "variants" (docs/formats.md)."""

    name: str
    settings: Mapping[str, object]
    changes: Mapping[str, object]
    why: str
    measure_words: str | None
    params: int
    runs: Sequence[RepeatResult]
    mean: float
    std: float | None
    interval: Interval
    meets_claim: bool | None

    @property
    def is_start(self) -> bool:
        """Whether this is the starting point of the study, measured like the others."""
        return not self.changes and self.measure_words is None

    @property
    def scattered(self) -> bool:
        """Whether chance decides what a repeat gives."""
        return self.std is not None and self.std > _MAX_STEADY_STD

    def scatters_to(self, value: float) -> bool:
        """Whether the interval contains a value because the repeats differ."""
        return bool(self.std) and self.interval[0] <= value <= self.interval[1]

    def overlaps(self, other: "VariantResult") -> bool:
        """Whether the intervals of two variants overlap."""
        return self.interval[0] <= other.interval[1] and other.interval[0] <= self.interval[1]


def summarise(
    study: Study,
    trials: Sequence[Trial],
    repeats: Sequence[Sequence[Repeat]],
    claim: Claim | None,
) -> dict[str, object]:
    """Returns the result of kind "study" (docs/formats.md).

    Args:
        repeats: the repeats of each trial, in order.
        claim: None if the document makes no claim, or none that these data can test.
    """
    changed = {key for trial in trials for key in trial.changes}
    axes = [key for key in SETTINGS if key in changed]
    rows = [
        _variant(study, trial, runs, axes, claim)
        for trial, runs in zip(trials, repeats, strict=True)
    ]
    value = claim.value if claim else None
    return {
        "repeats": study.repeats,
        "measure": study.measuring.measure,
        "measure_words": words(study.measuring, study.repeats),
        "claim": value,
        "axes": axes,
        "method": study.method,
        "variants": [asdict(row) for row in rows],
        "finding": finding(rows, axes, value, study.method) + _reduced(trials),
    }


def words(measuring: Measuring, repeats: str) -> str:
    """Returns the measure in words."""
    if measuring.measure == "equal_outputs":
        return (
            "share of the ten outputs for each test image that equal the one-hot label exactly, "
            "as keras.metrics.Accuracy counts"
        )
    if measuring.pixel_max is not None:
        return f"accuracy on the test images, their pixels divided by {measuring.pixel_max:g}"
    if measuring.measure == "test_accuracy":
        return "accuracy on the test images"
    after = f" after epoch {measuring.after}" if measuring.after else ""
    images = "the held-out fold" if repeats == "folds" else "the validation images"
    return f"accuracy on {images}{after}"


def meets(claim: Claim, mean: float, interval: Interval) -> bool:
    """Whether a claim agrees with a mean.

    The claimed figure stands for all values that round to it. It agrees if the mean rounds to the
    figure, or if the interval contains one of these values and the mean is within `MAX_DISTANCE`.
    """
    half = claim.resolution / 2
    low, high = interval
    # A mean on the edge must not be pushed over it by rounding.
    distance = abs(mean - claim.value) - 1e-12
    contained = low <= claim.value + half and high >= claim.value - half
    return distance <= half or (contained and distance <= MAX_DISTANCE)


def documented_claim(metric: str | None, claims: Iterable[ClaimFact]) -> Claim | None:
    """Returns the document's claim about a metric, if it gives a figure."""
    for claim in claims:
        if claim.metric == metric and claim.value is not None:
            return Claim(claim.value, claim.resolution or 0.0)
    return None


def _variant(
    study: Study,
    trial: Trial,
    repeats: Sequence[Repeat],
    axes: Sequence[str],
    claim: Claim | None,
) -> VariantResult:
    values = [repeat.accuracy for repeat in repeats]
    mean = sum(values) / len(values)
    low, high = _interval(study, repeats)
    usual = trial.measuring == study.measuring
    return VariantResult(
        name=trial.variant.name,
        settings={key: trial.settings[key] for key in axes},
        changes=dict(trial.changes),
        why=trial.variant.why + (f" (with {trial.reduced})" if trial.reduced else ""),
        measure_words=None if usual else words(trial.measuring, study.repeats),
        params=total_params(trial.spec.network),
        runs=[_run(number, repeat) for number, repeat in enumerate(repeats)],
        mean=mean,
        std=stdev(values, mean) if len(values) > 1 else None,
        # Student's t of widely spread runs reaches beyond what an accuracy can be.
        interval=(max(0.0, low), min(1.0, high)),
        meets_claim=meets(claim, mean, (low, high)) if claim else None,
    )


def _interval(study: Study, repeats: Sequence[Repeat]) -> Interval:
    """Returns Student's t interval over the repeats; Wilson's if all have the same accuracy.

    Student's t of equal values has no width, which so few repeats do not justify. Wilson's counts
    the images of all folds, but those of one seed, since all seeds classify the same images.
    """
    values = [repeat.accuracy for repeat in repeats]
    if len(set(values)) > 1:
        return mean_interval(values)
    counted = repeats if study.repeats == "folds" else repeats[:1]
    images = sum(repeat.images for repeat in counted)
    return wilson(round(values[0] * images), images)


def _run(number: int, repeat: Repeat) -> RepeatResult:
    record = repeat.record
    return RepeatResult(
        key=record.key,
        repeat=number,
        accuracy=repeat.accuracy,
        images=repeat.images,
        epochs=len(record.history["loss"]),
        # JSON cannot hold a loss that is not finite.
        history={
            curve: [value if isfinite(value) else None for value in record.history[curve]]
            for curve in _CURVES
        },
        train_time_s=record.document["train_time_s"],
        cached=record.cached,
    )


# The finding -------------------------------------------------------------------------------------


def points(difference: float) -> str:
    """Returns a difference of fractions as "0.50 points"."""
    return f"{100 * difference:.2f} points"


def shown(mean: float, interval: Interval) -> str:
    """Returns a mean with its interval as "98.60 % [98.50, 98.70]"."""
    return f"{percent(mean)} [{100 * interval[0]:.2f}, {100 * interval[1]:.2f}]"


def finding(
    rows: Sequence[VariantResult], axes: Sequence[str], claim: float | None, method: str
) -> str:
    """Returns the finding, two to five sentences that follow from the numbers alone."""
    start = next((row for row in rows if row.is_start), None)
    sentences = _claim(rows, start, claim) if claim is not None else _spread(rows, start)
    if method != "variants" and len(rows) > 1:
        sentences += _settings(rows, start, axes)
    return " ".join(sentences)


def _claim(rows: Sequence[VariantResult], start: VariantResult | None, claim: float) -> list[str]:
    others = [row for row in rows if row is not start]
    sentences = []
    if start is not None:
        verdict = (
            "which agrees with the document's figure"
            if start.meets_claim
            else f"{_away(start, claim)} the document's {percent(claim)}"
        )
        sentences.append(f"{_measured(start)}, {verdict}.")
    if not others:
        return sentences
    count = f"{len(others)} other configuration{'s' if len(others) > 1 else ''}"
    meeting = sorted(
        (row for row in others if row.meets_claim), key=lambda row: abs(row.mean - claim)
    )
    steady = [row for row in meeting if not row.scattered]
    by_chance = [row for row in meeting if row.scattered]
    noisy = [row for row in others if not row.meets_claim and row.scatters_to(claim)]
    if steady:
        verb = "agrees" if len(steady) == 1 else "agree"
        sentences.append(
            f"Of {count}, {len(steady)} {verb} with {percent(claim)}, within the interval and "
            f"within {points(MAX_DISTANCE)}: {_list(steady)}. This shows what can give the "
            "document's figure, not how it was obtained."
        )
    elif not meeting:
        nearest = min(others, key=lambda row: abs(row.mean - claim))
        sentences.append(
            f"None of {count} explains {percent(claim)}. Nearest: {_measured(nearest)}, "
            f"{_away(nearest, claim)} it."
        )
    if by_chance:
        only = "" if steady else f"Of {count}, none agrees with it reliably. "
        sentences.append(
            f"{only}{_list(by_chance, spread=True)}: the repeats differ so much that "
            f"{percent(claim)} can occur by chance."
        )
    if noisy:
        sentences.append(
            f"{_list(noisy, spread=True)}: the repeats differ so much that the interval contains "
            f"{percent(claim)}, but the mean is more than {points(MAX_DISTANCE)} from it, so "
            "this does not explain the figure."
        )
    missing = [row for row in others if not row.meets_claim and row not in noisy]
    if meeting and missing:
        sentences.append(f"These do not explain it: {_list(missing)}.")
    return sentences


def _spread(rows: Sequence[VariantResult], start: VariantResult | None) -> list[str]:
    if len(rows) == 1:
        return [f"{_measured(rows[0])}."]
    best = max(rows, key=lambda row: row.mean)
    worst = min(rows, key=lambda row: row.mean)
    sentences = [f"Highest: {_measured(best)}; lowest: {_measured(worst)}."]
    if start is not None and start is not best and start.overlaps(best):
        sentences.append(f"{_measured(start)}, with an interval that overlaps the highest one's.")
    return sentences


def _settings(
    rows: Sequence[VariantResult], start: VariantResult | None, axes: Sequence[str]
) -> list[str]:
    """Says which setting changes the accuracy most, of those that were changed alone."""
    ranges = []
    for axis in axes:
        alone = [row for row in rows if set(row.changes) == {axis}]
        means = [row.mean for row in (alone if start is None else [start, *alone])]
        if alone:
            ranges.append((max(means) - min(means), axis.replace("_", " ")))
    if len(ranges) < 2:
        return []
    ranges.sort(key=lambda entry: -entry[0])
    each = ", ".join(f"{axis} {points(span)}" for span, axis in ranges)
    return [f"Changed alone, over the values tried, each setting changes the accuracy by: {each}."]


def _reduced(trials: Sequence[Trial]) -> str:
    """Returns a sentence about settings that the data set was too small for, if there are any."""
    found = dict.fromkeys(trial.reduced for trial in trials if trial.reduced)
    if not found:
        return ""
    return (
        " The data set is smaller than the one that this study was declared for, so it was trained "
        f"with {'; '.join(found)}."
    )


def _list(rows: Sequence[VariantResult], *, spread: bool = False) -> str:
    named = [
        f'"{row.name}" ({_range(row) if spread else percent(row.mean)})'
        for row in rows[:_MAX_NAMED]
    ]
    if len(rows) > _MAX_NAMED:
        named.append(f"{len(rows) - _MAX_NAMED} more")
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def _range(row: VariantResult) -> str:
    values = [run.accuracy for run in row.runs]
    return f"{percent(min(values))} to {percent(max(values))}"


def _measured(row: VariantResult) -> str:
    return f'"{row.name}" gives {shown(row.mean, row.interval)}'


def _away(row: VariantResult, claim: float) -> str:
    side = "above" if row.mean > claim else "below"
    return f"{points(abs(row.mean - claim))} {side}"
