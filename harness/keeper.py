"""Processes that end when this one does, whatever they are at and whatever ends it.

Linux sends a process that asked for it (`end_with_parent`) a signal when its parent ends. To the
kernel the parent is the thread that started it, so that thread does nothing else and stays.
"""

import os
import select
import signal
import subprocess
from collections.abc import Sequence
from concurrent.futures import Future
from threading import Thread
from typing import Any

from harness.sandboxed import namespaces


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


def end_with_parent(connection: int) -> None:
    """Has the kernel end this process when its parent ends; the child's side.

    Args:
        connection: pipe or socket to the parent, which tells whether it ended before this call.
    """
    namespaces.die_with_parent(signal.SIGKILL)
    poller = select.poll()
    poller.register(connection, 0)
    if poller.poll(0):  # nothing was asked for but whether the other end is closed
        os._exit(1)
