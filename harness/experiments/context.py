"""The laboratory: what an experiment may use of a session."""

from collections.abc import Mapping
from concurrent import futures
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from harness.data import Dataset
from harness.jobs import planning
from harness.jobs.kinds.base import Job
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.runner import Runs
from harness.jobs.store.record import Record
from harness.network import documented
from harness.network.recipe import Recipe
from harness.network.spec import Spec
from harness.submissions.opened import OpenedSubmission
from harness.system.failure import BuildFailure
from harness.system.futures import fail
from harness.system.machine import numeric_platform
from reference.calibration import DOCUMENTED, Calibration
from reference.facts import Facts

if TYPE_CHECKING:
    from harness.network.cost import TimeLimit

_T = TypeVar("_T")


class Bench(Protocol):
    """The session, as far as the laboratory knows it."""

    def opened_project(self, architecture: str) -> Future[OpenedSubmission | BuildFailure]:
        """The project's own module of an architecture; opened when it is first asked for."""

    def project_runs(self, architecture: str) -> list[Future[Record]]:
        """Its runs, one for each seed; trained when they are first asked for."""


@dataclass(frozen=True)
class Setting:
    """What is the same for every experiment of a session.

    Attributes:
        facts: by architecture, of all that are documented.
        seeds: repetitions, the seeds 0 .. seeds - 1.
        calibration: of the data set.
        greek_test: folder of letters that no network has seen.
        workers: training processes.
        platform: of the machines that compute.
    """

    dataset: Dataset
    facts: Mapping[str, Facts]
    seeds: int
    calibration: Calibration = DOCUMENTED
    greek_test: Path | None = None
    workers: int = 1
    platform: Mapping[str, Any] = field(default_factory=numeric_platform)


class Lab:
    """What an experiment may use; made once, used by all of them from their threads.

    Args:
        work: has jobs done, and shares and keeps what comes of them.
    """

    def __init__(self, setting: Setting, bench: Bench, work: Runs) -> None:
        self.dataset = setting.dataset
        self.seeds = setting.seeds
        self.calibration = setting.calibration
        self.greek_test = setting.greek_test
        self.platform = setting.platform
        self._setting = setting
        self._bench = bench
        self._work = work
        self._closed: Future[None] = Future()

    @property
    def data_folder(self) -> Path:
        """Where workers look for what is published for them."""
        return self._work.data_folder

    def tell(self, line: str) -> None:
        """Shows a line to the user."""
        self._work.tell(line)

    def spec(self, architecture: str) -> Spec:
        """Waits for the network that the project's own module builds.

        Raises:
            JobFailed: it was not built.
        """
        found = self.wait(self._bench.opened_project(architecture))
        if isinstance(found, BuildFailure):
            raise JobFailed("skipped", f"there is no network {architecture}: see its build check")
        return found.spec

    def facts(self, architecture: str) -> Facts:
        """Returns what the document says."""
        return self._setting.facts[architecture]

    def recipe(self, architecture: str) -> Recipe:
        """Returns the documented recipe, adapted to the data set; never stopped early."""
        return documented.recipe_for(self.facts(architecture), "documented", self.calibration)

    def runs(self, architecture: str) -> list[Record]:
        """Waits for the documented runs of the project's own module, one for each seed.

        Raises:
            JobFailed: a run gave no record.
        """
        return [self.wait(run) for run in self._bench.project_runs(architecture)]

    def train(self, spec: Spec, recipe: Recipe, seed: int, title: str) -> Future[Record]:
        """Has a network trained, unless that was done before; see `wait`.

        Args:
            title: how the run is called while it is under way, such as "deep_cnn fold 3".

        Raises:
            JobFailed: the network cannot be trained on these images, or not in this memory.
        """
        job = planning.job_for(spec, recipe, self.dataset, seed, platform=self.platform)
        images = planning.trained_images(recipe, self.dataset)
        limit = planning.time_limit(job, images, self._setting.workers)
        return self._work.train(job, title, planning.cost(job, images), limit)

    def do(
        self, job: Job, title: str, cost: float, limit: "TimeLimit", epochs: int = 1
    ) -> Future[Path]:
        """Has any other job done, unless that was done before; its folder in the store.

        Args:
            cost: its length in floating-point operations, as `harness.jobs.planning.cost` has it.
            limit: how long it may take.
            epochs: how many it reports, for the progress bar.
        """
        return self._work.do(job, title, cost, limit, epochs)

    def wait(self, future: Future[_T]) -> _T:
        """Waits for a result, or for the end of the session.

        Raises:
            JobFailed: the job gave nothing, or the session has ended.
        """
        either: list[Future[Any]] = [future, self._closed]
        futures.wait(either, return_when=futures.FIRST_COMPLETED)
        if not future.done():
            self._closed.result()
        return future.result()

    @property
    def ended(self) -> bool:
        """Whether the session has ended: what fails then says nothing of itself."""
        return self._closed.done()

    def close(self) -> None:
        """Wakes whoever waits: there will be nothing more."""
        fail(JobFailed("skipped", "the session has ended"), self._closed)
