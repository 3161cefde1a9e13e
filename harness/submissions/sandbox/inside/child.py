"""The process in which a submission runs: reads its request, opens it, writes the answer, ends.

From the first line of the submission on, nothing in this process can be trusted any more; all that
it holds is the end of a pipe for its answer and the end of another for what it prints.
"""

import json
import os
import resource
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import NoReturn

from harness.submissions.sandbox.inside import limits as limiting
from harness.submissions.sandbox.inside import open as opener
from harness.submissions.sandbox.inside import seccomp
from harness.submissions.sandbox.inside.limits import Limits

# What each descriptor is in this process; it has no others.
LOG, ANSWER, REQUEST = 1, 3, 4
_ENVIRONMENT_OF_FOLDER = ("HOME", "TMPDIR", "TMP", "TEMP")


def arrange(log: int, answer: int, request: int, *others: int) -> None:
    """Makes these descriptors 1 and 2, 3, 4, 5, … and closes all else that this process has."""
    wanted = [os.open(os.devnull, os.O_RDWR), log, log, answer, request, *others]
    # First out of each other's way.
    aside = [_copy_above(descriptor, 64) for descriptor in wanted]
    for number, descriptor in enumerate(aside):
        os.dup2(descriptor, number)
    os.closerange(len(wanted), resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _copy_above(descriptor: int, least: int) -> int:
    import fcntl  # noqa: PLC0415  (nothing else here needs it)

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD, least)


def live(limits: Limits, folder: str) -> NoReturn:
    """The rest of this process's life, after `arrange`.

    Args:
        folder: its home and its place for temporary files: its own, and empty.
    """
    try:
        for number in (signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.environ.update(dict.fromkeys(_ENVIRONMENT_OF_FOLDER, folder))
        tempfile.tempdir = None
        work = Path(folder, "work")
        work.mkdir()
        os.chdir(work)
        main = _unpack(REQUEST)
        os.close(REQUEST)
        limiting.apply(limits)
        seccomp.refuse()
        _answer(main)
    except BaseException:  # noqa: BLE001  (its last words, for the log)
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        # No handler, no `atexit` hook, no flush of somebody's buffers: the process ends here.
        os._exit(0)


def _answer(main: str) -> None:
    try:
        document, payload = opener.open_submission(main)
    except MemoryError:
        error = {"stage": "run", "message": "MemoryError"}
        document, payload = {"networks": [], "notes": [], "error": error}, b""
    data = json.dumps(document).encode() + b"\n" + payload
    while data:
        data = data[os.write(ANSWER, data[: 1 << 20]) :]


def _unpack(descriptor: int) -> str:
    """Writes the request's files into the current folder; returns the main one's name.

    The names were checked by who sent them; here they are checked again.
    """
    with os.fdopen(os.dup(descriptor), "rb") as request:
        request.seek(0)
        header = json.loads(request.readline())
        for name, size in header["files"]:
            path = Path(name)
            if path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError(f"not a name of a file: {name!r}")
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                left = size
                while left:
                    left -= file.write(request.read(min(left, 1 << 20)))
    return str(header["main"])
