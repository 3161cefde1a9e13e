"""results.json -> the part of the page that `progress/sections.html.j2` prints."""

from collections.abc import Sequence

from harness.report.schema import results as schema
from harness.report.sections.progress import baseline, expected_range, history
from harness.report.views.progress import Progress


def sections(results: schema.Results, anchors: Sequence[str]) -> Progress | None:
    """Returns what to print, or None where the file has nothing of it.

    Args:
        results: as `schema.checked` completes them.
        anchors: the fragment address of each subject's section, in their order.
    """
    against = baseline.baseline(results.baseline, results.subjects, anchors)
    expected = expected_range.plausible(results, anchors)
    past = history.history(results.history, results.subjects, anchors)
    contents = [
        (anchor, title)
        for part, anchor, title in (
            (against, baseline.ANCHOR, "Baseline"),
            (expected, expected_range.ANCHOR, "Expected range"),
            (past, history.ANCHOR, "History"),
        )
        if part is not None
    ]
    if not contents:
        return None
    return Progress(tuple(contents), plausible=expected, baseline=against, history=past)
