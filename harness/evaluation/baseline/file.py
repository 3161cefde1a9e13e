"""The file that --baseline names: read for grading and for benchmarks alike."""

from pathlib import Path
from typing import Any, cast

from harness.system.strict_json import NotJson, parse
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
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"--baseline {path} does not exist. {make}") from None
    except OSError as error:
        raise UserError(f"--baseline {path} cannot be read: {error}. {make}") from None
    if not data.strip():
        raise UserError(f"--baseline {path} is empty, but should be a results.json. {make}")
    try:
        document = parse(data)
    except NotJson as problem:
        raise UserError(f"--baseline {path} {problem}. {make}") from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if type(schema) is not int or schema != 1:
        raise UserError(
            f"--baseline {path} is no results.json of schema 1 (the JSON of pytest-benchmark is "
            f"another thing). {make}"
        )
    return cast("dict[str, Any]", document)
