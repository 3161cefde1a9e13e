"""What is read off predictions beside the accuracy: by hand, and as scikit-learn has it."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import log_loss, precision_recall_fscore_support

from harness.evaluation.evidence import metrics
from harness.statistics.intervals import mean_interval, wilson
from harness.statistics.predictions import confusion

DIGITS = np.arange(10)


def one_hot(read, confidence=0.91):
    """Outputs (N, 10) of an image each, the largest at the digit that is read."""
    rest = (1 - confidence) / 9
    outputs = np.full((len(read), 10), rest, np.float32)
    outputs[np.arange(len(read)), read] = confidence
    return outputs


def run(outputs, seed=0):
    return SimpleNamespace(predictions=outputs, seed=seed)


def data(labels):
    return SimpleNamespace(test_labels=np.array(labels, np.uint8))


@pytest.fixture
def drawn():
    """Labels of 400 images, and two runs that read most of them right, no two alike."""
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 10, 400).astype(np.uint8)
    outputs = []
    for _ in range(2):
        scores = rng.standard_normal((400, 10))
        scores[np.arange(400), labels] += 2
        powers = np.exp(scores)
        outputs.append((powers / powers.sum(axis=1, keepdims=True)).astype(np.float32))
    return labels, outputs


# Calibration -------------------------------------------------------------------------------------


def test_the_scores_of_a_run_by_hand():
    # Of four images read with 0.91, three are right: 0.16 too confident.
    labels = np.array([0, 1, 2, 3], np.uint8)
    found = metrics.scores(one_hot([0, 1, 2, 9]), labels)
    assert found.ece == pytest.approx(0.91 - 0.75, abs=1e-6)
    assert found.nll == pytest.approx(-(3 * np.log(0.91) + np.log(0.01)) / 4, abs=1e-6)
    right, wrong = 0.09**2 + 9 * 0.01**2, 0.91**2 + 0.99**2 + 8 * 0.01**2
    assert found.brier == pytest.approx((3 * right + wrong) / 4, abs=1e-6)


def test_a_subject_s_scores_are_means_with_student_s_interval(drawn):
    labels, outputs = drawn
    found = metrics.of_subject([run(one, seed) for seed, one in enumerate(outputs)], data(labels))
    exact = [one / one.sum(axis=1, keepdims=True, dtype=np.float64) for one in outputs]
    losses = [log_loss(labels, one, labels=DIGITS) for one in exact]
    assert found.calibration.nll == pytest.approx(np.mean(losses), abs=1e-6)
    assert found.calibration.nll_interval == pytest.approx(mean_interval(losses), abs=1e-5)
    assert (found.calibration.seeds, found.calibration.images) == (2, 400)
    assert found.calibration_note is None
    for name, most in (("ece", 1), ("brier", 2)):
        low, high = getattr(found.calibration, f"{name}_interval")
        assert 0 <= low <= getattr(found.calibration, name) <= high <= most


def test_an_interval_does_not_reach_below_zero():
    labels = np.zeros(10, np.uint8)
    # Errors of 0.01 and 0.1: Student's interval over two of them is wide.
    outputs = [one_hot([0] * 10, confidence) for confidence in (0.99, 0.9)]
    found = metrics.calibration(outputs, labels)
    assert found.ece == pytest.approx(0.055, abs=1e-6)
    assert found.ece_interval[0] == 0
    assert found.ece_interval[1] > found.ece


def test_one_run_has_no_spread(drawn):
    labels, outputs = drawn
    found = metrics.calibration(outputs[:1], labels)
    assert [getattr(found, f"{name}_interval") for name in ("ece", "nll", "brier")] == [None] * 3


def test_the_bins_count_an_image_once_however_often_it_is_read():
    labels = np.array([0, 0, 0, 0], np.uint8)
    # 0.5 lies in the bin (7/15, 8/15], 0.91 in (13/15, 14/15].
    first, second = one_hot([0, 0, 0, 1]), one_hot([0, 0, 1, 1])
    second[0] = one_hot([0], 0.5)
    low, high = metrics.calibration([first, second], labels).bins
    assert (low.low, low.high, low.count) == (7 / 15, 8 / 15, 0.5)
    assert low.accuracy == 1
    assert (high.low, high.high, high.count) == (13 / 15, 14 / 15, 3.5)
    assert high.confidence == pytest.approx(0.91, abs=1e-6)
    assert high.accuracy == pytest.approx(4 / 7)
    assert high.interval == pytest.approx(wilson(2, 3.5))


def test_the_bins_hold_every_image(drawn):
    labels, outputs = drawn
    bins = metrics.calibration(outputs, labels).bins
    assert sum(row.count for row in bins) == pytest.approx(400)
    assert all(row.low < row.confidence <= row.high + 1e-6 for row in bins)
    right = sum(row.accuracy * row.count for row in bins)
    assert right == pytest.approx(np.mean([(o.argmax(1) == labels).sum() for o in outputs]))


@pytest.mark.parametrize(
    "outputs",
    [
        np.full((10, 10), 2, np.float32),  # ReLU, logits
        np.full((10, 10), np.nan, np.float32),  # diverged
        one_hot(DIGITS) - 0.2 + 0.2 * np.eye(10, dtype=np.float32) * 10,  # sums to 1, below 0
    ],
)
def test_outputs_that_are_no_probabilities_are_not_made_into_some(outputs):
    good = one_hot(DIGITS)
    assert metrics.scores(outputs, DIGITS) is None
    found = metrics.of_subject([run(good, 0), run(outputs, 1), run(outputs, 4)], data(DIGITS))
    assert found.calibration is None
    assert found.calibration_note.startswith("The outputs of seeds 1, 4 are not probabilities")
    assert len(found.classes) == 10
    assert "seed 1 are" in metrics.of_subject([run(outputs, 1)], data(DIGITS)).calibration_note


# Digits ------------------------------------------------------------------------------------------


def test_digits_agree_with_scikit_learn(drawn):
    labels, outputs = drawn
    found = metrics.of_subject([run(outputs[0])], data(labels)).classes
    precision, recall, f1, images = precision_recall_fscore_support(
        labels, outputs[0].argmax(axis=1), labels=DIGITS
    )
    for name, expected in (
        ("precision", precision), ("recall", recall), ("f1", f1), ("images", images),
        ("digit", DIGITS),
    ):  # fmt: skip
        assert [row[name] for row in found] == pytest.approx(expected.tolist(), abs=1e-12)


def test_over_runs_an_image_counts_once():
    # Four images of 3: three of them read right by one run, one by the other; one 5 read as 3.
    labels = np.array([3, 3, 3, 3, 5], np.uint8)
    reads = [3, 3, 3, 8, 3], [3, 8, 8, 8, 5]
    confusions = np.array([confusion(one_hot(read), labels) for read in reads])
    three = metrics.classes(confusions, labels)[3]
    assert (three.images, three.recall) == (4, 0.5)
    assert three.recall_interval == pytest.approx(wilson(2, 4))
    assert three.precision == pytest.approx(2 / 2.5)
    assert three.precision_interval == pytest.approx(wilson(2, 2.5))
    assert three.f1 == pytest.approx(2 * 2 / (4 + 2.5))


def test_shares_of_nothing_are_not_known():
    labels = np.array([1, 1], np.uint8)
    rows = metrics.classes(np.array([confusion(one_hot([1, 2]), labels)]), labels)
    never_there, never_read, nothing = rows[2], rows[1], rows[0]
    assert (never_there.recall, never_there.recall_interval) == (None, None)
    assert (never_there.precision, never_there.f1) == (0, 0)
    assert never_read.recall == 0.5
    assert (nothing.recall, nothing.precision, nothing.f1) == (None, None, None)
    assert nothing.precision_interval is None


def test_the_commonest_mistakes_come_first():
    labels = np.array([4] * 4 + [7] * 2 + [0], np.uint8)
    reads = [9, 9, 4, 4, 1, 7, 0], [9, 4, 4, 4, 1, 2, 0]
    confusions = np.array([confusion(one_hot(read), labels) for read in reads])
    assert metrics.confused(confusions, labels) == [
        {"label": 4, "prediction": 9, "count": 1.5, "share": 1.5 / 4},
        {"label": 7, "prediction": 1, "count": 1.0, "share": 0.5},
        {"label": 7, "prediction": 2, "count": 0.5, "share": 0.25},
    ]


def test_no_more_than_ten_and_none_that_did_not_happen(drawn):
    labels, outputs = drawn
    found = metrics.of_subject([run(outputs[0])], data(labels)).confused
    assert len(found) == 10
    assert all(row.label != row.prediction and row.count > 0 for row in found)
    assert [row.count for row in found] == sorted((r.count for r in found), reverse=True)
    perfect = metrics.of_subject([run(one_hot(DIGITS))], data(DIGITS))
    assert perfect.confused == []


def test_what_was_not_trained_has_no_figures():
    nothing = metrics.SubjectMetrics(None, None, (), ())
    assert metrics.of_subject([], data(DIGITS)) == nothing
    assert metrics.of_subject([], None) == nothing


def test_readings_that_are_no_digit_are_mistakes_of_no_pair():
    """A stranger's network may have more outputs than there are digits."""
    outputs = np.full((2, 11), 0.01, np.float32)
    outputs[0, 10], outputs[1, 1] = 0.9, 0.9
    found = metrics.of_subject([run(outputs)], data([1, 1]))
    assert found.classes[1].recall == 0.5
    assert found.classes[1].precision == 1
    assert found.confused == []
    assert found.calibration is not None
