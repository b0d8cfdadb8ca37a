"""What every admitted continuation begins with, read off packed masks.

Let A be the admitted tokens of a state that may not end. Each continuation's first token is in A,
so each begins with the longest common prefix of A's byte strings: of the least and the greatest
of them in byte order. After that prefix the same holds again, if the tokens can spell any cut of
a text, that is if each byte that occurs in a token is a token too. Otherwise one round is all
that can be said.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ananke.domains.by_fingerprint import ByFingerprint
from ananke.domains.state import Words
from ananke.vocabulary import Vocabulary


class ForcedText:
    """A vocabulary's tokens in byte order, to find the common prefix of a mask's tokens."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        texts = {token: vocabulary.token_bytes(token) for token in range(vocabulary.size)}
        ordered = sorted((token for token, text in texts.items() if text), key=texts.__getitem__)
        self._order: npt.NDArray[np.int64] = np.array(ordered, dtype=np.int64)
        single = {text for text in texts.values() if len(text) == 1}
        #: Whether any text over the bytes that occur can be cut anywhere.
        self.spells_all_cuts = {bytes([byte]) for text in texts.values() for byte in text} <= single

    def common_prefix(self, words: Words) -> bytes:
        """The longest common prefix of the text tokens set in `words` (int32, one row)."""
        filled = np.flatnonzero(words)
        if not filled.size:
            return b""
        # Most masks hold tokens with different first bytes: see it without unpacking the mask.
        if self._first_byte(words, int(filled[0])) != self._first_byte(words, int(filled[-1])):
            return b""
        admitted = np.unpackbits(words.view(np.uint8), bitorder="little")
        present = np.flatnonzero(admitted[self._order])
        if not present.size:
            return b""
        least, greatest = (int(self._order[present[at]]) for at in (0, -1))
        first, last = self._vocabulary.token_bytes(least), self._vocabulary.token_bytes(greatest)
        length = 0
        while length < len(first) and first[length : length + 1] == last[length : length + 1]:
            length += 1
        return first[:length]

    def _first_byte(self, words: Words, word: int) -> bytes:
        bits = int(words[word]) & 0xFFFFFFFF
        lowest = word * 32 + (bits & -bits).bit_length() - 1
        return self._vocabulary.token_bytes(lowest)[:1]


@lru_cache(maxsize=4)
def _build(key: ByFingerprint) -> ForcedText:
    return ForcedText(key.vocabulary)


def forced_text(vocabulary: Vocabulary) -> ForcedText:
    """The reader for `vocabulary`; the last few are kept, by fingerprint."""
    return _build(ByFingerprint(vocabulary))
