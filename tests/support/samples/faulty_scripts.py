"""Training scripts as learners write them: right ones, and the same with one fault each."""

from dataclasses import dataclass

Edit = tuple[str, str]

_DATA = """\
from tensorflow import keras
from tensorflow.keras import layers
from tensorflow.keras.datasets import mnist
from tensorflow.keras.utils import to_categorical

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train = x_train.reshape(-1, {shape}).astype("float32") / 255
x_test = x_test.reshape(-1, {shape}).astype("float32") / 255
y_train = to_categorical(y_train, 10)
y_test = to_categorical(y_test, 10)
"""

_COMPILE = """
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, epochs={epochs}, batch_size={batch_size}, {validation})
loss, accuracy = model.evaluate(x_test, y_test)
print(f"test accuracy: {{accuracy:.4f}}")
"""

_MLP = """
model = keras.Sequential([
    layers.Input(shape=(784,)),
    layers.Dense({first}, activation="relu", name="hidden1"),
    layers.Dense({second}, activation="relu", name="hidden2"),
    layers.Dense(10, activation="softmax"),
])
"""

_SEQUENTIAL = """
model = keras.Sequential()
model.add(layers.Input(shape=(28, 28, 1)))
model.add(layers.Conv2D(32, (3, 3), activation="relu", name="conv"))
model.add(layers.MaxPooling2D((2, 2), name="pool"))
model.add(layers.Flatten())
model.add(layers.Dense(128, activation="relu"))
model.add(layers.Dense(10, activation="softmax"))
"""

_DEEP = """
model = keras.Sequential()
model.add(layers.Input(shape=(28, 28, 1)))
model.add(layers.Conv2D(32, (3, 3), activation="relu", kernel_initializer="he_uniform"))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Conv2D(64, (3, 3), activation="relu", kernel_initializer="he_uniform", name="b"))
model.add(layers.Conv2D(64, (3, 3), activation="relu", kernel_initializer="he_uniform", name="c"))
model.add(layers.MaxPooling2D((2, 2), name="pool2"))
model.add(layers.Flatten())
model.add(layers.Dense(100, activation="relu", kernel_initializer="he_uniform", name="hidden"))
model.add(layers.Dense(10, activation="softmax"))
"""

_FUNCTIONAL = """
inputs = keras.Input(shape=(28, 28, 1))
x = inputs
for filters in (32, 64):
    x = layers.Conv2D(filters, (3, 3), padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.MaxPooling2D((2, 2))(x)
x = layers.Flatten()(x)
x = layers.Dense(128, activation="relu")(x)
x = layers.Dropout(0.5)(x)
outputs = layers.Dense(10, activation="softmax")(x)
model = keras.Model(inputs, outputs)
"""

_HELD_OUT = "validation_data=(x_test, y_test)"


def _script(network: str, shape: str, epochs: int, batch_size: int, validation: str) -> str:
    fit = _COMPILE.format(epochs=epochs, batch_size=batch_size, validation=validation)
    return _DATA.format(shape=shape) + network + fit


IMAGE, ROW = "28, 28, 1", "784"

SCRIPTS = {
    "functional_cnn": _script(_FUNCTIONAL, IMAGE, 10, 128, _HELD_OUT),
    "sequential_cnn": _script(_SEQUENTIAL, IMAGE, 10, 128, _HELD_OUT),
    "deep_cnn": _script(_DEEP, IMAGE, 10, 200, _HELD_OUT),
    "mlp_256_128": _script(_MLP.format(first=256, second=128), ROW, 10, 32, _HELD_OUT),
    "mlp_64_32": _script(_MLP.format(first=64, second=32), ROW, 100, 32, "validation_split=0.2"),
}
"""A right script for each documented network."""


def edited(architecture: str, *edits: Edit) -> str:
    """Returns the right script with each of the old texts replaced, which must be there."""
    source = SCRIPTS[architecture]
    for old, new in edits:
        assert old in source, f"{old!r} is not in the script of {architecture}"
        source = source.replace(old, new)
    return source


# Other right ways to write them -------------------------------------------------------------------

_LINE_2D = ' = {0}.reshape(-1, {1}).astype("float32") / 255\n'


def _images(architecture: str, train: str, *edits: Edit) -> str:
    """Returns the script with other lines in place of those that prepare its images."""
    shape = ROW if architecture.startswith("mlp") else IMAGE
    changes = [
        (f"x_{part}" + _LINE_2D.format(f"x_{part}", shape), train.replace("train", part))
        for part in ("train", "test")
    ]
    return edited(architecture, *changes, *edits)


_SCALED = "x_train = x_train / 255.0\n"
_ONE_HOT = (
    ("y_train = to_categorical(y_train, 10)\n", ""), ("y_test = to_categorical(y_test, 10)\n", ""),
)  # fmt: skip
_SPARSE = ('loss="categorical', 'loss="sparse_categorical')
_LOGITS = (
    ('"categorical_crossentropy"', "keras.losses.CategoricalCrossentropy(from_logits=True)"),
    ('(10, activation="softmax")', "(10)"),
)
_MLP_START = "model = keras.Sequential([\n    layers.Input(shape=(784,)),"
_FLATTEN = ("layers.Input(shape=(784,)),", "layers.Flatten(input_shape=(28, 28)),")


def _start(*layers_: str) -> Edit:
    """An edit of a CNN written with add()."""
    lines = "".join(f"model.add({layer})\n" for layer in layers_)
    return "model.add(layers.Input(shape=(28, 28, 1)))\n", lines


RIGHT = {
    **{f"{name}, plain": (name, source) for name, source in SCRIPTS.items()},
    "mlp_64_32, Flatten of (28, 28)": ("mlp_64_32", _images("mlp_64_32", _SCALED, _FLATTEN)),
    "mlp_64_32, whole-number labels": ("mlp_64_32", edited("mlp_64_32", *_ONE_HOT, _SPARSE)),
    "mlp_64_32, logits": ("mlp_64_32", edited("mlp_64_32", *_LOGITS)),
    "mlp_64_32, Rescaling within": ("mlp_64_32", _images(
        "mlp_64_32", "",
        ("layers.Input(shape=(784,)),",
         "layers.Input(shape=(28, 28)),\n    layers.Rescaling(1.0 / 255),\n    layers.Flatten(),"),
    )),
    "mlp_256_128, Reshape, preprocessing in a model of its own": ("mlp_256_128", _images(
        "mlp_256_128", "",
        (_MLP_START, """prepare = keras.Sequential([
    layers.Input(shape=(28, 28, 1)),
    layers.Reshape((784,)),
    layers.Rescaling(1 / 255),
])

model = keras.Sequential([
    prepare,"""),
    )),
    "mlp_256_128, Functional": ("mlp_256_128", edited(
        "mlp_256_128",
        (_MLP.format(first=256, second=128), """
inputs = keras.Input(shape=(784,))
x = layers.Dense(256)(inputs)
x = layers.Activation("relu")(x)
x = layers.Dense(128, activation=keras.activations.relu)(x)
model = keras.Model(inputs=inputs, outputs=layers.Dense(10, activation="softmax")(x))
"""),
    )),
    "sequential_cnn, input of (28, 28)": ("sequential_cnn", _images(
        "sequential_cnn", _SCALED,
        _start("layers.Input(shape=(28, 28))", "layers.Reshape((28, 28, 1))"),
    )),
    "sequential_cnn, Rescaling and logits": ("sequential_cnn", _images(
        "sequential_cnn", "x_train = x_train[..., None]\n", *_LOGITS,
        _start("layers.Input(shape=(28, 28, 1))", "layers.Rescaling(1 / 255)"),
    )),
    "sequential_cnn, whole-number labels": (
        "sequential_cnn", edited("sequential_cnn", *_ONE_HOT, _SPARSE),
    ),
    "deep_cnn, same pooling where it fits": ("deep_cnn", edited(
        "deep_cnn", ("MaxPooling2D((2, 2)))", 'MaxPool2D(2, padding="same"))'),
    )),
    "deep_cnn, as a class": ("deep_cnn", edited(
        "deep_cnn", ("model = keras.Sequential()", """class Net(keras.Sequential):
    pass

model = Net()"""),
    )),
    "deep_cnn, 784 values": ("deep_cnn", edited(
        "deep_cnn", ("reshape(-1, 28, 28, 1)", "reshape(-1, 784)"),
        _start("layers.Input(shape=(784,))", "layers.Reshape((28, 28, 1))"),
    )),
    "functional_cnn, ReLU after the pooling": ("functional_cnn", edited(
        "functional_cnn",
        ("    x = layers.ReLU()(x)\n    x = layers.MaxPooling2D((2, 2))(x)\n",
         "    x = layers.MaxPooling2D((2, 2))(x)\n    x = layers.ReLU()(x)\n"),
    )),
    "functional_cnn, a border of zeros": ("functional_cnn", edited(
        "functional_cnn",
        ('    x = layers.Conv2D(filters, (3, 3), padding="same")(x)\n',
         "    x = layers.ZeroPadding2D(1)(x)\n    x = layers.Conv2D(filters, (3, 3))(x)\n"),
    )),
    "functional_cnn, an encoder of its own": ("functional_cnn", edited(
        "functional_cnn",
        ("x = layers.Flatten()(x)\n", """encoder = keras.Model(inputs, layers.Flatten()(x))
inputs = keras.Input(shape=(28, 28, 1))
x = encoder(inputs)
"""),
    )),
}  # fmt: skip
"""Name to (architecture, source): nothing is wrong with any of these."""


# One fault each -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """A right script with one thing wrong.

    Attributes:
        kind: of the one finding that there must be.
        words: regular expression for its cause.
        where: regular expression for its place.
        severity: "note" where the document leaves it open.
    """

    architecture: str
    source: str
    kind: str
    words: str
    where: str = ""
    severity: str = "fault"


def _fault(
    architecture: str, edits: Edit | tuple[Edit, ...], kind: str, words: str, where: str = "",
    severity: str = "fault",
) -> Fault:  # fmt: skip
    pairs = edits if isinstance(edits[0], tuple) else (edits,)
    return Fault(architecture, edited(architecture, *pairs), kind, words, where, severity)


_ADD_NORM = "    x = layers.BatchNormalization()(x)\n"
_ADD_RELU = "    x = layers.ReLU()(x)\n"
_ADD_POOL = "    x = layers.MaxPooling2D((2, 2))(x)\n"
_HIDDEN2 = '    layers.Dense(32, activation="relu", name="hidden2"),\n'
_OUTPUT = '(10, activation="softmax")'
_POOL1 = "model.add(layers.MaxPooling2D((2, 2)))\n"
_DROPOUT = "x = layers.Dropout(0.5)(x)\n"
_HIDDEN = 'x = layers.Dense(128, activation="relu")(x)\n'
_CONV3 = (
    'model.add(layers.Conv2D(64, (3, 3), activation="relu", kernel_initializer="he_uniform", '
    'name="c"))\n'
)

FAULTS = {
    # Input and output of the network
    "missing Flatten, images as they are": Fault(
        "mlp_64_32",
        _images("mlp_64_32", _SCALED, ("Input(shape=(784,))", "Input(shape=(28, 28))")),
        "missing_flatten", "never flattened.* write Flatten\\(\\) first", "input",
    ),
    "missing Flatten after the pooling": _fault(
        "sequential_cnn", ("model.add(layers.Flatten())\n", ""),
        "missing_flatten", r"last axis only, and gives \(13, 13, 128\)", r"after layer 2 .*'pool'",
    ),
    "global average pooling for Flatten": _fault(
        "sequential_cnn", ("layers.Flatten()", "layers.GlobalAveragePooling2D()"),
        "global_pooling", "one average for each channel", "layer 3",
    ),
    "no softmax": _fault(
        "mlp_64_32", (_OUTPUT, "(10)"), "missing_softmax", "scores, not probabilities", "layer 3",
    ),
    "softmax with from_logits": _fault(
        "mlp_64_32", _LOGITS[0], "softmax_with_logits", "by the last layer and by the loss",
        "compile",
    ),
    "softmax twice": _fault(
        "sequential_cnn", (f"Dense{_OUTPUT})\n", f"Dense{_OUTPUT})\nmodel.add(layers.Softmax())\n"),
        "softmax_twice", "applied twice.*remove one of them", "layer 6",
    ),
    "sigmoid for softmax": _fault(
        "mlp_64_32", ("softmax", "sigmoid"), "sigmoid_output", "do not add up to 1", "layer 3",
    ),
    "ReLU on the output": _fault(
        "mlp_256_128", ('10, activation="softmax"', '10, activation="relu"'),
        "relu_output", "every negative score to 0", "layer 3",
    ),
    "eleven outputs": _fault(
        "mlp_64_32", ("Dense(10", "Dense(11"), "classes", r"11 units.*Dense\(10", "layer 3",
    ),
    "nine outputs": _fault(
        "mlp_64_32", ("Dense(10", "Dense(9"), "classes", "9 units.*there are 10 digits", "layer 3",
    ),
    "one output": _fault(
        "mlp_64_32", (*_ONE_HOT, _SPARSE, ('10, activation="softmax"', '1, activation="sigmoid"')),
        "classes", "only tell two classes apart", "layer 3",
    ),
    # Data
    "unscaled pixels": _fault(
        "mlp_64_32", (" / 255", ""), "unscaled_pixels", r"from 0 to 255.*x_train / 255", "data",
    ),
    "pixels divided twice": _fault(
        "mlp_256_128", (" / 255", " / 255 / 255"), "pixels_twice", "divided by 255 twice", "data",
    ),
    "pixels divided by the script and by Rescaling": _fault(
        "mlp_64_32",
        ("Input(shape=(784,)),", "Input(shape=(784,)),\n    layers.Rescaling(1 / 255),"),
        "pixels_twice", "once more by Rescaling", "layer 1",
    ),
    "pixels from -1 to 1": _fault(
        "mlp_64_32", (" / 255", " / 127.5 - 1"), "pixel_range",
        "from -1 to 1; the document uses 0 to 1", "data",
    ),
    "Rescaling from -1 to 1": Fault(
        "mlp_64_32",
        _images("mlp_64_32", "x_train = x_train.reshape(-1, 784)\n", (
            "layers.Input(shape=(784,)),",
            "layers.Input(shape=(784,)),\n    layers.Rescaling(1 / 127.5, offset=-1),",
        )),
        "pixel_range", r"to \[-1, 1\].*write Rescaling\(1 / 255\)", "layer 1",
    ),
    "images not reshaped": Fault(
        "mlp_64_32", _images("mlp_64_32", _SCALED), "image_shape",
        r"given images of shape \(28, 28\), but the network takes \(784,\)", "data",
    ),
    "whole-number labels with the categorical loss": _fault(
        "mlp_64_32", _ONE_HOT, "labels_not_one_hot", "write y_train = to_categorical", "compile",
    ),
    "one-hot labels with the sparse loss": _fault(
        "mlp_64_32", _SPARSE, "labels_one_hot", "but these are one-hot, 10 columns", "compile",
    ),
    "labels of eleven columns": _fault(
        "mlp_64_32", ("(y_train, 10)", "(y_train, 11)"), "label_columns", "have 11 columns", "data",
    ),
    # Layers
    "wrong units": _fault(
        "mlp_64_32", ("Dense(32", "Dense(48"), "units", r"has 48 units; the document uses 32",
        r"layer 2 \(Dense 'hidden2'\)",
    ),
    "units exchanged": _fault(
        "mlp_256_128", (("(256", "(0"), ("(128", "(256"), ("(0", "(128")), "order",
        "are exchanged", "layer 1",
    ),
    "wrong number of filters": _fault(
        "sequential_cnn", ("Conv2D(32", "Conv2D(64"), "filters",
        r"64 filters.*write Conv2D\(32", "layer 1",
    ),
    "wrong kernel": _fault(
        "deep_cnn", ('(64, (3, 3), activation="relu", kernel_initializer="he_uniform", name="b"',
                     '(64, (5, 5), activation="relu", kernel_initializer="he_uniform", name="b"'),
        "kernel_size", r"5 × 5.*kernel_size=\(3, 3\)", r"layer 3 \(Conv2D 'b'\)",
    ),
    "a kernel the document leaves open": _fault(
        "functional_cnn", ("(3, 3)", "(5, 5)"), "kernel_size", "5 × 5", "layer 1.* and layer 5",
        "note",
    ),
    "strides of 2": _fault(
        "sequential_cnn", ('name="conv"', 'strides=2, name="conv"'), "strides",
        "has strides=2; the document uses 1: write strides=1 or leave it out", "layer 1",
    ),
    "the kernel's second number as a step": _fault(
        "sequential_cnn", ("Conv2D(32, (3, 3),", "Conv2D(32, 3, 3,"), "kernel_as_strides",
        r"the second number is the stride.*Conv2D\(filters, \(3, 3\)\)", "layer 1",
    ),
    "valid padding for same": _fault(
        "functional_cnn", (', padding="same"', ""), "padding",
        "has padding='valid', so the output shrinks from 28 to 26; the document keeps 28:",
        "layer 1.* and layer 5",
    ),
    "same padding for valid": _fault(
        "sequential_cnn", ('name="conv"', 'padding="same", name="conv"'), "padding",
        "has padding='same'.*shrinks from 28 to 26", "layer 1",
    ),
    "wrong pool": _fault(
        "sequential_cnn", ("MaxPooling2D((2, 2)", "MaxPooling2D((3, 3)"), "pool_size",
        r"3 × 3.*pool_size=\(2, 2\)", r"layer 2 \(MaxPooling2D 'pool'\)",
    ),
    "overlapping pool": _fault(
        "sequential_cnn", ("MaxPooling2D((2, 2)", "MaxPooling2D((2, 2), strides=1"), "pool_strides",
        "has strides=1; the document uses 2", "layer 2",
    ),
    "same padding of a pool": _fault(
        "deep_cnn", ('name="pool2"', 'padding="same", name="pool2"'), "pool_padding",
        "its output is 5 × 5", "layer 5",
    ),
    "average for max pooling": _fault(
        "deep_cnn", ("MaxPooling2D", "AveragePooling2D"), "average_pooling",
        "the mean of each window", "layer 2 .* and layer 5",
    ),
    "missing pooling": _fault(
        "deep_cnn", (_POOL1, ""), "missing_pooling", "MaxPooling2D is missing", "after layer 1",
    ),
    "missing dropout": _fault(
        "functional_cnn", (_DROPOUT, ""), "missing_dropout", "Dropout is missing",
        "after layer 10",
    ),
    "an extra dropout": _fault(
        "sequential_cnn", ('name="pool"))\n', 'name="pool"))\nmodel.add(layers.Dropout(0.25))\n'),
        "extra_dropout", "no Dropout here", "layer 3",
    ),
    "dropout before the hidden layer": _fault(
        "functional_cnn", (_HIDDEN + _DROPOUT, _DROPOUT + _HIDDEN), "order",
        "Dropout comes before Dense; the document has it after", "layer 10",
    ),
    "wrong dropout rate": _fault(
        "functional_cnn", ("Dropout(0.5)", "Dropout(0.2)"), "dropout_rate",
        r"drops 20 % .*drops 50 %: write Dropout\(0\.5\)", "layer 11", "note",
    ),
    "no batch normalization": _fault(
        "functional_cnn", (_ADD_NORM, ""), "missing_batch_normalization",
        "BatchNormalization is missing", "after layer 1.* and after layer 4",
    ),
    "batch normalization after the activation": _fault(
        "functional_cnn", (_ADD_NORM + _ADD_RELU, _ADD_RELU + _ADD_NORM),
        "batch_normalization_after_activation", "after ReLU; the document has it before",
        "layer 3.* and layer 7",
    ),
    "the convolution's own activation before batch normalization": _fault(
        "functional_cnn", (('"same")', '"same", activation="relu")'), (_ADD_RELU, "")),
        "batch_normalization_after_activation", "after ReLU", "layer 3.* and layer 7",
    ),
    "batch normalization after the pooling": _fault(
        "functional_cnn", (_ADD_NORM + _ADD_RELU + _ADD_POOL, _ADD_RELU + _ADD_POOL + _ADD_NORM),
        "batch_normalization_after_pooling", "normalize first, then pool",
    ),
    "batch normalization where there is none": _fault(
        "deep_cnn", (_POOL1, _POOL1 + "model.add(layers.BatchNormalization())\n"),
        "extra_batch_normalization", "no BatchNormalization here", "layer 3",
    ),
    "missing hidden layer": _fault(
        "mlp_64_32", (_HIDDEN2, ""), "missing_dense", r"Dense\(32, \.\.\.\) is missing",
        "after layer 1",
    ),
    "an extra hidden layer": _fault(
        "mlp_64_32", (_HIDDEN2, _HIDDEN2 + '    layers.Dense(16, activation="relu", name="h3"),\n'),
        "extra_dense", "no Dense here", r"layer 3 \(Dense 'h3'\)",
    ),
    "missing convolution": _fault(
        "deep_cnn", (_CONV3, ""), "missing_convolution", r"Conv2D\(64, \.\.\.\) is missing",
        "after layer 3",
    ),
    "convolution and pooling exchanged": _fault(
        "deep_cnn", ((_POOL1, ""), ('name="b"))\n', 'name="b"))\n' + _POOL1)), "order",
        "MaxPooling2D comes after Conv2D", "layer 3",
    ),
    "no activation": _fault(
        "mlp_64_32", ('64, activation="relu", ', "64, "), "missing_activation",
        "no activation.*activation='relu'", "layer 1",
    ),
    "sigmoid in the hidden layers": _fault(
        "mlp_256_128", ('activation="relu"', 'activation="sigmoid"'), "activation",
        "has activation='sigmoid'; the document uses 'relu'", "layer 1.* and layer 2",
    ),
    "no activation after batch normalization": _fault(
        "functional_cnn", (_ADD_RELU, ""), "missing_activation", "ReLU is missing",
        "after layer 2.* and after layer 5",
    ),
    "another initializer": _fault(
        "deep_cnn", ('kernel_initializer="he_uniform", name="hidden"', 'name="hidden"'),
        "initializer", "GlorotUniform.*kernel_initializer='he_uniform'", r"layer 7 .*'hidden'",
    ),
    "no bias": _fault(
        "sequential_cnn", ('name="conv"', 'use_bias=False, name="conv"'), "bias",
        "one parameter for each filter", "layer 1",
    ),
    "a frozen layer": _fault(
        "deep_cnn", ('name="hidden"', 'name="hidden", trainable=False'), "frozen",
        "random weights it started with", "layer 7",
    ),
    # Compile and fit
    "mean squared error": _fault(
        "mlp_64_32", ("categorical_crossentropy", "mse"), "loss",
        "is mean_squared_error, which is for predicting quantities", "compile",
    ),
    "binary crossentropy": _fault(
        "mlp_256_128", ("categorical_crossentropy", "binary_crossentropy"), "binary_loss",
        "is for two classes", "compile",
    ),
    "another optimizer": _fault(
        "mlp_64_32", ('"adam"', '"sgd"'), "optimizer", "is sgd.*optimizer='adam'", "compile",
    ),
    "a learning rate too high": _fault(
        "mlp_64_32", ('"adam"', "keras.optimizers.Adam(learning_rate=0.1)"), "learning_rate",
        "0.1, 100 times", "compile", "note",
    ),
    "too few epochs": _fault(
        "deep_cnn", ("epochs=10", "epochs=2"), "epochs", "epochs is 2; the document uses 10", "fit",
    ),
    "another batch size": _fault(
        "mlp_64_32", ("batch_size=32", "batch_size=512"), "batch_size",
        "is 512; the document uses 32: write batch_size=32", "fit",
    ),
    "another validation split": _fault(
        "mlp_64_32", ("validation_split=0.2", "validation_split=0.1"), "validation",
        "6,000 images are held out.*12,000", "fit",
    ),
}  # fmt: skip
