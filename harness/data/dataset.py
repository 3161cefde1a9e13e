"""What a dataset is, how it is identified, and how its training part is split.

A dataset is four arrays, always decoded to bytes:

    train_images  (N, 28, 28)  uint8, 0 = paper, 255 = ink
    train_labels  (N,)         uint8, 0..9
    test_images   (M, 28, 28)  uint8
    test_labels   (M,)         uint8

It is identified by the SHA-256 of these arrays, not of the files they came from, so one
MNIST has one digest whether it was read from IDX files, an .npz archive or a table.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.errors import UserError

IMAGE_SHAPE = (28, 28)
PARTS = ("train_images", "train_labels", "test_images", "test_labels")

Bytes = NDArray[np.uint8]
Indexes = NDArray[np.int32]


@dataclass(frozen=True, eq=False, kw_only=True)
class Arrays:
    """The four arrays, read-only; shapes and dtypes as in the module's docstring."""

    train_images: Bytes
    train_labels: Bytes
    test_images: Bytes
    test_labels: Bytes

    def __post_init__(self) -> None:
        for name in PARTS:
            array = self.part(name)
            size = len(self.part(name.replace("images", "labels")))
            shape = (size, *IMAGE_SHAPE) if name.endswith("images") else (size,)
            if array.shape != shape or array.dtype != np.uint8:
                message = f"{name} is {array.dtype} {array.shape}, but should be uint8 {shape}"
                raise ValueError(message)
            read_only = array.view()
            read_only.flags.writeable = False
            object.__setattr__(self, name, read_only)

    def part(self, name: str) -> Bytes:
        """Returns the array called `name`, one of PARTS."""
        array: Bytes = getattr(self, name)
        return array


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset(Arrays):
    """Arrays with their identity and origin.

    `source` says where the arrays came from ("IDX files (MNIST_DIR)"); `note` says why
    something else was taken than was preferred, and is None otherwise.
    """

    name: str
    digest: str
    source: str
    note: str | None = None

    @classmethod
    def of(
        cls, arrays: Arrays, *, name: str, digest: str, source: str, note: str | None = None
    ) -> "Dataset":
        """Returns a data set of the same arrays, which are not copied."""
        return cls(
            train_images=arrays.train_images,
            train_labels=arrays.train_labels,
            test_images=arrays.test_images,
            test_labels=arrays.test_labels,
            name=name,
            digest=digest,
            source=source,
            note=note,
        )


@dataclass(frozen=True)
class Identity:
    """What a known dataset must be: its sizes and the digest of each part, in PARTS' order."""

    title: str
    train_size: int
    test_size: int
    part_digests: tuple[str, str, str, str]

    @property
    def digest(self) -> str:
        return _combined(self.part_digests)

    def shape(self, part: str) -> tuple[int, ...]:
        """Returns the shape of one of PARTS."""
        size = self.train_size if part.startswith("train") else self.test_size
        return (size, *IMAGE_SHAPE) if part.endswith("images") else (size,)


# Obtained with `digest` below from the four canonical files, read with harness.data.idx.
# MD5 of those .gz files: f68b3c2dcbeaaa9fbdd348bbdeb94873 (training images),
# d53e105ee54ea40749a09fcbcd1e9432 (training labels), 9fb629c4189551a2d022fa330f9573f3
# (test images), ec29112dd5afa0611ce80d1b7f02629c (test labels).
MNIST_DIGEST = "0778da1fa407180803f482834f57934e501082d141343ac658bb52b65f8292de"
MNIST = Identity(
    title="MNIST",
    train_size=60_000,
    test_size=10_000,
    part_digests=(
        "601f54518710f5458daddb4ac0d626fd11a4302002bb9f6e0d3e00ae947005a9",
        "4a8492ec088389403e12489539dd0b6b4ec46e73d913bb19e129c7e2128b8c78",
        "a48c21f111087eb1b0fed5bcc87bf582f2dbb300389a7a750f22a2caaff111e5",
        "5450192f6beee097cd7a1eae7afd65b8e4ca61ba3bda9be0a0c9375b8b344bbe",
    ),
)


def digest(arrays: Arrays) -> str:
    """Returns the SHA-256 (hex) that identifies these arrays, whatever file they came from.

    It is the hash of a manifest with one line `name sha256` for each of PARTS, so that the
    parts can be compared one by one and a mismatch names the one that differs.
    """
    return _combined(tuple(part_digest(arrays.part(name)) for name in PARTS))


def part_digest(array: Bytes) -> str:
    """Returns the SHA-256 (hex) of one array: a header of dtype and shape, then its bytes."""
    header = f"{array.dtype.str} {'x'.join(map(str, array.shape))}\n"
    state = hashlib.sha256(header.encode("ascii"))
    state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()


def _combined(part_digests: tuple[str, ...]) -> str:
    lines = (f"{name} {value}\n" for name, value in zip(PARTS, part_digests, strict=True))
    return hashlib.sha256("".join(lines).encode("ascii")).hexdigest()


def verified(
    identity: Identity, parts: dict[str, Bytes], where: Callable[[str], str], advice: str
) -> Arrays:
    """Returns `parts` (keys: PARTS) as Arrays once they are known to be `identity`.

    `where(part)` names the file, or the member of a file, that a part was read from.

    Raises:
        UserError: a part has another shape or digest; the message ends with `advice`.
    """
    for name, expected in zip(PARTS, identity.part_digests, strict=True):
        array, shape = parts[name], identity.shape(name)
        if array.shape != shape:
            raise UserError(
                f"{where(name)}: these are not {identity.title}'s {_words(name)}: "
                f"shape {array.shape}, but should be {shape}. {advice}"
            )
        actual = part_digest(array)
        if actual != expected:
            raise UserError(
                f"{where(name)}: these are not {identity.title}'s {_words(name)}.\n"
                f"  actual digest (SHA-256 of the decoded array): {actual}\n"
                f"  expected digest:                              {expected}\n"
                f"{advice}"
            )
    return Arrays(**parts)


def to_uint8(values: NDArray[np.generic], maximum: int, where: str) -> Bytes:
    """Returns integers of any numeric dtype as uint8.

    Raises:
        UserError: not numbers, or one of them is not an integer in 0..maximum.
    """
    if values.dtype.kind not in "uif":
        raise UserError(f"{where}: values are {values.dtype}, but should be integers.")
    if values.dtype != np.uint8:
        numbers: Any = values  # its kind is known by now, its dtype is not
        fits = (numbers >= 0) & (numbers <= maximum)
        if not (fits.all() and np.array_equal(numbers, np.trunc(numbers))):
            raise UserError(
                f"{where}: values must be integers from 0 to {maximum}, and some are not."
            )
    elif values.size and values.max() > maximum:
        raise UserError(f"{where}: holds {values.max()}, but should be at most {maximum}.")
    return values.astype(np.uint8, order="C", copy=False)


def _words(part: str) -> str:
    return part.replace("train_", "training ").replace("test_", "test ")


@dataclass(frozen=True, eq=False)
class Split:
    """Indexes into the training part, int32: disjoint, and together all of it."""

    train_indexes: Indexes
    validation_indexes: Indexes


# Keeps this permutation independent of every other use of the same seed.
_SPLIT_STREAM = 0x5B117


def split(train_size: int, validation_size: int, seed: int) -> Split:
    """Splits the indexes 0..train_size-1 at random, without regard to labels.

    The indexes are sorted by random 64-bit keys from PCG64: NumPy promises that a bit
    generator's stream never changes (NEP 19) but does not promise it of `permutation`, so
    the split of a seed is the same on every machine and version. The first
    `validation_size` go to validation, the rest, in their shuffled order, to training.

    Raises:
        ValueError: validation_size is not in 0..train_size-1, or seed is negative.
    """
    if not 0 <= validation_size < train_size:
        message = f"validation_size = {validation_size}, but should be in 0..{train_size - 1}"
        raise ValueError(message)
    keys = np.random.PCG64([seed, _SPLIT_STREAM]).random_raw(train_size)
    order = np.argsort(keys, kind="stable").astype(np.int32)
    order.flags.writeable = False
    return Split(order[validation_size:], order[:validation_size])
