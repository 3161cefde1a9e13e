"""The order of the test set alone decides which samples are shown."""

import base64

import numpy as np

from harness.experiments.reproductions import MAX_MISCLASSIFIED, SAMPLES, chosen, shown

LABELS = np.array([3, 0, 1, 3, 2, 4, 5, 6, 7, 8, 9, *range(10), *range(10)], np.uint8)
IMAGES = np.arange(len(LABELS), dtype=np.uint8)[:, None, None] * np.ones((28, 28), np.uint8)


def _predictions(predicted):
    scores = np.full((len(predicted), 10), 0.01, np.float32)
    scores[np.arange(len(predicted)), predicted] = 0.91
    return scores


def test_the_first_of_each_digit_and_the_first_misclassified_ones():
    predicted = (LABELS + 1) % 10
    predicted[:3] = LABELS[:3]
    first, wrong = chosen(predicted, LABELS)
    assert first == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10]
    assert wrong == [3, *range(11, 11 + MAX_MISCLASSIFIED - 1)]


def test_a_sample_has_its_prediction_and_probabilities():
    predicted = LABELS.copy()
    predicted[5], predicted[20] = 9, 2
    result = shown(_predictions(predicted), LABELS, IMAGES, seed=4)
    assert [s["index"] for s in result["samples"]] == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 20]
    sample = result["samples"][-1]
    assert (sample["label"], sample["prediction"], result["seed"]) == (9, 2, 4)
    assert sample["probabilities"] == [0.01, 0.01, 0.91, *[0.01] * 7]
    assert base64.b64decode(sample["pixels"]) == bytes([20]) * 784
    assert "(9 of 10 classified correctly), then the first 1 misclassified" in result["finding"]
    assert "Of all 31 test images, 29 are classified correctly (93.55 %)" in result["finding"]


def test_a_probability_of_nan_becomes_null():
    predictions = _predictions(LABELS)
    predictions[0, 0] = np.nan
    assert shown(predictions, LABELS, IMAGES, 0)["samples"][0]["probabilities"][0] is None


def test_document_003_has_them():
    assert [(s.architecture, s.id) for s in SAMPLES] == [("mlp_256_128", "sample_predictions")]
