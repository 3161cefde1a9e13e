"""A study: a network trained in variants, each several times."""

import statistics

from harness.report.charts import interval_rows, learning_curves
from harness.report.charts.interval_rows import BY_ERROR, Row
from harness.report.charts.learning_curves import Curve
from harness.report.schema import experiments as schema
from harness.report.text import formatting
from harness.report.views.common import Verdict
from harness.report.views.experiments import Figure, Fold, Setting, Study, Variant

MAX_DRAWN = 40
MAX_LISTED = 200
MAX_PANELS = 10


def body(ident: str, result: schema.Study) -> Study:
    """Returns what the section of a study shows; inside `svg.house_style`."""
    variants = result.variants
    folds = result.repeats == "folds"
    multiples, note = _multiples(ident, result)
    return Study(
        axes=tuple(formatting.cut(axis.replace("_", " "), 40) for axis in result.axes),
        variants=tuple(_variant(item, result) for item in variants[:MAX_LISTED]),
        caption=_caption(result),
        claim="" if result.claim is None else formatting.gate(result.claim),
        figures=tuple(_figures(ident, result)),
        multiples=multiples,
        multiples_note=note,
        folds=tuple(map(_fold, variants[0].runs)) if folds and len(variants) == 1 else (),
        folds_caption=_folds_caption(result),
    )


def measured(result: schema.Study) -> tuple[float | None, tuple[float, float] | None]:
    """The mean of the variant that the document describes, and its interval."""
    variant = documented(result)
    return (None, None) if variant is None else (variant.mean, variant.interval)


def documented(result: schema.Study) -> schema.Variant | None:
    """The variant that changes nothing, measured as the rest is."""
    return next(filter(_is_documented, result.variants), None)


def _is_documented(item: schema.Variant) -> bool:
    return not item.changes and not item.measure_words


# The table ----------------------------------------------------------------------------------------


def _variant(item: schema.Variant, result: schema.Study) -> Variant:
    why = [item.why or ""]
    if item.measure_words and item.measure_words != result.measure_words:
        why.append(f"Measured: {item.measure_words}.")
    return Variant(
        name=formatting.cut(item.name, 120),
        why=" ".join(part for part in why if part),
        settings=tuple(Setting(_setting(item, axis), axis in item.changes) for axis in result.axes),
        params=formatting.whole(item.params),
        runs=str(len(item.runs)),
        mean=formatting.percent(item.mean),
        interval=formatting.interval(item.interval),
        std=formatting.NOTHING if item.std is None else f"{100 * item.std:.2f}",
        against=_against(item, result.claim),
    )


def _setting(item: schema.Variant, axis: str) -> str:
    value = item.changes.get(axis, item.settings.get(axis))
    return formatting.NOTHING if value is None else formatting.setting(value)


def _against(item: schema.Variant, claim: float | None) -> Verdict | None:
    """Whether a variant measures what was claimed, else on which side it lies."""
    if claim is None or item.mean is None:
        return None
    if item.meets_claim:
        return Verdict("as claimed", "pass")
    return Verdict("above", "over") if item.mean > claim else Verdict("below", "none")


def _caption(result: schema.Study) -> str:
    count = len(result.variants)
    measure = result.measure_words or (result.measure or "accuracy").replace("_", " ")
    each = "fold" if result.repeats == "folds" else "seed"
    parts = [
        f"{measure[:1].upper()}{measure[1:]}: the mean over all runs, one for each {each}",
        "in brackets its 95 % interval, and the standard deviation in percentage points.",
    ]
    parts = [", ".join(parts)]
    if any(item.changes for item in result.variants):
        parts.append("An arrow and bold type mark what was changed.")
    if count > MAX_LISTED:
        parts.append(f"The first {MAX_LISTED} of {count} variants; all are in results.json.")
    return " ".join(parts)


# Drawings -----------------------------------------------------------------------------------------


def row(item: schema.Variant, label: str = "", *, strong: bool | None = None) -> Row:
    return Row(
        label=label or item.name,
        dots=_accuracies(item),
        mean=item.mean,
        interval=item.interval,
        strong=_is_documented(item) if strong is None else strong,
    )


def _accuracies(item: schema.Variant) -> tuple[float, ...]:
    return tuple(run.accuracy for run in item.runs if run.accuracy is not None)


def _known(result: schema.Study) -> list[schema.Variant]:
    return [item for item in result.variants if item.mean is not None]


def _figures(ident: str, result: schema.Study) -> list[Figure]:
    known = _known(result)
    if not known:
        return []
    if result.repeats == "folds" and len(result.variants) == 1:
        return [_box(ident, known[0], result.claim)]
    alone = _by_axis(result)
    if alone:
        known = [item for item in known if len(item.changes) > 1]
    if not known:
        return []
    ranked = result.method != "variants"
    shown = sorted(known, key=lambda item: -(item.mean or 0.0)) if ranked else known
    left = f" The {MAX_DRAWN} first of {len(shown)}." if len(shown) > MAX_DRAWN else ""
    each = "fold" if result.repeats == "folds" else "seed"
    order = "Best first. " if ranked else ""
    several = any(len(item.runs) > 1 for item in shown)
    dots = f"A dot for each {each}, a diamond for the mean" if several else "A dot for the mean"
    caption = f"{order}{dots}, {interval_rows.BAR}.{left}"
    heading = "Several settings changed" if alone else "Every variant"
    drawing = interval_rows.above(
        f"{ident}-dots", "Accuracy of each variant", [row(item) for item in shown[:MAX_DRAWN]],
        claim=result.claim,
    )  # fmt: skip
    return [Figure(heading, drawing, caption)]


def _box(ident: str, item: schema.Variant, claim: float | None) -> Figure:
    accuracies = _accuracies(item)
    rows = [
        Row(f"fold {run.repeat + 1 if run.repeat is not None else place}", (),
            run.accuracy)
        for place, run in enumerate(item.runs, 1)
        if run.accuracy is not None
    ]  # fmt: skip
    if len(accuracies) > 1:
        quartiles = statistics.quantiles(accuracies, n=4, method="inclusive")
        ends = (min(accuracies), *quartiles, max(accuracies))
        box = (ends[0], ends[1], ends[2], ends[3], ends[4])
        rows.append(Row("all folds", accuracies, item.mean, box=box, strong=True))
    spread = "" if item.std is None else f" ± {100 * item.std:.2f} percentage points"
    caption = (
        f"Mean {formatting.percent(item.mean)}{spread} (standard deviation). The box holds the "
        "middle half of the folds, its thick line is the median, the diamond the mean; the "
        "whiskers reach the least and the most."
    )
    drawing = interval_rows.beside(f"{ident}-box", "Accuracy of each fold", rows, claim=claim)
    return Figure("The folds", drawing, caption)


def _multiples(ident: str, result: schema.Study) -> tuple[tuple[Figure, ...], str]:
    if result.repeats == "folds" and len(result.variants) == 1:
        return _fold_curves(ident, result.variants[0])
    return _one_at_a_time(ident, result)


def _fold_curves(ident: str, item: schema.Variant) -> tuple[tuple[Figure, ...], str]:
    runs = [
        (run, found) for run in item.runs if (found := curve(run.history))
    ][:MAX_PANELS]  # fmt: skip
    if not runs:
        return (), ""
    shared = learning_curves.ranges([found for _, found in runs], [])
    panels = []
    for place, (run, found) in enumerate(runs, 1):
        name = f"Fold {place if run.repeat is None else run.repeat + 1}"
        drawing = learning_curves.learning_curves(f"{ident}-c{place}", name, [found], None, shared)
        panels.append(Figure(name, drawing, f"{formatting.percent(run.accuracy)} at last."))
    note = (
        "Learning curves, one panel for each fold, on the same axes; validation is on the fold "
        "that was held out. Logarithmic scales for the error and the loss."
    )
    return tuple(panels), note


def curve(history: schema.Curves) -> Curve | None:
    """A run's learning curve; None where nothing was kept."""
    found = Curve(
        tuple(history.accuracy),
        tuple(history.val_accuracy),
        tuple(history.loss),
        tuple(history.val_loss),
    )
    values = (*found.accuracy, *found.val_accuracy, *found.loss)
    return found if any(value is not None for value in values) else None


def _by_axis(result: schema.Study) -> dict[str, list[schema.Variant]]:
    """The variants of a grid that change one setting, by that setting."""
    found: dict[str, list[schema.Variant]] = {}
    if result.method != "one_at_a_time":
        return found
    for item in _known(result):
        if len(item.changes) == 1:
            found.setdefault(next(iter(item.changes)), []).append(item)
    return found


def _one_at_a_time(ident: str, result: schema.Study) -> tuple[tuple[Figure, ...], str]:
    base, groups = documented(result), _by_axis(result)
    if not groups:
        return (), ""
    based = base if base is not None and base.mean is not None else None
    shared = interval_rows.reach([row(item) for item in _known(result)], result.claim, BY_ERROR)
    figures = []
    for place, (axis, items) in enumerate(groups.items(), 1):
        rows = [row(item, _setting(item, axis), strong=False) for item in items]
        if based is not None:
            rows.append(row(based, _setting(based, axis), strong=True))
        rows.sort(key=_by_value)
        name = axis.replace("_", " ")
        drawing = interval_rows.beside(
            f"{ident}-a{place}", f"Accuracy by {name}", rows,
            claim=result.claim, width=280, names=66, shared=shared,
        )  # fmt: skip
        figures.append(Figure(formatting.cut(name, 40), drawing))
    note = (
        "One setting changed at a time, all panels on the same axis; the value in bold is the "
        f"document's. A dot for each run, a diamond for the mean, {interval_rows.BAR}."
    )
    return tuple(figures), note


def _by_value(item: Row) -> tuple[bool, tuple[float, ...], str]:
    """Numbers in their order, also several as in 8×16, then words in theirs."""
    try:
        return False, tuple(float(part) for part in item.label.split("×")), ""
    except ValueError:
        return True, (), item.label


# Folds --------------------------------------------------------------------------------------------


def _fold(run: schema.StudyRun) -> Fold:
    return Fold(
        number=formatting.NOTHING if run.repeat is None else str(run.repeat + 1),
        accuracy=formatting.percent(run.accuracy),
        images=formatting.whole(run.images),
        epochs=formatting.whole(run.epochs),
        time=formatting.duration(run.train_time_s),
    )


def _folds_caption(result: schema.Study) -> str:
    measure = result.measure_words or "accuracy"
    return f"Each fold once: {measure}."
