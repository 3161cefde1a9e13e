"""What is trained for a subject: one run for each seed, and what is found out beside them."""

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
from harness.network.recipe import Recipe
from harness.submissions.opened import OpenedSubmission
from harness.submissions.recipe_adapter import scales_itself, trainable
from harness.submissions.subject import Subject
from harness.system.failure import BuildFailure
from harness.system.futures import fail, follow
from reference.calibration import Calibration

Found = OpenedSubmission | BuildFailure


@dataclass(frozen=True)
class Training:
    """What comes of one subject.

    Attributes:
        runs: one for each seed.
        verification: of the first of them.
        own: what the weights that came with it read; None when none came.
        altered: what the runs' networks read of altered images, one for each seed; none where
            nobody wants to know.
    """

    runs: list[Future[Record]]
    verification: Future[Verification | BuildFailure] = field(default_factory=Future)
    own: Future[OwnAccuracy | None] = field(default_factory=Future)
    altered: list[Future[Reading]] = field(default_factory=list)

    def fail(self, error: BaseException) -> None:
        """Gives an error to everything that is not there yet."""
        waiting: list[Future[Any]] = [
            *self.runs, self.verification, self.own, *self.altered,
        ]  # fmt: skip
        fail(error, *waiting)


class Trainings:
    """RunOnce networks into records: from the store, or by a worker; each subject's once.

    Args:
        alter: also have the graded networks read altered images.
        platform: of the machines that train; None for this one's.
    """

    def __init__(
        self,
        options: Options,
        work: Runs,
        dataset: Dataset,
        calibration: Calibration,
        *,
        alter: bool = False,
        platform: Mapping[str, Any] | None = None,
    ) -> None:
        self._options = options
        self._work = work
        self._dataset = dataset
        self._calibration = calibration
        self._alter = alter
        self._platform = platform
        self._trainings: dict[str, Training] = {}
        self._lock = Lock()

    def of(self, subject: Subject, opened: Future[Found], *, examine: bool) -> Training:
        """Returns a subject's training; it begins when its network is there.

        Args:
            examine: also verify the first run, try the weights that came with the network, and
                have altered images read; decided by who asks first.
        """
        with self._lock:
            known = self._trainings.get(subject.id)
            if known is not None:
                return known
            seeds = range(self._options.seeds)
            altered = seeds if examine and self._alter else ()
            training = Training([Future() for _ in seeds], altered=[Future() for _ in altered])
            self._trainings[subject.id] = training
        opened.add_done_callback(partial(self._on_opened, subject, training, examine))
        return training

    def give_up_altered(self) -> None:
        """Lets nobody wait for altered images to be read."""
        with self._lock:
            trainings = list(self._trainings.values())
        for training in trainings:
            robustness.give_up(training.altered)

    def _on_opened(
        self, subject: Subject, training: Training, examine: bool, opened: Future[Found]
    ) -> None:
        try:
            self._request(subject, training, opened.result(), examine)
        except (Exception, CancelledError) as error:  # noqa: BLE001  (a check is waiting for it)
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
        images = planning.trained_images(recipe, data)
        for job, run in zip(jobs, training.runs, strict=True):
            title = f"{subject.id} seed {job.seed}"
            limit = planning.time_limit(job, images, options.workers)
            follow(self._work.train(job, title, planning.cost(job, images), limit), run)
        if examine:
            follow(self._work.verify(jobs[0], training.runs[0]), training.verification)
        asker = robustness.Asker(self._work, len(data.test_labels), options.workers)
        for job, run, target in zip(jobs, training.runs, training.altered, strict=False):
            asker.ask(job, run, f"{subject.id} seed {job.seed}", target)

    def _evaluate(self, opened: OpenedSubmission, target: Future[OwnAccuracy | None]) -> None:
        """Has the test images read with the weights that came with a network."""
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
    """Returns what a network is trained by, and what of its author's recipe is not in it."""
    recipe = documented.recipe_for(opened.facts, options.recipe, calibration)
    if options.train_with == "document" or opened.recipe is None:
        return recipe, ()
    return trainable(
        opened.recipe,
        recipe,
        scales_itself=scales_itself(opened.original, opened.spec),
        calibrated=not calibration.documented,
    )
