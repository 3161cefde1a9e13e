"""results.json -> the part of the page that `evidence/sections.html.j2` prints."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.evidence.view import Evidence


def sections(
    results: Mapping[str, Any],  # noqa: ARG001 - nothing is read yet
    anchors: Sequence[str],  # noqa: ARG001 - nothing is read yet
) -> Evidence | None:
    """Returns what to print, or None where the file has nothing of it.

    Args:
        results: as `schema.checked` completes them.
        anchors: the fragment address of each subject's section, in their order.
    """
    return None
