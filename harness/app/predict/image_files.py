"""Reads a picture file of any format, depth, palette, transparency or rotation as an array.

Pillow decodes. A file may hold anything, so the formats are listed, the number of pixels is
limited, and every error of a decoder becomes one sentence.
"""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from reference.errors import UserError

Pixels = NDArray[np.float32]

# Formats that Pillow decodes itself. Excluded are EPS, which Pillow passes to another program, and
# formats that are unusual or hold no pictures.
FORMATS = (
    "PNG", "JPEG", "MPO", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF", "PPM", "JPEG2000", "TGA",
    "ICO", "PCX",
)  # fmt: skip
SUFFIXES = frozenset({
    ".png", ".jpg", ".jpeg", ".mpo", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".avif",
    ".ppm", ".pgm", ".pbm", ".jp2", ".tga", ".ico", ".pcx",
})  # fmt: skip

# Pillow warns of more pixels than this, and refuses twice as many.
MAX_PIXELS = 89_478_485

# Pictures are reduced to this longer side, in pixels: a digit ends up in 20 pixels, and averaging
# also removes most of the noise.
WORKING_SIDE = 320
# Pictures of 16 or 32 bits are reduced in strips of so many rows of the result.
_STRIP = 64

# If at least this share of a picture is transparent, the digit counts as cut out; with less, as
# with rounded corners, the opaque part is an ordinary picture.
_CUT_OUT = 0.5
# Opaque pixels that differ by less than this (standard deviation, of 1) are all of one shade.
_ONE_SHADE = 0.06


def read(path: Path) -> Pixels:
    """Returns a picture as float32 (rows, columns, 1 or 3), 0 to 1, its longer side <= 320.

    Takes the first frame and applies its EXIF orientation. A transparent picture is laid on a
    background of the shade that shows it best.

    Raises:
        UserError: the file does not exist, is not a picture, or is too large.
    """
    _check_file(path)
    try:
        with warnings.catch_warnings():
            # Warnings are about damaged metadata, which is not used, and about size, which is
            # checked below: all threads that open pictures share one list of warnings.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_known_formats()) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise _too_large()
                return _pixels(image)
    except Image.DecompressionBombError:
        raise _too_large() from None
    except UnidentifiedImageError:
        raise UserError(
            "this is not a picture, or its format is not supported (such as HEIC, SVG or PDF). "
            "Save it as PNG or JPEG."
        ) from None
    except UserError:
        raise
    except MemoryError:
        raise UserError("there is not enough memory for the picture") from None
    except Exception as error:  # noqa: BLE001  (decoders raise anything on a damaged file)
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"the picture is damaged or incomplete: {reason}") from None


def _too_large() -> UserError:
    return UserError(
        f"the picture has more than {MAX_PIXELS:,} pixels. Make it smaller: a few hundred pixels "
        "on each side are enough."
    )


def _check_file(path: Path) -> None:
    """Checks that a path names a readable file that is not empty.

    Raises:
        UserError: it does not.
    """
    try:
        if not path.exists():
            raise UserError("the file does not exist")
        if not path.is_file():
            folder = "a folder without pictures" if path.is_dir() else "not a file"
            raise UserError(f"this is {folder}")
        if path.stat().st_size == 0:
            raise UserError("the file is empty")
        path.open("rb").close()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"the file cannot be read: {reason}") from error


def _known_formats() -> list[str]:
    """Returns the formats that this installation of Pillow can decode."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _pixels(image: Image.Image) -> Pixels:
    if image.mode.startswith("I") or image.mode == "F":
        image = _deep(image)
    elif image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in {"L", "RGB"}:
        image = image.convert("L" if image.mode == "1" else "RGB")
    # Works in place; a JPEG is already reduced while it is decoded.
    image.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    image = ImageOps.exif_transpose(image)
    values = np.asarray(image, np.float32)
    if image.mode != "F":
        values /= 255
    if values.ndim == 2:
        return values[:, :, None]
    return values if values.shape[2] == 3 else _on_background(values[:, :, :3], values[:, :, 3])


def _deep(image: Image.Image) -> Image.Image:
    """Returns a picture of 16 or 32 bits, scaled to 0 to 1: such files do not define white.

    Raises:
        UserError: it holds a value that is not finite.
    """
    # Strip by strip, each averaged at once: the whole picture as floats could fill the memory.
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
        raise UserError("the picture holds values that are not finite")
    low, high = min(extremes), max(extremes)
    scaled = (values - low) / (high - low) if high > low else np.zeros_like(values)
    result = Image.fromarray(scaled.astype(np.float32))
    result.info = image.info
    if (exif := image.getexif()) is not None:
        result.info["exif"] = exif.tobytes()
    return result


def _on_background(colours: Pixels, alpha: Pixels) -> Pixels:
    """Returns a picture without transparency, (rows, columns, 1 or 3).

    Of a cut-out digit only the alpha channel is used: it is opaque where there is ink. Otherwise
    the transparent part gets the shade of the paper.

    Raises:
        UserError: the whole picture is transparent.
    """
    total = alpha.sum(dtype=np.float64)
    if total == 0:
        raise UserError("the whole picture is transparent")
    if alpha.min() == alpha.max():
        return colours
    weights = alpha / total
    mean = np.tensordot(weights, colours, 2)
    spread = np.sqrt(np.tensordot(weights, (colours - mean) ** 2, 2).max())
    if spread < _ONE_SHADE or np.mean(alpha < 0.5) >= _CUT_OUT:
        return alpha[:, :, None]
    paper = np.median(colours[alpha >= 0.5], axis=0)
    return np.asarray(colours * alpha[:, :, None] + paper * (1 - alpha[:, :, None]), np.float32)
