"""A study as an experiment: trains its trials as ordinary jobs and measures each."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from harness.experiments import study_trials
from harness.experiments.context import ExperimentContext, Kind, Outcome
from harness.experiments.study_summary import Repeat, documented_claim, summarise
from harness.experiments.study_trials import Problem, Trial
from harness.jobs import planning
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.kinds.evaluate import EVALUATION, read_counts
from harness.jobs.store.record import Record
from harness.network.cost import EVALUATION_LIMIT
from reference.errors import UserError
from reference.study_format import Measuring, Study, Variant

_MNIST = "mnist"


@dataclass(frozen=True)
class StudyExperiment:
    """An `Experiment` of kind "study".

    Attributes:
        users: whether the user declared it, for the data set of the session. Otherwise it is one
            of the documents', for MNIST, and is made smaller to fit a smaller data set.
    """

    study: Study
    users: bool = False
    kind: Kind = "study"

    @property
    def id(self) -> str:
        return self.study.id

    @property
    def architecture(self) -> str:
        return self.study.architecture

    @property
    def title(self) -> str:
        return self.study.title

    @property
    def question(self) -> str:
        return self.study.question

    @property
    def source(self) -> str:
        return self.study.source

    def run(self, context: ExperimentContext) -> Outcome:
        """Trains all trials, or takes them from the store; see `Experiment.run`.

        A variant that fails is left out and becomes a problem; the others are compared.
        """
        study, dataset = self.study, context.dataset
        if study.repeats == "seeds" and study.count is None:
            study = replace(study, count=context.seeds)
        facts = context.facts(study.architecture)
        missing = Missing(context)
        trials = study_trials.expand(
            study,
            context.spec,
            context.recipe(study.architecture),
            len(dataset.train_labels),
            stand_in=not self.users and dataset.name != _MNIST,
            refused=missing.note,
        )
        training, finished = [], []
        # All are started before the first is waited for, so that they are trained in parallel.
        for trial in trials:
            with missing.left_out(study, trial.variant):
                training.append((trial, _train(study, trial, context)))
        for trial, futures in training:
            with missing.left_out(study, trial.variant):
                records = [context.wait(future) for future in futures]
                finished.append((trial, [_measured(trial, record, context) for record in records]))
        if not finished:
            missing.raise_first()
        claim = documented_claim(study.claim, facts.claims) if dataset.name == _MNIST else None
        found = [trial for trial, _ in finished], [repeats for _, repeats in finished]
        return Outcome(summarise(study, *found, claim), missing.problems())


class Missing:
    """Collects the variants of a study that failed; raises if the session's end is the cause."""

    def __init__(self, context: ExperimentContext) -> None:
        self._context = context
        self._found: list[tuple[Study, Variant, Problem]] = []

    def note(self, study: Study, variant: Variant, problem: Problem) -> None:
        """Leaves a variant out.

        Raises:
            JobFailed: the session has ended.
        """
        if self._context.ended and isinstance(problem, JobFailed):
            raise JobFailed("skipped", "the session has ended") from problem
        self._found.append((study, variant, problem))

    @contextmanager
    def left_out(self, study: Study, variant: Variant) -> Iterator[None]:
        """Leaves a variant out if the body fails."""
        try:
            yield
        except (JobFailed, UserError) as problem:
            self.note(study, variant, problem)

    def raise_first(self) -> NoReturn:
        """Raises the first problem, for a study without any trial left."""
        study_trials.refuse(*self._found[0])

    def problems(self) -> tuple[str, ...]:
        """Returns a sentence for each problem, with the variants that it leaves out."""
        names: dict[str, list[str]] = {}
        for _, variant, problem in self._found:
            names.setdefault(str(problem), []).append(f'"{variant.name}"')
        return tuple(f"Left out: {', '.join(each)}: {why}" for why, each in names.items())


def _train(study: Study, trial: Trial, context: ExperimentContext) -> list[Future[Record]]:
    images = len(context.dataset.train_labels)
    kind = study.repeats.removesuffix("s")
    return [
        context.train(
            trial.spec,
            study_trials.repeat(study, trial.recipe, number, images),
            number,
            f"{study.architecture} {study.id}, {trial.variant.name}, {kind} {number}",
        )
        for number in range(study.count or 1)
    ]


def _measured(trial: Trial, record: Record, context: ExperimentContext) -> Repeat:
    pixel_max = trial.measuring.pixel_max
    if pixel_max is None:
        return measure(trial.measuring, record, context.dataset.test_labels)
    job = planning.evaluation(
        trial.spec, trial.recipe, record.key, context.dataset, context.platform
    )
    job = replace(job, scales=(pixel_max,))
    title = f"{trial.variant.name}, pixels divided by {pixel_max:g}"
    folder = context.wait(context.do(job, title, 0.0, EVALUATION_LIMIT))
    correct, tested = read_counts(folder / EVALUATION)
    return Repeat(record, correct[0] / tested, tested)


def measure(measuring: Measuring, record: Record, test_labels: np.ndarray) -> Repeat:
    """Measures a record with the pixels that it was trained on.

    Args:
        test_labels: uint8, (M,).
    """
    tested = int(record.document["test_images"])
    if measuring.measure == "equal_outputs":
        one_hot = np.eye(record.predictions.shape[1], dtype=np.float32)[test_labels]
        return Repeat(record, float(np.mean(record.predictions == one_hot)), tested)
    if measuring.measure == "test_accuracy":
        return Repeat(record, record.document["test_correct"] / tested, tested)
    epoch = -1 if measuring.after is None else measuring.after - 1
    images = int(record.recipe["validation_images"])
    return Repeat(record, record.history["val_accuracy"][epoch], images)
