"""The lexer made as strict as the language: patterns, restrictions and the line rule."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ananke.parsing import load_grammar
from ananke.parsing.pattern import PatternError, compile_pattern

PATTERNS = (
    "a|b*",
    "(ab?)+c",
    "[a-c]{2,3}",
    "[^a]*a",
    r"0(_?0)*|[1-9](_?[0-9])*",
    r"\[.?\]",
    "(a|ab)(c|bcd)",
)


@pytest.mark.parametrize("source", PATTERNS)
@given(text=st.text("abcd019_[]é", max_size=8))
def test_a_pattern_is_the_regular_expression(source: str, text: str) -> None:
    expected = re.fullmatch(source, text, re.DOTALL) is not None
    assert compile_pattern(source).matches(text) == expected


@pytest.mark.parametrize("source", ["(", "a)", "*a", "[a", "a{x}", "é"])
def test_a_bad_pattern_is_named(source: str) -> None:
    with pytest.raises(PatternError, match="can't be read"):
        compile_pattern(source)


@pytest.mark.parametrize(
    ("text", "dead_at"),
    [
        (b"x = a +\n b\n", 7),
        (b"x =\n5\n", 3),
        (b"lambda x\n", 8),
        (b"x = (a +\n b)\n", None),
        (b"x = a + \\\n b\n", None),
        (b"x = 1\n    y\n", 10),
        (b"x = 1\n    'y'\n", 10),
        (b"x = 1\n    # y\nz\n", None),
        (b"if a:\n    b\n    # c\n\nd\n", None),
        (b"if a:\n        b\n    c\n", 20),
        (b"a\n\\\nx\n", 2),
        (b"0777\n", 4),
        (b"1_\n", 2),
        (b"1_000 + 00 + 0x_f + 1_0.5e1_0j\n", None),
        (b"f'{x!z}'\n", 5),
    ],
)
def test_python_is_read_as_strictly_as_by_its_compiler(text: bytes, dead_at: int | None) -> None:
    state = load_grammar("python").start()
    for place in range(len(text)):
        after = state.feed(text[place : place + 1])
        if after is None:
            assert place == dead_at
            return
        state = after
    assert dead_at is None
    assert state.can_end()
