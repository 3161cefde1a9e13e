"""Probabilities scored, many networks tested at once: against textbooks and other programs."""

from itertools import combinations
from math import log

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import brier_score_loss, log_loss

from harness.statistics.calibration import (
    Bin,
    are_probabilities,
    brier_score,
    expected_calibration_error,
    negative_log_likelihood,
)
from harness.statistics.multiplicity import cochran_q, holm

# Three forecasts over two classes, scored by hand below.
FORECASTS = np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4]])
TRUTH = np.array([0, 1, 1])


def outputs(images: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = np.exp(3 * rng.standard_normal((images, 10)))
    labels = rng.integers(0, 10, images)
    labels[::2] = scores[::2].argmax(axis=1)
    return scores / scores.sum(axis=1, keepdims=True), labels


def test_scores_by_hand():
    # Brier: (0.01 + 0.01 + 0.09 + 0.09 + 0.36 + 0.36) / 3
    assert brier_score(FORECASTS, TRUTH) == pytest.approx(0.92 / 3, abs=1e-12)
    expected = -(log(0.9) + log(0.7) + log(0.4)) / 3
    assert negative_log_likelihood(FORECASTS, TRUTH) == pytest.approx(expected, abs=1e-12)
    # Five bins: 0.6 and wrong lies in (0.4, 0.6], 0.7 and right in (0.6, 0.8], 0.9 and right above.
    error, bins = expected_calibration_error(FORECASTS, TRUTH, bins=5)
    assert error == pytest.approx((0.6 + 0.3 + 0.1) / 3, abs=1e-12)
    assert [(b.low, b.high, b.count, b.confidence, b.accuracy) for b in bins] == [
        (0.4, 0.6, 1, 0.6, 0.0),
        (0.6, 0.8, 1, 0.7, 1.0),
        (0.8, 1.0, 1, 0.9, 1.0),
    ]


def test_scores_agree_with_scikit_learn():
    p, labels = outputs(400)
    digits = list(range(10))
    assert negative_log_likelihood(p, labels) == pytest.approx(
        log_loss(labels, p, labels=digits), abs=1e-6
    )
    # Its score of two classes counts one of them: one digit against the others, these add up.
    one_by_one = [brier_score_loss(labels == digit, p[:, digit]) for digit in digits]
    assert brier_score(p, labels) == pytest.approx(sum(one_by_one), abs=1e-6)


def test_the_calibration_error_agrees_with_a_plain_loop():
    p, labels = outputs(400)
    expected, seen = 0.0, 0
    error, rows = expected_calibration_error(p, labels)
    for low, high in ((i / 15, (i + 1) / 15) for i in range(15)):
        inside = [i for i in range(400) if low < max(p[i]) <= high]
        if not inside:
            assert all(row.low != low for row in rows)
            continue
        confidence = sum(max(p[i]) for i in inside) / len(inside)
        accuracy = sum(int(np.argmax(p[i])) == labels[i] for i in inside) / len(inside)
        expected += len(inside) / 400 * abs(confidence - accuracy)
        row = next(row for row in rows if row.low == low)
        assert row == Bin(low, high, len(inside), pytest.approx(confidence), accuracy)
        seen += len(inside)
    assert error == pytest.approx(expected, abs=1e-9)
    assert seen == sum(row.count for row in rows) == 400


def test_certainty_is_scored_and_lies_in_the_last_bin():
    sure = np.eye(10, dtype=np.float32)[[3, 4]]
    error, bins = expected_calibration_error(sure, np.array([3, 5]))
    assert (error, [b.count for b in bins], bins[0].high) == (0.5, [2], 1.0)
    assert brier_score(sure, np.array([3, 5])) == 1.0
    expected = -log(1e-7) / 2
    assert negative_log_likelihood(sure, np.array([3, 5])) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "score", [expected_calibration_error, negative_log_likelihood, brier_score]
)
@pytest.mark.parametrize(
    ("p", "labels", "words"),
    [
        (np.array([[2.0, -1.0]]), np.array([0]), "not probabilities"),
        (np.array([[0.5, 0.4]]), np.array([0]), "not probabilities"),
        (np.array([[np.nan, 1.0]]), np.array([0]), "not probabilities"),
        (np.empty((0, 10)), np.empty(0, int), "not probabilities"),
        (np.array([[0.5, 0.5]]), np.array([0, 1]), "1 rows of outputs"),
        (np.array([[0.5, 0.5]]), np.array([2]), "labels from 2 to 2"),
    ],
)
def test_what_cannot_be_scored_is_refused(score, p, labels, words):
    with pytest.raises(ValueError, match=words):
        score(p, labels)


def test_a_softmax_in_single_precision_is_a_probability_and_logits_are_not():
    p, _ = outputs(50)
    assert are_probabilities(p.astype(np.float32))
    assert not are_probabilities(np.log(p).astype(np.float32))


# Many at once -------------------------------------------------------------------------------------


def table(counts: dict[tuple[int, ...], int]) -> np.ndarray:
    """Images by how often each pattern of readings occurs, as (networks, images)."""
    return np.array([row for row, times in counts.items() for _ in range(times)], bool).T


def test_cochran_gives_a_published_value():
    # Siegel (1956), Nonparametric Statistics, on Cochran's Q: 18 interviews in each of three
    # styles, 13, 13 and 3 of them a success; sums over rows 29, of their squares 63; Q = 16.7.
    right = table({
        (1, 1, 1): 2, (1, 1, 0): 10, (0, 1, 1): 1, (1, 0, 0): 1, (0, 0, 0): 4
    })  # fmt: skip
    assert right.sum(axis=1).tolist() == [13, 13, 3]
    assert (right.sum(axis=0) ** 2).sum() == 63
    q, freedom, p = cochran_q(right)
    assert (q, freedom) == (pytest.approx(2 * 200 / 24, abs=1e-9), 2)
    assert p == pytest.approx(stats.chi2.sf(2 * 200 / 24, 2), abs=1e-9)


def test_cochran_agrees_with_its_definition_and_with_mcnemar():
    rng = np.random.default_rng(5)
    right = rng.random((4, 300)) < np.array([0.9, 0.92, 0.85, 0.9])[:, None]
    # Cochran's own form: deviations of the column totals, over the variance within rows.
    totals = [float(row.sum()) for row in right]
    mean = sum(totals) / 4
    within = sum(float(u) * (4 - float(u)) for u in right.sum(axis=0))
    expected = 4 * 3 * sum((t - mean) ** 2 for t in totals) / within
    q, freedom, p = cochran_q(right)
    assert (q, freedom) == (pytest.approx(expected, abs=1e-9), 3)
    assert p == pytest.approx(stats.chi2.sf(expected, 3), abs=1e-9)
    b, c = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    assert cochran_q(right[:2])[0] == pytest.approx((b - c) ** 2 / (b + c), abs=1e-9)


def test_cochran_without_a_difference():
    assert cochran_q(np.ones((3, 50), bool)) == (0.0, 2, 1.0)


@pytest.mark.parametrize("shape", [(1, 9), (3, 0), (9,)])
def test_cochran_needs_networks_and_images(shape):
    with pytest.raises(ValueError, match="Cochran's Q needs"):
        cochran_q(np.ones(shape, bool))


def test_holm_by_hand():
    # 4 x 0.005, 3 x 0.01, 2 x 0.03, then 0.04, which may be no less than the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02], abs=1e-12)
    assert holm([]) == []
    assert holm([0.6, 0.5]) == [1.0, 1.0]


def test_holm_agrees_with_the_closed_test_that_it_shortens():
    # Marcus, Peritz & Gabriel (1976): reject what Bonferroni rejects in every family it belongs to.
    p = [0.2, 0.011, 0.04, 0.003, 0.011]
    families = [f for size in range(1, 6) for f in combinations(range(5), size)]
    expected = [
        max(min(1.0, len(f) * min(p[i] for i in f)) for f in families if index in f)
        for index in range(5)
    ]
    assert holm(p) == pytest.approx(expected, abs=1e-12)


def test_holm_refuses_what_is_no_probability():
    with pytest.raises(ValueError, match="probabilities"):
        holm([0.1, float("nan")])
