"""results.json on the disk: written whole or not at all."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.system import atomic_files
from harness.system.directories import MEND_REPORT
from harness.system.strict_json import NotJson, parse
from reference.errors import UserError

# Halves of characters that Python has where a name is no text; these stand for no single byte.
_NO_BYTES = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def write(results: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """Writes results.json whole or not at all; returns what it holds.

    That is what was given, but where the name of a file is no text in this locale: a reader of
    the file could not be given that, so it becomes text.

    Raises:
        UserError: the folder cannot be written.
    """
    text = json.dumps(results, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    try:
        content = text.encode()
    except UnicodeEncodeError:
        content = _decoded(text).encode()
        results = json.loads(content)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_files.replace(path, content + b"\n")
    except OSError as error:
        problem = f"{path} cannot be written: {error.strerror or error}"
        raise UserError(f"{problem}. {MEND_REPORT}") from error
    return results


def _decoded(text: str) -> str:
    """Takes what a locale could not decode for UTF-8, which most names of files are."""
    raw = _NO_BYTES.sub("\N{REPLACEMENT CHARACTER}", text).encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "replace")


def read_benchmarks(path: Path) -> list[Mapping[str, Any]]:
    """Returns the benchmarks of an earlier results.json, so that a grading run keeps them."""
    try:
        rows = parse(path.read_bytes())["benchmarks"]
    except (OSError, NotJson, KeyError, TypeError):
        return []
    return rows if isinstance(rows, list) else []


RESULTS = "results.json"
