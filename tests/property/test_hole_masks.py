"""Inside a hole the mask is exactly what may be accepted, wherever a random walk leads."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ananke.languages import get_hole_language
from ananke.masks import allocate, tokens_of
from ananke.session import Session
from ananke.spec import parse_spec
from ananke.vocabulary import from_tokens

WORDS = (
    b"a 1 ( ) [ ] { } , = == : ; lambda if else for in not + * . ... ' f' # \\ return x=".split()
)
LINES = [b"\n", b"\n    ", b"\n        ", b"\n  \n    ", b"]\n", b"\\\n"]
TEXTS = [*WORDS, *LINES, b" ", b'"""', b"a)", b")+("]
EOS = len(TEXTS)
VOCABULARY = from_tokens([*TEXTS, b""], special=[EOS], eos=[EOS], size=EOS + 1, name="pieces")
HOLES = [
    "x = ...\n",
    "f(a, ...)\n",
    "x = {1: [...]}\n",
    "if ...:\n    a\n",
    "def f():\n    a\n    ...\n    return a\n",
    "class A:\n    def f(self):\n        ...\n    def g(self):\n        pass\n",
    "x = lambda: ...\n",
]


@pytest.mark.parametrize("text", HOLES)
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1 << 30))
def test_the_mask_is_what_may_be_accepted(text: str, seed: int) -> None:
    language = get_hole_language("python")
    assert language is not None
    (hole,) = language.find(text.encode(), starts=frozenset((text.index("..."),)))
    context = {"prefix": text[: hole.start], "suffix": text[hole.end :]}
    spec = parse_spec({"language": "python", "context": context})
    session = Session(spec, VOCABULARY, region=hole.region)
    rng = random.Random(seed)
    words = allocate(1, VOCABULARY.size)
    for _ in range(14):
        session.mask(words)
        admitted = tokens_of(words[0]).tolist()
        assert admitted == [token for token in range(EOS + 1) if session.explain(token).admitted]
        choices = [token for token in admitted if token != EOS]
        if not choices:
            break
        session.accept(rng.choice(choices))
