"""Networks side by side, on reading that was made up: every figure is known beforehand."""

from dataclasses import dataclass

import numpy as np
import pytest

from harness.data import Arrays, Dataset
from harness.evaluation.evidence.pairwise import (
    ALL_SHOWN,
    MAX_ANALYSED,
    ONE_SHOWN,
    Predictions,
    Trained,
    analysed,
    common_seeds,
    comparisons,
    image_groups,
    omnibus,
    predicted,
)
from harness.statistics.predictions import correct_bitmap, read_bitmap

IMAGES = 1_000
LABELS = np.array([i % 10 for i in range(IMAGES)], np.uint8)


def network(name, *wrong, seeds=None, offset=1):
    """A network whose runs misread these images, as the digit `offset` after the right one."""
    runs = {}
    for seed, images in zip(seeds or range(len(wrong)), wrong, strict=True):
        digits = LABELS.astype(np.int64)
        digits[list(images)] = (digits[list(images)] + offset) % 10
        runs[seed] = digits
    return Predictions(name, runs)


# a misses 10 images, b the same and 20 more, c those 10 and 4 of its own.
A = network("a", range(10))
B = network("b", range(30))
C = network("c", [*range(10), *range(100, 104)])


def by_pair(rows):
    return {(row.a, row.b): row for row in rows}


# Two by two ---------------------------------------------------------------------------------------


def test_three_networks_of_one_run_each():
    rows = comparisons([A, B, C], LABELS)
    assert [(row.a, row.b) for row in rows] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [(row.only_a, row.only_b) for row in rows] == [(20, 0), (4, 0), (4, 20)]
    assert [row.difference for row in rows] == [0.02, 0.004, -0.016]
    assert {(row.seeds, row.images) for row in rows} == {(1, IMAGES)}
    assert {row.method for row in rows} == {"McNemar's test, mid-p"}
    # 20 of 20: the exact 2 / 2^20 less half of what was seen, at either end; 4 of 4 alike.
    below = sum([1, 24, 276, 2024])  # of 2^24: at most 3 of 24
    mid = (2 * below + 10_626) / 2**24
    assert [row.p for row in rows] == pytest.approx([2**-20, 2**-4, mid])
    # Holm: the least three times, the middle one twice, the greatest once.
    assert [row.p_adjusted for row in rows] == pytest.approx([3 * 2**-20, 2**-4, 2 * mid])
    assert [row.verdict for row in rows] == ["a", "none", "b"]
    for row in rows:
        low, high = row.interval
        assert low <= row.difference <= high
        assert (low > 0 or high < 0) == (row.p < 0.05)
        assert 0 < row.detectable < 0.02
        assert [(r.seed, r.only_a, r.only_b, r.p) for r in row.runs] == [
            (0, row.only_a, row.only_b, row.p)
        ]


def test_the_verdict_is_by_the_adjusted_p():
    # 5 of 5: p = 2^-5 = 0.031 alone, three times that among three.
    five = network("five", range(5))
    none = network("none", [])
    alone = comparisons([none, five], LABELS)
    assert [(row.p, row.p_adjusted, row.verdict) for row in alone] == [(2**-5, 2**-5, "a")]
    among = comparisons([none, five, network("one", [7])], LABELS)
    assert [row.verdict for row in among] == ["none"] * 3
    assert by_pair(among)["none", "five"].p_adjusted == 3 * 2**-5


def test_another_order_mirrors_the_differences():
    runs = ([3, 5, 7], [3, 9]), (range(0, 60, 2), range(0, 50, 2)), ([3, 11], range(0, 30, 3))
    networks = [network(name, *wrong) for name, wrong in zip("abc", runs, strict=True)]
    rows = by_pair(comparisons(networks, LABELS))
    other = by_pair(comparisons(networks[::-1], LABELS))
    assert len(rows) == len(other) == 3
    assert {row.verdict for row in rows.values()} != {"none"}
    for (a, b), row in rows.items():
        back = other[b, a]
        assert back.difference == -row.difference
        assert back.interval == pytest.approx([-end for end in reversed(row.interval)])
        for key in ("p", "p_adjusted", "detectable"):
            assert getattr(back, key) == pytest.approx(getattr(row, key)), key
        assert (back.only_a, back.only_b) == (row.only_b, row.only_a)
        assert back.verdict == {"a": "b", "b": "a", "none": "none"}[row.verdict]
        assert [run.only_a for run in back.runs] == [run.only_b for run in row.runs]


def test_several_seeds_are_matched_and_averaged():
    a = network("a", [0], [1], range(4), seeds=(0, 1, 2))
    b = network("b", range(10, 20), range(20, 22), [0, 9], seeds=(1, 2, 3))
    (row,) = comparisons([a, b], LABELS)
    assert [(r.seed, r.only_a, r.only_b) for r in row.runs] == [(1, 10, 1), (2, 2, 4)]
    assert (row.seeds, row.only_a, row.only_b) == (2, 6.0, 2.5)
    assert row.difference == pytest.approx(3.5 / IMAGES)
    assert "2 seeds" in row.method


def test_networks_without_a_common_seed_are_not_compared():
    a, b = network("a", [0], seeds=(0,)), network("b", [0], seeds=(1,))
    assert common_seeds([a, b]) == []
    assert comparisons([a, b], LABELS) == []
    assert omnibus([a, b, a], LABELS) is None


def test_equal_reading_is_no_difference():
    (row,) = comparisons([A, Predictions("same", A.digits)], LABELS)
    assert (row.difference, row.p, row.p_adjusted, row.verdict) == (0, 1, 1, "none")


@pytest.mark.parametrize("networks", [[], [A]])
def test_fewer_than_two_have_no_comparison(networks):
    assert comparisons(networks, LABELS) == []


# All at once --------------------------------------------------------------------------------------


def test_cochrans_q_of_the_first_common_seed():
    a, b, c = (
        network(name, range(500), wrong, seeds=(4, 7)) for name, wrong in zip(
            "abc", ([0, 1], [0, 2, 3, 4], [0, 1, 2, 3, 4, 5]), strict=True
        )
    )  # fmt: skip
    a = Predictions("a", {7: a.digits[7], 9: a.digits[4]})
    found = omnibus([a, b, c], LABELS)
    # Misses 2, 4 and 6 of the networks; 3, 2, 2, 2, 2 and 1 of the images that any misses.
    q = 2 * (3 * (4 + 16 + 36) - 12**2) / (3 * 12 - (9 + 4 * 4 + 1))
    assert (found.test, found.networks, found.images) == ("Cochran's Q", 3, IMAGES)
    assert (found.seed, found.df) == (7, 2)
    assert found.q == pytest.approx(q)
    assert found.p == pytest.approx(np.exp(-q / 2))  # chi-square with two degrees of freedom


def test_two_networks_need_no_omnibus_test():
    assert omnibus([A, B], LABELS) is None


# Which networks -----------------------------------------------------------------------------------


@dataclass
class Run:
    key: str
    seed: int = 0
    predictions: object = None


def test_identical_networks_are_compared_once():
    pairs = [("ann", "x"), ("ben", "y"), ("cat", "x")]
    networks = analysed(Trained(name, [Run(f"{key}0"), Run(f"{key}1")]) for name, key in pairs)
    assert [one.id for one in networks] == ["ann", "ben"]


@pytest.mark.parametrize(
    ("count", "compared"), [(MAX_ANALYSED, MAX_ANALYSED), (MAX_ANALYSED + 1, 0)]
)
def test_a_class_is_not_compared(count, compared):
    networks = [Trained(str(i), [Run(str(i))]) for i in range(count)]
    assert len(analysed(networks)) == compared


def test_what_a_network_reads_is_its_largest_output():
    outputs = np.array([[0.1, 0.2, 0.7], [0.5, 0.4, 0.1]], np.float32)
    (found,) = predicted([Trained("a", [Run("k", 3, outputs)])])
    assert found.id == "a"
    assert found.digits[3].tolist() == [2, 0]


# Images -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dataset():
    pictures = np.random.default_rng(0).integers(0, 256, (IMAGES, 28, 28), dtype=np.uint8)
    arrays = Arrays(
        train_images=pictures[:1], train_labels=LABELS[:1], test_images=pictures, test_labels=LABELS
    )
    return Dataset.of(arrays, name="mnist", digest="", source="", note=None)


def test_images_that_all_miss_and_that_one_misses(dataset):
    d = network("d", [*range(10), *range(100, 102), *range(700, 720)], offset=2)
    groups = image_groups([A, B, C, d], dataset)
    assert (groups.networks, groups.images) == (["a", "b", "c", "d"], IMAGES)
    every = groups.all_miss
    assert every.count == 10
    assert [(one.index, one.label) for one in every.images] == [(i, i) for i in range(10)]
    assert every.images[8].readings == [9, 9, 9, 0]
    assert every.images[8].pixels == dataset.test_images[8].tobytes()
    alone = {one.network: one for one in groups.only_one}
    # Two of those that c alone missed, d misses too.
    assert {name: one.count for name, one in alone.items()} == {"a": 0, "b": 20, "c": 2, "d": 20}
    assert alone["a"].images == []
    assert [one.index for one in alone["b"].images] == [*range(10, 10 + ONE_SHOWN)]
    assert [(one.index, one.reading) for one in alone["c"].images] == [(102, 3), (103, 4)]
    assert alone["d"].images[0].reading == 2
    assert alone["c"].images[0].pixels == dataset.test_images[102].tobytes()


def test_no_more_pictures_than_are_shown(dataset):
    both = [network("a", range(50)), network("b", range(60))]
    groups = image_groups(both, dataset)
    assert groups.all_miss.count == 50
    assert len(groups.all_miss.images) == ALL_SHOWN
    assert [(one.count, len(one.images)) for one in groups.only_one] == [(0, 0), (10, 8)]


def test_a_network_misses_what_more_than_half_of_its_runs_do(dataset):
    # Image 0: 2 of 4 runs; image 1: 3 of 4.
    a = network("a", [0, 1], [0, 1], [1], [])
    groups = image_groups([a, network("b", [0, 1])], dataset)
    assert [one.index for one in groups.all_miss.images] == [1]
    assert [one.count for one in groups.only_one] == [0, 1]


def test_what_a_network_reads_is_never_the_true_digit(dataset):
    # Of five runs two read image 4 right, and the others each otherwise.
    runs = network("a", [], [], [4], [4], [4]).digits
    for seed, digit in ((2, 9), (3, 7), (4, 8)):
        runs[seed][4] = digit
    groups = image_groups([Predictions("a", runs), network("b", [4])], dataset)
    assert groups.all_miss.images[0].readings == [7, 5]
    runs[2][4] = 8
    groups = image_groups([Predictions("a", runs), network("b", [4])], dataset)
    assert groups.all_miss.images[0].readings == [8, 5]


def test_a_network_alone_has_no_groups(dataset):
    assert image_groups([A], dataset) is None


# Bitmaps ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("images", [1, 7, 8, 9, 180])
def test_a_bitmap_is_read_as_it_was_written(images):
    rng = np.random.default_rng(images)
    outputs = rng.random((images, 10), dtype=np.float32)
    labels = rng.integers(0, 10, images, dtype=np.uint8)
    labels[::2] = outputs[::2].argmax(axis=1)
    right = outputs.argmax(axis=1) == labels
    assert read_bitmap(correct_bitmap(outputs, labels), images).tolist() == right.tolist()


@pytest.mark.parametrize(
    ("bitmap", "images"),
    [
        ("2w==", 9),
        ("2w==", 7),
        ("2/A=", 8),
        ("", 1),
        ("no base64", 8),
        ("2w", 8),
        ("2*w==", 8),
        ("é", 8),
    ],
)
def test_what_is_no_bitmap_of_so_many_images_is_refused(bitmap, images):
    with pytest.raises(ValueError):  # noqa: PT011  (the one kind that a caller has to expect)
        read_bitmap(bitmap, images)
