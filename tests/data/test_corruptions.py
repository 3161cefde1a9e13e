"""Alterations of images: each does what its value says, to each image by itself, always alike."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage

from harness.data.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from harness.data.corruptions.transforms import blur, turn
from harness.data.digits import load_digits
from harness.system.directories import PROJECT_ROOT
from tests.support.data_files import corruption_digest

NAMES = tuple(CORRUPTIONS)
RANDOM = ("shift", "rotation", "noise", "occlusion")


@pytest.fixture(scope="module")
def images():
    """Some digits, and noise, which has something in every corner."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 28, 28)).astype(np.uint8)
    return np.concatenate([load_digits().test_images[:60], noise])


# What holds for all of them ---------------------------------------------------------------------


def test_they_are_those_that_the_report_shows_in_this_order():
    assert NAMES == (
        "shift", "rotation", "scaling", "noise", "blur", "contrast", "inversion", "occlusion",
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_severity_nought_leaves_an_image_as_it_is(images, name):
    assert np.array_equal(corrupt(images, name, 0, seed=0), images)


@pytest.mark.parametrize("name", NAMES)
def test_each_severity_goes_further_from_what_changes_nothing(images, name):
    known = CORRUPTIONS[name]
    away = [abs(value - known.identity) for value in known.values]
    assert away == sorted(set(away))
    assert away[0] > 0
    # Of the images, too, more or at least other pixels change.
    changed = [np.abs(corrupt(images, name, s, 0).astype(int) - images).mean() for s in SEVERITIES]
    assert changed[0] > 0
    assert changed == sorted(changed)


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_altered_by_itself(images, name):
    whole = corrupt(images, name, 4, seed=1)
    before = images.copy()
    parts = [corrupt(images[start : start + 7], name, 4, seed=1) for start in range(0, 100, 7)]
    assert np.array_equal(np.concatenate(parts), whole)
    assert np.array_equal(corrupt(images[::-1], name, 4, seed=1)[::-1], whole)
    assert np.array_equal(images, before)
    assert (whole.dtype, whole.shape) == (np.uint8, images.shape)


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_makes_other_images_where_there_is_chance(images, name):
    same = np.array_equal(corrupt(images, name, 3, seed=0), corrupt(images, name, 3, seed=1))
    assert same == (name not in RANDOM)


def test_another_process_gets_the_same_bytes(images):
    program = (
        "from tests.support.data_files import corruption_digest; "
        "from harness.data.digits import load_digits; "
        "print(corruption_digest(load_digits().test_images[:20]))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == corruption_digest(images[:20])


@pytest.mark.parametrize("severity", [-1, 6])
def test_there_are_no_other_severities(images, severity):
    with pytest.raises(ValueError, match=rf"severity = {severity}, but should be in 0\.\.5"):
        corrupt(images, "blur", severity, 0)


@pytest.mark.parametrize("wrong", [np.zeros((2, 28, 28), np.float32), np.zeros((28, 28), np.uint8)])
def test_other_images_are_refused(wrong):
    with pytest.raises(ValueError, match=r"but should be uint8 \(N, 28, 28\)"):
        corrupt(wrong, "noise", 1, 0)


# What each does ---------------------------------------------------------------------------------


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_shift_is_exactly_that_many_pixels_in_one_of_four_directions(images, severity):
    framed = np.pad(images, ((0, 0), (severity, severity), (severity, severity)))
    moved = corrupt(images, "shift", severity, seed=0)
    start = {"down": (0, 1), "up": (2, 1), "right": (1, 0), "left": (1, 2)}
    seen = []
    for image, result in zip(framed, moved, strict=True):
        fits = [
            name
            for name, (row, column) in start.items()
            if np.array_equal(
                image[row * severity :, column * severity :][:28, :28], result
            )
        ]  # fmt: skip
        assert len(fits) == 1
        seen += fits
    assert set(seen) == set(start)
    assert min(seen.count(name) for name in start) > 10  # of 100


def test_no_shift_pushes_a_digit_out():
    digits = load_digits().test_images
    kept = corrupt(digits, "shift", 5, seed=0).sum(axis=(1, 2)) / digits.sum(axis=(1, 2))
    assert kept.mean() > 0.9  # they stand only two pixels from the edge
    assert kept.min() > 0.6


@pytest.mark.parametrize("quarters", [0, 1, 2, 3, 4, -1])
def test_quarters_of_a_turn_are_exact(images, quarters):
    expected = np.rot90(images, quarters, axes=(1, 2))
    assert np.array_equal(turn(images, 90.0 * quarters), expected)


def test_a_turn_is_that_of_another_implementation(images):
    expected = ndimage.rotate(
        images.astype(float), 30, axes=(1, 2), reshape=False, order=1, mode="grid-constant"
    )
    found = turn(images, 30).astype(float)
    assert np.abs(found - expected).max() < 0.51


def test_images_are_turned_to_both_sides(images):
    turned = corrupt(images, "rotation", 2, seed=0)
    left = [np.array_equal(*pair) for pair in zip(turned, turn(images, 20), strict=True)]
    right = [np.array_equal(*pair) for pair in zip(turned, turn(images, -20), strict=True)]
    assert [a != b for a, b in zip(left, right, strict=True)] == [True] * len(images)
    assert 30 < sum(left) < 70


def test_half_the_size_is_half_as_wide_and_in_the_same_place():
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 4:24, 4:24] = 200
    smaller = corrupt(image, "scaling", 5, seed=0)[0]
    expected = np.zeros((28, 28), np.uint8)
    expected[9:19, 9:19] = 200
    assert np.array_equal(smaller, expected)


def test_noise_has_the_deviation_that_it_is_said_to_have():
    grey = np.full((200, 28, 28), 128, np.uint8)
    grey[:, 0, 0] = np.arange(200)  # noise is the image's own, so they must be different images
    noise = corrupt(grey, "noise", 1, seed=0).astype(float)[:, 1:] - 128
    assert abs(noise.mean()) < 0.3  # 150,000 values of deviation 25.5: 4 deviations of their mean
    assert noise.std() == pytest.approx(25.5, rel=0.01)
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.15
    assert abs(np.corrcoef(noise[:, :, ::2].ravel(), noise[:, :, 1::2].ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("severity", SEVERITIES)
def test_blur_is_that_of_another_implementation(images, severity):
    deviation = CORRUPTIONS["blur"].value(severity)
    expected = ndimage.gaussian_filter(
        images.astype(float), deviation, axes=(1, 2), mode="constant", truncate=4.0
    )
    found = blur(images, deviation, 0).astype(float)
    assert np.abs(found - expected).max() < 1.0  # SciPy cuts its kernel off elsewhere


def test_contrast_keeps_the_mean_and_brings_the_rest_nearer(images):
    mean = images.mean(axis=(1, 2), keepdims=True)
    for severity, share in zip(SEVERITIES, (0.8, 0.6, 0.4, 0.2, 0.1), strict=True):
        paler = corrupt(images, "contrast", severity, seed=0)
        assert np.abs(paler - (mean + share * (images - mean))).max() < 0.51


def test_full_inversion_is_the_negative_and_the_others_lie_on_the_way(images):
    assert np.array_equal(corrupt(images, "inversion", 5, seed=0), 255 - images)
    for severity, contrast in zip(SEVERITIES, (0.6, 0.2, -0.2, -0.6, -1.0), strict=True):
        mixed = corrupt(images, "inversion", severity, seed=0)
        assert np.abs(mixed - (127.5 + contrast * (images - 127.5))).max() < 0.51


def test_a_square_covers_that_much_inside_the_image_and_larger_ones_what_smaller_do():
    black = np.zeros((100, 28, 28), np.uint8)
    black[:, 0, 0] = np.arange(100)
    before = np.zeros(black.shape, bool)
    corners = set()
    for severity, side in zip(SEVERITIES, (4, 6, 8, 10, 12), strict=True):
        covered = corrupt(black, "occlusion", severity, seed=0) == 128
        for one in covered:
            rows, columns = np.flatnonzero(one.any(axis=1)), np.flatnonzero(one.any(axis=0))
            assert one.sum() == side * side == len(rows) * len(columns)
            corners.add((rows[0], columns[0]))
        assert not (before & ~covered).any()
        before = covered
    assert len(corners) > 200  # of 500
