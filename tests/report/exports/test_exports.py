"""Everything that is written beside results.json: whole, safe to name, and no leftovers."""

import json

import pytest

from harness.report import output_files
from harness.report.exports import write_all
from harness.report.schema.results import Subject
from reference.errors import UserError
from tests.support.samples import class_results


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def test_a_class_gives_one_file_of_grades_one_of_tests_and_one_for_each_submission(tmp_path):
    results = class_results.classroom()
    write_all(results, tmp_path)
    each = sorted(f"gradescope/{subject['id']}.json" for subject in results["subjects"])
    assert names(tmp_path) == sorted(["grades.csv", "junit.xml", *each])


def test_the_same_results_give_the_same_bytes(tmp_path):
    write_all(class_results.classroom(), tmp_path / "one")
    write_all(json.loads(json.dumps(class_results.classroom())), tmp_path / "two")
    one, two = tmp_path / "one", tmp_path / "two"
    assert names(one) == names(two)
    for name in names(one):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_files_of_submissions_that_are_gone_are_removed_and_nobody_elses(tmp_path):
    results = class_results.classroom()
    write_all(results, tmp_path)
    others = {
        "mine.json": '{"score": 1}',
        "broken.json": "{",
        "list.json": "[]",
        "notes.txt": "made_by MNIST architecture grader",
    }
    for name, text in others.items():
        (tmp_path / "gradescope" / name).write_text(text, encoding="utf-8")
    results["subjects"] = results["subjects"][:2]
    write_all(results, tmp_path)
    assert {path.name for path in (tmp_path / "gradescope").iterdir()} == {
        *others,
        "ada-lovelace.json",
        "script.json",
    }


@pytest.mark.parametrize(
    "ident",
    ["../../evil", "a/b", "..", ".hidden", "", "con", "nul", "A", "ü", "a" * 61, "a.json", "-rf"],
)
def test_an_id_that_is_no_safe_file_name_stays_inside_the_folder(tmp_path, ident):
    write_all(class_results.of(class_results.submission(ident, "x")), tmp_path / "in")
    found = names(tmp_path)
    assert len(found) == 3
    assert [name for name in found if not name.startswith("in/")] == []
    stem = found[1].removeprefix("in/gradescope/").removesuffix(".json")
    assert output_files.stems([Subject(id=stem)]) == (stem,)
    assert stem != ident


def test_ids_that_occur_twice_give_two_files():
    stems = output_files.stems([Subject(id="a"), Subject(id="a"), Subject(id="A"), Subject(id="A")])
    assert len(set(stems)) == 4
    assert stems[0] == "a"


def test_a_safe_id_is_the_file_name():
    assert output_files.stems([Subject(id="ada-lovelace_2")]) == ("ada-lovelace_2",)


def test_no_submissions_give_empty_exports(tmp_path):
    write_all(class_results.of(), tmp_path)
    assert names(tmp_path) == ["grades.csv", "junit.xml"]


def test_a_file_of_the_old_schema_without_the_new_keys_can_be_exported(tmp_path):
    from tests.support.samples.results import failing

    write_all(failing(), tmp_path)
    assert len(names(tmp_path)) == 7


def test_a_part_of_another_shape_is_refused_before_anything_is_written(tmp_path):
    results = class_results.of(class_results.submission("a", "A"))
    results["subjects"][0]["findings"] = [3]
    with pytest.raises(UserError, match=r"subjects\[0\].findings\[0\] is the number 3"):
        write_all(results, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_said_with_a_remedy(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match=r"file/grades.csv cannot be written.*--report"):
        write_all(class_results.of(), tmp_path / "file")


def test_a_folder_in_the_way_of_a_file_is_said(tmp_path):
    (tmp_path / "grades.csv").mkdir()
    with pytest.raises(UserError, match="is a folder, but should be a file"):
        write_all(class_results.of(), tmp_path)


def test_nothing_half_written_is_left_behind(tmp_path, monkeypatch):
    class Stop(BaseException):
        pass

    def stop(*_):
        raise Stop

    monkeypatch.setattr(output_files.Path, "replace", stop)
    with pytest.raises(Stop):
        write_all(class_results.of(), tmp_path)
    assert list(tmp_path.iterdir()) == []
