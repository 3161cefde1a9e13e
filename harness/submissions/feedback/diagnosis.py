"""Finds the faults of a submission and their causes, not the consequences.

Each difference in a setting, and each missing or extra layer, is one finding. Shapes and counts
follow from those and are not findings. Layers that were moved or exchanged are one finding each,
and so is the same mistake in several layers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from harness.submissions.feedback import layer_causes, recipe_causes, setting_causes
from harness.submissions.feedback.comparison import Comparison, Pair
from harness.submissions.feedback.layer_row import Cause, Found, Row
from harness.submissions.feedback.moved_layers import following, moves, reattached
from reference.layers import shapes

Severity = Literal["fault", "note"]

MAX_FINDINGS: Final = 40
_MAX_PLACES: Final = 4


@dataclass(frozen=True)
class Finding:
    """A fault or a note, for the submission's author.

    Attributes:
        kind: a slug, for counting over a class, e.g. "padding".
        where: e.g. "layer 1 (Conv2D 'conv')", "compile", "fit" or "data".
        cause: what was written, what comes of it, what to write.
        severity: "fault" where the document fixes it or it cannot work; "note" where the document
            leaves it open.
    """

    kind: str
    where: str
    cause: str
    severity: Severity


def diagnose(comparison: Comparison) -> tuple[Finding, ...]:
    """Returns the findings, the most important first; none for the documented network."""
    found = [
        *_another(comparison),
        *_input(comparison),
        *_layers(comparison),
        *recipe_faults(comparison),
    ]
    # Sorting is stable: within a severity they stay in the order of the network.
    merged = sorted(_merged(found), key=lambda finding: finding.severity != "fault")
    return tuple(merged[:MAX_FINDINGS])


def recipe_faults(comparison: Comparison) -> tuple[Found, ...]:
    """Returns the faults of the recipe; none where it is not known."""
    if comparison.recipe is None:
        return ()
    network = comparison.spec.network
    last = network.nodes[-1]
    ends = recipe_causes.Ends(
        input_shape=comparison.input_shape,
        output_shape=shapes(network)[-1],
        activation=last.config["activation"] if last.kind == "Activation" else "linear",
        rescales=any(node.kind == "Rescaling" for node in network.nodes),
    )
    return tuple(recipe_causes.causes(comparison.facts, ends, comparison.recipe))


def _merged(found: Sequence[Found]) -> list[Finding]:
    """Merges the same mistake in several places into one finding."""
    alike: dict[tuple[str, str, bool], list[Found]] = {}
    for one in found:
        key = (one.cause.kind, one.cause.mistake or one.cause.text, one.fixed)
        alike.setdefault(key, []).append(one)
    return [
        Finding(
            kind=first.cause.kind,
            where=_joined([one.where for one in (first, *others)]),
            cause=first.cause.text,
            severity="fault" if first.fixed else "note",
        )
        for first, *others in alike.values()
    ]


def _joined(places: Sequence[str]) -> str:
    places = list(dict.fromkeys(places))
    if len(places) > _MAX_PLACES:
        places = [*places[:_MAX_PLACES], f"{len(places) - _MAX_PLACES} more"]
    *most, last = places
    return f"{', '.join(most)} and {last}" if most else last


# The network --------------------------------------------------------------------------------------


def _input(comparison: Comparison) -> Iterator[Found]:
    given, wanted = comparison.input_shape, comparison.facts.input_shape
    if given != wanted:
        yield Found("input", layer_causes.input_shape(given, wanted))


def _beyond_input(comparison: Comparison) -> tuple[Pair, ...]:
    """Leaves out the layers that flatten or reshape images which are wrong to begin with."""
    pairs = comparison.pairs
    if comparison.input_shape == comparison.facts.input_shape:
        return pairs
    first = 0
    while first < len(pairs) and pairs[first].status == "extra":
        if comparison.actual[pairs[first].actual_index or 0].kind not in {"Flatten", "Reshape"}:
            break
        first += 1
    return pairs[first:]


def _another(comparison: Comparison) -> Iterator[Found]:
    expected, pairs = comparison.expected, comparison.pairs
    kept = sum(p.status in ("same", "changed") and "kind" not in p.differences for p in pairs)
    if 2 * kept < len(expected):
        text = (
            f"{kept} of the document's {len(expected)} layers are here, in their order: this is "
            "another network, or it implements another document"
        )
        yield Found("network", Cause("another_network", text))


def _layers(comparison: Comparison) -> Iterator[Found]:
    expected, actual = comparison.expected, comparison.actual
    moved, pairs = moves(expected, actual, reattached(expected, actual, _beyond_input(comparison)))
    by_place = {move.actual_index: move for move in moved}
    for place, pair in enumerate(pairs):
        if pair.actual_index in by_place:
            yield Found(_place(actual, pair.actual_index), by_place[pair.actual_index].cause)
        elif pair.expected_index is None:
            row = actual[pair.actual_index or 0]
            yield Found(_place(actual, pair.actual_index), layer_causes.extra_layer(row))
        elif pair.actual_index is None:
            yield _missing(expected[pair.expected_index], actual, pairs[:place])
        else:
            where = _place(actual, pair.actual_index)
            yield from _changed(
                expected[pair.expected_index], actual[pair.actual_index], where, pair
            )


def _changed(expected: Row, actual: Row, where: str, pair: Pair) -> Iterator[Found]:
    if expected.signature != actual.signature:
        yield Found(where, layer_causes.other_kind(expected, actual))
        return
    for key in pair.settings:
        cause = setting_causes.setting(key, expected, actual)
        yield Found(where, cause, _is_fixed(expected, actual, key))
        if cause.kind == "classes" and actual.config["units"] == 1:
            return  # a layer for two classes has another activation, too


def _is_fixed(expected: Row, actual: Row, key: str) -> bool:
    # No activation where one is needed, or a last one that goes with no loss, cannot work.
    if key == "activation" and (expected.output or actual.config[key] == "linear"):
        return True
    evidence = expected.fact.evidence.get(f"config.{key}") if expected.fact else None
    return evidence is None or evidence.basis != "chosen"


def _missing(expected: Row, actual: tuple[Row, ...], before: Sequence[Pair]) -> Found:
    seen = [pair.actual_index for pair in before if pair.actual_index is not None]
    where = f"after {_place(actual, seen[-1])}" if seen else "before the first layer"
    return Found(where, layer_causes.missing_layer(expected, following(actual, before)))


def _place(actual: Sequence[Row], index: int | None) -> str:
    row = actual[index or 0]
    return f"layer {(index or 0) + 1} ({row.kind} '{row.name}')"
