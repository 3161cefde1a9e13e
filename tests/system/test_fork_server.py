"""The fork server: children start at once, die with it, and are accounted for."""

import os
import subprocess
import sys

import pytest

from harness.system.directories import PROJECT_ROOT
from harness.system.processes.fork_server import ForkServer
from harness.system.processes.json_process import ProcessDied
from tests.support.process_checks import gone


@pytest.fixture
def server(tmp_path):
    made = ForkServer("tests.support.processes.fork_server_app", tmp_path / "server.log")
    yield made
    made.stop()


def test_children_share_one_import_and_nothing_else(server, tmp_path):
    one, two = (server.fork(tmp_path / f"{i}.log") for i in range(2))
    assert one.pid != two.pid
    for child in (one, two):
        child.send({"count": 1})
    first, second = one.receive(), two.receive()
    assert first["imported"] == second["imported"]  # the same act of importing
    assert (first["pid"], second["pid"]) == (one.pid, two.pid)
    one.send({"count": 1})
    assert one.receive()["counted"] == 2
    two.send({"count": 5})
    assert two.receive()["counted"] == 6  # not 7: the other's counter is another one
    one.stop()
    two.send({"count": 0})
    assert two.receive()["counted"] == 6
    two.stop()


def test_temporary_files_go_where_they_are_swept(tmp_path):
    (tmp_path / "incoming").mkdir()
    server = ForkServer(
        "tests.support.processes.fork_server_app",
        tmp_path / "server.log",
        tmp_path / "incoming",
    )
    child = server.fork(tmp_path / "child.log")
    child.send({"temporary": True})
    assert child.receive() == {"temporary": str(tmp_path / "incoming")}
    child.stop()
    server.stop()


def test_a_child_s_end_is_told_with_its_code_and_last_words(server, tmp_path):
    child = server.fork(tmp_path / "child.log")
    child.send({"exit": 7, "words": "farewell"})
    with pytest.raises(ProcessDied, match=r"exited with 7:\nfarewell"):
        child.receive()
    child.stop()
    again = server.fork(tmp_path / "child.log")
    again.send({"count": 2})
    assert again.receive()["counted"] == 2
    again.stop()


def test_a_stopped_child_is_gone_and_leaves_no_zombie(server, tmp_path):
    child = server.fork(tmp_path / "child.log")
    child.stop()
    child.stop()  # twice does no harm
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_print_does_not_pass_for_an_answer(server, tmp_path):
    child = server.fork(tmp_path / "child.log")
    child.send({"print": '{"counted": 99}', "count": 1})
    assert child.receive()["counted"] == 1
    assert "99" in (tmp_path / "child.log").read_text()
    child.stop()


def test_a_server_that_cannot_start_says_why(tmp_path):
    server = ForkServer("tests.no_such_module", tmp_path / "server.log")
    with pytest.raises(ProcessDied, match=r"No module named tests\.no_such_module"):
        server.fork(tmp_path / "child.log")
    server.stop()


def test_a_killed_server_is_reported_and_takes_its_children_along(server, tmp_path):
    child = server.fork(tmp_path / "child.log")
    server.kill()
    with pytest.raises(ProcessDied):
        server.fork(tmp_path / "other.log")
    child.stop()
    assert gone(child.pid)


PARENT = """
import sys, time
from pathlib import Path
from harness.system.processes.fork_server import ForkServer
folder = Path(sys.argv[1])
server = ForkServer("tests.support.processes.fork_server_app", folder / "server.log")
child = server.fork(folder / "child.log")
child.send({"sleep": 600})
print(child.pid, flush=True)
time.sleep(600)
"""


def test_nothing_outlives_a_killed_controller(tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, tmp_path],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(child)
