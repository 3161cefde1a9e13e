"""Too good to be true, or worse than before: what raises an alarm, what does not, what it says."""

from dataclasses import replace

import numpy as np
import pytest

from harness.data import Arrays, DataRequest, Dataset, digest, load
from harness.evaluation.checking import Mismatch
from harness.evaluation.evidence.alarms import calibrated_range, find, shared_images
from harness.jobs.kinds.evaluate import OwnAccuracy
from harness.jobs.store.record import Record
from harness.network import documented
from reference import calibration
from reference.calibration import Calibration, Floor
from reference.facts import load as load_facts
from tests.support.check_runner import checks

FACTS = load_facts("mlp_64_32")
DIGEST = documented.documented_spec(FACTS).digest
MEASURED = Calibration(
    "mnist", {}, {"mlp_64_32": Floor(0.96, 0.965, 0.00125, 20, 4.0)}, "python -m x", documented=True
)
GATE = documented.recipe_for(FACTS, "gate", MEASURED)


def run(correct, total=10_000, seed=0, recipe=GATE):
    document = {
        "test_correct": correct,
        "test_images": total,
        "job": {"seed": seed, "recipe": recipe.to_json()},
    }
    return Record(None, document, cached=False)


def expected(runs, spec_digest=DIGEST, known=MEASURED):
    return calibrated_range(runs, FACTS, spec_digest, known)


def data(shared=(), test=40, train=60):
    """Random images, of which the test images named first are put over training images."""
    rng = np.random.default_rng(11)
    images = rng.integers(0, 256, (train + test, 28, 28), dtype=np.uint8)
    train_images, test_images = images[:train].copy(), images[train:]
    for test_index, train_index in shared:
        train_images[train_index] = test_images[test_index]
    arrays = Arrays(
        train_images=train_images,
        train_labels=np.zeros(train, np.uint8),
        test_images=test_images,
        test_labels=np.zeros(test, np.uint8),
    )
    return Dataset.of(arrays, name="mnist", digest=digest(arrays), source="made up")


HONEST = data()


def plausible(runs, dataset=HONEST, own=None, known=MEASURED, spec_digest=DIGEST):
    """Has the check look at runs; raises Mismatch."""
    checks()["plausible"](find(runs, dataset, expected(runs, spec_digest, known), own))


def refused(**evidence):
    with pytest.raises(Mismatch) as caught:
        plausible(**evidence)
    return caught.value.differences


# Too good ----------------------------------------------------------------------------------------


def test_honest_runs_raise_no_alarm():
    plausible([run(9_650), run(9_600, seed=1), run(9_700, seed=2)])
    plausible([run(9_999)], spec_digest="another network")
    plausible([run(9_650)], own=OwnAccuracy(9_999, 10_000))


def test_a_perfect_record_fails():
    (found,) = refused(runs=[run(9_650), run(10_000, seed=3)], spec_digest="another network")
    assert str(found).startswith(
        "misclassified test images, the weights of seed 3 = 0, but should be at least 1"
    )
    assert "classify all 10,000 test images correctly" in found.hint
    assert "Find the cause" in found.hint


def test_a_perfect_record_of_weights_that_came_along_fails():
    (found,) = refused(runs=[run(9_650)], own=OwnAccuracy(10_000, 10_000))
    assert found.what == "misclassified test images, the weights in the submitted file"
    assert "The grade does not depend on them" in found.hint


def test_all_of_a_few_images_can_be_read_honestly():
    """0.998 to the power of 360 is one half; of 3,451, less than a thousandth."""
    other = "another network"
    plausible([run(360, 360)], own=OwnAccuracy(360, 360), spec_digest=other)
    plausible([run(3_450, 3_450)], spec_digest=other)
    assert len(refused(runs=[run(3_451, 3_451)], spec_digest=other)) == 1


def test_above_the_range_fails():
    """0.965 and four times 0.00125 are 0.970."""
    plausible([run(9_700, seed=4)])
    (found,) = refused(runs=[run(9_701, seed=4)])
    assert str(found).startswith(
        "test accuracy, the weights of seed 4 = 97.01 %, but should be at most 97.00 %"
    )
    assert (
        "20 trainings of the same network with the same recipe gave 96.50 % on average"
        in found.hint
    )


def test_several_runs_have_a_wider_range_since_each_may_be_the_furthest():
    """For two runs k is 4.588: 0.965 less and plus 0.005735."""
    runs = [run(9_650), run(9_701, seed=4)]
    assert expected(runs) == {
        **expected(runs[:1]), "low": 0.9593, "high": pytest.approx(0.970735), "k": 4.588
    }  # fmt: skip
    plausible(runs)
    assert len(refused(runs=[run(9_650), run(9_708)])) == 1


def test_on_few_images_the_range_decides_whether_everything_right_is_too_much():
    few = replace(MEASURED, floors={"mlp_64_32": Floor(0.9, 0.95, 0.0125, 20, 3.9)})
    assert len(refused(runs=[run(360, 360)], known=few)) == 1
    wide = replace(MEASURED, floors={"mlp_64_32": Floor(0.9, 0.95, 0.0125, 20, 4.1)})
    assert expected([run(360, 360)], known=wide).high == 1
    plausible([run(360, 360)], known=wide)


def test_several_alarms_are_told_together():
    found = find([run(9_800), run(10_000, seed=1)], data([(0, 0)]), expected([run(9_800)]))
    assert [one.kind for one in found] == ["leak", "above_range", "perfect"]


# Test images among training images ---------------------------------------------------------------


def test_test_images_put_into_the_training_images_fail():
    (found,) = refused(runs=[run(9_650)], dataset=data([(7, 50), (3, 9), (4, 10)]))
    assert str(found).startswith("test images that are training images too = 3, but should be 0")
    assert "test image 3, for one, is training image 9" in found.hint
    (found,) = refused(runs=[run(9_650)], dataset=data([(7, 50)]))
    assert found.hint.startswith("1 test image is a training image as well, pixel for pixel")


def test_shared_images_are_counted_by_the_test_image():
    assert shared_images(data()) == {"count": 0, "examples": []}
    # Image 5 was put in twice, and is one test image all the same.
    found = shared_images(data([(5, 30), (5, 20), *((i, i) for i in range(10, 15))]))
    assert found.count == 6
    assert found.examples == [
        {"test": 5, "train": 20}, *({"test": i, "train": i} for i in range(10, 14))
    ]  # fmt: skip


def test_an_image_that_differs_in_one_pixel_is_another():
    dataset = data([(7, 50)])
    images = dataset.train_images.copy()
    images[50, 27, 27] ^= 1
    arrays = Arrays(**{**_parts(dataset), "train_images": images})
    other = Dataset.of(arrays, name="mnist", digest=digest(arrays), source="made up")
    assert shared_images(other).count == 0


def _parts(dataset):
    return {
        name: dataset.part(name)
        for name in ("train_images", "train_labels", "test_images", "test_labels")
    }


def test_nothing_trained_raises_no_alarm():
    assert find([], data([(1, 1)]), None) == []
    assert find([], None, None) == []


def test_the_digits_share_no_images(tmp_path):
    digits = load(DataRequest("digits", None, tmp_path), lambda _: None)
    assert shared_images(digits).count == 0


# The range ---------------------------------------------------------------------------------------


def test_the_range_is_the_mean_and_k_deviations():
    assert expected([run(9_650)]) == {
        "mean": 0.965, "deviation": 0.00125, "low": 0.96, "high": pytest.approx(0.97), "seeds": 20,
        "k": 4.0, "command": "python -m x",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("runs", "spec_digest", "known"),
    [
        ([], DIGEST, MEASURED),
        ([run(9_650)], "another network", MEASURED),
        ([run(9_650)], DIGEST, calibration.DOCUMENTED),
        ([run(9_650, recipe=replace(GATE, stop_at=None))], DIGEST, MEASURED),
        ([run(9_650), run(9_650, recipe=replace(GATE, learning_rate=0.1))], DIGEST, MEASURED),
        ([run(9_650)], DIGEST, replace(MEASURED, measured_by="documented")),
    ],
    ids=["untrained", "network", "unmeasured", "recipe", "one recipe", "measured otherwise"],
)
def test_no_range_holds_for(runs, spec_digest, known):
    assert expected(runs, spec_digest, known) is None


def test_no_range_holds_for_an_unknown_architecture():
    assert calibrated_range([run(9_650)], None, DIGEST, MEASURED) is None


# Below the floor ---------------------------------------------------------------------------------


def test_a_run_below_the_floor_fails():
    runs = [run(9_591), run(9_590, seed=5), run(9_400, seed=6)]
    with pytest.raises(Mismatch) as caught:
        checks()["calibrated_floor"](runs, expected(runs))
    first, second = map(str, caught.value.differences)
    assert first.startswith(
        "test accuracy, seed 5 = 95.90 %, but should be at least 95.91 % "
        "[20 training runs, mean minus 4.74 standard deviations]"
    )
    assert "so its training has changed" in first
    assert "seed 6 = 94.00 %" in second


def test_runs_at_the_floor_and_above_pass():
    for runs in ([run(9_600)], [run(9_593), run(9_700, seed=1)]):
        checks()["calibrated_floor"](runs, expected(runs))


# Calibrations as they are ------------------------------------------------------------------------


def test_on_mnist_the_documents_hold_and_every_network_was_measured():
    mnist = calibration.load("mnist")
    assert (mnist.documented, dict(mnist.recipe), mnist.measured_by) == (True, {}, "gate")
    assert set(mnist.floors) == {
        "deep_cnn", "functional_cnn", "mlp_256_128", "mlp_64_32", "sequential_cnn"
    }  # fmt: skip
    for name, floor in mnist.floors.items():
        gate = load_facts(name).gate
        assert floor.seeds >= 20
        assert gate - 0.01 < floor.floor < floor.mean < floor.ceiling < 0.998
        assert floor.floor == pytest.approx(floor.mean - floor.k * floor.deviation, abs=2e-4)


def test_data_that_nothing_was_measured_on_have_the_documents_gates(tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "FOLDER", tmp_path)
    assert calibration.load("mnist") == calibration.DOCUMENTED


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("command = 'x'", "KeyError"),
        ("documented = true", "KeyError"),
        ("documented = true\ncommand = 'x'\n[recipe]\nepochs = 3", "these hold"),
        ("command = 'x'\n[recipe]\n[floor.a]\nmean = 1", "TypeError"),
        ("command =", "Invalid value"),
    ],
)
def test_a_file_that_is_no_calibration_is_refused(tmp_path, monkeypatch, text, reason):
    monkeypatch.setattr(calibration, "FOLDER", tmp_path)
    (tmp_path / "mnist.toml").write_text(text, encoding="utf-8")
    with pytest.raises(calibration.UserError, match=rf"mnist\.toml is not a calibration.*{reason}"):
        calibration.load("mnist")
