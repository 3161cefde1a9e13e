"""Shapes, weights and FLOPs of each kind of layer, by arithmetic on Python integers.

Nothing here allocates an array, so a network of any size can be measured before it is built.
Shapes have no batch axis; images are (height, width, channels).

FLOPs count one forward pass of one image: two for each multiply-add of a convolution or dense
layer and one for each bias added, everything else none. This is what TensorFlow's profiler
reports for Conv2D, MatMul and BiasAdd, and the rest is a few percent of it in these networks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from reference.errors import UserError

Shape = tuple[int, ...]
Config = Mapping[str, Any]


@dataclass(frozen=True)
class WeightShape:
    """One weight array of a layer, under Keras's own name."""

    name: str
    shape: Shape
    trainable: bool = True

    @property
    def size(self) -> int:
        """The number of values."""
        return prod(self.shape)


# Output shapes: (config, shapes of the inputs) -> shape ----------------------------------------


def declared_shape(config: Config, _: Sequence[Shape]) -> Shape:
    """InputLayer: the shape it declares."""
    return tuple(config["shape"])


def same_shape(_: Config, inputs: Sequence[Shape]) -> Shape:
    """Layers that work element by element."""
    return inputs[0]


def image_shape(_: Config, inputs: Sequence[Shape]) -> Shape:
    """Layers that work element by element, but on images only."""
    return _image(inputs[0])


def conv_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    """Conv2D: one channel for each filter."""
    height, width = _windows(inputs[0], config["kernel_size"], config)
    return height, width, config["filters"]


def pool_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    """Max and average pooling: channels are kept."""
    height, width = _windows(inputs[0], config["pool_size"], config)
    return height, width, inputs[0][2]


def channels_shape(_: Config, inputs: Sequence[Shape]) -> Shape:
    """Global pooling: one number for each channel."""
    return (_image(inputs[0])[2],)


def dense_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    """Dense acts on the last axis and keeps the others."""
    return (*inputs[0][:-1], config["units"])


def flat_shape(_: Config, inputs: Sequence[Shape]) -> Shape:
    """Flatten: all values in one row."""
    return (prod(inputs[0]),)


def reshaped(config: Config, inputs: Sequence[Shape]) -> Shape:
    """Reshape: the target shape, its -1 worked out from the number of values."""
    target, values = config["target_shape"], prod(inputs[0])
    known = prod(size for size in target if size != -1)
    result = tuple(values // known if size == -1 else size for size in target)
    if prod(result) != values:
        raise UserError(
            f"target_shape = {target} cannot hold the {values} values of an input of shape "
            f"{list(inputs[0])}"
        )
    return result


def padded_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    """ZeroPadding2D: rows and columns added on each side."""
    height, width, channels = _image(inputs[0])
    rows, columns = config["padding"]
    return height + sum(rows), width + sum(columns), channels


def sum_shape(_: Config, inputs: Sequence[Shape]) -> Shape:
    """Add: inputs of one rank, each size equal or 1 (repeated)."""
    sizes = [set(column) - {1} for column in zip(*inputs, strict=False)]
    if len({len(shape) for shape in inputs}) > 1 or any(len(size) > 1 for size in sizes):
        raise UserError(f"cannot add inputs of shapes {_listed(inputs)}; expected equal shapes")
    return tuple(size.pop() if size else 1 for size in sizes)


def joined_shape(_: Config, inputs: Sequence[Shape]) -> Shape:
    """Concatenate: inputs that differ in their last axis only."""
    if len({shape[:-1] for shape in inputs}) > 1:
        raise UserError(
            f"cannot concatenate inputs of shapes {_listed(inputs)}; expected shapes that differ "
            "in the last axis only"
        )
    return (*inputs[0][:-1], sum(shape[-1] for shape in inputs))


# Weights: (config, shape of the input) -> arrays, in Keras's order -----------------------------


def no_weights(_config: Config, _input_shape: Shape) -> tuple[WeightShape, ...]:
    """Layers that learn nothing."""
    return ()


def conv_weights(config: Config, input_shape: Shape) -> tuple[WeightShape, ...]:
    """Conv2D: kernel (rows, columns, channels in, filters) and bias (filters,)."""
    filters = config["filters"]
    kernel = WeightShape("kernel", (*config["kernel_size"], input_shape[-1], filters))
    return (kernel, *_bias(config, filters))


def dense_weights(config: Config, input_shape: Shape) -> tuple[WeightShape, ...]:
    """Dense: kernel (values in, units) and bias (units,)."""
    units = config["units"]
    return (WeightShape("kernel", (input_shape[-1], units)), *_bias(config, units))


def scale_weights(config: Config, input_shape: Shape) -> tuple[WeightShape, ...]:
    """LayerNormalization: gamma and beta for each channel, where it scales and centres."""
    shape = input_shape[-1:]
    gamma = (WeightShape("gamma", shape),) if config["scale"] else ()
    beta = (WeightShape("beta", shape),) if config["center"] else ()
    return gamma + beta


def batch_weights(config: Config, input_shape: Shape) -> tuple[WeightShape, ...]:
    """BatchNormalization: gamma, beta and two running statistics that are not trained."""
    return (
        *scale_weights(config, input_shape),
        WeightShape("moving_mean", input_shape[-1:], trainable=False),
        WeightShape("moving_variance", input_shape[-1:], trainable=False),
    )


# FLOPs: (config, shapes of the inputs, shape of the output) -> count ---------------------------


def no_flops(_config: Config, _inputs: Sequence[Shape], _output: Shape) -> int:
    """Layers that are left out of the count."""
    return 0


def conv_flops(config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    """Each output value is a dot product over one window of all input channels."""
    return _dot_products(prod(config["kernel_size"]) * inputs[0][-1], config, output)


def dense_flops(config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    """Each output value is a dot product over the last axis of the input."""
    return _dot_products(inputs[0][-1], config, output)


def _dot_products(length: int, config: Config, output: Shape) -> int:
    each = 2 * length + (1 if config["use_bias"] else 0)
    return each * prod(output)


def _bias(config: Config, size: int) -> tuple[WeightShape, ...]:
    return (WeightShape("bias", (size,)),) if config["use_bias"] else ()


def _image(shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise UserError(
            f"takes images (height, width, channels), but its input has shape {list(shape)}"
        )
    height, width, channels = shape
    return height, width, channels


def _windows(shape: Shape, window: Sequence[int], config: Config) -> tuple[int, int]:
    """How many windows fit down and across: ceil(n / stride) same, floor((n - k) / stride) + 1."""
    height, width, _ = _image(shape)
    (rows, columns), (down, across) = window, config["strides"]
    if config["padding"] == "same":
        return -(-height // down), -(-width // across)
    if rows > height or columns > width:
        raise UserError(
            f"a window of {rows}×{columns} does not fit into an input of {height}×{width} with "
            "padding = 'valid'; use a smaller window, less pooling before it, or padding = 'same'"
        )
    return (height - rows) // down + 1, (width - columns) // across + 1


def _listed(shapes: Sequence[Shape]) -> str:
    return ", ".join(str(list(shape)) for shape in shapes)
