"""Returns the results of jobs: from the store where they are, else from a worker, each once.

Submissions with the same network share its results, and so do runs that use the store at the same
time.
"""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.jobs.kinds import verify
from harness.jobs.kinds.base import ENGINE_VERSION, Job
from harness.jobs.kinds.errors import JobFailed, StoreFailed
from harness.jobs.kinds.evaluate import EVALUATION, EvaluateJob, OwnAccuracy, read_counts
from harness.jobs.kinds.train import TrainJob
from harness.jobs.kinds.verify import Verification
from harness.jobs.local.workers import Computing
from harness.jobs.progress import TRAINED, Progress
from harness.jobs.run_once import Request, RunOnce
from harness.jobs.store import record
from harness.jobs.store.maintenance import removed, trouble
from harness.jobs.store.record import Record
from harness.jobs.store.store import StoreError
from harness.network.cost import EVALUATION_LIMIT, TimeLimit
from harness.system.failure import BuildFailure
from harness.system.futures import Shared, fail, follow, then
from harness.system.hashing import digest


@dataclass(frozen=True)
class _Done:
    """A job's folder in the store; `cached` where this session did not compute it."""

    folder: Path
    cached: bool


@dataclass(frozen=True)
class _Task:
    """How a job is queued and shown; fields as of `Runs.do`.

    Attributes:
        shown: whether the progress display counts it; others are never computed again.
    """

    title: str
    priority: float
    limit: TimeLimit
    epochs: int
    verb: str = TRAINED
    shown: bool = True


class Runs:
    """Runs jobs and keeps their results.

    Args:
        run_once: the store, and which run computes what it lacks.
        workers: they start when they are first needed.
        fresh: compute again what is stored.
        verifying: how many runs are verified at once.
    """

    def __init__(
        self,
        run_once: RunOnce,
        data: Path,
        workers: Computing,
        progress: Progress,
        *,
        fresh: bool,
        verifying: int = 1,
    ) -> None:
        self._store = run_once.store
        self._run_once = run_once
        self._data = data
        self._workers = workers
        self._progress = progress
        self._fresh = fresh
        self._verifying = ThreadPoolExecutor(verifying, "verifying")
        self._done: Shared[_Done] = Shared()
        self._kept: list[Path] = []
        self._folders: Shared[Path] = Shared()
        self._records: Shared[Record] = Shared()
        self._verifications: Shared[Verification | BuildFailure] = Shared()
        self._evaluations: Shared[OwnAccuracy] = Shared()

    @property
    def data_folder(self) -> Path:
        """Where workers look for published arrays."""
        return self._data

    def tell(self, line: str) -> None:
        """Shows a line to the user, from whatever thread."""
        self._progress.note(line)

    def train(self, job: TrainJob, title: str, priority: float, limit: TimeLimit) -> Future[Record]:
        """Returns the future of a job's record; it raises `JobFailed`.

        Args:
            title: how the job is called while it runs.
            priority, limit: as of `Scheduler.submit`.
        """

        def begin(target: Future[Record]) -> None:
            done = self._shared(job, _Task(title, priority, limit, job.recipe.epochs))
            then(done, lambda found: record.read(found.folder, cached=found.cached), target)

        return self._records.get(job.key, begin)

    def do(
        self,
        job: Job,
        title: str,
        priority: float,
        limit: TimeLimit,
        epochs: int = 1,
        *,
        verb: str = TRAINED,
    ) -> Future[Path]:
        """Returns the future of a job's folder in the store; it raises `JobFailed`.

        Args:
            epochs: how many it reports.
            verb: names what was done, in the line for the user.
        """

        def begin(target: Future[Path]) -> None:
            done = self._shared(job, _Task(title, priority, limit, epochs, verb))
            then(done, lambda found: found.folder, target)

        return self._folders.get(job.key, begin)

    def verify(self, job: TrainJob, run: Future[Record]) -> Future[Verification | BuildFailure]:
        """Has another process reopen the files of a run, once it is there, and repeat its start."""
        return self._verifications.get(job.key, partial(self._verify, job, run))

    def evaluate(self, job: EvaluateJob) -> Future[OwnAccuracy]:
        """Returns the future of the accuracy of given weights; it raises `JobFailed`."""

        def begin(target: Future[OwnAccuracy]) -> None:
            task = _Task("", 0.0, EVALUATION_LIMIT, 0, shown=False)
            then(self._shared(job, task), lambda found: _own_accuracy(found.folder), target)

        return self._evaluations.get(job.key, begin)

    def stop(self) -> None:
        """Cancels everything that has not started."""
        self._run_once.stop()
        self._verifying.shutdown(wait=False, cancel_futures=True)

    def wait(self) -> None:
        """Waits for the rest after `stop`."""
        self._run_once.wait()
        self._verifying.shutdown(wait=True)

    def losses(self) -> list[str]:
        """Returns what could not be stored, and what was removed, each as a sentence."""
        found = dict.fromkeys(self._store.failures)
        if not found and not all(folder.is_dir() for folder in list(self._kept)):
            return [removed(self._store.root)]
        return list(found)

    def _stored(self, key: str) -> Path | None:
        """Returns a record's folder; None when it is not stored.

        Raises:
            JobFailed: the store cannot be read.
        """
        try:
            return self._store.get(key)
        except StoreError as error:
            raise JobFailed("grader_error", str(error)) from error

    def _shared(self, job: Job, task: _Task) -> Future[_Done]:
        return self._done.get(job.key, partial(self._begin, job, task))

    def _begin(self, job: Job, task: _Task, target: Future[_Done]) -> None:
        def found(folder: Path) -> None:
            self._kept.append(folder)
            target.set_result(_Done(folder, cached=True))

        act = partial(self._submit, job, task, target)
        fresh = self._fresh and task.shown
        self._run_once.ask(Request(job.key, fresh, found, act, target, _READERS.get(type(job))))

    def _submit(self, job: Job, task: _Task, target: Future[_Done]) -> None:
        if task.shown:
            self._progress.expect(job.key, task.title, task.epochs, task.priority, task.verb)
        done = self._workers.get().submit(job, task.priority, task.limit)
        done.add_done_callback(lambda f: self._on_done(job, task, f, target))

    def _on_done(self, job: Job, task: _Task, done: Future[str], target: Future[_Done]) -> None:
        if task.shown:
            failed = done.cancelled() or done.exception() is not None
            self._progress.finish(job.key, failed=failed)
        try:
            folder = self._stored(done.result())
            if folder is None:
                raise JobFailed("grader_error", "the record was removed from the store")
            self._kept.append(folder)
            self._run_once.done(job.key)
            target.set_result(_Done(folder, cached=False))
        except (Exception, CancelledError) as problem:  # noqa: BLE001  (a check is waiting for it)
            self._run_once.give_up(job.key)
            fail(self._explained(job, problem), target)

    def _explained(self, job: Job, problem: BaseException) -> BaseException:
        """Returns the fault of the store that caused a problem, else the problem itself."""
        if isinstance(problem, StoreFailed):
            self._store.failures.append(str(problem))
        elif isinstance(problem, JobFailed) and problem.status in {"grader_error", "resource"}:
            found = trouble(self._store, self._data, getattr(job, "data_digest", None))
            if found is not None:
                self._store.failures.append(found)
                return JobFailed("grader_error", found)
        return problem

    def _verify(
        self, job: TrainJob, run: Future[Record], target: Future[Verification | BuildFailure]
    ) -> None:
        def start(finished: Future[Record]) -> None:
            try:
                self._verify_once(job, finished.result(), target)
            except (Exception, CancelledError) as error:  # noqa: BLE001  (a check waits for it)
                fail(error, target)

        run.add_done_callback(start)

    def _verify_once(
        self, job: TrainJob, run: Record, target: Future[Verification | BuildFailure]
    ) -> None:
        key = digest(
            {"kind": "verify", "record": job.key, "weights": run.document["weights_sha256"],
             "engine": ENGINE_VERSION}
        )  # fmt: skip

        def found(folder: Path) -> None:
            target.set_result(verify.stored(folder))

        def act() -> None:
            follow(self._verifying.submit(self._verified, key, job, run), target)

        self._run_once.ask(Request(key, self._fresh, found, act, target, verify.stored))

    def _verified(self, key: str, job: TrainJob, run: Record) -> Verification | BuildFailure:
        try:
            found = self._workers.verify(job, run.folder.absolute(), self._data.absolute())
            if isinstance(found, BuildFailure):
                error = JobFailed(found.status, found.message)
                return BuildFailure(found.status, str(self._explained(job, error)))
            # A result that cannot be stored still counts; the end of the run tells of it.
            with suppress(StoreError):
                self._store.put(key, lambda folder: _write(folder / verify.STORED, found))
            return found
        finally:
            self._run_once.give_up(key)


def _read_record(folder: Path) -> Record:
    return record.read(folder, cached=True)


def _own_accuracy(folder: Path) -> OwnAccuracy:
    correct, total = read_counts(folder / EVALUATION)
    return OwnAccuracy(max(correct), total)


# What must be readable in a stored record of a kind for it to be used.
_READERS: Mapping[type[Job], Callable[[Path], object]] = {
    TrainJob: _read_record,
    EvaluateJob: _own_accuracy,
}


def _write(path: Path, value: Verification) -> None:
    path.write_text(json.dumps(value.to_json(), sort_keys=True), encoding="utf-8")
