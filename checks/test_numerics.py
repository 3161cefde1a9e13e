"""Does the network compute what the document describes?

The expected outputs come from the documented network, computed by NumPy in float64 without Keras.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.data import Dataset
from harness.evaluation.checking import require_none
from harness.jobs.store.record import PROBE_IMAGES, PROBE_SEED, Record
from harness.network.difference import Difference
from harness.network.spec import Spec
from reference.errors import UserError
from reference.facts import Facts, expected_network
from reference.forward import forward, probe_weights
from reference.layers import Network, flops, params, shapes, total_params, trainable_params
from reference.layers import weights as weight_shapes

# For float32 sums of some thousand terms, compared with float64; probabilities are at most 1.
TOLERANCE = 1e-4


def test_forward_trained(record: Record, facts: Facts, dataset: Dataset) -> None:
    """with its trained weights the network computes what the document describes"""
    _require("trained", record, facts, dataset)


def test_forward_random(record: Record, facts: Facts, dataset: Dataset) -> None:
    """with random weights and batch statistics the network computes what the document describes"""
    _require("random", record, facts, dataset)


def test_probabilities(record: Record) -> None:
    """every prediction consists of ten probabilities that add up to one"""
    predictions = record.predictions.astype(np.float64)
    worst_sum = float(np.abs(predictions.sum(axis=1) - 1).max())
    found = [
        ("number of classes", predictions.shape[1], 10, predictions.shape[1] == 10),
        ("smallest prediction", float(predictions.min()), "at least 0", predictions.min() >= 0),
        ("largest deviation of a sum from 1", worst_sum, "at most 1e-05", worst_sum <= 1e-5),
    ]
    hint = "softmax as the last activation gives probabilities"
    require_none(
        Difference(what, actual, expected, hint=hint)
        for what, actual, expected, passed in found
        if not passed
    )


def test_arithmetic(record: Record, spec: Spec) -> None:
    """Keras and TensorFlow report the shapes, parameters and FLOPs that arithmetic gives"""
    keras = record.document["keras"]
    network = spec.network
    pairs = {
        "output_shapes": [list(shape) for shape in shapes(network)],
        "params": list(params(network)),
        "total_params": total_params(network),
        "trainable_params": trainable_params(network),
        "flops": sum(flops(network)),
    }
    require_none(
        Difference(what, keras[what], expected, "arithmetic")
        for what, expected in pairs.items()
        if keras[what] != expected
    )


# By run, architecture and weights: identical submissions share a run, and are compared once.
_known: dict[tuple[str, str, str], tuple[Difference, ...]] = {}


def _require(weights: str, record: Record, facts: Facts, dataset: Dataset) -> None:
    __tracebackhide__ = True
    key = (record.key, facts.name, weights)
    if key not in _known:
        _known[key] = tuple(_differences(weights, record, facts, dataset))
    require_none(_known[key])


def _differences(
    which: str, record: Record, facts: Facts, dataset: Dataset
) -> Iterator[Difference]:
    network = expected_network(facts)
    weights, actual = _evidence(which, record, network)
    images = dataset.test_images[:PROBE_IMAGES] / np.float64(record.recipe["pixel_max"])
    try:
        # Only layers with weights are matched: an extra layer without weights changes no weights.
        carried = (arrays for arrays in weights if arrays)
        fitted = tuple(next(carried, {}) if shapes else {} for shapes in weight_shapes(network))
        if next(carried, None):
            raise UserError("more layers with weights than are documented")
        expected = forward(network, fitted, images.reshape(-1, *facts.input_shape))
    except (UserError, IndexError, KeyError, ValueError) as error:
        hint = f"the weights do not fit the documented layers ({error}); see the structure checks"
        yield Difference("network", "a different one", "the documented one", hint=hint)
        return
    if expected.shape != actual.shape:
        yield Difference("outputs.shape", actual.shape, expected.shape)
        return
    distance = np.abs(expected - actual).max(axis=1)
    if not distance.max() <= TOLERANCE:
        image = int(distance.argmax())
        hint = (
            f"test image {image} differs most; a wrong activation, pooling, padding or order of "
            "layers can cause this"
        )
        limit = f"at most {TOLERANCE:g}"
        yield Difference("distance from the reference", float(distance.max()), limit, hint=hint)


def _evidence(
    which: str, record: Record, network: Network
) -> tuple[Sequence[Mapping[str, NDArray[np.float32]]], NDArray[np.float32]]:
    """Returns the weights, and the outputs that Keras computed with them."""
    if which == "trained":
        return record.weights, record.trained_outputs
    return probe_weights(network, PROBE_SEED), record.random_outputs
