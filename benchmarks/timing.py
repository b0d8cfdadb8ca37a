"""Times of single calls, and their quantiles."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Clock", "Times", "batched", "once", "repeat", "steady_clock"]

#: Gives nanoseconds: of the wall, or of the thread (`time.thread_time_ns`), for which it doesn't
#: count what else the machine does.
Clock = Callable[[], int]


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


def once(call: Callable[[], object], clock: Clock = time.perf_counter_ns) -> int:
    """Nanoseconds of one call."""
    began = clock()
    call()
    return clock() - began


def repeat(call: Callable[[], object], count: int, clock: Clock = time.perf_counter_ns) -> Times:
    """`count` calls, timed one by one."""
    return Times(tuple(once(call, clock) for _ in range(count)))


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


def batched(
    call: Callable[[], object], calls: int, batches: int, clock: Clock = time.perf_counter_ns
) -> Sequence[float]:
    """Nanoseconds a call, as the mean of `calls` calls, `batches` times: for calls that are
    shorter than the clock's own cost."""
    means: list[float] = []
    for _ in range(batches):
        began = clock()
        for _ in range(calls):
            call()
        means.append((clock() - began) / calls)
    return means
