"""What is graded and killed: a small class on the digits, in which every kind of work is done."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.project_copy import environment, project

_BUILD = """import keras
from keras import layers

def build():
    return keras.Sequential([
        keras.Input((784,)),
        layers.Dense({first}, activation="relu"),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
"""
# It takes its time, so that it can be met in the sandbox.
_SCRIPT = """import time
from tensorflow import keras
(x, y), _ = keras.datasets.mnist.load_data()
time.sleep(1)
model = keras.Sequential([
    keras.layers.Input((28, 28, 1)),
    keras.layers.Conv2D(32, 3, activation="relu"),
    keras.layers.MaxPooling2D(2),
    keras.layers.Flatten(),
    keras.layers.Dense(128, activation="relu"),
    keras.layers.Dense(10, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[..., None] / 255.0, y, epochs=10, batch_size=128)
"""
_SAVE = "\nimport sys\nbuild().save(sys.argv[1])\n"
_TEXTS = {
    "ada.py": _BUILD.format(first=64),
    "ben.py": _SCRIPT,
    "eve.py": "import os\nos._exit(0)\n",
}
SAVED = "flo.keras"
SEEDS = 2


@dataclass(frozen=True)
class Sample:
    """A copy of the project and a class beside it.

    Attributes:
        root: of everything; no other process names it.
        stores, reports: names of the folders for the store and the report.
        options: more of them.
    """

    root: Path
    stores: str = "store"
    reports: str = "report"
    options: tuple[str, ...] = ()

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def store(self) -> Path:
        return self.project / self.stores

    @property
    def report(self) -> Path:
        return self.project / self.reports

    @property
    def temporary(self) -> Path:
        """Where temporary files go."""
        return self.root / "tmp"

    @property
    def arguments(self) -> tuple[str, ...]:
        return (
            "checks/", "--dataset=digits", "--submissions=../class", f"--seeds={SEEDS}",
            f"--store={self.stores}", f"--report={self.reports}", "-q", *self.options,
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        return {**environment(self.root / "home"), "TMPDIR": str(self.temporary)}


def make(root: Path, names: tuple[str, ...] = (*_TEXTS, SAVED), epochs: int = 2) -> Sample:
    """Makes a class of some of the submissions, and calibrates the copy for short trainings."""
    sample = Sample(root)
    sample.temporary.mkdir(parents=True)
    project(sample.project, epochs=epochs)
    (root / "class").mkdir()
    for name in names:
        path = root / "class" / name
        if name == SAVED:
            source = _BUILD.format(first=64) + _SAVE
            subprocess.run([sys.executable, "-c", source, path], check=True)
        else:
            path.write_text(_TEXTS[name], encoding="utf-8")
    return sample
