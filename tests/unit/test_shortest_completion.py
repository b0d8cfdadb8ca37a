"""Texts whose completion is hard to find: each must be finished, and the finished text may end."""

from __future__ import annotations

import pytest

from ananke.parsing import load_grammar

_UNFINISHED = [
    # A reduction of one symbol to another has a cost too.
    ("python", b"s = sum(x * y for"),
    ("typescript", b"for (let i = 0; i < 9; i++) {}\nfor (let i = 0"),
    ("typescript", b"x = ()"),
    # Inside a string nearly any text may come; only its quote leads on.
    ("python", b'(a("std'),
    ("python", b'f"{d["k'),
    ("rust", b"let a = '"),
    # A line end and an indentation are owed.
    ("python", b"@cache"),
    ("python", b"match a:\n "),
    ("python", b"match a:\n    case "),
    ("kotlin", b"class A { fun f() {} "),
    ("kotlin", b"package t/*"),
    # The text ends inside a character.
    ("python", b"x = '\xe5"),
    ("rust", b"// \xe5\x8c"),
    ("go", b"\xe8\x87\xb4\xe2"),
    # The scanner inserts a semicolon of no length.
    ("tsx", b"switch (a) { case b: if (c) { d() { if (e) { f = 0"),
    # The bytes of an undecided lexeme are read again once a semicolon stands before them.
    ("typescript", b"do{1"),
    ("typescript", b"do{if(((s)))E"),
    ("typescript", b"do{{"),
    # The brace belongs to the call: a second condition is needed, and operators have no end.
    ("swift", b'if a="b"'),
    ("swift", b"if a=b"),
    # What an undecided line end stands before is a keyword half written.
    ("kotlin", b"a\nprivate va"),
    ("kotlin", b"class A { val b = 1\n  private enu"),
    # What is bound tighter than the stars.
    ("python", b"x = (*a, *0"),
    ("zig", b"const c = /"),
    ("go", b"func f() { switch x := y.(type) {"),
]


@pytest.mark.parametrize(("language", "text"), _UNFINISHED)
def test_an_unfinished_text_is_finished(language: str, text: bytes) -> None:
    state = load_grammar(language).parse(text)
    assert state is not None
    completion = state.shortest_completion()
    assert completion is not None
    finished = state.feed(completion)
    assert finished is not None
    assert finished.can_end()


def test_a_literal_terminal_is_spelt_as_it_is_named() -> None:
    state = load_grammar("typescript").parse(b"x = ()")
    assert state is not None
    assert state.shortest_completion() == b"=>0"


def test_what_follows_an_inserted_semicolon_is_the_least() -> None:
    state = load_grammar("typescript").parse(b"do{1}")
    assert state is not None
    assert state.shortest_completion() == b"while(0)"
