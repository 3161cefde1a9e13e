"""What a submission may use, all its processes together, and what it is told when that is less."""

import subprocess
import sys
from dataclasses import replace

import pytest

from harness.network.spec import Spec
from harness.submissions.sandbox import client, messages
from harness.submissions.sandbox.client import LIMITS, Answer
from harness.submissions.sandbox.inside import limits
from harness.submissions.sandbox.inside.limits import GB, MB
from harness.submissions.sandbox.isolation import strongest
from harness.submissions.sandbox.messages import SubmittedFiles
from harness.system.failure import BuildFailure
from tests.support.sandbox import GOOD, attack, built, reached, unique, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sandbox")]


@pytest.fixture
def extractor(extractor):
    if strongest().level == "limits":
        pytest.skip("neither bubblewrap nor namespaces work here")
    return extractor


@pytest.fixture
def limit(monkeypatch):
    def set_limits(**values):
        monkeypatch.setattr(client, "LIMITS", replace(LIMITS, **values))

    return set_limits


def test_a_fork_bomb_is_stopped_and_gone(extractor):
    name = unique("bomb")
    # It grows to four hundred at most, so that a broken defence does not take the machine down.
    code = f"""
    import os, subprocess, sys, time
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)", {name!r}])
    for _ in range(400):
        try:
            if os.fork() == 0:
                os.setsid()
                time.sleep(300)
                os._exit(0)
        except OSError:
            pass
    time.sleep(300)
    """
    found = built(extractor, code)
    assert found == BuildFailure("resource", "it started more than 64 processes; it was stopped")
    wait_for(name, gone=True)


def test_sixty_processes_are_none_too_many(extractor):
    code = """
    import os, time
    for _ in range(60):
        if os.fork() == 0:
            time.sleep(300)
            os._exit(0)
    time.sleep(0.5)
    """
    assert isinstance(built(extractor, code), Spec)


HOARDERS = """
import os, time
for _ in range({processes}):
    if os.fork() == 0:
        hoard = b"x" * {each}
        time.sleep(300)
        os._exit(0)
time.sleep(300)
"""


def test_the_memory_of_all_processes_together_is_bounded(extractor, limit):
    limit(memory_bytes=600 * MB)
    found = built(extractor, HOARDERS.format(processes=5, each=200 * MB))
    assert found == BuildFailure("resource", "it used more than 0.6 GB of memory; it was stopped")


def test_memory_that_processes_share_is_counted_once(extractor, limit):
    limit(memory_bytes=GB)
    code = """
    import os, time
    hoard = b"x" * 400_000_000
    for _ in range(6):
        if os.fork() == 0:
            time.sleep(300)
            os._exit(0)
    time.sleep(0.5)
    """
    assert isinstance(built(extractor, code), Spec)


def test_memory_that_hides_is_counted_whole(extractor, limit):
    limit(memory_bytes=600 * MB)
    # Who may not be looked into says only how large it is.
    hide = "import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n"
    found = built(extractor, hide + HOARDERS.format(processes=5, each=200 * MB))
    assert found == BuildFailure("resource", "it used more than 0.6 GB of memory; it was stopped")


@pytest.mark.parametrize(
    "code",
    [
        "import numpy; numpy.ones(10**9)",
        "x = [0] * 10**9; x = [x[:] for _ in range(9)]",
        "raise MemoryError",
    ],
)
def test_memory_that_is_refused_is_said(extractor, code):
    found = built(extractor, code)
    assert isinstance(found, BuildFailure)
    assert found.status == "resource", found
    assert "memory" in found.message
    assert "3 GB" in found.message


def test_processor_time_is_bounded(extractor, limit):
    limit(cpu_s=1)
    found = built(extractor, "while True: pass")
    assert found == BuildFailure(
        "resource", "it used more than 1 s of processor time; it was stopped"
    )


def test_processor_time_of_all_processes_together_is_bounded(extractor, limit):
    limit(cpu_s=2)
    # Each of them uses little, and is replaced by the next.
    code = """
    import os, time
    while True:
        if os.fork() == 0:
            end = time.process_time() + 0.2
            while time.process_time() < end:
                pass
            os._exit(0)
        os.wait()
    """
    found = built(extractor, code)
    assert found == BuildFailure(
        "resource", "it used more than 2 s of processor time; it was stopped"
    )


def test_a_flood_of_output_takes_no_room(extractor, limit):
    limit(wall_s=2)
    found = built(extractor, "while True: print('flood ' * 10_000)")
    assert found == BuildFailure("timeout", "no network after 2 s; it was stopped")


def test_of_what_it_prints_the_last_words_are_kept(extractor):
    found = extractor.open(
        SubmittedFiles("x.py", {"x.py": attack("print('flood ' * 100_000 + 'end')").encode()})
    )
    assert isinstance(found, Answer)
    assert found.log.endswith("flood end")
    assert len(found.log) <= 4000


def test_all_its_files_together_are_bounded(extractor, limit):
    limit(folder_bytes=30 * MB, file_bytes=15 * MB)
    code = """
    import errno
    said = []
    for size in (16, 10, 12):
        try:
            with open(f"file-{size}", "wb") as file:
                file.write(bytes(size * 10**6))
            said.append("written")
        except OSError as error:
            said.append(errno.errorcode[error.errno])
    print(said, flush=True)
    """
    assert reached(extractor, code) == "['EFBIG', 'written', 'ENOSPC']"


def test_the_number_of_its_files_is_bounded(extractor):
    code = """
    import errno
    try:
        for number in range(100_000):
            open(f"file-{number}", "w").close()
    except OSError as error:
        print(errno.errorcode[error.errno], 10_000 < number < 30_000, flush=True)
    """
    assert reached(extractor, code) == "ENOSPC True"


def test_links_that_it_leaves_lead_nowhere(extractor, tmp_path):
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    code = f"""
    import os
    said = []
    for target in ("/etc/passwd", {str(tmp_path / "secret")!r}, "/proc/1/root/etc"):
        link = str(len(said))
        os.symlink(target, link)
        said.append(os.path.exists(link))
    print(said, flush=True)
    """
    assert reached(extractor, code) == "[False, False, False]"


# What is handed in -------------------------------------------------------------------------------


def test_a_thousand_files_are_opened(extractor):
    files = {"main.py": GOOD.encode(), **{f"data/{i}.txt": b"x" for i in range(999)}}
    assert isinstance(extractor.open(SubmittedFiles("main.py", files)), Answer)


def test_more_files_are_refused(extractor):
    files = {"main.py": GOOD.encode(), **{f"{i}.txt": b"x" for i in range(1000)}}
    found = extractor.open(SubmittedFiles("main.py", files))
    assert found == BuildFailure("failed", "1001 files; at most 1000 are accepted")


def test_files_that_are_too_large_are_refused(extractor, monkeypatch):
    monkeypatch.setattr(messages, "MAX_BYTES", 3 * MB)
    found = extractor.open(SubmittedFiles("x.py", {"x.py": b"#" * (4 * MB)}))
    assert found == BuildFailure("failed", "the files hold 4 MB; at most 3 MB are accepted")


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../up.py",
        "a/../../up.py",
        "a/..",
        ".",
        "",
        "./x.py",
        "a//b.py",
        "a\\b.py",
        "line\nbreak.py",
        "nul\0.py",
        "left\u202eright.py",
        "\ud800.py",
        "x" * 201,
        "main.py/inside.py",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(extractor, name):
    found = extractor.open(SubmittedFiles("main.py", {"main.py": GOOD.encode(), name: b""}))
    assert isinstance(found, BuildFailure)
    assert found.status == "failed"
    assert "cannot be the name of a file" in found.message


def test_a_main_file_that_is_not_there_is_refused(extractor):
    found = extractor.open(SubmittedFiles("x.py", {"y.py": b""}))
    assert found == BuildFailure("failed", "'x.py' is not among the submission's files")


def test_a_process_that_has_ended_uses_nothing():
    """Between the moment that it was listed and that at which its memory is counted."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    listed = limits.Process(parent=1, cpu_s=0.0, resident_bytes=GB)
    assert limits._proportional(ended.pid, listed) == 0
