"""The time of one mask, and which parts may still start within it."""

from __future__ import annotations

import time

__all__ = ["Budget"]

#: How much of an expected time is kept when it is measured again, and when a part is left out: one
#: that was slow once is tried again after some tokens.
_KEPT = 0.75
_KEPT_WHEN_LEFT_OUT = 0.9
_KEPT_OF_LATENESS = 0.5


class Budget:
    """What is left of a token's time.

    A part is left out if it would start too late, or is expected to end too late: what it took
    lately, less a tenth for each token that it was left out of since. Of a part that stopped where
    it was told to, what is expected is by how much it was late, half of that for each token since.
    """

    def __init__(self, nanoseconds: int | None) -> None:
        """`nanoseconds` None: any part may start at any time."""
        self._limit = nanoseconds
        self._expected: dict[str, float] = {}
        self._stopping: set[str] = set()
        self._began = 0

    def begin(self) -> None:
        """A mask begins."""
        self._began = time.perf_counter_ns()

    @property
    def is_spent(self) -> bool:
        """Whether the mask has taken longer than it may."""
        return self._limit is not None and time.perf_counter_ns() - self._began > self._limit

    @property
    def deadline(self) -> int | None:
        """When parts are to stop, by `time.perf_counter_ns`; None: never."""
        return None if self._limit is None else self._began + self._limit

    def admits(self, part: str) -> bool:
        """Whether the part may start now."""
        if self._limit is None:
            return True
        expected = self._expected.get(part, 0.0)
        if time.perf_counter_ns() - self._began + expected <= self._limit:
            return True
        if part in self._expected:
            kept = _KEPT_OF_LATENESS if part in self._stopping else _KEPT_WHEN_LEFT_OUT
            self._expected[part] = expected * kept
        return False

    def took(self, part: str, nanoseconds: int, *, stopped: bool = False) -> None:
        """The part has run; `stopped`: not to its end."""
        if stopped and part not in self._stopping:
            self._stopping.add(part)
            self._expected.pop(part, None)
        if part in self._stopping:
            assert self._limit is not None
            late = time.perf_counter_ns() - self._began - self._limit
            nanoseconds = max(0, late)
        known = self._expected.get(part, float(nanoseconds))
        self._expected[part] = known * _KEPT + nanoseconds * (1 - _KEPT)
