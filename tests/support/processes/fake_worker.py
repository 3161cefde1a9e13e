"""A worker that trains nothing and does what its job's `platform` says."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.system.processes.fork_server import serve_forks

KEPT: list[bytearray | int] = []


def handle(request: dict[str, Any], answer: Callable[[Any], None]) -> None:
    def reply(**document: Any) -> None:
        answer(document)

    orders = request["job"]["platform"]
    name, store = orders["name"], Path(request["store"])
    with (store / "order.txt").open("a", encoding="utf-8") as file:
        file.write(f"{name} {os.getpid()}\n")
    while "wait" in orders and not (store / orders["wait"]).exists():
        time.sleep(0.005)
    KEPT.append(bytearray(orders.get("keep", 0)))
    KEPT.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(orders.get("open", 0)))
    sys.stderr.write(orders.get("say", ""))
    sys.stderr.flush()
    for epoch in range(1, orders.get("epochs", 0) + 1):
        reply(event="epoch", epoch=epoch, val_accuracy=0.5 + epoch / 100)
    match orders["do"]:
        case "die":
            sys.stderr.write("last words\n")
            sys.stderr.flush()
            os._exit(3)
        case "nonsense":
            answer("this is no event")
        case "fail":
            reply(event="failed", kind=orders["kind"], message=f"{name} failed")
        case "finish":
            time.sleep(orders.get("seconds", 0))
            reply(event="done", key=f"key of {name}")


if __name__ == "__main__":
    serve_forks(handle, warm=lambda: None)
