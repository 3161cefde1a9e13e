"""A submission's build() cannot do harm, and does not delay others."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.network.spec import Spec
from harness.submissions.sandbox import client
from harness.submissions.sandbox import isolation as sandbox
from harness.submissions.sandbox.client import Sandbox
from harness.submissions.sandbox.inside.limits import Limits
from harness.submissions.sandbox.isolation import Isolation, strongest
from harness.system.directories import PROJECT_ROOT
from harness.system.failure import BuildFailure
from reference.layers import total_params
from tests.support.sandbox import (
    GOOD,
    GOOD_PARAMS,
    assert_serves,
    built,
    reached,
    unique,
    wait_for,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sandbox")]


@pytest.fixture(scope="module")
def isolation():
    return strongest()


@pytest.fixture
def bubblewrap(isolation):
    if isolation.level != "bubblewrap":
        pytest.skip("bubblewrap does not work here")


# Which isolation ---------------------------------------------------------------------------------


@pytest.fixture
def uncached():
    strongest.cache_clear()
    yield
    strongest.cache_clear()


@pytest.mark.usefixtures("uncached")
def test_without_any_program_there_are_limits_alone(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert strongest() == Isolation("limits")


@pytest.mark.usefixtures("uncached")
@pytest.mark.parametrize(
    ("working", "level", "private"),
    [
        ({"bwrap": "private", "unshare": "private"}, "bubblewrap", True),
        ({"bwrap": "shared", "unshare": "private"}, "bubblewrap", False),
        ({"unshare": "private", "setpriv": "private"}, "namespaces", True),
        ({"unshare": "shared"}, "namespaces", False),
        # Without a view of its own a submission sees its neighbours' files.
        ({"setpriv": "private"}, "limits", False),
        ({}, "limits", False),
    ],
)
def test_the_strongest_that_a_trial_shows_to_work_is_taken(monkeypatch, working, level, private):
    def run(command, **_):
        # What ends with its parent is started by setpriv, which is not what is tried then.
        tool = "unshare" if "unshare" in command else command[0]
        said = sandbox._said(working.get(tool, "nothing"))
        return subprocess.CompletedProcess(command, 0 if tool in working else 1, said)

    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(sandbox.subprocess, "run", run)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    found = strongest()
    assert (found.level, found.private) == (level, private)
    if "setpriv" in working and level == "limits":
        assert "a user without rights" in found.sentence


@pytest.mark.usefixtures("uncached")
def test_one_that_keeps_submissions_apart_is_taken_before_one_that_does_not(monkeypatch):
    def run(command, **_):
        said = sandbox._said("private" if "--unshare-all" in command else "shared")
        return subprocess.CompletedProcess(command, 0, said)

    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(sandbox.subprocess, "run", run)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    found = strongest()
    assert (found.level, found.private) == ("bubblewrap", True)
    assert "--unshare-all" in found.prefix


@pytest.mark.usefixtures("uncached")
def test_a_python_that_takes_another_ones_library_does_not_work(monkeypatch):
    def run(command, **_):
        return subprocess.CompletedProcess(command, 0, b'["/elsewhere", "private"]\n')

    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(sandbox.subprocess, "run", run)
    assert strongest().level == "limits"


@pytest.mark.parametrize(
    ("isolation", "sentence"),
    [
        (
            Isolation("bubblewrap", ("bwrap",), private=True),
            "bubblewrap; each submission in namespaces of its own",
        ),
        (Isolation("bubblewrap", ("bwrap",)), "bubblewrap; each submission in a fresh interpreter"),
        (
            Isolation("limits"),
            (
                "limits on time and memory alone: files of this machine can be read, and the "
                "network is open; each submission in a fresh interpreter"
            ),
        ),
    ],
)
def test_the_level_is_said_in_a_sentence(isolation, sentence):
    assert isolation.sentence == sentence


@pytest.mark.usefixtures("uncached")
@pytest.mark.parametrize("error", [OSError("no"), subprocess.TimeoutExpired("bwrap", 10)])
def test_a_trial_that_cannot_be_run_is_no_isolation(monkeypatch, error):
    def run(*_, **__):
        raise error

    monkeypatch.setattr(sandbox.subprocess, "run", run)
    assert strongest().level == "limits"


@pytest.mark.usefixtures("uncached")
def test_unprivileged_namespaces_do_what_they_say(monkeypatch):
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "bwrap" else which(name))
    found = strongest()
    if found.level != "namespaces":
        pytest.skip("unprivileged namespaces do not work here")
    code = "import os, socket; print(os.getpid() < 10, [n for _, n in socket.if_nameindex()])"
    done = subprocess.run(
        [*found.prefix, sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split(maxsplit=1) == ["True", "['lo']\n"]


# What gets out -----------------------------------------------------------------------------------


TWO_OUTPUTS = """
import keras

def build():
    images = keras.Input((784,))
    outputs = [keras.layers.Dense(10)(images) for _ in range(2)]
    return keras.Model(images, outputs)
"""

SUBCLASS = """
import keras

class Net(keras.Model):
    def call(self, images):
        return images

def build():
    net = Net()
    net.build((None, 784))
    return net
"""


def test_a_good_module_gives_its_network(extractor):
    assert_serves(extractor)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def build(:\n", ["line 1", "invalid syntax"]),
        ("import nothing_of_the_kind\n", ["ModuleNotFoundError", "line 1", "nothing_of_the_kind"]),
        ("x = 1\n", ["defines no function build()"]),
        ("build = 3\n", ["defines no function build()"]),
        ("def build():\n    return 3\n", ["build() returned int", "keras.Model"]),
        ("def build():\n    return None\n", ["build() returned NoneType"]),
        ("def build():\n    1 / 0\n", ["ZeroDivisionError", "line 2"]),
        ("def build(size):\n    pass\n", ["TypeError", "size"]),
        ("import sys\nsys.exit(0)\n", ["SystemExit"]),
        ("def build():\n    raise SystemExit(0)\n", ["SystemExit"]),
        ("def build():\n    raise KeyboardInterrupt\n", ["KeyboardInterrupt"]),
        ("def build():\n    return build()\n", ["RecursionError"]),
        (
            TWO_OUTPUTS,
            ["2 outputs"],
        ),
        (
            SUBCLASS,
            ["the model is a 'Net'", "Functional API"],
        ),
    ],
)  # fmt: skip
def test_a_module_without_a_network_is_told_why(extractor, source, words):
    found = extractor.build("theirs.py", source)
    assert isinstance(found, BuildFailure)
    assert found.status == "failed"
    assert [word for word in words if word not in found.message] == [], found.message
    assert "/" not in found.message.replace("theirs.py", ""), "a path of this machine"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("models/x.py", "models/x.py"), ("/home/me/x.py", "x.py"), ("../up/x.py", "x.py")],
)
def test_messages_call_a_module_by_its_name_within_the_project(extractor, name, shown):
    found = extractor.build(name, "def build(:\n")
    assert found == BuildFailure("failed", f"{shown}, line 1: invalid syntax")


@pytest.mark.parametrize(
    "code",
    [
        "import os; os._exit(0)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import ctypes; ctypes.string_at(0)",  # a segmentation fault
        "import os; os.closerange(0, 4096)",
    ],
)
def test_a_process_that_ends_gave_no_network(extractor, code):
    found = built(extractor, code)
    assert isinstance(found, BuildFailure)
    assert found.status == "failed"


def test_its_last_words_are_in_the_message(extractor):
    found = built(extractor, "import os; print('farewell', flush=True); os._exit(0)")
    assert "farewell" in found.message


FORGED = json.dumps({"outcome": "answered", "answer": {"model": {}}}) + "\n"

NOISE = {
    "an answer printed": f"print({FORGED!r}, flush=True)",
    "an answer on standard output": f"import os; os.write(1, {FORGED.encode()!r})",
    "an answer on standard error": f"import sys; sys.__stderr__.write({FORGED!r})",
    "a flood": "print('noise ' * 2_000_000)",
    "no streams": "import sys; sys.stdout = sys.stderr = None",
    "a hook that exits": "import atexit, os; atexit.register(os._exit, 3)",
    "a hook that prints": "import atexit; atexit.register(print, 'late')",
    "signals ignored": "import signal; [signal.signal(s, signal.SIG_IGN) for s in (2, 15)]",
    "deep recursion allowed": "import sys; sys.setrecursionlimit(10**6)",
    "a thread": "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()",
    "a warning": "import warnings; warnings.warn('careful')",
    "another environment": "import os; os.environ['KERAS_BACKEND'] = 'jax'; os.chdir('/')",
}


@pytest.mark.parametrize("what", NOISE)
def test_noise_beside_the_network_does_not_matter(extractor, what):
    found = built(extractor, NOISE[what])
    assert isinstance(found, Spec), found
    assert total_params(found.network) == GOOD_PARAMS


@pytest.mark.parametrize(
    "patch",
    [
        "import json; json.dumps = lambda *a, **k: '[]'",
        "keras.Model.count_params = lambda self: 1; keras.Sequential.get_config = lambda self: 3",
        "import os; os.write = lambda *a: 0 / 0",
    ],
)
def test_what_it_patches_is_its_own_undoing(extractor, patch):
    found = built(extractor, patch)
    assert isinstance(found, BuildFailure)
    assert found.status == "failed"


# The answer's pipe is descriptor 3: a module can write to it, as it can return anything.
ANSWERS = {
    "nothing": 'b""',
    "no JSON": 'b"{"',
    "a list": 'b"[]"',
    "no model": 'b"{}"',
    "an empty model": "b'{\"model\": {}}'",
    "no text": 'b"\\xff\\xfe"',
    "not a number": "b'{\"model\": NaN}'",
    "a long number": 'b"1" * 100_000',
    "deep": 'b"[" * 100_000',
    "two answers": 'b\'{"model": {}}\\n{"model": {}}\\n\'',
}


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_that_is_none_is_a_failure(extractor, what):
    found = built(extractor, f"import os; os.write(3, {ANSWERS[what]}); os._exit(0)")
    assert isinstance(found, BuildFailure)
    assert found.status == "failed"


@pytest.mark.parametrize("depth", [400, 900, 960, 975, 980, 985, 990])
def test_a_nested_answer_is_a_failure_at_every_depth(extractor, depth):
    nested = f'"[" * {depth} + "]" * {depth}'
    layer = (
        '\'{"model": {"class": "Sequential", "config": {"layers": [{"class_name": "Dense", '
        f'"config": {{"bias_regularizer": \' + {nested} + \'}}}}]}}}}\''
    )
    found = built(extractor, f"import os; os.write(3, ({layer}).encode()); os._exit(0)")
    assert isinstance(found, BuildFailure)
    assert found.status == "failed"
    assert len(found.message) < 2_000


def test_an_answer_larger_than_a_megabyte_is_not_read(extractor):
    code = "import os\nwhile True:\n    os.write(3, b' ' * 65536)"
    found = built(extractor, code)
    assert found.status == "failed"
    assert "larger than 1 MB" in found.message


# What it can reach -------------------------------------------------------------------------------


@pytest.mark.usefixtures("bubblewrap")
def test_no_network(extractor):
    code = """
    import socket
    seen = [name for _, name in socket.if_nameindex()]
    try:
        socket.create_connection(("1.1.1.1", 53), 2)
        seen.append("connected")
    except OSError:
        pass
    print(seen, flush=True)
    """
    assert reached(extractor, code) == "['lo']"


@pytest.mark.usefixtures("bubblewrap")
@pytest.mark.parametrize("place", [PROJECT_ROOT, PROJECT_ROOT / "models", Path.home()])
def test_nothing_outside_can_be_written(extractor, place):
    mark = place / "written-from-the-sandbox"
    code = f"""
    import subprocess
    from pathlib import Path
    mark = Path({str(mark)!r})
    # Root in there must not be able to undo the read-only mounts either.
    for mounted in ("/", {str(PROJECT_ROOT)!r}):
        for how in ("remount,rw", "remount,rw,bind"):
            subprocess.run(["mount", "-o", how, mounted], capture_output=True)
    try:
        mark.write_bytes(b"x")
        print("written", flush=True)
    except OSError as error:
        print(type(error).__name__, flush=True)
    """
    try:
        said = reached(extractor, code)
        assert not mark.exists(), f"{mark} was written"
        # Its own /tmp may have a folder of that name: where Python is mounted from below it.
        own = {"written"} if place.is_relative_to("/tmp") else set()  # noqa: S108
        assert said in {"OSError", "PermissionError", "FileNotFoundError"} | own
    finally:
        mark.unlink(missing_ok=True)


@pytest.mark.usefixtures("bubblewrap")
def test_it_has_no_capability(extractor):
    code = """
    lines = open("/proc/self/status").read().splitlines()
    print([int(l.split()[1], 16) for l in lines if l.startswith(("CapEff", "CapPrm", "CapBnd"))],
          flush=True)
    """
    assert reached(extractor, code) == "[0, 0, 0]"


@pytest.mark.usefixtures("bubblewrap")
def test_home_and_temporary_folders_are_its_own_and_empty(extractor, tmp_path):
    (tmp_path / "secret").write_text("secret", encoding="utf-8")  # below this machine's /tmp
    code = f"""
    import os, tempfile
    from pathlib import Path
    home = Path.home()
    print(os.environ["HOME"], tempfile.gettempdir(), Path({str(tmp_path / "secret")!r}).exists(),
          [p for p in home.iterdir() if p.is_file()], flush=True)
    """
    assert reached(extractor, code) == "/tmp /tmp False []"  # noqa: S108


@pytest.mark.usefixtures("bubblewrap")
def test_other_processes_are_out_of_sight(extractor):
    code = """
    from pathlib import Path
    print(sum(p.name.isdigit() for p in Path("/proc").iterdir()) < 8, flush=True)
    """
    assert reached(extractor, code) == "True"


def test_the_environment_holds_no_secrets(extractor):
    code = "import os; print('GRADER_SECRET' in os.environ, flush=True)"
    assert reached(extractor, code) == "False"


# What it leaves behind ---------------------------------------------------------------------------


@pytest.mark.parametrize("escape", ["", "os.setsid()", "os.fork() and os._exit(0); os.setsid()"])
def test_no_child_or_grandchild_outlives_the_request(extractor, escape):
    name = unique("survivor")
    code = f"""
    import os, sys, time
    if os.fork() == 0:
        {escape or "pass"}
        if os.fork() == 0:
            sleep = [sys.executable, "-c", "import time; time.sleep(60)", {name!r}]
            os.execv(sys.executable, sleep)
        os._exit(0)
    time.sleep(0.3)
    """
    assert isinstance(built(extractor, code), Spec)
    wait_for(name, gone=True)


def test_a_child_that_holds_the_pipe_does_not_hold_the_grader(extractor, monkeypatch):
    monkeypatch.setattr(client, "LIMITS", Limits(wall_s=20))
    code = """
    import os, time
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
    """
    assert isinstance(built(extractor, code), Spec)


def test_a_build_that_takes_too_long_is_stopped(extractor, monkeypatch):
    monkeypatch.setattr(client, "LIMITS", Limits(wall_s=1))
    code = """
    import time
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
    """
    found = built(extractor, code)
    assert found == BuildFailure("timeout", "no network after 1 s; it was stopped")


def test_a_fork_bomb_is_stopped(extractor, monkeypatch):
    monkeypatch.setattr(client, "LIMITS", Limits(processes=20))
    # Forty at most, so that a broken defence does not take the machine down.
    code = """
    import os, time
    for _ in range(40):
        try:
            if os.fork() == 0:
                time.sleep(60)
        except OSError:
            pass
    time.sleep(60)
    """
    found = built(extractor, code)
    assert found == BuildFailure("resource", "it started more than 20 processes; it was stopped")


def test_memory_is_bounded(extractor):
    found = built(extractor, "x = bytearray(6 << 30)")
    assert isinstance(found, BuildFailure)
    assert found.status == "resource"
    assert "more memory than the 3 GB" in found.message


def test_files_are_bounded(extractor):
    code = """
    import tempfile
    with tempfile.TemporaryFile() as file:
        for _ in range(300):
            file.write(bytes(1 << 20))
    """
    found = built(extractor, code)
    assert isinstance(found, BuildFailure)
    assert found.status == "failed"


# One author against the next ---------------------------------------------------------------------


def test_an_answer_slipped_into_the_servers_pipe_is_not_the_next_authors(extractor):
    # The fork has its server's rights, so it may find the server's own descriptors.
    forged = json.dumps({"outcome": "answered", "answer": {"error": {"message": "forged"}}})
    code = f"""
    import os
    for name in range(3, 12):
        try:
            pipe = os.open(f"/proc/{{os.getppid()}}/fd/{{name}}", os.O_WRONLY | os.O_NONBLOCK)
            os.write(pipe, {forged.encode() + bytes([10])!r} * 3)
        except OSError:
            pass
    """
    built(extractor, code)
    for _ in range(4):
        assert_serves(extractor)


def test_what_one_module_changes_the_next_does_not_see(extractor):
    built(extractor, "keras.layers.Dense = None; import builtins; builtins.len = None")
    assert_serves(extractor)


def test_what_one_author_kills_is_not_the_server(extractor):
    built(extractor, "import os; os.kill(os.getppid(), 9); os.kill(0, 9)")
    assert_serves(extractor)


def test_stopping_leaves_no_process_and_is_for_good(isolation, tmp_path):
    extractor = Sandbox(isolation, tmp_path / "log")
    assert_serves(extractor)
    process = extractor._server
    extractor.stop()
    extractor.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    found = extractor.build("good.py", GOOD)
    assert found == BuildFailure("grader_error", "the session has ended")
