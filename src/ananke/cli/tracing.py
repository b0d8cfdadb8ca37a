"""A file token by token under the mask: `ananke trace` and `ananke bench`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ananke.cli.reading import prefix_spec
from ananke.masks import allocate, count
from ananke.session import Session
from ananke.spec import ConstraintSpec
from ananke.vocabulary import Vocabulary

__all__ = ["Figures", "TraceRow", "figures", "measure", "trace"]

#: Tokens taken back at a time, and how often, when rollback is timed.
_BACK = 200
_ROLLBACKS = 50


@dataclass(frozen=True)
class TraceRow:
    """One token.

    Attributes:
        text: its bytes.
        admitted: share of the vocabulary that was admitted where it came, 0 to 1.
        mask_us: microseconds that the mask took.
        accept_us: microseconds that accepting it took.
        forced: the text that every continuation had to begin with.
    """

    text: bytes
    admitted: float
    mask_us: float
    accept_us: float
    forced: bytes


@dataclass(frozen=True)
class Figures:
    """Median, 99th percentile and largest of some times, in microseconds."""

    count: int
    p50_us: float
    p99_us: float
    max_us: float

    def text(self) -> str:
        return f"p50 {self.p50_us:,.0f} µs   p99 {self.p99_us:,.0f} µs   max {self.max_us:,.0f} µs"


def figures(times: Sequence[float]) -> Figures:
    """The figures of times in microseconds; at least one."""
    p50, p99 = np.percentile(times, [50, 99])
    return Figures(len(times), float(p50), float(p99), max(times))


def trace(
    spec: ConstraintSpec, vocabulary: Vocabulary, tokens: Sequence[int]
) -> Iterator[TraceRow]:
    """Feeds tokens to a new session, looking at each mask.

    Raises:
        NotAdmitted: a token that the mask doesn't admit.
    """
    session = Session(spec, vocabulary)
    words = allocate(1, vocabulary.size)
    for token in tokens:
        begun = time.perf_counter()
        session.mask(words)
        masked = time.perf_counter()
        admitted = count(words) / vocabulary.size
        forced = session.forced()
        resumed = time.perf_counter()
        session.accept(token)
        accepted = time.perf_counter()
        yield TraceRow(
            vocabulary.token_bytes(token),
            admitted,
            (masked - begun) * 1e6,
            (accepted - resumed) * 1e6,
            forced,
        )


def measure(
    language: str, vocabulary: Vocabulary, tokens: Sequence[int]
) -> Iterator[dict[str, Figures]]:
    """Times of masks, accepts and rollbacks over the tokens: in a fresh process's first pass and
    in a second one.

    Raises:
        NotAdmitted: a token that the mask doesn't admit.
    """
    words = allocate(1, vocabulary.size)
    for _ in range(2):
        session = Session(prefix_spec(language, ""), vocabulary)
        masks, accepts, rollbacks = [], [], []
        for token in tokens:
            begun = time.perf_counter()
            session.mask(words)
            masked = time.perf_counter()
            session.accept(token)
            masks.append((masked - begun) * 1e6)
            accepts.append((time.perf_counter() - masked) * 1e6)
        for _ in range(_ROLLBACKS):
            fork = session.fork()
            begun = time.perf_counter()
            fork.rollback(min(_BACK, len(tokens)))
            rollbacks.append((time.perf_counter() - begun) * 1e6)
        yield {
            "mask": figures(masks),
            "accept": figures(accepts),
            f"rollback of {min(_BACK, len(tokens))}": figures(rollbacks),
        }
