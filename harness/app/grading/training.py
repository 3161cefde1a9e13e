"""Trains each subject once: a run for each seed, and the jobs that use these runs."""

from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any

from harness.app.grading import robustness
from harness.app.grading.options import Options
from harness.data import Dataset
from harness.evaluation.evidence.robustness import Reading
from harness.jobs import planning
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.kinds.evaluate import OwnAccuracy
from harness.jobs.kinds.verify import Verification
from harness.jobs.runner import Runs
from harness.jobs.store.record import Record
from harness.network import documented
from harness.network.cost import time_limit
from harness.network.recipe import Recipe, trained_images
from harness.submissions.opened import OpenedSubmission
from harness.submissions.recipe_adapter import scales_itself, trainable
from harness.submissions.subject import Subject
from harness.system.failure import BuildFailure
from harness.system.futures import fail, follow
from reference.calibration import Calibration

Found = OpenedSubmission | BuildFailure


@dataclass(frozen=True)
class Training:
    """The training of one subject, as futures.

    Attributes:
        runs: one for each seed.
        verification: of the first run.
        own: the accuracy of the weights that the network came with; None if it came with none.
        robustness: the predictions on corrupted images, one for each seed; empty if not requested.
    """

    runs: list[Future[Record]]
    verification: Future[Verification | BuildFailure] = field(default_factory=Future)
    own: Future[OwnAccuracy | None] = field(default_factory=Future)
    robustness: list[Future[Reading]] = field(default_factory=list)

    def fail(self, error: BaseException) -> None:
        """Fails all futures that have no result yet."""
        waiting: list[Future[Any]] = [
            *self.runs, self.verification, self.own, *self.robustness,
        ]  # fmt: skip
        fail(error, *waiting)


class Trainings:
    """Trains networks, each once, or takes their records from the store.

    Args:
        robustness: also run the graded networks on corrupted images.
        platform: of the machines that train; None for this machine's.
    """

    def __init__(
        self,
        options: Options,
        work: Runs,
        dataset: Dataset,
        calibration: Calibration,
        *,
        robustness: bool = False,
        platform: Mapping[str, object] | None = None,
    ) -> None:
        self._options = options
        self._work = work
        self._dataset = dataset
        self._calibration = calibration
        self._robustness = robustness
        self._platform = platform
        self._trainings: dict[str, Training] = {}
        self._lock = Lock()

    def of(self, subject: Subject, opened: Future[Found], *, examine: bool) -> Training:
        """Returns a subject's training, which begins once its network is opened.

        Args:
            examine: also verify the first run, evaluate the weights that the network came with,
                and run it on corrupted images; the first call for a subject decides.
        """
        with self._lock:
            known = self._trainings.get(subject.id)
            if known is not None:
                return known
            seeds = range(self._options.seeds)
            tested = seeds if examine and self._robustness else ()
            training = Training([Future() for _ in seeds], robustness=[Future() for _ in tested])
            self._trainings[subject.id] = training
        opened.add_done_callback(partial(self._on_opened, subject, training, examine))
        return training

    def cancel_robustness(self) -> None:
        """Cancels the requests for predictions on corrupted images."""
        with self._lock:
            trainings = list(self._trainings.values())
        for training in trainings:
            robustness.cancel(training.robustness)

    def _on_opened(
        self, subject: Subject, training: Training, examine: bool, opened: Future[Found]
    ) -> None:
        try:
            self._request(subject, training, opened.result(), examine)
        except (Exception, CancelledError) as error:  # noqa: BLE001  (its futures report it)
            training.fail(error)

    def _request(self, subject: Subject, training: Training, opened: Found, examine: bool) -> None:
        if isinstance(opened, BuildFailure):
            raise JobFailed("skipped", "there is no network to train: see the build check")
        options, data = self._options, self._dataset
        if examine:
            self._evaluate(opened, training.own)
        recipe, _ = recipe_of(opened, options, self._calibration)
        jobs = planning.jobs_for(
            opened.spec, recipe, data, options.seeds, opened.facts, self._platform
        )
        images = trained_images(recipe, len(data.train_labels))
        for job, run in zip(jobs, training.runs, strict=True):
            title = f"{subject.id} seed {job.seed}"
            limit = time_limit(job.spec.network, recipe, images, workers=options.workers)
            follow(self._work.train(job, title, planning.priority(job, images), limit), run)
        if examine:
            follow(self._work.verify(jobs[0], training.runs[0]), training.verification)
        requests = robustness.RobustnessRequests(self._work, len(data.test_labels), options.workers)
        for job, run, target in zip(jobs, training.runs, training.robustness, strict=False):
            requests.add(job, run, f"{subject.id} seed {job.seed}", target)

    def _evaluate(self, opened: OpenedSubmission, target: Future[OwnAccuracy | None]) -> None:
        """Evaluates the weights that a network came with on the test images."""
        if opened.weights_key is None:
            target.set_result(None)
            return
        recipe, _ = recipe_of(opened, self._options, self._calibration)
        job = planning.evaluation(
            opened.original, recipe, opened.weights_key, self._dataset, self._platform
        )
        own: Future[OwnAccuracy | None] = self._work.evaluate(job)  # type: ignore[assignment]
        follow(own, target)


def recipe_of(
    opened: OpenedSubmission, options: Options, calibration: Calibration
) -> tuple[Recipe, tuple[str, ...]]:
    """Returns a network's recipe, and notes on the parts of its author's recipe that it lacks."""
    recipe = documented.recipe_for(opened.facts, options.recipe, calibration)
    if options.train_with == "document" or opened.recipe is None:
        return recipe, ()
    return trainable(
        opened.recipe,
        recipe,
        scales_itself=scales_itself(opened.original, opened.spec),
        calibrated=not calibration.documented,
    )
