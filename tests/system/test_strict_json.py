"""JSON that anybody may have written: what every later reader can work with, or a refusal."""

import pytest

from harness.system.strict_json import MAX_DEPTH, NotJson, parse


def _nested(depth):
    return b"[" * depth + b"]" * depth


# Content -> what is said of it, and whether that holds for readers that are not strict as well.
BAD = {
    "nothing": (b"", "is not JSON: Expecting value at line 1, column 1", True),
    "cut off": (b'{"a":\n "b', "is not JSON: Unterminated string starting at line 2, col", True),
    "no text": (b'"\xff"', r"is not UTF-8 text \(byte 1\), but should be JSON", True),
    "too deep": (_nested(MAX_DEPTH + 2), "is nested too deeply", True),
    "far too deep": (_nested(100_000), "is nested too deeply", True),
    "deep objects": (b'{"a":' * 100 + b"1" + b"}" * 100, "is nested too deeply", True),
    "digits": (b"9" * 5_000, "holds a number of too many digits", True),
    "NaN": (b"[NaN]", "says NaN, which is not a JSON number", False),
    "infinite": (b'{"a": -Infinity}', "says -Infinity", False),
    "infinite in digits": (b"[1e999]", "holds a number that is not finite", False),
    "64 bits": (b"9223372036854775808", "holds a number of more than 64 bits", False),
    "half a pair": (b'["\\ud800"]', "holds text that is not Unicode", False),
    "half a pair as a key": (b'{"\\udfff": 1}', "holds text that is not Unicode", False),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(name):
    data, message, always = BAD[name]
    with pytest.raises(NotJson, match=f"^{message}"):
        parse(data)
    if always:
        with pytest.raises(NotJson, match=f"^{message}"):
            parse(data, strict=False)
    else:
        parse(data, strict=False)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'\xef\xbb\xbf{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
        (b"-9223372036854775807", -9223372036854775807),
        ('"\N{GREEK SMALL LETTER ALPHA}"'.encode(), "\N{GREEK SMALL LETTER ALPHA}"),
        (b'"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        (_nested(3), [[[]]]),
    ],
)
def test_what_is_read(data, value):
    assert parse(data) == value


def test_the_deepest_that_is_read():
    parse(_nested(MAX_DEPTH))
