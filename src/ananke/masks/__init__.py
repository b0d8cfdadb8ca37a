"""Packed token masks: int32 words, bit i%32 of word i//32 is token i."""

from ananke.masks.budget import Budget
from ananke.masks.likely import Ranking, Scores
from ananke.masks.packed import (
    MaskError,
    allocate,
    clear,
    clear_tokens,
    contains,
    count,
    first_of,
    has_any,
    intersect,
    is_within,
    set_tokens,
    subtract,
    tokens_of,
    union,
    words_for,
)
from ananke.masks.pool import MaskPool, PoolStatistics

__all__ = [
    "Budget",
    "MaskError",
    "MaskPool",
    "PoolStatistics",
    "Ranking",
    "Scores",
    "allocate",
    "clear",
    "clear_tokens",
    "contains",
    "count",
    "first_of",
    "has_any",
    "intersect",
    "is_within",
    "set_tokens",
    "subtract",
    "tokens_of",
    "union",
    "words_for",
]
