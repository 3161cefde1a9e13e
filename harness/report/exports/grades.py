"""grades.csv: one row for each submission, for a spreadsheet or a learning platform.

RFC 4180: commas, CRLF, all text in quotes. UTF-8 with a byte order mark, without which Excel takes
the file for the machine's old 8-bit code and garbles every name that is not plain ASCII.
"""

import csv
import io
import re
from collections.abc import Sequence

from harness.report.exports import text as words
from harness.report.schema.results import Results, Subject

START = ("name", "id", "architecture", "score", "max_score", "percent", "verdict", "accuracy")
END = ("first_fault",)

# A spreadsheet runs a cell that begins with one of these, also after spaces and quotation marks,
# also in the wide forms of East Asian keyboards.
_FORMULA = re.compile("^[\\s\"'`]*[=+\\-@\uff1d\uff0b\uff0d\uff20]")
# Where the list separator is a semicolon, what follows one begins a cell.
_SECOND = re.compile(";(?=[\\s\"'`]*[=+\\-@\uff1d\uff0b\uff0d\uff20])")


def render(results: Results) -> bytes:
    """Returns the file for results that `schema.checked` has completed.

    A column for each check holds its points; it is empty where the check does not belong to the
    submission or where the grader itself went wrong, so that an average does not count it as 0.
    """
    subjects = results.subjects
    ids = list(dict.fromkeys(check.id for s in subjects for check in s.checks))
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow([harmless(title) for title in (*START, *ids, *END)])
    for subject in subjects:
        writer.writerow(_row(subject, ids))
    return ("\N{ZERO WIDTH NO-BREAK SPACE}" + out.getvalue()).encode()


def harmless(value: str | None) -> str:
    """Text as one line that no spreadsheet takes for a formula."""
    text = _SECOND.sub(";'", words.line(value))
    return f"'{text}" if _FORMULA.match(text) else text


def _row(subject: Subject, ids: Sequence[str]) -> list[str | int | float]:
    score, most = words.points(subject.score), words.points(subject.max_score)
    accuracy = words.accuracy(subject)
    earned = {
        check.id: words.number(words.points(check.points))
        for check in subject.checks
        if words.counted(check)
    }
    return [
        harmless(words.name(subject)),
        harmless(subject.id),
        harmless(subject.architecture),
        words.number(score),
        words.number(most),
        round(float(100 * score / most), 2) if most else "",
        harmless(subject.verdict),
        "" if accuracy is None else round(accuracy, 6),
        *(earned.get(ident, "") for ident in ids),
        harmless(words.first_fault(subject)),
    ]
