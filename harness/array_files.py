"""Arrays that we wrote to files ourselves, whatever has become of the files since."""

import contextlib
from collections.abc import Iterator
from pathlib import Path


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
