"""What a language says of an unfinished program: the interface between a domain and a language.

A language's meaning is reached through the registry as a `Meaning`. Its *program* is what all
texts of one request share; nobody but the language looks inside.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from ananke.analysis.defects import Defect, Domain
from ananke.analysis.scopes import Owed, Scope
from ananke.parsing.state import ParseState

__all__ = [
    "Constraint",
    "ExtractionError",
    "Given",
    "Inert",
    "Inside",
    "Judge",
    "Judgement",
    "Meaning",
    "Offer",
    "Outline",
    "Position",
    "Stroke",
    "Surroundings",
    "SurroundingsError",
]


@dataclass(frozen=True, slots=True)
class Constraint:
    """What an unfinished word must become: one of `names`, or anything that begins with one of
    `openings`; where `is_operand`, one of the language's `operand_words` too."""

    names: frozenset[str]
    openings: tuple[str, ...] = ()
    is_operand: bool = False


@dataclass(frozen=True, slots=True)
class Inert:
    """The text ends inside a string or a comment, in which bytes mean nothing.

    Attributes:
        ends: what ends that: a quote, a line end, the start of an interpolation.
        begun: how many bytes of an end the text has already (quotes of three).
        is_escaped: whether the next byte can't be part of an end.
    """

    ends: tuple[bytes, ...]
    begun: int = 0
    is_escaped: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """Where a text ends.

    Attributes:
        inert: the string or comment that it ends in; None: it ends otherwise.
        likeness: equal at two places of one program after which all tokens are judged alike, but
            for the end of the text; None: not told.
    """

    inert: Inert | None = None
    likeness: Hashable | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of a text. `scope` is the outermost one, or None where it could not be read;
    `owed` the names that must still be bound before the text ends."""

    defects: tuple[Defect, ...]
    owed: tuple[tuple[str, Owed], ...] = ()
    scope: Scope | None = None

    @property
    def due(self) -> tuple[Defect, ...]:
        """What is wrong if the text ends: the defects, and names that nothing has bound."""
        owed = (
            Defect(Domain.TYPES, f"`{name}` is not defined", one.start, one.end)
            for name, one in self.owed
        )
        return (*self.defects, *owed)


@dataclass(frozen=True, slots=True)
class Offer:
    """A name that would be right: `group` says as what (`members`, `names`, `exports`, …), `type`
    is as the language's messages write it, or None where it isn't known."""

    group: str
    name: str
    type: str | None


@dataclass(frozen=True, slots=True)
class Stroke:
    """A lexeme of a piece of text: punctuation, mostly.

    Attributes:
        name: lexemes of one name are judged alike where all before them are.
        end: where it ends in the piece, in bytes.
        is_neutral: it only closes, separates or opens: nothing is wrong with it after a text that
            `is_settled`, which it leaves so.
        alike: after a settled text all lexemes with the same are right, or none; b"": it is alone.
        is_free: nothing is wrong with it after any text that is right.
        closing: what ends it where something follows, so that it can't become a longer lexeme.
    """

    name: bytes
    end: int
    is_neutral: bool
    alike: bytes = b""
    is_free: bool = False
    closing: bytes = b""


@dataclass(frozen=True, slots=True)
class Outline:
    """What of a piece of text matters to meaning.

    Attributes:
        strokes: the lexemes that matter.
        due: after pieces with equal ones the same is asked of a word.
        is_inert: it ends where nothing is asked of a word, such as in a string or a comment.
    """

    strokes: tuple[Stroke, ...]
    due: Hashable
    is_inert: bool = False


@dataclass(frozen=True, slots=True)
class Inside:
    """The constructs around a place, as the language writes names and types.

    Attributes:
        function: the function, dotted for a method; None: there is none.
        result: what it is to give back; None: not known.
        receiver: the parameter that holds the instance, or None.
        loops: how many loops are around the place in the function.
    """

    function: str | None = None
    is_async: bool = False
    result: str | None = None
    receiver: str | None = None
    loops: int = 0


@dataclass(frozen=True, slots=True)
class Given:
    """What a request says of the names at the place, as the language writes it.

    Attributes:
        imports: statements.
        classes: (name, declaration).
        aliases: (name, type).
        functions: (name, what is written after it, is it async).
        bindings: (name or path, type or None, must what is assigned be of the type).
        inside: the constructs around the place.
        expects: the type of the expression that the whole text is; None: it is statements.
    """

    imports: tuple[str, ...] = ()
    classes: tuple[tuple[str, str], ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    functions: tuple[tuple[str, str, bool], ...] = ()
    bindings: tuple[tuple[str, str | None, bool], ...] = ()
    inside: Inside = Inside()
    expects: str | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of the place that a text is written for.

    Attributes:
        path: the file being written; it need not exist.
        environment: the installation that the program runs in; None: not known.
        project: the root folder of the program's own modules, or None.
        allow: modules that alone may be imported, with all below them; None: any.
        deny: modules that may not, with all below them.
        stubs: (module, its declarations) described in place.
        given: what is known of the names at the place.
        after: the text after the place, where what is written stays inside of its construct; None:
            it may leave it, or nothing is known.
        domains: those that judge.
    """

    path: str | None = None
    environment: str | None = None
    project: str | None = None
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()
    stubs: tuple[tuple[str, str], ...] = ()
    given: Given = Given()
    after: str | None = None
    domains: frozenset[Domain] = frozenset(Domain)


class SurroundingsError(ValueError):
    """Something that is not there or can't be read; `field` is its place in a spec, such as
    `imports.environment` or `scope.bindings[2].type`."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field
        self.problem = problem


class ExtractionError(ValueError):
    """What is known at a place can't be told: there is no such place. The message says why."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """The rules of one language for unfinished programs.

    Attributes:
        name_start, name_bytes: the bytes that names begin with and are made of.
        inerts: the strings and comments that most texts have.
        turning: words that make something else of the operand before them, as `for` does.
        begin: what all texts of one request share. Raises SurroundingsError.
        forgive: the same, but that defects which begin at some bytes are given, and none.
        trial: what is learnt of texts within it is forgotten after it: they are only tried.
        judge: what is surely wrong with a text, whatever comes next; `at_end`: nothing comes.
        is_settled: whether nothing can be wrong as long as only brackets and statements are closed
            that are open here, operands separated, and operators written, but for words that are
            `turning`. Then nothing is wrong with the text either.
        position: where the text ends.
        words_due: what a word that begins or goes on here must become: all constraints of one of
            the readings given, of which one without any asks nothing. None: no name may be there,
            and which keywords may is the grammar's business.
        offers: the names that a word which begins or goes on here could be, sorted; without a
            reason to offer any, none.
        operand_words: words that may stand or begin where an operand is due, beside names.
        word_begun: the part of a word that the text ends with, b"" if it ends otherwise.
        number_begun: whether the text ends in a number that may go on.
        outline: what matters of a piece of text that isn't the beginning of a word only.
        wrong_around: where defects begin that nothing written between a text and another mends: in
            the first counted from its start, in the second from its end, which is -1.
        proposals: texts that may lead to where the program can be closed; of those in one tuple the
            first that is taken serves.
        endings: texts that may pay what is due where the program could end but for that, by its
            state there, and after all that comes after it.
    """

    name_start: bytes
    name_bytes: bytes
    inerts: tuple[Inert, ...]
    turning: tuple[bytes, ...]
    begin: Callable[[Surroundings], Any]
    forgive: Callable[[Any, frozenset[int]], Any]
    trial: Callable[[Any], AbstractContextManager[None]]
    judge: Judge
    is_settled: Callable[[Any, ParseState], bool]
    position: Callable[[Any, ParseState], Position]
    words_due: Callable[[Any, ParseState], tuple[tuple[Constraint, ...], ...] | None]
    offers: Callable[[Any, ParseState], tuple[Offer, ...]]
    operand_words: Callable[[ParseState], frozenset[str]]
    word_begun: Callable[[ParseState], bytes]
    number_begun: Callable[[ParseState], bool]
    outline: Callable[[bytes], Outline]
    wrong_around: Callable[[Any, ParseState, bytes], frozenset[int]]
    proposals: Callable[[Any, ParseState], Iterable[tuple[bytes, ...]]]
    endings: Callable[[Any, ParseState, ParseState], Iterable[bytes]]


class Judge(Protocol):
    """See `Meaning.judge`."""

    def __call__(
        self, program: Any, parse: ParseState, /, *, at_end: bool = False
    ) -> Judgement: ...
