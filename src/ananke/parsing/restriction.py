"""A grammar's lexer made as strict as the language: edits of its automaton.

tree-sitter's grammars are made for editors and take more than the compilers do. What concerns a
lexeme's own text is best mended in the automaton of the lexer, since masks, completions and
feeding all read it:

- white space that the language doesn't have is not skipped;
- line ends aren't skipped in strings, nor, in the *strict variant* of the lexer, anywhere; the
  *start variant* is in force at the start of a line (which variant reads is the business of
  `native/lines.zig`);
- a terminal is accepted only where its text matches the language's pattern (`pattern.py`);
- an operator stands between white space on both sides or on none;
- the beginning of a terminal may be one by itself;
- characters between two that act alike act like them, where the grammar's edition of Unicode has
  only the ends of a stretch;
- a terminal at the start of a line, or of some spellings, is one of its own (a twin, see
  `addition.py`).

The automaton is a product: beside the states of the lexer stand copies of those on the way to
such a terminal, each with the state of the pattern.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ananke.parsing.automaton import DEAD, NO_SYMBOL, Tables
from ananke.parsing.pattern import LETTERS, Pattern, compile_pattern

__all__ = ["VARIANTS", "Restriction", "restrict", "with_words"]

#: Plain, strict, start; as in `native/lines.zig`.
VARIANTS = 3

_LINE_ENDS = b"\n\r"
_WHITE = b" \t\n\v\f\r"
_BYTE_ORDER_MARK = 0xFEFF
_WIDE = LETTERS - 1
_MAGIC = 0x31414E41
#: Raised when the same restriction makes another automaton.
_EDITION = 1

#: (first code point, last, target, whether it is skipped)
_Range = tuple[int, int, int, int]


@dataclass(frozen=True)
class Restriction:
    """What a language's lexer has less than its grammar's, and a few things more.

    Attributes:
        spaces: the ASCII characters that are white space; None: those of the grammar, and of the
            characters beyond ASCII too.
        unbroken: terminals; in lex states in which one may be read line ends aren't skipped.
        has_variants: whether there are a strict and a start variant.
        never_first: ASCII characters that no lexeme of the start variant begins with, once a line
            end was skipped.
        patterns: by terminal, the texts that it has.
        without: (terminal, first, last): characters beyond ASCII that it has not.
        filled: (first, last): characters beyond ASCII that act like the first.
        alone: (terminal, a text that begins it and is one too).
        balanced: terminals with white space on both sides or on none.
        balanced_words: texts of the terminal `word`, too.
        misspelt: the terminal, one that the language has not, that they are elsewhere.
        leading: (terminal, what it is at the start of a line).
        spelt: (terminal, what it is where its text matches the pattern, the pattern).
    """

    spaces: bytes | None = None
    unbroken: tuple[int, ...] = ()
    has_variants: bool = False
    never_first: bytes = b""
    patterns: Mapping[int, str] = field(default_factory=dict)
    without: tuple[tuple[int, int, int], ...] = ()
    filled: tuple[tuple[int, int], ...] = ()
    alone: tuple[tuple[int, bytes], ...] = ()
    balanced: tuple[int, ...] = ()
    balanced_words: tuple[bytes, ...] = ()
    word: int = NO_SYMBOL
    misspelt: int = NO_SYMBOL
    leading: tuple[tuple[int, int], ...] = ()
    spelt: tuple[tuple[int, int, str], ...] = ()

    @property
    def is_empty(self) -> bool:
        characters = (self.unbroken, self.patterns, self.without, self.alone, self.balanced)
        rows = (*characters, self.filled, self.leading, self.spelt)
        return self.spaces is None and not self.has_variants and not any(rows)

    @property
    def digest(self) -> str:
        """Names the restriction; equal ones have equal digests."""
        words = repr(
            (
                _EDITION,
                self.spaces,
                self.unbroken,
                self.has_variants,
                self.never_first,
                sorted(self.patterns.items()),
                *self.without,
                *self.filled,
                *self.alone,
                self.balanced,
                self.balanced_words,
                self.word,
                self.misspelt,
                *self.leading,
                *self.spelt,
            )
        )
        return hashlib.sha256(words.encode()).hexdigest()[:16]


def restrict(tables: Tables, start_count: int, restriction: Restriction) -> bytes:
    """The restricted automaton, as `read_automaton` reads it.

    Its start states are the first `start_count` of the lexer, with variants three times over.

    Raises:
        PatternError: a pattern can't be read.
        ValueError: it has too many states.
    """
    states = _States(tables, start_count)
    for first, last in restriction.filled:
        states.fill_in(first, last)
    if restriction.spaces is not None:
        for state in sorted(states.blank()):
            states.keep_spaces(state, restriction.spaces)
    for symbol in restriction.unbroken:
        for state in sorted(states.blank()):
            if tables.after[state, symbol >> 6] >> np.uint64(symbol & 63) & np.uint64(1):
                states.break_lines(state)
    if restriction.has_variants:
        states.add_variants(restriction.never_first, has_mark=restriction.spaces is not None)
    for symbol, source in sorted(restriction.patterns.items()):
        states.spell(symbol, compile_pattern(source))
    for symbol, first, last in restriction.without:
        states.leave_out(symbol, first, last)
    for symbol, text in restriction.alone:
        states.stand_alone(symbol, text, tables)
    for symbol, twin, source in restriction.spelt:
        states.tell(symbol, twin, compile_pattern(source))
    if restriction.balanced:
        states.balance(restriction)
    if restriction.leading:
        states.lead(dict(restriction.leading))
    return states.to_bytes()


def with_words(tables: Tables, words: Mapping[bytes, int]) -> bytes:
    """A keyword automaton that knows more words, by the terminal that each is."""
    states = _States(tables, 1)
    for word, symbol in sorted(words.items()):
        states.add_word(word, symbol)
    return states.to_bytes()


class _States:
    """The automaton under construction."""

    def __init__(self, tables: Tables, start_count: int) -> None:
        self.ascii = [list(map(int, row)) for row in tables.ascii]
        self.skip = [list(map(int, row)) for row in tables.ascii_skip]
        bounds = tables.wide_start.tolist()
        ranges = [tuple(map(int, one)) for one in tables.wide.tolist()]
        self.wide: list[list[_Range]] = [
            [(r[0], r[1], r[2], r[3]) for r in ranges[first:last]]
            for first, last in itertools.pairwise(bounds)
        ]
        self.eof = list(map(int, tables.eof))
        self.accept = list(map(int, tables.accept))
        self.start = list(map(int, tables.start[:start_count]))

    def blank(self) -> set[int]:
        """States before the first character of a lexeme."""
        found = {state for state in self.start if state != DEAD}
        for row, skips in zip(self.ascii, self.skip, strict=True):
            found.update(t for t, s in zip(row, skips, strict=True) if s and t != DEAD)
        for ranges in self.wide:
            found.update(target for _, _, target, skip in ranges if skip)
        return found

    def stand_alone(self, symbol: int, text: bytes, tables: Tables) -> None:
        """The terminal is accepted after the text too, where nothing is."""
        word, bit = symbol >> 6, np.uint64(symbol & 63)
        for start in set(self.start) - {DEAD}:
            state = start
            for byte in text:
                state = DEAD if state == DEAD else self.ascii[state][byte]
            if state == DEAD or state >= len(tables.reach) or self.accept[state] != NO_SYMBOL:
                continue
            if tables.reach[state, word] >> bit & np.uint64(1):
                self.accept[state] = symbol

    def copy(self, state: int) -> int:
        self.ascii.append(list(self.ascii[state]))
        self.skip.append(list(self.skip[state]))
        self.wide.append(list(self.wide[state]))
        self.eof.append(self.eof[state])
        self.accept.append(self.accept[state])
        return len(self.accept) - 1

    def add_word(self, word: bytes, symbol: int) -> None:
        """Accepts the word, beside all that is accepted."""
        at = self.start[0] = self.copy(self.start[0])
        for character in word:
            target = self.ascii[at][character]
            if target == DEAD:
                self.ascii.append([DEAD] * 128)
                self.skip.append([0] * 128)
                self.wide.append([])
                self.eof.append(DEAD)
                self.accept.append(NO_SYMBOL)
                own = len(self.accept) - 1
            else:
                # States may be shared with other words.
                own = self.copy(target)
            self.ascii[at][character] = own
            at = own
        if self.accept[at] != NO_SYMBOL:
            raise ValueError(f"{word!r} is a keyword of the grammar")
        self.accept[at] = symbol

    def cut(self, state: int, character: int) -> None:
        self.ascii[state][character] = DEAD
        self.skip[state][character] = 0

    def leave_out(self, symbol: int, first: int, last: int) -> None:
        """Accepts the symbol without the characters, all beyond ASCII, in its text."""
        for state, ranges in enumerate(self.wide):
            self.wide[state] = [
                (start, end, target, skip)
                for low, high, target, skip in ranges
                for start, end in (
                    ((low, min(high, first - 1)), (max(low, last + 1), high))
                    if self.accept[target] == symbol
                    else ((low, high),)
                )
                if start <= end
            ]

    def fill_in(self, first: int, last: int) -> None:
        """The characters act like the first of them, where they had no way."""
        for state, ranges in enumerate(self.wide):
            like = next((one for one in ranges if one[0] <= first <= one[1]), None)
            if like is None:
                continue
            filled, at = list(ranges), first
            for low, high, _, _ in ranges:
                if high < first or low > last:
                    continue
                if low > at:
                    filled.append((at, low - 1, *like[2:]))
                at = high + 1
            if at <= last:
                filled.append((at, last, *like[2:]))
            self.wide[state] = sorted(filled)

    def keep_spaces(self, state: int, spaces: bytes) -> None:
        for character in range(128):
            if self.skip[state][character] and character not in spaces:
                self.cut(state, character)
        self.wide[state] = [one for one in self.wide[state] if not one[3]]

    def break_lines(self, state: int) -> None:
        for character in _LINE_ENDS:
            if self.skip[state][character]:
                self.cut(state, character)

    def add_variants(self, never_first: bytes, *, has_mark: bool) -> None:
        blank = sorted(self.blank())
        starts = list(self.start)
        strict, begun, first = ({state: self.copy(state) for state in blank} for _ in range(3))
        # What ends the line before may still come first; after a line end nothing of it may.
        after_end = dict.fromkeys(_LINE_ENDS, begun)
        for copies, after in ((strict, {}), (begun, {}), (first, after_end)):
            for state, own in copies.items():
                for character in range(128):
                    if self.skip[own][character]:
                        target = self.ascii[state][character]
                        self.ascii[own][character] = after.get(character, copies)[target]
                self.wide[own] = [
                    (low, high, copies[target] if skip else target, skip)
                    for low, high, target, skip in self.wide[state]
                ]
        for own in strict.values():
            self.break_lines(own)
        for own in begun.values():
            for character in never_first:
                self.cut(own, character)
        for own in first.values():
            if has_mark:
                self.allow_mark(own)
        for copies in (strict, first):
            self.start += [DEAD if state == DEAD else copies[state] for state in starts]

    def allow_mark(self, state: int) -> None:
        """A byte order mark may begin the file."""
        if all(
            high < _BYTE_ORDER_MARK or low > _BYTE_ORDER_MARK
            for low, high, _, _ in self.wide[state]
        ):
            self.wide[state].append((_BYTE_ORDER_MARK, _BYTE_ORDER_MARK, state, 1))
            self.wide[state].sort()

    def reaching(self, symbol: int) -> set[int]:
        """States from which the symbol may be accepted without skipping."""
        before: dict[int, set[int]] = {}
        for state, (row, skips) in enumerate(zip(self.ascii, self.skip, strict=True)):
            for target, skip in zip(row, skips, strict=True):
                if target != DEAD and not skip:
                    before.setdefault(target, set()).add(state)
            for _, _, target, skip in self.wide[state]:
                if not skip:
                    before.setdefault(target, set()).add(state)
        found = {state for state, accepted in enumerate(self.accept) if accepted == symbol}
        work = list(found)
        while work:
            fresh = before.get(work.pop(), set()) - found
            found |= fresh
            work += fresh
        return found

    def spell(self, symbol: int, pattern: Pattern) -> None:
        """Accepts the symbol only where its text matches the pattern."""
        self.match(symbol, pattern, symbol, NO_SYMBOL)
        self.prune()

    def tell(self, symbol: int, twin: int, pattern: Pattern) -> None:
        """Accepts the twin in place of the symbol where its text matches the pattern."""
        self.match(symbol, pattern, twin, symbol)

    def match(self, symbol: int, pattern: Pattern, matching: int, other: int) -> None:
        """Accepts one terminal in place of the symbol where its text matches, else the other."""
        reaching = self.reaching(symbol)
        roots = [state for state in self.blank() if state in reaching]
        numbers: dict[tuple[int, int | None], int] = {}
        work: list[tuple[int, int | None]] = []

        def with_pattern(state: int, at: int | None) -> int:
            if state == DEAD or state not in reaching:
                return state
            pair = (state, at)
            if pair not in numbers:
                numbers[pair] = self.copy(state)
                work.append(pair)
            return numbers[pair]

        def followed(state: int, at: int | None) -> tuple[list[int], list[_Range]]:
            row = pattern.steps[at] if at is not None else (None,) * LETTERS
            skips = self.skip[state]
            return (
                [
                    target if skips[character] else with_pattern(target, row[character])
                    for character, target in enumerate(self.ascii[state])
                ],
                [
                    (low, high, target if skip else with_pattern(target, row[_WIDE]), skip)
                    for low, high, target, skip in self.wide[state]
                ],
            )

        # The states that are copied stay as they are until all copies are made.
        after_root = {root: followed(root, 0) for root in roots}
        while work:
            state, at = work.pop()
            own = numbers[state, at]
            self.ascii[own], self.wide[own] = followed(state, at)
            if self.accept[own] == symbol:
                self.accept[own] = matching if at is not None and pattern.final[at] else other
        for root, (row, wide) in after_root.items():
            self.ascii[root], self.wide[root] = row, wide

    def balance(self, restriction: Restriction) -> None:
        """Takes a lexeme with white space on one side only for another terminal."""
        wanted = set(restriction.balanced)
        reaching = set().union(*(self.reaching(symbol) for symbol in wanted))
        words = frozenset(restriction.balanced_words)
        begun = {word[:length] for word in words for length in range(len(word) + 1)}
        blank = sorted(self.blank())
        wrong = self.copy(blank[0])
        self.ascii[wrong], self.skip[wrong] = [DEAD] * 128, [0] * 128
        self.wide[wrong], self.eof[wrong], self.accept[wrong] = [], DEAD, restriction.misspelt
        spaced = {state: self.copy(state) for state in blank}
        # The copies of what may become one of them: by the state, whether white space came
        # before, and the text so far while it may become one of the words.
        numbers: dict[tuple[int, bool, bytes | None], int] = {}
        work: list[tuple[int, bool, bytes | None]] = []

        def copied(target: int, is_spaced: bool, text: bytes | None) -> int:
            if text not in begun:
                text = None
            if target == DEAD or (text is None and target not in reaching):
                return target
            key = (target, is_spaced, text)
            if key not in numbers:
                numbers[key] = self.copy(target)
                work.append(key)
            return numbers[key]

        def follow(
            state: int, is_spaced: bool, text: bytes | None
        ) -> tuple[list[int], list[_Range]]:
            row = [
                spaced[target]
                if skips
                else copied(target, is_spaced, None if text is None else text + bytes([character]))
                for character, (target, skips) in enumerate(
                    zip(self.ascii[state], self.skip[state], strict=True)
                )
            ]
            wide = [
                (low, high, spaced[target] if skip else copied(target, is_spaced, None), skip)
                for low, high, target, skip in self.wide[state]
            ]
            is_word = text in words and self.accept[state] == restriction.word
            if self.accept[state] in wanted or is_word:
                for character in range(1, 128):
                    if row[character] == DEAD and (character in _WHITE) != is_spaced:
                        row[character] = wrong
                if is_spaced and not wide:
                    wide = [(128, 0xD7FF, wrong, 0), (0xE000, 0x10FFFF, wrong, 0)]
            return row, wide

        after = {state: follow(state, False, b"") for state in blank}
        after |= {own: follow(state, True, b"") for state, own in spaced.items()}
        while work:
            key = work.pop()
            after[numbers[key]] = follow(*key)
        for state, (row, wide) in after.items():
            self.ascii[state], self.wide[state] = row, wide

    def lead(self, twins: Mapping[int, int]) -> None:
        """After a line end that was skipped, accepts the twins of terminals in their place."""
        reaching = set().union(*(self.reaching(symbol) for symbol in twins))
        blank = sorted(self.blank())
        begun = {state: self.copy(state) for state in blank}
        copies: dict[int, int] = {}
        work: list[int] = []

        def copied(target: int) -> int:
            if target not in reaching:
                return target
            if target not in copies:
                copies[target] = self.copy(target)
                work.append(target)
            return copies[target]

        def follow(state: int) -> None:
            own = begun[state] if state in begun else copies[state]
            self.ascii[own] = [
                begun[target] if skips else copied(target)
                for target, skips in zip(self.ascii[state], self.skip[state], strict=True)
            ]
            self.wide[own] = [
                (low, high, begun[target] if skip else copied(target), skip)
                for low, high, target, skip in self.wide[state]
            ]
            self.accept[own] = twins.get(self.accept[state], self.accept[state])

        for state in blank:
            follow(state)
        while work:
            follow(work.pop())
        for state in blank:
            for character in _LINE_ENDS:
                if self.skip[state][character]:
                    self.ascii[state][character] = begun[self.ascii[state][character]]

    def prune(self) -> None:
        """Takes away the ways into states that accept nothing any more."""
        useful = {state for state, symbol in enumerate(self.accept) if symbol != NO_SYMBOL}
        useful |= {state for state, target in enumerate(self.eof) if target != DEAD}
        before: dict[int, set[int]] = {}
        for state, row in enumerate(self.ascii):
            for target in set(row) - {DEAD}:
                before.setdefault(target, set()).add(state)
            for one in self.wide[state]:
                before.setdefault(one[2], set()).add(state)
        work = list(useful)
        while work:
            fresh = before.get(work.pop(), set()) - useful
            useful |= fresh
            work += fresh
        for state, row in enumerate(self.ascii):
            for character, target in enumerate(row):
                if target != DEAD and target not in useful:
                    self.cut(state, character)
            self.wide[state] = [one for one in self.wide[state] if one[2] in useful]

    def to_bytes(self) -> bytes:
        """The format of `native/automaton_blob.zig`."""
        count = len(self.accept)
        if count >= DEAD:
            raise ValueError(f"a restricted lexer of {count} states; the most are {DEAD - 1}")
        numbers: dict[tuple[_Range, ...], int] = {}
        of_state = [numbers.setdefault(tuple(one), len(numbers)) for one in self.wide]
        bounds = np.cumsum([0, *(len(one) for one in numbers)])
        ranges = [one for lists in numbers for one in lists]
        kind = np.dtype([("lo", "<u4"), ("hi", "<u4"), ("target", "<u2"), ("skip", "<u2")])
        header = [_MAGIC, count, len(self.start), len(numbers), len(ranges), 0]
        parts = (
            np.array(header, "<u4"),
            bounds.astype("<u4"),
            np.array(of_state, "<u4"),
            np.array(ranges, kind),
            np.array(self.ascii, "<u2"),
            np.array(self.eof, "<u2"),
            np.array(self.accept, "<u2"),
            np.array(self.start, "<u2"),
            np.array(self.skip, "u1"),
        )
        return b"".join(part.tobytes() for part in parts)
