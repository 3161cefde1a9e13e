"""MNIST from OpenML's table mnist_784, through scikit-learn (and its cache, where it has one)."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import IMAGE_SHAPE, Arrays, Identity, to_uint8, verified
from harness.data.download import Network, Unavailable, connect, in_time
from reference.errors import UserError

_TABLE = "OpenML's table mnist_784"
_TABLE_ID = 554  # mnist_784, version 1


def fetch(network: Network, identity: Identity, report: Callable[[str], None]) -> Arrays:
    """Returns MNIST from OpenML.

    The table has no mark between training and test images. By convention the last rows are
    the test images, and the digests prove it.

    Raises:
        Unavailable: no network, no scikit-learn, or the table is not what it should be.
    """
    if not _cached():
        # fetch_openml has no time limit of its own, so the server is tried first.
        connect(network, network.openml_url, network.openml_connect_s).close()
    report(f"reading {_TABLE} (a minute or two)")
    started = time.monotonic()
    data, target = in_time(_table, network.openml_fetch_s, discard=lambda _: None)
    report(f"read {_TABLE} in {time.monotonic() - started:.0f} s")
    try:
        return _arrays(data, target, identity)
    except (UserError, ValueError, OverflowError) as error:
        raise Unavailable(" ".join(str(error).split()).rstrip(".")) from error


def _cached() -> bool:
    """Tells whether scikit-learn holds the table's data, which it fetches last (file 52667)."""
    home = os.path.expanduser(os.environ.get("SCIKIT_LEARN_DATA", "~/scikit_learn_data"))  # noqa: PTH111 - never raises
    downloads = Path(home) / "openml" / "openml.org" / "data" / "v1" / "download"
    return any(downloads.glob("52667.gz")) or any(downloads.glob("52667/*.gz"))


def _table() -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    from sklearn.datasets import fetch_openml  # noqa: PLC0415 - takes over a second

    # By number, so that the table is found in scikit-learn's cache however it was asked for
    # before. liac-arff needs no pandas, and yields float64 pixels and labels as text.
    table = fetch_openml(data_id=_TABLE_ID, as_frame=False, parser="liac-arff", n_retries=1)
    return np.asarray(table.data), np.asarray(table.target)


def _arrays(data: NDArray[np.generic], target: NDArray[np.generic], identity: Identity) -> Arrays:
    images = to_uint8(data, 255, f"{_TABLE}, pixels").reshape(-1, *IMAGE_SHAPE)
    labels = to_uint8(target.astype(np.str_).astype(np.int64), 9, f"{_TABLE}, labels")
    first_test = len(images) - identity.test_size
    parts = {
        "train_images": images[:first_test],
        "train_labels": labels[:first_test],
        "test_images": images[first_test:],
        "test_labels": labels[first_test:],
    }
    return verified(identity, parts, lambda _: _TABLE, "")
