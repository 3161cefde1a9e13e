"""Matches a submission with the documented network that it implements.

Where the architecture is not named, the closest documented network is taken. Where a document is
silent (facts of basis "chosen"), a submission's own choice is as good as ours, so it is graded by
its own value: shapes, parameters and the function are then expected as they follow from it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import log
from typing import Any

from harness.network.spec import Spec
from harness.submissions.feedback.comparison import Comparison, compare
from harness.submissions.feedback.layer_row import Row, as_plain
from harness.submissions.normalization.normalize import conform
from reference.errors import UserError
from reference.facts import Facts, expected_nodes
from reference.layers import Network, params, shapes, total_params, trainable_params

# Several times the layers of any document. Aligning more takes seconds, and only shows that most of
# them are extra.
_MANY = 64

# The cost of an extra layer (`Comparison.cost`).
_LAYER = 4
# Taking images of another shape costs as much as one extra layer.
_INPUT = 4


def rank(spec: Spec, facts: Facts) -> tuple[int, float, str]:
    """Returns the sort key of a document: the closest comes first.

    That is the distance; of several, the one whose number of parameters is nearest as a ratio, then
    the first by name: the answer depends on nothing but the arguments.
    """
    parameters = max(1, total_params(spec.network))
    return distance(spec, facts), abs(log(parameters / facts.total_params)), facts.name


def distance(spec: Spec, facts: Facts) -> int:
    """Returns the cost of aligning the normalised network with the documented layers.

    0 is the documented network; an extra or missing layer costs 4, each setting 1.
    """
    if len(spec.network.nodes) > _MANY:
        return _LAYER * (len(spec.network.nodes) - len(facts.layers))
    comparison = compare(facts, conform(spec, facts, None).spec)
    return comparison.cost + (comparison.input_shape != facts.input_shape) * _INPUT


_Choice = tuple[int, str, Any]  # index of the layer, key, value


def with_own_choices(documented: Comparison) -> tuple[Comparison, tuple[str, ...]]:
    """Returns the comparison to grade by, and a note for each undocumented choice.

    Where the document is silent, the expected values are the submission's own.
    """
    facts = documented.facts
    taken: list[_Choice] = []
    notes: list[str] = []
    for pair in documented.pairs:
        if pair.expected_index is None or pair.actual_index is None:
            continue
        row, own = documented.expected[pair.expected_index], documented.actual[pair.actual_index]
        for key, value in _own_choices(row, own):
            choice = (pair.expected_index, key, value)
            if _with(facts, [*taken, choice]) is not None:
                taken.append(choice)
                notes.append(
                    f"{own.name}: the document leaves {key} open, so {as_plain(value)} is as good "
                    f"as {as_plain(row.config[key])}"
                )
    chosen = _with(facts, taken) if taken else None
    if chosen is None:
        return documented, tuple(notes)
    return compare(chosen, documented.spec, documented.recipe), tuple(notes)


def _own_choices(expected: Row, own: Row) -> Iterator[tuple[str, Any]]:
    """Yields the settings that differ where the document is silent."""
    fact = expected.fact
    if fact is None or expected.kind != own.kind:
        return
    for key, value in expected.config.items():
        evidence = fact.evidence.get(f"config.{key}")
        if evidence is None or evidence.basis != "chosen":
            continue
        if expected.output and key == "activation":
            continue  # ten classes want probabilities, whatever the document says
        if own.config.get(key, value) != value:
            yield key, own.config[key]


def _with(facts: Facts, taken: Sequence[_Choice]) -> Facts | None:
    """Returns the facts with other settings and all that follows from them; None if it cannot be.

    What the document says itself, such as a layer's shape, must still hold.
    """
    layers = list(facts.layers)
    for index, key, value in taken:
        layer = layers[index]
        source = f"{layer.source}; {key} is left open, yours is taken"
        layers[index] = replace(layer, config={**layer.config, key: value}, source=source)
    try:
        nodes = expected_nodes(replace(facts, layers=tuple(layers)))
        network = Network(tuple(node.node for node in nodes))
        counts, outputs = params(network), shapes(network)
    except UserError:
        return None
    for index, layer in enumerate(layers):
        own = [number for number, node in enumerate(nodes) if node.layer is layer]
        if outputs[own[-1]] != layer.output_shape:
            return None
        layers[index] = replace(layer, params=sum(counts[number] for number in own))
    return replace(
        facts,
        layers=tuple(layers),
        total_params=total_params(network),
        trainable_params=trainable_params(network),
    )
