"""A small synthetic MNIST, and the files and tables that it can be read from."""

import hashlib
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from harness.data import PARTS
from harness.data.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from harness.data.dataset import Bytes, Identity, part_digest
from harness.data.download import Network, Response
from harness.data.folder import idx_names
from harness.data.idx import write_idx


def synthetic_parts(train_size: int = 30, test_size: int = 12, seed: int = 0) -> dict[str, Bytes]:
    """Returns arrays shaped like MNIST's, with every label present."""
    rng = np.random.default_rng(seed)
    sizes = {"train": train_size, "test": test_size}
    return {
        f"{name}_{kind}": rng.integers(0, 256, (size, 28, 28), dtype=np.uint8)
        if kind == "images"
        else (np.arange(size) % 10).astype(np.uint8)
        for name, size in sizes.items()
        for kind in ("images", "labels")
    }


def identity_of(parts: dict[str, Bytes]) -> Identity:
    digests = [part_digest(parts[name]) for name in PARTS]
    return Identity("MNIST", len(parts["train_labels"]), len(parts["test_labels"]), tuple(digests))


def write_idx_folder(folder: Path, parts: dict[str, Bytes], end: str = ".gz") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in parts.items():
        write_idx(folder / next(n for n in idx_names(name) if n.endswith(end)), array)
    return folder


def refuse(_url: str, _stall_s: float) -> Response:
    raise ConnectionRefusedError(111, "Connection refused")


NO_NETWORK = Network(open=refuse)


def isolate(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Hides the MNIST, the caches and the proxies of this machine."""
    for name in ("MNIST_DIR", "KERAS_HOME", "SCIKIT_LEARN_DATA"):
        monkeypatch.delenv(name, raising=False)
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))


def openml_table(parts: dict[str, Bytes]) -> SimpleNamespace:
    """Returns what fetch_openml makes of MNIST with liac-arff: float64 pixels, text labels."""
    images = np.concatenate([parts["train_images"], parts["test_images"]])
    labels = np.concatenate([parts["train_labels"], parts["test_labels"]])
    return SimpleNamespace(
        data=images.reshape(len(images), -1).astype(np.float64),
        target=np.array([str(label) for label in labels], dtype=object),
    )


def corruption_digest(images):
    """Returns the digest of what all corruptions make of the images."""
    sha = hashlib.sha256()
    for name in CORRUPTIONS:
        for severity in SEVERITIES:
            sha.update(corrupt(images, name, severity, seed=3).tobytes())
    return sha.hexdigest()
