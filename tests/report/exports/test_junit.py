"""junit.xml: well-formed whatever the names are, with counts that agree with what is inside."""

import re
import xml.etree.ElementTree as ET

import pytest

from harness.report.exports import junit
from harness.report.schema import results as schema
from tests.support.samples import class_results

COUNTS = ("tests", "failures", "errors", "skipped")
SUITE = {"name", "id", "timestamp", "time", *COUNTS}
CASE = {"classname", "name", "time"}
OUTCOMES = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def render(results) -> bytes:
    return junit.render(schema.checked(results))


def validate(root):
    """Asserts the structure that docs/formats.md describes."""
    assert root.tag == "testsuites"
    assert set(root.attrib) == {"name", "time", *COUNTS}
    for suite in root:
        assert suite.tag == "testsuite"
        assert set(suite.attrib) == SUITE
        found = dict.fromkeys(COUNTS, 0)
        for case in suite:
            assert case.tag == "testcase"
            assert set(case.attrib) == CASE
            assert len(case) <= 1
            found["tests"] += 1
            for outcome in case:
                found[OUTCOMES[outcome.tag]] += 1
                assert set(outcome.attrib) == {"message", "type"}
                assert outcome.attrib["message"]
        assert {key: int(suite.get(key)) for key in COUNTS} == found
    for key in COUNTS:
        assert int(root.get(key)) == sum(int(suite.get(key)) for suite in root)
    times = sum(float(case.get("time")) for case in root.iter("testcase"))
    assert float(root.get("time")) == pytest.approx(times, abs=0.01)


@pytest.fixture(scope="module")
def root():
    return parse(render(class_results.classroom()))


def parse(raw):
    return ET.fromstring(raw)  # noqa: S314 - our own file


def suite(root, ident):
    return next(suite for suite in root if suite.get("id") == ident)


def test_the_structure_is_the_documented_one(root):
    validate(root)
    assert len(root) == 14
    assert [int(root.get(key)) for key in COUNTS] == [252, 8, 1, 85]


def test_an_empty_class_is_a_document_too():
    validate(parse(render(class_results.of())))


def test_a_failure_has_its_message_and_hint(root):
    failure = suite(root, "zoe").find("testcase/failure")
    assert failure.get("message").startswith("conv1.output_shape = (26, 26, 32), but should be")
    assert failure.get("type") == "failed"
    assert "Hint: `padding` is `valid`" in failure.text


@pytest.mark.parametrize(
    ("ident", "tag", "kind"),
    [
        ("plus", "failure", "failed"),
        ("loop", "failure", "timeout"),
        ("bomb", "failure", "resource"),
        ("ours", "error", "grader_error"),
    ],
)
def test_each_status_has_its_element(root, ident, tag, kind):
    cases = list(suite(root, ident))
    assert [(outcome.tag, outcome.get("type")) for outcome in cases[0]] == [(tag, kind)]
    assert {outcome.tag for case in cases[1:] for outcome in case} == {"skipped"}


def test_a_status_of_a_later_version_is_an_error_and_not_a_pass():
    subject = class_results.submission("a", "A")
    subject["checks"][0]["status"] = "new"
    document = parse(render(class_results.of(subject)))
    validate(document)
    assert document.get("errors") == "1"


def test_names_and_messages_hold_no_character_that_xml_forbids():
    forbidden = "".join(map(chr, range(32))) + "\x7f\ufffe\uffff\ud800]]>\"'<&"
    subject = class_results.submission("a", forbidden)
    class_results.fail(subject, class_results.GATE_CHECK, message=forbidden + "end")
    raw = render(class_results.of(subject))
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", raw.decode())
    document = parse(raw)
    validate(document)
    assert document[0].get("name").endswith("]]>\"'<&")
    assert document.find(".//failure").text.endswith("end")


def test_what_xml_forbids_is_replaced_even_where_nothing_cleaned_it_before():
    assert junit.plain("a\x00\x0b\ufffe\ud800b\t\n") == "a\ufffd\ufffd\ufffd\ufffdb\t\n"
