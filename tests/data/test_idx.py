"""IDX files: what is written is read back, and everything that is not exact is refused."""

import gzip
import struct

import numpy as np
import pytest

from harness.data import idx
from harness.data.idx import read_idx, write_idx
from reference.errors import UserError

IMAGES = np.arange(2 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(2, 28, 28)


def content(magic=b"\0\0\x08\x03", sizes=(2, 28, 28), values=None):
    values = IMAGES.tobytes() if values is None else values
    return magic + struct.pack(f">{len(sizes)}I", *sizes) + values


@pytest.mark.parametrize("name", ["a.gz", "a"])
@pytest.mark.parametrize("array", [IMAGES, np.array([7, 0, 9], np.uint8)])
def test_round_trip(tmp_path, name, array):
    write_idx(tmp_path / name, array)
    read = read_idx(tmp_path / name, array.ndim)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, array)


def test_layout_is_that_of_the_format(tmp_path):
    write_idx(tmp_path / "labels", np.array([7, 0, 9], np.uint8))
    assert (tmp_path / "labels").read_bytes().hex(" ") == "00 00 08 01 00 00 00 03 07 00 09"


def test_writing_is_reproducible_and_compresses_by_name(tmp_path):
    for name in ("a.gz", "b.gz"):
        write_idx(tmp_path / name, IMAGES)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    packed = (tmp_path / "a.gz").read_bytes()
    assert packed[4:8] == bytes(4)  # no time of writing
    assert gzip.decompress(packed) == content()


def test_compression_is_told_from_the_content(tmp_path):
    (tmp_path / "unpacked.gz").write_bytes(content())
    (tmp_path / "packed").write_bytes(gzip.compress(content()))
    for name in ("unpacked.gz", "packed"):
        np.testing.assert_array_equal(read_idx(tmp_path / name, 3), IMAGES)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "starts with nothing, but should start with 00 00 08 03"),
        (b"\0\0", "starts with 00 00, but"),
        (content(magic=b"<htm"), "starts with 3c 68 74 6d, but should start with 00 00 08 03"),
        (content(magic=b"\0\0\x77\x03"), "starts with 00 00 77 03, but"),
        (content(magic=b"\0\0\x0d\x03"), "type 32-bit float, but should hold unsigned bytes"),
        (content(magic=b"\0\0\x08\x01"), r"1 dimension\(s\), but should have 3"),
        (b"\0\0\x08\x03\0\0\0", "ends inside its header"),
        (content(sizes=(0, 28, 28)), "0 × 28 × 28 = 0 bytes, but should promise"),
        (content(sizes=(2**32 - 1,) * 3), "4294967295 × 4294967295 × 4294967295 = "),
        (content(sizes=(3, 28, 28)), "cut short: holds 1,568 values, but its header promises 3 × "),
        (content(values=IMAGES.tobytes()[:-1]), "cut short: holds 1,567 values"),
        (content(sizes=(1, 28, 28)), "goes on after the 1 × 28 × 28 = 784 values"),
        (content() + b"\0", "goes on after"),
    ],
)
def test_refusals(tmp_path, data, complaint, pack):
    file = tmp_path / "images"
    file.write_bytes(pack(data))
    with pytest.raises(UserError, match=complaint) as caught:
        read_idx(file, 3)
    assert str(caught.value).startswith(f"{file}: ")


def _flip_checksum(packed):
    return packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:5],
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed[:-3],
        lambda packed: packed[:40] + b"\xff" * 20 + packed[60:],
        lambda packed: packed + b"more",
        _flip_checksum,
    ],
    ids=["header", "half", "end", "middle", "trailing", "checksum"],
)
def test_damaged_gzip_is_refused(tmp_path, damage):
    file = tmp_path / "images.gz"
    file.write_bytes(damage(gzip.compress(content(), mtime=0)))
    with pytest.raises(UserError, match="damaged or cut short") as caught:
        read_idx(file, 3)
    assert str(file) in str(caught.value)
    assert "intact copy" in str(caught.value)


def test_no_more_is_unpacked_than_the_header_promises(tmp_path, monkeypatch):
    asked = []

    class Counting(gzip.GzipFile):
        def read(self, size=-1):
            asked.append(size)
            return super().read(size)

    monkeypatch.setattr(idx.gzip, "GzipFile", Counting)
    file = tmp_path / "bomb.gz"
    file.write_bytes(gzip.compress(content() + bytes(10**7)))
    with pytest.raises(UserError, match="goes on after"):
        read_idx(file, 3)
    assert asked == [4, 12, IMAGES.size, 1]


def test_a_promise_beyond_the_limit_is_not_believed(tmp_path, monkeypatch):
    write_idx(tmp_path / "a", IMAGES)
    monkeypatch.setattr(idx, "MAX_BYTES", IMAGES.size)
    read_idx(tmp_path / "a", 3)
    monkeypatch.setattr(idx, "MAX_BYTES", IMAGES.size - 1)
    with pytest.raises(UserError, match="should promise between 1 and 1,567"):
        read_idx(tmp_path / "a", 3)


def test_missing_unreadable_and_special_files(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"cannot be read \(No such file"):
        read_idx(tmp_path / "missing", 3)
    with pytest.raises(UserError, match="not a plain file"):
        read_idx(tmp_path, 3)

    def deny(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    write_idx(tmp_path / "a", IMAGES)
    monkeypatch.setattr("pathlib.Path.open", deny)
    with pytest.raises(UserError, match=r"cannot be read \(Permission denied"):
        read_idx(tmp_path / "a", 3)
