"""From the measured repeats of a study's trials to its result, as plain JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any, Final

from harness.experiments.study_trials import Trial
from harness.jobs.store.record import Record
from harness.statistics.intervals import Interval, mean_interval, wilson
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


NEAR: Final = 0.005
"""A mean further than this from a claim, half a point, does not explain it, however much scatter
there is: the noisier a setting, the wider its interval, and the more it would explain."""


# Repeats that differ by more than this, two points, say that luck decides, and not the setting.
_SCATTERED: Final = 0.02


_MOST_NAMED: Final = 6


Row = Mapping[str, Any]
"""A row of the result's "variants"."""


def finding(rows: Sequence[Row], axes: Sequence[str], claim: float | None, method: str) -> str:
    """Returns the finding, two to five sentences."""
    sentences = _claim(rows, claim) if claim is not None else _spread(rows)
    if method != "variants" and len(rows) > 1:
        sentences += _settings(rows, axes)
    return " ".join(sentences)


def _claim(rows: Sequence[Row], claim: float) -> list[str]:
    start = next((row for row in rows if _is_start(row)), None)
    others = [row for row in rows if row is not start]
    sentences = []
    if start is not None:
        away = _points(abs(start["mean"] - claim))
        side = "above" if start["mean"] > claim else "below"
        verdict = (
            "which the document's figure agrees with"
            if start["meets_claim"]
            else f"{away} {side} the document's {_percent(claim)}"
        )
        sentences.append(f"{_named(start)} gives {_measured(start)}, {verdict}.")
    if not others:
        return sentences
    count = f"{len(others)} other configuration{'s' if len(others) > 1 else ''}"
    meeting = sorted(
        (row for row in others if row["meets_claim"]), key=lambda row: abs(row["mean"] - claim)
    )
    steady = [row for row in meeting if not _scattered(row)]
    lucky = [row for row in meeting if _scattered(row)]
    noisy = [row for row in others if not row["meets_claim"] and _holds(row, claim)]
    if steady:
        verb = "comes" if len(steady) == 1 else "come"
        sentences.append(
            f"Of {count}, {len(steady)} {verb} to {_percent(claim)} within what the repeats leave "
            f"open and within {_points(NEAR)}: {_list(steady)}. That shows what can give the "
            "document's figure, not what was done."
        )
    elif not meeting:
        nearest = min(others, key=lambda row: abs(row["mean"] - claim))
        side = "above" if nearest["mean"] > claim else "below"
        sentences.append(
            f"None of {count} explains {_percent(claim)}: the nearest, {_named(nearest)}, gives "
            f"{_measured(nearest)}, {_points(abs(nearest['mean'] - claim))} {side} it."
        )
    if lucky:
        only = "" if steady else f"Of {count}, none comes to it steadily. "
        sentences.append(
            f"{only}{_list(lucky, spread=True)}: there the repeats lie so far apart that "
            f"{_percent(claim)} is among what can come out, by luck."
        )
    if noisy:
        sentences.append(
            f"{_list(noisy, spread=True)}: the repeats lie so far apart that their interval holds "
            f"{_percent(claim)}, but the mean is more than {_points(NEAR)} from it: that is "
            "scatter, and explains nothing."
        )
    missing = [row for row in others if not row["meets_claim"] and row not in noisy]
    if meeting and missing:
        sentences.append(f"These do not explain it: {_list(missing)}.")
    return sentences


def _spread(rows: Sequence[Row]) -> list[str]:
    if len(rows) == 1:
        return [f"{_named(rows[0])} gives {_measured(rows[0])}."]
    best = max(rows, key=lambda row: row["mean"])
    worst = min(rows, key=lambda row: row["mean"])
    ends = (
        f"{_named(best)} gives most, {_measured(best)}, and {_named(worst)} least, "
        f"{_measured(worst)}."
    )
    sentences = [ends]
    start = next((row for row in rows if _is_start(row)), None)
    if start is not None and start is not best and _overlap(start, best):
        sentences.append(
            f"{_named(start)} gives {_measured(start)}: what is between it and the best is within "
            "what the repeats leave open."
        )
    return sentences


def _settings(rows: Sequence[Row], axes: Sequence[str]) -> list[str]:
    """Which setting moves the accuracy most, of those that were changed alone."""
    start = next((row for row in rows if _is_start(row)), None)
    ranges = []
    for axis in axes:
        alone = [row for row in rows if set(row["changes"]) == {axis}]
        means = [row["mean"] for row in (alone if start is None else [start, *alone])]
        if alone:
            ranges.append((max(means) - min(means), axis.replace("_", " ")))
    if len(ranges) < 2:
        return []
    ranges.sort(key=lambda entry: -entry[0])
    each = ", ".join(f"{axis} {_points(span)}" for span, axis in ranges)
    return [f"Changed alone, over the values that were tried, the settings move it by: {each}."]


def _is_start(row: Row) -> bool:
    return not row["changes"] and row["measure_words"] is None


def _scattered(row: Row) -> bool:
    return row["std"] is not None and row["std"] > _SCATTERED


def _holds(row: Row, claim: float) -> bool:
    """Whether the scatter of its repeats makes a row's interval hold the claim."""
    return bool(row["std"]) and bool(row["interval"][0] <= claim <= row["interval"][1])


def _overlap(one: Row, other: Row) -> bool:
    return bool(
        one["interval"][0] <= other["interval"][1] and other["interval"][0] <= one["interval"][1]
    )


def _list(rows: Sequence[Row], *, spread: bool = False) -> str:
    shown = [f"{_named(row)} ({_range(row) if spread else _percent(row['mean'])})"
             for row in rows[:_MOST_NAMED]]  # fmt: skip
    if len(rows) > _MOST_NAMED:
        shown.append(f"{len(rows) - _MOST_NAMED} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _range(row: Row) -> str:
    values = [run["accuracy"] for run in row["runs"]]
    return f"{_percent(min(values))} to {_percent(max(values))}"


def _named(row: Row) -> str:
    return f'"{row["name"]}"'


def _measured(row: Row) -> str:
    low, high = row["interval"]
    return f"{_percent(row['mean'])} [{100 * low:.2f}, {100 * high:.2f}]"


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _points(difference: float) -> str:
    return f"{100 * difference:.2f} points"
