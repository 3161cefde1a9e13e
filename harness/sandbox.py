"""Where strangers' code runs: the strongest isolation that this machine offers, named honestly."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROBE_TIMEOUT_S = 10


@dataclass(frozen=True)
class Isolation:
    """An isolation level.

    Attributes:
        level: "bubblewrap", "namespaces" or "limits"; recorded in results.json and the report.
        prefix: what to put before a command.
    """

    level: str
    prefix: tuple[str, ...]


@cache
def strongest(readable: tuple[Path, ...]) -> Isolation:
    """Returns the strongest isolation that a trial run shows to work here.

    Args:
        readable: folders the child must be able to read, wherever they are.
    """
    candidates = (
        Isolation("bubblewrap", _bubblewrap(readable)),
        Isolation("namespaces", _namespaces()),
    )
    for candidate in candidates:
        if _works(candidate.prefix):
            return candidate
    return Isolation("limits", ())


def _bubblewrap(readable: Sequence[Path]) -> tuple[str, ...]:
    """No network, read-only system, private /tmp and home, own process tree that dies with us."""
    needed = {Path(sys.prefix), Path(sys.base_prefix), *readable}
    binds = [
        argument
        for folder in sorted(needed)
        if folder.exists()
        for argument in ("--ro-bind", str(folder), str(folder))
    ]
    return (
        "bwrap",
        "--unshare-all",
        "--die-with-parent",
        # Who is root outside would otherwise be root enough inside to remount what is read-only.
        "--cap-drop", "ALL",
        "--ro-bind", "/", "/",
        "--dev", "/dev",
        "--proc", "/proc",
        "--tmpfs", "/tmp",  # noqa: S108  (the child's own, not this machine's)
        *binds,
        "--setenv", "HOME", "/tmp",  # noqa: S108
        "--setenv", "TMPDIR", "/tmp",  # noqa: S108
    )  # fmt: skip


def _namespaces() -> tuple[str, ...]:
    return ("unshare", "--user", "--map-root-user", "--net", "--ipc", "--pid", "--fork",
            "--kill-child", "--mount-proc")  # fmt: skip


def _works(prefix: Sequence[str]) -> bool:
    if shutil.which(prefix[0]) is None:
        return False
    try:
        trial = subprocess.run(
            [*prefix, sys.executable, "-c", ""],
            capture_output=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return trial.returncode == 0
