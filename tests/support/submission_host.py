"""Opens submissions for tests as the sandbox does: preloads once, then forks for each.

in   {"main": "train.py", "files": {"train.py": base64}}
out  {"document": ..., "payload": base64}
"""

import base64
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path

# This runs as a script, and finds the project by itself.
PROJECT_ROOT = Path(__file__).parents[2]


def serve() -> None:
    """Answers one line for each line, until there are no more."""
    sys.path.insert(0, str(PROJECT_ROOT))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    from harness.submissions.sandbox.inside import open as opener

    opener.preload()
    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as answer:
            child = os.fork()
            if child == 0:
                _open(opener, request, folder, answer)
            os.waitpid(child, 0)
            answer.seek(0)
            answers.write((answer.read() or "null") + "\n")
            answers.flush()


def _open(opener, request, folder, answer) -> None:
    write = answer.write
    try:
        os.chdir(folder)
        for name, data in request["files"].items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(data))
        document, payload = opener.open_submission(request["main"])
        found = {"document": document, "payload": base64.b64encode(payload).decode()}
        write(json.dumps(found, allow_nan=False))
        answer.flush()
    except BaseException:  # noqa: BLE001  (the child ends here, whatever it was)
        traceback.print_exc()
    finally:
        os._exit(0)


if __name__ == "__main__":
    serve()
