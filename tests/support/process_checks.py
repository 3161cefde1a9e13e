"""Waiting for processes to end."""

import time
from pathlib import Path

WAIT_S = 60


def gone(pid):
    """Waits until a process has ended, reaped or not; returns False when it does not end."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False
