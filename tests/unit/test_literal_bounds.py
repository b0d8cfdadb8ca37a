"""Bounds of literals: each digit is masked by what the literal may still become."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ananke.masks import allocate, tokens_of
from ananke.session import NotAdmitted, Session
from ananke.spec import parse_spec
from ananke.vocabulary import Vocabulary, from_tokens

_WORDS = (
    "0 00 1 5 6 59 60 61 600 0x 0x3c 0x3d 1_0 1e 60. .5 e1 j _ _6 if or else 6else =5 =61 (7 (99 "
    "-1 -61 5, 61, 5) 61) timeout timeout=6 timeout=61 0\n"
)
TIMEOUT = {"name": "timeout", "min": 1, "max": 60}


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    pieces = {one.encode() for one in _WORDS.split(" ") if one}
    pieces |= {b" " + one for one in pieces} | {bytes([byte]) for byte in range(256)}
    tokens = [*sorted(pieces), b""]
    return from_tokens(tokens, eos=[len(tokens) - 1], name="numbers")


def session(
    vocabulary: Vocabulary, prefix: str, bound: Mapping[str, object], suffix: str | None = None
) -> Session:
    spec = {
        "language": "python",
        "domains": ["syntax", "semantics"],
        "context": {"prefix": prefix, "suffix": suffix},
        "contracts": {"literals": [bound]},
    }
    return Session(parse_spec(spec), vocabulary)


def refused_at(one: Session, text: str) -> str | None:
    """What is written when something is refused, byte by byte; None if the text may also end."""
    for at, byte in enumerate(text.encode()):
        try:
            one.accept_text(bytes([byte]))
        except NotAdmitted:
            return text[: at + 1]
    try:
        one.accept(one.vocabulary.eos[0])
    except NotAdmitted:
        return text + "<eos>"
    return None


@pytest.mark.parametrize(
    ("text", "stop"),
    [
        ("timeout = 60\n", None),
        ("timeout = 61\n", "timeout = 61"),
        ("timeout = 600\n", "timeout = 600"),
        ("timeout = 0\n", "timeout = 0\n"),
        ("timeout = 0", "timeout = 0<eos>"),
        ("timeout = 0x3c\n", None),
        ("timeout = 0x3d\n", "timeout = 0x3d"),
        ("timeout = 6_0\n", None),
        ("timeout = 60_0\n", "timeout = 60_"),
        ("timeout = 1.5\n", None),
        ("timeout = 60.5\n", "timeout = 60.5\n"),
        ("timeout = -5\n", "timeout = -5"),
        ("timeout: int = 61\n", "timeout: int = 61"),
        ("x.timeout = 61\n", "x.timeout = 61"),
        ("timeout = 5 * 60\n", None),
        ("timeout = 70 - 60\n", "timeout = 70"),
        ("timeout = x + 99\n", None),
        ("timeout = other = 99\n", None),
        ("timeout = '99'\n", None),
        ("timeout = (99)\n", None),
        ("timeout = [99]\n", None),
        ("other = 99  # timeout = 99\n", None),
        ("f(99, timeout=60)\n", None),
        ("f(99, timeout=61)\n", "f(99, timeout=61"),
        ("timeout(61)\n", "timeout(61"),
        ("timeout(5, 61)\n", None),
        ("a.timeout(61)\n", "a.timeout(61"),
        ("def f(a=99, timeout=61): pass\n", "def f(a=99, timeout=61"),
        ("def f(timeout: int = 61): pass\n", "def f(timeout: int = 61"),
        ("if True:\n    g(timeout=7)\n", None),
        ("if True:\n    g(timeout=77)\n", "if True:\n    g(timeout=77"),
    ],
)
def test_digit_by_digit(vocabulary, text, stop):
    assert refused_at(session(vocabulary, "", TIMEOUT), text) == stop


def test_a_least_that_has_more_digits(vocabulary):
    bound = {"name": "port", "min": 1024}
    assert refused_at(session(vocabulary, "", bound), "port = 80\n") == "port = 80\n"
    assert refused_at(session(vocabulary, "", bound), "port = 8080\n") is None
    assert refused_at(session(vocabulary, "", bound), "port = 0o17 + 1\n") == "port = 0o17 "


def test_negative_bounds(vocabulary):
    bound = {"name": "t", "min": -20, "max": -5}
    assert refused_at(session(vocabulary, "", bound), "t = -20\n") is None
    assert refused_at(session(vocabulary, "", bound), "t = -21\n") == "t = -21"
    assert refused_at(session(vocabulary, "", bound), "t = -4\n") == "t = -4"
    assert refused_at(session(vocabulary, "", bound), "t = 7\n") == "t = 7"
    assert refused_at(session(vocabulary, "", bound), "t = --7\n") == "t = --7"
    assert refused_at(session(vocabulary, "", bound), "t = -1\n") == "t = -1\n"


def test_the_literal_at_the_cursor(vocabulary):
    hint = {"min": 0, "max": 9}
    assert refused_at(session(vocabulary, "range_hint(", hint), "9) + 10\n") is None
    assert refused_at(session(vocabulary, "range_hint(", hint), "10)\n") == "10"
    assert refused_at(session(vocabulary, "range_hint(", hint), "x + 10)\n") is None
    assert refused_at(session(vocabulary, "x = f(", hint, suffix="99)\n"), "5") == "5<eos>"


def test_the_suffix_itself_is_given(vocabulary):
    one = session(vocabulary, "f(", TIMEOUT, suffix=", timeout=99)\n")
    assert refused_at(one, "1") is None


def test_what_the_prefix_holds_is_given(vocabulary):
    assert refused_at(session(vocabulary, "timeout = 99\n", TIMEOUT), "x = 1\n") is None
    assert refused_at(session(vocabulary, "timeout = 99", TIMEOUT), "9\n") is None
    assert refused_at(session(vocabulary, "timeout = 6", TIMEOUT), "1\n") == "1"


def test_the_explanation_names_the_bound(vocabulary):
    one = session(vocabulary, "f(timeout=", TIMEOUT)
    with pytest.raises(NotAdmitted) as caught:
        one.accept_text(b"61")
    assert caught.value.explanation.domain == "semantics: literals"
    expected = "`61` for `timeout` can't become 1 to 60 (spec.contracts.literals[0])"
    assert caught.value.explanation.reason == expected


@pytest.mark.parametrize(
    ("text", "bound", "rest"),
    [
        ("port = 80", {"min": 1024}, b"00"),
        ("port = 10", {"min": 1024}, b"24"),
        ("port = 1_", {"min": 1}, b"0"),
        ("port = 8", {"min": 1}, b""),
    ],
)
def test_a_completion_finishes_the_literal(vocabulary, text, bound, rest):
    one = session(vocabulary, "", {"name": "port", **bound})
    one.accept_text(text.encode())
    found = one.shortest_completion()
    assert found == rest
    assert found is not None
    one.accept_text(found)
    one.accept(vocabulary.eos[0])


@pytest.mark.parametrize(
    "prefix",
    [
        "", "timeout", "timeout =", "timeout = ", "timeout = 0", "timeout = 6", "timeout = 60",
        "timeout = 0x", "timeout = 0x3", "timeout = 1_", "timeout = 6.", "timeout = -", "x = 6",
        "f(timeout=", "f(timeout=5", "timeout(", "f('", "f(a, ", "def f(timeout=", "x6",
    ],
)  # fmt: skip
def test_the_mask_is_what_may_be_accepted(vocabulary, prefix):
    one = session(vocabulary, "", TIMEOUT)
    one.accept_text(prefix.encode())
    rows = allocate(1, vocabulary.size)
    one.mask(rows)
    held = set(tokens_of(rows[0]).tolist())
    for token in range(vocabulary.size):
        text = vocabulary.token_bytes(token)
        assert (token in held) == one.explain(token).admitted, text
        # However the text is cut.
        bytewise = one.fork()
        try:
            for byte in text:
                bytewise.accept_text(bytes([byte]))
        except NotAdmitted:
            assert token not in held, text
        else:
            assert not text or token in held, text
