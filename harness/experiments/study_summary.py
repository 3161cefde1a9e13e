"""From the measured repeats of a study's trials to its result, as plain JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any, Final

from harness.experiments.study_finding import NEAR, finding
from harness.experiments.study_trials import Trial
from harness.jobs.store.record import Record
from harness.statistics import Interval, mean_interval, wilson
from reference.layers import total_params
from reference.study_format import SETTINGS, Measuring, Study

_CURVES: Final = ("accuracy", "loss", "val_accuracy", "val_loss")


@dataclass(frozen=True)
class Claim:
    """What the document says came out; `resolution` is the last digit that it gives."""

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


def summarise(
    study: Study,
    trials: Sequence[Trial],
    repeats: Sequence[Sequence[Repeat]],
    claim: Claim | None,
) -> dict[str, Any]:
    """Returns the result of kind "study" (docs/formats.md).

    Args:
        repeats: for each trial its repeats, in order.
        claim: None where there is none, or none that these data could test.
    """
    changed = {key for trial in trials for key in trial.changes}
    axes = [key for key in SETTINGS if key in changed]
    rows = [
        _row(study, trial, runs, axes, claim) for trial, runs in zip(trials, repeats, strict=True)
    ]
    return {
        "repeats": study.repeats,
        "measure": study.measuring.measure,
        "measure_words": words(study.measuring, study.repeats),
        "claim": claim.value if claim else None,
        "axes": axes,
        "method": study.method,
        "variants": rows,
        "finding": finding(rows, axes, claim.value if claim else None, study.method)
        + _reduced(trials),
    }


def _reduced(trials: Sequence[Trial]) -> str:
    """A sentence on what was made smaller than declared, or nothing."""
    found = dict.fromkeys(trial.reduced for trial in trials if trial.reduced)
    if not found:
        return ""
    return (
        " The data set is smaller than the one that this study was declared for, so it was trained "
        f"with {'; '.join(found)}."
    )


def words(measuring: Measuring, repeats: str) -> str:
    """Returns what was measured, in words."""
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
    held = "the fold that was held out" if repeats == "folds" else "the validation images"
    return f"accuracy on {held}{after}"


def meets(claim: Claim, mean: float, interval: Interval) -> bool:
    """Whether a claim agrees with a mean: a figure stands for all that rounds to it.

    It does where the mean rounds to the figure; or where its interval meets the values that do, and
    the mean is no further than `NEAR` from the figure.
    """
    half = claim.resolution / 2
    low, high = interval
    # Rounding must not push a mean that lies on the edge over it.
    away = abs(mean - claim.value) - 1e-12
    held = low <= claim.value + half and high >= claim.value - half
    return away <= half or (held and away <= NEAR)


def _row(
    study: Study,
    trial: Trial,
    repeats: Sequence[Repeat],
    axes: Sequence[str],
    claim: Claim | None,
) -> dict[str, Any]:
    values = [repeat.accuracy for repeat in repeats]
    mean = sum(values) / len(values)
    several = len(values) > 1
    interval = _interval(study, repeats)
    usual = trial.measuring == study.measuring
    return {
        "name": trial.variant.name,
        "settings": {key: trial.settings[key] for key in axes},
        "changes": dict(trial.changes),
        "why": trial.variant.why + (f" (with {trial.reduced})" if trial.reduced else ""),
        "measure_words": None if usual else words(trial.measuring, study.repeats),
        "params": total_params(trial.spec.network),
        "runs": [_run(number, repeat) for number, repeat in enumerate(repeats)],
        "mean": mean,
        "std": _deviation(values, mean) if several else None,
        # Of widely spread runs, Student's t reaches beyond what a share can be.
        "interval": [max(0.0, interval[0]), min(1.0, interval[1])],
        "meets_claim": meets(claim, mean, interval) if claim else None,
    }


def _interval(study: Study, repeats: Sequence[Repeat]) -> Interval:
    """Student's t over the repeats; Wilson's for one, or where all came out the same.

    Repeats that agree leave Student's t without a width, which so few do not warrant. Seeds read
    the same images again, which are no more for that; folds are images of their own.
    """
    values = [repeat.accuracy for repeat in repeats]
    if len(set(values)) > 1:
        return mean_interval(values)
    several = study.repeats == "folds"
    images = sum(repeat.images for repeat in repeats) if several else repeats[0].images
    return wilson(round(values[0] * images), images)


def _deviation(values: Sequence[float], mean: float) -> float:
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _run(number: int, repeat: Repeat) -> dict[str, Any]:
    record = repeat.record
    return {
        "key": record.key,
        "repeat": number,
        "accuracy": repeat.accuracy,
        "images": repeat.images,
        "epochs": len(record.history["loss"]),
        "history": {curve: _finite(record.history[curve]) for curve in _CURVES},
        "train_time_s": record.document["train_time_s"],
        "cached": record.cached,
    }


def _finite(values: Sequence[float]) -> list[float | None]:
    """JSON has no word for a loss that is not a number any more."""
    return [value if isfinite(value) else None for value in values]


def documented_claim(metric: str | None, claims: Sequence[Any]) -> Claim | None:
    """Returns the document's claim of a metric, where it gives a figure.

    Args:
        claims: `reference.fact_types.ClaimFact`s.
    """
    for claim in claims:
        if claim.metric == metric and claim.value is not None:
            return Claim(claim.value, claim.resolution or 0.0)
    return None
