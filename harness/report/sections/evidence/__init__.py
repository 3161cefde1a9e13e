"""results.json -> the part of the page that `evidence/sections.html.j2` prints."""

from collections.abc import Sequence
from typing import Any

from harness.report.schema import results as schema
from harness.report.sections.evidence.calibration import calibration
from harness.report.sections.evidence.digits import confusions, digits
from harness.report.sections.evidence.hard_images import hard_images
from harness.report.sections.evidence.paired import paired
from harness.report.sections.evidence.robustness import robustness
from harness.report.text import network_names as called
from harness.report.views.evidence import Evidence

# In the order of the page: field of `Evidence`, anchor, words of the navigation.
PARTS = (
    ("paired", "better", "Which is better"),
    ("calibration", "calibration", "Confidence"),
    ("robustness", "robustness", "Corruption"),
    ("digits", "digits", "Digit by digit"),
    ("confusions", "confused", "Confused"),
    ("hard", "hard", "Hard images"),
)


def sections(results: schema.Results, anchors: Sequence[str]) -> Evidence | None:
    """Returns what to print, or None where the file has nothing of it.

    To be called inside `svg.house_style`.

    Args:
        results: as `schema.checked` completes them.
        anchors: the fragment address of each subject's section, in their order.
    """
    subjects = results.subjects
    names = called.of(subjects, anchors)
    parts: dict[str, Any] = {
        "paired": paired(results, names),
        "calibration": calibration(subjects, names),
        "robustness": robustness(subjects, names),
        "digits": digits(subjects, names),
        "confusions": confusions(subjects, names),
        "hard": hard_images(results, names),
    }
    contents = tuple((anchor, title) for field, anchor, title in PARTS if parts[field])
    return Evidence(contents=contents, **parts) if contents else None
