"""Another process that uses the same store."""

import subprocess
import sys

from harness.system.directories import PROJECT_ROOT

# Another process: does what it is told, line by line, and says what came of it.
OTHER = """
import sys
from pathlib import Path
from harness.jobs.store.locks import Locks
locks = Locks(Path(sys.argv[1]), lambda _: None)
print("ready", flush=True)
alone = []
for line in sys.stdin:
    method, *arguments = line.split()
    if method == "alone":
        alone.clear()
        locks.when_alone(lambda: alone.append(1))
        print(bool(alone), flush=True)
    else:
        print(getattr(locks, method)(*arguments), flush=True)
"""


class Other:
    """The locks of another process."""

    def __init__(self, root):
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER, root], cwd=PROJECT_ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.process.stdout.readline()

    def __call__(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
