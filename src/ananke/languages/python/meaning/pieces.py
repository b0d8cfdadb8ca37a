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

from ananke.analysis.judgement import Outline, Stroke

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
    rb"(?P<word>[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*(?![\"']))"
    rb"|(?P<blank>(?:[ \t\f]|\\\r*\n)+)"
    rb"|(?P<cut>\\\r*\Z)"
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


#: After these a bracket that closes makes a tuple or a slice.
_SEPARATORS = (b",", b": ")
#: Signs that where an operand is due begin something else than an operand's sign.
_AMBIGUOUS = (b"*", b"**", b"@")
#: What the strokes of words begin with.
_WORDS = (b"word ", b"rest ")
#: After these a call may have an argument too many as soon as it begins.
_ARGUMENTS = (b"(", b",")
#: What an operand may end with, so that nothing after it can become part of it.
_CLOSED = (b")", b"]", b"}", b'"."', b"...")
_COMPARISONS = (b"==", b"!=", b"<=", b">=")


def outline(piece: bytes) -> Outline:
    """What matters of `piece`."""
    return _Outliner(piece).read()


class _Outliner:
    """Reads one piece."""

    def __init__(self, piece: bytes) -> None:
        self._piece = piece
        self._at = 0
        self._strokes: list[Stroke] = []
        # After some lexemes the next bracket or sign begins an operand, and a line end is a blank.
        self._is_operand_due = False
        self._is_blank = False
        #: The brackets that the piece itself has opened: whether each is a display that holds
        #: nothing but literals and such displays.
        self._open: list[bool] = []
        #: The first sign: it may begin an operand, or a decorator's line.
        self._first = b""

    def read(self) -> Outline:
        piece = self._piece
        while self._at < len(piece):
            found = _LEXEME.match(piece, self._at)
            if found is None:
                # What no program holds stands for itself.
                self._keep(piece[self._at :], len(piece), is_neutral=False)
                return self._outline()
            self._at, kind, text = found.end(), found.lastgroup, found.group()
            match kind:
                case "word":
                    # Words matter one by one, and the first may go on in the one before.
                    begins = b"rest " if self._at == len(text) else b"word "
                    self._keep(begins + text, is_neutral=False)
                    self._holds_more()
                    self._is_operand_due = False
                case "blank":
                    self._is_blank = True
                    self._end_word()
                case "cut":
                    # The next line goes on; a blank it isn't yet, but it ends a word.
                    is_word = not self._strokes or self._strokes[-1].name[:5] in _WORDS
                    self._keep(b"\\", is_free=not is_word)
                    return self._outline(is_inert=True)
                case "comment":
                    # Outside of brackets the statement ends with it.
                    self._keep(b"#", is_neutral=False, is_free=bool(self._open))
                    if self._at == len(piece):
                        return self._outline(is_inert=True)
                case "line":
                    self._line()
                case "open_string":
                    if not self._is_operand_due:
                        # It may go on with a string before, or not; it may become three quotes.
                        self._keep(b"one quote" if self._at == len(piece) else b'"')
                    elif self._ends_with(_ARGUMENTS):
                        self._keep(b"argument", is_neutral=False)
                    return self._outline(is_inert=True)
                case "string":
                    # Two quotes may still become three.
                    is_open = self._at == len(piece) and len(text) == 2
                    is_empty = len(text) == 2 and not is_open
                    self._literal(b'""' if is_open else b'"."', closing=b" " if is_empty else b"")
                case "open":
                    self._keep(
                        b"new " + text if self._is_operand_due else text,
                        is_neutral=self._is_operand_due and not self._ends_with(_ARGUMENTS),
                    )
                    self._open.append(self._is_operand_due)
                    self._is_operand_due = True
                case "close":
                    self._close(text)
                    if text == b"}" and self._at < len(piece):
                        # After an interpolation a string goes on: the rest stands for itself.
                        self._keep(piece[self._at :], len(piece), is_neutral=False)
                        return self._outline()
                case "sign":
                    self._sign(text)
                case _:
                    self._mark(text)
        return self._outline()

    def _keep(
        self,
        name: bytes,
        end: int | None = None,
        *,
        is_neutral: bool = True,
        alike: bytes = b"",
        is_free: bool = False,
        closing: bytes = b"",
    ) -> None:
        end = self._at if end is None else end
        self._strokes.append(Stroke(name, end, is_neutral, alike, is_free, closing))

    def _end_word(self) -> None:
        """Behind a word, at the end of the piece, a blank says that it goes no further."""
        if self._at == len(self._piece) and self._strokes and self._strokes[-1].name[:5] in _WORDS:
            self._keep(b" ", is_neutral=False)

    def _holds_more(self) -> None:
        """The open brackets hold more than literals."""
        self._open = [False] * len(self._open)

    def _literal(self, name: bytes, *, closing: bytes = b"") -> None:
        # As an element of a display that may still go on it can't be wrong.
        is_free = bool(self._open) and self._open[-1]
        self._keep(name, is_neutral=False, is_free=is_free, closing=closing)
        self._is_operand_due = False

    def _ends_with(self, names: tuple[bytes, ...]) -> bool:
        return bool(self._strokes) and self._strokes[-1].name in names

    def _line(self) -> None:
        if self._open:
            # In brackets it says nothing.
            return
        if self._is_operand_due and not self._ends_with((*_SEPARATORS, b";")):
            return
        if not self._ends_with((b"\n",)):
            self._keep(b"\n", is_neutral=not self._ends_with((b",",)))
        self._is_operand_due = False

    def _close(self, text: bytes) -> None:
        is_own = bool(self._open)
        is_plain = is_own and self._open.pop()
        if text == b"}" and not self._ends_with((b"new {",)):
            # What is in a set or dictionary must have a hash.
            is_plain = False
        self._keep(
            text,
            is_neutral=not is_own and not self._ends_with((*_SEPARATORS, b"\n")),
            is_free=is_plain,
        )
        if not is_plain:
            self._holds_more()
        self._is_operand_due = False

    def _sign(self, text: bytes) -> None:
        if text == b"...":
            self._literal(text)
        elif not (self._is_operand_due and self._is_prefix(text)):
            if not self._strokes:
                self._first = text
            is_last = self._at == len(self._piece)
            binds = text[-1:] == b"=" and text not in _COMPARISONS
            # The last may still become another.
            self._keep(
                b"open " + text if is_last else _LEVELS.get(text, text),
                is_neutral=not binds
                and text != b"->"
                # Where an operand is due it spreads one, which may not stand there.
                and text[:1] != b"*"
                and not self._ends_with((b"\n", b";")),
                alike=b"sign",
                closing=b"" if is_last else b" ",
            )
            self._holds_more()
            self._is_operand_due = True

    def _is_prefix(self, sign: bytes) -> bool:
        """Whether the sign, where an operand is due, begins one that may stand there."""
        return sign in (b"+", b"-") or (
            sign in (b"*", b"**") and not self._ends_with((b":", b": "))
        )

    def _mark(self, text: bytes) -> None:
        if text == b"." and self._is_operand_due:
            # A number begins.
            self._keep(b"new .")
            self._holds_more()
            return
        if not (text == b"~" and self._is_operand_due):
            is_neutral = text == b"," or text == b":"
            if text == b";":
                is_neutral = not self._ends_with(_SEPARATORS)
            # At the end they may still become `:=` and `==`.
            is_closed = text in (b":", b"=") and self._at < len(self._piece)
            self._keep(
                text + b" " if is_closed else text,
                is_neutral=is_neutral and not self._ends_with((b"\n",)),
                is_free=text == b"." and self._ends_with(_CLOSED),
                closing=b" " if is_closed else b"",
            )
            if text != b",":
                self._holds_more()
        self._is_operand_due = text != b"."

    def _outline(self, *, is_inert: bool = False) -> Outline:
        if not self._strokes and self._is_blank:
            self._keep(b" ")
        strokes = list(self._strokes)
        due = [one.alike or one.name for one in strokes]
        if strokes and strokes[-1].name.startswith(b"new "):
            # The first word of a display may still be bound by a comprehension.
            is_inert = True
        elif self._first in _AMBIGUOUS:
            due.append(self._first)
        while strokes and strokes[-1].name.startswith(b"new ") and strokes[-1].is_neutral:
            strokes.pop()
        return Outline(tuple(strokes), tuple(due), is_inert)
