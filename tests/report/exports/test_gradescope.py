"""Gradescope's results.json: its shape by the specification, exact sums, and no secrets."""

import json
import math
from decimal import Decimal
from functools import reduce
from operator import add

import pytest

from harness.report.exports import gradescope
from harness.report.schema import results as schema
from tests.support.samples import class_results

FORMATS = {"text", "html", "simple_format", "md", "ansi"}
VISIBILITIES = {"hidden", "after_due_date", "after_published", "visible"}
TOP = {
    "score": (int, float),
    "execution_time": (int, float),
    "output": str,
    "output_format": FORMATS,
    "test_output_format": FORMATS,
    "test_name_format": FORMATS,
    "visibility": VISIBILITIES,
    "stdout_visibility": VISIBILITIES,
    "extra_data": dict,
    "tests": list,
    "leaderboard": list,
}
TEST = {
    "score": (int, float),
    "max_score": (int, float),
    "status": {"passed", "failed"},
    "name": str,
    "name_format": FORMATS,
    "number": str,
    "output": str,
    "output_format": FORMATS,
    "visibility": VISIBILITIES,
}
LEADERBOARD = {"name": str, "value": (int, float, str), "order": {"asc", "desc"}}


def conforms(value, shape, optional=()):
    """Asserts that an object has these keys and no others, each of its kind."""
    assert set(value) <= set(shape)
    assert set(shape) - set(value) <= set(optional)
    for key, item in value.items():
        kind = shape[key]
        if isinstance(kind, set):
            assert item in kind, key
        else:
            assert isinstance(item, kind), key
            assert not isinstance(item, bool), key
            assert not isinstance(item, float) or math.isfinite(item), key


def validate(document):
    conforms(document, TOP, {"leaderboard"})
    for test in document["tests"]:
        conforms(test, TEST, {"status"})
        assert 0 <= test["score"] <= test["max_score"]
    for row in document.get("leaderboard", []):
        conforms(row, LEADERBOARD)


def documents(results):
    complete = schema.checked(results)
    return {s["id"]: json.loads(gradescope.render(s)) for s in complete["subjects"]}


@pytest.fixture(scope="module")
def classroom():
    return documents(class_results.classroom())


def test_every_file_has_the_shape_of_the_specification(classroom):
    assert len(classroom) == 14
    for document in classroom.values():
        validate(document)


def test_the_score_is_given_and_is_the_sum_of_the_tests(classroom):
    for document in classroom.values():
        total = sum((Decimal(str(test["score"])) for test in document["tests"]), Decimal(0))
        assert Decimal(str(document["score"])) == total


def test_tenths_that_binary_fractions_cannot_hold_add_up_exactly():
    subject = class_results.submission("a", "A")
    for check in subject["checks"]:
        check |= {"points": 0.1, "max_points": 0.1}
    document = documents(class_results.of(subject))["a"]
    assert document["score"] == 1.8
    assert reduce(add, [0.1] * 18) != 1.8  # as sum has it before Python 3.12


def test_partial_points_are_shown_as_they_are(classroom):
    test = classroom["zoe"]["tests"][2]
    assert (test["score"], test["max_score"], test["status"]) == (1.281, 5.125, "failed")
    assert "should be (28, 28, 32)" in test["output"]
    assert "Hint: `padding` is `valid`" in test["output"]


def test_a_skipped_check_says_why_and_scores_nothing(classroom):
    test = classroom["loop"]["tests"][1]
    assert (test["score"], test["status"]) == (0, "failed")
    assert test["output"] == "Not run: the network could not be opened"


def test_time_and_memory_are_named(classroom):
    assert classroom["loop"]["tests"][0]["output"].startswith("It ran out of time.\nit was still")
    assert classroom["bomb"]["tests"][0]["output"].startswith("It ran out of memory")


def test_what_the_grader_got_wrong_counts_for_nothing_and_shows_no_internals(classroom):
    document = classroom["ours"]
    test = document["tests"][0]
    assert (test["score"], test["max_score"]) == (0, 0)
    assert "status" not in test
    assert "fault of the grader" in test["output"]
    assert "fault of the grader" in document["output"]
    assert "sandbox" not in test["output"]


def test_the_output_begins_with_what_to_fix(classroom):
    lines = classroom["zoe"]["output"].splitlines()
    assert lines[0] == "Graded as functional_cnn."
    assert lines[2] == "What to fix first:"
    assert lines[3].startswith("1. layer 1 (Conv2D 'conv1'): `padding` is `valid`")
    assert not any(line.startswith("2.") for line in lines)


def test_accuracy_is_on_the_leaderboard_when_it_was_measured(classroom):
    assert classroom["zoe"]["leaderboard"] == [
        {"name": "Test accuracy, %", "value": 98.82, "order": "desc"}
    ]
    assert "leaderboard" not in classroom["loop"]


def test_nothing_of_the_machine_or_of_other_submissions_is_in_a_file():
    results = class_results.classroom()
    secret = ("class/", "results.json", "correct_bitmap", "sha256", "Intel", "namespaces")
    for ident, document in documents(results).items():
        text = json.dumps(document, ensure_ascii=False)
        assert [word for word in secret if word in text] == []
        others = [s["name"] for s in results["subjects"] if s["id"] != ident and s["name"]]
        assert [name for name in others if name in text] == []


def test_a_flood_of_output_is_cut():
    subject = class_results.submission("a", "A")
    class_results.fail(subject, class_results.GATE_CHECK, message="x" * 1_000_000)
    subject["error"] = "y" * 1_000_000
    assert len(gradescope.render(schema.checked(class_results.of(subject))["subjects"][0])) < 40_000


def test_hostile_text_stays_text():
    subject = class_results.submission("a", "A")
    class_results.fail(subject, class_results.GATE_CHECK, message="<img src=x>\x00\x1b[31m\ud800")
    raw = gradescope.render(schema.checked(class_results.of(subject))["subjects"][0])
    document = json.loads(raw.decode("utf-8"))
    validate(document)
    formats = {test["output_format"] for test in document["tests"]} | {document["output_format"]}
    assert formats == {"text"}
    assert "<img src=x>" in raw.decode()
    assert "\\u0000" not in raw.decode()
