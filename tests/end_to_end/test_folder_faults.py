"""Disks that fill up, folders that go, files that are damaged: said, kept apart, and made anew.

Runs pytest, as a user does, on a copy of the project, one network trained for four epochs. What
fails does so for root and for anybody else: a limit on the size of files stands for a full disk,
and root goes without its right to read and write everything.
"""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from harness.data import load_digits, publish
from harness.system.directories import check_space
from reference.errors import UserError
from tests.support.project_copy import PASSED, USAGE, grade, project

pytestmark = pytest.mark.slow

TRAINED = ("checks", "--dataset=digits", "--workers=1", "-k", "mlp_64_32")
STRUCTURE = ("checks/test_structure.py", "-k", "mlp_64_32")

# The weights are larger, and so is the saved network; the report of what was not trained is not.
ROOM_FOR_NO_NETWORK = ("prlimit", "--fsize=150000", "--")
# The log of the checks is larger, and so is results.json.
ROOM_FOR_NO_REPORT = ("prlimit", "--fsize=8000", "--")
MODEST = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", "--")
    if os.geteuid() == 0
    else ()
)

# Does something to the folders right before a check runs.
MEANWHILE = """
import shutil

def pytest_runtest_setup(item):
    if item.name.startswith("test_learns"):
        shutil.rmtree(".grader")
"""


def results(folder: Path) -> dict:
    text = (folder / "reports" / "latest" / "results.json").read_text(encoding="utf-8")
    return json.loads(text)["subjects"][0]


def record(store: Path, name: str) -> Path:
    """The one record that has a file of this name."""
    (found,) = (store / "records").glob(f"*/*/{name}")
    return found.parent


# A disk that is full -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """A copy whose store had no room for a trained network, and how the run there ended."""
    folder = project(tmp_path_factory.mktemp("crowded") / "project", epochs=4, validation=180)
    publish(load_digits(), folder / ".grader" / "data")
    result = grade(folder, *TRAINED, prefix=ROOM_FOR_NO_NETWORK)
    return folder, result, results(folder), sorted((folder / ".grader" / "incoming").iterdir())


@pytest.fixture(scope="module")
def complete(crowded):
    """The same copy once there is room, and how the same command ended."""
    folder = crowded[0]
    return folder, grade(folder, *TRAINED)


@pytest.fixture
def stored(complete, tmp_path):
    """A copy of its finished store."""
    return Path(shutil.copytree(complete[0] / ".grader", tmp_path / "store"))


def test_a_store_without_room_in_mid_run_is_said_and_never_passes(crowded):
    _, result, subject, left = crowded
    assert result.code == USAGE
    line = result.line(r"^ERROR: the store .*\.grader cannot be written: File too large\. ")
    assert line.endswith("Make room or make it writable, or name another folder with --store.")
    assert subject["verdict"] == "not graded"
    assert subject["runs"] == []
    assert left == []


def test_the_same_command_goes_on_once_there_is_room(complete):
    folder, result = complete
    assert result.code == PASSED
    result.line(r"^trained mlp_64_32 seed 0: 4 epochs")
    assert "WARNING" not in result.output
    assert results(folder)["verdict"] == "passed"


def test_a_report_that_cannot_be_written_is_not_replaced_by_half_of_one(complete):
    folder, _ = complete
    latest = folder / "reports" / "latest"
    before = {path.name: path.read_bytes() for path in latest.iterdir()}
    result = grade(folder, *STRUCTURE, prefix=ROOM_FOR_NO_REPORT)
    assert result.code == USAGE
    result.line(r"^ERROR: the test log .*pytest\.html cannot be written: File too large\. ")
    line = result.line(r"^ERROR: .*results\.json cannot be written: File too large\. ")
    assert line.endswith("or name another one with --report.")
    # The verdicts are this run's, in which nothing was trained, and no report is named.
    result.line(r"^mlp_64_32 +passed +\d+/\d+ +not trained")
    assert not re.search(r"(?m)^Report: ", result.output)
    before.pop("pytest.html")
    assert {path.name: path.read_bytes() for path in latest.iterdir()} == before


# Folders that go, and folders of others ----------------------------------------------------------


def test_a_store_that_is_removed_in_mid_run_never_passes(complete, tmp_path):
    folder = project(tmp_path / "project", epochs=4, validation=180)
    shutil.copytree(complete[0] / ".grader", folder / ".grader")
    (folder / "meanwhile.py").write_text(MEANWHILE)
    result = grade(folder, "-p", "meanwhile", *TRAINED)
    assert result.code == USAGE
    line = result.line(r"^ERROR: the store .*\.grader, or a part of it, was removed during the run")
    assert "Run the same command again" in line
    assert not (folder / "reports" / "latest" / "results.json").exists()  # figures went with it


def _locked(folder: Path) -> Path:
    folder.mkdir()
    folder.chmod(0)
    return folder


@pytest.mark.parametrize("inside", ["", "latest"])
@pytest.mark.parametrize("option", ["--report", "--store"])
def test_a_folder_of_somebody_else_is_refused_at_the_start(complete, tmp_path, option, inside):
    place = _locked(tmp_path / "theirs") / inside
    result = grade(complete[0], *STRUCTURE, f"{option}={place}", prefix=MODEST)
    place.parent.chmod(0o700)
    assert result.code == USAGE
    line = result.line("^ERROR: ")
    assert f"{place}" in line
    assert "Permission denied" in line
    assert option in line
    assert "passed" not in result.output


def test_a_store_with_a_part_of_somebody_else_is_refused_at_the_start(complete, stored):
    (stored / "records").chmod(0o500)
    result = grade(complete[0], *STRUCTURE, f"--store={stored}", prefix=MODEST)
    assert result.code == USAGE
    assert "records cannot be written: Permission denied" in result.line("^ERROR: ")


def test_a_name_that_is_too_long_is_refused():
    with pytest.raises(UserError, match=r"--report .*: File name too long\. Expected a folder"):
        check_space(Path("/tmp") / ("x" * 300), "--report")  # noqa: S108  (nothing is written)


# Damage ------------------------------------------------------------------------------------------


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_whatever_is_damaged_is_told_set_aside_and_made_anew(complete, stored):
    folder, _ = complete
    trained = results(folder)["runs"][0]
    os.truncate(record(stored, "spec.json") / "spec.json", 100)
    _flip(record(stored, "record.json") / "weights.npz")
    (record(stored, "robustness.json") / "robustness.json").unlink()
    verified = record(stored, "verification.json")
    shutil.copy(verified / "verification.json", verified / "added.json")
    (images,) = (stored / "data").glob("*/test_images.npy")
    _flip(images)

    result = grade(folder, *TRAINED, f"--store={stored}")
    assert result.code == PASSED
    told = [line for line in result.output.splitlines() if line.startswith("WARNING: ")]
    assert len(told) == 5
    for reason, name in (
        ("spec.json differs from its checksum", "spec.json"),
        ("weights.npz differs from its checksum", "record.json"),
        ("robustness.json is missing", "manifest.json"),
        ("added.json was added", "verification.json"),
    ):
        (line,) = [line for line in told if f"a stored record was damaged ({reason})" in line]
        aside = Path(re.search(r"set aside in (.*); it is computed again$", line)[1])
        assert (aside / name).exists()
    (line,) = [line for line in told if "the stored images of digits were damaged" in line]
    assert list((stored / "data" / "quarantine").glob("*/*/test_images.npy"))
    again = results(folder)["runs"][0]
    assert not again["cached"]
    same = ("key", "test_accuracy", "weights_sha256", "correct_bitmap")
    assert {name: again.get(name) for name in same} == {name: trained.get(name) for name in same}

    result = grade(folder, *TRAINED, f"--store={stored}")
    assert result.code == PASSED
    assert "WARNING" not in result.output
    assert results(folder)["runs"][0]["cached"]


def test_records_that_changed_places_are_noticed(complete, stored):
    """What a network is, and what another one's training gave, would both be believed."""
    folder, _ = complete
    one, other = record(stored, "spec.json"), record(stored, "verification.json")
    one.rename(stored / "away")
    other.rename(one)
    (stored / "away").rename(other)
    result = grade(folder, *STRUCTURE, f"--store={stored}")
    assert result.code == PASSED
    result.line(r"^WARNING: a stored record was damaged \(it is the record of another key, ")
