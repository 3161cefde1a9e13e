"""Opens results.json, and says of any other file what it is instead."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.report.readers import kind
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
        # Some editors put a byte order mark before UTF-8.
        return json.loads(path.read_text(encoding="utf-8-sig"))
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
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not UTF-8 text (byte {error.start}), but should be JSON. {REMEDY}"
        ) from None
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" at")  # "Unterminated string starting at"
        raise UserError(
            f"{path} is not JSON: {what} at line {error.lineno}, column {error.colno}. {REMEDY}"
        ) from None
    except (RecursionError, ValueError):
        raise UserError(
            f"{path} is not JSON that can be read (nested too deeply, or a number too long). "
            f"{REMEDY}"
        ) from None
