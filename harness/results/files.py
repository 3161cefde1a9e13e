"""results.json on the disk: written whole or not at all."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import whole_files
from harness.plain_json import NotJson, parse
from reference.errors import UserError


def write(results: Mapping[str, Any], path: Path) -> None:
    """Writes results.json whole or not at all.

    Raises:
        UserError: the folder cannot be written.
    """
    text = json.dumps(results, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        whole_files.replace(path, f"{text}\n".encode())
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror or error}. Make room or make the folder "
            "writable, or name another one with --report."
        ) from error


def read_benchmarks(path: Path) -> list[Mapping[str, Any]]:
    """Returns the benchmarks of an earlier results.json, so that a grading run keeps them."""
    try:
        rows = parse(path.read_bytes())["benchmarks"]
    except (OSError, NotJson, KeyError, TypeError):
        return []
    return rows if isinstance(rows, list) else []
