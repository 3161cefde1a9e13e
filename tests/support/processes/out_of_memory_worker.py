"""The real worker, but a training asks for more memory than there is: how, its `platform` says."""

import os
import resource
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from harness.jobs.kinds import base, registry
from harness.jobs.kinds.train import TRAIN, TrainJob
from harness.jobs.local import worker
from harness.jobs.store.store import Store
from harness.system import memory
from harness.system.processes.fork_server import serve_forks

MB = 2**20


def _numpy() -> None:
    np.ones(10**10)


def _python() -> None:
    kept = []
    while True:
        kept.append(bytearray(MB))


def _tensorflow() -> None:
    import tensorflow as tf

    tf.zeros([10**9])


def _native() -> None:
    """The kernels' own buffers: what they throw in a thread of theirs ends the process."""
    import tensorflow as tf

    tf.nn.conv2d(tf.ones([64, 128, 128, 8]), tf.ones([5, 5, 8, 64]), 1, "SAME")


def _threads() -> None:
    """Each thread's stack is memory, too."""
    import tensorflow as tf

    tf.ones([2])


# What asks for too much, and how many bytes it is left.
ASK = {
    "numpy": (_numpy, 500 * MB),
    "python": (_python, 100 * MB),
    "tensorflow": (_tensorflow, 1000 * MB),
    "native": (_native, 60 * MB),
    "threads": (_threads, 2 * MB),
}


def train(job: TrainJob, _data: Path, _store: Store, on_epoch: base.OnEpoch) -> str:
    on_epoch({"epoch": 1, "epochs": 1, "process": os.getpid()})
    if job.platform["do"] in ASK:
        ask, room = ASK[job.platform["do"]]
        most = memory.data_bytes(os.getpid()) + room
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        ask()
    return "a key"


KINDS = {**registry.KINDS, TRAIN: replace(registry.KINDS[TRAIN], run=train)}

if __name__ == "__main__":
    with patch.object(registry, "KINDS", KINDS):
        serve_forks(worker.handle, worker.warm)
