"""What holds for every program, whatever its case claims.

All laws are asked at the marked places and at the end (or where the program is rejected).
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.case_runner.checking import Walk
from tests.case_runner.engine import Engine, NotAdmitted, State, Steps
from tests.case_runner.reading import Block, CaseError

__all__ = ["check_laws"]

#: Cuts into tokens that are tried, besides the one by bytes.
_CUTS = 3

#: Places of one program at which masks are compared with feeding, besides the last one.
_PLACES = 2


def check_laws(block: Block, walk: Walk, engine: Engine) -> None:
    """Checks all laws on one program.

    Raises:
        CaseError: a law is broken; the message begins with the law.
    """
    chance = random.Random(block.program)
    for offset in _places(block, walk, chance):
        state = walk.states[offset]
        try:
            admitted = engine.admitted(state)
            _mask_equals_feeding(engine, state, admitted)
            _refusal_changes_nothing(engine, state, admitted)
            _cuts_agree(block.program[:offset], engine, state, chance)
            _completion_completes(state)
        except _BrokenError as broken:
            text = block.program[:offset][-60:]
            raise CaseError(block.line, f"{broken} (after {text!r})") from None
    try:
        _session_agrees(block.program[: len(walk.states) - 1], engine, walk.last, chance)
    except _BrokenError as broken:
        raise CaseError(block.line, str(broken)) from None


class _BrokenError(Exception):
    """A law and how it is broken."""


def _places(block: Block, walk: Walk, chance: random.Random) -> list[int]:
    marked = {mark.offset for mark in block.marks}
    last = len(walk.states) - 1
    others = sorted(marked - {last})
    return [*sorted(chance.sample(others, min(_PLACES, len(others)))), last]


def _mask_equals_feeding(engine: Engine, state: State, admitted: frozenset[int]) -> None:
    vocabulary = engine.vocabulary
    eos = frozenset(vocabulary.eos)
    for token in range(vocabulary.size):
        text = vocabulary.token_bytes(token)
        fed = bool(text) and state.feed(text) is not None
        if token in eos:
            fed = state.can_end()
        if fed != (token in admitted):
            words = "feeds" if fed else "does not feed"
            bit = "set" if token in admitted else "clear"
            name = "EOS" if token in eos else repr(text)
            raise _BrokenError(f"mask equals feeding: {name} {words}, its bit is {bit}")


def _refusal_changes_nothing(engine: Engine, state: State, admitted: frozenset[int]) -> None:
    # The law above has just fed every token to this state, the refused ones too.
    if engine.admitted(state) != admitted:
        raise _BrokenError("feeding leaves the state alone: its mask is another one now")


def _cuts_agree(text: bytes, engine: Engine, state: State, chance: random.Random) -> None:
    ends, admitted = state.can_end(), engine.admitted(state)
    for cut in _cuts(text, engine, chance):
        other: State | None = engine.start()
        for piece in cut:
            other = other.feed(piece) if other is not None else None
        where = f"cut as {_spell(cut)}"
        if other is None:
            raise _BrokenError(f"the cut does not matter: dead when {where}")
        if other.can_end() != ends:
            raise _BrokenError(f"the cut does not matter: may end or not when {where}")
        if differing := engine.admitted(other) ^ admitted:
            token = engine.vocabulary.token_bytes(min(differing))
            raise _BrokenError(f"the cut does not matter: other mask (at {token!r}) when {where}")


def _cuts(text: bytes, engine: Engine, chance: random.Random) -> Iterator[list[bytes]]:
    """The text in one piece, and random cuts into tokens."""
    yield [text]
    vocabulary = engine.vocabulary
    for _ in range(_CUTS):
        yield [vocabulary.token_bytes(token) for token in vocabulary.random_encode(text, chance)]


def _completion_completes(state: State) -> None:
    text = state.shortest_completion()
    if text is None:
        raise _BrokenError("a live state has a completion: none was found")
    after = state.feed(text)
    if after is None or not after.can_end():
        raise _BrokenError(f"the shortest completion completes: {text!r} does not")
    if state.can_end() and text:
        raise _BrokenError(f"the shortest completion is the shortest: {text!r}, not b''")


def _session_agrees(text: bytes, engine: Engine, last: State, chance: random.Random) -> None:
    """A session over the same tokens: forks, refusals and rollback leave its masks as they were."""
    vocabulary = engine.vocabulary
    tokens = vocabulary.random_encode(text, chance)
    session = engine.session()
    _replay(session, tokens, engine)
    admitted = engine.session_admits(session)
    if admitted != engine.admitted(last):
        raise _BrokenError("a session's mask is its state's: they differ")
    refused = sorted(set(range(vocabulary.size)) - admitted)
    for token in chance.sample(refused, min(3, len(refused))):
        try:
            session.accept(token)
        except NotAdmitted:
            continue
        raise _BrokenError(f"a refused token raises: {vocabulary.token_bytes(token)!r} did not")
    fork = session.fork()
    going_on = sorted(admitted.difference(vocabulary.eos))
    if not going_on:
        raise _BrokenError("no dead end: nothing but the end is admitted")
    fork.accept(chance.choice(going_on))
    if engine.session_admits(session) != admitted:
        raise _BrokenError("a fork is independent: the session's mask is another one now")
    back = chance.randint(0, len(tokens))
    fork.rollback(1 + back)
    _replay(fork, tokens[len(tokens) - back :], engine)
    if engine.session_admits(fork) != admitted:
        raise _BrokenError(f"rollback then replay gives the same mask: not of {back}")


def _replay(session: Steps, tokens: list[int], engine: Engine) -> None:
    for token in tokens:
        try:
            session.accept(token)
        except NotAdmitted:
            text = engine.vocabulary.token_bytes(token)
            raise _BrokenError(f"a session takes what the state takes: not {text!r}") from None


def _spell(cut: list[bytes]) -> str:
    shown = "|".join(piece.decode(errors="replace") for piece in cut[-12:])
    return repr(shown if len(cut) <= 12 else f"…{shown}")
