"""The time of one mask, and which parts may still start within it."""

from __future__ import annotations

import time

__all__ = ["Budget"]

#: How much of an expected time is kept when it is measured again, and when a part is left out: one
#: that was slow once is tried again after some tokens.
_KEPT = 0.75
_KEPT_WHEN_LEFT_OUT = 0.9


class Budget:
    """What is left of a token's time.

    A part is left out if it would start too late, or is expected to end too late: what it took
    lately, less a tenth for each token that it was left out of since.
    """

    def __init__(self, nanoseconds: int | None) -> None:
        """`nanoseconds` None: any part may start at any time."""
        self._limit = nanoseconds
        self._expected: dict[str, float] = {}
        self._began = 0

    def begin(self) -> None:
        """A mask begins."""
        self._began = time.perf_counter_ns()

    @property
    def is_spent(self) -> bool:
        """Whether the mask has taken longer than it may."""
        return self._limit is not None and time.perf_counter_ns() - self._began > self._limit

    def admits(self, part: str) -> bool:
        """Whether the part may start now."""
        if self._limit is None:
            return True
        expected = self._expected.get(part, 0.0)
        if time.perf_counter_ns() - self._began + expected <= self._limit:
            return True
        if part in self._expected:
            self._expected[part] = expected * _KEPT_WHEN_LEFT_OUT
        return False

    def took(self, part: str, nanoseconds: int) -> None:
        """The part has run."""
        known = self._expected.get(part, float(nanoseconds))
        self._expected[part] = known * _KEPT + nanoseconds * (1 - _KEPT)
