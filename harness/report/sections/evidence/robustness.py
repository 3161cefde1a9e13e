"""Robustness: a panel for each corruption, the mean error, the tables."""

import statistics
from collections.abc import Sequence

from harness.report.charts import corruption
from harness.report.charts import dot_rows as drawn
from harness.report.schema import results as schema
from harness.report.text import formatting
from harness.report.text.network_names import Names
from harness.report.views.evidence import Figure, LevelTable, Name, Robustness, RobustRow

Subjects = Sequence[schema.Subject]

MAX_SHOWN = 10
UNREAD = "No network was measured on corrupted images, for these reasons:"


def robustness(subjects: Subjects, names: Names) -> Robustness | None:
    """None where no network was tried; inside `svg.house_style`."""
    known = [s for s in subjects if _curves(s)][:MAX_SHOWN]
    said = _notes(subjects, names)
    if not known:
        return Robustness(found=UNREAD, notes=said) if said else None
    kinds = _by_harm(known)
    looks = corruption.looks(known)
    low = min(a for s in known for curve in _curves(s).values() for a in _accuracies(curve))
    return Robustness(
        found=_found(known, kinds),
        panels=tuple(
            Figure(
                _title(kind),
                _axis(kind, known),
                corruption.panel(f"corrupted{place}", kind, known, looks, low),
            )
            for place, kind in enumerate(kinds)
        ),
        panels_note=_note(known),
        summary=_summary(known),
        rows=tuple(_row(subject, names.name(subject.id)) for subject in _best(known)),
        tables=tuple(_table(kind, known, names) for kind in kinds),
        basis=_basis(known),
        notes=said,
    )


def _notes(subjects: Subjects, names: Names) -> tuple[tuple[Name, str], ...]:
    """Why a network has no figures, or fewer."""
    return tuple((names.name(s.id), note) for s in subjects if (note := _given(s).note))[:MAX_SHOWN]


def _given(subject: schema.Subject) -> schema.Robustness:
    return subject.robustness or schema.Robustness()


def _curves(subject: schema.Subject) -> dict[str, schema.Curve]:
    return {curve.corruption: curve for curve in _given(subject).curves if _accuracies(curve)}


def _accuracies(curve: schema.Curve) -> list[float]:
    return [level.accuracy for level in curve.levels if level.accuracy is not None]


def _by_harm(known: Subjects) -> list[str]:
    """Returns the corruptions, the most harmful first."""
    found: dict[str, list[float]] = {}
    for subject in known:
        for kind, curve in _curves(subject).items():
            found.setdefault(kind, []).extend(_accuracies(curve))
    return sorted(found, key=lambda kind: statistics.fmean(found[kind]))


def _error(subject: schema.Subject) -> float:
    """The mean corruption error; what has none comes last."""
    value = _given(subject).mean_corruption_error
    return 2.0 if value is None else value


def _best(known: Subjects) -> list[schema.Subject]:
    return sorted(known, key=_error)


def _found(known: Subjects, kinds: Sequence[str]) -> str:
    order = [subject for subject in _best(known) if _error(subject) <= 1]
    harm = f"{_title(kinds[0])} is the most harmful corruption"
    if len(kinds) > 1:
        harm += f", {_title(kinds[-1]).lower()} the least harmful"
    if not order:
        return f"{harm}."
    best, worst = order[0], order[-1]
    name, size = formatting.apart(best.id), formatting.percent(_error(best), 1)
    clean = _given(best).clean
    before = (
        f", against {formatting.percent(1 - clean, 1)} without corruption"
        if clean is not None
        else ""
    )
    if len(order) == 1:
        return f"{name} misclassifies {size} of the corrupted images on average{before}. {harm}."
    return (
        f"{name} misclassifies the fewest corrupted images, {size} on average{before}; "
        f"{formatting.apart(worst.id)} the most, {formatting.percent(_error(worst), 1)}. {harm}."
    )


def _title(kind: str) -> str:
    words = formatting.cut(kind.replace("_", " "), 40)
    return words[:1].upper() + words[1:]


def _first(kind: str, known: Subjects) -> schema.Curve:
    return next(found for s in known if (found := _curves(s).get(kind)))


def _axis(kind: str, known: Subjects) -> str:
    """What the numbers under a panel are."""
    curve = _first(kind, known)
    words = curve.words or ""
    if words[:5] == kind[:5]:  # "shift": "shifted" says nothing new
        words = ""
    parts = [part for part in (words, curve.unit) if part]
    return formatting.cut(", ".join(parts), 80)


def _note(known: Subjects) -> str:
    families = {subject.family for subject in known}
    marks = ""
    if families >= {"cnn", "mlp"}:
        marks = " Discs and blue lines are convolutional networks, squares fully connected ones."
    return (
        "Test accuracy from the original images at the left to severity 5 at the right; the most "
        "harmful corruption first. All panels share their vertical axis. Each line ends at the "
        f"network's name.{marks}"
    )


def _summary(known: Subjects) -> Figure | None:
    lines = [
        drawn.Row(
            formatting.cut(subject.id, 40),
            _error(subject),
            _given(subject).mean_corruption_error_interval,
            formatting.percent(_error(subject), 1),
        )
        for subject in _best(known)
        if _error(subject) <= 1
    ]
    if len(lines) < 2:
        return None
    caption = (
        "The share of corrupted images that is misclassified, the mean over all corruptions and "
        f"severities, with its 95{formatting.NARROW}% interval. Lower is better."
    )
    axis = drawn.Axis(lambda value: f"{100 * value:.3g}{formatting.NARROW}%", least=0.02)
    title = "Mean corruption error"
    return Figure(title, caption, drawn.drawing("corrupted-mean", title, lines, axis))


def _row(subject: schema.Subject, name: Name) -> RobustRow:
    given = _given(subject)
    curves = _curves(subject)
    kind = min(curves, key=lambda key: statistics.fmean(_accuracies(curves[key])))
    lowest = min(_accuracies(curves[kind]))
    return RobustRow(
        network=name,
        clean=formatting.percent(given.clean, 1),
        clean_interval=formatting.interval(given.clean_interval, 1),
        error=formatting.percent(given.mean_corruption_error, 1),
        error_interval=formatting.interval(given.mean_corruption_error_interval, 1),
        worst=f"{_title(kind)}, down to {formatting.percent(lowest, 1)}",
    )


def _table(kind: str, known: Subjects, names: Names) -> LevelTable:
    levels = _first(kind, known).levels
    severities = [level.severity for level in levels]
    rows = []
    for subject in known:
        curve = _curves(subject).get(kind)
        if curve is None:
            continue
        at = {level.severity: level for level in curve.levels}
        cells = tuple(
            (formatting.percent(at[s].accuracy, 1), formatting.interval(at[s].interval, 1))
            if s in at
            else (formatting.NOTHING, "")
            for s in severities
        )
        rows.append((names.name(subject.id), cells))
    columns = tuple(
        f"{level.severity}: {level.value:g}" if level.value is not None
        else str(level.severity)
        for level in levels
    )  # fmt: skip
    axis = _axis(kind, known)
    title = _title(kind) + (f" ({axis})" if axis else "")
    return LevelTable(title, columns, tuple(rows))


def _basis(known: Subjects) -> str:
    images = {value for s in known if (value := _given(s).images)}
    seeds = {value for s in known if (value := _given(s).seeds)}
    on = f"the same {images.pop():,} test images" if len(images) == 1 else "the same test images"
    runs = ""
    if len(seeds) == 1:
        count = seeds.pop()
        runs = ", one run of each network" if count == 1 else f", means over {count} seeds"
    return (
        f"Each network classifies {on}, corrupted in the same way for all{runs}. The mean "
        "corruption error weighs all corruptions and severities equally and uses no reference "
        "network."
    )
