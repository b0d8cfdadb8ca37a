"""The automata learnt from the compiled lexers, against those lexers themselves."""

from __future__ import annotations

import ctypes
import importlib
import random
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ananke.languages import LANGUAGES, get_language
from ananke.parsing.automaton import (
    DEAD,
    NO_SYMBOL,
    Automaton,
    extract_automaton,
    load_automata,
    read_automaton,
)

Trace = list[tuple[str, int]]


class _TSLexer(ctypes.Structure):
    """tree-sitter's `TSLexer` (parser.h)."""


_Advance = ctypes.CFUNCTYPE(None, ctypes.POINTER(_TSLexer), ctypes.c_bool)
_MarkEnd = ctypes.CFUNCTYPE(None, ctypes.POINTER(_TSLexer))
_Column = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.POINTER(_TSLexer))
_Test = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.POINTER(_TSLexer))
_LexFn = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.POINTER(_TSLexer), ctypes.c_uint16)

_TSLexer._fields_ = [
    ("lookahead", ctypes.c_int32),
    ("result_symbol", ctypes.c_uint16),
    ("advance", _Advance),
    ("mark_end", _MarkEnd),
    ("get_column", _Column),
    ("is_at_included_range_start", _Test),
    ("eof", _Test),
    ("log", ctypes.c_void_p),
]


class _TSLanguage(ctypes.Structure):
    """The start of tree-sitter's `TSLanguage`, ABI 14 and 15 (parser.h)."""

    _fields_ = (
        ("abi_version", ctypes.c_uint32),
        ("symbol_count", ctypes.c_uint32),
        ("alias_count", ctypes.c_uint32),
        ("token_count", ctypes.c_uint32),
        ("external_token_count", ctypes.c_uint32),
        ("state_count", ctypes.c_uint32),
        ("large_state_count", ctypes.c_uint32),
        ("production_id_count", ctypes.c_uint32),
        ("field_count", ctypes.c_uint32),
        ("max_alias_sequence_length", ctypes.c_uint16),
        ("tables", ctypes.c_void_p * 4),
        ("symbol_names", ctypes.POINTER(ctypes.c_char_p)),
        ("more_tables", ctypes.c_void_p * 7),
        ("lex_modes", ctypes.POINTER(ctypes.c_uint16)),
        ("lex_fn", ctypes.c_void_p),
        ("keyword_lex_fn", ctypes.c_void_p),
    )


@dataclass(frozen=True)
class Seen:
    """What a lexer did with a text."""

    symbol: int | None
    start: int
    end: int
    trace: Trace


class Lexer:
    """A compiled lexer, run on lists of code points."""

    def __init__(self, address: int) -> None:
        self._lex = _LexFn(address)
        self._text: list[int] = []
        self._at = 0
        self._start = self._end = 0
        self._trace: Trace = []
        self._struct = _TSLexer(
            0,
            0,
            _Advance(self._advance),
            _MarkEnd(self._mark_end),
            _Column(lambda _: 0),
            _Test(lambda _: False),
            _Test(lambda _: self._at >= len(self._text)),
            None,
        )

    def run(self, state: int, text: list[int]) -> Seen:
        self._text, self._at, self._start, self._end, self._trace = text, 0, 0, 0, []
        self._look()
        found = self._lex(ctypes.byref(self._struct), state)
        symbol = self._struct.result_symbol if found else None
        return Seen(symbol, self._start, self._end, self._trace)

    def _look(self) -> None:
        self._struct.lookahead = self._text[self._at] if self._at < len(self._text) else 0

    def _advance(self, _: Any, skip: bool) -> None:
        self._trace.append(("advance", int(skip)))
        self._at = min(self._at + 1, len(self._text))
        if skip:
            self._start = self._at
        self._look()

    def _mark_end(self, _: Any) -> None:
        self._trace.append(("accept", int(self._struct.result_symbol)))
        self._end = self._at


@dataclass(frozen=True)
class Case:
    """A lexer of a language and what was learnt of it."""

    language: int
    keyword: bool
    automaton: Automaton
    starts: list[int]
    spellings: list[str]
    address: int = field(repr=False)

    @property
    def lexer(self) -> Lexer:
        return Lexer(self.address)


@cache
def _address(name: str) -> int:
    language = get_language(name)
    capsule = getattr(importlib.import_module(language.module), language.function)()
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(get(capsule, b"tree_sitter.Language") or 0)


@cache
def _case(name: str, keyword: bool) -> Case:
    address = _address(name)
    language = _TSLanguage.from_address(address)
    automaton = extract_automaton(address, keyword=keyword)
    assert automaton is not None
    width = 3 if language.abi_version >= 15 else 2
    modes = {language.lex_modes[width * state] for state in range(language.state_count)}
    names = [language.symbol_names[symbol].decode() for symbol in range(language.token_count)]
    return Case(
        language=address,
        keyword=keyword,
        automaton=automaton,
        starts=[0] if keyword else sorted(modes - {0xFFFF}),
        spellings=[name for name in names if name],
        address=language.keyword_lex_fn if keyword else language.lex_fn,
    )


CASES = [
    pytest.param(name, keyword, id=f"{name} {'keywords' if keyword else 'lexemes'}")
    for name in LANGUAGES
    for keyword in (False, True)
    if not keyword or _TSLanguage.from_address(_address(name)).keyword_lex_fn
]
each_lexer = pytest.mark.parametrize(("name", "keyword"), CASES)


SNIPPETS = [
    "def f(x: int) -> str:\n    return f\"{x!r:>{w}}\" + b'\\x00' # é\n",
    "const a = `t${b}`; let r = /[a-z]+/g ?? x?.y ?? 0x1F_n; // λ\n",
    "fn main<'a>() { let c = 'x'; /* /* */ */ r#\"raw\"#; 1..=2; 1e-9_f64 }",
    "package p\nfunc (s *T) M() (int, error) { x := 0b1_0; `raw\n` ; 'a'; 1i }\n",
    'val s = "$a ${b}" ; """x"""; 1.0f; 0xFFuL; a?.b!!; @file:X\n/** k */',
    'let π = #"a\\#(b)"# ; @available(iOS 1, *) a ?? b ... c &+ d; #if X\n',
    "const x = @import(\"std\"); \\\\line\n 0x1p-3; .{ .a = '\\u{1F}' }; a.*.b catch |e| e",
    "<div a={b}>t &amp; </div>\n1.5e+10j 0o17 ... -> => := **= //= @= != <>\\\n",
]

WIDE = [
    0x80, 0x85, 0xA0, 0xA9, 0xB7, 0xD7, 0xE9, 0x17F, 0x3C0, 0x301, 0x5D0, 0x200B, 0x200D, 0x2028,
    0x2029, 0x2060, 0x20E3, 0x2115, 0x212A, 0x2190, 0x2200, 0x221E, 0x2713, 0x2FEF, 0x3000, 0x3042,
    0x4E00, 0x9FFF, 0xAC00, 0xD7A3, 0xD7FF, 0xE000, 0xF900, 0xFE0F, 0xFEFF, 0xFF10, 0xFF21,
    0xFFFD, 0xFFFF, 0x10000, 0x1D7CE, 0x1F600, 0x1F1E6, 0x20000, 0x2A6DF, 0x30000, 0xE0020,
    0xE0100, 0xF0000, 0x10FFFD, 0x10FFFF,
]  # fmt: skip

code_point = st.one_of(
    st.integers(0x20, 0x7E),
    st.sampled_from([ord(c) for c in "\n\t\r \"'`\\/*#@$_09aexEr.<>=-+({[\0\x0b\x0c\x1c"]),
    st.sampled_from(WIDE),
    st.integers(0x80, 0x10FFFF).filter(lambda c: not 0xD800 <= c <= 0xDFFF),
)


@st.composite
def texts(draw: st.DrawFn, spellings: list[str]) -> list[int]:
    """Code points: literal spellings, stretches of code, characters of all sorts."""
    text: list[int] = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.integers(0, 2))
        if kind == 0:
            word = draw(st.sampled_from(spellings))
            text += map(ord, word[: draw(st.integers(1, len(word)))])
        elif kind == 1:
            snippet = draw(st.sampled_from(SNIPPETS))
            begin = draw(st.integers(0, len(snippet) - 1))
            text += map(ord, snippet[begin : begin + draw(st.integers(1, 24))])
        else:
            text += draw(st.lists(code_point, max_size=6))
    return text


def _walk(case: Case, start: int, text: list[int]) -> Trace:
    """What the tables say that the lexer does."""
    tables = case.automaton.tables
    state = int(tables.start[start])
    trace: Trace = []
    for at in range(len(text) + case.automaton.state_count):
        if tables.accept[state] != NO_SYMBOL:
            trace.append(("accept", int(tables.accept[state])))
        target, skip = DEAD, 0
        if at >= len(text):
            target = int(tables.eof[state])
        elif text[at] < 128:
            target = int(tables.ascii[state, text[at]])
            skip = int(tables.ascii_skip[state, text[at]])
        else:
            first, last = tables.wide_start[state], tables.wide_start[state + 1]
            ranges = tables.wide[first:last]
            index = int(np.searchsorted(ranges["hi"], text[at]))
            if index < len(ranges) and ranges[index]["lo"] <= text[at]:
                target, skip = int(ranges[index]["target"]), int(ranges[index]["skip"])
        if target == DEAD:
            break
        trace.append(("advance", skip))
        state = target
    return trace


@each_lexer
@settings(max_examples=25)
@given(data=st.data())
def test_longest_match_is_the_lexers_in_every_start_state(
    name: str, keyword: bool, data: st.DataObject
) -> None:
    case = _case(name, keyword)
    text = data.draw(texts(case.spellings))
    lexer = case.lexer
    for start in case.starts:
        match = case.automaton.run(start, text, at_end=True)
        seen = lexer.run(start, text)
        assert (match.symbol, match.start) == (seen.symbol, seen.start), (start, text)
        if seen.symbol is not None:
            assert match.end == seen.end, (start, text)


@each_lexer
@settings(max_examples=20)
@given(data=st.data())
def test_tables_do_what_the_lexer_does_from_any_state(
    name: str, keyword: bool, data: st.DataObject
) -> None:
    case = _case(name, keyword)
    text = data.draw(texts(case.spellings))
    lexer = case.lexer
    states = data.draw(
        st.lists(st.integers(0, case.automaton.start_count - 1), min_size=20, max_size=20)
    )
    for state in states:
        assert _walk(case, state, text) == lexer.run(state, text).trace, (state, text)


@each_lexer
def test_every_ascii_transition_leads_where_the_lexer_goes(name: str, keyword: bool) -> None:
    """One state of each class and every character, followed by what comes next in code."""
    case = _case(name, keyword)
    lexer = case.lexer
    rng = random.Random(0)
    first_of = {int(q): raw for raw, q in reversed(list(enumerate(case.automaton.tables.start)))}
    states = sorted(first_of.values())
    for state in rng.sample(states, min(len(states), 40)):
        for character in [*range(128), *rng.sample(WIDE, 4)]:
            spelling = rng.choice(case.spellings)
            rest = [ord(c) for c in spelling[rng.randrange(len(spelling)) :]]
            text = [character, *rest]
            assert _walk(case, state, text) == lexer.run(state, text).trace, (state, text)


@each_lexer
@settings(max_examples=25)
@given(data=st.data())
def test_a_match_that_did_not_look_past_the_end_stands(
    name: str, keyword: bool, data: st.DataObject
) -> None:
    case = _case(name, keyword)
    text = data.draw(texts(case.spellings))
    more = data.draw(st.lists(code_point, min_size=1, max_size=4))
    lexer = case.lexer
    for start in data.draw(st.lists(st.sampled_from(case.starts), min_size=1, max_size=12)):
        for length in range(len(text) + 1):
            match = case.automaton.run(start, text[:length], at_end=False)
            if match.looked_past_end:
                continue
            seen = lexer.run(start, text[:length] + more)
            assert (match.symbol, match.start) == (seen.symbol, seen.start), (start, text)
            break


@each_lexer
def test_reach_is_what_a_search_finds(name: str, keyword: bool) -> None:
    case = _case(name, keyword)
    tables = case.automaton.tables
    targets: list[set[int]] = []
    for state in range(case.automaton.state_count):
        ranges = tables.wide[tables.wide_start[state] : tables.wide_start[state + 1]]
        found = {*tables.ascii[state].tolist(), *np.unique(ranges["target"]).tolist()} - {DEAD}
        targets.append(found)
        assert tables.has_transition[state] == bool(found)
        covered = int((ranges["hi"].astype(np.int64) - ranges["lo"] + 1).sum())
        every = (tables.ascii[state, 1:] != DEAD).all() and covered == 0x110000 - 0x80 - 0x800
        assert tables.dies[state] == (not every)
    reach, after = (
        np.unpackbits(rows.view(np.uint8), axis=1, bitorder="little")
        for rows in (tables.reach, tables.after)
    )
    states = range(case.automaton.state_count)
    for state in random.Random(0).sample(states, min(len(states), 60)):
        visited: set[int] = set()
        pending = list(targets[state])
        while pending:
            target = pending.pop()
            if target not in visited:
                visited.add(target)
                pending += targets[target]
        symbols = {int(tables.accept[target]) for target in visited} - {NO_SYMBOL}
        assert symbols == set(np.nonzero(after[state])[0].tolist())
        symbols |= {int(tables.accept[state])} - {NO_SYMBOL}
        assert symbols == set(np.nonzero(reach[state])[0].tolist())


@each_lexer
def test_bytes_come_back_as_the_same_automaton(name: str, keyword: bool) -> None:
    case = _case(name, keyword)
    data = case.automaton.to_bytes()
    again = read_automaton(data, case.language, keyword=keyword)
    assert again is not None
    assert again.to_bytes() == data
    for attribute, value in vars(case.automaton.tables).items():
        assert (getattr(again.tables, attribute) == value).all(), attribute


def test_another_languages_automaton_is_refused() -> None:
    """Its start states or its symbols don't fit."""
    swift, go = _case("swift", False), _case("go", False)
    assert read_automaton(swift.automaton.to_bytes(), go.language) is None
    assert read_automaton(go.automaton.to_bytes(), swift.language) is None


def test_a_language_without_keyword_lexer_has_no_keyword_automaton() -> None:
    assert extract_automaton(_address("swift"), keyword=True) is None


@settings(max_examples=300)
@given(data=st.data())
def test_corrupt_bytes_are_refused_or_harmless(data: st.DataObject) -> None:
    case = _case("rust", False)
    raw = bytearray(case.automaton.to_bytes())
    damage = data.draw(st.sampled_from(["cut", "grow", "flip", "flip the header"]))
    if damage == "cut":
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
    elif damage == "grow":
        raw += data.draw(st.binary(min_size=1, max_size=40))
    else:
        last = 23 if damage == "flip the header" else len(raw) - 1
        for _ in range(data.draw(st.integers(1, 4))):
            raw[data.draw(st.integers(0, last))] ^= data.draw(st.integers(1, 255))
    again = read_automaton(bytes(raw), case.language)
    if damage in ("cut", "grow"):
        assert again is None
    if again is None:
        return
    # It passed all checks, so every walk stays inside it.
    for start in case.starts:
        match = again.run(start, [ord(c) for c in SNIPPETS[2]], at_end=True)
        assert 0 <= match.start <= len(SNIPPETS[2])
        assert 0 <= match.end <= len(SNIPPETS[2])


def test_targets_symbols_and_ranges_out_of_bounds_are_refused() -> None:
    case = _case("rust", False)
    raw = case.automaton.to_bytes()
    n, starts = case.automaton.state_count, case.automaton.start_count
    header = np.frombuffer(raw[:24], "<u4")
    lists, ranges = int(header[3]), int(header[4])
    places = {"list starts": 24}
    places["list of state"] = places["list starts"] + 4 * (lists + 1)
    places["ranges"] = places["list of state"] + 4 * n
    places["ascii"] = places["ranges"] + 12 * ranges
    places["eof"] = places["ascii"] + 256 * n
    places["accept"] = places["eof"] + 2 * n
    places["start"] = places["accept"] + 2 * n
    places["skip"] = places["start"] + 2 * starts
    assert places["skip"] + 128 * n == len(raw)
    for name, place in places.items():
        damaged = bytearray(raw)
        damaged[place : place + 2] = b"\xfe\xff"
        assert read_automaton(bytes(damaged), case.language) is None, name
    swapped = bytearray(raw)
    at = places["ranges"]
    swapped[at : at + 24] = raw[at + 12 : at + 24] + raw[at : at + 12]
    assert read_automaton(bytes(swapped), case.language) is None


class _Shelf:
    """A cache in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}
        self.puts = 0

    def get(self, kind: str, key: str) -> memoryview | None:
        found = self.kept.get((kind, key))
        return None if found is None else memoryview(found)

    def put(self, kind: str, key: str, payload: bytes | memoryview) -> None:
        self.kept[kind, key] = bytes(payload)
        self.puts += 1


def test_automata_are_learnt_once_and_again_when_the_cache_is_spoilt(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shelf = _Shelf()
    address = _address("zig")
    main, keyword = load_automata(address, "zig-1", shelf)
    assert keyword is not None
    assert shelf.puts == 2
    again, _ = load_automata(address, "zig-1", shelf)
    assert shelf.puts == 2
    assert again.to_bytes() == main.to_bytes()
    spoilt = next(key for key in shelf.kept if key[1].endswith("main"))
    shelf.kept[spoilt] = b"\0" * 100
    mended, _ = load_automata(address, "zig-1", shelf)
    assert shelf.puts == 3
    assert mended.to_bytes() == main.to_bytes()
    assert "zig-1-main" in caplog.text


def test_bad_arguments_get_errors() -> None:
    automaton = _case("zig", False).automaton
    with pytest.raises(ValueError, match="start: 99999 is not a state"):
        automaton.run(99999, [], at_end=True)
    with pytest.raises(ValueError, match="not all are code points"):
        automaton.run(0, [0x110000], at_end=True)
