"""What Keras makes of the numbers that test_numpy_twin.py gives it; run as a script.

    python tests/support/processes/keras_twin.py FOLDER

reads FOLDER/given.npz and writes FOLDER/answers.npz. Everything is computed in float64.
"""

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

# Keras keeps learning rate and betas in float32, whatever the weights are; these it holds exactly.
# With 0.999, of which float32 is off by 1.3e-8, its steps are 6.4e-6 shorter than Adam's.
ADAM = {"learning_rate": 2.0**-10, "beta_1": 1 - 2.0**-3, "beta_2": 1 - 2.0**-10}
OPTIMIZERS = {
    "sgd": (keras.optimizers.SGD, {"learning_rate": 2.0**-3}),
    "adam": (keras.optimizers.Adam, ADAM),
    "default_adam": (keras.optimizers.Adam, {}),
    "default_sgd": (keras.optimizers.SGD, {}),
}


def main(folder):
    keras.backend.set_floatx("float64")
    given = dict(np.load(folder / "given.npz"))
    weights = [given[f"weight{i}"] for i in range(sum(name.startswith("weight") for name in given))]
    answers = {}
    model = built(weights)
    logits, loss, gradients = derived(model, given["images"][0], given["labels"][0])
    answers |= {"logits": logits, "loss": loss}
    answers |= {f"gradient{i}": gradient for i, gradient in enumerate(gradients)}
    for name, (optimizer, settings) in OPTIMIZERS.items():
        for i, weight in enumerate(trained(weights, optimizer(**settings), given)):
            answers[f"{name}{i}"] = weight
    # Gradients near Adam's epsilon, where its place in the formula decides the step.
    variable = keras.Variable(np.zeros_like(given["tiny"][0]), dtype="float64")
    adam = keras.optimizers.Adam(**ADAM)
    for gradient in given["tiny"]:
        adam.apply([tf.constant(gradient)], [variable])
    answers["tiny"] = variable.numpy()
    for name in ("he_normal", "glorot_uniform"):
        initializer = keras.initializers.get({"class_name": name, "config": {"seed": 0}})
        answers[name] = np.asarray(initializer(tuple(given["shape"])))
    np.savez(folder / "answers.npz", **answers)


def built(weights):
    """A network whose last layer gives logits."""
    units = [bias.size for bias in weights[1::2]]
    model = keras.Sequential(
        [
            keras.Input((len(weights[0]),)),
            *(keras.layers.Dense(n, activation="relu") for n in units[:-1]),
            keras.layers.Dense(units[-1]),
        ]
    )
    model.set_weights(weights)
    return model


def derived(model, images, labels):
    loss_function = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with tf.GradientTape() as tape:
        logits = model(images)
        loss = loss_function(labels, logits)
    gradients = tape.gradient(loss, model.trainable_variables)
    return logits.numpy(), loss.numpy(), [gradient.numpy() for gradient in gradients]


def trained(weights, optimizer, given):
    """The weights after a step on each of the batches."""
    model = built(weights)
    for images, labels in zip(given["images"], given["labels"], strict=True):
        _, _, gradients = derived(model, images, labels)
        optimizer.apply([tf.constant(g) for g in gradients], model.trainable_variables)
    return model.get_weights()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
