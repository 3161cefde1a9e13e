"""What one submission can learn of the project, of the machine and of the others: nothing."""

import os
import signal
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex

import pytest

from harness.network.spec import Spec
from harness.submissions.sandbox.client import Answer
from harness.submissions.sandbox.isolation import strongest
from harness.submissions.sandbox.messages import SubmittedFiles
from harness.system.directories import PROJECT_ROOT
from harness.system.failure import BuildFailure
from tests.support.sandbox import (
    GOOD,
    attack,
    built,
    processes_named,
    reached,
    unique,
    wait_for,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sandbox")]


@pytest.fixture
def extractor(extractor):
    if not strongest().private or strongest().level != "bubblewrap":
        pytest.skip("bubblewrap and namespaces inside of it do not work here")
    return extractor


# The project and the machine ---------------------------------------------------------------------


def test_of_the_project_only_the_sandboxed_side_is_there(extractor):
    code = """
    import importlib.util, os
    seen = []
    ours = (
        "harness.network", "harness.data", "harness.submissions.opener",
        "harness.submissions.sandbox.client", "reference.facts", "checks", "models", "tests",
    )
    for name in ours:
        try:
            found = importlib.util.find_spec(name)
        except ImportError:
            found = None
        if found is not None:
            seen.append(name)
    print(sorted(seen), sorted(os.listdir("/grader")),
          *(sorted(set(os.listdir("/grader/harness" + below)) - {"__pycache__"})
            for below in ("", "/submissions", "/submissions/sandbox")), flush=True)
    """
    assert reached(extractor, code) == (
        "[] ['harness'] ['__init__.py', 'submissions'] ['__init__.py', 'sandbox'] "
        "['__init__.py', 'inside']"
    )


@pytest.mark.parametrize(
    "path",
    [
        *(
            PROJECT_ROOT / name
            for name in ("reference", "models", "tests", "checks", "README.md", ".git")
        ),
        PROJECT_ROOT / "reports",
        PROJECT_ROOT / ".grader",
        Path("/etc/passwd"),
        Path("/etc/shadow"),
        Path("/var"),
        Path("/home"),
        Path("/sys"),
        Path("/run"),
    ],
)
def test_a_path_of_the_machine_is_not_there(extractor, path):
    assert reached(extractor, f"import os; print(os.path.lexists({str(path)!r}), flush=True)") == (
        "False"
    )


def test_the_home_of_whoever_grades_is_empty_but_for_python(extractor):
    needed = {Path(sys.prefix), Path(sys.base_prefix)}
    code = f"""
    import os
    home, needed = {str(Path.home())!r}, {[str(p) for p in needed]!r}
    seen = [os.path.join(where, name) for where, folders, files in os.walk(home)
            if not any(where.startswith(p) for p in needed) for name in files]
    print(seen, flush=True)
    """
    assert reached(extractor, code) == "[]"


def test_nowhere_but_in_its_own_folders_can_anything_be_written(extractor):
    code = """
    import os, stat
    seen = []
    for where, folders, _ in os.walk("/"):
        if where in ("/tmp", "/proc", "/dev/shm", "/dev/pts"):
            folders[:] = []
            continue
        try:
            open(os.path.join(where, "mark"), "x").close()
            seen.append(where)
        except OSError:
            pass
    print(seen, flush=True)
    """
    assert reached(extractor, code) == "[]"


# One beside another ------------------------------------------------------------------------------

# It leaves its mark wherever it can, then waits until a process of its own is killed from outside.
SIBLING = """
import os, subprocess, sys
mark = {mark!r}
os.environ["MARK"] = mark
for folder in ("/tmp", ".", "/dev/shm", "/dev/pts", "/dev", "/", "/proc", "/var/tmp"):
    try:
        open(os.path.join(folder, mark), "w").write(mark)
    except OSError:
        pass
print(mark, flush=True)
os.set_inheritable(3, True)
subprocess.run([sys.executable, "-c", "import time; time.sleep(300)", {waits!r}, mark])
"""

# Looks in all of its own memory, and everywhere that names or contents could come through.
SEARCH = """
import gc, os, re, sys
found = set()
pattern = re.compile(rb"sib(?:ling)-[0-9a-f]{32}")
own = "sib" + "ling-" + "0" * 32
for line in open("/proc/self/maps"):
    span, rights = line.split()[:2]
    if rights[0] != "r" or "[v" in line:
        continue
    start, end = (int(part, 16) for part in span.split("-"))
    with open("/proc/self/mem", "rb", 0) as memory:
        memory.seek(start)
        while start < end:
            try:
                chunk = memory.read(min(end - start, 1 << 24))
            except OSError:
                break
            if not chunk:
                break
            found.update(pattern.findall(chunk))
            start += len(chunk)
for where, folders, files in os.walk("/"):
    if where.startswith(("/usr", "/proc/sys", "/proc/self/task", sys.prefix, sys.base_prefix)):
        folders[:] = []
        continue
    for name in folders + files:
        found.update(pattern.findall(os.fsencode(name)))
        if where.startswith("/proc") and name in ("cmdline", "environ", "maps"):
            try:
                found.update(pattern.findall(open(os.path.join(where, name), "rb").read()))
            except OSError:
                pass
found.discard(b"sib" + b"ling-" + b"0" * 32)
print(own[:0], sorted(found), own in gc.get_objects(), flush=True)
"""


@pytest.fixture
def sibling(extractor):
    """Another submission, under way as long as the test runs; gives its mark."""
    mark, waits = f"sibling-{token_hex(16)}", unique("sibling-waits")
    source = attack(SIBLING.format(mark=mark, waits=waits))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(extractor.build, "sibling.py", source)
        try:
            wait_for(waits)
            assert processes_named(mark)
            yield mark
            assert not waiting.done()
        finally:
            for number in processes_named(waits):
                os.kill(number, signal.SIGKILL)
        # It was kept from nothing.
        assert isinstance(waiting.result(), Spec)


def test_the_search_finds_what_is_there(extractor):
    mark = f"sibling-{token_hex(16)}"
    code = f"mark = {mark!r}\n" + textwrap.dedent(SEARCH)
    assert mark in reached(extractor, code)


@pytest.mark.usefixtures("sibling")
def test_nothing_of_a_sibling_beside_it_is_found(extractor):
    said = reached(extractor, SEARCH)
    assert "sibling-" not in said
    assert said.endswith("[] False")


def test_nothing_of_an_earlier_sibling_is_found(extractor):
    mark = f"sibling-{token_hex(16)}"
    leave = SIBLING.format(mark=mark, waits="x").replace("time.sleep(300)", "pass")
    assert isinstance(built(extractor, leave), Spec)
    assert reached(extractor, SEARCH).endswith("[] False")


@pytest.mark.usefixtures("sibling")
def test_it_sees_no_process_but_its_own(extractor):
    code = """
    import os
    print(os.getpid(), os.getppid(), sorted(int(n) for n in os.listdir("/proc") if n.isdigit()),
          flush=True)
    """
    assert reached(extractor, code) in {"2 1 [1, 2]", "2 1 []"}


@pytest.mark.usefixtures("sibling")
def test_it_can_end_no_process_but_its_own(extractor):
    code = """
    import os, signal
    for number in (-1, 0, 1, os.getppid(), *range(3, 400)):
        for what in (signal.SIGTERM, signal.SIGKILL):
            if number != 0:
                try:
                    os.kill(number, what)
                except OSError:
                    pass
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(0, signal.SIGTERM)
    print("still here", flush=True)
    """
    # `sibling` and `extractor` see to it that the others are still there.
    assert reached(extractor, code) == "still here"


@pytest.mark.usefixtures("sibling")
def test_it_can_look_into_no_process_but_its_own(extractor):
    code = """
    import ctypes, os
    libc = ctypes.CDLL(None, use_errno=True)
    opened = [libc.ptrace(16, number, 0, 0) for number in (1, *range(3, 400))]
    for name in ("mem", "environ", "maps", "fd/3", "root/etc"):
        try:
            os.stat(f"/proc/1/{name}") and os.open(f"/proc/1/{name}", os.O_RDONLY)
            opened.append(name)
        except OSError:
            pass
    print([name for name in opened if name != -1], flush=True)
    """
    assert reached(extractor, code) == "[]"


@pytest.mark.parametrize(
    "call",
    [
        "os.memfd_create('x')",
        "refused(libc.unshare(0x10000000))",
        "refused(libc.mount(b'none', b'/tmp', b'tmpfs', 0, None))",
        "refused(libc.umount2(b'/proc', 2))",
        "refused(libc.shmget(0, 4096, 0o600))",
        "socket.socket(40, socket.SOCK_STREAM)",
        "refused(libc.ptrace(0, 0, 0, 0))",
    ],
)
def test_calls_that_no_network_needs_are_refused(extractor, call):
    code = f"""
    import ctypes, os, socket
    libc = ctypes.CDLL(None, use_errno=True)
    def refused(result):
        if result == -1:
            raise OSError(ctypes.get_errno(), "refused")
    try:
        {call}
        print("done", flush=True)
    except OSError as error:
        print("refused", error.errno in (1, 97), flush=True)
    """
    assert reached(extractor, code) == "refused True"


def test_it_holds_the_pipe_for_its_answer_and_no_other_descriptor(extractor):
    code = """
    import os, stat
    seen = {}
    for number in range(1024):
        try:
            seen[number] = stat.S_IFMT(os.fstat(number).st_mode)
        except OSError:
            pass
    sockets = [n for n, kind in seen.items() if kind == stat.S_IFSOCK]
    print([n for n in seen if n > 4], sockets, flush=True)
    """
    # 4 is the submission, which has been read and closed by then.
    assert reached(extractor, code) == "[] []"


def test_an_outcome_that_it_writes_itself_is_none(extractor):
    forged = '{"outcome": "answered", "reason": "", "log": "", "size": 2}\n{}'
    code = f"""
    import os
    for number in range(64):
        try:
            os.write(number, {forged!r}.encode())
        except OSError:
            pass
    os._exit(0)
    """
    found = built(extractor, code)
    assert isinstance(found, BuildFailure)
    assert found.status == "failed"
    assert "no list of networks" in found.message


def test_many_at_once_get_their_own_answers(extractor):
    def source(units):
        return GOOD.replace("Dense(10", f"Dense({units}")

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda units: extractor.build("x.py", source(units)), range(1, 13)))
    assert [spec.network.nodes[1].config["units"] for spec in found] == list(range(1, 13))


def test_a_submissions_files_are_beside_it_and_nothing_else_is(extractor):
    helper = "import keras\nlayers = [keras.layers.Dense(7)]\n"
    main = textwrap.dedent("""
        import os, keras
        def build():
            seen = sorted(os.path.join(w, f) for w, _, files in os.walk(".") for f in files)
            print(seen, os.getcwd(), flush=True)
            raise SystemExit(3)
    """)
    files = {"main.py": main.encode(), "parts/helper.py": helper.encode(), "ünï 1.txt": b""}
    found = extractor.open(SubmittedFiles("main.py", files))
    assert isinstance(found, Answer)
    assert found.log == "['./main.py', './parts/helper.py', './ünï 1.txt'] /tmp/work"
