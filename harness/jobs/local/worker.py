"""A worker process: takes jobs as JSON, leaves what comes of them in the store.

Of the same kind, because it needs the same imports: a process that verifies (`kinds.verify`).

in   {"job": {...}, "data": "<published arrays>", "store": "<root>"}
out  {"event": "epoch", "epoch": 1, "epochs": 10, ...}     any number of times
{"event": "done", "key": "..."}  or  {"event": "failed", "kind": ..., "message": ...}
"""

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.jobs.kinds import registry, verify
from harness.jobs.store.store import Store, StoreError
from harness.system import memory
from harness.system.processes.fork_server import serve_forks
from reference.errors import UserError

Reply = Callable[[Mapping[str, object]], None]


def handle(request: Mapping[str, Any], reply: Reply) -> None:
    """Answers one request; whatever goes wrong is an answer too."""
    if request.get("action") == verify.ACTION:
        verify.handle(request, reply)
        return
    try:
        key = registry.run(
            registry.from_json(request["job"]),
            Path(request["data"]),
            Store(Path(request["store"])),
            lambda values: reply({"event": "epoch", **values}),
        )
    except StoreError as error:
        reply({"event": "failed", "kind": "store", "message": str(error)})
    except UserError as error:
        reply({"event": "failed", "kind": "user", "message": str(error)})
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  (reported whole; the next job must still run)
        refused = memory.refusal(error)
        kind = "resource" if refused else "internal"
        reply({"event": "failed", "kind": kind, "message": refused or traceback.format_exc()})
    else:
        reply({"event": "done", "key": key})


def warm() -> None:
    """Imports what training needs, which takes far longer than starting a process."""
    memory.limit_memory()
    registry.preload()


if __name__ == "__main__":
    serve_forks(handle, warm)
