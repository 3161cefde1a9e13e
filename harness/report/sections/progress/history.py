"""Earlier runs and this one -> trend lines and a table."""

from collections.abc import Sequence
from typing import Any

from harness.report.charts import trends
from harness.report.schema import results as schema
from harness.report.text import formatting
from harness.report.text import subjects as text_subjects
from harness.report.text.verdicts import verdict
from harness.report.views.progress import History, PastRun, Trend

ANCHOR = "history"
Runs = Sequence[schema.HistoryEntry]


def history(
    runs: Runs, subjects: Sequence[schema.Subject], anchors: Sequence[str]
) -> History | None:
    """Returns what to show of at least two runs, the oldest first, this one last."""
    if len(runs) < 2:
        return None
    names = [network.id for network in runs[-1].networks]
    past = {name: [_of(run, name) for run in runs] for name in names}
    points = {name: _points(found) for name, found in past.items()}
    drawn = [name for name in names if any(p.accuracy is not None for p in points[name])]
    wide = trends.span([points[name] for name in drawn])
    dates = [_day(run) for run in runs]
    where = dict(zip([s.id for s in subjects], anchors, strict=True))
    gates = {s.id: (s.gate or schema.Gate()).threshold for s in subjects}
    found = []
    for place, name in enumerate(drawn):
        lines, notes = _lines(runs, past[name])
        drawing = trends.trend(
            f"trend{place}", name, points[name],
            dates=dates, gate=gates.get(name), wide=wide, lines=lines,
        )  # fmt: skip
        found.append(
            Trend(
                formatting.cut(name, text_subjects.LONGEST_NAME),
                where.get(name),
                drawing,
                (*_about(points[name], dates), *notes),
            )
        )
    return History(
        lead=_lead(runs),
        note=_note(points.values(), wide),
        trends=tuple(found),
        networks=tuple(formatting.cut(name, text_subjects.LONGEST_NAME) for name in names),
        runs=tuple(_past_run(run, names) for run in reversed(runs)),
    )


def _of(run: schema.HistoryEntry, name: str) -> schema.HistoryNetwork | None:
    return next((network for network in run.networks if network.id == name), None)


def _points(past: Sequence[schema.HistoryNetwork | None]) -> list[trends.Point]:
    found = []
    before = None
    for network in past:
        if network is None:
            found.append(trends.Point(None, None, failed=False, changed=False))
            continue
        digest = network.spec_digest
        changed = before is not None and digest is not None and digest != before
        before = digest or before
        failed = network.verdict not in {"passed", "inconclusive"}
        ends = network.interval
        found.append(trends.Point(network.accuracy, ends, failed=failed, changed=changed))
    return found


def _lines(
    runs: Runs, past: Sequence[schema.HistoryNetwork | None]
) -> tuple[list[trends.Line], list[str]]:
    """What is drawn below the accuracies, and what is said instead where that is all there is."""
    lines, notes = [], []
    params = [network.total_params if network else None for network in past]
    known = {value for value in params if value is not None}
    if len(known) > 1:
        lines.append(trends.Line("parameters", tuple(params), steps=True))
    elif known:
        notes.append(f"{formatting.whole(known.pop())} parameters in every run.")
    # Another processor's speed says nothing of the code.
    here = runs[-1].cpu
    rates = tuple(
        network.train_images_per_s if network and here and run.cpu == here else None
        for run, network in zip(runs, past, strict=True)
    )
    measured = sum(value is not None for value in rates)
    if measured > 1:
        lines.append(trends.Line("images / s, training", rates))
        if any(run.cpu != here for run in runs):
            notes.append("Speed only of the runs on this processor.")
    return lines, notes


def _about(points: Sequence[trends.Point], dates: Sequence[str]) -> list[str]:
    """What befell the network, as sentences."""
    found = []
    changed = [place for place, point in enumerate(points) if point.changed]
    if changed:
        times = "once" if len(changed) == 1 else f"{formatting.spelled(len(changed))} times"
        last = dates[changed[-1]]
        found.append(f"The network was changed {times}, last for a run of {last}.")
    known = [(place, p) for place, p in enumerate(points) if p.accuracy is not None]
    failed = sum(p.failed for _, p in known)
    if failed:
        found.append(f"{formatting.counted(failed, 'run').capitalize()} did not pass.")
    missing = len(points) - len(known)
    if missing:
        found.append(f"{formatting.counted(missing, 'run').capitalize()} measured no accuracy.")
    return found


def _lead(runs: Runs) -> str:
    first, last = _day(runs[0]), _day(runs[-1])
    when = f"all on {last}" if first == last else f"from {first} to {last}"
    return (
        f"{formatting.counted(len(runs), 'complete run').capitalize()} with this data set and "
        "recipe, "
        f"{when}; this one is the last."
    )


def _note(points: Any, wide: float) -> str:
    first = (
        "A dot for each run, evenly spaced in time order; a vertical bar for the "
        f"95{formatting.NARROW}% interval. Every panel spans {100 * wide:.2g} percentage points, "
        "around its own network."
    )
    parts = [first]
    everything = [point for found in points for point in found]
    if any(point.failed for point in everything):
        parts.append("A square is a run that did not pass.")
    if any(point.changed for point in everything):
        parts.append("A dotted line: the network under this name changed.")
    if any(_beyond(found, wide) for found in points):
        parts.append("A triangle at the edge is an accuracy outside the panel.")
    return " ".join(parts)


def _beyond(points: Sequence[trends.Point], wide: float) -> bool:
    known = [p.accuracy for p in points if p.accuracy is not None]
    return bool(known) and max(known) - min(known) > wide / 2


def _past_run(run: schema.HistoryEntry, names: Sequence[str]) -> PastRun:
    found = [_of(run, name) or schema.HistoryNetwork(id=name) for name in names]
    return PastRun(
        date=(run.created or formatting.NOTHING).replace("T", " ").replace("Z", "")[:16],
        commit=formatting.cut(run.commit or formatting.NOTHING, 16),
        seeds=formatting.NOTHING if run.seeds is None else str(run.seeds),
        outcome=verdict(run.outcome),
        figures=tuple(
            (formatting.percent(network.accuracy), formatting.interval(network.interval))
            for network in found
        ),
    )


def _day(run: schema.HistoryEntry) -> str:
    return (run.created or "?")[:10]
