"""Tries one case, and says what became of it: read, refused, or a finding."""

import contextlib
import resource
import signal
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from harness.system.directories import PROJECT_ROOT
from tests.fuzzing.ledger import Counts, Ledger
from tests.fuzzing.target import Target

ACCEPTED, REFUSED, FOUND = "accepted", "refused", "found"

_OURS = tuple(str(PROJECT_ROOT / name) for name in ("harness", "reference"))
_AGAIN_S = 0.5  # a parser may have swallowed the first reminder, in a destructor for example
_IN_NATIVE_CODE = 3  # times the limit: Python's own signal handlers had no turn
_LARGEST = 8 << 30  # bytes that the process may ask for at all, so that the machine stays usable
_MB = 1 << 20


class Hang(BaseException):
    """The case has used up its processor time; no parser catches it by mistake."""


def peak_bytes() -> int:
    """Returns the most memory that this process has had since `forget_peak`, by the kernel."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123  (for every case)
        line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) << 10


def forget_peak() -> None:
    """Has the kernel count anew; where it cannot, a case shows only beyond the largest before."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:  # noqa: PTH123
        file.write("5")


class Guard:
    """Tries the cases of one target within its limits, and keeps count."""

    def __init__(self, target: Target, ledger: Ledger) -> None:
        self._target = target
        self._ledger = ledger
        self._counts = Counts()

    def examples(self) -> None:
        """Tries the examples as they are: the valid are accepted, the hostile refused."""
        made = ((self._target.accepted, ACCEPTED), (self._target.refused, REFUSED))
        for examples, expected in made:
            for name, data in examples.items():
                outcome = self.case(data)
                if outcome not in {expected, FOUND}:
                    self._ledger.add(outcome, f"the example {name!r} was {outcome}")

    def case(self, data: bytes) -> str:
        """Returns what became of a case; a finding is in the ledger by then."""
        self._ledger.begin(self._counts, data)
        self._counts.cases += 1
        forget_peak()
        before = peak_bytes()
        started = time.process_time_ns()
        outcome = self._tried(data)
        self._counts.nanoseconds += time.process_time_ns() - started
        self._counts.refused += outcome == REFUSED
        self._counts.accepted += outcome == ACCEPTED
        taken = (peak_bytes() - before) // _MB
        if taken > self._target.limits.megabytes:
            most = self._target.limits.megabytes
            self._ledger.add("memory", f"more than {most} MB: {taken:,} MB")
            outcome = FOUND
        return outcome

    def finish(self) -> None:
        """Writes the last counts down."""
        self._ledger.begin(self._counts, b"")

    def _tried(self, data: bytes) -> str:
        try:
            with _reminded(self._target.limits.seconds):
                self._target.read(data)
        except self._target.refusals as refusal:
            if str(refusal).strip():
                return REFUSED
            self._ledger.add(
                "exception", f"{type(refusal).__name__} without a word", _where(refusal)
            )
        except Hang as hang:
            limit = self._target.limits.seconds
            self._ledger.add("hang", f"more than {limit:g} s of processor time", _where(hang))
        except BaseException as error:  # noqa: BLE001  (whatever it is, it is what we look for)
            what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            self._ledger.add("exception", what, _where(error))
        else:
            return ACCEPTED
        return FOUND


def _where(error: BaseException) -> str:
    """The innermost line of the project, or, where none took part, of the target."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(_OURS)] or frames[-1:]
    if not ours:
        return ""
    file = Path(ours[-1].filename)
    name = file.relative_to(PROJECT_ROOT) if file.is_relative_to(PROJECT_ROOT) else file.name
    return f"{name}:{ours[-1].lineno}"


@contextlib.contextmanager
def _reminded(seconds: float) -> Iterator[None]:
    """Raises `Hang` after so much processor time; in native code, the kernel ends the process."""
    signal.setitimer(signal.ITIMER_PROF, seconds, _AGAIN_S)
    signal.setitimer(signal.ITIMER_VIRTUAL, _IN_NATIVE_CODE * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def prepare() -> None:
    """Makes a process ready for cases: signals, warnings, and an end to its memory."""
    signal.signal(signal.SIGPROF, _remind)
    signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_DATA, (_LARGEST, resource.RLIM_INFINITY))
    warnings.simplefilter("ignore")  # of libraries about files that are refused in the end


def _remind(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Hang
