"""The judge that keeps what is written inside of its hole.

The language's grammar alone would let `f(…` be filled with `1); g(2`. Seen from the stack, what is
written has left the construct around the hole once

- a closing bracket stands there that it didn't open, or, outside of all brackets, a line end or a
  separator, or a line that begins too far left; or
- a finished node holds the construct's start: one that begins before it, or of its own kind.

What is written may still change what the hole is a part of: `1 + 2` in `x * …` is `x * 1 + 2`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ananke.analysis.holes import Region
from ananke.domains.by_fingerprint import ByFingerprint
from ananke.domains.state import Words
from ananke.masks import allocate, set_tokens, subtract, tokens_of
from ananke.parsing.state import ParseState
from ananke.vocabulary import Vocabulary

__all__ = ["RegionState"]

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

    def narrow(self, words: Words) -> None:
        ending = _ending(self._region)
        table = _table(ByFingerprint(self._vocabulary), ending)
        verdicts: dict[bytes, bool] = {}
        refused: list[int] = []
        # What is no closed lexeme yet (`=`, a line end) may leave by what comes next.
        is_pending = not set(ending).isdisjoint(self._parse.tail)
        for token in tokens_of(words).tolist():
            text = self._vocabulary.token_bytes(token)
            if not text:
                continue
            if table[token]:
                key = text
            elif is_pending:
                # Its column and first letter decide.
                blank = len(text) - len(text.lstrip(b" \t"))
                key = text[: blank + 1]
            else:
                continue
            verdict = verdicts.get(key)
            if verdict is None:
                after = self._parse.feed(key)
                verdict = after is None or not _has_left(self._region, after)
                verdicts[key] = verdict
            if not verdict:
                refused.append(token)
        if not self.can_end():
            refused += self._vocabulary.eos
        row = allocate(1, self._vocabulary.size)[0]
        set_tokens(row, refused, self._vocabulary.size)
        subtract(words, words, row)

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
    words = {close for _, close in region.pairs} | region.separators
    return b"\n\r" + "".join(sorted(word for word in words if len(word) == 1)).encode()


@lru_cache(maxsize=16)
def _table(key: ByFingerprint, ending: bytes) -> list[bool]:
    """For each token whether it holds one of the bytes."""
    vocabulary = key.vocabulary
    bytes_ = frozenset(ending)
    return [
        not bytes_.isdisjoint(vocabulary.token_bytes(token)) for token in range(vocabulary.size)
    ]
