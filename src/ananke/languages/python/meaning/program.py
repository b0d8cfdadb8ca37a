"""Judging a text: what is surely wrong with it, whatever comes next.

    judgement = judge(program, state)
    judgement.defects       # of the reading that has the fewest; empty: something valid may follow
    judgement.owed          # names that must still be bound before the text ends

A text may have several readings (`match` as a name or a keyword); it is wrong if all of them are.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product

from ananke.analysis.judgement import Constraint, Inert, Judgement, Offer
from ananke.analysis.types import Unknown, show
from ananke.languages.python.meaning.context import Context, Program, Reached
from ananke.languages.python.meaning.expressions import infer
from ananke.languages.python.meaning.statements import (
    ENTERED,
    PRUNED,
    run_statement,
    run_statements,
)
from ananke.languages.python.meaning.whole import run_whole
from ananke.parsing.grammar import Grammar
from ananke.parsing.opening import BEGINS, NOWHERE, PRUNES, Opening, Reading, Tree, open_tree
from ananke.parsing.state import ParseState

__all__ = [
    "INERTS",
    "inert",
    "is_settled",
    "judge",
    "number_begun",
    "offers",
    "operand_words",
    "word_begun",
    "words_due",
]

_BLANKS = re.compile(rb"(?:[ \t\f\r\n]|\\\r?\n)*")
_WORD = re.compile(rb"[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*")
_LINE_END = re.compile(rb"[ \t\f]*(#[^\n]*)?\r*\n\s*\Z")

_NUMBER = re.compile(rb"\.?[0-9][0-9A-Za-z_.]*")
#: The end of a text that ends inside a character.
_CUT_CHARACTER = re.compile(
    rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z"
)
#: A quote that may still become three is a string's start too.
_STRING_START = re.compile(rb"[A-Za-z]{0,2}(?:\"{3}|'{3}|\"|')")
_PREFIX_LETTERS = b"rRbBuUfFtT"

#: What may stand before a quote.
STRING_PREFIXES = frozenset(
    "".join(word)
    for letters in ("r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt")
    for word in product(*((one, one.upper()) for one in letters))
)

_COMMENT = Inert((b"\n", b"\r"))
_QUOTES = (b'"', b"'", b'"""', b"'''")
#: Comments, and strings in which nothing is escaped and no quote begun.
INERTS = (
    _COMMENT,
    *(Inert((quote,)) for quote in _QUOTES),
    *(Inert((quote, b"{", b"}")) for quote in _QUOTES),
)
#: No keyword begins so, and no string's prefix.
_ANY_WORD = b"q"
#: A statement of the module's that says nothing.
_CLOSING = b"\npass\n"
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


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    """What of a grammar's symbols is needed: those that are read pending, and which are pruned.

    `prunes`: with open statements as roots, with open blocks, with none.
    """

    prunes: tuple[bytes, bytes, bytes]
    identifier: int
    newline: int
    integer: int
    string_start: int
    signs: tuple[tuple[bytes, int], ...]


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
        string_start=names.index("string_start"),
        signs=tuple(signs),
    )


@lru_cache(maxsize=4096)
def _pending(tables: _Tables, tail: bytes, at_end: bool) -> tuple[tuple[int | None, ...], int]:
    """What the unfinished lexeme that `tail` holds may become, and how long it is so far; None: it
    is left out.

    A word is read as a name: keywords are judged when they are closed.
    """
    lexeme = _lexeme(tail)
    if lexeme and not at_end:
        if _WORD.fullmatch(lexeme):
            return (tables.identifier, None), len(lexeme)
        if _NUMBER.fullmatch(lexeme):
            return (tables.integer, None), len(lexeme)
        if _STRING_START.fullmatch(lexeme):
            return (tables.string_start, None), len(lexeme)
        longer = tuple(at for sign, at in tables.signs if sign.startswith(lexeme))
        if longer:
            return (*longer, None), len(lexeme)
    return (tables.newline if at_end or _LINE_END.match(tail) else None,), 0


def judge(program: Program, state: ParseState, *, at_end: bool = False) -> Judgement:
    """What is wrong with the state's text.

    Args:
        at_end: the text ends here; nothing can grow any more.
    """
    if at_end:
        # What the text ends in is finished, the blocks that are open in it too.
        state = (program.expects is None and state.feed(_CLOSING)) or state.feed(b"\n") or state
    best = _best_reading(program, state, at_end=at_end)
    if best is None:
        return Judgement(())
    c, _ = best
    return Judgement(tuple(c.defects), tuple(c.scope.owed.items()), c.scope)


def inert(program: Program, state: ParseState) -> Inert | None:
    """The string or comment that the text ends in, by the reading that has the fewest defects."""
    best = _best_reading(program, state)
    return None if best is None else _inert(best[0], best[1].root, state.tail)


def _best_reading(
    program: Program, state: ParseState, *, at_end: bool = False
) -> tuple[Context, Reading] | None:
    """The reading that has the fewest defects; None where not all are known."""
    best: tuple[Context, Reading] | None = None
    for one in _readings(program, state, at_end=at_end):
        if one is None:
            return None
        if best is None or len(one[0].defects) < len(best[0].defects):
            best = one
        if not one[0].defects:
            break
    return best


def is_settled(program: Program, state: ParseState) -> bool:
    """Whether nothing can be wrong as long as only brackets and statements are closed that are
    open here, operands separated, and operators written."""
    tail = state.tail
    lexeme = _lexeme(tail)
    if b"\n" in tail[: len(tail) - len(lexeme)] or keyword.iskeyword(lexeme.decode("latin-1")):
        # The line that begins may close blocks; a keyword is not what it seems.
        return False
    if program.expects is not None and not tail.strip() and not state.text().strip():
        # What begins here may be no expression.
        return False
    for one in _readings(program, state, is_closed=True):
        if one is None or one[0].defects:
            return False
    return True


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
    for one in _readings(program, after, constraints=True):
        if one is None:
            return None
        c, _ = one
        if c.defects:
            continue
        assert c.constraints is not None
        if not c.constraints:
            return None
        found[tuple(dict.fromkeys(c.constraints))] = None
    return tuple(found)


def offers(program: Program, state: ParseState) -> tuple[Offer, ...]:
    """The names that a word which begins or goes on here could be, by all readings."""
    begun = word_begun(state).decode("utf-8", "ignore")
    after = state.feed(_ANY_WORD)
    found: dict[tuple[str, str], str | None] = {}
    for one in () if after is None else _readings(program, after, offers=True):
        if one is None or one[0].defects:
            continue
        for group, names, type_of in one[0].offers or ():
            for name in names:
                # What is private is offered only where it is begun.
                if not name.startswith(begun) or (not begun and name.startswith("_")):
                    continue
                type_ = type_of(name)
                shown = None if type_ is None or isinstance(type_, Unknown) else show(type_)
                found.setdefault((group, name), shown)
    ordered = sorted(found.items(), key=lambda entry: (entry[0][1].startswith("_"), entry[0]))
    return tuple(Offer(group, name, shown) for (group, name), shown in ordered)


def _readings(
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
    is_cut = _CUT_CHARACTER.search(state.tail) is not None
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
                follows=lambda more: is_cut or state.feed(more) is not None,
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
            run_statements(c, reading.root.children)
        else:
            run_whole(c, reading.root.children, c.program.expects)
    for one in unknown:
        found = (c.entrances or {}).get(one.root.start)
        if found is not None:
            entrances[one.before] = found


def operand_words(state: ParseState) -> frozenset[str]:
    """Keywords that may come here, and what may stand before a quote."""
    lexeme = _lexeme(state.tail)
    if lexeme and not _WORD.fullmatch(lexeme):
        # A sign that may go on tells only what it may become itself.
        state = state.feed(b" ") or state
    return STRING_PREFIXES.union(
        one.name for one in state.expected() if keyword.iskeyword(one.name)
    )


def word_begun(state: ParseState) -> bytes:
    """The part of a name or keyword that the text ends with."""
    lexeme = _lexeme(state.tail)
    return lexeme if _WORD.fullmatch(lexeme) else b""


def number_begun(state: ParseState) -> bool:
    """Whether the text ends in a number that may go on."""
    return _NUMBER.fullmatch(_lexeme(state.tail)) is not None


def _lexeme(tail: bytes) -> bytes:
    """The unfinished lexeme without the blanks before it."""
    found = _BLANKS.match(tail)
    assert found is not None
    return tail[found.end() :]


def _inert(c: Context, root: Tree, tail: bytes) -> Inert | None:
    """The string or comment that the text ends in."""
    start = _open_string(root, c)
    if start is None:
        start, tail = _lexeme(tail), b""
        if _STRING_START.fullmatch(start) is None:
            return _COMMENT if start.startswith(b"#") and b"\n" not in start else None
    quote = start.lstrip(_PREFIX_LETTERS)
    is_format = bool(start[: -len(quote)].lower().strip(b"rbu"))
    return Inert(
        (quote, b"{", b"}") if is_format else (quote,),
        0 if len(quote) == 1 else len(tail) - len(tail.rstrip(quote[:1])),
        (len(tail) - len(tail.rstrip(b"\\"))) % 2 == 1,
    )


def _open_string(root: Tree, c: Context) -> bytes | None:
    """The prefix and quotes of the string that is open at the end of the text."""
    node, start = root, None
    # Finished trees have an identity.
    while not node.identity:
        present = [one for one in node.children if one.start != NOWHERE]
        if not present:
            break
        if node.kind == "string":
            start = None if present[-1].kind == "string_end" else c.text(present[0]).encode()
        elif node.kind == "interpolation":
            start = None
        node = present[-1]
    return start
