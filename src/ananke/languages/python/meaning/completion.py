"""What may finish an unfinished program: texts that are tried in turn."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ananke.analysis.defects import Defect
from ananke.languages.python.meaning.context import Program
from ananke.languages.python.meaning.lexemes import lexeme_of, number_begun, word_begun
from ananke.languages.python.meaning.program import judge, words_due
from ananke.parsing.state import ParseState

__all__ = ["UNDEFINED", "endings", "missing_member", "proposals"]

#: What may stand where a value is due, the first of every type; where a target or a pattern is; as
#: a member; and what may follow a value.
_VALUES = (b"NotImplemented", b"0", b"''", b"[]")
_TARGET = b"_"
_MEMBER = b"__dict__['']"
_GOES_ON = (
    (b", NotImplemented", b", "),
    (b" in NotImplemented",),
    (b" = NotImplemented",),
    (b": ",),
)
#: Names that go on as the word that is begun, the shortest ones.
_NAMES_TRIED = 4
#: Behind a dot that is no number's: blanks, comments, line ends.
_MEMBER_DUE = re.compile(rb"(?<![0-9])\.(?:[\s\\]|#[^\n]*\n)*\Z|\d\s+\.\s*\Z")
#: Bytes before the cursor that are looked at.
_WINDOW = 1 << 13
_INDENTATION = re.compile(rb"\n([ \t]*)[^ \t\r\n#]")
#: What defects say of names and members.
UNDEFINED = re.compile(r"`(\w+)` is not defined")
_LACKING = re.compile(r"has no attribute `(\w+)`")


def proposals(program: Program, state: ParseState) -> Iterator[tuple[bytes, ...]]:
    """Texts that may lead to where the program can be closed."""
    written = state.text(max(0, state.position - _WINDOW))
    if lexeme_of(state.tail).startswith(b"#") and not state.tail.endswith(b"\n"):
        yield (b"\n",)
        return
    begun = word_begun(state)
    if not begun and _MEMBER_DUE.search(written):
        yield (_MEMBER,)
        return
    if begun and not written.endswith(_VALUES):
        yield from ((one,) for one in _names(program, state, begun))
    blank = b" " if begun or number_begun(state) else b""
    yield (*(blank + one for one in _VALUES), blank + _TARGET)
    clause = _comprehension(program, state)
    for more in _GOES_ON if clause is None else (*_GOES_ON, (clause,)):
        # Twice is no better than once, but for arguments.
        if more[0].startswith(b",") or not written.endswith(more[0]):
            yield more
    # It makes, of any value before it, one that fits anywhere.
    if not written.endswith(_MEMBER):
        yield (b"." + _MEMBER, b" ." + _MEMBER)


def endings(program: Program, state: ParseState, last: ParseState) -> Iterator[bytes]:
    """Texts that may pay what is due where the program could end but for that: bindings of names
    and members, and an end without a value, as deep as any block around. `last` is the state after
    the text that comes after the cursor."""
    judgement = judge(program, last, at_end=True)
    targets = [name for name, _ in judgement.owed]
    whole, text = last.text(), state.text()
    members = (missing_member(one, whole) for one in judgement.defects)
    targets += [one for one in members if one is not None]
    lines = [f"{target} = NotImplemented".encode() for target in dict.fromkeys(targets)]
    found = _INDENTATION.findall(b"\n" + text)
    depths = {one for one in found if len(one) <= len(found[-1])} if found else set[bytes]()
    for more in (lines, [*lines, b"raise"]):
        for blanks in sorted(depths, key=len):
            if more:
                yield b"".join(b"\n%s%s" % (blanks, line) for line in more) + b"\n"


def missing_member(defect: Defect, text: bytes) -> str | None:
    """The member that the receiver lacks, which any method may still assign; None if something else
    is wrong."""
    told = _LACKING.search(defect.message)
    is_own = told is not None and text[: defect.start].endswith(b"self.")
    return f"self.{told.group(1)}" if told is not None and is_own else None


def _comprehension(program: Program, state: ParseState) -> bytes | None:
    """A clause that binds the names without which the innermost bracket can't be closed."""
    closing = state.shortest_completion()
    after = state.feed(closing[:1]) if closing else None
    found = () if after is None else judge(program, after).defects
    told = [UNDEFINED.search(one.message) for one in found]
    names = dict.fromkeys(one.group(1) for one in told if one is not None)
    return f" for {', '.join(names)} in NotImplemented".encode() if names else None


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
