"""The judge of literals that have a bound: of each digit.

A literal is bound by the names of the value that it begins (see `LiteralBound`). What stands in
the prefix is given; a literal that the text goes on with is judged as a whole.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ananke.analysis.formulas.semantics import Semantics
from ananke.analysis.literals import Literal, Range
from ananke.domains.by_fingerprint import ByFingerprint
from ananke.domains.state import Words
from ananke.languages import get_semantics
from ananke.parsing.state import ParseState
from ananke.spec import ConstraintSpec, LiteralBound
from ananke.vocabulary import Vocabulary

__all__ = ["LiteralState", "start_literals"]

PART = "semantics: literals"

_DIGIT = re.compile(rb"[0-9]")
#: What a whole number goes on with in any language, and what else a literal may go on with.
_RUN = re.compile(rb"[0-9_]+")
_MORE = re.compile(rb"[A-Za-z_.]")


@dataclass(frozen=True, slots=True)
class Request:
    """What all states of one request share.

    Attributes:
        given: bytes of the prefix.
        forgiven: where values begin that were out of bounds already.
    """

    semantics: Semantics
    bounds: tuple[LiteralBound, ...]
    vocabulary: Vocabulary
    suffix: bytes
    given: int
    forgiven: frozenset[int] = frozenset()

    def problem(self, parse: ParseState, since: int, until: int | None = None) -> _Problem | None:
        """What is out of bounds of what begins at byte `since` or later, by the reading that says
        the least.

        Args:
            until: the text ends here, and what begins at that byte or later is given.
        """
        if not _DIGIT.search(parse.text(since)):
            return None
        found: _Problem | None = None
        for literals in self.semantics.literals(parse, since) or ((),):
            found = next(self._problems(parse, literals, until), None)
            if found is None:
                return None
        return found

    def _problems(
        self, parse: ParseState, literals: tuple[Literal, ...], until: int | None
    ) -> Iterator[_Problem]:
        for one in literals:
            if until is not None and one.start >= until:
                continue
            is_open = one.is_open and until is None
            for at in self.bounds_of(parse, one):
                if not self.is_within(at, one, one.text, is_open):
                    yield _Problem(at, replace(one, is_open=is_open))

    def bounds_of(self, parse: ParseState, literal: Literal) -> Iterator[int]:
        """Which bounds hold for a literal."""
        if literal.end <= self.given or literal.start in self.forgiven:
            return
        for at, bound in enumerate(self.bounds):
            if bound.name in literal.names or (
                bound.name is None
                and literal.start >= self.given
                and not parse.text(self.given)[: literal.start - self.given].strip()
            ):
                yield at

    def range_of(self, at: int, literal: Literal) -> Range:
        """The bound of that number, for the literal without its sign."""
        bound = self.bounds[at]
        held = Range(bound.min, bound.max)
        return held.negated() if literal.is_negative else held

    def is_within(self, at: int, literal: Literal, text: bytes, is_open: bool) -> bool:
        """Whether the literal, with this text, is in a bound, or may come to be if it is open."""
        number = self.semantics.number(text)
        if number is None:
            return True
        held = self.range_of(at, literal)
        if is_open or not number.is_whole:
            return held.may_reach(number) and (is_open or held.holds(number))
        return held.holds(number)


@dataclass(frozen=True, slots=True)
class _Problem:
    """A literal that is out of the bound of that number."""

    bound: int
    literal: Literal

    def text(self, bounds: tuple[LiteralBound, ...]) -> str:
        """In a sentence."""
        bound = bounds[self.bound]
        shown = ("-" if self.literal.is_negative else "") + self.literal.text.decode("latin-1")
        name = "" if bound.name is None else f" for `{bound.name}`"
        may_be = "can't become" if self.literal.is_open else "is not"
        held = Range(bound.min, bound.max)
        return f"`{shown}`{name} {may_be} {held} (spec.contracts.literals[{self.bound}])"


class LiteralState:
    """What is known of the literals: an immutable value (see `JudgeState`)."""

    __slots__ = ("_parse", "_request", "_since")

    def __init__(self, request: Request, parse: ParseState) -> None:
        self._request = request
        self._parse = parse
        #: What begins before is closed, and has been judged.
        self._since = parse.lexeme_start

    @property
    def part(self) -> str:
        return PART

    def advance(self, parse: ParseState) -> LiteralState | None:
        if self._request.problem(parse, self._since) is not None:
            return None
        return LiteralState(self._request, parse)

    def can_end(self) -> bool:
        return self._ending() is None

    def forgive(self, parse: ParseState) -> LiteralState | None:
        request, since = self._request, self._since
        while (found := request.problem(parse, since)) is not None:
            request = replace(request, forgiven=request.forgiven | {found.literal.start})
        return LiteralState(request, parse)

    def narrow(self, words: Words, deadline: int | None = None) -> bool:
        return _Narrowing(self, words).run(deadline)

    def proposals(self) -> Iterable[tuple[bytes, ...]]:
        return ((one,) for one in self.endings())

    def trial(self) -> AbstractContextManager[None]:
        return nullcontext()

    def endings(self) -> Iterable[bytes]:
        for at, literal in self.bounds_after(b"") or ():
            number = self._request.semantics.number(literal.text)
            rest = None if number is None else self._request.range_of(at, literal).rest(number)
            if rest is not None:
                yield rest.encode()

    def refusal(self, parse: ParseState) -> str:
        found = self._request.problem(parse, self._since)
        return "nothing is wrong" if found is None else found.text(self._request.bounds)

    def end_refusal(self) -> str:
        found = self._ending()
        return "nothing is wrong" if found is None else found.text(self._request.bounds)

    def _ending(self) -> _Problem | None:
        request = self._request
        last = self._parse.feed(request.suffix) if request.suffix else self._parse
        # Where the suffix doesn't fit syntax says so.
        return None if last is None else request.problem(last, self._since, self._parse.position)

    def bounds_after(self, text: bytes) -> list[tuple[int, Literal]] | None:
        """The bounds of the literal that the state's text is in after `text`; None: they aren't
        the same in all readings, or not known."""
        after = self._parse.feed(text)
        if after is None:
            return []
        readings = self._request.semantics.literals(after, self._since)
        if readings is None:
            return []
        found = [
            [
                (at, one)
                for one in literals
                if one.is_open
                for at in self._request.bounds_of(after, one)
            ]
            for literals in readings
        ]
        return found[0] if all(one == found[0] for one in found) else None


class _Narrowing:
    """Taking refused tokens out of one mask.

    How digits go on with a literal, or begin one, is a matter of its text alone. Other tokens with
    digits, and what else may be part of a literal, are fed one by one; there are few.
    """

    def __init__(self, state: LiteralState, words: Words) -> None:
        self._state = state
        self._parse = state._parse
        self._request = state._request
        self._words = words
        self._admitted = np.unpackbits(words.view(np.uint8), bitorder="little")
        self._tokens = _sorted_out(ByFingerprint(self._request.vocabulary))

    def run(self, deadline: int | None) -> bool:
        """Whether there was time for all."""
        before = self._admitted.copy()
        is_whole = self._run(deadline)
        eos = [token for token in self._request.vocabulary.eos if self._admitted[token]]
        if eos and not self._state.can_end():
            self._admitted[eos] = 0
        if not np.array_equal(before, self._admitted):
            self._words[:] = np.packbits(self._admitted, bitorder="little").view(np.int32)
        return is_whole

    def _run(self, deadline: int | None) -> bool:
        tokens = self._tokens
        pending = self._state.bounds_after(b"")
        if pending is None:
            return self._feed(np.arange(self._request.vocabulary.size), deadline)
        fed = [tokens.holding]
        if pending:
            fed.append(tokens.more)
            text = pending[0][1].text
            if not self._is_right(pending, text, is_open=False):
                self._admitted[tokens.others] = 0
            self._judge_runs(pending, text)
        else:
            begun = self._state.bounds_after(b"0")
            if begun is None:
                fed.append(np.concatenate([np.empty(0, np.int64), *tokens.runs.values()]))
            elif begun:
                self._judge_runs(begun, b"")
        return self._feed(np.concatenate(fed), deadline)

    def _judge_runs(self, bounds: list[tuple[int, Literal]], text: bytes) -> None:
        for run, ids in self._tokens.runs.items():
            if (text or run[:1].isdigit()) and not self._is_right(bounds, text + run, is_open=True):
                self._admitted[ids] = 0

    def _is_right(self, bounds: list[tuple[int, Literal]], text: bytes, *, is_open: bool) -> bool:
        is_within = self._request.is_within
        return all(is_within(at, one, text, is_open) for at, one in bounds)

    def _feed(self, tokens: npt.NDArray[np.int64], deadline: int | None) -> bool:
        vocabulary = self._request.vocabulary
        for token in tokens[self._admitted[tokens] != 0].tolist():
            if deadline is not None and time.perf_counter_ns() >= deadline:
                return False
            after = self._parse.feed(vocabulary.token_bytes(token))
            if after is not None and self._state.advance(after) is None:
                self._admitted[token] = 0
        return True


class _SortedOut:
    """The vocabulary's tokens, by what they mean to a literal (int64 (n,) each).

    Attributes:
        runs: digits and separators, by their text.
        holding: others that hold a digit.
        more: others that begin with what may be part of a literal.
        others: they end a literal, and begin none.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        runs: dict[bytes, list[int]] = {}
        found: tuple[list[int], list[int], list[int]] = ([], [], [])
        holding, more, others = found
        for token in range(vocabulary.size):
            text = vocabulary.token_bytes(token)
            if not text or token in vocabulary.eos:
                continue
            if _RUN.fullmatch(text):
                runs.setdefault(text, []).append(token)
            elif _DIGIT.search(text):
                holding.append(token)
            else:
                (more if _MORE.match(text) else others).append(token)
        self.runs = {text: np.array(ids, np.int64) for text, ids in runs.items()}
        self.holding, self.more, self.others = (np.array(ids, np.int64) for ids in found)


@lru_cache(maxsize=8)
def _sorted_out(key: ByFingerprint) -> _SortedOut:
    return _SortedOut(key.vocabulary)


def start_literals(
    spec: ConstraintSpec, vocabulary: Vocabulary, parse: ParseState
) -> LiteralState | None:
    """The state at the cursor; None if the spec bounds no literal or asks for no semantics (a
    language without is the semantics judge's error)."""
    semantics = get_semantics(spec.language) if spec.language is not None else None
    if "semantics" not in spec.domains or not spec.contracts.literals or semantics is None:
        return None
    bounds = spec.contracts.literals
    suffix = (spec.context.suffix or "").encode()
    request = Request(semantics, bounds, vocabulary, suffix, parse.position)
    # A literal that the prefix is in counts only if it may still come to be right.
    sure = replace(request, given=0)
    while (found := sure.problem(parse, parse.lexeme_start)) is not None:
        sure = replace(sure, forgiven=sure.forgiven | {found.literal.start})
    return LiteralState(replace(request, forgiven=sure.forgiven), parse)
