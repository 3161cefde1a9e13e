"""What the tests of the fork server have it fork: it counts, prints, sleeps and exits."""

import os
import sys
import tempfile
import time
from typing import Any

from harness.system.processes.fork_server import serve_forks

IMPORTED = time.monotonic_ns()
COUNTED = [0]


def handle(request: dict[str, Any], reply: Any) -> None:
    if "print" in request:
        print(request["print"], flush=True)  # noqa: T201  (that it goes to the log is the point)
    if "sleep" in request:
        time.sleep(request["sleep"])
    if "exit" in request:
        sys.stderr.write(request["words"])
        sys.stderr.flush()
        os._exit(request["exit"])
    if "temporary" in request:
        reply({"temporary": tempfile.gettempdir()})
        return
    COUNTED[0] += request["count"]
    reply({"counted": COUNTED[0], "imported": IMPORTED, "pid": os.getpid()})


if __name__ == "__main__":
    serve_forks(handle, warm=lambda: None)
