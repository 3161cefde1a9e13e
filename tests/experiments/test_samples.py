"""The samples are chosen by the order of the test set, and by nothing else."""

import base64

import numpy as np

from harness.experiments.samples import MISREAD, SAMPLES, chosen, shown

LABELS = np.array([3, 0, 1, 3, 2, 4, 5, 6, 7, 8, 9, *range(10), *range(10)], np.uint8)
IMAGES = np.arange(len(LABELS), dtype=np.uint8)[:, None, None] * np.ones((28, 28), np.uint8)


def _predictions(read):
    scores = np.full((len(read), 10), 0.01, np.float32)
    scores[np.arange(len(read)), read] = 0.91
    return scores


def test_the_first_of_each_digit_and_the_first_that_are_misread():
    read = (LABELS + 1) % 10
    read[:3] = LABELS[:3]
    first, wrong = chosen(read, LABELS)
    assert first == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10]
    assert wrong == [3, *range(11, 11 + MISREAD - 1)]


def test_a_sample_says_what_was_read_and_how_surely():
    read = LABELS.copy()
    read[5], read[20] = 9, 2
    result = shown(_predictions(read), LABELS, IMAGES, seed=4)
    assert [s["index"] for s in result["samples"]] == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 20]
    sample = result["samples"][-1]
    assert (sample["label"], sample["prediction"], result["seed"]) == (9, 2, 4)
    assert sample["probabilities"] == [0.01, 0.01, 0.91, *[0.01] * 7]
    assert base64.b64decode(sample["pixels"]) == bytes([20]) * 784
    assert "9 of 10 read rightly, and then the first 1 of" in result["finding"]
    assert "Of all 31 test images 29 are read rightly (93.55%)" in result["finding"]


def test_a_prediction_that_is_no_number_leaves_the_result_json():
    predictions = _predictions(LABELS)
    predictions[0, 0] = np.nan
    assert shown(predictions, LABELS, IMAGES, 0)["samples"][0]["probabilities"][0] is None


def test_document_003_has_them():
    assert [(s.architecture, s.id) for s in SAMPLES] == [("mlp_256_128", "sample_predictions")]
