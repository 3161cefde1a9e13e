"""A results.json as Markdown: for a pull request, a chat, or the page of a CI job."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_MARKS = {"passed": "✅", "failed": "❌", "inconclusive": "⚠️", "not built": "❌"}


def render(results: Mapping[str, Any]) -> str:
    """Returns verdicts, what failed and why, experiments and claims, for results of schema 1.

    Claims are listed where experiments were run: other runs test only some of them.
    """
    dataset = results["dataset"]
    lines = [f"## MNIST architectures: {results['outcome']}", ""]
    if dataset:
        lines += [f"Data: {_text(dataset['name'])}, recipe: {_text(results['recipe'])}.", ""]
        if dataset["note"]:
            lines += [f"> {_text(dataset['note'])}", ""]
    lines += [
        "| | network | test accuracy | 95 % interval | gate | parameters | epochs | checks |",
        "|---|---|---:|---|---:|---:|---:|---:|",
        *(_row(subject) for subject in results["subjects"]),
        "",
    ]
    # Of submissions, each has a page of its own that says what failed.
    for subject in [] if results["submissions"] else results["subjects"]:
        lines += _failures(subject)
    lines += _claims(results["claims"], results.get("experiments") or [])
    return "\n".join(lines)


def _row(subject: Mapping[str, Any]) -> str:
    gate, spec, runs = subject["gate"], subject["spec"], subject["runs"]
    cells = [
        f"{_MARKS.get(subject['verdict'], '')} {subject['verdict']}",
        _text(subject["id"]),
        f"{gate['accuracy']:.2%}" if gate else "",
        "{:.2%} to {:.2%}".format(*gate["interval"]) if gate else "",
        f"{gate['threshold']:.2%}" if gate else "",
        f"{spec['total_params']:,}" if spec else "",
        ", ".join(str(run["epochs"]) for run in runs),
        f"{subject['score']:g} of {subject['max_score']:g}",
    ]
    return f"| {' | '.join(cells)} |"


def _failures(subject: Mapping[str, Any]) -> list[str]:
    failed = [check for check in subject["checks"] if check["status"] not in ("passed", "skipped")]
    if not failed:
        return []
    lines = [f"### {_text(subject['id'])}", ""]
    for check in failed:
        lines.append(f"- **{_text(check['title'])}**: {check['status'].replace('_', ' ')}")
        lines += [f"  - {_text(line)}" for line in (check["message"] or "").splitlines()[:20]]
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
    if item["status"] != "done":
        return f"{item['status']}, {item['reason'] or 'the reason is not known'}"
    return (item["result"] or {}).get("finding") or "done"


def _figure(value: float, claimed: float | None) -> str:
    """An accuracy in percent; where a count was claimed, a count."""
    counted = claimed is not None and (claimed == 0 or abs(claimed) > 1)
    return f"{value:,.0f}" if counted else f"{100 * value:.5g} %"


def _text(value: object) -> str:
    """Text of unknown origin: nothing in it is Markdown, HTML or a mention of anybody."""
    return re.sub(r"([\\`*_{}\[\]<>()#+|!~@])", r"\\\1", " ".join(str(value).split()))
