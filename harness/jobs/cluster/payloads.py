"""Records, published data and this project's code as bytes, and back."""

import io
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from harness.data.dataset import MNIST_DIGEST, PARTS, Arrays, Bytes, Dataset
from harness.data.dataset import digest as digest_of
from harness.data.digits import DIGITS_DIGEST, load_digits
from harness.data.download import Unavailable
from harness.data.letters import open_letters
from harness.data.shared_arrays import publish
from harness.data.sources import Search, from_folder, from_keras_cache
from harness.jobs.store import manifest
from harness.jobs.store.store import Store
from harness.system.directories import PROJECT_ROOT
from reference.errors import UserError

# The parts of the project that a worker needs; it builds no network of `models`.
_PACKAGES = ("harness", "reference")
# Zip archives know no time before this; with it, the same files are the same bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@cache
def code() -> bytes:
    """Returns the project's code and facts as a zip archive; the same files give the same bytes."""
    files = (path for name in _PACKAGES for path in (PROJECT_ROOT / name).rglob("*"))
    return _zipped(
        {
            path.relative_to(PROJECT_ROOT).as_posix(): path.read_bytes()
            for path in files
            if path.is_file() and "__pycache__" not in path.parts
        },
        zipfile.ZIP_DEFLATED,
    )


def pack_record(folder: Path) -> dict[str, bytes]:
    """Returns the files of a record that `Store.get` or `Store.put` returned, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def keep_record(store: Store, key: str, files: Mapping[str, bytes]) -> Path:
    """Stores a record that came as files; the store writes its manifest anew.

    Raises:
        UserError: the store cannot be written.
        ValueError: a name that is not that of a file in the record's own folder.
    """
    strange = [name for name in files if Path(name).name != name or name in ("", ".", "..")]
    if strange:
        raise ValueError(f"a record contains files named {strange}; expected plain file names")

    def write(folder: Path) -> None:
        for name, content in files.items():
            if name != manifest.NAME:
                (folder / name).write_bytes(content)

    return store.put(key, write)


def pack_images(data: Path, digest: str) -> bytes:
    """Returns a published data set as a zip archive of its .npy files, 12 MB for MNIST."""
    folder = data / digest
    return _zipped(
        {f"{part}.npy": (folder / f"{part}.npy").read_bytes() for part in PARTS},
        zipfile.ZIP_DEFLATED,
    )


def keep_images(data: Path, digest: str, payload: bytes) -> None:
    """Publishes a data set that came as a payload; whole, or not at all.

    Raises:
        ValueError: it is not the data set of that digest.
        UserError: it cannot be written.
    """
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        arrays = Arrays(**{part: _array(archive.read(f"{part}.npy")) for part in PARTS})
    if (actual := digest_of(arrays)) != digest:
        raise ValueError(f"the images have the digest {actual}; expected {digest}")
    publish(Dataset.of(arrays, name="images", digest=digest, source="a payload"), data)


def _array(content: bytes) -> Bytes:
    found: Bytes = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    return found


def pack_letters(data: Path, digest: str) -> bytes:
    """Returns published letters: their file."""
    return (data / f"{digest}.npz").read_bytes()


def keep_letters(data: Path, digest: str, payload: bytes) -> None:
    """Publishes letters that came as a payload.

    Raises:
        ValueError: they are not the letters of that digest.
        OSError: they cannot be written.
    """
    data.mkdir(parents=True, exist_ok=True)
    target = data / f"{digest}.npz"
    temporary = Path(tempfile.mkdtemp(dir=data, prefix=f".{digest[:12]}."))
    try:
        (temporary / target.name).write_bytes(payload)
        open_letters(temporary, digest)
        (temporary / target.name).replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _zipped(files: Mapping[str, bytes], how: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in sorted(files):
            # The least effort: MNIST is packed in half a second, into 13 MB instead of 11.
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), files[name], how, compresslevel=1)
    return packed.getvalue()


def own_images(digest: str) -> Dataset | None:
    """Returns a data set of this machine's own disk: MNIST_DIR, Keras's cache, or the digits.

    Nothing is downloaded. Unusable data are skipped: the controller has them, too.
    """
    if digest == DIGITS_DIGEST:
        return load_digits()
    if digest != MNIST_DIGEST:
        return None
    nowhere = Search(None, Path(), lambda _line: None)
    for source in (from_folder, from_keras_cache):
        try:
            return source(nowhere)
        except (Unavailable, UserError):
            continue
    return None
