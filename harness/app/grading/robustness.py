"""Runs each trained network on corrupted images, and collects the predictions."""

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from harness.data.corruptions import CORRUPTIONS
from harness.evaluation.evidence.robustness import Reading, Readings
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.kinds.robustness import MAX_IMAGES, READINGS, SEED, RobustnessJob, read
from harness.jobs.kinds.train import TrainJob
from harness.jobs.runner import Runs
from harness.jobs.store.record import Record
from harness.network.cost import reading_limit
from harness.system.futures import fail, then
from harness.system.machine import cores
from reference.errors import UserError
from reference.layers import flops


@dataclass(frozen=True)
class RobustnessRequests:
    """Requests the predictions of trained networks on corrupted images.

    Attributes:
        test_images: the number of test images in the data set.
        workers: the number of processes that share the machine.
    """

    work: Runs
    test_images: int
    workers: int

    def add(
        self, trained: TrainJob, run: Future[Record], title: str, target: Future[Reading]
    ) -> None:
        """Requests them as soon as the run is finished; `target` gets the result, or the error.

        Identical networks share one request.

        Args:
            trained: the job of `run`.
            title: the name of the run, for the progress display.
        """
        run.add_done_callback(partial(self._request, trained, title, target))

    def _request(
        self, trained: TrainJob, title: str, target: Future[Reading], run: Future[Record]
    ) -> None:
        network = trained.spec.network
        images = min(MAX_IMAGES, self.test_images) * READINGS
        job = RobustnessJob(trained.key, trained.data_digest, MAX_IMAGES, SEED, trained.platform)
        try:
            run.result()
            cost = float(sum(flops(network)) * images)
            limit = reading_limit(network, images, workers=self.workers, cores=cores())
            title = f"{title} on corrupted images"
            done = self.work.do(job, title, cost, limit, len(CORRUPTIONS), verb="tried")
            then(done, read, target)
        except (Exception, CancelledError) as error:  # noqa: BLE001  (the target reports it)
            fail(error, target)


def cancel(waiting: Sequence[Future[Reading]]) -> None:
    """Fails the futures that have no result yet."""
    for future in waiting:
        with suppress(InvalidStateError):  # its result has just arrived
            fail(JobFailed("skipped", "the run was stopped before that"), future)


def collect(
    futures: Sequence[Future[Reading]], wait: Callable[[Future[Reading]], Reading]
) -> Readings | None:
    """Waits for the predictions of one subject's runs, and for the reasons of missing ones.

    Args:
        wait: waits for a future, and raises its error.

    Returns:
        None if nothing was requested.
    """
    if not futures:
        return None
    found, missing = [], []
    for future in futures:
        try:
            found.append(wait(future))
        except (JobFailed, CancelledError, UserError, OSError, ValueError) as error:
            missing.append(_reason(error))
    return Readings(tuple(found), tuple(dict.fromkeys(missing)), len(futures))


def _reason(error: BaseException) -> str:
    """Returns the last line of a message: of a worker's traceback, that is the error itself."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
