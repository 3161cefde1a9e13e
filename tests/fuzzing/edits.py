"""Changes to a file: cut off, flipped, spliced, stretched, or one value put where another was."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from random import Random
from typing import Any

from tests.fuzzing.formats import DEEP, JSON_ODD, Format

MOST_BYTES = 2 << 20
_ENOUGH = 2_000  # places of a tree to choose from

Edit = tuple[str, int]
"""What is done, and a number from which all its choices are drawn."""


def edited(data: bytes, edits: Sequence[Edit], format_: Format, others: Sequence[bytes]) -> bytes:
    """Returns the bytes with all changes made; one that cannot be made leaves them as they are.

    Args:
        others: further examples, to take pieces from.
    """
    for name, number in edits:
        data = _EDITS[name](data, Random(number), format_, others)[:MOST_BYTES]
    return data


# Bytes -------------------------------------------------------------------------------------------


def _cut(data: bytes, draw: Random, _format: Format, _others: Sequence[bytes]) -> bytes:
    return data[: draw.randint(0, len(data))]


def _flip(data: bytes, draw: Random, _format: Format, _others: Sequence[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 8)) if data else 0):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _put(data: bytes, draw: Random, format_: Format, _others: Sequence[bytes]) -> bytes:
    """Writes a word of the format over what is there, or between."""
    place = _place(data, draw)
    word = draw.choice(format_.words)
    return data[:place] + word + data[place + draw.choice((0, len(word))) :]


def _drop(data: bytes, draw: Random, _format: Format, _others: Sequence[bytes]) -> bytes:
    start = _place(data, draw)
    return data[:start] + data[start + draw.choice((1, 1, 4, 30, 1_000)) :]


def _splice(data: bytes, draw: Random, _format: Format, others: Sequence[bytes]) -> bytes:
    other = draw.choice(others)
    return data[: _place(data, draw)] + other[_place(other, draw) :]


def _stretch(data: bytes, draw: Random, _format: Format, _others: Sequence[bytes]) -> bytes:
    """Repeats a piece: twice, or until the file is large."""
    start = _place(data, draw)
    piece = data[start : start + draw.choice((1, 2, 10, 100, 1_000))]
    times = draw.choice((1, 1, 2, 50, 100_000 // (len(piece) or 1)))
    return data[:start] + piece * times + data[start:]


def _place(data: bytes, draw: Random) -> int:
    """A place in the file; often near its start, where headers are."""
    return draw.randint(0, min(len(data), draw.choice((16, 128, len(data)))))


# Parts -------------------------------------------------------------------------------------------

_INSIDE = (_cut, _flip, _put, _put, _drop, _stretch)


def _part(data: bytes, draw: Random, format_: Format, others: Sequence[bytes]) -> bytes:
    """Changes what is packed in the file, so that lengths and checksums around it fit."""
    try:
        parts = list(format_.apart(data))
    except Exception:  # noqa: BLE001  (an earlier change has left nothing to take apart)
        return _flip(data, draw, format_, others)
    if not parts:
        return data
    place = draw.randrange(len(parts))
    match draw.randrange(6):
        case 0:
            del parts[place]
        case 1:
            parts.insert(place, draw.choice(parts))
        case 2:
            other = draw.randrange(len(parts))
            parts[place], parts[other] = parts[other], parts[place]
        case _:
            parts[place] = draw.choice(_INSIDE)(parts[place], draw, format_, others)
    return format_.together(parts) if parts else b""


# Trees -------------------------------------------------------------------------------------------


def _value(data: bytes, draw: Random, format_: Format, others: Sequence[bytes]) -> bytes:
    """Changes one value of nested lists and dictionaries, so that what is around it stays valid."""
    if format_.tree is None:
        return _part(data, draw, format_, others)
    parse, write = format_.tree
    try:
        tree = parse(data)
    except (ValueError, RecursionError):  # an earlier change has left no tree
        return _put(data, draw, format_, others)
    places = _places(tree)
    if not places:
        return data
    _change(places, draw)
    try:
        return write(tree)
    except (ValueError, RecursionError, AttributeError):  # the change made a tree of no such kind
        return data


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Returns the places in a tree, as container and key."""
    found: list[tuple[Any, Any]] = []
    pending = [tree]
    while pending and len(found) < _ENOUGH:
        inside = pending.pop()
        if not isinstance(inside, list | dict):
            continue
        for key in islice(range(len(inside)) if isinstance(inside, list) else inside, _ENOUGH):
            found.append((inside, key))
            pending.append(inside[key])
    return found


def _change(places: Sequence[tuple[Any, Any]], draw: Random) -> None:
    container, key = draw.choice(places)
    other, other_key = draw.choice(places)
    match draw.choice(("odd", "odd", "odd", "delete", "move", "swap", "many", "key", "deep")):
        case "odd":
            container[key] = draw.choice(JSON_ODD)
        case "delete":
            del container[key]
        case "move":
            container[key] = other[other_key]
        case "swap":
            container[key], other[other_key] = other[other_key], container[key]
        case "many" if isinstance(container, list):
            container[key:key] = [container[key]] * draw.choice((1, 20, 3_000))
        case "deep":
            for _ in range(draw.choice(DEEP)):
                container[key] = [container[key]]
        case _ if isinstance(container, dict):
            container[str(draw.choice(JSON_ODD))] = draw.choice(JSON_ODD)


_EDITS: Mapping[str, Callable[[bytes, Random, Format, Sequence[bytes]], bytes]] = {
    "cut": _cut, "flip": _flip, "put": _put, "drop": _drop, "splice": _splice,
    "stretch": _stretch, "part": _part, "value": _value,
}  # fmt: skip

NAMES = (*_EDITS, "part", "value", "value")  # those that get furthest into a parser, more often
