"""Studies: the files they are declared in, the trials they come to, and what is said of them."""

import re
from concurrent.futures import Future
from dataclasses import replace
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest

from harness.experiments.catalogue import experiments
from harness.experiments.context import Kind
from harness.experiments.study import StudyExperiment, measure
from harness.experiments.study_summary import (
    Claim,
    Repeat,
    RepeatResult,
    VariantResult,
    documented_claim,
    finding,
    meets,
    summarise,
)
from harness.experiments.study_trials import expand, repeat
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.store.record import Record
from harness.network import documented as network_documented
from harness.network.spec import Spec
from harness.statistics.intervals import wilson
from harness.submissions.recipe_adapter import LOSSES
from reference import facts, study_format
from reference.errors import UserError
from reference.study_format import Measuring, load, load_all

HEAD = """
architecture = "mlp_64_32"
title = "Widths"
question = "How wide?"
source = "nowhere"
"""
SEEDS = '[repeats]\nkind = "seeds"\ncount = 2\n'
FOLDS = '[repeats]\nkind = "folds"\ncount = 5\nshuffle_seed = 1\n'
VARIANT = '[[variant]]\nname = "as documented"\nwhy = "to compare with"\n'


def _study(tmp_path, text, name="mlp_64_32_widths.toml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return load(path)


def _spec(name):
    network = facts.expected_network(facts.load(name))
    return Spec(network, tuple(node.kind for node in network.nodes))


def _expand(study, *, images=60_000, stand_in=False):
    recipe = network_documented.recipe_for(facts.load(study.architecture), "documented", None)
    return expand(study, _spec, recipe, images, stand_in=stand_in)


# Our own files ------------------------------------------------------------------------------------


def test_our_studies_are_read_and_fit_their_networks():
    studies = load_all()
    assert [(study.architecture, study.id) for study in studies] == [
        ("deep_cnn", "cross_validation"),
        ("deep_cnn", "explanation"),
        ("deep_cnn", "hyperparameters"),
        ("mlp_64_32", "explanation"),
    ]
    for study in studies:
        trials = _expand(study)
        assert trials[0].changes == {}
        claims = facts.load(study.architecture).claims
        assert study.claim is None or documented_claim(study.claim, claims)


def test_the_cross_validation_is_the_documents():
    study = load_all()[0]
    fact = facts.load("deep_cnn").recipe.cross_validation
    (trial,) = _expand(study)
    recipes = [repeat(study, trial.recipe, number, 60_000) for number in range(study.count)]
    assert trial.spec.digest == _spec("deep_cnn").digest
    assert [(r.folds, r.fold, r.split_seed) for r in recipes] == [
        (fact.folds, fold, fact.shuffle_seed) for fold in range(5)
    ]
    assert {(r.epochs, r.batch_size, r.validation_images, r.optimizer) for r in recipes} == {
        (fact.epochs, fact.batch_size, 12_000, "adam")
    }


def test_the_same_configuration_is_the_same_job_in_every_study():
    cross, explanation, *_ = load_all()
    first, second = _expand(cross)[0], _expand(explanation)[0]
    assert (first.spec.digest, first.recipe) == (second.spec.digest, second.recipe)


def test_hyper_parameters_are_compared_by_what_tests_nothing():
    study = load_all()[2]
    assert (study.id, study.measuring) == ("hyperparameters", Measuring("validation_accuracy"))
    documented = network_documented.recipe_for(facts.load("deep_cnn"), "documented", None)
    tested = replace(study, measuring=Measuring("test_accuracy"))
    for trial, other in zip(_expand(study), _expand(tested), strict=True):
        # The ordinary split; the measure does not change the training.
        assert (trial.recipe.validation_images, trial.recipe.split_seed, trial.recipe.folds) == (
            documented.validation_images, documented.split_seed, None
        )  # fmt: skip
        assert (trial.recipe, trial.spec.digest) == (other.recipe, other.spec.digest)


def test_the_format_knows_what_the_engine_has():
    assert set(study_format.LOSSES) == set(LOSSES.values())


def test_a_study_is_a_kind_of_experiment():
    experiment = StudyExperiment(load_all()[0])
    assert experiment.kind in get_args(Kind)
    assert re.fullmatch("[a-z0-9_]+", experiment.id)
    assert all((experiment.title, experiment.question, experiment.source))


# Reading ------------------------------------------------------------------------------------------


def test_a_grid_one_at_a_time(tmp_path):
    study = _study(
        tmp_path,
        HEAD + SEEDS + '[grid]\nmethod = "one_at_a_time"\ndense = [[32], [64, 32], 16]\n'
        "epochs = [1, 100]\n",
    )
    assert study.method == "one_at_a_time"
    # 64-32 and 100 epochs are how the document has it: that is the starting point.
    assert [(t.variant.name, t.changes) for t in _expand(study)] == [
        ("starting point", {}),
        ("dense 32", {"dense": [32]}),
        ("dense 16", {"dense": [16]}),
        ("epochs 1", {"epochs": 1}),
    ]


def test_a_product(tmp_path):
    study = _study(
        tmp_path,
        HEAD + SEEDS + '[grid]\nmethod = "product"\noptimizer = ["adam", "sgd"]\n'
        "learning_rate = [0.001, 0.01]\n",
    )
    assert [t.changes for t in _expand(study)] == [
        {},
        {"learning_rate": 0.01},
        {"optimizer": "sgd"},
        {"optimizer": "sgd", "learning_rate": 0.01},
    ]


def test_several_grids_share_their_starting_point(tmp_path):
    grid = '[[grid]]\nmethod = "one_at_a_time"\nepochs = [1]\n'
    other = '[[grid]]\nmethod = "product"\ndropout = [0.5]\nbatch_size = [64]\n'
    study = _study(tmp_path, HEAD + SEEDS + grid + other)
    assert [v.name for v in study.variants] == [
        "starting point", "epochs 1", "dropout 0.5, batch size 64"
    ]  # fmt: skip
    assert study.method == "one_at_a_time"


def test_defaults_are_under_every_variant(tmp_path):
    other = '[[variant]]\nname = "b"\nwhy = "c"\nsettings = { epochs = 2, pixel_max = 1 }\n'
    study = _study(tmp_path, HEAD + SEEDS + "[defaults]\nepochs = 3\n" + VARIANT + other)
    first, second = _expand(study)
    assert (first.recipe.epochs, second.recipe.epochs, second.recipe.pixel_max) == (3, 2, 1.0)
    assert (first.changes, second.changes) == ({}, {"epochs": 2, "pixel_max": 1.0})


def test_a_file_of_any_name_has_an_id(tmp_path):
    assert _study(tmp_path, HEAD + SEEDS + VARIANT, "Mein Raster-2.toml").id == "mein_raster_2"
    assert _study(tmp_path, HEAD + SEEDS + VARIANT, "mlp_64_32_.toml").id == "study"


GRID = '[grid]\nmethod = "product"\n'
BAD = {
    "no TOML": ("architecture = ", r"x\.toml is not TOML"),
    "no architecture": ("", "architecture is missing, but should be one of deep_cnn"),
    "unknown network": (HEAD.replace("mlp_64_32", "vgg") + SEEDS, "architecture = 'vgg', but"),
    "unknown key": (HEAD + "speed = 3\n" + SEEDS + VARIANT, "speed = 3, but should be absent"),
    "a claim about something else than accuracy": (
        HEAD + 'claim = "total_params"\n' + SEEDS + VARIANT,
        "claim = 'total_params', but should be one of test_accuracy, validation_accuracy",
    ),
    "no repeats": (HEAD + VARIANT, "repeats is missing"),
    "one fold": (
        HEAD + FOLDS.replace("5", "1") + VARIANT,
        r"repeats\.count = 1, but should be an integer from 2 to 100",
    ),
    "neither": (HEAD + SEEDS, r"has neither of \[\[variant\]\] and \[grid\]"),
    "both": (HEAD + SEEDS + VARIANT + GRID + "epochs = [1]\n", "has both of"),
    "unknown setting": (
        HEAD + SEEDS + VARIANT + "settings = { depth = 3 }\n",
        r"variant\[0\]\.settings\.depth = 3, but should be absent",
    ),
    "wrong type": (
        HEAD + SEEDS + "[defaults]\nepochs = true\n" + VARIANT,
        r"defaults\.epochs = True, but should be an integer from 1 to 1000",
    ),
    "out of range": (
        HEAD + SEEDS + "[defaults]\ndropout = 1\n" + VARIANT,
        r"defaults\.dropout = 1, but should be a number from 0 below 1",
    ),
    "not a list": (
        HEAD + SEEDS + GRID + "epochs = 3\n",
        r"grid\.epochs = 3, but should be a list of different values",
    ),
    "twice": (HEAD + SEEDS + GRID + "epochs = [3, 3]\n", r"grid\.epochs = \[3, 3\], but"),
    "one name twice": (HEAD + SEEDS + VARIANT + VARIANT, "two variants are named 'as documented'"),
    "validation images with folds": (
        HEAD + FOLDS + VARIANT + "settings = { validation_images = 5 }\n",
        r"settings\.validation_images = 5, but should be absent: the fold",
    ),
    "an epoch of another measure": (
        HEAD + SEEDS + VARIANT + 'measure = "test_accuracy"\nmeasured_after = 1\n',
        r"measured_after = 1, but should be absent",
    ),
    "other pixels of another measure": (
        HEAD + SEEDS + VARIANT + "measured_pixel_max = 1\n",
        r"measured_pixel_max = 1\.0, but should be absent, or measure",
    ),
    "too many trials": (
        HEAD + SEEDS + GRID + f"epochs = {list(range(1, 302))}\n",
        "302 variants and 2 repeats make 604 trials, but should make at most 500",
    ),
    "a product beyond measure": (
        HEAD + SEEDS + GRID + f"epochs = {list(range(1, 301))}\nbatch_size = {list(range(1, 301))}",
        "should be shorter: the product of all lists",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_study_is_refused(tmp_path, case):
    text, message = BAD[case]
    with pytest.raises(UserError, match=message):
        _study(tmp_path, text, "x.toml")


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"gone\.toml cannot be read"):
        load(tmp_path / "gone.toml")


def test_a_variant_that_its_network_cannot_have_is_named(tmp_path):
    text = HEAD + SEEDS + '[[variant]]\nname = "wide"\nwhy = "x"\nsettings = { filters = [8] }\n'
    with pytest.raises(UserError, match="study widths, variant 'wide': filters = "):
        _expand(_study(tmp_path, text))


def test_an_epoch_that_is_not_trained_cannot_be_measured(tmp_path):
    study = _study(tmp_path, HEAD + SEEDS + VARIANT + "measured_after = 101\n")
    with pytest.raises(UserError, match="measured_after = 101, but should be at most epochs = 100"):
        _expand(study)


def test_a_stand_in_for_the_data_gets_smaller_trials(tmp_path):
    text = "[defaults]\ntrain_images = 50_000\nvalidation_images = 9_000\n"
    study = _study(tmp_path, HEAD + SEEDS + text + VARIANT)
    (trial,) = _expand(study, images=14_000, stand_in=True)
    assert (trial.recipe.train_images, trial.recipe.validation_images) == (1_000, 12_000)
    assert trial.reduced == (
        "1,000 train images instead of 50,000, 12,000 validation images instead of 9,000"
    )


def test_more_validation_images_than_there_are_cannot_be_held_out(tmp_path):
    study = _study(tmp_path, HEAD + SEEDS + "[defaults]\nvalidation_images = 1438\n" + VARIANT)
    with pytest.raises(UserError, match="validation_images = 1,438, but should be at most 1,437"):
        _expand(study, images=1_438)


# Summaries ----------------------------------------------------------------------------------------


def _record(accuracies, *, key="k", correct=9_000, loss=0.5):
    count = len(accuracies)
    document = {
        "key": key,
        "job": {"seed": 0, "recipe": {"validation_images": 12_000}},
        "history": {
            "accuracy": [0.9] * count,
            "loss": [loss] * count,
            "val_accuracy": accuracies,
            "val_loss": [0.25] * count,
            "epoch_time_s": [1.0] * count,
        },
        "test_correct": correct,
        "test_images": 10_000,
        "train_time_s": 2.5,
    }
    return Record(None, document, cached=True)


def _repeats(*accuracies):
    return [Repeat(_record([a]), a, 12_000) for a in accuracies]


def _two(tmp_path):
    other = '[[variant]]\nname = "SGD"\nwhy = "slower"\nsettings = { optimizer = "sgd" }\n'
    study = _study(tmp_path, HEAD + SEEDS + VARIANT + other)
    return study, _expand(study)


def test_a_summary(tmp_path):
    study, trials = _two(tmp_path)
    result = summarise(
        study, trials, [_repeats(0.96, 0.98), _repeats(0.80, 0.83)], Claim(0.81, 0.01)
    )
    assert result["axes"] == ["optimizer"]
    assert (result["repeats"], result["measure"], result["claim"]) == (
        "seeds", "validation_accuracy", 0.81
    )  # fmt: skip
    first, second = result["variants"]
    assert first["mean"] == pytest.approx(0.97)
    assert first["std"] == pytest.approx(0.02 / 2**0.5)
    # Student's t, one degree of freedom: 12.706 times std / √2 = 0.01; no share is beyond 1.
    assert first["interval"] == pytest.approx([0.97 - 0.12706, 1.0], abs=1e-5)
    assert (first["meets_claim"], second["meets_claim"]) == (False, True)
    assert (second["settings"], second["changes"]) == ({"optimizer": "sgd"}, {"optimizer": "sgd"})
    assert (first["params"], first["measure_words"]) == (52_650, None)
    assert second["runs"][1]["repeat"] == 1
    assert second["runs"][1]["history"] == {
        "accuracy": [0.9], "loss": [0.5], "val_accuracy": [0.83], "val_loss": [0.25]
    }  # fmt: skip


def test_a_single_run_has_wilsons_interval_and_no_deviation(tmp_path):
    study, trials = _two(tmp_path)
    row = summarise(study, trials[:1], [_repeats(0.97)], None)["variants"][0]
    assert (row["std"], row["meets_claim"]) == (None, None)
    assert row["interval"] == pytest.approx([0.96680, 0.97290], abs=2e-5)


@pytest.mark.parametrize(("repeats", "images"), [(SEEDS, 12_000), (FOLDS, 60_000)])
def test_repeats_that_agree_leave_something_open(tmp_path, repeats, images):
    """Seeds read the same images again; folds are images of their own."""
    study = _study(tmp_path, HEAD + repeats + VARIANT)
    equal = [_repeats(*[0.75] * 5)]
    row = summarise(study, _expand(study), equal, Claim(0.76, 0.0001))["variants"][0]
    assert row["interval"] == pytest.approx(wilson(0.75 * images, images))


def test_what_was_made_to_fit_is_said(tmp_path):
    study = _study(tmp_path, HEAD + SEEDS + "[defaults]\ntrain_images = 50_000\n" + VARIANT)
    trials = _expand(study, images=14_000, stand_in=True)
    result = summarise(study, trials, [_repeats(0.9)], None)
    assert result["variants"][0]["why"] == (
        "to compare with (with 1,000 train images instead of 50,000)"
    )
    assert result["finding"].endswith("trained with 1,000 train images instead of 50,000.")
    whole = summarise(study, _expand(study), [_repeats(0.9)], None)
    assert "instead" not in whole["finding"] + whole["variants"][0]["why"]


def test_a_loss_that_is_no_number_is_null(tmp_path):
    study, trials = _two(tmp_path)
    runs = [Repeat(_record([0.5], loss=float("nan")), 0.5, 12_000)]
    row = summarise(study, trials[:1], [runs], None)["variants"][0]
    assert row["runs"][0]["history"]["loss"] == [None]


@pytest.mark.parametrize(
    ("mean", "interval", "expected"),
    [
        (0.8149, (0.8148, 0.8150), True),  # rounds to 0.81
        (0.8160, (0.8152, 0.8168), False),
        (0.8300, (0.5, 1.0), False),  # noise, wherever it reaches
    ],
)
def test_a_claim_stands_for_all_that_rounds_to_it(mean, interval, expected):
    assert meets(Claim(0.81, 0.01), mean, interval) is expected


@pytest.mark.parametrize(
    ("mean", "interval", "expected"),
    [
        (0.814, (0.8104, 0.8176), True),
        (0.814, (0.8106, 0.8174), False),
        (0.806, (0.8024, 0.8096), True),
        (0.806, (0.8026, 0.8094), False),
        (0.8151, (0.80, 0.83), False),  # further than half a point: scatter explains nothing
        (0.8049, (0.79, 0.82), False),
    ],
)
def test_a_mean_explains_a_claim_only_from_near(mean, interval, expected):
    assert meets(Claim(0.81, 0.001), mean, interval) is expected


def test_claims_are_the_documents():
    claims = facts.load("deep_cnn").claims
    assert documented_claim("cross_validation_accuracy", claims) == Claim(0.96058, 0.00001)
    assert documented_claim("test_accuracy", claims) is None
    assert documented_claim(None, claims) is None


# Measuring ----------------------------------------------------------------------------------------


def test_an_epoch_is_measured_or_the_last():
    record = _record([0.5, 0.75, 0.9])
    labels = np.zeros(10_000, np.uint8)
    assert measure(Measuring("validation_accuracy"), record, labels).accuracy == 0.9
    early = measure(Measuring("validation_accuracy", after=2), record, labels)
    assert (early.accuracy, early.images) == (0.75, 12_000)
    tested = measure(Measuring("test_accuracy"), record, labels)
    assert (tested.accuracy, tested.images) == (0.9, 10_000)


def test_outputs_are_compared_for_equality(tmp_path):
    # Of 2 × 3 outputs the first row's last two equal their label's 0, and all of the second row.
    outputs = np.float32([[0.999, 0, 0], [0, 1, 0]])
    np.savez(tmp_path / "predictions.npz", test=outputs)
    record = Record(tmp_path, _record([0.9]).document, cached=True)
    measured = measure(Measuring("equal_outputs"), record, np.uint8([0, 1]))
    assert measured.accuracy == pytest.approx(5 / 6)


# The experiment -----------------------------------------------------------------------------------


class FakeContext:
    """Gives every run an accuracy of 0.9 less a hundredth for each repeat."""

    def __init__(self, name="mnist", failing=(), built=None):
        self.failing, self.ended = failing, False
        self.built = facts.names() if built is None else built
        self.dataset = SimpleNamespace(
            name=name, train_labels=np.zeros(60_000), test_labels=np.zeros(10_000, np.uint8)
        )
        self.seeds = 3
        self.trained = []

    def spec(self, name):
        if name not in self.built:
            raise JobFailed("skipped", f"no network was built for {name}")
        return _spec(name)

    def facts(self, name):
        return facts.load(name)

    def recipe(self, name):
        return network_documented.recipe_for(facts.load(name), "documented", None)

    def train(self, spec, recipe, seed, title):
        self.trained.append((spec.digest, recipe, seed, title))
        future = Future()
        if recipe.optimizer in self.failing:
            future.set_exception(JobFailed("timeout", "it was stopped after 9 s, its limit"))
        else:
            future.set_result(_record([0.9 - seed / 100] * recipe.epochs, key=f"{title}"))
        return future

    def wait(self, future):
        return future.result()


def test_a_study_trains_each_trial_for_each_repeat(tmp_path):
    study = _study(tmp_path, HEAD + FOLDS + "[defaults]\nepochs = 2\n" + VARIANT)
    context = FakeContext()
    outcome = StudyExperiment(study).run(context)
    assert [(r.fold, seed, title) for _, r, seed, title in context.trained] == [
        (n, n, f"mlp_64_32 widths, as documented, fold {n}") for n in range(5)
    ]
    assert outcome.problems == ()
    assert outcome.result["variants"][0]["mean"] == pytest.approx(0.88)
    assert outcome.result["measure_words"] == "accuracy on the held-out fold"


def test_as_many_seeds_as_the_session_has(tmp_path):
    study = _study(tmp_path, HEAD + '[repeats]\nkind = "seeds"\n' + VARIANT)
    context = FakeContext()
    result = StudyExperiment(study).run(context).result
    assert [seed for _, _, seed, _ in context.trained] == [0, 1, 2]
    assert [run["repeat"] for run in result["variants"][0]["runs"]] == [0, 1, 2]


@pytest.mark.parametrize(("name", "claim"), [("mnist", 0.81), ("digits", None)])
def test_claims_are_judged_on_the_documents_data_alone(tmp_path, name, claim):
    study = _study(tmp_path, HEAD + 'claim = "validation_accuracy"\n' + SEEDS + VARIANT)
    result = StudyExperiment(study).run(FakeContext(name)).result
    assert result["claim"] == claim
    assert (result["variants"][0]["meets_claim"] is None) == (claim is None)


SOME_FAIL = """
[[variant]]
name = "SGD"
why = "x"
settings = { optimizer = "sgd" }

[[variant]]
name = "wider"
why = "x"
settings = { architecture = "mlp_256_128" }

[[variant]]
name = "both"
why = "x"
settings = { architecture = "mlp_256_128", optimizer = "sgd" }

[[variant]]
name = "filters"
why = "x"
settings = { filters = [8] }
"""


def test_what_cannot_be_had_is_left_out_and_the_rest_compared(tmp_path):
    study = _study(tmp_path, HEAD + SEEDS + VARIANT + SOME_FAIL)
    context = FakeContext(failing=("sgd",), built=("mlp_64_32",))
    outcome = StudyExperiment(study).run(context)
    assert [row["name"] for row in outcome.result["variants"]] == ["as documented"]
    first, second, third = outcome.problems
    assert first == 'Left out: "wider", "both": no network was built for mlp_256_128'
    assert second.startswith('Left out: "filters": filters = [8], but should be 0 integers')
    assert third == 'Left out: "SGD": it was stopped after 9 s, its limit'


def test_a_study_of_which_nothing_is_left_fails(tmp_path):
    study = _study(tmp_path, HEAD + SEEDS + VARIANT + SOME_FAIL)
    with pytest.raises(JobFailed, match="no network was built for mlp_256_128"):
        StudyExperiment(study).run(FakeContext(failing=("sgd", "adam"), built=("mlp_64_32",)))
    alone = _study(tmp_path, HEAD + SEEDS + VARIANT)
    with pytest.raises(JobFailed, match="its limit") as caught:
        StudyExperiment(alone).run(FakeContext(failing=("adam",)))
    assert caught.value.status == "timeout"


def test_a_session_that_has_ended_leaves_no_half_study(tmp_path):
    study = _study(tmp_path, HEAD + SEEDS + VARIANT + SOME_FAIL)
    context = FakeContext(failing=("sgd",))
    context.ended = True
    with pytest.raises(JobFailed, match="the session has ended"):
        StudyExperiment(study).run(context)


@pytest.mark.parametrize(("users", "trained_on"), [(False, 24_000), (True, 60_000)])
def test_only_our_own_studies_are_made_to_fit(tmp_path, users, trained_on):
    study = _study(tmp_path, HEAD + SEEDS + "[defaults]\ntrain_images = 60_000\n" + VARIANT)
    context = FakeContext("digits")
    StudyExperiment(study, users=users).run(context)
    assert {recipe.train_images for _, recipe, _, _ in context.trained} == {trained_on}


# Findings -----------------------------------------------------------------------------------------


def _row(name, mean, *, half=0.002, std=0.001, meets_claim=False, changes=None, words=None):
    runs = [
        RepeatResult("k", number, accuracy, 12_000, 1, {}, 2.5, cached=True)
        for number, accuracy in enumerate((mean - std, mean + std))
    ]
    return VariantResult(
        name=name,
        settings={},
        changes={"x": 1} if changes is None else changes,
        why="to compare with",
        measure_words=words,
        params=52_650,
        runs=runs,
        mean=mean,
        std=std,
        interval=(mean - half, mean + half),
        meets_claim=meets_claim,
    )


START = _row("as documented", 0.99, changes={})


def test_finding_when_nothing_explains_the_claim():
    assert finding([START, _row("SGD", 0.97), _row("MLP", 0.98)], ["x"], 0.96058, "variants") == (
        '"as documented" gives 99.00 % [98.80, 99.20], 2.94 points above the document\'s 96.06 %. '
        'None of 2 other configurations explains 96.06 %. Nearest: "SGD" gives 97.00 % '
        "[96.80, 97.20], 0.94 points above it."
    )


def test_finding_when_something_does():
    rows = [START, _row("far", 0.99), _row("near", 0.961, meets_claim=True)]
    assert finding(rows, ["x"], 0.96058, "variants").endswith(
        "Of 2 other configurations, 1 agrees with 96.06 %, within the interval and within 0.50 "
        'points: "near" (96.10 %). This shows what can give the document\'s figure, not how it '
        "was obtained. "
        'These do not explain it: "far" (99.00 %).'
    )


def test_finding_when_chance_does():
    by_chance = _row("ReLU", 0.85, half=0.1, std=0.1, meets_claim=True)
    assert finding([START, by_chance], ["x"], 0.81, "variants").endswith(
        'Of 1 other configuration, none agrees with it reliably. "ReLU" (75.00 % to 95.00 %): the '
        "repeats differ so much that 81.00 % can occur by chance."
    )


def test_finding_when_noise_reaches_it():
    noisy = _row("ReLU", 0.85, half=0.1, std=0.1)
    assert finding([START, noisy], ["x"], 0.81, "variants").endswith(
        '"ReLU" (75.00 % to 95.00 %): the repeats differ so much that the interval contains '
        "81.00 %, but the mean is more than 0.50 points from it, so this does not explain the "
        "figure."
    )


def test_finding_of_one_variant_with_a_claim():
    agreeing = _row("as documented", 0.96, changes={}, meets_claim=True)
    assert finding([START], [], 0.96058, "variants").endswith("above the document's 96.06 %.")
    assert finding([agreeing], [], 0.96058, "variants").endswith(
        "which agrees with the document's figure."
    )


def test_finding_without_a_claim():
    rows = [START, _row("a", 0.9905, changes={"a": 1}), _row("b", 0.95, changes={"b": 1})]
    assert finding(rows, ["a", "b"], None, "one_at_a_time") == (
        'Highest: "a" gives 99.05 % [98.85, 99.25]; lowest: "b" gives 95.00 % [94.80, 95.20]. '
        '"as documented" gives 99.00 % [98.80, 99.20], with an interval that overlaps the highest '
        "one's. Changed alone, over the values tried, each setting changes the accuracy by: b 4.00 "
        "points, a 0.05 points."
    )


def test_finding_of_one_variant_without_a_claim():
    assert finding([START], [], None, "product") == (
        '"as documented" gives 99.00 % [98.80, 99.20].'
    )


# The catalogue ------------------------------------------------------------------------------------


def test_a_users_grid_is_an_experiment_beside_ours(tmp_path):
    path = tmp_path / "explanation.toml"
    path.write_text(HEAD + SEEDS + GRID + "epochs = [1, 2]\n", encoding="utf-8")
    found = experiments(facts.names(), documented=True, grid=path)
    studies = [(e.architecture, e.id) for e in found if e.kind == "study"]
    assert studies == [
        ("deep_cnn", "cross_validation"),
        ("deep_cnn", "explanation"),
        ("deep_cnn", "hyperparameters"),
        ("mlp_64_32", "explanation"),
        ("mlp_64_32", "grid_explanation"),
    ]
    alone = experiments(facts.names(), documented=False, grid=path)
    assert [e.id for e in alone] == ["grid_explanation"]
    with pytest.raises(UserError, match="should be one of the graded networks: deep_cnn"):
        experiments(["deep_cnn"], documented=False, grid=path)


def test_a_users_grid_is_never_made_to_fit():
    assert not StudyExperiment(load_all()[0]).users
    path = study_format.FOLDER / "deep_cnn_hyperparameters.toml"
    (found,) = experiments(facts.names(), documented=False, grid=path)
    assert found.users
