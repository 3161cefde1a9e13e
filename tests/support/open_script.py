"""Opens made-up submissions, many in one host process."""

import atexit
import base64
import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HOST = Path(__file__).parent / "submission_host.py"


@dataclass(frozen=True)
class Opened:
    """What came out of a submission."""

    networks: list[dict[str, Any]]
    notes: list[dict[str, Any]]
    error: dict[str, str] | None
    payload: bytes


class Host:
    """One process that has imported Keras, and forks for each submission."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(HOST)],  # its folder has a module `html` of its own
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def open(self, main: str, files: dict[str, str | bytes]) -> Opened:
        """Opens a submission; text is taken out of its test's indentation."""
        data = {
            name: base64.b64encode(
                content if isinstance(content, bytes) else textwrap.dedent(content).encode()
            ).decode()
            for name, content in files.items()
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"main": main, "files": data}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert answer is not None, "the process that opened it came to no answer"
        return Opened(**answer["document"], payload=base64.b64decode(answer["payload"]))

    def script(self, source: str) -> Opened:
        """Opens a Python file."""
        return self.open("train.py", {"train.py": source})

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@cache
def shared_host() -> Host:
    """Returns one host for all tests of a run."""
    host = Host()
    atexit.register(host.close)
    return host


def layers(network: dict[str, Any]) -> list[str]:
    """Returns one word for each layer, as in "Conv2D(32, 3x3, relu)"."""
    return [_layer(row["class_name"], row["config"]) for row in network["config"]["layers"]]


def _layer(kind: str, config: dict[str, Any]) -> str:
    found: list[str] = []
    for key in ("batch_shape", "units", "filters", "kernel_size", "pool_size", "rate", "scale",
                "target_shape", "strides", "padding", "activation", "data_format"):  # fmt: skip
        value = config.get(key)
        plain = {"strides": ([1, 1], config.get("pool_size")), "padding": ("valid",),
                 "activation": ("linear",), "data_format": ("channels_last",)}  # fmt: skip
        if value is None or value is True or value in plain.get(key, ()):
            continue
        if isinstance(value, list):
            value = "x".join(str(size) for size in value if size is not None)
        found.append(str(value))
    return f"{kind}({', '.join(found)})"


def recipe(**changes: Any) -> dict[str, Any]:
    """Returns the recipe that most scripts have, with what is different about one."""
    usual = {
        "optimizer": {"class": "Adam", "learning_rate": 0.001},
        "loss": {"name": "sparse_categorical_crossentropy", "from_logits": False},
        "batch_size": 32,
        "epochs": 5,
        "validation_images": None,
        "train_images": 60_000,
        "labels": {"shape": [60_000], "dtype": "uint8"},
        "images": {"shape": [60_000, 28, 28], "dtype": "float64", "min": 0.0, "max": 1.0},
        "metrics": ["accuracy"],
        "callbacks": [],
    }
    assert changes.keys() <= usual.keys()
    return {**usual, **changes}
