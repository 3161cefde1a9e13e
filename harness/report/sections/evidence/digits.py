"""Recall and precision of each digit, and the most common confusions."""

import statistics
from collections.abc import Mapping, Sequence

from harness.report.schema import results as schema
from harness.report.text import formatting
from harness.report.text.network_names import Names, counted
from harness.report.views.evidence import Confusions, DigitRow, Digits, HeatTable, Shade

Subjects = Sequence[schema.Subject]
Pair = tuple[int, int]

MAX_NETWORKS, MAX_PAIRS = 12, 12
# upper ends of the shades, as shares that are wrong: each about twice the one before
SHADES = (0.005, 0.01, 0.02, 0.04, 0.08)
RECALL = "Recall: the share of each digit's images that are classified correctly, in percent."
PRECISION = "Precision: the share of predictions of each digit that are correct, in percent."
HOW = "Darker cells have more errors; each network's lowest value is underlined."


def digits(subjects: Subjects, names: Names) -> Digits | None:
    """None where no network has figures by digit."""
    known = [s for s in subjects if any(row.recall is not None for row in s.classes)][:MAX_NETWORKS]
    if not known:
        return None
    labels = sorted({row.digit for subject in known for row in subject.classes})[:10]
    tables = tuple(
        HeatTable(
            heading,
            f"{caption} {HOW}",
            tuple(map(str, labels)),
            tuple((names.name(s.id), _cells(s, labels, key)) for s in known),
        )
        for key, heading, caption in (
            ("recall", "Recall", RECALL),
            ("precision", "Precision", PRECISION),
        )
    )
    return Digits(
        found=_found(known, labels),
        tables=tables,
        networks=tuple((names.name(s.id), tuple(map(_row, s.classes[:10]))) for s in known),
    )


def shade(wrong: float) -> str:
    """s0 for next to none, s6 for the most."""
    return f"s{sum(wrong >= end for end in SHADES)}"


def _cells(subject: schema.Subject, labels: Sequence[int], key: str) -> tuple[Shade, ...]:
    rows = {row.digit: row for row in subject.classes}
    known = {digit: getattr(row, key) for digit, row in rows.items()}
    values = {digit: value for digit, value in known.items() if value is not None}
    lowest = min(values.values(), default=None)
    return tuple(
        Shade(
            f"{100 * values[label]:.1f}",
            shade(1 - values[label]),
            f"{label}: {formatting.percent(values[label])} "
            f"{formatting.interval(getattr(rows[label], f'{key}_interval'))}".strip(),
            strong=values[label] == lowest,
        )
        if label in values
        else Shade(formatting.NOTHING, "s0", "")
        for label in labels
    )


def _means(known: Subjects, labels: Sequence[int], key: str) -> dict[int, float]:
    found = {}
    for label in labels:
        rows = (row for s in known for row in s.classes if row.digit == label)
        values = [value for row in rows if (value := getattr(row, key)) is not None]
        if values:
            found[label] = statistics.fmean(values)
    return found


def _found(known: Subjects, labels: Sequence[int]) -> str:
    recall = _means(known, labels, "recall")
    hardest, easiest = min(recall, key=recall.__getitem__), max(recall, key=recall.__getitem__)
    name = formatting.apart(known[0].id)
    who = f"For {name}" if len(known) == 1 else f"For the {formatting.spelled(len(known))} networks"
    average = "" if len(known) == 1 else " on average"
    first = (
        f"{who}, {hardest} is the hardest digit: {formatting.percent(recall[hardest], 1)} of its "
        f"images are classified correctly{average}; {easiest} is the easiest, with "
        f"{formatting.percent(recall[easiest], 1)}."
    )
    precision = _means(known, labels, "precision")
    if not precision:
        return first
    lowest = min(precision, key=precision.__getitem__)
    second = (
        f"Precision is lowest for {lowest}: {formatting.percent(precision[lowest], 1)} of its "
        f"predictions are correct."
    )
    return f"{first} {second}"


def _row(row: schema.DigitMetrics) -> DigitRow:
    return DigitRow(
        digit=str(row.digit),
        images=formatting.whole(row.images),
        recall=formatting.percent(row.recall),
        recall_interval=formatting.interval(row.recall_interval),
        precision=formatting.percent(row.precision),
        precision_interval=formatting.interval(row.precision_interval),
        f1=formatting.percent(row.f1),
    )


def confusions(subjects: Subjects, names: Names) -> Confusions | None:
    """None where no network has a list of what it confuses."""
    known = [subject for subject in subjects if subject.confused][:MAX_NETWORKS]
    if not known:
        return None
    tables = [_counts(subject) for subject in known]
    sizes = _sizes(known)
    pairs = sorted(
        {pair for table in tables for pair in table},
        key=lambda pair: (-sum(table.get(pair, 0.0) for table in tables), pair),
    )[:MAX_PAIRS]
    return Confusions(
        found=_commonest(known, tables, pairs[0], sizes),
        networks=tuple(names.name(subject.id) for subject in known),
        pairs=tuple(
            (
                *pair,
                tuple(
                    _cell(subject, pair, table.get(pair), sizes.get(pair[0]))
                    for subject, table in zip(known, tables, strict=True)
                ),
            )
            for pair in pairs
        ),
        basis=_basis(known),
    )


def _counts(subject: schema.Subject) -> dict[Pair, float]:
    """How often a run makes each mistake: the subject's own list, the rest from its matrices."""
    found = {
        (item.label, item.prediction): item.count
        for item in subject.confused
        if item.count is not None
    }
    matrices = [run.confusion for run in subject.runs if run.confusion]
    size = min(map(len, matrices), default=0)
    for i in range(size):
        for j in range(size):
            if i != j and (i, j) not in found:
                found[i, j] = sum(matrix[i][j] for matrix in matrices) / len(matrices)
    return found


def _sizes(known: Subjects) -> dict[int, float]:
    """How many images each digit has, from the figures by digit or a share."""
    found: dict[int, float] = {}
    for subject in known:
        for item in subject.confused:
            if item.share and item.count:
                found.setdefault(item.label, item.count / item.share)
        for row in subject.classes:
            if row.images:
                found[row.digit] = float(row.images)
    return found


def _cell(subject: schema.Subject, pair: Pair, count: float | None, images: float | None) -> Shade:
    if count is None:
        return Shade("·", "s0", "")
    share = None if not images else count / images
    name = formatting.cut(subject.id, 40)
    hint = f"{name}: {pair[0]} classified as {pair[1]}, {counted(count)} per run"
    if share is not None:
        hint += f", {formatting.percent(share)} of the {pair[0]}s"
    level = sum((share or 0) >= end / 4 for end in SHADES) + 1
    return Shade(counted(count) if count else "·", f"s{level}" if count else "s0", hint)


def _commonest(
    known: Subjects,
    tables: Sequence[dict[Pair, float]],
    pair: Pair,
    sizes: Mapping[int, float],
) -> str:
    mean = sum(table.get(pair, 0.0) for table in tables) / len(tables)
    share = f" ({formatting.percent(mean / sizes[pair[0]])} of the {pair[0]}s)" if (
        sizes.get(pair[0])
    ) else ""  # fmt: skip
    each = f"{counted(mean)} images per run"
    on = " on average over the networks" if len(known) > 1 else ""
    first = f"The most common mistake is to classify {pair[0]} as {pair[1]}: {each}{on}{share}."
    tops = [max(table, key=lambda key: (table[key], key)) for table in tables if table]
    agree = sum(top == pair for top in tops)
    if len(known) == 1 or not agree:
        return first
    who = "every network" if agree == len(known) else (
        f"{formatting.spelled(agree)} of the {formatting.spelled(len(known))} networks"
    )  # fmt: skip
    return f"{first} It is the most common mistake of {who}."


def _basis(known: Subjects) -> str:
    several = any(len(subject.runs) > 1 for subject in known)
    what = "Number of test images per run" + (", a mean over the runs" if several else "")
    return f"{what}. Darker cells: a larger share of that digit's images."
