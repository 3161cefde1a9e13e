"""The benchmark lane's side of pytest: what it refuses, and what becomes of a row that fails.

`harness.app.pytest_plugin.plugin` decides when it is called; the hooks here are pytest-benchmark's.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from harness.app.pytest_plugin.stash_keys import BASELINE, LEDGER, OPTIONS
from harness.benchmarks import rows, suite
from harness.evaluation.baseline import benchmark_keys
from harness.evaluation.baseline import benchmarks as baselines
from harness.evaluation.baseline.benchmarks import BaselineMismatch
from harness.network.documented import recipe_for
from reference import facts as all_facts
from reference.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Generator

    from harness.app.grading.options import Options

MISSING = "missing_key"


def is_benchmark(config: pytest.Config) -> bool:
    """Whether benchmarks were asked for."""
    return bool(config.getoption("--benchmark-only", default=False))


def prepare(config: pytest.Config, options: Options) -> None:
    """Refuses what cannot be measured or compared, before anything is timed.

    Raises:
        UserError: options that do not go together, or a baseline that is of no use.
    """
    get = config.getoption
    if get("--benchmark-compare-fail", default=None):
        raise UserError(
            "--benchmark-compare-fail compares times of different runs, and reports a regression "
            "after the test log is written. Expected --baseline=FILE, an earlier results.json."
        )
    if not is_benchmark(config):
        if options.benchmark_batch is not None:
            raise UserError(
                "--benchmark-batch is of benchmarks: expected --benchmark-only beside it"
            )
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
            "--benchmark-only cannot be distributed over processes (pytest-xdist's -n): they "
            "would disturb each other's times. Leave out -n, or give -n0."
        )
    if get("--benchmark-disable", default=False):
        raise UserError("--benchmark-only and --benchmark-disable: expected only one of them")
    if options.baseline is not None:
        config.stash[BASELINE] = baselines.read(options.baseline, benchmark_keys.machine())


def training_batch(name: str, options: Options) -> int:
    """Returns the batch size that a network's training is timed with."""
    documented = recipe_for(all_facts.load(name), "documented", None).batch_size
    return options.benchmark_batch or documented


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One failing test for each benchmark of the baseline that this run would not measure."""
    if MISSING not in metafunc.fixturenames:
        return
    config = metafunc.config
    baseline, options = config.stash.get(BASELINE, None), config.stash.get(OPTIONS, None)
    keys: list[benchmark_keys.Key] = []
    if baseline is not None and options is not None:
        batches = {name: training_batch(name, options) for name in all_facts.names()}
        keys = suite.missing(baseline, batches, options.benchmark_batch)
    metafunc.parametrize(MISSING, keys, ids=[benchmark_keys.describe(key) for key in keys])


def nothing_missing(item: pytest.Item) -> bool:
    """Whether this is the empty test that pytest makes where no benchmark is missing."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    return MISSING in params and not isinstance(params[MISSING], tuple)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Takes back the row of a test that failed after its times were taken."""
    report = yield
    ledger = item.config.stash.get(LEDGER, None)
    if ledger is None or not report.failed or item.nodeid not in ledger.benchmarks:
        return report
    error = call.excinfo.value if call.excinfo else None
    row = ledger.benchmarks[item.nodeid]
    if isinstance(error, BaselineMismatch):
        row = {**row, "status": error.status, "reason": str(error)}
    else:
        row = rows.failed(row, str(error))
    ledger.benchmarks[item.nodeid] = row
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """Keeps out of pytest-benchmark's file what results.json does not have as measured."""
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
    """Keeps it out of the table on the terminal, too."""
    table = _table(config)
    benchmarks[:] = [found for found in benchmarks if _has_times(table, found["fullname"])]
    return (yield)


def _table(config: pytest.Config) -> dict[str, dict[str, Any]]:
    ledger = config.stash.get(LEDGER, None)
    return {} if ledger is None else ledger.benchmarks


def _has_times(table: dict[str, dict[str, Any]], test: str) -> bool:
    return test not in table or table[test]["median_s"] is not None
