"""Taking refused tokens out of a mask.

Tokens that are judged alike are judged once:

- In a string or comment, what can't end it adds nothing (`Inert`).
- Tokens that begin with the same strokes lead to the same place: a branch of their tree is judged
  by one of them. What begins with something refused is refused. Where all that is open could be
  closed without harm (`is_settled`), what only closes and separates isn't judged.
- Of the words that may follow, what is asked is asked once (`words_due`): the names that may stand
  there are walked through the group's tails.

`narrow` without a deadline equals judging every token by itself; the tests compare the two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ananke.analysis.judgement import Constraint
from ananke.domains.meaning.pieces import Branch, Group, Pieces, Stretch, pieces_of
from ananke.domains.state import Words
from ananke.masks import clear_tokens, contains, first_of
from ananke.parsing.state import ParseState

if TYPE_CHECKING:
    from ananke.domains.meaning.state import Request

__all__ = ["Ending", "narrow"]

#: Narrowed masks that a request keeps.
_MOST_KEPT = 8
#: What is due of words where they may be any name.
_ANYTHING: tuple[tuple[Constraint, ...], ...] = ((),)
#: Tokens that are judged one by one: fewer keywords and parts of them may follow an operand.
_FEW = 64


@dataclass(frozen=True, slots=True)
class Ending:
    """Whether the text may end, and in how many nanoseconds that is likely told."""

    can_end: Callable[[], bool]
    expected: float


def narrow(
    request: Request,
    parse: ParseState,
    words: Words,
    ending: Ending,
    deadline: int | None = None,
) -> bool:
    """Clears the bits of refused tokens in `words`, a row of the packed mask.

    Where `deadline` (of `time.perf_counter_ns`) passes, the tokens that are not judged yet stay;
    those of the least ids, which are the likeliest, are judged first, EOS last. Whether all were.
    """
    is_whole = _narrow(request, parse, words, deadline)
    eos = [token for token in request.vocabulary.eos if contains(words, token)]
    # Whether the text may end is the longest question of all: it comes last.
    if eos and is_whole:
        if deadline is not None and time.perf_counter_ns() + ending.expected > deadline:
            is_whole = False
        elif not ending.can_end():
            clear_tokens(words, eos)
    return is_whole


def _narrow(request: Request, parse: ParseState, words: Words, deadline: int | None) -> bool:
    """Clears the bits of refused tokens but for EOS."""
    meaning, vocabulary = request.meaning, request.vocabulary
    position = meaning.position(request.program, parse)
    key = None
    if position.likeness is not None:
        key = position.likeness, words.tobytes()
        known = request.narrowed.get(key)
        if known is not None:
            words[:] = known
            return True
    pieces = pieces_of(vocabulary, meaning, position.inert, parse)
    admitted = np.unpackbits(words.view(np.uint8), bitorder="little")
    firsts = first_of(words, pieces.order, pieces.firsts, pieces.lasts)
    with meaning.trial(request.program):
        is_whole = _Place(request, parse, pieces, admitted, firsts).judge_all(deadline)
    words[:] = np.packbits(admitted, bitorder="little").view(np.int32)
    if key is not None and is_whole:
        if len(request.narrowed) >= _MOST_KEPT:
            request.narrowed.pop(next(iter(request.narrowed)), None)
        request.narrowed[key] = words.copy()
    return is_whole


@dataclass(slots=True)
class _Verdict:
    """Of a text after the place, which is right.

    Attributes:
        is_settled: see `Meaning`; None: not asked yet.
        alike: whether lexemes that are alike (see `Stroke`) are right after it.
    """

    text: bytes
    is_settled: bool | None = None
    alike: dict[bytes, bool] = field(default_factory=dict)


class _Place:
    """The judging of all tokens at one place; `admitted` (uint8, one a token) is narrowed.

    Args:
        firsts: of each stretch of the pieces the first admitted token in their order, or -1.
    """

    def __init__(
        self,
        request: Request,
        parse: ParseState,
        pieces: Pieces,
        admitted: npt.NDArray[np.uint8],
        firsts: npt.NDArray[np.int32],
    ) -> None:
        self._request = request
        self._parse = parse
        self._pieces = pieces
        self._admitted = admitted
        # Of few numbers a view is read faster than an array.
        self._firsts = firsts.data
        self._due: dict[Hashable, tuple[tuple[Constraint, ...], ...] | None] = {}
        self._begun = request.meaning.word_begun(parse)
        self._is_number = request.meaning.number_begun(parse)
        #: What is to be judged, by rank.
        self._waiting: list[tuple[int, int, Stretch, _Verdict]] = []

    def judge_all(self, deadline: int | None) -> bool:
        """Whether there was time for all. A step is not begun that would end after the deadline if
        it took as long as the longest before it."""
        began = time.perf_counter_ns()
        longest = 0
        self._wait_below(self._pieces.root, _Verdict(b""))
        while self._waiting:
            if deadline is not None:
                now = time.perf_counter_ns()
                longest = max(longest, now - began)
                began = now
                if now + longest >= deadline:
                    return False
            _, _, stretch, before = heappop(self._waiting)
            if isinstance(stretch, Branch):
                after = self._judge_branch(stretch, before)
                if after is None:
                    self._clear(stretch)
                else:
                    self._wait_below(stretch, after)
            elif isinstance(stretch, Group):
                self._judge_group(stretch, before)
        return True

    def _wait_below(self, branch: Branch, verdict: _Verdict) -> None:
        for group in branch.groups:
            if (group.asks or group.is_word) and self._firsts[group.index] >= 0:
                heappush(self._waiting, (group.rank, group.index, group, verdict))
        for one in branch.branches:
            if self._firsts[one.index] >= 0 and not (one.is_plain and self._is_settled(verdict)):
                heappush(self._waiting, (one.rank, one.index, one, verdict))

    def _judge_branch(self, branch: Branch, before: _Verdict) -> _Verdict | None:
        stroke = branch.stroke
        assert stroke is not None
        text = self._sample(branch)
        if stroke.is_free:
            return _Verdict(text)
        if not (stroke.is_neutral and self._is_settled(before)):
            after = _Verdict(text)
            # Where it will be asked, and is likely, whether all is settled tells both.
            asks = branch.has_neutral and before.is_settled is True
            return after if (asks and self._is_settled(after)) or self._is_right(text) else None
        if stroke.alike:
            known = before.alike.get(stroke.alike)
            if known is None:
                known = before.alike[stroke.alike] = self._is_right(text)
            if not known:
                return None
        return _Verdict(text, True)

    def _judge_group(self, group: Group, before: _Verdict) -> None:
        if self._is_number and group.is_word:
            self._judge_each(self._alive_tails(group))
        elif group.is_word and group.is_digits and not self._begun:
            tails = self._alive_tails(group)
            digits = min((text for text in tails if text.isdigit()), default=None)
            if digits is not None and not self._is_right(digits):
                self._clear(group)
                return
            self._judge_each({text: tails[text] for text in tails if not text.isdigit()})
        else:
            if group.is_word:
                begun = self._begun
                takes_names = self._require(group, b"", begun, b"")
            else:
                begun = b""
                takes_names = self._require(group, self._sample(group), begun, group.due)
            # No names: the few keywords that may follow an operand show what it is.
            if not takes_names and self._count(group) <= _FEW:
                tails = self._alive_tails(group)
                if self._is_settled(before):
                    turning = self._request.meaning.turning
                    tails = {
                        text: tokens
                        for text, tokens in tails.items()
                        if any(word.startswith(begun + text) for word in turning)
                    }
                self._judge_each(tails)

    def _judge_each(self, tails: dict[bytes, list[int]]) -> None:
        for text, tokens in tails.items():
            if not self._is_right(text):
                self._admitted[tokens] = 0

    def _count(self, group: Group) -> int:
        """How many of the group's tokens that have a tail are admitted."""
        return int(np.count_nonzero(self._admitted[self._with_tails(group)]))

    def _with_tails(self, group: Group) -> npt.NDArray[np.int32]:
        """The group's tokens but for those that end where it begins, which its branch judges."""
        tokens = self._pieces.order[group.first : group.last]
        return tokens[self._pieces.tail_lengths[group.first : group.last] > 0]

    def _alive_tails(self, group: Group) -> dict[bytes, list[int]]:
        """The group's admitted tokens that have a tail, by their texts."""
        tokens = self._with_tails(group)
        found: dict[bytes, list[int]] = {}
        for token in tokens[self._admitted[tokens] == 1].tolist():
            found.setdefault(self._request.vocabulary.token_bytes(token), []).append(token)
        return found

    def _is_settled(self, verdict: _Verdict) -> bool:
        if verdict.is_settled is None:
            request = self._request
            parse = self._parse.feed(verdict.text)
            verdict.is_settled = parse is not None and request.meaning.is_settled(
                request.program, parse
            )
        return verdict.is_settled

    def _sample(self, stretch: Stretch) -> bytes:
        """What an admitted token of a branch holds up to its last stroke, and one of a group up to
        its tail."""
        pieces = self._pieces
        at = self._firsts[stretch.index]
        text = self._request.vocabulary.token_bytes(int(pieces.order[at]))
        end = len(text) - int(pieces.tail_lengths[at])
        if isinstance(stretch, Branch):
            lead = pieces.leads[pieces.lead_of[at]]
            stroke = lead.strokes[stretch.depth - 1]
            end += stroke.end - len(lead.text)
            closed: bytes = text[:end] + stroke.closing
            if stroke.closing and self._parse.feed(closed) is not None:
                return closed
        return bytes(text[:end])

    def _require(self, group: Group, before: bytes, begun: bytes, key: Hashable) -> bool:
        """Keeps, of the group's tokens, those whose tails may become what is due after `before`;
        the same is due wherever `key` is the same. Whether names may be there at all."""
        if key not in self._due:
            after = self._parse.feed(before)
            meaning, program = self._request.meaning, self._request.program
            self._due[key] = None if after is None else meaning.words_due(program, after)
        due = self._due[key]
        if due == _ANYTHING:
            return True
        after = None if due is None else self._parse.feed(before)
        if due is None or after is None:
            return False
        operand_words = frozenset[str]()
        if any(one.is_operand for reading in due for one in reading):
            operand_words = self._request.meaning.operand_words(after)
        kept: list[npt.NDArray[np.int32]] = [np.array(group.tails.get(b"", ()), np.int32)]
        for reading in due:
            found = [self._walk(group, one, begun, operand_words) for one in reading]
            common = found[0]
            for more in found[1:]:
                common = np.intersect1d(common, more)
            kept.append(common)
        allowed = np.concatenate(kept)
        saved = self._admitted[allowed]
        self._clear(group)
        self._admitted[allowed] = saved
        return True

    def _walk(
        self, group: Group, constraint: Constraint, begun: bytes, operand_words: frozenset[str]
    ) -> npt.NDArray[np.int32]:
        words = operand_words if constraint.is_operand else frozenset()
        return _walked(_ByIdentity(group), constraint, begun, words)

    def _is_right(self, text: bytes) -> bool:
        after = self._parse.feed(text)
        # What the parser refuses of what syntax's mask has admitted is left to syntax.
        return after is None or not self._request.judge(after).defects

    def _clear(self, stretch: Stretch) -> None:
        self._admitted[self._pieces.order[stretch.first : stretch.last]] = 0


class _ByIdentity:
    """A group as a cache key; groups are made once for a vocabulary."""

    __slots__ = ("group",)

    def __init__(self, group: Group) -> None:
        self.group = group

    def __hash__(self) -> int:
        return id(self.group)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and other.group is self.group


@lru_cache(maxsize=512)
def _walked(
    key: _ByIdentity, constraint: Constraint, begun: bytes, words: frozenset[str]
) -> npt.NDArray[np.int32]:
    """The tokens of the group whose tails, after what is begun, may become what is asked."""
    group = key.group
    found: dict[int, None] = {}
    for name in (*constraint.names, *words):
        text = name.encode()
        if text.startswith(begun):
            left = text[len(begun) :]
            for length in range(1, len(left) + 1):
                for token in group.tails.get(left[:length], ()):
                    found[token] = None
    for opening in constraint.openings:
        start = opening.encode()
        for text in _beginning(group, begun, start):
            found.update(dict.fromkeys(group.tails[text]))
    return np.array(list(found), np.int32)


def _beginning(group: Group, begun: bytes, start: bytes) -> Iterable[bytes]:
    """The group's tails that, after what is begun, begin with `start` or are its beginning."""
    if begun.startswith(start):
        return group.tails
    if not start.startswith(begun):
        return ()
    left = start[len(begun) :]
    begins = (left[:length] for length in range(1, len(left)))
    return [
        *(text for text in begins if text in group.tails),
        *(text for text in group.by_first.get(left[:1], ()) if text.startswith(left)),
    ]
