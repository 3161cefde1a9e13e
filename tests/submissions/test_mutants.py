"""A wrong network, recipe or data set fails, for the stated reason and for no other."""

import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness.jobs.kinds.errors import JobFailed
from reference import facts as all_facts
from tests.support.check_runner import (
    BEYOND_A_RUN,
    checks,
    edited,
    failed,
    groups,
    model_source,
    run_checks,
)
from tests.support.samples.mutants import MUTANTS, Mutant

if TYPE_CHECKING:
    from harness.jobs.store.record import Record

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("training")]

# What needs a second process to have reopened the files; tried by the tests further down.
VERIFIED = {"keras_file", "npz_file", "same_seed_same_weights"}


def source_of(mutant: Mutant) -> str:
    return edited(model_source(mutant.architecture), *mutant.edits)


@pytest.fixture(scope="module")
def runner(runner, request):
    """Everything that the selected tests need is training before the first of them waits."""
    params = [getattr(item, "callspec", None) for item in request.session.items]
    # Other files may call a parameter "mutant" too.
    named = [call.params.get("mutant") for call in params if call]
    mutants = [mutant for mutant in named if isinstance(mutant, Mutant)]
    for mutant in mutants:
        source = source_of(mutant)
        with suppress(JobFailed):  # a test will meet it again
            runner.schedule([runner.job(mutant.architecture, source, mutant.change)])
    return runner


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fails_for_the_stated_reason(runner, mutant):
    evidence = runner.evidence(mutant.architecture, source_of(mutant), mutant.change)
    found = failed(run_checks(evidence))
    assert set(found) - mutant.unsure == mutant.fails - mutant.unsure, found
    assert re.search(mutant.reason, found[mutant.check]), found[mutant.check]
    if "trains" in found:
        assert evidence["trained"].status == "failed", "its author is to blame, not the grader"


@pytest.mark.parametrize("architecture", all_facts.names())
def test_the_project_s_own_network_passes_every_check(runner, architecture):
    source = model_source(architecture)
    evidence = runner.evidence(architecture, source)
    verification = runner.verification(runner.job(architecture, source))
    outcomes = run_checks({**evidence, "verification": verification})
    assert failed(outcomes) == {}
    assert set(outcomes) == set(checks()) - BEYOND_A_RUN


def test_every_check_is_failed_by_a_mutant():
    """A check that nothing fails asserts nothing."""
    caught = set().union(*(mutant.fails for mutant in MUTANTS))
    elsewhere = {"build", "arithmetic", *VERIFIED, *BEYOND_A_RUN}
    assert caught | elsewhere == set(checks())
    assert set(groups().values()) == {
        "build", "structure", "numerics", "training", "persistence", "recipe", "own_weights",
        "experiments", "evidence", "baseline",
    }  # fmt: skip


def test_mutants_have_names_of_their_own():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 25


# Checks that no wrong network fails, because they look at our own work --------------------------


@pytest.fixture(scope="module")
def honest(runner):
    """The evidence of a network that passes, with its verification."""
    source = model_source("mlp_64_32")
    evidence = runner.evidence("mlp_64_32", source)
    job = runner.job("mlp_64_32", source)
    return {**evidence, "verification": runner.verification(job)}


@pytest.mark.parametrize(
    ("field", "check", "reason"),
    [
        (
            "keras_file",
            "keras_file",
            r"^predictions of model\.keras that differ = 1, but should be 0",
        ),
        ("npz_file", "npz_file", r"^predictions of weights\.npz that differ = 1, but should be 0"),
    ],
)
def test_one_bit_of_a_reopened_network_is_enough(honest, field, check, reason):
    array = np.array(getattr(honest["verification"], field))
    array[3, 7] = np.nextafter(array[3, 7], np.float32(1))
    verification = replace(honest["verification"], **{field: array})
    found = failed(run_checks({**honest, "verification": verification}))
    assert set(found) == {check}
    assert re.search(reason, found[check])


def test_training_that_the_seed_does_not_decide(runner, honest):
    other = runner.job("mlp_64_32", model_source("mlp_64_32"), seed=1)
    verification = runner.verification(other)
    early = replace(honest["verification"], early_weights=verification.early_weights)
    found = failed(run_checks({**honest, "verification": early}))
    assert set(found) == {"same_seed_same_weights"}
    assert "does not depend on the seed alone" in found["same_seed_same_weights"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("total_params", 52_651),
        ("trainable_params", 52_649),
        ("flops", 1),
        ("params", [0, 50_240, 0, 2_080, 0, 331, 0]),
        ("output_shapes", [[784], [64], [64], [32], [32], [11], [10]]),
    ],
)
def test_arithmetic_that_keras_disagrees_with(honest, key, value):
    record: Record = honest["record"]
    assert len(str(value)) <= len(str(record.document["keras"][key])) + 1
    document = {**record.document, "keras": {**record.document["keras"], key: value}}
    found = failed(run_checks({**honest, "record": replace(record, document=document)}))
    assert set(found) == {"arithmetic"}
    assert found["arithmetic"].startswith(f"{key} = ")
