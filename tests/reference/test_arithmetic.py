"""Shapes, parameters and FLOPs, worked out by hand beside each expected number."""

import pytest

from reference.errors import UserError
from reference.layers import (
    LAYERS,
    Network,
    Node,
    flops,
    normalise,
    params,
    shapes,
    total_params,
    trainable_params,
    weights,
)


def chain(shape, *layers):
    """A network of layers one after the other, given as (kind, config)."""
    spelled = [("InputLayer", {"shape": shape}, (), True)]
    spelled += [(kind, config, (i,), True) for i, (kind, config) in enumerate(layers)]
    return normalise(spelled)


def last_shape(shape, *layers):
    return shapes(chain(shape, *layers))[-1]


# (kind, configuration, input shape, output shape, parameters, FLOPs)
SINGLE_LAYERS = [
    # Table of document 001: 26 = 28 - 3 + 1; 320 = 3·3·1·32 + 32; (2·9 + 1)·26·26·32 FLOPs
    ("Conv2D", {"filters": 32, "kernel_size": 3}, (28, 28, 1), (26, 26, 32), 320, 411_008),
    # no bias: 2·3·3·1 for each of 26·26·32 values
    (
        "Conv2D",
        {"filters": 32, "kernel_size": 3, "use_bias": False},
        (28, 28, 1),
        (26, 26, 32),
        288,
        389_376,
    ),
    # same, stride 2: ceil(7/2) = 4, ceil(5/2) = 3; 3·2·4·8 + 8 = 200; (2·24 + 1)·4·3·8 = 4704
    (
        "Conv2D",
        {"filters": 8, "kernel_size": (3, 2), "strides": 2, "padding": "same"},
        (7, 5, 4),
        (4, 3, 8),
        200,
        4_704,
    ),
    # valid, stride 2: floor((7-3)/2) + 1 = 3, floor((8-3)/2) + 1 = 3
    ("Conv2D", {"filters": 1, "kernel_size": 3, "strides": 2}, (7, 8, 1), (3, 3, 1), 10, 171),
    # Table of document 001: 5408·128 + 128; (2·5408 + 1)·128 FLOPs
    ("Dense", {"units": 128}, (5408,), (128,), 692_352, 1_384_576),
    # acts on the last axis: 3·5 + 5 = 20; (2·3 + 1)·(4·5) = 140
    ("Dense", {"units": 5}, (4, 3), (4, 5), 20, 140),
    ("MaxPooling2D", {}, (9, 9, 64), (4, 4, 64), 0, 0),
    ("MaxPooling2D", {"padding": "same"}, (9, 9, 64), (5, 5, 64), 0, 0),
    ("MaxPooling2D", {"pool_size": 3}, (9, 9, 2), (3, 3, 2), 0, 0),
    ("AveragePooling2D", {"pool_size": 3, "strides": 1}, (9, 8, 2), (7, 6, 2), 0, 0),
    ("GlobalAveragePooling2D", {}, (7, 5, 3), (3,), 0, 0),
    ("GlobalMaxPooling2D", {}, (7, 5, 3), (3,), 0, 0),
    ("Flatten", {}, (13, 13, 32), (5408,), 0, 0),
    ("Reshape", {"target_shape": (28, -1, 1)}, (784,), (28, 28, 1), 0, 0),
    ("Dropout", {"rate": 0.5}, (128,), (128,), 0, 0),
    ("SpatialDropout2D", {"rate": 0.5}, (4, 4, 2), (4, 4, 2), 0, 0),
    ("BatchNormalization", {}, (14, 14, 64), (14, 14, 64), 256, 0),
    ("BatchNormalization", {"center": False}, (64,), (64,), 192, 0),
    ("LayerNormalization", {}, (4, 10), (4, 10), 20, 0),
    ("LayerNormalization", {"scale": False}, (10,), (10,), 10, 0),
    ("Activation", {"activation": "relu"}, (3, 4), (3, 4), 0, 0),
    ("Rescaling", {"scale": 1 / 255}, (28, 28, 1), (28, 28, 1), 0, 0),
    ("ZeroPadding2D", {"padding": ((1, 2), (3, 4))}, (5, 5, 2), (8, 12, 2), 0, 0),
]


@pytest.mark.parametrize("case", SINGLE_LAYERS, ids=lambda case: case[0])
def test_single_layer(case):
    kind, config, given, output, count, cost = case
    network = chain(given, (kind, config))
    assert shapes(network) == (given, output)
    assert params(network) == (0, count)
    assert flops(network) == (0, cost)


def test_every_kind_is_worked_out():
    shown = {case[0] for case in SINGLE_LAYERS} | {"InputLayer", "Add", "Concatenate"}
    assert shown == set(LAYERS)


def branches(kind, *channels, size=(4, 4)):
    """An image, one 1×1 convolution for each number of channels, all merged by `kind`."""
    layers = [("InputLayer", {"shape": (*size, 1)}, (), True)]
    layers += [("Conv2D", {"filters": n, "kernel_size": 1}, (0,), True) for n in channels]
    layers += [(kind, {}, tuple(range(1, len(layers))), True)]
    return normalise(layers)


def test_add_keeps_the_shape_and_repeats_sizes_of_one():
    assert shapes(branches("Add", 3, 3))[-1] == (4, 4, 3)
    assert shapes(branches("Add", 1, 3, 1))[-1] == (4, 4, 3)


def test_concatenate_adds_up_the_channels():
    assert shapes(branches("Concatenate", 2, 3, 5))[-1] == (4, 4, 10)


def test_weights_have_keras_names_in_keras_order():
    network = chain(
        (8, 8, 2), ("Conv2D", {"filters": 4, "kernel_size": 3}), ("BatchNormalization", {})
    )
    _, conv, norm = weights(network)
    assert [(w.name, w.shape) for w in conv] == [("kernel", (3, 3, 2, 4)), ("bias", (4,))]
    assert [w.name for w in norm] == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert [w.trainable for w in norm] == [True, True, False, False]


def test_running_statistics_and_frozen_layers_are_not_trainable():
    layers = [
        ("InputLayer", {"shape": (10,)}, (), True),
        ("Dense", {"units": 4}, (0,), False),  # 44, frozen
        ("BatchNormalization", {}, (1,), True),  # 16, 8 of them statistics
        ("Dense", {"units": 2}, (2,), True),  # 10
    ]
    network = normalise(layers)
    assert total_params(network) == 44 + 16 + 10
    assert trainable_params(network) == 8 + 10


def test_huge_sizes_are_only_multiplied():
    widest = {"units": 65_536}
    network = chain((4096, 4096, 4096), ("Flatten", {}), ("Dense", widest))
    assert params(network)[-1] == 2**36 * 2**16 + 2**16
    assert flops(network)[-1] == (2 * 2**36 + 1) * 2**16


IMPOSSIBLE = [
    (
        (2, 5, 1),
        ("Conv2D", {"filters": 1, "kernel_size": 3}),
        "a window of 3×3 does not fit into an input of 2×5",
    ),
    ((1, 9, 1), ("MaxPooling2D", {}), "a window of 2×2 does not fit into an input of 1×9"),
    ((9, 1, 1), ("MaxPooling2D", {}), "a window of 2×2 does not fit into an input of 9×1"),
    (
        (784,),
        ("Conv2D", {"filters": 1, "kernel_size": 3}),
        "takes images (height, width, channels), but its input has shape [784]",
    ),
    ((784,), ("SpatialDropout2D", {"rate": 0.1}), "takes images"),
    ((28, 28), ("GlobalMaxPooling2D", {}), "takes images"),
    ((28, 28), ("ZeroPadding2D", {}), "takes images"),
    ((784,), ("Reshape", {"target_shape": (28, 27)}), "cannot hold the 784 values"),
    ((784,), ("Reshape", {"target_shape": (-1, 27)}), "cannot hold the 784 values"),
]


@pytest.mark.parametrize(("given", "layer", "message"), IMPOSSIBLE)
def test_impossible_shape_names_the_layer(given, layer, message):
    network = chain(given, ("Activation", {"activation": "relu"}), layer)
    with pytest.raises(UserError) as error:
        shapes(network)
    assert str(error.value).startswith(f"layer 2 ({layer[0]}): ")
    assert message in str(error.value)


@pytest.mark.parametrize("measure", [weights, params, total_params, trainable_params, flops])
def test_every_measure_reports_an_impossible_shape(measure):
    with pytest.raises(UserError, match=r"layer 1 \(MaxPooling2D\)"):
        measure(chain((1, 1, 1), ("MaxPooling2D", {})))


def test_merged_shapes_have_to_agree():
    with pytest.raises(
        UserError, match=r"layer 3 \(Add\): cannot add inputs of shapes \[4, 4, 2\]"
    ):
        shapes(branches("Add", 2, 3))
    layers = [
        ("InputLayer", {"shape": (4, 4, 1)}, (), True),
        ("MaxPooling2D", {}, (0,), True),
        ("Concatenate", {}, (0, 1), True),
    ]
    with pytest.raises(UserError, match=r"layer 2 \(Concatenate\): cannot concatenate"):
        shapes(normalise(layers))


def test_added_inputs_have_one_rank():
    layers = [
        ("InputLayer", {"shape": (4, 4, 4)}, (), True),
        ("GlobalMaxPooling2D", {}, (0,), True),
        ("Add", {}, (0, 1), True),
    ]
    with pytest.raises(UserError, match=r"layer 2 \(Add\): cannot add .* \[4, 4, 4\], \[4\]"):
        shapes(normalise(layers))


def test_a_network_is_a_value():
    node = Node("InputLayer", {"shape": [4]}, ())
    assert Network((node,)) == Network((Node("InputLayer", {"shape": [4]}, (), True),))
    with pytest.raises(AttributeError):
        node.kind = "Dense"
