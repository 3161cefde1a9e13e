"""The memory that a worker may use: how much, how much it has, and how it looks when it ran out."""

import contextlib
import re
import resource
from pathlib import Path

# A network is refused by arithmetic before it needs so much; this is for what that did not foresee.
MAX_BYTES = 8 * 2**30

# Python and NumPy; C++; TensorFlow's allocator; oneDNN, which counts this as its status 1; Abseil's
# allocator; the C library.
_REFUSED = re.compile(
    r"MemoryError|std::bad_alloc|ResourceExhaustedError|RESOURCE_EXHAUSTED"
    r"|Status: 1, message: could not create|mmap error: 12\b|Cannot allocate memory"
)
_SHOWN = 300  # characters of what was said


def limit_memory() -> None:
    """Lets this process and its children have so much memory of their own, each, and no more.

    What asks for more is told so, and reports it; the machine does not begin to swap.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_most(hard), hard))


def limit_in_words() -> str:
    """Returns what a worker may use, as a clause: in the worker, and in who has started it."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    return f"a worker may use {_most(hard) / 2**30:.3g} GiB of memory (RLIMIT_DATA)"


def _most(hard: int) -> int:
    return MAX_BYTES if hard == resource.RLIM_INFINITY else min(MAX_BYTES, hard)


def was_refused(words: str) -> bool:
    """Whether a process says in its words that memory which it asked for was refused."""
    return _REFUSED.search(words) is not None


def refusal(error: BaseException) -> str | None:
    """Returns what is said of an error that came of memory which was refused; None of others.

    The error itself need not be the refusal: it may have been raised while that was handled.
    """
    seen = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:  # one may be its own cause
        seen.append(cause)
        said = f"{type(cause).__name__}: {cause}".strip()
        if was_refused(said):
            return f"out of memory: {limit_in_words()}; {said[:_SHOWN]}"
        cause = cause.__cause__ or cause.__context__
    return None


def data_bytes(process: int) -> int:
    """Returns the memory that counts towards a process's limit; 0 where that cannot be told.

    It is all that the process has asked for and could write to, used or not.
    """
    with contextlib.suppress(OSError):
        status = Path("/proc", str(process), "status").read_text("ascii", "replace")
        for line in status.splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return 0
