"""Which documented network a submission is most like, when nobody says which it is meant to be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import log
from typing import Any

from harness.network.spec import Spec
from harness.submissions.feedback.comparison import Row, actual_rows, align, cost, expected_rows
from harness.submissions.normalization.normalize import conform
from reference.errors import UserError
from reference.facts import Facts, expected_nodes
from reference.layers import Network, params, shapes, total_params, trainable_params

# Several times the layers of any document. To lay more of them beside one takes seconds, and says
# no more than that most of them are too many.
_MANY = 64

# What a layer too many costs (`harness.submissions.feedback.comparison.cost`).
_LAYER = 4
# Taking images of another shape weighs as much as one layer too many.
_INPUT = 4


def closest(spec: Spec, facts_by_name: Mapping[str, Facts]) -> str:
    """Returns the name of the documented network that comes first by `rank`."""
    return min(facts_by_name, key=lambda name: rank(spec, facts_by_name[name]))


def rank(spec: Spec, facts: Facts) -> tuple[int, float, str]:
    """Returns what to sort by to have the closest first.

    That is the distance; of several, the one whose number of parameters is nearest as a ratio, then
    the first by name: the answer depends on nothing but the arguments.
    """
    parameters = max(1, total_params(spec.network))
    return distance(spec, facts), abs(log(parameters / facts.total_params)), facts.name


def distance(spec: Spec, facts: Facts) -> int:
    """Returns what it costs to align the network, in the document's conventions, with its layers.

    0 is the documented network; a layer too many or too few costs 4, each setting 1.
    """
    expected = expected_rows(facts)
    if len(spec.network.nodes) > _MANY:
        return _LAYER * (len(spec.network.nodes) - len(expected))
    conformed = conform(spec, facts, None).spec
    between = cost(align(expected, actual_rows(conformed, expected)))
    return between + (shapes(conformed.network)[0] != facts.input_shape) * _INPUT


_Choice = tuple[int, str, Any]  # index of the layer, key, value


def adopt(facts: Facts, spec: Spec) -> tuple[Facts, tuple[str, ...]]:
    """Returns the facts with a submission's own values where the document is silent, and notes.

    Args:
        spec: in the document's conventions.
    """
    taken: list[_Choice] = []
    notes: list[str] = []
    expected = expected_rows(facts)
    actual = actual_rows(spec, expected)
    for pair in align(expected, actual):
        if pair.expected_index is None or pair.actual_index is None:
            continue
        last = pair.expected_index == len(expected) - 1
        row, own = expected[pair.expected_index], actual[pair.actual_index]
        for key, value in _own_choices(row, own, last=last):
            adopted = _with(facts, [*taken, (pair.expected_index, key, value)])
            if adopted is not None:
                taken.append((pair.expected_index, key, value))
                notes.append(
                    f"{own.name}: the document leaves {key} open, so {_shown(value)} is as good as "
                    f"{_shown(row.config[key])}"
                )
    return _with(facts, taken) or facts, tuple(notes)


def _own_choices(expected: Row, own: Row, *, last: bool) -> Iterator[tuple[str, Any]]:
    """Yields the settings that differ where the document is silent."""
    fact = expected.fact
    if fact is None or expected.kind != own.kind:
        return
    for key, value in expected.config.items():
        evidence = fact.evidence.get(f"config.{key}")
        if evidence is None or evidence.basis != "chosen":
            continue
        if last and key == "activation":
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


def _shown(value: Any) -> str:
    return str(value["class"] if isinstance(value, dict) and "class" in value else value)
