"""Python's semantics as a domain sees it: programs of a state, and how its text is read."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cache

from ananke.analysis.formulas.semantics import Inside, Semantics, UnderWay, Wording
from ananke.analysis.formulas.statements import Function
from ananke.languages.python.meaning.statements import ENTERED, PRUNED, STATEMENTS
from ananke.languages.python.semantics.conditions import check_type, condition
from ananke.languages.python.semantics.expressions import column_of
from ananke.languages.python.semantics.literals import literals, read_number
from ananke.languages.python.semantics.lowering import SIMPLE, Edge, Memory, functions_of
from ananke.languages.python.semantics.operators import RULES
from ananke.parsing.grammar import Grammar
from ananke.parsing.opening import BEGINS, NOWHERE, PRUNES, Opening, Tree, open_tree
from ananke.parsing.state import ParseState

__all__ = ["SEMANTICS"]

#: A line end that closes a statement, unless it is in brackets or a string.
_LINE_END = re.compile(rb"[ \t\f]*(#[^\r\n]*)?\r?\n")
_HEADERS = frozenset(
    ["if_statement", "while_statement", "for_statement", "elif_clause", "with_statement"]
)
#: What may end a statement, by its kind: a line end, a semicolon, a comment; of an assertion what
#: it claims ends before its message.
_LINE_ENDS = b"\n\r"
_SIMPLE_ENDS = b"\n\r;#"
_ASSERT_ENDS = b"\n\r;#,"
_HEADER_ENDS = b":"
_ENDS = b"\n\r;:,#"
_QUOTES = b"\"'"
_OPENING = ("(", "[", "{")
_CLOSING = (b")", b"]", b"}")
_OF_STRINGS = frozenset(["string_start", "string_content"])
#: A string on one line.
_STRING = re.compile(rb"\"[^\"\n]*\"|'[^'\n]*'")
#: With these in a text, quotes alone don't tell where its strings end, or claims are in strings.
_INTRICATE = re.compile(rb"\\|\"\"\"|'''|[fFtT][rR]?[\"']")


#: Statements and parts of them that hold statements.
_HOLDERS = frozenset(
    [
        "module",
        "block",
        "if_statement",
        "while_statement",
        "for_statement",
        "elif_clause",
        "else_clause",
        "function_definition",
        "class_definition",
        "decorated_definition",
    ]
)


@dataclass(frozen=True, slots=True)
class _Tables:
    """Of a grammar's symbols: which are read as one row where they are finished, for a whole text
    and for the innermost open statement; the line end."""

    whole: bytes
    innermost: bytes
    newline: int


@cache
def _tables(grammar: Grammar) -> _Tables:
    names = grammar.symbol_names
    return _Tables(
        bytes(name in STATEMENTS for name in names),
        bytes(PRUNES * (name in PRUNED) + BEGINS * (name in ENTERED) for name in names),
        names.index("_newline"),
    )


def _open(parse: ParseState, prune: bytes, *, at_end: bool = False) -> tuple[Opening, bool]:
    """The readings of a text, and whether its last lexeme is read as a line end."""
    if at_end or _LINE_END.match(parse.tail) is not None:
        newline = _tables(parse.grammar).newline
        found = open_tree(parse, prune, newline, parse.position)
        if found.readings or at_end:
            return found, True
    # Not at a line end, or at one in brackets or after a line without a statement.
    return open_tree(parse, prune), False


class _Text:
    """The text of a state."""

    def __init__(self, state: ParseState) -> None:
        self._text = state.text()

    def __call__(self, start: int, end: int) -> bytes:
        return self._text[start:end]


def _last_line(tail: bytes) -> bytes:
    return tail[max(tail.rfind(b"\n"), tail.rfind(b"\r")) + 1 :]


def _column(tail: bytes) -> int | None:
    """The column of the line that the tail begins, if it begins one."""
    line = _last_line(tail)
    first = line.lstrip(b" \t\f")[:1]
    return None if first in (b"", b"#", b"\\") else column_of(line)


def programs(
    memory: Memory, parse: ParseState, *, at_end: bool = False
) -> tuple[tuple[Function, ...], ...] | None:
    """For each reading of the text its functions; None where not all readings are known."""
    tail = parse.tail
    opening, is_line_end = _open(parse, _tables(parse.grammar).whole, at_end=at_end)
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


def final(parse: ParseState) -> Hashable | None:
    """What of the text is final: all before the innermost open statement by one name, and of that
    statement the parts that are."""
    opening, is_line_end = _open(parse, _tables(parse.grammar).innermost)
    if not opening.is_complete or len(opening.readings) != 1:
        return None
    reading = opening.readings[0]
    edge = parse.position + 1 if is_line_end else reading.edge
    return reading.before, is_line_end and _column(parse.tail), _mark(reading.root, edge)


def _mark(tree: Tree, edge: int) -> Hashable:
    """What is final of a tree."""
    if tree.identity:
        return tree.identity if tree.end < edge else 0
    if tree.kind not in _HOLDERS and tree.kind != "assert_statement":
        return 0
    return tree.kind, tuple(_mark(one, edge) for one in tree.pieces if one.is_present)


def under_way(parse: ParseState) -> UnderWay:
    """The statement or the header that is being written; from the last lexeme on if there is none,
    or none is known."""
    opening, is_line_end = _open(parse, _tables(parse.grammar).innermost)
    if is_line_end:
        line = _last_line(parse.tail).lstrip(b" \t\f")
        if line.startswith(b"#"):
            return UnderWay(b"", _LINE_ENDS, Inside.COMMENT)
        return UnderWay(line, _ENDS)
    readings = opening.readings
    found = [_unfinished(reading.root, reading.edge) for reading in readings]
    starts = [one.start for one in found if one is not None]
    text = parse.text(min([parse.lexeme_start, *starts]))
    if not _INTRICATE.search(text):
        text = _STRING.sub(b"''", text)
    if parse.tail.lstrip(b" \t\f").startswith(b"#"):
        return UnderWay(text, _LINE_ENDS, Inside.COMMENT)
    if len(found) != 1 or found[0] is None:
        return UnderWay(text, _ENDS)
    tree = found[0]
    ends = _SIMPLE_ENDS if tree.kind in SIMPLE else _HEADER_ENDS
    if tree.kind == "assert_statement":
        ends = _ASSERT_ENDS
    is_string = _ends_in_string(tree, readings[0].edge) and not set(parse.tail) & set(_QUOTES)
    inside = Inside.STRING if is_string else Inside.NOTHING
    closed = sum(parse.tail.count(one) for one in _CLOSING)
    return UnderWay(text, ends, inside, max(0, _depth(tree, readings[0].edge) - closed))


def _ends_in_string(tree: Tree, edge: int) -> bool:
    """Whether the last lexeme of a tree is a string's, which goes on."""
    inside = False
    for node in _spine(tree, edge):
        last = next((one for one in reversed(node.pieces) if one.is_present), None)
        if node.kind == "string":
            inside = last is not None and last.kind in _OF_STRINGS
    return inside


def _depth(tree: Tree, edge: int) -> int:
    """Brackets of a tree that are open."""
    found = 0
    for node in _spine(tree, edge):
        kinds = [one.kind for one in node.pieces if one.is_present]
        opened = sum(one in kinds for one in _OPENING)
        closed = sum(one.decode() in kinds for one in _CLOSING)
        found += max(0, opened - closed)
    return found


def _spine(tree: Tree, edge: int) -> Iterator[Tree]:
    """A tree and its last parts that may go on."""
    node: Tree | None = tree
    while node is not None and node.end >= edge:
        yield node
        node = next((one for one in reversed(node.pieces) if one.is_present), None)


def _unfinished(tree: Tree, edge: int) -> Tree | None:
    """The innermost statement or header that may go on."""
    found: Tree | None = None
    node: Tree | None = tree
    while node is not None and node.end >= edge:
        if node.kind in SIMPLE:
            return node
        present = [one for one in node.pieces if one.is_present]
        if any(one.kind == "block" for one in present):
            found = None
        elif node.kind in _HEADERS:
            found = node
        node = present[-1] if present else None
    return found


SEMANTICS = Semantics(
    rules=RULES,
    begin=Memory,
    programs=programs,
    stage=stage,
    final=final,
    condition=condition,
    check_type=check_type,
    under_way=under_way,
    wording=Wording(
        ends=_ENDS,
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
        contract_claims=(b"return", b"while", b"for"),
        operand_claims=(b"[",),
    ),
    constructors=frozenset(["__init__"]),
    show=repr,
    literals=literals,
    number=read_number,
)
