"""The view of two networks beside each other."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A measure of both; `how` is the anchor of the method that it was obtained with."""

    label: str
    how: str
    a: str
    b: str
    difference: str


@dataclass(frozen=True)
class Aligned:
    """Two layers of one kind, or one alone: their parts, and whether the other has each as well."""

    a: tuple[tuple[str, bool], ...]
    b: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Beside:
    """A pair: `gist` says in a line what differs, `significant` is None where it was not tested."""

    anchor: str
    a: str
    b: str
    gist: str
    significant: bool | None
    first: bool  # the one to show first: the two most accurate networks
    rows: tuple[Row, ...]
    recalls: tuple[tuple[str, str, str], ...]  # of each digit: a, b, difference
    layers: tuple[Aligned, ...]
