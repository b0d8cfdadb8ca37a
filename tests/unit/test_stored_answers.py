"""An answer that was found at one place is right wherever it is used again."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from ananke.masks import allocate, tokens_of
from ananke.parsing import load_grammar
from ananke.parsing.classifier import Classifier
from ananke.vocabulary import from_tokens

#: Places that look alike to a class of tokens and are not: the same lexeme unfinished, other
#: constructs around it.
_PLACES: Mapping[str, Sequence[bytes]] = {
    "zig": (
        b"test { x.a",
        b"test { a",
        b"const x = a",
        b"test { switch (a) { .a",
        b"test { f(a",
        b"test { const a",
    ),
    "python": (
        b"x = a",
        b"x = (a",
        b"for a",
        b"def a",
        b"if a",
        b"def f():\n    return a",
        b"f(a",
        b"{a",
    ),
    "kotlin": (
        b"class A {\n  val a = 1\n",
        b"fun f() {\n  a()\n",
        b"val a = b\n",
        b"class A {\n  private",
        b"fun f() {\n  if (a) b\n",
    ),
    "go": (b"package a\nvar x = a", b"package a\nfunc f() { a", b"package a\nfunc f() { if a"),
}

_PIECES = (
    b'a _ _: : = == =" [] [0] ( () ) ): { } }) ; ,\n\n\n \nval \nprivate \nget \nelse .b . => '
    b"+ -= *& * , in  for : \n private fun set by"
).split(b" ")


@pytest.mark.parametrize("language", sorted(_PLACES))
def test_a_mask_does_not_depend_on_what_was_asked_before(language: str) -> None:
    grammar = load_grammar(language)
    tokens = [bytes([byte]) for byte in range(1, 128)]
    tokens += sorted({piece for piece in _PIECES if len(piece) > 1})
    tokens += [b" " + piece for piece in _PIECES if piece]
    vocabulary = from_tokens([*tokens, b""], eos=[len(tokens)], name="pieces")
    states = [state for text in _PLACES[language] if (state := grammar.parse(text))]
    assert len(states) == len(_PLACES[language])
    truth = []
    for state in states:
        row = allocate(1, vocabulary.size)[0]
        Classifier(grammar, vocabulary).fill_brute(state, row)
        truth.append(row)
    for first, second in itertools.permutations(range(len(states)), 2):
        classifier = Classifier(grammar, vocabulary)
        for place in (first, second):
            row = allocate(1, vocabulary.size)[0]
            classifier.fill(states[place], row)
            wrong = np.bitwise_xor(row, truth[place])
            texts = [vocabulary.token_bytes(int(token)) for token in tokens_of(wrong)]
            assert not texts, f"{_PLACES[language][place]!r} after {_PLACES[language][first]!r}"
