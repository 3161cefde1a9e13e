"""The first words of the page, written from the data. Plain sentences; no number without a unit."""

from collections.abc import Sequence

from harness.report.charts.accuracy import Scored
from harness.report.schema import results as schema
from harness.report.sections import experiments, networks
from harness.report.sections.progress import expected_range
from harness.report.text import formatting
from harness.report.views.page import Notice

Subjects = Sequence[schema.Subject]
PREDICATES = {
    "passed": ("passes", "pass"),
    "failed": ("fails", "fail"),
    "inconclusive": ("is inconclusive", "are inconclusive"),
    "not built": ("could not be built", "could not be built"),
}


def headline(results: schema.Results) -> str:
    """Whether all networks pass, or which do not; on what data, if not on MNIST."""
    subjects = results.subjects
    if not subjects:
        return "No network was graded"
    start = "Unfinished: " if results.outcome == "interrupted" else ""
    on = " on the scikit-learn digits" if results.dataset.name == "digits" else ""
    everyone = len(subjects)
    groups = {word: [s.id for s in subjects if s.verdict == word] for word in PREDICATES}
    passed = len(groups["passed"])
    for word, names in groups.items():
        if len(names) == everyone > 1:
            networks = f"All {formatting.spelled(everyone)} networks"
            return f"{start}{networks} {_predicate(word, everyone)}{on}"
    if everyone == 1:
        subject = subjects[0]
        who = "The network" if subject.verdict == "passed" else formatting.apart(subject.id)
        return f"{start}{who} {_predicate(subject.verdict, 1)}{on}"
    parts = [
        f"{_names(names)} {_predicate(word, len(names))}"
        for word, names in groups.items()
        if names and word != "passed"
    ]
    unknown = everyone - sum(map(len, groups.values()))
    if unknown:
        parts.append(f"{formatting.counted(unknown, 'network')} without a verdict")
    share = f"{formatting.spelled(passed).capitalize()} of {formatting.spelled(everyone)} networks"
    passing = f"{share} {_predicate('passed', passed)}"
    return f"{start}{passing}{on}; {formatting.listed(parts)}"


def _names(names: Sequence[str]) -> str:
    return formatting.listed([formatting.apart(name) for name in names], 3)


def _predicate(word: str | None, number: int) -> str:
    one, many = PREDICATES.get(word or "", ("has no verdict", "have no verdict"))
    return one if number == 1 else many


def notices(results: schema.Results) -> tuple[Notice, ...]:
    """What a reader must know before any number: other data, an unfinished run."""
    found = []
    dataset = results.dataset
    if dataset.name not in {"mnist", None}:
        name = "the scikit-learn digits" if dataset.name == "digits" else "other data"
        why = f" {dataset.note}" if dataset.note else ""
        found.append(
            Notice(
                f"Graded on {name}, not on MNIST",
                f"No claim of a document is graded on it: the gates are those of this data set."
                f"{why} Set MNIST_DIR or pass --mnist-dir to grade on MNIST.",
            )
        )
    elif dataset.note:
        found.append(Notice("About the data", dataset.note))
    found += _slower(results.benchmarks)
    found += experiments.notices(results.experiments)
    found += expected_range.notices(results)
    if results.outcome == "interrupted":
        found.append(
            Notice(
                "The run was interrupted",
                "What is missing below was not reached. Finished trainings are stored: "
                f"run {results.command or 'pytest checks/'} again and it goes on from there.",
            )
        )
    return tuple(found)


def _slower(benchmarks: Sequence[schema.Benchmark]) -> list[Notice]:
    """Benchmarks that failed: no figure of theirs would tell."""
    bad = [row for row in benchmarks if row.status in {"regressed", "failed"}]
    if not bad:
        return []
    names = [f"{row.architecture} ({row.runner}, {row.status})" for row in bad]
    text = f"{formatting.listed(list(dict.fromkeys(names)))}. The section on speed says why."
    return [Notice("Benchmarks failed", text)]


def facts(results: schema.Results) -> tuple[tuple[str, str], ...]:
    """The line under the headline: data, recipe, seeds, date."""
    sizes = results.dataset.sizes
    uses = ((sizes.train, "train and validate"), (sizes.test, "test"))
    split = [f"{size:,} to {verb}" for size, verb in uses if size]
    names = {"mnist": "MNIST", "digits": "scikit-learn digits"}
    named = results.dataset.name or formatting.NOTHING
    data = names.get(named, formatting.cut(named, 40))
    recipes = {
        "gate": "gate: stops when the validation accuracy is significantly above the gate",
        "documented": "documented: every epoch the document asks for",
    }
    if named == "digits":  # never stopped early: their floors were measured on whole runs
        recipes = dict.fromkeys(
            recipes, "every epoch, as for the minimum expected accuracies of these digits"
        )
    rows = (
        ("Data", f"{data}: {formatting.listed(split)}" if split else data),
        ("Recipe", recipes.get(results.recipe or "", results.recipe)),
        ("Seeds", ", ".join("?" if s is None else str(s) for s in results.seeds[:12])),
        ("Run", (results.created or "").replace("T", " ").replace("Z", " UTC")),
    )
    return tuple((label, formatting.cut(text, 120)) for label, text in rows if text)


def scored_networks(subjects: Subjects) -> list[Scored]:
    return [item for subject in subjects if (item := networks.scored(subject))]
