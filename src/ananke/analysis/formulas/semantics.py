"""What a language says of its programs' meaning in formulas: the interface to the domain.

A language's semantics is reached through the registry as a `Semantics`. Its *memory* is what the
texts of one request share; nobody but the language looks inside.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Protocol

from ananke.analysis.formulas.evaluation import Rules
from ananke.analysis.formulas.expressions import Expression
from ananke.analysis.formulas.statements import Function
from ananke.analysis.literals import Literal, Number
from ananke.parsing.grammar import Grammar
from ananke.parsing.state import ParseState

__all__ = ["ConditionError", "Conditions", "Inside", "Programs", "Semantics", "UnderWay", "Wording"]


class ConditionError(ValueError):
    """A condition or a type that the language doesn't take; the message says what and why."""


class Programs(Protocol):
    """See `Semantics.programs`."""

    def __call__(
        self, memory: Any, parse: ParseState, *, at_end: bool = False
    ) -> tuple[tuple[Function, ...], ...] | None: ...


class Conditions(Protocol):
    """See `Semantics.condition`."""

    def __call__(
        self, grammar: Grammar, text: str, names: Mapping[str, str], *, is_open: bool
    ) -> Expression: ...


@dataclass(frozen=True, slots=True)
class Wording:
    """Of which tokens a mask is asked: what in a text ends statements, and what begins a claim.

    Attributes:
        ends: bytes after which a statement may have become final.
        line_ends: those of them that end lines: after one the next line's blanks count.
        claims: pieces of text without which no claim is made. Words count as whole words.
        contract_claims: those of them that make one only where the spec states a contract.
        operand_claims: those of them that make one only behind an operand.
        quotes: bytes without which no string ends.
        closing: bytes without which no bracket is closed.
    """

    ends: bytes
    line_ends: bytes
    claims: tuple[bytes, ...]
    contract_claims: tuple[bytes, ...] = ()
    operand_claims: tuple[bytes, ...] = ()
    quotes: bytes = b"\"'"
    closing: bytes = b")]}"

    @property
    def without_contracts(self) -> Wording:
        """Where the spec states none."""
        claims = tuple(one for one in self.claims if one not in self.contract_claims)
        return replace(self, claims=claims, contract_claims=())


class Inside(Enum):
    """What a text ends in the middle of, where nothing ends before it does."""

    NOTHING = "nothing"
    STRING = "string"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The statement, or the header of one, that is being written.

    Attributes:
        text: from its start; strings that hold no claim may be left out.
        ends: those of `Wording.ends` that may end it.
        inside: what the text ends in the middle of.
        depth: brackets to be closed before it may end, or fewer.
    """

    text: bytes
    ends: bytes
    inside: Inside = Inside.NOTHING
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Semantics:
    """The rules of one language for formulas of its programs.

    Attributes:
        rules: what its operations mean.
        begin: what all texts of one request share.
        programs: for each reading of a text its functions, with the module's own statements as
            one; None where not all readings are known. `at_end`: nothing more comes.
        stage: what `programs` depends on, cheaply: where two texts, one of which begins with the
            other, have equal stages, they have equal programs.
        final: names what of a text is final, at little cost: where two texts, one of which begins
            with the other, have equal names, no claim has become final in between. None: unknown.
        condition: an expression of the language over `names` (name or `owner.field` -> type),
            checked; `is_open`: other names may be used too. Raises ConditionError.
        check_type: raises ConditionError for what isn't a type.
        under_way: the statement that is being written.
        wording: what statements and claims look like.
        constructors: functions that make an instance: no invariant holds where they begin.
        show: a value as the language writes it.
        literals: for each reading of a text the literals of numbers that begin at some byte or
            later; None where not all readings are known.
        number: the text of a literal, or the beginning of one; None: what it becomes isn't known.
    """

    rules: Rules
    begin: Callable[[], Any]
    programs: Programs
    stage: Callable[[ParseState], Hashable]
    final: Callable[[ParseState], Hashable | None]
    condition: Conditions
    check_type: Callable[[Grammar, str], None]
    under_way: Callable[[ParseState], UnderWay]
    wording: Wording
    constructors: frozenset[str]
    show: Callable[[object], str]
    literals: Callable[[ParseState, int], tuple[tuple[Literal, ...], ...] | None]
    number: Callable[[bytes], Number | None]
