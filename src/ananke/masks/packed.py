"""Packed masks as numpy arrays: the layout that serving engines share.

A mask of a vocabulary of `vocab_size` tokens is `ceil(vocab_size / 32)` int32 words; bit i%32 of
word i//32 is token i, and the bits past the last token are 0. A batch is an array of shape
(rows, words). Everything here works on the caller's memory: arrays are read and written in place,
never copied, by the native routines of `bits.zig`.

A mask argument is an int32 array, C-contiguous and aligned, of one row or a batch.

**Invariant:** no array of one element per token, except what `tokens_of` returns.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ananke.native import library

__all__ = [
    "MaskError",
    "Words",
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

Words = npt.NDArray[np.int32]

#: Vectors of the widest variant then never straddle two cache lines.
_ALIGNMENT = 64
_INT32 = np.dtype(np.int32)
_BAD_TOKEN, _NO_MEMORY = -2, -3
_Start = ctypes.c_char * 0


class MaskError(ValueError):
    """An array that is not the mask asked for; the message names the argument."""


def words_for(vocab_size: int) -> int:
    """The words of one row: ceil(vocab_size / 32).

    Raises:
        MaskError: `vocab_size` is not in 0 .. 2**31.
    """
    if not 0 <= vocab_size <= 2**31:
        raise MaskError(f"vocab_size: {vocab_size} is not in 0 .. 2**31")
    return (vocab_size + 31) // 32


def allocate(rows: int, vocab_size: int) -> Words:
    """A batch of empty masks: int32 zeros, shape (rows, ceil(vocab_size / 32)), aligned to 64.

    Raises:
        MaskError: `rows` is negative or `vocab_size` out of range.
    """
    if rows < 0:
        raise MaskError(f"rows: {rows} is negative")
    words = words_for(vocab_size)
    size = rows * words * _INT32.itemsize
    memory = np.zeros(size + _ALIGNMENT, dtype=np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(np.int32).reshape(rows, words)


def clear(out: Words) -> None:
    """Sets all bits of `out` to 0."""
    _memory(out, "out", writable=True)
    out.fill(0)


def intersect(out: Words, a: Words, b: Words) -> None:
    """out = a AND b.

    Args:
        out: overwritten; it may be `a` or `b`, but may not overlap them otherwise.
        a: of the same shape as `out`.
        b: of the same shape as `out`.

    Raises:
        MaskError: an array is no mask, or the shapes differ.
    """
    _combine("ananke_bits_intersect", out, a, b)


def union(out: Words, a: Words, b: Words) -> None:
    """out = a OR b; arguments and errors as in `intersect`."""
    _combine("ananke_bits_unite", out, a, b)


def subtract(out: Words, a: Words, b: Words) -> None:
    """out = a AND NOT b; arguments and errors as in `intersect`."""
    _combine("ananke_bits_subtract", out, a, b)


def count(mask: Words) -> int:
    """The number of tokens set, over all rows."""
    return int(library().ananke_bits_count(_memory(mask, "mask"), mask.size))


def has_any(mask: Words) -> bool:
    """Whether a token is set in any row."""
    return bool(library().ananke_bits_any(_memory(mask, "mask"), mask.size))


def is_within(inner: Words, outer: Words) -> bool:
    """Whether each token of `inner` is set in `outer`, row by row.

    Raises:
        MaskError: an array is no mask, or the shapes differ.
    """
    inner_at, outer_at = _memory(inner, "inner"), _memory(outer, "outer")
    _same_shape(inner, "inner", outer, "outer")
    return bool(library().ananke_bits_within(inner_at, inner.size, outer_at, outer.size))


def contains(row: Words, token: int) -> bool:
    """Whether `token` is set in one row; a token past its end is not."""
    word = token >> 5
    return 0 <= word < len(row) and bool(int(row[word]) >> (token & 31) & 1)


def set_tokens(out: Words, tokens: Iterable[int] | npt.NDArray[np.uint32], vocab_size: int) -> None:
    """Adds tokens to one row.

    Args:
        out: shape (ceil(vocab_size / 32),).
        tokens: ids below `vocab_size`; a C-contiguous uint32 array is read in place, and ascending
            ids are fastest.
        vocab_size: tokens of the vocabulary.

    Raises:
        MaskError: an id is out of range (`out` is then unchanged), or `out` has another length.
    """
    memory = _memory(out, "out", writable=True)
    if out.shape != (words_for(vocab_size),):
        raise MaskError(f"out: shape {out.shape}, not ({words_for(vocab_size)},)")
    ids = _token_array(tokens)
    result = library().ananke_bits_set(memory, out.size, ids.ctypes.data, ids.size, vocab_size)
    if result == _BAD_TOKEN:
        worst = int(ids.max())
        raise MaskError(f"tokens: {worst} is not below the vocabulary's size {vocab_size}")


def clear_tokens(out: Words, tokens: Iterable[int]) -> None:
    """Takes tokens out of one row; they are below its end."""
    for token in tokens:
        out[token >> 5] &= np.int32(~np.uint32(1 << (token & 31)).astype(np.int32))


def first_of(
    row: Words,
    order: npt.NDArray[np.int32],
    firsts: npt.NDArray[np.int32],
    lasts: npt.NDArray[np.int32],
) -> npt.NDArray[np.int32]:
    """For each stretch of `order`, the index of its first token that is set in one row, or -1.

    Args:
        row: shape (words,).
        order: tokens of the row, shape (n,).
        firsts: where the stretches begin in `order`, shape (count,).
        lasts: where they end, the index after their last, shape (count,).

    Raises:
        MaskError: an array is no int32 array of one dimension, C-contiguous and aligned; a token is
            past the row; a stretch is none of `order`.
    """
    named = {"row": row, "order": order, "firsts": firsts, "lasts": lasts}
    for name, one in named.items():
        _memory(one, name)
        if one.ndim != 1:
            raise MaskError(f"{name}: shape {one.shape}, not of one dimension")
    _same_shape(lasts, "lasts", firsts, "firsts")
    out = np.empty_like(firsts)
    at, begins, ends, tokens, words = (one.ctypes.data for one in (out, firsts, lasts, order, row))
    result = library().ananke_bits_first(
        at, begins, ends, firsts.size, tokens, order.size, words, row.size
    )
    if result == _BAD_TOKEN:
        raise MaskError(f"order: {order.max()} is not in the row of {row.size * 32} tokens")
    if result == _NO_MEMORY:
        raise MemoryError
    if result < 0:
        raise MaskError(f"firsts, lasts: a stretch does not lie in the {order.size} tokens")
    return out


def tokens_of(row: Words) -> npt.NDArray[np.int64]:
    """The ids of the tokens set in one row, ascending: int64, shape (count,)."""
    _memory(row, "row")
    bits = np.unpackbits(row.astype("<i4", copy=False).view(np.uint8), bitorder="little")
    return np.flatnonzero(bits)


def _combine(function: str, out: Words, a: Words, b: Words) -> None:
    out_at = _memory(out, "out", writable=True)
    a_at, b_at = _memory(a, "a"), _memory(b, "b")
    _same_shape(a, "a", out, "out")
    _same_shape(b, "b", out, "out")
    size = out.size
    if getattr(library(), function)(out_at, size, a_at, size, b_at, size) < 0:
        raise MaskError("out: overlaps a or b without being it")


def _token_array(tokens: Iterable[int] | npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    if isinstance(tokens, np.ndarray):
        if tokens.dtype != np.uint32 or tokens.ndim != 1 or not tokens.flags.c_contiguous:
            raise MaskError(
                f"tokens: {tokens.dtype}, shape {tokens.shape}; "
                "an array of ids must be uint32, one-dimensional and C-contiguous"
            )
        return tokens
    try:
        return np.fromiter(tokens, dtype=np.uint32)
    except OverflowError as error:
        raise MaskError(f"tokens: an id is not in 0 .. 2**32 ({error})") from error


def _memory(mask: Words, name: str, *, writable: bool = False) -> Any:
    """The array's memory as a ctypes argument, after the checks."""
    if not isinstance(mask, np.ndarray):
        raise MaskError(f"{name}: {type(mask).__name__}, not a numpy array")
    if mask.dtype != _INT32:
        raise MaskError(f"{name}: dtype {mask.dtype}, not int32")
    if mask.ndim not in (1, 2):
        raise MaskError(f"{name}: shape {mask.shape}, not (words,) or (rows, words)")
    flags = mask.flags
    if not flags.c_contiguous:
        raise MaskError(f"{name}: not C-contiguous; copy it with numpy.ascontiguousarray")
    if not flags.aligned:
        raise MaskError(f"{name}: not aligned to 4 bytes")
    if flags.writeable:
        return _Start.from_buffer(mask.data)  # a third of the time of `mask.ctypes.data`
    if writable:
        raise MaskError(f"{name}: read-only")
    return mask.ctypes.data


def _same_shape(one: Words, name: str, other: Words, other_name: str) -> None:
    if one.shape != other.shape:
        raise MaskError(f"{name}: shape {one.shape}, but {other_name} has {other.shape}")
