"""The experiments of results.json as sections of the page, and their one-line findings."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.report.schema import experiments as schema
from harness.report.schema.experiments import Experiment
from harness.report.sections.experiments import samples, study, summary_table, transfer, twin
from harness.report.text import formatting, subjects
from harness.report.text.html import distinct, slug
from harness.report.text.verdicts import verdict
from harness.report.views.common import Verdict
from harness.report.views.experiments import Samples, Section, Study, SummaryTable, Transfer, Twin
from harness.report.views.page import Notice

Experiments = Sequence[Experiment]
Body = Study | Transfer | Twin | SummaryTable | Samples

LONGEST = 260
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
        _section(item, anchor, where.get(item.architecture))
        for item, anchor in zip(shown, anchors(experiments), strict=True)
    )


def _drawn(item: Experiment) -> bool:
    """Whether a transfer's letters were drawn: the document's were written by hand."""
    return isinstance(item.result, schema.Transfer) and transfer.drawn(item.result)


def _unjudged(item: Experiment) -> Experiment:
    """The experiment without the document's figure, which is about other pictures."""
    match item.result:
        case schema.Study() | schema.Transfer() | schema.Twin() | schema.OtherResult() as result:
            return replace(item, result=replace(result, claim=None))
    return item


def anchors(experiments: Experiments) -> list[str]:
    """A fragment address for each experiment: readable, safe, and no two the same."""
    return distinct(
        f"exp-{slug(f'{item.architecture or str()}-{item.id}', 60) or 'experiment'}"
        for item in experiments
    )


def _section(item: Experiment, anchor: str, network: str | None) -> Section:
    result = item.result
    finding = _kept((result.finding if result else None) or "")
    measured, interval = _measured(item)
    claim = getattr(result, "claim", None)
    return Section(
        anchor=anchor,
        id=formatting.cut(item.id, 60),
        kind=item.kind or "",
        network=formatting.cut(item.architecture or "", subjects.LONGEST_NAME),
        network_anchor=network,
        title=formatting.cut(item.title or item.id.replace("_", " "), 160),
        question=item.question or "",
        source=item.source or "",
        status=status(item),
        reason=item.reason or "",
        problems=tuple(item.problems),
        finding=finding,
        short=_short(item, finding),
        claimed="" if claim is None else formatting.gate(claim),
        measured=measured,
        interval=interval,
        body=_body(anchor, result),
    )


def _body(ident: str, result: schema.Result | None) -> Body | None:
    match result:
        case schema.Study():
            return study.body(ident, result)
        case schema.Transfer():
            return transfer.body(ident, result)
        case schema.Twin():
            return twin.body(ident, result)
        case schema.SummaryTable():
            return summary_table.body(result)
        case schema.Samples():
            return samples.body(result)
        case _:
            return None


def status(item: Experiment) -> Verdict:
    """How the experiment ended; one that was done but whose check fails has failed."""
    if item.status in {"done", None}:
        return Verdict("failed", "fail") if item.problems else Verdict("done", "pass")
    return verdict(item.status)


def _short(item: Experiment, finding: str) -> str:
    """One line: what was found, else why nothing was."""
    if item.problems:
        return formatting.cut(item.problems[0], LONGEST)
    if item.status not in {"done", None}:
        return formatting.cut(item.reason or "The reason is not known.", LONGEST)
    if not finding and item.result is not None:
        finding = _counted(item)
    if not finding:
        return "It was done."
    # Of a study the second sentence says what beside the document's way was found.
    sentences = _SENTENCE.split(finding)[: 2 if item.kind == "study" else 1]
    return " ".join(formatting.cut(sentence, LONGEST) for sentence in sentences)


def _kept(text: str) -> str:
    """The same words; a percent sign stays on the line of its number."""
    return text.replace(" %", f"{formatting.NARROW}%")


def _counted(item: Experiment) -> str:
    if isinstance(item.result, schema.SummaryTable):
        return summary_table.words(item.result)
    if isinstance(item.result, schema.Samples) and (words := samples.words(item.result)):
        return f"Of the sample digits, {words}."
    return ""


def _measured(item: Experiment) -> tuple[str, str]:
    """What was measured of what the document claims, with its interval, in words."""
    value, ends = None, None
    match item.result:
        case None:
            return formatting.NOTHING, ""
        case schema.Study() as result:
            value, ends = study.measured(result)
        case schema.Transfer() | schema.Twin() as result:
            value, ends = result.mean, result.interval
        case schema.SummaryTable(cells=cells):
            return f"{sum(cell.equal for cell in cells)} of {len(cells)} cells", ""
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
        return f"{start} {was} run: the findings are below."
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
    names = [f"{item.title or item.id} ({item.architecture})" for item in bad]
    text = f"{formatting.listed(names)}. Their sections say why."
    return [Notice("Experiments failed", text)]
