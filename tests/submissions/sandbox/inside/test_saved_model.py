"""Saved networks: their configuration, their weights, what they were compiled with."""

# The scripts are written as people write them.
# ruff: noqa: E501

import io
import json
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

from tests.support.open_script import layers, recipe

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("capture")]

MAKE = """
import sys
import keras
import numpy as np
from keras import layers
keras.utils.set_random_seed(3)
folder = sys.argv[1]
model = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(2, 3), layers.BatchNormalization(),
                          layers.Dropout(0.5), layers.Flatten(), layers.Dense(10, "softmax")])
for ending in ("keras", "h5", "hdf5"):
    model.save(f"{folder}/bare.{ending}")
model.compile(keras.optimizers.SGD(0.05), keras.losses.CategoricalCrossentropy(from_logits=True),
              metrics=["accuracy"])
for ending in ("keras", "h5"):
    model.save(f"{folder}/compiled.{ending}")
model.compile(keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.02, 10, 0.9)), "mse")
model.save(f"{folder}/schedule.keras")
np.save(f"{folder}/weights.npy", np.concatenate([w.ravel() for w in model.get_weights()]))
model.save_weights(f"{folder}/only.weights.h5")
images = keras.Input((784,))
keras.Model(images, layers.Dense(10)(images)).save(f"{folder}/functional.keras")
keras.Sequential([keras.Input((4,)), layers.Lambda(lambda x: x * 2)]).save(f"{folder}/lambda.keras")
class Own(layers.Layer):
    def call(self, x):
        return x
keras.Sequential([keras.Input((4,)), Own()]).save(f"{folder}/own.keras")
keras.Sequential([keras.Input((4,)), Own()]).save(f"{folder}/own.h5")
keras.Sequential([keras.Input((5000,)), layers.Dense(5000)]).save(f"{folder}/large.keras")
"""

WANTED = ["InputLayer(28x28x1)", "Conv2D(2, 3x3)", "BatchNormalization()", "Dropout(0.5)",
          "Flatten()", "Dense(10, softmax)"]  # fmt: skip
# gamma, beta, moving mean and variance; Dropout's random state is no weight
SHAPES = [[], [[3, 3, 1, 2], [2]], [[2], [2], [2], [2]], [], [], [[1352, 10], [10]]]
UNKNOWN = dict.fromkeys(["batch_size", "epochs", "train_images", "labels", "images"])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Real files, by name, written by Keras."""
    folder = tmp_path_factory.mktemp("saved")
    done = subprocess.run(
        [sys.executable, "-c", MAKE, str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _weights(files):
    return np.load(io.BytesIO(files["weights.npy"])).astype("<f4").tobytes()


@pytest.mark.parametrize("name", ["bare.keras", "bare.h5", "bare.hdf5"])
def test_a_file_gives_network_and_weights(host, files, name):
    opened = host.open(name, {name: files[name]})
    assert opened.error is None, opened.error
    [network] = opened.networks
    assert (network["class"], network["origin"]) == ("Sequential", "file")
    assert layers(network) == WANTED
    assert network["weights"] == SHAPES
    assert opened.payload == _weights(files)
    assert network["recipe"] is None


@pytest.mark.parametrize("name", ["compiled.keras", "compiled.h5"])
def test_what_compile_was_told_is_read(host, files, name):
    opened = host.open(name, {name: files[name]})
    assert opened.error is None, opened.error
    assert opened.networks[0]["recipe"] == recipe(
        optimizer={"class": "SGD", "learning_rate": 0.05},
        loss={"name": "categorical_crossentropy", "from_logits": True},
        **UNKNOWN,
    )
    assert opened.payload == _weights(files)


def test_of_a_schedule_the_first_rate_counts(host, files):
    opened = host.open("schedule.keras", {"schedule.keras": files["schedule.keras"]})
    assert opened.networks[0]["recipe"] == recipe(
        optimizer={"class": "Adam", "learning_rate": 0.02},
        loss={"name": "mean_squared_error", "from_logits": False},
        metrics=[],
        **UNKNOWN,
    )


def test_a_functional_network(host, files):
    opened = host.open("functional.keras", {"functional.keras": files["functional.keras"]})
    [network] = opened.networks
    assert (network["class"], network["weights"]) == ("Functional", [[], [[784, 10], [10]]])
    assert len(opened.payload) == 4 * 7850


@pytest.mark.parametrize(("name", "content"), [("a.h5", "bare.keras"), ("a.keras", "bare.h5")])
def test_a_wrong_ending_does_not_matter(host, files, name, content):
    opened = host.open(name, {name: files[content]})
    assert opened.error is None, opened.error
    assert layers(opened.networks[0]) == WANTED


def _archive(config, **more):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", config)
        for name, content in more.items():
            archive.writestr(name, content)
    return data.getvalue()


def _hdf5_bomb():
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        file.attrs["model_config"] = "{}"
        file.create_dataset("w", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024))
    return data.getvalue()


def test_a_network_that_keras_cannot_open(host, files):
    message = {
        "lambda.keras": "it holds a Lambda layer, which is code",
        "own.keras": "it uses a class that is not Keras's own",
        "own.h5": "it uses a ",
        "only.weights.h5": "only.weights.h5 holds weights only, and no network; save it with",
        "large.keras": "large.keras holds 100,020,000 bytes of weights; at most 80,000,000 fit",
    }
    for name, words in message.items():
        opened = host.open(name, {name: files[name]})
        assert opened.networks == []
        assert opened.error["stage"] == "open"
        assert words in opened.error["message"], opened.error
        assert name in opened.error["message"]


BAD = {
    "nothing": ("n.keras", b"", "n.keras is neither a .keras archive nor an HDF5 file"),
    "text": ("n.h5", b"not a network", "n.h5 is neither a .keras archive nor an HDF5 file"),
    "half an archive": ("n.keras", _archive("{}")[:40], "n.keras is damaged: "),
    "an archive of something": ("n.keras", _archive("{}").replace(b"config.json", b"konfig.json"),
                                "n.keras is damaged: "),
    "no JSON": ("n.keras", _archive("{"), "n.keras: its config.json is not JSON"),
    "deep JSON": ("n.keras", _archive("[" * 100_000), "n.keras: its config.json is not JSON"),
    "an empty configuration": ("n.keras", _archive("{}"), "n.keras cannot be opened: "),
    "a list": ("n.keras", _archive("[]"), "n.keras cannot be opened: "),
    "a zip bomb": ("n.keras", _archive("{}", bomb=b"\0" * (300 << 20)),
                   "n.keras would unpack to 314,572,802 bytes; that is too large"),
    "a long configuration": ("n.keras", _archive(json.dumps(["x" * (5 << 20)])),
                             "n.keras: its config.json is too large"),
    "half of HDF5": ("n.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "n.h5 is damaged: "),
    "an HDF5 shape bomb": ("n.h5", _hdf5_bomb(), "n.h5 claims to hold 4,398,046,511,104 bytes of "),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_damaged_file_is_refused(host, what):
    name, content, message = BAD[what]
    opened = host.open(name, {name: content})
    assert (opened.networks, opened.payload) == ([], b"")
    assert opened.error["stage"] == "open"
    assert opened.error["message"].startswith(message)
    assert "/" not in opened.error["message"]


def test_a_shape_bomb_inside_an_archive_is_refused(host, files):
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(files["bare.keras"])) as old, zipfile.ZipFile(data, "w") as new:
        for name in old.namelist():
            new.writestr(name, _hdf5_bomb() if name.endswith(".h5") else old.read(name))
    opened = host.open("n.keras", {"n.keras": data.getvalue()})
    assert opened.networks == []
    assert "too large" in opened.error["message"]
