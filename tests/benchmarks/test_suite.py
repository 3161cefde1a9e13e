"""The benchmark suite from the command line: each way in which its results could be wrong.

The plugin, the checks of speed, the report and pytest-benchmark are the real ones; the runners
are told their times.
"""

import json
import shutil
from xml.etree import ElementTree as ET

import pytest

from tests.support.fake_benchmarks import bench, project, rows

pytestmark = pytest.mark.slow

SLOWER = {"engine": {"seconds": 0.002}}
ONE = ["mlp_64_32"]
NO_PYTORCH = {
    "pytorch": {"unavailable": "PyTorch is not installed: pip install -r requirements-peers.txt"}
}


@pytest.fixture
def folder(tmp_path):
    project(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A folder with a baseline of one network."""
    folder = tmp_path_factory.mktemp("measured")
    project(folder)
    done = bench(folder, "--benchmark-json=times.json", names=ONE)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.copy(folder / "reports/latest/results.json", folder / "base.json")
    return folder


@pytest.fixture
def again(measured, tmp_path):
    """The same, for a test to run in."""
    project(tmp_path)
    shutil.copy(measured / "base.json", tmp_path)
    return tmp_path


def _edit(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def _by_runner(folder, task="train"):
    return {row["runner"]: row for row in rows(folder) if row["task"] == task}


def _timed(folder):
    return (folder / "ran.txt").exists()


# What is measured --------------------------------------------------------------------------------


def test_the_rows_of_pytest_benchmark_are_the_interleaved_times(measured):
    found = json.loads((measured / "times.json").read_text())["benchmarks"]
    stats = {one["name"]: one["stats"] for one in found}
    engine = stats["test_training[mlp_64_32-engine]"]
    assert engine["rounds"] == 20
    assert engine["iterations"] == 100
    # 1 ms a step, and a wobble of 0, 1 and 2 % from round to round.
    assert sorted({round(value, 9) for value in engine["data"]}) == [0.001, 0.00101, 0.00102]
    assert stats["test_training[mlp_64_32-keras fit]"]["median"] == pytest.approx(0.00404)


def test_every_runner_has_a_row_with_all_that_is_true_of_it(measured):
    found = {(r["task"], r["batch_size"], r["runner"]): r for r in rows(measured)}
    assert set(found) == {
        ("train", 32, "engine"), ("train", 32, "keras fit"), ("train", 32, "pytorch"),
        ("predict", 1, "engine"), ("predict", 1, "keras predict"), ("predict", 1, "keras call"),
        ("predict", 256, "engine"), ("predict", 256, "keras predict"),
        ("predict", 256, "keras call"),
    }  # fmt: skip
    row = found["train", 32, "engine"]
    assert (row["status"], row["threads"], row["rounds"]) == ("measured", 1, 20)
    assert row["first_call_s"] == 0.5
    assert row["speedup"]["keras fit"]["ratio"] == pytest.approx(4)


def test_a_slow_first_call_leaves_the_rounds_as_many(folder):
    done = bench(folder, "-k", "training", names=ONE, answers={"engine": {"first": 90.0}})
    assert done.returncode == 0
    row = _by_runner(folder)["engine"]
    assert (row["rounds"], row["first_call_s"]) == (20, 90.0)
    assert row["p95_s"] < 0.0011


def test_what_is_not_installed_is_said_everywhere(folder):
    done = bench(folder, "-rs", "-k", "training", names=ONE, answers=NO_PYTORCH)
    assert done.returncode == 0
    assert done.stdout.count("PyTorch is not installed: pip install -r requirements-peers.txt") == 2
    row = _by_runner(folder)["pytorch"]
    assert (row["status"], row["median_s"]) == ("unavailable", None)
    assert "PyTorch is not installed: pip install -r requirements-peers.txt" in (
        folder / "reports/latest/index.html"
    ).read_text(encoding="utf-8")


def test_another_batch_adds_rows_and_keeps_the_others(measured, folder):
    shutil.copytree(measured / "reports", folder / "reports")
    done = bench(folder, "-k", "training", "--benchmark-batch=128", names=ONE)
    assert done.returncode == 0
    sizes = {(row["task"], row["batch_size"]) for row in rows(folder)}
    assert sizes == {("train", 32), ("train", 128), ("predict", 1), ("predict", 256)}


def test_a_batch_that_is_none_is_refused(folder):
    done = bench(folder, "--benchmark-batch=0", names=ONE)
    assert done.returncode == 4
    assert "--benchmark-batch 0: expected an integer" in done.stderr


# What fails after it was timed -------------------------------------------------------------------


def test_an_assertion_after_timing_takes_the_row_back(folder):
    check = folder / "checks/test_speed.py"
    text = check.read_text(encoding="utf-8")
    spoiled = text.replace('\n\n@pytest.mark.parametrize("batch_size"', (
        "\n    assert runner != 'keras fit', 'too late'"
        '\n\n\n@pytest.mark.parametrize("batch_size"'
    ))  # fmt: skip
    assert spoiled != text
    check.write_text(spoiled, encoding="utf-8")
    done = bench(folder, "-k", "training", "--benchmark-json=times.json", names=ONE)
    assert done.returncode == 1
    row = _by_runner(folder)["keras fit"]
    assert (row["status"], row["median_s"], row["images_per_s"]) == ("failed", None, None)
    assert "too late" in row["reason"]
    names = [one["name"] for one in json.loads((folder / "times.json").read_text())["benchmarks"]]
    assert names == ["test_training[mlp_64_32-engine]", "test_training[mlp_64_32-pytorch]"]
    table = done.stdout.partition("- benchmark '")[2].partition("Legend")[0]
    assert "engine" in table
    assert "keras fit" not in table


def test_outputs_that_differ_fail_every_row(folder):
    wrong = {"keras call": {"outputs": [[0.0] * 10]}}
    done = bench(folder, "-k", "prediction and 1]", names=ONE, answers=wrong)
    assert done.returncode == 1
    found = rows(folder)
    assert [row["status"] for row in found] == ["failed"] * 3
    assert all("up to 0.1 apart" in row["reason"] for row in found)


def test_a_runner_that_dies_fails_its_own_row(folder):
    answers = {"keras fit": {"dies_at": 9}}
    done = bench(folder, "-k", "training", "--benchmark-json=t.json", names=ONE, answers=answers)
    assert done.returncode == 1
    statuses = {name: row["status"] for name, row in _by_runner(folder).items()}
    assert statuses == {"engine": "measured", "keras fit": "failed", "pytorch": "measured"}
    assert "SIGKILL" in done.stdout


def test_a_network_that_is_not_built_fails(folder):
    done = bench(folder, "--benchmark-json=t.json", names=ONE, build_failure="no build()")
    assert done.returncode == 1
    assert {row["status"] for row in rows(folder)} == {"failed"}
    assert "no build()" in rows(folder)[0]["reason"]


# The baseline ------------------------------------------------------------------------------------


def test_the_same_speed_passes(again):
    done = bench(again, "--baseline=base.json", names=ONE)
    assert done.returncode == 0, done.stdout
    assert "against the baseline: +0.0 % [+0.0 %, +0.0 %], fine" in done.stdout
    assert _by_runner(again)["engine"]["change"]["verdict"] == "fine"


def test_a_regression_is_a_failed_row_in_every_output(again):
    done = bench(again, "--baseline=base.json", "--junitxml=junit.xml",
                 "--benchmark-json=times.json", names=ONE, answers=SLOWER)  # fmt: skip
    assert done.returncode == 1
    message = "mlp_64_32 training, batch 32, speed-up over keras fit = 2×"
    assert message in done.stdout
    assert "3 failed" in done.stdout
    row = _by_runner(again)["engine"]
    assert row["status"] == "regressed"
    assert message in row["reason"]
    assert row["median_s"] == pytest.approx(0.00202)
    cases = ET.parse(again / "junit.xml").iter("testcase")  # noqa: S314  (our own file)
    failures = [case.get("name") for case in cases if case.find("failure") is not None]
    assert "test_training[mlp_64_32-engine]" in failures
    assert len(failures) == 3
    log = (again / "reports/latest/pytest.html").read_text(encoding="utf-8")
    assert "3 Failed," in log
    page = (again / "reports/latest/index.html").read_text(encoding="utf-8")
    assert "regressed" in page
    marked = json.loads((again / "times.json").read_text())["benchmarks"]
    assert {one["name"]: one["extra_info"]["status"] for one in marked}[
        "test_training[mlp_64_32-engine]"
    ] == "regressed"


def test_what_cannot_be_told_passes_and_is_said(again):
    def widen(document):
        for row in document["benchmarks"]:
            if row["runner"] == "engine":
                row["speedup"] = {
                    peer: {"ratio": r["ratio"], "low": r["ratio"] / 2, "high": r["ratio"] * 2}
                    for peer, r in row["speedup"].items()
                }

    _edit(again / "base.json", widen)
    done = bench(again, "--baseline=base.json", names=ONE)
    assert done.returncode == 0
    assert "cannot tell" in done.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "does not exist"),
        ("", "is empty"),
        ('{"schema": 1, "benchmarks": []}', "holds no benchmarks"),
    ],
)
def test_a_useless_baseline_stops_before_anything_is_timed(folder, text, message):
    if text is not None:
        (folder / "base.json").write_text(text, encoding="utf-8")
    done = bench(folder, "--baseline=base.json", names=ONE)
    assert done.returncode == 4
    assert message in done.stderr
    assert not _timed(folder)


def test_a_baseline_of_another_machine_is_refused(again):
    def move(document):
        for row in document["benchmarks"]:
            row["machine"]["cpu"] = "Cray-1"

    _edit(again / "base.json", move)
    done = bench(again, "--baseline=base.json", names=ONE)
    assert done.returncode == 4
    assert "another machine: cpu 'Cray-1', here " in done.stderr
    assert not _timed(again)


def test_what_is_not_in_the_baseline_fails(again):
    done = bench(again, "--baseline=base.json", "-k", "training", names=["mlp_256_128", *ONE])
    assert done.returncode == 1
    assert "not in the baseline" in done.stdout
    assert "1 failed, 5 passed" in done.stdout
    found = {row["architecture"]: row for row in rows(again) if row["runner"] == "engine"}
    assert found["mlp_256_128"]["status"] == "failed"
    assert found["mlp_64_32"]["status"] == "measured"


def test_what_only_the_baseline_has_fails(again):
    def rename(document):
        for row in document["benchmarks"]:
            row["architecture"] = {"mlp_64_32": "removed"}[row["architecture"]]

    both = json.loads((again / "base.json").read_text())["benchmarks"]
    _edit(again / "base.json", rename)
    _edit(again / "base.json", lambda document: document["benchmarks"].extend(both))
    done = bench(again, "--baseline=base.json", names=ONE)
    assert done.returncode == 1
    assert "3 failed, 9 passed" in done.stdout
    assert "removed training, batch 32 = not measured in this run" in done.stdout
    missing = [row for row in rows(again) if row["architecture"] == "removed"]
    assert {row["status"] for row in missing} == {"failed"}
    assert len(missing) == 3
    selected = bench(again, "--baseline=base.json", "-k", "mlp_64_32", names=ONE)
    assert selected.returncode == 0, selected.stdout
    path = bench(again, "--baseline=base.json", "checks/test_speed.py::test_training", names=ONE)
    assert path.returncode == 0, path.stdout


def test_without_a_baseline_there_is_no_test_of_it(measured):
    done = bench(measured, "--collect-only", "-q", names=ONE)
    assert "test_training[mlp_64_32-engine]" in done.stdout
    assert "test_baseline" not in done.stdout


# Options that do not go together -----------------------------------------------------------------


def test_compare_fail_points_to_the_baseline(folder):
    done = bench(folder, "--benchmark-compare-fail=mean:5%", names=ONE)
    assert done.returncode == 4
    assert "Use --baseline=FILE" in done.stderr
    assert not _timed(folder)


def test_distributed_benchmarks_are_refused(folder):
    # The options of pytest-xdist, which need not be installed.
    (folder / "fake_xdist.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--dist', default='no')\n"
    )
    done = bench(folder, "-p", "no:xdist", "-p", "fake_xdist", "--dist=load", names=ONE)
    assert done.returncode == 4
    assert "Leave out -n, or write -n0" in done.stderr
    assert not _timed(folder)


def test_disabled_benchmarks_are_refused(folder):
    done = bench(folder, "--benchmark-disable", names=ONE)
    assert done.returncode == 4
    assert "--benchmark-only and --benchmark-disable: give only one" in done.stderr


def test_an_earlier_version_s_results_are_kept(again):
    path = again / "reports/latest/results.json"
    path.parent.mkdir(parents=True)
    shutil.copy(again / "base.json", path)
    _edit(path, lambda document: [document.pop(key) for key in ("submissions", "rubric")])
    done = bench(again, "-k", "training", names=ONE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows(again)
