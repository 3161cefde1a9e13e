"""Draws with matplotlib and hands over SVG that lives inside a page.

Lines and marks are drawn by matplotlib in stand-in colours; afterwards each becomes a CSS variable,
so that one drawing serves the light, the dark and the printed page. Words are written as text
beside it, escaped: matplotlib never sees a name from a results file (no mathtext, no missing
glyphs). The bytes depend on nothing but what was drawn.
"""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Affine2D

from harness.report.text import formatting

INK, MUTED, RULE, ACCENT, GATE, PAPER = (f"#00000{digit}" for digit in range(1, 7))
NAMES = {INK: "ink", MUTED: "muted", RULE: "rule", ACCENT: "accent", GATE: "gate", PAPER: "paper"}
SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "mnist",
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "path.simplify": True,
}
NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))

Point = tuple[float, float]

_COLOUR = re.compile("|".join(NAMES))
_GROUP = re.compile(r'<g id="[^"]*"')
_DECIMALS = re.compile(r"(\d+\.\d)\d+")
_PATH = re.compile(r"<path([^>]*)/>")
_STEPS = re.compile(r' d="([^"]*)"')
_STYLE = re.compile(r' style="([^"]*)"')
_ROUND = re.compile(r"(?<=\d)\.0(?=[ \"A-Za-z-])()")
_LOOK = r"(?: stroke-linecap=\"butt\")? style=\"stroke[^\"]*\""
_TWINS = re.compile(rf'<path d="[^"]*"({_LOOK})/>(?:<path d="[^"]*"\1/>)+')
_USES = re.compile(r'<g><use [^>]* style="([^"]*)"/>(?:<use [^>]* style="\1"/>)*</g>')
_IDENT = re.compile(r'id="([^"]*-m[0-9a-f]{10})"')
_LONE = re.compile(r"<g>(<path[^>]*/>)</g>")
_SHARED = {"fill": "none", "stroke-linecap": "round", "stroke-dashoffset": "0"}
_MARK = re.compile(r'(id="|href="#)(m[0-9a-f]{10})')


@contextmanager
def house_style() -> Iterator[None]:
    """Everything is drawn in here: our settings, whatever the user's matplotlibrc says."""
    default = {key: value for key, value in mpl.rcParamsDefault.items() if "backend" not in key}
    with mpl.rc_context(default | SETTINGS):
        yield


@dataclass(frozen=True)
class Panel:
    """A part of a sheet, in pixels from the top left, and the values at its edges."""

    left: float
    top: float
    right: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]  # at the bottom, at the top

    def at(self, x: float, y: float) -> Point:
        """The pixel of a value."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return (
            self.left + across * (self.right - self.left),
            self.bottom - up * (self.bottom - self.top),
        )


class Sheet:
    """One drawing, `width` x `height` CSS pixels. To be used inside `house_style`."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        self.figure.patch.set_visible(False)
        self.pixels = Affine2D().scale(1, -1).translate(0, height)
        self.words: list[str] = []

    def line(self, points: Iterable[Point], colour: str, width: float, **look: Any) -> None:
        """Joins pixels; a nan leaves a gap. `look` goes to matplotlib's Line2D."""
        x, y = zip(*points, strict=True)
        style: dict[str, Any] = {"color": colour, "linewidth": width, "transform": self.pixels}
        self.figure.add_artist(Line2D(x, y, **(style | look)), clip=False)

    def marks(
        self,
        points: Sequence[Point],
        shape: str,
        colour: str,
        size: float,
        **look: Any,
    ) -> None:
        """Puts the same mark at each pixel, with a rim in the colour of the page."""
        style = {"linestyle": "none", "marker": shape, "markersize": size}
        rim = {"markeredgecolor": PAPER, "markeredgewidth": 1.0}
        self.line(points, colour, 0, **(style | rim | look))

    def write(  # noqa: PLR0913 - a place, words and their four looks
        self,
        x: float,
        y: float,
        words: str,
        *,
        colour: str = MUTED,
        size: float = 11.5,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """Puts words beside a pixel, centred on it in height."""
        weight = ' font-weight="650"' if bold else ""
        self.words.append(
            f'<text x="{x:.1f}" y="{y + 0.35 * size:.1f}" font-size="{size:g}" '
            f'text-anchor="{anchor}"{weight} '
            f'style="fill:{_variable(colour)}">{escape(words)}</text>'
        )

    def markup(self, ident: str, title: str, description: str) -> Markup:
        """Returns an <svg> with its text alternative; `ident` keeps its ids apart from others."""
        raw = io.StringIO()
        canvas: Any = FigureCanvasSVG(self.figure)  # its print_svg has no annotations
        canvas.print_svg(raw, metadata=NO_METADATA)
        body = raw.getvalue()
        body = body[body.index('<g id="figure_1"') : body.rindex("</svg>")]
        body = _MARK.sub(rf"\1{ident}-\2", _DECIMALS.sub(r"\1", _GROUP.sub("<g", body)))
        body = body.replace("xlink:href", "href").replace(" \n", " ")
        body = _COLOUR.sub(lambda match: _variable(match[0]), re.sub(r">\s+<", "><", body))
        body = _slim(body, ident)
        return Markup(  # noqa: S704 - every word in it is escaped
            f'<svg class="chart" viewBox="0 0 {self.width:g} {self.height:g}" role="img" '
            f'aria-labelledby="{ident}-t {ident}-d" style="--w:{self.width:g}px">'
            f'<title id="{ident}-t">{escape(title)}</title>'
            f'<desc id="{ident}-d">{escape(description)}</desc>{body}{"".join(self.words)}</svg>'
        )


def _slim(body: str, ident: str) -> str:
    """The same drawing in fewer bytes: what many of its parts share is said once."""
    body = _ROUND.sub(r"\1", _PATH.sub(_slim_path, body))
    while (shorter := _LONE.sub(r"\1", body)) != body:
        body = shorter
    body = _TWINS.sub(_joined, body)
    body = _USES.sub(_shared_style, body)
    for place, mark in enumerate(dict.fromkeys(_IDENT.findall(body))):
        body = body.replace(mark, f"{ident}-{place}")
    return f'<g fill="none" stroke-linecap="round">{body}</g>'


def _joined(match: re.Match[str]) -> str:
    """Lines that follow each other and look alike, as one path."""
    steps = "".join(_STEPS.findall(match[0]))
    return f'<path d="{steps}"{match[1]}/>'


def _shared_style(match: re.Match[str]) -> str:
    """Marks of one look: the look stands on their group."""
    look = match[1].replace(": ", ":").replace("; ", ";")
    own = f' style="{match[1]}"'
    return f'<g style="{look}">{match[0][3:-4].replace(own, "")}</g>'


def _slim_path(match: re.Match[str]) -> str:
    """One <path>: `M 36 148.8 L 172 148.8 ` becomes `M36 148.8 172 148.8`."""
    attributes = _STEPS.sub(lambda found: f' d="{_steps(found[1])}"', match[1])
    style = _STYLE.search(attributes)
    if style is None:
        return f"<path{attributes}/>"
    given = dict(part.split(": ", 1) for part in style[1].split("; ") if part)
    butt = "" if "stroke-linecap" in given else ' stroke-linecap="butt"'
    kept = {key: value for key, value in given.items() if _SHARED.get(key) != value}
    words = ";".join(f"{key}:{value}" for key, value in kept.items())
    return f'<path{_STYLE.sub("", attributes)}{butt} style="{words}"/>'


def _steps(path: str) -> str:
    """After a move, pairs of numbers are lines: the letter need not be said."""
    return re.sub(r" ?([MLHVCQZz]) ?", r"\1", path.strip()).replace("L", " ")


def _variable(colour: str) -> str:
    return f"var(--{NAMES[colour]})"


def tick(what: str, value: float) -> str:
    """A tick's words, from its height on the axis of `scales.by_error` or `scales.by_loss`."""
    if what == "accuracy":
        return f"{100 * (1 - 10**-value):.5g}{formatting.NARROW}%"
    return f"{10**value:.3g}"


def levels(sheet: Sheet, panel: Panel, marked: Sequence[float], what: str) -> None:
    """Rules across the panel with their words to the left."""
    for value in marked:
        _, y = panel.at(panel.x[0], value)
        sheet.line([(panel.left, y), (panel.right, y)], RULE, 0.7)
        sheet.write(panel.left - 6, y, tick(what, value), anchor="end", size=11)
