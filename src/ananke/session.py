"""One request: a list of immutable states, one per accepted token.

    session = Session(spec, vocabulary)
    session.mask(rows)            # which tokens may come, as packed bits
    session.accept(token)         # the sampled one; NotAdmitted leaves everything as it was
    session.rollback(3)           # drops the last three states

Each entry of the list holds a *place*: one state per part that judges (the language's grammar, the
user's grammar, the domains of meaning); a token is admitted if every part admits it. Forking copies
the list, never a state.

Under a time budget (`spec.budgets`) a domain may be left out of a mask; where masks would be empty
domains may give way (`spec.relax`). What such a domain then refuses is accepted all the same,
reported in `violations`, and the domain is out for the rest of the text. Without either nothing is
ever left out.

A session is for one thread at a time; its forks may live in others.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from operator import index
from typing import Literal

import numpy as np
import numpy.typing as npt

from ananke.analysis.holes import Region
from ananke.analysis.tracing import Event
from ananke.domains import BUILT_DOMAINS, DomainState, JudgeState, Place, start_judges
from ananke.domains.completion import search_judged_completion
from ananke.domains.cost import domains_of, in_order
from ananke.domains.history import Checkpoints, History, Step
from ananke.domains.meaning import surroundings_of
from ananke.domains.syntax.completion import Exhausted, search_completion, search_exhaustively
from ananke.domains.syntax.forced import forced_text
from ananke.domains.syntax.given import Stretch
from ananke.domains.syntax.program import ProgramState, fill_programs, start_program
from ananke.domains.syntax.user_grammar import (
    GrammarGaveUp,
    UserGrammarState,
    compile_user_grammar,
)
from ananke.holes import RegionState
from ananke.languages import get_checker
from ananke.masks import (
    Budget,
    MaskError,
    Ranking,
    Scores,
    allocate,
    intersect,
    set_tokens,
    words_for,
)
from ananke.outcome import (
    Counters,
    Explanation,
    NotAdmitted,
    Relaxation,
    RollbackError,
    Satisfiability,
    Slip,
    Statistics,
    TokenError,
    Unmodelled,
)
from ananke.propagation import reasons_for
from ananke.spec import ConstraintSpec, SpecError, Violation, spec_error
from ananke.vocabulary import Vocabulary

__all__ = [
    "Checkpoints",
    "Explanation",
    "MaskError",
    "NotAdmitted",
    "Relaxation",
    "RollbackError",
    "Satisfiability",
    "Session",
    "Slip",
    "Statistics",
    "TokenError",
    "Unmodelled",
    "mask_programs",
]

#: A place that is judged takes about as long as so many that are only parsed.
_JUDGED_STEP = 4


#: Tokens judged one by one for a mask; judging all at once takes longer than so many, not more.
_MOST_JUDGED = 32

#: Two, so that a session which takes back all that it accepts still frees as fast.
_FREED_PER_STEP = 2


class Session:
    """The constraint of one request over one vocabulary.

    Raises SpecError if this build can't honour the spec: an unknown language, a domain that it
    lacks, a prefix that begins no program, a grammar that llguidance refuses.
    """

    def __init__(
        self,
        spec: ConstraintSpec,
        vocabulary: Vocabulary,
        checkpoints: Checkpoints = Checkpoints(),  # noqa: B008 - a value
        region: Region | None = None,
    ) -> None:
        """
        Args:
            checkpoints: which states are kept for going back; a bound on memory, no more.
            region: the construct around the cursor that what is generated must stay inside of.
        """
        self.spec = spec
        self.vocabulary = vocabulary
        self._words = words_for(vocabulary.size)
        self._history = History(_start(spec, vocabulary, region), checkpoints)
        self._clear()

    def _clear(self) -> None:
        self._counts = Counters()
        limit = self.spec.budgets.token_microseconds
        self._budget = Budget(None if limit is None else limit * 1000)
        self._relaxations: list[Relaxation] = []
        #: Steps taken back. Freeing a state takes longer than forgetting it: they go a few at a
        #: time, while others come.
        self._taken_back: list[list[Step]] = []
        #: The last mask and the step that it belongs to.
        self._masked: Step | None = None
        #: A step and what tokens lead to from there that were judged one by one.
        self._ahead: tuple[Step | None, dict[int, Step | None]] = (None, {})
        self._mask, self._part_mask = allocate(2, self.vocabulary.size)

    # What has been generated

    @property
    def text(self) -> bytes:
        """The generated text: no prefix, no suffix."""
        return b"".join(step.text for step in self._history.steps)

    @property
    def is_finished(self) -> bool:
        """Whether an EOS was accepted. Then EOS alone is admitted, and changes nothing."""
        return self._history.last.finished

    @property
    def violations(self) -> tuple[Slip, ...]:
        """What the text holds against domains that were left out, in order."""
        return tuple(slip for step in self._history.steps for slip in step.slips)

    @property
    def relaxations(self) -> tuple[Relaxation, ...]:
        """The masks for which domains gave way, in order; also those of text taken back."""
        return tuple(self._relaxations)

    @property
    def unmodelled(self) -> tuple[Unmodelled, ...]:
        """What the language's grammar can't parse of the text that is given, and was read without;
        of the text after the cursor only where that lets the text end."""
        program = self._history.place.parts[0] if self._history.place.parts else None
        if not isinstance(program, ProgramState):
            return ()
        context = self.spec.context
        before, after = program.unmodelled
        return (
            *(_unmodelled("prefix", context.prefix, one) for one in before),
            *(_unmodelled("suffix", context.suffix or "", one) for one in after),
        )

    @property
    def statistics(self) -> Statistics:
        return self._counts.read(len(self.unmodelled))

    # Forward and back

    def accept(self, token: int) -> None:
        """Append a token. Raises NotAdmitted or TokenError; the session is then unchanged."""
        token = self._checked(token)
        judged = self._ahead[1] if self._ahead[0] is self._history.last else {}
        step = judged[token] if token in judged else self._after(token)
        if step is None:
            self._counts.refused += 1
            raise NotAdmitted(token, self._explained(token))
        self._append(step)

    def accept_text(self, text: bytes) -> None:
        """Append text that was not sampled as tokens (jump-forward); one step for `rollback`.

        Raises NotAdmitted; the session is then unchanged.
        """
        text = bytes(text)
        place = None if self.is_finished else self._advance(self._history.place, text)
        if place is None:
            self._counts.refused += 1
            raise NotAdmitted(None, self._why_not(text))
        self._append(Step(text, place))

    def rollback(self, tokens: int) -> None:
        """Take back the last `tokens` steps. Raises RollbackError if there are fewer."""
        tokens = index(tokens)
        most = len(self._history.steps) - 1
        if not 0 <= tokens <= most:
            raise RollbackError(
                f"rollback({tokens}): between 0 and {most} tokens can be taken back"
            )
        if tokens:
            self._taken_back.append(self._history.take_back(tokens))
            self._counts.rolled_back += tokens

    def fork(self) -> Session:
        """An independent session at the same place; the states so far are shared."""
        other = Session.__new__(Session)
        other.spec, other.vocabulary, other._words = self.spec, self.vocabulary, self._words
        other._history = self._history.copy()
        other._clear()
        return other

    # What may come

    def mask(
        self,
        out: npt.NDArray[np.int32],
        row: int = 0,
        scores: Scores | None = None,
    ) -> None:
        """Overwrite `out[row]` with the admitted tokens.

        Args:
            out: int32, shape (rows, ceil(vocabulary.size / 32)); token i is bit i % 32 of word
                i // 32. Bits past the vocabulary are 0.
            scores: the model's, shape (vocabulary.size,) or more. With `spec.budgets.likely` the
                mask holds the likeliest admitted tokens only, and is made in a fraction of the
                time.

        Raises MaskError.
        """
        words = self._row(out, row)
        self._counts.masks += 1
        step = self._history.last
        share = self.spec.budgets.likely
        if self._masked is step:
            self._counts.reused += 1
        elif scores is not None and share is not None and self._fill_likely(step, scores, share):
            self._counts.likely += 1
        else:
            self._masked = None
            self._fill_step(step, self._mask)
            self._masked = step
        np.copyto(words, self._mask)

    @property
    def is_program_alone(self) -> bool:
        """Whether the next mask is the language's grammar's alone, and not known yet."""
        step = self._history.last
        return (
            step.place is not None
            and not step.finished
            and self._masked is not step
            and not step.place.judges
            and len(step.place.parts) == 1
            and isinstance(step.place.parts[0], ProgramState)
        )

    def explain(self, token: int) -> Explanation:
        """Whether `token` is admitted here, or which part refuses it and why; where a domain of
        meaning does, also what that rests on, which takes a look at the whole text."""
        found = self._explained(self._checked(token))
        text = self.vocabulary.token_bytes(token)
        if found.admitted or found.domain is None or not text:
            return found
        return replace(found, because=self._because(found.domain, text))

    def _explained(self, token: int) -> Explanation:
        step = self._after(token)
        if step is not None:
            but = "".join(f"; {one.part} was left out and refuses it" for one in step.slips)
            return Explanation(True, None, f"token {token} is admitted{but}")
        if self.is_finished:
            return Explanation(False, "session", "the text has ended; only EOS may follow")
        if token in self.vocabulary.eos:
            due = self._history.place.end_refusal()
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
        place, text = self._history.place, b""
        if self.is_finished:
            return text
        reader = forced_text(self.vocabulary)
        bound = self.spec.limits.forced_bytes
        while len(text) < bound and not place.can_end():
            self._fill(place, place.judges, self._mask)
            self._masked = None
            common = reader.common_prefix(self._mask)
            after = self._advance(place, common) if common else None
            text += common
            if after is None or not reader.spells_all_cuts:
                break
            place = after
        return text[:bound]

    def shortest_completion(self) -> bytes | None:
        """A least text after which EOS is admitted; None if none was found.

        Exact for a language alone. With a user's grammar, and where a domain of meaning refuses
        what would be the least, it is searched for, within `spec.limits.completion_steps`, and may
        be longer than the least.
        """
        if self.is_finished:
            return b""
        place = self._history.place
        if place.can_end():
            return b""
        if any(isinstance(part, UserGrammarState) for part in place.parts):
            text = search_completion(place.parts, self.spec.limits.completion_steps)
        else:
            text = place.parts[0].shortest_completion()
        if text is not None and place.judges:
            after = self._advance(place, text)
            if after is None or not after.can_end():
                steps = self.spec.limits.completion_steps // _JUDGED_STEP
                return search_judged_completion(place, steps)
        return text

    def satisfiability(self) -> Satisfiability:
        """Whether the text can be finished as asked; `unsat` is a proof, with the part that gives
        the reason. Searches within `spec.limits.completion_steps`."""
        if self.is_finished:
            return Satisfiability("sat", "the text has ended", b"")
        try:
            return self._searched(self._history.place)
        except GrammarGaveUp as error:
            return Satisfiability("unknown", str(error))

    def _searched(self, place: Place) -> Satisfiability:
        if place.can_end():
            return Satisfiability("sat", "the text may end here", b"")
        emptied = self._emptied(place)
        if emptied is not None:
            return Satisfiability("unsat", emptied)
        if len(place.parts) > 1:
            steps = self.spec.limits.completion_steps // 4
            found = search_exhaustively(place.parts, steps)
            if found is Exhausted.NO_TEXT:
                names = " and ".join(dict.fromkeys(part.part for part in place.parts))
                return Satisfiability("unsat", f"no text follows {names} to an end")
        text = self.shortest_completion()
        if text is not None:
            return Satisfiability("sat", "a completion was found", text)
        return Satisfiability("unknown", "no completion was found within the search's bound")

    # Inside

    def _append(self, step: Step) -> None:
        self._history.append(step)
        self._counts.accepted += 1
        if step.slips:
            self._counts.slipped.update(slip.part for slip in step.slips)
        if self._taken_back:
            del self._taken_back[-1][-_FREED_PER_STEP:]
            if not self._taken_back[-1]:
                self._taken_back.pop()

    def _checked(self, token: int) -> int:
        token = index(token)
        if not 0 <= token < self.vocabulary.size:
            raise TokenError(f"token {token} is not in 0 … {self.vocabulary.size - 1}")
        return token

    def _advance(self, place: Place, text: bytes) -> Place | None:
        return place.advance(text, times=self._counts.accept_time)

    def _after(self, token: int) -> Step | None:
        """The step that `token` leads to, or None where it is not admitted."""
        last = self._history.steps[-1]
        place, left_out = last.place, last.left_out
        assert place is not None
        if token in self.vocabulary.eos:
            after = place if last.finished else place.end(left_out)
            text, is_end = b"", True
        else:
            text, is_end = self.vocabulary.token_bytes(token), False
            if last.finished or not text:
                return None
            after = place.advance(text, token, left_out, self._counts.accept_time)
        if after is None:
            return None
        if not after.slipped or last.finished:
            return Step(text, after, token, is_end)
        position = len(self.text)
        slips = tuple(
            Slip(part, left_out[part], position, reason) for part, reason in after.slipped
        )
        return Step(text, after, token, is_end, slips)

    def _fill_step(self, step: Step, words: npt.NDArray[np.int32]) -> None:
        """The mask of a step; judges that are left out are noted in it."""
        if step.finished:
            words.fill(0)
            set_tokens(words, self.vocabulary.eos, self.vocabulary.size)
            return
        assert step.place is not None
        place, judges = step.place, step.place.judges
        skipped, cut_short = self._fill(place, judges, words, self._budget)
        if skipped or cut_short:
            parts = [judge.part for judge in (*skipped, *cut_short)]
            step.left_out = {**step.left_out, **dict.fromkeys(parts, "budget")}
            self._counts.skipped.update(judge.part for judge in skipped)
            self._counts.cut_short.update(judge.part for judge in cut_short)
        self._counts.over_budget += self._budget.is_spent
        if self.spec.relax and len(skipped) < len(judges) and not words.any():
            self._relax(step, [judge for judge in judges if judge not in skipped], words)

    def _fill_likely(self, step: Step, scores: Scores, share: float) -> bool:
        """The mask of a step, of the likeliest admitted tokens only, which hold `share` of the
        probability of all that may be admitted. False where too many would have to be judged, or
        nothing is told of them."""
        place, words = step.place, self._mask
        if share == 1 or step.finished or place is None or not place.judges:
            return False
        self._masked = None
        self._fill(place, (), words)
        if self._ahead[0] is not step:
            self._ahead = (step, {})
        judged = self._ahead[1]
        admitted: list[int] = []
        ranking = Ranking(words, scores)
        held, left = 0.0, 1.0
        with ExitStack() as trials:
            for judge in place.judges:
                trials.enter_context(judge.trial())
            for count, token in enumerate(ranking.tokens()):
                if count == _MOST_JUDGED:
                    return False
                if token not in judged:
                    judged[token] = self._after(token)
                if judged[token] is not None:
                    admitted.append(token)
                if share == 0:
                    if admitted:
                        break
                    continue
                left -= ranking.share(token)
                held += ranking.share(token) if judged[token] is not None else 0.0
                if admitted and left <= (1 - share) * (held + left):
                    break
        if not admitted:
            return False
        words.fill(0)
        set_tokens(words, admitted, self.vocabulary.size)
        return True

    def _fill(
        self,
        place: Place,
        judges: Sequence[JudgeState],
        words: npt.NDArray[np.int32],
        budget: Budget | None = None,
    ) -> tuple[list[JudgeState], list[JudgeState]]:
        """The mask of a place by its grammars and some judges; gives the judges for which there
        was no time, and those for which there was too little."""
        times = self._counts.mask_time
        skipped: list[JudgeState] = []
        cut_short: list[JudgeState] = []
        if budget is not None:
            budget.begin()
        for at, part in enumerate(place.parts):
            began = time.perf_counter_ns()
            part.fill(self._part_mask if at else words)
            if at:
                intersect(words, words, self._part_mask)
            _add_time(times, part.part, began)
        for judge in judges:
            if budget is not None and not budget.admits(judge.part):
                skipped.append(judge)
                continue
            began = time.perf_counter_ns()
            is_whole = judge.narrow(words, None if budget is None else budget.deadline)
            taken = _add_time(times, judge.part, began)
            if not is_whole:
                cut_short.append(judge)
            if budget is not None:
                budget.took(judge.part, taken, stopped=not is_whole)
        return skipped, cut_short

    def _relax(self, step: Step, judges: list[JudgeState], words: npt.NDArray[np.int32]) -> None:
        """Lets domains give way, one more at a time, until some token is left."""
        assert step.place is not None
        for count in range(1, len(self.spec.relax) + 1):
            giving = {*self.spec.relax[:count]}
            gave = [judge for judge in judges if domains_of(judge) <= giving]
            if not gave:
                continue
            self._fill(step.place, [judge for judge in judges if judge not in gave], words)
            if words.any():
                parts = tuple(judge.part for judge in gave)
                self._relaxations.append(Relaxation(len(self.text), parts))
                self._counts.relaxed.update(parts)
                step.left_out = {**step.left_out, **dict.fromkeys(parts, "relaxation")}
                return

    def _emptied(self, place: Place) -> str | None:
        """Which part leaves no token, and beside which others; None if some token is left."""
        words = self._mask
        self._masked = None
        before: list[str] = []
        for at, part in enumerate(place.parts):
            part.fill(self._part_mask if at else words)
            if at:
                intersect(words, words, self._part_mask)
            if not words.any():
                return _left_nothing(part.part, before)
            before.append(part.part)
        for judge in place.judges:
            judge.narrow(words)
            if not words.any():
                return _left_nothing(judge.part, before)
            before.append(judge.part)
        return None

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
        refused = self._history.place.refusal(text)
        if refused is not None:
            part, reason = refused
            lines = [f"{one.place} line {one.line}" for one in self.unmodelled]
            but = f"; read without what begins at {', '.join(lines)}" if lines else ""
            return Explanation(False, part, reason + but)
        return Explanation(True, None, f"{text!r} is admitted")

    def _because(self, part: str, text: bytes) -> tuple[str, ...]:
        """What the refusal of a text rests on, by the language's checker."""
        judge = next((one for one in self._history.place.judges if one.part == part), None)
        language = self.spec.language
        checker = None if language is None else get_checker(language)
        if judge is None or checker is None or not domains_of(judge):
            return ()
        program = self._history.place.parts[0].advance(text)
        assert isinstance(program, ProgramState)
        trace = list[Event]()
        defects = checker(program.parse, surroundings_of(self.spec), trace=trace)
        # What is wrong with the text so far was not what refused it now.
        last = max(defects, key=lambda one: one.end, default=None)
        source = program.parse.text()
        return () if last is None else tuple(one.text(source) for one in reasons_for(trace, last))


def mask_programs(
    sessions: Sequence[Session], out: npt.NDArray[np.int32], rows: Sequence[int]
) -> list[bool]:
    """Overwrite `out[rows[i]]` with what `sessions[i]` admits, as `Session.mask` does; whether each
    has a token. All at a time, in native code.

    Args:
        sessions: all different, each with `is_program_alone`.
        out: int32, shape (rows, ceil(vocabulary.size / 32)).
        rows: all different.

    Raises:
        MaskError: as `Session.mask`.
        ValueError: one of the sessions has more to ask than a language's grammar.
    """
    words = [session._row(out, row) for session, row in zip(sessions, rows, strict=True)]
    programs: list[ProgramState] = []
    for session in sessions:
        program = session._history.place.parts[0] if session.is_program_alone else None
        if not isinstance(program, ProgramState):
            raise ValueError("mask_programs: a session has more to ask than a language's grammar")
        programs.append(program)
    began = time.perf_counter_ns()
    found = fill_programs(programs, words)
    each = (time.perf_counter_ns() - began) // max(1, len(sessions))
    for session, program in zip(sessions, programs, strict=True):
        session._counts.masks += 1
        times = session._counts.mask_time
        times[program.part] = times.get(program.part, 0) + each
    return found


def _unmodelled(place: Literal["prefix", "suffix"], text: str, stretch: Stretch) -> Unmodelled:
    line = text.encode().count(b"\n", 0, stretch.start) + 1
    return Unmodelled(place, stretch.start, stretch.end, line)


def _add_time(times: dict[str, int], part: str, began: int) -> int:
    taken = time.perf_counter_ns() - began
    times[part] = times.get(part, 0) + taken
    return taken


def _left_nothing(part: str, others: list[str]) -> str:
    if not others:
        return f"{part}: no token of the vocabulary may come"
    return f"{part} refuses every token that is left by {' and '.join(others)}"


def _start(spec: ConstraintSpec, vocabulary: Vocabulary, region: Region | None) -> Place:
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
        started = start_judges(spec, vocabulary, program.parse, is_enclosed=region is not None)
        judges = in_order(started, spec.budgets.first)
        if region is not None:
            judges = (RegionState(region, vocabulary, program.parse), *judges)
        parts.append(program)
    if spec.grammar is not None:
        parts.append(compile_user_grammar(spec.grammar, vocabulary).start())
    for at, grammar in enumerate(spec.grammars):
        try:
            parts.append(compile_user_grammar(grammar, vocabulary).start())
        except SpecError as error:
            raise spec_error(f"spec.grammars[{at}].source", error.problem) from None
    return Place(tuple(parts), judges)
