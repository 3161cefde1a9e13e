"""Fragment addresses: readable, safe, the same for the same results, and no two alike."""

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

_HEADING = re.compile(r"<(h[1-4])( [^>]*)?>(.*?)</\1>", re.DOTALL)
_IDENT = re.compile(r' id="([^"]+)"')
_UNSAFE = re.compile(r"[^a-z0-9_]+")


def slug(text: str, longest: int = 40) -> str:
    """What of a text may stand in an address; it may be empty."""
    return _UNSAFE.sub("-", text.lower()).strip("-")[:longest]


def distinct(names: Iterable[str]) -> list[str]:
    """The same names, a number behind each that occurred before."""
    taken: dict[str, int] = {}
    found = []
    for name in names:
        taken[name] = taken.get(name, 0) + 1
        found.append(name if taken[name] == 1 else f"{name}--{taken[name]}")
    return found


def signposted(html: str) -> str:
    """The page with a link to itself in every heading that has an id.

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
