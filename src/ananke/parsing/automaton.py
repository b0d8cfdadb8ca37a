"""The explicit automata of a grammar's compiled lexers.

A grammar has a main lexer, started in the lex state of a parse state, and may have a keyword
lexer, run on the text of each word. The native core learns both as tables (`automaton.zig`); this
module owns them for Python and keeps their bytes in a cache.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

import numpy as np

from ananke.native import library

__all__ = [
    "DEAD",
    "NO_SYMBOL",
    "Automaton",
    "AutomatonError",
    "BlobCache",
    "Match",
    "Tables",
    "edited_automaton",
    "extract_automaton",
    "load_automata",
    "read_automaton",
]

_log = logging.getLogger(__name__)

#: No transition, in `Tables.ascii` and `Tables.eof`.
DEAD: Final = 0xFFFF
#: Nothing is accepted, in `Tables.accept`.
NO_SYMBOL: Final = 0xFFFF

_KIND: Final = "automaton"

_RANGE: Final = np.dtype([("lo", "<u4"), ("hi", "<u4"), ("target", "<u2"), ("skip", "<u2")])


class AutomatonError(ValueError):
    """The lexer isn't one that tree-sitter generates, or memory is short."""


class BlobCache(Protocol):
    """Where bytes are kept between processes."""

    def get(self, kind: str, key: str) -> memoryview | None: ...

    def put(self, kind: str, key: str, payload: bytes | memoryview) -> None: ...


@dataclass(frozen=True)
class Match:
    """A longest match over code points `start` to `end`.

    Attributes:
        symbol: the terminal, or None where nothing was accepted.
        looked_past_end: whether text after the end of the input could have changed it.
    """

    symbol: int | None
    start: int
    end: int
    looked_past_end: bool


@dataclass(frozen=True, eq=False)
class Tables:
    """Read-only views of an automaton's arrays; n states, s states of the generated lexer.

    Attributes:
        ascii: uint16 (n, 128), target or `DEAD`.
        ascii_skip: uint8 (n, 128), 1 where the transition moves the lexeme's start.
        wide_start: uint32 (n + 1,), the ranges of state q are wide[wide_start[q]:wide_start[q+1]].
        wide: structured (lo, hi, target, skip), code points from 128, ascending in each state.
        eof: uint16 (n,), target on the end of input or `DEAD`.
        accept: uint16 (n,), symbol accepted on entering the state or `NO_SYMBOL`.
        start: uint16 (s,), state of the generated lexer to state of the automaton.
        reach: uint64 (n, words), bits of the symbols accepted in or after the state.
        after: uint64 (n, words), bits of the symbols accepted after one or more characters.
        dies: bool (n,), some code point but NUL has no transition.
        has_transition: bool (n,), some code point has a transition.
    """

    ascii: np.ndarray[Any, np.dtype[np.uint16]]
    ascii_skip: np.ndarray[Any, np.dtype[np.uint8]]
    wide_start: np.ndarray[Any, np.dtype[np.uint32]]
    wide: np.ndarray[Any, np.dtype[np.void]]
    eof: np.ndarray[Any, np.dtype[np.uint16]]
    accept: np.ndarray[Any, np.dtype[np.uint16]]
    start: np.ndarray[Any, np.dtype[np.uint16]]
    reach: np.ndarray[Any, np.dtype[np.uint64]]
    after: np.ndarray[Any, np.dtype[np.uint64]]
    dies: np.ndarray[Any, np.dtype[np.bool_]]
    has_transition: np.ndarray[Any, np.dtype[np.bool_]]


class _Counts(ctypes.Structure):
    _fields_ = (
        ("states", ctypes.c_uint32),
        ("starts", ctypes.c_uint32),
        ("ranges", ctypes.c_uint32),
        ("reach_words", ctypes.c_uint32),
    )


class _Match(ctypes.Structure):
    _fields_ = (
        ("symbol", ctypes.c_uint16),
        ("looked_past_end", ctypes.c_uint16),
        ("start", ctypes.c_uint32),
        ("end", ctypes.c_uint32),
    )


class Automaton:
    """One lexer as explicit tables; immutable. Freed with its last reference."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        counts = _Counts()
        library().ananke_automaton_counts(handle, ctypes.byref(counts))
        self.state_count = int(counts.states)
        self.start_count = int(counts.starts)
        self._range_count = int(counts.ranges)
        self._reach_words = int(counts.reach_words)

    def __del__(self) -> None:
        handle, self.handle = getattr(self, "handle", 0), 0
        if handle:
            library().ananke_automaton_free(handle)

    @cached_property
    def tables(self) -> Tables:
        """The arrays. They keep the automaton alive."""
        n, words = self.state_count, self._reach_words
        shapes: tuple[tuple[Any, tuple[int, ...]], ...] = (
            (np.uint16, (n, 128)),
            (np.uint8, (n, 128)),
            (np.uint32, (n + 1,)),
            (_RANGE, (self._range_count,)),
            (np.uint16, (n,)),
            (np.uint16, (n,)),
            (np.uint16, (self.start_count,)),
            (np.uint64, (n, words)),
            (np.uint64, (n, words)),
            (np.bool_, (n,)),
            (np.bool_, (n,)),
        )
        pointers = (ctypes.c_void_p * len(shapes))()
        library().ananke_automaton_arrays(self.handle, pointers)
        return Tables(
            *(
                self._view(address or 0, np.dtype(kind), shape)
                for address, (kind, shape) in zip(pointers, shapes, strict=True)
            )
        )

    def _view(
        self, address: int, kind: np.dtype[Any], shape: tuple[int, ...]
    ) -> np.ndarray[Any, Any]:
        length = int(np.prod(shape)) * kind.itemsize
        if not length:
            return np.empty(shape, kind)
        memory = (ctypes.c_uint8 * length).from_address(address)
        # The buffer object is the base of every view: through it views keep the tables alive.
        memory.owner = self  # type: ignore[attr-defined]
        view: np.ndarray[Any, Any] = np.ndarray(shape, kind, memoryview(memory))
        view.flags.writeable = False
        return view

    def run(self, start: int, text: Sequence[int], *, at_end: bool) -> Match:
        """The longest match of the lexer from its state `start`.

        Args:
            start: a state of the generated lexer (a lex state; 0 for the keyword lexer).
            text: code points.
            at_end: whether the input ends there; if not, it goes on unseen.

        Raises:
            ValueError: the lexer has no state `start`, or a number isn't a code point.
        """
        if not 0 <= start < self.start_count:
            raise ValueError(f"start: {start} is not a state below {self.start_count}")
        if any(not 0 <= point <= 0x10FFFF for point in text):
            raise ValueError("text: not all are code points")
        points = (ctypes.c_uint32 * len(text))(*text)
        out = _Match()
        library().ananke_automaton_run(
            self.handle, start, points, len(text), at_end, ctypes.byref(out)
        )
        symbol = None if out.symbol == NO_SYMBOL else int(out.symbol)
        return Match(symbol, int(out.start), int(out.end), bool(out.looked_past_end))

    def to_bytes(self) -> bytes:
        """The automaton's bytes, for `read_automaton`."""
        lib = library()
        length = lib.ananke_automaton_serialize(self.handle, None, 0)
        out = ctypes.create_string_buffer(length)
        if not length or lib.ananke_automaton_serialize(self.handle, out, length) != length:
            raise MemoryError
        return out.raw


def extract_automaton(language: int, *, keyword: bool = False) -> Automaton | None:
    """Learns a lexer of the language at the address `language` (a `TSLanguage`).

    Returns:
        The automaton; None if it is the keyword lexer that is asked for and there is none.

    Raises:
        AutomatonError: the lexer isn't one that tree-sitter generates, or memory is short.
    """
    lib = library()
    if keyword and not lib.ananke_automaton_has_keyword(language):
        return None
    handle = lib.ananke_automaton_extract(language, keyword)
    if not handle:
        which = "keyword lexer" if keyword else "lexer"
        raise AutomatonError(f"the grammar's {which} can't be read as an automaton")
    return Automaton(handle)


def read_automaton(
    data: bytes | memoryview, language: int, *, keyword: bool = False
) -> Automaton | None:
    """The automaton that `Automaton.to_bytes` wrote for a lexer of `language`.

    Returns:
        None if the bytes are anything else.
    """
    view = np.frombuffer(data, np.uint8)
    handle = library().ananke_automaton_deserialize(
        view.ctypes.data, view.nbytes, language, keyword
    )
    return Automaton(handle) if handle else None


def load_automata(
    language: int, fingerprint: str, cache: BlobCache | None = None
) -> tuple[Automaton, Automaton | None]:
    """The main and the keyword automaton of the language at the address `language`.

    Args:
        language: address of a `TSLanguage`.
        fingerprint: names the compiled grammar in the cache.
        cache: where their bytes are looked up and kept; None: they are learnt each time.

    Raises:
        AutomatonError: as `extract_automaton`.
    """
    main = _load(language, fingerprint, cache, keyword=False)
    if main is None:
        raise AutomatonError("the grammar has no lexer")
    return main, _load(language, fingerprint, cache, keyword=True)


def _load(
    language: int, fingerprint: str, cache: BlobCache | None, *, keyword: bool
) -> Automaton | None:
    key = f"{fingerprint}-{'keyword' if keyword else 'main'}"
    kept = _kept(cache, key, language, keyword=keyword)
    if kept is not None:
        return kept
    learnt = extract_automaton(language, keyword=keyword)
    if learnt is not None and cache is not None:
        cache.put(_KIND, key, learnt.to_bytes())
    return learnt


def _kept(cache: BlobCache | None, key: str, language: int, *, keyword: bool) -> Automaton | None:
    kept = None if cache is None else cache.get(_KIND, key)
    if kept is None:
        return None
    found = read_automaton(kept, language, keyword=keyword)
    if found is None:
        _log.warning("cache entry %s/%s is not this grammar's automaton; learning it", _KIND, key)
    return found


def edited_automaton(
    language: int,
    key: str,
    cache: BlobCache | None,
    edit: Callable[[], bytes],
    *,
    keyword: bool = False,
) -> Automaton:
    """A main (or keyword) automaton made from another one: from the cache, or by `edit`.

    Raises:
        AutomatonError: what `edit` gives isn't an automaton for the language.
    """
    kept = _kept(cache, key, language, keyword=keyword)
    if kept is not None:
        return kept
    made = edit()
    automaton = read_automaton(made, language, keyword=keyword)
    if automaton is None:
        raise AutomatonError(f"the edited lexer {key} is not one for this grammar")
    if cache is not None:
        cache.put(_KIND, key, made)
    return automaton
