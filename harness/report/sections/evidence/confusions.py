"""What is confused: the commonest mistakes of all networks side by side."""

from collections.abc import Mapping, Sequence

from harness.report.schema import results as schema
from harness.report.sections.evidence.digits import SHADES
from harness.report.text import formatting
from harness.report.text.network_names import Names, counted
from harness.report.views.evidence import Confusions, Shade

Subjects = Sequence[schema.Subject]
Pair = tuple[int, int]

MOST_NETWORKS = 12
MOST_PAIRS = 12


def confusions(subjects: Subjects, names: Names) -> Confusions | None:
    """None where no network has a list of what it confuses."""
    known = [subject for subject in subjects if subject.confused][:MOST_NETWORKS]
    if not known:
        return None
    tables = [_counts(subject) for subject in known]
    sizes = _sizes(known)
    pairs = sorted(
        {pair for table in tables for pair in table},
        key=lambda pair: (-sum(table.get(pair, 0.0) for table in tables), pair),
    )[:MOST_PAIRS]
    return Confusions(
        found=_found(known, tables, pairs[0], sizes),
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
    hint = f"{formatting.cut(subject.id, 40)}: {pair[0]} read as {pair[1]}, {counted(count)} a run"
    if share is not None:
        hint += f", {formatting.percent(share)} of the {pair[0]}s"
    level = sum((share or 0) >= end / 4 for end in SHADES) + 1
    return Shade(counted(count) if count else "·", f"s{level}" if count else "s0", hint)


def _found(
    known: Subjects, tables: Sequence[dict[Pair, float]], pair: Pair, sizes: Mapping[int, float]
) -> str:
    mean = sum(table.get(pair, 0.0) for table in tables) / len(tables)
    share = f" ({formatting.percent(mean / sizes[pair[0]])} of the {pair[0]}s)" if (
        sizes.get(pair[0])
    ) else ""  # fmt: skip
    each = f"{counted(mean)} images a run"
    on = " on average over the networks" if len(known) > 1 else ""
    first = f"The commonest mistake is to read {pair[0]} as {pair[1]}: {each}{on}{share}."
    tops = [max(table, key=lambda key: (table[key], key)) for table in tables if table]
    agree = sum(top == pair for top in tops)
    if len(known) == 1 or not agree:
        return first
    who = "every network" if agree == len(known) else (
        f"{formatting.spelled(agree)} of the {formatting.spelled(len(known))} networks"
    )  # fmt: skip
    return f"{first} It is the commonest of {who}."


def _basis(known: Subjects) -> str:
    several = any(len(subject.runs) > 1 for subject in known)
    what = "How many test images a run reads so" + (", a mean over the runs" if several else "")
    return f"{what}. The darker the cell, the larger their share of that digit's images."
