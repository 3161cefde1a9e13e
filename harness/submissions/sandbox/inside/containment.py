"""Starts the process of a submission, in namespaces of its own or without, and ends all of it."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import NoReturn

from harness.submissions.sandbox.inside import namespaces
from harness.submissions.sandbox.inside import open as inside_open
from harness.submissions.sandbox.inside.limits import Limits, descendants

# The descriptor by which the processes in between say how far they came.
_NEWS = 5
# Of all processes, the kernel should end those of a submission first when memory is short.
_OOM_SCORE = "800"
_END_TIMEOUT_S = 10.0


class ContainmentFailed(Exception):
    """No submission has run: the sandbox could not be made."""


@dataclass(frozen=True)
class Contained:
    """A running submission.

    Attributes:
        process: a child of this process, which ends when the submission's own process has.
        root: all of the submission's processes descend from this one.
        init: the first process of its namespaces, whose end is the end of all in them; or None.
        folder: a temporary folder to be removed; or None.
    """

    process: int
    root: int
    init: int | None
    folder: str | None

    def end(self) -> None:
        """Kills all that is left of it, and waits until nothing is."""
        if self.init is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.init, signal.SIGKILL)
        deadline = time.monotonic() + _END_TIMEOUT_S
        while time.monotonic() < deadline and not _all_reaped():
            # Those whose parent has ended have become this process's own.
            for number in descendants(os.getpid()):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(number, signal.SIGKILL)
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def _all_reaped() -> bool:
    """Waits briefly for one child that has ended; True when none are left."""
    for _ in range(100):
        try:
            number, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if number:
            return False
        time.sleep(0.0005)
    return False


def start(limits: Limits, log: int, answer: int, request: int) -> Contained:
    """Starts the submission's process, with these descriptors and no others.

    Raises:
        ContainmentFailed: its namespaces could not be made; nothing of it has run.
    """
    namespaces.adopt_orphans()
    if limits.private:
        return _start_private(limits, log, answer, request)
    folder = tempfile.mkdtemp(prefix="submission-")
    process = os.fork()
    if process == 0:
        _be_shared(limits, folder, log, answer, request)
    return Contained(process, os.getpid(), None, folder)


def _be_shared(limits: Limits, folder: str, log: int, answer: int, request: int) -> NoReturn:
    try:
        os.setsid()
        inside_open.arrange(log, answer, request)
        namespaces.die_with_parent(signal.SIGKILL)
        _be_first_to_go()
        namespaces.drop_privileges()
        inside_open.live(limits, folder)
    finally:
        os._exit(1)


def _start_private(limits: Limits, log: int, answer: int, request: int) -> Contained:
    news, sender = os.pipe()
    middle = os.fork()
    if middle == 0:
        _be_middle(limits, log, answer, request, sender)
    os.close(sender)
    with os.fdopen(news, encoding="utf-8", errors="replace") as lines:
        said = dict(line.strip().split(" ", 1) for line in lines)
    if "ready" not in said or "init" not in said:
        Contained(middle, middle, None, None).end()
        raise ContainmentFailed(said.get("failed", "the process that makes it ended"))
    init = int(said["init"])
    return Contained(middle, init, init, None)


def _be_middle(limits: Limits, log: int, answer: int, request: int, news: int) -> NoReturn:
    """Enters new namespaces, starts their first process and waits for its end."""
    try:
        inside_open.arrange(log, answer, request, news)
        namespaces.die_with_parent(signal.SIGKILL)
        _be_first_to_go()
        try:
            namespaces.enter()
            init = os.fork()
        except OSError as error:
            _tell(f"failed {error}")
            os._exit(1)
        if init == 0:
            _be_init(limits)
        _tell(f"init {init}")
        os.closerange(1, _NEWS + 1)
        os.waitpid(init, 0)
    finally:
        os._exit(0)


def _be_init(limits: Limits) -> NoReturn:
    """Runs the first process of the namespaces; when it ends, the kernel ends all others."""
    try:
        # Else a signal to its process group would reach those outside.
        os.setsid()
        namespaces.die_with_parent(signal.SIGKILL)
        try:
            namespaces.make_private_view(limits)
        except OSError as error:
            _tell(f"failed {error}")
            os._exit(1)
        namespaces.drop_privileges()
        submission = os.fork()
        if submission == 0:
            os.close(_NEWS)
            os.setsid()
            # So that the supervisor, outside, may read how much memory it uses.
            namespaces.set_dumpable(allowed=True)
            inside_open.live(limits, namespaces.TMP)
        namespaces.set_dumpable(allowed=False)
        _tell("ready -")
        os.closerange(0, _NEWS + 1)
        while os.wait()[0] != submission:
            pass
    except BaseException as error:  # noqa: BLE001  (no other process can report it)
        with contextlib.suppress(OSError):
            _tell(f"failed {type(error).__name__}: {error}")
    finally:
        os._exit(0)


def _be_first_to_go() -> None:
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        file.write(_OOM_SCORE)


def _tell(line: str) -> None:
    os.write(_NEWS, line.replace("\n", " ").encode(errors="replace") + b"\n")


if sys.platform != "linux":  # namespaces, /proc and subreapers are Linux's
    raise ImportError("submissions can be opened on Linux only")
