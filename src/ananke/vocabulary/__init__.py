"""Vocabularies: the exact bytes of every token, as data and as a trie."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ananke.native import library

__all__ = ["Trie", "Vocabulary", "VocabularyError", "from_tokens"]


class VocabularyError(ValueError):
    """A vocabulary that can't be read; the message names the file and the place."""


class Trie:
    """The native trie of a vocabulary's token bytes (`trie.zig`)."""

    def __init__(self, data: bytes, offsets: NDArray[np.uint32]) -> None:
        handle = library().ananke_trie_build(
            data, len(data), offsets.ctypes.data, len(offsets) - 1
        )
        if not handle:
            raise VocabularyError("a token is longer than 4096 bytes, or the offsets are wrong")
        self.handle = handle

    def __del__(self) -> None:
        handle, self.handle = getattr(self, "handle", 0), 0
        if handle:
            library().ananke_trie_free(handle)


@dataclass(frozen=True, eq=False)
class Vocabulary:
    size: int
    data: bytes
    offsets: NDArray[np.uint32]
    special: frozenset[int]
    eos: tuple[int, ...]
    name: str
    fingerprint: str

    def token_bytes(self, token: int) -> bytes:
        return self.data[self.offsets[token] : self.offsets[token + 1]]

    @cached_property
    def trie(self) -> Trie:
        return Trie(self.data, self.offsets)


def from_tokens(
    tokens: Sequence[bytes],
    *,
    special: Sequence[int] = (),
    eos: Sequence[int] = (),
    size: int | None = None,
    name: str = "tokens",
) -> Vocabulary:
    """A vocabulary of the given byte strings; ids in `special` and `eos` match no text."""
    hidden = frozenset(special) | frozenset(eos)
    total = max(size or 0, len(tokens), *(i + 1 for i in hidden), 0)
    texts = [b"" if i in hidden else t for i, t in enumerate(tokens)]
    texts += [b""] * (total - len(texts))
    offsets = np.zeros(total + 1, np.uint32)
    np.cumsum([len(t) for t in texts], out=offsets[1:])
    data = b"".join(texts)
    digest = hashlib.sha256(repr((total, sorted(hidden), tuple(eos))).encode())
    digest.update(data)
    digest.update(offsets.tobytes())
    return Vocabulary(total, data, offsets, hidden, tuple(eos), name, digest.hexdigest())
