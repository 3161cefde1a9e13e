"""How accuracy falls on corrupted test images: curves, and one mean error.

The images are few of many, and the seeds as well: each interval allows for other ones of both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from harness.data.corruptions import CORRUPTIONS, SEVERITIES
from harness.report.schema import results as schema
from harness.statistics.intervals import Interval, mean_interval, over_both, wilson

Reading = Mapping[str, Any]
"""What one run's network read: the document of `harness.jobs.kinds.robustness`."""


@dataclass(frozen=True)
class Readings:
    """What came of the readings of one subject.

    Attributes:
        found: of each run that there is one of, in the order of the seeds.
        missing: why the others failed, each reason once.
        runs: how many there were to be.
    """

    found: tuple[Reading, ...]
    missing: tuple[str, ...]
    runs: int


def robustness(readings: Readings | None) -> schema.Robustness | None:
    """Returns a subject's `robustness`; None if no corrupted images were requested.

    If every run failed there are no numbers, only the note with the reason.
    """
    if readings is None or readings.runs == 0:
        return None
    found = readings.found
    images = found[0]["images"] if found else 0
    clean = [reading["clean"] for reading in found]
    errors = [_errors(reading) for reading in found]
    return schema.Robustness(
        images=images,
        seeds=len(found),
        clean=_mean(clean, images),
        clean_interval=_interval(clean, images),
        mean_corruption_error=fmean(map(fmean, errors)) if found else None,
        mean_corruption_error_interval=_error_interval(errors) if found else None,
        note=_note(readings),
        curves=[_curve(name, found, images) for name in CORRUPTIONS] if found else [],
    )


def _curve(name: str, found: Sequence[Reading], images: int) -> schema.Curve:
    known = CORRUPTIONS[name]
    levels = []
    for place, severity in enumerate(SEVERITIES):
        correct = [reading["correct"][name][place] for reading in found]
        levels.append(
            schema.Level(
                severity=severity,
                value=known.value(severity),
                accuracy=_mean(correct, images),
                interval=_interval(correct, images),
            )
        )
    return schema.Curve(corruption=name, words=known.words, unit=known.unit, levels=levels)


def _mean(correct: Sequence[int], images: int) -> float | None:
    return fmean(correct) / images if correct else None


def _interval(correct: Sequence[int], images: int) -> Interval | None:
    """Counts an image once, however many seeds classified it."""
    if not correct:
        return None
    return _over(wilson(fmean(correct), images), [count / images for count in correct])


def _errors(reading: Reading) -> list[float]:
    """Returns for each image the share of its corruptions that was misclassified."""
    corruptions = len(CORRUPTIONS) * len(SEVERITIES)
    return [count / corruptions for count in reading["misread"]]


def _error_interval(errors: Sequence[Sequence[float]]) -> Interval:
    """95 % interval for the mean over all corruptions, `errors` as of `_errors` for each run.

    Each image counts once, with the mean over its corruptions and seeds, since these are not
    independent images.
    """
    by_image = [fmean(image) for image in zip(*errors, strict=True)]
    return _over(mean_interval(by_image), [fmean(run) for run in errors])


def _over(images: Interval, runs: Sequence[float]) -> Interval:
    """The interval over images, widened by what the mean of several runs varies over seeds."""
    if len(runs) > 1:
        images = over_both(fmean(runs), mean_interval(runs), images)
    lower, upper = images
    return max(lower, 0.0), min(upper, 1.0)


def _note(readings: Readings) -> str | None:
    lost = readings.runs - len(readings.found)
    if not lost:
        return None
    reasons = "; ".join(readings.missing)
    return f"{lost} of {readings.runs} runs did not classify the corrupted images: {reasons}"
