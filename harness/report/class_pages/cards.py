"""A submission in one line: for the table of the class and the head of its own page."""

import re

from harness.report.schema import results as schema
from harness.report.text import formatting, html, subjects
from harness.report.text.verdicts import verdict
from harness.report.views.classroom import Card

BAD = frozenset({"failed", "timeout", "resource"})
LONGEST_NAME = 80

_SPACES = re.compile(r"\s+")


def name(subject: schema.Subject) -> str:
    """The name to show, on one line; the id where the submission has none."""
    given = _SPACES.sub(" ", subject.name or "").strip() or subject.id
    return formatting.cut(given, LONGEST_NAME)


def card(subject: schema.Subject, link: str) -> Card:
    """The line of a submission whose page is at `link`."""
    accuracy, interval = subjects.accuracy(subject)
    share = percent(subject)
    return Card(
        name=name(subject),
        link=link,
        architecture=subject.architecture or "",
        verdict=verdict(stopped(subject) or subject.verdict),
        score=points(subject.score),
        score_of=points(subject.max_score),
        percent=formatting.NOTHING if share is None else f"{share:.0f}{formatting.NARROW}%",
        width=round(share or 0),
        accuracy=formatting.percent(accuracy),
        interval=formatting.interval(interval),
        fault=html.code(formatting.cut(first_fault(subject), 160)),
    )


def points(value: float | None) -> str:
    """Points with the decimals they have, two at most."""
    return formatting.NOTHING if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def percent(subject: schema.Subject) -> float | None:
    """The share of the points that was earned, 0 to 100; None where none could be."""
    most = subject.max_score
    if not most:
        return None
    share: float = 100 * (subject.score or 0) / most
    return min(max(share, 0.0), 100.0)


def opened(subject: schema.Subject) -> bool:
    """Whether a network was found in it."""
    return subject.spec is not None


def stopped(subject: schema.Subject) -> str | None:
    """`timeout` or `resource` where that kept the submission from being opened."""
    if opened(subject):
        return None
    statuses = [check.status for check in subject.checks]
    return next((status for status in statuses if status in {"timeout", "resource"}), None)


def faults(subject: schema.Subject) -> list[schema.Finding]:
    return [item for item in subject.findings if item.severity != "note" and item.cause]


def first_fault(subject: schema.Subject) -> str:
    """What to fix first, in one line; nothing where all is well."""
    if found := faults(subject):
        return _SPACES.sub(" ", found[0].cause or "")
    if subject.error:
        return subject.error.splitlines()[0]
    for check in subject.checks:
        if check.status in BAD:
            return _SPACES.sub(" ", check.hint or check.message or check.title or "")
    return ""
