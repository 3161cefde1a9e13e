"""The baseline's side of pytest: read before anything is trained; a test for what is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.app.pytest_plugin.benchmarks import is_benchmark
from harness.app.pytest_plugin.stash_keys import COMPARISON, SESSION
from reference.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from harness.app.grading.options import Options

GONE, FIXTURE = "gone", "comparison"


def prepare(config: pytest.Config, options: Options, present: Sequence[str]) -> None:
    """Reads the baseline of a grading run; that of benchmarks is read in `benchmarks`.

    Args:
        present: the names of the project's networks.

    Raises:
        UserError: it cannot be used, or submissions are graded.
    """
    if options.baseline is None or is_benchmark(config):
        return
    if options.grades_submissions:
        raise UserError(
            "--baseline is about the project's own networks: leave out --submission and "
            "--submissions"
        )
    # Not before it is needed: most collections do without.
    from harness.app.grading.baseline import begin  # noqa: PLC0415

    comparison = begin(options, present)
    if comparison is not None:
        config.stash[COMPARISON] = comparison


def compares(config: pytest.Config) -> bool:
    """Whether a grading run has a baseline."""
    return COMPARISON in config.stash


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each network that the baseline alone has."""
    if GONE in metafunc.fixturenames:
        comparison = metafunc.config.stash.get(COMPARISON, None)
        metafunc.parametrize(GONE, comparison.gone if comparison is not None else ())


def nothing_to_compare(item: pytest.Item) -> bool:
    """Whether an item is of a baseline, where there is none or nothing is gone from it."""
    if FIXTURE not in getattr(item, "fixturenames", ()):
        return False
    params = item.callspec.params if hasattr(item, "callspec") else {}
    return not compares(item.config) or not isinstance(params.get(GONE, ""), str)


def document(config: pytest.Config) -> dict[str, Any] | None:
    """Returns `baseline` of results.json, once the checks have run; None without one."""
    comparison = config.stash.get(COMPARISON, None)
    if comparison is None:
        return None
    from harness.app.grading.baseline import why_not  # noqa: PLC0415

    return comparison.to_json(why_not(comparison, config.stash[SESSION]))
