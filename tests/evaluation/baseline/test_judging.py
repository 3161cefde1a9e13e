"""Has a network got worse? Every verdict is reached, and nothing passes by being left out."""

import re
from dataclasses import replace

import numpy as np
import pytest

from harness.evaluation.baseline import judging
from harness.evaluation.baseline.comparison import Comparison
from harness.evaluation.baseline.model import Data, Network
from harness.evaluation.baseline.previous_results import Earlier
from harness.report import terminal
from harness.report.schema.results import Baseline

IMAGES = 10_000
MNIST = Data("mnist", "d" * 64, IMAGES)


def right(wrong):
    """So many images are read wrong, the first of them."""
    return np.arange(IMAGES) >= wrong


def network(name="deep_cnn", wrong=(150,), **changes):
    """A network with a run for each count of images that it reads wrong."""
    known = Network(name, f"digest of {name}", 100, 200, len(wrong),
                    {seed: right(count) for seed, count in enumerate(wrong)}, 1000.0)  # fmt: skip
    return replace(known, **changes)


def earlier(*networks, **changes):
    known = Earlier("old.json", "2026-11-22T00:00:00Z", "abc", MNIST, "gate", networks or
                    [network()], {"cpu": "A"})  # fmt: skip
    return replace(known, **changes)


def comparison(*networks, present=("deep_cnn",), **changes):
    return Comparison(earlier(*networks), present, {}, {"cpu": "A"}, **changes)


# Accuracy ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        (150, "unchanged"),
        (120, "improved"),
        (149, "passed"),
        (160, "passed"),  # 0.1 points, all of it lost for certain, but within the margin
        (166, "inconclusive"),  # a loss for certain, of the margin or not
        (180, "regressed"),  # 0.3 points
        (650, "regressed"),
    ],
)
def test_the_verdict_follows_from_the_images_of_one_run(wrong, status):
    row = judging.accuracy(network(wrong=(wrong,)), network())
    assert (row.subject, row.baseline_subject, row.measure) == ("deep_cnn", "deep_cnn", "accuracy")
    assert row.status == status
    assert (row.before, row.after) == pytest.approx((0.985, 1 - wrong / IMAGES))
    assert row.difference == pytest.approx((150 - wrong) / IMAGES)
    low, high = row.interval
    assert low <= row.difference <= high


def test_what_the_noise_leaves_open_is_inconclusive():
    after = right(0)
    after[1000:1160] = False  # other images than before, ten more of them
    row = judging.accuracy(network(wrong=(150,), correct={0: after}), network())
    assert row.status == "inconclusive"
    assert "98.50 % before, 98.40 % now, on the same 10,000 images" in row.text


def test_seeds_are_paired_and_those_of_one_side_left_out():
    """Five seeds then, one now: the first is compared with the first, not with the mean."""
    then = network(wrong=(180, 100, 100, 100, 100))
    row = judging.accuracy(network(wrong=(180,)), then)
    assert row.status == "unchanged"
    assert (row.before, row.after) == (0.982, 0.982)
    assert "with 1 of 5 seeds" in row.text
    assert "--seeds=5" not in row.text  # nothing differs
    later = network(correct={3: right(180), 4: right(180)}, runs=2)
    found = judging.accuracy(later, then)
    assert found.difference == pytest.approx(-0.008)
    assert "with 2 of 5 seeds" in found.text
    assert "--seeds=5" not in found.text
    one = judging.accuracy(network(wrong=(210,)), then)
    assert one.text.endswith("--seeds=5 in both runs compares the networks.")


def test_without_a_common_seed_nothing_is_compared():
    row = judging.accuracy(network(correct={7: right(1)}), network())
    assert row.status == "not comparable"
    assert row.text == "No seed was trained in both: seeds 0 in the baseline, seeds 7 now."
    mute = judging.accuracy(network(), network(correct={}))
    assert mute.status == "not comparable"
    assert "no seed with its predictions in the baseline" in mute.text


def test_what_is_not_trained_now_is_missing_and_what_was_not_then_is_new():
    none = {"correct": {}, "runs": 0}
    missing = judging.accuracy(network(**none), network())
    assert (missing.status, missing.before, missing.after) == ("missing", 0.985, None)
    assert judging.accuracy(network(), network(**none)).status == "new"


@pytest.mark.parametrize(
    ("changes", "data", "same_recipe", "message"),
    [
        ({}, None, True, "This run does not train a network"),
        ({"data": None}, MNIST, True, "has no trained network"),
        (
            {"networks": [network(runs=0, correct={})]},
            MNIST,
            True,
            "has no trained network",
        ),
        ({}, Data("digits", "e" * 64, 360), True, "other images .mnist, 10,000 test images"),
        ({}, replace(MNIST, digest="e" * 64), True, "digest dddddddddddd.*digest eeeeeeeeeeee"),
        ({}, MNIST, False, "trained with --recipe=gate and this run's were not"),
        (
            {"networks": [network(correct={})]},
            MNIST,
            True,
            "each run classified correctly",
        ),
    ],
)
def test_why_nothing_can_be_compared_is_said(changes, data, same_recipe, message):
    reason = judging.why_incomparable(replace(earlier(), **changes), data, same_recipe)
    assert re.search(message, reason), reason


def test_the_same_images_and_recipe_are_no_obstacle():
    assert judging.why_incomparable(earlier(), MNIST, same_recipe=True) is None


# Size --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "status", "text"),
    [
        ({}, "unchanged", "100 parameters, as before."),
        (
            {"total_params": 101, "spec_digest": "x"},
            "regressed",
            "100 parameters before, 101 now (+1.0 %): 1 more.",
        ),
        (
            {"total_params": 50, "spec_digest": "x"},
            "improved",
            "100 parameters before, 50 now (-50.0 %): 50 fewer.",
        ),
        ({"total_params": 101}, "not comparable", "of the same network: they were counted"),
        ({"total_params": None, "spec_digest": None}, "missing", "It was not built in this run"),
    ],
)
def test_more_is_a_regression_and_fewer_an_improvement(now, status, text):
    row, flops = judging.counts(network(**now), network())
    assert (row.measure, row.status) == ("total_params", status)
    assert text in row.text
    assert (flops.measure, flops.status) == ("flops", "unchanged")


def test_what_was_not_built_then_is_new():
    then = network(total_params=None, flops=None, spec_digest=None)
    assert {row.status for row in judging.counts(network(), then)} == {"new"}


# Which network is which --------------------------------------------------------------------------


def test_a_network_is_found_by_its_name_whatever_it_is_now():
    found = comparison()
    assert found.counterpart(network(spec_digest="other")).id == "deep_cnn"
    assert found.rows() == []


def test_one_of_another_name_is_it_when_the_old_name_is_gone_and_it_is_identical():
    then = [network("old"), network("kept")]
    found = comparison(*then, present=("kept", "fresh"))
    assert found.counterpart(network("fresh", spec_digest="digest of old")).id == "old"
    # The name is still there: that network is a copy, not the same one renamed.
    assert found.counterpart(network("copy", spec_digest="digest of kept")) is None
    assert found.counterpart(network("broken", spec_digest=None)) is None
    assert [(row.subject, row.baseline_subject, row.status) for row in found.rows()] == [
        ("fresh", "old", "renamed"), ("copy", None, "new"), ("broken", None, "new"),
    ]  # fmt: skip


def test_two_networks_that_were_not_built_are_not_identical():
    found = comparison(network("old", spec_digest=None), present=("fresh",))
    assert found.counterpart(network("fresh", spec_digest=None)) is None


def test_a_name_that_is_gone_is_missing_unless_it_was_renamed():
    found = comparison(network("old"), network("kept"), present=("kept", "fresh"))
    assert (found.gone, found.new) == (("old",), ("fresh",))
    renamed = found.missing("old", [network("fresh", spec_digest="digest of old")])
    assert (renamed.status, renamed.subject) == ("renamed", "fresh")
    gone = found.missing("old", [network("fresh")])
    assert (gone.status, gone.subject, gone.baseline_subject) == ("missing", None, "old")
    assert [row.status for row in found.rows()] == ["renamed", "missing"]


# What results.json and the terminal say ----------------------------------------------------------


def test_only_what_a_check_asked_for_is_in_the_rows_in_the_projects_order():
    then = [network("a"), network("b")]
    found = comparison(*then, present=("b", "a"))
    found.counts(network("a"), then[0])
    found.accuracy(network("a", wrong=(180,)), then[0], None)
    found.accuracy(network("b"), then[1], None)
    assert [(row.subject, row.measure) for row in found.rows()] == [
        ("b", "accuracy"), ("a", "accuracy"), ("a", "total_params"), ("a", "flops"),
    ]  # fmt: skip
    document = found.to_json(None)
    assert replace(document, rows=()) == Baseline(
        file="old.json", created="2026-11-22T00:00:00Z", commit="abc", margin=0.002,
        comparable=True, reason=None, overwritten=False,
    )  # fmt: skip
    row = document.rows[1]
    assert (row.status, row.difference) == ("regressed", pytest.approx(-0.003))


def test_an_obstacle_makes_every_accuracy_not_comparable_and_no_size():
    found = comparison()
    row = found.accuracy(network(wrong=(650,), images_per_s=9.0), network(), "Other images.")
    assert (row.status, row.text, row.difference) == ("not comparable", "Other images.", None)
    found.counts(network(), network())
    document = found.to_json("Other images.")
    assert (document.comparable, document.reason) == (False, "Other images.")
    said = "\n".join(terminal.lines(document))
    assert said.count("Other images.") == 1
    assert said.endswith("  2 unchanged, 1 not comparable")  # no rate of other trainings either


def test_the_terminal_lists_what_changed_and_counts_the_rest():
    then = network(images_per_s=900.0)
    found = comparison(then, network("old"), overwritten=True)
    now = network(wrong=(180,), total_params=101, spec_digest="x")
    found.counts(now, then)
    found.accuracy(now, then, None)
    found.missing("old", [])
    first, *rows, counts, overwritten = terminal.lines(found.to_json(None))
    assert first == "Against old.json (2026-11-22T00:00:00Z, abc):"
    assert [row.split()[:3] for row in rows] == [
        ["deep_cnn", "accuracy", "regressed"],
        ["deep_cnn", "parameters", "regressed"],
        ["old", "network", "missing"],
    ]
    assert "98.50 % -> 98.20 %, -0.30 points [-0.4" in rows[0]
    assert rows[1].endswith("100 -> 101")
    assert counts == "  2 regressed, 1 unchanged, 1 not judged, 1 missing"
    assert "old.json was this report's own file" in overwritten


def test_counts_of_another_version_are_explained_on_the_terminal():
    found = comparison()
    found.counts(network(flops=201), network())
    _, row, _ = terminal.lines(found.to_json(None))
    assert row.split()[:4] == ["deep_cnn", "FLOPs", "not", "comparable"]
    assert row.endswith("of the same network: they were counted otherwise then.")


def test_without_a_baseline_nothing_is_said_and_with_nothing_compared_that():
    assert list(terminal.lines(None)) == []
    _, said = terminal.lines(comparison().to_json(None))
    assert said == "  nothing was compared: no check of test_baseline.py was selected"
