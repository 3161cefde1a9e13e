"""Numbers as text, written one way on the terminal, in messages and in Markdown."""


def percent(fraction: float | None, digits: int = 2) -> str:
    """Returns 0.9857 as "98.57 %"; an absent number is a dash, never a zero."""
    return "–" if fraction is None else f"{100 * fraction:.{digits}f} %"
