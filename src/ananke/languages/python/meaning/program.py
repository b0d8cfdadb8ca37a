"""Judging a text: what is surely wrong with it, whatever comes next.

    judgement = judge(program, state)
    judgement.defects       # of the reading that has the fewest; empty: something valid may follow
    judgement.owed          # names that must still be bound before the text ends

A text may have several readings (`match` as a name or a keyword); it is wrong if all of them are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, partial

from ananke.analysis.defects import Defect
from ananke.analysis.scopes import Owed, Scope
from ananke.languages.python.meaning.context import Context, Program
from ananke.languages.python.meaning.expressions import infer
from ananke.languages.python.meaning.statements import PRUNED, run_statements
from ananke.parsing.grammar import Grammar
from ananke.parsing.opening import Reading, open_tree
from ananke.parsing.state import ParseState

__all__ = ["Judgement", "judge"]

_WORD = re.compile(rb"[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*\Z")
_LINE_END = re.compile(rb"[ \t\f]*(#[^\n]*)?\r?\n\s*\Z")

#: Finished statements remembered before all are forgotten.
_REMEMBERED = 50_000
#: Text before the last lexeme that is fetched at once.
_WINDOW = 1 << 16


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
        if start < self._from:
            self._from = 0
            self._bytes = self._state.text(0)
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
    if not opening.readings or not opening.is_complete:
        return Judgement(())
    text = _Text(state)
    best: Judgement | None = None
    for reading in opening.readings:
        found = _read(program, state, reading, text, symbol == identifier, at_end)
        if best is None or len(found.defects) < len(best.defects):
            best = found
        if not found.defects:
            break
    assert best is not None
    return best


def _read(
    program: Program,
    state: ParseState,
    reading: Reading,
    text: _Text,
    is_word: bool,
    at_end: bool,
) -> Judgement:
    edge = state.position + 1 if at_end else reading.edge

    def words() -> Iterable[str]:
        return (one.name for one in state.expected())

    def follows(more: bytes) -> bool:
        return state.feed(more) is not None

    c = Context(
        program,
        text,
        edge,
        reads_pending=is_word and reading.reads_pending and not at_end,
        follows=follows,
        words=words,
    )
    c.infer = partial(infer, c)
    run_statements(c, reading.root.children)
    owed = tuple((name, one) for name, one in c.scope.owed.items())
    return Judgement(tuple(c.defects), owed, c.scope)
