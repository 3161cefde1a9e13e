"""Asking for the altered images to be read, for each run of a network once it is there."""

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from harness.data.corruptions import CORRUPTIONS
from harness.evaluation.evidence.robustness import Reading, Readings
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.kinds.robustness import MOST_IMAGES, READINGS, SEED, RobustnessJob, read
from harness.jobs.kinds.train import TrainJob
from harness.jobs.runner import Runs
from harness.jobs.store.record import Record
from harness.network.cost import reading_limit
from harness.system.futures import fail, then
from harness.system.machine import cores
from reference.errors import UserError
from reference.layers import flops


@dataclass(frozen=True)
class Asker:
    """Has altered images read.

    Attributes:
        test_images: how many the data set has.
        workers: processes that share the machine.
    """

    work: Runs
    test_images: int
    workers: int

    def ask(
        self, trained: TrainJob, run: Future[Record], title: str, target: Future[Reading]
    ) -> None:
        """Gives the target what a run's network reads, once the run is there.

        Who has the network of somebody else shares this, too. Whatever goes wrong becomes the
        target's error, and nobody else's.

        Args:
            trained: the job that `run` comes of.
            title: how the run is called.
        """
        run.add_done_callback(partial(self._begin, trained, title, target))

    def _begin(
        self, trained: TrainJob, title: str, target: Future[Reading], finished: Future[Record]
    ) -> None:
        network = trained.spec.network
        images = min(MOST_IMAGES, self.test_images) * READINGS
        job = RobustnessJob(trained.key, trained.data_digest, MOST_IMAGES, SEED, trained.platform)
        try:
            finished.result()
            cost = float(sum(flops(network)) * images)
            limit = reading_limit(network, images, workers=self.workers, cores=cores())
            title = f"{title} on altered images"
            done = self.work.do(job, title, cost, limit, len(CORRUPTIONS), verb="tried")
            then(done, read, target)
        except (Exception, CancelledError) as error:  # noqa: BLE001  (the end waits for it)
            fail(error, target)


def give_up(waiting: Sequence[Future[Reading]]) -> None:
    """Lets nobody wait for what is not there yet."""
    for future in waiting:
        with suppress(InvalidStateError):  # it came just now
            fail(JobFailed("skipped", "the run was stopped before that"), future)


def gathered(
    futures: Sequence[Future[Reading]], wait: Callable[[Future[Reading]], Reading]
) -> Readings | None:
    """Waits for one subject's readings, and for why there is none of a run.

    Args:
        wait: waits for a future, and raises its error.

    Returns:
        None where nothing was asked for.
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
    """The last line of a message: where a worker sent its traceback, that is the error itself."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
