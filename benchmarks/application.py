"""Applying a packed mask to a row of logits, and the AND of two masks.

The naive baselines are what one would write first: a Python loop over the tokens, and vectorised
torch that unpacks the bits. XGrammar's own kernel is beside them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xgrammar
from numpy.typing import NDArray

from ananke.native import library
from benchmarks.timing import batched, repeat, steady_clock

__all__ = ["ApplicationFigures", "measure_application"]

_CLOCK = time.thread_time_ns


@dataclass(frozen=True)
class ApplicationFigures:
    """Microseconds of the thread, medians. `and_native` is called from Python; `call`, a part of
    it, is what the same call costs on masks of no words."""

    size: int
    loop: float
    torch: float
    xgrammar: float
    and_native: float
    and_loop: float
    and_bools: float
    and_numpy: float
    call: float

    @property
    def and_alone(self) -> float:
        """The AND in native code without the call from Python."""
        return max(0.0, self.and_native - self.call)


def measure_application(size: int, mask: NDArray[np.int32], seed: int) -> ApplicationFigures:
    """`mask` (int32 words of `size` bits) applied to a row of `size` logits in each way.

    Raises:
        RuntimeError: two ways give different logits.
    """
    torch.set_num_threads(1)
    logits = torch.from_numpy(
        np.random.default_rng(seed).standard_normal(size).astype(np.float32)
    ).unsqueeze(0)
    words = torch.from_numpy(mask.copy()).unsqueeze(0)
    shifts = torch.arange(32, dtype=torch.int32)

    def with_loop() -> torch.Tensor:
        row = logits.clone()
        flat = row[0]
        packed = mask.tolist()
        for token in range(size):
            if not (packed[token >> 5] >> (token & 31)) & 1:
                flat[token] = float("-inf")
        return row

    def with_torch() -> torch.Tensor:
        row = logits.clone()
        bits = ((words.unsqueeze(-1) >> shifts) & 1).bool().flatten(1)[:, :size]
        return row.masked_fill_(~bits, float("-inf"))

    def with_xgrammar() -> torch.Tensor:
        row = logits.clone()
        xgrammar.apply_token_bitmask_inplace(row, words)
        return row

    expected = with_torch()
    for other in (with_loop(), with_xgrammar()):
        if not torch.equal(expected, other):
            raise RuntimeError("two ways of applying one mask give different logits")
    with steady_clock():
        return ApplicationFigures(
            size=size,
            loop=repeat(with_loop, 5, _CLOCK).median,
            torch=repeat(with_torch, 200, _CLOCK).median,
            xgrammar=repeat(with_xgrammar, 200, _CLOCK).median,
            and_native=_intersect_native(mask),
            and_loop=_intersect_loop(mask, size),
            and_bools=_intersect_bools(mask, size),
            and_numpy=_intersect_numpy(mask),
            call=_median(batched(_empty_call(mask), 2000, 50, _CLOCK)),
        )


def _median(nanoseconds: Sequence[float]) -> float:
    return statistics.median(nanoseconds) / 1000


def _intersect_native(mask: NDArray[np.int32]) -> float:
    first, second, out = mask.copy(), ~mask, np.empty_like(mask)
    intersect = library().ananke_bits_intersect
    arguments = (
        out.ctypes.data, len(out), first.ctypes.data, len(first), second.ctypes.data, len(second)
    )  # fmt: skip
    intersect(*arguments)
    if out.any() or not second.any():
        raise RuntimeError("the AND of a mask and its complement is not empty")
    return _median(batched(lambda: intersect(*arguments), 2000, 50, _CLOCK))


def _empty_call(mask: NDArray[np.int32]) -> Callable[[], object]:
    intersect = library().ananke_bits_intersect
    pointer = mask.ctypes.data
    return lambda: intersect(pointer, 0, pointer, 0, pointer, 0)


def _intersect_numpy(mask: NDArray[np.int32]) -> float:
    first, second, out = mask.copy(), ~mask, np.empty_like(mask)
    return _median(batched(lambda: np.bitwise_and(first, second, out=out), 2000, 50, _CLOCK))


def _intersect_loop(mask: NDArray[np.int32], size: int) -> float:
    """One bool a token, in lists."""
    first = _bools(mask, size).tolist()
    second = [not one for one in first]
    return _median(
        batched(lambda: [a and b for a, b in zip(first, second, strict=True)], 1, 9, _CLOCK)
    )


def _intersect_bools(mask: NDArray[np.int32], size: int) -> float:
    """One bool a token, in arrays."""
    first = _bools(mask, size)
    second, out = ~first, np.empty_like(first)
    return _median(batched(lambda: np.logical_and(first, second, out=out), 200, 50, _CLOCK))


def _bools(mask: NDArray[np.int32], size: int) -> NDArray[np.bool_]:
    return np.unpackbits(mask.view(np.uint8), bitorder="little")[:size].astype(np.bool_)
