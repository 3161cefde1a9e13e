"""Does the trained network give the same predictions after saving and loading?"""

import numpy as np
from numpy.typing import NDArray

from harness.evaluation.checking import require_none
from harness.jobs.kinds.verify import Verification
from harness.jobs.store.record import Record
from harness.network.difference import Difference


def test_keras_file(record: Record, verification: Verification) -> None:
    """the .keras file, loaded in another process, gives exactly the same predictions"""
    _require_identical(
        "predictions of model.keras", record.trained_outputs, verification.keras_file
    )


def test_npz_file(record: Record, verification: Verification) -> None:
    """the .npz weights, loaded into a new network in another process, give the same predictions"""
    _require_identical("predictions of weights.npz", record.trained_outputs, verification.npz_file)


def _require_identical(
    what: str, expected: NDArray[np.float32], actual: NDArray[np.float32]
) -> None:
    __tracebackhide__ = True
    if actual.shape != expected.shape:
        require_none([Difference(f"shape of the {what}", actual.shape, expected.shape)])
    different = int((actual != expected).any(axis=1).sum())
    if different:
        distance = float(np.abs(actual - expected).max())
        require_none(
            [Difference(f"{what} that differ", different, 0, hint=f"by up to {distance:.3g}")]
        )
