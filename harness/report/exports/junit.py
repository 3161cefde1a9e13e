"""junit.xml: a test suite for each submission, for CI systems that show such files."""

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping

from harness.report.exports import text as words
from harness.report.schema.results import Check, Results, Subject

# XML 1.0 (fifth edition), section 2.2: everything else may not occur, not even as a reference.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# What becomes of a status: the element inside the test case, and the suite's attribute.
_ELEMENTS = {
    "failed": ("failure", "failures"),
    "timeout": ("failure", "failures"),
    "resource": ("failure", "failures"),
    "skipped": ("skipped", "skipped"),
}
_ERROR = ("error", "errors")  # the grader's own, and a status that this version does not know


def render(results: Results) -> bytes:
    """Returns the file for results that `schema.checked` has completed."""
    root = ET.Element("testsuites", name="MNIST architecture grader")
    totals: Counter[str] = Counter()
    seconds = 0.0
    for subject in results.subjects:
        suite, counts, time = _suite(subject, results.created)
        root.append(suite)
        totals.update(counts)
        seconds += time
    _count(root, totals, seconds)
    ET.indent(root, " ")
    raw: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return raw + b"\n"


def plain(text: str | None) -> str:
    """Text without the characters that XML forbids."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text or "")


def _suite(subject: Subject, created: str | None) -> tuple[ET.Element, Counter[str], float]:
    suite = ET.Element("testsuite", name=plain(words.name(subject)), id=plain(subject.id))
    if created:
        suite.set("timestamp", plain(created).removesuffix("Z"))
    counts: Counter[str] = Counter()
    seconds = 0.0
    for check in subject.checks:
        counts["tests"] += 1
        seconds += check.duration_s or 0
        case = ET.SubElement(
            suite,
            "testcase",
            classname=f"submissions.{plain(subject.id)}",
            name=plain(check.id),
            time=f"{check.duration_s or 0:.3f}",
        )
        if check.status != "passed":
            element, attribute = _ELEMENTS.get(check.status or "", _ERROR)
            counts[attribute] += 1
            _outcome(case, element, check)
    _count(suite, counts, seconds)
    return suite, counts, seconds


def _outcome(case: ET.Element, element: str, check: Check) -> None:
    message = words.limited(check.message) or check.title or check.id
    found = ET.SubElement(case, element, message=plain(words.line(message))[:300])
    found.set("type", plain(check.status or "unknown"))
    if element != "skipped":
        hint = f"\nHint: {check.hint}" if check.hint else ""
        found.text = plain(words.limited(f"{message}{hint}"))


def _count(element: ET.Element, counts: Mapping[str, int], seconds: float) -> None:
    for attribute in ("tests", "failures", "errors", "skipped"):
        element.set(attribute, str(counts.get(attribute, 0)))
    element.set("time", f"{seconds:.3f}")
