"""A realistic results.json for the tests of the report, made from nothing but a seed.

Curves, confusion matrices (rows add up to the test set's own counts) and digit pictures are drawn
here, so that no test of the report needs data, training or TensorFlow.
"""

import base64
import copy
import random
from typing import Any

from tests.support.samples.experiment_results import experiments as every_experiment
from tests.support.samples.shaky_digits import digest, digit_pixels

TEST_COUNTS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
CONFUSED = ((4, 9), (9, 4), (7, 2), (3, 5), (5, 3), (8, 3), (6, 0), (2, 7), (7, 9), (9, 7))


def _layer(
    name: str, kind: str, shape: list[int], params: int, flops: int, /, **config: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "class": kind,
        "output_shape": shape,
        "params": params,
        "flops": flops,
        "config": config,
    }


def _conv(name: str, filters: int, side: int, channels: int, /, **config: Any) -> dict[str, Any]:
    weights = 9 * channels * filters
    shape = [side, side, filters]
    given = {"filters": filters, "kernel_size": [3, 3], "padding": "valid"} | config
    return _layer(name, "Conv2D", shape, weights + filters, 2 * weights * side * side, **given)


def _pool(name: str, side: int, filters: int) -> dict[str, Any]:
    shape = [side, side, filters]
    flops = 4 * side * side * filters
    return _layer(name, "MaxPooling2D", shape, 0, flops, pool_size=[2, 2], strides=[2, 2])


def _dense(name: str, inputs: int, units: int, activation: str) -> dict[str, Any]:
    params = (inputs + 1) * units
    return _layer(
        name, "Dense", [units], params, 2 * inputs * units, units=units, activation=activation
    )


NETWORKS: dict[str, dict[str, Any]] = {
    "functional_cnn": {
        "family": "cnn",
        "title": "Functional API: two convolutions with batch normalisation, then 128 units",
        "document": "000: Deep-Learning-with-keras",
        "gate": 0.98,
        "accuracy": 0.9882,
        "rate": 2950.0,
        "epochs": (1, 10),
        "batch_size": 128,
        "untrained": 192,
        "layers": [
            _conv("conv1", 32, 28, 1, padding="same"),
            _layer("norm1", "BatchNormalization", [28, 28, 32], 128, 50176),
            _layer("relu1", "Activation", [28, 28, 32], 0, 25088, activation="relu"),
            _pool("pool1", 14, 32),
            _conv("conv2", 64, 14, 32, padding="same"),
            _layer("norm2", "BatchNormalization", [14, 14, 64], 256, 25088),
            _layer("relu2", "Activation", [14, 14, 64], 0, 12544, activation="relu"),
            _pool("pool2", 7, 64),
            _layer("flatten", "Flatten", [3136], 0, 0),
            _dense("hidden", 3136, 128, "relu"),
            _layer("dropout", "Dropout", [128], 0, 0, rate=0.5),
            _dense("predictions", 128, 10, "softmax"),
        ],
    },
    "sequential_cnn": {
        "family": "cnn",
        "title": "Sequential: one convolution, one pooling, 128 units",
        "document": "001: Convolutional-Neural-Networks-with-Keras-mnist-",
        "gate": 0.98,
        "accuracy": 0.9851,
        "rate": 13400.0,
        "epochs": (4, 10),
        "batch_size": 128,
        "untrained": 0,
        "layers": [
            _conv("conv1", 32, 26, 1, activation="relu"),
            _pool("pool1", 13, 32),
            _layer("flatten", "Flatten", [5408], 0, 0),
            _dense("hidden", 5408, 128, "relu"),
            _dense("predictions", 128, 10, "softmax"),
        ],
    },
    "deep_cnn": {
        "family": "cnn",
        "title": "Three convolutions with He initialisation, 100 units",
        "document": "002: MNIST Deep Learning",
        "gate": 0.98,
        "accuracy": 0.9907,
        "rate": 4020.0,
        "epochs": (2, 10),
        "batch_size": 200,
        "untrained": 0,
        "layers": [
            _conv("conv1", 32, 26, 1, activation="relu"),
            _pool("pool1", 13, 32),
            _conv("conv2", 64, 11, 32, activation="relu"),
            _conv("conv3", 64, 9, 64, activation="relu"),
            _pool("pool2", 4, 64),
            _layer("flatten", "Flatten", [1024], 0, 0),
            _dense("hidden", 1024, 100, "relu"),
            _dense("predictions", 100, 10, "softmax"),
        ],
    },
    "mlp_256_128": {
        "family": "mlp",
        "title": "Two dense layers of 256 and 128 units",
        "document": "003: MNIST Digit Classification",
        "gate": 0.96,
        "accuracy": 0.9716,
        "rate": 46000.0,
        "epochs": (2, 10),
        "batch_size": 32,
        "untrained": 0,
        "layers": [
            _layer("flatten", "Flatten", [784], 0, 0),
            _dense("hidden1", 784, 256, "relu"),
            _dense("hidden2", 256, 128, "relu"),
            _dense("predictions", 128, 10, "softmax"),
        ],
    },
    "mlp_64_32": {
        "family": "mlp",
        "title": "Two dense layers of 64 and 32 units",
        "document": "004: Training-Deep-Models-on-MNIST",
        "gate": 0.96,
        "accuracy": 0.9668,
        "rate": 121000.0,
        "epochs": (4, 100),
        "batch_size": 32,
        "untrained": 0,
        "layers": [
            _layer("flatten", "Flatten", [784], 0, 0),
            _dense("hidden1", 784, 64, "relu"),
            _dense("hidden2", 64, 32, "relu"),
            _dense("predictions", 32, 10, "softmax"),
        ],
    },
}

CHECKS = (
    ("test_structure.py::test_layer_sequence", "structure", "the layers are the documented ones"),
    ("test_structure.py::test_output_shapes", "structure", "every output shape is documented"),
    ("test_structure.py::test_params", "structure", "every layer has the documented parameters"),
    ("test_structure.py::test_total_params", "structure", "the total of parameters agrees"),
    ("test_structure.py::test_trainable", "structure", "the trainable parameters agree"),
    ("test_structure.py::test_config", "structure", "activations, padding and rates agree"),
    ("test_numerics.py::test_forward", "numerics", "an independent forward pass agrees"),
    ("test_numerics.py::test_random_biases", "numerics", "it agrees with random biases too"),
    ("test_numerics.py::test_probabilities", "numerics", "outputs are probabilities"),
    ("test_numerics.py::test_flops", "numerics", "FLOPs by arithmetic agree with Keras"),
    ("test_training.py::test_loss_falls", "training", "the training loss falls"),
    ("test_training.py::test_first_epoch", "training", "the first epoch is far above chance"),
    ("test_training.py::test_gate", "training", "the test accuracy clears the gate"),
    ("test_training.py::test_same_weights", "training", "the same seed gives the same weights"),
    ("test_persistence.py::test_keras_file", "persistence", ".keras loads with equal predictions"),
    ("test_persistence.py::test_npz_file", "persistence", ".npz loads with equal predictions"),
)


def wilson(accuracy: float, count: int) -> list[float]:
    """The 95 % Wilson score interval of a proportion."""
    z = 1.959964
    centre = (accuracy + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count)
    half *= (accuracy * (1 - accuracy) / count + z * z / (4 * count * count)) ** 0.5
    return [round(centre - half, 6), round(centre + half, 6)]


def _confusion(rng: random.Random, accuracy: float) -> list[list[int]]:
    matrix = [[n if row == col else 0 for col in range(10)] for row, n in enumerate(TEST_COUNTS)]
    for _ in range(round(sum(TEST_COUNTS) * (1 - accuracy))):
        true, predicted = rng.choice(CONFUSED) if rng.random() < 0.5 else rng.sample(range(10), 2)
        matrix[true][predicted] += 1
        matrix[true][true] -= 1
    return matrix


def _history(rng: random.Random, accuracy: float, epochs: int, rate: float) -> dict[str, Any]:
    val_error, history = 1 - accuracy, {}
    val = [1 - val_error * (1 + 1.4 * 0.45**e + 0.05 * rng.random()) for e in range(epochs)]
    val[-1] = accuracy + 0.0004
    train = [1 - (1 - v) * (2.2 if e == 0 else 1.15 * 0.72**e) for e, v in enumerate(val)]
    history["accuracy"] = [round(v, 5) for v in train]
    history["val_accuracy"] = [round(v, 5) for v in val]
    history["loss"] = [round(3.3 * (1 - v) + 0.001, 5) for v in train]
    history["val_loss"] = [round(3.1 * (1 - v) + 0.004 + 0.0004 * e, 5) for e, v in enumerate(val)]
    history["epoch_time_s"] = [round(50000 / rate * rng.uniform(0.98, 1.04), 3) for _ in val]
    return history


def _run(name: str, seed: int, recipe: str) -> dict[str, Any]:
    network = NETWORKS[name]
    rng = random.Random(f"{name}{seed}")
    stop, documented = network["epochs"]
    epochs = documented if recipe == "documented" else stop
    errors = round(1e4 * (1 - network["accuracy"])) + (rng.randint(-9, 9) if seed else 0)
    accuracy = round(1 - errors / 1e4, 6)
    confusion = _confusion(rng, accuracy)
    pairs = [(i, j) for i in range(10) for j in range(10) if i != j for _ in range(confusion[i][j])]
    chosen = rng.sample(pairs, min(24, len(pairs)))
    misread = [
        {
            "index": rng.randrange(10000),
            "label": label,
            "prediction": prediction,
            "confidence": round(0.9996 - 0.012 * place - 0.004 * rng.random(), 4),
            "pixels": base64.b64encode(digit_pixels(rng, label)).decode(),
        }
        for place, (label, prediction) in enumerate(chosen)
    ]
    rate = network["rate"]
    return {
        "key": digest(f"key{name}{seed}"),
        "seed": seed,
        "cached": False,
        "epochs": epochs,
        "documented_epochs": documented,
        "train_images": 50000,
        "validation_images": 10000,
        "batch_size": network["batch_size"],
        "stopped": f"all {documented} epochs of the recipe"
        if recipe == "documented"
        else f"after epoch {stop} of {documented}: validation accuracy cleared "
        f"{network['gate']:.0%}",
        "history": _history(rng, accuracy, epochs, rate),
        "test_accuracy": accuracy,
        "test_loss": round(3.1 * (1 - accuracy), 5),
        "interval": wilson(accuracy, 10000),
        "correct_bitmap": base64.b64encode(rng.randbytes(1250)).decode(),
        "confusion": confusion,
        "misread": misread,
        "train_time_s": round(epochs * 50000 / rate, 3),
        "train_images_per_s": rate * rng.uniform(0.98, 1.02),
        "weights_sha256": digest(f"weights{name}{seed}"),
    }


def _subject(name: str, seeds: int, recipe: str) -> dict[str, Any]:
    network = NETWORKS[name]
    layers = copy.deepcopy(network["layers"])
    total = sum(layer["params"] for layer in layers)
    totals = {"total_params": total, "trainable_params": total - network["untrained"]}
    expected = [
        {key: layer[key] for key in ("class", "output_shape", "params", "config")}
        | {"source": f"Model Architecture, row {row}", "basis": "stated" if row % 3 else "derived"}
        for row, layer in enumerate(copy.deepcopy(layers), 1)
    ]
    runs = [_run(name, seed, recipe) for seed in range(seeds)]
    mean = sum(run["test_accuracy"] for run in runs) / seeds
    margin = mean - network["gate"]
    return {
        "id": name,
        "architecture": name,
        "family": network["family"],
        "title": network["title"],
        "document": network["document"],
        "source": f"models/{name}.py",
        "trust": "project",
        "spec_digest": digest(f"spec{name}"),
        "score": float(len(CHECKS)),
        "max_score": float(len(CHECKS)),
        "verdict": "passed",
        "error": None,
        "spec": {"layers": layers, "flops": sum(x["flops"] for x in layers)} | totals,
        "expected": {"layers": expected} | totals,
        "diff": [
            {"status": "same", "expected": i, "actual": i, "changes": []}
            for i in range(len(layers))
        ],
        "gate": {
            "threshold": network["gate"],
            "basis": "documented gate",
            "accuracy": round(mean, 6),
            "interval": wilson(mean, 10000 * seeds),
            "margin": round(margin, 6),
            "verdict": "passed",
            "seeds": seeds,
            "explanation": "the whole 95 % interval lies above the gate",
        },
        "runs": runs,
        "checks": [
            {
                "id": f"{ident}[{name}]",
                "group": group,
                "title": title,
                "status": "passed",
                "points": 1.0,
                "max_points": 1.0,
                "expected": None,
                "actual": None,
                "hint": None,
                "message": None,
                "source": None,
                "duration_s": 0.004,
            }
            for ident, group, title in CHECKS
        ],
    }


def _claim(
    name: str, what: str, quote: str, claimed: float | None, verdict: str, reason: str | None, /
) -> dict[str, Any]:
    accuracy = NETWORKS[name]["accuracy"]
    tested = verdict != "cannot be tested"
    return {
        "architecture": name,
        "document": NETWORKS[name]["document"],
        "what": what,
        "claimed": claimed,
        "quote": quote,
        "measured": accuracy if tested else None,
        "interval": wilson(accuracy, 10000) if tested else None,
        "seeds": 1,
        "verdict": verdict,
        "reason": reason,
        "source": "Results",
    }


def _claims() -> list[dict[str, Any]]:
    few = "96 % of 27 pictures is 26 pictures; the pictures were not published"
    return [
        _claim("functional_cnn", "test accuracy", "Test Accuracy: ~98%", 0.98, "holds", None),
        _claim(
            "functional_cnn",
            "validation accuracy",
            "Validation Accuracy: ~98%",
            0.98,
            "holds",
            None,
        ),
        _claim("sequential_cnn", "total parameters", "Total params: 693,962", 693962, "holds", None)
        | {"measured": 693962, "interval": None, "seeds": None, "source": "Model Architecture"},
        _claim(
            "deep_cnn",
            "cross-validation mean",
            "with an Accuracy: mean=96.058",
            0.96058,
            "exceeded",
            "the published code gives about 98.7 % in every fold",
        ),
        _claim(
            "deep_cnn",
            "transfer to Greek letters",
            "the model achieved a 96% accuracy rate after several epochs",
            0.96,
            "cannot be tested",
            few,
        ),
        _claim(
            "mlp_64_32",
            "validation accuracy",
            "Achieved ~81% accuracy with a simple dense neural network.",
            0.81,
            "not reproduced",
            "the described recipe is far more accurate from its first epoch on",
        ),
    ]


def _benchmarks(names: list[str]) -> list[dict[str, Any]]:
    rows = []
    for name in names:
        rate, layers = NETWORKS[name]["rate"], NETWORKS[name]["layers"]
        flops = float(sum(layer["flops"] for layer in layers))
        batch = NETWORKS[name]["batch_size"]
        for task, runner, size, speed in (
            ("train", "engine", batch, rate),
            ("train", "keras fit", batch, rate / 2.1),
            ("predict", "engine", 1, 2900.0),
            ("predict", "keras call", 1, 640.0),
            ("predict", "engine", 256, rate * 3.2),
            ("predict", "keras predict", 256, rate * 1.7),
        ):
            median = size / speed
            rows.append(
                {
                    "architecture": name,
                    "task": task,
                    "runner": runner,
                    "batch_size": size,
                    "median_s": median,
                    "p95_s": median * 1.13,
                    "iqr_s": median * 0.03,
                    "rounds": 20,
                    "steps_per_round": 10,
                    "images_per_s": speed,
                    "device": "CPU",
                    "threads": 2,
                    "flops_per_image": flops,
                    "matmul_fraction": min(
                        0.9, speed * flops * (3 if task == "train" else 1) / 212e9
                    ),
                    "created": "2026-11-20T18:00:00Z",
                    "commit": "0a1b2c3",
                    "cpu": "Intel Xeon (sample)",
                }
            )
    return rows


def _untested(claim: dict[str, Any], reason: str) -> None:
    claim |= {
        "measured": None,
        "interval": None,
        "seeds": None,
        "verdict": "cannot be tested",
        "reason": reason,
    }


def sample(
    *,
    seeds: int = 1,
    recipe: str = "gate",
    dataset: str = "mnist",
    names: tuple[str, ...] = tuple(NETWORKS),
    benchmarks: bool = True,
    experiments: bool = False,
) -> dict[str, Any]:
    """A complete results.json in which everything passes; change what a test needs."""
    digits = dataset == "digits"
    note = "MNIST was neither found nor downloadable: no MNIST_DIR is set and no network is there."
    claims = [claim for claim in _claims() if claim["architecture"] in names]
    if digits:
        for claim in claims:
            _untested(claim, "the claim is about MNIST, and this run used the embedded digits")
    return {
        "schema": 1,
        "created": "2026-11-21T11:02:03Z",
        "command": "pytest checks/",
        "outcome": "passed",
        "dataset": {
            "name": dataset,
            "digest": digest(dataset),
            "sizes": {"train": 60000, "test": 10000},
            "source": "bundled with scikit-learn" if digits else "IDX files (MNIST_DIR)",
            "note": note if digits else None,
        },
        "recipe": recipe,
        "seeds": list(range(seeds)),
        "environment": {
            "cpu": "Intel Xeon (sample)",
            "flags": ["avx2", "avx512f"],
            "cores": 2,
            "threads": 1,
            "workers": 2,
            "memory_bytes": 25e9,
            "gpu": None,
            "python": "3.11.7",
            "tensorflow": "2.21.0",
            "keras": "3.15.1",
            "numpy": "2.4.6",
            "os": "Linux 6.1 (sample)",
            "commit": "0a1b2c3",
            "isolation": "bubblewrap",
        },
        "subjects": [_subject(name, seeds, recipe) for name in names],
        "claims": claims,
        "comparisons": [],
        "baseline": {},
        "benchmarks": _benchmarks(list(names)) if benchmarks else [],
        **({"experiments": every_experiment()} if experiments else {}),
    }


def failing() -> dict[str, Any]:
    """Two networks gone wrong and one that could not be built; the others pass."""
    results = sample()
    results["outcome"] = "failed"
    by_name = {subject["id"]: subject for subject in results["subjects"]}

    wrong = by_name["sequential_cnn"]
    wrong |= {"verdict": "failed", "score": 12.0}
    layers = wrong["spec"]["layers"]
    layers[0]["config"]["filters"] = 33
    layers[0] |= {"output_shape": [26, 26, 33], "params": 330}
    layers[1] |= {"output_shape": [13, 13, 33], "class": "AveragePooling2D"}
    layers.insert(3, _layer("dropout", "Dropout", [5577], 0, 0, rate=0.25))
    layers[2]["output_shape"] = [5577]
    del layers[4]
    wrong["spec"]["total_params"] = 56_110
    wrong["diff"] = [
        _diff(
            "changed",
            0,
            0,
            "conv1.filters = 33, but should be 32 [Model Architecture, row 1]",
            "conv1.params = 330, but should be 320 [Model Architecture, row 1]",
        ),
        _diff("changed", 1, 1, "pool1 = AveragePooling2D, but should be MaxPooling2D"),
        _diff("changed", 2, 2, "flatten.output_shape = (5577,), but should be (5408,)"),
        _diff("extra", None, 3),
        _diff("missing", 3, None),
        _diff("same", 4, 4),
    ]
    fail_check(
        wrong["checks"][1],
        expected="conv1: (26, 26, 32)",
        actual="conv1: (26, 26, 33)",
        hint="Conv2D's first argument is the number of filters; the document's table ends in 32.",
        message="conv1.output_shape = (26, 26, 33), but should be (26, 26, 32) "
        "[001, Model Architecture, row 1]\nflatten.output_shape = (5577,), but should be (5408,)",
        source="001, Model Architecture, row 1",
    )
    fail_check(wrong["checks"][2], expected="320", actual="330", message="conv1.params = 330")
    wrong["checks"][13]["status"] = "skipped"
    wrong["checks"][13]["message"] = "needs a second process, which was not available"

    weak = by_name["mlp_64_32"]
    weak["verdict"] = "inconclusive"
    weak["gate"] |= {
        "accuracy": 0.9612,
        "interval": [0.9572, 0.9648],
        "margin": 0.0012,
        "verdict": "inconclusive",
        "explanation": "the gate lies inside the 95 % interval: more seeds would settle it",
    }

    gone = by_name["deep_cnn"]
    gone |= {
        "verdict": "not built",
        "score": 0.0,
        "spec_digest": None,
        "spec": None,
        "diff": [],
        "gate": None,
        "runs": [],
        "error": "models/deep_cnn.py, line 31: SyntaxError: '(' was never closed\n"
        "    x = layers.Conv2D(32, 3",
    }
    for check in gone["checks"]:
        check |= {"status": "skipped", "points": 0.0, "message": "the network was not built"}
    fail_check(
        gone["checks"][0],
        message=gone["error"],
        hint="Open the file at that line and close the parenthesis.",
    )
    for claim in results["claims"]:
        if claim["architecture"] == "deep_cnn":
            _untested(claim, "the network was not built")
    return results


def _diff(status: str, expected: int | None, actual: int | None, *changes: str) -> dict[str, Any]:
    return {"status": status, "expected": expected, "actual": actual, "changes": list(changes)}


def fail_check(check: dict[str, Any], **details: str) -> None:
    check |= {"status": "failed", "points": 0.0} | details
