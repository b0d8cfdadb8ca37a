"""A vocabulary's tokens, sorted by what they add to a program.

A token is a *lead*, punctuation and blanks, then perhaps the start of a word, its *tail*:

    lead    tail
    b""     b"print"     goes on with the word before, or begins one
    b" "    b"print"
    b")."   b"append"
    b"):"   b""

Tokens of one lead lead to the same place, whatever their tails; so they are one group.

In a string or comment only what may end it counts. There a token's lead begins at the first such
byte, and tokens without one don't count at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ananke.analysis.judgement import Inert, Meaning, Outline, Stroke
from ananke.domains.by_fingerprint import ByFingerprint
from ananke.vocabulary import Vocabulary

__all__ = ["Group", "Pieces", "pieces_of"]


@dataclass(slots=True)
class Group:
    """Tokens of one lead.

    Attributes:
        lead: what stands before the tail.
        outline: what matters of the lead.
        tails: the tokens by their tail.
        tokens: int32 (n,), all of them.
        tail_lengths: uint16 (n,), of their tails, in bytes.
        is_word: the tokens are parts of words and nothing else.
        is_digits: they are so and begin with a digit.
    """

    lead: bytes
    outline: Outline
    tails: dict[bytes, list[int]] = field(default_factory=dict)
    tokens: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    tail_lengths: npt.NDArray[np.uint16] = field(default_factory=lambda: np.empty(0, np.uint16))
    is_word: bool = False
    is_digits: bool = False


@dataclass(frozen=True, slots=True)
class Pieces:
    """All tokens that count in some place.

    Attributes:
        groups: by the length of their leads.
        order: int32 (n,), the tokens, group by group.
        starts: int64 (groups,), where each group begins in `order`.
    """

    groups: tuple[Group, ...]
    order: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]

    def alive(self, admitted: npt.NDArray[np.uint8]) -> list[int]:
        """The groups that have a token in `admitted` (uint8, one for each token of the
        vocabulary, 0 or 1)."""
        if not len(self.order):
            return []
        found = np.add.reduceat(admitted[self.order], self.starts, dtype=np.uint32)
        return np.flatnonzero(found).tolist()


#: The name of what its tokens have in common, for keys.
_Key = tuple[str, bytes]
#: How many bytes of a token are inert, and how many then end that.
_Cut = tuple[int, int]


def _sort(meaning: Meaning, vocabulary: Vocabulary, cuts: dict[int, _Cut]) -> Pieces:
    """The pieces of the tokens in `cuts`, each without what is inert."""
    start, rest = (b"[" + re.escape(one) + b"]" for one in (meaning.name_start, meaning.name_bytes))
    tail = re.compile(start + rest + rb"*\Z")
    word = re.compile(rest + rb"+\Z")
    groups: dict[_Key, Group] = {}
    for token, (skip, end_length) in cuts.items():
        text = vocabulary.token_bytes(token)
        piece = text[skip:]
        if not skip and not end_length and word.match(piece):
            is_digits = piece[0] not in meaning.name_start
            key, lead, end = ("digits" if is_digits else "word", b""), b"", piece
        else:
            found = tail.search(piece, end_length)
            at = len(piece) if found is None else found.start()
            key, lead, end = ("lead", piece[:at]), piece[:at], piece[at:]
        group = groups.get(key)
        if group is None:
            closing, code = lead[:end_length], lead[end_length:]
            known = meaning.outline(code)
            group = groups[key] = Group(lead, _after_end(closing, known))
            group.is_word, group.is_digits = key[0] != "lead", key[0] == "digits"
        group.tails.setdefault(end, []).append(token)
    ordered = sorted(groups.values(), key=lambda one: (len(one.lead), one.lead))
    starts: list[int] = []
    order: list[int] = []
    for group in ordered:
        starts.append(len(order))
        tokens = [token for many in group.tails.values() for token in many]
        group.tokens = np.array(tokens, np.int32)
        lengths = [len(tail) for tail, many in group.tails.items() for _ in many]
        group.tail_lengths = np.array(lengths, np.uint16)
        order += tokens
    return Pieces(tuple(ordered), np.array(order, np.int32), np.array(starts, np.int64))


def _after_end(closing: bytes, outline: Outline) -> Outline:
    """The outline of what closes a string and goes on as `outline`."""
    if not closing:
        return outline
    strokes = [Stroke(b"end", len(closing), True)]
    strokes += [replace(one, end=one.end + len(closing)) for one in outline.strokes]
    return Outline(tuple(strokes), ("end", outline.due), outline.is_inert)


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


@lru_cache(maxsize=64)
def _pieces(key: ByFingerprint, meaning: Meaning, inert: Inert | None) -> Pieces:
    vocabulary = key.vocabulary
    cuts: dict[int, _Cut] = {}
    for token in range(vocabulary.size):
        text = vocabulary.token_bytes(token)
        if text:
            cut = (0, 0) if inert is None else _first_end(text, inert)
            if cut is not None:
                cuts[token] = cut
    return _sort(meaning, vocabulary, cuts)


def pieces_of(vocabulary: Vocabulary, meaning: Meaning, inert: Inert | None) -> Pieces:
    """The vocabulary's pieces, in code or in a string or comment; kept while they are used."""
    return _pieces(ByFingerprint(vocabulary), meaning, inert)
