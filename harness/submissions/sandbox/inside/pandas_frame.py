"""Replaces the part of pandas that scripts use to take MNIST out of a table."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray


class Frame(NDArrayOperatorsMixin):
    """A table with named columns, or one column of it (a Series)."""

    def __init__(self, values: Any, columns: Sequence[Any] | None = None, name: Any = None) -> None:
        self.values: NDArray[Any] = np.asarray(values)
        self.name = name
        width = self.values.shape[1] if self.values.ndim == 2 else 0
        self.columns = Columns(range(width) if columns is None else columns)

    # As an array ---------------------------------------------------------------------------------

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        arrays = [each.values if isinstance(each, Frame) else each for each in inputs]
        return self._like(getattr(ufunc, method)(*arrays, **kwargs))

    def to_numpy(self, dtype: Any = None, **_: Any) -> NDArray[Any]:
        return np.asarray(self.values, dtype)

    def astype(self, dtype: Any, **_: Any) -> "Frame":
        values = self.values.astype("int64" if dtype == "category" else dtype)
        return Frame(values, list(self.columns), self.name)

    def _like(self, values: Any) -> Any:
        if np.shape(values)[1:] == self.values.shape[1:] and np.ndim(values):
            return Frame(values, list(self.columns), self.name)
        return Frame(values) if np.ndim(values) else values

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.columns if self.values.ndim == 2 else self.values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in {"values", "columns"}:
            raise AttributeError(name)
        if name in self.columns:
            return self[name]
        return getattr(self.values, name)

    # As a table ----------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, Frame):
            key = key.values
        if self.values.ndim == 2:
            if (
                isinstance(key, (list, Columns))
                and len(key)
                and all(k in self.columns for k in key)
            ):
                return Frame(self.values[:, [self.columns.index(k) for k in key]], list(key))
            if isinstance(key, (str, int, np.integer)) and key in self.columns:
                return Frame(self.values[:, self.columns.index(key)], name=key)
            if isinstance(key, str):
                raise KeyError(key)
        return self._like(self.values[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        if self.values.ndim == 2 and isinstance(key, str):
            column = np.broadcast_to(np.asarray(value), len(self.values))
            if key in self.columns:
                self.values[:, self.columns.index(key)] = column
            else:
                self.values = np.column_stack([self.values, column])
                self.columns.append(key)
        else:
            self.values[key] = value

    @property
    def iloc(self) -> "_Positions":
        return _Positions(self)

    @property
    def loc(self) -> "_Labels":
        return _Labels(self)

    @property
    def index(self) -> NDArray[Any]:
        return np.arange(len(self.values))

    @property
    def dtypes(self) -> str:
        return str(self.values.dtype)

    @property
    def cat(self) -> "Frame":
        return self

    @property
    def codes(self) -> "Frame":
        return Frame(np.unique(self.values, return_inverse=True)[1])

    def drop(
        self,
        labels: Any = None,
        axis: Any = 0,
        columns: Any = None,
        inplace: bool = False,
        **_: Any,
    ) -> Any:
        if columns is None and axis in {1, "columns"}:
            columns = labels
        if columns is None:
            kept = np.setdiff1d(self.index, np.asarray(labels))
            values, names = self.values[kept], list(self.columns)
        else:
            gone = columns if isinstance(columns, (list, tuple, Columns)) else [columns]
            missing = [name for name in gone if name not in self.columns]
            if missing:
                raise KeyError(f"{missing} not found in axis")
            names = [name for name in self.columns if name not in gone]
            values = self.values[:, [self.columns.index(name) for name in names]]
        if not inplace:
            return Frame(values, names)
        self.values, self.columns = values, Columns(names)
        return None

    def pop(self, name: Any) -> "Frame":
        column: Frame = self[name]
        self.drop(columns=[name], inplace=True)
        return column

    def head(self, count: int = 5) -> Any:
        return self._like(self.values[:count])

    def tail(self, count: int = 5) -> Any:
        return self._like(self.values[-count:])

    def sample(self, n: int | None = None, frac: float | None = None, **_: Any) -> Any:
        count = round(frac * len(self)) if frac is not None else n or 1
        return self._like(self.values[np.random.default_rng(0).permutation(len(self))[:count]])

    def isnull(self) -> Any:
        return self._like(np.zeros(self.values.shape, bool))

    isna = isnull

    def any(self, *_: Any, **__: Any) -> Any:
        return Frame(self.values.any(0)) if self.values.ndim == 2 else bool(self.values.any())

    def value_counts(self, **_: Any) -> "Frame":
        return Frame(np.sort(np.unique(self.values, return_counts=True)[1])[::-1])

    def unique(self) -> NDArray[Any]:
        return np.unique(self.values)

    def nunique(self) -> int:
        return len(np.unique(self.values))

    def tolist(self) -> list[Any]:
        return list(self.values.tolist())

    def copy(self, **_: Any) -> Any:
        return self._like(self.values.copy())

    def apply(self, function: Any, axis: Any = 0, **_: Any) -> "Frame":
        if self.values.ndim == 2:
            return Frame(
                np.apply_along_axis(function, 1 if axis in {1, "columns"} else 0, self.values)
            )
        return Frame([function(value) for value in self.values])

    map = apply

    def reset_index(self, **_: Any) -> "Frame":
        return self

    fillna = dropna = sort_index = reset_index

    def info(self, *_: Any, **__: Any) -> None:
        """Prints nothing."""

    describe = to_csv = plot = hist = info


class Columns(list[Any]):
    """The names of the columns."""

    @property
    def values(self) -> NDArray[Any]:
        return np.array(self, object)

    def tolist(self) -> list[Any]:
        return list(self)

    def drop(self, name: Any) -> "Columns":
        return Columns(each for each in self if each != name)

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return Columns(found) if isinstance(key, slice) else found


class _Positions:
    """`frame.iloc`: rows and columns by number."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def __getitem__(self, key: Any) -> Any:
        frame = self._frame
        if isinstance(key, tuple) and len(key) == 2:
            found = frame.values[key]
            if np.ndim(found) == 2:
                return Frame(found, np.array(frame.columns, object)[key[1]].tolist())
            return Frame(found) if np.ndim(found) else found
        return frame._like(frame.values[key])  # noqa: SLF001


class _Labels(_Positions):
    """`frame.loc`: rows by number, columns by name."""

    def __getitem__(self, key: Any) -> Any:
        frame = self._frame
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        if isinstance(columns, slice):
            names = frame.columns
            first = 0 if columns.start is None else names.index(columns.start)
            last = len(names) if columns.stop is None else names.index(columns.stop) + 1
            columns = names[first:last]
        chosen = frame[columns] if frame.values.ndim == 2 else frame
        rows = rows.values if isinstance(rows, Frame) else rows
        return chosen._like(chosen.values[rows])  # noqa: SLF001
