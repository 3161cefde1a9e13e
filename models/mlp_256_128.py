"""Two hidden layers of 256 and 128 units (document 003).

    images       (N, 784)   float32 in [0, 1]
    hidden1      (N, 256)  ReLU
    hidden2      (N, 128)  ReLU
    predictions  (N, 10)    softmax

Every number is a fact with a source: reference/facts/mlp_256_128.toml.
"""

import keras
from keras import layers


def build() -> keras.Model:
    """Returns the untrained, uncompiled network."""
    return keras.Sequential(
        [
            keras.Input((784,), name="images"),
            layers.Dense(256, activation="relu", name="hidden1"),
            layers.Dense(128, activation="relu", name="hidden2"),
            layers.Dense(10, activation="softmax", name="predictions"),
        ],
        name="mlp_256_128",
    )
