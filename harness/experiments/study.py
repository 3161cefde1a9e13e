"""A study as an experiment: trains its trials as ordinary jobs and measures each."""

import json
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness import plan
from harness.cost import EVALUATION_LIMIT
from harness.experiments import study_trials
from harness.experiments.base import Kind, Outcome
from harness.experiments.study_summary import Repeat, documented_claim, summarise
from harness.experiments.study_trials import Trial
from harness.record import Record
from harness.worker import EVALUATION
from reference.study_format import Measuring, Study

if TYPE_CHECKING:
    from pathlib import Path

    from harness.experiments.lab import Lab

_MNIST = "mnist"


@dataclass(frozen=True)
class StudyExperiment:
    """An `Experiment` of kind "study"."""

    study: Study
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

    def run(self, lab: "Lab") -> Outcome:
        """Trains what has not been trained before; see `Experiment.run`."""
        study = self.study
        if study.repeats == "seeds" and study.count is None:
            study = replace(study, count=lab.seeds)
        facts = lab.facts(study.architecture)
        trials = study_trials.expand(
            study,
            lab.spec,
            lab.recipe(study.architecture),
            len(lab.dataset.train_labels),
            stand_in=lab.dataset.name != _MNIST,
        )
        # All are asked for before the first is waited for: they are trained side by side.
        training = [_train(study, trial, lab) for trial in trials]
        repeats = [
            [_measured(trial, lab.wait(future), lab) for future in futures]
            for trial, futures in zip(trials, training, strict=True)
        ]
        claim = documented_claim(study.claim, facts.claims) if lab.dataset.name == _MNIST else None
        return Outcome(summarise(study, trials, repeats, claim))


def _train(study: Study, trial: Trial, lab: "Lab") -> list[Future[Record]]:
    images = len(lab.dataset.train_labels)
    kind = study.repeats.removesuffix("s")
    return [
        lab.train(
            trial.spec,
            study_trials.repeat(study, trial.recipe, number, images),
            number,
            f"{study.architecture} {study.id}, {trial.variant.name}, {kind} {number}",
        )
        for number in range(study.count or 1)
    ]


def _measured(trial: Trial, record: Record, lab: "Lab") -> Repeat:
    measuring = trial.measuring
    if measuring.pixel_max is not None:
        return _on_other_pixels(trial, measuring.pixel_max, record, lab)
    return measure(measuring, record, lab.dataset.test_labels)


def measure(measuring: Measuring, record: Record, test_labels: np.ndarray) -> Repeat:
    """Returns what a record says of what is measured, unless that needs other pixels.

    Args:
        test_labels: uint8, (M,).
    """
    tested = int(record.document["test_images"])
    if measuring.measure == "equal_outputs":
        one_hot = np.eye(record.predictions.shape[1], dtype=np.float32)[test_labels]
        return Repeat(record, float(np.mean(record.predictions == one_hot)), tested)
    if measuring.measure == "test_accuracy":
        return Repeat(record, record.document["test_correct"] / tested, tested)
    place = -1 if measuring.after is None else measuring.after - 1
    held_out = int(record.recipe["validation_images"])
    return Repeat(record, record.history["val_accuracy"][place], held_out)


def _on_other_pixels(trial: Trial, pixel_max: float, record: Record, lab: "Lab") -> Repeat:
    job = plan.evaluation(trial.spec, trial.recipe, record.key, lab.dataset)
    job = replace(job, scales=(pixel_max,))
    title = f"{trial.variant.name}, pixels divided by {pixel_max:g}"
    folder: Path = lab.wait(lab.do(job, title, 0.0, EVALUATION_LIMIT))
    document = json.loads((folder / EVALUATION).read_text(encoding="utf-8"))
    tested = int(document["test_images"])
    return Repeat(record, document["correct"][0] / tested, tested)
