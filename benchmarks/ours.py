"""Our own times, per language: masks and acceptance on real files, through the public session.

Three passes are kept apart. *First*: the first files that a fresh process sees, while it finds out
what the grammar and the vocabulary have to say to each other. *Unseen*: later files, never seen,
with what was learnt. *Again*: the same files once more.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ananke.session import Session
from ananke.spec import ConstraintSpec
from ananke.vocabulary import Vocabulary
from benchmarks.timing import Times, once, steady_clock
from benchmarks.units import UNITS

__all__ = ["Flatness", "Pass", "measure_files", "measure_flatness", "measure_rollback"]

_NEAR, _FAR = 100, 10_000
_TAKEN_BACK = 200


@dataclass(frozen=True)
class Pass:
    """Times of single calls of `Session.mask` and `Session.accept`."""

    mask: Times
    accept: Times


def measure_files(language: str, vocabulary: Vocabulary, texts: Sequence[bytes]) -> Pass:
    """Every text, token by token: `mask` before each token, then `accept`.

    Raises:
        NotAdmitted: a token of a text is refused: the text is not one that the grammar accepts.
    """
    spec = ConstraintSpec(language=language)
    out = np.zeros((1, -(-vocabulary.size // 32)), dtype=np.int32)
    masks: list[int] = []
    accepts: list[int] = []
    clock = time.perf_counter_ns
    with steady_clock():
        for text in texts:
            session = Session(spec, vocabulary)
            for token in vocabulary.encode(text):
                began = clock()
                session.mask(out)
                masked = clock()
                session.accept(token)
                accepts.append(clock() - masked)
                masks.append(masked - began)
    return Pass(Times(tuple(masks)), Times(tuple(accepts)))


@dataclass(frozen=True)
class Flatness:
    """Times at the 100th and at the 10,000th token of a text that repeats one declaration."""

    near: Pass
    far: Pass


def measure_flatness(language: str, vocabulary: Vocabulary, rounds: int) -> Flatness:
    """The same declaration near the beginning of a text and 10,000 tokens into it.

    Each round rolls back and measures the same tokens again; the first round is not counted.

    Raises:
        NotAdmitted: the declaration is refused.
    """
    unit = UNITS[language]
    body = vocabulary.encode(unit.body)
    session = Session(ConstraintSpec(language=language), vocabulary)
    for token in vocabulary.encode(unit.header):
        session.accept(token)
    position = 0

    def go_to(target: int) -> None:
        nonlocal position
        while position < target:
            for token in body:
                session.accept(token)
            position += len(body)

    with steady_clock():
        go_to(_NEAR)
        near = _window(session, body, rounds)
        go_to(_FAR)
        far = _window(session, body, rounds)
    return Flatness(near, far)


def _window(session: Session, body: Sequence[int], rounds: int) -> Pass:
    out = np.zeros((1, -(-session.vocabulary.size // 32)), dtype=np.int32)
    masks: list[int] = []
    accepts: list[int] = []
    clock = time.perf_counter_ns
    for number in range(rounds + 1):
        for token in body:
            began = clock()
            session.mask(out)
            masked = clock()
            session.accept(token)
            accepted = clock()
            if number:
                masks.append(masked - began)
                accepts.append(accepted - masked)
        session.rollback(len(body))
    return Pass(Times(tuple(masks)), Times(tuple(accepts)))


def measure_rollback(language: str, vocabulary: Vocabulary, rounds: int) -> Times:
    """`Session.rollback(200)`; the 200 tokens are accepted again between."""
    unit = UNITS[language]
    tokens = vocabulary.encode(unit.header)
    while len(tokens) < 2 * _TAKEN_BACK:
        tokens += vocabulary.encode(unit.body)
    session = Session(ConstraintSpec(language=language), vocabulary)
    for token in tokens:
        session.accept(token)
    times: list[int] = []
    with steady_clock():
        for _ in range(rounds):
            times.append(once(lambda: session.rollback(_TAKEN_BACK)))
            for token in tokens[-_TAKEN_BACK:]:
                session.accept(token)
    return Times(tuple(times))
