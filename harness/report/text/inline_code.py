"""Sentences with `code` in backticks, as text that is safe in a page."""

from markupsafe import Markup, escape


def code(text: str | None) -> Markup:
    """Escapes a sentence; what stands between two backticks is set as code."""
    parts = (text or "").split("`")
    if len(parts) % 2 == 0:  # an odd backtick is a backtick
        parts[-2:] = ["`".join(parts[-2:])]
    pieces = (
        Markup("<code>{}</code>").format(part) if place % 2 and part else escape(part)
        for place, part in enumerate(parts)
    )
    return Markup("").join(pieces)
