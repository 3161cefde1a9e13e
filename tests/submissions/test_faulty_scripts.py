"""Scripts go in as learners write them: right ones pass, and of each fault its cause is named.

Nothing is trained: what counts is what the sandbox captures, and what is made of it.
"""

import re
from functools import cache

import pytest

from harness.network.keras_config import read_model
from harness.submissions.feedback.diagnosis import diagnose
from harness.submissions.normalization.captured_recipe import read_recipe
from harness.submissions.normalization.normalize import conform
from reference.facts import load, names
from tests.support.open_script import shared_host
from tests.support.samples.faulty_scripts import FAULTS, RIGHT
from tests.support.samples.keras_networks import closest, compared, documented

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("capture")]


@cache
def _opened(source):
    """The network that a script fits and its recipe, by way of the sandboxed side."""
    found = shared_host().script(source)
    assert found.error is None, found.error
    (network,) = found.networks
    return read_model(network), read_recipe(network["recipe"])


@pytest.mark.parametrize(("architecture", "source"), RIGHT.values(), ids=RIGHT)
def test_with_a_right_script_nothing_is_wrong(architecture, source):
    spec, recipe = _opened(source)
    assert diagnose(compared(load(architecture), spec, recipe)) == ()


@pytest.mark.parametrize(("architecture", "source"), RIGHT.values(), ids=RIGHT)
def test_a_right_script_is_the_documented_network_whatever_its_habits(architecture, source):
    spec, recipe = _opened(source)
    conformed = conform(spec, load(architecture), recipe).spec
    assert conformed.digest == documented(architecture).digest
    assert closest(spec, {name: load(name) for name in names()}) == architecture


def test_each_architecture_is_written_in_several_ways():
    ways = [architecture for architecture, _ in RIGHT.values()]
    assert all(ways.count(name) >= 3 for name in names())


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_of_a_fault_the_true_cause_is_named_and_nothing_else(fault):
    findings = diagnose(compared(load(fault.architecture), *_opened(fault.source)))
    assert [finding.kind for finding in findings] == [fault.kind]
    (finding,) = findings
    assert re.search(fault.words, finding.cause)
    assert re.search(fault.where, finding.where)
    assert finding.severity == fault.severity


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_faulty_script_is_still_closest_to_what_was_meant(fault):
    spec, _ = _opened(fault.source)
    assert closest(spec, {name: load(name) for name in names()}) == fault.architecture


def test_there_are_faults_enough_and_of_many_kinds():
    assert len(FAULTS) >= 35
    assert len({fault.kind for fault in FAULTS.values()}) >= 32
