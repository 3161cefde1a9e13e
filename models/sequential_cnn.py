"""One convolution and a wide hidden layer (document 001).

    images       (N, 28, 28, 1)   float32 in [0, 1]
    conv         (N, 26, 26, 32)  3x3 kernel, valid, ReLU
    pool         (N, 13, 13, 32)  2x2 max
    flatten      (N, 5408)
    hidden       (N, 128)         ReLU
    predictions  (N, 10)          softmax

Every number is a fact with a source: reference/facts/sequential_cnn.toml.
"""

import keras
from keras import layers


def build() -> keras.Model:
    """Returns the untrained, uncompiled network."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="images"),
            layers.Conv2D(32, (3, 3), activation="relu", name="conv"),
            layers.MaxPooling2D((2, 2), name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dense(128, activation="relu", name="hidden"),
            layers.Dense(10, activation="softmax", name="predictions"),
        ],
        name="sequential_cnn",
    )
