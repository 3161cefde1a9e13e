"""Fixtures of the checks. Options and hooks are in harness/app/pytest_plugin/."""

import pytest

from harness.app.grading.session import Session
from harness.app.pytest_plugin.lookup import SESSION
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
from harness.report.schema.results import Range
from harness.submissions.feedback.comparison import Comparison
from harness.submissions.opened import OpenedSubmission
from harness.system.failure import BuildFailure
from reference.facts import Facts

NO_NETWORK = "there is no network: see the build check"

pytest_plugins = [
    "harness.app.pytest_plugin.benchmark_hooks",
    "harness.app.pytest_plugin.baseline_hooks",
    "harness.app.pytest_plugin.plugin",
]


@pytest.fixture(scope="session")
def grading(pytestconfig: pytest.Config) -> Session:
    """Returns the session, which opens, trains and verifies in the background."""
    return pytestconfig.stash[SESSION]


@pytest.fixture
def facts(grading: Session, subject_id: str) -> Facts:
    """Returns what the document says."""
    found = grading.facts_of(subject_id)
    if found is None:
        pytest.skip(NO_NETWORK)
    return found


@pytest.fixture
def opened(grading: Session, subject_id: str) -> OpenedSubmission | BuildFailure:
    """Returns the opened subject, or why it could not be opened."""
    return grading.opened(subject_id)


@pytest.fixture
def structure(opened: OpenedSubmission | BuildFailure) -> Comparison:
    """Returns the comparison of the subject's network with the documented one."""
    if isinstance(opened, BuildFailure):
        pytest.skip(NO_NETWORK)
    return opened.comparison


@pytest.fixture
def spec(structure: Comparison) -> Spec:
    """Returns the subject's network."""
    return structure.spec


@pytest.fixture
def submitted_recipe(structure: Comparison) -> Comparison:
    """Returns the same comparison, if the submission shows how its author trains the network."""
    if structure.recipe is None:
        raise NotApplicable("the submission does not call fit(): it shows no recipe")
    return structure


@pytest.fixture
def recipe(grading: Session, opened: OpenedSubmission, spec: Spec) -> Recipe:  # noqa: ARG001
    """Returns the recipe that the subject is trained with."""
    return grading.recipe_of(opened)


@pytest.fixture
def trained(grading: Session, subject_id: str) -> list[Record] | JobFailed:
    """Returns the records of the training runs, or why one of them failed."""
    try:
        return grading.runs(subject_id)
    except JobFailed as error:
        return error


@pytest.fixture
def runs(trained: list[Record] | JobFailed) -> list[Record]:
    """Returns the records of the training runs, one for each seed."""
    if isinstance(trained, JobFailed):
        pytest.skip("there is no trained network: see the training check")
    return trained


@pytest.fixture
def record(runs: list[Record]) -> Record:
    """Returns the record of the first seed."""
    return runs[0]


@pytest.fixture
def verification(grading: Session, subject_id: str, record: Record) -> Verification:  # noqa: ARG001
    """Returns what another process computed from the first run's files and first steps."""
    found = grading.verification(subject_id)
    if isinstance(found, BuildFailure):
        raise Unavailable("grader_error", found.message)
    return found


@pytest.fixture
def own_weights(
    grading: Session,
    subject_id: str,
    trained: list[Record] | JobFailed,  # noqa: ARG001  (so that the check counts as a training one)
) -> OwnAccuracy:
    """Returns the accuracy of the weights that a saved network came with."""
    try:
        found = grading.own_weights(subject_id)
    except JobFailed as error:
        if error.status == "skipped":
            pytest.skip(str(error))
        raise Unavailable(error.status, str(error)) from error
    if found is None:
        raise NotApplicable("the submission contains no weights")
    return found


@pytest.fixture
def expected_range(grading: Session, opened: OpenedSubmission, runs: list[Record]) -> Range | None:
    """Returns the accuracies measured earlier with this network and recipe, if any were."""
    return calibrated_range(runs, opened.facts, opened.spec.digest, grading.calibration)


@pytest.fixture
def alarms(
    grading: Session,
    subject_id: str,
    runs: list[Record],
    expected_range: Range | None,
) -> list[Alarm]:
    """Returns what is too good to be true about the runs, or about the weights of the file."""
    try:
        own = grading.own_weights(subject_id)
    except JobFailed:
        own = None  # the check of these weights reports the error
    return find(runs, grading.dataset, expected_range, own)


@pytest.fixture
def measured_range(grading: Session, expected_range: Range | None) -> Range:
    """Returns the same range, unless the accuracy gate already is its lower end."""
    if expected_range is None:
        raise NotApplicable("no accuracies were measured earlier with this network and recipe")
    if not grading.calibration.documented:
        raise NotApplicable("on the digits the gate already is the minimum expected accuracy")
    return expected_range


@pytest.fixture
def finished(grading: Session, subject_id: str, experiment: Experiment) -> Finished:  # noqa: ARG001
    """Returns the result of an experiment, which belongs to the subject."""
    return grading.finished(experiment)


@pytest.fixture
def dataset(grading: Session, runs: list[Record]) -> Dataset:  # noqa: ARG001
    """Returns the images and labels of the runs."""
    return grading.dataset
