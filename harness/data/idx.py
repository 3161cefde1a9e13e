"""The IDX format of MNIST's own files, read strictly and in bounded memory.

    bytes 0-1   zero
    byte  2     type of the values; 0x08 = unsigned byte, the only one read here
    byte  3     number of dimensions D
    4 x D       sizes, big-endian unsigned 32-bit
    the rest    the values, last dimension fastest

A file may be gzip-compressed. That is told from its first bytes, not from its name:
browsers are known to unpack a download and keep the .gz.
"""

import gzip
import math
import struct
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import IO, cast

import numpy as np

from harness.data.dataset import Bytes
from reference.errors import UserError

MAX_BYTES = 256 * 2**20  # five times MNIST's training images: nothing honest promises more

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08
_TYPES = {
    0x08: "unsigned byte",
    0x09: "signed byte",
    0x0B: "16-bit integer",
    0x0C: "32-bit integer",
    0x0D: "32-bit float",
    0x0E: "64-bit float",
}
_ADVICE = "Replace it with an intact copy."


def read_idx(path: Path, dimensions: int) -> Bytes:
    """Returns the unsigned bytes of an IDX file, gzip-compressed or plain.

    Never reads or unpacks more than the header promises plus one byte, and the header may
    promise at most MAX_BYTES.

    Raises:
        UserError: the file cannot be read, or is not exactly such a file with that number of
            dimensions: wrong magic or type, sizes of zero or too large, too short, too long.
    """
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: not a plain file. {_ADVICE}")
        with ExitStack() as stack:
            raw = stack.enter_context(path.open("rb"))
            if raw.peek(2)[:2] == _GZIP_MAGIC:
                unpacked = stack.enter_context(gzip.GzipFile(fileobj=raw))
                return _decode(cast("IO[bytes]", unpacked), path, dimensions)
            return _decode(raw, path, dimensions)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"{path}: the gzip data is damaged or cut short ({error}). {_ADVICE}"
        ) from error
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror or error}). "
            "Check that the file exists and that you may read it."
        ) from error


def _decode(stream: IO[bytes], path: Path, dimensions: int) -> Bytes:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        raise UserError(
            f"{path}: not an IDX file: starts with {magic.hex(' ') or 'nothing'}, "
            f"but should start with 00 00 08 {dimensions:02x}. {_ADVICE}"
        )
    if magic[2] != _UNSIGNED_BYTE:
        raise UserError(
            f"{path}: holds values of type {_TYPES[magic[2]]}, but should hold unsigned "
            f"bytes. {_ADVICE}"
        )
    if magic[3] != dimensions:
        raise UserError(
            f"{path}: has {magic[3]} dimension(s), but should have {dimensions}. Are image and "
            f"label files mixed up? {_ADVICE}"
        )
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise UserError(f"{path}: ends inside its header. {_ADVICE}")
    shape = struct.unpack(f">{dimensions}I", sizes)
    length = math.prod(shape)
    if not 0 < length <= MAX_BYTES:
        raise UserError(
            f"{path}: its header promises {_times(shape)} = {length:,} bytes, but should promise "
            f"between 1 and {MAX_BYTES:,}. {_ADVICE}"
        )
    values = stream.read(length)
    if len(values) < length:
        raise UserError(
            f"{path}: cut short: holds {len(values):,} values, but its header promises "
            f"{_times(shape)} = {length:,}. {_ADVICE}"
        )
    if stream.read(1):  # also makes gzip compare its checksum
        raise UserError(
            f"{path}: goes on after the {_times(shape)} = {length:,} values that its header "
            f"promises. {_ADVICE}"
        )
    return np.frombuffer(values, np.uint8).reshape(shape)


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def write_idx(path: Path, array: Bytes) -> None:
    """Writes unsigned bytes as an IDX file, gzip-compressed where the name ends in .gz.

    The same array always gives the same bytes: no time or name goes into the gzip header.
    """
    header = struct.pack(f">HBB{array.ndim}I", 0, _UNSIGNED_BYTE, array.ndim, *array.shape)
    content = header + array.tobytes()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
