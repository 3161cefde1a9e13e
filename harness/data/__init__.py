"""The data that networks are trained and tested on, verified, whatever it came from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.data.dataset import (
    MNIST,
    MNIST_DIGEST,
    PARTS,
    Arrays,
    Dataset,
    Identity,
    Split,
    digest,
    split,
)
from harness.data.digits import DIGITS_DIGEST, load_digits
from harness.data.download import Network
from harness.data.shared_arrays import open_published, publish
from harness.data.sources import OPTION, VARIABLE, NotFound, Search, find_mnist
from reference.errors import UserError

__all__ = [
    "CHOICES",
    "DIGITS_DIGEST",
    "MNIST_DIGEST",
    "PARTS",
    "Arrays",
    "DataRequest",
    "Dataset",
    "Split",
    "digest",
    "load",
    "open_published",
    "publish",
    "split",
]

CHOICES = ("auto", "mnist", "digits")


@dataclass(frozen=True)
class DataRequest:
    """What the command line asks for.

    `mnist_dir` is the folder of --mnist-dir, or None; $MNIST_DIR is looked up by `load`.
    `cache_dir` is a folder of our own, made when something is downloaded.
    """

    dataset: str
    mnist_dir: Path | None
    cache_dir: Path


def load(
    request: DataRequest,
    report: Callable[[str], None],
    *,
    identity: Identity = MNIST,
    network: Network | None = None,
) -> Dataset:
    """Returns the data set asked for; "auto" is MNIST where it can be had, otherwise digits.

    `report` is told, a line at a time, of anything that takes long. Tests pass their own
    `identity` (what MNIST is) and `network`.

    Raises:
        UserError: an unknown name; MNIST asked for and not to be had; a folder or file that
            the user named, or a file in a cache, that is missing, damaged or altered.
    """
    if request.dataset not in CHOICES:
        raise UserError(
            f"--dataset {request.dataset}: there is no such data set. "
            f"Choose one of: {', '.join(CHOICES)}."
        )
    if request.dataset == "digits":
        if request.mnist_dir is not None:
            report(f"{OPTION} is not used with --dataset digits")
        return load_digits()
    search = Search(request.mnist_dir, request.cache_dir, report, identity, network or Network())
    try:
        return find_mnist(search)
    except NotFound as error:
        if request.dataset == "auto":
            return load_digits(note=_fallback(error))
        raise UserError(_failure(error)) from error


def _fallback(error: NotFound) -> str:
    return f"MNIST was not found, so the scikit-learn digits are used instead. Tried: {error}."


def _failure(error: NotFound) -> str:
    tried = "\n".join(f"  {source}: {reason}" for source, reason in error.reasons)
    return (
        f"MNIST was not found. Tried, in this order:\n{tried}\n"
        f"Name a folder that holds its four IDX files or mnist.npz with {OPTION} or "
        f"{VARIABLE}, or take the scikit-learn digits with --dataset digits."
    )
