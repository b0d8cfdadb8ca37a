"""Patterns of spellings, as deterministic automata.

A language's row says which texts of a terminal the language really has, e.g. that a decimal
integer of Python doesn't begin with 0: `0(_?0)*|[1-9](_?[0-9])*`. The syntax is that of `re` in
little: alternatives, groups, `*`, `+`, `?`, `{n}`, `{n,m}`, `.`, classes `[a-z]` and `[^a-z]`,
`\\` before a character that is meant itself. A pattern is matched against the whole text.
Characters beyond ASCII are one letter: they match `.` and negated classes only.

Built by derivatives (Brzozowski 1964): a state of the automaton is what is left of the pattern
after a character.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

__all__ = ["LETTERS", "Pattern", "PatternError", "compile_pattern"]

#: Letters of the alphabet: the ASCII characters, and one for all others.
LETTERS: Final = 129

_ALL: Final = frozenset(range(LETTERS))

#: ("letters", set), ("cat", a, b), ("or", frozenset), ("star", a); these two have no letters.
_NOTHING: Final = ("nothing",)
_EMPTY: Final = ("empty",)

_Term = tuple[object, ...]


class PatternError(ValueError):
    """A pattern that isn't in the syntax above; the message has it and the place."""


@dataclass(frozen=True)
class Pattern:
    """A deterministic automaton; state 0 is the start.

    Attributes:
        steps: for each state the next state by letter, or None where nothing can match any more.
        final: whether the text so far matches.
    """

    steps: tuple[tuple[int | None, ...], ...]
    final: tuple[bool, ...]

    def matches(self, text: str) -> bool:
        state: int | None = 0
        for character in text:
            if state is None:
                return False
            state = self.steps[state][min(ord(character), LETTERS - 1)]
        return state is not None and self.final[state]


@lru_cache(maxsize=256)
def compile_pattern(source: str) -> Pattern:
    """The automaton of a pattern.

    Raises:
        PatternError: it isn't in the syntax above.
    """
    parser = _Parser(source)
    first = parser.alternatives()
    if parser.at < len(source):
        raise parser.wrong()
    numbers: dict[_Term, int] = {first: 0}
    terms = [first]
    steps: list[tuple[int | None, ...]] = []
    while len(steps) < len(terms):
        row: list[int | None] = []
        for letter in range(LETTERS):
            left = _after(terms[len(steps)], letter)
            if left == _NOTHING:
                row.append(None)
                continue
            if left not in numbers:
                numbers[left] = len(terms)
                terms.append(left)
            row.append(numbers[left])
        steps.append(tuple(row))
    return Pattern(tuple(steps), tuple(_may_be_empty(term) for term in terms))


def _cat(first: _Term, second: _Term) -> _Term:
    if _NOTHING in (first, second):
        return _NOTHING
    if first == _EMPTY:
        return second
    if second == _EMPTY:
        return first
    if first[0] == "cat":
        return _cat(first[1], _cat(first[2], second))  # type: ignore[arg-type]
    return ("cat", first, second)


def _either(*terms: _Term) -> _Term:
    flat: set[_Term] = set()
    for term in terms:
        if term[0] == "or":
            flat |= term[1]  # type: ignore[arg-type]
        elif term != _NOTHING:
            flat.add(term)
    if not flat:
        return _NOTHING
    return next(iter(flat)) if len(flat) == 1 else ("or", frozenset(flat))


def _star(term: _Term) -> _Term:
    if term in (_NOTHING, _EMPTY):
        return _EMPTY
    return term if term[0] == "star" else ("star", term)


def _may_be_empty(term: _Term) -> bool:
    match term:
        case ("cat", first, second):
            return _may_be_empty(first) and _may_be_empty(second)  # type: ignore[arg-type]
        case ("or", terms):
            return any(map(_may_be_empty, terms))  # type: ignore[call-overload]
        case _:
            return term[0] in ("star", "empty")


@lru_cache(maxsize=100_000)
def _after(term: _Term, letter: int) -> _Term:
    """What is left of a term after a letter."""
    match term:
        case ("letters", letters):
            return _EMPTY if letter in letters else _NOTHING  # type: ignore[operator]
        case ("cat", first, second):
            left = _cat(_after(first, letter), second)  # type: ignore[arg-type]
            if _may_be_empty(first):  # type: ignore[arg-type]
                left = _either(left, _after(second, letter))
            return left
        case ("or", terms):
            return _either(*(_after(one, letter) for one in terms))  # type: ignore[attr-defined]
        case ("star", inner):
            return _cat(_after(inner, letter), term)
        case _:
            return _NOTHING


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0

    def wrong(self) -> PatternError:
        return PatternError(f"pattern {self.source!r}: can't be read at character {self.at}")

    def next(self) -> str:
        return self.source[self.at : self.at + 1]

    def take(self) -> str:
        character = self.next()
        if not character:
            raise self.wrong()
        self.at += 1
        return character

    def alternatives(self) -> _Term:
        terms = [self.sequence()]
        while self.next() == "|":
            self.at += 1
            terms.append(self.sequence())
        return _either(*terms)

    def sequence(self) -> _Term:
        terms: list[_Term] = []
        while self.next() not in ("", "|", ")"):
            terms.append(self.repeated())
        term: _Term = _EMPTY
        for one in reversed(terms):
            term = _cat(one, term)
        return term

    def repeated(self) -> _Term:
        term = self.atom()
        while (sign := self.next()) and sign in "*+?{":
            self.at += 1
            if sign == "*":
                term = _star(term)
            elif sign == "+":
                term = _cat(term, _star(term))
            elif sign == "?":
                term = _either(term, _EMPTY)
            else:
                term = self.counted(term)
        return term

    def counted(self, term: _Term) -> _Term:
        digits = ""
        while self.next() != "}":
            digits += self.take()
        self.at += 1
        least, comma, most = digits.partition(",")
        if not least.isdigit() or (comma and not most.isdigit()):
            raise self.wrong()
        result: _Term = _EMPTY
        for _ in range(int(most or least) - int(least)):
            result = _either(_EMPTY, _cat(term, result))
        for _ in range(int(least)):
            result = _cat(term, result)
        return result

    def atom(self) -> _Term:
        character = self.take()
        if character == "(":
            term = self.alternatives()
            if self.take() != ")":
                raise self.wrong()
            return term
        if character == "[":
            return ("letters", self.members())
        if character == ".":
            return ("letters", _ALL)
        if character in ")*+?{|":
            self.at -= 1
            raise self.wrong()
        return ("letters", frozenset({self.letter(character)}))

    def letter(self, character: str) -> int:
        if character == "\\":
            character = self.take()
            character = {"n": "\n", "r": "\r", "t": "\t"}.get(character, character)
        if not character.isascii():
            raise self.wrong()
        return ord(character)

    def members(self) -> frozenset[int]:
        is_negated = self.next() == "^"
        self.at += is_negated
        letters: set[int] = set()
        while (character := self.take()) != "]":
            low = self.letter(character)
            high = low
            if self.next() == "-" and self.source[self.at + 1 : self.at + 2] != "]":
                self.at += 1
                high = self.letter(self.take())
            letters.update(range(low, high + 1))
        return _ALL - letters if is_negated else frozenset(letters)
