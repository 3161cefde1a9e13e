"""Greek letters: read, prepared as the course did, refused with a reason, published, drawn."""

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from harness.data import greek
from harness.data.glyphs import NOTE, drawn_letters
from harness.data.greek import SIDE, from_environment, prepared, read_letters, read_picture
from harness.data.letters import CLASSES, Letters, open_letters, publish_letters
from reference.errors import UserError

PAPER, INK = 200, 40


def page(height=SIDE, width=SIDE):
    """A grey page, (height, width), with a dark stroke across: rows 60 to 69 of 133."""
    grey = np.full((height, width), PAPER, np.uint8)
    grey[round(height * 60 / SIDE) : round(height * 70 / SIDE)] = INK
    return grey


def letter(seed):
    """A page with a dark square somewhere near its middle."""
    grey = np.full((SIDE, SIDE), PAPER, np.uint8)
    top, left = np.random.default_rng(seed).integers(30, 80, 2)
    grey[top : top + 20, left : left + 20] = INK
    return grey


@pytest.fixture
def folder(tmp_path):
    """Two letters of each class."""
    for index, name in enumerate(CLASSES):
        (tmp_path / "greek" / name).mkdir(parents=True)
        for copy in range(2):
            picture = Image.fromarray(letter(10 * index + copy))
            picture.save(tmp_path / "greek" / name / f"{name}_00{copy + 1}.png")
    return tmp_path / "greek"


# Preparation --------------------------------------------------------------------------------------


def test_the_window_is_the_one_of_the_course():
    # 28 * 128 / 36 = 99.6 pixels from the middle of 133: pixel r begins at 16.72 + 3.556 r, so
    # the stroke from 60 to 70 fills pixels 13 and 14 and misses those up to 11 and from 15 on.
    image = prepared(page())
    assert (image.shape, image.dtype) == ((28, 28), np.uint8)
    expected = np.full(28, 255 - PAPER)
    expected[[13, 14]] = 255 - INK
    np.testing.assert_array_equal(np.delete(image, 12, axis=0), np.delete(
        np.repeat(expected[:, None], 28, axis=1), 12, axis=0))  # fmt: skip
    assert (image[12] > 255 - PAPER).all()
    assert (image[12] <= 255 - INK).all()


def test_both_sides_of_the_middle_are_seen_alike():
    grey = letter(3)
    np.testing.assert_array_equal(prepared(grey[:, ::-1].copy()), prepared(grey)[:, ::-1])
    np.testing.assert_array_equal(prepared(grey[::-1].copy()), prepared(grey)[::-1])


def test_a_picture_of_another_size_shows_the_same_share():
    twice = letter(1).repeat(2, axis=0).repeat(2, axis=1)
    difference = prepared(twice).astype(int) - prepared(letter(1))
    # A pixel at the edge of the square is a mean over other points.
    assert np.abs(difference).mean() < 3


def test_the_longer_side_decides():
    cut = letter(1)[2:-2]
    np.testing.assert_array_equal(prepared(cut), prepared(letter(1)))


@pytest.mark.parametrize("turn", [False, True])
def test_beside_a_narrow_picture_is_paper(turn):
    grey = np.full((SIDE, 41), PAPER, np.uint8)
    grey[60:70] = INK
    grey[:, 0] = PAPER
    image = prepared(grey.T.copy() if turn else grey)
    image = image.T if turn else image
    middle = (PAPER + INK) / 2
    assert (image[14] > 255 - middle).sum() == 11  # of 28 pixels, 40 / 3.556 see the stroke
    assert (image[:, :7] == 255 - PAPER).all()
    assert (image[:, -7:] == 255 - PAPER).all()


# Kinds of pictures --------------------------------------------------------------------------------


def _coloured(grey):
    return Image.fromarray(grey).convert("RGB")


def _palette(grey):
    return Image.fromarray(grey).convert("P")


def _transparent(grey):
    """Black ink on nothing, which is shown on white."""
    colours = np.zeros((*grey.shape, 4), np.uint8)
    colours[..., 3] = np.where(grey == INK, 255, 0)
    return Image.fromarray(colours)


def _transparent_palette(grey):
    picture = Image.fromarray(np.where(grey == INK, 1, 0).astype(np.uint8)).convert("P")
    picture.putpalette([10, 20, 30, 0, 0, 0])
    picture.info["transparency"] = 0
    return picture


def _sixteen_bits(grey):
    return Image.fromarray(grey.astype(np.uint16) * 257)


def _black_and_white(grey):
    return Image.fromarray(grey == PAPER)


@pytest.mark.parametrize(
    ("kind", "paper", "ink"),
    [
        (Image.fromarray, PAPER, INK),
        (_coloured, PAPER, INK),
        (_palette, PAPER, INK),
        (_sixteen_bits, PAPER, INK),
        (_transparent, 255, 0),
        (_transparent_palette, 255, 0),
        (_black_and_white, 255, 0),
    ],
)
def test_every_kind_of_png_becomes_greys(tmp_path, kind, paper, ink):
    kind(page()).save(tmp_path / "a.png")
    grey = read_picture(tmp_path / "a.png")
    assert grey.dtype == np.uint8
    np.testing.assert_array_equal(grey, np.where(page() == PAPER, paper, ink))


def test_a_photograph_is_turned_as_its_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.fromarray(page()).save(tmp_path / "a.jpg", exif=exif, quality=95)
    grey = read_picture(tmp_path / "a.jpg")
    assert np.abs(grey.astype(int) - page().T[:, ::-1]).mean() < 2


# Folders ------------------------------------------------------------------------------------------


def test_letters_come_by_class_and_then_by_name(folder):
    letters = read_letters(folder, "GREEK_DIR")
    assert (letters.images.shape, letters.images.dtype) == ((6, 28, 28), np.uint8)
    assert letters.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert (letters.source, letters.note) == ("GREEK_DIR", None)
    for image, seed in zip(letters.images, (0, 1, 10, 11, 20, 21), strict=True):
        np.testing.assert_array_equal(image, prepared(letter(seed)))


def test_other_files_are_left_alone(folder):
    before = read_letters(folder, "GREEK_DIR").digest
    (folder / "alpha" / "Thumbs.db").write_bytes(b"x")
    (folder / "alpha" / "._alpha_001.png").write_bytes(b"x")
    (folder / "alpha" / "more.png").mkdir()
    (folder / "delta").mkdir()
    assert read_letters(folder, "GREEK_DIR").digest == before


def test_the_folder_is_that_of_the_variable(folder, monkeypatch):
    monkeypatch.setenv("GREEK_DIR", str(folder))
    assert from_environment().digest == read_letters(folder, "GREEK_DIR").digest
    monkeypatch.setenv("GREEK_DIR", "")
    assert from_environment() is None
    monkeypatch.delenv("GREEK_DIR")
    assert from_environment() is None


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("greek", "GREEK_DIR: {folder} does not exist; expected alpha/, beta/, gamma/ in it"),
        ("greek/beta", "GREEK_DIR: {folder}/beta does not exist"),
    ],
)
def test_a_folder_that_is_missing(folder, tmp_path, place, words):
    (tmp_path / place).rename(tmp_path / "away")
    with pytest.raises(UserError) as caught:
        read_letters(folder, "GREEK_DIR")
    assert words.format(folder=folder) in str(caught.value)


def test_a_file_in_place_of_a_folder(folder):
    with pytest.raises(UserError, match=r"--greek-test: .*alpha_001\.png is a file, but should be"):
        read_letters(folder / "alpha" / "alpha_001.png", "--greek-test")


def test_an_empty_class(folder):
    for file in (folder / "gamma").iterdir():
        file.rename(file.with_suffix(".bmp"))
    with pytest.raises(UserError, match=r"/gamma holds no picture; expected .* PNG pictures"):
        read_letters(folder, "GREEK_DIR")


def test_too_many_pictures(folder, monkeypatch):
    monkeypatch.setattr(greek, "_MAX_FILES", 1)
    with pytest.raises(UserError, match="/alpha holds 2 pictures; at most 1 of a letter"):
        read_letters(folder, "GREEK_DIR")


# Files that are no letters ------------------------------------------------------------------------


def _png(width, height):
    """A PNG that claims a size and holds nothing of it."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(
            ">I", zlib.crc32(kind + data))  # fmt: skip

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))


def _whole():
    file = io.BytesIO()
    Image.fromarray(letter(0)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda: b"", "no picture could be read from it"),
        (lambda: b"a letter", "no picture could be read from it"),
        (lambda: _whole()[:-40], "no picture could be read from it"),
        (lambda: _png(133, 133), "no picture could be read from it"),
        (lambda: b"GIF89a\1\0\1\0\0\0\0;", "no picture could be read from it"),
        (lambda: _png(5_000, 5_000), "5,000 × 5,000 pixels, but at most 16,777,216"),
        (lambda: _png(10_000, 10_000), "far more pixels than any picture of a letter"),
        (lambda: _png(60_000, 60_000), "far more pixels than any picture of a letter"),
    ],
    ids=["empty", "text", "cut", "hollow", "gif", "large", "suspicious", "bomb"],
)
def test_a_file_that_is_no_letter(folder, content, words):
    file = folder / "beta" / "beta_001.png"
    file.write_bytes(content())
    with pytest.raises(UserError) as caught:
        read_letters(folder, "GREEK_DIR")
    assert str(caught.value).startswith(f"{file}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("grey", "words"),
    [
        (np.full((133, 133), 200, np.uint8), "the picture is blank: its greys lie between 200"),
        (page(133, 7), "7 × 133 pixels, too few for a letter"),
    ],
    ids=["blank", "narrow"],
)
def test_a_picture_without_a_letter(tmp_path, grey, words):
    Image.fromarray(grey).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=words):
        read_picture(tmp_path / "a.png")


# Identity and publishing --------------------------------------------------------------------------


def test_the_digest_is_that_of_the_arrays(folder):
    letters = read_letters(folder, "GREEK_DIR")
    again = Letters(letters.images.copy(), letters.labels.copy(), "--greek-test", "a note")
    assert again.digest == letters.digest
    again.images[0, 0, 0] += 1
    changed = [
        Letters(again.images, letters.labels, "GREEK_DIR"),
        Letters(letters.images, letters.labels[::-1].copy(), "GREEK_DIR"),
        Letters(letters.images[:5], letters.labels[:5], "GREEK_DIR"),
    ]
    assert len({letters.digest, *(each.digest for each in changed)}) == 4


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (np.zeros((2, 28, 27), np.uint8), np.zeros(2, np.uint8), "images"),
        (np.zeros((2, 28, 28), np.float32), np.zeros(2, np.uint8), "images"),
        (np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.int64), "labels"),
        (np.zeros((2, 28, 28), np.uint8), np.full(2, 3, np.uint8), "up to 3"),
    ],
)
def test_what_is_not_letters(images, labels, words):
    with pytest.raises(ValueError, match=words):
        Letters(images, labels, "GREEK_DIR")


def test_what_is_published_can_be_opened(folder, tmp_path):
    letters = read_letters(folder, "GREEK_DIR")
    file = publish_letters(letters, tmp_path / "data")
    opened = open_letters(tmp_path / "data", letters.digest)
    np.testing.assert_array_equal(opened.images, letters.images)
    np.testing.assert_array_equal(opened.labels, letters.labels)
    assert file.stat().st_mode & 0o044 == 0o044
    publish_letters(letters, tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == [file]


def _encrypted(content):
    """Says of its first array, in the list at its end, that it is encrypted."""
    place = content.index(b"PK\x01\x02") + 8
    return content[:place] + bytes([content[place] | 1]) + content[place + 1 :]


def _archive(labels):
    """An archive whose labels are said to be this, packed so that no checksum is wrong."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("images.npy", b"none")
        made.writestr("labels.npy", labels)
    return stream.getvalue()


DAMAGED = {
    "no arrays": _archive(b"none"),
    "a header that goes on": _archive(b"\x93NUMPY\x01\x00\x40\x00{'descr': (" + b"(" * 53),
    "one array": b"\x93NUMPY\x01\x00\x01\x00 ",
}


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "flag", "other", *DAMAGED])
def test_damage_is_noticed_and_repaired(folder, tmp_path, damage):
    letters = read_letters(folder, "GREEK_DIR")
    file = publish_letters(letters, tmp_path / "data")
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    if damage == "other":
        with file.open("wb") as stream:
            np.savez(stream, images=letters.images[:3], labels=letters.labels[:3])
    else:
        whole = file.read_bytes()
        damaged = {
            "flip": content, "cut": content[:-100], "empty": b"", "flag": _encrypted(whole),
            **DAMAGED,
        }  # fmt: skip
        file.write_bytes(damaged[damage])
    with pytest.raises(ValueError, match=r"damaged|but should be"):
        open_letters(tmp_path / "data", letters.digest)
    told = []
    publish_letters(letters, tmp_path / "data", told.append)
    open_letters(tmp_path / "data", letters.digest)
    (aside,) = (tmp_path / "data" / "quarantine").glob(f"*/{file.name}")
    (line,) = told
    assert line.startswith("WARNING: the stored Greek letters were damaged")
    assert str(aside) in line


def test_letters_that_are_not_published(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_letters(tmp_path, "0" * 64)


def test_a_folder_that_cannot_be_made(folder, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="letters cannot be written there"):
        publish_letters(read_letters(folder, "GREEK_DIR"), tmp_path / "file")


# Drawn letters ------------------------------------------------------------------------------------


def test_letters_are_drawn_where_there_are_no_written_ones():
    letters = drawn_letters()
    assert letters.labels.tolist() == [0] * 9 + [1] * 9 + [2] * 9
    assert letters.source == "drawn"
    assert letters.note == NOTE
    assert "GREEK_DIR is not set" in NOTE
    assert len({image.tobytes() for image in letters.images}) == 27
    ink = letters.images > 128
    assert (ink.sum(axis=(1, 2)) > 30).all()
    assert (letters.images[:, [0, -1]] == 0).mean() > 0.9  # paper is white, most of the frame
    # Each fills the window about as much as the written ones do.
    assert all(14 <= np.ptp(np.nonzero(each.any(axis=1))[0]) + 1 <= 28 for each in ink)


def test_they_are_always_the_same():
    assert drawn_letters().digest == drawn_letters().digest
