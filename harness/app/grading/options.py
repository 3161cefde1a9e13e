"""The options of a grading run, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.jobs.cluster.address import Address

DEFAULT_REPORT = Path("reports") / "latest"


DEFAULT_STORE = Path(".grader")


# A claim about an accuracy is held against so many runs.
DOCUMENTED_SEEDS = 5


RecipeName = Literal["gate", "documented"]


Trainer = Literal["document", "submission"]


@dataclass(frozen=True)
class Options:
    """What was asked for.

    Attributes:
        dataset: "auto", "mnist" or "digits"; `harness.data.load` checks it.
        seeds: each network is trained with the seeds 0 .. seeds - 1.
        workers: training processes, each of one thread.
        fresh: train anew what is in the store.
        baseline: an earlier results.json: what has got worse since then fails.
        benchmark_batch: batch size of timed training; None for the documented one.
        submissions: files and folders that were named one by one; graded instead of `models/`.
        class_folder: a folder with a file or folder for each student.
        architecture: what all submissions are; None where their names or networks are to tell.
        train_with: whose recipe trains a submission.
        rubric: points for the checks; None for the project's own.
        grid: a study that the user declared; None for none.
        greek_test: a folder of letters to try the Greek transfer on.
        cluster: a Dask cluster that computes in place of `workers`; None for this machine.
        cluster_resources: what its workers must offer to be given jobs.
    """

    dataset: str
    mnist_dir: Path | None
    recipe: RecipeName
    seeds: int
    workers: int
    report: Path
    store: Path
    fresh: bool
    baseline: Path | None = None
    benchmark_batch: int | None = None
    submissions: tuple[Path, ...] = ()
    class_folder: Path | None = None
    architecture: str | None = None
    train_with: Trainer = "document"
    rubric: Path | None = None
    grid: Path | None = None
    greek_test: Path | None = None
    cluster: Address | None = None
    cluster_resources: Mapping[str, float] = field(default_factory=dict)

    @property
    def grades_submissions(self) -> bool:
        """Whether strangers' work is graded, rather than the project's own modules."""
        return bool(self.submissions) or self.class_folder is not None

    @property
    def experiments(self) -> bool:
        """Whether anything is done beside grading: with the project's own modules alone."""
        return not self.grades_submissions and (
            self.recipe == "documented" or self.grid is not None
        )
