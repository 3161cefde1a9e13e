"""Hostile submissions as one class, beside five honest students whose grades do not change.

The command is the one a teacher gives. What runs until its time is over is left to
`test_attacks.py`, but for a few, and those few get seconds here instead of a minute.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.submissions.sandbox.isolation import strongest
from tests.security.attack import A_NETWORK, HONEST, TIMEOUT, WRONG, WRONG_SOURCE, Attack
from tests.security.canaries import VARIABLE, Canaries, Planting
from tests.security.corpus import CORPUS
from tests.support.check_runner import model_source
from tests.support.project_copy import FAILED, PASSED, environment, project

pytestmark = pytest.mark.slow

STUDENTS = {
    "Ada": "functional_cnn",
    "Ben": "sequential_cnn",
    "Cem": "deep_cnn",
    "Dora": "mlp_256_128",
    "Eli": "mlp_64_32",
}
CONTROL = "Control"  # a student with the wrong network, and no tricks
ENDLESS = {"stop_self", "swallowed_timeout", "sleep", "stop_everybody", "endless_flood"}
LIMIT_S = 10
HURRIED = b"# Has seconds to answer.\n"
TIMEOUT_S = 280
# Times, and what else two runs of the same work may differ in; altered images are read by the
# networks of a few, not of a class (`harness.evaluation.evidence.pairwise.MAX_ANALYSED`).
VARYING = frozenset({
    "cached", "duration_s", "train_time_s", "train_images_per_s", "epoch_time_s", "source",
    "robustness",
})  # fmt: skip

# Every attack has been opened alone by `test_attacks.py`. The class is for what being one of many
# adds: all of the kinds that go for others, for their files or for the command itself are in it,
# and of the kinds that stay within their own process the first few.
AGAINST_OTHERS = {"exits", "places", "processes", "runner"}
OF_EACH_OTHER = 3


def _chosen() -> Iterator[Attack]:
    taken: Counter[str] = Counter()
    for attack in CORPUS:
        if attack.endless and attack.name not in ENDLESS:
            continue
        taken[attack.kind] += 1
        within = attack.kind in AGAINST_OTHERS or taken[attack.kind] <= OF_EACH_OTHER
        if within or attack.name in ENDLESS:
            yield attack


ATTACKS = {attack.name: attack for attack in _chosen()}


@dataclass(frozen=True)
class Outcome:
    """What came out of grading a class.

    Attributes:
        results: results.json.
        printed: all of what the command printed.
        report: the folder of the report.
    """

    results: dict[str, Any]
    printed: str
    report: Path

    def subject(self, name: str) -> dict[str, Any]:
        return next(one for one in self.results["subjects"] if one["name"] == name)


def _share(subject: dict[str, Any]) -> float:
    return subject["score"] / subject["max_score"]


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _steady(item) for key, item in value.items() if key not in VARYING}
    return [_steady(item) for item in value] if isinstance(value, list) else value


def _write_honest(folder: Path) -> None:
    folder.mkdir()
    for student, architecture in STUDENTS.items():
        (folder / f"{student}.py").write_text(model_source(architecture), encoding="utf-8")


def _write(attack: Attack, folder: Path, canaries: Canaries) -> None:
    """Writes an attack's folder, with every file that can be written inside of it."""
    folder.mkdir()
    for name, content in attack.filled(canaries.places).items():
        path = folder / name
        if ".." not in Path(name).parts and not Path(name).is_absolute():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    if attack.name in ENDLESS:
        with (folder / attack.main).open("ab") as main:
            main.write(b"\n" + HURRIED)
    for name, target in attack.links.items():
        (folder / name).symlink_to(canaries.places.fill(target))
    for name in attack.pipes:
        os.mkfifo(folder / name)


def _graded(copy: Path, folder: Path, name: str, canaries: Canaries) -> Outcome:
    report = copy.parent / f"report-{name}"
    command = [
        sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "checks/", "-q",
        "--dataset=digits", f"--submissions={folder}", f"--store={copy.parent / f'store-{name}'}",
        f"--report={report}",
    ]  # fmt: skip
    done = subprocess.run(
        command,
        cwd=copy,
        env={**environment(copy.parent / "home"), VARIABLE: canaries.secret},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert done.returncode in {PASSED, FAILED}, printed
    results = json.loads((report / "results.json").read_text(encoding="utf-8"))
    return Outcome(results, printed, report)


@pytest.fixture(scope="module")
def canaries(tmp_path_factory):
    isolation = strongest()
    if isolation.level != "bubblewrap" or not isolation.private:
        pytest.skip(f"only weaker isolation works here: {isolation.sentence}")
    with Planting(tmp_path_factory.mktemp("canaries") / "places") as planted:
        yield planted


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the project in which a submission that says so has seconds to answer.

    Not every submission: on a busy machine an honest one may take as long.
    """
    place = project(tmp_path_factory.mktemp("school") / "project")
    client = place / "harness/submissions/sandbox/client.py"
    text = client.read_text(encoding="utf-8")
    limit = "replace(LIMITS, "
    assert text.count(limit) == 1
    hurried = f"{HURRIED!r} in submitted.files[submitted.main]"
    shorter = text.replace(limit, f"{limit}wall_s={LIMIT_S} if {hurried} else LIMITS.wall_s, ")
    client.write_text(shorter, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def alone(copy, canaries):
    """The honest students, by themselves."""
    _write_honest(copy.parent / "honest")
    return _graded(copy, copy.parent / "honest", "alone", canaries)


@pytest.fixture(scope="module")
def together(copy, canaries):
    """The honest students, and all others."""
    folder = copy.parent / "class"
    _write_honest(folder)
    (folder / f"{CONTROL}.py").write_text(WRONG_SOURCE, encoding="utf-8")
    for name, attack in ATTACKS.items():
        _write(attack, folder / name, canaries)
    return _graded(copy, folder, "together", canaries)


def test_the_class_is_large_enough():
    assert len(ATTACKS) >= 45
    assert {attack.kind for attack in ATTACKS.values()} == {attack.kind for attack in CORPUS}


@pytest.mark.parametrize("student", STUDENTS)
def test_no_honest_grade_changes(student, alone, together):
    before, after = alone.subject(student), together.subject(student)
    assert before["spec_digest"], before["error"]
    assert _steady(after) == _steady(before)


def test_nobody_wins_by_an_attack(together):
    """Each gets what its network is worth: what Eli's or the control's is, or nothing."""
    honest, wrong = together.subject("Eli"), together.subject(CONTROL)
    assert 0 < _share(wrong) < _share(honest)
    worth = {one["spec_digest"]: _share(one) for one in (honest, wrong)}
    won = {}
    for name, attack in ATTACKS.items():
        subject = together.subject(name)
        most = worth.get(subject["spec_digest"], _share(honest) if attack.ends & A_NETWORK else 0)
        if _share(subject) > most:
            won[name] = (_share(subject), most, subject["error"])
    assert won == {}


def test_everybody_ends_as_expected(together):
    digests = {
        together.subject("Eli")["spec_digest"]: HONEST,
        together.subject(CONTROL)["spec_digest"]: WRONG,
    }
    odd = {}
    for name, attack in ATTACKS.items():
        subject = together.subject(name)
        digest = subject["spec_digest"]
        status = next(
            check["status"] for check in subject["checks"] if check["id"].endswith("::test_build")
        )
        ended = digests.get(digest, "other") if digest else status
        # On a busy machine the clock may stop it first.
        by_the_clock = ended == TIMEOUT and not attack.ends & A_NETWORK
        if ended not in attack.ends and not by_the_clock:
            odd[name] = (ended, sorted(attack.ends), str(subject["error"])[:200])
    assert odd == {}


def test_nobody_costs_the_grader_anything(together):
    statuses = {
        (one["name"], check["status"])
        for one in together.results["subjects"]
        for check in one["checks"]
        if check["status"] == "grader_error"
    }
    assert statuses == set()


def test_no_canary_is_touched(copy, canaries, together):
    assert canaries.touched() == []
    assert list(copy.parent.rglob(canaries.places.mark)) == []
    assert "\x1b" not in together.printed
    written = [path for path in together.report.rglob("*") if path.is_file()]
    assert len(written) > len(ATTACKS)
    assert [path for path in written if canaries.secret.encode() in path.read_bytes()] == []
    assert canaries.secret not in together.printed


def test_nothing_hostile_is_in_the_files_of_the_report(together):
    """Neither escapes of a terminal nor characters that turn the order of a text round."""
    text = (together.report / "results.json").read_text(encoding="utf-8")
    assert "\\u001b" not in text
    assert "\\u202e" not in text
    assert "\u202e" not in text
