"""Namespaces and privileges of one submission, by the kernel's own calls.

`python -m harness.submissions.sandbox.inside.namespaces` tries them out: it prints where
Python lies, and "private" where each submission can have namespaces of its own within this
sandbox, else "shared".
"""

import ctypes
import importlib.util
import json
import os
import select
import signal
import sys
from pathlib import Path

from harness.submissions.sandbox.inside.limits import PROJECT_ROOT, Limits

# <linux/sched.h>
_NEW_NAMESPACES = (
    0x00020000  # mounts
    | 0x02000000  # cgroups
    | 0x04000000  # host name
    | 0x08000000  # System V IPC
    | 0x10000000  # users
    | 0x20000000  # processes
    | 0x40000000  # network
)
# <linux/mount.h>
_READ_ONLY, _NO_SUID, _NO_DEVICES, _NO_EXEC = 1, 2, 4, 8
_REMOUNT, _BIND, _MOVE, _RECURSIVE, _PRIVATE = 32, 4096, 8192, 16384, 1 << 18
# <linux/prctl.h>
_SET_PARENT_DEATH_SIGNAL = 1
_SET_DUMPABLE = 4
_DROP_BOUNDING = 24
_SET_CHILD_SUBREAPER = 36
_SET_NO_NEW_PRIVS = 38
_AMBIENT, _AMBIENT_CLEAR_ALL = 47, 4
# <linux/capability.h>
_CAPABILITY_VERSION_3 = 0x20080522
_LAST_CAPABILITY = 63

TMP = "/tmp"  # noqa: S108  (its own: no other process sees it)
_FILES = 20_000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)


def enter() -> None:
    """Moves this process, which must have one thread, into new namespaces.

    Its next child is the first process of them and has every right in there, so it can mount.

    Raises:
        OSError: the kernel, or how it was set up, does not allow it.
    """
    user, group = os.getuid(), os.getgid()
    set_dumpable(allowed=True)  # or the maps below are root's
    _call("unshare", ctypes.c_int(_NEW_NAMESPACES))
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")


def make_private_view(limits: Limits) -> None:
    """Gives the first process of new namespaces its own /tmp, /dev/shm and /proc, all empty.

    Needed folders below /tmp, such as a virtual environment, are put back into the new one.
    The new /tmp is made where /proc is, and then moved: that is a folder which is always there and
    will be covered anyway.

    Raises:
        OSError: the kernel does not allow it.
    """
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)
    size = f"size={limits.folder_bytes},nr_inodes={_FILES},mode=0777"
    _mount("tmpfs", "/proc", "tmpfs", _NO_SUID | _NO_DEVICES, size)
    for folder in _needed():
        if folder.is_relative_to(TMP):
            put_back = Path("/proc") / folder.relative_to(TMP)
            put_back.mkdir(parents=True, exist_ok=True)
            _mount(str(folder), str(put_back), None, _BIND | _RECURSIVE)
    _mount("/proc", TMP, None, _MOVE)
    flags = _NO_SUID | _NO_DEVICES | _NO_EXEC
    for shared in ("/dev/shm", "/dev/pts", "/dev/mqueue"):  # noqa: S108
        if Path(shared).is_dir():
            _mount("tmpfs", shared, "tmpfs", flags, "size=64m,nr_inodes=1000")
    try:
        _mount("proc", "/proc", "proc", flags)
    except OSError:  # where parts of the outer one are covered
        _mount("tmpfs", "/proc", "tmpfs", flags, "size=64k,nr_inodes=16,mode=0755")
        _write_poor_proc(Path("/proc/self"))
        _mount("tmpfs", "/proc", None, flags | _REMOUNT | _READ_ONLY)


def _write_poor_proc(folder: Path) -> None:
    """Writes the entries without which TensorFlow ends: which program this is."""
    folder.mkdir()
    (folder / "exe").symlink_to(sys.executable)
    (folder / "cmdline").write_bytes(sys.executable.encode() + b"\0")


def _needed() -> list[Path]:
    """Returns the folders that Python is read from, without those inside others of them."""
    paths = {Path(sys.prefix), Path(sys.base_prefix), PROJECT_ROOT, *map(Path, sys.path)}
    folders = {path for path in paths if path.is_absolute() and path.is_dir()}
    return sorted(path for path in folders if not folders.intersection(path.parents))


def drop_privileges() -> None:
    """Gives up every capability, for this process and for all that it will start, for ever."""
    _libc.prctl(_AMBIENT, _AMBIENT_CLEAR_ALL, 0, 0, 0)
    for capability in range(_LAST_CAPABILITY + 1):
        _libc.prctl(_DROP_BOUNDING, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _libc.capset(header, (ctypes.c_uint32 * 6)())
    _libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def set_dumpable(*, allowed: bool) -> None:
    """Says whether others may look into this process; none may look into its forks either."""
    _libc.prctl(_SET_DUMPABLE, int(allowed), 0, 0, 0)


def die_with_parent(number: int) -> None:
    """Has the kernel send this process a signal when its parent ends."""
    _libc.prctl(_SET_PARENT_DEATH_SIGNAL, number, 0, 0, 0)


def end_with_parent(connection: int) -> None:
    """Has the kernel end this process when its parent ends.

    Args:
        connection: pipe or socket to the parent, which tells whether it ended before this call.
    """
    die_with_parent(signal.SIGKILL)
    poller = select.poll()
    poller.register(connection, 0)
    if poller.poll(0):  # nothing was asked for but whether the other end is closed
        os._exit(1)


def adopt_orphans() -> None:
    """Makes this process the parent of those descendants whose own parent has ended."""
    _libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, data: str | None = None
) -> None:
    encoded = [None if text is None else text.encode() for text in (source, target, kind, data)]
    _call("mount", *encoded[:3], ctypes.c_ulong(flags), encoded[3])


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def available() -> bool:
    """Tries, in children of this process, whether a submission can have namespaces of its own."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            enter()
            inner = os.fork()
            if inner == 0:
                make_private_view(Limits())
                os._exit(0)
            code = os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1])
        except OSError:
            pass
        finally:
            os._exit(code & 0xFF)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


if __name__ == "__main__":
    if any(importlib.util.find_spec(name) is None for name in ("keras", "numpy")):
        sys.exit("keras cannot be read from in here")
    print(json.dumps([sys.base_prefix, "private" if available() else "shared"]))  # noqa: T201
