"""Replaces pandas and tensorflow_datasets, as far as scripts need them to load MNIST."""

import csv
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.submissions.sandbox.inside.fake_loaders import TEST, TRAIN, csv_table, load_data
from harness.submissions.sandbox.inside.pandas_frame import Frame

_MAX_TABLE = 64 << 20


def read_csv(path: Any, *_: Any, header: Any = "infer", **options: Any) -> Frame:
    """Reads a file of the submission, or answers for a CSV file of MNIST that scripts name.

    Raises:
        FileNotFoundError: the file is missing, and its name is not one of MNIST's.
    """
    named = header is not None
    if isinstance(path, (str, os.PathLike)) and not Path(path).exists():
        found = csv_table(str(path), named)
        if found is None:
            raise FileNotFoundError(f"No such file: {str(path)[:100]!r}")
    else:
        found = _read(Path(path), named)
    rows = options.get("nrows")
    return found if rows is None else found.head(int(rows))


def _read(path: Path, named: bool) -> Frame:
    if path.stat().st_size > _MAX_TABLE:
        raise ValueError(f"{path.name} is larger than {_MAX_TABLE >> 20} MB")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    names = rows.pop(0) if named and rows else None
    values = np.array(rows, object)
    for kind in (np.int64, np.float64):
        try:
            return Frame(values.astype(kind), names)
        except ValueError:
            continue
    return Frame(values, names)


class DataFrame:
    """`pandas.DataFrame(...)` makes a `Frame`; nothing is an instance of this."""

    def __new__(cls, data: Any = None, *_: Any, columns: Any = None, **__: Any) -> Any:
        if isinstance(data, Mapping):
            columns = list(data)
            data = [np.ravel(np.asarray(data[name])) for name in columns]
            size = max(map(len, data), default=0)
            data = np.array([np.resize(column, size) for column in data], object).T
        values = np.asarray([] if data is None else data)
        if values.ndim < 2:
            values = values.reshape(len(values), -1)
        return Frame(values, columns)


class Series:
    """`pandas.Series(...)` makes a `Frame` of one column."""

    def __new__(cls, data: Any = None, *_: Any, name: Any = None, **__: Any) -> Any:
        return Frame(np.asarray([] if data is None else data), name=name)


class Index:
    """`pandas.Index`, for `isinstance`; nothing is an instance of this."""


def get_dummies(labels: Any, **_: Any) -> Frame:
    """Returns one column for each class."""
    classes, codes = np.unique(np.asarray(labels), return_inverse=True)
    return Frame(np.eye(len(classes), dtype=bool)[codes], list(classes))


def concat(parts: Any, axis: Any = 0, **_: Any) -> Frame:
    """Returns tables side by side, or one below the other."""
    arrays = [np.asarray(part) for part in parts]
    if axis in {1, "columns"}:
        return Frame(np.column_stack(arrays))
    return Frame(np.concatenate(arrays), getattr(parts[0], "columns", None))


def _pandas() -> dict[str, object]:
    return {
        "read_csv": read_csv,
        "DataFrame": DataFrame,
        "Series": Series,
        "Index": Index,
        "get_dummies": get_dummies,
        "concat": concat,
        "to_numeric": lambda values, **_: values,
        "Categorical": Series,
        "isnull": lambda values: Frame(np.zeros(np.shape(values), bool)),
    }


# tensorflow_datasets ------------------------------------------------------------------------------


def tfds_load(
    name: str,
    split: Any = None,
    batch_size: int | None = None,
    as_supervised: bool = False,
    with_info: bool = False,
    **_: Any,
) -> Any:
    """Stands for `tfds.load("mnist")`: images (28, 28, 1) uint8, labels int64.

    Raises:
        ValueError: another data set is asked for.
    """
    if "mnist" not in name:
        raise ValueError(f"only MNIST is available here, not {name[:60]!r}")
    whole = {"train": ["train"], "test": ["test"]}
    wanted = whole if split is None else split
    found = _each(wanted, lambda one: _tfds_part(str(one), batch_size, as_supervised))
    if split is None:
        found = {key: parts[0] for key, parts in found.items()}
    return (found, _Info()) if with_info else found


def _each(split: Any, make: Callable[[Any], Any]) -> Any:
    if isinstance(split, Mapping):
        return {key: _each(value, make) for key, value in split.items()}
    if isinstance(split, (list, tuple)):
        return [_each(value, make) for value in split]
    return make(split)


def _tfds_part(split: str, batch_size: int | None, as_supervised: bool) -> Any:
    tensorflow: Any = sys.modules["tensorflow"]
    (x_train, y_train), (x_test, y_test) = load_data()
    images, labels = (x_train, y_train) if split.startswith("train") else (x_test, y_test)
    rows = _slice(split, len(images))
    images, labels = images[rows, ..., None], labels[rows].astype(np.int64)
    content = (images, labels) if as_supervised else {"image": images, "label": labels}
    if batch_size == -1:
        return tensorflow.nest.map_structure(tensorflow.convert_to_tensor, content)
    dataset = tensorflow.data.Dataset.from_tensor_slices(content)
    return dataset if batch_size is None else dataset.batch(batch_size)


def _slice(split: str, count: int) -> slice:
    """Reads "train[:80%]" and "train[10000:]"."""
    if "[" not in split:
        return slice(None)
    ends = split.split("[")[1].rstrip("]").split(":")

    def number(text: str) -> int | None:
        if not text:
            return None
        return round(count * int(text[:-1]) / 100) if text.endswith("%") else int(text)

    return slice(*(number(text.strip()) for text in ends))


class _Info:
    """The second value with `with_info=True`."""

    class _Split:
        def __init__(self, num_examples: int) -> None:
            self.num_examples = num_examples

    class _Label:
        num_classes = 10
        names = tuple("0123456789")

        def int2str(self, label: int) -> str:
            return str(int(label))

    def __init__(self) -> None:
        self.name = "mnist"
        self.splits = {"train": self._Split(TRAIN), "test": self._Split(TEST)}
        self.features = {"label": self._Label(), "image": None}


def _tfds() -> dict[str, object]:
    return {
        "load": tfds_load,
        "as_numpy": lambda dataset: (
            dataset.as_numpy_iterator()
            if hasattr(dataset, "as_numpy_iterator")
            else sys.modules["tensorflow"].nest.map_structure(np.asarray, dataset)
        ),
        "disable_progress_bar": lambda: None,
    }


# Modules whose stand-ins do what the real ones do for MNIST: no note says that they are missing.
ANSWERED: Mapping[str, Callable[[], dict[str, object]]] = {
    "pandas": _pandas,
    "tensorflow_datasets": _tfds,
}
