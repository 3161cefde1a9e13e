"""The words of results.json and the marks they are shown with."""

from collections.abc import Sequence

from harness.report.views.common import Tally, Verdict

NOT_APPLICABLE = "not applicable"

KINDS = {
    "passed": "pass",
    "failed": "fail",
    "inconclusive": "unsure",
    "not built": "none",
    "not graded": "unsure",
    "skipped": "none",
    NOT_APPLICABLE: "none",
    "timeout": "fail",
    "resource": "fail",
    "grader_error": "unsure",
    "holds": "pass",
    "exceeded": "over",
    "not reproduced": "fail",
    "cannot be tested": "none",
    "same": "pass",
    "changed": "fail",
    "missing": "fail",
    "extra": "fail",
    "fine": "pass",
    "regressed": "fail",
    "cannot tell": "unsure",
    "unavailable": "none",
    "improved": "over",
    "unchanged": "pass",
    "new": "over",
    "renamed": "unsure",
    "not comparable": "unsure",
    "not judged": "none",
}
WORDS = {
    "timeout": "ran out of time",
    "resource": "ran out of resources",
    "grader_error": "grader error",
}


def verdict(word: str | None) -> Verdict:
    """A word this version does not know is shown as it is, with a neutral mark."""
    known = word or "not known"
    return Verdict(WORDS.get(known, known), KINDS.get(known, "none"))


def tally(words: Sequence[str | None]) -> tuple[Tally, ...]:
    """How often each word occurs, in the order of first occurrence in KINDS, others last."""
    order = [*KINDS, *(word for word in words if word not in KINDS)]
    seen = [word for word in dict.fromkeys(order) if word in words]
    return tuple(Tally(verdict(word), list(words).count(word)) for word in seen)
