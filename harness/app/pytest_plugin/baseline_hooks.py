"""Compares with --baseline: reads it before training, and gives the checks their comparisons."""

from collections.abc import Sequence

import pytest

from harness.app.grading import baseline_comparison
from harness.app.grading.options import Options
from harness.app.grading.session import Session
from harness.app.pytest_plugin.benchmark_hooks import is_benchmark
from harness.app.pytest_plugin.lookup import SESSION, fixtures, is_empty
from harness.evaluation.baseline.comparison import Comparison
from harness.evaluation.baseline.model import Network, Row
from harness.evaluation.checking import NotApplicable
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.store.record import Record
from harness.submissions.opened import OpenedSubmission
from harness.system.failure import BuildFailure
from reference.errors import UserError

GONE, FIXTURE = "gone", "comparison"
COMPARISON = pytest.StashKey[Comparison]()


def prepare(config: pytest.Config, options: Options, present: Sequence[str]) -> None:
    """Reads the baseline of a grading run; `benchmark_hooks` reads that of a benchmark run.

    Args:
        present: the names of the project's networks.

    Raises:
        UserError: the baseline cannot be used, or submissions are graded.
    """
    if options.baseline is None or is_benchmark(config):
        return
    if options.grades_submissions:
        raise UserError(
            "--baseline compares the project's own networks: leave out --submission and "
            "--submissions"
        )
    config.stash[COMPARISON] = baseline_comparison.read(options, options.baseline, present)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Makes one test for each network that only the baseline has."""
    if GONE in metafunc.fixturenames:
        found = metafunc.config.stash.get(COMPARISON, None)
        metafunc.parametrize(GONE, found.gone if found is not None else ())


def nothing_to_compare(item: pytest.Item) -> bool:
    """Returns whether an item compares with a baseline that is not given, or lacks nothing."""
    return FIXTURE in fixtures(item) and (
        COMPARISON not in item.config.stash or is_empty(item, GONE)
    )


@pytest.fixture(scope="session")
def comparison(pytestconfig: pytest.Config) -> Comparison:
    """Returns the comparison with --baseline; checks that use it are left out without one."""
    return pytestconfig.stash[COMPARISON]


@pytest.fixture
def then_and_now(
    comparison: Comparison, subject_id: str, opened: OpenedSubmission | BuildFailure
) -> tuple[Network, Network]:
    """Returns a network as the baseline has it and as it is now, both untrained."""
    now = baseline_comparison.opened_network(subject_id, opened)
    then = comparison.counterpart(now)
    if then is None:
        raise NotApplicable("the network is not in the baseline: there is nothing to compare")
    return then, now


@pytest.fixture
def accuracy_change(
    comparison: Comparison,
    grading: Session,
    then_and_now: tuple[Network, Network],
    trained: list[Record] | JobFailed,
) -> Row:
    """Returns how a network's accuracy changed since the baseline."""
    then, now = then_and_now
    now = baseline_comparison.trained_network(now, trained, grading.dataset)
    reason = baseline_comparison.why_incomparable(comparison, grading)
    return comparison.accuracy(now, then, reason)


@pytest.fixture
def size_changes(comparison: Comparison, then_and_now: tuple[Network, Network]) -> list[Row]:
    """Returns how a network's parameters and FLOPs changed since the baseline."""
    then, now = then_and_now
    return comparison.counts(now, then)


@pytest.fixture
def speed_changes(comparison: Comparison, then_and_now: tuple[Network, Network]) -> list[Row]:
    """Returns how a network's benchmarks changed since the baseline."""
    then, now = then_and_now
    return comparison.speed(now, then)


@pytest.fixture
def absence(comparison: Comparison, pytestconfig: pytest.Config, gone: str) -> Row:
    """Returns what became of a network whose name only the baseline has."""
    grading = pytestconfig.stash.get(SESSION, None)
    return comparison.missing(gone, baseline_comparison.new_networks(comparison, grading))
