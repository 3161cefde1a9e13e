"""The NumPy twin is right: its gradients, optimizers, initialisation, loss and training loop.

Two judges that know nothing of each other: finite differences, and Keras in float64 in a process of
its own (support/processes/keras_twin.py). That they would notice is shown by faults put in on
purpose.
"""

import inspect
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from harness.data.digits import load_digits
from harness.system.directories import PROJECT_ROOT
from reference import forward as judge
from reference import kinds
from reference.kinds import DOCUMENTED_OPTIMIZERS
from reference.layers import normalise
from reference.twin import gradient_check, training
from reference.twin import network as twin_network
from reference.twin import optimizers as twin_optimizers
from reference.twin.gradient_check import away_from_kinks, finite_differences, gradient_error
from reference.twin.initialization import INITIALIZERS, initial_network
from reference.twin.network import (
    Dense,
    backward,
    cross_entropy,
    forward,
    log_softmax,
    parameters,
    relu,
)
from reference.twin.optimizers import OPTIMIZERS, SGD, Adam
from reference.twin.training import Examples, predict, train

SIZES = (12, 9, 7, 5)
DOCUMENTED = (784, 64, 32, 10)
BATCHES, BATCH = 6, 8
# As in support/processes/keras_twin.py, which says why these.
EXACT = {
    "sgd": {"learning_rate": 2.0**-3},
    "adam": {"learning_rate": 2.0**-10, "beta_1": 1 - 2.0**-3, "beta_2": 1 - 2.0**-10},
}

# What is asked of gradients. Rounding and the formula itself leave some 1e-9
# (reference/twin/gradient_check.py); the mildest of the faults below gives 1e-5.
MOST_ERROR = 1e-6
# Both sides compute in float64, in another order: 1e-15 for each of some hundred operations.
CLOSE = 1e-10


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """As in a worker: matrices so small gain nothing from threads that wait for each other."""
    with threadpool_limits(1):
        yield


def rng(seed=0):
    return np.random.default_rng(seed)


def network(sizes=SIZES, dtype=np.float64):
    """Weights as they might be after some training: no bias is 0."""
    start = initial_network(sizes, "he_normal", rng(1), dtype)
    random = rng(2)
    return [
        replace(layer, bias=random.normal(0, 0.1, layer.bias.shape).astype(dtype))
        for layer in start
    ]


def copied(layers):
    return [Dense(layer.kernel.copy(), layer.bias.copy()) for layer in layers]


def examples(count, sizes=SIZES, dtype=np.float64, seed=3):
    random = rng(seed)
    return Examples(random.random((count, sizes[0])).astype(dtype), labels_of(count, sizes[-1]))


def labels_of(count, classes):
    return np.arange(count) % classes


def smooth_examples(layers, count, sizes):
    """Images at which no unit is near the kink of its ReLU."""
    many = examples(20 * count, sizes)
    kept = np.flatnonzero(away_from_kinks(layers, many.images))[:count]
    assert len(kept) == count
    return many.images[kept], many.labels[kept]


# Gradients against finite differences -----------------------------------------------------------


@pytest.mark.parametrize("sizes", [SIZES, (6, 4), (5, 8, 3)], ids=["deep", "linear", "wide"])
def test_every_derivative_of_a_small_network(sizes):
    layers = network(sizes)
    images, labels = smooth_examples(layers, 8, sizes)
    assert gradient_error(layers, images, labels, rng()) < MOST_ERROR


def test_derivatives_of_the_documented_network():
    layers = network(DOCUMENTED)
    images, labels = smooth_examples(layers, 8, DOCUMENTED)
    assert gradient_error(layers, images, labels, rng(), entries=200) < MOST_ERROR


def planted(owner, name, before, after):
    """Returns `owner.name` with a fault written into its source."""
    source = inspect.getsource(getattr(owner, name))
    assert source.count(before) == 1
    namespace = dict(vars(owner))
    exec(source.replace(before, after), namespace)  # noqa: S102  (our own, with one word changed)
    return namespace[name]


WRONG_GRADIENTS = {
    "no 1 / N": ("    delta /= count\n", ""),
    "no one-hot labels": ("    delta[np.arange(count), labels] -= 1\n", ""),
    "mask of the wrong sign": ("(inputs > 0)", "(inputs <= 0)"),
    "no mask": (" * (inputs > 0)", ""),
    "not transposed": ("network[index].kernel.T", "network[index].kernel"),
    "mean for sum": ("delta.sum(axis=0)", "delta.mean(axis=0)"),
    "slightly too large": ("kernel=inputs.T @ delta", "kernel=inputs.T @ delta * 1.00001"),
}


@pytest.mark.parametrize("fault", WRONG_GRADIENTS)
def test_a_wrong_gradient_is_seen(fault, monkeypatch):
    sizes = (6, 7, 7, 7)  # square, so that a kernel that is not transposed fits
    layers = network(sizes)
    images, labels = smooth_examples(layers, 8, sizes)
    assert gradient_error(layers, images, labels, rng()) < MOST_ERROR
    wrong = planted(twin_network, "backward", *WRONG_GRADIENTS[fault])
    monkeypatch.setattr(gradient_check, "backward", wrong)
    assert gradient_error(layers, images, labels, rng()) > 5 * MOST_ERROR


def test_a_gradient_that_is_no_number_is_seen(monkeypatch):
    """NaN is neither larger nor smaller than the other arrays' errors."""
    layers = network()
    images, labels = smooth_examples(layers, 4, SIZES)

    def spoilt(*given):
        gradients = backward(*given)
        parameters(gradients)[3][:] = np.nan
        return gradients

    monkeypatch.setattr(gradient_check, "backward", spoilt)
    assert np.isnan(gradient_error(layers, images, labels, rng()))


def test_a_kink_would_mislead_the_check_and_is_avoided():
    """A unit whose sum is 0 has a slope on one side only; the difference shows half of it."""
    layers = [Dense(np.ones((1, 1)), np.zeros(1)), Dense(np.array([[1.0, -1.0]]), np.zeros(2))]
    images, labels = np.array([[0.0], [1.0]]), np.array([0, 0])
    assert away_from_kinks(layers, images).tolist() == [False, True]
    entry = np.array([0])
    at_the_kink = finite_differences(layers, layers[0].bias, entry, images[:1], labels[:1])
    assert at_the_kink == pytest.approx(-0.5, rel=1e-4)  # from one side -1, from the other 0
    assert gradient_error(layers, images[1:], labels[1:], rng()) < MOST_ERROR


def test_checking_gradients_leaves_the_network_as_it_was():
    layers = network()
    before = copied(layers)
    images, labels = smooth_examples(layers, 4, SIZES)
    gradient_error(layers, images, labels, rng())
    for array, old in zip(parameters(layers), parameters(before), strict=True):
        assert np.array_equal(array, old)


# Against Keras ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def given():
    """Six batches, and gradients so small that Adam's epsilon is not."""
    many = examples(BATCHES * BATCH)
    return {
        "images": many.images.reshape(BATCHES, BATCH, -1),
        "labels": many.labels.reshape(BATCHES, BATCH),
        "tiny": rng(4).normal(0, 1e-8, (3, 5)),
        "shape": np.array([800, 500]),
    }


@pytest.fixture(scope="module")
def keras(given, tmp_path_factory):
    folder = tmp_path_factory.mktemp("keras")
    weights = {f"weight{i}": array for i, array in enumerate(parameters(network()))}
    np.savez(folder / "given.npz", **given, **weights)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [
        sys.executable,
        str(PROJECT_ROOT / "tests/support/processes/keras_twin.py"),
        str(folder),
    ]
    done = subprocess.run(  # noqa: PLW1510 - a better message than check=True's
        command, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(folder / "answers.npz") as answers:
        return dict(answers)


def apart(ours, theirs):
    """The largest difference, as a fraction of the largest of Keras's values."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


@pytest.mark.slow
def test_logits_and_loss_are_those_of_keras(keras, given):
    logits = forward(network(), given["images"][0])[-1]
    assert apart(logits, keras["logits"]) < CLOSE
    assert cross_entropy(logits, given["labels"][0]) == pytest.approx(keras["loss"], rel=CLOSE)


def gradients_apart(gradients, keras):
    return [apart(array, keras[f"gradient{i}"]) for i, array in enumerate(parameters(gradients))]


@pytest.mark.slow
def test_gradients_are_those_of_keras(keras, given):
    layers = network()
    values = forward(layers, given["images"][0])
    differences = gradients_apart(backward(layers, values, given["labels"][0]), keras)
    assert len(differences) == 6
    assert max(differences) < CLOSE


@pytest.mark.slow
@pytest.mark.parametrize("fault", [name for name in WRONG_GRADIENTS if name != "not transposed"])
def test_keras_sees_a_wrong_gradient_too(fault, keras, given):
    layers = network()
    wrong = planted(twin_network, "backward", *WRONG_GRADIENTS[fault])
    values = forward(layers, given["images"][0])
    assert max(gradients_apart(wrong(layers, values, given["labels"][0]), keras)) > 5e-6


def steps_apart(name, optimizer, keras, given):
    """How far from Keras's the weights end, as a fraction of the way that they went."""
    layers = network()
    for images, labels in zip(given["images"], given["labels"], strict=True):
        gradients = backward(layers, forward(layers, images), labels)
        optimizer.step(parameters(layers), parameters(gradients))
    starts = parameters(network())
    return max(
        apart(ours - start, keras[f"{name}{i}"] - start)
        for i, (ours, start) in enumerate(zip(parameters(layers), starts, strict=True))
    )


def test_documents_use_the_optimizers_of_the_reimplementation():
    assert set(OPTIMIZERS) == set(DOCUMENTED_OPTIMIZERS)
    assert set(DOCUMENTED_OPTIMIZERS) <= set(kinds.OPTIMIZERS)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_keras(name, keras, given):
    assert steps_apart(name, OPTIMIZERS[name](**EXACT[name]), keras, given) < 1e-8


@pytest.mark.slow
@pytest.mark.parametrize(("name", "optimizer"), [("sgd", SGD), ("adam", Adam)])
def test_the_defaults_are_those_of_keras(name, optimizer, keras, given):
    assert steps_apart(f"default_{name}", optimizer(), keras, given) < 2e-5


def tiny_steps_apart(optimizer, keras, given):
    variable = np.zeros_like(given["tiny"][0])
    for gradient in given["tiny"]:
        optimizer.step([variable], [gradient])
    return apart(variable, keras["tiny"])


@pytest.mark.slow
def test_epsilon_is_where_keras_has_it(keras, given):
    assert tiny_steps_apart(Adam(**EXACT["adam"]), keras, given) < 1e-8


CORRECTION = "sqrt(1 - self._beta_2**self._steps) / (1 - self._beta_1**self._steps)"
WRONG_ADAMS = {
    "no bias correction": (CORRECTION, "1"),
    "correction of the mean alone": (CORRECTION, "1 / (1 - self._beta_1**self._steps)"),
    "correction a step late": ("        self._steps += 1\n", "        self._steps += 2\n"),
    "epsilon inside the root": (
        "(np.sqrt(v) + self._epsilon)",
        "np.sqrt(v + self._epsilon)",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", WRONG_ADAMS)
def test_a_wrong_adam_is_seen(fault, keras, given):
    wrong = planted(twin_optimizers, "Adam", *WRONG_ADAMS[fault])
    assert steps_apart("adam", wrong(**EXACT["adam"]), keras, given) > 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("epsilon: float = 1e-7", "epsilon: float = 1e-8"),
        # Algorithm 1 as the paper prints it.
        ("+ self._epsilon)", "+ self._epsilon * sqrt(1 - self._beta_2**self._steps))"),
    ],
    ids=["the paper's epsilon", "the paper's algorithm 1"],
)
def test_another_epsilon_is_seen(before, after, keras, given):
    wrong = planted(twin_optimizers, "Adam", before, after)
    assert tiny_steps_apart(wrong(**EXACT["adam"]), keras, given) > 1e-2


@pytest.mark.slow
def test_sgd_steps_by_the_gradient_of_a_mean(keras, given):
    assert steps_apart("sgd", SGD(EXACT["sgd"]["learning_rate"] * 1.00001), keras, given) > 5e-6


# Initialisation ---------------------------------------------------------------------------------

VARIANCES = {"he_normal": lambda i, _: 2 / i, "glorot_uniform": lambda i, o: 2 / (i + o)}
# Of 400,000 numbers: a variance is known to √(2 / 400,000) = 0.2 %, and this is five times that.
SPREAD = 0.011


def variance_error(kernel, name):
    return abs(kernel.var() / VARIANCES[name](*kernel.shape) - 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", INITIALIZERS)
def test_initial_kernels_have_the_variance_of_the_formula_and_of_keras(name, keras, given):
    kernel = INITIALIZERS[name](*given["shape"], rng())
    deviation = np.sqrt(VARIANCES[name](*given["shape"]))
    assert kernel.shape == tuple(given["shape"])
    assert variance_error(kernel, name) < SPREAD
    assert variance_error(keras[name], name) < SPREAD
    assert abs(kernel.mean()) < 5 * deviation / np.sqrt(kernel.size)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_inputs_and_outputs_are_not_mixed_up(name, given):
    kernel = INITIALIZERS[name](*given["shape"][::-1], rng()).T
    wrong = {"he_normal": True, "glorot_uniform": False}[name]  # Glorot's is symmetric
    assert (variance_error(kernel, name) > SPREAD) == wrong


@pytest.mark.slow
def test_glorot_fills_its_limits_and_he_is_normal(keras, given):
    limit = np.sqrt(6 / given["shape"].sum())
    for kernel in (INITIALIZERS["glorot_uniform"](*given["shape"], rng()), keras["glorot_uniform"]):
        assert 0.9999 * limit < np.abs(kernel).max() <= limit
    he = INITIALIZERS["he_normal"](*given["shape"], rng())
    beyond = (np.abs(he) > 2 * he.std()).mean()
    assert beyond == pytest.approx(0.0455, abs=0.002)  # of a normal distribution


def test_an_initial_network_has_the_sizes_and_no_bias():
    layers = initial_network(DOCUMENTED, "glorot_uniform", rng())
    assert [layer.kernel.shape for layer in layers] == [(784, 64), (64, 32), (32, 10)]
    assert sum(array.size for array in parameters(layers)) == 52_650
    assert all((layer.bias == 0).all() for layer in layers)
    assert {array.dtype for array in parameters(layers)} == {np.dtype(np.float32)}


# What it computes -------------------------------------------------------------------------------


def test_the_forward_pass_is_that_of_the_reference():
    layers = network(DOCUMENTED)
    images = examples(5, DOCUMENTED).images
    spelled = [("InputLayer", {"shape": (784,)}, (), True)]
    for index, units in enumerate(DOCUMENTED[1:]):
        activation = "softmax" if units == 10 else "relu"
        spelled.append(("Dense", {"units": units, "activation": activation}, (index,), True))
    judged = normalise(spelled)
    weights = iter(layers)
    arrays = [vars(next(weights)) if node.kind == "Dense" else {} for node in judged.nodes]
    probabilities = np.exp(log_softmax(forward(layers, images)[-1]))
    assert apart(probabilities, judge.forward(judged, arrays, images)) < CLOSE


def test_relu_and_softmax_by_hand():
    assert relu(np.array([-2.0, 0.0, 3.0])).tolist() == [0.0, 0.0, 3.0]
    probabilities = np.exp(log_softmax(np.log([[1.0, 2.0, 5.0]])))
    assert probabilities == pytest.approx(np.array([[0.125, 0.25, 0.625]]))


def test_logits_of_any_size_neither_overflow_nor_give_the_logarithm_of_zero():
    logits = np.array([[1e4, 0.0], [-1e4, 0.0]], np.float32)
    assert cross_entropy(logits, np.array([0, 1])) == 0.0
    assert cross_entropy(logits, np.array([1, 0])) == 1e4


def test_float32_stays_float32():
    layers = network(dtype=np.float32)
    some = examples(4, dtype=np.float32)
    values = forward(layers, some.images)
    gradients = backward(layers, values, some.labels)
    for optimizer in (SGD(), Adam()):
        optimizer.step(parameters(layers), parameters(gradients))
    arrays = [*values, *parameters(gradients), *parameters(layers)]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


# The training loop ------------------------------------------------------------------------------


class Watching(SGD):
    """Counts steps, and does not move."""

    def __init__(self):
        super().__init__(0.0)
        self.steps = 0

    def step(self, parameters, gradients):
        self.steps += 1
        super().step(parameters, gradients)


def test_history_is_the_mean_over_all_images():
    layers, some, held_out = network(), examples(21), examples(9, seed=5)
    optimizer, rows = Watching(), []
    history = train(
        layers,
        optimizer,
        some,
        held_out,
        batch_size=8,
        epochs=2,
        rng=rng(),
        on_epoch=lambda epoch, row: rows.append((epoch, dict(row))),
    )
    assert optimizer.steps == 6  # 8 + 8 + 5 images, twice
    for prefix, part in (("", some), ("val_", held_out)):
        logits = forward(layers, part.images)[-1]
        right = (logits.argmax(axis=1) == part.labels).mean()
        assert history[f"{prefix}accuracy"] == pytest.approx([right] * 2)
        assert history[f"{prefix}loss"] == pytest.approx([cross_entropy(logits, part.labels)] * 2)
    assert [epoch for epoch, _ in rows] == [1, 2]
    assert {name: [row[name] for _, row in rows] for name in rows[0][1]} == history


def test_an_epoch_takes_every_image_once_in_an_order_of_its_own(monkeypatch):
    some = examples(10)
    some = replace(some, images=np.repeat(np.arange(10.0)[:, None], SIZES[0], axis=1))
    seen = []

    def watched(layers, images):
        seen.extend(images[:, 0])
        return forward(layers, images)

    monkeypatch.setattr(training, "forward", watched)
    held_out = Examples(np.full((1, SIZES[0]), -1.0), np.array([0]))
    train(network(), Watching(), some, held_out, batch_size=4, epochs=2, rng=rng())
    first, second = seen[:10], seen[11:21]
    assert seen[10] == seen[21] == -1.0
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second != sorted(second)


def test_one_batch_of_all_images_is_gradient_descent():
    layers, expected, some = network(), network(), examples(12)
    gradients = backward(expected, forward(expected, some.images), some.labels)
    train(layers, SGD(0.5), some, some, batch_size=12, epochs=1, rng=rng())
    for ours, start, gradient in zip(
        parameters(layers), parameters(expected), parameters(gradients), strict=True
    ):
        assert ours == pytest.approx(start - 0.5 * gradient, rel=1e-12)


@pytest.mark.parametrize("count", [0, 1, 1000, 1001, 2500])
def test_prediction_in_parts_is_prediction_of_all(count):
    layers, images = network(), examples(count).images
    assert np.allclose(predict(layers, images), forward(layers, images)[-1], rtol=1e-12)


def digits():
    data = load_digits()
    images = data.train_images.reshape(len(data.train_images), -1).astype(np.float32) / 255
    labels = data.train_labels
    return Examples(images[:1000], labels[:1000]), Examples(images[1000:], labels[1000:])


# After 8 epochs with the seeds 0 to 4 Adam read 90.4 to 92.2 % of the held out digits, and SGD,
# whose rate of 0.1 makes it restless, 80.3 to 92.2 %. Guessing reads 10 %.
@pytest.mark.parametrize(
    ("name", "rate", "initializer"),
    [("adam", 0.001, "glorot_uniform"), ("sgd", 0.1, "he_normal")],
)
def test_it_learns_the_digits(name, rate, initializer):
    random = rng()
    layers = initial_network(DOCUMENTED, initializer, random)
    optimizer = OPTIMIZERS[name](rate)
    history = train(layers, optimizer, *digits(), batch_size=16, epochs=8, rng=random)
    assert history["val_accuracy"][-1] > 0.7
    assert history["loss"][-1] < history["loss"][0] / 3


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    ends = []
    for seed in (0, 0, 1):
        random = rng(seed)
        layers = initial_network(DOCUMENTED, "he_normal", random)
        train(layers, Adam(), *digits(), batch_size=100, epochs=1, rng=random)
        ends.append([array.tobytes() for array in parameters(layers)])
    assert ends[0] == ends[1] != ends[2]
