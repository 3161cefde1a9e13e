"""Two blocks of convolution and batch normalisation, with the Functional API (document 000).

    images       (N, 28, 28, 1)   float32 in [0, 1]
    block1       (N, 14, 14, 32)  3x3 convolution, same; batch normalisation; ReLU; 2x2 max
    block2       (N, 7, 7, 64)    3x3 convolution, same; batch normalisation; ReLU; 2x2 max
    flatten      (N, 3136)
    hidden       (N, 128)         ReLU
    dropout      (N, 128)         half of the values, while training
    predictions  (N, 10)          softmax

Every number is a fact with a source: reference/facts/functional_cnn.toml.
"""

import keras
from keras import KerasTensor, layers


def build() -> keras.Model:
    """Returns the untrained, uncompiled network."""
    images = keras.Input((28, 28, 1), name="images")
    x = _block(images, filters=32, name="block1")
    x = _block(x, filters=64, name="block2")
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(128, activation="relu", name="hidden")(x)
    x = layers.Dropout(0.5, name="dropout")(x)
    predictions = layers.Dense(10, activation="softmax", name="predictions")(x)
    return keras.Model(images, predictions, name="functional_cnn")


def _block(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    """Convolution, batch normalisation, activation and pooling: halves height and width."""
    x = layers.Conv2D(filters, (3, 3), padding="same", name=f"{name}_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    x = layers.ReLU(name=f"{name}_relu")(x)
    return layers.MaxPooling2D((2, 2), name=f"{name}_pool")(x)
