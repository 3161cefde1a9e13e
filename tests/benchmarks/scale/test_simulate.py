"""The simulation of many jobs on many workers, against cases worked by hand."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.benchmarks.scale import simulate
from harness.benchmarks.scale.simulate import (
    NO_COSTS,
    TRAINING_S,
    Costs,
    grade,
    limits,
    makespan,
    mixed,
)

# The same examples every time, and no clock.
alike = settings(deadline=None, derandomize=True, database=None)

DURATIONS = st.lists(st.floats(0.1, 100), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("durations", "workers", "expected"),
    [
        ([3], 1, 3),
        ([1, 2, 3], 1, 6),
        ([1, 2, 3], 5, 3),
        ([1, 5, 2, 4, 3], 2, 8),  # 5 + 2 + 1 and 4 + 3
        # Graham (1969), sec. 3: 11 by LPT on 3 workers, 9 at best; the bound 4/3 - 1/9 is met.
        ([5, 5, 4, 4, 3, 3, 3], 3, 11),
        ([], 3, 0),
    ],
)
def test_longest_first_by_hand(durations, workers, expected):
    assert makespan(durations, workers, NO_COSTS) == expected
    assert makespan(durations[::-1], workers, NO_COSTS) == expected


@alike
@given(DURATIONS, st.integers(1, 8))
def test_no_schedule_beats_its_bounds(durations, workers):
    span = makespan(durations, workers, NO_COSTS)
    best = max(sum(durations) / workers, *durations)
    assert span >= best * (1 - 1e-9)
    # Any list schedule: the last job began when no worker was idle.
    bound = sum(durations) / workers + max(durations) * (1 - 1 / workers)
    assert span <= bound * (1 + 1e-9)


def _optimum(durations, workers):
    """The shortest possible makespan: every assignment tried."""
    found = {(0.0,) * workers}
    for duration in durations:
        found = {
            tuple(sorted((*loads[:i], loads[i] + duration, *loads[i + 1 :])))
            for loads in found
            for i in range(workers)
        }
    return min(max(loads) for loads in found)


@alike
@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(1, 4))
def test_longest_first_keeps_grahams_bound(durations, workers):
    best = _optimum(durations, workers)
    assert best <= makespan(durations, workers, NO_COSTS) <= (4 / 3 - 1 / (3 * workers)) * best


@alike
@given(DURATIONS, st.integers(1, 8))
def test_costs_only_add(durations, workers):
    costs = Costs(5.0, 4.0, 0.25, 0.5, 0.125)
    span = makespan(durations, workers, costs)
    assert span >= max(limits(durations, workers, costs).values()) * (1 - 1e-9)
    ready = max(costs.worker_start, costs.sandbox_start + costs.opening)
    assert span >= (ready + max(durations) + costs.verification) * (1 - 1e-9)


def test_a_worker_starts_before_it_works():
    assert makespan([2, 3], 2, replace(NO_COSTS, worker_start=7.0)) == 10


def test_verification_takes_its_turn():
    # Both end at 2; one is verified until 5, the other until 8.
    assert makespan([2, 2], 2, replace(NO_COSTS, verification=3.0)) == 8
    assert makespan([2, 2], 2, replace(NO_COSTS, verification=3.0, sandboxes=2)) == 5


def test_a_job_waits_until_its_module_is_open():
    # Opened at 1, 2 and 3: the second is trained from 2 on, the third from 3 on.
    costs = replace(NO_COSTS, opening=1.0)
    assert makespan([5, 5, 5], 3, costs) == 8
    assert makespan([5, 5, 5], 3, replace(costs, sandbox_start=10.0)) == 18


def test_a_short_job_that_is_open_goes_before_a_long_one_that_is_not():
    # Opened at 1 and 2: the only worker takes 4 s of the first, then the second.
    assert makespan([4, 9], 1, replace(NO_COSTS, opening=1.0)) == 14


def test_openings_and_verifications_take_turns():
    # 0-1 opens a, 1-2 opens b; a is trained at 1.5; 2-4 verifies a, 4-5 opens c, 5-7 verifies b,
    # 7-9 verifies c.
    costs = replace(NO_COSTS, opening=1.0, verification=2.0)
    assert makespan([0.5, 0.5, 0.5], 3, costs) == 9


def test_the_controller_hands_out_one_job_after_another():
    assert makespan([10] * 4, 4, replace(NO_COSTS, controller=1.0)) == 14


@pytest.mark.parametrize(
    ("durations", "workers", "costs", "limit"),
    [
        ([5] * 100, 2, Costs(), "training"),
        ([500, 1, 1], 2, Costs(), "longest job"),
        ([1], 4, replace(NO_COSTS, worker_start=6.0), "worker start"),
        ([1] * 100, 64, replace(NO_COSTS, verification=3.0), "sandbox"),
        ([1] * 100, 64, replace(NO_COSTS, opening=3.0), "sandbox"),
        ([1] * 100, 64, replace(NO_COSTS, controller=1.0), "controller"),
    ],
)
def test_what_binds(durations, workers, costs, limit):
    assert grade(durations, workers, costs).limit == limit


def test_the_limits_by_hand():
    costs = Costs(7.0, 4.0, 0.25, 0.75, 0.5, sandboxes=2)
    assert limits([1, 2, 9], 4, costs) == {
        "training": 3, "longest job": 9, "worker start": 7, "sandbox": 5.5, "controller": 1.5,
    }  # fmt: skip


def test_jobs_that_are_there_at_one_moment_are_weighed_together():
    # Two sandboxes open both jobs at 1: the longer one is the first, though it was opened last.
    costs = replace(NO_COSTS, opening=1.0, verification=2.0, sandboxes=2)
    assert makespan([3, 4], 1, costs) == 10
    assert makespan([4, 3], 1, costs) == 10
    # The short one would be verified by 6 if it went first: 1 + 3 + 4, then 2.
    costs = replace(costs, verification=0.0, worker_start=2.0)
    assert makespan([3, 4, 5, 6], 2, costs) == 2 + 9


def test_efficiency_is_training_over_all_that_the_workers_had():
    assert grade([4, 2], 2, NO_COSTS).efficiency == 6 / 8
    assert grade([4], 4, replace(NO_COSTS, worker_start=4.0)).efficiency == 4 / 32


def test_more_workers_never_help_beyond_the_serial_part():
    durations = mixed(500, TRAINING_S)
    spans = [makespan(durations, workers, Costs()) for workers in simulate.WORKERS]
    assert spans == sorted(spans, reverse=True)
    assert spans[-1] >= limits(durations, 64, Costs())["sandbox"]


def test_a_mixed_class_has_every_network_in_turn():
    training = {"b": 2.0, "a": 1.0, "c": 3.0}
    assert mixed(7, training) == [1, 2, 3, 1, 2, 3, 1]


def test_what_is_shared_is_trained_once():
    training = {"a": 10.0, "b": 20.0}
    costs = Costs(1.0, 2.0, 0.5, 3.0, 0.25)
    once = makespan([10.0, 20.0], 2, costs)
    assert simulate.shared(training, 2, costs, 2) == once
    # A few more fit in while the two are trained; many more wait for the sandbox.
    assert simulate.shared(training, 2, costs, 6) == once + 4 * 0.25
    assert simulate.shared(training, 2, costs, 1002) == 2 + 1002 * 0.5 + 2 * 3 + 1000 * 0.25


def test_a_grading_without_workers_is_refused():
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        makespan([1], 0, NO_COSTS)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (99.4, "99 s"), (99.6, "1.7 min"), (3600, "60.0 min"), (36000, "10.0 h")],
)
def test_durations_as_people_say_them(seconds, shown):
    assert simulate.duration(seconds) == shown


def test_the_command_prints_every_cell(capsys):
    assert simulate.main([]) == 0
    printed = capsys.readouterr().out
    rows = [line for line in printed.splitlines() if line.startswith("| 1,000 |")]
    assert len(rows) == 1
    assert rows[0].count("|") == len(simulate.WORKERS) + 2
    assert simulate.main([]) == 0
    assert capsys.readouterr().out == printed  # deterministic


def test_the_times_of_a_run_are_taken(tmp_path, capsys):
    subjects = [
        {"architecture": "a", "runs": [{"train_time_s": 2.0}, {"train_time_s": 4.0}]},
        {"architecture": "b", "runs": [{"train_time_s": 9.0}]},
        {"architecture": "not trained", "runs": []},
    ]
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"subjects": subjects}), encoding="utf-8")
    assert simulate.main(["--results", str(path)]) == 0
    assert "a 3.0 s, b 9.0 s\n" in capsys.readouterr().out


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"subjects": [{}]}', '{"subjects": []}'])
def test_results_that_say_nothing_are_named(tmp_path, capsys, text):
    path = tmp_path / "results.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert simulate.main(["--results", str(path)]) == 4
    assert f"ERROR: --results {path}: " in capsys.readouterr().err


def test_on_a_cluster_workers_verify_before_they_train_anything_else():
    costs = replace(NO_COSTS, verification=3.0, workers_verify=True)
    assert makespan([2, 2], 2, costs) == 5
    # One worker: 0-2 trains a, 2-5 verifies a, 5-7 trains b, 7-10 verifies b.
    assert makespan([2, 2], 1, costs) == 10
    # The short one waits until both have verified: 6-7 trains it, 7-10 verifies it.
    assert makespan([3, 3, 1], 2, costs) == 10
    # The sandbox opens meanwhile, and is not asked to verify.
    assert makespan([1], 1, replace(costs, sandbox_start=5.0, opening=1.0)) == 10


def test_on_a_cluster_two_tasks_of_each_job_pass_the_controller():
    costs = replace(NO_COSTS, verification=3.0, controller=0.5, workers_verify=True)
    assert limits([1, 2, 9], 3, costs) == {
        "training": 7, "longest job": 9, "worker start": 0, "sandbox": 0, "controller": 3,
    }  # fmt: skip


def test_ten_thousand_jobs_keep_sixty_four_workers_of_a_cluster_busy(capsys):
    assert simulate.main(["--cluster"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "| 10,000 |" in line)
    outcome = grade(mixed(10_000, TRAINING_S), 64, simulate.CLUSTER)
    assert outcome.efficiency > 0.95
    assert f"{simulate.duration(outcome.makespan_s)}, {100 * outcome.efficiency:.0f} %" in row
