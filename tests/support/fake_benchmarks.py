"""A benchmark suite without TensorFlow: a session that opens nothing, runners with given times.

`project` lays out a project whose `pytest --benchmark-only` uses them.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from harness.evaluation.results import CheckResult, SubjectOutcome
from harness.network import spec as specs
from harness.submissions.feedback.comparison import compare
from harness.submissions.opened import OpenedSubmission
from harness.system.directories import PROJECT_ROOT
from harness.system.failure import BuildFailure
from harness.system.processes.json_process import ProcessDied
from reference.calibration import DOCUMENTED
from tests.support import forked_pytest

if TYPE_CHECKING:
    import subprocess

NAMES = ("mlp_256_128", "mlp_64_32")
SCRIPT = "BENCHMARK_SCRIPT"
# Seconds for one step, by runner.
USUAL = {
    "engine": 0.001, "keras fit": 0.004, "pytorch": 0.002, "keras predict": 0.05,
    "keras call": 0.005,
}  # fmt: skip

CONFTEST = """
from reference import facts as _facts
from tests.support import fake_benchmarks


# Before the plugin is configured, which asks for the names.
_facts.names = lambda *_folder: fake_benchmarks.script()["names"]


def pytest_configure():
    import harness.app.pytest_plugin.plugin

    harness.app.pytest_plugin.plugin.Session = fake_benchmarks.FakeSession


@pytest.fixture(scope="session")
def start_runner():
    return fake_benchmarks.FakeChild


@pytest.fixture(scope="session", autouse=True)
def _log_of_what_ran():
    fake_benchmarks.note("session")
"""


def script() -> dict[str, Any]:
    """Returns the answers that the test has prescribed."""
    given = json.loads(os.environ.get(SCRIPT, "{}"))
    return {"names": list(NAMES), "build_failure": None, **given}


def note(line: str) -> None:
    with Path("ran.txt").open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def small_spec() -> specs.Spec:
    """Returns the smallest network that trains on digits."""
    return specs.make_spec(
        [
            ("InputLayer", {"shape": [784]}, (), True),
            ("Dense", {"units": 10}, (0,), True),
            ("Activation", {"activation": "softmax"}, (1,), True),
        ],
        ["images", "scores", "predictions"],
    )


class FakeChild:
    """Answers as a runner process does.

    The answers, by runner: `seconds` a step, `first` for the first call, `unavailable`, `dies_at`
    the so-manyth run, `outputs`, `slow_on` so many threads, `drift` of the
    matrix-multiply rate from one measurement to the next.
    """

    def __init__(
        self, program: str, threads: int, answers: Mapping[str, Any] | None = None
    ) -> None:
        self.threads = threads
        self.program = program
        self.log: list[str] = []
        self.products = 0
        self._prescribed = script().get("answers", {}) if answers is None else answers
        self._answers: list[dict[str, Any]] = []
        self._tasks: dict[str, dict[str, Any]] = {}

    def send(self, document: Mapping[str, Any]) -> None:
        if "prepare" in document:
            self._answers.append(self._prepare(document))
        elif "run" in document:
            self._answers.append(self._run(self._tasks[document["run"]]))
        elif "matmul" in document:
            drift = self._prescribed.get(self.program, {}).get("drift", 0) * self.products
            self.products += 1
            rate = 1e11 * self.threads * (1 + drift)
            self._answers.append({"event": "matmul", "flops_per_s": rate})
        else:
            self._answers.append({"event": "device", "name": "CPU"})

    def receive(self, deadline: float | None = None) -> Any:
        assert deadline is not None, "a silent runner would be waited for for ever"
        return self._answers.pop(0)

    def stop(self) -> None:
        self.log.append("stop")

    def _prepare(self, document: Mapping[str, Any]) -> dict[str, Any]:
        answers = self._prescribed.get(document["runner"], {})
        if "unavailable" in answers:
            return {"event": "unavailable", "reason": answers["unavailable"]}
        runner, steps = document["runner"], document["steps"]
        self._tasks[document["prepare"]] = {**answers, "runner": runner, "steps": steps, "runs": 0}
        answer = {
            "event": "ready",
            "images": steps * document["batch_size"],
            "steps": steps,
            "first_call_s": answers.get("first", 0.5),
        }
        if document["task"] == "predict":
            answer["outputs"] = answers.get("outputs", [[0.1] * 10] * document["batch_size"])
        return answer

    def _run(self, task: dict[str, Any]) -> dict[str, Any]:
        self.log.append(task["runner"])
        task["runs"] += 1
        if task["runs"] == task.get("dies_at"):
            raise ProcessDied("the runner was killed by SIGKILL")
        seconds = task.get("seconds", USUAL[task["runner"]])
        if self.threads == task.get("slow_on"):
            seconds *= 2
        wobble = 1 + 0.01 * (task["runs"] % 3)
        return {"event": "ran", "elapsed_s": seconds * task["steps"] * wobble}


class FakeSession:
    """What the plugin, the fixtures and the report need of a session that trains nothing."""

    data = None
    trains = False
    lost = None
    calibration = DOCUMENTED
    environment: Mapping[str, Any] = {"cpu": "fake", "cores": 2, "flags": []}

    def __init__(self, options: Any, subjects: Any, facts: Any, _tell: Any) -> None:
        self.options = options
        self.subjects = {subject.id: subject for subject in subjects}
        self.facts = facts
        self.progress = SimpleNamespace(flush=lambda: None)

    def start(self, *, train: bool, experiments: Any = ()) -> None:
        assert not train
        assert not experiments

    def stop(self) -> None:
        pass

    def losses(self) -> list[str]:
        return []

    def stop_experiments(self) -> None:
        pass

    def experiments(self) -> list[Any]:
        return []

    def outcome(self, subject: str, checks: Sequence[CheckResult]) -> SubjectOutcome:
        found, facts = self.opened(subject), self.facts_of(subject)
        known = SubjectOutcome(self.subjects[subject], facts, None, checks=checks)
        if isinstance(found, BuildFailure):
            return replace(known, error=found.message)
        return replace(known, opened=found)

    def opened(self, subject: str) -> OpenedSubmission | BuildFailure:
        failure = script()["build_failure"]
        if failure:
            return BuildFailure("error", failure)
        comparison = compare(self.facts_of(subject), small_spec())
        return OpenedSubmission(comparison, "project", "build()", comparison.spec)

    def facts_of(self, subject: str) -> Any:
        return self.facts[self.subjects[subject].architecture]


def project(folder: Path) -> None:
    """Lays out a project with the real checks of speed and the real plugin."""
    (folder / "checks").mkdir()
    for name in ("pytest.ini", "checks/test_speed.py"):
        (folder / name).write_text(
            (PROJECT_ROOT / name).read_text(encoding="utf-8"), encoding="utf-8"
        )
    conftest = (PROJECT_ROOT / "conftest.py").read_text(encoding="utf-8")
    (folder / "conftest.py").write_text(conftest + CONFTEST, encoding="utf-8")


def bench(folder: Path, *arguments: str, **answers: Any) -> "subprocess.CompletedProcess[str]":
    """Runs `pytest --benchmark-only` in a project.

    Args:
        answers: of `script`.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(PROJECT_ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        SCRIPT: json.dumps(answers),
    }
    return forked_pytest.run(folder, environment, "--benchmark-only", *arguments)


def rows(folder: Path, name: str = "reports/latest/results.json") -> list[dict[str, Any]]:
    """Returns the benchmarks of a results.json."""
    found: Sequence[dict[str, Any]] = json.loads((folder / name).read_text())["benchmarks"]
    return list(found)
