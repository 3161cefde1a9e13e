"""Measured accuracies beside what these networks were calibrated to give, and the alarms."""

from collections.abc import Sequence
from itertools import starmap

from harness.report.charts import baseline_rows
from harness.report.schema import results as schema
from harness.report.text import formatting
from harness.report.text import subjects as text_subjects
from harness.report.views.common import Verdict
from harness.report.views.page import Notice
from harness.report.views.progress import Expected, Plausible

ANCHOR = "plausible"
MAX_NAMES = 8


def plausible(results: schema.Results, anchors: Sequence[str]) -> Plausible | None:
    """Returns what to show; None where nothing was calibrated and nothing gives alarm."""
    subjects = list(zip(results.subjects, anchors, strict=True))
    calibrated = [(s, anchor, band) for s, anchor in subjects if (band := _band(s))]
    raised: list[tuple[str, str | None, str]] = [
        ("", None, text) for text in _shared(results.dataset)
    ]
    raised += [
        (formatting.cut(s.id, text_subjects.LONGEST_NAME), anchor, alarm.text or "")
        for s, anchor in subjects
        for alarm in _own(s, results.dataset)
    ]
    if not calibrated and not raised:
        return None
    return Plausible(
        alarms=tuple(raised),
        rows=tuple(starmap(_expected, calibrated)),
        drawing=baseline_rows.bands("plausible-d", [band for _, _, band in calibrated])
        if calibrated
        else None,
    )


def notices(results: schema.Results) -> list[Notice]:
    """What gives alarm, for the head of the page."""
    found = [(s, own) for s in results.subjects if (own := _own(s, results.dataset))]
    names = [formatting.apart(s.id) for s, _ in found]
    parts = _shared(results.dataset)
    if len(found) == 1:
        parts += [f"{names[0]}: {alarm.text}" for alarm in found[0][1]]
    elif names:
        parts.append(
            f"{formatting.listed(names, MAX_NAMES)} are more accurate than expected for these "
            "networks and data, or were trained on test images."
        )
    return [Notice("Too good to be true", " ".join(parts))] if parts else []


def _own(subject: schema.Subject, dataset: schema.Dataset) -> list[schema.Alarm]:
    """A subject's alarms but for the one that is about the data, which is said once for all."""
    said = bool(_shared(dataset))
    return [a for a in subject.alarms if a.text and not (said and a.kind == "leak")]


def _shared(dataset: schema.Dataset) -> list[str]:
    shared = dataset.shared_images
    if not shared or not shared.count:
        return []
    count = formatting.counted(shared.count, "test image").capitalize()
    are = "is a training image" if shared.count == 1 else "are training images"
    some = [
        f"test image {pair.test:,} is training image {pair.train:,}"
        for pair in shared.examples
        if pair.test is not None and pair.train is not None
    ]
    examples = f": {formatting.listed(some, 3)}" if some else ""
    why = "An accuracy on training images says nothing about new images."
    return [f"{count} {are} too{examples}. {why}"]


def _band(subject: schema.Subject) -> baseline_rows.Band | None:
    known = subject.range
    if known is None or known.low is None or known.high is None or known.mean is None:
        return None
    seeds = (run.test_accuracy for run in subject.runs)
    return baseline_rows.Band(
        name=subject.id,
        low=known.low,
        high=min(known.high, 1.0),
        mean=known.mean,
        seeds=tuple(value for value in seeds if value is not None),
    )


def _expected(subject: schema.Subject, anchor: str, band: baseline_rows.Band) -> Expected:
    known, seeds = subject.range or schema.Range(), band.seeds
    accuracy, _ = text_subjects.accuracy(subject)
    return Expected(
        network=formatting.cut(subject.id, text_subjects.LONGEST_NAME),
        anchor=anchor,
        verdict=_verdict(band),
        measured=formatting.percent(accuracy),
        seeds=_ends(min(seeds), max(seeds)) if len(seeds) > 1 else "",
        range=_ends(band.low, band.high),
        basis=_basis(known),
        command=known.command or "",
    )


def _ends(low: float, high: float) -> str:
    return f"{100 * low:.2f} to {formatting.percent(high)}"


def _verdict(band: baseline_rows.Band) -> Verdict:
    if not band.seeds:
        return Verdict("not trained", "none")
    if min(band.seeds) < band.low:
        return Verdict("below its range", "fail")
    if max(band.seeds) > band.high:
        return Verdict("above its range", "over")
    return Verdict("in its range", "pass")


def _basis(known: schema.Range) -> str:
    parts = []
    if known.seeds is not None:
        parts.append(f"{formatting.percent(known.mean)} over {known.seeds} seeds")
    if known.deviation is not None:
        parts.append(f"standard deviation {100 * known.deviation:.3f}")
    if known.k is not None:
        parts.append(f"k = {known.k:.2f}")
    return ", ".join(parts)
