"""Where tokens are cut: what of them is inert, their lead, and their tail (see `pieces.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ananke.analysis.judgement import Inert, Meaning
from ananke.domains.by_fingerprint import ByFingerprint
from ananke.vocabulary import Vocabulary

__all__ = ["DIGITS", "LEAD", "WORD", "Leads", "leads_of"]

#: How many bytes of a token are inert, and how many then end that.
_Cut = tuple[int, int]
#: Words, digits and all others, in this order.
WORD, DIGITS, LEAD = range(3)


@dataclass(frozen=True, slots=True)
class Leads:
    """Tokens by their kind, the length of what closes a string in them, and their lead; and where
    the tail of each begins in the vocabulary's data: int64 (size,)."""

    tokens: dict[tuple[int, int, bytes], list[int]]
    tails: npt.NDArray[np.int64]


@lru_cache(maxsize=4)
def leads_of(key: ByFingerprint, meaning: Meaning, inert: Inert | None) -> Leads:
    """The leads of all tokens that count, each without what is inert."""
    vocabulary, cutting = key.vocabulary, _cutting(key, meaning)
    data = vocabulary.data
    if inert is None:
        tokens = np.flatnonzero(np.diff(vocabulary.offsets))
        skips = closings = np.zeros(len(tokens), np.int64)
    else:
        cuts = _cuts(key, inert)
        tokens = np.array(list(cuts), np.int64)
        skips, closings = np.array(list(cuts.values()), np.int64).reshape(-1, 2).T
    begins = cutting.begins[tokens] + skips
    middles = cutting.tails(tokens, begins + closings)
    is_word = (cutting.runs[tokens] == begins) & (skips == 0) & (closings == 0)
    middles = np.where(is_word, begins, middles)
    is_start = _is_in(meaning.name_start)[np.frombuffer(data, np.uint8)[begins]]
    found: dict[tuple[int, int, bytes], list[int]] = {}
    for kind, which in ((WORD, is_word & is_start), (DIGITS, is_word & ~is_start)):
        if which.any():
            found[kind, 0, b""] = tokens[which].tolist()
    rows = (one[~is_word].tolist() for one in (tokens, closings, begins, middles))
    for token, closing, begin, middle in zip(*rows, strict=True):
        found.setdefault((LEAD, closing, data[begin:middle]), []).append(token)
    tails = cutting.ends.copy()
    tails[tokens] = middles
    return Leads(found, tails)


class _Cutting:
    """Where tokens are cut into lead and tail, as positions in the vocabulary's data.

    Attributes:
        begins, ends: int64 (size,), of each token.
        runs: int64 (size,), where the bytes of names begin that each token ends in.
        starts: int64 (bytes + 1,), the next byte from each on that a name may begin with.
    """

    def __init__(self, vocabulary: Vocabulary, meaning: Meaning) -> None:
        data = np.frombuffer(vocabulary.data, np.uint8)
        places = np.arange(len(data))
        others = np.where(_is_in(meaning.name_bytes)[data], -1, places)
        last_other = np.concatenate([[-1], np.maximum.accumulate(others)])
        offsets = vocabulary.offsets.astype(np.int64)
        self.begins, self.ends = offsets[:-1], offsets[1:]
        self.runs = np.maximum(self.begins, last_other[self.ends] + 1)
        is_start = np.concatenate([_is_in(meaning.name_start)[data], [True]])
        firsts = np.where(is_start, np.arange(len(data) + 1), len(data))
        self.starts = np.minimum.accumulate(firsts[::-1])[::-1]

    def tails(
        self, tokens: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Where the tails of tokens begin, not before `ends`: int64 (tokens,)."""
        low = np.maximum(self.runs[tokens], ends)
        found: npt.NDArray[np.int64] = np.minimum(self.starts[low], self.ends[tokens])
        return found


def _is_in(some: bytes) -> npt.NDArray[np.bool_]:
    """bool (256,): which bytes are among `some`."""
    found = np.zeros(256, np.bool_)
    found[list(some)] = True
    return found


@lru_cache(maxsize=4)
def _cutting(key: ByFingerprint, meaning: Meaning) -> _Cutting:
    return _Cutting(key.vocabulary, meaning)


def _cuts(key: ByFingerprint, inert: Inert) -> dict[int, _Cut]:
    """The tokens that may end the string or comment, and where."""
    found: dict[int, _Cut] = {}
    # A token may end what the text has begun of an end.
    firsts = {end[:1] for end in inert.ends} | {end[-1:] for end in inert.ends}
    for token in sorted(set().union(*(_holding(key, first) for first in firsts))):
        cut = _first_end(key.vocabulary.token_bytes(token), inert)
        if cut is not None:
            found[token] = cut
    return found


@lru_cache(maxsize=64)
def _holding(key: ByFingerprint, byte: bytes) -> list[int]:
    """The tokens that hold the byte."""
    vocabulary = key.vocabulary
    places = np.flatnonzero(np.frombuffer(vocabulary.data, np.uint8) == ord(byte))
    tokens = np.searchsorted(vocabulary.offsets, places, side="right") - 1
    found: list[int] = np.unique(tokens).tolist()
    return found


def _first_end(text: bytes, inert: Inert) -> _Cut | None:
    """Where in the text the string or comment may begin to end, and how long a quote is that
    ends it there; None if nowhere."""
    begin = 1 if inert.is_escaped else 0
    quote = inert.ends[0]
    if inert.begun and not inert.is_escaped and text.startswith(quote[inert.begun :]):
        return 0, len(quote) - inert.begun
    first = -1
    length = 0
    for end in inert.ends:
        at = text.find(end, begin)
        while at > 0 and _is_escaped(text, at, begin):
            at = text.find(end, at + 1)
        if at >= 0 and (first < 0 or at < first):
            first, length = at, len(end) if end[:1] in b"\"'" else 0
    return None if first < 0 else (first, length)


def _is_escaped(text: bytes, at: int, begin: int) -> bool:
    before = text[begin:at]
    return (len(before) - len(before.rstrip(b"\\"))) % 2 == 1
