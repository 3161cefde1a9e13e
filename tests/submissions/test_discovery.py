"""Which files a submission consists of, whose it is and where it begins; nothing of it is run."""

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.submissions import discovery
from harness.submissions.discovery import Entry, Unreadable, find, read
from harness.submissions.sandbox.messages import SubmittedFiles
from harness.submissions.subject import named_after, submitted
from reference.errors import UserError

FIT = "model.fit(x, y)\n"


def _folder(tmp_path, files):
    root = tmp_path / "alice"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Entry("alice", "alice", root)


# Whose ------------------------------------------------------------------------------------------


def test_a_class_is_one_entry_for_each_file_or_folder(tmp_path):
    for name in ("Bob Ray.py", "net.ipynb", "zoe.KERAS", "notes.txt", ".hidden.py"):
        (tmp_path / name).write_text("", encoding="utf-8")
    for name in ("Ünal Çelik", "__pycache__", ".git"):
        (tmp_path / name).mkdir()
    found = find([], tmp_path)
    assert [(entry.id, entry.name) for entry in found] == [
        ("bob-ray", "Bob Ray"),
        ("net", "net"),
        ("zoe", "zoe"),
        ("unal-celik", "Ünal Çelik"),
    ]


def test_names_that_look_alike_keep_ids_of_their_own_whoever_else_is_there(tmp_path):
    for name in ("a b.py", "a-b.py", "c.py"):
        (tmp_path / name).write_text("", encoding="utf-8")
    three = {entry.name: entry.id for entry in find([], tmp_path)}
    assert len(set(three.values())) == 3
    assert re.fullmatch(r"a-b-[0-9a-f]{6}", three["a b"])
    (tmp_path / "aa.py").write_text("", encoding="utf-8")
    four = {entry.name: entry.id for entry in find([], tmp_path)}
    assert {name: four[name] for name in three} == three


def test_the_same_name_from_two_places_is_two_submissions(tmp_path):
    paths = [tmp_path / place / "cnn.py" for place in ("one", "two")]
    for path in paths:
        path.parent.mkdir()
        path.write_text("", encoding="utf-8")
    ids = [entry.id for entry in find(paths, None)]
    assert len(set(ids)) == 2


@given(st.lists(st.text(min_size=1, max_size=80), min_size=1, max_size=12))
def test_ids_are_safe_and_unique_whatever_the_names(names):
    ids = discovery._ids(names)
    assert len(set(ids)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9_-]{1,60}", found) for found in ids), ids
    assert not any(found.startswith("-") for found in ids)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: ([folder / "no.py"], None), r"--submission .*no\.py was not found"),
        (lambda folder: ([folder / "a.txt"], None), r"expected a file that ends in \.py, \.ipynb"),
        (lambda folder: ([], folder / "no"), r"--submissions .*no is not a folder"),
        (lambda folder: ([], folder / "empty"), r"empty holds no submission; expected a file"),
        (lambda folder: ([], folder / "a.txt"), r"is not a folder"),
    ],
)
def test_nothing_to_grade_is_said(tmp_path, make, words):
    (tmp_path / "a.txt").write_text("", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=words):
        find(*make(tmp_path))


# What it is to be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stem", "name"),
    [("deep_cnn", "deep_cnn"), ("Deep-CNN", "deep_cnn"), ("deep cnn", "deep_cnn"), ("cnn", None)],
)
def test_a_file_may_be_called_after_its_architecture(stem, name):
    assert named_after(stem, ["deep_cnn", "mlp"]) == name


def test_a_named_architecture_beats_the_file_s_name(tmp_path):
    entries = [Entry("mlp", "mlp", tmp_path / "mlp.py"), Entry("x", "x", tmp_path / "x.py")]
    free = submitted(entries, None, ["cnn", "mlp"])
    assert [(s.architecture, s.basis) for s in free] == [("mlp", "file name"), (None, None)]
    told = submitted(entries, "cnn", ["cnn", "mlp"])
    assert [(s.architecture, s.basis) for s in told] == [("cnn", "named")] * 2


# Reading ----------------------------------------------------------------------------------------


def test_a_file_is_its_own_beginning(tmp_path):
    path = tmp_path / "net.py"
    path.write_bytes(b"x = 1\r\n\xff")
    assert read(Entry("net", "net", path)) == SubmittedFiles("net.py", {"net.py": b"x = 1\r\n\xff"})


def test_a_folder_is_all_its_files_but_the_machine_s(tmp_path):
    entry = _folder(
        tmp_path,
        {"main.py": FIT, "data/w.txt": "w", ".git/x": "", "__pycache__/m.pyc": "", ".DS_Store": ""},
    )
    assert set(read(entry).files) == {"main.py", "data/w.txt"}


@pytest.mark.parametrize(
    ("files", "main"),
    [
        ({"only.py": ""}, "only.py"),
        ({"src/only.py": ""}, "src/only.py"),
        ({"a.py": "", "main.py": ""}, "main.py"),
        ({"a.py": "", "alice.py": "", "main.py": ""}, "alice.py"),
        ({"helpers.py": "def f(): pass\n", "run.py": FIT}, "run.py"),
        ({"net.py": "def build():\n pass\n", "run.py": "from net import build\n" + FIT}, "run.py"),
        ({"one.py": "import two\n", "two.py": "x = 1\n"}, "one.py"),
        ({"book.ipynb": "{}", "m.keras": ""}, "book.ipynb"),
        ({"book.ipynb": "{}", "net.py": ""}, "net.py"),
        ({"m.h5": "", "readme.txt": ""}, "m.h5"),
    ],
)
def test_where_a_folder_begins(tmp_path, files, main):
    assert read(_folder(tmp_path, files)).main == main


def test_the_architecture_s_name_says_where_to_begin(tmp_path):
    entry = _folder(tmp_path, {"main.py": "", "deep_cnn.py": ""})
    assert read(entry, ["deep_cnn"]).main == "deep_cnn.py"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"readme.txt": ""}, r"no \.py, \.ipynb, \.keras or \.h5 file was found"),
        ({"a.py": FIT, "b.py": FIT}, r"2 files could be the main one \(a\.py, b\.py, \.\.\.\)"),
    ],
)
def test_no_beginning_is_said(tmp_path, files, words):
    with pytest.raises(Unreadable, match=words):
        read(_folder(tmp_path, files))


def test_links_pipes_and_devices_are_passed_over(tmp_path):
    secret = tmp_path / "secret.py"
    secret.write_text("secret", encoding="utf-8")
    entry = _folder(tmp_path, {"main.py": FIT})
    (entry.path / "link.py").symlink_to(secret)
    (entry.path / "folder").symlink_to(tmp_path)
    os.mkfifo(entry.path / "pipe.py")
    assert set(read(entry).files) == {"main.py"}


def test_a_submission_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "real.py").write_text(FIT, encoding="utf-8")
    (tmp_path / "alice.py").symlink_to(tmp_path / "real.py")
    with pytest.raises(Unreadable, match="symbolic link"):
        read(Entry("alice", "alice", tmp_path / "alice.py"))


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        ("MAX_BYTES", 5, "larger than"),
        ("MAX_FILES", 2, "more than 2 files"),
        ("MAX_DEPTH", 1, "nested more than 1 deep"),
    ],
)
def test_too_much_is_refused(tmp_path, monkeypatch, limit, value, words):
    entry = _folder(tmp_path, {"main.py": FIT, "a/b/c.txt": "", "d.txt": ""})
    monkeypatch.setattr(discovery, limit, value)
    with pytest.raises(Unreadable, match=words):
        read(entry)


def test_the_digest_is_of_names_and_contents():
    def of(files, main="a.py"):
        return SubmittedFiles(main, files).digest

    same = of({"a.py": b"1", "b.py": b"2"})
    assert same == of({"b.py": b"2", "a.py": b"1"})
    others = [
        of({"a.py": b"1"}),
        of({"a.py": b"1", "b.py": b"3"}),
        of({"a.py": b"1", "c.py": b"2"}),
        of({"a.py": b"1", "b.py": b"2"}, "b.py"),
    ]
    assert len({same, *others}) == 5


def test_empty_lines_are_not_searched_again_from_each_of_them():
    """With a pattern that could, this would take hours."""
    files = {"first.py": b"model.fit()", "other.py": b"model.fit()", "lines.py": b"\n" * 1_000_000}
    assert not discovery._imported("first.py", files)
    assert discovery._imported("first.py", {**files, "main.py": b"\n  from first import x"})
