"""One request: a list of immutable states, one per accepted token.

    session = Session(spec, vocabulary)
    session.mask(rows)            # which tokens may come, as packed bits
    session.accept(token)         # the sampled one; NotAdmitted leaves everything as it was
    session.rollback(3)           # drops the last three states

Each entry of the list holds a *place*: one state per part that judges (the language's grammar, the
user's grammar, the domains of meaning); a token is admitted if every part admits it. Forking copies
the list, never a state.
A session is for one thread at a time; its forks may live in others.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from operator import index

import numpy as np
import numpy.typing as npt

from ananke.domains import BUILT_DOMAINS, DomainState, JudgeState, Place, start_judges
from ananke.domains.syntax.completion import search_completion
from ananke.domains.syntax.forced import forced_text
from ananke.domains.syntax.program import start_program
from ananke.domains.syntax.user_grammar import UserGrammarState, compile_user_grammar
from ananke.masks import MaskError, allocate, intersect, set_tokens, words_for
from ananke.outcome import (
    Counters,
    Explanation,
    NotAdmitted,
    RollbackError,
    Statistics,
    TokenError,
)
from ananke.spec import ConstraintSpec, SpecError, Violation, spec_error
from ananke.vocabulary import Vocabulary

__all__ = [
    "Explanation",
    "MaskError",
    "NotAdmitted",
    "RollbackError",
    "Session",
    "Statistics",
    "TokenError",
]


#: Two, so that a session which takes back all that it accepts still frees as fast.
_FREED_PER_STEP = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """After one token: the text it added, where that leads, whether it ended the text."""

    text: bytes
    place: Place
    finished: bool = False


class Session:
    """The constraint of one request over one vocabulary.

    Raises SpecError if this build can't honour the spec: an unknown language, a domain that it
    lacks, a prefix that begins no program, a grammar that llguidance refuses.
    """

    def __init__(self, spec: ConstraintSpec, vocabulary: Vocabulary) -> None:
        self.spec = spec
        self.vocabulary = vocabulary
        self._words = words_for(vocabulary.size)
        self._steps = [_Step(b"", _start(spec, vocabulary))]
        self._clear()

    def _clear(self) -> None:
        self._counts = Counters()
        #: Steps taken back. Freeing a state takes longer than forgetting it: they go a few at a
        #: time, while others come.
        self._taken_back: list[list[_Step]] = []
        #: The last mask and the step that it belongs to.
        self._masked: _Step | None = None
        self._mask, self._part_mask = allocate(2, self.vocabulary.size)

    # What has been generated

    @property
    def text(self) -> bytes:
        """The generated text: no prefix, no suffix."""
        return b"".join(step.text for step in self._steps)

    @property
    def is_finished(self) -> bool:
        """Whether an EOS was accepted. Then EOS alone is admitted, and changes nothing."""
        return self._steps[-1].finished

    @property
    def statistics(self) -> Statistics:
        return self._counts.read()

    # Forward and back

    def accept(self, token: int) -> None:
        """Append a token. Raises NotAdmitted or TokenError; the session is then unchanged."""
        token = self._checked(token)
        step = self._after(token)
        if step is None:
            self._counts.refused += 1
            raise NotAdmitted(token, self.explain(token))
        self._append(step)

    def accept_text(self, text: bytes) -> None:
        """Append text that was not sampled as tokens (jump-forward); one step for `rollback`.

        Raises NotAdmitted; the session is then unchanged.
        """
        last = self._steps[-1]
        text = bytes(text)
        place = None if last.finished else last.place.advance(text, None, self._counts.accept_time)
        if place is None:
            self._counts.refused += 1
            raise NotAdmitted(None, self._why_not(text))
        self._append(_Step(text, place))

    def rollback(self, tokens: int) -> None:
        """Take back the last `tokens` steps. Raises RollbackError if there are fewer."""
        tokens = index(tokens)
        if not 0 <= tokens < len(self._steps):
            raise RollbackError(
                f"rollback({tokens}): between 0 and {len(self._steps) - 1} tokens can be taken back"
            )
        if tokens:
            self._taken_back.append(self._steps[-tokens:])
            del self._steps[-tokens:]
            self._counts.rolled_back += tokens

    def fork(self) -> Session:
        """An independent session at the same place; the states so far are shared."""
        other = Session.__new__(Session)
        other.spec, other.vocabulary, other._words = self.spec, self.vocabulary, self._words
        other._steps = self._steps.copy()
        other._clear()
        return other

    # What may come

    def mask(self, out: npt.NDArray[np.int32], row: int = 0) -> None:
        """Overwrite `out[row]` with the admitted tokens.

        `out`: int32, shape (rows, ceil(vocabulary.size / 32)); token i is bit i % 32 of word
        i // 32. Bits past the vocabulary are 0. Raises MaskError.
        """
        words = self._row(out, row)
        self._counts.masks += 1
        step = self._steps[-1]
        if self._masked is step:
            self._counts.reused += 1
        else:
            self._masked = None
            self._fill(step, self._mask)
            self._masked = step
        np.copyto(words, self._mask)

    def explain(self, token: int) -> Explanation:
        """Whether `token` is admitted here, or which part refuses it and why."""
        token = self._checked(token)
        if self._after(token) is not None:
            return Explanation(True, None, f"token {token} is admitted")
        if self.is_finished:
            return Explanation(False, "session", "the text has ended; only EOS may follow")
        if token in self.vocabulary.eos:
            due = self._steps[-1].place.end_refusal()
            if due is not None:
                return Explanation(False, *due)
        text = self.vocabulary.token_bytes(token)
        if not text:
            reason = f"token {token} is special or padding and matches no text"
            return Explanation(False, "vocabulary", reason)
        return self._why_not(text)

    def forced(self) -> bytes:
        """The longest text that every admitted continuation begins with.

        b"" where the text may end. At most `spec.limits.forced_bytes` bytes are looked for; a
        vocabulary that can't spell some single byte gives what one token at least forces.
        """
        place, text = self._steps[-1].place, b""
        if self.is_finished:
            return text
        reader = forced_text(self.vocabulary)
        bound = self.spec.limits.forced_bytes
        while len(text) < bound and not place.can_end():
            self._fill(_Step(b"", place), self._mask)
            self._masked = None
            common = reader.common_prefix(self._mask)
            after = place.advance(common, None, self._counts.accept_time) if common else None
            text += common
            if after is None or not reader.spells_all_cuts:
                break
            place = after
        return text[:bound]

    def shortest_completion(self) -> bytes | None:
        """A least text after which EOS is admitted; None if none was found.

        Exact for a language alone. With a user's grammar it is searched for, within
        `spec.limits.completion_steps`, and may be longer than the least.
        """
        if self.is_finished:
            return b""
        place = self._steps[-1].place
        if place.can_end():
            return b""
        if not any(isinstance(part, UserGrammarState) for part in place.parts):
            return place.parts[0].shortest_completion()
        return search_completion(place.parts, self.spec.limits.completion_steps)

    # Inside

    def _append(self, step: _Step) -> None:
        self._steps.append(step)
        self._counts.accepted += 1
        if self._taken_back:
            del self._taken_back[-1][-_FREED_PER_STEP:]
            if not self._taken_back[-1]:
                self._taken_back.pop()

    def _checked(self, token: int) -> int:
        token = index(token)
        if not 0 <= token < self.vocabulary.size:
            raise TokenError(f"token {token} is not in 0 … {self.vocabulary.size - 1}")
        return token

    def _after(self, token: int) -> _Step | None:
        """The step that `token` leads to, or None where it is not admitted."""
        last = self._steps[-1]
        if token in self.vocabulary.eos:
            ends = last.finished or last.place.can_end()
            return _Step(b"", last.place, finished=True) if ends else None
        text = self.vocabulary.token_bytes(token)
        if last.finished or not text:
            return None
        place = last.place.advance(text, token, self._counts.accept_time)
        return None if place is None else _Step(text, place)

    def _fill(self, step: _Step, words: npt.NDArray[np.int32]) -> None:
        if step.finished:
            words.fill(0)
            set_tokens(words, self.vocabulary.eos, self.vocabulary.size)
            return
        times, total = self._counts.mask_time, 0
        place = step.place
        for at, part in enumerate(place.parts):
            began = time.perf_counter_ns()
            part.fill(self._part_mask if at else words)
            if at:
                intersect(words, words, self._part_mask)
            total += _add_time(times, part.part, began)
        for judge in place.judges:
            began = time.perf_counter_ns()
            judge.narrow(words)
            total += _add_time(times, judge.part, began)
        budget = self.spec.budgets.token_microseconds
        self._counts.over_budget += budget is not None and total > budget * 1000

    def _row(self, out: npt.NDArray[np.int32], row: int) -> npt.NDArray[np.int32]:
        if not isinstance(out, np.ndarray) or out.dtype != np.int32 or out.ndim != 2:
            found = (
                f"{out.dtype} of shape {out.shape}" if isinstance(out, np.ndarray) else type(out)
            )
            raise MaskError(f"mask: expected a two-dimensional int32 array, got {found}")
        row = index(row)
        if not 0 <= row < out.shape[0] or out.shape[1] != self._words:
            raise MaskError(
                f"mask: shape {out.shape} has no row {row} of {self._words} words "
                f"(a vocabulary of {self.vocabulary.size:,} tokens)"
            )
        words: npt.NDArray[np.int32] = out[row]
        if not words.flags.c_contiguous or not words.flags.writeable:
            raise MaskError("mask: the row must be writable and its words adjacent")
        return words

    def _why_not(self, text: bytes) -> Explanation:
        if self.is_finished:
            return Explanation(False, "session", "the text has ended; only EOS may follow")
        refused = self._steps[-1].place.refusal(text)
        if refused is not None:
            return Explanation(False, *refused)
        return Explanation(True, None, f"{text!r} is admitted")


def _add_time(times: dict[str, int], part: str, began: int) -> int:
    taken = time.perf_counter_ns() - began
    times[part] = times.get(part, 0) + taken
    return taken


def _start(spec: ConstraintSpec, vocabulary: Vocabulary) -> Place:
    """The place at the cursor."""
    lacking = [
        Violation(
            f"spec.domains[{at}]",
            f"this build has no {name} domain, only " + ", ".join(BUILT_DOMAINS),
        )
        for at, name in enumerate(spec.domains)
        if name not in BUILT_DOMAINS
    ]
    if lacking:
        raise SpecError(lacking)
    parts: list[DomainState] = []
    judges: tuple[JudgeState, ...] = ()
    if spec.language is not None:
        program = start_program(spec, vocabulary)
        judges = start_judges(spec, vocabulary, program.parse)
        parts.append(program)
    if spec.grammar is not None:
        parts.append(compile_user_grammar(spec.grammar, vocabulary).start())
    for at, grammar in enumerate(spec.grammars):
        try:
            parts.append(compile_user_grammar(grammar, vocabulary).start())
        except SpecError as error:
            raise spec_error(f"spec.grammars[{at}].source", error.problem) from None
    return Place(tuple(parts), judges)
