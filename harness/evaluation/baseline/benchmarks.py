"""An earlier results.json to compare benchmarks with.

What is compared is our speed-up over Keras, measured in one contest, not a time: identical code
differs by a quarter between jobs on a shared machine, and by well under a hundredth against a
peer that runs beside it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.evaluation.baseline import file
from harness.evaluation.baseline.benchmark_keys import OURS, Key, describe
from harness.evaluation.checking import Mismatch
from harness.network.difference import Difference
from harness.statistics import time_ratios
from harness.statistics.time_ratios import Ratio
from reference.errors import UserError
from reference.fields import shown

# Against whom the speed-up is taken: there without anything to install.
PEERS = {"train": "keras fit", "predict": "keras predict"}
USABLE = ("measured", "regressed")
MAKE = "`pytest --benchmark-only` writes reports/latest/results.json; copy it to keep it."


@dataclass(frozen=True)
class Baseline:
    """Speed-ups of an earlier run.

    Attributes:
        name: of the file, for messages.
        commits: what they were measured on.
    """

    name: str
    commits: tuple[str, ...]
    speedups: Mapping[Key, Ratio]

    @property
    def source(self) -> str:
        return f"{self.name}, commit {', '.join(self.commits)}" if self.commits else self.name


@dataclass(frozen=True)
class Measurement:
    """A speed-up over Keras, with when and where it was measured.

    Attributes:
        machine: as `harness.benchmarks.rows.machine` has it.
    """

    speedup: Ratio
    created: str
    commit: str
    machine: Mapping[str, Any]


class BaselineMismatch(Mismatch):
    """A benchmark that was measured and does not stand up to the baseline.

    Attributes:
        status: of its row: "regressed", or "failed" when it could not be compared.
    """

    def __init__(self, difference: Difference, status: str) -> None:
        super().__init__([difference])
        self.status = status


def read(path: Path, machine: Mapping[str, Any]) -> Baseline:
    """Reads a results.json with benchmarks of this machine.

    Args:
        machine: `harness.benchmarks.rows.machine` of this run.

    Raises:
        UserError: it is missing, no results.json, holds no benchmarks that can be compared, or
            was measured on another machine.
    """
    rows = [row for row in _rows(path) if _is_ours(row)]
    try:
        found = measurements(rows)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"--baseline {path}: a benchmark in it is not as expected ({error!r}). {MAKE}"
        ) from error
    if not found:
        raise UserError(
            f"--baseline {path} holds no speed-up of the engine over Keras to compare with; an "
            f"earlier version of the grader may have written it. {MAKE}"
        )
    for row in rows:
        _check_machine(path, row, machine)
    commits = dict.fromkeys(one.commit for one in found.values() if one.commit)
    speedups = {key: one.speedup for key, one in found.items()}
    return Baseline(path.name, tuple(commits), speedups)


def measurements(rows: Iterable[Mapping[str, Any]]) -> dict[Key, Measurement]:
    """Returns what benchmarks say of the engine's speed, where they were measured.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: a row is none.
    """
    # It brings in Jinja: not before there is a baseline.
    from harness.system.json_readers import clean  # noqa: PLC0415

    found: dict[Key, Measurement] = {}
    for row in filter(_is_ours, rows):
        key = (clean(str(row["architecture"])), clean(str(row["task"])), int(row["batch_size"]))
        speedup = (row["speedup"] or {}).get(PEERS.get(key[1], ""))
        if speedup:
            found[key] = Measurement(
                _ratio(speedup),
                clean(str(row.get("created") or "")),
                clean(str(row.get("commit") or "")),
                dict(row.get("machine") or {}),
            )
    return found


def compare(baseline: Baseline, key: Key, row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns how the speed-up of an engine row changed, with the verdict, as plain data.

    Raises:
        BaselineMismatch: the row is not in the baseline, or has no speed-up to compare.
    """
    peer = PEERS[key[1]]
    before = baseline.speedups.get(key)
    found = (row["speedup"] or {}).get(peer)
    if before is None:
        raise BaselineMismatch(
            Difference(
                f"{describe(key)}, speed-up over {peer} in the baseline",
                "not in the baseline",
                "there, to compare with",
                baseline.source,
                "Compare with a results.json that has it, or make a new baseline: "
                "`pytest --benchmark-only` without --baseline.",
            ),
            "failed",
        )
    if found is None:
        raise BaselineMismatch(
            Difference(
                f"{describe(key)}, speed-up over {peer}", "not measured", before, baseline.source
            ),
            "failed",
        )
    changed = time_ratios.change(_ratio(found), before)
    return {
        **changed.to_json(),
        "peer": peer,
        "verdict": time_ratios.judge(changed),
        "baseline": baseline.source,
    }


def require_no_loss(baseline: Baseline, key: Key, row: Mapping[str, Any]) -> None:
    """Raises BaselineMismatch when the change in a row is a regression."""
    __tracebackhide__ = True
    found = row["change"]
    if found["verdict"] != "regressed":
        return
    peer, before = found["peer"], baseline.speedups[key]
    raise BaselineMismatch(
        Difference(
            f"{describe(key)}, speed-up over {peer}",
            f"{_ratio(row['speedup'][peer])} ({percent(found)})",
            f"at least {before.ratio * (1 - time_ratios.ALLOWED_LOSS):.3g}×: {before} less "
            f"{time_ratios.ALLOWED_LOSS:.0%}",
            baseline.source,
            "Find what made it slower since then; if it is meant, make a new baseline.",
        ),
        "regressed",
    )


def percent(change: Mapping[str, Any]) -> str:
    """Returns e.g. "-12 % [-14 %, -10 %]"."""
    middle, low, high = (change[name] - 1 for name in ("ratio", "low", "high"))
    return f"{middle:+.1%} [{low:+.1%}, {high:+.1%}]"


def _rows(path: Path) -> list[dict[str, Any]]:
    found = file.read(path, MAKE).get("benchmarks")
    listed = found if isinstance(found, list) else []
    rows = [row for row in listed if isinstance(row, dict) and "runner" in row]
    if not rows:
        raise UserError(f"--baseline {path} holds no benchmarks. {MAKE}")
    return rows


def _is_ours(row: Mapping[str, Any]) -> bool:
    return row.get("runner") == OURS and row.get("status") in USABLE


def _check_machine(path: Path, row: Mapping[str, Any], machine: Mapping[str, Any]) -> None:
    there = row.get("machine") or {}
    if not isinstance(there, Mapping):
        raise UserError(f"--baseline {path}: machine = {shown(there)}, but should be an object")
    if dict(there) == dict(machine):
        return
    different = [name for name in machine if there.get(name) != machine[name]]
    raise UserError(
        f"--baseline {path} was measured on another machine: "
        + "; ".join(
            f"{name} {shown(there.get(name))}, here {machine[name]!r}" for name in different
        )
        + ". Speed is comparable only where all of them are the same: measure a baseline here."
    )


def _ratio(document: Mapping[str, Any]) -> Ratio:
    ratio = Ratio(*(float(document[name]) for name in ("ratio", "low", "high")))
    if not 0 < ratio.low <= ratio.ratio <= ratio.high < float("inf"):
        raise ValueError(f"no ratio within its interval: {dict(document)}")
    return ratio
