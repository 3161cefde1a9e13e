"""The results.json that Gradescope reads, one for each submission.

Format: "Autograder Specifications" of Gradescope's documentation. Everything is plain text: a name
or a message can then hold any characters. What a file says is about its own submission alone.
"""

import json

from harness.report.exports import text as words
from harness.report.output_files import MAKER
from harness.report.schema.results import Check, Subject

OURS = "This is a fault of the grader, not of your work. It costs no points."


def render(subject: Subject) -> bytes:
    """Returns the file for a subject that `schema.checked` has completed."""
    text = json.dumps(document(subject), indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def document(subject: Subject) -> dict[str, object]:
    """Returns what Gradescope shows of a submission.

    The score is the sum of the tests' scores, and given all the same: nothing then depends on how
    it would be added up.
    """
    accuracy = words.accuracy(subject)
    seconds = sum(check.duration_s or 0 for check in subject.checks)
    found: dict[str, object] = {
        "score": words.number(words.total(check.points for check in _counted(subject))),
        "execution_time": round(seconds, 3),
        "output": words.limited(_summary(subject)),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {
            "made_by": MAKER,
            "verdict": words.line(subject.verdict),
            "max_score": words.number(words.total(c.max_points for c in _counted(subject))),
        },
        "tests": [_test(check, number) for number, check in enumerate(subject.checks, 1)],
    }
    if accuracy is not None:
        value = round(100 * accuracy, 2)
        found["leaderboard"] = [{"name": "Test accuracy, %", "value": value, "order": "desc"}]
    return found


def is_ours(content: bytes) -> bool:
    """Whether a file of gradescope/ was written by this module."""
    try:
        extra = json.loads(content)["extra_data"]
        return bool(extra["made_by"] == MAKER)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _counted(subject: Subject) -> list[Check]:
    return [check for check in subject.checks if words.counted(check)]


def _summary(subject: Subject) -> str:
    lines = []
    if subject.architecture:
        lines.append(f"Graded as {words.line(subject.architecture)}.")
    if subject.error:
        lines.append(f"It could not be opened: {subject.error}")
    faults = [finding for finding in subject.findings if finding.severity != "note"]
    if faults:
        lines += ["", "What to fix first:"]
        for number, finding in enumerate(faults, 1):
            where = f"{words.line(finding.where)}: " if finding.where else ""
            lines.append(f"{number}. {where}{words.line(finding.cause)}")
    if notes := [words.line(note) for note in subject.notes]:
        lines += ["", "Noted:", *(f"- {note}" for note in notes)]
    if any(check.status == "grader_error" for check in subject.checks):
        lines += ["", f"Some checks could not be run. {OURS}"]
    return "\n".join(lines)


def _test(check: Check, number: int) -> dict[str, object]:
    counts = words.counted(check)
    found: dict[str, object] = {
        "score": words.number(words.points(check.points)) if counts else 0,
        "max_score": words.number(words.points(check.max_points)) if counts else 0,
        "name": words.line(check.title or check.id)[:300],
        "name_format": "text",
        "number": str(number),
        "output": words.limited(_output(check)),
        "output_format": "text",
        "visibility": "visible",
    }
    # Without a status Gradescope goes by the points: 0 of 0 is neither passed nor failed.
    if counts:
        found["status"] = "passed" if check.status == "passed" else "failed"
    return found


def _output(check: Check) -> str:
    status, message = check.status, check.message or ""
    if status == "passed":
        return ""
    if status == "skipped":
        return f"Not run: {message or 'what it needs was not there'}"
    if not words.counted(check):
        return OURS
    start = {"timeout": "It ran out of time.", "resource": "It ran out of memory or processes."}
    parts = [start.get(status or "", ""), message]
    if check.hint and check.hint not in message:
        parts.append(f"Hint: {check.hint}")
    if not message:
        labels = (("Expected", check.expected), ("Yours", check.actual))
        parts += [f"{label}: {text}" for label, text in labels if text]
    return "\n".join(part for part in parts if part)
