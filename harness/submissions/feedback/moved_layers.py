"""Finds layers that are in another place than documented: one finding instead of two."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from harness.submissions.feedback import layer_causes
from harness.submissions.feedback.comparison import Comparison, Pair
from harness.submissions.feedback.layer_row import Cause, Row


@dataclass(frozen=True)
class Move:
    """A layer that stands elsewhere than documented.

    Attributes:
        actual_index: of the row that stands elsewhere.
    """

    actual_index: int
    cause: Cause


def moves(
    expected: Sequence[Row], actual: Sequence[Row], pairs: Sequence[Pair]
) -> tuple[tuple[Move, ...], tuple[Pair, ...]]:
    """Returns the layers that were moved, and the pairs without their two halves.

    A moved layer is missing in one place and extra in another; the extra row stands for it.
    Two layers that were exchanged are one move of the first.
    """
    found: list[Move] = []
    dropped: list[Pair] = []
    for gap, extra in _matched(expected, actual, pairs):
        dropped.append(gap)
        row = expected[gap.expected_index or 0]
        found.append(Move(extra.actual_index or 0, _order(row, actual, pairs, gap, extra)))
    kept = tuple(p for p in pairs if not any(p is one for one in dropped))
    exchanged = _exchanged(expected, actual, kept)
    if exchanged is not None:
        move, partner = exchanged
        found.append(move)
        kept = tuple(p for p in kept if p.actual_index != partner)
    return tuple(found), kept


def sequence_hints(comparison: Comparison) -> tuple[str, ...]:
    """Returns for each pair why a layer is missing, extra or elsewhere; "" for the others."""
    expected, actual, pairs = comparison.expected, comparison.actual, comparison.pairs
    hints = [""] * len(pairs)
    for place, pair in enumerate(pairs):
        if pair.status == "missing":
            row = expected[pair.expected_index or 0]
            hints[place] = layer_causes.missing_layer(row, following(actual, pairs[:place])).text
        elif pair.status == "extra":
            hints[place] = layer_causes.extra_layer(actual[pair.actual_index or 0]).text
    for gap, extra in _matched(expected, actual, pairs):
        row = expected[gap.expected_index or 0]
        text = _order(row, actual, pairs, gap, extra).text
        hints[pairs.index(gap)] = hints[pairs.index(extra)] = text
    return tuple(hints)


def following(actual: Sequence[Row], before: Sequence[Pair]) -> Row | None:
    """Returns the layer that comes after those of some pairs, if there is one."""
    seen = [pair.actual_index for pair in before if pair.actual_index is not None]
    index = seen[-1] + 1 if seen else 0
    return actual[index] if index < len(actual) else None


def _matched(
    expected: Sequence[Row], actual: Sequence[Row], pairs: Sequence[Pair]
) -> list[tuple[Pair, Pair]]:
    """Pairs each missing layer with the same extra layer, in order."""
    extra = [p for p in pairs if p.expected_index is None]
    matched: list[tuple[Pair, Pair]] = []
    for gap in (p for p in pairs if p.status == "missing"):
        row = expected[gap.expected_index or 0]
        found = next((p for p in extra if _same_layer(row, actual[p.actual_index or 0])), None)
        if found is not None:
            extra.remove(found)
            matched.append((gap, found))
    return matched


def _same_layer(expected: Row, actual: Row) -> bool:
    return expected.signature == actual.signature and all(
        actual.config.get(key) == value for key, value in expected.config.items()
    )


def _order(row: Row, actual: Sequence[Row], pairs: Sequence[Pair], gap: Pair, extra: Pair) -> Cause:
    here, there = pairs.index(extra), pairs.index(gap)
    relation, wanted = ("after", "before") if here > there else ("before", "after")
    between = pairs[min(here, there) + 1 : max(here, there)]
    crossed = [actual[p.actual_index] for p in between if p.actual_index is not None]
    over = " and ".join(dict.fromkeys(one.title for one in crossed)) or "its place"
    text = f"{row.title} comes {relation} {over}; the document has it {wanted}"
    # The same fault, whichever of the two the alignment takes for the one that moved.
    kinds = {row.kind, *(one.kind for one in crossed)}
    if {"BatchNormalization", "MaxPooling2D"} <= kinds:
        return Cause("batch_normalization_after_pooling", f"{text}: normalize first, then pool")
    if {"BatchNormalization", "Activation"} <= kinds:
        why = "normalizing before ReLU decides which half of the values it keeps"
        return Cause("batch_normalization_after_activation", f"{text}: {why}")
    return Cause("order", text)


def _exchanged(
    expected: Sequence[Row], actual: Sequence[Row], pairs: Sequence[Pair]
) -> tuple[Move, int] | None:
    """Finds two layers of one kind, each with the other's settings."""
    changed = [p for p in pairs if p.settings and p.expected_index is not None]
    for one, other in combinations(changed, 2):
        e1, e2 = (expected[p.expected_index or 0] for p in (one, other))
        a1, a2 = (actual[p.actual_index or 0] for p in (one, other))
        if _same_layer(e1, a2) and _same_layer(e2, a1):
            key = one.settings[0]
            text = (
                f"{a1.kind} '{a1.name}' and '{a2.name}' are exchanged: {key} is "
                f"{a1.config.get(key)} here and {a2.config.get(key)} there; the document has them "
                "the other way round"
            )
            return Move(one.actual_index or 0, Cause("order", text)), other.actual_index or 0
    return None


def reattached(
    expected: Sequence[Row], actual: Sequence[Row], pairs: Sequence[Pair]
) -> tuple[Pair, ...]:
    """Joins a layer and its activation where only extra layers came between the two."""
    result = list(pairs)
    for index, pair in enumerate(result):
        if "activation" not in pair.settings or pair.expected_index is None:
            continue
        wanted = expected[pair.expected_index].config["activation"]
        for offset, other in enumerate(result[index + 1 :], index + 1):
            if other.expected_index is not None:
                break
            if actual[other.actual_index or 0].signature == ("Activation", wanted):
                settings = tuple(key for key in pair.settings if key != "activation")
                result[index] = replace(pair, settings=settings)
                del result[offset]
                break
    return tuple(result)
