"""Which runs are made: the documents' recipes, what a calibration changes, and the order."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.evaluation import gates
from harness.jobs.planning import jobs_for, priority
from harness.jobs.store.record import Record
from harness.network.documented import recipe_for
from harness.network.recipe import Recipe, from_json, in_fold, trained_images
from harness.network.spec import make_spec
from reference.calibration import DOCUMENTED, Calibration, Floor
from reference.errors import UserError
from reference.facts import expected_network, load, names

DIGITS = Calibration(
    dataset="digits",
    recipe={"epochs": 60, "validation_images": 200, "batch_size": 32},
    floors={"deep_cnn": Floor(floor=0.95, mean=0.98, deviation=0.007, seeds=20, k=4.32)},
    command="python -m harness.calibrate",
)


def test_the_documented_recipe_is_the_facts():
    assert recipe_for(load("mlp_64_32"), "documented", None) == Recipe(
        optimizer="adam",
        learning_rate=0.001,
        loss="categorical_crossentropy",
        batch_size=32,
        epochs=100,
        validation_images=12_000,
        split_seed=0,
        pixel_max=255,
        stop_at=None,
    )


@pytest.mark.parametrize("name", names())
def test_the_gate_only_adds_where_to_stop(name):
    facts = load(name)
    gate, documented = (recipe_for(facts, which, None) for which in ("gate", "documented"))
    assert gate.stop_at == facts.gate
    assert replace(gate, stop_at=None) == documented


@pytest.mark.parametrize("which", ["gate", "documented"])
def test_a_calibration_replaces_what_it_names_and_is_never_stopped(which):
    facts = load("deep_cnn")
    recipe = recipe_for(facts, which, DIGITS)
    assert (recipe.epochs, recipe.validation_images, recipe.batch_size) == (60, 200, 32)
    assert recipe.stop_at is None
    documented = recipe_for(facts, "documented", None)
    assert replace(documented, epochs=60, validation_images=200, batch_size=32) == recipe


def test_a_recipe_survives_json_and_refuses_other_keys():
    recipe = recipe_for(load("deep_cnn"), "gate", None)
    assert from_json(recipe.to_json()) == recipe
    with pytest.raises(UserError, match="recipe: keys"):
        from_json({**recipe.to_json(), "dropout": 1})
    with pytest.raises(UserError, match="recipe: keys"):
        from_json({})


def test_fields_that_say_nothing_are_not_in_the_json():
    recipe = recipe_for(load("deep_cnn"), "documented", None)
    younger = {"folds", "fold", "train_images"}
    assert not younger & set(recipe.to_json())
    assert recipe.to_json()["stop_at"] is None
    fold = replace(in_fold(recipe, 5, 0, 60_000, 1), train_images=100)
    assert {key: fold.to_json()[key] for key in younger} == {
        "folds": 5, "fold": 0, "train_images": 100,
    }  # fmt: skip
    assert from_json(fold.to_json()) == fold


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fold": 0}, "folds = None and fold = 0, but should be both given or both left out"),
        ({"folds": 5}, "folds = 5 and fold = None, but should be both given"),
        ({"folds": 1, "fold": 0}, "folds = 1, but should be at least 2"),
        ({"folds": 5, "fold": 5}, r"fold = 5, but should be in 0\.\.4"),
        ({"folds": 5, "fold": -1}, r"fold = -1, but should be in 0\.\.4"),
        ({"folds": 5, "fold": 0, "stop_at": 0.9}, "stop_at is set with folds"),
        ({"train_images": 0}, "train_images = 0, but should be at least 1"),
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(UserError, match=f"^recipe: {message}"):
        replace(recipe_for(load("deep_cnn"), "documented", None), **changes)


def test_folds_differ_by_one_image_at_most():
    recipe = recipe_for(load("deep_cnn"), "documented", None)
    sizes = [in_fold(recipe, 5, fold, 1437, 1).validation_images for fold in range(5)]
    assert sizes == [288, 288, 287, 287, 287]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, 48_000), ({"train_images": 1_000}, 1_000), ({"train_images": 50_000}, 48_000)],
)
def test_how_many_images_a_run_trains_on(changes, expected):
    recipe = replace(recipe_for(load("mlp_64_32"), "documented", None), **changes)
    assert trained_images(recipe, 60_000) == expected


# Jobs --------------------------------------------------------------------------------------------


def _spec(name):
    nodes = expected_network(load(name)).nodes
    rows = [(node.kind, node.config, node.inputs, node.trainable) for node in nodes]
    return make_spec(rows, ["x"] * len(rows))


DATASET = SimpleNamespace(name="mnist", digest="d" * 64)


def _jobs(name="mlp_64_32", seeds=3, which="gate"):
    return jobs_for(_spec(name), recipe_for(load(name), which, None), DATASET, seeds)


def test_one_job_for_each_seed():
    jobs = _jobs()
    assert [job.seed for job in jobs] == [0, 1, 2]
    assert {(job.dataset, job.data_digest) for job in jobs} == {("mnist", "d" * 64)}
    assert {job.platform["threads"] for job in jobs} == {1}
    assert len({job.key for job in jobs}) == 3


def test_the_key_changes_with_everything_the_numbers_depend_on():
    (job,) = _jobs(seeds=1)
    others = [
        replace(job, spec=_spec("mlp_256_128")),
        replace(job, recipe=replace(job.recipe, learning_rate=0.01)),
        replace(job, recipe=replace(job.recipe, stop_at=None)),
        replace(job, data_digest="e" * 64),
        replace(job, recipe=replace(job.recipe, train_images=100)),
        *(
            replace(job, recipe=in_fold(replace(job.recipe, stop_at=None), 5, fold, 60_000, 1))
            for fold in (0, 1)
        ),
        replace(job, seed=1),
        replace(job, platform={**job.platform, "threads": 2}),
        replace(job, platform={**job.platform, "tensorflow": "0"}),
    ]
    assert len({job.key, *(other.key for other in others)}) == 1 + len(others)


@pytest.mark.parametrize(
    ("which", "key"),
    [
        ("gate", "1d0c8279c6a9f6fe19ef630988ecf443314da923da003778e0f8edb0a792a341"),
        ("documented", "d68300e57cb2dfbff15cce8bef895b7385ef6edcb4d4c24a5409f472f4ce5693"),
    ],
)
def test_the_keys_of_stored_runs_stay_what_they_were(which, key):
    """Computed before recipes had folds: whoever changes a key makes every stored run useless."""
    job = _jobs(which=which, seeds=4)[3]
    assert replace(job, platform={"threads": 1}).key == key


def test_the_key_does_not_change_with_names():
    (job,) = _jobs(seeds=1)
    spec = replace(job.spec, names=("other",) * len(job.spec.names))
    assert replace(job, spec=spec, dataset="the same under another name").key == job.key


# Order -------------------------------------------------------------------------------------------


def _priorities(which):
    return {name: priority(_jobs(name, 1, which)[0], 50_000) for name in names()}


@pytest.mark.parametrize("which", ["gate", "documented"])
def test_deep_networks_come_before_small_ones(which):
    priorities = _priorities(which)
    # Measured seconds an epoch on two cores: 16.8 and 12.6 against 3.7, 1.3 and 0.45.
    assert min(priorities["deep_cnn"], priorities["functional_cnn"]) > priorities["sequential_cnn"]
    assert priorities["mlp_256_128"] < priorities["deep_cnn"] / 2
    assert priorities["sequential_cnn"] > priorities["mlp_64_32"] if which == "gate" else True


def test_priority_grows_with_epochs_images_and_steps():
    (job,) = _jobs("mlp_64_32", 1, "documented")
    base = priority(job, 50_000)
    assert priority(replace(job, recipe=replace(job.recipe, epochs=200)), 50_000) == 2 * base
    assert priority(job, 100_000) == 2 * base
    assert priority(replace(job, recipe=replace(job.recipe, batch_size=16)), 50_000) > base


def test_epochs_that_the_gate_may_save_count_for_little():
    gate, documented = (_jobs("mlp_64_32", 1, which)[0] for which in ("gate", "documented"))
    assert priority(gate, 50_000) < priority(documented, 50_000) / 10


# Gates -------------------------------------------------------------------------------------------


def _run(correct, total):
    return Record(None, {"test_correct": correct, "test_images": total}, cached=False)


def test_on_mnist_the_gate_is_the_documents():
    judged = gates.judge([_run(9_900, 10_000)], load("deep_cnn"), DOCUMENTED)
    assert (judged.gate.threshold, judged.gate.verdict) == (0.98, "passed")
    assert judged.basis == "documented gate"
    assert gates.judge([_run(9_900, 10_000)] * 3, load("deep_cnn"), DOCUMENTED).gate.seeds == 3


@pytest.mark.parametrize(("correct", "verdict"), [(342, "passed"), (341, "failed")])
def test_elsewhere_it_is_the_calibrated_floor(correct, verdict):
    judged = gates.judge([_run(correct, 360)], load("deep_cnn"), DIGITS)
    assert (judged.gate.threshold, judged.gate.verdict) == (0.95, verdict)
    assert judged.basis == "calibrated on 20 seeds"


@pytest.mark.parametrize(("lowest", "verdict"), [(341, "passed"), (340, "failed")])
def test_several_runs_are_held_to_a_floor_that_all_of_them_clear(lowest, verdict):
    """For five runs k is 4.925: 0.98 less 0.03447. One run may not be below 0.95."""
    runs = [_run(correct, 360) for correct in (355, lowest, 360, 350, 355)]
    judged = gates.judge(runs, load("deep_cnn"), DIGITS)
    assert (judged.gate.threshold, judged.gate.verdict) == (0.9455, verdict)
    assert judged.basis == "calibrated on 20 seeds, for the lowest of 5 runs"
    assert judged.gate.explanation.startswith(
        f"the lowest of 5 runs, {100 * lowest / 360:.2f} %, is "
    )


def test_a_network_without_a_floor_is_an_error_that_says_how_to_measure_one():
    with pytest.raises(UserError, match=r"digits\.toml has no floor for mlp_64_32.*calibrate"):
        gates.judge([_run(350, 360)], load("mlp_64_32"), DIGITS)
