"""A Vocabulary as llguidance wants it: one LLTokenizer, and what to mend in the masks it writes.

llguidance's trie can't hold a token of more than 255 bytes, needs an EOS id, and takes tokens, not
bytes. So its table is ours plus a tail that only this module knows:

    ids 0 .. size-1             our tokens; special ones and those of more than 255 bytes as
                                special ids, which never match text
    ids size .. size+255        the 256 single bytes, so that any text can be fed
    id  size+256                llguidance's EOS

Masks are computed over the longer table and cut back to ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import llguidance

from ananke.domains.by_fingerprint import ByFingerprint
from ananke.masks import allocate, set_tokens, words_for
from ananke.vocabulary import Vocabulary

#: llguidance stores how many levels a trie node closes in 8 bits.
LONGEST_TOKEN = 255

#: Tables kept at once. One takes a few MB and about half a second for 150,000 tokens.
TABLES_KEPT = 4


class TokenTable:
    """`tokenizer` for llguidance, and the ids and masks that translate its answers.

    Immutable after construction, shared by all sessions over one vocabulary.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        size = vocabulary.size
        self.size = size
        self.words = words_for(size)
        self.byte_base = size
        self._end = size + 256

        tokens = [vocabulary.token_bytes(token) for token in range(size)]
        silent = [token for token, text in enumerate(tokens) if not text]
        self.overlong: tuple[tuple[int, bytes], ...] = tuple(
            (token, text) for token, text in enumerate(tokens) if len(text) > LONGEST_TOKEN
        )
        for token, _ in self.overlong:
            tokens[token] = b""
        #: Bits of the tokens that can match text, and of the EOS ids.
        self.matchable = allocate(1, size)[0]
        set_tokens(self.matchable, (token for token, text in enumerate(tokens) if text), size)
        self.ending = allocate(1, size)[0]
        set_tokens(self.ending, vocabulary.eos, size)
        tokens += [bytes([byte]) for byte in range(256)]
        tokens.append(b"")

        special = [*silent, *(token for token, _ in self.overlong), self._end]
        self.tokenizer = llguidance.LLTokenizer(
            llguidance.TokenizerWrapper(_Table(tokens, special, self._end, self.byte_base)),
            eos_token=[self._end],
        )

    @property
    def scratch_words(self) -> int:
        """Words in a mask over llguidance's longer table."""
        return words_for(self._end + 1)

    def spell(self, text: bytes, token: int | None) -> Sequence[int]:
        """Ids that feed `text`: the token itself where llguidance can match it, else its bytes."""
        if token is not None and 0 < len(text) <= LONGEST_TOKEN:
            return (token,)
        return [self.byte_base + byte for byte in text]


class _Table:
    """The interface that `llguidance.TokenizerWrapper` reads."""

    bos_token_id = None

    def __init__(
        self, tokens: list[bytes], special: list[int], eos_token_id: int, byte_base: int
    ) -> None:
        self.tokens = tokens
        self.special_token_ids = special
        self.eos_token_id = eos_token_id
        self._byte_base = byte_base

    def __call__(self, text: bytes | str) -> list[int]:
        raw = text.encode() if isinstance(text, str) else text
        return [self._byte_base + byte for byte in raw]


@lru_cache(maxsize=TABLES_KEPT)
def _build(key: ByFingerprint) -> TokenTable:
    return TokenTable(key.vocabulary)


def token_table(vocabulary: Vocabulary) -> TokenTable:
    """The table for `vocabulary`; the last few are kept, by fingerprint."""
    return _build(ByFingerprint(vocabulary))
