"""A vocabulary and its trie as bytes for the disk cache.

    u64 tokens, EOS ids, length of the data, length of the trie's block
    the fingerprint; u32 offsets (tokens + 1), EOS ids
    the trie's block, padded to 8 bytes; the data

All in the machine's own byte order, which the cache checks, as it does the checksum. The special
tokens are those without bytes; the name is the caller's.
"""

from __future__ import annotations

import struct

import numpy as np

from ananke.vocabulary.model import MAX_TOKENS, Vocabulary, from_arrays
from ananke.vocabulary.trie import Trie

_HEADER = struct.Struct("=4Q64s")


def store(vocabulary: Vocabulary) -> bytes:
    """The vocabulary as bytes that `restore` reads."""
    block = vocabulary.trie.serialize()
    return b"".join(
        (
            _HEADER.pack(
                vocabulary.size,
                len(vocabulary.eos),
                len(vocabulary.data),
                len(block),
                vocabulary.fingerprint.encode(),
            ),
            vocabulary.offsets.tobytes(),
            np.array(vocabulary.eos, np.uint32).tobytes(),
            block,
            bytes(-len(block) % 8),
            vocabulary.data,
        )
    )


def restore(payload: memoryview, name: str) -> Vocabulary | None:
    """The vocabulary that was stored; None if the bytes are anything else."""
    if len(payload) < _HEADER.size:
        return None
    size, ends, length, block_length, fingerprint = _HEADER.unpack_from(payload)
    at_ends = _HEADER.size + (size + 1) * 4
    at_block = at_ends + ends * 4
    at_data = at_block + block_length + -block_length % 8
    if size > MAX_TOKENS or ends > size or at_data + length != len(payload):
        return None
    offsets = np.frombuffer(payload, np.uint32, size + 1, _HEADER.size).copy()
    eos = np.frombuffer(payload, np.uint32, ends, at_ends).tolist()
    trie = Trie.deserialize(payload[at_block : at_block + block_length])
    if trie is None or trie.vocabulary_size != size:
        return None
    try:
        vocabulary = from_arrays(
            bytes(payload[at_data:]), offsets, tuple(eos), name, fingerprint.decode()
        )
    except ValueError:
        return None
    vocabulary.__dict__["trie"] = trie  # what the cached property would build
    return vocabulary
