"""history.jsonl: one line for each complete grading of the project's own networks.

It lies beside the report folder, so that the reports of all runs share it, and only grows. Several
runs may end at once, the disk may be full, a line may be half a line: whatever is wrong with the
file is said, and costs no run its verdict.
"""

import fcntl
import json
import math
import os
import stat
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.submissions.subject import PROJECT
from harness.system.strict_json import NotJson, parse

NAME = "history.jsonl"
MOST = 50
"""So many runs are shown; the file keeps all."""

# Checks that are there only where something asks for them: no run is the less complete without.
_ONLY_WHEN_ASKED = (
    "test_recipe.py::", "test_own_weights.py::", "test_experiments.py::", "test_baseline.py::",
)  # fmt: skip

# What two runs must share to be drawn on one axis.
_SAME = ("dataset_digest", "recipe")

_TEXT, _NUMBER = (str,), (int, float)
_MAYBE_TEXT, _MAYBE_NUMBER = (str, type(None)), (int, float, type(None))
_ENTRY: Mapping[str, tuple[type, ...]] = {
    "created": _TEXT, "commit": _MAYBE_TEXT, "dataset": _TEXT, "dataset_digest": _TEXT,
    "recipe": _TEXT, "seeds": (int,), "outcome": _TEXT, "cpu": _MAYBE_TEXT,
}  # fmt: skip
_NETWORK: Mapping[str, tuple[type, ...]] = {
    "id": _TEXT, "spec_digest": _MAYBE_TEXT, "accuracy": _MAYBE_NUMBER, "verdict": _TEXT,
    "total_params": (int, type(None)), "train_images_per_s": _MAYBE_NUMBER,
}  # fmt: skip


def place(report: Path) -> Path:
    """Where the history of the reports in this folder lies: reports/latest -> reports/."""
    return Path(os.path.abspath(report)).parent / NAME  # noqa: PTH100 - resolve follows links


def entry(results: Mapping[str, Any], networks: Sequence[str]) -> dict[str, Any] | None:
    """Returns what the history keeps of a results.json; None of what is no complete grading.

    Args:
        networks: the project's own networks, all of which must have been graded.
    """
    if not _complete(results, networks):
        return None
    dataset, environment = results["dataset"], results["environment"]
    return {
        "created": results["created"],
        "commit": environment.get("commit"),
        "dataset": dataset["name"],
        "dataset_digest": dataset["digest"],
        "recipe": results["recipe"],
        "seeds": len(results["seeds"]),
        "outcome": results["outcome"],
        "cpu": environment.get("cpu"),
        "networks": [_network(subject) for subject in results["subjects"]],
    }


def put_into(
    results: dict[str, Any], path: Path, networks: Sequence[str], tell: Callable[[str], None]
) -> dict[str, Any] | None:
    """Gives results.json its `history`: the comparable runs in the file, and itself at last.

    Returns:
        What is to be appended once results.json is written; None of what is no complete grading.
    """
    this = entry(results, networks)
    if this is not None:
        earlier, problem = read(path)
        if problem:
            tell(f"WARNING: {problem}")
        results["history"] = comparable(earlier, this)
    return this


def comparable(entries: Sequence[Mapping[str, Any]], this: Mapping[str, Any]) -> list[Any]:
    """Returns the runs of the same data and recipe, oldest first, this one last, `MOST` at most."""
    same = [one for one in entries if all(one[key] == this[key] for key in _SAME)]
    return [*same[-(MOST - 1) :], this]


def read(path: Path) -> tuple[list[dict[str, Any]], str | None]:
    """Returns the entries of a history, in the order they were written, and what is wrong with it.

    No file is an empty history. A line that is no entry is left out.
    """
    try:
        _check_kind(path.stat())
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return [], None
    except OSError as error:
        return [], f"{path} cannot be read, so no earlier run is shown: {_reason(error)}"
    found = [(number, _parsed(line)) for number, line in enumerate(lines, 1) if line.strip()]
    bad = [str(number) for number, one in found if one is None]
    problem = None
    if bad:
        which = f"line {bad[0]} is" if len(bad) == 1 else f"lines {', '.join(bad[:5])} are"
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        problem = (
            f"{path}: {which} no entry of the history{more}, perhaps of a run that was cut off, "
            "and left out. Delete what is broken to be rid of this line."
        )
    return [one for _, one in found if one is not None], problem


def append(path: Path, this: Mapping[str, Any]) -> str | None:
    """Adds one line, whole or not at all; returns what went wrong, as a sentence.

    Writers take turns. Where the last line has no end, because its writer was killed, it gets one.
    """
    line = json.dumps(this, ensure_ascii=False, allow_nan=False, sort_keys=True).encode() + b"\n"
    try:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o644)
        try:
            _write_line(descriptor, line)
        finally:
            os.close(descriptor)
    except OSError as error:
        return (
            f"{path} cannot be written, so later reports will not show this run in their history: "
            f"{_reason(error)}. The verdicts and the report of this run are not touched by it."
        )
    return None


def _write_line(descriptor: int, line: bytes) -> None:
    _check_kind(os.fstat(descriptor))
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # until it is closed
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        line = b"\n" + line
    try:
        written = os.write(descriptor, line)
        if written < len(line):
            raise OSError("there is no room for a whole line")
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _check_kind(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):  # a pipe would keep us waiting
        raise OSError("it is no ordinary file")


def _complete(results: Mapping[str, Any], networks: Sequence[str]) -> bool:
    """Whether every one of the project's networks went through every check, after training."""
    subjects = results["subjects"]
    rubric, dataset = results.get("rubric"), results.get("dataset")
    if not dataset or not rubric or results["outcome"] not in {"passed", "failed"}:
        return False
    if results["submissions"] or any(one["trust"] != PROJECT for one in subjects):
        return False
    if sorted(one["id"] for one in subjects) != sorted(networks):
        return False
    wanted = {check for check in rubric["checks"] if not check.startswith(_ONLY_WHEN_ASKED)}
    return all(wanted <= {check["id"] for check in subject["checks"]} for subject in subjects)


def _network(subject: Mapping[str, Any]) -> dict[str, Any]:
    gate = subject["gate"] or {}
    # A run that came from the store was measured another day, perhaps on another machine.
    rates = [run["train_images_per_s"] for run in subject["runs"] if not run["cached"]]
    return {
        "id": subject["id"],
        "spec_digest": subject["spec_digest"],
        "accuracy": gate.get("accuracy"),
        "interval": gate.get("interval"),
        "verdict": subject["verdict"],
        "total_params": (subject["spec"] or {}).get("total_params"),
        "train_images_per_s": statistics.median(rates) if rates else None,
    }


def _parsed(line: bytes) -> dict[str, Any] | None:
    """An entry with the keys that are known, each of its type; None of anything else."""
    try:
        found = parse(line)
    except NotJson:
        return None
    if not _typed(found, _ENTRY) or not isinstance(found.get("networks"), list):
        return None
    if not all(_typed(one, _NETWORK) and _ends(one.get("interval")) for one in found["networks"]):
        return None
    networks = [{key: one.get(key) for key in (*_NETWORK, "interval")} for one in found["networks"]]
    return {key: found.get(key) for key in _ENTRY} | {"networks": networks}


def _typed(value: object, keys: Mapping[str, tuple[type, ...]]) -> bool:
    return isinstance(value, dict) and all(
        _is(value.get(key), kinds) for key, kinds in keys.items()
    )


def _is(value: object, kinds: tuple[type, ...]) -> bool:
    """Whether a value can stand in results.json as one of these kinds."""
    if isinstance(value, bool) or not isinstance(value, kinds):
        return False
    if isinstance(value, str):
        return value.isprintable()
    return not isinstance(value, float) or math.isfinite(value)


def _ends(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, list) and len(value) == 2 and all(_is(end, _NUMBER) for end in value)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
