"""A worker that answers every job after a millisecond, without training.

It replaces `harness.jobs.local.worker` in measurements of the scheduler.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from harness.system.processes.fork_server import serve_forks

JOB_S = 0.001


def handle(request: Mapping[str, Any], reply: Callable[[Mapping[str, Any]], None]) -> None:
    """Answers one request."""
    time.sleep(JOB_S)
    reply({"event": "done", "key": f"{request['job']['seed']}"})


if __name__ == "__main__":
    serve_forks(handle, warm=lambda: None)
