"""Given text that the grammar can't parse though it is there: what is read instead.

A grammar lags behind its compiler, so a text that is given may hold a construct that it lacks. The
parse then takes up again behind the statement or member in which it was lost, as if that were not
there. Such a *stretch* is reported as unmodelled; nothing is known of what it says.

    let a = b ?.5 : c;     the grammar has no `?` before a number: lost at `5`
    let d = a +            here the parse goes on, as after nothing

A stretch begins where something on the parse stack begins a line or follows a brace or semicolon:
of those places the innermost that will do. It ends behind the place where the parse was lost, where
all brackets are closed that it has opened, at a line's end that may end a statement or where the
construct around it closes. What follows must be viable, for as far as `_LOOK`; where nothing is,
to the end of its first line, for it may hold the next stretch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ananke.parsing.state import ParseState

__all__ = ["Reading", "Stretch", "furthest", "read_given"]

#: Bytes behind a stretch that must be viable for it to be the right one.
_LOOK = 600
#: Beginnings and ends that are tried for one stretch.
_BEGINNINGS, _ENDS = 12, 40
#: Stretches of one text; with more it is another language's.
_MOST = 32
#: Bytes fed at a time while looking for the place where a text goes wrong.
_STRIDE = 4096

_OPENING, _CLOSING = b"([{", b")]}"
_QUOTES = b"\"'`"
#: What stands before a beginning on the same line.
_SEPARATORS = b"{};"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of a given text that were left out, from `start` to before `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A given text as far as it was read.

    Attributes:
        state: after what was read, the stretches left out.
        taken: bytes of the text that were read or left out; all of them if it is viable so.
        stretches: what was left out, in order.
    """

    state: ParseState
    taken: int
    stretches: tuple[Stretch, ...] = ()


def furthest(state: ParseState, text: bytes, stride: int = _STRIDE) -> tuple[ParseState, int]:
    """The state after the longest viable beginning of `text`, and that beginning's length."""
    taken = 0
    while taken < len(text):
        after = state.feed(text[taken : taken + stride])
        if after is not None:
            state, taken = after, min(taken + stride, len(text))
        elif stride > 1:
            stride //= 8
        else:
            break
    return state, taken


def read_given(start: ParseState, text: bytes, first: int = 0) -> Reading:
    """Reads a given text after `start`, and leaves out what the grammar can't parse.

    Args:
        first: no stretch begins before this byte of the text.
    """
    state, taken = furthest(start, text)
    stretches: list[Stretch] = []
    known = _Kept(start, text)
    while taken < len(text):
        found = _stretch(known, state, taken, first)
        if found is None or len(stretches) == _MOST:
            return Reading(state, taken, tuple(stretches))
        while stretches and stretches[-1].end > found.start:
            # An earlier one was within this construct.
            found = Stretch(min(stretches.pop().start, found.start), found.end)
        stretches.append(found)
        known = known.without(found)
        before = known.until(found.start)
        assert before is not None, "the beginning of a viable text is viable"
        state, more = furthest(before, text[found.end :])
        taken = found.end + more
    return Reading(state, taken, tuple(stretches))


@dataclass(frozen=True)
class _Kept:
    """A text with stretches left out of it, read from `start` on."""

    start: ParseState
    text: bytes
    stretches: tuple[Stretch, ...] = ()

    def without(self, stretch: Stretch) -> _Kept:
        others = tuple(one for one in self.stretches if one.end <= stretch.start)
        return _Kept(self.start, self.text, (*others, stretch))

    def until(self, end: int) -> ParseState | None:
        """The state after what is kept of the text's first bytes."""
        state: ParseState | None = self.start
        at = 0
        for stretch in (*self.stretches, Stretch(end, end)):
            if state is not None:
                state = state.feed(self.text[at : min(stretch.start, end)])
            at = stretch.end
        return state

    def place(self, position: int) -> int:
        """Where in the text a position of the parse is."""
        at = position - self.start.position
        for stretch in self.stretches:
            if stretch.start < at:
                at += stretch.end - stretch.start
        return at


def _stretch(known: _Kept, state: ParseState, lost: int, first: int) -> Stretch | None:
    """What to leave out where no text goes on: `state` is the last one, `lost` the place."""
    text = known.text
    nearest: Stretch | None = None
    for beginning in _beginnings(known, state, first):
        before = known.until(beginning)
        if before is None:
            continue
        for end in _ends(text, beginning, lost):
            if before.feed(text[end : end + _LOOK]) is not None:
                return Stretch(beginning, end)
            if nearest is None and before.feed(text[end : _line_end(text, end)]) is not None:
                nearest = Stretch(beginning, end)
    return nearest


def _line_end(text: bytes, at: int) -> int:
    """The end of the first line from `at` on that isn't blank."""
    while at < len(text) and text[at : at + 1].isspace():
        at += 1
    found = text.find(b"\n", at)
    return len(text) if found < 0 else found + 1


def _beginnings(known: _Kept, state: ParseState, first: int) -> Iterator[int]:
    """Where the constructs that are open begin a statement, the innermost first."""
    tried: set[int] = set()
    text = known.text
    starts = (state.lexeme_start, *(node.start for node in reversed(state.stack())))
    for position in starts:
        at = known.place(position)
        if at < 0 or at >= len(text):
            continue
        while at < len(text) and text[at : at + 1].isspace():
            at += 1
        line = text.rfind(b"\n", 0, at) + 1
        before = text[line:at].strip()
        if not before:
            at = line
        elif before[-1] not in _SEPARATORS:
            continue
        if at >= first and at not in tried:
            tried.add(at)
            yield at
            if len(tried) == _BEGINNINGS:
                return


def _ends(text: bytes, beginning: int, lost: int) -> Iterator[int]:
    """Where what begins at `beginning` may end, behind the place where the parse was lost."""
    depth, found = 0, 0
    at = beginning
    while at < len(text) and found < _ENDS:
        byte = text[at]
        if byte in _QUOTES:
            at = _past_string(text, at)
            continue
        if byte in _OPENING:
            depth += 1
        elif byte in _CLOSING:
            if depth == 0:
                if at > lost:
                    yield at
                return
            depth -= 1
        elif byte == ord("\n") and depth == 0 and at >= lost and _may_end(text[beginning:at]):
            found += 1
            yield at + 1
        at += 1


def _past_string(text: bytes, at: int) -> int:
    """Behind the string that the quote at `at` begins, or behind the quote if it ends on no
    line's place (it may be an apostrophe)."""
    quote, end = text[at], at + 1
    while end < len(text) and text[end] != ord("\n"):
        if text[end] == ord("\\"):
            end += 1
        elif text[end] == quote:
            return end + 1
        end += 1
    return at + 1


def _may_end(statement: bytes) -> bool:
    """Whether a line that ends so may be a statement's last: no sign asks for more."""
    last = statement.rstrip()[-1:]
    return bool(last) and (last.isalnum() or last in b"_,;)]}\"'`?!" or last >= b"\x80")
