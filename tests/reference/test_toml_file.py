"""TOML that anybody may have written is read in bounded time and memory, or refused in words."""

from decimal import Decimal

import pytest

from harness.evaluation import rubric
from reference import facts, study_format, toml_file
from reference.errors import UserError
from reference.toml_file import MAX_BYTES, MAX_PARTS

HARD = "is not TOML that can be read: a number too long, or nested too deeply"
LONG = f", line 2: a key of more than {MAX_PARTS} parts"

# Content -> what is said of it, after the file's name.
BAD = {
    "half a pair": (b'x = "\\ud800"', " is not TOML: Escaped character is not a Unicode scalar"),
    "no text": (b"x = 1\ny = '\xff'", ", line 2: not UTF-8 text"),
    "lists": (b"x = " + b"[" * 5_000, HARD),
    "tables": (b"x = " + b"{a = " * 5_000, HARD),
    "digits": (b"x = " + b"9" * 5_000, HARD),
    "size": (b"#" * (MAX_BYTES + 1), " has more than 1,000,000 bytes, but should be"),
    # Python's parser takes 6 GB and a minute for each of these, of 80 kB.
    "a dotted key": (b"\n" + b".".join([b"a"] * 40_000) + b" = 1", LONG),
    "a dotted table": (b"\n[" + b" . ".join([b"a"] * 20_000) + b"]", LONG),
    "a quoted key": (b"\n" + b".".join([b'"a"'] * 20_000) + b" = 1", LONG),
    "quotes in quotes": (b"\n" + b".".join([b'"\\""'] * 16_000) + b" = 1", LONG),
    "a key in a value": (b"\nx = {" + b".".join([b"'a'"] * 20_000) + b" = 1}", LONG),
}


def _study(path):
    return study_format.load(path)


def _facts(path):
    return facts.load(path.stem, path.parent)


@pytest.mark.parametrize("load", [_study, _facts, rubric.load])
@pytest.mark.parametrize("name", BAD)
def test_whoever_reads_it_says_what_is_wrong(tmp_path, load, name):
    content, message = BAD[name]
    path = tmp_path / "own.toml"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load(path)
    assert message in str(caught.value)
    assert str(caught.value).split(",")[0].split(" ")[0].endswith("own.toml")


@pytest.mark.parametrize(
    "text",
    [
        "a.b.c = 1",
        "x = [" + "1.5, " * 500 + "]",
        "x = '" + "a.b." * 100 + "'",
        '# x = "not closed\nversion = "1.2.3"',
        "# " + "." * 200,
    ],
)
def test_dots_elsewhere_are_no_keys(tmp_path, text):
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    assert isinstance(toml_file.read(path, "own.toml", "anything"), dict)


def test_fractions_are_read_as_asked(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text("x = 0.1", encoding="utf-8")
    assert toml_file.read(path, "x", "x", parse_float=Decimal) == {"x": Decimal("0.1")}


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="own cannot be read: No such file"):
        toml_file.read(tmp_path / "none.toml", "own", "anything")
