"""Where MNIST is looked for: one function per source, tried in the order of SOURCES.

A source returns the data set, raises Unavailable where it has nothing to offer, or raises
UserError where what it has is wrong: a file of the user's that is damaged or altered is
reported, never passed over and never overwritten.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness.data import openml
from harness.data.dataset import MNIST, PARTS, Arrays, Dataset, Identity
from harness.data.download import Network, Unavailable, download
from harness.data.folder import NPZ_NAME, read_archive, read_folder
from harness.data.npz import write_npz
from reference.errors import UserError

OPTION, VARIABLE = "--mnist-dir", "MNIST_DIR"


@dataclass(frozen=True)
class Search:
    """What a source needs to know; `identity` and `network` differ only in tests."""

    mnist_dir: Path | None
    cache_dir: Path
    report: Callable[[str], None]
    identity: Identity = MNIST
    network: Network = field(default_factory=Network)


class NotFound(Exception):
    """No source has MNIST. `reasons` holds a pair (source, why not) for each that was tried."""

    def __init__(self, reasons: tuple[tuple[str, str], ...]) -> None:
        super().__init__("; ".join(f"{source}: {reason}" for source, reason in reasons))
        self.reasons = reasons


def find_mnist(search: Search) -> Dataset:
    """Returns MNIST from the first source that has it.

    Raises:
        NotFound: none has it.
        UserError: a folder the user named, or a file in a cache, is unusable.
    """
    reasons = []
    for title, source in SOURCES:
        try:
            return source(search)
        except Unavailable as unavailable:
            reasons.append((title, str(unavailable)))
    raise NotFound(tuple(reasons))


def from_folder(search: Search) -> Dataset:
    """The folder of --mnist-dir or, failing that, of $MNIST_DIR. Its faults are errors."""
    origin, named = OPTION, search.mnist_dir
    if named is None and os.environ.get(VARIABLE):
        origin, named = VARIABLE, Path(os.environ[VARIABLE])
    if named is None:
        raise Unavailable(f"neither {OPTION} nor {VARIABLE} names one")
    arrays, words = read_folder(_expanded(str(named)), origin, search.identity)
    return _mnist(search, arrays, f"{words} ({origin})")


def from_keras_cache(search: Search) -> Dataset:
    """The archive that keras.datasets.mnist keeps, read without Keras.

    Keras itself would silently download a new one over a file that it takes for wrong.
    """
    home = _expanded(os.environ.get("KERAS_HOME") or "~/.keras")
    arrays = _cached(search, home / "datasets" / NPZ_NAME)
    return _mnist(search, arrays, "mnist.npz (Keras's cache)")


def from_download(search: Search) -> Dataset:
    """Keras's archive from an earlier download into our cache, or from its URL."""
    kept = search.cache_dir / NPZ_NAME
    with contextlib.suppress(Unavailable):
        return _mnist(search, _cached(search, kept), "mnist.npz (downloaded earlier)")
    network = search.network
    content = download(network, network.mnist_url, search.report)
    actual = hashlib.sha256(content).hexdigest()
    if actual != network.mnist_sha256:
        raise Unavailable(
            f"{network.mnist_url} sent {len(content):,} bytes with the SHA-256 {actual}, "
            f"but it should be {network.mnist_sha256}"
        )
    try:
        arrays = read_archive(content, network.mnist_url, search.identity, "")
    except UserError as error:
        raise Unavailable(" ".join(str(error).split()).rstrip(".")) from error
    _keep(search, kept, content)
    return _mnist(search, arrays, "mnist.npz (downloaded)")


def from_openml(search: Search) -> Dataset:
    """OpenML's table mnist_784. It is slow to read, so an archive of it is kept."""
    arrays = openml.fetch(search.network, search.identity, search.report)
    parts = {name: arrays.part(name) for name in PARTS}
    _keep(search, search.cache_dir / NPZ_NAME, write_npz(parts))
    return _mnist(search, arrays, "OpenML mnist_784")


SOURCES: tuple[tuple[str, Callable[[Search], Dataset]], ...] = (
    ("a folder", from_folder),
    ("Keras's cache", from_keras_cache),
    ("download", from_download),
    ("OpenML", from_openml),
)


def _mnist(search: Search, arrays: Arrays, source: str) -> Dataset:
    return Dataset.of(arrays, name="mnist", digest=search.identity.digest, source=source)


def _cached(search: Search, file: Path) -> Arrays:
    try:
        file.open("rb").close()
    except FileNotFoundError:
        raise Unavailable(f"no file {file}") from None
    except OSError as error:
        raise Unavailable(f"{file} cannot be read ({error.strerror or error})") from error
    advice = (
        f"Move or delete the file, name a folder that holds MNIST with {OPTION}, "
        "or take the scikit-learn digits with --dataset digits."
    )
    return read_archive(file, str(file), search.identity, advice)


def _keep(search: Search, file: Path, content: bytes) -> None:
    """Writes a file so that others see all of it or nothing. That it cannot be kept is told."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            Path(name).replace(file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        search.report(f"MNIST could not be kept in {file} ({error.strerror or error})")


def _expanded(path: str) -> Path:
    """Like Path.expanduser, but leaves a `~` alone where there is no home folder."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - see above
