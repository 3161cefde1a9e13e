"""The file that --baseline names: read for grading and for benchmarks alike."""

import json
from pathlib import Path
from typing import Any, NoReturn

from reference.errors import UserError

MAKE = "`pytest checks/` writes reports/latest/results.json; copy it to keep it."


def read(path: Path, make: str = MAKE) -> dict[str, Any]:
    """Returns a results.json of schema 1, or what says it is one.

    Args:
        make: how such a file is made, as the last sentence of a message.

    Raises:
        UserError: it is missing, cannot be read or is something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"--baseline {path} does not exist. {make}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--baseline {path} cannot be read: {error}. {make}") from None
    if not text.strip():
        raise UserError(f"--baseline {path} is empty, but should be a results.json. {make}")
    try:
        document = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise UserError(f"--baseline {path} is nested too deeply. {make}") from None
    except ValueError as error:
        raise UserError(f"--baseline {path} is not JSON: {error}. {make}") from None
    if not isinstance(document, dict) or document.get("schema") != 1:
        raise UserError(
            f"--baseline {path} is no results.json of schema 1 (the JSON of pytest-benchmark is "
            f"another thing). {make}"
        )
    return document


def _refuse(constant: str) -> NoReturn:
    """Python's reader would take NaN and Infinity, which are no JSON and no figures."""
    raise ValueError(f"it says {constant}, which is no number of JSON's")
