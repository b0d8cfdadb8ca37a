"""The judge that keeps what is written inside of its hole.

The language's grammar alone would let `f(…` be filled with `1); g(2`. Seen from the stack, what is
written has left the construct around the hole once

- a closing bracket stands there that it didn't open, or, outside of all brackets, a line end or a
  separator, or a line that begins too far left; or
- a finished node holds the construct's start: one that begins before it, or of its own kind.

What is written may still change what the hole is a part of: `1 + 2` in `x * …` is `x * 1 + 2`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ananke.analysis.holes import Region
from ananke.domains.by_fingerprint import ByFingerprint
from ananke.domains.state import Words
from ananke.parsing.state import ParseState
from ananke.vocabulary import Vocabulary

__all__ = ["RegionState"]

#: The key of tokens that can't leave.
_NO_KEY = 0
#: After all columns.
_ANYWHERE = 1 << 30


class RegionState:
    """Inside the hole: an immutable value (see `JudgeState`)."""

    __slots__ = ("_parse", "_region", "_vocabulary")

    part = "hole"

    def __init__(self, region: Region, vocabulary: Vocabulary, parse: ParseState) -> None:
        self._region = region
        self._vocabulary = vocabulary
        self._parse = parse

    def advance(self, parse: ParseState) -> RegionState | None:
        if _has_left(self._region, parse):
            return None
        return RegionState(self._region, self._vocabulary, parse)

    def can_end(self) -> bool:
        # The text after the hole says whether it may end; and a hole isn't filled with nothing.
        return bool(self._parse.text(self._region.hole).strip())

    def forgive(self, parse: ParseState) -> RegionState | None:
        # What has left the hole is outside for good.
        return None

    def proposals(self) -> Iterable[tuple[bytes, ...]]:
        return ()

    def trial(self) -> AbstractContextManager[None]:
        return nullcontext()

    def endings(self) -> Iterable[bytes]:
        return ()

    def narrow(self, words: Words, deadline: int | None = None) -> bool:
        table = _table(ByFingerprint(self._vocabulary), _ending(self._region))
        size = self._vocabulary.size
        admitted = np.unpackbits(words.view(np.uint8), bitorder="little")[:size]
        keys = table.keys
        # What is no closed lexeme yet (`=`, a line end) may leave by what comes next.
        if not set(_ending(self._region)).isdisjoint(self._parse.tail):
            keys = np.where(keys == _NO_KEY, table.beginnings, keys)
        stays = np.ones(len(table.texts), np.uint8)
        for key in np.unique(keys[admitted == 1]).tolist():
            if key != _NO_KEY:
                after = self._parse.feed(table.texts[key])
                stays[key] = after is None or not _has_left(self._region, after)
        admitted &= stays[keys]
        if not self.can_end():
            admitted[list(self._vocabulary.eos)] = 0
        packed = np.packbits(admitted, bitorder="little")
        words.view(np.uint8)[: len(packed)] = packed
        return True

    def refusal(self, parse: ParseState) -> str:
        written = parse.text(self._region.hole)
        return f"{written!r} leaves the {self._region.kind.replace('_', ' ')} that the hole is in"

    def end_refusal(self) -> str:
        return "the hole is empty"


def _has_left(region: Region, parse: ParseState) -> bool:
    opening = dict(region.pairs)
    strict = {close for _, close in region.pairs} - region.loose
    due: list[str] = []
    for node in parse.stack():
        if node.end <= region.start:
            continue
        kind = node.kind
        if node.start < region.start or (node.start == region.start and kind == region.kind):
            return True
        if node.start < region.hole or node.children:
            continue
        if kind in opening:
            due.append(opening[kind])
        elif due and kind == due[-1]:
            due.pop()
        elif kind in strict or (not due and kind in region.separators):
            return True
    if due:
        return False
    tail = parse.text(max(region.hole, parse.lexeme_start))
    if region.is_line:
        return any(True for _ in _line_ends(tail))
    return any(_column(tail[at + 1 :]) < region.column for at in _line_ends(tail))


def _line_ends(tail: bytes) -> Iterator[int]:
    """Where lines end in what is no closed lexeme yet; a backslash before one joins two lines."""
    for at, byte in enumerate(tail):
        if byte == 10 and tail[:at].rstrip(b"\r")[-1:] != b"\\":
            yield at


def _column(line: bytes) -> int:
    """Where a line begins; one that is blank so far, or a comment, may begin anywhere."""
    rest = line.lstrip(b" \t")
    if rest[:1] in (b"", b"\r", b"\n", b"#"):
        return _ANYWHERE
    return len(line[: len(line) - len(rest)].expandtabs(8))


@lru_cache(maxsize=64)
def _ending(region: Region) -> bytes:
    """The bytes that may leave a region; a token without one may do so only after a line end."""
    words = {close for _, close in region.pairs} - region.loose | region.separators
    return b"\n\r" + "".join(sorted(word for word in words if len(word) == 1)).encode()


@dataclass(frozen=True, slots=True)
class _Table:
    """Tokens that leave alike, by the beginning that decides.

    Attributes:
        texts: the beginnings, by key; that of `_NO_KEY` stands for tokens that can't leave.
        keys: for each token the key of its text up to the first letter after the last byte that may
            leave: int32, shape (vocabulary size,).
        beginnings: the same up to its first letter, for tokens that can only complete what is
            pending.
    """

    texts: list[bytes]
    keys: npt.NDArray[np.int32]
    beginnings: npt.NDArray[np.int32]


@lru_cache(maxsize=16)
def _table(key: ByFingerprint, ending: bytes) -> _Table:
    vocabulary = key.vocabulary
    numbers: dict[bytes, int] = {b"": _NO_KEY}
    keys, beginnings = np.zeros((2, vocabulary.size), np.int32)
    for token in range(vocabulary.size):
        text = vocabulary.token_bytes(token)
        last = max(map(text.rfind, (bytes([byte]) for byte in ending)))
        if last >= 0:
            keys[token] = numbers.setdefault(_to_a_letter(text, last + 1), len(numbers))
        beginnings[token] = numbers.setdefault(_to_a_letter(text, 0), len(numbers))
    return _Table(list(numbers), keys, beginnings)


def _to_a_letter(text: bytes, start: int) -> bytes:
    """The text as far as the first byte from `start` on that is no blank."""
    return text[: len(text) - len(text[start:].lstrip(b" \t")) + 1]
