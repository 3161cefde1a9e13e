"""Reads the code of a notebook, cell by cell, without the commands of Jupyter."""

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_CELLS = 2000

# Cell magics under which the cell is still Python of this notebook.
_TRANSPARENT = frozenset({"time", "timeit", "capture", "prun", "debug"})
_COMMAND = re.compile(r"^(\s*)(?:[%!?]|(?:pip3?|conda|apt(?:-get)?) install\b)")
_TIMED = re.compile(r"^(\s*)%(?:time|timeit|prun)\s+(?:-\w+\s+(?:\d+\s+)?)*(?=\S)")
_HELP = re.compile(r"^\s*[\w.]+\?{1,2}\s*$")
_ASSIGNED = re.compile(r"^(\s*[\w, ]+=\s*)[!%].*$")


class NotANotebook(Exception):
    """A file that is not a notebook; the text says why, for its author."""


@dataclass(frozen=True)
class Cell:
    """One cell of code.

    Attributes:
        number: its place among the cells of code, from 1.
        source: Python, with as many lines as the author wrote.
    """

    number: int
    source: str


def read(text: str) -> list[Cell]:
    """Returns the code of a notebook (format 3 or 4).

    Raises:
        NotANotebook: it cannot be read.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotANotebook(f"is not a notebook: {str(error)[:200]}") from error
    cells = _cells(document)
    if cells is None:
        raise NotANotebook("is not a notebook: it holds no list of cells")
    code = [_source(cell) for cell in cells[:MAX_CELLS] if _is_code(cell)]
    if not code:
        raise NotANotebook("holds no code cells")
    return [Cell(number, without_magics(source)) for number, source in enumerate(code, 1)]


def _cells(document: Any) -> list[Any] | None:
    if not isinstance(document, Mapping):
        return None
    sheets = document.get("worksheets")
    if isinstance(sheets, list):  # format 3
        parts = [sheet.get("cells") for sheet in sheets if isinstance(sheet, Mapping)]
        return [cell for part in parts if isinstance(part, list) for cell in part]
    cells = document.get("cells")
    return cells if isinstance(cells, list) else None


def _is_code(cell: Any) -> bool:
    return isinstance(cell, Mapping) and cell.get("cell_type") == "code"


def _source(cell: Mapping[str, object]) -> str:
    source = cell.get("source", cell.get("input", ""))
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def without_magics(source: str) -> str:
    """Returns the same lines with commands of Jupyter and of the shell taken out."""
    if _is_python(source):
        return source
    lines = source.split("\n")
    first = next((index for index, line in enumerate(lines) if line.strip()), 0)
    if lines[first].lstrip().startswith("%%"):
        name = re.match(r"\s*%%(\w*)", lines[first])
        if name is None or name[1] not in _TRANSPARENT:
            return ""
        lines[first] = ""
    return "\n".join(_cleaned(lines))


def _cleaned(lines: list[str]) -> list[str]:
    found: list[str] = []
    continued = False
    for line in lines:
        timed = _TIMED.match(line)
        if continued:
            found.append("")
        elif timed:
            found.append(timed[1] + line[timed.end() :])
            continue
        elif command := _COMMAND.match(line):
            found.append(f"{command[1]}pass")
        elif _HELP.match(line):
            found.append("pass")
        elif assigned := _ASSIGNED.match(line):
            found.append(f"{assigned[1]}[]")
        else:
            found.append(line)
            continue
        continued = line.rstrip().endswith("\\")
    return found


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
