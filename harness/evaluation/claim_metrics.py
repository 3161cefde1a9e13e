"""What each metric of a claim is measured by: the network, its runs, or an experiment's result."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log
from statistics import median
from typing import Final, Literal, TypeVar

from harness.data.letters import unlike_documented
from harness.jobs.store.record import Record
from harness.network.spec import Spec
from harness.report.schema.experiments import (
    RESULTS,
    Experiment,
    Study,
    SummaryTable,
    Transfer,
    TransferRun,
    Twin,
    TwinRun,
)
from harness.statistics.intervals import Interval, mean_interval, repeats_interval
from harness.system.text import percent
from reference.facts import Facts
from reference.layers import Network, total_params, trainable_params

T = TypeVar("T")
R = TypeVar("R", Study, SummaryTable, Transfer, Twin)

CANNOT: Final = "cannot be tested"
MEASURED_BY: Final = "measured by: pytest checks/ --recipe=documented"

# With fewer repeats than the documented recipe's, a reader is told how many there were.
_USUAL_REPEATS: Final = 5


class CannotTestError(Exception):
    """Nothing that was measured can judge the claim; the message says why."""

    def __init__(self, reason: str, experiment: str | None = None) -> None:
        super().__init__(reason)
        self.experiment = experiment


@dataclass(frozen=True)
class Evidence:
    """All that a claim of one document can be held against."""

    facts: Facts
    spec: Spec | None
    runs: Sequence[Record]
    experiments: Sequence[Experiment]
    documented_data: bool

    @property
    def network(self) -> Network:
        if self.spec is None:
            raise CannotTestError("the network was not built")
        return self.spec.network

    def documented_runs(self) -> Sequence[Record]:
        """Returns the runs on MNIST."""
        self._need_mnist()
        if not self.runs:
            raise CannotTestError("the network was not trained")
        return self.runs

    def result(
        self, model: type[R], id_: str | None = None, *, mnist: bool = True
    ) -> tuple[str, R]:
        """Returns id and result of the experiment of this kind, and with this id if one is given.

        Raises:
            CannotTestError: it was not run, did not finish, or found a problem with itself.
        """
        if mnist:
            self._need_mnist()
        row = next(
            (
                row
                for row in self.experiments
                if RESULTS.get(row.kind) is model and id_ in (None, row.id)
            ),
            None,
        )
        if row is None:
            raise CannotTestError(MEASURED_BY)
        if row.status != "done" or not isinstance(row.result, model):
            raise CannotTestError(row.reason or "the experiment was not finished", row.id)
        # The claim about a table is about its cells that differ; any other problem that an
        # experiment finds with itself makes its numbers meaningless.
        if row.problems and model is not SummaryTable:
            raise CannotTestError("; ".join(row.problems), row.id)
        return row.id, row.result

    def _need_mnist(self) -> None:
        if not self.documented_data:
            raise CannotTestError("this run did not use MNIST")


@dataclass(frozen=True)
class Measured:
    """What was measured for one claim.

    Attributes:
        value: an accuracy as a fraction, or a count; None where it is neither.
        interval: 95 %, of the same unit; None for what is counted exactly.
        count: number of repeats.
        repeats: what was repeated.
        note: what a reader should know beside the figure.
        experiment: id of the experiment that measured it.
        verdict: where it does not follow from the value and the interval.
    """

    value: float | None = None
    interval: Interval | None = None
    count: int | None = None
    repeats: Literal["seeds", "folds"] | None = None
    note: str | None = None
    experiment: str | None = None
    verdict: str | None = None


# The network ------------------------------------------------------------------------------------


def _total(evidence: Evidence) -> Measured:
    return Measured(value=float(total_params(evidence.network)))


def _trainable(evidence: Evidence) -> Measured:
    return Measured(value=float(trainable_params(evidence.network)))


def _non_trainable(evidence: Evidence) -> Measured:
    network = evidence.network
    return Measured(value=float(total_params(network) - trainable_params(network)))


def _summary_cells(evidence: Evidence) -> Measured:
    name, result = evidence.result(SummaryTable, mnist=False)
    # A cell that the document does not have takes back one that it has.
    extra = sum(1 for cell in result.cells if not cell.expected)
    equal = sum(1 for cell in result.cells if cell.equal)
    return Measured(value=float(equal - extra), experiment=name)


# Its runs by the document's recipe --------------------------------------------------------------


def _test_accuracy(evidence: Evidence) -> Measured:
    runs = evidence.documented_runs()
    counts = [(run.document["test_correct"], run.document["test_images"]) for run in runs]
    return _of_runs(counts, runs)


def _validation_accuracy(evidence: Evidence) -> Measured:
    runs = evidence.documented_runs()
    images = [int(run.recipe["validation_images"]) for run in runs]
    counts = [
        (round(run.history["val_accuracy"][-1] * total), total)
        for run, total in zip(runs, images, strict=True)
    ]
    return _of_runs(counts, runs)


def _of_runs(counts: Sequence[tuple[int, int]], runs: Sequence[Record]) -> Measured:
    """Runs that stopped at their gate show an accuracy, but say nothing of a whole training."""
    epochs = sorted({len(run.history["loss"]) for run in runs})
    documented = int(runs[0].recipe["epochs"])
    measured = _accuracy(counts)
    if epochs[0] >= documented:
        return measured
    some = f"{epochs[0]} to {epochs[-1]}" if len(epochs) > 1 else str(epochs[0])
    stopped = f"training stopped after {some} of {documented} epochs; {MEASURED_BY}"
    return replace(measured, verdict=CANNOT, note=stopped)


# Experiments ------------------------------------------------------------------------------------


def _cross_validation(evidence: Evidence) -> Measured:
    name, result = evidence.result(Study, "cross_validation")
    counts = [
        (round(_known(run.accuracy) * _known(run.images)), _known(run.images))
        for run in result.variants[0].runs
    ]
    return _accuracy(counts, repeats="folds", experiment=name)


def _transfer(evidence: Evidence) -> Measured:
    name, result = _letters(evidence)
    # Its interval is over the letters, and not over the seeds as that of the claimed figure.
    lower, upper = _known(result.left_out_interval)
    note = (
        "on the letters that it was trained on, as in the document; on letters left out of "
        f"training: {percent(result.left_out_mean, 1)} [{percent(lower, 1)}, {percent(upper, 1)}]"
    )
    return _accuracy(_counts(result.runs), note=note, experiment=name)


def _transfer_best(evidence: Evidence) -> Measured:
    name, result = _letters(evidence)
    counts = [
        (round(max(map(_known, run.history.accuracy)) * _known(run.images)), _known(run.images))
        for run in result.runs
    ]
    all_right = sum(1 for correct, images in counts if correct == images)
    note = (
        f"{all_right} of {len(counts)} seeds had every letter right "
        f"at some point in {result.epochs} epochs"
    )
    # The claim is about these very letters: where every seed read them all, no interval, which
    # speaks of other letters, leaves open that they stop short of it.
    verdict = "not reproduced" if all_right == len(counts) else None
    return replace(_accuracy(counts, note=note, experiment=name), verdict=verdict)


def _letters(evidence: Evidence) -> tuple[str, Transfer]:
    name, result = evidence.result(Transfer)
    counts = unlike_documented(picture.label for picture in result.letters.pictures)
    if result.letters.source == "drawn":
        other = "letters drawn for this suite stood in for the course's, which GREEK_DIR names"
    elif counts is not None:
        other = f"the course's letters are nine of each class, and those of GREEK_DIR are {counts}"
    else:
        return name, result
    accuracy = _mean(_counts(result.runs))
    raise CannotTestError(f"{other}; on those the accuracy is {100 * accuracy:.1f} %", name)


def _numpy(evidence: Evidence) -> Measured:
    name, result = evidence.result(Twin)
    return _accuracy(_counts(result.runs), experiment=name)


def _training_speed(evidence: Evidence) -> Measured:
    """Compares NumPy's time with that of `model.fit`, which is what the document's author ran.

    Both are medians over epochs, so that what the first one does once counts on neither side.
    """
    name, result = evidence.result(Twin)
    speed = _known(result.speed)
    with_fit, with_engine = _known(speed.fit_images_per_s), _known(speed.engine_images_per_s)
    epoch_with_fit = _known(speed.train_images) / with_fit
    times = [_epoch_time(run, _known(result.epochs)) for run in result.runs]
    logs = [log(time / epoch_with_fit) for time in times]
    if len(logs) < 2:
        raise CannotTestError("times of a single run tell nothing; two seeds are needed", name)
    centre = exp(sum(logs) / len(logs))
    lower, upper = (exp(end) for end in mean_interval(logs))
    engine = with_fit / with_engine
    return Measured(
        count=len(logs),
        repeats="seeds",
        note=(
            f"an epoch with NumPy takes {centre:.2f} times as long as with Keras's model.fit, 95 % "
            f"interval {lower:.2f} to {upper:.2f}{_open(lower, upper)}, each on one thread; "
            "Keras's layers in this "
            f"suite's own loop take {engine:.2f} times as long as model.fit"
        ),
        experiment=name,
        verdict="holds" if lower > 1 else "not reproduced" if upper < 1 else CANNOT,
    )


def _epoch_time(run: TwinRun, epochs: int) -> float:
    """Returns the median seconds of an epoch; their mean where only the sum is known."""
    times = [_known(time) for time in run.history.epoch_time_s]
    return median(times) if times else _known(run.train_time_s) / epochs


def _known(value: T | None) -> T:
    if value is None:
        raise CannotTestError("a number of the experiment is not known")
    return value


def _counts(runs: Sequence[TransferRun] | Sequence[TwinRun]) -> list[tuple[int, int]]:
    """Returns how many images each run classified correctly, and of how many."""
    return [(_known(run.correct), _known(run.images)) for run in runs]


def _open(lower: float, upper: float) -> str:
    return ", so which of them is faster cannot be told" if lower <= 1 <= upper else ""


def _accuracy(
    counts: Sequence[tuple[int, int]],
    *,
    repeats: Literal["seeds", "folds"] = "seeds",
    note: str | None = None,
    experiment: str | None = None,
) -> Measured:
    count = len(counts)
    few = f"{count} {repeats if count > 1 else repeats[:-1]}" if count < _USUAL_REPEATS else None
    return Measured(
        value=_mean(counts),
        interval=repeats_interval(counts, same_images=repeats == "seeds"),
        count=count,
        repeats=repeats,
        note="; ".join(part for part in (note, few) if part) or None,
        experiment=experiment,
    )


def _mean(counts: Sequence[tuple[int, int]]) -> float:
    return sum(correct / images for correct, images in counts) / len(counts)


def _picture(_evidence: Evidence) -> Measured:
    raise CannotTestError("nothing measures a picture")


MEASURES: Final[Mapping[str, Callable[[Evidence], Measured]]] = {
    "test_accuracy": _test_accuracy,
    "validation_accuracy": _validation_accuracy,
    "total_params": _total,
    "trainable_params": _trainable,
    "non_trainable_params": _non_trainable,
    "summary_cells": _summary_cells,
    "cross_validation_accuracy": _cross_validation,
    "transfer_accuracy": _transfer,
    "transfer_best_accuracy": _transfer_best,
    "numpy_accuracy": _numpy,
    "training_speed": _training_speed,
    "picture": _picture,
}
