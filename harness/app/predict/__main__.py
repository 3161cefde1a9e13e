"""The command `python -m harness.predict IMAGE... [--model NAME] [--json]`."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.app import arguments as command_line
from harness.app.arguments import DONE, SOME_FAILED
from harness.app.predict.image_files import SUFFIXES
from harness.app.predict.normalize import Digit, normalize
from harness.app.trained_network import Trained
from harness.system.machine import cores
from reference.errors import UserError

_DESCRIPTION = """\
Tells which digit a picture shows. Each picture should show one digit with some paper around it:
dark on light or light on dark, in any size and colour. It is first normalized like MNIST's images.
A folder stands for the pictures in it. The exit code is 1 if a picture could not be read."""


@dataclass(frozen=True)
class Prediction:
    """The result for one file: the probabilities of the ten digits, or an error.

    Attributes:
        probabilities: (10,), or None.
        error: a sentence, or None.
    """

    file: Path
    probabilities: NDArray[np.float64] | None = None
    error: str | None = None

    @property
    def digit(self) -> int | None:
        return None if self.probabilities is None else int(self.probabilities.argmax())

    def to_json(self) -> dict[str, Any]:
        if self.probabilities is None:
            return {"file": str(self.file), "error": self.error}
        rounded = [round(float(value), 6) for value in self.probabilities]
        return {"file": str(self.file), "digit": self.digit, "probabilities": rounded}

    def lines(self) -> str:
        """Returns the digit and all ten probabilities in percent."""
        if self.probabilities is None:
            return f"{_shown(self.file)}: {self.error}"
        all_ten = "  ".join(
            f"{i}: {100 * value:.1f} %" for i, value in enumerate(self.probabilities)
        )
        return f"{_shown(self.file)}: {self.digit}   [{all_ten}]"


def predict(files: Sequence[Path], network: Trained) -> list[Prediction]:
    """Returns a prediction for each file, in their order."""
    pool = ThreadPoolExecutor(cores(), "pictures")  # Pillow and NumPy release the GIL
    try:
        found = list(pool.map(_normalized, files))
    finally:
        pool.shutdown(cancel_futures=True)
    digits = [digit for digit in found if not isinstance(digit, str)]
    scores = iter(network.predict(np.stack(digits)) if digits else np.empty((0, 10)))
    return [
        Prediction(file, error=digit)
        if isinstance(digit, str)
        else Prediction(file, probabilities=next(scores))
        for file, digit in zip(files, found, strict=True)
    ]


def _normalized(file: Path) -> Digit | str:
    try:
        return normalize(file)
    except UserError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  (the other pictures are still read)
        reason = " ".join(str(error).split()) or type(error).__name__
        return f"the picture could not be normalized: {reason}"


def expanded(arguments: Sequence[Path]) -> Iterator[Path]:
    """Yields the files, and for each folder its pictures, by name.

    A folder that is unreadable or has no pictures is yielded itself; reading it gives the error.
    """
    for path in arguments:
        try:
            inside = sorted(file for file in path.iterdir() if _is_picture(file))
        except (OSError, ValueError):
            inside = []
        yield from inside or [path]


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()


def _shown(file: Path) -> str:
    """Returns a file's name with control characters escaped, which a terminal would obey."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(file))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.predict", description=_DESCRIPTION)
    parser.add_argument(
        "pictures", nargs="+", type=Path, metavar="IMAGE", help="a picture, or a folder of them"
    )
    # The most accurate of the five networks.
    command_line.add_options(parser, "deep_cnn")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _run(given: argparse.Namespace) -> int:
    network = command_line.network(given)
    found = predict(list(expanded(given.pictures)), network)
    if given.json:
        document = {
            "model": network.architecture,
            "trained": network.origin,
            "predictions": [prediction.to_json() for prediction in found],
        }
        print(json.dumps(document, indent=1))
    else:
        command_line.tell(f"classified by {network.origin}")
        for prediction in found:
            stream = sys.stderr if prediction.error else sys.stdout
            print(prediction.lines(), file=stream, flush=True)
    return SOME_FAILED if any(prediction.error for prediction in found) else DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line for each picture; returns the exit code.

    0: all pictures were read; 1: some were not; 2: usage error; 130: interrupted.
    """
    return command_line.ended(partial(_run, _parser().parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
