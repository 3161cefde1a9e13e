"""Which network is better: every two on the same images, in words, a drawing, a matrix, rows."""

from collections.abc import Sequence
from typing import Any

from harness.report.charts import dot_rows as drawn
from harness.report.schema import results as schema
from harness.report.text import formatting
from harness.report.text.network_names import (
    Names,
    counted,
    distance,
    exchanged,
    points_interval,
    probability,
    spelled,
)
from harness.report.views.common import Verdict
from harness.report.views.evidence import Figure, PairCell, Paired, PairRow

MAX_DRAWN = 15
MAX_NETWORKS = 10
UNSETTLED = Verdict("not significant", "unsure")
# What is written beside a difference; the sign says which way it lies.
BETTER, WORSE = Verdict("better", "over"), Verdict("worse", "under")


def paired(results: schema.Results, names: Names) -> Paired | None:
    """None where no two networks were compared; inside `svg.house_style`."""
    found = [_forward(item) for item in results.comparisons if item.difference is not None]
    if not found:
        return None
    found.sort(key=lambda item: -(item.difference or 0))
    idents = dict.fromkeys(ident for item in found for ident in (item.a, item.b))
    order = names.best_first(list(idents))[:MAX_NETWORKS]
    return Paired(
        found=_found(found, order),
        together=_together(results.omnibus),
        figure=_figure(found),
        columns=tuple(map(names.name, order[:-1])),
        matrix=_matrix(found, order, names),
        basis=_basis(found),
        pairs=tuple(_pair(item, names) for item in found),
        pairs_note=_runs_note(found),
    )


def _forward(item: schema.Comparison) -> schema.Comparison:
    """The same comparison with the network first that read more images right."""
    return exchanged(item) if (item.difference or 0) < 0 else item


def settled(item: schema.Comparison) -> bool:
    """Whether one of the two was shown to be better."""
    return item.verdict in {"a", "b"}


def _found(found: Sequence[schema.Comparison], order: Sequence[str]) -> str:
    """The plain sentences at the top of the section."""
    if len(found) == 1:
        return _one(found[0])
    best = order[0]
    beaten = [item.b for item in found if item.a == best and settled(item)]
    ties = [
        item.b if item.a == best else item.a
        for item in found
        if best in (item.a, item.b) and not settled(item)
    ]
    name = formatting.apart(best)
    if ties and beaten:
        first = (
            f"{name} classifies the most images correctly, significantly more than "
            f"{_names(beaten)}; the difference to {_names(ties)} is not significant."
        )
    elif beaten:
        others = f"each of the other {formatting.spelled(len(beaten))}"
        first = f"{name} is better than {others if len(beaten) > 1 else _names(beaten)}."
    else:
        first = (
            f"{name} classifies the most images correctly, but not significantly more than others."
        )
    count = sum(map(settled, found))
    closest = min(found, key=lambda item: item.difference or 0)
    if count == len(found):
        every = f"All {formatting.spelled(len(found))} differences are significant"
        two = f"{formatting.apart(closest.a)} over {formatting.apart(closest.b)}"
        second = f"{every}; the smallest is that of {two}, {spelled(closest.difference)}."
    else:
        are = "is" if count == 1 else "are"
        rest = "the other" if len(found) - count == 1 else "the others"
        second = (
            f"Of {formatting.spelled(len(found))} differences, {formatting.spelled(count)} {are} "
            f"significant; {rest} {'is' if len(found) - count == 1 else 'are'} not."
        )
    return f"{first} {second}"


def _one(item: schema.Comparison) -> str:
    a, b = formatting.apart(item.a), formatting.apart(item.b)
    size = spelled(item.difference)
    if settled(item):
        return f"{a} is better than {b}: by {size}."
    least = ""
    if item.detectable is not None:
        least = f" The smallest detectable difference is {spelled(item.detectable)}."
    return f"{a} is {size} ahead of {b}, which is not significant.{least}"


def _names(idents: Sequence[str]) -> str:
    return formatting.listed([formatting.apart(ident) for ident in idents])


def _together(omnibus: schema.Omnibus | None) -> str:
    """The test of all networks at once, in a sentence."""
    if omnibus is None or omnibus.p is None or omnibus.q is None:
        return ""
    p = probability(omnibus.p)
    p = p if p.startswith("<") else f"= {p}"
    count = omnibus.networks
    everyone = f"all {formatting.spelled(count)} networks" if count else "all networks"
    real = "not all equally accurate" if omnibus.p < 0.05 else "not significantly different"
    seed = "" if omnibus.seed is None else f" for the runs of seed {omnibus.seed}"
    degrees = "" if omnibus.df is None else f" with {omnibus.df} degrees of freedom"
    test = formatting.cut(omnibus.test or "Cochran's Q", 40)
    return (
        f"Asked of {everyone} at once{seed}, {test} is {omnibus.q:,.1f}{degrees}, "
        f"p{formatting.WIDE}{p}: they are {real}."
    )


def _figure(found: Sequence[schema.Comparison]) -> Figure:
    shown = found[:MAX_DRAWN]
    lines = [
        drawn.Row(
            f"{formatting.cut(item.a, 24)} over {formatting.cut(item.b, 24)}",
            item.difference or 0.0,
            item.interval,
            formatting.points(item.difference),
            settled(item),
        )
        for item in shown
    ]
    caption = (
        f"The largest first, in percentage points, with the 95{formatting.NARROW}% interval. "
        "A filled dot: significant after Holm's correction. An open dot: not significant."
    )
    if len(shown) < len(found):
        caption += f" The {len(shown)} largest of {len(found)}; the table below has all."
    axis = drawn.Axis(_tick, zero="no difference", least=0.002)
    title = "Differences in test accuracy"
    return Figure(
        "How far apart they are", caption, drawn.drawing("pairs-dots", title, lines, axis)
    )


def _tick(value: float) -> str:
    if abs(value) < 1e-9:
        return "0"
    return f"{100 * value:+.3g}".replace("-", "−") + f"{formatting.NARROW}pp"


def _matrix(
    found: Sequence[schema.Comparison], order: Sequence[str], names: Names
) -> tuple[tuple[Any, tuple[PairCell | None, ...]], ...]:
    """A lower triangle: each row's network against those that are more accurate."""
    known = {frozenset((item.a, item.b)): item for item in found}
    return tuple(
        (
            names.name(ident),
            tuple(_cell(known.get(frozenset((ident, other))), ident) for other in order[:place]),
        )
        for place, ident in enumerate(order)
        if place
    )


def _cell(item: schema.Comparison | None, row: str) -> PairCell | None:
    if item is None:
        return None
    if item.a != row:
        item = exchanged(item)
    return PairCell(
        difference=formatting.points(item.difference),
        interval=points_interval(item.interval),
        p=probability(item.p_adjusted),
        verdict={"a": BETTER, "b": WORSE}.get(item.verdict or "", UNSETTLED),
    )


def _pair(item: schema.Comparison, names: Names) -> PairRow:
    p = " ".join(
        f"{'?' if run.seed is None else run.seed}:{formatting.WIDE}{probability(run.p)}"
        for run in item.runs[:10]
    )
    return PairRow(
        first=names.name(item.a),
        second=names.name(item.b),
        difference=formatting.points(item.difference),
        interval=points_interval(item.interval),
        p=probability(item.p),
        p_adjusted=probability(item.p_adjusted),
        only_first=counted(item.only_a),
        only_second=counted(item.only_b),
        detectable=distance(item.detectable),
        method=formatting.cut(item.method or "", 120),
        runs=p if len(item.runs) > 1 else "",
        verdict=Verdict("first is better", "over")
        if item.verdict == "a"
        else Verdict("second is better", "under")
        if item.verdict == "b"
        else UNSETTLED,
    )


def _basis(found: Sequence[schema.Comparison]) -> str:
    """What was compared, and how."""
    seeds = {item.seeds for item in found if item.seeds}
    images = {item.images for item in found if item.images}
    parts = []
    if len(images) == 1:
        parts.append(f"the same {images.pop():,} test images")
    if len(seeds) == 1:
        count = seeds.pop()
        parts.append("one run of each" if count == 1 else f"{count} matched seeds of each")
    methods = list(dict.fromkeys(formatting.cut(item.method, 120) for item in found if item.method))
    start = f"On {formatting.listed(parts)}" if parts else "On the same test images"
    methods = [method.replace(" x ", " × ") for method in dict.fromkeys(methods)]
    how = f" Computed with {formatting.listed(methods)}." if methods else ""
    return f"{start}.{how}"


def _runs_note(found: Sequence[schema.Comparison]) -> str:
    if not any(len(item.runs) > 1 for item in found):
        return ""
    return "The last column has McNemar's mid-p for each seed's two runs alone."
