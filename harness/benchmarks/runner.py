"""A runner process: prepares tasks and times them on request, one run at a time.

in   {"prepare": name, "task": "train" or "predict", "runner": "engine", "spec": {...},
      "recipe": {...}, "batch_size": 128, "steps": 8}
out  {"event": "ready", "images": 1024, "steps": 8, "first_call_s": 1.2, "outputs": [[...]]}
     {"event": "unavailable", "reason": ...}        the software of the runner is not installed
     {"event": "failed", "message": ...}            to any request

in   {"run": name}       out  {"event": "ran", "elapsed_s": 0.31}
in   {"matmul": true}    out  {"event": "matmul", "flops_per_s": 1.1e11}
in   {"device": true}    out  {"event": "device", "name": "CPU"}

Runners: train by "engine", "keras fit" or "pytorch"; predict by "engine", "keras predict" or
"keras call". A run trains `steps` steps, or predicts one batch `steps` times; it ends when the
last result is there. `outputs` are the predictions of the batch; training has none.
`first_call_s` is the time of the whole first run, which traces and compiles. The number of threads
is fixed when the process is started (`JsonProcess(..., compute=...)`).
"""

import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from harness.benchmarks.workload import TimedTask, Unavailable, Workload
from harness.system.processes.json_process import serve
from reference.errors import UserError

NO_PYTORCH = "PyTorch is not installed: pip install -r requirements-peers.txt"

Answer = Mapping[str, object]


class Runner:
    """The tasks of one process."""

    def __init__(self, make: Callable[[Workload], TimedTask]) -> None:
        self._make = make
        self._tasks: dict[str, TimedTask] = {}

    def handle(self, request: Mapping[str, Any], reply: Callable[[Answer], None]) -> None:
        """Answers one request; an error is an answer, too."""
        try:
            reply(self._answer(request))
        except Unavailable as error:
            reply({"event": "unavailable", "reason": str(error)})
        except UserError as error:
            reply({"event": "failed", "message": str(error)})
        except BrokenPipeError:
            raise
        except Exception:  # noqa: BLE001  (reported whole; the next request must still be served)
            reply({"event": "failed", "message": traceback.format_exc()})

    def _answer(self, request: Mapping[str, Any]) -> Answer:
        if "prepare" in request:
            return self._prepare(request["prepare"], Workload.from_json(request))
        if "run" in request:
            name = request["run"]
            if name not in self._tasks:
                known = ", ".join(self._tasks) or "none"
                raise UserError(f"run = {name!r}, but should be a prepared task: {known}")
            return {"event": "ran", "elapsed_s": self._tasks[name].run()}
        if request.get("matmul"):
            from harness.benchmarks.keras_tasks import matmul_rate  # noqa: PLC0415  (imports TensorFlow)

            return {"event": "matmul", "flops_per_s": matmul_rate()}
        if request.get("device"):
            from harness.benchmarks.keras_tasks import device  # noqa: PLC0415

            return {"event": "device", "name": device()}
        raise UserError(f"{sorted(request)}: expected prepare, run, matmul or device")

    def _prepare(self, name: str, workload: Workload) -> Answer:
        task = self._make(workload)
        started = time.perf_counter()
        task.run()
        answer = {
            "event": "ready",
            "images": workload.images,
            "steps": workload.steps,
            "first_call_s": time.perf_counter() - started,
        }
        self._tasks[name] = task
        return answer if task.outputs is None else {**answer, "outputs": task.outputs().tolist()}


def make(workload: Workload) -> TimedTask:
    """Returns the task of a workload; imports only the framework that it needs.

    Raises:
        Unavailable: PyTorch is needed and not installed.
        UserError: the task or the runner is unknown.
    """
    if workload.runner == "pytorch":
        try:
            from harness.benchmarks import torch_tasks  # noqa: PLC0415
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise Unavailable(NO_PYTORCH) from error
        return torch_tasks.training(workload)
    from harness.benchmarks.keras_tasks import TASKS  # noqa: PLC0415

    if (workload.task, workload.runner) not in TASKS:
        known = ", ".join(f"{task} by {runner}" for task, runner in TASKS)
        raise UserError(f"{workload.task} by {workload.runner}: expected train by pytorch, {known}")
    return TASKS[workload.task, workload.runner](workload)


if __name__ == "__main__":
    serve(Runner(make).handle)
