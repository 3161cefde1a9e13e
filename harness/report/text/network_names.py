"""How the sections on evidence call the networks: short names, links, shared small words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.report.schema import results as schema
from harness.report.text import formatting
from harness.report.text import subjects as text_subjects
from harness.report.views.evidence import Name


@dataclass(frozen=True)
class Names:
    """The networks of a results.json: where each one's section is, how accurate each one is."""

    anchors: Mapping[str, str]
    accuracies: Mapping[str, float]

    def name(self, ident: str) -> Name:
        return Name(formatting.cut(ident, text_subjects.LONGEST_NAME), self.anchors.get(ident))

    def best_first(self, idents: Sequence[str]) -> list[str]:
        """By test accuracy; those without one keep their order at the end."""
        return sorted(idents, key=lambda ident: -self.accuracies.get(ident, -1.0))


def of(subjects: Sequence[schema.Subject], anchors: Sequence[str]) -> Names:
    idents = [subject.id for subject in subjects]
    known = ((s.id, text_subjects.accuracy(s)[0]) for s in subjects)
    return Names(
        dict(zip(reversed(idents), reversed(anchors), strict=True)),
        {ident: value for ident, value in known if value is not None},
    )


def probability(p: float | None) -> str:
    """A p-value: three decimals, the small ones as a bound."""
    if p is None:
        return formatting.NOTHING
    return f"<{formatting.WIDE}0.001" if p < 0.001 else f"{p:.3f}"


def distance(fraction: float | None) -> str:
    """A size in percentage points, without a sign: 0.0025 -> 0.25 pp."""
    return formatting.points(fraction).replace("+", "")


def spelled(fraction: float | None) -> str:
    """The same in a sentence: 0.0025 -> 0.25 percentage points."""
    return f"{100 * abs(fraction or 0):.2f} percentage points"


def points_interval(ends: tuple[float, float] | None) -> str:
    """(-0.0012, 0.0034) -> [−0.12, +0.34]; in percentage points, like the number before it."""
    if ends is None:
        return ""
    low, high = (f"{100 * end:+.2f}".replace("-", "−") for end in ends)
    return f"[{low},{formatting.WIDE}{high}]"


def counted(value: float | None) -> str:
    """A count that may be a mean: 97.2 -> 97.2, 97.0 -> 97."""
    if value is None:
        return formatting.NOTHING
    if 0 < value < 0.05:
        return "<\N{NO-BREAK SPACE}0.1"
    return f"{value:,.0f}" if abs(value - round(value)) < 0.05 else f"{value:,.1f}"


def exchanged(test: schema.Comparison) -> schema.Comparison:
    """Returns the same comparison with its second network first."""
    ends = test.interval
    return replace(
        test,
        a=test.b,
        b=test.a,
        only_a=test.only_b,
        only_b=test.only_a,
        difference=None if test.difference is None else -test.difference,
        interval=None if ends is None else (-ends[1], -ends[0]),
        verdict={"a": "b", "b": "a"}.get(test.verdict or "", test.verdict),
        runs=[replace(run, only_a=run.only_b, only_b=run.only_a) for run in test.runs],
    )
