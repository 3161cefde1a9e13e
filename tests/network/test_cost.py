"""What training would cost, known before it begins: who is refused, and how long a run may take."""

import subprocess
import sys
import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.jobs.kinds.errors import JobFailed
from harness.jobs.planning import jobs_for
from harness.network.cost import (
    ALWAYS_TRAINED,
    EVALUATION_BATCH,
    FEW,
    MAX_BYTES,
    MIN_LIMIT_S,
    estimate_s,
    operations,
    refusal,
    step_bytes,
    time_limit,
)
from harness.network.documented import recipe_for
from harness.network.spec import make_spec
from harness.system import machine
from harness.system.directories import PROJECT_ROOT
from harness.system.memory import MAX_BYTES as WORKER_BYTES
from reference.facts import expected_network, load, names
from reference.layers import flops, normalise, total_params

DATASET = SimpleNamespace(name="mnist", digest="d" * 64)
IMAGES = 60_000


def _rows(*layers):
    """A chain of layers behind an image of 28 × 28 pixels."""
    rows = [("InputLayer", {"shape": [28, 28, 1]}), *layers]
    return [
        (kind, config, (index - 1,) if index else (), True)
        for index, (kind, config) in enumerate(rows)
    ]


def _network(*layers):
    return normalise(_rows(*layers))


def _documented(name):
    return expected_network(load(name))


def _recipe(name="deep_cnn"):
    return recipe_for(load(name), "documented", None)


END = (("Flatten", {}), ("Dense", {"units": 10, "activation": "softmax"}))


# Arithmetic --------------------------------------------------------------------------------------


def test_operations_are_flops_and_ten_for_each_value_and_one_for_each_value_pooled():
    network = _network(("MaxPooling2D", {"pool_size": 2}), *END)
    # 784 in, 196 pooled of 4 each, 196 flattened, 10 scores and 10 probabilities
    expected = sum(flops(network)) + 10 * (784 + 196 + 196 + 10 + 10) + 4 * 196
    assert operations(network) == expected
    assert sum(flops(network)) == (2 * 196 + 1) * 10


def test_memory_is_that_of_the_batch_and_of_the_weights():
    network = _network(("Conv2D", {"filters": 2, "kernel_size": 3}), *END)
    values = 784 + 26 * 26 * 2 * 2 + 10 + 10
    patches = 26 * 26 * 9
    weights = 4 * total_params(network)
    recipe = replace(_recipe(), batch_size=1000)
    assert step_bytes(network, recipe) == 4 * ((values + patches) * 3000 + weights)
    # Small batches train in less than an evaluation needs.
    recipe = replace(_recipe(), batch_size=1)
    assert step_bytes(network, recipe) == 4 * ((values + patches) * EVALUATION_BATCH + weights)


def test_patches_that_are_not_written_out_need_no_memory():
    recipe = replace(_recipe(), batch_size=1)
    few, many = (
        step_bytes(_network(("Conv2D", {"filters": 1, "kernel_size": k}), *END), recipe)
        for k in (4, 5)
    )
    assert few > many + 4 * EVALUATION_BATCH * 25 * 25 * 15


def test_the_engines_own_numbers_are_known():
    engine = PROJECT_ROOT / "harness" / "network" / "engine"
    loop, blocks = (
        (engine / f).read_text(encoding="utf-8") for f in ("training_loop.py", "blocks.py")
    )
    assert f"\nEVALUATION_BATCH = {EVALUATION_BATCH}\n" in loop
    assert f"\n_FEW = {FEW}\n" in blocks


# Who is trained ----------------------------------------------------------------------------------


@pytest.mark.parametrize("graded_as", names())
@pytest.mark.parametrize("name", names())
def test_every_documented_network_is_trained_whatever_it_is_graded_as(name, graded_as):
    assert refusal(_documented(name), _recipe(graded_as), _documented(graded_as)) is None
    assert operations(_documented(name)) < ALWAYS_TRAINED


@pytest.mark.parametrize("name", names())
def test_a_network_twice_as_wide_in_every_layer_is_trained(name):
    documented = _documented(name)
    wider = [
        (n.kind, {k: 2 * v if k in ("filters", "units") else v for k, v in n.config.items()},
         n.inputs, n.trainable)
        for n in documented.nodes
    ]  # fmt: skip
    network = normalise(wider)
    assert total_params(network) > 1.9 * total_params(documented)
    assert refusal(network, _recipe(name), documented) is None


def _wide(units):
    return _network(("Flatten", {}), ("Dense", {"units": units, "activation": "relu"}), *END[1:])


def test_too_many_operations_are_refused_with_the_numbers():
    assert refusal(_wide(20_000), _recipe("mlp_64_32"), _documented("mlp_64_32")) == (
        "the network is not trained: an epoch would cost about 280 times as much as with the "
        "documented network (32.2 million operations for each image, against 0.1 million), and at "
        "most 20 times as much is accepted; fewer filters or units, or pooling earlier, make it "
        "cheaper"
    )
    # Beside a larger documented network the same one is nothing unusual.
    assert refusal(_wide(20_000), _recipe("deep_cnn"), _documented("deep_cnn")) is None


COSTLY = {
    "wide": (("Conv2D", {"filters": 300, "kernel_size": 5, "padding": "same"}),
             ("Conv2D", {"filters": 300, "kernel_size": 5, "padding": "same"})),
    "pooled over and over": (("Conv2D", {"filters": 4, "kernel_size": 1}),
                             ("ZeroPadding2D", {"padding": 100}),
                             ("MaxPooling2D", {"pool_size": 114, "strides": 1})),
}  # fmt: skip
LARGE = (
    ("Conv2D", {"filters": 100, "kernel_size": 1}),
    *[("Activation", {"activation": "tanh"})] * 250,
)


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        (COSTLY["wide"], "times as much as with the documented network"),
        (COSTLY["pooled over and over"], "times as much as with the documented network"),
        (LARGE, "GB of memory"),
    ],
    ids=[*COSTLY, "a chain of activations"],
)
def test_work_and_memory_of_every_kind_are_seen(layers, why):
    rows = _rows(*layers, *END)
    make_spec(rows, ["x"] * len(rows))  # within the caps of a spec
    recipe = replace(_recipe(), batch_size=1)
    reason = refusal(normalise(rows), recipe, _documented("deep_cnn"))
    assert reason is not None
    assert why in reason


def test_too_much_memory_is_refused_with_the_numbers():
    layers = (("ZeroPadding2D", {"padding": 256}), ("Conv2D", {"filters": 8, "kernel_size": 1}))
    network = _network(*layers, *END)
    assert refusal(network, _recipe("deep_cnn"), None) == (
        "the network is not trained: a step on 200 images would need about 13.0 GB of memory, and "
        "at most 3.0 GB are given; its layers put out 4,958,004 values for each image, and it has "
        "23,328,026 parameters"
    )


@pytest.mark.parametrize("batch_size", [1, 60_000])
def test_memory_counts_with_and_without_something_to_compare_with(batch_size):
    network = _network(("ZeroPadding2D", {"padding": 256}), ("GlobalMaxPooling2D", {}), *END[1:])
    recipe = replace(_recipe(), batch_size=batch_size)
    for documented in (None, _documented("deep_cnn")):
        reason = refusal(network, recipe, documented)
        assert (reason is not None and "GB" in reason) == (step_bytes(network, recipe) > MAX_BYTES)


def test_the_widest_layer_that_a_spec_may_have_is_judged_without_being_made():
    network = _network(("Dense", {"units": 65_536}), *END)  # 51 million values for an image
    recipe, documented = _recipe(), _documented("deep_cnn")
    tracemalloc.start()
    try:
        assert refusal(network, recipe, documented) is not None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_a_job_is_refused_as_beyond_the_resources():
    rows = _rows(("Flatten", {}), ("Dense", {"units": 20_000}), END[1])
    spec = make_spec(rows, ["x"] * len(rows))
    with pytest.raises(JobFailed, match="278 times as much") as caught:
        jobs_for(spec, _recipe("mlp_64_32"), DATASET, 1, load("mlp_64_32"))
    assert caught.value.status == "resource"
    with pytest.raises(JobFailed, match=r"GB of memory") as caught:
        jobs_for(spec, replace(_recipe("mlp_64_32"), batch_size=60_000), DATASET, 1)
    assert caught.value.status == "resource"
    assert len(jobs_for(spec, _recipe("mlp_64_32"), DATASET, 2)) == 2


# How long a run may take -------------------------------------------------------------------------

# Seconds an epoch on one thread of a server of 2023, doubled for a slow machine.
MEASURED_S = {"deep_cnn": 36, "functional_cnn": 48, "sequential_cnn": 9, "mlp_256_128": 3}


@pytest.mark.parametrize("name", names())
def test_a_documented_run_has_far_more_time_than_it_needs(name):
    recipe = _recipe(name)
    limit = time_limit(_documented(name), recipe, IMAGES)
    assert limit.seconds >= MIN_LIMIT_S
    assert limit.seconds > 5 * MEASURED_S.get(name, 1) * recipe.epochs
    assert limit.seconds < 3 * 3600


def test_the_estimate_grows_with_the_epochs_the_images_and_the_layers():
    network, recipe = _documented("deep_cnn"), _recipe()
    base = estimate_s(network, recipe, IMAGES)
    assert estimate_s(network, replace(recipe, epochs=20), IMAGES) == 2 * base
    assert estimate_s(network, recipe, 2 * IMAGES) == pytest.approx(2 * base)
    assert estimate_s(network, replace(recipe, batch_size=1), IMAGES) > 2 * base
    small = [_network(*[("Activation", {"activation": "relu"})] * n, *END) for n in (1, 100)]
    assert estimate_s(small[1], recipe, IMAGES) > 20 * estimate_s(small[0], recipe, IMAGES)


def test_workers_that_share_a_core_have_more_time():
    network, recipe = _documented("deep_cnn"), _recipe()
    alone = time_limit(network, recipe, IMAGES, workers=2, cores=2)
    assert alone == time_limit(network, recipe, IMAGES)
    crowded = time_limit(network, recipe, IMAGES, workers=5, cores=2)
    assert crowded.seconds == pytest.approx(3 * alone.seconds)


def test_the_limit_says_what_it_is_made_of():
    network = _network(*END)
    limit = time_limit(network, replace(_recipe(), epochs=2), 1000)
    assert limit.seconds == 300
    assert limit.reason == (
        "training was stopped after 300 s, its limit: 10 times the 0 s that 2 epochs of a network "
        "of this size should take on a slow machine, and at least 300 s"
    )


def test_the_limit_knows_the_cores_of_this_machine(monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: 2)
    network, recipe = _documented("deep_cnn"), _recipe()
    expected = time_limit(network, recipe, IMAGES, workers=4, cores=2)
    assert time_limit(network, recipe, IMAGES, workers=4) == expected


# What a worker may have --------------------------------------------------------------------------

ASK = """
import resource, sys
from harness.system import memory
if len(sys.argv) > 1:
    resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[1]),) * 2)
memory.limit_memory()
print(resource.getrlimit(resource.RLIMIT_DATA)[0])
try:
    bytearray(9 * 2**30)  # a mapping that is refused at once: nothing is filled
except MemoryError:
    print("refused")
"""


@pytest.mark.parametrize(("lower", "limit"), [([], WORKER_BYTES), ([str(2**30)], 2**30)])
def test_a_worker_has_a_limit_and_keeps_a_stricter_one(lower, limit):
    done = subprocess.run(
        [sys.executable, "-c", ASK, *lower],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(limit), "refused"]


def test_workers_are_limited_before_they_import_anything():
    source = (PROJECT_ROOT / "harness/jobs/local/worker.py").read_text(encoding="utf-8")
    warm = source[source.index("def warm()") :]
    assert 0 < warm.index("limit_memory()") < warm.index("preload()")
