"""Pictures that people bring: a digit to be read, a Greek letter to learn."""

import io
import struct
import zlib
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw

from harness.app.predict.normalize import normalize
from harness.data.greek import prepared, read_picture
from tests.fuzzing.formats import PICTURE, png
from tests.fuzzing.target import Limits, Target, as_file


def _drawn(mode: str = "L", size: tuple[int, int] = (48, 40)) -> Image.Image:
    """A seven, dark on light, a little off centre."""
    picture = Image.new("L", size, 235)
    wide, high = size
    stroke = [(wide * 0.3, high * 0.2), (wide * 0.65, high * 0.2), (wide * 0.45, high * 0.8)]
    ImageDraw.Draw(picture).line(stroke, fill=20, width=max(2, wide // 12), joint="curve")
    return picture.convert(mode)


def _encoded(picture: Image.Image, kind: str, **how: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **how)
    return stream.getvalue()


def _cut_out() -> Image.Image:
    """The same, transparent where the paper was."""
    picture = _drawn("RGBA")
    picture.putalpha(Image.eval(_drawn(), lambda grey: 255 - grey if grey < 200 else 0))
    return picture


def _sixteen() -> Image.Image:
    return Image.fromarray(np.asarray(_drawn()).astype(np.uint16) * 257)


def _turned() -> bytes:
    """A photograph that says it lies on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return _encoded(_drawn("RGB"), "JPEG", exif=exif)


def _letters() -> Mapping[str, bytes]:
    return {
        "greys": _encoded(_drawn(), "PNG"),
        "colours": _encoded(_drawn("RGB"), "PNG"),
        "transparent": _encoded(_cut_out(), "PNG"),
        "a palette": _encoded(_drawn("P"), "PNG"),
        "one bit": _encoded(_drawn("1"), "PNG"),
        "16 bits": _encoded(_sixteen(), "PNG"),
        "with a note": _encoded(_drawn(), "PNG", dpi=(72, 72)),
        "a photograph": _encoded(_drawn("RGB"), "JPEG"),
        "a photograph on its side": _turned(),
        "inks": _encoded(_drawn("CMYK"), "JPEG"),
    }


def _digits() -> Mapping[str, bytes]:
    frames = [_drawn("P"), _drawn("P")]
    return {
        **_letters(),
        "GIF": _encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "BMP": _encoded(_drawn("RGB"), "BMP"),
        "TIFF": _encoded(_drawn("L"), "TIFF"),
        "deflated TIFF": _encoded(_drawn("RGB"), "TIFF", compression="tiff_adobe_deflate"),
        "floats": _encoded(_drawn("F"), "TIFF"),
        "WEBP": _encoded(_drawn("RGB"), "WEBP"),
        "PPM": _encoded(_drawn("RGB"), "PPM"),
        "ICO": _encoded(_drawn("RGBA", (32, 32)), "ICO"),
        "TGA": _encoded(_drawn("RGB"), "TGA"),
        "PCX": _encoded(_drawn("L"), "PCX"),
    }


def _claims(width: int, height: int, kind: int = 0, pixels: bytes = b"", depth: int = 8) -> bytes:
    """A PNG whose header says so much of its pixels, followed by these."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return png(b"IHDR" + header, b"IDAT" + zlib.compress(pixels, 1), b"IEND")


def _bad_pictures() -> Mapping[str, bytes]:
    whole = _encoded(_drawn(), "PNG")
    side = 9_000
    return {
        "nothing": b"",
        "no picture": b"\x89PNG\r\n\x1a\n",
        "2^31 pixels wide": _claims(2**31 - 1, 2**31 - 1),
        "a billion pixels": _claims(31_623, 31_623, pixels=bytes(1_000)),
        "81 million black pixels": _claims(side, side, 0, bytes((side + 1) * side)),
        "a palette of 81 million": _claims(side, side, 0, bytes((side // 8 + 1) * side), 1),
        "one row": _claims(20_000, 1, 0, bytes(20_001)),
        "no size": _claims(0, 0),
        "a note that unpacks to 20 MB": png(
            *_chunks_of(whole)[:1],
            b"zTXtnote\0\0" + zlib.compress(bytes(20 << 20), 1),
            *_chunks_of(whole)[1:],
        ),
        "cut off": whole[: len(whole) // 2],
        "white": _encoded(Image.new("L", (48, 40), 255), "PNG"),
        "a drawing program's file": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    }


def _chunks_of(data: bytes) -> list[bytes]:
    return list(PICTURE.apart(data))


def _bad_digits() -> Mapping[str, bytes]:
    return {
        **_bad_pictures(),
        "a BMP of 2^31 rows": b"BM"
        + struct.pack("<IIIIiiHHIIiiII", 0, 0, 54, 40, 48, 2**31 - 1, 1, 24, 0, 0, 0, 0, 0, 0),
        "a GIF of 65,535 × 65,535": b"GIF89a"
        + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0)
        + b",",
        "numbers that are none": _encoded(
            Image.fromarray(np.full((40, 40), np.nan, np.float32)), "TIFF"
        ),
    }


def _read_digit(data: bytes) -> None:
    digit = normalize(as_file(data))
    assert (digit.shape, digit.dtype) == ((28, 28), np.uint8)
    assert digit.max() > 0


def _read_letter(data: bytes) -> None:
    letter = prepared(read_picture(as_file(data)))
    assert (letter.shape, letter.dtype) == ((28, 28), np.uint8)


# Of the 89 million pixels that are read at most, four bytes each at first.
_ROOM = Limits(megabytes=900)

TARGETS = (
    Target("pictures of digits", _read_digit, _digits, _bad_digits, format=PICTURE, limits=_ROOM,
           share=0.6),
    Target("pictures of letters", _read_letter, _letters, _bad_pictures, format=PICTURE,
           limits=_ROOM, share=0.6),
)  # fmt: skip
