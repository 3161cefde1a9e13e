"""A class from the command line: shared networks, lost runs, and what is written in the end."""

import csv
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness.statistics.predictions import read_bitmap
from harness.submissions.sandbox import isolation
from tests.fault_injection.comparable import comparable
from tests.support.project_copy import (
    FAILED,
    PASSED,
    USAGE,
    command,
    environment,
    grade,
    grade_each,
    project,
)

pytestmark = pytest.mark.slow

BUILD = """import keras
from keras import layers

def build():
    return keras.Sequential([
        keras.Input((784,)),
        layers.Dense(64, activation="relu"),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
"""
SCRIPT = """from tensorflow import keras
(x, y), _ = keras.datasets.mnist.load_data()
model = keras.Sequential([
    keras.layers.Flatten(input_shape=(28, 28)),
    keras.layers.Dense(64, activation="relu"),
    keras.layers.Dense(32, activation="relu"),
    keras.layers.Dense(10),
])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile("adam", loss)
model.fit(x / 255.0, y, epochs=100, validation_split=0.2)
"""
SAVE = BUILD + "\nimport sys\nbuild().save(sys.argv[1])\n"
CLASS = {
    "Ada.py": BUILD,
    "Ben.py": SCRIPT,
    "Cy.py": BUILD.replace("64", "65"),
    "=HYPERLINK(1)<b>.py": BUILD.replace("32", "31"),
    "Eve.py": "import os\nos._exit(0)\n",
    "Flo/model.py": BUILD,
    "Flo/notes.txt": "mine",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the project, and a class beside it."""
    root = tmp_path_factory.mktemp("faculty")
    place = project(root / "project", epochs=2)
    for name, text in CLASS.items():
        path = root / "class" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return place


def arguments(store, report):
    return (
        "checks/", "--dataset=digits", "--submissions=../class", f"--store={store}",
        f"--report={report}", "-q",
    )  # fmt: skip


@pytest.fixture(scope="module")
def graded(folder):
    """The class, graded in one go."""
    return grade(folder, *arguments("store", "report"))


@pytest.fixture(scope="module")
def results(folder, graded):
    assert graded.code == FAILED, graded.output  # some of them are wrong
    return read(folder / "report")


def read(report):
    return json.loads((report / "results.json").read_text(encoding="utf-8"))


def subject(results, name):
    return next(one for one in results["subjects"] if one["name"] == name)


# What becomes of each ---------------------------------------------------------------------------


def test_equivalent_networks_get_equal_credit_whatever_they_are_written_as(results):
    ada, ben, flo = (subject(results, name) for name in ("Ada", "Ben", "Flo"))
    assert ada["spec_digest"] == ben["spec_digest"] == flo["spec_digest"]
    assert [check["status"] for check in ada["checks"] if check["max_points"]] == [
        check["status"] for check in flo["checks"] if check["max_points"]
    ]
    assert ada["score"] == ada["max_score"] == flo["score"]
    # Ben showed his recipe, which is one thing more to have right.
    assert ben["score"] == ben["max_score"] > ada["max_score"]
    assert ben["origin"] == "fit, line 11"
    assert ben["recipe"]["submitted"]["from_logits"] is True
    assert [run["weights_sha256"] for run in ada["runs"]] == [
        run["weights_sha256"] for run in ben["runs"]
    ]


def test_each_distinct_network_is_trained_once(graded, results):
    digests = {one["spec_digest"] for one in results["subjects"] if one["spec_digest"]}
    assert len(digests) == 3
    assert len(re.findall(r"trained \S+ seed 0", graded.output)) == 3


def test_the_distinct_networks_are_compared_with_one_another(results):
    assert results.keys() >= {"baseline", "history"}
    trained = [one for one in results["subjects"] if one["runs"]]
    for one in trained:
        assert one.keys() >= {
            "calibration", "calibration_note", "classes", "confused", "robustness", "range",
            "alarms",
        }  # fmt: skip
    digests = [one["spec_digest"] for one in trained]
    first = [one for i, one in enumerate(trained) if one["spec_digest"] not in digests[:i]]
    names = [one["id"] for one in first]
    assert [(row["a"], row["b"]) for row in results["comparisons"]] == [
        (names[0], names[1]), (names[0], names[2]), (names[1], names[2]),
    ]  # fmt: skip
    accuracy = {one["id"]: one["runs"][0]["test_accuracy"] for one in first}
    images = results["dataset"]["sizes"]["test"]
    for row in results["comparisons"]:
        assert row["difference"] == pytest.approx(accuracy[row["a"]] - accuracy[row["b"]])
        assert row["only_a"] - row["only_b"] == pytest.approx(row["difference"] * images)
        assert row["interval"][0] <= row["difference"] <= row["interval"][1]
        assert row["p"] <= row["p_adjusted"] <= 1
    assert results["omnibus"]["networks"] == 3
    assert results["omnibus"]["df"] == 2
    groups = results["image_groups"]
    assert groups["networks"] == names
    right = [read_bitmap(one["runs"][0]["correct_bitmap"], images) for one in first]
    assert groups["all_miss"]["count"] == sum(
        not any(column) for column in zip(*right, strict=True)
    )


def test_each_distinct_network_reads_altered_images_once(graded, results):
    assert len(re.findall(r"tried \S+ seed 0 on corrupted images \(", graded.output)) == 3
    ada, ben, cy, eve = (subject(results, name) for name in ("Ada", "Ben", "Cy", "Eve"))
    assert ada["robustness"] == ben["robustness"] != cy["robustness"]
    assert eve["robustness"] is None
    found = cy["robustness"]
    assert (found["images"], found["seeds"], found["note"]) == (360, 1, None)
    # All test images were read, so what was read unaltered is what the run itself read.
    assert found["clean"] == cy["runs"][0]["test_accuracy"]
    levels = [level["accuracy"] for curve in found["curves"] for level in curve["levels"]]
    assert len(levels) == 40
    assert found["mean_corruption_error"] == pytest.approx(1 - sum(levels) / 40)
    assert max(levels) <= 1
    assert min(levels) < found["clean"] - 0.2


def test_results_are_held_against_what_is_plausible_not_against_our_own(results):
    """How a network is trained here is not its author's to answer for."""
    ids = [check["id"] for one in results["subjects"] for check in one["checks"]]
    assert "test_evidence.py::test_calibrated_floor" not in ids
    assert ids.count("test_evidence.py::test_plausible") == len(results["subjects"])
    for name in ("Ada", "Ben", "Cy"):
        found = subject(results, name)
        (row,) = [one for one in found["checks"] if one["id"] == "test_evidence.py::test_plausible"]
        assert (row["status"], row["group"], row["max_points"]) == ("passed", "evidence", 0)
        assert found["alarms"] == []
    assert subject(results, "Ada")["range"]["low"] == 0.01
    assert subject(results, "Flo")["range"] == subject(results, "Ada")["range"]
    assert subject(results, "Cy")["range"] is None, "another network than the documented one"
    assert results["dataset"]["shared_images"] == {"count": 0, "examples": []}
    assert subject(results, "Ada")["calibration"]["images"] == 360


def test_the_closest_architecture_is_taken_and_that_is_said(results):
    assert {one["architecture"] for one in results["subjects"] if one["spec"]} == {"mlp_64_32"}
    assert {one["architecture_basis"] for one in results["subjects"] if one["spec"]} == {"closest"}


def test_a_wrong_layer_is_named_and_costs_points(results):
    cy = subject(results, "Cy")
    assert cy["verdict"] == "failed"
    assert 0 < cy["score"] < cy["max_score"]
    assert cy["findings"][0]["kind"] == "units"
    assert "65" in cy["findings"][0]["cause"]


def test_who_cannot_be_opened_has_the_reason_once_and_costs_nobody_else(results):
    eve = subject(results, "Eve")
    assert (eve["verdict"], eve["score"]) == ("not built", 0)
    assert eve["max_score"] > 0
    said = [check for check in eve["checks"] if "ended without an answer" in str(check["message"])]
    assert [check["id"] for check in said] == ["test_build.py::test_build"]
    assert {check["status"] for check in eve["checks"]} == {"failed", "skipped"}


def test_hostile_names_are_text(folder, results):
    name = "=HYPERLINK(1)<b>"
    stem = subject(results, name)["id"]
    assert re.fullmatch(r"[a-z0-9_-]+", stem)
    page = (folder / "report" / "submissions" / f"{stem}.html").read_text(encoding="utf-8")
    assert "HYPERLINK(1)&lt;b&gt;" in page
    assert "HYPERLINK(1)<b>" not in page
    with (folder / "report" / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert any(name in cell for cell in cells)
    assert not any(cell.startswith("=") for cell in cells)


def test_everything_is_written_for_everybody(folder, results):
    report = folder / "report"
    ids = {one["id"] for one in results["subjects"]}
    assert {path.stem for path in (report / "submissions").iterdir()} == ids
    assert {path.stem for path in (report / "gradescope").iterdir()} == ids
    assert (report / "junit.xml").is_file()
    assert results["submissions"] is True
    assert results["claims"] == []
    assert results["environment"]["isolation"] == isolation.strongest().sentence


# Losing a run -----------------------------------------------------------------------------------


def test_a_killed_run_goes_on_and_ends_where_an_uninterrupted_one_does(folder, results):
    store = folder / "killed"
    process = subprocess.Popen(
        command(*arguments("killed", "again")), cwd=folder, env=environment(folder / "home"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not finished_runs(store):
        assert time.monotonic() < deadline, "nothing was trained"
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 120
    while at_work(folder):  # whoever has nobody to work for any more ends by himself
        assert time.monotonic() < deadline, "processes are left over"
        time.sleep(0.02)
    before = {path: path.stat().st_mtime_ns for path in finished_runs(store)}
    done = grade(folder, *arguments("killed", "again"))
    assert done.code == FAILED, done.output
    assert comparable(read(folder / "again")) == comparable(results)
    # What was there has not been trained again.
    assert {path: path.stat().st_mtime_ns for path in before} == before
    trained = len(re.findall(r"trained \S+ seed 0", done.output))
    assert trained == 3 - len(before)


def at_work(folder: Path) -> list[int]:
    """The processes that work in a folder."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and (process / "cwd").readlink() == folder:
                found.append(int(process.name))
        except OSError:  # it has ended
            continue
    return found


def finished_runs(store: Path) -> list[Path]:
    return sorted(store.glob("records/*/*/record.json"))


# Options ----------------------------------------------------------------------------------------


REFUSED = [
    (["--submission=nothing.py"], r"--submission .*nothing\.py was not found"),
    (["--submissions=nowhere"], r"--submissions .*nowhere is not a folder"),
    (["--as=deep_cnn"], r"--as applies to submissions"),
    (["--train-with=submission"], r"--train-with applies to submissions"),
    (["--submissions=../class", "--as=resnet"], r"--as resnet: expected one of deep_cnn"),
    (["--submissions=../class", "--train-with=x"], r"--train-with x: expected document or"),
    (["--submissions=../class", "--benchmark-only"], r"times the project's own networks"),
    (["--submissions=../class", "--rubric=no.toml"], r"no\.toml"),
]


@pytest.fixture(scope="module")
def refused(folder):
    """What comes of each of these options."""
    found = grade_each(folder, [("checks/", *given) for given, _ in REFUSED])
    return dict(zip((tuple(given) for given, _ in REFUSED), found, strict=True))


@pytest.mark.parametrize(("given", "words"), REFUSED)
def test_a_bad_option_is_one_clear_line(refused, given, words):
    done = refused[tuple(given)]
    assert done.code == USAGE, done.output
    assert re.search(words, done.line("ERROR")), done.output


@pytest.mark.parametrize(
    ("form", "only", "code"),
    # With the space pytest might take the folder for something to collect: that one is graded too.
    [("--submissions {}", "-q", FAILED), ("--submissions={}", "--collect-only", PASSED)],
)
def test_nothing_in_the_class_is_collected_or_imported(folder, tmp_path, form, only, code):
    canary = tmp_path / "canary"
    touch = f"open({str(canary)!r}, 'w')\n"
    hostile = tmp_path / "class"
    hostile.mkdir()
    for name in ("conftest.py", "test_x.py", "sitecustomize.py", "harness.py", "numpy.py"):
        (hostile / name).write_text(touch, encoding="utf-8")
    (hostile / "pytest.ini").write_text("[pytest]\naddopts = -p test_x\n", encoding="utf-8")
    given = form.format(hostile).split(" ")
    done = grade(folder, "checks/", *given, "--dataset=digits", "--store=hostile",
                 "--report=hostile-report", only, "-k", "test_build.py")  # fmt: skip
    assert done.code == code, done.output
    assert not canary.exists()
