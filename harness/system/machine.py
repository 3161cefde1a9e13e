"""What the machine and the software are, as far as it can be told without importing TensorFlow."""

import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness.system import versions
from harness.system.directories import PROJECT_ROOT
from reference.errors import UserError

# The instruction sets that decide which kernels are chosen, hence the bits.
_FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "asimd", "sve")

# Grading computes on one thread in each worker: two workers of one thread each beat one of two,
# and the bits do not depend on how many cores the machine has.
THREADS = 1


def require_installed() -> None:
    """Looks for the packages that this process and those beside it need.

    Raises:
        UserError: some are not installed for this Python.
    """
    missing = [package for package in versions.required() if not versions.installed(package)]
    if missing:
        raise UserError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed for "
            f"{sys.executable}. Expected the packages of requirements.txt: run `make report`, "
            "which installs them into .venv, or `pip install -r requirements.txt`."
        )


def numeric_platform() -> dict[str, Any]:
    """Returns what, besides the job, decides the bits of a result: part of every run key."""
    return {
        "tensorflow": version("tensorflow"),
        "keras": version("keras"),
        "numpy": version("numpy"),
        "device": "cpu",
        "threads": THREADS,
        "machine": platform.machine(),
        "flags": _cpu()["flags"],
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
    }


def describe(workers: int, isolation: str) -> dict[str, Any]:
    """Returns the `environment` of results.json.

    Raises:
        UserError: requirements.txt cannot be read.
    """
    return {
        "cpu": describe_cpu(),
        "flags": _cpu()["flags"],
        "cores": cores(),
        "threads": THREADS,
        "workers": workers,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpu": gpu(),
        "python": platform.python_version(),
        "tensorflow": version("tensorflow"),
        "keras": version("keras"),
        "numpy": version("numpy"),
        "os": f"{platform.system()} {platform.release()}",
        "commit": commit(),
        "isolation": isolation,
        **versions.describe(),
    }


def cores() -> int:
    """The number of processors this process may use."""
    return len(os.sched_getaffinity(0))


def describe_cpu() -> str:
    """The processor's name."""
    return str(_cpu()["model"])


@cache
def _cpu() -> dict[str, Any]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    pairs = [line.split(":", 1) for line in lines if ":" in line]
    fields = {key.strip(): value.strip() for key, value in reversed(pairs)}
    present = set((fields.get("flags") or fields.get("Features") or "").split())
    return {
        "model": fields.get("model name") or platform.processor() or platform.machine(),
        "flags": [flag for flag in _FLAGS if flag in present],
    }


@cache
def gpu() -> str | None:
    """The first GPU's name, or None."""
    if shutil.which("nvidia-smi") is None:
        return None
    found = _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    return found.splitlines()[0] if found else None


@cache
def commit() -> str | None:
    """The project's git commit, with a `+` when files differ from it; None without git."""
    here = str(PROJECT_ROOT)
    found = _output("git", "-C", here, "rev-parse", "--short=12", "HEAD")
    if not found:
        return None
    changed = _output("git", "-C", here, "status", "--porcelain", "--untracked-files=no")
    return found + ("+" if changed else "")


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def thread_variables(threads: int) -> dict[str, str]:
    """Returns the environment of a process that computes on `threads` threads, on the CPU's terms.

    The number of threads changes how sums are split, hence the bits, so it belongs to a run's
    identity and is never left to chance.
    """
    return {
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "KERAS_BACKEND": "tensorflow",
    }
