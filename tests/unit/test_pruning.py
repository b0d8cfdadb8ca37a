"""Parse tables without the steps after which nothing can be finished."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from ananke.languages import get_language
from ananke.parsing.compiled import ParseTables
from ananke.parsing.grammar import Grammar
from ananke.parsing.pruning import prune, words_of


@cache
def kotlin(prunes: bool) -> Grammar:
    return Grammar(replace(get_language("kotlin"), prunes=prunes))


def test_what_no_text_finishes_is_refused() -> None:
    unpruned = kotlin(False).start().feed(b"val a = b & c")
    assert unpruned is not None
    assert unpruned.shortest_completion() is None
    assert kotlin(True).start().feed(b"val a = b & c") is None


@pytest.mark.parametrize(
    "text",
    [
        b"val a = b as T & Any",
        b"val a = b as T & Any && c",
        b"fun <T> f(a: T & Any) {}",
        b"val a = (b & c)::d",
        b"val a = b?.c ?: d::e",
        b"typealias A = B.() -> C?",
    ],
)
def test_what_is_a_program_stays_one(text: bytes) -> None:
    for grammar in (kotlin(False), kotlin(True)):
        state = grammar.parse(text)
        assert state is not None
        assert state.can_end()


@pytest.mark.parametrize(
    ("language", "text"),
    [
        # What may come after the assignment binds to its last part.
        ("typescript", b"new a *= 1"),
        ("typescript", b"({ a(b &= 1"),
        # Two parts are read when it turns out that a name in brackets was a parameter's.
        ("typescript", b"let a: (b ? c "),
        ("python", b"def f() -> int: **a"),
    ],
)
def test_what_no_lookahead_takes_on_is_refused(language: str, text: bytes) -> None:
    state = Grammar(replace(get_language(language), prunes=False)).start().feed(text)
    assert state is not None
    assert state.shortest_completion() is None
    assert Grammar(get_language(language)).start().feed(text) is None


def test_tables_without_dead_ends_stay_as_they_are() -> None:
    grammar = Grammar(get_language("go"))
    tables = ParseTables(grammar.pointer, (), 0)
    before = tables.to_bytes()
    assert prune(tables, words_of(grammar.pointer)) == 0
    assert tables.to_bytes() == before


def test_nothing_is_left_to_prune() -> None:
    pointer = kotlin(True).pointer
    assert prune(ParseTables(pointer, (), 0), words_of(pointer)) == 0
