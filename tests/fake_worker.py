"""A worker that trains nothing and does what its job's `platform` says."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def reply(**document: Any) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def serve(request: dict[str, Any]) -> None:
    if request.get("warm"):
        reply(event="warm")
        return
    orders = request["job"]["platform"]
    name, store = orders["name"], Path(request["store"])
    with (store / "order.txt").open("a", encoding="utf-8") as file:
        file.write(f"{name} {os.getpid()}\n")
    while "wait" in orders and not (store / orders["wait"]).exists():
        time.sleep(0.005)
    for epoch in range(1, orders.get("epochs", 0) + 1):
        reply(event="epoch", epoch=epoch, val_accuracy=0.5 + epoch / 100)
    match orders["do"]:
        case "die":
            sys.stderr.write("last words\n")
            sys.stderr.flush()
            os._exit(3)
        case "nonsense":
            sys.stdout.write("this is no JSON\n")
            sys.stdout.flush()
        case "fail":
            reply(event="failed", kind=orders["kind"], message=f"{name} failed")
        case "finish":
            time.sleep(orders.get("seconds", 0))
            reply(event="done", key=f"key of {name}")


if __name__ == "__main__":
    for line in sys.stdin:
        serve(json.loads(line))
