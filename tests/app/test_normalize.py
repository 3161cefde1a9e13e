"""Whatever picture a digit comes in, the network is shown the same 28 x 28 pixels."""

import os
import struct
import tracemalloc
import warnings
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from harness.app.predict import image_files as opening
from harness.app.predict.binarize import BLANK, UNCLEAR, find_ink
from harness.app.predict.normalize import normalize, place, stroke_width
from harness.data.idx import read_idx
from reference.errors import UserError
from tests.support.samples.photographed_digits import (
    KINDS,
    dark_on_light,
    digits,
    encoded,
    enlarged,
    placed,
)

REAL_FOLDER = os.environ.get("MNIST_DIR")


def normalized(content, folder):
    file = folder / "picture"
    file.write_bytes(content)
    return normalize(file)


def _placed(image):
    return place(find_ink(image[:, :, None].astype(np.float32) / 255))


@cache
def originals():
    """The digits, smooth and brought to MNIST's form."""
    return np.stack([_placed(np.rint(255 * enlarged(digit))) for digit in digits()])


def distances(image):
    """How far an image is from each of the originals: mean difference of a pixel's shade."""
    return np.abs(originals().astype(int) - image).mean(axis=(1, 2))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_picture_gives_the_same_digit(kind, tmp_path):
    for number, digit in enumerate(digits()[::3]):
        found = distances(normalized(kind(digit), tmp_path))
        assert found.argmin() // 2 == 3 * number // 2  # there are two of each digit
        assert found[3 * number] < 18, (kind.__name__, 3 * number, found[3 * number])


def test_a_result_has_mnists_form():
    for image in originals():
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
        assert np.abs(np.array(ndimage.center_of_mass(image.astype(float))) - 14).max() <= 0.5
        assert (image.dtype, image.shape, image.max()) == (np.uint8, (28, 28), 255)


def test_what_has_mnists_form_stays_as_it_is():
    again = np.stack([_placed(image) for image in originals()])
    assert np.abs(again.astype(int) - originals()).mean(axis=(1, 2)).max() < 2


def _five():
    """A five of two strokes that do not touch, ink from 0 to 1: body and, smaller, flag."""
    paper = Image.new("L", (200, 240), 0)
    pen = ImageDraw.Draw(paper)
    pen.line([(70, 50), (65, 95)], fill=255, width=12)
    pen.arc([50, 85, 140, 205], 200, 520, fill=255, width=12)
    pen.line([(85, 30), (145, 30)], fill=255, width=12)
    return np.asarray(paper, np.float32) / 255


def _read(ink):
    return place(find_ink(1 - np.float32(ink)[:, :, None])).astype(int)


def test_a_digit_that_runs_out_of_the_picture_keeps_its_larger_part():
    five = _five()
    whole = _read(five)
    for turns in range(4):  # the body touches each of the four sides
        cut = np.rot90(_read(np.rot90(five[:205], turns)), -turns)
        # The lowest stroke is half gone, which may move all others by a pixel; the flag alone
        # would be a thick bar.
        assert np.ptp(np.flatnonzero(cut.any(axis=1))) >= 18
        assert cut.sum() == pytest.approx(whole.sum(), rel=0.15)


def _corner(ink):
    ink[:90, :70] = 1


def _table(ink):
    ink[:, -30:] = 1


def _neighbour(ink):
    ink[-25:, 90:110] = 1


@pytest.mark.parametrize("add", [_corner, _table, _neighbour])
def test_what_else_touches_the_border_is_left_out(add):
    ink = np.pad(_five(), ((30, 30), (90, 60)))
    alone = _read(ink)
    add(ink)
    assert np.abs(_read(ink) - alone).mean() < 3


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("size", "shade"), [((60, 45), 0.4), ((2, 1), 0.4), ((1, 1), 1)])
def test_ink_that_is_nowhere_dark_or_tiny_is_taken_as_it_is(size, shade):
    assert place(np.full(size, shade, np.float32)).max() == 255


@pytest.mark.parametrize("folder", [REAL_FOLDER] if REAL_FOLDER else [])
def test_mnists_own_images_come_back(folder):
    images = read_idx(Path(folder) / "t10k-images-idx3-ubyte.gz", 3)[:300]
    back = np.stack([_placed(image) for image in images])
    assert np.abs(back.astype(int) - images).mean() < 0.5


def _line(width, side=200):
    """A seven, drawn with a stroke so wide."""
    ink = np.zeros((side, side))
    ink[30 : 30 + width, 50:150] = 1
    for row in range(30, 170):
        left = 150 - (row - 30) // 2
        ink[row, left - width : left] = 1
    return ink


@pytest.mark.parametrize("width", [1, 2, 4, 12, 40, 60])
def test_thin_and_thick_strokes_become_like_mnists(width, tmp_path):
    image = normalized(encoded(255 - 255 * _line(width)), tmp_path)
    assert 1.3 < stroke_width(image / np.float32(255)) < 7
    assert image.max() == 255


def test_a_digit_is_not_stretched(tmp_path):
    ink = np.zeros((200, 300))
    ink[20:180, 140:160] = 1
    image = normalized(encoded(255 - 255 * ink), tmp_path)
    assert np.ptp(np.flatnonzero(image.any(axis=0))) + 1 < 6


NOISE = np.random.default_rng(0).normal(0, 8, (200, 300))
COARSE = np.random.default_rng(0).integers(0, 256, (60, 60))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (encoded(np.full((50, 50), 255)), BLANK),
        (encoded(np.full((50, 50, 3), 17)), BLANK),
        (encoded(np.full((1, 1), 0)), BLANK),
        (encoded(200 + NOISE), BLANK),
        (encoded(Image.fromarray(np.full((40, 40), 700, np.uint16))), BLANK),
        (encoded(COARSE), UNCLEAR),
        (encoded(np.zeros((30, 30, 4))), "whole picture is transparent"),
        (b"", "the file is empty"),
        (b"just text", "this is not a picture"),
        (b"%PDF-1.7", r"this is not a picture.*Save it as PNG or JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "this is not a picture"),
        (dark_on_light(digits()[0])[:300], "the picture is damaged or incomplete"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "picture"),
        (encoded(Image.fromarray(np.full((9, 9), np.nan, np.float32)), "TIFF"), "not finite"),
    ],
    ids=[
        "white", "one_colour", "one_pixel", "noise", "sixteen_bits", "coarse_noise", "transparent",
        "empty", "text", "pdf", "eps", "cut_off", "png_of_zeros", "not_numbers",
    ],
)  # fmt: skip
def test_what_shows_no_digit_is_told(content, complaint, tmp_path):
    with pytest.raises(
        UserError,
        match=complaint,
    ):
        normalized(content, tmp_path)


def test_a_picture_that_would_fill_the_memory_is_refused_unread(tmp_path):
    header = struct.pack(">IIBBBBB", 200_000, 200_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    crc = struct.pack(">I", zlib.crc32(chunk))
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + crc
    bomb += struct.pack(">I", 100) + b"IDAT"
    with pytest.raises(UserError, match="more than 89,478,485 pixels"):
        normalized(bomb + bytes(100), tmp_path)


def test_a_picture_between_the_limits_of_pillow_is_refused_too(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30_000)  # it only warns up to twice as many,
    monkeypatch.setattr(opening, "MAX_PIXELS", 30_000)
    # and another thread may just have set warnings back to what they were.
    monkeypatch.setattr(warnings, "simplefilter", lambda *_: None)
    monkeypatch.setattr(warnings, "filters", [])
    with pytest.raises(UserError, match="more than 30,000 pixels"):
        normalized(dark_on_light(digits()[0]), tmp_path)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("nothing", "the file does not exist"),
        (".", "this is a folder without pictures"),
        ("\0", "does not exist|read"),
    ],
)
def test_a_path_that_is_no_file_is_told(name, complaint, tmp_path):
    with pytest.raises(UserError, match=complaint):
        opening.read(tmp_path / name)


def test_a_picture_is_made_small_before_it_is_looked_at(tmp_path):
    file = tmp_path / "large.png"
    file.write_bytes(encoded(255 - 255 * placed(digits()[0], 900, 1200)))
    assert opening.read(file).shape == (240, 320, 1)


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_a_deep_picture_is_made_small_before_it_is_computed_with(kind, tmp_path):
    ink = placed(digits()[0], 1000, 1500)
    file = tmp_path / "deep"
    shades = 4095 - 4095 * ink
    file.write_bytes(encoded(Image.fromarray(shades.astype(kind)), "TIFF"))
    tracemalloc.start()
    deep = opening.read(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * ink.size  # less than one copy at full size, in doubles, would take
    file.write_bytes(encoded(255 - 255 * ink))
    assert np.abs(deep - opening.read(file)).max() < 0.02


def test_shades_of_any_depth_and_order_of_bytes_are_seen(tmp_path):
    file = tmp_path / "deep"
    ramp = np.add.outer(np.arange(7), np.arange(700)) + 70_000
    seen = []
    for values in (ramp - 70_000, ramp, ramp / 7e4):
        kind = {70_706: np.int32, 706: ">u2"}.get(int(values.max()), np.float32)
        file.write_bytes(encoded(Image.fromarray(values.astype(kind)), "TIFF"))
        seen.append(opening.read(file))
    assert seen[0].shape[:2] == (3, 320)
    assert np.ptp(seen[0]) > 0.98
    assert np.abs(seen[0] - seen[1]).max() < 1e-3
    assert np.abs(seen[0] - seen[2]).max() < 1e-3
