"""The scikit-learn digits in the form of a small MNIST: the data set that is always there.

1,797 pictures of 8 × 8 pixels with values 0..16, from 43 writers. They are placed in 28 × 28
as MNIST's digits are: enlarged three times (each pixel becomes a 3 × 3 square) to 24 × 24,
centred in a frame of 2, and scaled to 0..255.
"""

import importlib.util
import io
import zlib
from pathlib import Path

import numpy as np

from harness.data.dataset import Bytes, Dataset, Identity, verified
from reference.errors import UserError

# Obtained with harness.data.dataset.digest from the arrays that `load_digits` builds out of
# the digits.csv.gz of scikit-learn 1.9.1.
DIGITS_DIGEST = "afb2594a797214c2f13f36c889fa2b3bf0028804dada47105acfa8e3633005f3"
DIGITS = Identity(
    title="digits",
    train_size=1_437,
    test_size=360,
    part_digests=(
        "46fa10e4b3b5006fdd564302dd7a3c9980329dbf2c90e030897f3da3bf378c4d",
        "a4fc6e0f5951876c55ea72bb7cc23aacb4b6bc3afb44d91cfc40668e509796a7",
        "ed410d9c63bde141904b157b4ad22138294109d5fb25f5594998392acf92af6e",
        "b4d090ade271dc5089de4c953c0dbf3853fc34ba96b963bcd9d24f7692028722",
    ),
)

_FILE = Path("datasets", "data", "digits.csv.gz")
_COLUMNS = 65  # 64 pixels, row by row, then the label
_SCALE = 3
_FRAME = 2
_WHITE = 16
_SPLIT_SEED = 20_000
_ADVICE = "Install the requirements again: pip install --force-reinstall scikit-learn"


def load_digits(note: str | None = None) -> Dataset:
    """Returns the data set: 1,437 training and 360 test images, the same ones always.

    Reads the file inside the installed scikit-learn without importing it, which would take
    over a second.

    Raises:
        UserError: scikit-learn is not installed, or its file is missing or another one.
    """
    file = _digits_file()
    table = _table(file)
    images, labels = placed(table[:, :-1].reshape(-1, 8, 8)), table[:, -1]
    test = stratified(labels, DIGITS.test_size)
    parts = {
        "train_images": images[~test],
        "train_labels": labels[~test],
        "test_images": images[test],
        "test_labels": labels[test],
    }
    arrays = verified(DIGITS, parts, lambda _: str(file), _ADVICE)
    return Dataset.of(
        arrays,
        name="digits",
        digest=DIGITS.digest,
        source="scikit-learn digits",
        note=note,
    )


def placed(small: Bytes) -> Bytes:
    """Returns (N, 28, 28) images of 0..255 for (N, 8, 8) ones of 0..16, halves rounded up."""
    values = (small.astype(np.uint16) * 255 + _WHITE // 2) // _WHITE
    large = values.astype(np.uint8).repeat(_SCALE, axis=1).repeat(_SCALE, axis=2)
    return np.pad(large, ((0, 0), (_FRAME, _FRAME), (_FRAME, _FRAME)))


def stratified(labels: Bytes, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Returns a mask that selects `size` of the images, each class in its proportion.

    Every class first gets the whole part of its share; the places left go to the largest
    fractions, the lower class first among equals. Within a class the images with the smallest
    random 64-bit keys are taken (PCG64's stream is the same in every version of NumPy).
    """
    counts = np.bincount(labels)
    places, fractions = np.divmod(counts * size, len(labels))
    places[np.argsort(-fractions, kind="stable")[: size - places.sum()]] += 1
    keys = np.random.PCG64(_SPLIT_SEED).random_raw(len(labels))
    mask = np.zeros(len(labels), dtype=np.bool_)
    for label, number in enumerate(places):
        members = np.flatnonzero(labels == label)
        mask[members[np.argsort(keys[members], kind="stable")[:number]]] = True
    return mask


def _digits_file() -> Path:
    spec = importlib.util.find_spec("sklearn")  # finds the package without importing it
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            "The data set digits comes with scikit-learn, which is not installed. "
            "Install the requirements: pip install -r requirements.txt"
        )
    return Path(spec.submodule_search_locations[0]) / _FILE


def _table(file: Path) -> Bytes:
    try:
        # wbits = 31: a gzip wrapper. The bundle is 57 kB, so its size needs no guard.
        text = zlib.decompress(file.read_bytes(), wbits=31)
        table = np.loadtxt(io.BytesIO(text), delimiter=",", dtype=np.uint8, ndmin=2)
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror or error}). {_ADVICE}") from error
    except (zlib.error, ValueError) as error:
        raise UserError(f"{file}: damaged ({error}). {_ADVICE}") from error
    expected = (DIGITS.train_size + DIGITS.test_size, _COLUMNS)
    if table.shape != expected:
        raise UserError(f"{file}: a table of {table.shape}, but should be {expected}. {_ADVICE}")
    return table
