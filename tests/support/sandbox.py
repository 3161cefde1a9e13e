"""Attacks on the sandbox, and what tests of it have in common."""

import contextlib
import os
import textwrap
import time
from collections.abc import Iterable
from pathlib import Path

from harness.network.spec import Spec
from harness.submissions.sandbox.client import Sandbox
from harness.system.failure import BuildFailure
from reference.layers import total_params

GOOD = """
import keras

def build():
    return keras.Sequential([keras.Input((784,)), keras.layers.Dense(10, activation="softmax")])
"""
GOOD_PARAMS = 7_850  # 784 * 10 + 10

WAIT_S = 60


def attack(code: str) -> str:
    """Returns a module whose build() runs `code`, then gives the good network."""
    body = textwrap.indent(textwrap.dedent(code), "    ")
    return GOOD.replace("def build():\n", f"def build():\n{body}\n")


def built(extractor: Sandbox, code: str) -> Spec | BuildFailure:
    """Opens such a module."""
    return extractor.build("attack.py", attack(code))


def assert_serves(extractor: Sandbox) -> None:
    """Fails unless an honest module gives its network."""
    found = extractor.build("good.py", GOOD)
    assert isinstance(found, Spec), found
    assert total_params(found.network) == GOOD_PARAMS


def reached(extractor: Sandbox, code: str) -> str:
    """Runs code that says what it could do as its last words."""
    found = built(extractor, textwrap.dedent(code) + "\nimport os; os._exit(0)")
    assert isinstance(found, BuildFailure), found
    return found.message.split("its last words: ")[-1]


def processes_named(name: str) -> list[int]:
    """The numbers of processes, anywhere on the machine, that have this argument."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            # It may end meanwhile.
            with contextlib.suppress(OSError):
                if name.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
    return found


def wait_for(name: str, *, gone: bool = False, but: Iterable[int] = ()) -> list[int]:
    """Waits until a process with this argument, not one of `but`, is there, or until none is."""
    deadline = time.monotonic() + WAIT_S
    while bool(found := sorted({*processes_named(name)} - {*but})) == gone:
        assert time.monotonic() < deadline, f"{name}: still {'there' if gone else 'not there'}"
        time.sleep(0.02)
    return found


def unique(name: str) -> str:
    """Returns an argument that no other process has."""
    return f"{name}-{os.getpid()}-{time.monotonic_ns()}"
