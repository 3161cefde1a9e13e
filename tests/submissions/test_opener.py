"""What the sandbox said is kept, unless a clock had a part in it: it may have been the machine."""

import numpy as np
import pytest

from harness.jobs.store.store import Store
from harness.submissions.opened import OpenedSubmission
from harness.submissions.opener import Opener
from harness.submissions.sandbox.client import Answer
from harness.submissions.sandbox.messages import SubmittedFiles
from harness.submissions.subject import Subject
from harness.system.failure import BuildFailure
from reference import facts as all_facts
from tests.support.samples.keras_json import dense, entry, sequential

FACTS = {name: all_facts.load(name) for name in all_facts.names()}
NETWORK = sequential(
    entry(784), dense(64, "a", activation="relu"), dense(32, "b", activation="relu"),
    dense(10, "c", activation="softmax"),
)  # fmt: skip
FILES = SubmittedFiles("net.py", {"net.py": b"model = 1"})


def document(**changes):
    network = {**NETWORK, "origin": "fit", "line": 3, "recipe": None}
    return {"networks": [network], "notes": [], "error": None, **changes}


SLOW = {"stage": "timeout", "message": "it was still running"}
STOPPED = {"kind": "stopped", "text": "The script was stopped.", "line": None}


class FakeSandbox:
    def __init__(self, found):
        self.found = found
        self.asked = 0

    def open(self, _submitted):
        self.asked += 1
        return self.found


@pytest.mark.parametrize(
    ("found", "asked"),
    [
        (Answer(document(), b"", ""), 1),
        (Answer(document(networks=[], error={"stage": "run", "message": "no"}), b"", ""), 1),
        (Answer(document(networks=[], error=SLOW), b"", ""), 2),
        (Answer(document(notes=[STOPPED]), b"", ""), 2),
        (BuildFailure("timeout", "no network after 60 s"), 2),
        (BuildFailure("resource", "3 GB"), 2),
    ],
)
def test_an_answer_is_asked_for_once_unless_a_clock_or_the_machine_had_a_part_in_it(
    tmp_path, found, asked
):
    sandbox = FakeSandbox(found)
    opening = Opener(sandbox, Store(tmp_path / "store"), FACTS)
    assert opening.answer(FILES) == opening.answer(FILES) == found
    assert sandbox.asked == asked


def test_fresh_asks_again(tmp_path):
    sandbox = FakeSandbox(Answer(document(), b"", ""))
    for _ in range(2):
        Opener(sandbox, Store(tmp_path / "store"), FACTS, fresh=True).answer(FILES)
    assert sandbox.asked == 2


def _subject(path):
    return Subject("net", None, path, "net", None, "submission")


@pytest.mark.parametrize(
    ("error", "status"), [(SLOW, "timeout"), ({**SLOW, "stage": "run"}, "failed")]
)
def test_who_was_too_slow_is_told_so(tmp_path, error, status):
    path = tmp_path / "net.py"
    path.write_text("x = 1", encoding="utf-8")
    sandbox = FakeSandbox(Answer(document(networks=[], error=error), b"", ""))
    found = Opener(sandbox, Store(tmp_path / "store"), FACTS).open(_subject(path))
    assert found == BuildFailure(status, "it was still running")


def test_files_that_cannot_be_read_never_reach_the_sandbox(tmp_path):
    sandbox = FakeSandbox(None)
    (tmp_path / "net.py").symlink_to(tmp_path / "elsewhere.py")
    found = Opener(sandbox, Store(tmp_path / "store"), FACTS).open(_subject(tmp_path / "net.py"))
    assert isinstance(found, BuildFailure)
    assert sandbox.asked == 0


def test_a_stored_answer_gives_the_same_network(tmp_path):
    path = tmp_path / "net.py"
    path.write_text("x = 1", encoding="utf-8")
    store, sandbox = Store(tmp_path / "store"), FakeSandbox(Answer(document(), b"", ""))
    first, second = (Opener(sandbox, store, FACTS).open(_subject(path)) for _ in range(2))
    assert isinstance(first, OpenedSubmission)
    assert first == second
    assert sandbox.asked == 1


def test_what_another_run_replaces_just_now_is_asked_for_again(tmp_path, monkeypatch):
    """Two runs may open the same files at once; one with --fresh removes the stored answer."""
    store, sandbox = Store(tmp_path / "store"), FakeSandbox(Answer(document(), b"", ""))
    expected = Opener(sandbox, store, FACTS).answer(FILES)
    get = store.get

    def overtaken(key):
        folder = get(key)
        store.discard(key)
        return folder

    monkeypatch.setattr(store, "get", overtaken)
    assert Opener(sandbox, store, FACTS).answer(FILES) == expected
    assert sandbox.asked == 2


def test_weights_that_came_with_a_network_are_in_the_store_and_not_in_memory(tmp_path):
    path = tmp_path / "net.py"
    path.write_text("x = 1", encoding="utf-8")
    shapes = [[], [[784, 64], [64]], [[64, 32], [32]], [[32, 10], [10]]]
    (network,) = document()["networks"]
    values = np.arange(784 * 64 + 64 + 64 * 32 + 32 + 32 * 10 + 10, dtype="<f4")
    found = Answer(document(networks=[{**network, "weights": shapes}]), values.tobytes(), "")
    store = Store(tmp_path / "store")
    opened = Opener(FakeSandbox(found), store, FACTS).open(_subject(path))
    assert isinstance(opened, OpenedSubmission)
    assert opened.weights is None
    with np.load(store.get(opened.weights_key) / "weights.npz") as file:
        np.testing.assert_array_equal(np.concatenate([file[k].ravel() for k in file]), values)
