"""A child that speaks JSON and, once asked, looks at no pipe for ten minutes."""

import os
import time
from collections.abc import Callable
from typing import Any

from harness.system.processes.json_process import serve


def _handle(_: Any, reply: Callable[[Any], None]) -> None:
    reply({"pid": os.getpid()})
    time.sleep(600)


if __name__ == "__main__":
    serve(_handle)
