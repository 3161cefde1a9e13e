"""The documents' networks as Keras writes them, to be edited: a list of layers for each."""

from harness.network.keras_config import read_model
from harness.submissions.feedback.comparison import compare
from harness.submissions.feedback.matching import rank
from harness.submissions.normalization.normalize import conform
from tests.support.samples.keras_json import (
    conv,
    dense,
    entry,
    flatten,
    initializer,
    layer,
    pool,
    sequential,
)

HE = initializer("HeUniform")
SOFTMAX = dense(10, "predictions", activation="softmax")


def _block(number, filters):
    return [
        conv(filters, f"conv{number}", padding="same"),
        layer("BatchNormalization", f"norm{number}", axis=-1, momentum=0.99, epsilon=0.001,
              center=True, scale=True),
        layer("ReLU", f"relu{number}", max_value=None, negative_slope=0.0, threshold=0.0),
        pool(f"pool{number}"),
    ]  # fmt: skip


def layers_of(architecture):
    """Returns the layers of a documented network, the input first, all named."""
    return {
        "functional_cnn": lambda: [
            entry(28, 28, 1),
            *_block(1, 32),
            *_block(2, 64),
            flatten(),
            dense(128, "hidden", activation="relu"),
            layer("Dropout", "dropout", rate=0.5),
            SOFTMAX,
        ],
        "sequential_cnn": lambda: [
            entry(28, 28, 1),
            conv(32, activation="relu"),
            pool(),
            flatten(),
            dense(128, "hidden", activation="relu"),
            SOFTMAX,
        ],
        "deep_cnn": lambda: [
            entry(28, 28, 1),
            conv(32, "conv1", activation="relu", kernel_initializer=HE),
            pool("pool1"),
            conv(64, "conv2", activation="relu", kernel_initializer=HE),
            conv(64, "conv3", activation="relu", kernel_initializer=HE),
            pool("pool2"),
            flatten(),
            dense(100, "hidden", activation="relu", kernel_initializer=HE),
            SOFTMAX,
        ],
        "mlp_256_128": lambda: _mlp(256, 128),
        "mlp_64_32": lambda: _mlp(64, 32),
    }[architecture]()


def _mlp(first, second):
    return [
        entry(784),
        dense(first, "hidden1", activation="relu"),
        dense(second, "hidden2", activation="relu"),
        SOFTMAX,
    ]


def network(*layers):
    """Returns the spec of a Sequential model."""
    return read_model(sequential(*layers))


def documented(architecture):
    """Returns the documented network's spec."""
    return network(*layers_of(architecture))


def edited(architecture, **changes):
    """Returns the documented network's layers, some of them replaced by name.

    A change is a layer, a list of layers (none: left out) or settings of the layer.
    """
    result = []
    for row in layers_of(architecture):
        change = changes.pop(row["name"], row)
        if isinstance(change, list):
            result += change
        elif "class_name" in change:
            result.append(change)
        else:
            result.append({**row, "config": {**row["config"], **change}})
    assert not changes, f"no layers named {list(changes)}"
    return result


def compared(facts, spec, recipe=None):
    """Returns the comparison of a submission, as its author wrote it, with a document."""
    conformed = conform(spec, facts, recipe)
    return compare(facts, conformed.spec, conformed.recipe)


def closest(spec, facts_by_name):
    """Returns the name of the documented network that comes first by `rank`."""
    return min(facts_by_name, key=lambda name: rank(spec, facts_by_name[name]))
