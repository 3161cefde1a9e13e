"""Is it the documented network, layer by layer?"""

from collections.abc import Iterator

from harness.evaluation.checking import require_none
from harness.network.difference import Difference
from harness.network.spec import Spec
from harness.submissions.feedback.comparison import Comparison
from harness.submissions.feedback.layer_causes import input_shape
from harness.submissions.feedback.layer_row import Row
from harness.submissions.feedback.moved_layers import sequence_hints
from reference.facts import Facts
from reference.layers import shapes, total_params, trainable_params


def test_input_shape(spec: Spec, facts: Facts) -> None:
    """the input has the documented shape: one image of 784 pixels"""
    actual = shapes(spec.network)[0]
    if actual != facts.input_shape:
        where = facts.evidence["input_shape"].where
        hint = input_shape(actual, facts.input_shape).text
        require_none([Difference("input_shape", actual, facts.input_shape, where, hint)])


def test_layers(structure: Comparison) -> None:
    """the layers are the documented ones, in the documented order"""
    require_none(_sequence_differences(structure), structure.share_right("kind"))


def test_output_shapes(structure: Comparison) -> None:
    """every layer's output has the documented shape"""
    require_none(structure.differences("shape"), structure.share_right("shape"))


def test_layer_parameters(structure: Comparison) -> None:
    """every layer has the documented number of parameters"""
    require_none(structure.differences("params"), structure.share_right("params"))


def test_total_parameters(spec: Spec, facts: Facts) -> None:
    """the network has the documented number of total and trainable parameters"""
    pairs = (
        ("total_params", total_params(spec.network), facts.total_params),
        ("trainable_params", trainable_params(spec.network), facts.trainable_params),
    )
    require_none(
        Difference(name, actual, expected, facts.evidence[name].where)
        for name, actual, expected in pairs
        if actual != expected
    )


def test_configuration(structure: Comparison) -> None:
    """activations, padding, rates and initializers are the documented ones"""
    require_none(structure.differences("config"), structure.share_right("config"))


def _sequence_differences(structure: Comparison) -> Iterator[Difference]:
    for pair, hint in zip(structure.pairs, sequence_hints(structure), strict=True):
        if pair.status == "missing" and pair.expected_index is not None:
            row = structure.expected[pair.expected_index]
            what = f"layer {pair.expected_index + 1}"
            text = f"missing {what}: {_title(row)}"
            yield Difference(what, "missing", _title(row), _source(row), hint, text)
        elif pair.status == "extra" and pair.actual_index is not None:
            row = structure.actual[pair.actual_index]
            text = f"extra layer: {row.name} ({_title(row)})"
            yield Difference(f"layer {row.name!r}", _title(row), "absent", hint=hint, text=text)
        else:
            yield from pair.differences.get("kind", ())


def _title(row: Row) -> str:
    return f"{row.kind} {row.signature[1]}".strip()


def _source(row: Row) -> str:
    return row.fact.source if row.fact else ""
