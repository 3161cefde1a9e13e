"""An interleaved comparison, a contest: in every round each runner does the same work once.

Runners are child processes. Each computes on one thread or on all cores; a short trial decides
which of the two is faster for it.
"""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

import numpy as np

from harness.benchmarks.workload import Workload
from harness.evaluation.baseline.benchmarks import OURS
from harness.system.processes.json_process import ProcessDied, ProcessTimeout

NO_TENSORFLOW = "pytorch"  # the program without TensorFlow
WARMUP_ROUNDS = 3
ROUNDS = 20
TRIAL_ROUNDS = 3  # the first of them warms up
# Outputs are probabilities; float32 sums in another order differ by about 1e-7.
AGREEMENT = 1e-5
ANSWER_S = 300.0  # far beyond any preparation; a runner that is silent this long hangs


class Child(Protocol):
    """The part of `harness.system.processes.json_process.JsonProcess` that a contest uses."""

    def send(self, document: Mapping[str, object]) -> None: ...
    def receive(self, deadline: float | None = None) -> Any: ...
    def stop(self) -> None: ...


# Starts the runner process of a program ("engine", "keras" or "pytorch") on a number of threads.
Start = Callable[[str, int], Child]


@dataclass(frozen=True)
class Timing:
    """The times of one runner.

    Attributes:
        steps: number of steps in a round.
        times: seconds of each round, in order.
        first_call_s: the run before the rounds, which traced and compiled.
        matmul_flops_per_s: the matrix-multiply rate of the machine on this number of threads, the
            median of one measurement in each round; 0 if it could not be measured.
    """

    runner: str
    threads: int
    steps: int
    times: tuple[float, ...]
    first_call_s: float
    matmul_flops_per_s: float

    @property
    def step_times(self) -> tuple[float, ...]:
        """Seconds of one step, or of one call, in each round."""
        return tuple(seconds / self.steps for seconds in self.times)


@dataclass(frozen=True)
class Absent:
    """A runner that was not timed.

    Attributes:
        status: "unavailable" if its software is not installed, else "failed".
    """

    status: str
    reason: str


@dataclass(frozen=True)
class Contest:
    """The result of a contest; each runner is in one of the two mappings.

    Attributes:
        disagreement: how the outputs of the runners differ, so that times cannot be compared; ""
            if they agree.
    """

    timings: Mapping[str, Timing]
    absent: Mapping[str, Absent]
    device: str
    disagreement: str = ""


class _Lost(Exception):
    """A runner gave no usable answer."""

    def __init__(self, absent: Absent) -> None:
        super().__init__(absent.reason)
        self.absent = absent


class Pool:
    """Runner processes, each started at its first use; `stop` ends them all."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._children: dict[tuple[str, int], Child] = {}

    def child(self, runner: str, threads: int) -> Child:
        """Returns the process of a runner; Keras's runners share one."""
        key = (runner.split(maxsplit=1)[0], threads)
        if key not in self._children:
            self._children[key] = self._start(*key)
        return self._children[key]

    def drop(self, runner: str) -> None:
        """Ends the processes of a runner that failed; its next use starts fresh ones."""
        for key in [key for key in self._children if key[0] == runner.split(maxsplit=1)[0]]:
            self._children.pop(key).stop()

    def stop(self) -> None:
        """Ends the processes; the pool may be used again."""
        for child in self._children.values():
            child.stop()
        self._children.clear()


@dataclass(frozen=True)
class _Entry:
    """A runner that is ready, on a number of threads.

    Attributes:
        name: the name of its task in its process.
        outputs: predictions, (batch_size, 10); None for training.
    """

    runner: str
    threads: int
    name: str
    steps: int
    first_call_s: float
    outputs: Sequence[Sequence[float]] | None

    @property
    def key(self) -> tuple[str, int]:
        return self.runner, self.threads


_Times = Mapping[tuple[str, int], Sequence[float]]


def hold(workloads: Sequence[Workload], pool: Pool, cores: int) -> Contest:
    """Runs a contest; returns when every runner has been timed or has failed.

    Args:
        workloads: one for each runner, all of the same network, task and batch size.
        cores: the largest number of threads of a runner.
    """
    choices = sorted({1, cores})
    device = _load(pool, [workload.runner for workload in workloads], choices)
    absent: dict[str, Absent] = {}
    entries: list[_Entry] = []
    for workload in workloads:
        try:
            entries += [_prepare(pool, workload, threads) for threads in choices]
        except _Lost as lost:
            absent[workload.runner] = lost.absent
    entries = [entry for entry in entries if entry.runner not in absent]
    if disagreement := _disagreement(entries):
        return Contest({}, absent, device, disagreement)
    chosen = _faster(entries, _rounds(pool, entries, TRIAL_ROUNDS, absent, {}))
    rates: dict[int, list[float]] = {entry.threads: [] for entry in chosen}
    times = _rounds(pool, chosen, WARMUP_ROUNDS + ROUNDS, absent, rates)
    timings = {
        entry.runner: Timing(
            entry.runner,
            entry.threads,
            entry.steps,
            tuple(times[entry.key][WARMUP_ROUNDS:]),
            entry.first_call_s,
            median(rates[entry.threads][WARMUP_ROUNDS:]),
        )
        for entry in chosen
        if entry.runner not in absent
    }
    for runner, reason in absent.items():
        if reason.status == "failed":  # ended, or about to send an answer that is not awaited
            pool.drop(runner)
    return Contest(timings, absent, device)


def turns(count: int, number: int) -> list[int]:
    """Returns the order of `count` runners in a round.

    Each round begins one runner further on, and every other cycle runs backwards, so that no runner
    always comes first or always follows the same other one.
    """
    order = [(number + i) % count for i in range(count)]
    return order[::-1] if number // count % 2 else order


def _load(pool: Pool, runners: Sequence[str], choices: Sequence[int]) -> str:
    """Loads TensorFlow in all processes at the same time; returns the device that they see."""
    children = [
        pool.child(runner, threads)
        for runner in dict.fromkeys(name.split()[0] for name in (OURS, *runners))
        for threads in choices
        if runner != NO_TENSORFLOW
    ]
    names = []
    with contextlib.suppress(ProcessDied):  # its next request reports it
        for child in children:
            child.send({"device": True})
    for child in children:
        with contextlib.suppress(ProcessDied, ProcessTimeout):
            names.append(str(child.receive(time.monotonic() + ANSWER_S).get("name", "")))
    return next(iter(names), "")


def _prepare(pool: Pool, workload: Workload, threads: int) -> _Entry:
    name = f"{workload.task} {workload.batch_size} {workload.runner} {workload.spec.digest}"
    request = {"prepare": name, **workload.to_json()}
    answer = _ask(pool.child(workload.runner, threads), request, "ready")
    return _Entry(
        runner=workload.runner,
        threads=threads,
        name=name,
        steps=answer["steps"],
        first_call_s=answer["first_call_s"],
        outputs=answer.get("outputs"),
    )


def _ask(child: Child, request: Mapping[str, object], event: str) -> Mapping[str, Any]:
    """Returns the answer to a request; raises _Lost unless it is the event."""
    try:
        child.send(request)
        answer: Mapping[str, Any] = child.receive(time.monotonic() + ANSWER_S)
    except (ProcessDied, ProcessTimeout) as error:
        raise _Lost(Absent("failed", str(error))) from error
    if answer["event"] == event:
        return answer
    if answer["event"] == "unavailable":
        raise _Lost(Absent("unavailable", answer["reason"]))
    raise _Lost(Absent("failed", answer.get("message", f"answered {answer!r}")))


def _disagreement(entries: Sequence[_Entry]) -> str:
    """Returns which outputs differ from the first runner's, and by how much; "" if none do."""
    outputs = [(entry, np.asarray(entry.outputs)) for entry in entries if entry.outputs]
    lines = []
    for entry, found in outputs[1:]:
        first, expected = outputs[0]
        if found.shape != expected.shape:
            how = f"shapes {list(found.shape)} and {list(expected.shape)}"
        elif np.allclose(found, expected, rtol=0, atol=AGREEMENT):
            continue
        else:
            how = f"up to {np.abs(found - expected).max():.2g} apart"
        lines.append(
            f"predictions of {entry.runner} on {entry.threads} and of {first.runner} on "
            f"{first.threads} threads: {how}, but should be equal within {AGREEMENT:g}"
        )
    return "\n".join(lines)


def _faster(entries: Sequence[_Entry], trial: _Times) -> list[_Entry]:
    """Returns each runner with the number of threads that was faster in the trial."""
    best: dict[str, _Entry] = {}
    for entry in entries:
        rival = best.get(entry.runner)
        if entry.key in trial and (
            rival is None or median(trial[entry.key][1:]) < median(trial[rival.key][1:])
        ):
            best[entry.runner] = entry
    return list(best.values())


def _rounds(
    pool: Pool,
    entries: Sequence[_Entry],
    count: int,
    absent: dict[str, Absent],
    rates: Mapping[int, list[float]],
) -> _Times:
    """Returns the seconds of each entry in each round, without the runners that failed.

    Args:
        absent: gets the runners that fail.
        rates: gets the machine's rate in each round, by number of threads.
    """
    times: dict[tuple[str, int], list[float]] = {entry.key: [] for entry in entries}
    for number in range(count):
        for threads, found in rates.items():
            found.append(_matmul(pool, threads))
        for index in turns(len(entries), number):
            entry = entries[index]
            if entry.runner in absent:
                continue
            try:
                answer = _ask(pool.child(*entry.key), {"run": entry.name}, "ran")
            except _Lost as lost:
                absent[entry.runner] = lost.absent
            else:
                times[entry.key].append(answer["elapsed_s"])
    return {key: found for key, found in times.items() if key[0] not in absent}


def _matmul(pool: Pool, threads: int) -> float:
    """Returns the machine's rate on a number of threads, in FLOP/s; 0 if measuring it fails."""
    try:
        answer = _ask(pool.child(OURS, threads), {"matmul": True}, "matmul")
    except _Lost:
        return 0.0
    return float(answer["flops_per_s"])
