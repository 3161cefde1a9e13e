"""Altered images read by trained networks: the right weights, the right counts, asked for once."""

import json
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from math import hypot
from types import SimpleNamespace

import numpy as np
import pytest

from harness.app.grading import session as session_module
from harness.app.grading.options import Options
from harness.app.grading.robustness import RobustnessRequests, cancel, collect
from harness.app.grading.session import Session
from harness.app.grading.training import Trainings
from harness.data import publish
from harness.data.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from harness.evaluation.evidence.robustness import Readings, robustness
from harness.jobs.kinds import robustness as job_module
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.kinds.robustness import (
    DOCUMENT,
    MAX_IMAGES,
    READINGS,
    RobustnessJob,
    check_same,
    corrupt_all,
    counts,
    read,
    sampled,
)
from harness.jobs.kinds.train import TrainJob
from harness.jobs.store.store import Store
from harness.report.schema.values import plain
from harness.statistics.intervals import mean_interval, wilson
from harness.system.futures import fail
from reference.errors import UserError
from reference.layers import flops
from tests.support.engine import chain, digits, documented, recipe

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("engine")]

LEVELS = len(CORRUPTIONS) * len(SEVERITIES)
DENSE = ("Dense", {"units": 10, "activation": "softmax"})
# Every form of input there is, with batch normalisation, dropout and scores that are no
# probabilities among them.
NETWORKS = {
    "flat": chain((784,), ("Dense", {"units": 12, "activation": "tanh"}), DENSE),
    "rows": chain((28, 28), ("Flatten", {}), ("Dense", {"units": 10, "activation": "linear"})),
    "pictures": chain(
        (28, 28, 1),
        ("Conv2D", {"filters": 4, "kernel_size": [5, 5], "strides": [3, 3]}),
        ("BatchNormalization", {}),
        ("Flatten", {}),
        ("Dropout", {"rate": 0.5}),
        DENSE,
    ),
}
PIXEL_MAX = {"flat": 255.0, "rows": 100.0, "pictures": 255.0}
IMAGES = 100


def key_of(name):
    return name.encode().hex().ljust(64, "0")


def job_of(name, **changes):
    job = RobustnessJob(key_of(name), digits().digest, IMAGES, 0, {"threads": 1})
    return replace(job, **changes)


# In a process with TensorFlow -------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(engine, tmp_path_factory):
    """A folder with published images and a store of networks that have read them."""
    root = tmp_path_factory.mktemp("robustness")
    publish(digits(), root / "data")
    for name in NETWORKS:
        engine.call(store_network, root, name)
    return root


def model_of(name):
    """A network whose every weight is drawn at random, statistics of normalisation included."""
    from harness.network.engine.rebuild import rebuild

    chance = np.random.default_rng(len(name))
    model = rebuild(NETWORKS[name], 7)
    for weight in model.weights:
        if "moving" in weight.path:
            weight.assign(chance.uniform(0.2, 2.0, weight.shape))
    return model


def outputs_of(model, name, images):
    shaped = images.reshape(-1, *model.input_shape[1:]) / PIXEL_MAX[name]
    return model(shaped.astype(np.float32), training=False).numpy()


def store_network(root, name, weights_of=None):
    """Stores a record; with the weights of another network of that shape, where one is given."""
    from harness.network.engine.inference import get_weights

    model, spec = model_of(name), NETWORKS[name]
    weights = get_weights(model, spec)
    if weights_of == "another":
        weights = {key: 2 * array for key, array in weights.items()}
    key = key_of(name if weights_of is None else f"{name} with wrong weights")

    def write(folder):
        np.savez(folder / "weights.npz", **weights)
        np.savez(folder / "predictions.npz", test=outputs_of(model, name, digits().test_images))
        recipe = {"pixel_max": PIXEL_MAX[name], "epochs": 1}
        job = {"spec": spec.to_json(), "recipe": recipe, "seed": 0}
        document = {"key": key, "job": job, "history": {}}
        (folder / "record.json").write_text(json.dumps(document))

    Store(root / "store").put(key, write)


def tried(root, job):
    """What comes of a job."""
    from harness.jobs.kinds.robustness import classify_corrupted

    store = Store(root / "store")
    return read(store.get(classify_corrupted(job, root / "data", store, print)))


def read_by_keras(name, images):
    """The digits that Keras itself reads."""
    return outputs_of(model_of(name), name, images).argmax(axis=1)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_reads_what_it_read_in_its_run_and_altered_images_as_keras_does(
    engine, place, name
):
    found = engine.call(tried, place, job_of(name))
    chosen = sampled(digits().test_labels, IMAGES)
    images, labels = digits().test_images[chosen], digits().test_labels[chosen]
    stored = np.load(Store(place / "store").folder(key_of(name)) / "predictions.npz")["test"]
    assert found["clean"] == (stored[chosen].argmax(axis=1) == labels).sum()
    assert found["images"] == len(found["misread"]) == IMAGES
    for corruption in ("shift", "noise", "inversion"):
        altered = corrupt(images, corruption, 2, seed=0)
        right = engine.call(read_by_keras, name, altered) == labels
        assert found["correct"][corruption][1] == right.sum()
    assert sum(found["misread"]) == LEVELS * IMAGES - sum(map(sum, found["correct"].values()))


def test_the_weights_of_another_network_are_noticed(engine, place):
    engine.call(store_network, place, "flat", "another")
    job = job_of("flat", base=key_of("flat with wrong weights"))
    with pytest.raises(ValueError, match="These are not the weights of the run"):
        engine.call(tried, place, job)
    assert Store(place / "store").get(job.key) is None


def test_a_network_that_is_not_in_the_store_is_named(engine, place):
    with pytest.raises(FileNotFoundError, match=f"no record {'0' * 64} of a trained network"):
        engine.call(tried, place, job_of("flat", base="0" * 64))


# The job and its parts --------------------------------------------------------------------------


def test_the_key_covers_all_that_the_counts_depend_on(monkeypatch):
    job = job_of("flat")
    others = [
        replace(job, base="b"), replace(job, data_digest="d"), replace(job, images=9),
        replace(job, seed=1), replace(job, platform={"threads": 2}),
    ]  # fmt: skip
    keys = {job.key, *(other.key for other in others)}
    for name, value in (
        ("_corruptions_digest", lambda: "other code"),
        ("ENGINE_VERSION", -1),
        ("ROBUSTNESS_VERSION", -1),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(job_module, name, value)
            keys.add(job.key)
    assert len(keys) == 9
    assert replace(job).key == job.key


def test_a_job_with_other_keys_is_refused():
    with pytest.raises(UserError, match=r"^robustness job: keys \['base'\]; expected \['base"):
        RobustnessJob.from_json({"kind": "robustness", "base": "b"})


def test_the_sample_has_each_digit_in_its_proportion_and_is_always_the_same():
    labels = np.random.default_rng(1).integers(0, 10, 10_000).astype(np.uint8)
    chosen = sampled(labels, 500)
    assert len(chosen) == 500
    assert np.array_equal(chosen, sampled(labels.copy(), 500))
    assert list(chosen) == sorted(set(chosen))
    share = np.bincount(labels[chosen]) - np.bincount(labels) / 20
    assert np.abs(share).max() < 1
    assert list(sampled(labels[:90], 90)) == list(sampled(labels[:90], 500)) == list(range(90))


def test_counts_are_those_of_the_network():
    images = np.random.default_rng(2).integers(0, 256, (30, 28, 28)).astype(np.uint8)
    labels = (images[:, 10, 10] % 10).astype(np.uint8)
    seen = []

    def network(altered):
        """Right wherever the pixel is what it was."""
        seen.append(altered.copy())
        return np.eye(10, dtype=np.float32)[altered[:, 10, 10] % 10]

    told = []
    found = counts(network, corrupt_all(images, 4), labels, told.append)
    assert told == [{"epoch": number, "epochs": 8} for number in range(1, 9)]
    assert len(seen) == LEVELS == READINGS - 1
    expected = {
        name: [
            int((corrupt(images, name, s, 4)[:, 10, 10] % 10 == labels).sum()) for s in SEVERITIES
        ]
        for name in CORRUPTIONS
    }
    assert found["correct"] == expected
    wrong = sum((altered[:, 10, 10] % 10 != labels).astype(int) for altered in seen)
    assert found["misread"] == wrong.tolist()


def test_outputs_may_differ_by_rounding_and_no_more():
    outputs = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    check_same(outputs + np.float32(1e-5), outputs)
    check_same(1e4 * outputs + np.float32(1.0), 1e4 * outputs)  # scores, not probabilities
    broken = np.array([[np.nan, np.inf], [0.2, 0.8]], np.float32)
    check_same(broken, broken)  # a run that diverged
    for other in (outputs[::-1], outputs + np.float32(0.01), broken):
        with pytest.raises(ValueError, match="These are not the weights of the run"):
            check_same(other, outputs)


# Asking -----------------------------------------------------------------------------------------

TRAINED = TrainJob(documented("mlp_64_32"), recipe("mlp_64_32"), "digits", "d" * 64, 2, {})


class Work:
    """Keeps what it is asked to do."""

    def __init__(self):
        self.asked = []

    def do(self, job, title, cost, limit, epochs, **more):
        self.asked.append((job, title, cost, limit, {"epochs": epochs, **more}, Future()))
        return self.asked[-1][-1]


def asked(test_images=360):
    work, run, target = Work(), Future(), Future()
    RobustnessRequests(work, test_images, 1).add(TRAINED, run, "mlp seed 2", target)
    assert work.asked == []
    return work, run, target


def test_a_network_is_tried_once_its_run_is_there(tmp_path):
    work, run, target = asked()
    run.set_result("a record")
    ((job, title, cost, limit, more, done),) = work.asked
    assert (job.base, job.data_digest, job.images) == (TRAINED.key, "d" * 64, MAX_IMAGES)
    assert (title, more) == (
        "mlp seed 2 on corrupted images",
        {"epochs": len(CORRUPTIONS), "verb": "tried"},
    )
    assert cost == sum(flops(TRAINED.spec.network)) * 360 * READINGS
    assert limit.seconds >= 300
    (tmp_path / DOCUMENT).write_text('{"clean": 3}')
    done.set_result(tmp_path)
    assert target.result(timeout=0) == {"clean": 3}


def test_a_run_that_failed_has_nothing_to_try():
    work, run, target = asked()
    run.set_exception(JobFailed("timeout", "too long"))
    assert work.asked == []
    with pytest.raises(JobFailed, match="too long"):
        target.result(timeout=0)


def test_a_session_that_has_ended_tries_nothing():
    work, run, target = asked()

    def do(*_, **__):
        raise JobFailed("skipped", "the session has ended")

    work.do = do
    run.set_result("a record")
    with pytest.raises(JobFailed, match="the session has ended"):
        target.result(timeout=0)


def test_what_went_wrong_is_kept_with_its_reason():
    traceback = "Traceback (most recent call last):\n  File x\nValueError: other weights\n"
    there, lost, stopped, cancelled = (Future() for _ in range(4))
    there.set_result({"clean": 1})
    lost.set_exception(JobFailed("grader_error", traceback))
    stopped.cancel()
    cancel([there, cancelled])
    found = collect([there, lost, cancelled, lost, stopped], lambda future: future.result())
    assert found == Readings(
        ({"clean": 1},),
        ("ValueError: other weights", "the run was stopped before that", "CancelledError"),
        5,
    )
    assert collect([], fail) is None


def test_what_comes_after_it_was_given_up_is_not_an_error():
    target = Future()
    cancel([target])
    fail(CancelledError(), target)
    with pytest.raises(JobFailed, match="stopped before that"):
        target.result(timeout=0)


def options(tmp_path, **changes):
    known = Options(
        dataset="digits", mnist_dir=None, recipe="gate", seeds=3, workers=1,
        report=tmp_path / "report", store=tmp_path / "store", fresh=False,
    )  # fmt: skip
    return replace(known, **changes)


@pytest.mark.parametrize(
    ("alter", "examine", "expected"), [(True, True, 3), (False, True, 0), (True, False, 0)]
)
def test_only_graded_networks_are_tried_and_none_in_a_class(tmp_path, alter, examine, expected):
    trainings = Trainings(options(tmp_path), None, digits(), None, robustness=alter)
    subject = SimpleNamespace(id="x")
    training = trainings.of(subject, Future(), examine=examine)
    assert (len(training.runs), len(training.robustness)) == (3, expected)
    trainings.cancel_robustness()
    assert all(isinstance(one.exception(timeout=0), JobFailed) for one in training.robustness)
    assert not any(run.done() for run in training.runs)


def test_a_failure_reaches_everybody_who_waits(tmp_path):
    opened = Future()
    trainings = Trainings(options(tmp_path), None, digits(), None, robustness=True)
    training = trainings.of(SimpleNamespace(id="x"), opened, examine=True)
    opened.set_exception(JobFailed("skipped", "the session has ended"))
    assert all(one.exception(timeout=0) for one in (*training.runs, *training.robustness))


@pytest.mark.parametrize(("count", "alter"), [(10, True), (11, False)])
def test_more_than_ten_networks_are_a_class(tmp_path, monkeypatch, count, alter):
    made = []

    class Recorder:
        def __init__(self, *_, **more):
            made.append(more)

        def of(self, *_, **__):
            return None

        def cancel_robustness(self):
            made.append("given up")

    monkeypatch.setattr(session_module, "Trainings", Recorder)
    monkeypatch.setattr(session_module, "load", lambda *_: digits())
    subjects = [SimpleNamespace(id=f"s{number}") for number in range(count)]
    session = Session(options(tmp_path), subjects, {}, lambda _: None)
    monkeypatch.setattr(session, "_networks", SimpleNamespace(
        opened=lambda _: Future(), stop=lambda: None, wait=lambda: None,
    ))  # fmt: skip
    try:
        session.start(train=True)
        assert [one["robustness"] for one in made] == [alter]
        session.stop_experiments()
        assert made[1:] == ["given up"]
    finally:
        session.stop()


# What results.json says -------------------------------------------------------------------------


def reading(clean, correct, misread):
    """A document in which every level has so many right."""
    levels = {name: [correct] * len(SEVERITIES) for name in CORRUPTIONS}
    return {"images": 4, "clean": clean, "correct": levels, "misread": misread}


def test_of_several_seeds_there_are_means_and_intervals_over_seeds_and_images():
    first = reading(4, 3, [0, 0, 0, LEVELS])
    second = reading(3, 2, [0, 0, LEVELS // 5, LEVELS])
    second["correct"] = {**second["correct"], "blur": [4, 3, 2, 1, 0]}
    found = robustness(Readings((first, second), (), 2))
    assert (found["images"], found["seeds"], found["note"]) == (4, 2, None)
    assert found["clean"] == 3.5 / 4
    assert found["mean_corruption_error"] == pytest.approx((0.25 + 0.3) / 2)
    assert [curve["corruption"] for curve in found["curves"]] == list(CORRUPTIONS)
    blur = found["curves"][4]
    assert (blur["words"], blur["unit"]) == ("blurred", "pixels")
    assert [level["severity"] for level in blur["levels"]] == [1, 2, 3, 4, 5]
    assert [level["value"] for level in blur["levels"]] == [0.4, 0.8, 1.2, 1.6, 2.0]
    assert [level["accuracy"] for level in blur["levels"]] == [0.875, 0.75, 0.625, 0.5, 0.375]
    assert blur["levels"][1]["interval"] == pytest.approx(wilson(3, 4))  # both seeds alike
    assert blur["levels"][0]["interval"] == (0.0, 1.0)  # of 0.75 and 1, cut
    json.dumps(found, default=plain, allow_nan=False)


def test_an_interval_of_several_seeds_allows_for_other_seeds_and_other_images():
    # Of 400 images, 300 and 308 right: 0.75 and 0.77, and the errors of whole images.
    runs = [
        {
            "images": 400,
            "clean": right,
            "correct": {name: [right] * len(SEVERITIES) for name in CORRUPTIONS},
            "misread": [0] * right + [LEVELS] * (400 - right),
        }
        for right in (300, 308)
    ]
    found = robustness(Readings(tuple(runs), (), 2))
    by_images, by_seeds = wilson(304, 400), mean_interval([0.75, 0.77])
    low = 0.76 - hypot(0.76 - by_images[0], 0.76 - by_seeds[0])
    high = 0.76 + hypot(by_images[1] - 0.76, by_seeds[1] - 0.76)
    assert (low, high) == pytest.approx((0.6255, 0.8930), abs=1e-4)
    assert found["clean_interval"] == pytest.approx([low, high], abs=1e-9)
    assert found["curves"][0]["levels"][0]["interval"] == found["clean_interval"]
    by_images = mean_interval([0] * 300 + [0.5] * 8 + [1] * 92)
    low = 0.24 - hypot(0.24 - by_images[0], by_seeds[1] - 0.76)
    high = 0.24 + hypot(by_images[1] - 0.24, 0.76 - by_seeds[0])
    assert found["mean_corruption_error_interval"] == pytest.approx([low, high], abs=1e-9)
    # One of them alone says less than both.
    alone = robustness(Readings((runs[0],), (), 1))
    assert alone["clean_interval"] == pytest.approx(wilson(300, 400))


def test_of_one_seed_the_mean_error_has_an_interval_over_the_images():
    found = robustness(Readings((reading(4, 2, [0, LEVELS // 2, LEVELS, LEVELS // 2]),), (), 1))
    assert found["mean_corruption_error"] == 0.5
    # Student's t for 0, 1/2, 1, 1/2: half a width of 3.182 * 0.40825 / 2, more than there is.
    assert found["mean_corruption_error_interval"] == (0.0, 1.0)
    calm = robustness(Readings((reading(4, 2, [19, 20, 21, 20]),), (), 1))
    half = 3.18245 * 0.0204124 / 2
    assert calm["mean_corruption_error_interval"] == pytest.approx([0.5 - half, 0.5 + half])
    assert found["clean_interval"] == pytest.approx(wilson(4, 4))


def test_lost_runs_are_said_and_the_others_shown():
    found = robustness(Readings((reading(4, 3, [LEVELS] * 4),), ("out of memory", "too long"), 3))
    assert found["seeds"] == 1
    assert found["note"] == (
        "2 of 3 runs did not classify the corrupted images: out of memory; too long"
    )


def test_where_all_are_lost_there_is_only_the_reason():
    found = robustness(Readings((), ("the worker died",), 2))
    assert (found["seeds"], found["clean"], found["curves"]) == (0, None, [])
    assert found["mean_corruption_error"] is found["mean_corruption_error_interval"] is None
    assert found["note"].endswith("the worker died")


def test_where_nothing_was_wanted_there_is_nothing():
    assert robustness(None) is None
