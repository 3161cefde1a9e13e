"""Transfer to Greek letters: what moves and what does not, what is left out, what is said of it."""

import json
import shutil
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from harness.data.letters import Letters, open_letters, publish_letters
from harness.evaluation.claims import judge
from harness.experiments.transfer import EPOCHS, Transfer, problems
from harness.jobs.kinds import registry
from harness.jobs.kinds.transfer import TransferJob
from harness.jobs.store.record import Record
from harness.jobs.store.store import Store
from harness.network.new_head import head_of, with_new_head
from harness.statistics.intervals import wilson
from reference import facts
from reference.errors import UserError
from reference.layers import shapes, trainable_params
from tests.support.engine import chain, documented, recipe

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("engine")]

# Every kind of layer that has weights; one would move its statistics, too, were it not frozen.
TINY = chain(
    (28, 28, 1),
    ("Conv2D", {"filters": 4, "kernel_size": [5, 5], "strides": [3, 3]}),
    ("BatchNormalization", {}),
    ("Flatten", {}),
    ("Dense", {"units": 12, "activation": "relu"}),
    ("Dense", {"units": 10, "activation": "softmax"}),
)
BASE = "ba5e" * 16
HASHES = ("frozen_before", "frozen_after", "head_before", "head_after")
(CLAIM,) = (one for one in facts.load("deep_cnn").claims if one.metric == "transfer_accuracy")
JOB = TransferJob(
    base=BASE,
    letters="",
    test_letters=None,
    optimizer="adam",
    learning_rate=0.01,
    batch_size=4,
    epochs=30,
    seed=3,
    platform={},
)


def bars(seed, count=3):
    """So many letters of each class: a bar in the upper, middle or lower third, and noise."""
    chance = np.random.default_rng(seed)
    images = chance.integers(0, 60, (3 * count, 28, 28)).astype(np.uint8)
    labels = np.arange(3, dtype=np.uint8).repeat(count)
    for image, label in zip(images, labels, strict=True):
        top, left = 3 + 8 * int(label) + chance.integers(0, 3), chance.integers(0, 8)
        image[top : top + 4, left : left + 18] = 250
    return Letters(images, labels, "GREEK_DIR")


# In a process with TensorFlow ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(engine, tmp_path_factory):
    """A folder with a store that has a trained network, for all that matters here."""
    root = tmp_path_factory.mktemp("transfer")
    engine.call(store_base, root)
    return root


def store_base(root, seed=5):
    from harness.network.engine.inference import get_weights
    from harness.network.engine.rebuild import rebuild

    def write(folder):
        np.savez(folder / "weights.npz", **get_weights(rebuild(TINY, seed), TINY))
        recipe = {"pixel_max": 255.0, "epochs": 1}
        job = {"spec": TINY.to_json(), "recipe": recipe, "seed": seed}
        document = {"key": BASE, "job": job, "history": {}}
        (folder / "record.json").write_text(json.dumps(document))

    Store(root / "store").put(BASE, write)


def transferred(root, job, thaw=None):
    """What comes of a job; with `thaw`, layers of that kind are forgotten when freezing."""
    from harness.jobs.kinds.transfer import transfer
    from harness.network.engine import transfer as engine

    def forgetful(spec, classes):
        whole = with_new_head(spec, classes)
        nodes = tuple(
            replace(node, trainable=node.trainable or node.kind == thaw)
            for node in whole.network.nodes
        )
        return replace(whole, network=replace(whole.network, nodes=nodes))

    store, epochs = Store(root / "store"), []
    store.discard(job.key)
    engine.with_new_head = forgetful if thaw else with_new_head
    key = transfer(job, root / "data", store, epochs.append)
    document = json.loads((store.get(key) / "transfer.json").read_text())
    return {**document, "train_time_s": 0.0, "epochs_told": epochs}


def job_on(place, letters, **changes):
    publish_letters(letters, place / "data")
    return replace(JOB, letters=letters.digest, **changes)


def test_nothing_but_the_new_last_layer_moves(engine, place):
    job = job_on(place, bars(0, count=6))
    found = engine.call(transferred, place, job)
    assert found["frozen_before"] == found["frozen_after"]
    assert found["head_before"] != found["head_after"]
    assert len({found[name] for name in found if name.startswith(("frozen", "head"))}) == 3
    assert found["key"] == job.key
    assert (found["labels"], found["test_labels"]) == ([0] * 6 + [1] * 6 + [2] * 6, None)
    accuracy, loss = found["history"]["accuracy"], found["history"]["loss"]
    assert (len(accuracy), len(loss)) == (30, 30)
    assert loss[-1] < 0.7 * loss[0]
    assert accuracy[-1] == 1
    assert found["predicted"] == found["labels"]
    assert sum(a == b for a, b in zip(found["left_out"], found["labels"], strict=True)) >= 15
    rows = [(row["epoch"], row["epochs"], row["loss"]) for row in found["epochs_told"]]
    assert rows == [(epoch, 30, value) for epoch, value in enumerate(loss, start=1)]


@pytest.mark.parametrize("kind", ["Conv2D", "BatchNormalization", "Dense"])
def test_a_layer_that_is_not_frozen_is_seen(engine, place, kind):
    found = engine.call(transferred, place, job_on(place, bars(0), epochs=1), kind)
    assert found["frozen_before"] != found["frozen_after"]
    (problem,) = problems([SimpleNamespace(seed=3, **{name: found[name] for name in HASHES})])
    assert problem.startswith("seed 3: frozen weights moved: their SHA-256 was ")
    assert found["frozen_after"][:12] in problem


def test_a_last_layer_that_does_not_move_is_seen(engine, place):
    found = engine.call(transferred, place, job_on(place, bars(0), epochs=1, learning_rate=0.0))
    assert found["head_before"] == found["head_after"]
    assert found["frozen_before"] == found["frozen_after"]


def test_the_frozen_weights_are_those_of_the_base(engine, place, tmp_path):
    job = job_on(place, bars(0), epochs=1)
    here = engine.call(transferred, place, job)
    engine.call(store_base, tmp_path, 6)
    publish_letters(bars(0), tmp_path / "data")
    there = engine.call(transferred, tmp_path, job)
    assert here["frozen_before"] != there["frozen_before"]
    assert here["head_before"] == there["head_before"]


def test_the_same_job_gives_the_same_bits_and_another_seed_others(engine, place):
    job = job_on(place, bars(0), epochs=2)
    first, again = (engine.call(transferred, place, job) for _ in range(2))
    assert first == again
    other = engine.call(transferred, place, replace(job, seed=4))
    assert other["head_before"] != first["head_before"]
    assert other["frozen_before"] == first["frozen_before"]


def test_letters_for_testing_are_read_and_change_nothing_else(engine, place):
    test = bars(1, count=4)
    publish_letters(test, place / "data")
    job = job_on(place, bars(0))
    without, read = (
        engine.call(transferred, place, replace(job, test_letters=digest))
        for digest in (None, test.digest)
    )
    assert without["test"] is None
    assert read["test_labels"] == test.labels.tolist()
    assert sum(a == b for a, b in zip(read["test"], read["test_labels"], strict=True)) >= 10
    for name in ("head_after", "left_out", "predicted"):
        assert read[name] == without[name]


def test_the_letter_that_is_left_out_teaches_nothing(engine, place):
    letters = bars(0)
    labels = letters.labels.copy()
    labels[4] = 2  # of nine; were it learned from, its own last layer would read it as 2
    changed = Letters(letters.images, labels, "GREEK_DIR")
    found = [
        engine.call(transferred, place, job_on(place, each, epochs=60))
        for each in (letters, changed)
    ]
    assert found[0]["left_out"][4] == found[1]["left_out"][4] == 1


def side_by_side(features, labels, kernel, bias, batches):
    from harness.network.engine.transfer import Heads

    heads = Heads(features, labels, kernel, bias, recipe("deep_cnn", learning_rate=0.01))
    for batch in batches:
        heads.step(batch)
    return heads.logits(np.arange(len(labels), dtype=np.int32)[None].repeat(len(labels), axis=0))


def alone(features, labels, weights, batches):
    """One last layer, by softmax regression and Adam written out; returns its logits."""
    weights = [w.astype(np.float64) for w in weights]
    first, second = ([np.zeros_like(w) for w in weights] for _ in range(2))
    for t, batch in enumerate(batches, start=1):
        x = features[batch].astype(np.float64)
        powers = np.exp(x @ weights[0] + weights[1])
        error = powers / powers.sum(axis=1, keepdims=True) - np.eye(3)[labels[batch]]
        error /= len(batch)
        for i, gradient in enumerate((x.T @ error, error.sum(axis=0))):
            first[i] += 0.1 * (gradient - first[i])
            second[i] += 0.001 * (gradient**2 - second[i])
            step = (first[i] / (1 - 0.9**t)) / (np.sqrt(second[i] / (1 - 0.999**t)) + 1e-7)
            weights[i] -= 0.01 * step
    return features @ weights[0] + weights[1]


def test_last_layers_learn_side_by_side_as_each_would_alone(engine):
    chance = np.random.default_rng(0)
    features = chance.random((5, 7)).astype(np.float32)
    labels = np.array([0, 1, 2, 0, 1], np.uint8)
    kernel = chance.normal(size=(7, 3)).astype(np.float32)
    bias = np.zeros(3, np.float32)
    batches = [chance.integers(0, 5, (5, size)).astype(np.int32) for size in (3, 2, 3, 1)]
    together = engine.call(side_by_side, features, labels, kernel, bias, batches)
    assert together.shape == (5, 5, 3)
    for i in range(5):
        own = alone(features, labels, (kernel, bias), [batch[i] for batch in batches])
        np.testing.assert_allclose(together[i], own, rtol=1e-4, atol=1e-4)  # float32, Adam's roots


def features_and_outputs(images):
    import keras

    from harness.network.engine import transfer
    from harness.network.engine.rebuild import rebuild

    changed = with_new_head(TINY, 3)
    model = rebuild(changed, 0)
    features = transfer._before_the_head(model, changed, images, 255.0)
    kernel, bias = model.layers[-2].get_weights()
    logits = keras.ops.convert_to_numpy(keras.ops.softmax(features @ kernel + bias))
    return features, logits, model(images.images[..., None] / np.float32(255)).numpy()


def test_the_features_are_what_the_last_layer_takes(engine):
    features, outputs, expected = engine.call(features_and_outputs, bars(0))
    assert features.shape == (9, 12)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5)


def test_a_base_that_is_not_there(engine, place):
    job = job_on(place, bars(0), base="0" * 64)
    with pytest.raises(FileNotFoundError, match="no record 0000"):
        engine.call(transferred, place, job)


# The network and the job --------------------------------------------------------------------------


def test_the_documented_network_keeps_all_but_its_last_layer():
    spec = documented("deep_cnn")
    changed = with_new_head(spec, 3)
    assert shapes(changed.network)[-1] == (3,)
    assert trainable_params(changed.network) == 100 * 3 + 3
    assert head_of(changed) == head_of(spec) == len(spec.network.nodes) - 2
    for index, (old, new) in enumerate(zip(spec.network.nodes, changed.network.nodes, strict=True)):
        if index == head_of(spec):
            assert new == replace(old, config={**old.config, "units": 3})
        else:
            assert new == replace(old, trainable=False)


@pytest.mark.parametrize(
    ("layers", "ending"),
    [
        ([("Dense", {"units": 10})], "InputLayer and Dense"),
        ([("Dense", {"units": 10, "activation": "sigmoid"})], "Dense and Activation"),
        ([("Activation", {"activation": "softmax"})], "InputLayer and Activation"),
    ],
)
def test_a_network_whose_last_layer_cannot_be_replaced(layers, ending):
    with pytest.raises(UserError, match=f"ends in {ending}, but should end in a dense layer"):
        with_new_head(chain((784,), *layers), 3)


def test_the_key_covers_everything_the_numbers_depend_on():
    changes = {
        "base": "b" * 64, "letters": "c" * 64, "test_letters": "d" * 64, "optimizer": "sgd",
        "learning_rate": 0.02, "batch_size": 5, "epochs": 31, "seed": 4, "platform": {"cpu": "x"},
    }  # fmt: skip
    assert set(changes) == set(JOB.to_json()) - {"kind"}
    keys = {replace(JOB, **{name: value}).key for name, value in changes.items()}
    assert len(keys | {JOB.key}) == len(changes) + 1


def test_a_job_travels_as_json():
    assert registry.from_json(json.loads(json.dumps(JOB.to_json()))) == JOB
    with pytest.raises(UserError, match="transfer job: keys"):
        registry.from_json({**JOB.to_json(), "epoch": 1})


# The experiment -----------------------------------------------------------------------------------


class FakeContext:
    """Does no work: each transfer classifies as many letters correctly as the test says."""

    def __init__(self, root, *, histories, left_out, dataset="mnist", **changes):
        self.dataset = SimpleNamespace(name=dataset)
        self.greek_test = None
        self.data_folder = root / "data"
        self.jobs = []
        self._root = root
        self._histories, self._left_out, self._changes = histories, left_out, changes

    def tell(self, line):
        raise AssertionError(line)  # nothing was damaged

    def spec(self, architecture):
        return documented(architecture)

    def facts(self, architecture):
        return facts.load(architecture)

    def recipe(self, architecture):
        return recipe(architecture)

    def runs(self, architecture):
        assert architecture == "deep_cnn"
        count = len(self._histories)
        return [
            Record(
                Path(), {"key": f"{seed:064d}", "job": {"seed": seed, "platform": {}}}, cached=True
            )
            for seed in range(count)
        ]

    def do(self, job, title, cost, limit, epochs):
        assert title == f"deep_cnn seed {job.seed}, Greek letters"
        assert (cost > 0, limit.seconds, epochs) == (True, 300, job.epochs)
        self.jobs.append(job)
        labels = open_letters(self.data_folder, job.letters).labels.tolist()
        tests = None
        if job.test_letters is not None:
            tests = open_letters(self.data_folder, job.test_letters).labels.tolist()
        history = self._histories[job.seed]
        document = {
            "key": job.key, "job": job.to_json(), "labels": labels, "test_labels": tests,
            "history": {"accuracy": [n / 27 for n in history], "loss": [0.5] * len(history)},
            "predicted": wrong(labels, 27 - history[-1]),
            "left_out": wrong(labels, 27 - self._left_out[job.seed]),
            "test": None if tests is None else wrong(tests, job.seed),
            "frozen_before": "f" * 64, "frozen_after": "f" * 64,
            "head_before": "a" * 64, "head_after": "b" * 64, "train_time_s": 1.5,
            **self._changes,
        }  # fmt: skip
        folder = self._root / job.key
        folder.mkdir()
        (folder / "transfer.json").write_text(json.dumps(document))
        done = Future()
        done.set_result(folder)
        return done

    def wait(self, future):
        return future.result()


def wrong(labels, count):
    """Returns the labels with the first ones misclassified."""
    return [(label + (i < count)) % 3 for i, label in enumerate(labels)]


@pytest.fixture
def written(tmp_path, monkeypatch):
    """27 written letters in $GREEK_DIR."""
    from PIL import Image

    for index, name in enumerate(("alpha", "beta", "gamma")):
        (tmp_path / "greek" / name).mkdir(parents=True)
        for copy in range(9):
            grey = (
                np.random.default_rng(9 * index + copy)
                .integers(0, 255, (133, 133))
                .astype(np.uint8)
            )
            Image.fromarray(grey).save(tmp_path / "greek" / name / f"{copy}.png")
    monkeypatch.setenv("GREEK_DIR", str(tmp_path / "greek"))
    return tmp_path / "greek"


@pytest.mark.usefixtures("written")
def test_one_transfer_for_each_documented_run(tmp_path):
    context = FakeContext(tmp_path, histories=[[20, 26, 27], [25, 25, 26]], left_out=[24, 26])
    outcome = Transfer().run(context)
    assert outcome.problems == ()
    assert [(job.base, job.seed) for job in context.jobs] == [("0" * 64, 0), (f"{1:064d}", 1)]
    assert {(j.optimizer, j.learning_rate, j.batch_size, j.epochs) for j in context.jobs} == {
        ("adam", 0.001, 5, EPOCHS)
    }
    result = json.loads(json.dumps(outcome.result))
    assert result["letters"]["source"] == "GREEK_DIR"
    assert result["letters"]["note"] is None
    assert result["letters"]["classes"] == ["alpha", "beta", "gamma"]
    assert result["letters"]["digest"] == context.jobs[0].letters
    assert [p["label"] for p in result["letters"]["pictures"]] == [0] * 9 + [1] * 9 + [2] * 9
    assert {len(p["pixels"]) for p in result["letters"]["pictures"]} == {1048}  # 784 bytes
    assert result["claim"] == 0.96
    first, second = result["runs"]
    assert (first["correct"], first["images"], first["left_out_correct"]) == (27, 27, 24)
    assert (first["epochs_to_claim"], second["epochs_to_claim"]) == (2, 3)
    assert (first["key"], first["base_key"]) == (context.jobs[0].key, "0" * 64)
    assert result["mean"] == pytest.approx(26.5 / 27)
    # Student's t, one degree of freedom: 12.706 * 0.02619 / sqrt(2) beyond both ends but one.
    assert result["interval"] == pytest.approx([0.74616, 1.0], abs=1e-4)
    assert result["left_out_mean"] == pytest.approx(25 / 27)
    # Wilson's of 25 in 27, which is not made narrower by there being two runs.
    assert result["left_out_interval"] == pytest.approx([0.76629, 0.97943], abs=1e-4)
    assert result["test"] is None


@pytest.mark.usefixtures("written")
def test_the_finding_of_a_claim_that_is_passed(tmp_path):
    context = FakeContext(tmp_path, histories=[[20, 26, 27], [25, 26, 27]], left_out=[24, 26])
    assert Transfer().run(context).result["finding"] == (
        "After 3 epochs the new last layer classifies 27 of 27 of its training letters correctly "
        "(100.0 %), with each of 2 seeds. The document's 96 % is 26 of 27. The networks reach it "
        "after 2 epochs. The document's difficulty in training beyond this point does not "
        "reproduce: the networks reach all 27 after 3 epochs, 1 epoch later. A training that stops "
        "in between shows the document's figure. This is not its accuracy on new letters. Of "
        "letters that were left out of training, one at a time, it classifies 25 of 27 correctly "
        "(92.6 %, 95 % interval [76.6 %, 97.9 %]); the document does not report this figure. The "
        "interval is Wilson's over the 27 letters, for the mean of 2 seeds, since more networks do "
        "not make more letters, and holds for further letters of the same kind."
    )


@pytest.mark.parametrize(
    ("histories", "words"),
    [
        ([[20, 26, 26], [26, 26, 26]], "reproduces: none of the networks reaches all 27."),
        ([[20, 26, 26], [26, 27, 26]], "in part: 1 of 2 networks reach all 27, after 2 epochs."),
        ([[20, 26, 27], [25, 25, 25]], "27. 1 of 2 networks reach it, after 2 epochs."),
        ([[20, 25, 25], [25, 25, 25]], "27. 0 of 2 networks reach it. "),
        ([[26, 27, 27], [25, 25, 26]], "The networks reach it after 1 to 3 epochs."),
        ([[1, 1, 26], [1, 1, 27]], "26.5 of 27 of its training letters correctly (98.1 %), the "),
        ([[1, 1, 27]], "correctly (100.0 %). The document's 96 % is 26 of 27. "),
        ([[1, 1, 27]], "Wilson's over the 27 letters, and holds"),
    ],
)
@pytest.mark.usefixtures("written")
def test_the_finding_follows_the_numbers(tmp_path, histories, words):
    context = FakeContext(tmp_path, histories=histories, left_out=[25] * len(histories))
    assert words in Transfer().run(context).result["finding"]


@pytest.mark.parametrize(
    ("correct", "verdict"), [((20, 20), "not reproduced"), ((25, 26), "holds"), ((27, 27), "holds")]
)
@pytest.mark.usefixtures("written")
def test_a_low_accuracy_is_a_finding_and_not_a_problem(tmp_path, correct, verdict):
    context = FakeContext(tmp_path, histories=[[15, count] for count in correct], left_out=[24, 26])
    outcome = Transfer().run(context)
    assert outcome.problems == ()
    row = {"id": "greek", "kind": "transfer", "status": "done", "problems": outcome.problems}
    document = replace(facts.load("deep_cnn"), claims=(CLAIM,))
    row["result"] = json.loads(json.dumps(outcome.result))
    (found,) = judge(document, None, (), [row], documented_data=True)
    assert (found["verdict"], found["measured"]) == (verdict, pytest.approx(sum(correct) / 54))
    # One figure, one interval, wherever it is shown.
    assert found["interval"] == pytest.approx(outcome.result["interval"])


@pytest.mark.usefixtures("written")
def test_seeds_that_agree_do_not_make_the_interval_a_point(tmp_path):
    context = FakeContext(tmp_path, histories=[[27]] * 5, left_out=[25] * 5)
    assert Transfer().run(context).result["interval"] == pytest.approx(wilson(27, 27))


@pytest.mark.usefixtures("written")
def test_weights_that_moved_or_did_not_are_problems(tmp_path):
    context = FakeContext(tmp_path, histories=[[27]], left_out=[27], frozen_after="e" * 64,
                  head_after="a" * 64)  # fmt: skip
    frozen, head = Transfer().run(context).problems
    assert frozen == (
        "seed 0: frozen weights moved: their SHA-256 was ffffffffffff… before training and should "
        "be the same afterwards, but is eeeeeeeeeeee…"
    )
    assert head == (
        "seed 0: the new last layer did not move: its SHA-256 is aaaaaaaaaaaa… before and after "
        "training"
    )


def test_without_written_letters_no_claim_is_judged(tmp_path, monkeypatch):
    monkeypatch.delenv("GREEK_DIR", raising=False)
    outcome = Transfer().run(FakeContext(tmp_path, histories=[[20]], left_out=[20]))
    assert outcome.problems == ()
    assert outcome.result["letters"]["source"] == "drawn"
    assert outcome.result["letters"]["note"].startswith("GREEK_DIR is not set")
    assert "The document's 96 % is not judged" in outcome.result["finding"]


@pytest.mark.parametrize(("missing", "words"), [(1, "8 alpha"), (8, "1 alpha")])
def test_other_letters_than_nine_of_each_judge_no_claim(tmp_path, written, missing, words):
    for number in range(missing):
        (written / "alpha" / f"{number}.png").unlink()
    context = FakeContext(tmp_path, histories=[[20]], left_out=[19])
    outcome = Transfer().run(context)
    assert outcome.problems == ()
    assert (
        "The document's 96 % is not judged: its letters were nine of each class, and these "
        f"are {words}, 9 beta and 9 gamma."
    ) in outcome.result["finding"]


def test_letters_that_are_there_twice_are_reported(tmp_path, written):
    context = FakeContext(tmp_path, histories=[[27]], left_out=[27])
    for copy in (3, 4):
        shutil.copy(written / "beta" / "0.png", written / "beta" / f"{copy}.png")
    result = Transfer().run(context).result
    assert result["letters"]["repeated"] == 3
    assert "But 3 of the letters are exact copies of another one" in result["finding"]


@pytest.mark.usefixtures("written")
def test_on_other_digits_than_mnist_no_claim_is_judged(tmp_path):
    context = FakeContext(tmp_path, histories=[[20]], left_out=[20], dataset="digits")
    outcome = Transfer().run(context)
    assert outcome.problems == ()
    assert "The document's 96 % is not judged" in outcome.result["finding"]


def test_letters_for_testing(tmp_path, written):
    context = FakeContext(tmp_path, histories=[[27], [27], [27]], left_out=[27] * 3)
    context.greek_test = tmp_path / "seen"
    shutil.copytree(written, context.greek_test)
    for file in (written / "beta").glob("[0-6].png"):
        file.unlink()
    for file in (context.greek_test / "beta").glob("[3-8].png"):
        file.unlink()
    outcome = Transfer().run(context)
    test = outcome.result["test"]
    assert (test["images"], test["correct"], len(test["pictures"])) == (21, [21, 20, 19], 21)
    assert test["predicted"] == [wrong([0] * 9 + [1] * 3 + [2] * 9, seed) for seed in range(3)]
    assert test["mean"] == pytest.approx(20 / 21)
    assert test["interval"] == pytest.approx([0.77331, 0.99154], abs=1e-4)
    assert (
        "Of the 21 test letters it classifies 20 of 21 correctly (95.2 %, 95 % interval [77.3 %, "
        "99.2 %]). But 18 of them are also training letters"
    ) in outcome.result["finding"]
    assert test["trained_on"] == 18


@pytest.mark.usefixtures("written")
def test_a_folder_for_testing_that_is_not_there(tmp_path):
    context = FakeContext(tmp_path, histories=[[27]], left_out=[27])
    context.greek_test = tmp_path / "nowhere"
    with pytest.raises(UserError, match=r"--greek-test: .*nowhere does not exist"):
        Transfer().run(context)
    assert context.jobs == []
