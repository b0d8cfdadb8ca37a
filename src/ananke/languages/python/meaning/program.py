"""Judging a text: what is surely wrong with it, whatever comes next.

    judgement = judge(program, state)
    judgement.defects       # of the reading that has the fewest; empty: something valid may follow
    judgement.owed          # names that must still be bound before the text ends

A text may have several readings (`match` as a name or a keyword); it is wrong if all of them are.
"""

from __future__ import annotations

import keyword

from ananke.analysis.judgement import Constraint, Inert, Judgement, Offer
from ananke.analysis.types import Unknown, show
from ananke.languages.python.meaning.context import Context, Program
from ananke.languages.python.meaning.lexemes import STRING_START, lexeme_of, word_begun
from ananke.languages.python.meaning.readings import readings_of
from ananke.parsing.opening import NOWHERE, Reading, Tree
from ananke.parsing.state import ParseState

__all__ = [
    "INERTS",
    "inert",
    "is_settled",
    "judge",
    "offers",
    "words_due",
]


_COMMENT = Inert((b"\n", b"\r"))
_QUOTES = (b'"', b"'", b'"""', b"'''")
#: Comments, and strings in which nothing is escaped and no quote begun.
INERTS = (
    _COMMENT,
    *(Inert((quote,)) for quote in _QUOTES),
    *(Inert((quote, b"{", b"}")) for quote in _QUOTES),
)
_PREFIX_LETTERS = b"rRbBuUfFtT"
#: No keyword begins so, and no string's prefix.
_ANY_WORD = b"q"
#: A statement of the module's that says nothing.
_CLOSING = b"\npass\n"


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
    for one in readings_of(program, state, at_end=at_end):
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
    lexeme = lexeme_of(tail)
    if b"\n" in tail[: len(tail) - len(lexeme)] or keyword.iskeyword(lexeme.decode("latin-1")):
        # The line that begins may close blocks; a keyword is not what it seems.
        return False
    if program.expects is not None and not tail.strip() and not state.text().strip():
        # What begins here may be no expression.
        return False
    for one in readings_of(program, state, is_closed=True):
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
    for one in readings_of(program, after, constraints=True):
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
    for one in () if after is None else readings_of(program, after, offers=True):
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


def _inert(c: Context, root: Tree, tail: bytes) -> Inert | None:
    """The string or comment that the text ends in."""
    start = _open_string(root, c)
    if start is None:
        start, tail = lexeme_of(tail), b""
        if STRING_START.fullmatch(start) is None:
            return _COMMENT if start.startswith(b"#") and b"\n" not in start else None
    quote = start.lstrip(_PREFIX_LETTERS)
    if not quote:
        # A prefix may still be a word.
        return None
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
        present = [one for one in node.pieces if one.start != NOWHERE]
        if not present:
            break
        if node.kind == "string":
            start = None if present[-1].kind == "string_end" else c.text(present[0]).encode()
        elif node.kind == "interpolation":
            start = None
        node = present[-1]
    return start
