"""Processes that end when this one does, whatever they are at and whatever ends it.

Linux ends a process that asked for it (`namespaces.end_with_parent`) when its
parent ends. To the kernel the parent is the thread that started it, so that thread does nothing
else and stays.
"""

import subprocess
from collections.abc import Sequence
from concurrent.futures import Future
from threading import Thread
from typing import Any


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
