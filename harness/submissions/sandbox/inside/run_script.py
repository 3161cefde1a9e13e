"""Runs a module, a training script or a notebook as `__main__`, as its author would."""

import builtins
import contextlib
import linecache
import signal
import sys
import tokenize
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from types import CodeType, FrameType, ModuleType

from harness.submissions.sandbox.inside import notebook
from harness.submissions.sandbox.inside.keras2_names import hint
from harness.submissions.sandbox.inside.notes import Notes

# What may still come after the first fit: plots, printouts, more networks.
AFTER_FIT_S = 22
# A script that has fitted nothing by then will not. Both together end before the sandbox ends it.
BEFORE_FIT_S = 35
_AGAIN_S = 0.5  # code that swallows every exception is interrupted again and again

Problem = dict[str, str]


class TimeIsUp(BaseException):
    """Raised when the time is over; `except Exception` in a script does not catch it."""


class Clock:
    """Interrupts a script that goes on for too long."""

    def __init__(self) -> None:
        self._running = False
        self.fitted = False

    def start(self) -> None:
        with contextlib.suppress(ValueError):  # not in the main thread: then the sandbox's limit
            signal.signal(signal.SIGALRM, self._ring)
            self._running = True
            signal.setitimer(signal.ITIMER_REAL, BEFORE_FIT_S, _AGAIN_S)

    def first_fit(self) -> None:
        self.fitted = True
        if self._running:
            signal.setitimer(signal.ITIMER_REAL, AFTER_FIT_S, _AGAIN_S)

    def stop(self) -> None:
        self._running = False
        with contextlib.suppress(ValueError):
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _ring(self, _: int, frame: FrameType | None) -> None:
        # Only within the script's own frames: what follows them, such as the sentence that says
        # that the time is over, or stop(), must not be interrupted by a second ring.
        if self._running and _within_script(frame):
            raise TimeIsUp


def _within_script(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code is not _interruptible.__code__:
        frame = frame.f_back
    return frame is not None


def _interruptible(job: Callable[[], Problem | None]) -> Problem | None:
    """Calls what the clock may interrupt; nothing else is called from here."""
    return job()


def run(main: str, notes: Notes, clock: Clock) -> tuple[dict[str, object], Problem | None]:
    """Runs a file and returns the names that it defined, and the problem, if any."""
    try:
        parts = list(_code(main))
    except (SyntaxError, ValueError, UnicodeError, notebook.NotANotebook) as error:
        return {}, {"stage": "syntax", "message": _syntax(error, main)}
    module = ModuleType("__main__")
    module.__dict__.update(__file__=main, __builtins__=builtins)
    sys.modules["__main__"] = module
    sys.argv = [main]
    problem: Problem | None = None
    clock.start()
    try:
        for code in parts:
            found = _run(code, module, notes, clock)
            problem = problem or found
            if found is not None and found["stage"] == "end":
                break
    finally:
        clock.stop()
    return vars(module), problem


def _run(code: CodeType, module: ModuleType, notes: Notes, clock: Clock) -> Problem | None:
    try:
        return _interruptible(lambda: _outcome(code, module, notes))
    except TimeIsUp:
        return _too_long(clock, notes)


def _outcome(code: CodeType, module: ModuleType, notes: Notes) -> Problem | None:
    try:
        exec(code, module.__dict__)  # noqa: S102  (this is what the sandbox is for)
    except TimeIsUp:
        raise
    except SystemExit as error:
        return {"stage": "end", "message": notes.source.describe(error)}
    except BaseException as error:  # noqa: BLE001  (KeyboardInterrupt is an answer too)
        message = notes.source.describe(error)
        stage = "import" if isinstance(error, ImportError) else "run"
        return {"stage": stage, "message": message + hint(message)}
    return None


def _too_long(clock: Clock, notes: Notes) -> Problem:
    if clock.fitted:
        text = f"The script was stopped {AFTER_FIT_S} s after its first fit."
        notes.add("stopped", text)
        return {"stage": "end", "message": text}
    return {
        "stage": "timeout",
        "message": f"it was still running after {BEFORE_FIT_S} s and had not called model.fit(); "
        "networks are captured when fit() is called; a training loop of your own is not followed",
    }


def _code(main: str) -> Iterator[CodeType]:
    data = Path(main).read_bytes()
    if main.lower().endswith(".ipynb"):
        for cell in notebook.read(data.decode("utf-8-sig")):
            yield _compiled(cell.source, f"{main}, cell {cell.number}")
        return
    encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
    text = data.decode(encoding)
    yield _compiled(notebook.without_magics(text) if "\n%" in text or "!" in text else text, main)


def _compiled(text: str, name: str) -> CodeType:
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    return compile(text, name, "exec", dont_inherit=True)


def _syntax(error: Exception, main: str) -> str:
    if isinstance(error, notebook.NotANotebook):
        return f"{main} {error}"
    if isinstance(error, UnicodeError):
        return f"{main} is not text in UTF-8: {error.reason if hasattr(error, 'reason') else error}"
    name = getattr(error, "filename", None) or main
    line = getattr(error, "lineno", None)
    where = f"{name}, line {line}" if line else name
    return f"{where}: {getattr(error, 'msg', error)}"
