"""Contests between runners that are told their times."""

import pytest

from harness.benchmarks.contest import ROUNDS, TRIAL_ROUNDS, WARMUP_ROUNDS, Pool, hold, turns
from harness.benchmarks.rows import blank, failed, measured, merged
from harness.benchmarks.workload import Workload
from harness.network.documented import recipe_for
from harness.report.schema.results import Benchmark
from reference import facts
from tests.support.fake_benchmarks import FakeChild, small_spec

TRAINERS = ("engine", "keras fit", "pytorch")
PREDICTORS = ("engine", "keras predict", "keras call")


def _contest(answers=None, task="train", cores=2):
    children = {}

    def start(program, threads):
        assert (program, threads) not in children, "one process for each program"
        children[program, threads] = FakeChild(program, threads, answers or {})
        return children[program, threads]

    recipe = recipe_for(facts.load("mlp_64_32"), "documented", None)
    runners = TRAINERS if task == "train" else PREDICTORS
    wanted = [Workload(task, runner, small_spec(), recipe, 32, 10) for runner in runners]
    return hold(wanted, Pool(start), cores), children


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_each_runner_takes_every_place(count):
    rounds = [turns(count, number) for number in range(2 * count)]
    assert all(sorted(order) == list(range(count)) for order in rounds)
    for place in range(count):
        assert [order[place] for order in rounds].count(0) == 2


def test_no_runner_always_follows_the_same_one():
    after = {(a, b) for n in range(6) for a, b in zip(turns(3, n), turns(3, n)[1:], strict=False)}
    assert after == {(a, b) for a in range(3) for b in range(3) if a != b}


def test_rounds_are_interleaved_and_the_first_ones_are_left_out():
    contest, children = _contest(cores=1)
    assert {len(timing.times) for timing in contest.timings.values()} == {ROUNDS}
    ran = [len(child.log) for child in children.values()]
    assert set(ran) == {TRIAL_ROUNDS + WARMUP_ROUNDS + ROUNDS}
    assert ROUNDS >= 20
    assert WARMUP_ROUNDS >= 3


def test_a_slow_first_call_is_reported_apart_and_costs_no_round():
    contest, _ = _contest({"engine": {"first": 60.0}})
    timing = contest.timings["engine"]
    assert timing.first_call_s == 60.0
    assert len(timing.times) == ROUNDS
    assert max(timing.step_times) < 0.0011


def test_each_runner_computes_on_the_threads_that_suit_it():
    contest, children = _contest({"engine": {"slow_on": 2}, "pytorch": {"slow_on": 1}})
    threads = {name: timing.threads for name, timing in contest.timings.items()}
    assert (threads["engine"], threads["pytorch"]) == (1, 2)
    # A row is compared with the rate of its own number of threads.
    assert contest.timings["engine"].matmul_flops_per_s == 1e11
    assert contest.timings["pytorch"].matmul_flops_per_s == 2e11
    assert len(children["engine", 2].log) == TRIAL_ROUNDS


def test_the_machine_s_rate_is_measured_in_every_round_and_its_median_taken():
    contest, children = _contest({"engine": {"drift": 0.1}}, cores=1)
    assert children["engine", 1].products == WARMUP_ROUNDS + ROUNDS
    middle = WARMUP_ROUNDS + (ROUNDS - 1) / 2
    rate = contest.timings["keras fit"].matmul_flops_per_s
    assert rate == pytest.approx(1e11 * (1 + 0.1 * middle))


def test_one_core_leaves_nothing_to_choose():
    _, children = _contest(cores=1)
    assert set(children) == {("engine", 1), ("keras", 1), ("pytorch", 1)}


def test_what_is_not_installed_is_absent_and_the_others_go_on():
    contest, _ = _contest({"pytorch": {"unavailable": "PyTorch is not installed"}})
    assert set(contest.timings) == {"engine", "keras fit"}
    assert contest.absent["pytorch"].status == "unavailable"
    assert contest.absent["pytorch"].reason == "PyTorch is not installed"


@pytest.mark.parametrize(("run", "runs"), [(1, 1), (5, 3 + 5), (12, 3 + 12)])
def test_a_runner_that_dies_is_absent_and_the_others_go_on(run, runs):
    contest, children = _contest({"keras fit": {"dies_at": run}})
    logs = [children["keras", threads].log for threads in (1, 2)]
    assert sum(log.count("keras fit") for log in logs) == runs, "the dead are not asked"
    assert all(log[-1] == "stop" for log in logs), "the next request gets another process"
    assert "stop" not in children["engine", 1].log
    assert set(contest.timings) == {"engine", "pytorch"}
    assert contest.absent["keras fit"].status == "failed"
    assert "SIGKILL" in contest.absent["keras fit"].reason
    assert {len(timing.times) for timing in contest.timings.values()} == {ROUNDS}


def test_outputs_that_differ_are_not_timed():
    other = [[0.1] * 9 + [0.1001]] * 32
    contest, children = _contest({"keras call": {"outputs": other}}, "predict")
    assert contest.timings == {}
    assert "predictions of keras call on 1 and of engine on 1 threads: up to 0.0001 apart" in (
        contest.disagreement
    )
    assert all(child.log == [] for child in children.values())


def test_outputs_of_another_shape_differ():
    contest, _ = _contest({"keras call": {"outputs": [[0.1] * 10]}}, "predict")
    assert "shapes [1, 10] and [32, 10]" in contest.disagreement


def test_outputs_that_agree_within_rounding_are_timed():
    near = [[0.1] * 9 + [0.100001]] * 32
    contest, _ = _contest({"keras call": {"outputs": near}}, "predict")
    assert set(contest.timings) == set(PREDICTORS)
    assert contest.disagreement == ""


def test_keras_has_one_process_for_both_its_ways_to_predict():
    _, children = _contest(task="predict")
    assert set(children) == {(name, n) for name in ("engine", "keras") for n in (1, 2)}


# Rows --------------------------------------------------------------------------------------------

KEY = ("mlp_64_32", "train", 32)


def test_a_row_speaks_of_one_step():
    contest, _ = _contest()
    row = measured(KEY, "engine", contest, small_spec().network)
    assert row["median_s"] == pytest.approx(0.00101)
    assert row["steps_per_round"] == 10
    assert row["images_per_s"] == pytest.approx(32 / 0.00101)
    assert row["flops_per_image"] == 3 * (2 * 784 * 10 + 10)
    rate = 1e11 * row["threads"]
    assert row["matmul_fraction"] == pytest.approx(
        row["images_per_s"] * row["flops_per_image"] / rate
    )
    assert row["speedup"]["keras fit"]["ratio"] == pytest.approx(4)
    assert row["speedup"]["pytorch"]["ratio"] == pytest.approx(2)
    assert row["first_call_s"] == 0.5
    assert row["quartiles_s"][1] - row["quartiles_s"][0] == pytest.approx(row["iqr_s"])


def test_only_the_engine_has_speedups():
    contest, _ = _contest()
    assert measured(KEY, "keras fit", contest, small_spec().network)["speedup"] is None


def test_a_failed_row_keeps_no_figures():
    contest, _ = _contest()
    row = failed(measured(KEY, "engine", contest, small_spec().network), "it was wrong")
    assert row == blank(KEY, "engine", "failed", "it was wrong") | {
        "created": row["created"],
        "device": "CPU",
    }


def test_a_contest_replaces_its_earlier_rows_and_no_others():
    old = [
        Benchmark(architecture="a", task="train", batch_size=32, runner="pytorch"),
        Benchmark(architecture="a", task="train", batch_size=64, runner="engine"),
    ]
    new = [Benchmark(architecture="a", task="train", batch_size=32, runner="engine")]
    assert merged(old, new) == [old[1], *new]
