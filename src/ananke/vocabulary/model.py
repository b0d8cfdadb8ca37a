"""What a vocabulary is: the exact bytes of every token, and which tokens are none of a text's.

Bytes are those that the token adds to a text in its midst. A SentencePiece token "▁the" is
" the": decoders take one space off the very start of a text, but generated text follows a prompt.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ananke.vocabulary.errors import VocabularyError
from ananke.vocabulary.trie import MAX_DATA_BYTES, MAX_TOKEN_BYTES, Trie

#: Token ids below this. The largest known vocabularies have about a million tokens.
MAX_TOKENS = 1 << 22


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The tokens of a model. Immutable; two of the same content have the same `fingerprint`.

    Attributes:
        size: tokens of the *model*, padding included: its row of logits.
        data: the bytes of all tokens, in the order of their ids.
        offsets: uint32 (size + 1,), read-only; token i is `data[offsets[i]:offsets[i + 1]]`.
        special: ids that match no text (begin and end marks, control, padding, unknown, ids that
            the tokenizer doesn't use); exactly the tokens without bytes.
        eos: ids that end a text, all in `special`; empty if nothing said which they are.
        name: where it came from, for messages.
        fingerprint: SHA-256 in hex of all the above but `name`.
    """

    size: int
    data: bytes
    offsets: NDArray[np.uint32]
    special: frozenset[int]
    eos: tuple[int, ...]
    name: str
    fingerprint: str

    def token_bytes(self, token: int) -> bytes:
        """The token's bytes; empty for special tokens.

        Raises:
            VocabularyError: there is no such token.
        """
        if not 0 <= token < self.size:
            raise VocabularyError(
                f"{self.name}: token {token} is not in the vocabulary of {self.size}"
            )
        return self.data[self.offsets[token] : self.offsets[token + 1]]

    @cached_property
    def trie(self) -> Trie:
        """The trie of the token bytes."""
        return Trie.build(self.data, self.offsets)

    def encode(self, text: bytes) -> list[int]:
        """Tokens that spell `text`: the longest at each place that leaves the rest spellable.

        A valid cut, but seldom the one that the model's tokenizer would choose.

        Raises:
            VocabularyError: no tokens spell the text.
        """
        return self._spelled(text, self.trie.segment(text))

    def random_encode(self, text: bytes, rng: random.Random) -> list[int]:
        """Tokens that spell `text`, each drawn uniformly from those that leave the rest spellable.

        Raises:
            VocabularyError: no tokens spell the text.
        """
        return self._spelled(text, self.trie.segment(text, rng.getrandbits(64)))

    def _spelled(self, text: bytes, cut: list[int] | int) -> list[int]:
        if isinstance(cut, list):
            return cut
        raise VocabularyError(
            f"{self.name}: no tokens spell the text past byte {cut}: {text[cut : cut + 16]!r}"
        )


def from_tokens(
    tokens: Sequence[bytes],
    *,
    special: Iterable[int] = (),
    eos: Iterable[int] = (),
    size: int | None = None,
    name: str = "tokens",
) -> Vocabulary:
    """A vocabulary from the bytes of its tokens, in the order of their ids.

    Args:
        tokens: at most 4 Mi tokens of at most 4096 bytes. One without bytes is special.
        special: further ids that match no text, whatever bytes they have here.
        eos: ids that end a text; special too.
        size: the model's vocabulary size, at least the number of tokens; what is past them is
            padding. None is as many as there are ids.
        name: for messages.

    Raises:
        VocabularyError: an id or a size is out of range, or a token is too long.
    """
    ends = tuple(dict.fromkeys(eos))
    hidden = {*special, *ends}
    for token in hidden:
        if type(token) is not int or not 0 <= token < MAX_TOKENS:
            raise VocabularyError(f"{name}: special token {token!r}: ids are 0 to {MAX_TOKENS - 1}")
    total = max(len(tokens), max(hidden, default=-1) + 1)
    if size is not None:
        if type(size) is not int or size < total:
            raise VocabularyError(
                f"{name}: size {size!r}: must be at least {total}, the highest token id plus one; "
                "give the model's vocabulary size (its row of logits)"
            )
        total = size
    if not 0 < total <= MAX_TOKENS:
        raise VocabularyError(f"{name}: {total} tokens: must be 1 to {MAX_TOKENS}")
    texts = list(tokens)
    for token in hidden:
        if token < len(texts):
            texts[token] = b""
    for token, text in enumerate(texts):
        if type(text) is not bytes:
            raise VocabularyError(f"{name}: token {token}: must be bytes, not {text!r:.40}")
        if len(text) > MAX_TOKEN_BYTES:
            raise VocabularyError(
                f"{name}: token {token}: {len(text)} bytes; at most {MAX_TOKEN_BYTES} are supported"
            )
    lengths = np.zeros(total, np.int64)
    lengths[: len(texts)] = np.fromiter(map(len, texts), np.int64, len(texts))
    ascending = np.zeros(total + 1, np.int64)
    np.cumsum(lengths, out=ascending[1:])
    if ascending[-1] > MAX_DATA_BYTES:
        raise VocabularyError(
            f"{name}: the tokens have {ascending[-1]} bytes together; at most {MAX_DATA_BYTES} "
            "are supported"
        )
    return from_arrays(b"".join(texts), ascending.astype(np.uint32), ends, name)


def from_arrays(
    data: bytes,
    offsets: NDArray[np.uint32],
    eos: tuple[int, ...],
    name: str,
    fingerprint: str | None = None,
) -> Vocabulary:
    """A vocabulary from its parts; `offsets` becomes read-only.

    Args:
        data: the bytes of all tokens.
        offsets: uint32 (size + 1,).
        eos: ids of tokens without bytes.
        name: for messages.
        fingerprint: what is known to be the parts' fingerprint; None to compute it.

    Raises:
        VocabularyError: the offsets don't ascend from 0 to the end of the data, or an EOS id has
            bytes or is none.
    """
    if offsets[0] != 0 or offsets[-1] != len(data) or (offsets[1:] < offsets[:-1]).any():
        raise VocabularyError(f"{name}: the offsets don't ascend from 0 to the end of the data")
    offsets.flags.writeable = False
    silent: list[int] = np.flatnonzero(offsets[1:] == offsets[:-1]).tolist()
    special = frozenset(silent)
    if not special.issuperset(eos):
        raise VocabularyError(f"{name}: an EOS id has bytes, or is none")
    return Vocabulary(
        size=len(offsets) - 1,
        data=data,
        offsets=offsets,
        special=special,
        eos=eos,
        name=name,
        fingerprint=fingerprint or _fingerprint(data, offsets, eos),
    )


def _fingerprint(data: bytes, offsets: NDArray[np.uint32], eos: tuple[int, ...]) -> str:
    # The special tokens are those without bytes, so the offsets say which they are.
    digest = hashlib.sha256()
    for part in (offsets.astype("<u4").tobytes(), data, np.array(eos, "<u4").tobytes()):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()
