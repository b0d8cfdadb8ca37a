"""Parse states: immutable values that grow by text."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ananke.native import library
from ananke.parsing.node import Node, read_rows

if TYPE_CHECKING:
    from ananke.parsing.grammar import Grammar

__all__ = ["Expected", "ParseError", "ParseState"]

_ALIVE, _DEAD, _NO_MEMORY, _TOO_LONG = 1, 0, -1, -2


class ParseError(RuntimeError):
    """The native core refused: out of memory, or text beyond 1 GiB."""


@dataclass(frozen=True)
class Expected:
    """A terminal that may come next: its name in the grammar, and whether it is a named kind
    (`identifier`) rather than a literal spelling (`(`)."""

    name: str
    named: bool


class ParseState:
    """The parse after some text: all its versions, and the unfinished lexeme.

    A state is never changed: `feed` gives a new one, and keeping a reference is a fork.
    """

    __slots__ = ("__weakref__", "_handle", "_position", "_tail", "grammar")

    def __init__(self, grammar: Grammar, handle: int) -> None:
        self.grammar = grammar
        self._handle = handle
        # Of what never changes what is often asked for is kept.
        self._position: int | None = None
        self._tail: bytes | None = None

    def __del__(self) -> None:
        handle = getattr(self, "_handle", None)
        if handle:
            library().ananke_state_release(self.grammar.handle, handle)

    @classmethod
    def start(cls, grammar: Grammar) -> ParseState:
        handle = library().ananke_state_start(grammar.handle)
        if not handle:
            raise ParseError("out of memory")
        return cls(grammar, handle)

    @property
    def handle(self) -> int:
        return self._handle

    def feed(self, text: bytes) -> ParseState | None:
        """The state after `text`, or None if no continuation of it is a program.

        Raises:
            ParseError: out of memory, or the whole text would pass 1 GiB.
        """
        out = ctypes.c_void_p()
        result = library().ananke_state_feed(
            self.grammar.handle, self._handle, text, len(text), ctypes.byref(out)
        )
        if result == _ALIVE and out.value:
            return ParseState(self.grammar, out.value)
        if result == _DEAD:
            return None
        raise ParseError(_problem(result))

    def can_end(self) -> bool:
        """Whether the text so far is a complete program."""
        result = library().ananke_state_ends(self.grammar.handle, self._handle)
        if result < 0:
            raise ParseError(_problem(result))
        return bool(result)

    @property
    def position(self) -> int:
        """Bytes read so far."""
        if self._position is None:
            self._position = int(library().ananke_state_length(self._handle))
        return self._position

    @property
    def version_count(self) -> int:
        """Versions of the parse that are alive."""
        return int(library().ananke_state_head_count(self._handle))

    @property
    def lexeme_start(self) -> int:
        """Where the unfinished lexeme begins, with the white space before it, in bytes."""
        return int(library().ananke_state_lexeme_start(self._handle))

    def text(self, start: int = 0) -> bytes:
        """The text read so far, from byte `start`."""
        length = self.position - start
        if length <= 0:
            return b""
        buffer = ctypes.create_string_buffer(length)
        count = library().ananke_state_text(
            self.grammar.handle, self._handle, start, buffer, length
        )
        return buffer.raw[:count]

    @property
    def tail(self) -> bytes:
        """The unfinished lexeme, with the white space before it."""
        if self._tail is None:
            self._tail = self.text(self.lexeme_start)
        return self._tail

    def expected(self) -> tuple[Expected, ...]:
        """The terminals that the unfinished lexeme may become, by name, without repetition."""
        grammar = self.grammar
        words = (grammar.symbol_count + 63) // 64
        bits = (ctypes.c_uint64 * words)()
        result = library().ananke_state_expected(grammar.handle, self._handle, bits, words)
        if result < 0:
            raise ParseError(_problem(result))
        found: dict[Expected, None] = {}
        for symbol in range(1, grammar.terminal_count):
            if bits[symbol // 64] >> (symbol % 64) & 1:
                named = bool(grammar.symbol_flags[symbol] & 2)
                found[Expected(grammar.symbol_names[symbol], named)] = None
        return tuple(found)

    def tree(self) -> Node | None:
        """The syntax tree of the whole text, or None if it isn't a complete program."""
        count = ctypes.c_uint32()
        rows = library().ananke_state_finish(self.grammar.handle, self._handle, ctypes.byref(count))
        roots = read_rows(self.grammar, rows, count.value)
        return roots[0] if roots else None

    def stack(self) -> tuple[Node, ...]:
        """The finished parts of the unfinished constructs of the preferred version, in order."""
        count = ctypes.c_uint32()
        rows = library().ananke_state_stack(self.grammar.handle, self._handle, ctypes.byref(count))
        return read_rows(self.grammar, rows, count.value)

    def shortest_completion(self, suffix: bytes = b"") -> bytes | None:
        """The least text that makes the text so far, followed by `suffix`, a complete program.

        None if the bounded search finds none.
        """
        from ananke.parsing.completion import shortest_completion

        return shortest_completion(self, suffix)


def _problem(code: int) -> str:
    if code == _NO_MEMORY:
        return "out of memory"
    if code == _TOO_LONG:
        return "the text is longer than 1 GiB"
    return "the native core could not read the text"
