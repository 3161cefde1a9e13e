"""The process that benchmarks are timed in: its protocol, its tasks, its peers."""

import os
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from harness.benchmarks import runner
from harness.benchmarks.workload import TimedTask, Unavailable, Workload, noise, steps_per_round
from harness.network.documented import recipe_for
from harness.network.spec import make_spec
from harness.system.processes import json_process
from harness.system.processes.json_process import Compute, JsonProcess
from reference import facts
from reference.errors import UserError
from reference.forward import forward
from reference.layers import Network
from tests.support.fake_benchmarks import small_spec

PATIENCE = 120


def _workload(task="train", who="engine", **changes):
    recipe = recipe_for(facts.load("mlp_64_32"), "documented", None)
    return replace(Workload(task, who, small_spec(), recipe, 32, 3), **changes)


def _ask(served, request):
    answers = []
    served.handle(request, answers.append)
    assert len(answers) == 1, "one answer to each request"
    return answers[0]


class _Steps:
    """A task whose first run takes longer than the others, by its own account."""

    def __init__(self):
        self.runs = 0

    def __call__(self, _workload):
        def run():
            self.runs += 1
            return 0.25

        return TimedTask(run, outputs=lambda: np.array([[0.25, 0.75]], np.float32))


def test_a_task_is_run_once_when_prepared_and_once_when_told():
    steps = _Steps()
    served = runner.Runner(steps)
    ready = _ask(served, {"prepare": "a", **_workload().to_json()})
    assert ready["event"] == "ready"
    assert (ready["images"], ready["steps"], ready["outputs"]) == (96, 3, [[0.25, 0.75]])
    assert ready["first_call_s"] >= 0
    assert steps.runs == 1
    assert _ask(served, {"run": "a"}) == {"event": "ran", "elapsed_s": 0.25}
    assert steps.runs == 2


def test_a_task_that_was_not_prepared_is_refused():
    answer = _ask(runner.Runner(_Steps()), {"run": "b"})
    assert answer == {
        "event": "failed",
        "message": "run = 'b', but should be a prepared task: none",
    }


def test_a_request_that_is_none_is_refused():
    answer = _ask(runner.Runner(_Steps()), {"dance": 1})
    assert "expected prepare, run, matmul or device" in answer["message"]


def test_an_error_is_an_answer_and_the_next_request_is_served():
    def make(workload):
        raise {"engine": ValueError, "pytorch": Unavailable}[workload.runner]("no")

    served = runner.Runner(make)
    answer = _ask(served, {"prepare": "a", **_workload().to_json()})
    assert answer["event"] == "failed"
    assert "ValueError: no" in answer["message"]
    answer = _ask(served, {"prepare": "a", **_workload(who="pytorch").to_json()})
    assert answer == {"event": "unavailable", "reason": "no"}


def test_a_workload_survives_json():
    workload = _workload(batch_size=32)
    assert Workload.from_json(workload.to_json()) == workload


def test_the_batch_size_of_the_workload_is_the_recipes():
    assert Workload.from_json(_workload(batch_size=64).to_json()).recipe.batch_size == 64


@pytest.mark.parametrize("name", ["task", "runner", "spec", "recipe", "batch_size", "steps"])
def test_a_workload_without_a_part_says_which(name):
    document = _workload().to_json()
    del document[name]
    with pytest.raises(UserError, match=f"the workload has no '{name}'"):
        Workload.from_json(document)


@pytest.mark.parametrize("value", [0, -1, 2.5, "3", None])
def test_a_workload_without_steps_is_refused(value):
    with pytest.raises(UserError, match="should be an integer from 1"):
        Workload.from_json({**_workload().to_json(), "steps": value})


def test_all_runners_get_the_same_data():
    assert all(np.array_equal(a, b) for a, b in zip(noise(50), noise(50), strict=True))


@pytest.mark.parametrize("threads", [1, 3])
def test_a_process_is_told_its_threads(monkeypatch, tmp_path, threads):
    given = {}
    real = json_process.subprocess.Popen

    def popen(command, **options):
        given.update(options["env"])
        return real(command, **options)

    monkeypatch.setattr(json_process.subprocess, "Popen", popen)
    child = JsonProcess(
        "tests.support.processes.fake_worker", tmp_path / "log", compute=Compute(threads)
    )
    child.stop()
    assert given["TF_NUM_INTRAOP_THREADS"] == given["OMP_NUM_THREADS"] == str(threads)


@pytest.mark.parametrize(("gpu", "seen"), [(False, "-1"), (True, "0,2"), (True, None)])
def test_only_benchmarks_see_the_gpus_that_the_user_lets_them(monkeypatch, tmp_path, gpu, seen):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if gpu and seen:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
    given = {}

    def popen(command, **options):
        given.update(options["env"])
        raise FileNotFoundError(command[0])

    monkeypatch.setattr(json_process.subprocess, "Popen", popen)
    with pytest.raises(FileNotFoundError):
        JsonProcess(
            "tests.support.processes.fake_worker", tmp_path / "log", compute=Compute(1, gpu)
        )
    assert given.get("CUDA_VISIBLE_DEVICES") == seen


def test_a_round_is_neither_short_nor_long():
    small = small_spec().network
    assert steps_per_round(small, "train", "engine", 32) == 100
    assert steps_per_round(small, "train", "engine", 1 << 20) == 6
    assert steps_per_round(small, "predict", "engine", 1) == 100
    assert steps_per_round(small, "predict", "keras predict", 1) == 1
    trained = {steps_per_round(small, "train", who, 32) for who in ("keras fit", "pytorch")}
    assert trained == {100}


# With TensorFlow ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_real_tasks_run_and_agree(tmp_path):
    child = JsonProcess("harness.benchmarks.runner", tmp_path / "log", compute=Compute(1))

    def ask(request):
        child.send(request)
        return child.receive(time.monotonic() + PATIENCE)

    try:
        outputs = {}
        for task, who in (
            ("train", "engine"),
            ("train", "keras fit"),
            ("predict", "engine"),
            ("predict", "keras predict"),
            ("predict", "keras call"),
        ):
            ready = ask({"prepare": task + who, **_workload(task, who).to_json()})
            assert ready["event"] == "ready", ready
            ran = ask({"run": task + who})
            assert ran["elapsed_s"] > 0
            outputs[task, who] = ready.get("outputs")
        assert outputs["train", "engine"] is None
        expected = np.array(outputs["predict", "engine"])
        assert expected.shape == (32, 10)
        for who in ("keras predict", "keras call"):
            np.testing.assert_allclose(outputs["predict", who], expected, atol=1e-5)
        assert ask({"device": True}) == {"event": "device", "name": "CPU"}
        assert ask({"matmul": True})["flops_per_s"] > 1e8
        wrong = ask({"prepare": "x", **_workload("predict", "keras fit").to_json()})
        assert "predict by keras fit: expected train by pytorch" in wrong["message"]
    finally:
        child.stop()


# PyTorch -----------------------------------------------------------------------------------------


def test_pytorch_that_is_not_installed_is_unavailable(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "harness.benchmarks.torch_tasks", raising=False)
    document = {"prepare": "a", **_workload(who="pytorch").to_json()}
    assert _ask(runner.Runner(runner.make), document) == {
        "event": "unavailable",
        "reason": "PyTorch is not installed: pip install -r requirements-peers.txt",
    }


def _peer():
    if not os.environ.get("CI"):  # where everything runs, its absence is a failure
        pytest.importorskip("torch", reason="a peer, and optional: see requirements-peers.txt")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from harness.benchmarks import torch_tasks

    return torch_tasks


def _convolutional():
    """Every kind of layer that the documents' networks have, small, odd sizes included."""
    kinds = [
        ("InputLayer", {"shape": [28, 28, 1]}),
        ("Conv2D", {"filters": 4, "kernel_size": [3, 3], "padding": "same"}),
        ("BatchNormalization", {}),
        ("Activation", {"activation": "relu"}),
        ("MaxPooling2D", {"pool_size": [2, 2]}),
        ("Conv2D", {"filters": 3, "kernel_size": [4, 4]}),
        ("MaxPooling2D", {"pool_size": [2, 2]}),
        ("Flatten", {}),
        ("Dense", {"units": 12}),
        ("Activation", {"activation": "tanh"}),
        ("Dropout", {"rate": 0.5}),
        ("Dense", {"units": 10}),
        ("Activation", {"activation": "softmax"}),
    ]
    rows = [(kind, config, (i - 1,) if i else (), True) for i, (kind, config) in enumerate(kinds)]
    return make_spec(rows, [f"layer{i}" for i in range(len(rows))])


def _numpy_weights(module):
    """Returns a PyTorch layer's weights in Keras's names and axes."""
    found = {name: value.detach().numpy() for name, value in module.named_parameters()}
    if hasattr(module, "running_mean"):
        return {
            "gamma": found["weight"],
            "beta": found["bias"],
            "moving_mean": module.running_mean.numpy(),
            "moving_variance": module.running_var.numpy(),
        }
    if not found:
        return {}
    axes = (2, 3, 1, 0) if found["weight"].ndim == 4 else (1, 0)
    return {"kernel": found["weight"].transpose(axes), "bias": found["bias"]}


@pytest.mark.slow
def test_the_peer_computes_the_same_network():
    peer = _peer()
    import torch

    spec = _convolutional()
    torch.manual_seed(0)
    network = peer.convert(spec.network).to(memory_format=torch.channels_last).eval()
    for module in network:
        if hasattr(module, "running_mean"):
            torch.nn.init.uniform_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    images, _ = noise(5)
    with torch.no_grad():
        logits = network(peer.arranged(images, spec) / 255).numpy()
    weights = [{}, *(_numpy_weights(module) for module in network)]
    logits_only = Network(spec.network.nodes[:-1])
    expected = forward(logits_only, weights, images.reshape(5, 28, 28, 1) / 255)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_the_peer_learns():
    peer = _peer()
    workload = _workload(who="pytorch", steps=4)
    work = peer.loop(replace(workload, recipe=replace(workload.recipe, learning_rate=0.01)))
    first, _ = work()
    for _ in range(40):
        last, correct = work()
    assert last < 0.1 * first
    assert correct == 128  # images, by heart
    assert peer.training(workload).run() > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "predict"}, "expected train"),
        ({"recipe": "optimizer"}, "expected adam or sgd"),
        ({"recipe": "loss"}, "expected categorical_crossentropy"),
    ],
)
def test_what_the_peer_does_not_know_is_refused(change, message):
    peer = _peer()
    workload = _workload(who="pytorch")
    if "recipe" in change:
        change = {"recipe": replace(workload.recipe, **{change["recipe"]: "other"})}
    with pytest.raises(UserError, match=message):
        peer.training(replace(workload, **change))


@pytest.mark.slow  # PyTorch is optional for the fast lane
def test_the_peer_refuses_layers_that_it_has_not():
    peer = _peer()
    rows = [
        ("InputLayer", {"shape": [784]}, (), True),
        ("LayerNormalization", {}, (0,), True),
        ("Dense", {"units": 10}, (1,), True),
        ("Activation", {"activation": "softmax"}, (2,), True),
    ]
    with pytest.raises(UserError, match="LayerNormalization: expected one of"):
        peer.convert(make_spec(rows, list("abcd")).network)
    with pytest.raises(UserError, match="should end in a softmax"):
        peer.convert(Network(small_spec().network.nodes[:-1]))
