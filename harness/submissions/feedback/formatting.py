"""How shapes and settings are written within a sentence."""

from collections.abc import Mapping
from typing import Any


def by(sizes: Any) -> str:
    return " × ".join(str(size) for size in sizes[:2])


def as_pair(sizes: list[int]) -> str:
    return f"({', '.join(map(str, sizes))})"


def as_step(sizes: list[int]) -> str:
    return str(sizes[0]) if sizes[0] == sizes[1] else by(sizes)


def as_side(shape: tuple[int, ...]) -> str:
    return str(shape[0]) if len(shape) < 2 or shape[0] == shape[1] else by(shape)


def as_tuple(shape: tuple[int, ...]) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def as_plain(value: Any) -> str:
    return str(value["class"]) if isinstance(value, Mapping) and "class" in value else str(value)
