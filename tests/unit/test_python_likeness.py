"""Where it doesn't matter what a string or comment already holds, and that its masks are reused."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pytest

from ananke.analysis.judgement import Surroundings
from ananke.languages.python.meaning.request import MEANING
from ananke.masks import allocate, contains
from ananke.parsing import load_grammar
from ananke.session import Session
from ananke.spec import parse_spec
from ananke.vocabulary import Vocabulary, from_tokens

_PROGRAM = MEANING.begin(Surroundings())
_OPENS = (
    "from typing import Literal, TypedDict\n"
    "class Row(TypedDict):\n    name: str\n"
    "def plain(a: str, b: int = 0) -> int: ...\n"
    'def chosen(a: Literal["r", "w"]) -> int: ...\n'
    "def keyed(a: Row) -> int: ...\n"
)


def likeness(text: str) -> Hashable | None:
    state = load_grammar("python").parse((_OPENS + text).encode())
    assert state is not None
    return MEANING.position(_PROGRAM, state).likeness


@pytest.mark.parametrize(
    "before",
    [
        '"""',
        'x = "',
        "x = ['a', '",
        'plain("',
        'plain(b=1, a="',
        'raise ValueError("',
        'print("',
        'def f() -> str:\n    return "',
        'chosen(f"',
        'chosen(f"{Row} ',
        "# ",
        "x = 1  # ",
    ],
)
def test_places_that_are_alike(before: str) -> None:
    one = likeness(before + "abc")
    assert one is not None
    assert likeness(before + "quite another") == one
    assert likeness("y = 0\n" + before + "abc") != one


@pytest.mark.parametrize(
    "before",
    [
        'chosen("',
        'max("',
        'keyed({"',
        'open("f", "',
        'x: Literal["r"] = "',
        'def f() -> Literal["r"]:\n    return "',
        'x = b"',
        'if Row == "',
        '__all__ = ["',
        'class A:\n    __slots__ = ["',
        'f = lambda plain: plain("',
        '__import__("',
    ],
)
def test_places_of_which_it_is_not_told(before: str) -> None:
    assert likeness(before + "abc") is None


@pytest.mark.parametrize("end", ['"', "\\", "{"])
def test_what_may_end_it_is_told_apart(end: str) -> None:
    assert likeness('x = """ab' + end) is None


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    pieces = ['"', '",', '")', '")\n', '").', '"](', '" "', " word", "word", "x", "1", "\n", '"[0]']
    tokens = sorted({*(one.encode() for one in pieces), *(bytes([one]) for one in range(256))})
    return from_tokens([*tokens, b""], eos=[len(tokens)], name="quotes")


@pytest.mark.parametrize("before", ["plain(a='', b=len(\"", 'x = ["', 'chosen("', "x = 1  # "])
def test_masks_that_are_reused_are_those_of_a_new_session(
    vocabulary: Vocabulary, before: str
) -> None:
    def begin(text: str) -> Session:
        spec = {
            "language": "python",
            "domains": ["syntax", "imports", "types", "controlflow"],
            "context": {"prefix": _OPENS + text},
        }
        return Session(parse_spec(spec), vocabulary)

    one, mask, fresh = begin(before), allocate(1, vocabulary.size), allocate(1, vocabulary.size)
    written = ""
    for word in ("x", " word", "1", "word"):
        written += word
        one.accept_text(word.encode())
        one.mask(mask)
        begin(before + written).mask(fresh)
        assert np.array_equal(mask, fresh)
        for token in range(vocabulary.size - 1):
            assert contains(mask[0], token) == one.explain(token).admitted
