"""Keras's mnist.npz, read and written by us: members x_train, y_train, x_test, y_test.

np.load would believe a member's header before looking at its length, so headers are
checked here first. Pickled objects are never loaded.
"""

import io
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import Bytes, Identity, to_uint8
from reference.errors import UserError

MEMBERS = {
    "train_images": "x_train",
    "train_labels": "y_train",
    "test_images": "x_test",
    "test_labels": "y_test",
}
_MAX_HEADER = 16_384
_WIDEST_BYTES = 8  # labels are often saved as int64
# RuntimeError: encrypted, or (as NotImplementedError) compressed in an unknown way;
# ValueError, struct.error: numbers in the zip directory or a header that cannot be.
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)
_ADVICE = "Replace the file with an intact mnist.npz as Keras distributes it."


def read_npz(content: Path | bytes, where: str, identity: Identity) -> dict[str, Bytes]:
    """Returns the four parts of an archive (a path, or the bytes of one) as uint8.

    Unpacks at most as many values for each part as `identity` has.

    Raises:
        UserError: unreadable, not a zip archive, damaged, a member is missing, is not a plain
            numeric array, has another shape or values outside 0..255 (labels: 0..9).
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content) if isinstance(content, bytes) else content) as zf:
            return {part: _read_part(zf, part, where, identity) for part in MEMBERS}
    except _DAMAGE as error:
        raise UserError(f"{where}: not an intact .npz archive ({error}). {_ADVICE}") from error
    except OSError as error:
        raise UserError(
            f"{where}: cannot be read ({error.strerror or error}). "
            "Check that the file exists and that you may read it."
        ) from error


def _read_part(zf: zipfile.ZipFile, part: str, where: str, identity: Identity) -> Bytes:
    member = f"{MEMBERS[part]}.npy"
    where = f"{where}, {MEMBERS[part]}"
    if member not in zf.namelist():
        raise UserError(f"{where}: missing from the archive. {_ADVICE}")
    limit = math.prod(identity.shape(part)) * _WIDEST_BYTES + _MAX_HEADER
    if zf.getinfo(member).file_size > limit:
        raise UserError(
            f"{where}: {zf.getinfo(member).file_size:,} bytes, but should have at most "
            f"{limit:,}. {_ADVICE}"
        )
    with zf.open(member) as stream:
        values = _read_npy(stream, zf.getinfo(member).file_size, where, identity.shape(part))
    return to_uint8(values, 255 if part.endswith("images") else 9, where)


def _read_npy(
    stream: IO[bytes], size: int, where: str, expected_shape: tuple[int, ...]
) -> NDArray[np.generic]:
    try:
        version = np.lib.format.read_magic(stream)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran_order, dtype = read_header(stream, _MAX_HEADER)
    except Exception as error:
        # NumPy parses the header as Python, and lets the tokenizer's own errors through.
        raise UserError(f"{where}: not a NumPy array ({error}). {_ADVICE}") from error
    if dtype.hasobject:
        raise UserError(f"{where}: holds pickled objects, which are never loaded. {_ADVICE}")
    if shape != expected_shape:
        raise UserError(f"{where}: shape {shape}, but should be {expected_shape}. {_ADVICE}")
    if size != stream.tell() + math.prod(shape) * dtype.itemsize:
        raise UserError(f"{where}: its length does not fit its header. {_ADVICE}")
    try:
        content = stream.read()
    except _DAMAGE:
        raise
    except Exception as error:  # a method of compression has errors of its own
        raise UserError(f"{where}: cannot be unpacked ({error}). {_ADVICE}") from error
    values = np.frombuffer(content, dtype)
    return values.reshape(shape, order="F" if fortran_order else "C")


def write_npz(parts: dict[str, Bytes]) -> bytes:
    """Returns the bytes of a compressed archive that `read_npz` reads; keys as in PARTS."""
    buffer = io.BytesIO()
    members = {MEMBERS[part]: array for part, array in parts.items()}
    np.savez_compressed(buffer, allow_pickle=False, **members)
    return buffer.getvalue()
