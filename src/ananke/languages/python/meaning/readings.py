"""The readings of an unfinished text, run by the rules.

A text may have several (`match` as a name or a keyword). Each is run from the innermost place on
before which all is known: the open statement, the open block around it, or the beginning.
"""

from __future__ import annotations

import keyword
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache

from ananke.languages.python.meaning.context import Context, Program, Reached
from ananke.languages.python.meaning.expressions import infer
from ananke.languages.python.meaning.lexemes import (
    NUMBER,
    STRING_PREFIXES,
    STRING_START,
    WORD,
    is_cut,
    is_line_end,
    lexeme_of,
    operand_words,
)
from ananke.languages.python.meaning.statements import (
    ENTERED,
    PRUNED,
    run_statement,
    run_statements,
)
from ananke.languages.python.meaning.whole import run_whole
from ananke.parsing.grammar import Grammar
from ananke.parsing.opening import BEGINS, PRUNES, Opening, Reading, open_tree
from ananke.parsing.state import ParseState

__all__ = ["readings_of"]

#: Text before the last lexeme that is fetched at first.
_WINDOW = 1 << 9


class _Text:
    """The text of a state, fetched in a window that grows."""

    def __init__(self, state: ParseState) -> None:
        self._state = state
        self._from = state.position
        self._bytes = b""

    def __call__(self, start: int, end: int) -> bytes:
        while start < self._from:
            length = max(_WINDOW, 16 * len(self._bytes))
            self._from = max(0, min(start, self._state.position - length))
            self._bytes = self._state.text(self._from)
        return self._bytes[start - self._from : end - self._from]


def readings_of(
    program: Program,
    state: ParseState,
    *,
    at_end: bool = False,
    is_closed: bool = False,
    constraints: bool = False,
    offers: bool = False,
) -> Iterator[tuple[Context, Reading] | None]:
    """Each reading of the state's text, run; None where not all readings are known."""
    program.bound()
    tables = _tables(state.grammar)
    symbols, length = _pending(tables, state.tail, at_end)
    text = _Text(state)
    cut = is_cut(state.tail)
    is_read = False
    is_plain = program.trace is None and program.holes is None and program.expects is None
    prunes = tables.prunes if is_plain and not at_end else tables.prunes[-1:]
    # The lexeme is left out only where none of what it may become can be read.
    for symbol in symbols:
        if symbol is None and is_read:
            return
        openings = _Openings(state, prunes, symbol, state.position - length)
        opening = openings[0]
        if not opening.is_complete or not opening.readings:
            yield None
            return
        for at, reading in enumerate(opening.readings):
            if length and symbol is not None and not reading.reads_pending:
                continue
            is_read = True
            c = Context(
                program,
                text,
                state.position + 1 if at_end or is_closed else reading.edge,
                at_end=at_end,
                is_closed=is_closed,
                reads_pending=length > 0 and reading.reads_pending,
                follows=lambda more: cut or state.feed(more) is not None,
                words=lambda: operand_words(state),
                infer=infer,
            )
            if constraints or offers:
                c.constraints = []
            if offers:
                c.offers = []
            try:
                _run(c, openings, at)
            except RecursionError:
                # Nested deeper than can be read.
                yield None
                return
            if program.given:
                c.defects = [one for one in c.defects if one.start not in program.given]
            yield c, reading


class _Openings:
    """The openings of one text, each with wider roots than the one before, made when asked for."""

    def __init__(
        self, state: ParseState, prunes: tuple[bytes, ...], symbol: int | None, start: int
    ) -> None:
        self._state, self._prunes = state, prunes
        self._symbol, self._start = symbol, start
        self._known: list[Opening] = []

    def __getitem__(self, at: int) -> Opening:
        while len(self._known) <= at:
            prune = self._prunes[len(self._known)]
            self._known.append(open_tree(self._state, prune, self._symbol, self._start))
        return self._known[at]


def _run(c: Context, openings: _Openings, number: int) -> None:
    """Runs a reading, from the narrowest root on before which all is known; what is learnt of the
    narrower ones is kept."""
    entrances = c.program.entrances
    unknown: list[Reading] = []
    while True:
        reading = openings[len(unknown)].readings[number]
        entrance = entrances.get(reading.before) if reading.before else None
        if entrance is not None or not reading.before:
            break
        unknown.append(reading)
    if unknown:
        c.entrances, c.open_end = {}, reading.edge
    with suppress(Reached):
        if entrance is not None:
            c.resume(entrance)
            run_statement(c, reading.root)
        elif c.program.expects is None:
            run_statements(c, reading.root.pieces)
        else:
            run_whole(c, reading.root.pieces, c.program.expects)
    for one in unknown:
        found = (c.entrances or {}).get(one.root.start)
        if found is not None:
            entrances[one.before] = found


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    """What of a grammar's symbols is needed: those that are read pending, and which are pruned.

    `prunes`: with open statements as roots, with open blocks, with none.
    """

    prunes: tuple[bytes, bytes, bytes]
    identifier: int
    newline: int
    integer: int
    ellipsis: int
    string_start: int
    signs: tuple[tuple[bytes, int], ...]
    words: tuple[tuple[bytes, int], ...]


@cache
def _tables(grammar: Grammar) -> _Tables:
    names = grammar.symbol_names
    signs = [
        (name.encode(), at)
        for at, name in enumerate(names[: grammar.terminal_count])
        if name and not name[0].isalpha() and name[0] != "_"
    ]
    all_pruned = [PRUNES * (name in PRUNED) for name in names]

    def rooted(kinds: Collection[str]) -> bytes:
        return bytes(
            flags + BEGINS * (name in kinds) for name, flags in zip(names, all_pruned, strict=True)
        )

    return _Tables(
        prunes=(rooted(ENTERED), rooted(("block",)), rooted(())),
        identifier=names.index("identifier"),
        newline=names.index("_newline"),
        integer=names.index("integer"),
        ellipsis=names.index("ellipsis"),
        string_start=names.index("string_start"),
        signs=tuple(signs),
        words=tuple((word.encode(), names.index(word)) for word in keyword.kwlist if word in names),
    )


@lru_cache(maxsize=4096)
def _pending(tables: _Tables, tail: bytes, at_end: bool) -> tuple[tuple[int | None, ...], int]:
    """What the unfinished lexeme that `tail` holds may become, and how long it is so far; None: it
    is left out.

    A word is read as a name where one may stand, else as what it may become: a string, keywords.
    """
    lexeme = lexeme_of(tail)
    if lexeme and not at_end:
        if WORD.fullmatch(lexeme):
            words = [at for word, at in tables.words if word.startswith(lexeme)]
            if lexeme.decode("latin-1") in STRING_PREFIXES:
                words.insert(0, tables.string_start)
            return (tables.identifier, *words, None), len(lexeme)
        if NUMBER.fullmatch(lexeme):
            return (tables.integer, None), len(lexeme)
        if STRING_START.fullmatch(lexeme):
            return (tables.string_start, None), len(lexeme)
        if lexeme == b"..":
            return (tables.ellipsis, None), len(lexeme)
        longer = tuple(at for sign, at in tables.signs if sign.startswith(lexeme))
        if longer:
            return (*longer, None), len(lexeme)
    return (tables.newline if at_end or is_line_end(tail) else None,), 0
