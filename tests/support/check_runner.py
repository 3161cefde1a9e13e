"""Runs the checks as plain functions, on networks that a test makes up.

A `CheckRunner` opens sources in the real sandbox and trains them with the real workers, on the
scikit-learn digits and by a short recipe, so that one network costs about a second.
"""

import importlib.util
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from harness.data import PARTS, Arrays, DataRequest, Dataset, digest, load, publish
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.kinds.train import TrainJob
from harness.jobs.kinds.verify import Verification, Verifier
from harness.jobs.local.scheduler import Scheduler
from harness.jobs.planning import jobs_for
from harness.jobs.store import record as records
from harness.jobs.store.record import Record
from harness.jobs.store.store import Store
from harness.network.documented import recipe_for
from harness.network.recipe import Recipe
from harness.network.spec import Spec
from harness.submissions.feedback.comparison import compare
from harness.submissions.opened import OpenedSubmission
from harness.submissions.sandbox.client import Sandbox
from harness.submissions.sandbox.isolation import strongest
from harness.system.directories import PROJECT_ROOT
from harness.system.failure import BuildFailure
from reference import facts as all_facts
from reference.calibration import Calibration, Floor

if TYPE_CHECKING:
    from concurrent.futures import Future

WORKERS = 2
BENCHMARKS = "test_speed.py"  # they measure, and judge no network

# A few hundred digits, and what the tests change of the documents' recipes; every rate, loss and
# scaling stays. The running averages of batch normalisation need more steps than the rest.
TRAIN_IMAGES, TEST_IMAGES = 500, 180
SHORT_RECIPE = {"batch_size": 8, "epochs": 4, "validation_images": 60}
MORE_EPOCHS = {"functional_cnn": 6}

# Far above the tenth that guessing reads. With the seeds 0 to 4 the networks read from 64 %
# (functional_cnn, in four epochs) to 96 % of these test images; with wrong labels, below 20 %.
FLOOR = 0.5

# Checks of what one training of a network does not have: a submitted script or saved file, an
# experiment, other trainings of it to be compared with.
BEYOND_A_RUN = frozenset({
    "submitted_recipe", "own_weights", "experiment", "plausible", "calibrated_floor",
    "comparable", "no_less_accurate", "no_larger", "no_slower", "still_there",
})  # fmt: skip

Check = Callable[..., None]
Outcomes = Mapping[str, BaseException | None]

SKIPPED = pytest.skip.Exception


# Checks -----------------------------------------------------------------------------------------


@cache
def checks() -> Mapping[str, Check]:
    """Returns every check by its id: the function's name without `test_`."""
    found: dict[str, Check] = {}
    for path in sorted((PROJECT_ROOT / "checks").glob("test_*.py")):
        if path.name == BENCHMARKS:
            continue
        for name, function in vars(_module(path)).items():
            if not name.startswith("test_"):
                continue
            check = name.removeprefix("test_")
            assert check not in found, f"two checks are called {check}"
            found[check] = function
    return found


@cache
def groups() -> Mapping[str, str]:
    """Returns for each check the group that its file stands for, e.g. "structure"."""
    return {name: check.__module__.rpartition("test_")[2] for name, check in checks().items()}


def run_checks(evidence: Mapping[str, Any]) -> Outcomes:
    """Runs every check whose arguments are among the evidence.

    Returns:
        For each check that could be run: None where it passed, else what it raised.
    """
    outcomes: dict[str, BaseException | None] = {}
    for name, check in checks().items():
        wanted = inspect.signature(check).parameters
        if not set(wanted) <= set(evidence):
            continue
        try:
            check(**{key: evidence[key] for key in wanted})
        except (Exception, SKIPPED) as error:  # noqa: BLE001  (whatever it is, a test looks at it)
            outcomes[name] = error
        else:
            outcomes[name] = None
    return outcomes


def failed(outcomes: Outcomes) -> dict[str, str]:
    """Returns the message of each check that did not pass."""
    return {name: str(error) for name, error in outcomes.items() if error is not None}


def _module(path: Path) -> Any:
    name = f"checks_under_test.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def calibration(architecture: str) -> Calibration:
    """Returns how the tests train an architecture, and the accuracy they ask of it."""
    recipe = dict(SHORT_RECIPE)
    recipe["epochs"] = MORE_EPOCHS.get(architecture, recipe["epochs"])
    floor = Floor(FLOOR, FLOOR, 0.0, 1, 0.0)
    return Calibration("digits", recipe, {architecture: floor}, "")


def _grading(architecture: str) -> SimpleNamespace:
    """The part of a session that the checks look at."""
    return SimpleNamespace(
        options=SimpleNamespace(recipe="documented"), calibration=calibration(architecture)
    )


# Networks ---------------------------------------------------------------------------------------


def model_source(architecture: str) -> str:
    """Returns the text of the project's own module."""
    return (PROJECT_ROOT / "models" / f"{architecture}.py").read_text(encoding="utf-8")


def edited(source: str, *edits: tuple[str, str]) -> str:
    """Returns the source with each old text, which must occur, replaced by the new one."""
    for old, new in edits:
        assert old in source, f"not in the module: {old!r}"
        source = source.replace(old, new)
    return source


@dataclass(frozen=True)
class Change:
    """What differs from an honest run, besides the module's source."""

    recipe: Mapping[str, Any] | None = None
    labels: Callable[[Any], Any] | None = None


HONEST = Change()


class CheckRunner:
    """Opens and trains networks; everything is scheduled at once and waited for when asked."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._extractor = Sandbox(strongest(), root / "sandbox.log")
        self._store = Store(root / "store")
        self._data = root / "data"
        self._scheduler: Scheduler | None = None
        self._verifier = Verifier(lambda log: self._workers().fork(log), root / "verifying.log")
        self._jobs: dict[str, Future[str]] = {}
        self._specs: dict[str, Spec | BuildFailure] = {}
        self._datasets: dict[Any, Dataset] = {}

    def open(self, source: str, name: str = "models/edited.py") -> Spec | BuildFailure:
        """Returns the network of a module's source."""
        if source not in self._specs:
            self._specs[source] = self._extractor.build(name, source)
        return self._specs[source]

    def spec(self, source: str) -> Spec:
        """Returns the network of a module that must give one."""
        opened = self.open(source)
        assert isinstance(opened, Spec), opened.message
        return opened

    def dataset(self, change: Change = HONEST) -> Dataset:
        """Returns the digits, published, with the training labels as changed."""
        if change.labels not in self._datasets:
            dataset = load(DataRequest("digits", None, self._data), lambda _: None)
            parts = {
                part: dataset.part(part)[
                    : TRAIN_IMAGES if part.startswith("train") else TEST_IMAGES
                ]
                for part in PARTS
            }
            if change.labels is not None:
                parts["train_labels"] = change.labels(parts["train_labels"])
            arrays = Arrays(**parts)
            source = "some of scikit-learn's digits"
            dataset = Dataset.of(arrays, name="digits", digest=digest(arrays), source=source)
            publish(dataset, self._data)
            self._datasets[change.labels] = dataset
        return self._datasets[change.labels]

    def recipe(self, architecture: str) -> Recipe:
        """Returns what an honest run is trained by."""
        facts = all_facts.load(architecture)
        return recipe_for(facts, "documented", calibration(architecture))

    def job(
        self, architecture: str, source: str, change: Change = HONEST, seed: int = 0
    ) -> TrainJob:
        """Returns the training job of a module's network.

        Raises:
            JobFailed: it cannot be trained on such images.
        """
        recipe = self.recipe(architecture)
        if change.recipe is not None:
            recipe = replace(recipe, **change.recipe)
        return jobs_for(self.spec(source), recipe, self.dataset(change), seed + 1)[seed]

    def schedule(self, jobs: Iterable[TrainJob]) -> None:
        """Has jobs trained, each once, in the background."""
        for job in jobs:
            if job.key not in self._jobs:
                self._jobs[job.key] = self._workers().submit(job, priority=0)

    def _workers(self) -> Scheduler:
        if self._scheduler is None:
            logs = self._root / "logs"
            self._scheduler = Scheduler(
                WORKERS, self._data, self._store.root, logs, lambda _job, _event: None
            )
        return self._scheduler

    def record(self, job: TrainJob) -> Record:
        """Waits for a job's record.

        Raises:
            JobFailed: there is none.
        """
        self.schedule([job])
        folder = self._store.get(self._jobs[job.key].result())
        assert folder is not None
        return records.read(folder, cached=False)

    def verification(self, job: TrainJob) -> Verification:
        """Has another process reopen a record's files and repeat its first steps."""
        found = self._verifier.verify(job, self.record(job).folder, self._data)
        assert isinstance(found, Verification), found
        return found

    def evidence(
        self, architecture: str, source: str, change: Change = HONEST, seed: int = 0
    ) -> dict[str, Any]:
        """Returns what the checks of a module's network are given, less the verification."""
        opened = self.open(source)
        known = {
            "facts": all_facts.load(architecture),
            "opened": opened,
            "recipe": self.recipe(architecture),
            "grading": _grading(architecture),
            "dataset": self.dataset(change),
        }
        if isinstance(opened, BuildFailure):
            return known
        known["structure"] = compare(all_facts.load(architecture), opened)
        known["opened"] = OpenedSubmission(known["structure"], "project", "build()", opened)
        known["spec"] = opened
        try:
            record = self.record(self.job(architecture, source, change, seed))
        except JobFailed as error:
            return {**known, "trained": error}
        return {**known, "trained": [record], "runs": [record], "record": record}

    def close(self) -> None:
        """Ends all processes."""
        self._extractor.stop()
        self._verifier.stop()
        if self._scheduler is not None:
            self._scheduler.stop()
