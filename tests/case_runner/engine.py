"""What the cases are asked of: states, masks over a small vocabulary, and sessions.

The protocols let the runner's own tests put a wrong engine in the place of the real one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Protocol

from ananke.masks import allocate, tokens_of
from ananke.parsing import load_grammar
from ananke.parsing.classifier import load_classifier
from ananke.session import NotAdmitted, Session
from ananke.spec import parse_spec
from ananke.vocabulary import Vocabulary, from_tokens

__all__ = ["Engine", "NotAdmitted", "State", "Steps", "load_engine", "small_vocabulary"]

#: Tokens of several bytes in a small vocabulary, at most: the laws feed each of them one by one.
_PIECES = 500

_WORDS = re.compile(rb"\s*\w+|\s+|[^\w\s]+")


class Terminal(Protocol):
    """A terminal that may come next."""

    @property
    def name(self) -> str: ...
    @property
    def named(self) -> bool: ...


class State(Protocol):
    """The part of `ananke.parsing.ParseState` that cases need."""

    def feed(self, text: bytes) -> State | None: ...
    def can_end(self) -> bool: ...
    def expected(self) -> Sequence[Terminal]: ...
    def shortest_completion(self) -> bytes | None: ...


class Steps(Protocol):
    """The part of `ananke.session.Session` that the laws need."""

    def accept(self, token: int) -> None: ...
    def rollback(self, tokens: int) -> None: ...
    def fork(self) -> Steps: ...


class Engine(Protocol):
    """States, masks and sessions of one language over one vocabulary."""

    @property
    def vocabulary(self) -> Vocabulary: ...
    def start(self) -> State: ...
    def admitted(self, state: State) -> frozenset[int]: ...
    def session(self) -> Steps: ...
    def session_admits(self, session: Any) -> frozenset[int]: ...


@dataclass(frozen=True)
class _RealEngine:
    language: str
    vocabulary: Vocabulary

    def start(self) -> State:
        return load_grammar(self.language).start()

    def admitted(self, state: State) -> frozenset[int]:
        words = allocate(1, self.vocabulary.size)[0]
        load_classifier(load_grammar(self.language), self.vocabulary).fill(state, words)  # type: ignore[arg-type]
        return frozenset(tokens_of(words).tolist())

    def session(self) -> Steps:
        return Session(parse_spec({"language": self.language}), self.vocabulary)

    def session_admits(self, session: Session) -> frozenset[int]:
        rows = allocate(1, self.vocabulary.size)
        session.mask(rows)
        return frozenset(tokens_of(rows[0]).tolist())


@cache
def load_engine(language: str, texts: tuple[bytes, ...]) -> Engine:
    """The real engine, over a small vocabulary made of pieces of `texts`."""
    return _RealEngine(language, small_vocabulary(texts))


def small_vocabulary(texts: Iterable[bytes]) -> Vocabulary:
    """All 256 bytes, the words of the texts as tokenizers cut them (with the space before), pairs
    of neighbouring words, and an EOS."""
    seen: dict[bytes, int] = {}
    for text in texts:
        words = _WORDS.findall(text)
        for piece in (*words, *map(b"".join, pairwise(words))):
            if 1 < len(piece) <= 24:
                seen[piece] = seen.get(piece, 0) + 1
    # The commonest, and among equals the first seen.
    pieces = sorted(seen, key=lambda piece: -seen[piece])[:_PIECES]
    tokens = [*(bytes([byte]) for byte in range(256)), *pieces, b""]
    return from_tokens(tokens, eos=[len(tokens) - 1], name="words of the cases")
