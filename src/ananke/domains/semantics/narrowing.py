"""Taking refused tokens out of a mask.

A claim is judged when its statement becomes final. So of all tokens only those count

- that may end the statement under way, if a claim is in it, or that finish a claim and end it;
- that hold a claim and end its statement themselves;
- that begin a line where what is final already may still be broken: blocks deeper than it end
  there, and loops are run again.

Of those, tokens that agree up to the last byte that ends anything, in the blanks after it and in
the first byte that isn't one, lead to the same final statements, and are judged once.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ananke.analysis.formulas.semantics import Inside, Semantics, UnderWay, Wording
from ananke.domains.by_fingerprint import ByFingerprint
from ananke.domains.state import Words
from ananke.parsing.state import ParseState
from ananke.vocabulary import Vocabulary

__all__ = ["claims_of", "narrow", "prepare"]

_BLANKS = b" \t\f"
#: What may stand between an operand and what goes on with it.
_SPACE = b" \t\f\r\n\\"
#: What an operand may end with.
_OPERAND = rb"[\w\x80-\xff)\]}\"']"


def narrow(
    semantics: Semantics,
    vocabulary: Vocabulary,
    parse: ParseState,
    under_way: UnderWay,
    is_right: Callable[[ParseState], bool],
    is_settled: Callable[[ParseState], bool],
    can_end: Callable[[], bool],
    words: Words,
    deadline: int | None = None,
    *,
    final: Hashable | None = None,
    waits: bool = True,
) -> bool:
    """Clears the bits of refused tokens in `words`, a row of the packed mask.

    `is_right` tells whether nothing is broken in a text, `is_settled` whether besides nothing of it
    can be by more text that makes no claim. `final` is what is final here, and `waits` whether it
    may be broken by where the next line begins.

    Where `deadline` (of `time.perf_counter_ns`) passes, the tokens that are not judged yet stay.
    Whether all were judged.
    """
    admitted = np.unpackbits(words.view(np.uint8), bitorder="little")
    groups = _groups(ByFingerprint(vocabulary), semantics.wording)
    known: dict[Hashable, bool] = {}
    right_after = {final} - {None}
    heads: dict[bytes, bool] = {}
    versions = parse.version_count
    changed = False
    is_whole = True

    def settles(head: bytes) -> bool:
        """Whether nothing is wrong after a text, nor can what is final or under way come to be."""
        after = parse.feed(head)
        if after is None or semantics.final(after) == final:
            # The statement under way has not ended.
            return False
        return is_settled(after)

    for tokens, beginning in groups.chosen(under_way, parse.tail, waits):
        if deadline is not None and time.perf_counter_ns() >= deadline:
            is_whole = False
            break
        alive = tokens[admitted[tokens] != 0]
        if not len(alive):
            continue
        text = vocabulary.token_bytes(int(alive[0])) if beginning is None else beginning
        after = parse.feed(text)
        if after is None:
            # The grammar's mask takes what its parser refuses: nothing that is judged here.
            continue
        right: bool | None = None
        # Where no lexeme has closed what is final depends on the stage alone.
        is_open = after.lexeme_start == parse.lexeme_start and after.version_count == versions == 1
        stage = semantics.stage(after) if is_open else None
        if stage is not None:
            right = known.get(stage)
        if right is None:
            then = semantics.final(after)
            right = (
                then in right_after
                or (beginning is None and not waits and groups.begins_right(text, heads, settles))
                or is_right(after)
            )
            if stage is not None:
                known[stage] = right
            if right and then is not None:
                right_after.add(then)
        if not right:
            admitted[alive] = 0
            changed = True
    eos = [token for token in vocabulary.eos if admitted[token]]
    if eos and deadline is not None and time.perf_counter_ns() >= deadline:
        is_whole = False
    elif eos and not can_end():
        admitted[eos] = 0
        changed = True
    if changed:
        words[:] = np.packbits(admitted, bitorder="little").view(np.int32)
    return is_whole


@dataclass(frozen=True, slots=True)
class _Group:
    """Tokens that are judged alike.

    Attributes:
        tokens: int32 (n,).
        through: their text through the last byte that may end a statement.
        begins_line: whether a line begins in them.
        has_claim: whether a claim is in `through`, wherever it stands.
        goes_on: whether one is that stands behind an operand.
        closing: brackets that are closed in `through`.
    """

    tokens: npt.NDArray[np.int32]
    through: bytes
    begins_line: bool
    has_claim: bool
    goes_on: bool
    closing: int


@dataclass(frozen=True, slots=True)
class _Choice:
    """What the choice of tokens depends on; see `UnderWay`.

    Attributes:
        ends: none if there is no claim under way.
        waits: what is final may be broken by where a line begins.
        is_operand: what is under way may end with an operand.
        rests: what finishes a claim that it ends in the middle of.
    """

    ends: bytes
    inside: Inside
    depth: int
    waits: bool
    is_operand: bool
    rests: tuple[bytes, ...]


#: Tokens, and the text that is judged for all of them; None: that of any.
_Sample = tuple[npt.NDArray[np.int32], bytes | None]


class _Groups:
    """The vocabulary's tokens, those that are judged alike together."""

    def __init__(self, vocabulary: Vocabulary, wording: Wording) -> None:
        self._wording = wording
        self._claim = claims_of(wording)
        self._line_end = re.compile(b"[" + re.escape(wording.line_ends) + b"]")
        self._operand_end = re.compile(_OPERAND)
        self._operand = re.compile(
            b"["
            + re.escape(_SPACE)
            + b"]*(?:"
            + b"|".join(map(re.escape, wording.operand_claims))
            + b")"
            if wording.operand_claims
            else b"(?!)"
        )
        found: dict[tuple[bytes, bytes], list[int]] = {}
        first: dict[bytes, list[int]] = {}
        # The text through the last byte that may end a statement; the blanks after it, and one byte
        # more.
        key = re.compile(b"(.*[" + re.escape(wording.ends) + b"])?([ \t\f]*.?)", re.DOTALL)
        begin_of = re.compile(rb"[ \t\f]*.?", re.DOTALL)
        data, offsets = vocabulary.data, vocabulary.offsets.tolist()
        for token, (begin, end) in enumerate(pairwise(offsets)):
            if begin < end:
                text = data[begin:end]
                through, next_ = key.match(text).groups(b"")  # type: ignore[union-attr]
                found.setdefault((through, next_), []).append(token)
                beginning = begin_of.match(text).group()  # type: ignore[union-attr]
                first.setdefault(beginning, []).append(token)
        ends = re.escape(wording.line_ends)
        line = re.compile(b"[" + ends + b"][ \t\f]*[^ \t\f" + ends + b"]")
        self._ending = [
            _Group(
                np.array(tokens, np.int32),
                through,
                line.search(vocabulary.token_bytes(tokens[0])) is not None,
                self._claim.search(through) is not None,
                self._operand.match(through) is not None,
                sum(byte in wording.closing for byte in through),
            )
            for (through, _), tokens in found.items()
            if through
        ]
        self._first: list[_Sample] = [
            (np.array(tokens, np.int32), text) for text, tokens in first.items()
        ]
        self._known: dict[_Choice, list[_Sample]] = {}

    def chosen(self, under_way: UnderWay, tail: bytes, waits: bool) -> list[_Sample]:
        """What is judged after a text whose pending lexeme is `tail`."""
        wording, text, inside = self._wording, under_way.text, under_way.inside
        has_claim = self._claim.search(text) is not None
        # What the text ends with may be the beginning of a claim, and the token the rest.
        rests = frozenset(
            claim[length:]
            for claim in wording.claims
            for length in range(1, len(claim))
            if text.endswith(claim[:length])
        )
        ends = under_way.ends if has_claim else b""
        # What the last byte of a comment is says nothing.
        bare = text.rstrip(_SPACE)
        is_operand = b"#" in text or self._operand_end.match(bare[-1:]) is not None
        key = _Choice(ends, inside, under_way.depth, waits, is_operand, tuple(sorted(rests)))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._choose(key)
        last = tail.rstrip(_BLANKS)[-1:]
        pending = ends + (wording.line_ends if waits else b"")
        if last and last in pending and inside is Inside.NOTHING and not under_way.depth:
            # What the next byte is decides whether that was an end, or which blocks end.
            return found + self._first
        return found

    def begins_right(
        self, text: bytes, heads: dict[bytes, bool], settles: Callable[[bytes], bool]
    ) -> bool:
        """Whether the first line end in a text settles all before it, and what comes behind it
        makes no claim. What is settled is remembered in `heads`."""
        end = self._line_end.search(text)
        if end is None or self._claim.search(text[end.end() :]):
            return False
        head = text[: end.end()]
        if head not in heads:
            heads[head] = settles(head)
        return heads[head]

    def _choose(self, choice: _Choice) -> list[_Sample]:
        wording, inside = self._wording, choice.inside
        # In a string or a comment nothing ends before it does.
        needed = {
            Inside.NOTHING: b"",
            Inside.STRING: b"[" + re.escape(wording.quotes) + b"].",
            Inside.COMMENT: b"[" + re.escape(wording.line_ends) + b"]",
        }[inside]
        needs = re.compile(needed, re.DOTALL)
        return [
            (one.tokens, None)
            for one in self._ending
            if one.closing >= choice.depth
            and (
                one.has_claim
                or (choice.is_operand and one.goes_on)
                or (choice.waits and one.begins_line)
                or one.through.startswith(choice.rests)
                or any(end in one.through for end in choice.ends)
            )
            and needs.search(one.through)
        ]


@lru_cache(maxsize=8)
def claims_of(wording: Wording) -> re.Pattern[bytes]:
    """What finds a claim in a text."""
    return re.compile(b"|".join(_pattern(one, wording) for one in wording.claims))


def _pattern(claim: bytes, wording: Wording) -> bytes:
    escaped = re.escape(claim)
    if claim.isalpha():
        return rb"(?<![\w\x80-\xff])" + escaped + rb"(?![\w\x80-\xff])"
    if claim in wording.operand_claims:
        return _OPERAND + b"[" + re.escape(_SPACE) + b"]*" + escaped
    return escaped


@lru_cache(maxsize=8)
def _groups(key: ByFingerprint, wording: Wording) -> _Groups:
    return _Groups(key.vocabulary, wording)


def prepare(vocabulary: Vocabulary, wording: Wording) -> None:
    """Sorts the tokens once for all."""
    _groups(ByFingerprint(vocabulary), wording)
