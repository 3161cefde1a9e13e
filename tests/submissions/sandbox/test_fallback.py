"""Where namespaces cannot be had, where the server dies, and where the grader itself is killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from harness.network.spec import Spec
from harness.submissions.sandbox import client
from harness.submissions.sandbox import isolation as sandbox
from harness.submissions.sandbox.client import Sandbox
from harness.submissions.sandbox.isolation import Isolation, strongest
from harness.system.directories import PROJECT_ROOT
from harness.system.failure import BuildFailure
from tests.support.process_checks import gone
from tests.support.sandbox import attack, built, reached, unique, wait_for

pytestmark = pytest.mark.slow

NO_NAMESPACES = (*sandbox._UNPRIVILEGED, "--unshare-user", "--disable-userns")


@pytest.fixture
def made(tmp_path):
    """Makes extractors, and ends them."""
    extractors = []

    def make(isolation):
        extractors.append(Sandbox(isolation, tmp_path / "logs" / "sandbox.log"))
        return extractors[-1]

    yield make
    for extractor in extractors:
        extractor.stop()


@pytest.fixture
def bubblewrap():
    if strongest().level != "bubblewrap":
        pytest.skip("bubblewrap does not work here")


WAITING = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import time; time.sleep(300)", {name!r}])
"""


# A fresh interpreter for each --------------------------------------------------------------------


@pytest.mark.usefixtures("bubblewrap")
def test_a_trial_shows_that_there_are_no_namespaces_inside():
    prefix = sandbox._bubblewrap(NO_NAMESPACES, "--proc")
    (found,) = sandbox._tried(Isolation("bubblewrap", prefix, project=sandbox._PROJECT))
    assert not found.private
    assert "a fresh interpreter" in found.sentence


@pytest.mark.usefixtures("bubblewrap")
def test_where_there_are_none_each_submission_has_a_sandbox_to_itself(made):
    prefix = sandbox._bubblewrap(NO_NAMESPACES, "--proc")
    extractor = made(Isolation("bubblewrap", prefix, project=sandbox._PROJECT))
    look = """
    import os
    seen = [name for name in os.listdir("/tmp") if name.startswith("mark")]
    open("/tmp/mark", "x").close()
    print(seen, len([n for n in os.listdir("/proc") if n.isdigit()]) < 8,
          os.path.lexists("/etc/passwd"), flush=True)
    """
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda _: reached(extractor, look), range(2)))
    assert said == ["[] True False"] * 2


@pytest.mark.usefixtures("bubblewrap")
def test_a_submission_without_its_own_namespaces_is_not_run(made):
    """A sandbox that promises them and cannot keep it is our fault, and nothing has run."""
    prefix = sandbox._bubblewrap(NO_NAMESPACES, "--proc")
    extractor = made(Isolation("bubblewrap", prefix, private=True, project=sandbox._PROJECT))
    found = built(extractor, "print('it has run', flush=True); import os; os._exit(0)")
    assert isinstance(found, BuildFailure)
    assert found.status == "grader_error"
    assert "sandbox could not be made" in found.message


def test_under_limits_alone_nothing_is_left_behind(made, tmp_path, monkeypatch):
    monkeypatch.setattr(Isolation, "environment", _temporary_files_in(tmp_path))
    extractor = made(Isolation("limits"))
    name = unique("survivor")
    code = f"""
    import os, subprocess, sys
    open("left", "w").close()
    if os.fork() == 0:
        os.setsid()
        sleep = [sys.executable, "-c", "import time; time.sleep(300)", {name!r}]
        os.fork() or os.execv(sys.executable, sleep)
        os._exit(0)
    """
    assert isinstance(built(extractor, code), Spec)
    wait_for(name, gone=True)
    assert list(tmp_path.glob("submission-*")) == []
    assert list((tmp_path / "logs").iterdir()) == []  # each had a sandbox with a log of its own


def test_under_limits_alone_a_submission_ends_with_its_supervisor(made, tmp_path, monkeypatch):
    monkeypatch.setattr(Isolation, "environment", _temporary_files_in(tmp_path))
    extractor = made(Isolation("limits"))
    code = """
    import os, time
    with open("part", "w") as file:
        file.write(f"{os.getpid()} {os.getppid()}")
    os.rename("part", "numbers")
    time.sleep(300)
    """
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(built, extractor, code)
        while not (found := list(tmp_path.glob("submission-*/work/numbers"))):
            assert not waiting.done(), waiting.result()
            time.sleep(0.02)
        submission, supervisor = map(int, found[0].read_text().split())
        os.kill(supervisor, signal.SIGKILL)
        assert gone(submission)
        extractor.stop()
        assert isinstance(waiting.result(), BuildFailure)


def _temporary_files_in(folder):
    environment = Isolation.environment
    return lambda isolation: {**environment(isolation), "TMPDIR": str(folder)}


def test_under_limits_alone_many_processes_are_too_many_all_the_same(made):
    code = """
    import os, time
    for _ in range(100):
        if os.fork() == 0:
            os.setsid()
            time.sleep(300)
            os._exit(0)
    time.sleep(300)
    """
    found = built(made(Isolation("limits")), code)
    assert found == BuildFailure("resource", "it started more than 64 processes; it was stopped")


def test_in_plain_namespaces_each_submission_has_its_own(made, monkeypatch):
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "bwrap" else which(name))
    strongest.cache_clear()
    try:
        isolation = strongest()
    finally:
        strongest.cache_clear()
    if isolation.level != "namespaces":
        pytest.skip("unprivileged namespaces do not work here")
    extractor = made(isolation)
    look = """
    import os
    print(os.getpid() < 3, sorted(os.listdir("/tmp"))[-1:], flush=True)
    """
    assert reached(extractor, look) == "True ['work']"


# A server that dies ------------------------------------------------------------------------------


def test_a_server_that_was_killed_is_replaced_and_asked_again(made):
    extractor = made(strongest())
    if not extractor.isolation.private:
        pytest.skip("there is no server that lasts")
    name = unique("waiting")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(built, extractor, WAITING.format(name=name))
        first = wait_for(name)
        os.killpg(extractor._server.pid, signal.SIGKILL)
        again = wait_for(name, but=first)
        for number in again:
            os.kill(number, signal.SIGKILL)
        assert isinstance(waiting.result(), Spec)


def test_a_server_that_dies_again_is_our_fault(made, monkeypatch):
    def die(*_):
        raise client.ServerDied("killed")

    asked = []
    monkeypatch.setattr(client.SandboxServer, "wait_until_ready", lambda _: None)
    monkeypatch.setattr(client.SandboxServer, "ask", lambda *_: asked.append(1) or die())
    found = made(strongest()).build("x.py", "")
    assert found == BuildFailure("grader_error", "killed")
    assert len(asked) == client._ATTEMPTS


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        (("no-such-program",), "could not be started"),
        (("sh", "-c", "echo the reason >&2; exit 3"), "exited with 3:\nthe reason"),
    ],
)
def test_a_sandbox_that_does_not_start_is_our_fault(made, prefix, words):
    extractor = made(replace(strongest(), prefix=prefix))
    found = extractor.build("x.py", "")
    assert isinstance(found, BuildFailure)
    assert found.status == "grader_error"
    assert words in found.message


@pytest.mark.parametrize("level", ["strongest", "limits"])
def test_stopping_ends_what_is_under_way(made, level):
    extractor = made(strongest() if level == "strongest" else Isolation("limits"))
    name = unique("waiting")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(built, extractor, WAITING.format(name=name))
        wait_for(name)
        extractor.stop()
        assert waiting.result() == BuildFailure("grader_error", "the session has ended")
    wait_for(name, gone=True)


# A grader that dies ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "how"),
    [(level, how) for level in ("strongest", "limits") for how in (signal.SIGKILL, signal.SIGINT)],
)
def test_no_process_outlives_the_grader(tmp_path, level, how):
    name = unique("waiting")
    grader = subprocess.Popen(
        [sys.executable, "-m", "tests.support.processes.sandbox_client", level, str(tmp_path)],
        cwd=PROJECT_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with grader:
        grader.stdin.write(attack(WAITING.format(name=name)).encode())
        grader.stdin.close()
        wait_for(name)
        grader.send_signal(how)
    wait_for(name, gone=True)
