"""One grading session: everything that the checks ask for, computed once, in the background.

The checks run in pytest's own process and wait here for specs, records and verifications; the
work is done by the sandbox and by worker processes, all of it scheduled before the first check.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from harness import plan, record
from harness import spec as specs
from harness.canonical import digest
from harness.data import DataRequest, Dataset, load, publish
from harness.environment import describe, numeric_platform
from harness.extract.client import BuildFailure, Extractor
from harness.folders import prepare
from harness.jobs import ENGINE_VERSION, TrainJob
from harness.options import Options
from harness.progress import Progress
from harness.record import Record
from harness.sandbox import strongest
from harness.scheduler import JobFailed, Scheduler
from harness.spec import Spec
from harness.store import Store
from harness.subjects import Subject
from harness.verify import Verification, Verifier, read_verification
from reference import calibration
from reference.errors import UserError
from reference.facts import Facts

if TYPE_CHECKING:
    from reference.calibration import Calibration

_T = TypeVar("_T")

# Raise it when the way a module is opened changes what comes out.
EXTRACT_VERSION = 1


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
        # Two threads: one opens modules, one follows up finished jobs.
        self._opening = ThreadPoolExecutor(1, "opening")
        self._verifying = ThreadPoolExecutor(1, "verifying")
        self._specs: dict[str, Future[Spec | BuildFailure]] = {}
        self._runs: dict[str, list[Future[Record]]] = {}
        self._verifications: dict[str, Future[Verification | BuildFailure]] = {}
        self._dataset: Dataset | None = None
        self.calibration: Calibration | None = None

    # What the checks ask for ----------------------------------------------------------------

    @property
    def trains(self) -> bool:
        """Whether networks are trained in this session."""
        return self._dataset is not None

    @property
    def dataset(self) -> Dataset:
        """The data set, once `start` has loaded it."""
        if self._dataset is None:
            raise RuntimeError("the session has not been started with training")
        return self._dataset

    def spec(self, subject: str) -> Spec | BuildFailure:
        """Waits for a subject's network."""
        return self.progress.wait(self._specs[subject])

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

    # The work -------------------------------------------------------------------------------

    def start(self, *, train: bool) -> None:
        """Begins all the work that the subjects need; returns once it is under way.

        Args:
            train: False when only specs are wanted; no data is needed then.

        Raises:
            UserError: the data cannot be had.
        """
        for subject in self.subjects.values():
            self._specs[subject.id] = self._opening.submit(self._open, subject, train=train)
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
        for executor in (self._opening, self._verifying):
            executor.shutdown(wait=False, cancel_futures=True)
        self._extractor.stop()
        self._verifier.stop()
        with self._scheduler_lock:
            if self._scheduler is not None:
                self._scheduler.stop()
        for executor in (self._opening, self._verifying):
            executor.shutdown(wait=True)

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
            self._specs[subject.id].add_done_callback(partial(self._on_spec, subject))

    def _on_spec(self, subject: Subject, opened: Future[Spec | BuildFailure]) -> None:
        """Turns a spec into records: from the store, or by a worker."""
        try:
            self._request_runs(subject, opened.result())
        except (Exception, CancelledError) as error:  # noqa: BLE001  (a check is waiting for it)
            waiting: list[Future[Any]] = [*self._runs[subject.id], self._verifications[subject.id]]
            for future in waiting:
                if not future.done():
                    future.set_exception(error)

    def _request_runs(self, subject: Subject, spec: Spec | BuildFailure) -> None:
        if isinstance(spec, BuildFailure):
            raise JobFailed("skipped", "there is no network to train: see the build check")
        runs = self._runs[subject.id]
        recipe = plan.recipe_for(
            self.facts[subject.architecture], self.options.recipe, self.calibration
        )
        jobs = plan.jobs_for(spec, recipe, self.dataset, self.options.seeds)
        for job, run in zip(jobs, runs, strict=True):
            self._obtain(subject, job, run)
        runs[0].add_done_callback(lambda f: self._verify(subject, jobs[0], f))

    def _obtain(self, subject: Subject, job: TrainJob, run: Future[Record]) -> None:
        folder = None if self.options.fresh else self._store.get(job.key)
        if folder is not None:
            run.set_result(record.read(folder, cached=True))
            return
        if self.options.fresh:
            self._store.discard(job.key)
        self.progress.expect(job.key, f"{subject.id} seed {job.seed}", job.recipe.epochs)
        train_images = len(self.dataset.train_labels) - job.recipe.validation_images
        done = self._workers().submit(job, plan.cost(job, train_images))
        done.add_done_callback(lambda f: self._on_trained(job, f, run))

    def _on_trained(self, job: TrainJob, done: Future[str], run: Future[Record]) -> None:
        error = done.exception()
        self.progress.finish(job.key, failed=error is not None)
        try:
            folder = self._store.get(done.result())
            if folder is None:
                raise JobFailed("grader_error", "the record vanished from the store")
            run.set_result(record.read(folder, cached=False))
        except (Exception, CancelledError) as problem:  # noqa: BLE001  (a check is waiting for it)
            run.set_exception(problem)

    def _verify(self, subject: Subject, job: TrainJob, run: Future[Record]) -> None:
        """Has another process reopen the files of a run and repeat its first steps."""
        target = self._verifications[subject.id]
        error = run.exception()
        if error is not None:
            target.set_exception(error)
            return
        future = self._verifying.submit(self._verified, job, run.result())
        future.add_done_callback(lambda f: _forward(f, target))

    def _verified(self, job: TrainJob, run: Record) -> Verification | BuildFailure:
        key = digest(
            {"kind": "verify", "record": job.key, "weights": run.document["weights_sha256"],
             "engine": ENGINE_VERSION}
        )  # fmt: skip
        folder = None if self.options.fresh else self._store.get(key)
        if folder is not None:
            stored = json.loads((folder / "verification.json").read_text(encoding="utf-8"))
            return read_verification(stored)
        found = self._verifier.verify(job, run.folder.absolute(), self._data_folder.absolute())
        if isinstance(found, Verification):
            self._store.discard(key)
            self._store.put(key, lambda folder: _write(folder / "verification.json", found))
        return found

    def _open(self, subject: Subject, *, train: bool) -> Spec | BuildFailure:
        """Returns a subject's network: as opened before, or opened in the sandbox now."""
        try:
            source = subject.source()
        except UserError as error:
            return BuildFailure("failed", str(error))
        name = str(subject.path)
        platform = numeric_platform()
        key = digest(
            {"kind": "spec", "extract": EXTRACT_VERSION, "name": name, "source": source,
             "keras": platform["keras"], "tensorflow": platform["tensorflow"]}
        )  # fmt: skip
        folder = None if self.options.fresh else self._store.get(key)
        if folder is not None:
            return specs.from_json(json.loads((folder / "spec.json").read_text(encoding="utf-8")))
        if train:
            # What was changed will have to be trained: the workers can import TensorFlow while
            # the sandbox imports Keras.
            self._workers()
        found = self._extractor.build(name, source)
        if isinstance(found, Spec):
            self._store.discard(key)
            self._store.put(key, lambda folder: _write(folder / "spec.json", found))
        return found

    def _workers(self) -> Scheduler:
        """Starts the workers when the first of them is needed."""
        with self._scheduler_lock:
            if self._scheduler is None:
                self._scheduler = Scheduler(
                    self.options.workers,
                    self._data_folder.absolute(),
                    self.options.store.absolute(),
                    self._logs,
                    self._on_event,
                )
            return self._scheduler

    def _on_event(self, job: TrainJob, event: Mapping[str, Any]) -> None:
        if event["event"] == "epoch":
            self.progress.update(job.key, event["epoch"], event["val_accuracy"])


def _write(path: Path, value: Spec | Verification) -> None:
    path.write_text(json.dumps(value.to_json(), sort_keys=True), encoding="utf-8")


def _forward(source: Future[_T], target: Future[_T]) -> None:
    error = source.exception() if not source.cancelled() else JobFailed("skipped", "interrupted")
    if error is not None:
        target.set_exception(error)
    else:
        target.set_result(source.result())
