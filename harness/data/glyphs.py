"""Greek letters drawn from matplotlib's own fonts, for use without handwritten ones.

Nine fonts give nine of each letter. Each is turned, slanted, scaled, moved and thickened a little,
always in the same way, and then prepared as a written one would be.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from harness.data.dataset import Bytes
from harness.data.greek import SIDE, VARIABLE, prepared
from harness.data.letters import CLASSES, Letters

NOTE = (
    f"{VARIABLE} is not set, so these letters are drawn from matplotlib's own fonts, with small "
    "distortions, not written by hand. They show that the transfer works; the document's claim "
    "is about 27 written letters."
)

_GLYPHS = dict(zip(CLASSES, "αβγ", strict=True))
_FONTS = (
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSans-Oblique.ttf",
    "DejaVuSansMono.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSerif-Italic.ttf",
    "STIXGeneral.ttf",
    "STIXGeneralItalic.ttf",
    "STIXGeneralBol.ttf",
)
_SEED = 27
_FONT_SIZE = 400  # drawn large, then scaled down once: no edge is smoothed twice
_LARGE = 1_000  # side of the canvas that it is drawn on, pixels
_WHITE = 255


def drawn_letters() -> Letters:
    """Returns 27 letters, the same ones always for the same version of Pillow and its fonts."""
    folder = _font_folder()
    chance = np.random.default_rng(_SEED)
    images = [
        prepared(_drawn(folder / font, glyph, chance))
        for glyph in _GLYPHS.values()
        for font in _FONTS
    ]
    labels = np.repeat(np.arange(len(CLASSES), dtype=np.uint8), len(_FONTS))
    return Letters(np.stack(images), labels, "drawn", NOTE)


def _drawn(font: Path, glyph: str, chance: np.random.Generator) -> Bytes:
    """Draws one glyph in black on white, (133, 133)."""
    canvas = Image.new("L", (_LARGE, _LARGE), _WHITE)
    ImageDraw.Draw(canvas).text(
        (_LARGE / 2, _LARGE / 2),
        glyph,
        fill=0,
        font=ImageFont.truetype(font, _FONT_SIZE),
        anchor="mm",
        stroke_width=int(chance.integers(0, 9)),
    )
    left, top, right, bottom = canvas.point(lambda grey: _WHITE - grey).getbbox() or (0, 0, 1, 1)
    # As large as the written ones: their longer side fills about three quarters of the window.
    scale = max(right - left, bottom - top) / chance.uniform(60, 85)
    angle, slant = np.radians(chance.uniform(-10, 10)), chance.uniform(-0.2, 0.2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    back = scale * turn @ np.array([[1, slant], [0, 1]])
    middle = np.array([left + right, top + bottom]) / 2
    start = middle - back @ (np.full(2, SIDE / 2) + chance.uniform(-4, 4, 2))
    # Four points for each pixel and direction, so that edges come out grey and not jagged.
    fine = 4
    coefficients = np.column_stack([back / fine, start]).ravel()
    large = canvas.transform(
        (SIDE * fine, SIDE * fine),
        Image.Transform.AFFINE,
        tuple(coefficients),
        Image.Resampling.BILINEAR,
        fillcolor=_WHITE,
    )
    return np.asarray(large.reduce(fine))


def _font_folder() -> Path:
    import matplotlib as mpl  # noqa: PLC0415  (only where letters are drawn)

    return Path(mpl.get_data_path()) / "fonts" / "ttf"
