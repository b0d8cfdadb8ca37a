"""The judges: tree-sitter's own runtime for every language, compilers where one is at hand."""

from __future__ import annotations

import ast
import importlib
import subprocess
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import tree_sitter
import ziglang  # type: ignore[import-untyped]

from ananke.languages import get_language
from ananke.parsing.grammar import Grammar

__all__ = [
    "Leaf",
    "compiler_accepts",
    "compiler_name",
    "first_error",
    "is_program",
    "is_refused_by_rows",
    "leaves",
    "needs_additions",
]


@dataclass(frozen=True)
class Leaf:
    """A lexeme as tree-sitter's tree has it: byte offsets."""

    start: int
    end: int


@cache
def _parser(language: str) -> tree_sitter.Parser:
    row = get_language(language)
    module = importlib.import_module(row.module)
    return tree_sitter.Parser(tree_sitter.Language(getattr(module, row.function)()))


def is_program(language: str, text: bytes) -> bool:
    """Whether tree-sitter's runtime parses the text without an error."""
    return not _parser(language).parse(text).root_node.has_error


@cache
def _bare(language: str) -> Grammar | None:
    """The grammar without what the language's rows add, names among them, or None if they add
    nothing."""
    row = get_language(language)
    bare = replace(
        row, additions=(), absent=(), alone={}, filled=(), balanced=(), balanced_words=()
    )
    if bare.state_shape is not None:
        bare = replace(bare, state_shape=replace(bare.state_shape, ends_outside=False))
    return None if bare == row else Grammar(bare)


def needs_additions(language: str, text: bytes) -> bool:
    """Whether our parser takes the text for no program without the language's additions, or with
    words that are names by now for keywords: then tree-sitter's runtime is no judge of it."""
    bare = _bare(language)
    if bare is None:
        return False
    state = bare.parse(text)
    return state is None or not state.can_end()


@cache
def _lax(language: str) -> Grammar:
    """The grammar without what the language's rows refuse: reserved words, line ends, contexts."""
    row = get_language(language)
    lax = replace(row, reserved=(), forbidden=(), contexts=(), lines=None, patterns={}, without={})
    return Grammar(lax)


def is_refused_by_rows(language: str, text: bytes) -> bool:
    """Whether it is only for the language's rows that our parser takes the text for no program.

    That a row is right is shown by its cases, which the language's compiler judges; tree-sitter,
    which takes more, is no judge of it.
    """
    state = _lax(language).parse(text)
    return state is not None and state.can_end()


def first_error(language: str, text: bytes) -> int | None:
    """The offset of the first error or missing node of tree-sitter's tree, or None."""
    node = _parser(language).parse(text).root_node
    if not node.has_error:
        return None
    while not (node.is_error or node.is_missing):
        # A node can have an error that none of its children has: then it is the place.
        worse = next((child for child in node.children if child.has_error), None)
        if worse is None:
            break
        node = worse
    return node.start_byte


def leaves(language: str, text: bytes) -> tuple[Leaf, ...]:
    """The non-empty leaves of tree-sitter's tree, in order."""
    found: list[Leaf] = []
    cursor = _parser(language).parse(text).walk()
    while True:
        if cursor.goto_first_child():
            continue
        node = cursor.node
        if node is not None and node.end_byte > node.start_byte:
            found.append(Leaf(node.start_byte, node.end_byte))
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return tuple(found)


def compiler_name(language: str) -> str | None:
    """What `compiler_accepts` asks for the language, or None."""
    return {"python": "ast.parse", "zig": "zig ast-check"}.get(language)


def compiler_accepts(language: str, texts: Sequence[bytes]) -> list[bool]:
    """The compiler's syntax verdict on each text.

    Raises:
        ValueError: no compiler is at hand for the language.
    """
    if language == "python":
        return [_python_accepts(text) for text in texts]
    if language == "zig":
        return [_zig_accepts(text) for text in texts]
    raise ValueError(f"no compiler at hand for {language}")


def _python_accepts(text: bytes) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError):
            return False
        except (RecursionError, MemoryError):
            # The parser's own limits on nesting: no word on the syntax.
            return True
    return True


#: `ast-check` reports names and unused locals too; the parser's messages (`renderError` in the
#: compiler's std/zig/Ast.zig) and the tokenizer's hold these.
_ZIG_SYNTAX = (
    *("error: expected ", "error: invalid ", "error: unexpected ", "error: unterminated "),
    *("error: missing function name", "error: missing parameter name"),
    *("operators cannot be chained", "has whitespace on one side", "ambiguous use of '&&'"),
    *("declarations are not allowed between", "field before declarations", "field after decl"),
    *("extern functions have no body", "error: extra addrspace", "error: extra align"),
    *("not allowed on array child", "bit range only allowed", "documentation comment"),
    *(
        "parameter after varargs",
        "' is invalid",
        "to declare a container do",
        "initialized with '=='",
    ),
    *("use 'var' or 'const' to declare", "contains invalid byte", "error: doc comments "),
)


def _zig_accepts(text: bytes) -> bool:
    zig = Path(ziglang.__file__).parent / "zig"
    with tempfile.NamedTemporaryFile(suffix=".zig") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([str(zig), "ast-check", file.name], capture_output=True, timeout=120)
    said = done.stderr.decode("utf-8", "replace")
    return not any(mark in said for mark in _ZIG_SYNTAX)
