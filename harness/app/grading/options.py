"""The options of a grading run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.jobs.cluster.address import Address

DEFAULT_REPORT = Path("reports") / "latest"
DEFAULT_STORE = Path(".grader")

# Claims about accuracies are tested with this many runs.
DOCUMENTED_SEEDS = 5

RecipeName = Literal["gate", "documented"]
Trainer = Literal["document", "submission"]


@dataclass(frozen=True)
class Options:
    """The values of all options.

    Attributes:
        dataset: "auto", "mnist" or "digits"; `harness.data.load` checks it.
        seeds: each network is trained with the seeds 0 .. seeds - 1.
        workers: training processes, each of one thread.
        fresh: train again, without the records in the store.
        baseline: an earlier results.json: a check fails if a network has become worse.
        benchmark_batch: batch size of timed training; None for the documented one.
        submissions: files and folders named one by one; graded instead of `models/`.
        class_folder: a folder with a file or folder for each student.
        architecture: of all submissions; None to recognise each by its name or network.
        train_with: whose recipe submissions are trained with.
        rubric: points for the checks; None for the project's own.
        grid: the declaration of a user's study; None for no study.
        greek_test: a folder of letters for the Greek transfer.
        cluster: a Dask cluster that replaces `workers`; None for this machine.
        cluster_resources: the resources that its workers must offer.
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
        """Returns whether submissions are graded, not the project's own modules."""
        return bool(self.submissions) or self.class_folder is not None

    @property
    def experiments(self) -> bool:
        """Returns whether experiments run: only with the project's own modules."""
        return not self.grades_submissions and (
            self.recipe == "documented" or self.grid is not None
        )
