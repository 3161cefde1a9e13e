"""Whatever is wrong: one clear message, the right exit code, no traceback, the others still graded.

Runs pytest, as a user does, on a copy of the project. No run here needs MNIST or a network.
"""

import contextlib
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import time
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest

from harness.data.folder import idx_names
from harness.data.idx import write_idx
from tests.support.interrupts import heed_interrupts, processes_of, stored_runs
from tests.support.project_copy import (
    FAILED,
    INTERRUPTED,
    PASSED,
    USAGE,
    command,
    environment,
    grade,
    grade_each,
    project,
)

pytestmark = pytest.mark.slow

STRUCTURE = ("checks/test_build.py::test_build", "checks/test_structure.py")


def results(folder: Path) -> dict:
    text = (folder / "reports" / "latest" / "results.json").read_text(encoding="utf-8")
    return {subject["id"]: subject for subject in json.loads(text)["subjects"]}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy for the tests that change nothing in it."""
    return project(tmp_path_factory.mktemp("copy") / "project")


# Model modules ----------------------------------------------------------------------------------

TWO_OUTPUTS = """import keras

def build():
    images = keras.Input((784,))
    return keras.Model(images, [keras.layers.Dense(10)(images), keras.layers.Dense(9)(images)])
"""

# Name of the module -> its text (None: deleted), and what is said of it. Those that no document
# describes are given the facts of one.
BROKEN = {
    "deep_cnn": ("def build(:\n", r"^models/deep_cnn\.py, line 1: invalid syntax"),
    "functional_cnn": (
        "import keras\n",
        r"^models/functional_cnn\.py defines no function build\(\)",
    ),
    "mlp_256_128": (
        "def build():\n    return [1, 2]\n",
        r"build\(\) returned list, but should return a keras\.Model",
    ),
    "mlp_64_32": (TWO_OUTPUTS, r"the model has 2 outputs, but should have 1"),
    "gone": (None, r"models/gone\.py was not found"),
    "mistyped": (
        "import numpyy\n",
        r"ModuleNotFoundError at models/mistyped\.py, line 1: No module named 'numpyy'",
    ),
    "leaves": (
        "import sys\n\ndef build():\n    sys.exit(3)\n",
        r"build\(\) raised SystemExit at models/leaves\.py, line 4: 3",
    ),
    "sleeps": (
        "import time\n\ndef build():\n    time.sleep(1000)\n",
        r"no network after 2 s; it was stopped",
    ),
    "vanishes": (
        "import os\n\ndef build():\n    print('farewell')\n    os._exit(0)\n",
        r"the process ended without an answer",
    ),
    "divides": (
        "def build():\n    1 / 0\n",
        r"build\(\) raised ZeroDivisionError at models/divides\.py",
    ),
    "null": ("\x00", r"^models/null\.py"),
    "binary": (b"\xff\xfe\x00", r"models/binary\.py cannot be read"),
}
TIMEOUT = ("OPENING_TIMEOUT_S = 60.0", "OPENING_TIMEOUT_S = 2.0")


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """Broken modules beside one that is as it should be."""
    folder = project(tmp_path_factory.mktemp("broken") / "project")
    facts = folder / "reference" / "facts"
    for name, (content, _) in BROKEN.items():
        path = folder / "models" / f"{name}.py"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if not (facts / f"{name}.toml").exists():
            shutil.copy(facts / "deep_cnn.toml", facts / f"{name}.toml")
    limits = folder / "harness/submissions/sandbox/inside/limits.py"
    text = limits.read_text()
    assert TIMEOUT[0] in text
    limits.write_text(text.replace(*TIMEOUT))
    return grade(folder, *STRUCTURE), results(folder)


def test_a_broken_module_is_told_what_is_wrong_and_the_others_are_graded(broken):
    result, subjects = broken
    assert result.code == FAILED
    assert subjects.keys() == {*BROKEN, "sequential_cnn"}
    for name, (_, message) in BROKEN.items():
        rows = {row["id"]: row for row in subjects[name]["checks"]}
        build = rows.pop("test_build.py::test_build")
        assert build["status"] == ("timeout" if "no network after" in message else "failed")
        assert re.search(message, build["message"]), build["message"]
        result.line(message)
        assert {row["status"] for row in rows.values()} == {"skipped"}
    whole = subjects["sequential_cnn"]["checks"]
    assert {row["status"] for row in whole} == {"passed"}
    assert len(whole) == 7


@pytest.fixture(scope="module")
def fallen_back(tmp_path_factory):
    """A run that finds neither MNIST nor a network to fetch it by, and one module broken."""
    folder = project(tmp_path_factory.mktemp("fallen_back") / "project")
    (folder / "models" / "mlp_64_32.py").write_text("build = 1\n")
    return folder, grade(folder, "checks", "-k", "mlp or sequential")


def test_the_others_are_trained_too(fallen_back):
    folder, result = fallen_back
    assert result.code == FAILED
    subjects = results(folder)
    assert subjects["mlp_64_32"]["runs"] == []
    # The last lines say how it ended and where to look.
    result.line(r"^mlp_64_32 +not built +0/")
    result.line(r"^mlp_256_128 +\w.* gate \d")
    result.line(r"^Report: reports/latest/index\.html$")
    assert len(subjects["mlp_256_128"]["runs"]) == len(subjects["sequential_cnn"]["runs"]) == 1
    assert "digits" in (folder / "reports" / "latest" / "index.html").read_text()
    statuses = {row["status"] for row in subjects["mlp_64_32"]["checks"]}
    assert statuses == {"failed", "skipped"}
    for name in ("mlp_256_128", "sequential_cnn"):
        rows = subjects[name]["checks"]
        # The digits are gated by the measured floor itself: no row of evidence repeats it.
        rows = [row for row in rows if row["group"] != "evidence"]
        assert not [row for row in rows if row["status"] in ("skipped", "grader_error")], rows


# A baseline -------------------------------------------------------------------------------------


def all_right(subject: dict, images: int) -> None:
    """Rewrites a subject of results.json: its runs read every image right."""
    bits = np.packbits(np.ones(images, bool))
    for run in subject["runs"]:
        run |= {"correct_bitmap": b64encode(bits.tobytes()).decode(), "test_accuracy": 1.0}


def test_what_has_got_worse_since_a_baseline_fails_and_is_shown_everywhere(fallen_back, tmp_path):
    folder, _ = fallen_back
    document = json.loads((folder / "reports" / "latest" / "results.json").read_text())
    found = {subject["id"]: subject for subject in document["subjects"]}
    mlp, cnn = found["mlp_256_128"], found["sequential_cnn"]
    all_right(cnn, document["dataset"]["sizes"]["test"])
    cnn["spec"]["total_params"] -= 1
    cnn["spec_digest"] = "another"
    document["subjects"] = [
        {**mlp, "id": "old_mlp"}, cnn, {**mlp, "id": "mlp_64_32"},
        {**cnn, "id": "gone\x1b[31m"}, {**cnn, "id": "deep_cnn"},
    ]  # fmt: skip
    (folder / "before.json").write_text(json.dumps(document))
    report = tmp_path / "report"
    result = grade(
        folder, "checks", "-k", "(mlp or sequential or gone) and baseline",
        "--dataset=digits", "--baseline=before.json", f"--report={report}",
    )  # fmt: skip
    assert result.code == FAILED
    baseline = json.loads((report / "results.json").read_text())["baseline"]
    assert (baseline["file"], baseline["comparable"]) == ("before.json", True)
    rows = [
        (row["subject"], row["baseline_subject"], row["measure"], row["status"])
        for row in baseline["rows"]
        if row["measure"] != "speed"
    ]
    assert rows == [
        ("mlp_256_128", "old_mlp", "presence", "renamed"),
        ("mlp_256_128", "old_mlp", "accuracy", "unchanged"),
        ("mlp_256_128", "old_mlp", "total_params", "unchanged"),
        ("mlp_256_128", "old_mlp", "flops", "unchanged"),
        ("mlp_64_32", "mlp_64_32", "accuracy", "missing"),
        ("mlp_64_32", "mlp_64_32", "total_params", "missing"),
        ("mlp_64_32", "mlp_64_32", "flops", "missing"),
        ("sequential_cnn", "sequential_cnn", "accuracy", "regressed"),
        ("sequential_cnn", "sequential_cnn", "total_params", "regressed"),
        ("sequential_cnn", "sequential_cnn", "flops", "unchanged"),
        (None, "gone", "presence", "missing"),
    ]
    subjects = {s["id"]: s for s in json.loads((report / "results.json").read_text())["subjects"]}
    failed = {
        (name, row["id"])
        for name, subject in subjects.items()
        for row in subject["checks"]
        if row["status"] not in ("passed", "skipped")
    }
    assert failed == {
        ("mlp_64_32", "test_baseline.py::test_comparable"),
        ("sequential_cnn", "test_baseline.py::test_no_less_accurate"),
        ("sequential_cnn", "test_baseline.py::test_no_larger"),
    }
    assert {name: subject["verdict"] for name, subject in subjects.items()} == {
        "mlp_256_128": "passed", "mlp_64_32": "not built", "sequential_cnn": "failed",
    }  # fmt: skip
    assert "4 failed" in result.output
    result.line(r"^Against before\.json \(")
    result.line(r"^  sequential_cnn +accuracy +regressed +100\.00 % -> ")
    result.line(r"^  gone +network +missing")
    assert "\x1b" not in result.output
    assert "regressed" in (report / "index.html").read_text()


# Options ----------------------------------------------------------------------------------------


REFUSED = [
    (
        ["--dataset", "cifar"],
        r"--dataset cifar: expected one of auto, mnist, digits",
    ),
    (["--recipe", "quick"], r"--recipe quick: expected gate or documented"),
    (["--seeds", "0"], r"--seeds 0: expected an integer from 1 to 1000"),
    (["--seeds", "two"], r"--seeds two: expected an integer"),
    (["--workers", "x"], r"--workers x: expected an integer from 1 to 256"),
    (["--rubric", "none.toml"], r"none\.toml cannot be read: No such file or directory"),
    (["--rubric", "pytest.ini"], r"pytest\.ini is not TOML: .*\(at line \d+, column \d+\)"),
    (["--report", "conftest.py"], r"--report .*conftest\.py: .*is a file; expected a folder"),
    (["--report", "conftest.py/below"], r"conftest\.py is a file; expected a folder"),
    (["--baseline", "none.json"], r"--baseline .*none\.json does not exist\."),
    (["--store", "conftest.py"], r"the folder .*conftest\.py cannot be written"),
    (["--mnist-dir", "nowhere"], r"--mnist-dir: .*nowhere"),
    (["--mnist-dir", "pytest.ini"], r"--mnist-dir: .*pytest\.ini"),
    (["--mnist-dir", "empty"], r"--mnist-dir: the folder empty is empty"),
]


@pytest.fixture(scope="module")
def refused(copy):
    """What comes of each of these options."""
    (copy / "empty").mkdir()
    found = grade_each(copy, [("checks", *given) for given, _ in REFUSED])
    return dict(zip((tuple(given) for given, _ in REFUSED), found, strict=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    REFUSED,
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_option_that_cannot_be(refused, arguments, message):
    result = refused[tuple(arguments)]
    assert result.code == USAGE
    assert re.search(message, result.line(r"^ERROR: ")), result.output
    assert "passed" not in result.output


# Data -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def idx_files(tmp_path_factory):
    """Four well-formed files of MNIST's sizes that hold something else."""
    folder = tmp_path_factory.mktemp("idx")
    sizes = {"train": 60_000, "test": 10_000}
    for part, count in sizes.items():
        images = np.zeros((count, 28, 28), np.uint8)
        write_idx(folder / idx_names(f"{part}_images")[0], images)
        write_idx(folder / idx_names(f"{part}_labels")[0], np.zeros(count, np.uint8))
    return folder


@pytest.fixture
def idx_folder(idx_files, tmp_path):
    """A copy of them, to be damaged."""
    return Path(shutil.copytree(idx_files, tmp_path / "mnist"))


def test_an_altered_idx_file(copy, idx_folder):
    result = grade(copy, "checks", "--mnist-dir", str(idx_folder))
    assert result.code == USAGE
    assert "train-images-idx3-ubyte" in result.line("^ERROR: .*these are not MNIST's")
    result.line("actual digest")
    result.line("expected digest")


def test_a_truncated_idx_file(copy, idx_folder):
    file = idx_folder / idx_names("train_images")[0]
    content = gzip.decompress(file.read_bytes())[:-1000]
    file.write_bytes(gzip.compress(content))
    result = grade(copy, "checks", "--mnist-dir", str(idx_folder))
    assert result.code == USAGE
    assert file.name in result.line("^ERROR: ")


def test_a_compressed_file_cut_short(copy, idx_folder):
    file = idx_folder / idx_names("test_images")[0]
    file.write_bytes(file.read_bytes()[:-10])
    result = grade(copy, "checks", "--mnist-dir", str(idx_folder))
    assert result.code == USAGE
    assert file.name in result.line("^ERROR: ")


def test_no_mnist_and_no_network(copy):
    result = grade(copy, "checks", "--dataset", "mnist")
    assert result.code == USAGE
    result.line(r"^ERROR: MNIST was not found")
    result.line(r"take the scikit-learn digits with --dataset digits")
    assert result.seconds < 20  # ten for deciding it, the rest for Python on a busy machine


def test_no_mnist_and_no_network_falls_back_to_the_digits_and_says_so(fallen_back):
    folder, result = fallen_back
    result.line(r"^MNIST was not found, so the scikit-learn digits are used instead")
    latest = folder / "reports" / "latest"
    dataset = json.loads((latest / "results.json").read_text())["dataset"]
    assert dataset["name"] == "digits"
    assert "MNIST was not found" in (latest / "index.html").read_text()


# Folders ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def mounted(folder: Path, options: str):
    """A small file system of its own; needs root."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        # Only root may; where CI runs as somebody else, that is to be mended and not passed over.
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("option", ["--report", "--store"])
def test_a_read_only_folder(copy, tmp_path, option):
    with mounted(tmp_path / "read_only", "ro,size=64m") as folder:
        result = grade(copy, *STRUCTURE, option, str(folder))
    assert result.code == USAGE
    line = result.line("^ERROR: ")
    assert "read_only cannot be written: Read-only file system" in line
    assert line.endswith(f"name another one with {option}.")


def test_a_full_report_folder(copy, tmp_path):
    with mounted(tmp_path / "full", "size=64k") as folder:
        result = grade(copy, *STRUCTURE, "--report", str(folder))
    assert result.code == USAGE
    assert re.search(r"--report .*full: 0 MB are free", result.line("^ERROR: "))


def test_a_report_folder_that_fills_up_meanwhile(copy, tmp_path):
    """What another program's files may do: the verdicts are shown, the missing report is told."""
    with mounted(tmp_path / "small", "size=40m") as folder:
        process = subprocess.Popen(
            command(*STRUCTURE, "--report", str(folder), "--store", str(tmp_path / "store")),
            cwd=copy, env=environment(tmp_path / "home"), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            while "collected" not in process.stdout.readline():
                assert process.poll() is None
            with contextlib.suppress(OSError):
                (folder / "other").write_bytes(bytes(64 << 20))
            output, _ = process.communicate(timeout=120)
        finally:
            process.kill()
    assert "Traceback" not in output, output
    assert "INTERNALERROR" not in output, output
    assert process.returncode == USAGE
    assert re.search(r"(?m)^ERROR: .*small.* cannot be written", output), output


# Interruption -----------------------------------------------------------------------------------


def test_ctrl_c_in_mid_training_loses_nothing_that_was_finished(tmp_path):
    folder = project(tmp_path / "project", epochs=60, validation=180)
    arguments = ("checks", "--dataset", "digits", "-k", "mlp_64_32", "--workers", "1", "--seeds")
    process = subprocess.Popen(
        command(*arguments, "9"), cwd=folder, env=environment(tmp_path / "home"),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509  (no other thread forks)
    )  # fmt: skip
    shown = ""
    try:
        # The first run is finished, the second under way.
        while "trained mlp_64_32 seed 0" not in shown:
            shown += process.stdout.readline()
            assert process.poll() is None, shown
        time.sleep(0.3)
        assert any("harness.jobs.local.worker" in line for line in processes_of(folder))
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    output = shown + output
    assert process.returncode == INTERRUPTED
    assert "Traceback" not in output, output
    assert "INTERNALERROR" not in output, output
    assert (
        "Interrupted. Finished training runs are kept: run the same command to continue." in output
    )
    assert processes_of(folder) == []
    assert not (folder / "reports" / "latest" / "results.json").exists()
    finished = stored_runs(folder)
    assert 1 <= len(finished) < 9

    # The same, of two seeds: enough to see what is taken up and what is trained.
    result = grade(folder, *arguments, "2")
    assert result.code in (PASSED, FAILED)
    runs = results(folder)["mlp_64_32"]["runs"]
    assert [run["cached"] for run in runs] == [run["key"] in finished for run in runs]
    assert runs[0]["cached"]
    assert "trained mlp_64_32 seed 0" not in result.output
    assert stored_runs(folder) >= finished | {run["key"] for run in runs}
