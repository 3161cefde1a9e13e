"""Greek letters as arrays: what they are, how they are identified, how they reach a worker.

    images  (N, 28, 28)  uint8, 0 = paper, 255 = ink
    labels  (N,)         uint8, index into CLASSES

They travel to workers in a file of their own, <folder>/<digest>.npz.
"""

import contextlib
import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from harness.data.dataset import IMAGE_SHAPE, Bytes, part_digest
from harness.system import directories
from harness.system.array_files import archive, member
from reference.errors import UserError

CLASSES = ("alpha", "beta", "gamma")

# What document 002 was trained on: nine pictures of each letter.
DOCUMENTED = (9, 9, 9)


@dataclass(frozen=True, eq=False)
class Letters:
    """Pictures of letters with their classes, and where they came from.

    Attributes:
        source: "GREEK_DIR", "--greek-test" or "drawn".
        note: why something else was taken than the document used; None where nothing was.
    """

    images: Bytes
    labels: Bytes
    source: str
    note: str | None = None

    def __post_init__(self) -> None:
        count = len(self.labels)
        for name, array, shape in (
            ("images", self.images, (count, *IMAGE_SHAPE)),
            ("labels", self.labels, (count,)),
        ):
            if array.dtype != np.uint8 or array.shape != shape:
                message = f"{name}: {array.dtype} {array.shape}, but should be uint8 {shape}"
                raise ValueError(message)
        if count and int(self.labels.max()) >= len(CLASSES):
            message = f"labels: up to {self.labels.max()}, but should be below {len(CLASSES)}"
            raise ValueError(message)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over both arrays: the same letters have the same digest wherever they lie."""
        lines = f"images {part_digest(self.images)}\nlabels {part_digest(self.labels)}\n"
        return hashlib.sha256(lines.encode("ascii")).hexdigest()

    @cached_property
    def repeated(self) -> int:
        """How many of the letters are, pixel for pixel, the same as another one of them."""
        found = Counter(image.tobytes() for image in self.images)
        return sum(count for count in found.values() if count > 1)


def unlike_documented(labels: Iterable[int]) -> str | None:
    """Returns how many letters of each class there are, in words; None for nine of each."""
    found = Counter(int(label) for label in labels)
    counts = tuple(found[index] for index in range(len(CLASSES)))
    if counts == DOCUMENTED:
        return None
    named = [f"{count} {name}" for count, name in zip(counts, CLASSES, strict=True)]
    return f"{', '.join(named[:-1])} and {named[-1]}"


def publish_letters(
    letters: Letters, folder: Path, tell: Callable[[str], None] = lambda _: None
) -> Path:
    """Writes the arrays for workers to read; returns the file.

    It is renamed into place once it is whole. One that is there already stays, unless it is
    damaged: then it is set aside.

    Args:
        tell: shows a line to the user: of a file that was set aside.

    Raises:
        UserError: `folder` cannot be written.
    """
    target = folder / f"{letters.digest}.npz"
    with contextlib.suppress(OSError, ValueError):
        open_letters(folder, letters.digest)
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(target):
            place = directories.set_aside(target, folder / directories.QUARANTINE)
            if place is not None:
                tell(
                    f"WARNING: the stored Greek letters were damaged and were set aside in "
                    f"{place}; they are stored anew"
                )
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{letters.digest[:12]}.")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, allow_pickle=False, images=letters.images, labels=letters.labels)
            Path(name).chmod(0o644)  # mkstemp's 0600 would shut out a worker of another user
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UserError(
            f"{folder}: the Greek letters cannot be written there "
            f"({directories.described(error)}). Free some space, or make the folder writable."
        ) from error
    return target


def open_letters(folder: Path, digest: str) -> Letters:
    """Returns the letters that were published under a digest, verified.

    Raises:
        FileNotFoundError: not published.
        ValueError: damaged, or of another digest.
    """
    file = folder / f"{digest}.npz"
    with archive(file) as arrays:
        letters = Letters(member(arrays, "images"), member(arrays, "labels"), source="published")
    if letters.digest != digest:
        message = f"{file}: digest {letters.digest}, but should be {digest}"
        raise ValueError(message)
    return letters
