"""What changes need to know of a format: its parts, its words, and values worth trying."""

import gzip
import io
import json
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

Parts = Sequence[bytes]


@dataclass(frozen=True)
class Format:
    """How bytes of one kind are taken apart and put together.

    Attributes:
        words: that mean something to its parser, to be inserted anywhere.
        apart: the parts that can be changed by themselves, such as the members of an archive.
        together: the inverse, with lengths and checksums that fit again.
        tree: the bytes as nested lists and dictionaries, and back; None where they are none.
    """

    words: Sequence[bytes] = ()
    apart: Callable[[bytes], Parts] = lambda data: [data]
    together: Callable[[Parts], bytes] = lambda parts: parts[0]
    tree: tuple[Callable[[bytes], Any], Callable[[Any], bytes]] | None = None


# Numbers and texts --------------------------------------------------------------------------------

TEXTS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3\x28", b"\xed\xa0\x80", b"\xe2\x80\xa8",
    b"\x1b[2J", b"\r", b"\n" * 500, b" " * 500, b"9" * 5_000, b"-1", b"0", b"1e999", b"-0.0",
    b"0x10", b"1_000",
    b"NaN", b"nan", b"Infinity", b"inf", b"\\", b'"', b"'", b",", b"<script>", b"%s{}",
)  # fmt: skip

ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 10, 255, 256, 784, 2**31, 2**32, 2**63, 10**15, 10**100,
    10**400, 0.0, -0.0, 0.5, 1.5, 1e-9, -1.5, 1e100, 1e308, float("nan"), float("inf"),
    float("-inf"), "", "0", "a", "deep_cnn", "\n\x1b[31m\x00", "\u202e\u2028", "x" * 3_000,
    "<script>alert(1)</script>", "%s{}{{", "__class__", "../../etc/passwd", "AAAA", "NaN",
    [], [[]], {}, [None], [0, 0], [1, 2, 3], ["a", "a"], {"a": 1}, {"": None}, [[[[[[1]]]]]],
    list(range(300)), [{}] * 30,
)  # fmt: skip
JSON_ODD = (*ODD, "\ud800", "\x00")  # TOML has no word for these
DEEP = (60, 300, 900)  # lists within lists

_BIG = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 28, 29, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
NUMBERS = tuple(
    value.to_bytes(size, order)
    for value in _BIG
    for size in (1, 2, 4, 8)
    for order in ("big", "little")
    if value < 1 << 8 * size
)
"""Sizes as headers have them, among them those that no memory holds."""

RAW = Format(words=(*NUMBERS, *TEXTS))


# JSON ---------------------------------------------------------------------------------------------


def _json_bytes(tree: Any) -> bytes:
    return json.dumps(tree).encode()


JSON = Format(
    words=(
        *TEXTS, b"[" * 100_000, b'{"a":' * 30_000, b"[" * 600 + b"]" * 600, b'"\\ud800"', b"null",
        b"true", b"{}", b"[]", b'{"schema": 1}', b'"a": 1, "a": 2,', b"-", b"1e-999", b"\\u0000",
        b"[1]" * 100, b"1.7976931348623157e309",
    ),
    tree=(json.loads, _json_bytes),
)  # fmt: skip


def _line_parts(data: bytes) -> Parts:
    return data.split(b"\n")


JSON_LINES = Format(
    words=JSON.words,
    tree=(
        lambda data: [json.loads(line) for line in data.splitlines()],
        lambda tree: b"".join(_json_bytes(one) + b"\n" for one in tree),
    ),
)

CSV = Format(
    words=(*TEXTS, b"256", b"-1", b"1.5", b"+1", b"label,", b"pixel0", b"," * 2_000,
           b"1" * 100_000, b'"1', b"\x85", b"\x0b", b"\x1c", b"\xd9\xa3", b"1\n" * 1_000),
    apart=_line_parts,
    together=b"\n".join,
)  # fmt: skip


# TOML ---------------------------------------------------------------------------------------------


def _toml_tree(data: bytes) -> Any:
    if len(data) > 100_000 or b".a.a.a.a" in data:  # what would take the driver itself too much
        raise ValueError("too much")
    return tomllib.loads(data.decode())


def _toml_bytes(tree: Any) -> bytes:
    """One line for each key of the outermost table, tables within it on one line each."""
    lines = (f"{json.dumps(key)} = {_toml(value)}" for key, value in tree.items())
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)  # nan and inf are TOML's own words
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return json.dumps(value)  # null for None, which is no TOML


TOML = Format(
    words=(
        *TEXTS, b"[" * 5_000, b"x = " + b"[" * 3_000 + b"]" * 3_000, b".".join([b"a"] * 20_000),
        b"[[a]]\n" * 3_000, b"x = {a = " * 2_000, b'"""', b"'''", b"1979-05-27T07:32:00Z",
        b"07:32:00", b"0o17", b"0b1", b"+inf", b"-nan", b"1e400", b"x = 1\nx = 2", b"[a]\n[a]\n",
        b"\\ud800", b"\\U0010FFFF", b"\r\n", b"#", b"=", b"{}", b"[]",
    ),
    tree=(_toml_tree, _toml_bytes),
)  # fmt: skip


# Archives -----------------------------------------------------------------------------------------


def _members(data: bytes) -> Parts:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [part for name in archive.namelist() for part in (name.encode(), archive.read(name))]


def archive(
    *members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, level: int = 1
) -> bytes:
    """Returns a zip archive of these members, any of them as often as it is named."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method, compresslevel=level) as made:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            if name in made.NameToInfo:  # a second one of a name: zipfile would warn
                del made.NameToInfo[name]
            made.writestr(info, content)
    return buffer.getvalue()


def _archived(parts: Parts) -> bytes:
    names, contents = parts[::2], parts[1::2]
    pairs = zip((name.decode("latin-1") for name in names), contents, strict=False)
    return archive(*((name, content) for name, content in pairs if 0 < len(name) < 1 << 16))


_HEADER = (b"'descr'", b"'|O'", b"'<f2'", b"'>i8'", b"'fortran_order': True", b"'shape': (",
           b"(28, 28)", b"(4294967295,)", b"(-1,)", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x03\x00",
           b"'V0'", b"[('a', '|u1')]", b"(" * 300, b"1is", b"x_train.npy",
           b"PK\x01\x02")  # fmt: skip
ARCHIVE = Format(words=(*RAW.words, *_HEADER), apart=_members, together=_archived)
ARRAY = Format(words=(*RAW.words, *_HEADER))


def _unpacked(data: bytes) -> Parts:
    return [gzip.decompress(data)] if data[:2] == b"\x1f\x8b" else [data]


GZIP = Format(
    words=RAW.words,
    apart=_unpacked,
    together=lambda parts: gzip.compress(parts[0], 1, mtime=0),
)


# Pictures -----------------------------------------------------------------------------------------

_PNG = b"\x89PNG\r\n\x1a\n"


def png(*chunks: bytes) -> bytes:
    """Returns a PNG file of these chunks, each its kind and its content, with fitting checksums."""
    return _PNG + b"".join(
        (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
        for chunk in chunks
        if len(chunk) >= 4
    )


def _chunks(data: bytes) -> Parts:
    if not data.startswith(_PNG):
        return [data]
    found, place = [], len(_PNG)
    while place + 8 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        found.append(data[place + 4 : end])
        place = end + 4
    return found


def _pictured(parts: Parts) -> bytes:
    return png(*parts) if parts and parts[0][:4] == b"IHDR" else b"".join(parts)


PICTURE = Format(
    words=(*RAW.words, b"IHDR", b"IDAT", b"IEND", b"PLTE", b"tRNS", b"acTL", b"eXIf", b"iCCP",
           b"\xff\xd8", b"\xff\xc0", b"\xff\xda", b"GIF89a", b"II*\x00", b"MM\x00*", b"RIFF"),
    apart=_chunks,
    together=_pictured,
)  # fmt: skip
