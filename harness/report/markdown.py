"""A results.json as Markdown: for a pull request, a chat, or the page of a CI job."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.text.baseline_words import WORDS, tells

_MARKS = {"passed": "✅", "failed": "❌", "inconclusive": "⚠️", "not built": "❌"}

_LONGEST_LINE = 400  # of a message; results.json has the rest
_BASELINE = {"regressed": "❌", "missing": "❌", "inconclusive": "⚠️", "not comparable": "⚠️"}


def render(results: Mapping[str, Any], lead: str = "") -> str:
    """Returns the first words, verdicts, comparisons, what failed and why, experiments and claims.

    Claims are listed where experiments were run: other runs test only some of them.

    Args:
        results: an object of schema 1; what later versions added to it may be absent.
        lead: the paragraph that the page begins with.
    """
    dataset = results["dataset"]
    lines = [f"## MNIST architectures: {_text(results['outcome'] or 'unknown')}", ""]
    if lead:
        lines += [_text(lead), ""]
    if dataset:
        lines += [f"Data: {_text(dataset['name'])}, recipe: {_text(results['recipe'])}.", ""]
        if dataset["note"]:
            lines += [f"> {_text(dataset['note'])}", ""]
    lines += [
        "| | network | test accuracy | 95 % interval | gate | parameters | epochs | points |",
        "|---|---|---:|---|---:|---:|---:|---:|",
        *(_row(subject) for subject in results["subjects"]),
        "",
    ]
    lines += _evidence(results)
    # Of submissions, each has a page of its own that says what failed.
    for subject in [] if results["submissions"] else results["subjects"]:
        lines += _failures(subject)
    lines += _claims(results["claims"], results.get("experiments") or [])
    return "\n".join(lines)


def _row(subject: Mapping[str, Any]) -> str:
    gate, spec = subject["gate"] or {}, subject["spec"] or {}
    epochs = dict.fromkeys(run["epochs"] for run in subject["runs"])
    points = (subject["score"], subject["max_score"])
    cells = [
        f"{_MARKS.get(subject['verdict'], '')} {_text(subject['verdict'] or 'not known')}".strip(),
        _text(subject["id"]),
        _percent(gate.get("accuracy")),
        _ends(gate.get("interval")),
        _percent(gate.get("threshold")),
        "" if spec.get("total_params") is None else f"{spec['total_params']:,}",
        ", ".join(str(count) for count in epochs if count is not None),
        "" if None in points else f"{points[0]:g} of {points[1]:g}",
    ]
    return f"| {' | '.join(cells)} |"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def _ends(interval: Sequence[float] | None) -> str:
    return "" if interval is None else "{:.2%} to {:.2%}".format(*interval)


def _points(value: float) -> str:
    return f"{100 * value:+.2f}".replace("-", "−")


def _evidence(results: Mapping[str, Any]) -> list[str]:
    """A line each: alarms, every comparison, calibration and robustness, the baseline."""
    lines = [
        f"- ⚠️ **Too good to be true?** {_text(subject['id'])}: {_text(alarm['text'])}"
        for subject in results["subjects"]
        for alarm in subject.get("alarms") or []
    ]
    lines += [f"- {_compared(test)}" for test in results.get("comparisons") or []]
    lines += [
        f"- {_text(subject['id'])}: {'; '.join(figures)}"
        for subject in results["subjects"]
        if (figures := _figures(subject))
    ]
    lines += _baseline(results.get("baseline") or {})
    return [*lines, ""] if lines else []


def _compared(test: Mapping[str, Any]) -> str:
    verdict = {"a": "better", "b": "worse"}.get(test["verdict"], "no significant difference")
    numbers = []
    if test["difference"] is not None:
        ends = test["interval"]
        within = f" [{_points(ends[0])}, {_points(ends[1])}]" if ends else ""
        numbers.append(f"{_points(test['difference'])} pp{within}")
    if test["p_adjusted"] is not None:
        numbers.append(f"adjusted p = {test['p_adjusted']:.2g}")
    figures = f" ({', '.join(numbers)})" if numbers else ""
    return f"{_text(test['a'])} against {_text(test['b'])}: {verdict}{figures}"


def _figures(subject: Mapping[str, Any]) -> list[str]:
    calibration, robustness = (subject.get(key) or {} for key in ("calibration", "robustness"))
    parts = []
    if calibration.get("ece") is not None:
        parts.append(f"expected calibration error {calibration['ece']:.2%}")
    if robustness.get("mean_corruption_error") is not None:
        parts.append(f"mean corruption error {robustness['mean_corruption_error']:.1%}")
    return parts


def _baseline(baseline: Mapping[str, Any]) -> list[str]:
    """How often each came out, and what is not as it was."""
    rows = baseline.get("rows") or []
    if not rows:
        return []
    # The reason is of every row that it keeps from being compared; once is enough.
    reason = baseline.get("reason")
    told = [row for row in rows if tells(row) and row["text"] != reason]
    counts = Counter(row["status"] for row in rows)
    summary = ", ".join(f"{count} {_text(status)}" for status, count in counts.items())
    since = f" of {_text(baseline['created'])}" if baseline.get("created") else ""
    return [
        f"- Against the baseline{since}: {summary}",
        *([f"  - {_BASELINE['not comparable']} {_text(reason)}"] if reason else []),
        *(f"  - {_baseline_row(row)}" for row in told),
    ]


def _baseline_row(row: Mapping[str, Any]) -> str:
    mark = f"{_BASELINE[row['status']]} " if row["status"] in _BASELINE else ""
    measure = WORDS.get(row["measure"], row["measure"])
    about = (row["subject"] or row["baseline_subject"], measure, row["status"])
    return f"{mark}{', '.join(map(_text, about))}: {_text(row['text'])}"


def _failures(subject: Mapping[str, Any]) -> list[str]:
    failed = [check for check in subject["checks"] if check["status"] not in ("passed", "skipped")]
    if not failed:
        return []
    lines = [f"### {_text(subject['id'])}", ""]
    for check in failed:
        status = (check["status"] or "not known").replace("_", " ")
        lines.append(f"- **{_text(check['title'])}**: {_text(status)}")
        lines += [
            f"  - {_text(line[:_LONGEST_LINE])}"
            for line in (check["message"] or "").splitlines()[:20]
        ]
    return [*lines, ""]


def _claims(
    claims: Sequence[Mapping[str, Any]], experiments: Sequence[Mapping[str, Any]]
) -> list[str]:
    """What the documents say beside what was measured, and what each experiment found."""
    if not experiments:
        return []
    lines = ["### Experiments", ""]
    for item in experiments:
        title = f"**{_text(item['title'])}** ({_text(item['architecture'])})"
        lines.append(f"- {title}: {_text(_found(item))}")
        lines += [f"  - ❌ {_text(problem)}" for problem in item["problems"]]
    lines += ["", "### Claims", ""]
    for claim in claims:
        figures = [
            f"{word} {_figure(claim[word], claim['claimed'])}"
            for word in ("claimed", "measured")
            if claim[word] is not None
        ]
        what = f"{_text(claim['architecture'])}, {_text(claim['what'])}"
        measured = f": {', '.join(figures)}" if figures else ""
        lines.append(f"- **{_text(claim['verdict'])}** {what}{measured}")
    return [*lines, ""]


def _found(item: Mapping[str, Any]) -> str:
    if item["status"] not in ("done", None):
        return f"{item['status']}, {item['reason'] or 'the reason is not known'}"
    return (item["result"] or {}).get("finding") or "done"


def _figure(value: float, claimed: float | None) -> str:
    """An accuracy in percent; where a count was claimed, a count."""
    counted = claimed is not None and (claimed == 0 or abs(claimed) > 1)
    return f"{value:,.0f}" if counted else f"{100 * value:.5g} %"


def _text(value: object) -> str:
    """Text of unknown origin: nothing in it is Markdown, HTML or a mention of anybody."""
    words = "not known" if value is None else str(value)
    return re.sub(r"([\\`*_{}\[\]<>()#+|!~@])", r"\\\1", " ".join(words.split()))
