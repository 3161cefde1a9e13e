"""Two networks beside each other: every pair, so that it reads without a script."""

import itertools
import statistics
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from harness.report.schema import results as schema
from harness.report.sections import confusion, layers
from harness.report.text import formatting
from harness.report.text import subjects as text_subjects
from harness.report.text.network_names import points_interval
from harness.report.views.side_by_side import Aligned, Beside, Row

MAX_NETWORKS = 7  # 21 pairs: more would make the page heavy, and are told apart in the table
MAX_CONFUSED = 3


def pairs(
    subjects: Sequence[schema.Subject],
    anchors: Sequence[str],
    comparisons: Sequence[schema.Comparison],
) -> tuple[Beside, ...]:
    """Every two of the first `MAX_NETWORKS` networks that were built, in their order."""
    built = [(s, a) for s, a in zip(subjects, anchors, strict=True) if s.spec][:MAX_NETWORKS]
    best = _best_two([subject for subject, _ in built])
    tested = {(c.a, c.b): c for c in comparisons}
    return tuple(
        _beside(
            a, b, f"pair-{at_a.removeprefix('net-')}--{at_b.removeprefix('net-')}", tested, best
        )
        for (a, at_a), (b, at_b) in itertools.combinations(built, 2)
    )


def _best_two(subjects: Sequence[schema.Subject]) -> set[int]:
    """The identities of the two most accurate; of the first two where nothing was measured."""
    ranked = sorted(subjects, key=lambda subject: -(text_subjects.accuracy(subject)[0] or 0))
    return {id(subject) for subject in ranked[:2]}


def _beside(
    a: schema.Subject,
    b: schema.Subject,
    anchor: str,
    tested: Mapping[tuple[str, str], schema.Comparison],
    best: set[int],
) -> Beside:
    test = tested.get((a.id, b.id))
    return Beside(
        anchor=anchor,
        a=formatting.cut(a.id, text_subjects.LONGEST_NAME),
        b=formatting.cut(b.id, text_subjects.LONGEST_NAME),
        gist=_gist(a, b, test),
        significant=None if test is None else test.verdict in {"a", "b"},
        first={id(a), id(b)} == best,
        rows=tuple(row for row in _rows(a, b, test) if (row.a, row.b) != (formatting.NOTHING,) * 2),
        recalls=_recalls(a, b),
        layers=aligned(a, b),
    )


def _gist(a: schema.Subject, b: schema.Subject, test: schema.Comparison | None) -> str:
    if test is not None:
        return tested_difference(test)
    (one, _), (other, _) = text_subjects.accuracy(a), text_subjects.accuracy(b)
    if one is None or other is None:
        return "not both were trained"
    return f"{formatting.points(one - other)}, not tested"


def tested_difference(test: schema.Comparison) -> str:
    """+0.15 pp [+0.02, +0.28], adjusted p = 0.04: the difference and its interval."""
    ends = points_interval(test.interval)
    p = probability(test.p_adjusted)
    p = p and f"adjusted {p}"
    return ", ".join(
        part for part in (f"{formatting.points(test.difference)} {ends}".strip(), p) if part
    )


def probability(p: float | None) -> str:
    """0.0312 -> p = 0.031; small ones are only bounded."""
    if p is None:
        return ""
    if p < 0.001:
        return f"p{formatting.NARROW}<{formatting.NARROW}0.001"
    return (
        f"p{formatting.NARROW}={formatting.NARROW}{p:.2g}"
        if p < 0.995
        else f"p{formatting.NARROW}=1"
    )


def _rows(a: schema.Subject, b: schema.Subject, test: schema.Comparison | None) -> Iterator[Row]:
    (one, ends), (other, other_ends) = text_subjects.accuracy(a), text_subjects.accuracy(b)
    difference = ""
    if test is not None:
        difference = tested_difference(test)
    elif one is not None and other is not None:
        difference = formatting.points(one - other)
    yield Row(
        "Test accuracy",
        "accuracy",
        f"{formatting.percent(one)} {formatting.interval(ends)}".strip(),
        f"{formatting.percent(other)} {formatting.interval(other_ends)}".strip(),
        difference,
    )
    if test is not None and test.only_a is not None and test.only_b is not None:
        only = (_mean(test.only_a), _mean(test.only_b))
        yield Row("Images only it classifies correctly", "difference", *only, "")
    yield Row("Accuracy gate", "gate", formatting.gate(_gate(a)), formatting.gate(_gate(b)), "")
    for label, how, key, say in (
        ("Parameters", "parameters", "total_params", formatting.whole),
        ("FLOPs for one image", "flops", "flops", formatting.short),
    ):
        x, y = (getattr(subject.spec, key) for subject in (a, b))
        yield Row(label, how, say(x), say(y), _times(x, y))
    yield Row("Epochs", "time", _range(a, "epochs"), _range(b, "epochs"), "")
    for label, key, say in (
        ("Training time", "train_time_s", formatting.duration),
        ("Training images per second", "train_images_per_s", formatting.whole),
    ):
        x, y = _median(a, key), _median(b, key)
        yield Row(label, "time", say(x), say(y), _times(x, y))
    yield from _more(a, b)
    yield Row("Most confused", "confusion", _confused(a), _confused(b), "")


def _more(a: schema.Subject, b: schema.Subject) -> Iterator[Row]:
    """Calibration and robustness, where the results have them of both."""
    for label, how, part, key in (
        ("Expected calibration error", "ece", "calibration", "ece"),
        ("Mean corruption error", "mce", "robustness", "mean_corruption_error"),
    ):
        x, y = (getattr(getattr(s, part), key, None) for s in (a, b))
        if x is not None and y is not None:
            yield Row(
                label, how, formatting.percent(x), formatting.percent(y), formatting.points(x - y)
            )


def _mean(count: float) -> str:
    return f"{count:,.1f}".removesuffix(".0")


def _gate(subject: schema.Subject) -> float | None:
    return (subject.gate or schema.Gate()).threshold


def _times(one: float | None, other: float | None) -> str:
    """How many times as much the first has: 422,026 and 159,254 -> 2.65×."""
    if not one or not other:
        return ""
    ratio = one / other
    return f"{ratio:.2g}×" if ratio < 10 else f"{ratio:,.0f}×"


def _range(subject: schema.Subject, key: str) -> str:
    known = sorted({getattr(run, key) for run in subject.runs if getattr(run, key) is not None})
    if not known:
        return formatting.NOTHING
    return str(known[0]) if len(known) == 1 else f"{known[0]}–{known[-1]}"


def _median(subject: schema.Subject, key: str) -> float | None:
    known = [getattr(run, key) for run in subject.runs if getattr(run, key) is not None]
    return statistics.median(known) if known else None


def _confused(subject: schema.Subject) -> str:
    found = confusion.confusion(subject.runs)
    if found is None or not found.pairs:
        return formatting.NOTHING
    return ", ".join(
        f"{pair.label}{formatting.NARROW}→{formatting.NARROW}{pair.prediction} ({pair.share})"
        for pair in found.pairs[:MAX_CONFUSED]
    )


def _recalls(a: schema.Subject, b: schema.Subject) -> tuple[tuple[str, str, str], ...]:
    one, other = (recalls(subject) for subject in (a, b))
    return tuple(
        (_share(x), _share(y), "" if x is None or y is None else _signed(x - y))
        for x, y in zip(one, other, strict=False)
    )


def recalls(subject: schema.Subject) -> list[float | None]:
    """Returns the share of each digit's images that is classified correctly, over all runs."""
    matrices = [run.confusion for run in subject.runs if run.confusion]
    if not matrices:
        return []
    matrices = [matrix for matrix in matrices if len(matrix) == len(matrices[0])]
    size = range(len(matrices[0]))
    total = [[sum(matrix[i][j] for matrix in matrices) for j in size] for i in size]
    return [row[k] / sum(row) if sum(row) else None for k, row in enumerate(total)]


def _share(value: float | None) -> str:
    return formatting.NOTHING if value is None else f"{100 * value:.1f}"


def _signed(value: float) -> str:
    return "0.0" if abs(value) < 0.0005 else f"{100 * value:+.1f}".replace("-", "−")


def aligned(a: schema.Subject, b: schema.Subject) -> tuple[Aligned, ...]:
    """Layers of the same kind beside each other, in order; what stands alone has an empty side."""
    one, other = ((subject.spec or schema.Layers()).layers for subject in (a, b))
    matcher = SequenceMatcher(
        None, [x.class_ for x in one], [x.class_ for x in other], autojunk=False
    )
    found = []
    for what, start, end, other_start, other_end in matcher.get_opcodes():
        left, right = one[start:end], other[other_start:other_end]
        if what == "equal":
            found += [_both(_parts(x), _parts(y)) for x, y in zip(left, right, strict=True)]
        else:
            found += [_both(_parts(x), ()) for x in left] + [_both((), _parts(y)) for y in right]
    return tuple(found)


def _both(a: tuple[str, ...], b: tuple[str, ...]) -> Aligned:
    return Aligned(*(tuple((x, x in y) for x in z) for z, y in ((a, b), (b, a))))


def _parts(layer: schema.Layer) -> tuple[str, ...]:
    """Conv2D | filters 32 | kernel size 3×3 | → 26 × 26 × 32 | 320 parameters."""
    shape = (f"→ {formatting.shape(layer.output_shape)}",) if layer.output_shape else ()
    params = (f"{formatting.whole(layer.params)} parameters",) if layer.params else ()
    return (layer.class_ or "layer", *layers.telling(layer.config, {}), *shape, *params)
