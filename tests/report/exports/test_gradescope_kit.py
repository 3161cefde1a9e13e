"""The autograder kit in a folder laid out as Gradescope does: a valid results.json, always."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from harness.system.directories import PROJECT_ROOT
from tests.support.project_copy import environment, project

pytestmark = pytest.mark.slow

KIT = PROJECT_ROOT / "harness" / "report" / "exports" / "gradescope_kit"
GOOD = {"score": 86.5, "tests": [], "output": "Ünïcode"}

# Stands where the autograder's Python would be: notes how it was called, then does as it is told.
FAKE = """#!/bin/bash
printf '%s\\n' "$@" > "$AUTOGRADER_ROOT/called"
printf '%s\\n' "$PWD" "${{MNIST_DIR:-}}" > "$AUTOGRADER_ROOT/around"
mkdir -p "$AUTOGRADER_ROOT/report/gradescope"
cd "$AUTOGRADER_ROOT/report/gradescope"
{does}
"""


class Autograder:
    """/autograder of a Gradescope container."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.source = root / "source"
        for folder in (root / "submission", root / "results", self.source / ".venv" / "bin"):
            folder.mkdir(parents=True)
        shutil.copy(KIT / "run_autograder", root)
        self.does("exit 0")

    def does(self, script: str) -> None:
        python = self.source / ".venv" / "bin" / "python"
        python.write_text(FAKE.format(does=script), encoding="utf-8")
        python.chmod(0o755)

    def writes(self, **files: str) -> None:
        (self.root / "prepared").mkdir(exist_ok=True)
        for name, text in files.items():
            (self.root / "prepared" / f"{name}.json").write_text(text, encoding="utf-8")
        self.does(f"cp {self.root}/prepared/*.json .; exit 1")

    def run(self, **variables: str) -> dict:
        environment = {"PATH": os.environ["PATH"], "AUTOGRADER_ROOT": str(self.root)}
        subprocess.run(
            [self.root / "run_autograder"],
            env=environment | variables,
            cwd="/",
            check=False,
            capture_output=True,
        )
        text = (self.root / "results" / "results.json").read_text(encoding="utf-8")
        document = json.loads(text)
        assert isinstance(document["score"], int | float)
        assert math.isfinite(document["score"])
        assert [p.name for p in (self.root / "results").iterdir()] == ["results.json"]
        return document

    def arguments(self) -> list[str]:
        return (self.root / "called").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def autograder(tmp_path):
    return Autograder(tmp_path / "autograder")


def failed(document) -> bool:
    return document.get("extra_data") == {"grader_error": True}


def test_the_files_are_executable():
    for name in ("setup.sh", "run_autograder"):
        assert os.access(KIT / name, os.X_OK)
        assert (KIT / name).read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")


def test_the_result_of_the_submission_is_handed_over_as_it_is(autograder):
    text = json.dumps(GOOD, ensure_ascii=False, indent=1) + "\n"
    autograder.writes(anybody=text)
    assert autograder.run() == GOOD
    assert (autograder.root / "results" / "results.json").read_text(encoding="utf-8") == text


def test_pytest_is_told_where_everything_is(autograder):
    autograder.writes(a=json.dumps(GOOD))
    autograder.run()
    root = autograder.root
    assert autograder.arguments() == [
        "-m", "pytest", "checks/", f"--submission={root}/submission", f"--report={root}/report",
        "-p", "no:cacheprovider",
    ]  # fmt: skip
    where, mnist = (root / "around").read_text(encoding="utf-8").split("\n")[:2]
    assert (where, mnist) == (str(root / "source"), "")


def test_the_architecture_comes_from_a_file_or_a_variable(autograder):
    (autograder.source / "architecture.txt").write_text("deep_cnn\n", encoding="utf-8")
    autograder.run()
    assert "--as=deep_cnn" in autograder.arguments()
    autograder.run(GRADER_ARCHITECTURE="mlp_64_32")
    assert "--as=mlp_64_32" in autograder.arguments()
    (autograder.source / "architecture.txt").write_text("\n", encoding="utf-8")
    autograder.run()
    assert not [word for word in autograder.arguments() if word.startswith("--as")]


def test_options_come_from_a_file_or_a_variable(autograder):
    (autograder.source / "options.txt").write_text("--seeds=2 --dataset=digits", encoding="utf-8")
    autograder.run()
    assert autograder.arguments()[-2:] == ["--seeds=2", "--dataset=digits"]
    autograder.run(GRADER_OPTIONS="--seeds=3")
    assert autograder.arguments()[-1] == "--seeds=3"


def test_mnist_that_lies_in_the_archive_is_used(autograder):
    (autograder.source / "mnist").mkdir()
    autograder.run()
    around = (autograder.root / "around").read_text(encoding="utf-8")
    assert around.splitlines()[1] == str(autograder.source / "mnist")


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"a": "{"},
        {"a": ""},
        {"a": "[]"},
        {"a": "{}"},
        {"a": '{"score": NaN}'},
        {"a": '{"score": "10"}'},
        {"a": '{"score": true}'},
        {"a": json.dumps(GOOD), "b": json.dumps(GOOD)},
    ],
)
def test_anything_but_one_result_is_the_graders_failure(autograder, files):
    if files:
        autograder.writes(**files)
    document = autograder.run()
    assert failed(document)
    assert document["score"] == 0
    assert "not the fault of your submission" in document["output"]
    assert "left no result" in document["output"]


def test_the_result_of_an_earlier_submission_is_not_taken_for_this_one(autograder):
    autograder.writes(a=json.dumps(GOOD))
    assert not failed(autograder.run())
    autograder.does("exit 2")
    assert "ended with status 2" in autograder.run()["output"]


def test_something_valid_is_there_even_when_everything_is_killed(autograder):
    autograder.does("kill -9 $PPID")
    document = autograder.run()
    assert failed(document)
    assert "stopped before it had finished" in document["output"]


def test_a_missing_environment_is_said(autograder):
    shutil.rmtree(autograder.source)
    assert "its files are not in place" in autograder.run()["output"]


def test_our_fault_costs_no_points_that_were_earned_before(autograder):
    before = [
        {"score": "70.5", "autograder_error": False},
        {"score": 40},
        {"score": None},
        {"score": 99, "autograder_error": True},
    ]
    metadata = autograder.root / "submission_metadata.json"
    metadata.write_text(json.dumps({"previous_submissions": before}), encoding="utf-8")
    assert autograder.run()["score"] == 70.5
    metadata.write_text("{", encoding="utf-8")
    assert autograder.run()["score"] == 0


# setup.sh ----------------------------------------------------------------------------------------

APT = """#!/bin/bash
echo "apt-get $*" >> "$AUTOGRADER_ROOT/log"
exit {status}
"""
PYTHON = """#!/bin/bash
case $1 in
  -c) exit {suits} ;;
  -m) mkdir -p "$3/bin"
      for name in pip python; do
        printf '#!/bin/bash\\necho "%s $*" >> "$AUTOGRADER_ROOT/log"\\nexit {fetches}\\n' $name \\
          > "$3/bin/$name"
        chmod +x "$3/bin/$name"
      done
      [[ {fetches} = 0 ]] || printf '#!/bin/bash\\n' > "$3/bin/pip" ;;
esac
"""


def set_up(folder: Path, *, apt: int = 0, suits: int = 0, fetches: int = 0):
    programs = folder / "programs"
    programs.mkdir(parents=True)
    (folder / "source").mkdir()
    scripts = {"apt-get": APT.format(status=apt)}
    for name in ("python3", "python3.13", "python3.12", "python3.11"):
        scripts[name] = PYTHON.format(suits=suits, fetches=fetches)
    for name, script in scripts.items():
        (programs / name).write_text(script, encoding="utf-8")
        (programs / name).chmod(0o755)
    done = subprocess.run(
        ["bash", KIT / "setup.sh"],
        env={"PATH": f"{programs}:/usr/bin:/bin", "AUTOGRADER_ROOT": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    log = folder / "log"
    return done, log.read_text(encoding="utf-8") if log.exists() else ""


def test_setup_installs_isolation_and_requirements_and_fetches_mnist(tmp_path):
    done, log = set_up(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "bubblewrap" in log
    assert "python3-venv" in log
    lock = f"{tmp_path}/source/requirements.lock"
    assert f"pip install --quiet --require-hashes --requirement {lock}" in log
    assert "mnist.load_data()" in log


def test_setup_goes_on_without_packages_and_without_mnist(tmp_path):
    done, _ = set_up(tmp_path, apt=1, fetches=1)
    assert done.returncode == 0, done.stderr
    assert "weaker isolation" in done.stdout
    assert "MNIST could not be fetched" in done.stdout


def test_setup_says_when_no_python_will_do(tmp_path):
    done, log = set_up(tmp_path, suits=1)
    assert done.returncode == 1
    assert "no Python 3.11, 3.12 or 3.13" in done.stderr
    assert "python3.13 python3.13-venv" in log


@pytest.mark.parametrize(
    ("version", "status"), [("3, 10, 9", 1), ("3, 11, 0", 0), ("3, 13, 9", 0), ("3, 14, 0", 1)]
)
def test_setup_takes_a_python_that_tensorflow_is_made_for(version, status):
    text = (KIT / "setup.sh").read_text(encoding="utf-8")
    (question,) = re.findall(r"-c '(.*sys\.exit.*)'", text)
    question = question.replace("sys.version_info", f"({version})")
    assert subprocess.run([sys.executable, "-c", question], check=False).returncode == status


# make gradescope ---------------------------------------------------------------------------------


def test_make_gradescope_packs_the_project_with_the_kit_at_its_root(tmp_path):
    place = tmp_path / KIT.relative_to(PROJECT_ROOT)
    shutil.copytree(KIT, place)
    shutil.copy(PROJECT_ROOT / "Makefile", tmp_path)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "x"], check=True)
    (tmp_path / "private.txt").write_text("not committed", encoding="utf-8")
    make = ["make", "-C", str(tmp_path), "gradescope", "ARCHITECTURE=deep_cnn", "OPTIONS=--seeds=2"]
    subprocess.run(make, check=True, capture_output=True)
    with zipfile.ZipFile(tmp_path / "build" / "autograder.zip") as archive:
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
        assert archive.read("architecture.txt") == b"deep_cnn\n"
        assert archive.read("options.txt") == b"--seeds=2\n"
    assert modes["setup.sh"] & 0o100
    assert modes["run_autograder"] & 0o100
    assert "harness/report/exports/gradescope_kit/run_autograder" in modes
    assert "private.txt" not in modes


# The real thing ----------------------------------------------------------------------------------

SCRIPT = """from tensorflow import keras
(x, y), _ = keras.datasets.mnist.load_data()
model = keras.Sequential([
    keras.layers.Flatten(input_shape=(28, 28)),
    keras.layers.Dense(64, activation="relu"),
    keras.layers.Dense(31, activation="relu"),
    keras.layers.Dense(10, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x / 255.0, y, epochs=100, validation_split=0.2)
"""


def test_a_student_s_script_is_graded_as_gradescope_would_have_it(tmp_path):
    root = tmp_path / "autograder"
    (root / "submission").mkdir(parents=True)
    (root / "submission" / "my_network.py").write_text(SCRIPT, encoding="utf-8")
    source = project(root / "source", epochs=2)
    shutil.copy(KIT / "run_autograder", root)
    (source / ".venv").symlink_to(sys.prefix)
    (source / "architecture.txt").write_text("mlp_64_32\n", encoding="utf-8")
    (source / "options.txt").write_text("--dataset=digits -q\n", encoding="utf-8")
    done = subprocess.run(
        [root / "run_autograder"],
        env={**environment(tmp_path / "home"), "AUTOGRADER_ROOT": str(root)},
        cwd="/",
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((root / "results" / "results.json").read_text(encoding="utf-8"))
    assert not failed(found), done.stdout
    assert 0 < found["score"] < 100
    assert sum(test.get("score", 0) for test in found["tests"]) == pytest.approx(found["score"])
    assert "31" in json.dumps(found["tests"])
    assert {test["status"] for test in found["tests"] if "status" in test} == {"passed", "failed"}
