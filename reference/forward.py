"""What a network computes, in float64 NumPy, written from the definitions of its layers.

It shares no code with any framework, so that agreement with one means something. Everything is
in inference mode: dropout does nothing, batch normalization uses its running statistics.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from reference.activations import ACTIVATIONS, Array
from reference.errors import UserError
from reference.layers import Config, Network, Shape, weights

Arrays = Mapping[str, Array]

# A convolution unrolls its windows; 64 images of the documented networks then take < 100 MB.
_IMAGES_AT_ONCE: Final = 64


def forward(
    network: Network, arrays: Sequence[Mapping[str, ArrayLike]], images: ArrayLike
) -> Array:
    """Returns the network's output for each image.

    Args:
        network: in normal form.
        arrays: for each node its weights by Keras's names; empty where it has none.
        images: (N, *input shape), as the network takes them: pixels already scaled.

    Returns:
        (N, *output shape), float64.

    Raises:
        UserError: a weight or the images have another shape than the network's.
    """
    inputs = np.asarray(images, np.float64)
    shape = tuple(network.nodes[0].config["shape"])
    if inputs.shape[1:] != shape:
        raise UserError(f"images.shape = {inputs.shape}, but should be (N, {str(shape)[1:]}")
    values = _checked(network, arrays)
    starts = range(0, max(len(inputs), 1), _IMAGES_AT_ONCE)
    return np.concatenate([_run(network, values, inputs[i : i + _IMAGES_AT_ONCE]) for i in starts])


def probe_weights(network: Network, seed: int) -> list[dict[str, NDArray[np.float32]]]:
    """Returns random weights for every node, in the form that `forward` takes.

    No bias is zero and no running statistic trivial, so that every term of every formula shows
    in the output. Kernels are scaled by their number of inputs (He et al. 2015, eq. 10), so that
    values stay of order one through all layers and no activation saturates.
    """
    rng = np.random.default_rng(seed)
    return [
        {
            weight.name: _PROBES[weight.name](rng, weight.shape).astype(np.float32)
            for weight in layer
        }
        for layer in weights(network)
    ]


def _run(network: Network, arrays: Sequence[Arrays], images: Array) -> Array:
    outputs: list[Array] = []
    for node, own in zip(network.nodes, arrays, strict=True):
        inputs = [outputs[i] for i in node.inputs] or [images]
        outputs.append(LAYERS_FORWARD[node.kind](node.config, own, inputs))
    return outputs[-1]


def _checked(network: Network, arrays: Sequence[Mapping[str, ArrayLike]]) -> list[Arrays]:
    """Returns the weights as float64 after comparing names and shapes with arithmetic's."""
    expected = weights(network)
    if len(arrays) != len(expected):
        raise UserError(f"weights for {len(arrays)} layers, but should be for {len(expected)}")
    result: list[Arrays] = []
    for index, (node, own, layer) in enumerate(zip(network.nodes, arrays, expected, strict=True)):
        values = {name: np.asarray(array, np.float64) for name, array in own.items()}
        actual = {name: array.shape for name, array in values.items()}
        should_be = {weight.name: weight.shape for weight in layer}
        if actual != should_be:
            raise UserError(
                f"layer {index} ({node.kind}): weights {actual}, but should be {should_be}"
            )
        result.append(values)
    return result


# Layers: (config, weights, inputs) -> output, all with the batch axis first --------------------


def _identity(_config: Config, _arrays: Arrays, inputs: Sequence[Array]) -> Array:
    return inputs[0]


def _conv2d(config: Config, arrays: Arrays, inputs: Sequence[Array]) -> Array:
    """out[n,y,x,f] = bias[f] + Σ_ijc image[n, y·s+i, x·s+j, c] · kernel[i,j,c,f]."""
    windows = _windows(inputs[0], config["kernel_size"], config, fill=0.0)
    # (N, H, W, C, i, j) with (i, j, C, F): over channels, rows and columns of each window.
    return _biased(np.tensordot(windows, arrays["kernel"], ([3, 4, 5], [2, 0, 1])), arrays)


def _dense(_config: Config, arrays: Arrays, inputs: Sequence[Array]) -> Array:
    return _biased(inputs[0] @ arrays["kernel"], arrays)


def _max_pool(config: Config, _arrays: Arrays, inputs: Sequence[Array]) -> Array:
    # Filled with -inf, the border that 'same' adds never wins.
    windows = _windows(inputs[0], config["pool_size"], config, fill=-np.inf)
    return np.asarray(windows.max(axis=(4, 5)))


def _average_pool(config: Config, _arrays: Arrays, inputs: Sequence[Array]) -> Array:
    """The mean over the part of each window that lies inside the image, as TensorFlow has it."""
    image = inputs[0]
    total = _windows(image, config["pool_size"], config, fill=0.0).sum(axis=(4, 5))
    inside = _windows(np.ones_like(image[:1]), config["pool_size"], config, fill=0.0)
    return np.asarray(total / inside.sum(axis=(4, 5)))


def _global_average(_config: Config, _arrays: Arrays, inputs: Sequence[Array]) -> Array:
    return np.asarray(inputs[0].mean(axis=(1, 2)))


def _global_max(_config: Config, _arrays: Arrays, inputs: Sequence[Array]) -> Array:
    return np.asarray(inputs[0].max(axis=(1, 2)))


def _flatten(_config: Config, _arrays: Arrays, inputs: Sequence[Array]) -> Array:
    return inputs[0].reshape(len(inputs[0]), prod(inputs[0].shape[1:]))


def _reshape(config: Config, _arrays: Arrays, inputs: Sequence[Array]) -> Array:
    return inputs[0].reshape(len(inputs[0]), *config["target_shape"])


def _batch_normalization(config: Config, arrays: Arrays, inputs: Sequence[Array]) -> Array:
    mean, variance = arrays["moving_mean"], arrays["moving_variance"]
    return _scaled((inputs[0] - mean) / np.sqrt(variance + config["epsilon"]), arrays)


def _layer_normalization(config: Config, arrays: Arrays, inputs: Sequence[Array]) -> Array:
    mean = inputs[0].mean(axis=-1, keepdims=True)
    variance = inputs[0].var(axis=-1, keepdims=True)
    return _scaled((inputs[0] - mean) / np.sqrt(variance + config["epsilon"]), arrays)


def _activation(config: Config, _arrays: Arrays, inputs: Sequence[Array]) -> Array:
    return ACTIVATIONS[config["activation"]](inputs[0])


def _rescaling(config: Config, _arrays: Arrays, inputs: Sequence[Array]) -> Array:
    scale, offset = float(config["scale"]), float(config["offset"])
    return inputs[0] * scale + offset


def _zero_padding(config: Config, _arrays: Arrays, inputs: Sequence[Array]) -> Array:
    rows, columns = config["padding"]
    return np.pad(inputs[0], ((0, 0), rows, columns, (0, 0)))


def _add(_config: Config, _arrays: Arrays, inputs: Sequence[Array]) -> Array:
    return np.asarray(functools.reduce(np.add, inputs))


def _concatenate(config: Config, _arrays: Arrays, inputs: Sequence[Array]) -> Array:
    return np.concatenate(inputs, axis=config["axis"])


LAYERS_FORWARD: Final[Mapping[str, Callable[[Config, Arrays, Sequence[Array]], Array]]] = {
    "InputLayer": _identity,
    "Conv2D": _conv2d,
    "Dense": _dense,
    "MaxPooling2D": _max_pool,
    "AveragePooling2D": _average_pool,
    "GlobalAveragePooling2D": _global_average,
    "GlobalMaxPooling2D": _global_max,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Dropout": _identity,
    "SpatialDropout2D": _identity,
    "BatchNormalization": _batch_normalization,
    "LayerNormalization": _layer_normalization,
    "Activation": _activation,
    "Rescaling": _rescaling,
    "ZeroPadding2D": _zero_padding,
    "Add": _add,
    "Concatenate": _concatenate,
}


def _windows(image: Array, size: Sequence[int], config: Config, fill: float) -> Array:
    """Returns all windows of an image: (N, H, W, C) to (N, H', W', C, rows, columns), a view.

    With 'same', the border is split in two and the odd row or column goes to the bottom or right.
    """
    (rows, columns), (down, across) = size, config["strides"]
    if config["padding"] == "same":
        borders = (_border(image.shape[1], rows, down), _border(image.shape[2], columns, across))
        image = np.pad(image, ((0, 0), *borders, (0, 0)), constant_values=fill)
    windows = sliding_window_view(image, (rows, columns), axis=(1, 2))
    return np.asarray(windows[:, ::down, ::across])


def _border(size: int, window: int, stride: int) -> tuple[int, int]:
    steps = -(-size // stride)
    missing = max((steps - 1) * stride + window - size, 0)
    return missing // 2, missing - missing // 2


def _biased(values: Array, arrays: Arrays) -> Array:
    return values + arrays["bias"] if "bias" in arrays else values


def _scaled(values: Array, arrays: Arrays) -> Array:
    return values * arrays.get("gamma", np.float64(1)) + arrays.get("beta", np.float64(0))


# Random weights, by name ------------------------------------------------------------------------


def _he(rng: np.random.Generator, shape: Shape) -> Array:
    return rng.normal(0.0, np.sqrt(2.0 / prod(shape[:-1])), shape)


def _between(low: float, high: float) -> Callable[[np.random.Generator, Shape], Array]:
    return lambda rng, shape: rng.uniform(low, high, shape)


_PROBES: Final[Mapping[str, Callable[[np.random.Generator, Shape], Array]]] = {
    "kernel": _he,
    "bias": _between(-0.5, 0.5),
    "gamma": _between(0.5, 1.5),
    "beta": _between(-0.5, 0.5),
    "moving_mean": _between(-0.5, 0.5),
    "moving_variance": _between(0.5, 2.0),
}
