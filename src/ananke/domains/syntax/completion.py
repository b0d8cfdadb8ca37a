"""The text that finishes a generation, searched where a user's grammar takes part.

The language's own parser knows its shortest completion; llguidance has no such question. So the
search goes over the states:

1. *Close*: step by step what tends to close, until the text may end. Where few bytes may come that
   is a bracket, then a quote, then a digit, … Where nearly any byte may come (inside a string or
   free text) it is what leads out of there: a literal of the user's grammar or a quote after which
   other bytes may come than before. It gives a completion quickly, not the least.
2. *Level by level*: all texts of one byte, of two, …, shorter than what closing gave. Of the texts
   of one length with the same `ahead()` one is kept, and only one byte of a kind
   (digit, lower-case letter, …) is tried: so the answer is the least up to that grouping.
3. If neither found any: level by level again, with every byte.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from enum import Enum

from ananke.domains.state import DomainState
from ananke.domains.syntax.user_grammar import UserGrammarState

States = tuple[DomainState, ...]

#: What closes first. Bytes not named follow in the order of their values.
_CLOSING = b"}])>\"'`;0a"
_PREFERENCE = {byte: at for at, byte in enumerate(_CLOSING)}
#: Blanks come last: most grammars allow any number of them.
_PREFERENCE |= dict.fromkeys(b" \t\r\n", 1000)

#: What leads out of text in which nearly any byte may come.
_QUOTES = (b'"', b"'", b"`", b"\n")

#: From so many admitted bytes on, the place counts as inside a text.
_TEXT = 64

#: Texts kept of one length.
_WIDTH = 256


def search_completion(states: States, steps: int) -> bytes | None:
    """A short text after which every state can end, or None if `steps` states don't show one."""
    closed = _close(states, _Budget(steps // 2))
    bound = None if closed is None else len(closed)
    least = _level_by_level(states, _Budget(steps // 4), bound, _one_of_a_kind)
    if closed is None and least is None:
        least = _level_by_level(states, _Budget(steps // 4), None, iter)
    return closed if least is None else least


class Exhausted(Enum):
    """What a search through all texts has shown."""

    SOME_TEXT = "some text ends"
    NO_TEXT = "no text ends, however long"
    NOTHING = "the search's bound came first"


def search_exhaustively(states: States, steps: int) -> Exhausted:
    """Goes through all texts, byte by byte and depth first, as long as `steps` states last.

    It comes to an end where the grammars have few texts in common, which is where they may have
    none. One of the states is a user's grammar.
    """
    waiting = [states]
    while waiting:
        here = waiting.pop()
        if _can_end(here):
            return Exhausted.SOME_TEXT
        for byte in _user_of(here).first_bytes():
            if steps <= 0:
                return Exhausted.NOTHING
            steps -= 1
            after = [state.advance(bytes([byte])) for state in here]
            if None not in after:
                waiting.append(tuple(state for state in after if state is not None))
    return Exhausted.NO_TEXT


class _Budget:
    """How many more states a search may compute."""

    def __init__(self, states: int) -> None:
        self.left = states

    def advance(self, states: States, text: bytes) -> States | None:
        """The states after `text`, or None if one of them refuses it."""
        self.left -= 1
        advanced = [state.advance(text) for state in states]
        return None if None in advanced else tuple(state for state in advanced if state is not None)


def _close(states: States, budget: _Budget) -> bytes | None:
    text = b""
    for step in itertools.count():
        if budget.left <= 0:
            return None
        if _can_end(states):
            return text
        # The language's own search costs most by far, and most where it finds nothing.
        for state in states if step in (0, 4, 32) else ():
            own = state.shortest_completion()
            after = None if own is None else budget.advance(states, own)
            if own is not None and after is not None and _can_end(after):
                return text + own
        for choice in _closing_choices(states, budget):
            after = budget.advance(states, choice)
            if after is not None:
                states, text = after, text + choice
                break
        else:
            return None
    raise AssertionError("unreachable: itertools.count() never ends")


def _closing_choices(states: States, budget: _Budget) -> list[bytes]:
    """What may come next, the likeliest to close first."""
    user = _user_of(states)
    admitted = user.first_bytes()
    ranked = sorted(admitted, key=lambda byte: (_PREFERENCE.get(byte, 99), byte))
    choices = [bytes([byte]) for byte in ranked]
    if len(admitted) == 1:
        return [user.forced_run() or choices[0], *choices]
    if len(admitted) < _TEXT:
        return choices
    for way_out in (*user.literals, *_QUOTES):
        after = budget.advance(states, way_out)
        if after is not None and (_can_end(after) or _user_of(after).first_bytes() != admitted):
            return [way_out]
    return [b"a", b"0", *choices]


def _level_by_level(
    states: States, budget: _Budget, bound: int | None, choose: Callable[[bytes], Iterator[int]]
) -> bytes | None:
    level: list[tuple[bytes, States]] = [(b"", states)]
    while level and (bound is None or len(level[0][0]) < bound):
        for text, here in level:
            if _can_end(here):
                return text
        seen: set[tuple[object, ...]] = set()
        below: list[tuple[bytes, States]] = []
        for text, here in level:
            ahead = tuple(state.ahead() for state in here)
            if ahead in seen:
                continue
            seen.add(ahead)
            for byte in choose(_user_of(here).first_bytes()):
                if budget.left <= 0:
                    return None
                after = budget.advance(here, bytes([byte]))
                if after is not None and len(below) < _WIDTH:
                    below.append((text + bytes([byte]), after))
        level = below
    return None


def _can_end(states: States) -> bool:
    return all(state.can_end() for state in states)


def _user_of(states: States) -> UserGrammarState:
    return next(state for state in states if isinstance(state, UserGrammarState))


def _one_of_a_kind(admitted: bytes) -> Iterator[int]:
    """Every punctuation byte; the first digit, lower-case and upper-case letter, blank, other."""
    kinds: set[str] = set()
    for byte in admitted:
        char = chr(byte)
        if byte >= 128:
            kind = "wide"
        elif char.isalnum():
            kind = "digit" if char.isdigit() else "lower" if char.islower() else "upper"
        else:
            kind = "blank" if char in " \t\r\n" else "control" if byte < 32 else char
        if kind not in kinds:
            kinds.add(kind)
            yield byte
