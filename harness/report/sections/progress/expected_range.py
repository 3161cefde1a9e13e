"""Measured accuracies beside what these networks were calibrated to give, and the alarms."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from harness.report.charts import baseline_rows
from harness.report.text import formatting
from harness.report.text import subjects as text_subjects
from harness.report.views.common import Verdict
from harness.report.views.page import Notice
from harness.report.views.progress import Expected, Plausible

ANCHOR = "plausible"
MOST_NAMES = 8

Subject = Mapping[str, Any]


def plausible(results: Mapping[str, Any], anchors: Sequence[str]) -> Plausible | None:
    """Returns what to show; None where nothing was calibrated and nothing gives alarm."""
    subjects = list(zip(results["subjects"], anchors, strict=True))
    calibrated = [(s, anchor) for s, anchor in subjects if _usable(s)]
    raised: list[tuple[str, str | None, str]] = [
        ("", None, text) for text in _shared(results["dataset"])
    ]
    raised += [
        (formatting.cut(s["id"], text_subjects.LONGEST_NAME), anchor, alarm["text"])
        for s, anchor in subjects
        for alarm in _own(s, results["dataset"])
    ]
    if not calibrated and not raised:
        return None
    return Plausible(
        alarms=tuple(raised),
        rows=tuple(_expected(s, anchor) for s, anchor in calibrated),
        drawing=_drawing([s for s, _ in calibrated]),
    )


def notices(results: Mapping[str, Any]) -> list[Notice]:
    """What gives alarm, for the head of the page."""
    found = [(s, own) for s in results["subjects"] if (own := _own(s, results["dataset"]))]
    names = [formatting.apart(s["id"]) for s, _ in found]
    parts = _shared(results["dataset"])
    if len(found) == 1:
        parts += [f"{names[0]}: {alarm['text']}" for alarm in found[0][1]]
    elif names:
        parts.append(
            f"{formatting.listed(names, MOST_NAMES)} are more accurate than what these networks "
            "and "
            "data give, or have seen the test images."
        )
    return [Notice("Too good to be true", " ".join(parts))] if parts else []


def _own(subject: Subject, dataset: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A subject's alarms but for the one that is about the data, which is said once for all."""
    said = bool(_shared(dataset))
    return [a for a in subject["alarms"] if a["text"] and not (said and a["kind"] == "leak")]


def _shared(dataset: Mapping[str, Any]) -> list[str]:
    shared = dataset["shared_images"]
    if not shared or not shared["count"]:
        return []
    count = formatting.counted(shared["count"], "test image").capitalize()
    are = "is a training image" if shared["count"] == 1 else "are training images"
    some = [
        f"test image {pair['test']:,} is training image {pair['train']:,}"
        for pair in shared["examples"]
        if pair["test"] is not None and pair["train"] is not None
    ]
    examples = f": {formatting.listed(some, 3)}" if some else ""
    why = "An accuracy on images that were trained on says nothing about new ones."
    return [f"{count} {are} too{examples}. {why}"]


def _usable(subject: Subject) -> bool:
    known = subject["range"]
    return bool(known) and None not in (known["low"], known["high"], known["mean"])


def _measured(subject: Subject) -> list[float]:
    return [run["test_accuracy"] for run in subject["runs"] if run["test_accuracy"] is not None]


def _expected(subject: Subject, anchor: str) -> Expected:
    known, seeds = subject["range"], _measured(subject)
    outside = [value for value in seeds if not known["low"] <= value <= known["high"]]
    accuracy, _ = text_subjects.accuracy(subject)
    return Expected(
        network=formatting.cut(subject["id"], text_subjects.LONGEST_NAME),
        anchor=anchor,
        verdict=_verdict(seeds, outside, known),
        measured=formatting.percent(accuracy),
        seeds=_ends(min(seeds), max(seeds)) if len(seeds) > 1 else "",
        range=_ends(known["low"], min(known["high"], 1.0)),
        basis=_basis(known),
        command=known["command"] or "",
    )


def _ends(low: float, high: float) -> str:
    return f"{100 * low:.2f} to {formatting.percent(high)}"


def _verdict(seeds: Sequence[float], outside: Sequence[float], known: Mapping[str, Any]) -> Verdict:
    if not seeds:
        return Verdict("not trained", "none")
    if not outside:
        return Verdict("in its range", "pass")
    if min(outside) < known["low"]:
        return Verdict("below its range", "fail")
    return Verdict("above its range", "over")


def _basis(known: Mapping[str, Any]) -> str:
    parts = []
    if known["seeds"] is not None:
        parts.append(f"{formatting.percent(known['mean'])} over {known['seeds']} seeds")
    if known["deviation"] is not None:
        parts.append(f"standard deviation {100 * known['deviation']:.3f}")
    if known["k"] is not None:
        parts.append(f"k = {known['k']:.2f}")
    return ", ".join(parts)


def _drawing(calibrated: Sequence[Subject]) -> Markup | None:
    drawn = [
        baseline_rows.Band(
            name=subject["id"],
            low=subject["range"]["low"],
            high=min(subject["range"]["high"], 1.0),
            mean=subject["range"]["mean"],
            seeds=tuple(_measured(subject)),
        )
        for subject in calibrated
    ]
    return baseline_rows.bands("plausible-d", drawn) if drawn else None
