"""Writes a class for measurements: many submissions of a few distinct networks.

    python -m harness.benchmarks.scale.fake_class FOLDER --submissions=200 --networks=12
    pytest checks/ --submissions=FOLDER

The networks are `mlp_64_32` with hidden layers of slightly different widths, so that training is
short and the measured times are those of everything else. They are written alternately as a module,
as scripts with the usual input conventions, and as a notebook.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

_MODULE = """import keras
from keras import layers


def build():
    return keras.Sequential([
        keras.Input((784,)),
        layers.Dense({first}, activation="relu"),
        layers.Dense({second}, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
"""

_FLATTEN = """import numpy as np
import matplotlib.pyplot as plt
from tensorflow import keras

(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train, x_test = x_train / 255.0, x_test / 255.0
model = keras.Sequential([
    keras.layers.Flatten(input_shape=(28, 28)),
    keras.layers.Dense({first}, activation="relu"),
    keras.layers.Dense({second}, activation="relu"),
    keras.layers.Dense(10),
])
model.compile(
    optimizer="adam",
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(x_train, y_train, batch_size=32, epochs=100, validation_split=0.2)
plt.plot(history.history["val_accuracy"])
plt.show()
print(model.evaluate(x_test, y_test))
"""

_ONE_HOT = """from keras.datasets import mnist
from keras.layers import Dense
from keras.models import Sequential
from keras.utils import to_categorical

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train = x_train.reshape(60000, 784).astype("float32") / 255
y_train = to_categorical(y_train, 10)
model = Sequential()
model.add(Dense({first}, activation="relu", input_shape=(784,)))
model.add(Dense({second}, activation="relu"))
model.add(Dense(10, activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=32, epochs=100, validation_split=0.2)
"""


def _notebook(source: str) -> str:
    parts = source.split("\nmodel", 1)
    cells = [parts[0], "%matplotlib inline\nmodel" + parts[1]]
    return json.dumps({
        "nbformat": 4, "nbformat_minor": 5, "metadata": {},
        "cells": [
            {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None,
             "source": cell.splitlines(keepends=True)}
            for cell in cells
        ],
    })  # fmt: skip


_FORMS: tuple[tuple[str, Callable[[str], str], str], ...] = (
    (_MODULE, str, ".py"),
    (_FLATTEN, str, ".py"),
    (_ONE_HOT, str, ".py"),
    (_ONE_HOT, _notebook, ".ipynb"),
)


def write(folder: Path, submissions: int, networks: int) -> None:
    """Writes submissions 1, 2, ... into a folder, which it creates."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(submissions):
        template, form, suffix = _FORMS[number % len(_FORMS)]
        # The forms alternate faster than the networks, so each network comes in every form.
        network = number // len(_FORMS) % networks
        source = template.format(first=64 + network // 4, second=32 + network % 4)
        text = form(f"# student {number + 1}\n{source}" if suffix == ".py" else source)
        (folder / f"student-{number + 1:03d}{suffix}").write_text(text, encoding="utf-8")


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.benchmarks.scale.fake_class", description=__doc__
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--submissions", type=int, default=200)
    parser.add_argument("--networks", type=int, default=12)
    options = parser.parse_args()
    write(options.folder, options.submissions, options.networks)


if __name__ == "__main__":
    main()
