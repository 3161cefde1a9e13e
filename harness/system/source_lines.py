"""What in a Python source is code: all but comments, docstrings and empty lines."""

import ast
import hashlib
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


def code_digest(folder: Path) -> str:
    """Returns the SHA-256 of the code in a folder's modules; words about it do not count."""
    sha = hashlib.sha256()
    for file in sorted(folder.glob("*.py")):
        code = _WithoutDocstrings().visit(ast.parse(file.read_text(encoding="utf-8")))
        sha.update(f"{file.name}\n{ast.dump(code)}\n".encode())
    return sha.hexdigest()


class _WithoutDocstrings(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if _is_docstring(node) else node


def _docstrings(source: str) -> set[int]:
    """The lines of all docstrings."""
    return {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and _is_docstring(node)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def _is_docstring(node: ast.Expr) -> bool:
    """An expression that is nothing but a text."""
    return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
