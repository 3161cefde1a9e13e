"""Imports Keras once; from then on a submission is opened in a fork, in a tenth of a second.

Keras and TensorFlow are imported but no operation runs here, so no thread exists and a fork is
safe. Each request comes as two descriptors: the submission, which only its own process reads, and
the socket for the outcome, which only its supervisor writes. This process never sees a byte of a
submission, so there is nothing of one in the memory of the next.

    in   the limits as JSON, with the two descriptors      out  {"event": "ready"}, once
"""

import gc
import json
import os
import signal
import socket
import sys
import traceback
from typing import NoReturn

from harness.submissions.sandbox.inside import limits, namespaces

if __name__ == "__main__":
    # Before Keras is imported, which takes seconds in which nobody looks at the socket.
    namespaces.end_with_parent(0)

from harness.submissions.sandbox.inside import open as opener
from harness.submissions.sandbox.inside import supervisor

_REQUEST = 1 << 16


def serve(control: socket.socket) -> None:
    """Has each request answered by a supervisor of its own, until the other end closes."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, _REQUEST, 2)
        if not data:
            return
        if os.fork() == 0:
            control.close()
            _be_supervisor(data, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _be_supervisor(data: bytes, request: int, result: int) -> NoReturn:
    try:
        # Out of the server's group: who ends that leaves us time to end the submission.
        os.setpgid(0, 0)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        supervisor.supervise(
            limits.from_json(json.loads(data)), request, socket.socket(fileno=result)
        )
    except BaseException:  # noqa: BLE001  (for the log)
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(0)


def main() -> None:
    """Serves the socket that is standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors need not be waited for
    # Nobody may look into this process, nor write to its sockets through /proc.
    namespaces.set_dumpable(allowed=False)
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    opener.preload()
    gc.collect()
    gc.freeze()  # what is here now is not touched again, so forks share it
    control.sendall(b'{"event": "ready"}')
    serve(control)


if __name__ == "__main__":
    main()
