"""Processes that end when this one does, whatever they are at and whatever ends it.

Linux ends a process that asked for it (`end_with_parent`) when its parent ends. To the kernel the
parent is the thread that started it, so that thread does nothing else and stays.

The sandbox has these calls of its own (`sandbox/inside/namespaces.py`): nothing trusted imports
what runs beside a submission, and the sandbox sees nothing of this package.
"""

import ctypes
import os
import select
import signal
import subprocess
from collections.abc import Sequence
from concurrent.futures import Future
from threading import Thread
from typing import Any

_SET_PARENT_DEATH_SIGNAL = 1  # <linux/prctl.h>
_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)


def start(arguments: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Starts a process as `subprocess.Popen` does, from a thread of its own.

    Raises:
        OSError: it cannot be started.
    """
    started: Future[subprocess.Popen[bytes]] = Future()

    def keep() -> None:
        try:
            process = subprocess.Popen(arguments, **options)
        except BaseException as error:  # noqa: BLE001  (for who waits)
            started.set_exception(error)
            return
        started.set_result(process)
        process.wait()

    Thread(target=keep, name="keeper", daemon=True).start()
    return started.result()


def die_with_parent(number: int) -> None:
    """Has the kernel send this process a signal when its parent ends."""
    _libc.prctl(_SET_PARENT_DEATH_SIGNAL, number, 0, 0, 0)


def end_with_parent(connection: int) -> None:
    """Has the kernel end this process when its parent ends.

    Args:
        connection: pipe or socket to the parent, which tells whether it ended before this call.
    """
    die_with_parent(signal.SIGKILL)
    poller = select.poll()
    poller.register(connection, 0)
    if poller.poll(0):  # nothing was asked for but whether the other end is closed
        os._exit(1)
