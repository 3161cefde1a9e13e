"""Parses pages of the report, and makes results whose every text is hostile."""

import re
from html.parser import HTMLParser

from harness.report.render import render

HOSTILE = (
    "<script>alert(1)</script>\"'&amp;{{ 7*7 }}$x_1$ \N{RIGHT-TO-LEFT OVERRIDE}evil "
    "\N{HEBREW LETTER SHIN}\N{ARABIC LETTER AIN} \x1b[31mred\x00\ud800 #000004 W0W " + "W" * 200
)
PLAIN_WORDS = {"status", "verdict", "outcome", "pixels", "correct_bitmap", "group"}
VOID = {"meta", "link", "img", "br", "use", "path", "circle"}


class Parsed(HTMLParser):
    """Collects elements and text, and fails on an element that is not closed where it should be."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"

    def handle_data(self, data):
        if self.open and self.open[-1] not in {"style", "script"}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"[ \t\r\n]+", " ", "".join(self.words))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def poisoned(value, key=None):
    if isinstance(value, dict):
        return {k: poisoned(item, k) for k, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item, key) for item in value]
    return HOSTILE if isinstance(value, str) and key not in PLAIN_WORDS else value


def text_of(results) -> str:
    return Parsed(render(results)).text


def without_isolates(text: str) -> str:
    return text.replace("\u2068", "").replace("\u2069", "")
