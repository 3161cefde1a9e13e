"""The interface of an experiment, its outcome, and the context that a session gives it."""

from collections.abc import Mapping
from concurrent import futures
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from harness.data import Dataset
from harness.jobs import planning
from harness.jobs.kinds.base import Job
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.runner import Runs
from harness.jobs.store.record import Record
from harness.network import documented
from harness.network.cost import TimeLimit, time_limit
from harness.network.recipe import Recipe, trained_images
from harness.network.spec import Spec
from harness.submissions.opened import OpenedSubmission
from harness.system.failure import BuildFailure
from harness.system.futures import fail
from harness.system.machine import numeric_platform
from reference.calibration import DOCUMENTED, Calibration
from reference.facts import Facts

_T = TypeVar("_T")


class Grading(Protocol):
    """The part of a session that experiments use."""

    def opened_project(self, architecture: str) -> Future[OpenedSubmission | BuildFailure]:
        """Returns the project's own network of an architecture; opens it at the first call."""

    def project_runs(self, architecture: str) -> list[Future[Record]]:
        """Returns its runs, one for each seed; starts them at the first call."""


@dataclass(frozen=True)
class Setting:
    """Settings that all experiments of a session share.

    Attributes:
        facts: of each documented architecture.
        seeds: number of repetitions, with the seeds 0 .. seeds - 1.
        calibration: of the data set.
        greek_test: folder with letters for testing only.
        workers: number of training processes.
        platform: versions and hardware that the results depend on.
    """

    dataset: Dataset
    facts: Mapping[str, Facts]
    seeds: int
    calibration: Calibration = DOCUMENTED
    greek_test: Path | None = None
    workers: int = 1
    platform: Mapping[str, Any] = field(default_factory=numeric_platform)


class ExperimentContext:
    """Gives experiments their data and runs their jobs; all their threads share one.

    Args:
        runs: runs jobs, and shares and stores their results.
    """

    def __init__(self, setting: Setting, grading: Grading, runs: Runs) -> None:
        self.dataset = setting.dataset
        self.seeds = setting.seeds
        self.calibration = setting.calibration
        self.greek_test = setting.greek_test
        self.platform = setting.platform
        self._setting = setting
        self._grading = grading
        self._runs = runs
        self._closed: Future[None] = Future()

    @property
    def data_folder(self) -> Path:
        """The folder from which workers read published data."""
        return self._runs.data_folder

    def tell(self, line: str) -> None:
        """Shows a line to the user."""
        self._runs.tell(line)

    def spec(self, architecture: str) -> Spec:
        """Waits for the project's own network of an architecture.

        Raises:
            JobFailed: the network was not built.
        """
        found = self.wait(self._grading.opened_project(architecture))
        if isinstance(found, BuildFailure):
            raise JobFailed("skipped", f"{architecture} was not built: see its build check")
        return found.spec

    def facts(self, architecture: str) -> Facts:
        """Returns the documented facts of an architecture."""
        return self._setting.facts[architecture]

    def recipe(self, architecture: str) -> Recipe:
        """Returns the documented recipe, adapted to the data set and without early stopping."""
        return documented.recipe_for(self.facts(architecture), "documented", self.calibration)

    def runs(self, architecture: str) -> list[Record]:
        """Waits for the documented runs of the project's own network, one for each seed.

        Raises:
            JobFailed: a run failed.
        """
        return [self.wait(run) for run in self._grading.project_runs(architecture)]

    def train(self, spec: Spec, recipe: Recipe, seed: int, title: str) -> Future[Record]:
        """Starts a training, or takes it from the store; `wait` returns its record.

        Args:
            title: name of the run in the progress display, such as "deep_cnn fold 3".

        Raises:
            JobFailed: the network cannot be trained on these images or in this memory.
        """
        job = planning.job_for(spec, recipe, self.dataset, seed, platform=self.platform)
        images = trained_images(recipe, len(self.dataset.train_labels))
        limit = time_limit(spec.network, recipe, images, workers=self._setting.workers)
        return self._runs.train(job, title, planning.priority(job, images), limit)

    def do(
        self, job: Job, title: str, cost: float, limit: TimeLimit, epochs: int = 1
    ) -> Future[Path]:
        """Starts any other job, or takes it from the store; returns its folder in the store.

        Args:
            cost: floating-point operations, as of `harness.jobs.planning.priority`.
            limit: the longest time that it may take.
            epochs: number of epochs that it reports, for the progress bar.
        """
        return self._runs.do(job, title, cost, limit, epochs)

    def wait(self, future: Future[_T]) -> _T:
        """Waits for a result or for the end of the session.

        Raises:
            JobFailed: the job failed, or the session has ended.
        """
        either: list[Future[Any]] = [future, self._closed]
        futures.wait(either, return_when=futures.FIRST_COMPLETED)
        if not future.done():
            self._closed.result()
        return future.result()

    @property
    def ended(self) -> bool:
        """Whether the session has ended, so that a failure has no other cause."""
        return self._closed.done()

    def close(self) -> None:
        """Ends all waiting with JobFailed: the session has ended."""
        fail(JobFailed("skipped", "the session has ended"), self._closed)


Kind = Literal["study", "transfer", "twin", "summary_table", "samples"]


@dataclass(frozen=True)
class Outcome:
    """The outcome of an experiment that ran to its end.

    Attributes:
        result: the JSON object of the experiment's kind (docs/formats.md).
        problems: sentences for which its check fails: frozen weights that moved, a cell of a
            table that differs. A claim that does not reproduce is a finding, not a problem.
    """

    result: Mapping[str, object]
    problems: tuple[str, ...] = ()


class Experiment(Protocol):
    """A stateless experiment: work that a document did beyond training its network once.

    Attributes:
        id: unique within its architecture, of a-z, 0-9 and _.
        architecture: the architecture of the subject that it belongs to.
        title: a heading.
        question: the question that it answers, as a sentence.
        source: the place in the document.
    """

    @property
    def id(self) -> str: ...
    @property
    def architecture(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def title(self) -> str: ...
    @property
    def question(self) -> str: ...
    @property
    def source(self) -> str: ...

    def run(self, context: ExperimentContext) -> Outcome:
        """Runs the experiment in a thread of its own; may call `context.wait`.

        Raises:
            JobFailed: a job that it needs failed.
            UserError: an input from the user cannot be used.
        """
