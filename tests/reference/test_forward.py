"""The NumPy forward pass on values small enough to be worked out by hand."""

import math

import numpy as np
import pytest

from reference.activations import ACTIVATIONS
from reference.errors import UserError
from reference.facts import expected_network, load, names
from reference.forward import LAYERS_FORWARD, forward, probe_weights
from reference.kinds import ACTIVATION
from reference.layers import LAYERS, normalise, shapes

NINE = np.arange(1.0, 10).reshape(1, 3, 3, 1)  # 1 2 3 / 4 5 6 / 7 8 9


def apply(kind, config, images, **arrays):
    """The output of one layer on (N, ...) images."""
    images = np.asarray(images, float)
    layers = [("InputLayer", {"shape": images.shape[1:]}, (), True), (kind, config, (0,), True)]
    return forward(normalise(layers), [{}, arrays], images)


def test_every_kind_and_activation_can_be_computed():
    assert set(LAYERS_FORWARD) == set(LAYERS)
    for name in ACTIVATIONS:
        assert ACTIVATION.read(name) == name
    assert f"one of {', '.join(ACTIVATIONS)}" == ACTIVATION.expected


def test_convolution_is_a_correlation_with_bias():
    kernel = np.array([[1.0, 0], [0, -2]]).reshape(2, 2, 1, 1)
    out = apply("Conv2D", {"filters": 1, "kernel_size": 2}, NINE, kernel=kernel, bias=[100.0])
    # 1 - 2·5, 2 - 2·6, 4 - 2·8, 5 - 2·9
    assert out[0, ..., 0].tolist() == [[91, 90], [88, 87]]


def test_convolution_sums_over_channels_into_each_filter():
    image = np.array([2.0, 3.0]).reshape(1, 1, 1, 2)
    kernel = np.array([[1.0, 10, 100], [5, 50, 500]]).reshape(1, 1, 2, 3)
    out = apply("Conv2D", {"filters": 3, "kernel_size": 1, "use_bias": False}, image, kernel=kernel)
    assert out.ravel().tolist() == [17, 170, 1700]


def test_same_padding_puts_the_odd_row_and_column_below_and_right():
    config = {"filters": 1, "kernel_size": 2, "padding": "same", "use_bias": False}
    out = apply("Conv2D", config, NINE, kernel=np.ones((2, 2, 1, 1)))
    assert out[0, ..., 0].tolist() == [[12, 16, 9], [24, 28, 15], [15, 17, 9]]


def test_same_padding_with_strides_depends_on_what_is_missing():
    row = np.arange(1.0, 7).reshape(1, 1, 6, 1)
    config = {"filters": 1, "kernel_size": 3, "strides": 2, "padding": "same", "use_bias": False}
    out = apply("Conv2D", config, row, kernel=np.ones((3, 3, 1, 1)))
    # three windows of 3 reach over 7 columns: one is missing, and it is on the right
    assert out.ravel().tolist() == [1 + 2 + 3, 3 + 4 + 5, 5 + 6]


def test_convolution_with_strides_and_two_images():
    images = np.concatenate([NINE, 10 * NINE])
    config = {"filters": 1, "kernel_size": 1, "strides": 2, "use_bias": False}
    out = apply("Conv2D", config, images, kernel=np.ones((1, 1, 1, 1)))
    assert out[..., 0].tolist() == [[[1, 3], [7, 9]], [[10, 30], [70, 90]]]


def test_dense():
    kernel = [[1.0, 2], [3, 4], [5, 6]]
    out = apply("Dense", {"units": 2}, [[1, 2, 3]], kernel=kernel, bias=[0.5, -0.5])
    assert out.tolist() == [[22.5, 27.5]]


def test_dense_acts_on_the_last_axis():
    out = apply("Dense", {"units": 1}, [[[1, 2], [3, 4]]], kernel=[[1.0], [10]], bias=[0.0])
    assert out.tolist() == [[[21], [43]]]


@pytest.mark.parametrize(
    ("kind", "padding", "expected"),
    [
        ("MaxPooling2D", "valid", [[5]]),
        ("MaxPooling2D", "same", [[5, 6], [8, 9]]),
        ("AveragePooling2D", "valid", [[3]]),
        # only the pixels inside the image count: (3 + 6) / 2, (7 + 8) / 2, 9 / 1
        ("AveragePooling2D", "same", [[3, 4.5], [7.5, 9]]),
    ],
)
def test_pooling(kind, padding, expected):
    assert apply(kind, {"padding": padding}, NINE)[0, ..., 0].tolist() == expected


def test_max_pooling_of_negative_values_is_not_won_by_the_border():
    out = apply("MaxPooling2D", {"padding": "same"}, -NINE)
    assert out[0, ..., 0].tolist() == [[-1, -3], [-7, -9]]


def test_global_pooling_keeps_channels_apart():
    image = np.concatenate([NINE, -NINE], axis=-1)
    assert apply("GlobalAveragePooling2D", {}, image).tolist() == [[5, -5]]
    assert apply("GlobalMaxPooling2D", {}, image).tolist() == [[9, -1]]


def test_flatten_and_reshape_go_row_by_row():
    assert apply("Flatten", {}, NINE).tolist() == [list(range(1, 10))]
    assert apply("Reshape", {"target_shape": (-1, 1)}, NINE).ravel().tolist() == list(range(1, 10))


@pytest.mark.parametrize("kind", ["Dropout", "SpatialDropout2D"])
def test_dropout_does_nothing(kind):
    assert apply(kind, {"rate": 0.9}, NINE).tolist() == NINE.tolist()


def test_batch_normalization_uses_its_running_statistics():
    arrays = {"gamma": [3.0], "beta": [1.0], "moving_mean": [2.0], "moving_variance": [3.0]}
    out = apply("BatchNormalization", {"epsilon": 1.0}, [[6.0]], **arrays)
    assert out.tolist() == [[3 * (6 - 2) / 2 + 1]]


def test_batch_normalization_without_scale_and_centre():
    arrays = {"moving_mean": [2.0], "moving_variance": [3.0]}
    config = {"epsilon": 1.0, "center": False, "scale": False}
    assert apply("BatchNormalization", config, [[6.0]], **arrays).tolist() == [[2]]


def test_layer_normalization_uses_each_images_own_statistics():
    arrays = {"gamma": [2.0, 2], "beta": [1.0, 0]}
    out = apply("LayerNormalization", {"epsilon": 0.75}, [[1.0, 2], [5, 5]], **arrays)
    # mean 1.5, variance 0.25: (1 - 1.5) / sqrt(0.25 + 0.75) = -0.5
    assert out.tolist() == [[0, 1], [1, 0]]


def test_rescaling_and_zero_padding():
    assert apply("Rescaling", {"scale": 2, "offset": -1}, [[3.0]]).tolist() == [[5]]
    out = apply("ZeroPadding2D", {"padding": ((1, 0), (0, 2))}, [[[[7.0]]]])
    assert out[0, ..., 0].tolist() == [[0, 0, 0], [7, 0, 0]]


def test_add_and_concatenate():
    layers = [
        ("InputLayer", {"shape": (2,)}, (), True),
        ("Rescaling", {"scale": 10}, (0,), True),
        ("Add", {}, (0, 1, 1), True),
        ("Concatenate", {}, (1, 2, 0), True),
    ]
    assert forward(normalise(layers), [{}] * 4, [[1.0, 2]]).tolist() == [[10, 20, 21, 42, 1, 2]]


# Textbook values at -1 and 2
VALUES = {
    "linear": (-1, 2),
    "relu": (0, 2),
    "leaky_relu": (-0.2, 2),
    "elu": (math.exp(-1) - 1, 2),
    "selu": (1.0507009873554805 * 1.6732632423543772 * (math.exp(-1) - 1), 2 * 1.0507009873554805),
    "gelu": (-0.15865525393145707, 1.9544997361036416),  # x · Φ(x) with Φ(-1), Φ(2) from a table
    "silu": (-1 / (1 + math.e), 2 / (1 + math.exp(-2))),
    "mish": (-math.tanh(math.log1p(math.exp(-1))), 2 * math.tanh(math.log1p(math.exp(2)))),
    "softplus": (math.log1p(math.exp(-1)), math.log1p(math.exp(2))),
    "softsign": (-0.5, 2 / 3),
    "sigmoid": (1 / (1 + math.e), 1 / (1 + math.exp(-2))),
    "hard_sigmoid": (1 / 3, 5 / 6),
    "hard_silu": (-1 / 3, 5 / 3),
    "tanh": (math.tanh(-1), math.tanh(2)),
    "exponential": (math.exp(-1), math.exp(2)),
    "relu6": (0, 2),
    "softmax": (1 / (1 + math.exp(3)), 1 / (1 + math.exp(-3))),
    "log_softmax": (-math.log1p(math.exp(3)), -math.log1p(math.exp(-3))),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name):
    out = ACTIVATIONS[name](np.array([[-1.0, 2.0]]))
    assert out[0] == pytest.approx(VALUES[name], rel=1e-12)  # float64 rounding of a few operations


def test_an_activation_layer_applies_its_activation():
    assert apply("Activation", {"activation": "relu"}, [[-1.0, 2.0]]).tolist() == [[0, 2]]


def test_relu6_and_the_hard_sigmoids_end():
    assert ACTIVATIONS["relu6"](np.array([7.0])) == 6
    assert ACTIVATIONS["hard_sigmoid"](np.array([-4.0, 4])).tolist() == [0, 1]
    assert ACTIVATIONS["hard_silu"](np.array([-4.0, 4])).tolist() == [0, 4]


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"exponential"}))
def test_activation_of_large_values_does_not_overflow(name):
    with np.errstate(all="raise", under="ignore"):
        assert np.isfinite(ACTIVATIONS[name](np.array([[-1e4, 0.0, 1e4]]))).all()


# Whole networks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names())
def test_probed_networks_give_probabilities_that_differ_between_images(name):
    network = expected_network(load(name))
    images = np.random.default_rng(0).random((3, *shapes(network)[0]))
    out = forward(network, probe_weights(network, seed=1), images)
    assert out.shape == (3, 10)
    assert out.sum(axis=1) == pytest.approx(1)
    assert np.ptp(out, axis=0).max() > 0.001
    # Order one: no class has all of the probability, so nothing is hidden by saturation.
    assert out.max() < 0.999


def test_probes_depend_on_the_seed_and_nothing_else():
    network = expected_network(load("functional_cnn"))
    first, again, other = (probe_weights(network, seed) for seed in (1, 1, 2))
    for a, b, c in zip(first, again, other, strict=True):
        for name, array in a.items():
            assert array.dtype == np.float32
            assert (array == b[name]).all()
            assert not (array == c[name]).all()


def test_probes_leave_no_term_trivial():
    network = expected_network(load("functional_cnn"))
    weights = probe_weights(network, seed=0)
    assert all(np.abs(layer["bias"]).min() > 0 for layer in weights if "bias" in layer)
    norm = weights[2]
    assert list(norm) == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert norm["moving_variance"].min() >= 0.5
    assert norm["moving_variance"].max() <= 2
    assert norm["moving_variance"].std() > 0.1
    assert abs(norm["gamma"].mean() - 1) < 0.2


MUTANTS = {
    "average pooling": ("MaxPooling2D", "AveragePooling2D", {}),
    "no activation": ("Activation", "Activation", {"activation": "linear"}),
    "tanh": ("Activation", "Activation", {"activation": "tanh"}),
    "another epsilon": ("BatchNormalization", "BatchNormalization", {"epsilon": 0.1}),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_probe_tells_similar_networks_apart(mutant):
    kind, other, change = MUTANTS[mutant]
    network = expected_network(load("functional_cnn"))
    index = next(i for i, node in enumerate(network.nodes) if node.kind == kind)
    changed = [
        (other, {**n.config, **change}, n.inputs, True)
        if i == index
        else (n.kind, n.config, n.inputs, True)
        for i, n in enumerate(network.nodes)
    ]
    images = np.random.default_rng(0).random((4, 28, 28, 1))
    weights = probe_weights(network, seed=0)
    mutated = normalise(changed)
    if len(mutated.nodes) < len(network.nodes):
        weights_of_mutant = weights[:index] + weights[index + 1 :]
    else:
        weights_of_mutant = weights
    difference = forward(network, weights, images) - forward(mutated, weights_of_mutant, images)
    # Ten times what float32 could blur (1e-4, see test_reference_against_keras.py).
    assert np.abs(difference).max() > 1e-3


def test_many_images_are_as_many_single_ones():
    network = expected_network(load("mlp_64_32"))
    weights = probe_weights(network, seed=0)
    images = np.random.default_rng(0).random((130, 784))
    together = forward(network, weights, images)
    assert together.shape == (130, 10)
    alone = np.concatenate([forward(network, weights, image[None]) for image in images])
    # Matrix products of other sizes add in another order: rounding of float64.
    assert together == pytest.approx(alone, rel=1e-12)


def test_no_images_give_no_outputs():
    network = expected_network(load("mlp_64_32"))
    assert forward(network, probe_weights(network, 0), np.zeros((0, 784))).shape == (0, 10)


def test_images_of_another_shape_are_refused():
    network = expected_network(load("functional_cnn"))
    with pytest.raises(
        UserError, match=r"images.shape = \(2, 784\), but should be \(N, 28, 28, 1\)"
    ):
        forward(network, probe_weights(network, 0), np.zeros((2, 784)))


def test_weights_of_another_shape_are_refused():
    network = expected_network(load("mlp_64_32"))
    weights = probe_weights(network, 0)
    images = np.zeros((1, 784))
    with pytest.raises(UserError, match="weights for 6 layers, but should be for 7"):
        forward(network, weights[:-1], images)
    broken = [*weights[:3], {**weights[3], "bias": np.zeros(33)}, *weights[4:]]
    with pytest.raises(
        UserError, match=r"layer 3 \(Dense\): weights .*'bias': \(33,\).* should be"
    ):
        forward(network, broken, images)
    with pytest.raises(UserError, match=r"layer 3 \(Dense\): weights"):
        forward(network, [*weights[:3], {"kernel": weights[3]["kernel"]}, *weights[4:]], images)
