"""Parsers that are broken on purpose, one in each way that the drivers must see."""

import itertools
import time
from collections.abc import Callable

from reference.errors import UserError
from tests.fuzzing.target import Limits, Target

# Each does what is wrong once the file says so; an example that says it is among the hostile ones,
# so that not even one change has to be found.
_TRIGGER = b"!"
_PLENTY = Limits()


def _target(name: str, wrong: Callable[[], object], limits: Limits = _PLENTY) -> Target:
    def read(data: bytes) -> None:
        if not data.startswith(b"good"):
            raise UserError("no good")
        if _TRIGGER in data:
            wrong()

    return Target(
        name, read, lambda: {"good": b"good file"}, lambda: {"bad": b"good file!"}, limits=limits
    )


def _raise() -> None:
    raise KeyError("a key that nobody thought of")


def _silent() -> None:
    raise UserError(" ")


def _hang() -> None:
    for number in itertools.count():
        _ = number * number


def _hang_in_native_code() -> None:
    sum(itertools.repeat(0))


def _swallow() -> None:
    """Hangs where whatever is raised is passed over, as in many a decoder."""
    while True:
        try:
            _hang()
        except Exception:  # noqa: BLE001
            time.sleep(0)


def _grow() -> None:
    bytearray(b"x") * (96 << 20)


def _recurse() -> None:
    _recurse()


def _die() -> None:
    import ctypes

    ctypes.string_at(0)


def _refuse(data: bytes) -> None:
    raise UserError(f"{len(data)} bytes that are no good")


def _read(data: bytes) -> None:
    if data != b"good":
        _refuse(data)


_SOON = Limits(seconds=0.3, megabytes=64)

TARGETS = (
    _target("exception", _raise),
    _target("silence", _silent),
    _target("recursion", _recurse),
    _target("hang", _hang, _SOON),
    _target("swallowed hang", _swallow, _SOON),
    _target("native hang", _hang_in_native_code, _SOON),
    _target("memory", _grow, _SOON),
    _target("crash", _die),
    _target("acceptance", lambda: None),
    Target("refusal", _refuse, lambda: {"good": b"good"}),
    Target("sound", _read, lambda: {"good": b"good"}),
)
