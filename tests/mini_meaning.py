"""A second language for the interface of meaning: names alone, over the grammar of Zig.

What is declared in a block or a parameter list may be used after it, in its block; what the module
declares may be used by its other declarations in any order, and by functions after it. `break`
stands in a loop. A dozen tables and functions are all that the domain needs; nothing is assumed of
what it can't know (a member, a field), and no piece of text is said to be like another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from ananke.analysis.defects import Defect, Domain
from ananke.analysis.judgement import (
    Constraint,
    Inert,
    Judgement,
    Meaning,
    Offer,
    Outline,
    Position,
    Stroke,
    Surroundings,
)
from ananke.analysis.scopes import Entry, Owed, Scope
from ananke.analysis.types import UNKNOWN
from ananke.parsing.opening import Reading, Tree, open_tree
from ananke.parsing.state import ParseState

__all__ = ["MINI"]

_STARTS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
_WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(rb"(?:^|[^A-Za-z0-9_])[0-9][A-Za-z0-9_.]*\Z")
#: Strings, characters and comments, finished or not.
_INERT = re.compile(rb'"(?:\\.|[^"\\\n])*(?P<s>"|\Z)|\'(?:\\.|[^\'\\\n])*(?P<c>\'|\Z)|//[^\n]*')
_LEXEME = re.compile(rb"[A-Za-z_0-9]+|\s+|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"?|'[^'\n]*'?|.", re.S)

#: Where a name is declared: the kind of its parent, and the field that it fills there.
_DECLARES = {"variable_declaration": "", "function_declaration": "name", "parameter": "name"}
#: Fields in which a name is no use of what is in scope.
_ELSEWHERE = {"field_expression": "member", "container_field": "name", "enum_literal": ""}
_BLOCKS = frozenset({"block", "function_declaration"})
_LOOPS = frozenset({"while_statement", "for_statement", "while_expression", "for_expression"})


@dataclass(frozen=True)
class Program:
    """What all texts of a request share: which domains judge, and where defects are given."""

    domains: frozenset[Domain]
    forgiven: frozenset[int] = frozenset()


@dataclass
class _Reader:
    """One reading of one text."""

    text: bytes
    edge: int
    reads_pending: bool
    scopes: list[dict[str, Entry]] = field(default_factory=lambda: [{}])
    defects: list[Defect] = field(default_factory=list)
    owed: dict[str, Owed] = field(default_factory=dict)
    due: list[Constraint] = field(default_factory=list)
    loops: int = 0

    def read(self, tree: Tree, parent: Tree | None = None) -> None:
        if not tree.is_present:
            return
        if tree.kind == "identifier":
            self._name(tree, parent)
        elif tree.kind == "break_expression" and not self.loops:
            self._report(Domain.CONTROLFLOW, "`break` outside a loop", tree)
        opens = tree.kind in _BLOCKS
        if tree.kind == "function_declaration" and (name := tree.child("name")) is not None:
            self._declare(name)
        if opens:
            self.scopes.append({})
        self.loops += tree.kind in _LOOPS
        declared = self._declared(tree)
        for one in tree.children:
            if one is not declared:
                self.read(one, tree)
        if declared is not None and tree.kind != "function_declaration":
            self._declare(declared)
        self.loops -= tree.kind in _LOOPS
        # What the text ends in stays open.
        if opens and tree.end < self.edge:
            self.scopes.pop()

    def names(self) -> set[str]:
        return {name for scope in self.scopes for name in scope}

    def _declared(self, tree: Tree) -> Tree | None:
        wanted = _DECLARES.get(tree.kind)
        if wanted is None:
            return None
        names = [one for one in tree.children if one.kind == "identifier" and one.field == wanted]
        return names[0] if names else None

    def _declare(self, tree: Tree) -> None:
        if tree.is_present and tree.end < self.edge:
            name = self._word(tree)
            self.scopes[-1][name] = Entry(UNKNOWN)
            self.owed.pop(name, None)

    def _name(self, tree: Tree, parent: Tree | None) -> None:
        if parent is not None and _ELSEWHERE.get(parent.kind) == tree.field:
            return
        word, names = self._word(tree), self.names()
        is_module = len(self.scopes) == 1
        if self.reads_pending and tree.end == self.edge:
            if not is_module:
                self.due.append(Constraint(frozenset(names), is_operand=True))
        elif word not in names and is_module:
            self.owed.setdefault(word, Owed(tree.start, tree.end))
        elif word not in names:
            near = tuple(sorted(one for one in names if one[:1] == word[:1]))
            self._report(Domain.TYPES, f"`{word}` is not declared", tree, near)

    def _word(self, tree: Tree) -> str:
        return self.text[tree.start : tree.end].decode()

    def _report(
        self, domain: Domain, message: str, tree: Tree, admitted: tuple[str, ...] = ()
    ) -> None:
        self.defects.append(Defect(domain, message, tree.start, min(tree.end, self.edge), admitted))


def _read(parse: ParseState) -> Iterator[_Reader | None]:
    """Each reading; the word that the text ends in is read as a name."""
    names = parse.grammar.symbol_names
    begun = word_begun(parse)
    symbol = names.index("_identifier") if begun else None
    opening = open_tree(parse, bytes(len(names)), symbol, parse.position - len(begun))
    if not opening.is_complete or not opening.readings:
        yield None
        return
    reading: Reading
    for reading in opening.readings:
        reader = _Reader(parse.text(), reading.edge, bool(begun) and reading.reads_pending)
        reader.read(reading.root)
        yield reader


def judge(program: Program, parse: ParseState, *, at_end: bool = False) -> Judgement:
    best: Judgement | None = None
    for one in _read((parse.feed(b"\n") or parse) if at_end else parse):
        if one is None:
            return Judgement(())
        words = _words(parse)
        defects = [*one.defects]
        for constraint in one.due:
            begun = word_begun(parse).decode()
            if not any(word.startswith(begun) for word in (*constraint.names, *words)):
                place = parse.position - len(begun)
                message = f"no name begins with `{begun}`"
                defects.append(Defect(Domain.TYPES, message, place, parse.position))
        held = tuple(
            each
            for each in defects
            if each.domain in program.domains and each.start not in program.forgiven
        )
        if best is None or len(held) < len(best.defects):
            names = {name: entry for scope in one.scopes for name, entry in scope.items()}
            best = Judgement(held, tuple(one.owed.items()), Scope("module", names=names))
    return best or Judgement(())


def words_due(program: Program, parse: ParseState) -> tuple[tuple[Constraint, ...], ...] | None:
    after = parse.feed(b"q")
    if after is None or Domain.TYPES not in program.domains:
        return None
    found: list[tuple[Constraint, ...]] = []
    for one in _read(after):
        if one is None or not one.due:
            return None
        if not one.defects:
            found.append(tuple(one.due))
    return tuple(found)


def offers(program: Program, parse: ParseState) -> tuple[Offer, ...]:
    due = words_due(program, parse) or ()
    names = {name for one in due for constraint in one for name in constraint.names}
    return tuple(Offer("names", name, None) for name in sorted(names))


def word_begun(parse: ParseState) -> bytes:
    lexeme = parse.tail.lstrip()
    return lexeme if _WORD.fullmatch(lexeme) else b""


def position(program: Program, parse: ParseState) -> Position:
    del program
    return Position(_inert(parse))


def _inert(parse: ParseState) -> Inert | None:
    last = max(_INERT.finditer(parse.text()), key=lambda one: one.start(), default=None)
    if last is None or last.end() != parse.position:
        return None
    if last[0].startswith(b"//"):
        return Inert((b"\n",))
    if last["s"] or last["c"]:
        return None
    is_escaped = (len(last[0]) - len(last[0].rstrip(b"\\"))) % 2 == 1
    return Inert((last[0][:1],), 0, is_escaped)


def outline(piece: bytes) -> Outline:
    lexemes = _LEXEME.finditer(piece)
    strokes = [Stroke(one[0], one.end(), is_neutral=False) for one in lexemes]
    ends = strokes[-1].name if strokes else b""
    is_open = ends.startswith(b"//") or (ends[:1] in (b'"', b"'") and ends[-1:] != ends[:1])
    return Outline(tuple(strokes), piece, is_open)


def _words(parse: ParseState) -> frozenset[str]:
    return frozenset(one.name for one in parse.expected() if one.name.isalpha())


def _nothing(program: Program, parse: ParseState, last: ParseState) -> Iterable[bytes]:
    del program, parse, last
    return ()


def _begin(surroundings: Surroundings) -> Program:
    return Program(surroundings.domains)


MINI = Meaning(
    name_start=_STARTS,
    name_bytes=_STARTS + b"0123456789",
    inerts=(),
    turning=(),
    begin=_begin,
    forgive=lambda program, starts: replace(program, forgiven=program.forgiven | starts),
    trial=lambda program: nullcontext(),
    judge=judge,
    is_settled=lambda program, parse: False,
    position=position,
    words_due=words_due,
    offers=offers,
    operand_words=_words,
    word_begun=word_begun,
    number_begun=lambda parse: _NUMBER.search(parse.text()[-80:]) is not None,
    outline=outline,
    wrong_around=lambda program, before, after: frozenset(),
    proposals=lambda program, parse: (),
    endings=_nothing,
)
