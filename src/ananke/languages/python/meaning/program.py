"""Judging a text: what is surely wrong with it, whatever comes next.

    judgement = judge(program, state)
    judgement.defects       # of the reading that has the fewest; empty: something valid may follow
    judgement.owed          # names that must still be bound before the text ends

A text may have several readings (`match` as a name or a keyword); it is wrong if all of them are.
"""

from __future__ import annotations

import keyword
from itertools import islice, pairwise

from ananke.analysis.judgement import Constraint, Inert, Judgement, Offer, Position
from ananke.analysis.types import Unknown, show
from ananke.languages.python.meaning.context import Context, Program
from ananke.languages.python.meaning.lexemes import STRING_START, lexeme_of, word_begun
from ananke.languages.python.meaning.likeness import likeness
from ananke.languages.python.meaning.readings import readings_of
from ananke.languages.python.meaning.trees import open_path
from ananke.parsing.opening import NOWHERE, Reading, Tree
from ananke.parsing.state import ParseState

__all__ = [
    "INERTS",
    "is_settled",
    "judge",
    "offers",
    "position",
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
    elif b"#" in state.tail and _in_comment(state):
        # Where its line ends is all that may follow.
        state = state.feed(b"\n") or state
    best = _best_reading(program, state, at_end=at_end)
    if best is None:
        return Judgement(())
    c, _ = best
    return Judgement(tuple(c.defects), tuple(c.scope.owed.items()), c.scope)


def _in_comment(state: ParseState) -> bool:
    lexeme = lexeme_of(state.tail)
    return lexeme.startswith(b"#") and b"\n" not in lexeme


def position(program: Program, state: ParseState) -> Position:
    """Where the text ends, by the reading that has the fewest defects."""
    first = list(islice(readings_of(program, state), 2))
    only = first[0] if len(first) == 1 else None
    best = _best_reading(program, state) if only is None else only
    if best is None:
        return Position()
    inert = _inert(best[0], best[1].root, state.tail)
    if inert is None or only is None or program.expects is not None:
        return Position(inert)
    return Position(inert, likeness(*best, state, inert))


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
    if b"\n" in tail and (not lexeme or lexeme[:1] == b"#"):
        # The line that begins may close blocks.
        return False
    if keyword.iskeyword(lexeme.decode("latin-1")):
        # A keyword is not what it seems.
        return False
    if program.expects is not None and not tail.strip() and not state.text().strip():
        # What begins here may be no expression.
        return False
    for one in readings_of(program, state, is_closed=True):
        if one is None or one[0].defects:
            return False
        if any(tree.kind == "as_pattern_target" for tree in open_path(one[1].root)):
            # With an operator after it, it is none.
            return False
    return True


def words_due(program: Program, state: ParseState) -> tuple[tuple[Constraint, ...], ...] | None:
    """What a word that begins (or goes on) here must become, for each reading that has no defect:
    it must satisfy all constraints of one reading. None: no name may stand here.

    A word that stands for all others is put there and read.
    """
    after = state.feed(_ANY_WORD)
    if after is None:
        return None
    found: dict[tuple[Constraint, ...], None] = {}
    for one in readings_of(program, after, constraints=True):
        if one is None:
            return ((),)
        c, _ = one
        if c.defects:
            continue
        assert c.constraints is not None
        if not c.constraints:
            return ((),)
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
    start = None
    path = open_path(root)
    for node, last in pairwise(path):
        if node.kind == "string":
            first = next(one for one in node.pieces if one.start != NOWHERE)
            start = None if last.kind == "string_end" else c.text(first).encode()
        elif node.kind == "interpolation" and last.kind != "}":
            start = None
    return start
