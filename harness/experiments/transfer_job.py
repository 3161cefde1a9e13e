"""The transfer of one trained network to the Greek letters, as a job."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from harness.jobs import ENGINE_VERSION, PlainJob
from harness.system.hashing import digest

TRANSFER = "transfer"
# Raise it when a change of harness/network/engine/transfer.py changes the numbers that it produces.
TRANSFER_VERSION = 1


@dataclass(frozen=True)
class TransferJob(PlainJob):
    """Give a trained network a new last layer and train that alone, on published letters.

    Attributes:
        base: key of the trained network's record in the store.
        letters: digest of the letters that are trained on (`harness.data.letters`).
        test_letters: digest of letters that are only read; None for none.
        optimizer: key of `harness.network.engine.optimizers.OPTIMIZERS`.
        seed: of the new layer's initial weights and of the order of the letters.
        platform: as of `harness.jobs.TrainJob`.
    """

    base: str
    letters: str
    test_letters: str | None
    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    seed: int
    platform: Mapping[str, Any]

    kind: ClassVar[str] = TRANSFER

    @property
    def key(self) -> str:
        """SHA-256 of everything that the numbers depend on.

        The engine that trained the base is in the base's key.
        """
        return digest({**self.to_json(), "engine": [ENGINE_VERSION, TRANSFER_VERSION]})
