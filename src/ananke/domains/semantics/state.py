"""The judge of what code means: contracts, assertions, divisions, indices."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from ananke.analysis.formulas.semantics import Semantics, UnderWay
from ananke.domains.semantics.contracts import ContractBook, read_contracts
from ananke.domains.semantics.narrowing import claims_of, narrow, prepare
from ananke.domains.semantics.verdicts import Breach, Judge
from ananke.domains.state import Words
from ananke.languages import get_semantics
from ananke.parsing.state import ParseState
from ananke.spec import ConstraintSpec, spec_error
from ananke.vocabulary import Vocabulary

__all__ = ["Request", "SemanticsState", "start_semantics"]

PART = "semantics"


@dataclass(frozen=True, slots=True)
class Request:
    """What all states of one request share.

    Attributes:
        memory: the language's own.
        given: bytes of the prefix; what stands in it is not judged.
        forgiven: claims that were broken by the prefix already.
    """

    semantics: Semantics
    memory: Any
    judge: Judge
    book: ContractBook
    vocabulary: Vocabulary
    suffix: bytes
    given: int
    forgiven: frozenset[tuple[int, str, str]] = frozenset()

    def breaches(self, parse: ParseState, *, at_end: bool = False) -> tuple[Breach, ...]:
        """The claims that a text breaks, by the reading that breaks the fewest."""
        return self.look(parse, at_end=at_end)[0]

    def look(self, parse: ParseState, *, at_end: bool = False) -> tuple[tuple[Breach, ...], bool]:
        """The claims that a text breaks, by the reading that breaks the fewest; and whether more of
        what is final may come to be broken by more text."""
        programs = self.semantics.programs(self.memory, parse, at_end=at_end)
        if programs is None:
            return (), True
        best: tuple[Breach, ...] | None = None
        waits = len(programs) > 1 or not self.book.is_empty
        for functions in programs:
            verdicts = [
                self.judge.verdict(function, self.book.of(function.name)) for function in functions
            ]
            found = tuple(
                breach
                for verdict in verdicts
                for breach in verdict.breaches
                if breach.place >= self.given and breach.key not in self.forgiven
            )
            waits = waits or any(
                place >= self.given for verdict in verdicts for place in verdict.waiting
            )
            if best is None or len(found) < len(best):
                best = found
            if not best:
                break
        return best or (), waits

    def is_settled(self, parse: ParseState) -> bool:
        """Whether a text breaks nothing, nor can come to by more text that makes no claim."""
        under_way = self.semantics.under_way(parse)
        if claims_of(self.semantics.wording).search(under_way.text):
            return False
        breaches, waits = self.look(parse)
        return not (breaches or waits)


class SemanticsState:
    """What is known of the unfinished program: an immutable value (see `JudgeState`)."""

    __slots__ = ("_due", "_final", "_parse", "_request", "_stage", "_under_way", "_waits")

    def __init__(
        self,
        request: Request,
        parse: ParseState,
        stage: Hashable,
        final: Hashable | None,
        waits: bool,
    ) -> None:
        self._request = request
        self._parse = parse
        self._stage = stage
        self._final = final
        #: Whether more text may break what is final already.
        self._waits = waits
        self._under_way: UnderWay | None = None
        #: What is broken where the text would end here; None: not asked yet.
        self._due: tuple[Breach, ...] | None = None

    @property
    def part(self) -> str:
        return PART

    def advance(self, parse: ParseState) -> SemanticsState | None:
        request = self._request
        stage = request.semantics.stage(parse)
        if stage == self._stage:
            return SemanticsState(request, parse, stage, self._final, self._waits)
        final = request.semantics.final(parse)
        is_same = final is not None and final == self._final
        if is_same or not (self._waits or self._claims(parse.text(self._parse.position))):
            return SemanticsState(request, parse, stage, final, self._waits)
        breaches, waits = request.look(parse)
        return None if breaches else SemanticsState(request, parse, stage, final, waits)

    def can_end(self) -> bool:
        return not self._ending()

    def forgive(self, parse: ParseState) -> SemanticsState | None:
        request = self._request
        breaches, waits = request.look(parse)
        broken = frozenset(one.key for one in breaches)
        forgiving = replace(request, forgiven=request.forgiven | broken)
        return _state(forgiving, parse, waits)

    def narrow(self, words: Words, deadline: int | None = None) -> bool:
        request = self._request
        return narrow(
            request.semantics,
            request.vocabulary,
            self._parse,
            self.under_way,
            lambda parse: not request.breaches(parse),
            request.is_settled,
            self.can_end,
            words,
            deadline,
            final=self._final,
            waits=self._waits,
        )

    def proposals(self) -> Iterable[tuple[bytes, ...]]:
        return ()

    def trial(self) -> AbstractContextManager[None]:
        return nullcontext()

    def endings(self) -> Iterable[bytes]:
        return ()

    def refusal(self, parse: ParseState) -> str:
        found = self._request.breaches(parse)
        return found[0].message if found else "nothing is wrong"

    def end_refusal(self) -> str:
        return self._ending()[0].message

    def decided(self) -> frozenset[str]:
        """Functions with a contract that, if the text ends here, is kept by every call: each was
        followed to its end, and each claim proven."""
        request = self._request
        programs = request.semantics.programs(request.memory, self._parse, at_end=True)
        proven: frozenset[str] | None = None
        for functions in programs or ():
            stated = [(one, request.book.of(one.name)) for one in functions]
            verdicts = [
                (function.name, request.judge.verdict(function, contract))
                for function, contract in stated
                if contract.is_stated
            ]
            unsure = {name for name, one in verdicts if one.breaches or not one.is_decided}
            names = frozenset(name for name, _ in verdicts) - unsure
            proven = names if proven is None else proven & names
        return proven or frozenset()

    @property
    def under_way(self) -> UnderWay:
        """The statement that is being written."""
        if self._under_way is None:
            self._under_way = self._request.semantics.under_way(self._parse)
        return self._under_way

    def _claims(self, more: bytes) -> bool:
        """Whether there is a claim in what is under way, with more text."""
        pattern = claims_of(self._request.semantics.wording)
        return pattern.search(self.under_way.text + more) is not None

    def _ending(self) -> tuple[Breach, ...]:
        request = self._request
        if self._due is None and not (request.suffix or self._waits or self._claims(b"")):
            self._due = ()
        if self._due is None:
            last = self._parse.feed(request.suffix) if request.suffix else self._parse
            # Where the suffix doesn't fit syntax says so.
            self._due = () if last is None else request.breaches(last, at_end=True)
        return self._due


def start_semantics(
    spec: ConstraintSpec, vocabulary: Vocabulary, parse: ParseState
) -> SemanticsState | None:
    """The state at the cursor; None if the spec doesn't ask for the domain.

    What is broken by the prefix is given, and not held against what comes.

    Raises:
        SpecError: the language has no such domain, or a condition is none.
    """
    if PART not in spec.domains:
        return None
    assert spec.language is not None
    semantics = get_semantics(spec.language)
    if semantics is None:
        at = spec.domains.index("semantics")
        raise spec_error(
            f"spec.domains[{at}]", f"{spec.language} has no semantics domain yet; leave it out"
        )
    book = read_contracts(spec.contracts, semantics, parse.grammar)
    if book.is_empty:
        semantics = replace(semantics, wording=semantics.wording.without_contracts)
    request = Request(
        semantics,
        semantics.begin(),
        Judge(semantics),
        book,
        vocabulary,
        (spec.context.suffix or "").encode(),
        parse.position,
    )
    breaches, waits = request.look(parse)
    request = replace(request, forgiven=frozenset(one.key for one in breaches))
    # Sorting the tokens takes a while: now, not in the first mask.
    prepare(vocabulary, semantics.wording)
    return _state(request, parse, waits)


def _state(request: Request, parse: ParseState, waits: bool) -> SemanticsState:
    semantics = request.semantics
    return SemanticsState(request, parse, semantics.stage(parse), semantics.final(parse), waits)
