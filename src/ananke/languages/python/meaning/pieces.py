"""Pieces of punctuation, as tokens hold them: what of them matters to meaning.

A token such as `)]:` or ` +=` closes and finishes something; another such as `, ["` only opens
what comes. Pieces that finish the same are judged alike, so one stands for all:

    ` + `  `-`  `+("`      the operand before is finished, for a sum
    `)`    `) `            a call is closed
    `):\n`                 and the header's line ended

Kept are closing brackets, brackets after an operand (a call, an index), separators, line ends and
what level of operators follows an operand. Dropped are blanks, and what is opened at the end.
"""

from __future__ import annotations

import re

from ananke.analysis.judgement import Outline

__all__ = ["outline"]

#: Operators by how tightly they bind: those of one level finish the same operands.
_LEVELS: dict[bytes, bytes] = {
    sign: signs[0]
    for signs in (
        (b"**",),
        (b"*", b"/", b"//", b"%", b"@"),
        (b"+", b"-"),
        (b"<<", b">>"),
        (b"&",),
        (b"^",),
        (b"|",),
        (b"==", b"!=", b"<", b">", b"<=", b">="),
        (
            b"+=",
            b"-=",
            b"*=",
            b"/=",
            b"//=",
            b"%=",
            b"@=",
            b"&=",
            b"|=",
            b"^=",
            b">>=",
            b"<<=",
            b"**=",
        ),
    )
    for sign in signs
}
_LEXEME = re.compile(
    rb"(?P<blank>(?:[ \t\f]|\\\r*(?:\n|\Z))+)"
    rb"|(?P<line>(?:\r*\n[ \t\f]*)+\r*)"
    rb"|(?P<comment>#[^\n]*)"
    rb"|(?P<string>\"{3}.*?\"{3}|'{3}.*?'{3}|\"(?!\"\")[^\"\n\\]*\"|'(?!'')[^'\n\\]*')"
    rb"|(?P<open_string>\"|')"
    rb"|(?P<open>[(\[{])"
    rb"|(?P<close>[)\]}])"
    rb"|(?P<sign>\*\*=|//=|>>=|<<=|\.\.\.|[-+*/%@&|^<>=!:]=|->|\*\*|//|<<|>>|[-+*/%@&|^<>])"
    rb"|(?P<mark>[,;:=.~])",
    re.DOTALL,
)


def outline(piece: bytes) -> Outline:
    """What matters of `piece`, which holds no byte of a name."""
    kept: list[bytes] = []
    at = 0
    # After these the next bracket or sign begins an operand, and a line end is a blank.
    is_operand_due = False
    is_blank = False
    first = b""
    while at < len(piece):
        found = _LEXEME.match(piece, at)
        if found is None:
            # What no program holds stands for itself.
            return Outline(piece, piece)
        at, kind, text = found.end(), found.lastgroup, found.group()
        is_last = at == len(piece)
        match kind:
            case "blank":
                is_blank = True
            case "comment":
                is_blank = True
                if is_last:
                    return _outline(kept, first, is_blank, is_inert=True)
            case "line":
                if is_operand_due and kept[-1] not in (b",", b":", b";"):
                    continue
                if kept[-1:] != [b"\n"]:
                    kept.append(b"\n")
                is_operand_due = False
            case "open_string":
                if not is_operand_due:
                    # It may go on with a string before, or not; it may become three quotes.
                    kept.append(b"one quote" if is_last else b'"')
                return _outline(kept, first, is_blank, is_inert=True)
            case "string":
                # Two quotes may still become three.
                kept.append(b'""' if is_last and len(text) == 2 else b'"."')
                is_operand_due = False
            case "open":
                kept.append(b"new " + text if is_operand_due else text)
                is_operand_due = True
            case "close":
                kept.append(text)
                is_operand_due = False
                if text == b"}":
                    # After an interpolation a string goes on: the rest stands for itself.
                    kept.append(piece[at:])
                    break
            case "sign":
                if text == b"...":
                    kept.append(text)
                    is_operand_due = False
                elif not (is_operand_due and text in (b"+", b"-", b"*", b"**")):
                    # The first may begin an operand, or a decorator's line.
                    first = first or (b"" if kept else text)
                    # The last may still become another.
                    kept.append(text if is_last else _LEVELS.get(text, text))
                    is_operand_due = True
            case _:
                if not (text == b"~" and is_operand_due):
                    kept.append(text)
                is_operand_due = text != b"."
    return _outline(kept, first, is_blank)


def _outline(kept: list[bytes], first: bytes, is_blank: bool, *, is_inert: bool = False) -> Outline:
    if not kept and is_blank:
        kept = [b" "]
    due = (first, *kept)
    while kept and kept[-1].startswith(b"new "):
        kept.pop()
    return Outline((first == b"@", *kept), due, is_inert)
