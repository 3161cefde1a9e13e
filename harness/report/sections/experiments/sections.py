"""The experiments of results.json as sections of the page, and their one-line findings."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.report.sections.experiments import samples, study, summary_table, transfer, twin
from harness.report.text import formatting, subjects
from harness.report.text.verdicts import verdict
from harness.report.views.common import Verdict
from harness.report.views.experiments import Samples, Section, Study, SummaryTable, Transfer, Twin
from harness.report.views.page import Notice

Experiments = Sequence[Mapping[str, Any]]
Body = Study | Transfer | Twin | SummaryTable | Samples
Interval = tuple[float, float]

LONGEST = 260
BODIES: dict[str, Callable[[str, Mapping[str, Any]], Body]] = {
    "study": study.body,
    "transfer": transfer.body,
    "twin": twin.body,
    "summary_table": lambda _, result: summary_table.body(result),
    "samples": lambda _, result: samples.body(result),
}
_LEFT = {"skipped": "left out"}
# A full stop, then a capital: the end of a sentence, and not of "98.6" or "e.g.".
_SENTENCE = re.compile(r"(?<=[\w%)\]’”][.!?])\s+(?=[A-Z\"“])")


def sections(
    experiments: Experiments, where: Mapping[str | None, str], *, judged: bool = True
) -> tuple[Section, ...]:
    """Returns a section for each experiment; to be called inside `svg.house_style`.

    Args:
        where: anchors of the networks, by architecture.
        judged: whether the images are the documents', so that their figures are shown.
    """
    shown = [item if judged and not _drawn(item) else _unjudged(item) for item in experiments]
    return tuple(
        _section(item, anchor, where.get(item["architecture"]))
        for item, anchor in zip(shown, anchors(experiments), strict=True)
    )


def _drawn(item: Mapping[str, Any]) -> bool:
    """Whether a transfer's letters were drawn: the document's were written by hand."""
    result = item["result"]
    return item["kind"] == "transfer" and result is not None and transfer.drawn(result)


def _unjudged(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The experiment without the document's figure, which is about other pictures."""
    result = item["result"]
    return item if result is None else {**item, "result": {**result, "claim": None}}


def anchors(experiments: Experiments) -> list[str]:
    """A fragment address for each experiment: readable, safe, and no two the same."""
    taken: dict[str, int] = {}
    found = []
    for item in experiments:
        raw = f"{item['architecture'] or ''}-{item['id']}".lower()
        slug = re.sub(r"[^a-z0-9_]+", "-", raw).strip("-")[:60] or "experiment"
        taken[slug] = taken.get(slug, 0) + 1
        found.append(f"exp-{slug}" if taken[slug] == 1 else f"exp-{slug}--{taken[slug]}")
    return found


def _section(item: Mapping[str, Any], anchor: str, network: str | None) -> Section:
    result = item["result"]
    draw = BODIES.get(item["kind"] or "")
    finding = _kept((result or {}).get("finding") or "")
    measured, interval = _measured(item)
    claim = (result or {}).get("claim")
    return Section(
        anchor=anchor,
        id=formatting.cut(item["id"], 60),
        kind=item["kind"] or "",
        network=formatting.cut(item["architecture"] or "", subjects.LONGEST_NAME),
        network_anchor=network,
        title=formatting.cut(item["title"] or item["id"].replace("_", " "), 160),
        question=item["question"] or "",
        source=item["source"] or "",
        status=status(item),
        reason=item["reason"] or "",
        problems=tuple(item["problems"]),
        finding=finding,
        short=_short(item, finding),
        claimed="" if claim is None else formatting.gate(claim),
        measured=measured,
        interval=interval,
        body=draw(anchor, result) if draw and result is not None else None,
    )


def status(item: Mapping[str, Any]) -> Verdict:
    """How the experiment ended; one that was done but whose check fails has failed."""
    if item["status"] in {"done", None}:
        return Verdict("failed", "fail") if item["problems"] else Verdict("done", "pass")
    return verdict(item["status"])


def _short(item: Mapping[str, Any], finding: str) -> str:
    """One line: what was found, else why nothing was."""
    if item["problems"]:
        return formatting.cut(item["problems"][0], LONGEST)
    if item["status"] not in {"done", None}:
        return formatting.cut(item["reason"] or "The reason is not known.", LONGEST)
    if not finding and item["result"] is not None:
        finding = _counted(item)
    if not finding:
        return "It was done."
    # Of a study the second sentence says what beside the document's way was found.
    sentences = _SENTENCE.split(finding)[: 2 if item["kind"] == "study" else 1]
    return " ".join(formatting.cut(sentence, LONGEST) for sentence in sentences)


def _kept(text: str) -> str:
    """The same words; a percent sign stays on the line of its number."""
    return text.replace(" %", f"{formatting.NARROW}%")


def _counted(item: Mapping[str, Any]) -> str:
    if item["kind"] == "summary_table":
        return summary_table.words(item["result"])
    if item["kind"] == "samples" and (words := samples.words(item["result"])):
        return f"Of the sample digits, {words}."
    return ""


def _measured(item: Mapping[str, Any]) -> tuple[str, str]:
    """What was measured of what the document claims, with its interval, in words."""
    result = item["result"]
    if result is None:
        return formatting.NOTHING, ""
    value: float | None = None
    ends: Interval | None = None
    if item["kind"] == "study":
        value, ends = study.measured(result)
    elif item["kind"] in {"transfer", "twin"}:
        value, ends = result["mean"], result["interval"]
    elif item["kind"] == "summary_table":
        equal = sum(cell["equal"] for cell in result["cells"])
        return f"{equal} of {len(result['cells'])} cells", ""
    return formatting.percent(value), formatting.interval(ends)


# The words at the top of the page -----------------------------------------------------------------


def lead(experiments: Experiments) -> str:
    """The sentence of the first paragraph: how many experiments were done again."""
    if not experiments:
        return ""
    count = len(experiments)
    words = [status(item).word for item in experiments]
    done = words.count("done")
    start = f"Beside these trainings, {formatting.counted(count, 'experiment')}"
    was = "was" if count == 1 else "were"
    if done == count:
        return f"{start} {was} run: what {'it' if count == 1 else 'each'} found stands below."
    rest = [
        f"{formatting.spelled(words.count(word))} {_LEFT.get(word, word)}"
        for word in dict.fromkeys(words)
        if word != "done"
    ]
    outcomes = formatting.listed([f"{formatting.spelled(done)} done", *rest])
    return f"{start} {was} asked for: {outcomes}."


def notices(experiments: Experiments) -> list[Notice]:
    """Experiments that failed, before any number."""
    bad = [item for item in experiments if status(item).kind == "fail"]
    if not bad:
        return []
    names = [f"{item['title'] or item['id']} ({item['architecture']})" for item in bad]
    text = f"{formatting.listed(names)}. Their sections say why."
    return [Notice("Experiments failed", text)]
