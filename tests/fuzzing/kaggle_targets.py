"""Kaggle's tables: the one that is read, and the one that may be overwritten."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from harness.app import kaggle
from harness.app.kaggle import ANSWER, HEADER
from tests.fuzzing.formats import CSV
from tests.fuzzing.target import Target, as_file

_ROWS = 3


@cache
def _rows() -> list[str]:
    values = np.random.default_rng(0).integers(0, 256, (_ROWS, 784))
    return [",".join(map(str, row)) for row in values]


def _tables() -> Mapping[str, bytes]:
    whole = "\n".join([HEADER, *_rows()]) + "\n"
    return {
        "as Kaggle has it": whole.encode(),
        "from a spreadsheet": b"\xef\xbb\xbf" + whole.replace("\n", "\r\n").encode(),
    }


def _bad_tables() -> Mapping[str, bytes]:
    head, row = HEADER.encode(), _rows()[0].encode()
    start = head + b"\n"
    return {
        "nothing": b"",
        "no rows": start,
        "a field of 10 MB": start + b"1" * 10_000_000 + b"," + row,
        "10 million empty lines": start + b"\n" * 10_000_000,
        "10 million short lines": start + b"11\n" * 10_000_000,
        "10 million columns": b"pixel0," * 1_500_000,
        "NUL": start + row.replace(b",", b",\x00", 1) + b"\n" + row + b"\n" + row,
        "UTF-16": (HEADER + "\n").encode("utf-16"),
        "Latin-1": start + b"\xe9" + row,
        "fractions": start + b"\n".join([row.replace(b",", b".5,", 1)] * _ROWS),
        "signs": start + b"\n".join([b"-" + row] * _ROWS),
        "digits of another script": start + b"\n".join([b"\xd9\xa3" + row] * _ROWS),
        "256": start + b"\n".join([b"256," + row.split(b",", 1)[1]] * _ROWS),
        "quoted": start + b"\n".join([b'"1",' + row.split(b",", 1)[1]] * _ROWS),
        "train.csv": b"label," + start,
        "an archive": b"PK\x03\x04",
        "a submission": ANSWER.encode() + b"\n1,7\n",
    }


def _read_table(data: bytes) -> None:
    images = kaggle.read_test(as_file(data, "test.csv"), _ROWS)
    text = data.decode("utf-8-sig")
    lines = [line for line in text.replace("\r", "\n").split("\n")[1:] if line.strip()]
    cells = [[cell.strip() for cell in line.split(",")] for line in lines]
    assert all(cell.lstrip("+-").isascii() and len(cell) < 40 for row in cells for cell in row)
    assert images.reshape(_ROWS, 784).tolist() == [[int(cell) for cell in row] for row in cells]


def _submissions() -> Mapping[str, bytes]:
    whole = kaggle.answers(np.array([7, 2, 1]))
    return {"ours": whole, "empty": b"", "from a spreadsheet": whole.replace(b"\n", b"\r\n")}


def _bad_submissions() -> Mapping[str, bytes]:
    return {
        "test.csv": HEADER.encode(), "a longer name": b"ImageId,Labels\n", "an empty line": b"\n",
        "a zero byte": b"\x00", "a mark": b"\xef\xbb\xbfImageId,Label\n",
    }  # fmt: skip


def _read_submission(data: bytes) -> None:
    """What is no submission must not be overwritten."""
    kaggle.check_output(as_file(data, "submission.csv"))
    assert not data or data.splitlines()[0] == ANSWER.encode()


TARGETS = (
    Target("Kaggle's test.csv", _read_table, _tables, _bad_tables, format=CSV),
    Target("a submission for Kaggle", _read_submission, _submissions, _bad_submissions, format=CSV,
           share=0.3),
)  # fmt: skip
