"""What the sections on progress show, ready to print."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """`contents` are the anchors and titles of its sections, for the page's navigation."""

    contents: tuple[tuple[str, str], ...] = ()
