"""Calibration: a reliability diagram for each network, with ECE, NLL and Brier score."""

from collections.abc import Sequence

from harness.report.charts import reliability
from harness.report.schema import results as schema
from harness.report.text import formatting
from harness.report.text.network_names import Names, counted
from harness.report.views.evidence import BinRow, Calibration, CalibrationRow, Diagram, Name

Subjects = Sequence[schema.Subject]

MAX_SHOWN = 12
EVEN = 0.001  # a mean confidence within 0.1 points of the accuracy leans to neither side


def calibration(subjects: Subjects, names: Names) -> Calibration | None:
    """None where no network has one; inside `svg.house_style`."""
    known = [s for s in subjects if _given(s).ece is not None]
    if not known:
        return None
    known = known[:MAX_SHOWN]
    most = max((b.count or 0 for s in known for b in _bins(s)), default=1)
    return Calibration(
        found=_found(known),
        diagrams=tuple(
            _diagram(f"reliable{place}", subject, names.name(subject.id), most)
            for place, subject in enumerate(known)
            if _bins(subject)
        ),
        rows=tuple(_row(subject, names.name(subject.id)) for subject in known),
        notes=tuple((names.name(s.id), s.calibration_note) for s in subjects if s.calibration_note)[
            :MAX_SHOWN
        ],
        basis=_basis(known),
    )


def _given(subject: schema.Subject) -> schema.Calibration:
    return subject.calibration or schema.Calibration()


def _ece(subject: schema.Subject) -> float:
    return _given(subject).ece or 0.0


def _bins(subject: schema.Subject) -> list[schema.Bin]:
    return [
        item
        for item in _given(subject).bins
        if item.confidence is not None and item.accuracy is not None
    ]


def lean(subject: schema.Subject) -> float | None:
    """Mean confidence less accuracy: above zero, the network is surer than it is right."""
    bins = _bins(subject)
    weight = sum(item.count or 0 for item in bins)
    if not weight:
        return None
    gap = sum((item.count or 0) * ((item.confidence or 0) - (item.accuracy or 0)) for item in bins)
    return gap / weight


def _words(gap: float | None) -> str:
    if gap is None:
        return ""
    if abs(gap) < EVEN:
        return "neither overconfident nor underconfident"
    return "overconfident" if gap > 0 else "underconfident"


def _found(known: Subjects) -> str:
    order = sorted(known, key=_ece)
    best, worst = order[0], order[-1]
    name, error = formatting.apart(best.id), formatting.percent(_ece(best))
    if len(order) == 1:
        words = _words(lean(best))
        return f"{name} has an ECE of {error}{f' and is {words}' if words else ''}."
    first = (
        f"{name} is best calibrated (ECE {error}), {formatting.apart(worst.id)} worst "
        f"({formatting.percent(_ece(worst))})"
    )
    leanings = {_words(lean(subject)) for subject in known}
    if leanings in ({"overconfident"}, {"underconfident"}):
        return f"{first}. All are {leanings.pop()}."
    far = _words(lean(worst))
    return f"{first}; {formatting.apart(worst.id)} is {far}." if far else f"{first}."


def _diagram(ident: str, subject: schema.Subject, name: Name, most: float) -> Diagram:
    bins = _bins(subject)
    return Diagram(
        network=name,
        drawing=reliability.diagram(ident, subject.id, bins, most),
        caption=_caption(_ece(subject), _words(lean(subject))),
        bins=tuple(map(_bin, bins)),
    )


def _caption(error: float, words: str) -> str:
    return f"ECE {formatting.percent(error)}{'; ' if words else ''}{words}."


def _bin(item: schema.Bin) -> BinRow:
    return BinRow(
        outputs=f"{formatting.percent(item.low, 0)} to {formatting.percent(item.high, 0)}",
        images=counted(item.count),
        confidence=formatting.percent(item.confidence, 1),
        accuracy=formatting.percent(item.accuracy, 1),
        interval=formatting.interval(item.interval, 1),
    )


def _row(subject: schema.Subject, name: Name) -> CalibrationRow:
    given = _given(subject)
    return CalibrationRow(
        network=name,
        ece=formatting.percent(given.ece),
        ece_interval=formatting.interval(given.ece_interval),
        nll=_decimals(given.nll),
        nll_interval=_ends(given.nll_interval),
        brier=_decimals(given.brier),
        brier_interval=_ends(given.brier_interval),
        lean=formatting.points(lean(subject)),
    )


def _decimals(value: float | None) -> str:
    return formatting.NOTHING if value is None else f"{value:.4f}"


def _ends(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f"[{ends[0]:.4f},{formatting.WIDE}{ends[1]:.4f}]"


def _basis(known: Subjects) -> str:
    seeds = {value for s in known if (value := _given(s).seeds)}
    images = {value for s in known if (value := _given(s).images)}
    on = f"On the {images.pop():,} test images" if len(images) == 1 else "On the test images"
    if len(seeds) != 1:
        return f"{on}."
    count = seeds.pop()
    if count == 1:
        return f"{on}, one run of each network: the three metrics have no interval."
    return f"{on}, means over {count} seeds with 95{formatting.NARROW}% intervals (Student's t)."
