"""A grader to be killed: opens the module on standard input, in the isolation it is told."""

import signal
import sys
from pathlib import Path

from harness.submissions.sandbox.client import Sandbox
from harness.submissions.sandbox.isolation import Isolation, strongest

if __name__ == "__main__":
    # A shell's background jobs ignore Ctrl-C, and so do their children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    level, folder = sys.argv[1:]
    isolation = Isolation("limits") if level == "limits" else strongest()
    extractor = Sandbox(isolation, Path(folder) / "sandbox.log")
    try:
        extractor.build("theirs.py", sys.stdin.read())
    finally:
        extractor.stop()
