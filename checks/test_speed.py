"""How fast is the network? Only `pytest --benchmark-only` runs these."""

from dataclasses import replace
from typing import Any

import pytest

from harness.app.grading.session import Session
from harness.app.pytest_plugin import benchmark_hooks
from harness.benchmarks.suite import PREDICTION_BATCHES, REPLAY, RUNNERS, Entrant, Suite
from harness.evaluation.baseline.benchmarks import Key
from harness.network.documented import recipe_for
from harness.network.spec import Spec
from harness.submissions.opened import OpenedSubmission
from harness.system.failure import BuildFailure
from reference.facts import Facts

pytestmark = [
    # Child processes measure the times, interleaved; pytest-benchmark only reports them.
    pytest.mark.benchmark(timer=REPLAY.clock),
    # A benchmark that fails before it is timed reports its own reason.
    pytest.mark.filterwarnings("ignore:Benchmark fixture was not used at all"),
]


@pytest.fixture
def test_id(request: pytest.FixtureRequest) -> str:
    return str(request.node.nodeid)


@pytest.mark.parametrize("runner", RUNNERS["train"])
def test_training(
    benchmark: Any,
    suite: Suite,
    test_id: str,
    grading: Session,
    facts: Facts,
    opened: OpenedSubmission | BuildFailure,
    runner: str,
) -> None:
    """training throughput, with the documented batch size unless --benchmark-batch is given"""
    batch_size = benchmark_hooks.training_batch(facts.name, grading.options)
    recipe = replace(recipe_for(facts, "documented", None), batch_size=batch_size)
    key = (facts.name, "train", batch_size)
    suite.time(benchmark, test_id, Entrant(key, runner, _network(opened), recipe))


@pytest.mark.parametrize("batch_size", PREDICTION_BATCHES)
@pytest.mark.parametrize("runner", RUNNERS["predict"])
def test_prediction(
    benchmark: Any,
    suite: Suite,
    test_id: str,
    facts: Facts,
    opened: OpenedSubmission | BuildFailure,
    runner: str,
    batch_size: int,
) -> None:
    """prediction: latency of one image, throughput of a batch"""
    recipe = recipe_for(facts, "documented", None)
    key = (facts.name, "predict", batch_size)
    suite.time(benchmark, test_id, Entrant(key, runner, _network(opened), recipe))


@pytest.mark.usefixtures("benchmark")
def test_baseline(suite: Suite, test_id: str, missing_key: Key) -> None:
    """every benchmark of the baseline is measured again"""
    suite.miss(test_id, missing_key)


def _network(opened: OpenedSubmission | BuildFailure) -> Spec | BuildFailure:
    return opened.spec if isinstance(opened, OpenedSubmission) else opened
