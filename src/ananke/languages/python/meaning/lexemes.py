"""What an unfinished text ends in: a word, a number, the start of a string, part of a sign."""

from __future__ import annotations

import keyword
import re
from itertools import product

from ananke.parsing.state import ParseState

__all__ = [
    "NUMBER",
    "STRING_PREFIXES",
    "STRING_START",
    "WORD",
    "is_cut",
    "is_line_end",
    "lexeme_of",
    "number_begun",
    "operand_words",
    "word_begun",
]

_BLANKS = re.compile(rb"(?:[ \t\f\r\n]|\\\r?\n|#[^\n]*\n)*")
WORD = re.compile(rb"[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*")
_LINE_END = re.compile(rb"(?:[ \t\f]|\\\r?\n)*(#[^\n]*)?\r*\n(?:\s|#[^\n]*\n)*\Z")

NUMBER = re.compile(rb"\.?[0-9][0-9A-Za-z_.]*")
#: The end of a text that ends inside a character.
_CUT_CHARACTER = re.compile(
    rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z"
)
#: A quote that may still become three is a string's start too.
STRING_START = re.compile(rb"[A-Za-z]{0,2}(?:\"{3}|'{3}|\"|')")

#: What may stand before a quote.
STRING_PREFIXES = frozenset(
    "".join(word)
    for letters in ("r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt")
    for word in product(*((one, one.upper()) for one in letters))
)


def operand_words(state: ParseState) -> frozenset[str]:
    """Keywords that may come here, and what may stand before a quote."""
    lexeme = lexeme_of(state.tail)
    if lexeme and not WORD.fullmatch(lexeme):
        # A sign that may go on tells only what it may become itself.
        state = state.feed(b" ") or state
    return STRING_PREFIXES.union(
        one.name for one in state.expected() if keyword.iskeyword(one.name)
    )


def word_begun(state: ParseState) -> bytes:
    """The part of a name or keyword that the text ends with."""
    lexeme = lexeme_of(state.tail)
    return lexeme if WORD.fullmatch(lexeme) else b""


def number_begun(state: ParseState) -> bool:
    """Whether the text ends in a number that may go on."""
    return NUMBER.fullmatch(lexeme_of(state.tail)) is not None


def lexeme_of(tail: bytes) -> bytes:
    """The unfinished lexeme without the blanks and comments before it."""
    found = _BLANKS.match(tail)
    assert found is not None
    return tail[found.end() :]


def is_line_end(tail: bytes) -> bool:
    """Whether it ends a line, and nothing of the next is there but blanks."""
    return _LINE_END.match(tail) is not None


def is_cut(tail: bytes) -> bool:
    """Whether it ends inside a character."""
    return _CUT_CHARACTER.search(tail) is not None
