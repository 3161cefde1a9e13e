"""Counts lines of code: those that hold more than a comment, a docstring or nothing."""

import ast
import io
import tokenize
from collections.abc import Iterable
from pathlib import Path

_NO_CODE = frozenset({
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENCODING, tokenize.ENDMARKER,
})  # fmt: skip


def code_lines(source: str) -> int:
    """Returns how many lines of a Python source hold code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - _docstrings(source))


def code_lines_in(files: Iterable[Path]) -> int:
    """Returns the same of several files together."""
    return sum(code_lines(file.read_text(encoding="utf-8")) for file in files)


def _docstrings(source: str) -> set[int]:
    """The lines of all docstrings: expressions that are nothing but a text."""
    return {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
