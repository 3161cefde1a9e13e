"""The training loop sees the images it should, in an order of its own, and stops when it should.

What the loop did is read from the weights it leaves. In the "ledger" network each image lights a
pixel of its own, and plain gradient descent starts from zero: then the weights of a pixel move
only when its image is seen, by a step that tells the size of the batch it was seen in.
"""

from dataclasses import replace

import numpy as np
import pytest

from harness.data.dataset import Split, split
from harness.statistics.intervals import wilson
from tests.support.engine import (
    NETWORKS,
    batches,
    chain,
    digits,
    documented,
    recipe,
    scaled,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("engine")]

IMAGES, VALIDATION = 700, 100
ZEROS = {"class": "Zeros", "config": {}}
OUTPUT = ("Dense", {"units": 10, "use_bias": False, "activation": "softmax",
                    "kernel_initializer": ZEROS})  # fmt: skip
LEDGER = chain((784,), OUTPUT)
KEYS = {"accuracy", "loss", "val_accuracy", "val_loss", "epoch_time_s"}
# Float32 through one softmax and one division.
RTOL = 1e-5


def ledger_step(weights, labels, size):
    """The weights, (N, 10), one per image, after each was seen once in a batch of `size`, (N,)."""
    powers = np.exp(weights)
    error = powers / powers.sum(axis=1, keepdims=True) - np.eye(10)[labels]
    return weights - error / np.asarray(size)[:, None]


def ledger_labels():
    return (np.arange(IMAGES) * 7 % 10).astype(np.uint8)


# Every image once ------------------------------------------------------------------------------


# 600 images: many batches and a rest of 24; fewer steps than are hashed early; two batches; one
# that is larger than the whole.
@pytest.mark.parametrize("size", [32, 64, 400, 1000])
def test_an_epoch_sees_every_training_image_once_and_no_other(engine, size):
    weights, history = engine.call(ledger, size, 1, 0)
    parts = split(IMAGES, VALIDATION, 0)
    seen, labels = parts.train_indexes, ledger_labels()
    np.testing.assert_array_equal(weights[parts.validation_indexes], 0)
    rest = len(seen) % size or size
    start = np.zeros((len(seen), 10))
    full = ledger_step(start, labels[seen], np.full(len(seen), size))
    part = ledger_step(start, labels[seen], np.full(len(seen), rest))
    in_full = np.isclose(weights[seen], full, rtol=RTOL).all(axis=1)
    in_part = np.isclose(weights[seen], part, rtol=RTOL).all(axis=1)
    assert (in_full | in_part).all()
    if size != rest:
        assert (in_full.sum(), in_part.sum()) == (len(seen) - rest, rest)
    # Each image met weights of zero, whatever came before it, and the first of ten equals wins.
    np.testing.assert_allclose(history["loss"], np.log(10), rtol=RTOL)
    assert history["accuracy"] == [(labels[seen] == 0).mean()]
    # The others still do, after training.
    np.testing.assert_allclose(history["val_loss"], np.log(10), rtol=RTOL)
    assert history["val_accuracy"] == [(labels[parts.validation_indexes] == 0).mean()]


def test_epochs_and_seeds_have_orders_of_their_own(engine):
    first, again, second, other = (
        engine.call(ledger, 400, epochs, seed)[0].astype(np.float64)
        for epochs, seed in ((1, 0), (1, 0), (2, 0), (1, 1))
    )
    np.testing.assert_array_equal(first, again)
    parts = split(IMAGES, VALIDATION, 0)
    seen, labels = parts.train_indexes, ledger_labels()[parts.train_indexes]

    def in_first_batch(before, after):
        """Which images were among the 400 of the first batch and not the 200 of the second."""
        expected = [ledger_step(before[seen], labels, np.full(600, size)) for size in (400, 200)]
        found = [np.isclose(after[seen], e, rtol=1e-4).all(axis=1) for e in expected]
        assert (found[0] ^ found[1]).all()
        assert found[0].sum() == 400
        return found[0]

    zero = np.zeros_like(first)
    orders = [
        in_first_batch(zero, first),
        in_first_batch(first, second),
        in_first_batch(zero, other),
    ]
    for i in range(3):
        for j in range(i):
            # Two independent choices of 400 in 600 agree on 5/9 of the images; 0.1 is 4.9 sd.
            assert abs((orders[i] == orders[j]).mean() - 5 / 9) < 0.1


@pytest.mark.parametrize("name", ["functional_cnn", "mlp_64_32"])
def test_an_epoch_is_its_batches_one_after_the_other(engine, name):
    whole, parts = engine.call(epoch_and_batches, name)
    assert whole["hash"] == parts["hash"]
    assert whole["correct"] == parts["correct"]
    np.testing.assert_allclose(whole["loss"], parts["loss"], rtol=1e-6)


@pytest.mark.parametrize("shape", [(784,), (28, 28), (28, 28, 1)])
def test_images_are_reshaped_to_the_network_s_input_row_by_row(engine, shape):
    weights, outputs = engine.call(ledger_of_shape, shape)
    expected, _ = engine.call(ledger_of_shape, (784,))
    np.testing.assert_array_equal(weights, expected)
    # Image i lights pixel i, so the outputs for it are the softmax of row i.
    powers = np.exp(weights[:IMAGES].astype(np.float64))
    np.testing.assert_allclose(outputs, powers / powers.sum(axis=1, keepdims=True), rtol=RTOL)


# Seeds -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_a_seed_gives_the_same_bits_in_another_process_and_another_seed_others(two_engines, name):
    one, two = two_engines
    calls = [one.start(trained, name, 3), two.start(trained, name, 3), two.start(trained, name, 4)]
    first, again, other = (call.result() for call in calls)
    for key in ("early_weights", "weights", "test_correct", "test_loss"):
        assert first[key] == again[key]
    np.testing.assert_array_equal(first["predictions"], again["predictions"])
    assert first["early_weights"] != other["early_weights"]
    assert first["weights"] != other["weights"]
    assert first["early_weights"] != first["weights"]
    # The first steps alone, repeated in a process that did not train the run.
    assert two.call(first_steps, name, 3) == first["early_weights"]
    assert one.call(first_steps, name, 4) == other["early_weights"]


# Of 600 images in steps of 32: more than 10,000 steps, from where on XLA compiles them.
LONG = {"batch_size": 32, "epochs": 560}


def test_xla_compiles_long_runs_and_those_alone_and_the_bits_repeat(two_engines):
    one, two = two_engines
    assert one.call(compiled, "mlp_64_32", LONG)
    assert not one.call(compiled, "mlp_64_32", SHORT)
    assert not one.call(compiled, "mlp_64_32", {**LONG, "stop_at": 0.96})
    assert not one.call(compiled, "sequential_cnn", LONG)
    calls = [engine.start(trained, "mlp_64_32", 3, LONG) for engine in (one, two)]
    first, again = (call.result() for call in calls)
    assert first["early_weights"] == again["early_weights"]
    assert first["weights"] == again["weights"]


def test_a_run_shorter_than_the_early_steps_ends_with_the_early_weights(engine):
    run = engine.call(trained, "mlp_64_32", 0, {"batch_size": 500, "epochs": 1})
    assert run["early_weights"] == run["weights"]


# When it stops ---------------------------------------------------------------------------------

STOP = 0.8


def test_it_stops_at_the_first_epoch_that_clears_and_not_before(engine):
    run = engine.call(trained, "mlp_64_32", 0, {"epochs": 12, "stop_at": STOP})
    correct = [round(value * 180) for value in run["history"]["val_accuracy"]]
    cleared = [wilson(value, 180)[0] >= STOP for value in correct]
    assert 2 < len(cleared) < 12
    assert cleared == [False] * (len(cleared) - 1) + [True]
    assert f"after epoch {len(cleared)} of 12" in run["stopped"]
    # Stopping is all that it does: the same number of epochs gives the same weights.
    full = engine.call(trained, "mlp_64_32", 0, {"epochs": len(cleared), "stop_at": None})
    assert full["weights"] == run["weights"]
    assert "all" in full["stopped"]


@pytest.mark.parametrize("stop_at", [None, 1.0])
def test_otherwise_it_trains_all_epochs(engine, stop_at):
    run = engine.call(trained, "mlp_64_32", 0, {"epochs": 4, "stop_at": stop_at})
    assert run["history"].keys() == KEYS
    assert {len(values) for values in run["history"].values()} == {4}
    assert run["told"] == [1, 2, 3, 4]
    assert run["stopped"] == "all 4 epochs of the recipe"


def test_only_the_validation_images_decide(engine):
    settings = {"epochs": 12, "stop_at": STOP}
    honest, wrong_test, wrong_validation = (
        engine.call(trained, "mlp_64_32", 0, settings, wrong)
        for wrong in (None, "test", "validation")
    )
    assert wrong_test["weights"] == honest["weights"]
    np.testing.assert_array_equal(wrong_test["predictions"], honest["predictions"])
    for key in KEYS - {"epoch_time_s"}:
        assert wrong_test["history"][key] == honest["history"][key]
    # The shifted labels were looked at, at the end.
    assert honest["test_correct"] > 180 > wrong_test["test_correct"]
    # And the test can tell: with wrong labels on the validation images it does not stop.
    assert len(honest["history"]["loss"]) < len(wrong_validation["history"]["loss"]) == 12


# What is measured ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["functional_cnn", "mlp_64_32"])
def test_a_saved_network_gives_in_another_process_what_was_measured(two_engines, name, tmp_path):
    run = two_engines[0].call(trained, name, 1, {"epochs": 3}, None, tmp_path / "network.keras")
    found = two_engines[1].call(reopened, tmp_path / "network.keras")
    # Batches of other sizes, and Keras's own kernels: float32 rounding before the softmax.
    np.testing.assert_allclose(found["predictions"], run["predictions"], rtol=1e-4, atol=1e-6)
    labels = digits().test_labels
    assert run["test_correct"] == (run["predictions"].argmax(axis=1) == labels).sum()
    assert found["test"] == pytest.approx([run["test_loss"], run["test_correct"] / 360], rel=1e-5)
    last = {key: values[-1] for key, values in run["history"].items()}
    assert found["validation"] == pytest.approx([last["val_loss"], last["val_accuracy"]], rel=1e-5)


# In the process that imports TensorFlow --------------------------------------------------------


def one_pixel_each():
    images = np.zeros((IMAGES, 784), np.uint8)
    images[np.arange(IMAGES), np.arange(IMAGES)] = 255
    return images.reshape(-1, 28, 28)


def ledger_recipe(size, epochs=1):
    return recipe("mlp_64_32", optimizer="sgd", learning_rate=1.0, batch_size=size, epochs=epochs)


def ledger(size, epochs, seed):
    """The ledger network's weights, a row for each image, after so many epochs; the history."""
    from harness.network.engine.train import Images, train

    images, labels = one_pixel_each(), ledger_labels()
    done = train(
        LEDGER, ledger_recipe(size, epochs), Images(images, labels, images[:1], labels[:1]),
        split(IMAGES, VALIDATION, 0), seed,
    )  # fmt: skip
    return done.model.weights[0].numpy()[:IMAGES], done.history


def ledger_of_shape(shape):
    """The same after one epoch in order, for a network that takes images of another shape."""
    from harness.network.engine.rebuild import rebuild
    from harness.network.engine.training_loop import Trainer

    spec = chain(shape, ("Flatten", {}), OUTPUT)
    model = rebuild(spec, seed=0)
    trainer = Trainer(model, spec, ledger_recipe(32), one_pixel_each(), ledger_labels())
    trainer.train(np.arange(IMAGES, dtype=np.int32))
    _, outputs = trainer.evaluate(one_pixel_each(), ledger_labels())
    return model.weights[0].numpy(), outputs


def epoch_and_batches(name):
    """One epoch in one call, and in a call for each batch: totals and the weights' hash."""
    import keras

    from harness.network.engine.inference import weights_digest
    from harness.network.engine.rebuild import rebuild
    from harness.network.engine.training_loop import Totals, Trainer

    spec, settings = documented(name), recipe(name, batch_size=48)
    order = np.random.default_rng(0).permutation(1437)[:500].astype(np.int32)
    found = []
    for calls in ([order], batches(order, 48)):
        keras.utils.set_random_seed(0)
        model = rebuild(spec, seed=0)
        trainer = Trainer(model, spec, settings, digits().train_images, digits().train_labels)
        totals = Totals(0.0, 0)
        for indexes in calls:
            totals += trainer.train(indexes)
        found.append(
            {"hash": weights_digest(model), "loss": totals.loss, "correct": totals.correct}
        )
    return found


# Where a test asks for nothing else: 600 images make 10 early steps and 9 more, the last of 24.
SHORT = {"batch_size": 32, "epochs": 1}


def job(name, changes, wrong=None):
    """A run on 600 digits and 180 for validation; labels of a part are shifted if asked for."""
    from harness.network.engine.train import Images

    data = digits()
    whole = split(len(data.train_labels), 180, 0)
    parts = Split(whole.train_indexes[:600], whole.validation_indexes)
    train_labels, test_labels = data.train_labels.copy(), data.test_labels
    if wrong == "test":
        test_labels = (test_labels + 1) % 10
    if wrong == "validation":
        shifted = (train_labels[parts.validation_indexes] + 1) % 10
        train_labels[parts.validation_indexes] = shifted
    images = Images(data.train_images, train_labels, data.test_images, test_labels)
    return documented(name), replace(recipe(name), **{**SHORT, **changes}), images, parts


def trained(name, seed, changes=SHORT, wrong=None, save_as=None):
    """What `train` says of a run, and the numbers of the epochs it told of; all but the model."""
    from harness.network.engine.train import train

    told = []
    done = train(*job(name, changes, wrong), seed, lambda epoch, _row: told.append(epoch))
    if save_as is not None:
        done.model.save(save_as)
    return {**{key: value for key, value in vars(done).items() if key != "model"}, "told": told}


def compiled(name, changes):
    """Whether XLA compiles the steps of a run."""
    from harness.network.engine.train import Run

    return Run(*job(name, changes), 0).trainer.compiled


def first_steps(name, seed):
    from harness.network.engine.train import repeat_first_steps

    return repeat_first_steps(*job(name, SHORT), seed)


def reopened(path):
    """Predictions and evaluations of a saved network, by nothing but Keras."""
    import keras

    model = keras.saving.load_model(path)
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    _, _, images, parts = job("mlp_64_32", {})
    sets = {
        "test": (images.test_images, images.test_labels),
        "validation": tuple(
            a[parts.validation_indexes] for a in (images.train_images, images.train_labels)
        ),
    }
    found = {
        key: model.evaluate(scaled(x, model), y, batch_size=90, verbose=0)
        for key, (x, y) in sets.items()
    }
    predictions = model.predict(scaled(images.test_images, model), batch_size=90, verbose=0)
    return {**found, "predictions": predictions}
