"""Networks, recipes and data that are wrong in one way each, and what must be said about them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.support.check_runner import HONEST, Change

Edit = tuple[str, str]


@dataclass(frozen=True)
class Mutant:
    """One mistake.

    Attributes:
        edits: old and new texts in models/<architecture>.py.
        fails: every check that must fail; all others that can be run must pass.
        check: the one of them that states the reason.
        reason: regular expression for its message.
        change: of the recipe or the training labels.
        unsure: checks that this mistake fails or not, as training happens to go.
    """

    name: str
    architecture: str
    edits: tuple[Edit, ...]
    fails: frozenset[str]
    check: str
    reason: str
    change: Change = HONEST
    unsure: frozenset[str] = frozenset()


def _network(
    name: str, architecture: str, edits: Edit | tuple[Edit, ...], fails: set[str],
    check: str, reason: str, unsure: set[str] = frozenset(),
) -> Mutant:  # fmt: skip
    pairs = edits if isinstance(edits[0], tuple) else (edits,)
    return Mutant(
        name, architecture, pairs, frozenset(fails), check, reason, unsure=frozenset(unsure)
    )


def _recipe(name: str, architecture: str, key: str, value: Any, reason: str, *more: str) -> Mutant:
    fails = frozenset({"recipe", *more})
    return Mutant(
        name, architecture, (), fails, "recipe", reason, Change(recipe={key: value}),
        unsure=frozenset({"loss_falls", *LEARNING}),
    )  # fmt: skip


def _labels(
    name: str, architecture: str, change: Callable[[Any], Any], fails: set[str],
    check: str, reason: str,
) -> Mutant:  # fmt: skip
    return Mutant(name, architecture, (), frozenset(fails), check, reason, Change(labels=change))


def _next_digit(labels: Any) -> Any:
    return (labels + 1) % 10


def _shuffled(labels: Any) -> Any:
    return np.random.default_rng(0).permutation(labels)


# The reference network computes something else.
FORWARD = {"forward_trained", "forward_random"}
# Nothing is learned, or nothing that helps on the true test labels.
LEARNING = {"learns", "accuracy_gate"}
COUNTS = {"layer_parameters", "total_parameters"}

SEQUENTIAL = (
    _network(
        "no activation after the convolution", "sequential_cnn",
        ('(3, 3), activation="relu", name="conv"', '(3, 3), name="conv"'),
        {"configuration", *FORWARD},
        "configuration", r"^conv\.activation = linear, but should be relu \[",
    ),
    _network(
        "same padding", "sequential_cnn",
        ('name="conv"', 'padding="same", name="conv"'),
        {"output_shapes", "configuration", *COUNTS, *FORWARD},
        "configuration", r"^conv\.padding = same, but should be valid \[",
    ),
    _network(
        "average instead of max pooling", "sequential_cnn",
        ("MaxPooling2D", "AveragePooling2D"),
        {"layers", *FORWARD},
        "layers", r"^pool = AveragePooling2D, but should be MaxPooling2D \[",
    ),
    _network(
        "33 filters", "sequential_cnn",
        ("Conv2D(32", "Conv2D(33"),
        {"output_shapes", "configuration", *COUNTS, *FORWARD},
        "layer_parameters", r"^conv\.params = 330, but should be 320 \[",
    ),
    _network(
        "a kernel of 5 by 5", "sequential_cnn",
        ("(3, 3)", "(5, 5)"),
        {"output_shapes", "configuration", *COUNTS, *FORWARD},
        "configuration", r"^conv\.kernel_size = \[5, 5\], but should be \[3, 3\] \[",
    ),
    _network(
        "a stride of 2", "sequential_cnn",
        ('name="conv"', 'strides=2, name="conv"'),
        {"output_shapes", *COUNTS, *FORWARD},
        "output_shapes", r"^conv\.output_shape = \[13, 13, 32\], but should be \[26, 26, 32\] \[",
    ),
    _network(
        "no bias in the convolution", "sequential_cnn",
        ('name="conv"', 'use_bias=False, name="conv"'),
        {*COUNTS, *FORWARD},
        "layer_parameters", r"^conv\.params = 288, but should be 320 \[",
    ),
    _network(
        "flatten forgotten", "sequential_cnn",
        ('            layers.Flatten(name="flatten"),\n', ""),
        {"layers", "output_shapes", *COUNTS, "trains"},
        "trains", r"^the network's output has the shape \[13, 13, 10\], and cannot be trained",
    ),
    _network(
        "global average pooling in place of flatten", "sequential_cnn",
        ("layers.Flatten(", "layers.GlobalAveragePooling2D("),
        {"layers", "output_shapes", *COUNTS, *FORWARD, *LEARNING},
        "layers", r"^flatten = GlobalAveragePooling2D, but should be Flatten \[",
        unsure={"loss_falls"},
    ),
    _network(
        "pooling windows of 3", "sequential_cnn",
        ("MaxPooling2D((2, 2)", "MaxPooling2D((3, 3)"),
        {"output_shapes", "configuration", *COUNTS, *FORWARD},
        "configuration", r"^pool\.pool_size = \[3, 3\], but should be \[2, 2\] \[",
    ),
    _network(
        "overlapping pooling", "sequential_cnn",
        ('name="pool"', 'strides=1, name="pool"'),
        {"output_shapes", *COUNTS, *FORWARD},
        "output_shapes", r"^pool\.output_shape = \[25, 25, 32\], but should be \[13, 13, 32\] \[",
    ),
    _network(
        "sigmoid for softmax", "sequential_cnn",
        ("softmax", "sigmoid"),
        {"configuration", "probabilities", *FORWARD},
        "probabilities", r"^largest deviation of a sum from 1 = ",
    ),
    _network(
        "no softmax: logits", "sequential_cnn",
        ('activation="softmax", ', ""),
        {"configuration", "probabilities", *FORWARD},
        "probabilities", r"smallest prediction = -\d",
        unsure={"loss_falls", *LEARNING},
    ),
    _network(
        "pixels rescaled once more", "sequential_cnn",
        ('name="images"),', 'name="images"),\n            layers.Rescaling(0.004, name="again"),'),
        {"layers", *FORWARD, *LEARNING},
        "layers", r"^extra layer: again \(Rescaling\)",
        unsure={"loss_falls"},
    ),
)  # fmt: skip

DEEP = (
    _network(
        "glorot in place of he in the convolutions", "deep_cnn",
        ('kernel_initializer="he_uniform", name=name', "name=name"),
        {"configuration"},
        "configuration", r"^conv1\.kernel_initializer = GlorotUniform, but should be HeUniform \[",
    ),
    _network(
        "he_normal in the hidden layer", "deep_cnn",
        ('he_uniform", name="hidden"', 'he_normal", name="hidden"'),
        {"configuration"},
        "configuration", r"^hidden\.kernel_initializer = HeNormal, but should be HeUniform \[",
    ),
    _network(
        "the third convolution forgotten", "deep_cnn",
        ('            _conv(64, name="conv3"),\n', ""),
        {"layers", "output_shapes", *COUNTS, *FORWARD},
        "layers", r"^missing layer 4: Conv2D \[",
    ),
    _network(
        "pooling and convolution swapped", "deep_cnn",
        (('            layers.MaxPooling2D((2, 2), name="pool1"),\n', ""),
         ('name="conv2"),', 'name="conv2"),\n            layers.MaxPooling2D(2, name="pool1"),')),
        {"layers", "output_shapes", "total_parameters", "layer_parameters", *FORWARD},
        "layers",
        r"(?s)^missing layer 2: MaxPooling2D .*"
        r"\nextra layer: pool1 \(MaxPooling2D\)\n"
        r"    MaxPooling2D comes after Conv2D; the document has it before$",
    ),
    _network(
        "no second pooling", "deep_cnn",
        ('            layers.MaxPooling2D((2, 2), name="pool2"),\n', ""),
        {"layers", "output_shapes", *COUNTS, *FORWARD},
        "layers", r"^missing layer 5: MaxPooling2D \[",
    ),
    _network(
        "128 hidden units", "deep_cnn",
        ("Dense(100", "Dense(128"),
        {"output_shapes", "configuration", *COUNTS, *FORWARD},
        "configuration", r"^hidden\.units = 128, but should be 100 \[",
    ),
    _network(
        "tanh for ReLU", "deep_cnn",
        ('activation="relu", kernel_initializer="he_uniform", name=name',
         'activation="tanh", kernel_initializer="he_uniform", name=name'),
        {"configuration", *FORWARD},
        "configuration", r"(?m)^conv3\.activation = tanh, but should be relu \[",
    ),
)  # fmt: skip

_CONV = '    x = layers.Conv2D(filters, (3, 3), padding="same", name=f"{name}_conv")(x)\n'
_NORM = '    x = layers.BatchNormalization(name=f"{name}_norm")(x)\n'
_RELU = '    x = layers.ReLU(name=f"{name}_relu")(x)\n'
_FLAT = '    x = layers.Flatten(name="flatten")(x)\n'
_HIDDEN = '    x = layers.Dense(128, activation="relu", name="hidden")(x)\n'
_DROPOUT = '    x = layers.Dropout(0.5, name="dropout")(x)\n'

FUNCTIONAL = (
    _network(
        "dropout of 0.1", "functional_cnn",
        ("Dropout(0.5", "Dropout(0.1"),
        {"configuration"},
        "configuration", r"^dropout\.rate = 0\.1, but should be 0\.5 \[",
    ),
    _network(
        "no dropout", "functional_cnn",
        (_DROPOUT, ""),
        {"layers"},
        "layers", r"^missing layer 11: Dropout \[",
    ),
    _network(
        "dropout before the hidden layer", "functional_cnn",
        ((_DROPOUT, ""), (_HIDDEN, _DROPOUT + _HIDDEN)),
        {"layers"},
        "layers",
        r"(?s)^extra layer: dropout \(Dropout\)\n"
        r"    Dropout comes before Dense; the document has it after\n"
        r"missing layer 11: Dropout \[",
    ),
    _network(
        "no batch normalization", "functional_cnn",
        (_NORM, ""),
        {"layers", "total_parameters", *FORWARD},
        "layers", r"(?m)^missing layer 2: BatchNormalization \[",
    ),
    _network(
        "batch normalization after the activation", "functional_cnn",
        (_NORM + _RELU, _RELU + _NORM),
        {"layers", *FORWARD},
        "layers", r"^missing layer 2: BatchNormalization \[",
    ),
    _network(
        "batch normalization without its scale", "functional_cnn",
        ("BatchNormalization(", "BatchNormalization(scale=False, "),
        {*COUNTS, *FORWARD},
        "layer_parameters", r"^block1_norm\.params = 96, but should be 128 \[",
    ),
    _network(
        "no activation in the blocks", "functional_cnn",
        (_RELU, ""),
        {"layers", *FORWARD},
        "layers", r"^missing layer 3: Activation relu \[",
    ),
    _network(
        "ELU in the blocks", "functional_cnn",
        ("layers.ReLU(", 'layers.Activation("elu", '),
        {"layers", "configuration", *FORWARD},
        "layers", r"^block1_relu = elu, but should be relu \[",
    ),
    _network(
        "a frozen convolution", "functional_cnn",
        ('name=f"{name}_conv"', 'trainable=False, name=f"{name}_conv"'),
        {"configuration", "total_parameters"},
        "configuration", r"^block1_conv\.trainable = False, but should be True",
    ),
    _network(
        "a shortcut around the hidden layer", "functional_cnn",
        (_HIDDEN, '    y = layers.Dense(128, name="bypass")(x)\n' + _HIDDEN
         + '    x = layers.Add(name="sum")([x, y])\n'),
        {"layers", "total_parameters", *FORWARD},
        "layers", r"(?m)^extra layer: sum \(Add\)",
    ),
)  # fmt: skip

_FIRST = '            layers.Dense(256, activation="relu", name="hidden1"),\n'
_SECOND = '            layers.Dense(128, activation="relu", name="hidden2"),\n'

MLP = (
    _network(
        "hidden sizes swapped", "mlp_256_128",
        (("Dense(256", "Dense(0"), ("Dense(128", "Dense(256"), ("Dense(0", "Dense(128")),
        {"output_shapes", "configuration", *COUNTS, *FORWARD},
        "configuration",
        r"(?s)^hidden1\.units = 128, but should be 256 .*\nhidden2\.units = 256, but should be 128",
    ),
    _network(
        "a hidden layer forgotten", "mlp_256_128",
        (_SECOND, ""),
        {"layers", *COUNTS, *FORWARD},
        "layers", r"^missing layer 2: Dense \[",
    ),
    _network(
        "an extra hidden layer", "mlp_256_128",
        (_SECOND, _SECOND + _SECOND.replace("hidden2", "hidden3")),
        {"layers", "total_parameters", *FORWARD},
        "layers", r"^extra layer: hidden3 \(Dense\)",
    ),
    _network(
        "ReLU on the first layer only", "mlp_256_128",
        ('128, activation="relu"', "128"),
        {"configuration", *FORWARD},
        "configuration", r"^hidden2\.activation = linear, but should be relu \[",
    ),
    _network(
        "eleven classes", "mlp_256_128",
        ("Dense(10", "Dense(11"),
        {"output_shapes", "configuration", *COUNTS, *FORWARD, "probabilities"},
        "probabilities", r"^number of classes = 11, but should be 10",
    ),
    _network(
        "nine classes", "mlp_256_128",
        ("Dense(10", "Dense(9"),
        {"output_shapes", "configuration", *COUNTS, "trains"},
        "trains", r"^the network's output has the shape \[9\], and cannot be trained",
    ),
    _network(
        "images not flattened beforehand", "mlp_64_32",
        ('keras.Input((784,), name="images"),',
         'keras.Input((28, 28, 1), name="images"),\n            layers.Flatten(name="flatten"),'),
        {"input_shape", "layers"},
        "input_shape", r"^input_shape = \[28, 28, 1\], but should be \[784\] \[",
    ),
    _network(
        "images of 32 by 32", "mlp_64_32",
        ("(784,)", "(1024,)"),
        {"input_shape", *COUNTS, "trains"},
        "trains", r"^the network takes images of shape \[1024\], 1,024 values, and cannot",
    ),
    _network(
        "a frozen layer", "mlp_64_32",
        ('name="hidden1"', 'trainable=False, name="hidden1"'),
        {"configuration", "total_parameters"},
        "total_parameters", r"^trainable_params = 2,410, but should be 52,650 \[",
    ),
    _network(
        "a frozen network", "mlp_64_32",
        ("activation", "trainable=False, activation"),
        {"configuration", "total_parameters", "loss_falls", *LEARNING},
        "learns", r"frozen network",
        unsure={"loss_falls"},  # it stays, but for the rounding of sums in another order
    ),
)  # fmt: skip

RUNS = (
    _recipe("pixels not scaled", "mlp_64_32", "pixel_max", 1.0,
            r"^recipe\.pixel_max = 1, but should be 255 \["),
    _recipe("ten times the learning rate", "mlp_64_32", "learning_rate", 0.01,
            r"^recipe\.learning_rate = 0\.01, but should be 0\.001 \["),
    _recipe("batches twice as large", "mlp_64_32", "batch_size", 16,
            r"^recipe\.batch_size = 16, but should be 8 \["),
    _recipe("another optimizer", "mlp_64_32", "optimizer", "sgd",
            r"^recipe\.optimizer = sgd, but should be adam \[", *LEARNING),
    _recipe("one epoch short", "mlp_64_32", "epochs", 3,
            r"^recipe\.epochs = 3, but should be 4 \["),
    _recipe("nothing held out", "mlp_64_32", "validation_images", 1,
            r"^recipe\.validation_images = 1, but should be 60 \["),
    _labels("every label one too high", "sequential_cnn", _next_digit,
            {"accuracy_gate"}, "accuracy_gate", r"^test accuracy = \d+\.\d+ %, but should be at"),
    _labels("labels shuffled", "mlp_256_128", _shuffled,
            {*LEARNING}, "learns", r"labels that do not belong to their images"),
)  # fmt: skip

MUTANTS = (*SEQUENTIAL, *DEEP, *FUNCTIONAL, *MLP, *RUNS)
