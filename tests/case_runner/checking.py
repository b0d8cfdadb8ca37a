"""Whether an engine holds what a case claims, mark by mark."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.case_runner.engine import State, Terminal
from tests.case_runner.reading import Block, CaseError, Mark

__all__ = ["Answer", "Walk", "check_marks", "spell_expected", "walk_program"]

_LISTED = re.compile(r"(`+).*?\1|[^\s,]+")


@dataclass(frozen=True)
class Answer:
    """A stored answer that no longer holds, and what should stand in its place."""

    mark: Mark
    listed: str


@dataclass(frozen=True)
class Walk:
    """The states along a program: `states[i]` is that after `i` bytes, to its end or to the place
    where it is rejected."""

    states: tuple[State, ...]

    @property
    def last(self) -> State:
        return self.states[-1]


def walk_program(block: Block, start: State) -> Walk:
    """Feeds the program byte by byte, to where it is rejected.

    Raises:
        CaseError: a byte is dead that no `rejects` marks, or the marked character is live.
    """
    rejected = block.rejected
    stop = len(block.program) if rejected is None else rejected.offset
    states = [start]
    for at in range(stop):
        after = states[-1].feed(block.program[at : at + 1])
        if after is None:
            raise CaseError(block.line, f"the program is dead at {_place(block.program, at)}")
        states.append(after)
    if rejected is not None:
        character = _character(block.program, stop)
        if states[-1].feed(character) is not None:
            raise CaseError(rejected.line, f"rejects: {_place(block.program, stop)} is live")
    return Walk(tuple(states))


def check_marks(block: Block, walk: Walk) -> list[Answer]:
    """Checks the fence words and all marks.

    Returns:
        the stored answers that differ from what the engine says.

    Raises:
        CaseError: a claim does not hold.
    """
    ends = walk.last.can_end()
    if "complete" in block.words and not ends:
        raise CaseError(block.line, "complete: the program may not end here")
    if "partial" in block.words and ends:
        raise CaseError(block.line, "partial: the program may end here")
    return [
        answer for mark in block.marks for answer in _check_mark(mark, walk.states[mark.offset])
    ]


def _check_mark(mark: Mark, state: State) -> Iterator[Answer]:
    if mark.verb == "ends" and not state.can_end():
        raise CaseError(mark.line, "ends: the program may not end here")
    if mark.verb == "unfinished" and state.can_end():
        raise CaseError(mark.line, "unfinished: the program may end here")
    for text in mark.texts:
        dead = _dead_at(state, text)
        if mark.verb == "allows" and dead is not None:
            raise CaseError(mark.line, f"allows: dead at {_place(text, dead)}")
        if mark.verb == "rejects":
            _check_rejected(mark, text, dead)
    if mark.verb == "expects":
        listed = spell_expected(mark.listed, state.expected())
        if listed != mark.listed:
            yield Answer(mark, listed)


def _check_rejected(mark: Mark, text: bytes, dead: int | None) -> None:
    if dead is None:
        raise CaseError(mark.line, f"rejects: {text.decode()!r} is live")
    last = len(text.decode()[:-1].encode())
    if dead < last:
        raise CaseError(
            mark.line,
            f"rejects: {text.decode()!r} is dead before its last character, at "
            f"{_place(text, dead)}; shorten it to there",
        )


def _dead_at(state: State, text: bytes) -> int | None:
    """The offset of the first byte of `text` that is dead, or None."""
    for at in range(len(text)):
        after = state.feed(text[at : at + 1])
        if after is None:
            return at
        state = after
    return None


def spell_expected(stored: str, terminals: Sequence[Terminal]) -> str:
    """The list that `expects` should say, in the form of the stored one.

    Kinds stand bare and first, spellings in back-quotes. A list that ends in `...` is open: it
    keeps of what it names what is still expected. `(nothing)` is the empty list.
    """
    spelt = [_spell(terminal) for terminal in terminals]
    words = sorted(dict.fromkeys(spelt), key=lambda word: (word.startswith("`"), word))
    if stored.endswith("..."):
        named = [found[0] for found in _LISTED.finditer(stored.removesuffix("..."))]
        return ", ".join([*(word for word in named if word in words), "..."])
    return ", ".join(words) or "(nothing)"


def _spell(terminal: Terminal) -> str:
    if terminal.named:
        return terminal.name
    name = terminal.name.replace("\n", "␊").replace("\t", "␉").replace("\r", "␍")
    return f"`` {name} ``" if "`" in name else f"`{name}`"


def _character(text: bytes, at: int) -> bytes:
    """The whole character that begins at byte `at`."""
    return text[at:].decode()[:1].encode()


def _place(text: bytes, at: int) -> str:
    line = text.count(b"\n", 0, at) + 1
    begin = text.rfind(b"\n", 0, at) + 1
    column = len(text[begin:at].decode(errors="replace")) + 1
    return f"{text[at : at + 12]!r} (line {line}, column {column})"
