"""How the report says what became of a figure since the baseline."""

from collections.abc import Mapping

from harness.report.schema import results as schema

WORDS: Mapping[str, str] = {"total_params": "parameters", "flops": "FLOPs", "presence": "network"}
"""What a measure is called in a sentence, where that is not its name."""


def tells(row: schema.BaselineRow) -> bool:
    """Whether a row of results.json is to be listed; what is as it was need only be counted."""
    return row.status not in ("passed", "unchanged", "not judged")
