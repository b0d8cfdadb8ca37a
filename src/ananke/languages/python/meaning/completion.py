"""What may finish an unfinished program: texts that are tried in turn."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ananke.languages.python.meaning.context import Program
from ananke.languages.python.meaning.lexemes import number_begun, word_begun
from ananke.languages.python.meaning.program import judge, words_due
from ananke.parsing.state import ParseState

__all__ = ["endings", "proposals"]

#: What may stand where a value is due, the first of every type; where a target or a pattern is; as
#: a member; and what may follow a value.
_VALUES = (b"NotImplemented", b"0", b"''", b"[]")
_TARGET = b"_"
_MEMBER = b"__getattribute__('')"
_GOES_ON = (b", ", b" in ", b" = ", b": ")
#: Names that go on as the word that is begun, the shortest ones.
_NAMES_TRIED = 4
_INDENTATION = re.compile(rb"\n([ \t]*)[^ \t\r\n#]")


def proposals(program: Program, state: ParseState) -> Iterator[tuple[bytes, ...]]:
    """Texts that may lead to where the program can be closed."""
    begun = word_begun(state)
    if begun:
        yield from ((one,) for one in _names(program, state, begun))
    blank = b" " if begun or number_begun(state) else b""
    yield tuple(blank + one for one in _VALUES)
    yield (blank + _TARGET,)
    yield from ((one,) for one in _GOES_ON)
    # It makes, of any value before it, one that fits anywhere.
    yield (_MEMBER if state.text(state.position - 1) == b"." else b"." + _MEMBER,)


def endings(program: Program, state: ParseState) -> Iterator[bytes]:
    """Texts that may pay what is due where the program could end but for that."""
    names = [name for name, _ in judge(program, state, at_end=True).owed]
    depths = {match.group(1) for match in _INDENTATION.finditer(state.text())}
    if names:
        for blanks in sorted(depths, key=len):
            yield (
                b"".join(b"\n%s%s = NotImplemented" % (blanks, name.encode()) for name in names)
                + b"\n"
            )
    for blanks in sorted(depths, key=len, reverse=True):
        # Where a value must be returned.
        yield b"\n" + blanks + b"raise\n"


def _names(program: Program, state: ParseState, begun: bytes) -> list[bytes]:
    """The rest of the names that may stand here and begin with `begun`."""
    start = begun.decode("utf-8", "replace")
    found = {
        name
        for reading in words_due(program, state) or ()
        for constraint in reading
        for name in constraint.names
        if name.startswith(start) and name != start
    }
    nearest = sorted(found, key=lambda name: (len(name), name))[:_NAMES_TRIED]
    return [name[len(start) :].encode() for name in nearest]
