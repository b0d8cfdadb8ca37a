"""Judging a text: what is surely wrong with it, whatever comes next.

    judgement = judge(program, state)
    judgement.defects       # of the reading that has the fewest; empty: something valid may follow
    judgement.owed          # names that must still be bound before the text ends

A text may have several readings (`match` as a name or a keyword); it is wrong if all of them are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

from ananke.analysis.defects import Defect
from ananke.analysis.scopes import Owed, Scope
from ananke.languages.python.meaning.context import Constraint, Context, Program
from ananke.languages.python.meaning.expressions import infer
from ananke.languages.python.meaning.statements import PRUNED, run_statements
from ananke.parsing.grammar import Grammar
from ananke.parsing.opening import open_tree
from ananke.parsing.state import ParseState

__all__ = ["Judgement", "judge", "words_due"]

_WORD = re.compile(rb"[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*\Z")
_LINE_END = re.compile(rb"[ \t\f]*(#[^\n]*)?\r?\n\s*\Z")

#: No keyword begins so, and no string's prefix.
_ANY_WORD = b"q"
#: Finished statements remembered before all are forgotten.
_REMEMBERED = 50_000
#: Text before the last lexeme that is fetched at first.
_WINDOW = 1 << 10


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of a text. `scope` is the module's, or None where it could not be read."""

    defects: tuple[Defect, ...]
    owed: tuple[tuple[str, Owed], ...] = ()
    scope: Scope | None = None


class _Text:
    """The text of a state, fetched in a window that grows."""

    def __init__(self, state: ParseState) -> None:
        self._state = state
        self._from = max(0, state.position - _WINDOW)
        self._bytes = state.text(self._from)

    def __call__(self, start: int, end: int) -> bytes:
        while start < self._from:
            self._from = max(0, min(start, self._state.position - 16 * len(self._bytes)))
            self._bytes = self._state.text(self._from)
        return self._bytes[start - self._from : end - self._from]


@cache
def _tables(grammar: Grammar) -> tuple[bytes, int, int]:
    """Which symbols are pruned; the symbols of identifiers and of line ends."""
    names = grammar.symbol_names
    prune = bytes(name in PRUNED for name in names)
    return prune, names.index("identifier"), names.index("_newline")


def judge(program: Program, state: ParseState, *, at_end: bool = False) -> Judgement:
    """What is wrong with the state's text.

    Args:
        at_end: the text ends here; nothing can grow any more.
    """
    best: Judgement | None = None
    for c in _readings(program, state, at_end=at_end):
        if best is None or len(c.defects) < len(best.defects):
            owed = tuple((name, one) for name, one in c.scope.owed.items())
            best = Judgement(tuple(c.defects), owed, c.scope)
        if not c.defects:
            break
    return Judgement(()) if best is None else best


def words_due(program: Program, state: ParseState) -> tuple[tuple[Constraint, ...], ...] | None:
    """What a word that begins (or goes on) here must become, for each reading that has no defect:
    it must satisfy all constraints of one reading. None: nothing is asked.

    A word that stands for all others is put there and read.
    """
    after = state.feed(_ANY_WORD)
    if after is None:
        # No name may stand here; which keywords may is the grammar's business.
        return None
    found: dict[tuple[Constraint, ...], None] = {}
    is_read = False
    for c in _readings(program, after, constraints=True):
        is_read = True
        if c.defects:
            continue
        assert c.constraints is not None
        if not c.constraints:
            return None
        found[tuple(dict.fromkeys(c.constraints))] = None
    return tuple(found) if is_read else None


def _readings(
    program: Program, state: ParseState, *, at_end: bool = False, constraints: bool = False
) -> Iterator[Context]:
    """Each reading of the state's text, run; none where the readings aren't all known."""
    if len(program.memo) > _REMEMBERED:
        program.memo.clear()
        program.entered.clear()
    prune, identifier, newline = _tables(state.grammar)
    tail = state.tail
    word = _WORD.search(tail)
    start = state.position
    symbol: int | None = None
    if word is not None and not tail[: word.start()].strip():
        symbol, start = identifier, state.position - len(word.group())
    elif _LINE_END.match(tail) or at_end:
        symbol = newline
    opening = open_tree(state, prune, symbol, start)
    if not opening.is_complete:
        return
    text = _Text(state)
    for reading in opening.readings:
        c = Context(
            program,
            text,
            state.position + 1 if at_end else reading.edge,
            reads_pending=symbol == identifier and reading.reads_pending and not at_end,
            follows=lambda more: state.feed(more) is not None,
            words=lambda: (one.name for one in state.expected()),
        )
        if constraints:
            c.constraints = []
        c.infer = partial(infer, c)
        run_statements(c, reading.root.children)
        yield c
