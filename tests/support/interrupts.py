"""What an interrupted grading leaves behind: processes and stored runs."""

import contextlib
import signal
from pathlib import Path

from harness.jobs.store.store import Store


def processes_of(folder: Path) -> list[str]:
    """Returns the command lines of the processes that work in a folder."""
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and (process / "cwd").resolve() == folder.resolve():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def stored_runs(folder: Path) -> set[str]:
    """Returns the keys of the whole records; a broken one is an error."""
    store = Store(folder / ".grader")
    keys = {path.name for path in (folder / ".grader" / "records").glob("??/*")}
    for key in keys:
        assert store.get(key) is not None, "a half-written record"
    return {key for key in keys if (store.folder(key) / "record.json").exists()}


def heed_interrupts() -> None:
    """For `preexec_fn`: a shell's background jobs ignore Ctrl-C, and so do their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
