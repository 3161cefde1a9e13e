"""Options and exit codes of the commands that predict."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from harness.app.grading.options import DEFAULT_STORE
from harness.app.trained_network import Trained, trained_network
from harness.data import CHOICES, DataRequest
from harness.jobs.store.store import Store
from harness.system.directories import PROJECT_ROOT
from reference import facts
from reference.errors import UserError

DONE, SOME_FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def add_options(parser: argparse.ArgumentParser, default_model: str) -> None:
    """Declares --model, --store, --dataset and --mnist-dir."""
    known = facts.names()
    parser.add_argument(
        "--model",
        default=default_model,
        choices=known,
        metavar="NAME",
        help=f"the network that predicts: {', '.join(known)} (default: {default_model})",
    )
    parser.add_argument(
        "--store",
        type=Path,
        default=PROJECT_ROOT / DEFAULT_STORE,
        metavar="DIR",
        help="folder of finished training runs; the network comes from there, or is trained and "
        "stored there (default: .grader)",
    )
    parser.add_argument(
        "--dataset",
        default="auto",
        choices=CHOICES,
        help="the network's training data: mnist, digits (scikit-learn's) or auto (MNIST if it can "
        "be found, else digits; default)",
    )
    parser.add_argument(
        "--mnist-dir",
        type=Path,
        metavar="PATH",
        help="folder with the four MNIST files, or mnist.npz (default: $MNIST_DIR)",
    )


def data_request(given: argparse.Namespace) -> DataRequest:
    """Returns the request for the data set that the options name."""
    return DataRequest(given.dataset, given.mnist_dir, given.store / "data")


def network(given: argparse.Namespace) -> Trained:
    """Returns the trained network that the options name.

    Raises:
        UserError: its data cannot be loaded, or its training fails.
    """
    store = Store(given.store, tell)
    return trained_network(facts.load(given.model), data_request(given), store, tell)


def tell(line: str) -> None:
    """Prints a line on stderr, apart from the results on stdout."""
    print(line, file=sys.stderr, flush=True)


def ended(command: Callable[[], int]) -> int:
    """Runs a command and returns its exit code; prints errors of the user on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if callable(reconfigure := getattr(stream, "reconfigure", None)):
            reconfigure(errors="backslashreplace")  # names of files may be any bytes
    try:
        code = command()
        sys.stdout.flush()
    except UserError as error:
        tell(f"error: {error}")
        return USAGE
    except KeyboardInterrupt:
        tell("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has closed the pipe. Without this, Python would print a warning at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOME_FAILED
    return code
