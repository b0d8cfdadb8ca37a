"""The trie of a vocabulary's token bytes: the face of `trie.zig` and `segmentation.zig`.

Nodes are in preorder, node 0 is the root (the empty string), children ascend by byte. Only tokens
with bytes are in it; several tokens may share a node.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ananke.native import library
from ananke.vocabulary.errors import VocabularyError

#: The longest token in bytes (`max_depth` in `trie.zig`). Real ones stay below a few hundred.
MAX_TOKEN_BYTES = 4096

#: Bytes of all tokens together (`max_bytes` in `trie.zig`). Real vocabularies stay below 4 MB.
MAX_DATA_BYTES = 1 << 26


@dataclass(frozen=True)
class TrieArrays:
    """A trie as arrays over its n nodes.

    Attributes:
        bytes: uint8 (n,), byte on the edge into the node; 0 for the root.
        end: uint32 (n,), index just past the node's subtree.
        parent: uint32 (n,); 0 for the root.
        depth: uint16 (n,).
        token_start: uint32 (n + 1,); the tokens of node i are
            `token_ids[token_start[i]:token_start[i + 1]]`, ascending.
        token_ids: uint32 (tokens with bytes,).
    """

    bytes: NDArray[np.uint8]
    end: NDArray[np.uint32]
    parent: NDArray[np.uint32]
    depth: NDArray[np.uint16]
    token_start: NDArray[np.uint32]
    token_ids: NDArray[np.uint32]


class Trie:
    """A native trie, immutable; `handle` is valid as long as the object."""

    def __init__(self, handle: int) -> None:
        self.handle = handle

    @classmethod
    def build(cls, data: bytes, offsets: NDArray[np.uint32]) -> Trie:
        """The trie of tokens i = data[offsets[i]:offsets[i + 1]].

        Args:
            data: at most 64 MiB.
            offsets: uint32, shape (tokens + 1,), C-contiguous, ascending.

        Raises:
            VocabularyError: the offsets don't ascend within the data, or a token is longer than
                4096 bytes.
            MemoryError: never partly built.
        """
        if offsets.dtype != np.uint32 or offsets.ndim != 1 or not offsets.flags.c_contiguous:
            raise VocabularyError("the trie's offsets: must be a flat array of uint32")
        handle = library().ananke_trie_build(data, len(data), offsets.ctypes.data, len(offsets) - 1)
        if not handle:
            raise VocabularyError(
                f"the trie: the offsets don't ascend within the data, or a token is longer than "
                f"{MAX_TOKEN_BYTES} bytes"
            )
        return cls(handle)

    @classmethod
    def deserialize(cls, block: memoryview | bytes) -> Trie | None:
        """A trie from what `serialize` gave (it is copied); None if it is anything else."""
        view = np.frombuffer(block, np.uint8)
        handle = library().ananke_trie_deserialize(view.ctypes.data, len(view))
        return cls(handle) if handle else None

    def serialize(self) -> bytes:
        """The trie as one block of little-endian arrays."""
        length = ctypes.c_size_t()
        address = library().ananke_trie_serialize(self.handle, ctypes.byref(length))
        return ctypes.string_at(address, length.value)

    @property
    def vocabulary_size(self) -> int:
        """Tokens of the vocabulary, those without bytes included."""
        return self._counts()[2]

    @property
    def node_count(self) -> int:
        """Nodes, the root included."""
        return self._counts()[0]

    def arrays(self) -> TrieArrays:
        """Copies of the arrays."""
        nodes, tokens, _ = self._counts()
        addresses = (ctypes.c_void_p * 6)()
        library().ananke_trie_arrays(self.handle, addresses)

        def copy(index: int, dtype: type[np.unsignedinteger], count: int) -> NDArray:  # type: ignore[type-arg]
            size = count * np.dtype(dtype).itemsize
            return np.frombuffer(ctypes.string_at(addresses[index] or 0, size), dtype)

        return TrieArrays(
            bytes=copy(0, np.uint8, nodes),
            end=copy(1, np.uint32, nodes),
            parent=copy(2, np.uint32, nodes),
            depth=copy(3, np.uint16, nodes),
            token_start=copy(4, np.uint32, nodes + 1),
            token_ids=copy(5, np.uint32, tokens),
        )

    def segment(self, text: bytes, seed: int | None = None) -> list[int] | int:
        """Tokens that spell `text`; or, if there are none, the place that no cut gets past.

        Args:
            text: fewer than 2**32 bytes.
            seed: None for the longest token at each place; else decides a random cut, 64 bits.
        """
        out = np.empty(len(text), np.uint32)
        lib = library()
        if seed is None:
            count = lib.ananke_segmentation_greedy(
                self.handle, text, len(text), out.ctypes.data, len(out)
            )
        else:
            count = lib.ananke_segmentation_random(
                self.handle, text, len(text), seed, out.ctypes.data, len(out)
            )
        if count == -1:
            raise ValueError(f"text: {len(text)} bytes are too many to cut at once")
        if count == -2:
            raise MemoryError("cutting a text into tokens")
        if count < 0:
            return int(-3 - count)
        cut: list[int] = out[:count].tolist()
        return cut

    def _counts(self) -> tuple[int, int, int]:
        counts = (ctypes.c_uint32 * 3)()
        library().ananke_trie_counts(self.handle, counts)
        return counts[0], counts[1], counts[2]

    def __del__(self) -> None:
        handle, self.handle = getattr(self, "handle", 0), 0
        if handle:
            library().ananke_trie_free(handle)
