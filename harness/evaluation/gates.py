"""The accuracy gate of a network: the document's on MNIST, elsewhere a measured minimum."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from harness.jobs.store.record import Record
from harness.statistics.gate import GateResult, judge_floor, judge_gate
from harness.statistics.intervals import tolerance_factor
from reference.calibration import Calibration, Floor
from reference.errors import UserError
from reference.facts import Facts


@dataclass(frozen=True)
class JudgedGate:
    """A gate's verdict, and where its threshold comes from."""

    gate: GateResult
    basis: str


def judge(runs: Sequence[Record], facts: Facts, calibration: Calibration) -> JudgedGate:
    """Returns the verdict on a network's runs, one for each seed.

    Raises:
        UserError: the data set's calibration has no floor for this network.
    """
    correct = [int(run.document["test_correct"]) for run in runs]
    total = int(runs[0].document["test_images"])
    if calibration.documented:
        return JudgedGate(judge_gate(correct, total, facts.gate), "documented gate")
    floor = for_runs(_floor(facts, calibration), len(runs))
    seeds = "seed" if floor.seeds == 1 else "seeds"
    basis = f"calibrated on {floor.seeds} {seeds}"
    if len(runs) > 1:
        basis += f", for the lowest of {len(runs)} runs"
    return JudgedGate(judge_floor(correct, total, floor.floor), basis)


def threshold(facts: Facts, calibration: Calibration) -> float:
    """Returns the accuracy that is asked of one run.

    Raises:
        UserError: the data set's calibration has no floor for this network.
    """
    return facts.gate if calibration.documented else _floor(facts, calibration).floor


def for_runs(floor: Floor, runs: int) -> Floor:
    """Returns the floor that so many runs all clear as surely as one clears the floor given.

    Each run has its chance to be below, so the floor of several is a little lower: written with
    four digits, as the floors of the calibrations are.
    """
    if runs == 1:
        return floor
    k = tolerance_factor(floor.seeds, runs)
    return replace(floor, floor=round(floor.mean - k * floor.deviation, 4), k=round(k, 3))


def _floor(facts: Facts, calibration: Calibration) -> Floor:
    floor = calibration.floors.get(facts.name)
    if floor is None:
        raise UserError(
            f"reference/calibrations/{calibration.dataset}.toml has no floor for {facts.name}; "
            f"measure it with: {calibration.command}"
        )
    return floor


def from_gate(gate: GateResult) -> Fraction:
    """Returns a gate's accuracy less its threshold, of the numbers as they are written.

    So 97.5 % is exactly half a percentage point below 98 %, which it is not in binary.
    """
    return Fraction(str(gate.accuracy)) - Fraction(str(gate.threshold))
