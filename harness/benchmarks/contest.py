"""An interleaved contest: in every round each runner does the same work once.

Runners are child processes. Each may compute on one thread or on all cores; a short trial
decides which of the two is faster for it.
"""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

import numpy as np

from harness.benchmarks.workload import Workload, to_json
from harness.evaluation.baseline.benchmarks import OURS
from harness.system.processes.json_process import ProcessDied, ProcessTimeout

NO_TENSORFLOW = "pytorch"  # the program that is not asked for what TensorFlow knows
WARMUP_ROUNDS = 3
ROUNDS = 20
TRIAL_ROUNDS = 3  # the first of them warms up
# Outputs are probabilities; float32 sums in another order differ by about 1e-7.
AGREEMENT = 1e-5
ANSWER_S = 300.0  # far beyond any preparation; a runner that is silent for so long hangs


class Child(Protocol):
    """What a contest needs of a `harness.system.processes.json_process.JsonProcess`."""

    def send(self, document: Mapping[str, Any]) -> None: ...
    def receive(self, deadline: float | None = None) -> Any: ...
    def stop(self) -> None: ...


# (program, threads) to a runner process; a program is "engine", "keras" or "pytorch".
Start = Callable[[str, int], Child]


@dataclass(frozen=True)
class Timing:
    """What one runner took.

    Attributes:
        steps: of one round; `times` are of whole rounds.
        times: seconds, in the order of the rounds.
        first_call_s: the run that traced and compiled, which no round includes.
        matmul_flops_per_s: the machine's rate on as many threads, measured once in each round
            like everything else, median; 0 when it could not be measured.
    """

    runner: str
    threads: int
    steps: int
    times: tuple[float, ...]
    first_call_s: float
    matmul_flops_per_s: float

    @property
    def step_times(self) -> tuple[float, ...]:
        """Seconds for one step, or for one call, in each round."""
        return tuple(seconds / self.steps for seconds in self.times)


@dataclass(frozen=True)
class Absent:
    """A runner that was not timed.

    Attributes:
        status: "unavailable" when its software is not installed, else "failed".
    """

    status: str
    reason: str


@dataclass(frozen=True)
class Contest:
    """What came of a contest; each runner is in one of the two mappings.

    Attributes:
        disagreement: how the runners' outputs differ, "" when they agree; the times then
            compare nothing.
    """

    timings: Mapping[str, Timing]
    absent: Mapping[str, Absent]
    device: str
    disagreement: str = ""


class _Lost(Exception):
    """A runner gave no usable answer; carries why."""

    def __init__(self, absent: Absent) -> None:
        super().__init__(absent.reason)
        self.absent = absent


class Pool:
    """Runner processes, each started when it is first asked for; `stop` ends them all."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._children: dict[tuple[str, int], Child] = {}

    def child(self, runner: str, threads: int) -> Child:
        """Returns the process that this runner computes in; Keras's runners share one."""
        key = (runner.split(maxsplit=1)[0], threads)
        if key not in self._children:
            self._children[key] = self._start(*key)
        return self._children[key]

    def drop(self, runner: str) -> None:
        """Ends the processes of a runner that failed; the next one to ask gets fresh ones."""
        for key in [key for key in self._children if key[0] == runner.split(maxsplit=1)[0]]:
            self._children.pop(key).stop()

    def stop(self) -> None:
        """Ends the processes; the pool may be used again."""
        for child in self._children.values():
            child.stop()
        self._children.clear()


@dataclass(frozen=True)
class _Entry:
    """One runner on so many threads, ready.

    Attributes:
        name: of its task, in its process.
        outputs: predictions, (batch_size, 10), or None.
    """

    runner: str
    threads: int
    name: str
    steps: int
    first_call_s: float
    outputs: Any

    @property
    def key(self) -> tuple[str, int]:
        return self.runner, self.threads


_Times = Mapping[tuple[str, int], Sequence[float]]


def hold(orders: Sequence[Workload], pool: Pool, cores: int) -> Contest:
    """Holds a contest; returns once every runner is timed or given up.

    Args:
        orders: one for each runner, all of the same network, task and batch size.
        cores: the most threads that anybody may compute on.
    """
    choices = sorted({1, cores})
    device = _load(pool, [order.runner for order in orders], choices)
    absent: dict[str, Absent] = {}
    entries: list[_Entry] = []
    for order in orders:
        try:
            entries += [_prepare(pool, order, threads) for threads in choices]
        except _Lost as lost:
            absent[order.runner] = lost.absent
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
        if reason.status == "failed":  # dead, or about to answer what nobody asks any more
            pool.drop(runner)
    return Contest(timings, absent, device)


def turns(count: int, number: int) -> list[int]:
    """Returns in which order `count` runners take their turns in a round.

    Each round begins one further on, and every other cycle runs backwards, so that nobody always
    comes first, or after the same one.
    """
    order = [(number + i) % count for i in range(count)]
    return order[::-1] if number // count % 2 else order


def _load(pool: Pool, runners: Sequence[str], choices: Sequence[int]) -> str:
    """Has all processes load TensorFlow at the same time; returns the device that they see."""
    children = [
        pool.child(runner, threads)
        for runner in dict.fromkeys(name.split()[0] for name in (OURS, *runners))
        for threads in choices
        if runner != NO_TENSORFLOW
    ]
    names = []
    with contextlib.suppress(ProcessDied):  # who asks it next finds out, and says so
        for child in children:
            child.send({"device": True})
    for child in children:
        with contextlib.suppress(ProcessDied, ProcessTimeout):
            names.append(str(child.receive(time.monotonic() + ANSWER_S).get("name", "")))
    return next(iter(names), "")


def _prepare(pool: Pool, order: Workload, threads: int) -> _Entry:
    name = f"{order.task} {order.batch_size} {order.runner} {order.spec.digest}"
    answer = _ask(pool.child(order.runner, threads), {"prepare": name, **to_json(order)}, "ready")
    return _Entry(
        runner=order.runner,
        threads=threads,
        name=name,
        steps=answer["steps"],
        first_call_s=answer["first_call_s"],
        outputs=answer.get("outputs"),
    )


def _ask(child: Child, request: Mapping[str, Any], event: str) -> Mapping[str, Any]:
    """Returns the answer to a request, which should be `event`; raises _Lost."""
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
    """Says whose outputs differ from the first runner's, and by how much; "" when nobody's do."""
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
    """Returns each runner on the number of threads on which it was faster in the trial."""
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
    """Returns the seconds that each entry took in each round; a runner that fails drops out.

    Args:
        absent: who failed is entered here.
        rates: by number of threads; the machine's rate in each round is appended.
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
    """Returns the machine's rate on so many threads, in FLOP/s; 0 when it cannot be had."""
    try:
        answer = _ask(pool.child(OURS, threads), {"matmul": True}, "matmul")
    except _Lost:
        return 0.0
    return float(answer["flops_per_s"])
