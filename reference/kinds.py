"""The table of layers a network may be made of: one row for each kind, nothing else to edit.

Kinds, configuration keys, weight names and defaults are those of Keras 3.15, less whatever does
not change what is computed and learned (names, dtypes, seeds) and whatever we do not support.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from reference import arithmetic as a
from reference.arithmetic import Config, Shape, WeightShape
from reference.errors import UserError
from reference.fields import (
    Field,
    MismatchError,
    boolean,
    borders,
    choice,
    initializer,
    last_axis,
    number,
    pair,
    shown,
    sizes,
    whole,
)

MAX_INPUTS: Final = 64

# The optimizers, each with the learning rate that Keras gives it by default. To add one: a line
# here, its updates in `harness.network.engine.optimizers.OPTIMIZERS` and its class in Keras in
# `tests/network/engine/test_equivalence.py`, which holds all three together. Studies and
# submissions read this table. Where a document uses it, add it to `DOCUMENTED_OPTIMIZERS` and to
# `reference.twin.optimizers.OPTIMIZERS`; tests/reference/test_numpy_twin.py compares the two.
OPTIMIZERS: Final[Mapping[str, float]] = {
    "adam": 0.001,
    "adamw": 0.001,
    "adagrad": 0.001,
    "nadam": 0.001,
    "rmsprop": 0.001,
    "sgd": 0.01,
}
DOCUMENTED_OPTIMIZERS: Final = ("adam", "sgd")
_MAX_PROBLEMS: Final = 5


@dataclass(frozen=True)
class LayerRule:
    """All that is known about one kind of layer.

    Attributes:
        fields: how each configuration key is read.
        output_shape: (config, shapes of the inputs) to the shape of the output.
        weights: (config, shape of the input) to the weight arrays, in Keras's order.
        flops: (config, shapes of the inputs, shape of the output) to FLOPs for one image.
        inputs: fewest and most inputs.
        fuses_activation: Keras lets this layer carry an `activation` of its own.
    """

    fields: Mapping[str, Field] = field(default_factory=dict)
    output_shape: Callable[[Config, Sequence[Shape]], Shape] = a.same_shape
    weights: Callable[[Config, Shape], tuple[WeightShape, ...]] = a.no_weights
    flops: Callable[[Config, Sequence[Shape], Shape], int] = a.no_flops
    inputs: tuple[int, int] = (1, 1)
    fuses_activation: bool = False

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The keys that have no default."""
        return tuple(key for key, rule in self.fields.items() if rule.required)

    @property
    def defaults(self) -> dict[str, Any]:
        """The keys that have a default, with it, in normal form."""
        return {
            key: rule.read(self._given({}, key))
            for key, rule in self.fields.items()
            if not rule.required
        }

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the complete configuration in normal form.

        Raises:
            UserError: unknown or missing keys or bad values, several in one message.
        """
        problems = [
            f"knows no key {shown(key)}; known keys: {', '.join(self.fields) or 'none'}"
            for key in config
            if key not in self.fields
        ]
        result: dict[str, Any] = {}
        for key, rule in self.fields.items():
            if key not in config and rule.required:
                problems.append(f"{key} is missing, but should be {rule.expected}")
                continue
            value = self._given(config, key)
            try:
                result[key] = rule.read(value)
            except MismatchError:
                problems.append(f"{key} = {shown(value)}, but should be {rule.expected}")
        if problems:
            more = len(problems) - _MAX_PROBLEMS
            tail = [f"and {more:,} more"] if more > 0 else []
            raise UserError("; ".join([*problems[:_MAX_PROBLEMS], *tail]))
        return result

    def _given(self, config: Mapping[str, Any], key: str) -> object:
        rule = self.fields[key]
        value = config.get(key, rule.default)
        return self._given(config, rule.same_as) if value is None and rule.same_as else value


ACTIVATION = choice(
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "softsign",
    "sigmoid",
    "hard_sigmoid",
    "hard_silu",
    "tanh",
    "exponential",
    "softmax",
    "log_softmax",
    aliases={"swish": "silu", "hard_swish": "hard_silu"},
)
"""Keras's activation functions by name, each with Keras's own default arguments."""

_PADDING = choice("valid", "same", default="valid")
_RATE = {"rate": number(0, 1, below=True)}
_KERNEL_AND_BIAS = {
    "use_bias": boolean(default=True),
    "kernel_initializer": initializer("GlorotUniform"),
    "bias_initializer": initializer("Zeros"),
}
_POOL = {
    "pool_size": pair(1, 256, default=2),
    "strides": pair(1, 256, default=None, same_as="pool_size"),
    "padding": _PADDING,
}
_NORMALIZATION = {
    "axis": last_axis(),
    "epsilon": number(0, 1, above=True, default=1e-3),
    "center": boolean(default=True),
    "scale": boolean(default=True),
}

LAYERS: Final[Mapping[str, LayerRule]] = {
    "InputLayer": LayerRule(
        fields={"shape": sizes(65_536, rank=4)},
        output_shape=a.declared_shape,
        inputs=(0, 0),
    ),
    "Conv2D": LayerRule(
        fields={
            "filters": whole(1, 4096),
            "kernel_size": pair(1, 256),
            "strides": pair(1, 256, default=1),
            "padding": _PADDING,
            **_KERNEL_AND_BIAS,
        },
        output_shape=a.conv_shape,
        weights=a.conv_weights,
        flops=a.conv_flops,
        fuses_activation=True,
    ),
    "Dense": LayerRule(
        fields={"units": whole(1, 65_536), **_KERNEL_AND_BIAS},
        output_shape=a.dense_shape,
        weights=a.dense_weights,
        flops=a.dense_flops,
        fuses_activation=True,
    ),
    "MaxPooling2D": LayerRule(fields=_POOL, output_shape=a.pool_shape),
    "AveragePooling2D": LayerRule(fields=_POOL, output_shape=a.pool_shape),
    "GlobalAveragePooling2D": LayerRule(output_shape=a.channels_shape),
    "GlobalMaxPooling2D": LayerRule(output_shape=a.channels_shape),
    "Flatten": LayerRule(output_shape=a.flat_shape),
    "Reshape": LayerRule(
        fields={"target_shape": sizes(2**31 - 1, rank=4, inferred=True)},
        output_shape=a.reshaped,
    ),
    "Dropout": LayerRule(fields=_RATE),
    "SpatialDropout2D": LayerRule(fields=_RATE, output_shape=a.image_shape),
    "BatchNormalization": LayerRule(
        fields={"momentum": number(0, 1, default=0.99), **_NORMALIZATION},
        weights=a.batch_weights,
    ),
    "LayerNormalization": LayerRule(fields=_NORMALIZATION, weights=a.scale_weights),
    "Activation": LayerRule(fields={"activation": ACTIVATION}),
    "Rescaling": LayerRule(
        fields={"scale": number(-1e6, 1e6), "offset": number(-1e6, 1e6, default=0.0)}
    ),
    "ZeroPadding2D": LayerRule(
        fields={"padding": borders(256, default=1)}, output_shape=a.padded_shape
    ),
    "Add": LayerRule(output_shape=a.sum_shape, inputs=(2, MAX_INPUTS)),
    "Concatenate": LayerRule(
        fields={"axis": last_axis()}, output_shape=a.joined_shape, inputs=(2, MAX_INPUTS)
    ),
}
