"""Equivalent spellings of a network are the same network, and so pass whatever it passes.

Each rewrite gives the spec of models/<architecture>.py. Its checks then run on the record that
the project's own module earned: nothing of the author's code is left by then but layer names.
"""

import pytest

from harness.system.failure import BuildFailure
from tests.support.check_runner import (
    BEYOND_A_RUN,
    checks,
    failed,
    model_source,
    run_checks,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("training")]


def module(body: str, imports: str = "import keras\nfrom keras import layers") -> str:
    return f"{imports}\n\n\n{body}"


REWRITES = {
    "Sequential as Functional": ("sequential_cnn", module("""
def build():
    images = keras.Input((28, 28, 1))
    x = layers.Conv2D(32, (3, 3), activation="relu")(images)
    x = layers.MaxPooling2D((2, 2))(x)
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu")(x)
    return keras.Model(images, layers.Dense(10, activation="softmax")(x))
""")),
    "Functional as Sequential": ("functional_cnn", module("""
def block(filters):
    return [
        layers.Conv2D(filters, 3, padding="same"),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(),
    ]


def build():
    return keras.Sequential([
        keras.Input((28, 28, 1)),
        *block(32),
        *block(64),
        layers.Flatten(),
        layers.Dense(128, "relu"),
        layers.Dropout(0.5),
        layers.Dense(10, "softmax"),
    ])
""")),
    "activation layers apart": ("sequential_cnn", module("""
def build():
    return keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, (3, 3)),
        layers.Activation("relu"),
        layers.MaxPooling2D((2, 2)),
        layers.Flatten(),
        layers.Dense(128),
        layers.ReLU(),
        layers.Dense(10),
        layers.Softmax(),
    ])
""")),
    "activations as functions": ("mlp_256_128", module("""
def build():
    return keras.Sequential([
        keras.Input(shape=(784,)),
        layers.Dense(256, activation=keras.activations.relu),
        layers.Dense(128, activation=keras.ops.relu),
        layers.Dense(10, activation=keras.activations.softmax),
    ])
""")),
    "other names": ("deep_cnn", model_source("deep_cnn").replace('name="', 'name="my_')),
    "an explicit InputLayer": ("mlp_64_32", module("""
def build():
    model = keras.Sequential(name="first")
    model.add(layers.InputLayer(shape=(784,)))
    for units in (64, 32):
        model.add(layers.Dense(units, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    return model
""")),
    "input_shape on the first layer": ("mlp_64_32", module("""
def build():
    return keras.Sequential([
        layers.Dense(64, activation="relu", input_shape=(784,)),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
""")),
    "built by a call of build()": ("mlp_64_32", module("""
def build():
    model = keras.Sequential([
        layers.Dense(64, activation="relu"),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
    model.build((None, 784))
    return model
""")),
    "initializers as objects": ("deep_cnn", module("""
def build():
    def he():
        return keras.initializers.HeUniform(seed=7)

    model = keras.Sequential([keras.Input((28, 28, 1))])
    model.add(layers.Conv2D(32, 3, activation="relu", kernel_initializer=he()))
    model.add(layers.MaxPool2D(2))
    model.add(layers.Conv2D(64, 3, activation="relu", kernel_initializer=he()))
    model.add(layers.Conv2D(64, 3, activation="relu", kernel_initializer=he()))
    model.add(layers.MaxPool2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(100, activation="relu", kernel_initializer=he()))
    model.add(layers.Dense(10, activation="softmax"))
    return model
""")),
    "defaults spelled out": ("sequential_cnn", module("""
def build():
    return keras.Sequential([
        keras.Input((28, 28, 1), dtype="float32"),
        layers.Conv2D(
            filters=32, kernel_size=3, strides=(1, 1), padding="VALID", dilation_rate=1, groups=1,
            data_format="channels_last", activation="relu", use_bias=True,
            kernel_initializer="glorot_uniform", bias_initializer=keras.initializers.Zeros(),
        ),
        layers.MaxPooling2D(pool_size=2, strides=2, padding="valid"),
        layers.Flatten(data_format="channels_last"),
        layers.Dense(units=128, activation="relu", use_bias=True),
        layers.Dense(10, activation="softmax", kernel_initializer="GlorotUniform"),
    ])
""")),
    "seeds, and batch normalization's defaults": ("functional_cnn", module("""
def build():
    keras.utils.set_random_seed(3)
    images = keras.Input(shape=(28, 28, 1), batch_size=None)
    x = images
    for filters in (32, 64):
        x = layers.Conv2D(filters, kernel_size=[3, 3], padding="same")(x)
        x = layers.BatchNormalization(axis=3, momentum=0.99, epsilon=0.001)(x)
        x = layers.Activation(keras.activations.relu)(x)
        x = layers.MaxPooling2D(pool_size=2)(x)
    x = layers.Flatten()(x)
    x = layers.Activation("relu")(layers.Dense(128)(x))
    x = layers.Dropout(rate=0.5, seed=1)(x)
    return keras.Model(inputs=[images], outputs=[layers.Dense(10, activation="softmax")(x)])
""")),
    "tensorflow's keras": ("sequential_cnn", module("""
def build():
    model = tf.keras.models.Sequential()
    model.add(tf.keras.Input(shape=(28, 28, 1)))
    model.add(Conv2D(32, kernel_size=(3, 3), activation="relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Flatten())
    model.add(Dense(128, activation="relu"))
    model.add(Dense(10, activation=tf.keras.activations.softmax))
    return model
""", """import tensorflow as tf
from tensorflow.keras.layers import Conv2D, Dense, Flatten, MaxPooling2D""")),
    "made by a class": ("mlp_256_128", module("""
class Factory:
    def __init__(self, *hidden, classes):
        self.hidden, self.classes = hidden, classes

    def network(self):
        stack = [layers.Dense(units, activation="relu") for units in self.hidden]
        head = layers.Dense(self.classes, activation="softmax")
        return keras.Sequential([keras.Input((784,)), *stack, head])


build = Factory(256, 128, classes=10).network
""")),
    "compiled, and used before": ("mlp_64_32", model_source("mlp_64_32").replace(
        "    return keras.Sequential(", "    model = keras.Sequential("
    ) + """    model.compile("sgd", "mse")
    model(keras.ops.zeros((1, 784)))
    return model
"""),
    "a linear activation that does nothing": ("mlp_64_32", module("""
def build():
    return keras.Sequential([
        keras.Input((784,)),
        layers.Dense(64, activation="linear"),
        layers.Activation("linear"),
        layers.ReLU(),
        layers.Dense(32, activation="relu"),
        layers.Dense(10),
        layers.Softmax(axis=-1),
    ])
""")),
}  # fmt: skip


@pytest.fixture(scope="module")
def verifications():
    """One for each network: its rewrites share its record, and what was made of it."""
    return {}


@pytest.mark.parametrize(("architecture", "source"), REWRITES.values(), ids=REWRITES)
def test_a_rewrite_is_the_same_network_and_passes_every_check(
    runner, verifications, architecture, source
):
    opened, original = runner.open(source), runner.spec(model_source(architecture))
    assert not isinstance(opened, BuildFailure), opened.message
    assert opened.digest == original.digest
    evidence = runner.evidence(architecture, source)
    job = runner.job(architecture, model_source(architecture))
    assert runner.job(architecture, source).key == job.key
    if job.key not in verifications:
        verifications[job.key] = runner.verification(job)
    outcomes = run_checks({**evidence, "verification": verifications[job.key]})
    assert failed(outcomes) == {}
    assert set(outcomes) == set(checks()) - BEYOND_A_RUN


def test_another_network_is_not_the_same(runner):
    """What makes the comparison above worth something."""
    sources = [model_source(name) for name in ("mlp_64_32", "mlp_256_128", "sequential_cnn")]
    sources.append(sources[0].replace("Dense(32", "Dense(33"))
    sources.append(sources[0].replace('32, activation="relu"', '32, activation="elu"'))
    assert len({runner.spec(source).digest for source in sources}) == len(sources)
