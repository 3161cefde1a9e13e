"""grades.csv: complete, exact, readable by spreadsheets and harmless in them."""

import csv
import io
import re

import pytest

from harness.report.exports import grades
from harness.report.schema import results as schema
from tests.support.samples import class_results

START = ["name", "id", "architecture", "score", "max_score", "percent", "verdict", "accuracy"]
NUMBERS = ("score", "max_score", "percent", "accuracy")
FORMULA = re.compile(r"""[\s"`]*[=+\-@＝＋－＠]""")


def render(results) -> bytes:
    return grades.render(schema.checked(results))


def read(results):
    text = render(results).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


@pytest.fixture(scope="module")
def rows():
    return {row["id"]: row for row in read(class_results.classroom())}


def test_the_columns_are_those_of_the_documentation():
    results = class_results.classroom()
    checks = [check["id"] for check in results["subjects"][0]["checks"]]
    text = render(results).decode("utf-8-sig")
    header = next(csv.reader(io.StringIO(text)))
    assert header == [*START, *checks, "first_fault"]


def test_every_submission_has_a_row_in_order():
    results = class_results.classroom()
    assert [row["id"] for row in read(results)] == [s["id"] for s in results["subjects"]]


def test_it_is_utf_8_with_a_mark_and_lines_end_as_rfc_4180_says():
    raw = render(class_results.classroom())
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.endswith(b"\r\n")
    assert raw.count(b"\n") == raw.count(b"\r\n") == 15


def test_numbers_are_bare_and_texts_are_quoted():
    first = render(class_results.classroom()).decode("utf-8-sig").split("\r\n")[1]
    assert first.startswith('"Ada Lovelace","ada-lovelace","sequential_cnn",100,100,100.0,"passed"')


def test_points_are_those_of_the_checks(rows):
    row = rows["zoe"]
    assert row[class_results.SHAPES_CHECK] == "1.281"
    assert row[class_results.RECIPE_CHECK] == "8"
    assert float(row["score"]) == 96.156
    assert float(row["percent"]) == 96.16
    assert row["accuracy"] == "0.9882"


def test_the_checks_add_up_to_the_score(rows):
    for row in rows.values():
        checks = [float(v) for k, v in row.items() if "::" in k and v]
        assert sum(checks) == pytest.approx(float(row["score"]), abs=1e-9)


def test_what_the_grader_got_wrong_is_empty_and_not_a_zero(rows):
    row = rows["ours"]
    assert row[class_results.BUILD_CHECK] == ""
    assert row["percent"] == ""
    assert row["verdict"] == "not graded"


def test_what_was_skipped_is_a_zero(rows):
    assert rows["loop"][class_results.GATE_CHECK] == "0"
    assert rows["loop"]["percent"] == "0.0"


def test_the_first_fault_is_a_finding_else_the_error_else_a_check(rows):
    assert rows["zoe"]["first_fault"].startswith("`padding` is `valid`: the output shrank")
    assert rows["loop"]["first_fault"].startswith("it was still running after 30 s")
    assert rows["ada-lovelace"]["first_fault"] == ""
    subject = class_results.submission("a", "A")
    class_results.fail(subject, class_results.GATE_CHECK, hint="Train longer.")
    assert read(class_results.of(subject))[0]["first_fault"] == "Train longer."


def test_a_note_is_no_fault():
    subject = class_results.submission("a", "A")
    subject["findings"] = [{"kind": "epochs", "cause": "5 epochs", "severity": "note"}]
    assert read(class_results.of(subject))[0]["first_fault"] == ""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'=1"),
        ("\r=1", "'=1"),
        ("\n=1", "'=1"),
        ("   =1", "'=1"),
        ("\N{NO-BREAK SPACE}=1", "'=1"),
        ('"=1"', '\'"=1"'),
        ("'=1", "''=1"),
        (' " =1', "'\" =1"),
        ("＝1", "'＝1"),
        ("a;=1", "a;'=1"),
        ('a; "=1', "a;' \"=1"),
        ("a;b", "a;b"),
        ("a=1", "a=1"),
        ("Ada", "Ada"),
        ("Ada\nLovelace", "Ada Lovelace"),
        ("Anne-Marie @ home", "Anne-Marie @ home"),
    ],
)
def test_no_cell_is_a_formula(given, expected):
    assert grades.harmless(given) == expected
    row = read(class_results.of(class_results.submission("a", given)))[0]
    assert row["name"] in {expected, given.replace("\r", "\N{REPLACEMENT CHARACTER}")}
    assert not FORMULA.match(row["name"])


def test_a_hostile_class_has_no_formula_in_any_cell_and_no_control_character(rows):
    for row in rows.values():
        for title, cell in row.items():
            if title in NUMBERS or "::" in title:
                assert cell == "" or float(cell) >= 0
            else:
                assert not FORMULA.match(cell), (title, cell)
                assert not FORMULA.match(cell.partition(";")[2]), (title, cell)
                assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", cell)


def test_a_name_that_is_empty_gives_way_to_the_id(rows):
    assert rows["empty"]["name"] == "empty"


def test_titles_of_columns_are_harmless_too():
    subject = class_results.submission("a", "A")
    subject["checks"][0]["id"] = "=cmd|' /C calc'!A0"
    assert list(read(class_results.of(subject))[0])[8] == "'=cmd|' /C calc'!A0"
