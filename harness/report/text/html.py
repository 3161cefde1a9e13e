"""Fragments of HTML: addresses within a page, sentences with code, pictures of digits."""

import base64
import re
import struct
import zlib
from collections.abc import Iterable

from markupsafe import Markup, escape

SIDE = 28
SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = struct.pack(">2I5B", SIDE, SIDE, 8, 0, 0, 0, 0)  # 8 bits, greyscale, not interlaced

_HEADING = re.compile(r"<(h[1-4])( [^>]*)?>(.*?)</\1>", re.DOTALL)
_IDENT = re.compile(r' id="([^"]+)"')
_UNSAFE = re.compile(r"[^a-z0-9_]+")


def slug(text: str, longest: int = 40) -> str:
    """Returns the part of a text that may stand in an address, readable, perhaps empty."""
    return _UNSAFE.sub("-", text.lower()).strip("-")[:longest]


def distinct(names: Iterable[str]) -> list[str]:
    """Returns the names, each that occurred before with a number behind it."""
    taken: dict[str, int] = {}
    found = []
    for name in names:
        taken[name] = taken.get(name, 0) + 1
        found.append(name if taken[name] == 1 else f"{name}--{taken[name]}")
    return found


def signposted(html: str) -> str:
    """Returns the page with a link to itself in every heading that has an id.

    A heading `x-h` names the section `x`, and leads there.
    """
    return _HEADING.sub(_signposted, html)


def _signposted(match: re.Match[str]) -> str:
    tag, attributes, inside = match[1], match[2] or "", match[3]
    ident = _IDENT.search(attributes)
    if ident is None:
        return match[0]
    words = " ".join(Markup(inside).striptags().split())  # noqa: S704 - printed escaped
    sign = Markup('<a class="here" href="#{}" aria-label="Link to {}">#</a>').format(
        ident[1].removesuffix("-h"), words
    )
    return f"<{tag}{attributes}>{inside} {escape(sign)}</{tag}>"


def code(text: str | None) -> Markup:
    """Escapes a sentence; text between two backticks becomes code."""
    parts = (text or "").split("`")
    if len(parts) % 2 == 0:  # an odd backtick is a backtick
        parts[-2:] = ["`".join(parts[-2:])]
    pieces = (
        Markup("<code>{}</code>").format(part) if place % 2 and part else escape(part)
        for place, part in enumerate(parts)
    )
    return Markup("").join(pieces)


def png(pixels: bytes) -> bytes:
    """Returns a greyscale PNG of 784 bytes, row by row, 0 black and 255 white.

    Format: PNG specification, third edition, sections 5 and 11.
    """
    rows = (b"\0" + pixels[start : start + SIDE] for start in range(0, SIDE * SIDE, SIDE))
    image = zlib.compress(b"".join(rows), 9)
    return SIGNATURE + _chunk(b"IHDR", HEADER) + _chunk(b"IDAT", image) + _chunk(b"IEND", b"")


def data_uri(pixels: bytes | None) -> str:
    """Returns the picture as a data: address; "" without pixels."""
    if not pixels:
        return ""
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
