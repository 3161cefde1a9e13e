"""Asking for the altered images to be read, for each run of a network once it is there."""

from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from harness.cost import reading_limit
from harness.environment import cores
from harness.futures import fail, then
from harness.jobs import TrainJob
from harness.record import Record
from harness.robustness.job import MOST_IMAGES, READINGS, SEED, RobustnessJob
from harness.robustness.reading import read
from harness.runs import Runs
from harness.scheduler import JobFailed
from reference.layers import flops

Reading = Mapping[str, Any]
"""What `harness.robustness.reading` stores."""


@dataclass(frozen=True)
class Readings:
    """What came of the jobs of one subject.

    Attributes:
        found: of each run that there is one of, in the order of the seeds.
        missing: why there is none of another, each reason once.
        runs: how many there were to be.
    """

    found: tuple[Reading, ...]
    missing: tuple[str, ...]
    runs: int


def ask(
    work: Runs,
    trained: TrainJob,
    run: Future[Record],
    title: str,
    *,
    test_images: int,
    workers: int,
    target: Future[Reading],
) -> None:
    """Gives the target what a run's network reads of the altered images.

    Who has the network of somebody else shares this, too. Whatever goes wrong becomes the
    target's error, and nobody else's.

    Args:
        trained: the job that `run` comes of.
        title: how the run is called.
        test_images: how many the data set has.
    """
    network = trained.spec.network
    images = min(MOST_IMAGES, test_images) * READINGS
    job = RobustnessJob(trained.key, trained.data_digest, MOST_IMAGES, SEED, trained.platform)
    limit = reading_limit(network, images, workers=workers, cores=cores())

    def begin(finished: Future[Record]) -> None:
        try:
            finished.result()
            cost = float(sum(flops(network)) * images)
            done = work.do(job, f"{title} on altered images", cost, limit, verb="tried")
            then(done, read, target)
        except (Exception, CancelledError) as error:  # noqa: BLE001  (the end waits for it)
            fail(error, target)

    run.add_done_callback(begin)


def give_up(waiting: Sequence[Future[Reading]]) -> None:
    """Lets nobody wait for what is not there yet."""
    for future in waiting:
        with suppress(InvalidStateError):  # it came just now
            fail(JobFailed("skipped", "the run was stopped before that"), future)


def gathered(futures: Sequence[Future[Reading]]) -> Readings:
    """Sorts finished futures into what there is and why the rest is not."""
    found, missing = [], []
    for future in futures:
        error = future.exception()
        if error is None:
            found.append(future.result())
        else:
            missing.append(_reason(error))
    return Readings(tuple(found), tuple(dict.fromkeys(missing)), len(futures))


def _reason(error: BaseException) -> str:
    """The last line of a message: where a worker sent its traceback, that is the error itself."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
