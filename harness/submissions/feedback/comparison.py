"""Compares a network with the documented one, layer by layer.

Both are compared in rows as people write them: a convolution or dense layer with its activation
is one row, however the author spelled it. A `Comparison` is made once for each submission, and
matching, diagnosis, the checks and results.json all read it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Final, Literal

from harness.network.difference import Difference
from harness.network.spec import Spec
from harness.submissions.feedback import layer_causes, setting_causes
from harness.submissions.feedback.layer_row import Row, differing_settings
from harness.submissions.normalization.captured_recipe import CapturedRecipe
from reference.facts import Facts, expected_nodes
from reference.layers import LAYERS, Node, Shape, flops, params, shapes

Status = Literal["same", "changed", "missing", "extra"]


@dataclass(frozen=True)
class Pair:
    """An expected row beside an actual one; None where the other side has no such layer.

    Attributes:
        expected_index: of the row among the expected rows.
        differences: by kind: "kind", "shape", "params" or "config".
        settings: in which the rows differ: what shapes and counts may follow from.
    """

    status: Status
    expected_index: int | None
    actual_index: int | None
    differences: Mapping[str, tuple[Difference, ...]] = field(default_factory=dict)
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """A submission's network beside its document.

    Attributes:
        facts: the expected values.
        spec: the network, in the document's conventions.
        recipe: how the author trains it, adapted to `spec`; None where that is not known.
        expected: the documented layers.
        actual: the network's layers.
        pairs: both, aligned at the least cost.
    """

    facts: Facts
    spec: Spec
    recipe: CapturedRecipe | None
    expected: tuple[Row, ...]
    actual: tuple[Row, ...]
    pairs: tuple[Pair, ...]

    @property
    def input_shape(self) -> Shape:
        """The shape of one image, as the network takes it."""
        return shapes(self.spec.network)[0]

    @property
    def cost(self) -> int:
        """How far apart the layers are, in settings; a missing or extra layer counts as 4."""
        return sum(
            (_GAP if pair.status in ("missing", "extra") else _pair_cost(pair)) // _SETTING
            for pair in self.pairs
        )

    def differences(self, kind: str) -> Iterator[Difference]:
        """Yields the differences of paired layers in "shape", "params" or "config"."""
        for pair in self.pairs:
            yield from pair.differences.get(kind, ())

    def share_right(self, kind: str) -> Fraction:
        """Returns the share of the layers that are right in one respect, for partial credit.

        In "kind", an extra layer counts as one that is wrong; in "shape", "params" and "config"
        only the documented layers count, and a missing one is not right.
        """
        paired = [pair for pair in self.pairs if pair.status in ("same", "changed")]
        # Layers of different kinds have no settings in common that could be right.
        wrong = {kind, "kind"} if kind == "config" else {kind}
        right = sum(wrong.isdisjoint(pair.differences) for pair in paired)
        counted = self.pairs if kind == "kind" else self.expected
        return Fraction(right, max(1, len(counted)))


def compare(facts: Facts, spec: Spec, recipe: CapturedRecipe | None = None) -> Comparison:
    """Returns the comparison of a network with its document.

    Args:
        facts: the expected values.
        spec: the network, in the document's conventions (`normalize.conform`).
        recipe: how the author trains it, adapted to `spec`.
    """
    expected = expected_rows(facts)
    actual = actual_rows(spec, expected)
    return Comparison(facts, spec, recipe, expected, actual, align(expected, actual))


def expected_rows(facts: Facts) -> tuple[Row, ...]:
    """Returns the documented layers, without the input."""
    rows: list[Row] = []
    for expected in expected_nodes(facts):
        fact = expected.layer
        if fact is None:
            continue
        if rows and rows[-1].fact is fact:  # the second node of a layer with a fused activation
            config = {**rows[-1].config, "activation": expected.node.config["activation"]}
            rows[-1] = replace(rows[-1], config=config)
            continue
        rows.append(
            Row(
                kind=expected.node.kind,
                name=fact.cls,
                config=_with_activation(expected.node, expected.fixed),
                output_shape=expected.output_shape,
                params=expected.params,
                flops=0,
                fact=fact,
                implied=_implied(expected.node, expected.fixed),
            )
        )
    return _with_output(rows)


def actual_rows(spec: Spec, expected: Sequence[Row]) -> tuple[Row, ...]:
    """Returns a network's layers, without the input, with shapes and counts by arithmetic.

    Activations are shown as the document shows them: within a layer where its layers of that kind
    carry theirs, as layers of their own elsewhere. So a missing layer between a convolution and
    its activation is one difference, not three.
    """
    nodes = spec.network.nodes
    fused_kinds = {
        row.kind for row in expected if row.config.get("activation", "linear") != "linear"
    }
    consumers = [sum(i in node.inputs for node in nodes) for i in range(len(nodes))]
    made = shapes(spec.network)
    numbers = zip(made, params(spec.network), flops(spec.network), strict=True)
    rows: list[Row] = []
    previous = 0  # the node that the last row ends with
    for index, (node, (shape, count, cost)) in enumerate(zip(nodes, numbers, strict=True)):
        if index == 0:
            continue
        fused = (
            rows
            and node.kind == "Activation"
            and rows[-1].kind in fused_kinds
            and rows[-1].config.get("activation") == "linear"
            and node.inputs == (previous,)
            and consumers[previous] == 1
        )
        previous = index
        if fused:
            config = {**rows[-1].config, "activation": node.config["activation"]}
            rows[-1] = replace(rows[-1], config=config)
            continue
        rows.append(
            Row(
                kind=node.kind,
                name=spec.names[index],
                config=_with_activation(node, node.config),
                output_shape=shape,
                params=count,
                flops=cost,
                trainable=node.trainable,
                input_shape=made[node.inputs[0]],
            )
        )
    return _with_output(rows)


def align(expected: tuple[Row, ...], actual: tuple[Row, ...]) -> tuple[Pair, ...]:
    """Pairs the rows at the least cost (edit distance, Needleman & Wunsch 1970).

    A pair costs as much as there is to say about it, so that a missing layer is not taken for
    its neighbour of the same kind.
    """
    found = [[_compare(e, a) for a in actual] for e in expected]
    costs = [[_pair_cost(pair) for pair in row] for row in found]
    # best[i][j]: the least cost of the rows from i and j on.
    best = [[0] * (len(actual) + 1) for _ in range(len(expected) + 1)]
    for i in range(len(expected), -1, -1):
        for j in range(len(actual), -1, -1):
            if i == len(expected) or j == len(actual):
                best[i][j] = _GAP * (len(expected) - i + len(actual) - j)
                continue
            best[i][j] = min(
                costs[i][j] + best[i + 1][j + 1],
                _GAP + best[i + 1][j],
                _GAP + best[i][j + 1],
            )
    pairs: list[Pair] = []
    i = j = 0
    while i < len(expected) or j < len(actual):
        if i < len(expected) and best[i][j] == _GAP + best[i + 1][j]:
            pairs.append(Pair("missing", i, None))
            i += 1
        elif (
            i < len(expected) and j < len(actual) and best[i][j] == costs[i][j] + best[i + 1][j + 1]
        ):
            pairs.append(replace(found[i][j], expected_index=i, actual_index=j))
            i, j = i + 1, j + 1
        else:
            pairs.append(Pair("extra", None, j))
            j += 1
    return tuple(pairs)


# Two gaps cost more than taking one kind of layer for another, and that more than any number of
# settings of one kind. Shapes and counts follow from settings, here or further up; they only
# decide which of several layers with the same settings is meant.
_SETTING: Final = 1000
_GAP, _OTHER_KIND, _MOST = 4 * _SETTING, 6 * _SETTING, 3


def _pair_cost(pair: Pair) -> int:
    follows = len(pair.differences.get("shape", ())) + len(pair.differences.get("params", ()))
    if "kind" in pair.differences:
        return _OTHER_KIND + follows
    return min(_MOST, len(pair.settings)) * _SETTING + follows


def _with_activation(node: Node, config: Mapping[str, Any]) -> dict[str, Any]:
    """Adds the linear activation of a layer that could carry another one."""
    fuses = LAYERS[node.kind].fuses_activation
    return {**config, "activation": "linear"} if fuses else dict(config)


def _implied(node: Node, fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that follow from the documented shapes and counts."""
    return {key: value for key, value in node.config.items() if key in _IMPLIED - set(fixed)}


_IMPLIED: Final = frozenset({"strides", "padding", "use_bias", "center", "scale"})


def _with_output(rows: list[Row]) -> tuple[Row, ...]:
    return (*rows[:-1], replace(rows[-1], output=True)) if rows else ()


def _compare(expected: Row, actual: Row) -> Pair:
    source = expected.fact.source if expected.fact else ""
    name = actual.name
    changed = differing_settings(expected, actual)
    hints = {key: setting_causes.setting(key, expected, actual).text for key in changed}
    found: dict[str, tuple[Difference, ...]] = {}
    hint = next(iter(hints.values()), "")  # what shapes and counts follow from
    if expected.signature != actual.signature:
        hint = layer_causes.other_kind(expected, actual).text
        found["kind"] = (Difference(name, _title(actual), _title(expected), source, hint),)
    pairs = {
        "shape": ("output_shape", actual.output_shape, expected.output_shape),
        "params": ("params", actual.params, expected.params),
    }
    for key, (what, given, wanted) in pairs.items():
        if given != wanted:
            found[key] = (Difference(f"{name}.{what}", given, wanted, source, hint),)
    if expected.kind == actual.kind:
        settings = tuple(
            Difference(
                f"{name}.{key}", _plain(actual.config[key]), _plain(value), source, hints[key]
            )
            for key, value in expected.config.items()
            if key in actual.config and actual.config[key] != value
        )
        if not actual.trainable:
            what, hint = f"{name}.trainable", hints["trainable"]
            frozen = Difference(what, actual.trainable, expected.trainable, hint=hint)
            settings = (*settings, frozen)
        if settings:
            found["config"] = settings
    return Pair("changed" if found or changed else "same", None, None, found, changed)


def _title(row: Row) -> str:
    return row.signature[1] or row.kind


def _plain(value: Any) -> Any:
    """Returns the class of an initializer; other values as they are."""
    return value["class"] if isinstance(value, Mapping) and "class" in value else value
