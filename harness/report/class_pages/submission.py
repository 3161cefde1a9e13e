"""One subject of results.json -> the page of a submission."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from markupsafe import Markup

from harness.report.charts import learning_curves
from harness.report.class_pages import cards, layer_comparison, recipe
from harness.report.schema import results as schema
from harness.report.sections import networks
from harness.report.text import formatting, html, subjects
from harness.report.text.verdicts import NOT_APPLICABLE
from harness.report.views.classroom import Finding, GroupScore, OwnWeights, Skipped, SubmissionPage
from harness.report.views.page import Check

BASES = {
    "named": "as it was asked to be",
    "file name": "as its file name says",
    "closest": "the documented network that it is closest to",
}
TITLES = {
    "timeout": "It ran out of time",
    "resource": "It ran out of memory or processes",
    "grader_error": "The grader could not open it",
}
GROUPS = ("build", "structure", "recipe", "numerics", "training", "persistence")
MAX_FINDINGS = 25


@dataclass
class Drawings:
    """Learning curves by what they show: a network that many hand in is drawn once.

    To be used inside `svg.house_style`.
    """

    done: dict[str, Markup] = field(default_factory=dict)

    def curve(self, subject: schema.Subject) -> Markup | None:
        runs = networks.curves(subject)
        if not runs:
            return None
        gate = (subject.gate or schema.Gate()).threshold
        key = repr((runs, gate))
        if key not in self.done:
            shared = learning_curves.ranges(runs, [] if gate is None else [gate])
            drawn = learning_curves.learning_curves("curve", "this network", runs, gate, shared)
            self.done[key] = drawn
        return self.done[key]


@dataclass(frozen=True)
class Place:
    """Where a page lies: the way to results.json, and to the class page if there is one."""

    root: str
    classroom: str
    words: str


def page(
    subject: schema.Subject, results: schema.Results, drawings: Drawings, place: Place
) -> SubmissionPage:
    """Returns what to print for a subject of results that `schema.checked` has completed."""
    network = networks.network(replace(subject, id="the network"), "network")
    checks = [check for _, members in network.checks for check in members]
    status = _status(subject)
    return SubmissionPage(
        card=cards.card(subject, ""),
        lead=_lead(subject, results),
        groups=_groups(subject.checks),
        error=network.error,
        error_title=TITLES.get(status, "It could not be opened"),
        error_hint=networks.HINTS.get(status),
        findings=tuple(map(_finding, cards.faults(subject)[:MAX_FINDINGS])),
        remarks=tuple(_finding(f) for f in subject.findings if f.severity == "note"),
        notes=tuple(map(html.code, subject.notes)),
        failures=_failures(network.failures, network.error),
        checks=_quiet(network.checks),
        checks_summary=network.checks_summary,
        skipped=_skipped(checks),
        comparison=layer_comparison.compare(subject),
        recipe=recipe.rows(subject.recipe),
        recipe_note=recipe.note(subject.recipe),
        network=network,
        own_weights=_own_weights(subject.own_weights),
        curve=drawings.curve(subject),
        confusion=network.confusion,
        misread=network.misread,
        misread_basis=network.misread_basis,
        runs=network.runs,
        facts=facts(results, subject),
        root=place.root,
        classroom=place.classroom,
        classroom_words=place.words,
    )


def facts(
    results: schema.Results, subject: schema.Subject | None = None
) -> tuple[tuple[str, str], ...]:
    """The foot of a page: how it was opened, on what, with which versions."""
    given, data = results.environment, results.dataset
    versions = (
        ("Python", given.python),
        ("TensorFlow", given.tensorflow),
        ("Keras", given.keras),
    )
    rubric = (results.rubric or {}).get("source")
    rows = (
        ("Opened in", given.isolation),
        ("Graded with", ", ".join(f"{label} {version}" for label, version in versions if version)),
        ("Data", {"mnist": "MNIST", "digits": "the scikit-learn digits"}.get(data.name or "")),
        ("Rubric", rubric if isinstance(rubric, str) else None),
        ("Run", (results.created or "").replace("T", " ").replace("Z", " UTC")),
        ("Submission", subject.id if subject else None),
        ("Network", (subject.spec_digest or "")[:12] if subject else None),
    )
    return tuple((label, formatting.cut(text, 160)) for label, text in rows if text)


def _status(subject: schema.Subject) -> str:
    statuses = [check.status for check in subject.checks]
    found = next((s for s in statuses if s in TITLES), "") if subject.error else ""
    return found or ""


def _lead(subject: schema.Subject, results: schema.Results) -> tuple[str, ...]:
    sentences = [_graded_as(subject), _to_fix(subject), _accuracy(subject, results)]
    return tuple(sentence for sentence in sentences if sentence)


def _graded_as(subject: schema.Subject) -> str:
    if not subject.architecture or not cards.opened(subject):
        return ""
    basis = BASES.get(subject.architecture_basis or "")
    sentence = f"Graded as {formatting.apart(subject.architecture)}{f', {basis}' if basis else ''}."
    origin = subject.origin
    if origin == "file":
        return f"{sentence} The network was read from the saved file."
    if origin and origin.startswith("fit"):
        return f"{sentence} The network was taken from the script when it was fitted ({origin})."
    return (
        f"{sentence} The network was found in {formatting.cut(origin, 80)}." if origin else sentence
    )


def _to_fix(subject: schema.Subject) -> str:
    if not cards.opened(subject):
        ours = any(check.status == "grader_error" for check in subject.checks)
        if ours:
            return "The grader could not open it. That is our fault and costs no points."
        return "It could not be opened, so nothing else could be checked. The reason is below."
    count = len(cards.faults(subject))
    if count:
        things = "one thing" if count == 1 else f"{formatting.spelled(count)} things"
        return f"There {'is' if count == 1 else 'are'} {things} to fix."
    bad = sum(check.status in cards.BAD for check in subject.checks)
    if bad:
        return f"{formatting.counted(bad, 'check').capitalize()} did not pass."
    return "There is nothing to fix."


def _accuracy(subject: schema.Subject, results: schema.Results) -> str:
    value, _ = subjects.accuracy(subject)
    if value is None:
        return ""
    gate = subject.gate or schema.Gate()
    ends = {
        "passed": ", which clears the gate of {}",
        "failed": ", short of the gate of {}",
        "inconclusive": ", too close to the gate of {} to tell from one run",
    }
    end = ends.get(gate.verdict or "", "").format(formatting.gate(gate.threshold))
    count = results.dataset.sizes.test
    images = f"{count:,} test images" if count else "the test images"
    share = formatting.percent(value)
    return f"Trained for grading, it classifies {share} of {images} correctly{end}."


def _groups(checks: Sequence[schema.Check]) -> tuple[GroupScore, ...]:
    names = dict.fromkeys([*GROUPS, *(check.group or "other" for check in checks)])
    found = []
    for group in names:
        inside = [check for check in checks if (check.group or "other") == group]
        most = sum(check.max_points or 0 for check in inside)
        if most:
            earned = sum(check.points or 0 for check in inside)
            words = f"{cards.points(earned)} of {cards.points(most)}"
            found.append(GroupScore(group, words, round(min(max(100 * earned / most, 0), 100))))
    return tuple(found)


def _finding(item: schema.Finding) -> Finding:
    return Finding(formatting.cut(item.where or "", 120), html.code(item.cause))


def _failures(checks: Sequence[Check], error: str | None) -> tuple[Check, ...]:
    """What did not pass, but for the reason that heads the page already."""
    return tuple(check for check in checks if not error or check.message != error)


def _quiet(
    groups: Sequence[tuple[str, tuple[Check, ...]]],
) -> tuple[tuple[str, tuple[Check, ...]], ...]:
    """The checks without the reasons for not running them: those are said once."""
    return tuple(
        (name, tuple(replace(check, message=None) for check in members)) for name, members in groups
    )


def _skipped(checks: Sequence[Check]) -> tuple[Skipped, ...]:
    reasons: dict[str, list[str]] = {}
    for check in checks:
        if check.verdict.word in ("skipped", NOT_APPLICABLE):
            reasons.setdefault(check.message or "no reason was given", []).append(check.title)
    return tuple(Skipped(reason.rstrip("."), tuple(titles)) for reason, titles in reasons.items())


def _own_weights(given: schema.OwnWeights | None) -> OwnWeights | None:
    if given is None or given.accuracy is None:
        return None
    count = ""
    if given.correct is not None and given.total is not None:
        count = f"{given.correct:,} of {given.total:,} test images"
    return OwnWeights(
        formatting.percent(given.accuracy), formatting.interval(given.interval), count
    )
