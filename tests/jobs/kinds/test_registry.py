"""Jobs cross to the workers as JSON, each kind with its own class and its own function."""

import json

import pytest

from harness.jobs.kinds import registry
from harness.jobs.kinds.evaluate import EvaluateJob
from harness.jobs.kinds.robustness import RobustnessJob
from harness.jobs.kinds.train import TrainJob
from harness.jobs.local import worker
from harness.network.documented import recipe_for
from harness.network.recipe import in_fold
from harness.network.spec import make_spec
from reference.errors import UserError
from reference.facts import expected_network, load


def _spec():
    nodes = expected_network(load("mlp_64_32")).nodes
    rows = [(node.kind, node.config, node.inputs, node.trainable) for node in nodes]
    return make_spec(rows, [f"layer{number}" for number in range(len(rows))])


RECIPE = in_fold(recipe_for(load("mlp_64_32"), "documented", None), 5, 3, 60_000, 1)
JOBS = [
    TrainJob(_spec(), RECIPE, "mnist", "d" * 64, 3, {"threads": 1}),
    EvaluateJob(_spec(), "w" * 64, "mnist", "d" * 64, (255.0, 1.0), {"threads": 1}),
    RobustnessJob("b" * 64, "d" * 64, 500, 0, {"threads": 1}),
]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.kind)
def test_a_job_survives_json(job):
    found = registry.from_json(json.loads(json.dumps(job.to_json())))
    assert found == job
    assert found.key == job.key


def test_an_unknown_kind_is_refused():
    with pytest.raises(UserError, match=r"^job: kind = 'dance'; expected one of train, eval"):
        registry.from_json({"kind": "dance"})


def test_a_worker_says_what_it_was_asked_and_cannot_do(tmp_path):
    told = []
    request = {"job": {"kind": "dance"}, "data": str(tmp_path), "store": str(tmp_path)}
    worker.handle(request, told.append)
    (reply,) = told
    assert (reply["event"], reply["kind"]) == ("failed", "user")
    assert "kind = 'dance'" in reply["message"]
