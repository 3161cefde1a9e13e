"""The report's small pure parts: scales, labels, wording, pictures, contrast."""

import re
import struct
import zlib

import pytest

from harness.report.charts import axes
from harness.report.render import FOLDER
from harness.report.text import formatting, html

STYLE = (FOLDER / "style.css").read_text(encoding="utf-8")


def test_equal_steps_divide_errors_equally():
    one = axes.by_error(0.98) - axes.by_error(0.96)
    other = axes.by_error(0.99) - axes.by_error(0.98)
    assert one == pytest.approx(other)
    assert axes.by_error(1.0) == pytest.approx(4.0)


def test_ticks_keep_their_distance_and_round_values_come_first():
    chosen = axes.ticks([5.0, 1.0, 2.0, 2.1, 9.0], 0.0, 6.0, 0.1)
    assert chosen == [1.0, 2.0, 5.0]


def test_spread_moves_labels_apart_and_nothing_else():
    assert axes.spread([10.0, 50.0], 12, 0, 100) == [10.0, 50.0]
    moved = axes.spread([50.0, 48.0, 52.0], 12, 0, 100)
    assert moved[1] < moved[0] < moved[2]
    assert moved[0] - moved[1] >= 11.9
    assert moved[2] - moved[0] >= 11.9
    assert all(0 <= place <= 100 for place in axes.spread([99.0, 100.0], 12, 0, 100))


def test_labels_avoid_what_is_taken():
    frame = (0.0, 0.0, 200.0, 100.0)
    free = axes.place((50, 50), (40, 12), [], frame)
    assert free[0] > 50  # to the right where it can be
    beside = axes.place((50, 50), (40, 12), [(52, 40, 120, 60)], frame)
    assert axes.overlap(beside, (52, 40, 120, 60)) == 0
    edge = axes.place((190, 50), (40, 12), [], frame)
    assert edge[2] <= 200


def test_span_is_never_empty():
    low, high = axes.span([2.0], 0.1, 0.4)
    assert high - low == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.000031, "31.0 µs"), (0.0312, "31.2 ms"), (2.17, "2.17 s"), (200, "3 min 20 s"),
     (179.7, "3 min 00 s"), (0, "0 s"), (2e-9, "2 ns"), (None, "–")],
)  # fmt: skip
def test_seconds(value, text):
    assert formatting.seconds(value).replace(formatting.NARROW, " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(123456789, "123 M"), (8632832, "8.63 M"), (469504, "470 k"), (999.9, "1.00 k"), (0, "0")],
)
def test_short(value, text):
    assert formatting.short(value).replace(formatting.NARROW, " ") == text


def test_percentages_and_points():
    assert formatting.percent(0.9871) == f"98.71{formatting.NARROW}%"
    assert formatting.points(-0.0071) == f"−0.71{formatting.NARROW}pp"
    assert formatting.interval((0.9847, 0.9891)) == "[98.47,\xa098.91]"
    assert formatting.gate(0.98) == f"98{formatting.NARROW}%"


def test_counting_and_listing():
    assert formatting.counted(1, "network") == "one network"
    assert formatting.counted(12, "network") == "12 networks"
    assert formatting.listed(["a", "b", "c"]) == "a, b and c"
    assert formatting.listed(list("abcdef")) == "a, b, c and three more"


def test_picture_holds_the_pixels():
    pixels = bytes(range(256)) * 3 + bytes(16)
    image = html.png(pixels)
    assert struct.unpack(">2I", image[16:24]) == (28, 28)
    start = image.index(b"IDAT")
    size = struct.unpack(">I", image[start - 4 : start])[0]
    rows = zlib.decompress(image[start + 4 : start + 4 + size])
    assert set(rows[::29]) == {0}  # no filter on any row
    assert b"".join(rows[r * 29 + 1 : r * 29 + 29] for r in range(28)) == pixels


def palette(dark: bool) -> dict[str, str]:
    """The colour variables of one scheme; the dark one replaces some of the light one's."""
    light, rest = STYLE.split("@media screen and (prefers-color-scheme: dark)", 1)
    named = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", light))
    if dark:
        named |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", rest.split("*, *::before")[0]))
    return named


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
    parts = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    light, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_colours_of_text_have_contrast(dark):
    colours = palette(dark)
    words = ("ink", "muted", "accent", "gate", "pass", "fail", "unsure", "none", "over")
    for ground in ("paper", "wash"):
        for name in words:
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    assert contrast(colours["ink"], colours["hit"]) >= 4.5
    for shade, words in (
        *((f"s{k}", "on-shade") for k in range(1, 5)),
        ("s5", "on-s5"),
        ("s6", "on-s6"),
    ):
        assert contrast(colours[words], colours[shade]) >= 4.5, shade


def test_contrast_is_computed_as_the_standard_says():
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
