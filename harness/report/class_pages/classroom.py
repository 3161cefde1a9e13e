"""results.json of several submissions -> the class page."""

import statistics
from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup, escape

from harness.report.charts import score_histogram
from harness.report.class_pages import cards, submission
from harness.report.class_pages.submission import GROUPS
from harness.report.schema import results as schema
from harness.report.sections import summary
from harness.report.sections.environment import environment
from harness.report.text import formatting, html
from harness.report.text.verdicts import tally
from harness.report.views.classroom import CheckRate, ClassPage, Fault, Twins

Subjects = Sequence[schema.Subject]

MAX_FAULTS = 12
MAX_NAMES = 8
# Why a submission without a network has none, as a fault of its own.
UNOPENED = {"timeout": "ran out of time", "resource": "ran out of memory or processes"}


def page(results: schema.Results, links: Sequence[str]) -> ClassPage:
    """Returns what to print; `links` are the addresses of the submissions' pages."""
    subjects = results.subjects
    percents = [share for s in subjects if (share := cards.percent(s)) is not None]
    people = [(cards.name(s), link) for s, link in zip(subjects, links, strict=True)]
    faults = _faults(subjects, people)
    distinct = len({s.spec_digest for s in subjects if s.spec_digest})
    twins = _twins(subjects, people)
    return ClassPage(
        headline=_headline(results, percents),
        lead=_lead(subjects, percents, faults, distinct),
        notices=tuple((notice.title, notice.text) for notice in summary.notices(results)),
        facts=summary.facts(results),
        tally=tally([s.verdict for s in subjects]),
        statuses=_statuses(subjects),
        histogram=score_histogram.histogram("scores-h", percents),
        rates=_rates(subjects),
        faults=faults[:MAX_FAULTS],
        twins=twins,
        twins_note=_twins_note(subjects, distinct, twins),
        cards=tuple(cards.card(s, link) for s, link in zip(subjects, links, strict=True)),
        environment=(*environment(results), *_rubric(results)),
        command=results.command or "pytest checks/",
        files=(
            ("grades.csv", "one row for each submission, for a spreadsheet"),
            ("junit.xml", "every check of every submission, for a CI system"),
            ("results.json", "everything this page is made of"),
        ),
    )


def _rubric(results: schema.Results) -> list[tuple[str, str]]:
    return [row for row in submission.facts(results) if row[0] == "Rubric"]


def _headline(results: schema.Results, percents: Sequence[float]) -> str:
    start = "Unfinished: " if results.outcome == "interrupted" else ""
    count = f"{len(results.subjects):,} submissions"
    if not percents:
        return f"{start}{count}, none graded"
    return f"{start}{count}, median score {statistics.median(percents):.0f}{formatting.NARROW}%"


def _lead(
    subjects: Subjects, percents: Sequence[float], faults: Sequence[Fault], distinct: int
) -> tuple[Markup, ...]:
    """The class in a few sentences, written from the data."""
    count = len(subjects)
    opened = sum(map(cards.opened, subjects))
    everyone = f"All {count}" if opened == count else f"{opened:,} of {count:,}"
    sentences = [escape(f"{everyone} submissions could be opened.")]
    if len(percents) > 3:
        low, _, high = statistics.quantiles(percents, n=4, method="inclusive")
        sentences.append(
            escape(
                f"The median score is {statistics.median(percents):.0f} of 100; the middle half of "
                f"the class lies between {low:.0f} and {high:.0f}."
            )
        )
    passed = sum(s.verdict == "passed" for s in subjects)
    passes = "passes" if passed == 1 else "pass"
    sentences.append(escape(f"{passed:,} {passes} every check that could be run."))
    if faults:
        first = faults[0]
        where = "one submission" if first.count == 1 else f"{first.count:,} submissions"
        start = escape(f"The most common fault is “{first.title}”, in {where}")
        sentences.append(start + (Markup(": ") + first.example if first.example else Markup(".")))
    if distinct == 1 < opened:
        sentences.append(escape("All of them are one and the same network."))
    elif distinct > 1:
        trained = ", each trained once" if any(s.runs for s in subjects) else ""
        sentences.append(escape(f"There are {distinct:,} distinct networks{trained}."))
    return tuple(sentences)


def _statuses(subjects: Subjects) -> tuple[tuple[str, int], ...]:
    """What kept submissions from being graded in full, with counts."""
    words = {
        "timeout": "ran out of time",
        "resource": "ran out of memory or processes",
        "grader_error": "met an error of the grader",
    }
    counts: Counter[str] = Counter()
    for subject in subjects:
        counts.update({check.status or "" for check in subject.checks} & words.keys())
    return tuple((text, counts[status]) for status, text in words.items() if counts[status])


def _rates(subjects: Subjects) -> tuple[tuple[str, tuple[CheckRate, ...]], ...]:
    """For each check the share that passed it of those for whom it was run."""
    found: dict[str, Counter[str]] = {}
    titles: dict[str, tuple[str, str]] = {}
    for subject in subjects:
        for check in subject.checks:
            found.setdefault(check.id, Counter())[check.status or ""] += 1
            title = check.title or check.id
            titles.setdefault(check.id, (check.group or "other", title))
    names = dict.fromkeys([*GROUPS, *(group for group, _ in titles.values())])
    grouped = (
        (name, tuple(_rate(i, titles[i][1], found[i]) for i in found if titles[i][0] == name))
        for name in names
    )
    return tuple((name, rates) for name, rates in grouped if rates)


def _rate(ident: str, title: str, counts: Counter[str]) -> CheckRate:
    idle = counts["skipped"] + counts["grader_error"]
    run = counts.total() - idle
    return CheckRate(
        title=title,
        id=ident,
        passed=f"{counts['passed']:,} of {run:,}" if run else formatting.NOTHING,
        width=round(100 * counts["passed"] / run) if run else 0,
        rest=f"{idle:,} not run" if idle else "",
    )


def _faults(subjects: Subjects, people: Sequence[tuple[str, str]]) -> tuple[Fault, ...]:
    """Kinds of faults by the number of submissions that have them, the commonest first."""
    who: dict[str, list[tuple[str, str]]] = {}
    causes: dict[str, Counter[str]] = {}
    for subject, person in zip(subjects, people, strict=True):
        kinds = {}
        for item in reversed(cards.faults(subject)):
            kinds[(item.kind or "other").replace("_", " ").replace("-", " ")] = item.cause or ""
        if not kinds and not cards.opened(subject) and subject.verdict != "not graded":
            title = UNOPENED.get(cards.stopped(subject) or "", "could not be opened")
            kinds[title] = formatting.cut((subject.error or "").split("\n")[0], 200)
        for title, cause in kinds.items():
            who.setdefault(title, []).append(person)
            causes.setdefault(title, Counter())[cause] += 1
    order = sorted(who, key=lambda title: -len(who[title]))
    most = len(who[order[0]]) if order else 1
    return tuple(
        Fault(
            title=formatting.cut(title, 60),
            count=len(who[title]),
            width=round(100 * len(who[title]) / most),
            example=html.code(formatting.cut(causes[title].most_common(1)[0][0], 400)),
            who=tuple(who[title][:MAX_NAMES]),
            more=max(len(who[title]) - MAX_NAMES, 0),
        )
        for title in order
    )


def _twins(subjects: Subjects, people: Sequence[tuple[str, str]]) -> tuple[Twins, ...]:
    """Groups of submissions with the same network, the largest first."""
    groups: dict[str, list[int]] = {}
    for place, subject in enumerate(subjects):
        if subject.spec_digest:
            groups.setdefault(subject.spec_digest, []).append(place)
    several = sorted((g for g in groups.values() if len(g) > 1), key=lambda group: -len(group))
    return tuple(
        Twins(
            architecture=subjects[group[0]].architecture or "",
            count=len(group),
            params=formatting.whole((subjects[group[0]].spec or schema.Layers()).total_params),
            who=tuple(people[place] for place in group[:MAX_NAMES]),
            more=max(len(group) - MAX_NAMES, 0),
        )
        for group in several
    )


def _twins_note(subjects: Subjects, distinct: int, twins: Sequence[Twins]) -> str:
    opened = sum(map(cards.opened, subjects))
    if not opened:
        return "No network was found in any submission."
    if not twins:
        return f"All {opened} networks differ from each other."
    networks = (
        "one network" if distinct == 1 else f"{formatting.spelled(distinct)} distinct networks"
    )
    trained = any(subject.runs for subject in subjects)
    once = "; each was trained once, and all that share it share its accuracy" if trained else ""
    return (
        f"The {opened:,} submissions that could be opened hold {networks}{once}. That two are "
        "identical says nothing about who wrote them: all who follow the document exactly "
        "build the same network."
    )
