"""Times of single calls, and their quantiles."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Times", "once", "repeat", "steady_clock"]


@dataclass(frozen=True)
class Times:
    """Nanoseconds of single calls."""

    nanoseconds: tuple[int, ...]

    def quantile(self, share: float) -> float:
        """Microseconds below which `share` of the calls took."""
        if not self.nanoseconds:
            raise ValueError("no call was timed")
        ordered = sorted(self.nanoseconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1000

    @property
    def median(self) -> float:
        """Microseconds."""
        return self.quantile(0.5)

    @property
    def p99(self) -> float:
        """Microseconds."""
        return self.quantile(0.99)

    @property
    def mean(self) -> float:
        """Microseconds."""
        return sum(self.nanoseconds) / len(self.nanoseconds) / 1000

    def __add__(self, other: Times) -> Times:
        return Times(self.nanoseconds + other.nanoseconds)


def once(call: Callable[[], object]) -> int:
    """Nanoseconds of one call."""
    began = time.perf_counter_ns()
    call()
    return time.perf_counter_ns() - began


def repeat(call: Callable[[], object], count: int) -> Times:
    """`count` calls, timed one by one."""
    return Times(tuple(once(call) for _ in range(count)))


@contextmanager
def steady_clock() -> Iterator[None]:
    """Within it the garbage collector does not run: its pauses are Python's, not the callee's."""
    was = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def batched(call: Callable[[], object], calls: int, batches: int) -> Sequence[float]:
    """Nanoseconds a call, as the mean of `calls` calls, `batches` times: for calls that are
    shorter than the clock's own cost."""
    means: list[float] = []
    for _ in range(batches):
        began = time.perf_counter_ns()
        for _ in range(calls):
            call()
        means.append((time.perf_counter_ns() - began) / calls)
    return means
