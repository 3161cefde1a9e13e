"""Arrays that we wrote to files ourselves, whatever has become of the files since."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@contextlib.contextmanager
def intact(file: Path) -> Iterator[None]:
    """Makes a ValueError, which names the file, of whatever NumPy raises at a damaged one.

    NumPy reads headers as Python and members as zip does, and lets the errors of both through:
    those of tokenizer, struct, zlib and others, and MemoryError where a header promises too much.

    Raises:
        OSError: the file is not there, or may not be read.
        ValueError: it is damaged.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise
        raise ValueError(f"{file}: damaged ({error or type(error).__name__})") from error


@contextlib.contextmanager
def archive(file: Path) -> Iterator[Mapping[str, Any]]:
    """Opens an .npz archive, for as long as the context lasts.

    Raises:
        OSError, ValueError: as `intact`, whatever is done with its members.
    """
    with (
        intact(file),
        file.open("rb") as stream,  # opened here: NumPy leaves a damaged archive open
        np.load(stream, allow_pickle=False) as arrays,
    ):
        yield arrays


def member(arrays: Mapping[str, Any], name: str) -> NDArray[Any]:
    """Returns an array of an archive.

    Raises:
        KeyError: the member is missing.
        TypeError: it is not an array; NumPy returns its bytes.
    """
    array = arrays[name]
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} is not an array")
    return array
