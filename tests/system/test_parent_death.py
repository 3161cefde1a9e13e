"""Whatever a child is at, it ends when the process that started it is killed, and not before."""

import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from harness.system.directories import PROJECT_ROOT
from harness.system.processes.fork_server import ForkServer
from tests.support.process_checks import gone

# Each prints the number of a process that must end with it, once that is at something long.
PARENTS = {
    "a fork server that imports": """
server = ForkServer("tests.support.processes.unresponsive_server", folder / "server.log")
while "importing" not in (folder / "server.log").read_text():
    time.sleep(0.01)
print(server._process.pid, flush=True)
""",
    "a fork server that has just been started": """
server = ForkServer("tests.support.processes.unresponsive_server", folder / "server.log")
print(server._process.pid, flush=True)
""",
    "a fork that computes": """
server = ForkServer("tests.support.processes.fork_server_app", folder / "server.log")
child = server.fork(folder / "child.log")
child.send({"sleep": 600})
print(child.pid, flush=True)
""",
    "a child that computes": """
child = JsonProcess("tests.support.processes.unresponsive_child", folder / "child.log")
child.send({})
print(child.receive()["pid"], flush=True)
""",
}
# The sandbox with the least isolation: nothing but its server can end it. Its Keras never comes.
PARENTS["a sandbox that imports"] = """
(folder / "keras").mkdir()
(folder / "keras" / "__init__.py").write_text("import time; time.sleep(600)")
environment = Isolation.environment
Isolation.environment = lambda it: {
    **environment(it), "PYTHONPATH": f"{folder}:{environment(it)['PYTHONPATH']}"
}
print(SandboxServer(Isolation("limits"), folder / "sandbox.log").pid, flush=True)
"""
# What makes plain namespaces waits for what it has started; without rights it has ended by itself.
PARENTS["what makes plain namespaces"] = """
command = [*isolation._UNSHARE, sys.executable, "-c", "import time; time.sleep(600)"]
pid = parent_death.start(command).pid
with contextlib.suppress(OSError):
    while Path(f"/proc/{pid}/comm").read_text() == "setpriv\\n":
        time.sleep(0.01)
print(pid, flush=True)
"""
BEGIN = """
import contextlib, sys, time
from pathlib import Path
from harness.submissions.sandbox import isolation
from harness.submissions.sandbox.client import SandboxServer
from harness.submissions.sandbox.isolation import Isolation
from harness.system.processes import parent_death
from harness.system.processes.fork_server import ForkServer
from harness.system.processes.json_process import JsonProcess
folder = Path(sys.argv[1])
"""


@pytest.mark.parametrize("source", PARENTS.values(), ids=PARENTS)
def test_nothing_outlives_a_killed_parent(tmp_path, source):
    parent = subprocess.Popen(
        [sys.executable, "-c", BEGIN + source + "time.sleep(600)", tmp_path],
        cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with parent:
        child = int(parent.stdout.readline())
        parent.kill()
    assert gone(child)


def test_a_fork_ends_with_its_server(tmp_path):
    """However that ended: nobody else would end the fork while it computes."""
    server = ForkServer("tests.support.processes.fork_server_app", tmp_path / "server.log")
    child = server.fork(tmp_path / "child.log")
    child.send({"sleep": 600})
    server.kill()
    assert gone(child.pid)
    child.stop()
    server.stop()


def test_the_thread_that_started_a_child_may_end_before(tmp_path):
    started = []

    def start():
        server = ForkServer("tests.support.processes.fork_server_app", tmp_path / "server.log")
        fork = server.fork(tmp_path / "fork.log")
        fork.send({"count": 1})
        started.extend([server, fork, fork.receive()])  # so it runs, and would be told of an end

    thread = Thread(target=start)
    thread.start()
    thread.join()
    while Path(f"/proc/self/task/{thread.native_id}").exists():
        time.sleep(0.01)
    server, fork, _ = started
    fork.send({"count": 1})
    assert fork.receive()["counted"] == 2
    fork.stop()
    server.stop()
