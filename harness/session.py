"""One grading session: everything that the checks ask for, computed once, in the background.

The checks run in pytest's own process and wait here for specs, records and verifications; the
work is done by the sandbox and by worker processes, all of it scheduled before the first check.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from harness import gates, plan
from harness.data import DataRequest, Dataset, load, publish
from harness.environment import describe
from harness.extract.client import BuildFailure, Extractor
from harness.folders import prepare
from harness.futures import fail, follow
from harness.jobs import Job, TrainJob
from harness.options import Options
from harness.progress import Progress
from harness.recipe import Recipe
from harness.record import Record
from harness.runs import Runs
from harness.sandbox import strongest
from harness.scheduler import JobFailed, Scheduler
from harness.store import Store
from harness.subjects import Subject
from harness.submitted.opened import Opened
from harness.submitted.opening import Opening
from harness.submitted.own_weights import OwnAccuracy
from harness.submitted.submitted_recipe import scales_itself, trainable
from harness.verify import Verification, Verifier
from reference import calibration
from reference.facts import Facts

if TYPE_CHECKING:
    from reference.calibration import Calibration


class Session:
    """Specs, records and verifications of the subjects, each a future.

    Args:
        subjects: what is graded.
        facts: by architecture.
        tell: shows a line to the user.

    Raises:
        UserError: the data cannot be had, or a folder cannot be used.
    """

    def __init__(
        self,
        options: Options,
        subjects: Iterable[Subject],
        facts: Mapping[str, Facts],
        tell: Callable[[str], None],
    ) -> None:
        self.options = options
        self.subjects = {subject.id: subject for subject in subjects}
        self.facts = facts
        self.progress = Progress(tell)
        self._tell = tell
        self._store = Store(options.store)
        self._logs = options.store / "logs"
        self._prepare_folders()
        isolation = strongest()
        self.environment = describe(options.workers, isolation.sentence)
        self._extractor = Extractor(isolation, self._logs / "sandbox.log")
        self._verifier = Verifier(
            lambda log: self._workers().fork(log), self._logs / "verifying.log"
        )
        self._scheduler: Scheduler | None = None
        self._scheduler_lock = Lock()
        self._opener = Opening(
            self._extractor, self._store, facts, fresh=options.fresh, before=self._warm_up
        )
        self._will_train = False
        self._stopped = False
        # As many as compute: each waits for a process of the sandbox.
        self._opening = ThreadPoolExecutor(options.workers, "opening")
        self._work = Runs(
            self._store,
            self._data_folder,
            self._workers,
            self._verifier,
            self.progress,
            fresh=options.fresh,
        )
        self._opened: dict[str, Future[Opened | BuildFailure]] = {}
        self._runs: dict[str, list[Future[Record]]] = {}
        self._verifications: dict[str, Future[Verification | BuildFailure]] = {}
        self._own: dict[str, Future[OwnAccuracy | None]] = {}
        self._dataset: Dataset | None = None
        self.calibration: Calibration | None = None

    # What the checks ask for ----------------------------------------------------------------

    @property
    def trains(self) -> bool:
        """Whether networks are trained in this session."""
        return self._dataset is not None

    def threshold(self, facts: Facts) -> float:
        """The accuracy that is asked of a network, on the data of this session."""
        return gates.threshold(facts, self.calibration)

    @property
    def dataset(self) -> Dataset:
        """The data set, once `start` has loaded it."""
        if self._dataset is None:
            raise RuntimeError("the session has not been started with training")
        return self._dataset

    def opened(self, subject: str) -> Opened | BuildFailure:
        """Waits for a subject's network."""
        return self.progress.wait(self._opened[subject])

    def recipe_of(self, subject: str) -> tuple[Recipe, tuple[str, ...]] | None:
        """Waits until it is known what a subject is trained by; None without a network.

        Beside the recipe are notes on what of its author's could not be followed.
        """
        found = self.opened(subject)
        return self._recipe(found) if isinstance(found, Opened) else None

    def facts_of(self, subject: str) -> Facts | None:
        """Waits until it is known what a subject is graded by; None when that cannot be told."""
        found = self.opened(subject)
        if isinstance(found, Opened):
            return found.facts
        architecture = self.subjects[subject].architecture
        return None if architecture is None else self.facts[architecture]

    def runs(self, subject: str) -> list[Record]:
        """Waits for a subject's records, one for each seed.

        Raises:
            JobFailed: a run gave no record.
        """
        return [self.progress.wait(future) for future in self._runs[subject]]

    def verification(self, subject: str) -> Verification | BuildFailure:
        """Waits for what another process made of the subject's first run.

        Raises:
            JobFailed: there is no such run.
        """
        return self.progress.wait(self._verifications[subject])

    def own_weights(self, subject: str) -> OwnAccuracy | None:
        """Waits for what the weights that came with a subject read; None when none came.

        Raises:
            JobFailed: that could not be found out.
        """
        return self.progress.wait(self._own[subject])

    # The work -------------------------------------------------------------------------------

    def start(self, *, train: bool) -> None:
        """Begins all the work that the subjects need; returns once it is under way.

        Args:
            train: False when only specs are wanted; no data is needed then.

        Raises:
            UserError: the data cannot be had.
        """
        self._will_train = train
        self.progress.expect_openings(len(self.subjects))
        for subject in self.subjects.values():
            opened = self._opening.submit(self._opener.open, subject)
            opened.add_done_callback(lambda _: self.progress.opened())
            self._opened[subject.id] = opened
        if not train:
            return
        request = DataRequest(
            self.options.dataset, self.options.mnist_dir, self.options.store / "data"
        )
        self._dataset = load(request, self._tell)
        if self._dataset.note:
            self._tell(self._dataset.note)
        publish(self._dataset, self._data_folder)
        self.calibration = calibration.load(self._dataset.name)
        self._schedule()

    def stop(self) -> None:
        """Ends every process; finished records stay in the store."""
        self._opening.shutdown(wait=False, cancel_futures=True)
        self._work.stop()
        self._extractor.stop()
        self._verifier.stop()
        with self._scheduler_lock:
            self._stopped = True
            if self._scheduler is not None:
                self._scheduler.stop()
        self._opening.shutdown(wait=True)
        self._work.wait()

    @property
    def _data_folder(self) -> Path:
        return self.options.store / "data"

    def _prepare_folders(self) -> None:
        for folder, option in (
            (self.options.report, "--report"),
            (self.options.store, "--store"),
        ):
            prepare(folder, option)

    def _schedule(self) -> None:
        """Submits the jobs of every subject, the longest first."""
        for subject in self.subjects.values():
            count = self.options.seeds
            self._runs[subject.id] = [Future() for _ in range(count)]
            self._verifications[subject.id] = Future()
            self._own[subject.id] = Future()
            self._opened[subject.id].add_done_callback(partial(self._on_opened, subject))

    def _on_opened(self, subject: Subject, opened: Future[Opened | BuildFailure]) -> None:
        """Turns a network into records: from the store, or by a worker."""
        try:
            self._request_runs(subject, opened.result())
        except (Exception, CancelledError) as error:  # noqa: BLE001  (a check is waiting for it)
            waiting: list[Future[Any]] = [
                *self._runs[subject.id], self._verifications[subject.id], self._own[subject.id]
            ]  # fmt: skip
            fail(error, *waiting)

    def _request_runs(self, subject: Subject, opened: Opened | BuildFailure) -> None:
        if isinstance(opened, BuildFailure):
            raise JobFailed("skipped", "there is no network to train: see the build check")
        self._request_evaluation(opened, self._own[subject.id])
        runs, (recipe, _) = self._runs[subject.id], self._recipe(opened)
        facts = opened.facts
        jobs = plan.jobs_for(opened.spec, recipe, self.dataset, self.options.seeds, facts)
        train_images = len(self.dataset.train_labels) - recipe.validation_images
        for job, run in zip(jobs, runs, strict=True):
            title = f"{subject.id} seed {job.seed}"
            cost = plan.cost(job, train_images)
            limit = plan.time_limit(job, train_images, self.options.workers)
            follow(self._work.train(job, title, cost, limit), run)
        follow(self._work.verify(jobs[0], runs[0]), self._verifications[subject.id])

    def _recipe(self, opened: Opened) -> tuple[Recipe, tuple[str, ...]]:
        """Returns what a network is trained by, and what of its author's recipe is not in it."""
        facts = opened.facts
        recipe = plan.recipe_for(facts, self.options.recipe, self.calibration)
        if self.options.train_with == "document" or opened.recipe is None:
            return recipe, ()
        return trainable(
            opened.recipe,
            recipe,
            scales_itself=scales_itself(opened.original, opened.spec),
            calibrated=self.calibration is not None,
        )

    def _request_evaluation(self, opened: Opened, target: Future[OwnAccuracy | None]) -> None:
        """Has the test images read with the weights that came with a network."""
        if opened.weights is None or opened.original is None:
            target.set_result(None)
            return
        key = self._work.keep_weights(opened.original, opened.weights)
        recipe, _ = self._recipe(opened)
        job = plan.evaluation(opened.original, recipe, key, self.dataset)
        own: Future[OwnAccuracy | None] = self._work.evaluate(job)  # type: ignore[assignment]
        follow(own, target)

    def _warm_up(self) -> None:
        """Lets the workers import TensorFlow while the sandbox imports Keras.

        What has not been opened before will have to be trained.
        """
        if self._will_train:
            self._workers()

    def _workers(self) -> Scheduler:
        """Starts the workers when the first of them is needed.

        Raises:
            JobFailed: the session has ended; nobody would end workers that start now.
        """
        with self._scheduler_lock:
            if self._stopped:
                raise JobFailed("skipped", "the session has ended")
            if self._scheduler is None:
                self._scheduler = Scheduler(
                    self.options.workers,
                    self._data_folder.absolute(),
                    self.options.store.absolute(),
                    self._logs,
                    self._on_event,
                )
            return self._scheduler

    def _on_event(self, job: Job, event: Mapping[str, Any]) -> None:
        if isinstance(job, TrainJob) and event["event"] == "epoch":
            self.progress.update(job.key, event["epoch"], event["val_accuracy"])
