"""results.json on the disk: written whole or not at all."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from harness.report.schema.results import ADAPTER, SCHEMA, Benchmark, Results, checked
from harness.report.schema.values import Rows, plain, problem
from harness.system import atomic_files
from harness.system.directories import MEND_REPORT
from harness.system.strict_json import NotJson, parse
from reference.errors import UserError

RESULTS = "results.json"
_BENCHMARKS: Final = TypeAdapter(Rows[Benchmark])
# Surrogates that do not stand for a byte of a file's name.
_NO_BYTES = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def write(results: Results, path: Path) -> Results:
    """Writes results.json whole or not at all; returns what a reader of the file gets.

    The name of a file that is not text in this locale is decoded as UTF-8: JSON cannot hold it.

    Raises:
        UserError: the folder cannot be written.
    """
    text = json.dumps(
        results, default=plain, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False
    )
    try:
        content = text.encode()
    except UnicodeEncodeError:
        content = _decoded(text).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_files.replace(path, content + b"\n")
    except OSError as error:
        reason = f"{path} cannot be written: {error.strerror or error}"
        raise UserError(f"{reason}. {MEND_REPORT}") from error
    return checked(json.loads(content), str(path))


def read_baseline(path: Path, make: str) -> Results:
    """Reads the results.json that --baseline names, for grading or for benchmarks.

    Args:
        make: how such a file is made, as the last sentence of a message.

    Raises:
        UserError: it is missing, cannot be read or is something else.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"--baseline {path} does not exist. {make}") from None
    except OSError as error:
        raise UserError(f"--baseline {path} cannot be read: {error}. {make}") from None
    if not data.strip():
        raise UserError(f"--baseline {path} is empty, but should be a results.json. {make}")
    try:
        document = parse(data)
    except NotJson as error:
        raise UserError(f"--baseline {path} {error}. {make}") from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if type(schema) is not int or schema != SCHEMA:
        raise UserError(
            f"--baseline {path} is not a results.json of schema {SCHEMA} (pytest-benchmark's JSON "
            f"is another format). {make}"
        )
    try:
        return ADAPTER.validate_python(document)
    except ValidationError as error:
        raise UserError(f"--baseline {path}: {problem(error)}. {make}") from None


def _decoded(text: str) -> str:
    """Decodes as UTF-8, which most file names are, what the locale could not decode."""
    raw = _NO_BYTES.sub("\N{REPLACEMENT CHARACTER}", text).encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "replace")


def read_benchmarks(path: Path) -> Sequence[Benchmark]:
    """Returns the benchmarks of an earlier results.json, so that a grading run keeps them.

    Empty if the file is missing, broken or without benchmarks.
    """
    try:
        return _BENCHMARKS.validate_python(parse(path.read_bytes())["benchmarks"])
    except (OSError, NotJson, KeyError, TypeError, ValidationError):
        return []
