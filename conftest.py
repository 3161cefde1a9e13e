"""Fixtures of the checks. Options and hooks are in harness/app/pytest_plugin/plugin.py."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from harness.app.grading.session import Session
from harness.app.pytest_plugin.stash_keys import BASELINE, COMPARISON, LEDGER, SESSION
from harness.benchmarks.contest import Pool, Start
from harness.benchmarks.suite import Suite, processes
from harness.data import Dataset
from harness.evaluation.checking import NotApplicable, Unavailable
from harness.evaluation.evidence.alarms import Alarm, calibrated_range, find
from harness.experiments.context import Experiment
from harness.experiments.runner import Finished
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.kinds.evaluate import OwnAccuracy
from harness.jobs.kinds.verify import Verification
from harness.jobs.store.record import Record
from harness.network.recipe import Recipe
from harness.network.spec import Spec
from harness.submissions.feedback.comparison import Comparison as LayerComparison
from harness.submissions.opened import OpenedSubmission
from harness.system.failure import BuildFailure
from harness.system.machine import cores
from reference.facts import Facts

if TYPE_CHECKING:
    from harness.evaluation.baseline.comparison import Comparison
    from harness.evaluation.baseline.network import Network
    from harness.evaluation.baseline.row import Row

NO_NETWORK = "there is no network: see the build check"

pytest_plugins = [
    "harness.app.pytest_plugin.benchmarks",
    "harness.app.pytest_plugin.baseline",
    "harness.app.pytest_plugin.plugin",
]


@pytest.fixture(scope="session")
def grading(pytestconfig: pytest.Config) -> Session:
    """The session that opens, trains and verifies, in the background."""
    return pytestconfig.stash[SESSION]


@pytest.fixture(scope="session")
def start_runner(grading: Session) -> Start:
    """Starts the processes that benchmarks are timed in."""
    return processes(grading.logs)


@pytest.fixture(scope="session")
def lane(pytestconfig: pytest.Config, start_runner: Start) -> Iterator[Suite]:
    """Holds the contests of the benchmarks, each once; their rows go into results.json."""
    stash = pytestconfig.stash
    rows = stash[LEDGER].benchmarks
    found = Suite(Pool(start_runner), cores(), stash.get(BASELINE, None), rows)
    yield found
    found.stop()


@pytest.fixture
def facts(grading: Session, subject_id: str) -> Facts:
    """What the document says."""
    found = grading.facts_of(subject_id)
    if found is None:
        pytest.skip(NO_NETWORK)
    return found


@pytest.fixture
def opened(grading: Session, subject_id: str) -> OpenedSubmission | BuildFailure:
    """What came out of the implementation when it was opened."""
    return grading.opened(subject_id)


@pytest.fixture
def spec(opened: OpenedSubmission | BuildFailure) -> Spec:
    """The implementation's network."""
    if isinstance(opened, BuildFailure):
        pytest.skip(NO_NETWORK)
    return opened.spec


@pytest.fixture
def structure(opened: OpenedSubmission | BuildFailure) -> LayerComparison:
    """The implementation's network beside the documented one."""
    if isinstance(opened, BuildFailure):
        pytest.skip(NO_NETWORK)
    return opened.comparison


@pytest.fixture
def submitted_recipe(structure: LayerComparison) -> LayerComparison:
    """The same, where it is known how the submission's author trains the network."""
    if structure.recipe is None:
        raise NotApplicable("nothing was fitted: there is no recipe to look at")
    return structure


@pytest.fixture
def recipe(grading: Session, subject_id: str, spec: Spec) -> Recipe:  # noqa: ARG001
    """What the implementation is trained by."""
    found = grading.recipe_of(subject_id)
    assert found is not None  # noqa: S101  (there is a network)
    return found[0]


@pytest.fixture
def trained(grading: Session, subject_id: str) -> list[Record] | JobFailed:
    """What came of the training runs."""
    try:
        return grading.runs(subject_id)
    except JobFailed as error:
        return error


@pytest.fixture
def runs(trained: list[Record] | JobFailed) -> list[Record]:
    """The records of the training runs, one for each seed."""
    if isinstance(trained, JobFailed):
        pytest.skip("there is no trained network: see the check that it trains")
    return trained


@pytest.fixture
def record(runs: list[Record]) -> Record:
    """The record of the first seed."""
    return runs[0]


@pytest.fixture
def verification(grading: Session, subject_id: str, record: Record) -> Verification:  # noqa: ARG001
    """What another process made of the first run's files and first steps."""
    found = grading.verification(subject_id)
    if isinstance(found, BuildFailure):
        raise Unavailable("grader_error", found.message)
    return found


@pytest.fixture
def own_weights(
    grading: Session,
    subject_id: str,
    trained: list[Record] | JobFailed,  # noqa: ARG001  (it is a check of what was trained)
) -> OwnAccuracy:
    """What the weights that came with a saved network read."""
    try:
        found = grading.own_weights(subject_id)
    except JobFailed as error:
        if error.status == "skipped":
            pytest.skip(str(error))
        raise Unavailable(error.status, str(error)) from error
    if found is None:
        raise NotApplicable("no weights came with it")
    return found


@pytest.fixture
def expected_range(
    grading: Session, opened: OpenedSubmission | BuildFailure, runs: list[Record]
) -> Mapping[str, Any] | None:
    """The accuracies that this network and recipe were seen to give; None where none were."""
    assert isinstance(opened, OpenedSubmission)  # noqa: S101  (it has been trained)
    return calibrated_range(runs, opened.facts, opened.spec.digest, grading.calibration)


@pytest.fixture
def alarms(
    grading: Session,
    subject_id: str,
    runs: list[Record],
    expected_range: Mapping[str, Any] | None,
) -> list[Alarm]:
    """What is too good to be true about the runs, or about the weights that came along."""
    try:
        own = grading.own_weights(subject_id)
    except JobFailed:
        own = None  # their own check says why
    return find(runs, grading.dataset, expected_range, own)


@pytest.fixture
def measured_range(grading: Session, expected_range: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The same, where it is not the accuracy gate already."""
    if expected_range is None:
        raise NotApplicable("how this network does by this recipe was not measured before")
    if not grading.calibration.documented:
        raise NotApplicable("on these data the accuracy gate is this floor")
    return expected_range


@pytest.fixture
def finished(grading: Session, subject_id: str, experiment: Experiment) -> Finished:  # noqa: ARG001
    """What became of an experiment, which belongs to the subject."""
    return grading.finished(experiment)


@pytest.fixture
def dataset(grading: Session, runs: list[Record]) -> Dataset:  # noqa: ARG001
    """The images and labels of the runs."""
    return grading.dataset


@pytest.fixture(scope="session")
def comparison(pytestconfig: pytest.Config) -> "Comparison":
    """The comparison with --baseline; without it, whoever asks for one is left out."""
    return pytestconfig.stash[COMPARISON]


@pytest.fixture
def then_and_now(
    comparison: "Comparison", subject_id: str, opened: OpenedSubmission | BuildFailure
) -> "tuple[Network, Network]":
    """A network as it was in the baseline and as it is, not trained."""
    from harness.app.grading import baseline  # noqa: PLC0415

    now = baseline.built(subject_id, opened)
    then = comparison.counterpart(now)
    if then is None:
        raise NotApplicable("it is not in the baseline: there is nothing to compare with")
    return then, now


@pytest.fixture
def accuracy_change(
    comparison: "Comparison",
    grading: Session,
    then_and_now: "tuple[Network, Network]",
    trained: list[Record] | JobFailed,
) -> "Row":
    """How its accuracy changed since the baseline."""
    from harness.app.grading import baseline  # noqa: PLC0415

    then, now = then_and_now
    reason = baseline.why_not(comparison, grading)
    return comparison.accuracy(baseline.trained(now, trained, grading.dataset), then, reason)


@pytest.fixture
def size_changes(comparison: "Comparison", then_and_now: "tuple[Network, Network]") -> "list[Row]":
    """How its parameters and FLOPs changed since the baseline."""
    then, now = then_and_now
    return comparison.counts(now, then)


@pytest.fixture
def speed_changes(comparison: "Comparison", then_and_now: "tuple[Network, Network]") -> "list[Row]":
    """How its benchmarks changed since the baseline."""
    then, now = then_and_now
    return comparison.speed(now, then)


@pytest.fixture
def absence(comparison: "Comparison", pytestconfig: pytest.Config, gone: str) -> "Row":
    """What became of a network that the baseline alone knows by its name."""
    from harness.app.grading import baseline  # noqa: PLC0415

    grading = pytestconfig.stash.get(SESSION, None)
    return comparison.missing(gone, baseline.newcomers(comparison, grading))
