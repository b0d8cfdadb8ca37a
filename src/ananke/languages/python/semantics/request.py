"""Python's semantics as a domain sees it: programs of a state, and how its text is read."""

from __future__ import annotations

import re
from collections.abc import Hashable
from functools import cache

from ananke.analysis.formulas.semantics import Semantics, Wording
from ananke.analysis.formulas.statements import Function
from ananke.languages.python.meaning.statements import STATEMENTS
from ananke.languages.python.semantics.conditions import check_type, condition
from ananke.languages.python.semantics.expressions import column_of
from ananke.languages.python.semantics.literals import literals, read_number
from ananke.languages.python.semantics.lowering import SIMPLE, Edge, Memory, functions_of
from ananke.languages.python.semantics.operators import RULES
from ananke.parsing.grammar import Grammar
from ananke.parsing.opening import NOWHERE, Tree, open_tree
from ananke.parsing.state import ParseState

__all__ = ["SEMANTICS"]

#: A line end that closes a statement, unless it is in brackets or a string.
_LINE_END = re.compile(rb"[ \t\f]*(#[^\r\n]*)?\r?\n")
_HEADERS = frozenset(
    ["if_statement", "while_statement", "for_statement", "elif_clause", "with_statement"]
)


@cache
def _symbols(grammar: Grammar) -> tuple[bytes, int]:
    """Which symbols' finished trees are one row; the symbol of a line end."""
    names = grammar.symbol_names
    return bytes(name in STATEMENTS for name in names), names.index("_newline")


class _Text:
    """The text of a state."""

    def __init__(self, state: ParseState) -> None:
        self._text = state.text()

    def __call__(self, start: int, end: int) -> bytes:
        return self._text[start:end]


def _column(tail: bytes) -> int | None:
    """The column of the line that the tail begins, if it begins one."""
    line = tail[max(tail.rfind(b"\n"), tail.rfind(b"\r")) + 1 :]
    first = line.lstrip(b" \t\f")[:1]
    return None if first in (b"", b"#", b"\\") else column_of(line)


def programs(
    memory: Memory, parse: ParseState, *, at_end: bool = False
) -> tuple[tuple[Function, ...], ...] | None:
    """For each reading of the text its functions; None where not all readings are known."""
    prune, newline = _symbols(parse.grammar)
    tail = parse.tail
    is_line_end = at_end or _LINE_END.match(tail) is not None
    opening = open_tree(parse, prune, newline if is_line_end else None, parse.position)
    if not opening.is_complete or not opening.readings:
        return None
    text = _Text(parse)
    found: list[tuple[Function, ...]] = []
    for reading in opening.readings:
        if at_end and not reading.reads_pending and tail.strip():
            continue
        if at_end:
            edge = Edge(NOWHERE + 1, -1)
        elif is_line_end:
            edge = Edge(parse.position + 1, _column(tail))
        else:
            edge = Edge(reading.edge)
        found.append(tuple(functions_of(reading.root.children, edge, text, memory)))
    return tuple(found) or None


def stage(parse: ParseState) -> Hashable:
    """Where the last lexeme begins, and whether a line has begun in it."""
    tail = parse.tail
    if _LINE_END.match(tail) is None:
        return parse.lexeme_start
    return parse.lexeme_start, _column(tail)


def under_way(parse: ParseState) -> bytes:
    """The text of the statement that is being written, from its start."""
    prune, _ = _symbols(parse.grammar)
    start = parse.lexeme_start
    if _LINE_END.match(parse.tail) is None:
        for reading in open_tree(parse, prune).readings:
            begin = _unfinished(reading.root, reading.edge)
            start = start if begin is None else min(start, begin)
    return parse.text(start)


def outermost(parse: ParseState, start: int) -> bytes:
    """The text of the module's statement that is being written, as far as it stands at `start` or
    after it."""
    prune, _ = _symbols(parse.grammar)
    begins = [parse.lexeme_start]
    for reading in open_tree(parse, prune).readings:
        statements = [
            one.start for one in reading.root.children if one.is_present and one.kind != "comment"
        ]
        # Where the tree isn't known all of the text counts.
        begins.append(statements[-1] if statements else 0)
    return parse.text(max(start, min(begins)))


def _unfinished(tree: Tree, edge: int) -> int | None:
    """Where the innermost statement or header that may go on begins."""
    found: int | None = None
    node: Tree | None = tree
    while node is not None and node.end >= edge:
        if node.kind in SIMPLE:
            return node.start
        present = [one for one in node.children if one.is_present]
        if any(one.kind == "block" for one in present):
            found = None
        elif node.kind in _HEADERS:
            found = node.start
        node = present[-1] if present else None
    return found


SEMANTICS = Semantics(
    rules=RULES,
    begin=Memory,
    programs=programs,
    stage=stage,
    condition=condition,
    check_type=check_type,
    under_way=under_way,
    outermost=outermost,
    wording=Wording(
        ends=b"\n\r;:,#",
        line_ends=b"\n\r",
        claims=(
            b"return",
            b"assert",
            b"while",
            b"for",
            b"/",
            b"%",
            b"[",
            b"max",
            b"min",
            b"divmod",
        ),
        contract_claims=(b"return",),
    ),
    constructors=frozenset(["__init__"]),
    show=repr,
    literals=literals,
    number=read_number,
)
