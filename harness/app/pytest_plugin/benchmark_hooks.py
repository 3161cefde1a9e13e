"""Prepares `pytest --benchmark-only`, and corrects the rows of benchmarks that fail."""

import os
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from harness.app.grading.options import Options
from harness.app.grading.session import Session
from harness.app.pytest_plugin.check_results import CHECK_RESULTS
from harness.app.pytest_plugin.lookup import is_empty
from harness.app.pytest_plugin.options import OPTIONS
from harness.benchmarks import rows
from harness.benchmarks.contest import Pool, Start
from harness.benchmarks.suite import Suite, missing, processes
from harness.evaluation.baseline import benchmarks as baselines
from harness.evaluation.baseline.benchmarks import Baseline, BaselineMismatch
from harness.network.documented import recipe_for
from harness.system.machine import cores
from reference import facts as all_facts
from reference.errors import UserError

MISSING = "missing_key"
BASELINE = pytest.StashKey[Baseline]()


def is_benchmark(config: pytest.Config) -> bool:
    """Returns whether --benchmark-only was given."""
    return bool(config.getoption("--benchmark-only", default=False))


def prepare(config: pytest.Config, options: Options) -> None:
    """Checks the options of benchmarks and reads their baseline, before anything is timed.

    Raises:
        UserError: options exclude each other, or the baseline cannot be used.
    """
    get = config.getoption
    if get("--benchmark-compare-fail", default=None):
        raise UserError(
            "--benchmark-compare-fail compares the times of different runs and reports a "
            "regression only after the test log is written. Use --baseline=FILE, with an earlier "
            "results.json."
        )
    if not is_benchmark(config):
        if options.benchmark_batch is not None:
            raise UserError("--benchmark-batch works only with --benchmark-only")
        return
    if options.cluster is not None:
        raise UserError("--benchmark-only times this machine: leave out --cluster")
    if options.grades_submissions:
        raise UserError(
            "--benchmark-only times the project's own networks: leave out --submission and "
            "--submissions"
        )
    if get("dist", "no") != "no" or os.environ.get("PYTEST_XDIST_WORKER"):
        raise UserError(
            "--benchmark-only cannot run in several processes (pytest-xdist's -n): they would "
            "slow each other down. Leave out -n, or write -n0."
        )
    if get("--benchmark-disable", default=False):
        raise UserError("--benchmark-only and --benchmark-disable: give only one of them")
    if options.baseline is not None:
        config.stash[BASELINE] = baselines.read(options.baseline, baselines.machine())


def training_batch(name: str, options: Options) -> int:
    """Returns the batch size for timing a network's training."""
    documented = recipe_for(all_facts.load(name), "documented", None).batch_size
    return options.benchmark_batch or documented


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Makes one failing test for each benchmark of the baseline that this run does not measure."""
    if MISSING not in metafunc.fixturenames:
        return
    config = metafunc.config
    baseline, options = config.stash.get(BASELINE, None), config.stash.get(OPTIONS, None)
    keys: list[baselines.Key] = []
    if baseline is not None and options is not None:
        batches = {name: training_batch(name, options) for name in all_facts.names()}
        keys = missing(baseline, batches, options.benchmark_batch)
    metafunc.parametrize(MISSING, keys, ids=[baselines.describe(key) for key in keys])


def nothing_missing(item: pytest.Item) -> bool:
    """Returns whether this is the empty test that pytest makes if no benchmark is missing."""
    return is_empty(item, MISSING)


@pytest.fixture(scope="session")
def start_runner(grading: Session) -> Start:
    """Returns what starts the processes in which benchmarks are timed."""
    return processes(grading.logs)


@pytest.fixture(scope="session")
def suite(pytestconfig: pytest.Config, start_runner: Start) -> Iterator[Suite]:
    """Times each benchmark's runners against each other; their rows go into results.json."""
    stash = pytestconfig.stash
    rows = stash[CHECK_RESULTS].benchmarks
    found = Suite(Pool(start_runner), cores(), stash.get(BASELINE, None), rows)
    yield found
    found.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Marks the row of a benchmark as failed if its test failed after it was timed."""
    report = yield
    table = _table(item.config)
    if not report.failed or item.nodeid not in table:
        return report
    error = call.excinfo.value if call.excinfo else None
    row = table[item.nodeid]
    table[item.nodeid] = (
        {**row, "status": error.status, "reason": str(error)}
        if isinstance(error, BaselineMismatch)
        else rows.failed(row, str(error))
    )
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """Removes from pytest-benchmark's file the benchmarks that results.json has no times of."""
    table = _table(config)
    output_json["benchmarks"] = [
        {**found, "extra_info": {**found["extra_info"], **table.get(found["fullname"], {})}}
        for found in output_json["benchmarks"]
        if _has_times(table, found["fullname"])
    ]


@pytest.hookimpl(optionalhook=True, wrapper=True)
def pytest_benchmark_group_stats(
    config: pytest.Config, benchmarks: list[dict[str, Any]]
) -> Generator[None, Any, Any]:
    """Removes them from the table on the terminal as well."""
    table = _table(config)
    benchmarks[:] = [found for found in benchmarks if _has_times(table, found["fullname"])]
    return (yield)


def _table(config: pytest.Config) -> dict[str, dict[str, Any]]:
    return config.stash[CHECK_RESULTS].benchmarks if CHECK_RESULTS in config.stash else {}


def _has_times(table: dict[str, dict[str, Any]], test: str) -> bool:
    return test not in table or table[test]["median_s"] is not None
