"""A results.json as Markdown: for a pull request, a chat, or the page of a CI job."""

import re
from collections import Counter
from collections.abc import Sequence

from harness.report.schema.experiments import Experiment
from harness.report.schema.results import (
    Baseline,
    BaselineRow,
    Claim,
    Comparison,
    Gate,
    Layers,
    Results,
    Subject,
)
from harness.report.text.baseline_words import WORDS, tells
from harness.system.text import percent

_MARKS = {"passed": "✅", "failed": "❌", "inconclusive": "⚠️", "not built": "❌"}

_LONGEST_LINE = 400  # of a message; results.json has the rest
_BASELINE = {"regressed": "❌", "missing": "❌", "inconclusive": "⚠️", "not comparable": "⚠️"}


def render(results: Results, lead: str = "") -> str:
    """Returns the first words, verdicts, comparisons, what failed and why, experiments and claims.

    Claims are listed where experiments were run: other runs test only some of them.

    Args:
        lead: the paragraph that the page begins with.
    """
    dataset = results.dataset
    lines = [f"## MNIST architectures: {_text(results.outcome or 'unknown')}", ""]
    if lead:
        lines += [_text(lead), ""]
    if dataset.name:
        lines += [f"Data: {_text(dataset.name)}, recipe: {_text(results.recipe)}.", ""]
        if dataset.note:
            lines += [f"> {_text(dataset.note)}", ""]
    lines += [
        "| | network | test accuracy | 95 % interval | gate | parameters | epochs | points |",
        "|---|---|---:|---|---:|---:|---:|---:|",
        *(_row(subject) for subject in results.subjects),
        "",
    ]
    lines += _evidence(results)
    # Of submissions, each has a page of its own that says what failed.
    for subject in [] if results.submissions else results.subjects:
        lines += _failures(subject)
    lines += _claims(results.claims, results.experiments)
    return "\n".join(lines)


def _row(subject: Subject) -> str:
    gate, spec = subject.gate or Gate(), subject.spec or Layers()
    epochs = dict.fromkeys(run.epochs for run in subject.runs)
    score, most = subject.score, subject.max_score
    cells = [
        f"{_MARKS.get(subject.verdict or '', '')} {_text(subject.verdict or 'not known')}".strip(),
        _text(subject.id),
        _percent(gate.accuracy),
        _ends(gate.interval),
        _percent(gate.threshold),
        "" if spec.total_params is None else f"{spec.total_params:,}",
        ", ".join(str(count) for count in epochs if count is not None),
        "" if score is None or most is None else f"{score:g} of {most:g}",
    ]
    return f"| {' | '.join(cells)} |"


def _percent(value: float | None) -> str:
    return "" if value is None else percent(value)


def _ends(interval: Sequence[float] | None) -> str:
    return "" if interval is None else f"{100 * interval[0]:.2f} % to {100 * interval[1]:.2f} %"


def _points(value: float) -> str:
    return f"{100 * value:+.2f}".replace("-", "−")


def _evidence(results: Results) -> list[str]:
    """A line each: alarms, every comparison, calibration and robustness, the baseline."""
    lines = [
        f"- ⚠️ **Too good to be true?** {_text(subject.id)}: {_text(alarm.text)}"
        for subject in results.subjects
        for alarm in subject.alarms
    ]
    lines += [f"- {_compared(test)}" for test in results.comparisons]
    lines += [
        f"- {_text(subject.id)}: {'; '.join(figures)}"
        for subject in results.subjects
        if (figures := _figures(subject))
    ]
    lines += _baseline(results.baseline)
    return [*lines, ""] if lines else []


def _compared(test: Comparison) -> str:
    verdict = {"a": "better", "b": "worse"}.get(test.verdict or "", "no significant difference")
    numbers = []
    if test.difference is not None:
        ends = test.interval
        within = f" [{_points(ends[0])}, {_points(ends[1])}]" if ends else ""
        numbers.append(f"{_points(test.difference)} pp{within}")
    if test.p_adjusted is not None:
        numbers.append(f"adjusted p = {test.p_adjusted:.2g}")
    figures = f" ({', '.join(numbers)})" if numbers else ""
    return f"{_text(test.a)} against {_text(test.b)}: {verdict}{figures}"


def _figures(subject: Subject) -> list[str]:
    calibration, robustness = subject.calibration, subject.robustness
    parts = []
    if calibration and calibration.ece is not None:
        parts.append(f"expected calibration error {100 * calibration.ece:.2f} %")
    if robustness and robustness.mean_corruption_error is not None:
        parts.append(f"mean corruption error {100 * robustness.mean_corruption_error:.1f} %")
    return parts


def _baseline(baseline: Baseline | None) -> list[str]:
    """Returns how often each status occurs, and the rows that changed."""
    if baseline is None or not baseline.rows:
        return []
    rows = baseline.rows
    # The reason is of every row that it keeps from being compared; once is enough.
    reason = baseline.reason
    told = [row for row in rows if tells(row) and row.text != reason]
    counts = Counter(row.status for row in rows)
    summary = ", ".join(f"{count} {_text(status)}" for status, count in counts.items())
    since = f" of {_text(baseline.created)}" if baseline.created else ""
    return [
        f"- Against the baseline{since}: {summary}",
        *([f"  - {_BASELINE['not comparable']} {_text(reason)}"] if reason else []),
        *(f"  - {_baseline_row(row)}" for row in told),
    ]


def _baseline_row(row: BaselineRow) -> str:
    mark = f"{_BASELINE[row.status]} " if row.status in _BASELINE else ""
    measure = WORDS.get(row.measure or "", row.measure)
    about = (row.subject or row.baseline_subject, measure, row.status)
    return f"{mark}{', '.join(map(_text, about))}: {_text(row.text)}"


def _failures(subject: Subject) -> list[str]:
    failed = [check for check in subject.checks if check.status not in ("passed", "skipped")]
    if not failed:
        return []
    lines = [f"### {_text(subject.id)}", ""]
    for check in failed:
        status = (check.status or "not known").replace("_", " ")
        lines.append(f"- **{_text(check.title)}**: {_text(status)}")
        lines += [
            f"  - {_text(line[:_LONGEST_LINE])}" for line in (check.message or "").splitlines()[:20]
        ]
    return [*lines, ""]


def _claims(claims: Sequence[Claim], experiments: Sequence[Experiment]) -> list[str]:
    """Returns each claim with what was measured, and each experiment's finding."""
    if not experiments:
        return []
    lines = ["### Experiments", ""]
    for item in experiments:
        title = f"**{_text(item.title)}** ({_text(item.architecture)})"
        lines.append(f"- {title}: {_text(_found(item))}")
        lines += [f"  - ❌ {_text(problem)}" for problem in item.problems]
    lines += ["", "### Claims", ""]
    for claim in claims:
        figures = [
            f"{word} {_figure(value, claim.claimed)}"
            for word, value in (("claimed", claim.claimed), ("measured", claim.measured))
            if value is not None
        ]
        what = f"{_text(claim.architecture)}, {_text(claim.what)}"
        measured = f": {', '.join(figures)}" if figures else ""
        lines.append(f"- **{_text(claim.verdict)}** {what}{measured}")
    return [*lines, ""]


def _found(item: Experiment) -> str:
    if item.status not in ("done", None):
        return f"{item.status}, {item.reason or 'the reason is not known'}"
    return (item.result and item.result.finding) or "done"


def _figure(value: float, claimed: float | None) -> str:
    """An accuracy in percent; where a count was claimed, a count."""
    counted = claimed is not None and (claimed == 0 or abs(claimed) > 1)
    return f"{value:,.0f}" if counted else f"{100 * value:.5g} %"


def _text(value: object) -> str:
    """Escapes text of unknown origin, so that it holds no Markdown, HTML or mention."""
    words = "not known" if value is None else str(value)
    return re.sub(r"([\\`*_{}\[\]<>()#+|!~@])", r"\\\1", " ".join(words.split()))
