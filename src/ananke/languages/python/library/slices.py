"""Stretches of a file's text, by the places that Python's parser gives (lines, UTF-8 bytes)."""

from __future__ import annotations

import ast

__all__ = ["Slices", "annotation_text", "value_text"]

#: Characters of the longest value that is kept; of a longer one the kind alone is.
_LONGEST_VALUE = 2_000
_LONGEST_TYPE = 50_000


class Slices:
    """The text of a file whose line ends are single line feeds."""

    __slots__ = ("_lines",)

    def __init__(self, text: str) -> None:
        self._lines = text.encode("utf-8", "surrogatepass").split(b"\n")

    def whole(self, node: ast.stmt | ast.expr) -> str:
        """The text of `node`."""
        return self._between(
            node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0
        )

    def holds(self, node: ast.expr, text: str) -> bool:
        return text in self.whole(node)

    def header(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
        """Decorators and head of a definition, with `...` for its body."""
        first = node.body[0]
        line, column = first.lineno, first.col_offset
        if isinstance(first, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            # The place of a decorated one is that of its `def`, the `@` is before.
            for decorator in first.decorator_list:
                if decorator.lineno < line:
                    line, column = decorator.lineno, 0
        head = self._between(node.lineno, node.col_offset, line, column).rstrip()
        decorators = [f"@{self.whole(one)}" for one in node.decorator_list]
        return "\n".join([*decorators, head + ("\n ..." if "#" in head else "...")])

    def _between(self, line: int, column: int, end_line: int, end_column: int) -> str:
        lines = self._lines[line - 1 : end_line]
        if not lines:
            return ""
        if line == end_line:
            return lines[0][column:end_column].decode("utf-8", "replace")
        lines = [lines[0][column:], *lines[1:-1], lines[-1][:end_column]]
        return b"\n".join(lines).decode("utf-8", "replace")


def annotation_text(annotation: ast.expr, slices: Slices) -> str:
    """An annotation on one logical line; `_` for one too long to be kept."""
    text = slices.whole(annotation)
    return _on_one_line(text) if len(text) <= _LONGEST_TYPE else "_"


def value_text(value: ast.expr, slices: Slices) -> str:
    """A value as far as its type may be told from it; `...` if that is not at all."""
    match value:
        case ast.Dict() | ast.DictComp():
            return "{}"
        case ast.Set() | ast.SetComp():
            return "set()"
        case ast.ListComp():
            return "[]"
        case ast.JoinedStr():
            return '""'
        case ast.Constant(value=str()) if not _is_short(value, 60):
            return '""'
        case ast.Constant(value=bytes()) if not _is_short(value, 60):
            return 'b""'
        case ast.Lambda() | ast.GeneratorExp() | ast.Await() | ast.Yield() | ast.YieldFrom():
            return "..."
    text = slices.whole(value)
    if isinstance(value, ast.List):
        return _on_one_line(text) if len(text) <= 200 else "[]"
    is_type = isinstance(value, ast.BinOp | ast.Subscript | ast.Call)
    longest = _LONGEST_TYPE if is_type else _LONGEST_VALUE
    return _on_one_line(text) if len(text) <= longest else "..."


def _is_short(value: ast.Constant, most: int) -> bool:
    return isinstance(value.value, str | bytes) and len(value.value) <= most


def _on_one_line(text: str) -> str:
    """Text that may stand where a line end would end the statement."""
    return f"({text})" if "\n" in text else text
