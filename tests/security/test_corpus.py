"""The corpus covers every class of attack, and each of its canaries sings."""

import os
import shutil
import socket
import subprocess
import sys
from collections import Counter

import pytest

from tests.security.attack import A_NETWORK, STOPPED
from tests.security.canaries import FOLDERS, VARIABLE, Planting
from tests.security.corpus import CORPUS

KINDS = {
    "exits",
    "runner",
    "objects",
    "processes",
    "resources",
    "network",
    "places",
    "answers",
    "sources",
    "saved",
    "mnist",
}


@pytest.fixture
def canaries(tmp_path, monkeypatch):
    with Planting(tmp_path) as planted:
        monkeypatch.setenv(VARIABLE, planted.secret)
        yield planted


def test_there_are_many_of_every_kind():
    count = Counter(attack.kind for attack in CORPUS)
    assert set(count) == KINDS
    assert min(count.values()) >= 5
    assert sum(count.values()) >= 50


def test_each_has_a_name_of_its_own():
    names = [attack.name for attack in CORPUS]
    assert sorted(names) == sorted(set(names))
    assert [name for name in names if not name.replace("_", "").isalnum() or len(name) > 40] == []


@pytest.mark.parametrize("attack", CORPUS, ids=lambda attack: attack.name)
def test_each_is_complete(attack, canaries):
    assert attack.main in {*attack.files, *attack.links}
    assert attack.ends
    assert attack.ends <= A_NETWORK | STOPPED
    assert attack.why.endswith(".")
    # No mark is left, and the secret is not told.
    for name, content in attack.filled(canaries.places).items():
        assert b"@STORE@" not in name.encode() + content
        assert b"@MARK@" not in name.encode() + content
        assert canaries.secret.encode() not in content


def test_untouched_canaries_are_silent(canaries):
    assert canaries.touched() == []
    assert canaries.said("build() raised ValueError\n") == []


@pytest.mark.parametrize("place", FOLDERS)
@pytest.mark.parametrize("name", ["secret", "new", "folder/new"])
def test_a_change_is_noticed(canaries, place, name):
    path = getattr(canaries.places, place) / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("was here", encoding="utf-8")
    assert f"{path} was changed" in canaries.touched()


def test_a_file_that_is_gone_is_noticed(canaries):
    (canaries.places.store / "secret").unlink()
    assert "secret was changed" in canaries.touched()[0]


@pytest.mark.parametrize("place", ["project", "prefix"])
def test_a_marked_file_is_noticed_and_removed(canaries, place):
    path = getattr(canaries.places, place) / canaries.places.mark
    path.touch()
    try:
        assert f"{path} was made" in canaries.touched()
        assert not path.exists()
    finally:
        path.unlink(missing_ok=True)


def test_a_marked_file_in_a_folder_made_since_the_last_look_is_noticed(canaries, tmp_path):
    folder = canaries.places.project / "tests" / tmp_path.name / "below"
    assert canaries.touched() == []
    folder.mkdir(parents=True)
    try:
        (folder / canaries.places.mark).touch()
        assert f"{folder / canaries.places.mark} was made" in canaries.touched()
    finally:
        shutil.rmtree(folder.parent)
    assert canaries.touched() == []


def test_a_process_is_noticed(canaries):
    with subprocess.Popen(
        [sys.executable, "-c", "input()", canaries.places.mark], stdin=subprocess.PIPE
    ) as process:
        try:
            while not (found := canaries.touched()):
                assert process.poll() is None
            assert f"process {process.pid} is running" in found[0]
        finally:
            process.kill()


@pytest.mark.parametrize("number", range(4))
def test_somebody_who_speaks_is_noticed(canaries, number):
    door = canaries.sockets[number]
    with socket.socket(door.family, door.type) as caller:
        caller.connect(door.getsockname())
        caller.send(b"hello")
        assert "was spoken to" in canaries.touched()[0]
        assert canaries.touched() == []


def test_the_secret_is_noticed_wherever_it_is_said(canaries):
    secret = (canaries.places.store / "secret").read_text(encoding="utf-8")
    assert os.environ[VARIABLE] == secret
    assert canaries.said(f"x\nb'{secret}'\n") == [f"b'{secret}'"]
    assert canaries.said("SEEN /etc/shadow\nx") == ["SEEN /etc/shadow"]
