"""What a study found, in sentences that are made from its numbers and from nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

NEAR: Final = 0.005
"""A mean further than this from a claim, half a point, does not explain it, however much scatter
there is: the noisier a setting, the wider its interval, and the more it would explain."""

# Repeats that differ by more than this, two points, say that luck decides, and not the setting.
_SCATTERED: Final = 0.02
_MOST_NAMED: Final = 6

Row = Mapping[str, Any]
"""A row of the result's "variants"."""


def finding(rows: Sequence[Row], axes: Sequence[str], claim: float | None, method: str) -> str:
    """Returns the finding, two to five sentences."""
    sentences = _claim(rows, claim) if claim is not None else _spread(rows)
    if method != "variants" and len(rows) > 1:
        sentences += _settings(rows, axes)
    return " ".join(sentences)


def _claim(rows: Sequence[Row], claim: float) -> list[str]:
    start = next((row for row in rows if _is_start(row)), None)
    others = [row for row in rows if row is not start]
    sentences = []
    if start is not None:
        away = _points(abs(start["mean"] - claim))
        side = "above" if start["mean"] > claim else "below"
        verdict = (
            "which the document's figure agrees with"
            if start["meets_claim"]
            else f"{away} {side} the document's {_percent(claim)}"
        )
        sentences.append(f"{_named(start)} gives {_measured(start)}, {verdict}.")
    if not others:
        return sentences
    count = f"{len(others)} other configuration{'s' if len(others) > 1 else ''}"
    meeting = sorted(
        (row for row in others if row["meets_claim"]), key=lambda row: abs(row["mean"] - claim)
    )
    steady = [row for row in meeting if not _scattered(row)]
    lucky = [row for row in meeting if _scattered(row)]
    noisy = [row for row in others if not row["meets_claim"] and _holds(row, claim)]
    if steady:
        verb = "comes" if len(steady) == 1 else "come"
        sentences.append(
            f"Of {count}, {len(steady)} {verb} to {_percent(claim)} within what the repeats leave "
            f"open and within {_points(NEAR)}: {_list(steady)}. That shows what can give the "
            "document's figure, not what was done."
        )
    elif not meeting:
        nearest = min(others, key=lambda row: abs(row["mean"] - claim))
        side = "above" if nearest["mean"] > claim else "below"
        sentences.append(
            f"None of {count} explains {_percent(claim)}: the nearest, {_named(nearest)}, gives "
            f"{_measured(nearest)}, {_points(abs(nearest['mean'] - claim))} {side} it."
        )
    if lucky:
        only = "" if steady else f"Of {count}, none comes to it steadily. "
        sentences.append(
            f"{only}{_list(lucky, spread=True)}: there the repeats lie so far apart that "
            f"{_percent(claim)} is among what can come out, by luck."
        )
    if noisy:
        sentences.append(
            f"{_list(noisy, spread=True)}: the repeats lie so far apart that their interval holds "
            f"{_percent(claim)}, but the mean is more than {_points(NEAR)} from it: that is "
            "scatter, and explains nothing."
        )
    missing = [row for row in others if not row["meets_claim"] and row not in noisy]
    if meeting and missing:
        sentences.append(f"These do not explain it: {_list(missing)}.")
    return sentences


def _spread(rows: Sequence[Row]) -> list[str]:
    if len(rows) == 1:
        return [f"{_named(rows[0])} gives {_measured(rows[0])}."]
    best = max(rows, key=lambda row: row["mean"])
    worst = min(rows, key=lambda row: row["mean"])
    ends = (
        f"{_named(best)} gives most, {_measured(best)}, and {_named(worst)} least, "
        f"{_measured(worst)}."
    )
    sentences = [ends]
    start = next((row for row in rows if _is_start(row)), None)
    if start is not None and start is not best and _overlap(start, best):
        sentences.append(
            f"{_named(start)} gives {_measured(start)}: what is between it and the best is within "
            "what the repeats leave open."
        )
    return sentences


def _settings(rows: Sequence[Row], axes: Sequence[str]) -> list[str]:
    """Which setting moves the accuracy most, of those that were changed alone."""
    start = next((row for row in rows if _is_start(row)), None)
    ranges = []
    for axis in axes:
        alone = [row for row in rows if set(row["changes"]) == {axis}]
        means = [row["mean"] for row in (alone if start is None else [start, *alone])]
        if alone:
            ranges.append((max(means) - min(means), axis.replace("_", " ")))
    if len(ranges) < 2:
        return []
    ranges.sort(key=lambda entry: -entry[0])
    each = ", ".join(f"{axis} {_points(span)}" for span, axis in ranges)
    return [f"Changed alone, over the values that were tried, the settings move it by: {each}."]


def _is_start(row: Row) -> bool:
    return not row["changes"] and row["measure_words"] is None


def _scattered(row: Row) -> bool:
    return row["std"] is not None and row["std"] > _SCATTERED


def _holds(row: Row, claim: float) -> bool:
    """Whether the scatter of its repeats makes a row's interval hold the claim."""
    return bool(row["std"]) and bool(row["interval"][0] <= claim <= row["interval"][1])


def _overlap(one: Row, other: Row) -> bool:
    return bool(
        one["interval"][0] <= other["interval"][1] and other["interval"][0] <= one["interval"][1]
    )


def _list(rows: Sequence[Row], *, spread: bool = False) -> str:
    shown = [f"{_named(row)} ({_range(row) if spread else _percent(row['mean'])})"
             for row in rows[:_MOST_NAMED]]  # fmt: skip
    if len(rows) > _MOST_NAMED:
        shown.append(f"{len(rows) - _MOST_NAMED} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _range(row: Row) -> str:
    values = [run["accuracy"] for run in row["runs"]]
    return f"{_percent(min(values))} to {_percent(max(values))}"


def _named(row: Row) -> str:
    return f'"{row["name"]}"'


def _measured(row: Row) -> str:
    low, high = row["interval"]
    return f"{_percent(row['mean'])} [{100 * low:.2f}, {100 * high:.2f}]"


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _points(difference: float) -> str:
    return f"{100 * difference:.2f} points"
