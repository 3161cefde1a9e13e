"""Opens results.json, and says of any other file what it is instead."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.report.schema.values import kind
from harness.system.strict_json import NotJson, parse
from reference.errors import UserError

REMEDY = "Run `pytest checks/` again to write a new results.json."
EXAMPLE = "reports/latest/results.json"

# Files that lie near a results.json, by keys that only they have.
_OTHERS = (
    ({"machine_info", "benchmarks"}, "pytest-benchmark's JSON"),
    ({"job", "history"}, "the record of one training"),
    ({"tests", "execution_time"}, "a result for Gradescope"),
    ({"nbformat", "cells"}, "a Jupyter notebook"),
)


def load(path: Path) -> Mapping[str, Any]:
    """Returns the JSON object in the file.

    Raises:
        UserError: the file is missing, unreadable, or holds no JSON object, or is known to be
            another one than results.json.
    """
    document = _parsed(path)
    if not isinstance(document, dict):
        raise UserError(f"{path} holds {kind(document)}, but should hold one object. {REMEDY}")
    for keys, what in _OTHERS:
        if keys <= set(document) and "subjects" not in document:
            raise UserError(f"{path} is {what}, but should be a run's results.json, as {EXAMPLE}.")
    return document


def _parsed(path: Path) -> object:
    try:
        # Numbers that are none are left out by the readers, and text is cleaned.
        return parse(path.read_bytes(), strict=False)
    except FileNotFoundError:
        raise UserError(
            f"{path} does not exist. Expected the results.json of a run; `pytest checks/` "
            f"writes {EXAMPLE}."
        ) from None
    except IsADirectoryError:
        raise UserError(
            f"{path} is a folder, but should be a run's results.json, as {path / 'results.json'}."
        ) from None
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror or error}. Expected a readable file."
        ) from None
    except NotJson as problem:
        raise UserError(f"{path} {problem}. {REMEDY}") from None
