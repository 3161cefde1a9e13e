"""Runs experiments, each in a thread of its own, and keeps what came of them as futures."""

import json
import time
import traceback
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Literal

from harness.experiments.context import Experiment, ExperimentContext
from harness.jobs.kinds.errors import JobFailed
from harness.system.directories import PROJECT_ROOT
from reference.errors import UserError

# Those that compute rather than wait when the session ends are left to end with the process.
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Finished:
    """What became of an experiment, whatever it was.

    Attributes:
        status: "done", "failed" or "skipped", as in results.json.
        blame: of one that is not done: the status of its check, as of `JobFailed`.
        reason: the same, as a sentence.
        problems: as of `Outcome`.
    """

    experiment: Experiment
    status: Literal["done", "failed", "skipped"]
    blame: str | None = None
    reason: str | None = None
    problems: tuple[str, ...] = ()
    result: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the experiment's row of results.json."""
        known = self.experiment
        return {
            "id": known.id,
            "architecture": known.architecture,
            "kind": known.kind,
            "title": known.title,
            "question": known.question,
            "source": known.source,
            "status": self.status,
            "reason": self.reason,
            "problems": list(self.problems),
            "result": self.result,
        }


class ExperimentRunner:
    """The experiments of a session, begun together.

    Args:
        experiments: in the catalogue's order.
    """

    def __init__(self, experiments: Iterable[Experiment], context: ExperimentContext) -> None:
        self._context = context
        self._futures: dict[tuple[str, str], Future[Finished]] = {}
        self._threads: list[Thread] = []
        for experiment in experiments:
            future: Future[Finished] = Future()
            self._futures[experiment.architecture, experiment.id] = future
            name = f"experiment-{experiment.architecture}-{experiment.id}"
            # Daemons: Ctrl-C does not wait for one that is in the middle of a computation.
            self._threads.append(
                Thread(target=self._run, args=(experiment, future), name=name, daemon=True)
            )
        for thread in self._threads:
            thread.start()

    def future(self, experiment: Experiment) -> Future[Finished]:
        """Returns the future of what becomes of one of them; it raises nothing."""
        return self._futures[experiment.architecture, experiment.id]

    def all(self) -> list[Future[Finished]]:
        """Returns all their futures, in the catalogue's order."""
        return list(self._futures.values())

    def stop(self) -> None:
        """Wakes those that wait; they end as skipped."""
        self._context.close()

    def wait(self) -> None:
        """Waits, not for long, for what `stop` has left."""
        deadline = time.monotonic() + _PATIENCE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, experiment: Experiment, future: Future[Finished]) -> None:
        future.set_result(finish(experiment, self._context))


def finish(experiment: Experiment, context: ExperimentContext) -> Finished:
    """Runs an experiment; whatever goes wrong with it is an outcome, too."""
    try:
        outcome = experiment.run(context)
        # What is no JSON would spoil the results of all the others.
        result = json.loads(json.dumps(outcome.result, allow_nan=False))
    except JobFailed as error:
        status: Literal["failed", "skipped"] = "skipped" if error.status == "skipped" else "failed"
        return Finished(experiment, status, error.status, str(error))
    except UserError as error:
        return Finished(experiment, "failed", "grader_error", str(error))
    except Exception as error:  # noqa: BLE001  (a check is waiting for it)
        return Finished(experiment, "failed", "grader_error", _described(error))
    return Finished(experiment, "done", problems=tuple(outcome.problems), result=result)


def _described(error: Exception) -> str:
    """An error of ours as a line, with the last place of the project that it went through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(PROJECT_ROOT)]
    place = ours[-1] if ours else frames[-1]
    name = Path(place.filename)
    shown = name.relative_to(PROJECT_ROOT) if name.is_relative_to(PROJECT_ROOT) else name.name
    return f"{type(error).__name__}: {error} ({shown}, line {place.lineno})"
