"""Pictures of digits as people make them, each from an image of 28 x 28 with ink 255."""

import io
from functools import cache

import numpy as np
from PIL import Image

from harness.data.digits import load_digits

BICUBIC = Image.Resampling.BICUBIC


@cache
def digits():
    """Two of each digit, uint8 (20, 28, 28), from the bundled ones."""
    data = load_digits()
    chosen = [i for d in range(10) for i in np.flatnonzero(data.test_labels == d)[:2]]
    return data.test_images[chosen]


def enlarged(digit, side=200):
    """Ink from 0 to 1, (side, side), smooth."""
    return np.asarray(Image.fromarray(digit).resize((side, side), BICUBIC), np.float64) / 255


def placed(digit, rows=300, columns=500, at=(70, 260), side=200):
    ink = np.zeros((rows, columns))
    ink[at[0] : at[0] + side, at[1] : at[1] + side] = enlarged(digit, side)
    return ink


def encoded(values, form="PNG", **options):
    """Returns the file that holds the values, of 0 to 255."""
    image = values if isinstance(values, Image.Image) else Image.fromarray(_bytes(values))
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def _bytes(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def mixed(ink, colour, paper):
    return ink[:, :, None] * np.array(colour) + (1 - ink[:, :, None]) * np.array(paper)


def light_on_dark(digit):
    return encoded(255 * enlarged(digit))


def dark_on_light(digit):
    return encoded(255 - 255 * enlarged(digit))


def far_off_centre(digit):
    return encoded(255 - 255 * placed(digit))


def pale(digit):
    return encoded(200 - 40 * placed(digit))


def jpeg_of_low_quality(digit):
    return encoded(255 - 255 * placed(digit), "JPEG", quality=35)


def colours_of_one_brightness(digit):
    return encoded(mixed(placed(digit), (200, 40, 40), (40, 122, 40)))


def cut_out(digit, colour=(0, 0, 0)):
    alpha = 255 * enlarged(digit)
    colours = np.broadcast_to(np.array(colour, float), (*alpha.shape, 3))
    return encoded(np.dstack([colours, alpha]))


def cut_out_in_white(digit):
    return cut_out(digit, (255, 255, 255))


def opaque_with_round_corners(digit):
    ink = np.pad(enlarged(digit), 40)
    y, x = np.mgrid[-1 : 1 : ink.shape[0] * 1j, -1 : 1 : ink.shape[1] * 1j]
    alpha = np.where(x**2 + y**2 < 1.5, 255, 0)
    return encoded(np.dstack([*[240 - 220 * ink] * 3, alpha]))


def palette(digit):
    image = Image.fromarray(_bytes(mixed(placed(digit), (20, 20, 160), (250, 240, 200))))
    return encoded(image.quantize(16), "GIF")


def transparent_palette(digit):
    image = Image.fromarray(_bytes(255 * (enlarged(digit) < 0.5)), "L").convert("P")
    return encoded(image, "PNG", transparency=255)


def black_and_white(digit):
    return encoded(Image.fromarray(enlarged(digit) < 0.5))


def sixteen_bits(digit):
    # Twelve of them used, as scanners do.
    return encoded(Image.fromarray(np.uint16(4095 - 4095 * enlarged(digit))))


def cmyk(digit):
    return encoded(Image.fromarray(_bytes(255 - 255 * enlarged(digit))).convert("CMYK"), "JPEG")


def on_its_side(digit):
    """As a phone writes it: the pixels lie, the EXIF says how to turn them."""
    image = Image.fromarray(_bytes(255 - 255 * placed(digit)))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it
    return encoded(image.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=90, exif=exif)


def noisy(digit):
    noise = np.random.default_rng(1).normal(0, 12, (300, 500))
    return encoded(190 - 120 * placed(digit) + noise, "JPEG", quality=80)


def light_from_one_side(digit):
    y, x = np.mgrid[-1:1:300j, -1:1:500j]
    light = 150 + 55 * x - 30 * y - 20 * (x**2 + y**2)
    noise = np.random.default_rng(2).normal(0, 4, light.shape)
    return encoded(light * (1 - 0.7 * placed(digit)) + noise, "JPEG", quality=85)


def in_a_drawn_frame(digit):
    ink = np.pad(enlarged(digit), 40)
    frame = np.zeros(ink.shape, bool)
    frame[6:-6, 6:-6] = True
    frame[9:-9, 9:-9] = False
    return encoded(255 - 255 * np.maximum(ink, frame))


def pencil_in_a_printed_box(digit):
    """The box is black, the digit less than half as dark."""
    ink = np.pad(0.46 * enlarged(digit), 40)
    box = np.ones((260, 260))
    box[5:-5, 5:-5] = 0
    ink = np.maximum(ink, np.pad(box, 10))
    return encoded(255 - 255 * ink)


def photographed_in_a_printed_box(digit):
    box = Image.open(io.BytesIO(pencil_in_a_printed_box(digit)))
    light = np.asarray(box, float) * np.linspace(0.7, 0.9, 280)
    return encoded(light + np.random.default_rng(3).normal(0, 4, light.shape), "JPEG", quality=85)


def with_dirt(digit):
    ink = placed(digit)
    ink[10:16, 20:26] = ink[280:284, 90:96] = 1
    return encoded(255 - 255 * ink)


def large(digit):
    return encoded(255 - 255 * placed(digit, 2000, 1500, (300, 200), 900), "JPEG")


# Each makes a file's content of a digit.
KINDS = (
    light_on_dark, dark_on_light, far_off_centre, pale, jpeg_of_low_quality,
    colours_of_one_brightness, cut_out, cut_out_in_white, opaque_with_round_corners, palette,
    transparent_palette, black_and_white, sixteen_bits, cmyk, on_its_side, noisy,
    light_from_one_side, in_a_drawn_frame, pencil_in_a_printed_box,
    photographed_in_a_printed_box, with_dirt, large,
)  # fmt: skip
