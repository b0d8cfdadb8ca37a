"""The tokens of a mask in the order of a model's scores."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ananke.masks.packed import MaskError, Words

__all__ = ["Ranking", "Scores"]

Scores = npt.NDArray[np.floating[Any]]

#: Tokens are sorted in bands, the first of so many nats below the likeliest; and where the last
#: begins.
_BAND, _FARTHEST = 8.0, 500.0
#: By each byte of a mask: what its tokens' scores are at most.
_CEILINGS = np.where(
    np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little") == 1,
    np.float32(np.inf),
    np.float32(-np.inf),
)


class Ranking:
    """The tokens set in one row, by a model's scores.

    Where no score of theirs is finite, or one is infinite or no number, nothing is known, and there
    are none.
    """

    def __init__(self, row: Words, scores: Scores) -> None:
        """
        Args:
            row: shape (words,).
            scores: logits or logarithms of probabilities, shape (n,); tokens past n are left out.

        Raises:
            MaskError: `scores` is no array of one dimension of floating-point numbers.
        """
        if scores.ndim != 1 or not np.issubdtype(scores.dtype, np.floating):
            raise MaskError(f"scores: {scores.dtype}, shape {scores.shape}; not floats, shape (n,)")
        ceilings = _CEILINGS.take(row.view(np.uint8), axis=0).reshape(-1)
        count = min(len(ceilings), len(scores))
        known = np.minimum(ceilings[:count], scores[:count].astype(np.float32, copy=False))
        top = known.max(initial=-np.inf)
        #: Below the likeliest, in nats.
        self._below = known - top if np.isfinite(top) else np.empty(0, np.float32)

    def tokens(self) -> Iterator[int]:
        """The likeliest first; ties by their ids."""
        known = self._below
        low = -_BAND
        band = np.flatnonzero(known >= low)
        while True:
            yield from band[np.argsort(-known[band], kind="stable")].tolist()
            if low == -np.inf:
                return
            # What is far below is sorted only where it is asked for.
            high, low = low, 4 * low if low > -_FARTHEST else -np.inf
            band = np.flatnonzero((known < high) & (known >= low) & (known > -np.inf))

    def share(self, token: int) -> float:
        """The probability of one of the tokens: the softmax of their scores."""
        shares, total = self._shares
        return float(shares[token]) / total

    @cached_property
    def _shares(self) -> tuple[npt.NDArray[np.float32], float]:
        shares = np.exp(self._below)
        return shares, float(shares.sum())
