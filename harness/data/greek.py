"""Pictures of Greek letters from a folder, prepared as the course of document 002 prepared them.

    <folder>/alpha/*.png   <folder>/beta/*.png   <folder>/gamma/*.png

Each picture, 133 × 133 pixels and dark on light, is turned to grey, scaled by 36/128, cropped to
its central 28 × 28 pixels and inverted. The paper of a photograph is not white, so it comes out at
about a fifth of the ink's brightness and not at 0 as MNIST's does: that, too, is as the course had
it (docs/decisions/0014).
"""

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from harness.data.dataset import IMAGE_SHAPE, Bytes
from harness.data.letters import CLASSES, Letters
from reference.errors import UserError

VARIABLE = "GREEK_DIR"
TEST_OPTION = "--greek-test"

# The course's factor, and the size of the pictures that it is meant for. The window that is cut
# out is 28 * 128 / 36 = 99.6 of 133 pixels wide; of a picture of another size, the same share.
SCALE = 36 / 128
SIDE = 133
_SHARE = IMAGE_SHAPE[0] / SCALE / SIDE

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})
_FORMATS = ("PNG", "JPEG")
_MIN_SIDE = 8  # pixels
_MAX_PIXELS = 4_096 * 4_096
_MAX_FILES = 200  # in one class: leaving each one out once costs a training run for each
_MIN_CONTRAST = 16  # between the darkest and the lightest of 256 greys
_SIXTEEN_BIT = 257  # 65,535 / 255


def from_environment() -> Letters | None:
    """Returns the letters of $GREEK_DIR; None where it is not set.

    Raises:
        UserError: see `read_letters`.
    """
    named = os.environ.get(VARIABLE)
    return read_letters(Path(named), VARIABLE) if named else None


def read_letters(folder: Path, origin: str) -> Letters:
    """Returns all letters of a folder, by class and then by name.

    Args:
        origin: where the user named the folder: an option or a variable.

    Raises:
        UserError: the folder or one of its three is missing, empty or holds too many pictures; a
            file is not a picture, a damaged, blank, tiny or huge one.
    """
    files = [_pictures(folder, name, origin) for name in CLASSES]
    images = [prepared(read_picture(file)) for pictures in files for file in pictures]
    labels = np.repeat(np.arange(len(CLASSES)), [len(pictures) for pictures in files])
    return Letters(np.stack(images), labels.astype(np.uint8), origin)


def read_picture(file: Path) -> Bytes:
    """Returns a picture as greys, (H, W): 0 = black, 255 = white; what is transparent is white.

    Raises:
        UserError: it is not a picture, or a damaged, blank, tiny or huge one.
    """
    try:
        with Image.open(file, formats=_FORMATS) as picture:
            width, height = picture.size
            if width * height > _MAX_PIXELS:
                raise _too_large(file, f"{width:,} × {height:,} pixels")
            grey = _grey(ImageOps.exif_transpose(picture))
    except UserError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(file, "far more pixels than any picture of a letter") from error
    except Exception as error:  # a decoder fails in many ways at a damaged file
        raise UserError(
            f"{file}: no picture could be read from it ({error or type(error).__name__}). "
            "It should be a PNG or JPEG picture of one letter, dark on light; remove the file "
            "or save the picture again."
        ) from error
    if min(grey.shape) < _MIN_SIDE:
        raise UserError(
            f"{file}: {grey.shape[1]} × {grey.shape[0]} pixels, too few for a letter: "
            f"at least {_MIN_SIDE} × {_MIN_SIDE} are expected, best {SIDE} × {SIDE}."
        )
    if int(grey.max()) - int(grey.min()) < _MIN_CONTRAST:
        raise UserError(
            f"{file}: the picture is blank: its greys lie between {grey.min()} and {grey.max()} "
            "of 0 to 255. A letter is expected, dark on light."
        )
    return grey


def prepared(grey: Bytes) -> Bytes:
    """Returns the middle of a picture, (H, W) greys, as the network takes it: (28, 28), ink high.

    A pixel is the mean of those that it covers. Where the window is wider than a long narrow
    picture, the rest is paper: the middle one of the greys at the picture's border.
    """
    height, width = grey.shape
    window = _SHARE * max(height, width)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    extra = [max(0, int(np.ceil((window - side) / 2))) for side in grey.shape]
    padded = np.pad(grey, [(e, e) for e in extra], constant_values=int(np.median(border)))
    middle = [side / 2 for side in padded.shape]
    box = (
        middle[1] - window / 2,
        middle[0] - window / 2,
        middle[1] + window / 2,
        middle[0] + window / 2,
    )
    small = Image.fromarray(padded).resize(IMAGE_SHAPE, Image.Resampling.BOX, box=box)
    inverted: Bytes = 255 - np.asarray(small)
    return inverted


def _pictures(folder: Path, name: str, origin: str) -> list[Path]:
    """The pictures of one class in the order of their names."""
    expected = f"expected {', '.join(f'{c}/' for c in CLASSES)} in it, each with PNG pictures"
    place = folder if not folder.is_dir() else folder / name
    try:
        entries = sorted(place.iterdir()) if place != folder else list(folder.iterdir())
    except OSError as error:
        state = {
            FileNotFoundError: "does not exist",
            NotADirectoryError: "is a file, but should be a folder",
        }.get(type(error), f"cannot be read ({error.strerror or error})")
        raise UserError(f"{origin}: {place} {state}; {expected}.") from error
    found = [
        entry
        for entry in entries
        if entry.suffix.lower() in _SUFFIXES and not entry.name.startswith(".") and entry.is_file()
    ]
    if not found:
        raise UserError(f"{origin}: the folder {place} holds no picture; {expected}.")
    if len(found) > _MAX_FILES:
        raise UserError(
            f"{origin}: the folder {place} holds {len(found):,} pictures; at most {_MAX_FILES} "
            "of a letter are accepted."
        )
    return found


def _grey(picture: Image.Image) -> Bytes:
    if picture.mode.startswith("I"):  # 16 bits for each grey
        return (np.asarray(picture).astype(np.uint32) // _SIXTEEN_BIT).astype(np.uint8)
    # By way of colours with transparency, which every other kind of picture can be turned into.
    colours = picture.convert("RGBA")
    paper = Image.new("RGBA", colours.size, "white")
    return np.asarray(Image.alpha_composite(paper, colours).convert("L"))


def _too_large(file: Path, size: str) -> UserError:
    return UserError(
        f"{file}: {size}, but at most {_MAX_PIXELS:,} pixels are read. "
        f"Scale the picture down; {SIDE} × {SIDE} pixels are enough."
    )
