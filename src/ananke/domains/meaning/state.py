"""The judge of names, imports, types and control flow."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ananke.analysis.defects import Defect, Domain
from ananke.analysis.judgement import (
    Given,
    Inside,
    Judgement,
    Meaning,
    Surroundings,
    SurroundingsError,
)
from ananke.domains.meaning.narrowing import Ending, narrow
from ananke.domains.meaning.pieces import prepare
from ananke.domains.state import Words
from ananke.languages import get_meaning
from ananke.parsing.state import ParseState
from ananke.spec import ConstraintSpec, spec_error
from ananke.vocabulary import Vocabulary

__all__ = ["MeaningState", "start_meaning", "surroundings_of"]


#: How much of an expected time is kept for each token in which it wasn't measured.
_KEPT = 0.95


@dataclass(frozen=True)
class Request:
    """What all states of one request share.

    Attributes:
        program: the language's own.
        start: the parse of the text before the cursor.
    """

    meaning: Meaning
    program: Any
    vocabulary: Vocabulary
    part: str
    suffix: bytes
    start: ParseState
    #: Narrowed masks by their likeness and what they were before, the latest last.
    narrowed: dict[Hashable, Words] = field(default_factory=dict, init=False)

    @cached_property
    def given_around(self) -> frozenset[int]:
        """Where the text around the cursor is wrong whatever is written: see `wrong_around`."""
        return self.meaning.wrong_around(self.program, self.start, self.suffix)

    def due(self, parse: ParseState) -> tuple[Defect, ...]:
        """What is wrong with a text that ends, and is not given."""
        found = self.judge(parse, at_end=True).due
        if not found or not self.suffix:
            return found
        begin, end = self.start.position, parse.position
        return tuple(
            one
            for one in found
            if (one.start if one.start < begin else one.start - end - 1) not in self.given_around
        )

    def judge(self, parse: ParseState, *, at_end: bool = False) -> Judgement:
        """What is wrong with a text beyond what was wrong with the prefix."""
        return self.meaning.judge(self.program, parse, at_end=at_end)

    def give(self, prefix: ParseState) -> Request:
        """The request after a prefix: what is wrong with it is given, also what is seen only when
        its blocks are closed."""
        request = self.forgive(prefix)
        rest = prefix.shortest_completion()
        closed = None if rest is None else prefix.feed(rest)
        if closed is None:
            return request
        # What the last line begins may still become right.
        line = prefix.text().rfind(b"\n") + 1
        found = request.judge(closed, at_end=True).defects
        wrong = frozenset(one.start for one in found if one.start < line)
        program = request.meaning.forgive(request.program, wrong) if wrong else request.program
        return replace(request, program=program)

    def forgive(self, parse: ParseState) -> Request:
        """The request after a text of which all that is wrong is given."""
        wrong = frozenset(one.start for one in self.judge(parse).defects)
        return replace(self, program=self.meaning.forgive(self.program, wrong)) if wrong else self


class MeaningState:
    """What is known of the unfinished program: an immutable value (see `JudgeState`)."""

    __slots__ = ("_due", "_end_time", "_parse", "_request")

    def __init__(self, request: Request, parse: ParseState, end_time: int = 0) -> None:
        """`end_time`: nanoseconds that it lately took to tell whether the text may end."""
        self._request = request
        self._parse = parse
        self._end_time = end_time
        #: What is still owed where the text would end here; None: not asked yet.
        self._due: tuple[Defect, ...] | None = None

    @property
    def part(self) -> str:
        return self._request.part

    def advance(self, parse: ParseState) -> MeaningState | None:
        request = self._request
        if request.judge(parse).defects:
            return None
        # What took long once is tried again after some tokens.
        return MeaningState(request, parse, int(self._end_time * _KEPT))

    def can_end(self) -> bool:
        return not self._ending()

    def forgive(self, parse: ParseState) -> MeaningState | None:
        return MeaningState(self._request.forgive(parse), parse)

    def trial(self) -> AbstractContextManager[None]:
        return self._request.meaning.trial(self._request.program)

    def narrow(self, words: Words, deadline: int | None = None) -> bool:
        request = self._request
        ending = Ending(self.can_end, self._end_time)
        return narrow(request, self._parse, words, ending, deadline)

    def proposals(self) -> Iterable[tuple[bytes, ...]]:
        return self._request.meaning.proposals(self._request.program, self._parse)

    def endings(self) -> Iterable[bytes]:
        last = self._last()
        if last is None:
            return ()
        return self._request.meaning.endings(self._request.program, self._parse, last)

    def refusal(self, parse: ParseState) -> str:
        defects = self._request.judge(parse).defects
        return defects[0].text() if defects else "nothing is wrong"

    def end_refusal(self) -> str:
        return self._ending()[0].text()

    def _last(self) -> ParseState | None:
        """The state after the text that comes after the cursor."""
        suffix = self._request.suffix
        return self._parse.feed(suffix) if suffix else self._parse

    def _ending(self) -> tuple[Defect, ...]:
        if self._due is None:
            began = time.perf_counter_ns()
            request = self._request
            last = self._last()
            if last is None:
                # Syntax says so.
                self._due = ()
            else:
                self._due = request.due(last)
            self._end_time = time.perf_counter_ns() - began
        return self._due


def start_meaning(
    spec: ConstraintSpec, vocabulary: Vocabulary, parse: ParseState, *, is_enclosed: bool = False
) -> MeaningState | None:
    """The state at the cursor; None if the spec asks for none of the domains.

    What is wrong with the prefix itself is given, and not held against what comes.

    Args:
        is_enclosed: what is written stays inside of the construct around the cursor.

    Raises:
        SpecError: the language has no such domain, the environment is none, or what the spec says
            of the scope can't be read.
    """
    asked = [(at, name) for at, name in enumerate(spec.domains) if name in _DOMAINS]
    if not asked:
        return None
    assert spec.language is not None
    meaning = get_meaning(spec.language)
    if meaning is None:
        at, name = asked[0]
        raise spec_error(
            f"spec.domains[{at}]", f"{spec.language} has no {name} domain yet; leave it out"
        )
    surroundings = surroundings_of(spec, frozenset(_DOMAINS[name] for _, name in asked))
    if is_enclosed:
        surroundings = replace(surroundings, after=spec.context.suffix)
    try:
        program = meaning.begin(surroundings)
    except SurroundingsError as error:
        raise spec_error(f"spec.{error.field}", error.problem) from None
    part = "meaning: " + ", ".join(name for _, name in asked)
    suffix = (spec.context.suffix or "").encode()
    request = Request(meaning, program, vocabulary, part, suffix, parse).give(parse)
    # Sorting the tokens takes a while: now, not in the first mask.
    prepare(vocabulary, meaning)
    return MeaningState(request, parse)


def surroundings_of(
    spec: ConstraintSpec, domains: frozenset[Domain] = frozenset(Domain)
) -> Surroundings:
    """What a spec says of the place its text is written for."""
    imports, scope = spec.imports, spec.scope
    inside = scope.inside
    given = Given(
        imports=scope.imports,
        classes=tuple((one.name, one.source) for one in scope.classes),
        aliases=tuple((one.name, one.type) for one in scope.aliases),
        functions=tuple((one.name, one.signature, one.is_async) for one in scope.functions),
        bindings=tuple((one.name, one.type, one.is_declared) for one in scope.bindings),
        inside=Inside() if inside is None else Inside(**inside.model_dump()),
        expects=scope.expects,
    )
    return Surroundings(
        path=spec.context.path,
        environment=imports.environment,
        project=imports.project,
        allow=imports.allow,
        deny=imports.deny,
        stubs=tuple((one.module, one.source) for one in imports.stubs),
        given=given,
        domains=domains,
    )


_DOMAINS = {one.value: one for one in Domain}
