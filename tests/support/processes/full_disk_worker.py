"""A worker whose disk is full: no job's record can be stored."""

from harness.system.processes.fork_server import serve_forks


def handle(_request, reply):
    reply({"event": "failed", "kind": "store", "message": "no space left on it"})


if __name__ == "__main__":
    serve_forks(handle, warm=lambda: None)
