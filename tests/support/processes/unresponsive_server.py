"""A fork server that is still importing what it needs: for ten minutes it looks at no socket."""

import sys
import time
from typing import Any

from harness.system.processes.fork_server import serve_forks


def _warm() -> None:
    sys.stderr.write("importing\n")
    sys.stderr.flush()
    time.sleep(600)


def _handle(*_: Any) -> None:
    raise NotImplementedError("it never comes to that")


if __name__ == "__main__":
    serve_forks(_handle, _warm)
