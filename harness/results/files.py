"""results.json on the disk: written whole or not at all."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import files
from harness.folders import MEND_REPORT
from reference.errors import UserError


def write(results: Mapping[str, Any], path: Path) -> None:
    """Writes results.json whole or not at all.

    Raises:
        UserError: the folder cannot be written.
    """
    text = json.dumps(results, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, f"{text}\n".encode())
    except OSError as error:
        problem = f"{path} cannot be written: {error.strerror or error}"
        raise UserError(f"{problem}. {MEND_REPORT}") from error


def read_benchmarks(path: Path) -> list[Mapping[str, Any]]:
    """Returns the benchmarks of an earlier results.json, so that a grading run keeps them."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["benchmarks"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return rows if isinstance(rows, list) else []
