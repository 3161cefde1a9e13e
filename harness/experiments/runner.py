"""Runs experiments, each in a thread of its own, and gives their outcomes as futures."""

import json
import time
import traceback
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Literal

from harness.experiments.context import Experiment, ExperimentContext
from harness.jobs.kinds.errors import JobFailed
from harness.system.directories import PROJECT_ROOT
from reference.errors import UserError

# Threads that still compute when the session ends are left to end with the process.
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Finished:
    """The end of an experiment, whether it succeeded or not.

    Attributes:
        status: as in results.json.
        blame: the status of its check, as of `JobFailed`; None if it is done.
        reason: why it is not done, as a sentence.
        problems: as of `Outcome`.
    """

    experiment: Experiment
    status: Literal["done", "failed", "skipped"]
    blame: str | None = None
    reason: str | None = None
    problems: tuple[str, ...] = ()
    result: Mapping[str, object] | None = None

    def to_json(self) -> dict[str, object]:
        """Returns the experiment's row of results.json."""
        names = ("id", "architecture", "kind", "title", "question", "source")
        return {
            **{name: getattr(self.experiment, name) for name in names},
            "status": self.status,
            "reason": self.reason,
            "problems": list(self.problems),
            "result": self.result,
        }


class ExperimentRunner:
    """Runs the experiments of a session, all started together.

    Args:
        experiments: in the order of the catalogue.
    """

    def __init__(self, experiments: Iterable[Experiment], context: ExperimentContext) -> None:
        self._context = context
        self._futures: dict[tuple[str, str], Future[Finished]] = {}
        self._threads: list[Thread] = []
        for experiment in experiments:
            future: Future[Finished] = Future()
            self._futures[experiment.architecture, experiment.id] = future
            name = f"experiment-{experiment.architecture}-{experiment.id}"
            # Daemon threads, so that Ctrl-C does not wait for a running computation.
            self._threads.append(
                Thread(target=self._run, args=(experiment, future), name=name, daemon=True)
            )
        for thread in self._threads:
            thread.start()

    def future(self, experiment: Experiment) -> Future[Finished]:
        """Returns the future of one experiment; it never holds an exception."""
        return self._futures[experiment.architecture, experiment.id]

    def all(self) -> list[Future[Finished]]:
        """Returns the futures of all experiments, in the order of the catalogue."""
        return list(self._futures.values())

    def stop(self) -> None:
        """Ends all waiting experiments as skipped."""
        self._context.close()

    def wait(self) -> None:
        """Waits a few seconds for the threads to end after `stop`."""
        deadline = time.monotonic() + _PATIENCE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, experiment: Experiment, future: Future[Finished]) -> None:
        future.set_result(finish(experiment, self._context))


def finish(experiment: Experiment, context: ExperimentContext) -> Finished:
    """Runs an experiment; turns every error into an outcome."""
    try:
        outcome = experiment.run(context)
        # A value that is not JSON would spoil the results of all other experiments.
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
    """Returns an internal error as a line, with the last place in the project that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(PROJECT_ROOT)]
    place = ours[-1] if ours else frames[-1]
    name = Path(place.filename)
    shown = name.relative_to(PROJECT_ROOT) if name.is_relative_to(PROJECT_ROOT) else name.name
    return f"{type(error).__name__}: {error} ({shown}, line {place.lineno})"
