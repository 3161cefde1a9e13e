"""Describes the data that `fit` is given: shapes, types and ranges of images and labels."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import keras
import numpy as np
from numpy.typing import NDArray

# So many images tell the range of pixel values; arrays are looked at whole.
_PEEK = 1


class ArrayRow(TypedDict):
    """An array, as it is answered."""

    shape: list[int]
    dtype: str
    min: NotRequired[float | None]
    max: NotRequired[float | None]


@dataclass(frozen=True)
class Fed:
    """The images and labels that a method of a model was given.

    Attributes:
        images, labels: arrays, or a batch of them where they come in batches; None if unknown.
        count: how many images there are in all, None if unknown.
        batch_size: how many come at a time, where the data decides that.
    """

    images: NDArray[Any] | None
    labels: NDArray[Any] | None
    count: int | None
    batch_size: int | None = None

    def images_row(self) -> ArrayRow | None:
        """Returns {"shape", "dtype", "min", "max"} of all images."""
        row = self._row(self.images)
        if row is not None and self.images is not None:
            low, high = _range(self.images)
            row["min"], row["max"] = low, high
        return row

    def labels_row(self) -> ArrayRow | None:
        """Returns {"shape", "dtype"} of all labels."""
        return self._row(self.labels)

    def _row(self, array: NDArray[Any] | None) -> ArrayRow | None:
        if array is None:
            return None
        shape = [int(size) for size in array.shape]
        if self.count is not None and shape and self.batch_size is not None:
            shape[0] = self.count
        return {"shape": shape, "dtype": str(array.dtype)}


NOTHING = Fed(None, None, None)


def inspect_data(x: Any, y: Any = None, steps: int | None = None) -> Fed:
    """Describes the data passed to `fit`: arrays, tensors, a data set, batches, a generator.

    Args:
        steps: how many batches make an epoch, where the caller said so.
    """
    try:
        return _look(x, y, steps)
    except Exception:  # noqa: BLE001  (their own pipeline may do anything; then it is not known)
        return NOTHING


def _look(x: Any, y: Any, steps: int | None) -> Fed:
    if x is None:
        return NOTHING
    if hasattr(x, "element_spec"):
        return _dataset(x, steps)
    if isinstance(x, keras.utils.PyDataset) or _is_batches(x):
        images, labels = _pair(x[0])
        size = getattr(x, "batch_size", None) or _length(images)
        count = getattr(x, "n", None) or _times(size, steps or len(x))
        return Fed(images, labels, count, size)
    if isinstance(x, Iterator) or hasattr(x, "__next__"):
        images, labels = _pair(next(x))
        size = _length(images)
        return Fed(images, labels, _times(size, steps), size)
    images = array(x)
    return Fed(images, array(y), _length(images))


def _is_batches(x: Any) -> bool:
    """Tells whether it is a Sequence as in Keras 2: batches by their number."""
    return (
        hasattr(x, "__getitem__")
        and hasattr(x, "__len__")
        and not hasattr(x, "__array__")
        and not isinstance(x, (list, tuple, Mapping))
    )


def _dataset(dataset: Any, steps: int | None) -> Fed:
    images, labels = _pair(next(iter(dataset.take(_PEEK))))
    size, count = _batching(dataset)
    if size is None:
        size = _length(images)
    if steps is not None:
        count = _times(size, steps)
    if count is None:
        batches = int(dataset.cardinality())
        count = _times(size, batches) if batches > 0 else None
    return Fed(images, labels, count, size)


def _batching(dataset: Any) -> tuple[int | None, int | None]:
    """Returns the size of the batches, and how many images go into them, from the pipeline."""
    stage = dataset
    repeated = False
    while stage is not None:
        kind = type(stage).__name__
        repeated = repeated or "Repeat" in kind
        if kind.endswith("BatchDataset") and hasattr(stage, "_batch_size"):
            count = int(stage._input_dataset.cardinality())  # noqa: SLF001
            known = count > 0 and not repeated
            return int(stage._batch_size), count if known else None  # noqa: SLF001
        stage = getattr(stage, "_input_dataset", None)
    return None, None


def _pair(batch: Any) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    if isinstance(batch, Mapping):
        return array(batch.get("image")), array(batch.get("label"))
    if isinstance(batch, (list, tuple)) and len(batch) >= 2:
        return array(batch[0]), array(batch[1])
    return array(batch), None


def array(value: Any) -> NDArray[Any] | None:
    """Returns an array, a tensor, a list of numbers or a frame as an array; None for the rest."""
    while isinstance(value, (list, tuple)) and len(value) == 1 and hasattr(value[0], "shape"):
        value = value[0]  # one input, passed as a list of one
    if isinstance(value, Mapping):
        return array(next(iter(value.values()))) if len(value) == 1 else None
    if value is None or (
        isinstance(value, (list, tuple)) and hasattr(value[0], "shape") and np.ndim(value[0]) > 2
    ):
        return None
    found = value if type(value) is np.ndarray else np.asarray(value)
    return found if found.ndim else None


def _length(values: NDArray[Any] | None) -> int | None:
    return None if values is None else len(values)


def _times(size: int | None, batches: int | None) -> int | None:
    return None if size is None or batches is None else int(size) * int(batches)


def _range(images: NDArray[Any]) -> tuple[float | None, float | None]:
    if not images.size or images.dtype.kind not in "biuf":
        return None, None
    low, high = float(images.min()), float(images.max())
    return (low, high) if np.isfinite([low, high]).all() else (None, None)
