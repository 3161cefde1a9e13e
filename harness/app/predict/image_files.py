"""Opens a picture file as numbers, whatever its format, depth, palette, alpha or rotation.

Pillow decodes; what it is given may be anything, so the formats are listed, the number of pixels
is limited, and whatever a decoder stumbles over becomes one sentence.
"""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from reference.errors import UserError

Pixels = NDArray[np.float32]

# Formats that Pillow decodes itself. EPS, which it would hand to another program, is not among
# them, nor are those that hold no picture or that nobody keeps one in.
FORMATS = (
    "PNG", "JPEG", "MPO", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF", "PPM", "JPEG2000", "TGA",
    "ICO", "PCX",
)  # fmt: skip
SUFFIXES = frozenset({
    ".png", ".jpg", ".jpeg", ".mpo", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".avif",
    ".ppm", ".pgm", ".pbm", ".jp2", ".tga", ".ico", ".pcx",
})  # fmt: skip

# What is unpacked at most; Pillow warns of more, and refuses twice as many.
MOST_PIXELS = 89_478_485

# The longer side of what is looked at, in pixels. More would only take time: a digit ends up in
# 20 pixels. Averaging so many pixels into one also takes most of the noise away.
WORKING_SIDE = 320
# Deep pictures are made smaller by so many rows of the result at a time.
_STRIP = 64

# A picture that is cut out (transparent around the digit) has at least so much transparency;
# with less, as with rounded corners, the opaque part is a picture of its own.
_CUT_OUT = 0.5
# Opaque pixels that differ by less than this (standard deviation, of 1) are all of one shade.
_ONE_SHADE = 0.06


def read(path: Path) -> Pixels:
    """Returns a picture as float32 (rows, columns, 1 or 3), 0 to 1, its longer side <= 320.

    Of several frames the first is taken; turned as its EXIF orientation says. Where it is
    transparent, it is laid on a ground of the shade that lets it be seen best.

    Raises:
        UserError: there is no such file, it is no picture, or it is too large.
    """
    _check_file(path)
    try:
        with warnings.catch_warnings():
            # Of damaged metadata, which is not looked at; and of size, which is looked at below:
            # other threads open pictures too, and all share one list of warnings.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_known_formats()) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise _too_large()
                return _pixels(image)
    except Image.DecompressionBombError:
        raise _too_large() from None
    except UnidentifiedImageError:
        raise UserError(
            "this is no picture, or of a kind that is not read here (HEIC, SVG and PDF are not). "
            "Save it as PNG or JPEG."
        ) from None
    except UserError:
        raise
    except MemoryError:
        raise UserError("there is not enough memory to unpack the picture") from None
    except Exception as error:  # noqa: BLE001  (decoders raise anything on a damaged file)
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"the picture is damaged or cut off: {reason}") from None


def _too_large() -> UserError:
    return UserError(
        f"the picture would unpack to more than {MOST_PIXELS:,} pixels, and is refused unread. "
        "Make it smaller: a few hundred pixels a side are plenty."
    )


def _check_file(path: Path) -> None:
    """Says what is wrong with a path in words that its owner understands.

    Raises:
        UserError: it names no file with something in it.
    """
    try:
        if not path.exists():
            raise UserError("there is no such file")
        if not path.is_file():
            folder = "a folder, and there are no pictures in it" if path.is_dir() else "not a file"
            raise UserError(f"this is {folder}")
        if path.stat().st_size == 0:
            raise UserError("the file is empty")
        path.open("rb").close()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"the file cannot be read: {reason}") from error


def _known_formats() -> list[str]:
    """The formats that this installation of Pillow can decode."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _pixels(image: Image.Image) -> Pixels:
    if image.mode.startswith("I") or image.mode == "F":
        image = _deep(image)
    elif image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in {"L", "RGB"}:
        image = image.convert("L" if image.mode == "1" else "RGB")
    # In place, and for JPEG already while it is decoded.
    image.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    image = ImageOps.exif_transpose(image)
    values = np.asarray(image, np.float32)
    if image.mode != "F":
        values /= 255
    if values.ndim == 2:
        return values[:, :, None]
    return values if values.shape[2] == 3 else _on_a_ground(values[:, :, :3], values[:, :, 3])


def _deep(image: Image.Image) -> Image.Image:
    """Returns a picture of 16 or 32 bits in shades from 0 to 1: what white is, none of them says.

    Raises:
        UserError: it holds something that is no number.
    """
    # A strip at a time, and averaged at once: at full size the numbers would fill the memory.
    columns, rows = image.size
    step = max(1, max(image.size) // (2 * WORKING_SIDE))
    reduced = Image.new("F", (-(-columns // step), -(-rows // step)))
    extremes: list[float] = []
    for top in range(0, rows, _STRIP * step):
        box = (0, top, columns, min(top + _STRIP * step, rows))
        strip = image.crop(box).convert("F")
        numbers = np.asarray(strip)
        extremes += [float(numbers.min()), float(numbers.max())]
        reduced.paste(strip.reduce(step), (0, top // step))
    values = np.asarray(reduced, np.float64)
    if not np.isfinite(values).all():
        raise UserError("the picture holds values that are no numbers")
    low, high = min(extremes), max(extremes)
    scaled = (values - low) / (high - low) if high > low else np.zeros_like(values)
    result = Image.fromarray(scaled.astype(np.float32))
    result.info = image.info
    if (exif := image.getexif()) is not None:
        result.info["exif"] = exif.tobytes()
    return result


def _on_a_ground(colours: Pixels, alpha: Pixels) -> Pixels:
    """Returns what is seen of a picture, (rows, columns, 1 or 3), transparency resolved.

    A digit that was cut out is told by its alpha alone: it is as opaque as it is inked,
    whatever its colours. Otherwise the transparent part gets the shade of the paper.

    Raises:
        UserError: all of it is transparent.
    """
    total = alpha.sum(dtype=np.float64)
    if total == 0:
        raise UserError("the picture is transparent all over: there is nothing to be seen")
    if alpha.min() == alpha.max():
        return colours
    weights = alpha / total
    mean = np.tensordot(weights, colours, 2)
    spread = np.sqrt(np.tensordot(weights, (colours - mean) ** 2, 2).max())
    if spread < _ONE_SHADE or np.mean(alpha < 0.5) >= _CUT_OUT:
        return alpha[:, :, None]
    paper = np.median(colours[alpha >= 0.5], axis=0)
    return np.asarray(colours * alpha[:, :, None] + paper * (1 - alpha[:, :, None]), np.float32)
