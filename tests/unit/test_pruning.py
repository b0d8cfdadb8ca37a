"""Parse tables without the steps after which nothing can be finished."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from ananke.languages import get_language
from ananke.parsing.compiled import ParseTables
from ananke.parsing.grammar import Grammar
from ananke.parsing.pruning import prune


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


def test_tables_without_dead_ends_stay_as_they_are() -> None:
    grammar = Grammar(get_language("go"))
    tables = ParseTables(grammar.pointer, (), 0)
    before = tables.to_bytes()
    assert prune(tables) == 0
    assert tables.to_bytes() == before


def test_nothing_is_left_to_prune() -> None:
    assert prune(ParseTables(kotlin(True).pointer, (), 0)) == 0
