"""The command `python -m harness.kaggle [--test test.csv]`: a file for Kaggle's Digit Recognizer.

The competition's test.csv holds 28,000 images, each a row of 784 pixels. A submission has the
columns ImageId, counted from 1, and Label. The images are drawn from MNIST's 70,000, so a network
trained on MNIST has seen most of them, and its rank there means little.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.app import arguments as command_line
from harness.app.arguments import DONE, data_request, tell
from harness.app.trained_network import Trained
from harness.data import DataRequest, load
from harness.system import atomic_files
from reference.errors import UserError

Images = NDArray[np.uint8]

HEADER = ",".join(f"pixel{i}" for i in range(784))
ANSWER = "ImageId,Label"
ROWS = 28_000
_CHUNK = 2_000
# Of 28,000 rows of 784 values of three digits and a comma.
_MAX_BYTES = 28_000 * 784 * 4 * 2


def read_test(path: Path, rows: int = ROWS) -> Images:
    """Returns the images of Kaggle's test.csv, uint8 (rows, 28, 28).

    Raises:
        UserError: it cannot be read, is a different file, or is incomplete.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UserError(f"{path}: too large to be Kaggle's test.csv (it has 51 MB)")
        text = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    if text.startswith(b"PK"):
        raise UserError(f"{path}: this is a zip archive; unpack it and name test.csv")
    try:
        lines = _lines(path, text, rows)
    except UnicodeDecodeError:
        raise UserError(f"{path}: this is not text, but should be Kaggle's test.csv") from None
    _check_header(path, lines[0].strip() if lines else "")
    values = _table(path, [line for line in lines[1:] if line.strip()])
    if len(values) != rows:
        raise UserError(
            f"{path}: {len(values):,} rows, but should be {rows:,}. Is the file complete?"
        )
    return values.astype(np.uint8).reshape(-1, 28, 28)


def _lines(path: Path, text: bytes, rows: int) -> list[str]:
    """Returns the lines of a text with any line ending.

    Raises:
        UserError: there are far more lines than in test.csv; each takes fifty bytes of memory, even
            if it is empty.
        UnicodeDecodeError: it is not UTF-8 text.
    """
    count = text.count(b"\n") + text.count(b"\r")
    if count > 4 * (rows + 1):  # each may end in two characters, and be followed by an empty one
        raise UserError(f"{path}: {count:,} lines, but should be {rows + 1:,}")
    whole = text.decode("utf-8-sig")
    return whole.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _check_header(path: Path, header: str) -> None:
    if header == HEADER:
        return
    if header == f"label,{HEADER}":
        raise UserError(
            f"{path}: this is train.csv, which has labels. Name test.csv, whose first column is "
            "pixel0."
        )
    if header.replace(" ", "") == ANSWER:
        raise UserError(f"{path}: this is already a submission. Name test.csv.")
    names = header.split(",")
    expected = HEADER.split(",")
    place = next((i for i, (a, b) in enumerate(zip(names, expected, strict=False)) if a != b), None)
    if place is None:
        raise UserError(
            f"{path}: the first line names {len(names)} columns, but should name 784: "
            "pixel0, pixel1, … pixel783"
        )
    raise UserError(
        f"{path}: column {place + 1} is called {names[place][:40]!r}, but should be called "
        f"{expected[place]!r}: Kaggle's test.csv begins with a line pixel0,pixel1, … pixel783"
    )


def _table(path: Path, lines: list[str]) -> NDArray[np.int64]:
    """Returns the rows as numbers, (rows, 784), 0 to 255.

    Raises:
        UserError: a row is too short or too long, or holds another value.
    """
    if not lines:
        return np.zeros((0, 784), np.int64)
    try:
        values = np.loadtxt(lines, delimiter=",", dtype=np.int64, ndmin=2, comments=None)
    except ValueError:
        raise _first_fault(path, lines) from None
    if values.shape[1] != 784 or values.min() < 0 or values.max() > 255:
        raise _first_fault(path, lines)
    return values


def _first_fault(path: Path, lines: list[str]) -> UserError:
    """Finds the row that could not be read; slow, so only after NumPy has failed."""
    for number, line in enumerate(lines, start=2):
        cells = line.split(",")
        if len(cells) != 784:
            return UserError(f"{path}, line {number}: {len(cells)} values, but should be 784")
        for column, cell in enumerate(cells):
            text = cell.strip()
            if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255):
                return UserError(
                    f"{path}, line {number}, pixel{column}: {cell[:40]!r}, but should be an "
                    "integer from 0 to 255"
                )
    return UserError(f"{path}: this cannot be read as a table of numbers")


def answers(labels: NDArray[np.integer[Any]]) -> bytes:
    """Returns the text of a submission: `ImageId,Label`, images counted from 1."""
    rows = (f"{number},{label}" for number, label in enumerate(labels, start=1))
    return ("\n".join([ANSWER, *rows]) + "\n").encode()


def write(content: bytes, output: Path) -> None:
    """Writes a submission atomically.

    Replaces an earlier submission, but no other file, so that `--output test.csv` does no damage.

    Raises:
        UserError: it cannot be written, or another file of this name exists.
    """
    check_output(output)
    try:
        atomic_files.replace(output, content)
    except OSError as error:
        raise UserError(
            f"--output {output}: cannot be written: {error.strerror or error}"
        ) from error


def check_output(output: Path) -> None:
    """Checks, before the work, that a submission may be written there.

    Raises:
        UserError: the folder does not exist, or the file is not a submission.
    """
    try:
        if not output.parent.is_dir():
            raise UserError(f"--output {output}: the folder {output.parent} does not exist")
        if not output.exists():
            return
        if not output.is_file():
            raise UserError(f"--output {output}: this is not a file")
        with output.open("rb") as file:
            start = file.read(len(ANSWER) + 2)
    except OSError as error:
        raise UserError(f"--output {output}: cannot be read: {error.strerror or error}") from error
    if start and start.splitlines()[0] != ANSWER.encode():
        raise UserError(
            f"--output {output}: this file exists and is not a submission. Move it away, or name "
            "another file."
        )


def predicted(network: Trained, images: Images) -> NDArray[np.int64]:
    """Returns the most probable digit of each image, (N,)."""
    parts = []
    for start in range(0, len(images), _CHUNK):
        parts.append(network.predict(images[start : start + _CHUNK]).argmax(axis=1))
        if start and start % (5 * _CHUNK) == 0:
            tell(f"{start:,} of {len(images):,} images classified")
    return np.concatenate(parts)


def _run(given: argparse.Namespace) -> int:
    check_output(given.output)
    truth = None
    if given.test is not None:
        images = read_test(given.test)
    else:
        request = data_request(given)
        # Kaggle's images are MNIST's: the scikit-learn digits are used only if they are named.
        name = "mnist" if request.dataset == "auto" else request.dataset
        dataset = load(DataRequest(name, request.mnist_dir, request.cache_dir), tell)
        images, truth = np.asarray(dataset.test_images), dataset.test_labels
    network = command_line.network(given)
    labels = predicted(network, images)
    write(answers(labels), given.output)
    score = ""
    if truth is not None:
        correct = int((labels == truth).sum())
        score = f"; {correct:,} of them correct ({100 * correct / len(truth):.2f} %)"
    print(f"{given.output}: {len(labels):,} images classified by {network.origin}{score}")
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m harness.kaggle",
        description="Writes predictions in the format of Kaggle's Digit Recognizer: ImageId,Label.",
    )
    parser.add_argument(
        "--test",
        type=Path,
        metavar="FILE",
        help="Kaggle's test.csv (default: MNIST's own 10,000 test images)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("submission.csv"),
        metavar="FILE",
        help="default: submission.csv; an earlier submission is replaced, another file is not",
    )
    # Its document makes such a file.
    command_line.add_options(parser, "mlp_64_32")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the file; returns the exit code: 0, 2 with one line on stderr, 130 interrupted."""
    return command_line.ended(partial(_run, _parser().parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
