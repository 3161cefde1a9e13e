"""What comes out of grading submissions besides the pages, made from results.json alone.

write_all(json.load(file), folder)      # grades.csv, junit.xml, gradescope/<id>.json
"""

from collections.abc import Mapping
from pathlib import Path

from harness.report import output_files
from harness.report.exports import grades, gradescope, junit
from harness.report.schema import results as schema

GRADES = "grades.csv"
JUNIT = "junit.xml"
GRADESCOPE = "gradescope"


def write_all(results: Mapping[str, object] | schema.Results, folder: Path) -> None:
    """Writes every export of an object of schema 1 into the folder of its results.json.

    Each file appears whole or not at all. Files of submissions that are no longer there are
    removed from gradescope/; files that are not ours stay.

    Raises:
        UserError: another schema, a part of another shape, or a file that cannot be written.
    """
    complete = schema.checked(results)
    subjects = complete.subjects
    inside = Path(folder) / GRADESCOPE
    named = {
        f"{stem}.json": subject
        for stem, subject in zip(output_files.stems(subjects), subjects, strict=True)
    }
    content = {
        Path(folder) / GRADES: grades.render(complete),
        Path(folder) / JUNIT: junit.render(complete),
    } | {inside / name: gradescope.render(subject) for name, subject in named.items()}
    output_files.write_all(content, "--report")
    output_files.prune(inside, ".json", named, gradescope.is_ours)
