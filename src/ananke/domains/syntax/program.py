"""The language's own grammar as a domain: one parse state after prefix and generated text.

The suffix decides only where the text may end: EOS is admitted where the rest still parses and
completes the program. Every other question (what may come next) is the parser's alone.

What the grammar can't parse of the text that is given is left out (`syntax/given.py`) and told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ananke.domains.state import Words
from ananke.domains.syntax.given import Stretch, furthest, read_given
from ananke.masks import allocate, set_tokens, subtract, union
from ananke.parsing.classifier import Classifier, fill_many, load_classifier
from ananke.parsing.grammar import load_grammar
from ananke.parsing.language import LanguageError
from ananke.parsing.state import Expected, ParseState
from ananke.spec import ConstraintSpec, spec_error
from ananke.vocabulary import Vocabulary

#: Terminals named in an explanation.
_NAMED = 8


@dataclass(frozen=True)
class Program:
    """What all states of one request share.

    Attributes:
        start: the parse of the text before the cursor.
        suffix: the text after the cursor.
        unmodelled: what was left out of the text before it.
    """

    language: str
    classifier: Classifier
    ending: Words
    start: ParseState
    suffix: bytes
    unmodelled: tuple[Stretch, ...] = ()

    @cached_property
    def has_fitting_suffix(self) -> bool:
        """Whether some text at the cursor lets all of the text after it parse. Then, where it
        doesn't, the reason is what was generated."""
        return self.start.shortest_completion(self.suffix) is not None


class ProgramState:
    """The language's grammar after some text: an immutable value (see `DomainState`)."""

    __slots__ = ("_ends", "_left_out", "_program", "_state")

    part = "syntax: language"

    def __init__(self, program: Program, state: ParseState) -> None:
        self._program = program
        self._state = state
        self._ends: bool | None = None
        self._left_out: tuple[Stretch, ...] = ()

    @property
    def parse(self) -> ParseState:
        """The parse of prefix and generated text."""
        return self._state

    def advance(self, text: bytes, token: int | None = None) -> ProgramState | None:
        state = self._state.feed(text)
        return None if state is None else ProgramState(self._program, state)

    def can_end(self) -> bool:
        if self._ends is None:
            self._ends = self._goes_on() if self._program.suffix else self._state.can_end()
        return self._ends

    def _goes_on(self) -> bool:
        """Whether the text after the cursor completes the program."""
        suffix = self._program.suffix
        after = self._state.feed(suffix)
        if after is not None:
            return after.can_end()
        if self._program.has_fitting_suffix:
            return False
        # The line that the cursor is on joins what is generated: it must parse.
        first = suffix.find(b"\n") + 1
        if not first or self._state.feed(suffix[:first]) is None:
            return False
        read = read_given(self._state, suffix, first)
        if read.taken < len(suffix) or not read.state.can_end():
            return False
        self._left_out = read.stretches
        return True

    @property
    def unmodelled(self) -> tuple[tuple[Stretch, ...], tuple[Stretch, ...]]:
        """What was left out of the text before the cursor, and after it where that lets the text
        end."""
        return self._program.unmodelled, self._left_out

    def fill(self, words: Words) -> None:
        self._program.classifier.fill(self._state, words)
        self._settle_end(words)

    def _settle_end(self, words: Words) -> None:
        program = self._program
        if program.suffix:
            apply = union if self.can_end() else subtract
            apply(words, words, program.ending)

    def refusal(self, text: bytes) -> str:
        state, taken = furthest(self._state, text, 1)
        part = f"{text[:taken]!r} may come, then " if taken else ""
        return (
            f"no {self._program.language} program goes on with {text!r} here: "
            f"{part}expected {_expected(state)}"
        )

    def end_refusal(self) -> str:
        program = self._program
        if program.suffix and (after := self._state.feed(program.suffix)) is None:
            _, taken = furthest(self._state, program.suffix)
            return f"the text after the cursor would not parse (from its byte {taken})"
        if program.suffix and after is not None:
            return f"the text after the cursor leaves the program open: {_expected(after)} is due"
        return f"the {program.language} program is not complete: expected {_expected(self._state)}"

    def ahead(self) -> tuple[Expected, ...]:
        return self._state.expected()

    def shortest_completion(self) -> bytes | None:
        return self._state.shortest_completion(self._program.suffix)


def fill_programs(states: Sequence[ProgramState], rows: Sequence[Words]) -> list[bool]:
    """Overwrite each row with what its state admits, as `ProgramState.fill` does, side by side in
    native code; whether each row has a token.

    Raises ParseError as `fill_many`.
    """
    requests = [(state._program.classifier, state._state) for state in states]
    found = fill_many(requests, rows)
    for at, (state, words) in enumerate(zip(states, rows, strict=True)):
        if state._program.suffix:
            state._settle_end(words)
            found[at] = bool(words.any())
    return found


def start_program(spec: ConstraintSpec, vocabulary: Vocabulary) -> ProgramState:
    """The state at the cursor: after the spec's prefix.

    Raises SpecError at `spec.context.prefix`, with line and column, where no program begins so and
    no statement's end behind that place lets it go on.
    """
    assert spec.language is not None
    try:
        grammar = load_grammar(spec.language)
    except LanguageError as error:
        raise spec_error("spec.language", str(error)) from None
    prefix = spec.context.prefix.encode()
    read = read_given(grammar.start(), prefix)
    state, taken = read.state, read.taken
    if read.stretches and tuple(spec.domains) != ("syntax",):
        # What the code means rests on all of it.
        state, taken = furthest(grammar.start(), prefix)
    if taken < len(prefix):
        line = prefix.count(b"\n", 0, taken) + 1
        column = taken - prefix.rfind(b"\n", 0, taken)
        raise spec_error(
            "spec.context.prefix",
            f"no {spec.language} program begins so: line {line}, column {column}, at "
            f"{prefix[taken : taken + 20]!r}; expected {_expected(state)}",
        )
    ending = allocate(1, vocabulary.size)[0]
    set_tokens(ending, vocabulary.eos, vocabulary.size)
    program = Program(
        spec.language,
        load_classifier(grammar, vocabulary),
        ending,
        state,
        (spec.context.suffix or "").encode(),
        read.stretches,
    )
    return ProgramState(program, state)


def _expected(state: ParseState) -> str:
    """The terminals that may come next, in words."""
    names = [
        terminal.name if terminal.named else f"`{terminal.name}`" for terminal in state.expected()
    ]
    more = f" or {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (", ".join(names[:_NAMED]) or "the end of the text") + more
