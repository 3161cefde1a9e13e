"""The context of an experiment, and its outcome whatever goes wrong."""

import json
from concurrent.futures import Future
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from harness.app.grading.options import Options
from harness.app.pytest_plugin import plugin
from harness.experiments import catalogue
from harness.experiments.context import ExperimentContext, Outcome, Setting
from harness.experiments.runner import ExperimentRunner, finish
from harness.jobs.kinds.errors import JobFailed
from harness.network.cost import TimeLimit
from harness.network.documented import recipe_for
from harness.network.recipe import in_fold
from harness.network.spec import make_spec
from harness.system.failure import BuildFailure
from reference.calibration import Calibration
from reference.errors import UserError
from reference.facts import expected_network, load

NAME = "mlp_64_32"
WAIT_S = 20  # for what takes milliseconds, on a busy machine
DATA = SimpleNamespace(name="mnist", digest="d" * 64, train_labels=range(60_000))


@dataclass(frozen=True)
class Does:
    """An experiment that does what it is told."""

    do: object
    id: str = "does"
    architecture: str = NAME
    kind: str = "study"
    title: str = "A title"
    question: str = "Why?"
    source: str = "Section 1"

    def run(self, context):
        return self.do(context)


class Work:
    """Notes what it is asked to do, and never does it."""

    def __init__(self):
        self.asked = []

    def train(self, *arguments):
        self.asked.append(arguments)
        return Future()

    do = train


def documented_spec(name):
    nodes = expected_network(load(name)).nodes
    rows = [(node.kind, node.config, node.inputs, node.trainable) for node in nodes]
    return make_spec(rows, ["x"] * len(rows))


def _done(value):
    future = Future()
    future.set_result(value)
    return future


def _context(grading=None, work=None, **setting):
    facts = {NAME: load(NAME)}
    return ExperimentContext(Setting(DATA, facts, seeds=5, **setting), grading, work or Work())


def _raises(error):
    def run(_context):
        raise error

    return run


# What becomes of one ----------------------------------------------------------------------------


def test_an_experiment_that_ends_has_a_result():
    found = finish(Does(lambda _: Outcome({"mean": 0.5, "pair": (1, 2)}, ("moved",))), None)
    assert found.to_json() == {
        "id": "does", "architecture": NAME, "kind": "study", "title": "A title",
        "question": "Why?", "source": "Section 1", "status": "done", "reason": None,
        "problems": ["moved"], "result": {"mean": 0.5, "pair": [1, 2]},
    }  # fmt: skip
    assert found.blame is None


@pytest.mark.parametrize(
    ("error", "status", "blame", "reason"),
    [
        (JobFailed("skipped", "no network"), "skipped", "skipped", "no network"),
        (JobFailed("timeout", "too long"), "failed", "timeout", "too long"),
        (UserError("no letters"), "failed", "grader_error", "no letters"),
        (
            ValueError("odd"),
            "failed",
            "grader_error",
            "ValueError: odd (tests/experiments/test_context_and_runner.py",
        ),
    ],
)
def test_an_error_is_an_outcome(error, status, blame, reason):
    found = finish(Does(_raises(error)), None)
    assert (found.status, found.blame, found.result) == (status, blame, None)
    assert found.reason.startswith(reason)
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_a_result_that_is_no_json_does_not_spoil_the_others(value):
    found = finish(Does(lambda _: Outcome({"mean": value})), None)
    assert (found.status, found.result) == ("failed", None)
    assert "JSON" in found.reason


# All of them ------------------------------------------------------------------------------------


def test_one_that_fails_leaves_the_others_alone():
    broken = Does(_raises(KeyError("x")), id="broken")
    sound = Does(lambda context: Outcome({"seeds": context.seeds}), id="sound")
    running = ExperimentRunner([broken, sound], _context())
    found = [future.result(WAIT_S) for future in running.all()]
    assert [(one.experiment.id, one.status) for one in found] == [
        ("broken", "failed"), ("sound", "done"),
    ]  # fmt: skip
    assert running.future(sound).result().result == {"seeds": 5}


def test_experiments_of_the_same_name_are_told_apart_by_their_architecture():
    both = [Does(lambda _: Outcome({}), architecture=name) for name in (NAME, "deep_cnn")]
    running = ExperimentRunner(both, _context())
    assert [running.future(one).result(WAIT_S).experiment for one in both] == both


def test_those_that_wait_are_woken_when_the_session_ends():
    began = Future()

    def wait(context):
        began.set_result(None)
        return Outcome({"x": context.wait(Future())})

    experiment = Does(wait)
    running = ExperimentRunner([experiment], _context())
    began.result(WAIT_S)
    running.stop()
    found = running.future(experiment).result(WAIT_S)
    assert (found.status, found.reason) == ("skipped", "the session has ended")
    running.wait()


# The context -----------------------------------------------------------------------------------


def test_what_is_there_is_had_even_when_the_session_has_ended():
    context = _context()
    context.close()
    assert context.wait(_done(3)) == 3
    with pytest.raises(JobFailed, match="the session has ended"):
        context.wait(Future())


def test_an_error_of_what_is_waited_for_is_passed_on():
    future = Future()
    future.set_exception(JobFailed("timeout", "too long"))
    with pytest.raises(JobFailed, match="too long"):
        _context().wait(future)


def test_the_network_is_the_projects_own():
    opened = SimpleNamespace(spec=documented_spec(NAME))
    grading = SimpleNamespace(opened_project={NAME: _done(opened)}.get)
    assert _context(grading).spec(NAME) is opened.spec


def test_a_network_that_was_not_built_is_said_to_be_missing():
    grading = SimpleNamespace(opened_project=lambda _: _done(BuildFailure("failed", "a typo")))
    with pytest.raises(JobFailed, match=f"{NAME} was not built: see its build check") as raised:
        _context(grading).spec(NAME)
    assert raised.value.status == "skipped"


def test_the_subjects_own_runs_come_by_seed():
    grading = SimpleNamespace(project_runs={NAME: [_done("first"), _done("second")]}.get)
    assert _context(grading).runs(NAME) == ["first", "second"]


def test_the_recipe_is_the_documented_one_adapted_to_the_data():
    assert _context().recipe(NAME) == recipe_for(load(NAME), "documented", None)
    digits = Calibration("digits", {"epochs": 3, "batch_size": 8}, {}, "")
    assert _context(calibration=digits).recipe(NAME) == replace(
        _context().recipe(NAME), epochs=3, batch_size=8
    )


def test_a_fold_is_an_ordinary_run_with_a_cost_and_a_limit():
    work = Work()
    context = _context(work=work)
    spec, whole = documented_spec(NAME), context.recipe(NAME)
    few = replace(whole, train_images=1_000)
    for recipe in (in_fold(whole, 5, 3, 60_000, 1), few):
        context.train(spec, recipe, 3, "mlp_64_32 fold 3")
    (job, title, cost, limit), (_, _, small_cost, small_limit) = work.asked
    assert (job.spec, job.seed, job.data_digest, title) == (spec, 3, "d" * 64, "mlp_64_32 fold 3")
    assert (job.recipe.fold, job.recipe.validation_images, job.recipe.stop_at) == (3, 12_000, None)
    # A run on a thousand images is a forty-eighth of one on four fifths of the images.
    assert cost == pytest.approx(48 * small_cost)
    assert limit.seconds > small_limit.seconds


def test_more_images_than_there_are_cannot_be_trained_on():
    context = _context()
    recipe = replace(context.recipe(NAME), train_images=50_000)
    with pytest.raises(JobFailed, match=r"train_images = 50,000, but should be at most 48,000"):
        context.train(documented_spec(NAME), recipe, 0, "x")


def test_other_jobs_are_passed_on_as_they_are():
    work, job, limit = Work(), object(), TimeLimit(3, "x")
    _context(work=work).do(job, "twin seed 0", 1e9, limit, epochs=100)
    assert work.asked == [(job, "twin seed 0", 1e9, limit, 100)]


# The catalogue ----------------------------------------------------------------------------------


def _options(tmp_path, **changes):
    return Options(
        dataset="digits", mnist_dir=None, seeds=1, workers=1, fresh=False,
        report=tmp_path, store=tmp_path, **{"recipe": "gate", **changes},
    )  # fmt: skip


def test_without_the_documents_recipe_there_are_no_experiments(tmp_path):
    assert plugin._experiments(_options(tmp_path)) == ()


def test_submissions_are_not_experimented_with(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "_documented", lambda *_: [Does(None)])
    documented = _options(tmp_path, recipe="documented")
    assert len(plugin._experiments(documented)) == 1
    others = replace(documented, submissions=(tmp_path / "x.py",))
    assert plugin._experiments(others) == ()


def test_a_grid_of_the_users_goes_with_either_recipe(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "_documented", lambda *_: [Does(None, id="ours")])
    monkeypatch.setattr(catalogue, "_of_user", lambda *_: Does(None, id="theirs"))
    for recipe, expected in (("gate", ["theirs"]), ("documented", ["ours", "theirs"])):
        options = _options(tmp_path, recipe=recipe, grid=tmp_path / "grid.toml")
        assert [one.id for one in plugin._experiments(options)] == expected


@pytest.mark.parametrize(
    "found",
    [
        [Does(None, id="Cross-validation")],
        [Does(None, architecture="unknown")],
        [Does(None), Does(None)],
    ],
    ids=["bad id", "unknown architecture", "taken id"],
)
def test_ids_are_what_tests_can_be_called_by(monkeypatch, found):
    monkeypatch.setattr(catalogue, "_documented", lambda *_: found)
    with pytest.raises(ValueError, match="unknown, bad or taken"):
        catalogue.experiments([NAME], documented=True, grid=None)
