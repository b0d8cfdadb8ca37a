"""A pool of mask buffers, so that decoding allocates nothing of the vocabulary's size."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ananke.masks.packed import MaskError, Words, allocate, words_for

__all__ = ["MaskPool", "PoolStatistics"]


@dataclass(frozen=True)
class PoolStatistics:
    """How often a buffer was at hand (`reused`) or had to be made (`made`), and how many wait."""

    reused: int
    made: int
    waiting: int


class MaskPool:
    """Buffers of one vocabulary; safe to use from several threads.

    At most `capacity` buffers wait in the pool; one that is given back beyond that is freed.
    """

    def __init__(self, vocab_size: int, *, capacity: int = 64) -> None:
        """Args: the vocabulary's size in tokens, and how many single rows may wait.

        Raises:
            MaskError: `vocab_size` is out of range or `capacity` negative.
        """
        if capacity < 0:
            raise MaskError(f"capacity: {capacity} is negative")
        self.vocab_size = vocab_size
        self.capacity = capacity
        self._shape = (words_for(vocab_size),)
        self._lock = threading.Lock()
        self._waiting: list[Words] = []
        self._reused = 0
        self._made = 0

    @contextmanager
    def borrow(self) -> Iterator[Words]:
        """One row, int32, shape (ceil(vocab_size / 32),), all zero; given back at the block's end.

        The caller keeps no reference to it past the block.
        """
        row = self.take()
        try:
            yield row
        finally:
            self.give(row)

    def take(self) -> Words:
        """One row as in `borrow`, for the caller to keep or to `give` back."""
        with self._lock:
            row = self._waiting.pop() if self._waiting else None
            if row is None:
                self._made += 1
            else:
                self._reused += 1
        if row is None:
            fresh: Words = allocate(1, self.vocab_size)[0]
            return fresh
        row.fill(0)
        return row

    def give(self, row: Words) -> None:
        """Gives back a row that `take` gave; the caller no longer uses it.

        Raises:
            MaskError: the row has another shape, or was given back already.
        """
        if row.shape != self._shape:
            raise MaskError(f"row: shape {row.shape}, not {self._shape}")
        with self._lock:
            if any(row is other for other in self._waiting):
                raise MaskError("row: given back twice")
            if len(self._waiting) < self.capacity:
                self._waiting.append(row)

    @property
    def statistics(self) -> PoolStatistics:
        with self._lock:
            return PoolStatistics(self._reused, self._made, len(self._waiting))
