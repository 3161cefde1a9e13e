"""Numbers as people read them. Pure functions; nothing here knows about pages."""

from collections.abc import Sequence

NARROW = "\N{NARROW NO-BREAK SPACE}"
WIDE = "\N{NO-BREAK SPACE}"
NOTHING = "–"
COUNTS = (
    "none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
)  # fmt: skip
UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def percent(fraction: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """0.9871 -> 98.71 %; an absent number is a dash."""
    if fraction is None:
        return NOTHING
    mark = "+" if sign else ""
    return f"{100 * fraction:{mark}.{digits}f}".replace("-", "−") + NARROW + "%"


def points(fraction: float | None) -> str:
    """A difference of two accuracies, in percentage points: 0.0071 -> +0.71 pp."""
    if fraction is None:
        return NOTHING
    return f"{100 * fraction:+.2f}".replace("-", "−") + NARROW + "pp"


def gate(threshold: float | None) -> str:
    """0.98 -> 98 %, 0.965 -> 96.5 %."""
    return NOTHING if threshold is None else f"{100 * threshold:.5g}{NARROW}%"


def interval(ends: tuple[float, float] | None, digits: int = 2) -> str:
    """(0.9847, 0.9891) -> [98.47, 98.91]; in percent, like the number before it."""
    if ends is None:
        return ""
    return f"[{100 * ends[0]:.{digits}f},{WIDE}{100 * ends[1]:.{digits}f}]"


def is_count(value: float) -> bool:
    """Whether a claimed value counts something: an accuracy is above 0 and at most 1."""
    return value == 0 or abs(value) > 1


def quantity(value: float) -> str:
    """A claimed value as it was claimed: 0.96058 -> 96.058 %, 693962 -> 693,962."""
    return whole(value) if is_count(value) else gate(value)


def whole(value: float | None) -> str:
    """Digits in groups of three: 693962 -> 693,962."""
    return NOTHING if value is None else f"{value:,.0f}"


def short(value: float | None, unit: str = "") -> str:
    """Three significant digits and a prefix: 123456789 -> 123 M."""
    if value is None:
        return NOTHING
    for size, prefix in UNITS:
        if abs(value) >= size * 0.9995:
            return f"{_three(value / size)}{NARROW}{prefix}{unit}"
    return f"{_three(value)}{NARROW}{unit}" if unit else _three(value)


def _three(value: float) -> str:
    size = abs(value)
    if value == int(value) and size < 1000:
        return f"{value:.0f}"
    return f"{value:.2f}" if size < 9.995 else f"{value:.1f}" if size < 99.95 else f"{value:.0f}"


def seconds(value: float | None) -> str:
    """A duration in the unit that suits it: 0.000031 -> 31.0 µs, 200 -> 3 min 20 s."""
    if value is None:
        return NOTHING
    if value >= 119.5:
        minutes, rest = divmod(round(value), 60)
        return f"{minutes:,}{NARROW}min {rest:02d}{NARROW}s"
    for size, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= size * 0.9995:
            return f"{_three(value / size)}{NARROW}{unit}"
    return f"{value * 1e9:.0f}{NARROW}ns" if value > 0 else f"0{NARROW}s"


def duration(value: float | None) -> str:
    """A training time, in tenths of seconds so that a column lines up: 2.17 -> 2.2 s."""
    if value is None or value >= 119.5:
        return seconds(value)
    return f"{value:.1f}{NARROW}s"


def key(value: float | None) -> str:
    """A number as a column of a table is sorted by it; empty where there is none."""
    return "" if value is None else f"{value:.7g}"


def shape(axes: Sequence[int | None]) -> str:
    """[26, 26, 32] -> 26 × 26 × 32; one axis stays a number; unknown axes are question marks."""
    return f"{WIDE}×{WIDE}".join("?" if axis is None else str(axis) for axis in axes) or "scalar"


def spelled(number: int) -> str:
    """Small numbers as words: 5 -> five; above ten in digits."""
    return COUNTS[number] if 0 <= number < len(COUNTS) else f"{number:,}"


def counted(number: int, noun: str) -> str:
    """(5, "network") -> five networks; (1, "network") -> one network."""
    return f"{spelled(number)} {noun}{'' if number == 1 else 's'}"


def listed(items: Sequence[str], limit: int = 4) -> str:
    """["a", "b", "c"] -> a, b and c; a long list is cut and says so."""
    names = list(items)
    if len(names) > limit:
        names = [*names[: limit - 1], f"{spelled(len(items) - limit + 1)} more"]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def cut(text: str, length: int) -> str:
    """At most `length` characters, an ellipsis where something was left out."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def apart(text: str) -> str:
    """A name that cannot change the reading direction of the sentence around it."""
    return f"\N{FIRST STRONG ISOLATE}{cut(text, 60)}\N{POP DIRECTIONAL ISOLATE}"


def setting(value: object) -> str:
    """A configuration value: [3, 3] -> 3 × 3; a class with a config -> its name."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "×".join(setting(item) for item in value)
    if isinstance(value, dict):
        named = value.get("class") or value.get("class_name")
        return str(named) if named else "{…}" if value else "{}"
    return cut(str(value), 80)
