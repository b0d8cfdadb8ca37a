"""Taking refused tokens out of a mask.

Tokens that are judged alike are judged once:

- In a string or comment, what can't end it adds nothing (`Inert`).
- Tokens with the same lead lead to the same place. A lead is judged lexeme by lexeme, as far as its
  outline tells them from others; what begins with something refused is refused. Where all that is
  open could be closed without harm (`is_settled`), what only closes and separates isn't judged.
- Of the words that may follow a lead, what is asked is asked once (`words_due`): the names that may
  stand there are walked through the group's tails.

`narrow` equals judging every token by itself; the tests compare the two.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ananke.analysis.judgement import Constraint, Inert, Stroke
from ananke.domains.meaning.pieces import Group, Pieces, pieces_of
from ananke.domains.state import Words
from ananke.parsing.state import ParseState

if TYPE_CHECKING:
    from ananke.domains.meaning.state import Request

__all__ = ["narrow"]

#: Signs that may be part of a longer one.
_SIGNS = frozenset(bytes([one]) for one in b"<>=!*/+-%&|^@:.~")


def narrow(
    request: Request,
    parse: ParseState,
    inert: Inert | None,
    words: Words,
    can_end: Callable[[], bool],
) -> None:
    """Clears the bits of refused tokens in `words`, a row of the packed mask."""
    vocabulary = request.vocabulary
    pieces = pieces_of(vocabulary, request.meaning, inert)
    admitted = np.unpackbits(words.view(np.uint8), bitorder="little")
    before = admitted.copy()
    _Place(request, parse, pieces, admitted).judge_all()
    eos = [token for token in vocabulary.eos if admitted[token]]
    if eos and not can_end():
        admitted[eos] = 0
    if not np.array_equal(before, admitted):
        words[:] = np.packbits(admitted, bitorder="little").view(np.int32)


@dataclass(slots=True)
class _Verdict:
    """Of a text after the place.

    Attributes:
        is_settled: see `Meaning`; None: not asked yet.
        alike: whether lexemes that are alike (see `Stroke`) are right after it.
    """

    is_right: bool
    text: bytes
    is_settled: bool | None = None
    alike: dict[bytes, bool] = field(default_factory=dict)


class _Place:
    """The judging of all groups at one place; `admitted` (uint8, one a token) is narrowed."""

    def __init__(
        self,
        request: Request,
        parse: ParseState,
        pieces: Pieces,
        admitted: npt.NDArray[np.uint8],
    ) -> None:
        self._request = request
        self._parse = parse
        self._pieces = pieces
        self._admitted = admitted
        self._verdicts: dict[tuple[bytes, ...], _Verdict] = {(): _Verdict(True, b"")}
        self._due: dict[Hashable, tuple[tuple[Constraint, ...], ...] | None] = {}
        self._begun = request.meaning.word_begun(parse)
        self._is_number = request.meaning.number_begun(parse)
        # `1.` and `1 .`, `<` and `<=`: what stands before a piece may go on in it.
        self._goes_on = self._is_number or parse.tail[-1:] in _SIGNS

    def judge_all(self) -> None:
        for at in self._pieces.alive(self._admitted):
            group = self._pieces.groups[at]
            if group.is_word:
                self._judge_words(group)
            else:
                self._judge_lead(group)

    def _judge_words(self, group: Group) -> None:
        if self._is_number:
            self._judge_each(group)
        elif group.is_digits and not self._begun:
            alive = [text for text, tokens in group.tails.items() if self._any(tokens)]
            digits = min((text for text in alive if text.isdigit()), default=None)
            if digits is not None and not self._is_right(digits):
                self._clear(group.tokens)
                return
            self._judge_each(group, lambda text: not text.isdigit())
        else:
            self._require(group, b"", self._begun, b"")

    def _judge_each(self, group: Group, which: Callable[[bytes], bool] = lambda text: True) -> None:
        for text, tokens in group.tails.items():
            if which(text) and self._any(tokens) and not self._is_right(text):
                self._admitted[tokens] = 0

    def _judge_lead(self, group: Group) -> None:
        sample = self._sample(group)
        lead, outline = group.lead, group.outline
        strokes, due = outline.strokes, outline.due
        if self._goes_on and lead.lstrip(b" \t")[:1] in _SIGNS:
            # It stands for itself.
            strokes, due = (Stroke(lead, len(lead), False),), lead
        inert = len(sample) - len(lead)
        verdict = self._verdicts[()]
        names: tuple[bytes, ...] = ()
        for one in strokes:
            names = (*names, one.name)
            known = self._verdicts.get(names)
            if known is None:
                known = self._after_stroke(verdict, one, sample[: inert + one.end])
                self._verdicts[names] = known
            verdict = known
            if not verdict.is_right:
                self._clear(group.tokens)
                return
        if not outline.is_inert and (len(group.tails) > 1 or b"" not in group.tails):
            self._require(group, sample, b"", due)

    def _after_stroke(self, before: _Verdict, stroke: Stroke, text: bytes) -> _Verdict:
        if not (stroke.is_neutral and self._is_settled(before)):
            return _Verdict(self._is_right(text), text)
        if not stroke.alike:
            return _Verdict(True, text, True)
        known = before.alike.get(stroke.alike)
        if known is None:
            known = before.alike[stroke.alike] = self._is_right(text)
        return _Verdict(known, text, known)

    def _is_settled(self, verdict: _Verdict) -> bool:
        if verdict.is_settled is None:
            request = self._request
            parse = self._after(verdict.text)
            verdict.is_settled = request.meaning.is_settled(request.program, parse)
        return verdict.is_settled

    def _sample(self, group: Group) -> bytes:
        """What an admitted token of the group holds before its tail."""
        at = int(self._admitted[group.tokens].argmax())
        text = self._request.vocabulary.token_bytes(int(group.tokens[at]))
        return text[: len(text) - int(group.tail_lengths[at])]

    def _require(self, group: Group, before: bytes, begun: bytes, key: Hashable) -> None:
        """Keeps, of the group's tokens, those whose tails may become what is due after `before`;
        the same is due wherever `key` is the same."""
        if key not in self._due:
            meaning, program = self._request.meaning, self._request.program
            self._due[key] = meaning.words_due(program, self._after(before))
        due = self._due[key]
        if due is None:
            return
        parse = self._after(before)
        operand_words = self._request.meaning.operand_words(parse)
        kept: list[npt.NDArray[np.int32]] = [np.array(group.tails.get(b"", ()), np.int32)]
        for reading in due:
            found = [self._walk(group, one, begun, operand_words) for one in reading]
            common = found[0]
            for more in found[1:]:
                common = np.intersect1d(common, more)
            kept.append(common)
        allowed = np.concatenate(kept)
        saved = self._admitted[allowed]
        self._clear(group.tokens)
        self._admitted[allowed] = saved

    def _walk(
        self, group: Group, constraint: Constraint, begun: bytes, operand_words: frozenset[str]
    ) -> npt.NDArray[np.int32]:
        words = operand_words if constraint.is_operand else frozenset()
        return _walked(_ByIdentity(group), constraint, begun, words)

    def _after(self, text: bytes) -> ParseState:
        after = self._parse.feed(text)
        assert after is not None, "syntax has admitted a token that begins so"
        return after

    def _is_right(self, text: bytes) -> bool:
        return not self._request.judge(self._after(text)).defects

    def _any(self, tokens: Iterable[int]) -> bool:
        return any(self._admitted[token] for token in tokens)

    def _clear(self, tokens: npt.NDArray[np.int32]) -> None:
        self._admitted[tokens] = 0


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
        for text, tokens in group.tails.items():
            whole = begun + text
            if whole.startswith(start) or start.startswith(whole):
                found.update(dict.fromkeys(tokens))
    return np.array(list(found), np.int32)
