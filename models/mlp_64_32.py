"""Two hidden layers of 64 and 32 units (document 004).

    images       (N, 784)   float32 in [0, 1]
    hidden1      (N, 64)    ReLU
    hidden2      (N, 32)    ReLU
    predictions  (N, 10)    softmax

Every number is a fact with a source: reference/facts/mlp_64_32.toml.
"""

import keras
from keras import layers


def build() -> keras.Model:
    """Returns the untrained, uncompiled network."""
    return keras.Sequential(
        [
            keras.Input((784,), name="images"),
            layers.Dense(64, activation="relu", name="hidden1"),
            layers.Dense(32, activation="relu", name="hidden2"),
            layers.Dense(10, activation="softmax", name="predictions"),
        ],
        name="mlp_64_32",
    )
