"""Chooses where submissions run: the strongest isolation that this machine offers."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from harness.system.directories import PROJECT_ROOT
from harness.system.machine import THREADS, thread_variables

# All of the project that code in the sandbox can see, and where, when there is a view to choose.
_INSIDE = (
    "harness/__init__.py",
    "harness/submissions/__init__.py",
    "harness/submissions/sandbox/__init__.py",
    "harness/submissions/sandbox/inside",
)
_PROJECT = Path("/grader")

_NOBODY = 65534
_PROBE = "harness.submissions.sandbox.inside.namespaces"
_PROBE_TIMEOUT_S = 20


@dataclass(frozen=True)
class Isolation:
    """An isolation level.

    Attributes:
        level: "bubblewrap", "namespaces" or "limits"; recorded in results.json and the report.
        prefix: what to put before a command.
        private: whether each submission can have namespaces of its own inside of it; otherwise
            each gets a fresh interpreter.
        project: where the child finds `harness.submissions.sandbox.inside`.
    """

    level: str
    prefix: tuple[str, ...] = ()
    private: bool = False
    project: Path = PROJECT_ROOT

    @property
    def sentence(self) -> str:
        """The isolation in a sentence."""
        each = "namespaces of its own" if self.private else "a fresh interpreter"
        kind = {
            "bubblewrap": "bubblewrap",
            "namespaces": "namespaces, but files of this machine can be read",
            "limits": "limits on time and memory alone: files of this machine can be read, and "
            "the network is open",
        }[self.level]
        if self.level == "limits" and self.prefix:
            kind += "; run as a user without rights"
        return f"{kind}; each submission in {each}"

    def command(self, module: str) -> list[str]:
        """Returns the command that runs a module inside."""
        return [*self.prefix, sys.executable, "-P", "-m", module]

    def environment(self) -> dict[str, str]:
        """Returns the whole environment of that command: only what it needs of this process."""
        kept = {
            key: os.environ[key]
            for key in ("LD_LIBRARY_PATH", "TF_ENABLE_ONEDNN_OPTS")
            if key in os.environ
        }
        return {
            **kept,
            **thread_variables(THREADS),
            "CUDA_VISIBLE_DEVICES": "-1",
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": "/tmp",  # noqa: S108
            "TMPDIR": "/tmp",  # noqa: S108
            "USER": "student",
            "LOGNAME": "student",
            "LANG": "C.UTF-8",
            "KERAS_HOME": "/dev/null/keras",  # nothing is kept
            "MPLBACKEND": "Agg",
            "PYTHONHASHSEED": "0",
            "PYTHONUTF8": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join(map(str, [self.project, *_libraries()])),
        }


@cache
def strongest() -> Isolation:
    """Returns the strongest isolation that a trial run shows to work here."""
    candidates = _candidates()
    for level in dict.fromkeys(candidate.level for candidate in candidates):
        works = [tried for c in candidates if c.level == level for tried in _tried(c)]
        if works:
            return next((found for found in works if found.private), works[0])
    return Isolation("limits")


def _candidates() -> list[Isolation]:
    """Returns the levels that may work, the strongest first."""
    as_root = os.geteuid() == 0
    found = []
    if as_root:
        # As an unprivileged user, for real: the kernel does not limit how many processes root has.
        prefix = (*_bubblewrap(_AS_ROOT, "--dir"), *_MOUNT_PROC, *_AS_NOBODY)
        found.append(Isolation("bubblewrap", prefix, False, _PROJECT))
    found.append(Isolation("bubblewrap", _bubblewrap(_UNPRIVILEGED, "--proc"), False, _PROJECT))
    found.append(Isolation("namespaces", _UNSHARE))
    if as_root:
        found.append(Isolation("limits", _AS_NOBODY))
    return found


_AS_ROOT = (
    "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
    "--cap-drop", "ALL",
    "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP",
    "--cap-add", "CAP_SYS_ADMIN",
)  # fmt: skip
# Bubblewrap covers parts of the /proc that it makes for root, and no other can be made in a
# namespace where one is covered.
_MOUNT_PROC = ("sh", "-c", 'mount -t proc proc /proc && exec "$@"', "sh")
_AS_NOBODY = (
    "setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups",
    "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs",
)  # fmt: skip
_UNPRIVILEGED = (
    "--unshare-all", "--uid", str(_NOBODY), "--gid", str(_NOBODY), "--cap-drop", "ALL",
)  # fmt: skip
_UNSHARE = (
    # It waits for what it has started: killed, it takes that along, but it has to be killed.
    "setpriv", "--pdeathsig", "KILL",
    "unshare", "--user", "--map-root-user", "--net", "--ipc", "--uts", "--pid", "--fork",
    "--kill-child", "--mount-proc",
)  # fmt: skip

# Of /etc: where shared libraries are, what stands for them on Debian, and the time zone.
_ETC = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")


def _bubblewrap(rights: Sequence[str], proc: str) -> tuple[str, ...]:
    """Returns a command that shows an empty, read-only file system with what Python needs.

    Args:
        proc: "--proc" to have /proc made, "--dir" to have its place made.
    """
    places = {path: path for path in _needed()}
    places |= {_PROJECT / name: PROJECT_ROOT / name for name in _INSIDE}
    binds: list[str] = []
    for folder in _folders_above(places):
        binds += ["--dir", str(folder)]
    for place, source in sorted(places.items()):
        binds += ["--ro-bind", str(source), str(place)]
    return (
        "bwrap",
        *rights,
        "--die-with-parent",
        "--new-session",
        "--hostname", "sandbox",
        *_system(),
        "--dev", "/dev",
        "--perms", "1777",
        "--tmpfs", "/dev/shm",  # noqa: S108
        "--remount-ro", "/dev",
        proc, "/proc",
        "--perms", "1777",
        "--tmpfs", "/tmp",  # noqa: S108  (the child's own, not this machine's)
        *binds,
        "--remount-ro", "/",
        "--chdir", "/",
    )  # fmt: skip


def _system() -> list[str]:
    """Returns binds of the folders of programs and libraries, and of the links to them."""
    arguments = ["--ro-bind", "/usr", "/usr"]
    for path in sorted(Path("/").glob("*")):
        if path.name in {"bin", "sbin"} or path.name.startswith("lib"):
            if path.is_symlink():
                arguments += ["--symlink", str(path.readlink()), str(path)]
            elif path.name != "lost+found":
                arguments += ["--ro-bind", str(path), str(path)]
    return arguments


def _needed() -> set[Path]:
    """Files and folders outside of /usr that Python and what it imports are read from."""
    paths = [Path(sys.prefix), Path(sys.base_prefix), *_libraries(), *_links(Path(sys.executable))]
    kept = {path for path in (*paths, *map(Path, _ETC)) if path.exists()}
    return {p for p in kept if not p.is_relative_to("/usr") and not kept.intersection(p.parents)}


def _libraries() -> list[Path]:
    """Returns the folders of installed packages, a user's own included."""
    return [Path(p) for p in sys.path if Path(p).name in {"site-packages", "dist-packages"}]


def _links(path: Path) -> Iterable[Path]:
    """Yields a program and each link on the way to it."""
    while True:
        yield path
        if not path.is_symlink():
            return
        path = Path(os.path.normpath(path.parent / path.readlink()))


def _folders_above(places: Iterable[Path]) -> list[Path]:
    """Returns the folders that have to be made first."""
    above = {parent for place in places for parent in place.parents}
    return sorted(above - {Path("/"), Path("/tmp"), *places})  # noqa: S108


def _tried(candidate: Isolation) -> list[Isolation]:
    """Returns the candidate as a trial shows it to be, or nothing where it does not work."""
    if shutil.which(candidate.prefix[0]) is None:
        return []
    try:
        trial = subprocess.run(
            candidate.command(_PROBE),
            capture_output=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
            cwd="/",
            env=candidate.environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    # A Python that may not read its own folder takes another one's library.
    kinds = {_said(kind): kind == "private" for kind in ("private", "shared")}
    if trial.returncode != 0 or trial.stdout not in kinds:
        return []
    # Without a view of its own, one submission would still see the files of the next.
    private = kinds[trial.stdout] and candidate.level != "limits"
    return [replace(candidate, private=private)]


def _said(kind: str) -> bytes:
    """Returns the output of a trial."""
    return json.dumps([sys.base_prefix, kind]).encode() + b"\n"
