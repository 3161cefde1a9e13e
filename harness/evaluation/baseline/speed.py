"""Is a network slower than it was? Judged from benchmarks alone, and only of one machine."""

from collections.abc import Mapping

from harness.evaluation.baseline.benchmarks import PEERS, Key, Measurement, describe, percent
from harness.evaluation.baseline.model import Network, Row, Status
from harness.statistics import time_ratios

Speedups = Mapping[Key, Measurement]

_VERDICTS: Mapping[str, Status] = {
    "fine": "passed",
    "regressed": "regressed",
    "cannot tell": "inconclusive",
}
MEASURE = "`pytest --benchmark-only --baseline=FILE` measures and compares speed"


def speed(now: Network, then: Network, current: Speedups, earlier: Speedups) -> list[Row]:
    """Returns how each benchmark of a network changed: what only one side has is left out.

    Args:
        current: of the benchmarks that this run's report will hold, measured before it.
        earlier: of the baseline's.
    """
    rows = []
    for (network, task, batch), before in sorted(earlier.items(), key=lambda pair: pair[0]):
        after = current.get((now.id, task, batch))
        if network == then.id and after is not None:
            rows.append(_contest((now.id, task, batch), then.id, before, after))
    if not rows and any(network == then.id for network, _, _ in earlier):
        rows.append(_not_compared(now, then, f"This run has no benchmarks: {MEASURE}."))
    return rows


def _contest(key: Key, then: str, before: Measurement, after: Measurement) -> Row:
    change = time_ratios.change(after.speedup, before.speedup)
    what = f"{describe(key)}, speed-up over {PEERS[key[1]]}"
    both = f"{what}: {before.speedup} before, {after.speedup} now"
    if difference := other_machine(before.machine, after.machine):
        status: Status = "not judged"
        text = f"{both}, measured on another machine: {difference}."
    elif before == after:
        status = "not judged"
        text = f"{what}: not measured again since the baseline. {MEASURE}."
    else:
        verdict = time_ratios.judge(change)
        status = "improved" if verdict == "fine" and change.low > 1 else _VERDICTS[verdict]
        meaning = {
            "regressed": "fallen significantly, by more than 10 %",
            "inconclusive": "the noise leaves open whether it fell by more than 10 %",
        }.get(status, "not fallen by more than 10 %")
        text = (
            f"{both}, on the same machine: {percent(change.to_json())}, {meaning}. Measured "
            f"{after.created}, commit {after.commit or 'unknown'}."
        )
    judged = status != "not judged"
    return Row(
        key[0],
        then,
        "speed",
        status,
        text,
        before=before.speedup.ratio,
        after=after.speedup.ratio,
        difference=change.ratio - 1 if judged else None,
        interval=(change.low - 1, change.high - 1) if judged else None,
    )


def training_rate(now: Network, then: Network, difference: str | None) -> Row | None:
    """Returns how many images a second grading trained on, then and now: shown and never judged.

    The trainings ran beside others, some of them perhaps days ago: identical code has been seen to
    differ by a quarter.

    Args:
        difference: in what the machines differ, as of `other_machine`; None where they do not.
    """
    before, after = then.images_per_s, now.images_per_s
    if before is None or after is None or before == after:
        return None
    why = (
        f"on another machine: {difference}"
        if difference
        else "and no benchmark: such rates follow what else the machine does"
    )
    text = f"Training while grading: {before:,.0f} images/s before, {after:,.0f} now, {why}."
    return Row(now.id, then.id, "speed", "not judged", text, before, after)


def other_machine(before: Mapping[str, object], after: Mapping[str, object]) -> str | None:
    """Returns in what two machines differ, e.g. "cores 2 then, 4 now"; None if in nothing."""
    names = list(dict.fromkeys([*before, *after]))
    if not names or not before:
        return "the baseline does not say on which"
    differing = [name for name in names if before.get(name) != after.get(name)]
    return (
        "; ".join(
            f"{name} {before.get(name)!r} then, {after.get(name)!r} now" for name in differing
        )
        or None
    )


def _not_compared(now: Network, then: Network, text: str) -> Row:
    return Row(now.id, then.id, "speed", "not judged", text)
