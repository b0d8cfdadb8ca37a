"""The text that finishes a generation, searched where a user's grammar takes part.

The language's own parser knows its shortest completion; llguidance has no such question. So the
search goes over the states:

1. *Close*: step by step what tends to close, until the text may end. Where few bytes may come that
   is a bracket, then a quote, then a digit, … Where nearly any byte may come (inside a string or
   free text) it is what leads out of there: a literal of the user's grammar or a quote after which
   other bytes may come than before. It gives a completion quickly, not the least.
2. *Level by level*: all texts of one byte, of two, …, shorter than what closing gave. Of the texts
   of one length that leave the same bytes admitted one is kept, and only one byte of a kind
   (digit, lower-case letter, …) is tried: so the answer is the least up to that grouping.
3. If neither found any: level by level again, with every byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

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
    """A short text after which every state can end, or None if `steps` masks don't find one."""
    share = steps // 3
    closed = _close(states, share)
    bound = None if closed is None else len(closed)
    least = _level_by_level(states, share, bound, _one_of_a_kind)
    if closed is None and least is None:
        least = _level_by_level(states, share, None, iter)
    return closed if least is None else least


def _close(states: States, steps: int) -> bytes | None:
    text = b""
    while steps > 0:
        if all(state.can_end() for state in states):
            return text
        user = _user_of(states)
        admitted = user.first_bytes()
        pieces = sorted(admitted, key=lambda byte: (_PREFERENCE.get(byte, 99), byte))
        choices = [bytes([byte]) for byte in pieces]
        if len(admitted) == 1:
            choices.insert(0, user.forced_run() or choices[0])
        if len(admitted) >= _TEXT:
            for exit_ in (*user.literals, *_QUOTES):
                steps -= 1
                after = _advance(states, exit_)
                if after is not None and _leaves(after, admitted):
                    choices = [exit_]
                    break
            else:
                choices = [b"a", b"0", *choices]
        steps -= 1
        for choice in choices:
            after = _advance(states, choice)
            if after is not None:
                states, text = after, text + choice
                break
        else:
            return None
    return None


def _leaves(states: States, admitted: bytes) -> bool:
    """Whether other bytes may come than `admitted`, or the text may end."""
    return all(state.can_end() for state in states) or _user_of(states).first_bytes() != admitted


def _level_by_level(
    states: States, steps: int, bound: int | None, choose: Callable[[bytes], Iterator[int]]
) -> bytes | None:
    level: list[tuple[bytes, States]] = [(b"", states)]
    while level and (bound is None or len(level[0][0]) < bound):
        seen: set[bytes] = set()
        below: list[tuple[bytes, States]] = []
        for text, here in level:
            if all(state.can_end() for state in here):
                return text
        for text, here in level:
            steps -= 1
            if steps < 0:
                return None
            admitted = _user_of(here).first_bytes()
            if admitted in seen:
                continue
            seen.add(admitted)
            for byte in choose(admitted):
                after = _advance(here, bytes([byte]))
                if after is not None and len(below) < _WIDTH:
                    below.append((text + bytes([byte]), after))
        level = below
    return None


def _advance(states: States, text: bytes) -> States | None:
    advanced = [state.advance(text) for state in states]
    return None if None in advanced else tuple(state for state in advanced if state is not None)


def _user_of(states: Sequence[DomainState]) -> UserGrammarState:
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
