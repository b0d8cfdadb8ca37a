"""The language's own grammar as a domain: one parse state after prefix and generated text.

The suffix decides only where the text may end: EOS is admitted where the rest still parses and
completes the program. Every other question (what may come next) is the parser's alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from ananke.domains.state import Words
from ananke.masks import allocate, set_tokens, subtract, union
from ananke.parsing.classifier import Classifier, load_classifier
from ananke.parsing.grammar import load_grammar
from ananke.parsing.language import LanguageError
from ananke.parsing.state import Expected, ParseState
from ananke.spec import ConstraintSpec, spec_error
from ananke.vocabulary import Vocabulary

#: Bytes fed at a time while looking for the place where a given text goes wrong.
_STRIDE = 4096

#: Terminals named in an explanation.
_NAMED = 8


@dataclass(frozen=True, slots=True)
class Program:
    """What all states of one request share; `suffix` is the text after the cursor."""

    language: str
    classifier: Classifier
    ending: Words
    suffix: bytes


class ProgramState:
    """The language's grammar after some text: an immutable value (see `DomainState`)."""

    __slots__ = ("_ends", "_program", "_state")

    part = "syntax: language"

    def __init__(self, program: Program, state: ParseState) -> None:
        self._program = program
        self._state = state
        self._ends: bool | None = None

    @property
    def parse(self) -> ParseState:
        """The parse of prefix and generated text."""
        return self._state

    def advance(self, text: bytes, token: int | None = None) -> ProgramState | None:
        state = self._state.feed(text)
        return None if state is None else ProgramState(self._program, state)

    def can_end(self) -> bool:
        if self._ends is None:
            last = self._state.feed(self._program.suffix) if self._program.suffix else self._state
            self._ends = last is not None and last.can_end()
        return self._ends

    def fill(self, words: Words) -> None:
        program = self._program
        program.classifier.fill(self._state, words)
        if program.suffix:
            apply = union if self.can_end() else subtract
            apply(words, words, program.ending)

    def refusal(self, text: bytes) -> str:
        state, taken = _furthest(self._state, text, 1)
        part = f"{text[:taken]!r} may come, then " if taken else ""
        return (
            f"no {self._program.language} program goes on with {text!r} here: "
            f"{part}expected {_expected(state)}"
        )

    def end_refusal(self) -> str:
        program = self._program
        if program.suffix and (after := self._state.feed(program.suffix)) is None:
            _, taken = _furthest(self._state, program.suffix, _STRIDE)
            return f"the text after the cursor would not parse (from its byte {taken})"
        if program.suffix and after is not None:
            return f"the text after the cursor leaves the program open: {_expected(after)} is due"
        return f"the {program.language} program is not complete: expected {_expected(self._state)}"

    def ahead(self) -> tuple[Expected, ...]:
        return self._state.expected()

    def shortest_completion(self) -> bytes | None:
        return self._state.shortest_completion(self._program.suffix)


def start_program(spec: ConstraintSpec, vocabulary: Vocabulary) -> ProgramState:
    """The state at the cursor: after the spec's prefix.

    Raises SpecError at `spec.context.prefix` where no program begins so, with line and column.
    """
    assert spec.language is not None
    try:
        grammar = load_grammar(spec.language)
    except LanguageError as error:
        raise spec_error("spec.language", str(error)) from None
    prefix = spec.context.prefix.encode()
    state, taken = _furthest(grammar.start(), prefix, _STRIDE)
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
        (spec.context.suffix or "").encode(),
    )
    return ProgramState(program, state)


def _furthest(state: ParseState, text: bytes, stride: int) -> tuple[ParseState, int]:
    """The state after the longest viable beginning of `text`, and that beginning's length."""
    taken = 0
    while taken < len(text):
        after = state.feed(text[taken : taken + stride])
        if after is not None:
            state, taken = after, min(taken + stride, len(text))
        elif stride > 1:
            stride //= 8
        else:
            break
    return state, taken


def _expected(state: ParseState) -> str:
    """The terminals that may come next, in words."""
    names = [
        terminal.name if terminal.named else f"`{terminal.name}`" for terminal in state.expected()
    ]
    more = f" or {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (", ".join(names[:_NAMED]) or "the end of the text") + more
