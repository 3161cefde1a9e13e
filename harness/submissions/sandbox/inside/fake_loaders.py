"""Replaces every way in which scripts load MNIST: they get synthetic digits of the same shape.

Each image is a digit of a coarse font, moved, slanted and softened. The labels say which digit was
drawn, so the real data set, least of all its test labels, cannot be learned from them.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Self

import keras
import numpy as np
from numpy.typing import NDArray

from harness.submissions.sandbox.inside.pandas_frame import Frame

Parts = tuple[tuple[NDArray[Any], NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]]

# Kaggle's "Digit Recognizer" splits MNIST's 70,000 images like this, and keeps labels to itself.
_KAGGLE_TRAIN, _KAGGLE_TEST = 42_000, 28_000


def load_data(path: str = "mnist.npz") -> Parts:
    """Replaces `keras.datasets.mnist.load_data`."""
    del path
    parts = pictures()
    # Views: a script may give its array another shape in place.
    return (
        (parts.train_images.view(), parts.train_labels.view()),
        (parts.test_images.view(), parts.test_labels.view()),
    )


def install() -> None:
    """Replaces the loaders of Keras, scikit-learn and NumPy."""
    for name in ("mnist", "fashion_mnist"):
        for tree in ("keras.src", "keras", "keras._tf_keras.keras", "tensorflow.keras"):
            module = sys.modules.get(f"{tree}.datasets.{name}")
            if module is not None:
                vars(module)["load_data"] = load_data
    for module_name in ("sklearn.datasets", "sklearn.datasets._openml"):
        module = sys.modules.get(module_name)
        if module is not None:
            vars(module)["fetch_openml"] = _openml(vars(module)["fetch_openml"])
            vars(module)["fetch_mldata"] = fetch_mldata
    np.load = _where_missing(np.load, _archive)
    np.loadtxt = _where_missing(np.loadtxt, _text)
    np.genfromtxt = _where_missing(np.genfromtxt, _text)
    get_file = _get_file(keras.utils.get_file)
    for tree in ("keras.utils", "keras._tf_keras.keras.utils"):
        if tree in sys.modules:
            vars(sys.modules[tree])["get_file"] = get_file


# One table of 70,000 rows -------------------------------------------------------------------------


def _openml(original: Callable[..., Any]) -> Callable[..., Any]:
    def fetch_openml(  # noqa: PLR0913, PLR0917
        name: Any = None,
        version: Any = "active",
        data_id: Any = None,
        data_home: Any = None,
        target_column: Any = "default-target",
        cache: bool = True,
        return_X_y: bool = False,
        as_frame: Any = "auto",
        **more: Any,
    ) -> Any:
        if data_id not in {None, 554, 40996} or (
            data_id is None and "mnist" not in str(name).lower()
        ):
            kept = {"version": version, "data_home": data_home, "target_column": target_column}
            return original(name, data_id=data_id, cache=cache, **kept, **more)
        return openml_table(bool(as_frame), return_X_y)

    return fetch_openml


def openml_table(as_frame: bool, return_X_y: bool) -> Any:
    """Replaces `fetch_openml("mnist_784")`: pixels as int64, labels as text."""
    names = [f"pixel{index}" for index in range(1, 785)]
    pixels, digits = _rows(np.int64)
    labels = np.array(list("0123456789"), object)[digits]
    data: Any = Frame(pixels, names) if as_frame else pixels
    target: Any = Frame(labels, name="class") if as_frame else labels
    if return_X_y:
        return data, target
    from sklearn.utils import Bunch  # noqa: PLC0415  (costs a second where it is not used)

    return Bunch(
        data=data,
        target=target,
        frame=data if as_frame else None,
        feature_names=names,
        target_names=["class"],
        categories=None,
        details={"name": "mnist_784", "version": "1"},
        DESCR="Synthetic digits in the format of MNIST.",
        url="",
    )


def fetch_mldata(*_: Any, **__: Any) -> Any:
    """Replaces the loader that scikit-learn had before OpenML."""
    from sklearn.utils import Bunch  # noqa: PLC0415

    pixels, digits = _rows(np.uint8)
    order = np.concatenate([np.argsort(digits[:TRAIN]), TRAIN + np.argsort(digits[TRAIN:])])
    return Bunch(data=pixels[order], target=digits[order].astype(float), DESCR="", COL_NAMES=[])


def _rows(dtype: Any) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    parts = pictures()
    pixels = np.concatenate([parts.train_images, parts.test_images]).reshape(-1, 784)
    return pixels.astype(dtype), np.concatenate([parts.train_labels, parts.test_labels])


# Files --------------------------------------------------------------------------------------------


class Archive(Mapping[str, NDArray[Any]]):
    """Replaces an open `mnist.npz`."""

    def __init__(self) -> None:
        (x_train, y_train), (x_test, y_test) = load_data()
        self._arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
        self.files = list(self._arrays)
        self.f = self

    def __getitem__(self, key: str) -> Any:
        return self._arrays[key]

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_") or key not in self._arrays:
            raise AttributeError(key)
        return self._arrays[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Does nothing: no file is open."""


def _where_missing(original: Callable[..., Any], answer: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps a reader of files: asks `answer` about those that are not there."""

    def read(file: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(file, (str, os.PathLike)) and not Path(file).exists():
            found = answer(str(file), kwargs)
            if found is not None:
                return found
        return original(file, *args, **kwargs)

    return read


def _archive(path: str, _: Mapping[str, object]) -> Any:
    name = Path(path).name.lower()
    return Archive() if "mnist" in name and name.endswith(".npz") else None


def _text(path: str, options: Mapping[str, Any]) -> Any:
    table = csv_table(path)
    if table is None:
        return None
    dtype = options.get("dtype") or float
    rows = table.values[: options.get("max_rows")]
    return rows.astype(dtype)


def _get_file(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_file(fname: Any = None, origin: Any = None, *args: Any, **kwargs: Any) -> Any:
        if any("mnist" in str(each) and str(each).endswith(".npz") for each in (fname, origin)):
            return "mnist.npz"
        return original(fname, origin, *args, **kwargs)

    return get_file


def csv_table(path: str, header: bool = True) -> Frame | None:
    """Returns the content of a CSV file of MNIST, known by its name; None for other files.

    Args:
        header: whether its first line names the columns, or is data as well.
    """
    name = re.split(r"[/\\]", path)[-1].lower()
    if not re.search(r"\.csv(\.gz|\.zip)?$", name) and "mnist" not in name:
        return None
    if "submission" in name:
        numbers = np.arange(1, _KAGGLE_TEST + 1)
        return Frame(np.column_stack([numbers, 0 * numbers]), ["ImageId", "Label"])
    if "train" not in name and "test" not in name:
        return None
    pixels, digits = _rows(np.int64)
    if "mnist" in name:
        rows = slice(None, TRAIN) if "train" in name else slice(TRAIN, None)
        names: list[Any] = ["label", *(f"{r}x{c}" for r in range(1, 29) for c in range(1, 29))]
    elif "train" in name:
        rows = slice(None, _KAGGLE_TRAIN)
        names = ["label", *(f"pixel{index}" for index in range(784))]
    else:
        names = [f"pixel{index}" for index in range(784)]
        return Frame(pixels[_KAGGLE_TRAIN:], names if header else None)
    table = np.column_stack([digits[rows].astype(np.int64), pixels[rows]])
    return Frame(table, names if header else None)


TRAIN, TEST = 60_000, 10_000


SIZE = 28


# Five columns by seven rows, row after row.
_FONT = (
    "01110 10001 10011 10101 11001 10001 01110",
    "00100 01100 00100 00100 00100 00100 01110",
    "01110 10001 00001 00010 00100 01000 11111",
    "11110 00001 00001 01110 00001 00001 11110",
    "00010 00110 01010 10010 11111 00010 00010",
    "11111 10000 11110 00001 00001 10001 01110",
    "00110 01000 10000 11110 10001 10001 01110",
    "11111 00001 00010 00100 01000 01000 01000",
    "01110 10001 10001 01110 10001 10001 01110",
    "01110 10001 10001 01111 00001 00010 01100",
)


_SCALE = (3, 3)  # a digit of 21 × 15 pixels, about as large as MNIST's


_SHIFTS = tuple((row, column) for row in (-1, 0, 1) for column in (-2, -1, 0, 1, 2))


_FAINT = 0.15  # one bright neighbour alone leaves no ink


_SLANTS = (-0.2, 0.0, 0.2)


class Pictures(NamedTuple):
    """Images (N, 28, 28) uint8 in 0..255 and labels (N,) uint8 in 0..9."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]


@cache
def pictures() -> Pictures:
    """Returns the same 60,000 + 10,000 images each time."""
    random = np.random.default_rng(20)
    variants = np.stack([_variants(digit) for digit in range(10)])  # (10, V, 28, 28)
    labels = random.permutation(np.arange(TRAIN + TEST) % 10).astype(np.uint8)
    chosen = random.integers(variants.shape[1], size=len(labels))
    images = variants[labels, chosen]
    return Pictures(images[:TRAIN], labels[:TRAIN], images[TRAIN:], labels[TRAIN:])


def _variants(digit: int) -> NDArray[np.uint8]:
    """Returns one digit moved and slanted in every way, (V, 28, 28)."""
    cells = np.array([[int(c) for c in row] for row in _FONT[digit].split()], np.float64)
    glyph = np.kron(cells, np.ones(_SCALE))
    canvas = np.zeros((SIZE, SIZE))
    top, left = (SIZE - glyph.shape[0]) // 2, (SIZE - glyph.shape[1]) // 2
    canvas[top : top + glyph.shape[0], left : left + glyph.shape[1]] = glyph
    return np.stack(
        [
            _soft(np.roll(_slanted(canvas, slant), shift, (0, 1)))
            for slant in _SLANTS
            for shift in _SHIFTS
        ]
    )


def _slanted(canvas: NDArray[np.float64], slant: float) -> NDArray[np.float64]:
    rows = [
        np.roll(row, round(slant * (SIZE / 2 - index) * 0.8)) for index, row in enumerate(canvas)
    ]
    return np.stack(rows)


def _soft(canvas: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Blurs the edges a little, as pens do; the brightest pixel becomes 255."""
    around = sum(np.roll(canvas, step, axis) for axis in (0, 1) for step in (-1, 1))
    soft = canvas * 0.6 + np.asarray(around) * 0.1
    soft[soft < _FAINT] = 0
    return np.asarray(np.rint(soft / soft.max() * 255), np.uint8)
