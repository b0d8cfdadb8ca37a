"""Given text that the grammar can't parse: read without it and said, the rest judged as ever."""

from __future__ import annotations

import pytest

from ananke.domains.syntax.given import Stretch, read_given
from ananke.parsing.grammar import load_grammar
from ananke.session import Session, Unmodelled
from ananke.spec import SpecError, parse_spec
from ananke.vocabulary import Vocabulary, from_tokens

VOCABULARY: Vocabulary = from_tokens(
    [bytes([byte]) for byte in range(1, 256)] + [b""], special=[255], eos=[255], name="bytes"
)
EOS = 255


def session(language: str, prefix: str, suffix: str | None = None, **more: object) -> Session:
    context = {"prefix": prefix} if suffix is None else {"prefix": prefix, "suffix": suffix}
    return Session(parse_spec({"language": language, "context": context, **more}), VOCABULARY)


@pytest.mark.parametrize(
    ("language", "text", "left_out"),
    [
        # A statement, to its line's end.
        ("typescript", "let a = 1;\nlet b = c ?.5 : d;\nlet e = f +", ["let b = c ?.5 : d;\n"]),
        ("rust", "fn a() {\n    *b = try!(c);\n    d\n}\nfn e(", ["    *b = try!(c);\n"]),
        # Over several lines, where brackets are open.
        ("typescript", "f()\nlet b = c ?.5 : {\n  d\n};\nh(", ["let b = c ?.5 : {\n  d\n};\n"]),
        # A member or an argument of a construct that is known.
        ("typescript", "let b = g(\n  c ?.5 : d,\n);\nh(", ["  c ?.5 : d,\n"]),
        ("typescript", "let a = {\n  b: c ?.5 : d,\n  e: 1\n}\nf(", ["  b: c ?.5 : d,\n"]),
        # Several, near one another, in constructs that are open or closed.
        (
            "typescript",
            "function f() {\n  using = 1;\n  g()\n}\nusing = 2\nclass A { m() {\n  using = 3\n  h(",
            ["  using = 1;\n", "using = 2\n", "  using = 3\n"],
        ),
        ("python", "def f():\n    a = = 1\n    b = 2\n    ", ["    a = = 1\n"]),
        # Nothing to leave out.
        ("go", "package a\nfunc f() {\n", []),
    ],
)
def test_what_is_left_out(language: str, text: str, left_out: list[str]) -> None:
    given = text.encode()
    read = read_given(load_grammar(language).start(), given)
    assert read.taken == len(given)
    assert [given[one.start : one.end].decode() for one in read.stretches] == left_out
    # What was read is the text without them.
    kept = given
    for one in reversed(read.stretches):
        kept = kept[: one.start] + kept[one.end :]
    assert read.state.text() == kept


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "x = 1\ny = )\n"),
        # What can't be parsed is still open.
        ("typescript", "if (a ?.5 : b) {\n  c()\n"),
        # A line that ends in a sign asks for more.
        ("typescript", "let a = b ?.5 : c +\n"),
    ],
)
def test_what_has_not_ended_is_an_error_at_its_place(language: str, text: str) -> None:
    with pytest.raises(SpecError, match=r"context\.prefix.* line \d"):
        session(language, text)


def test_the_session_says_what_it_does_not_know() -> None:
    s = session("typescript", "let a = 1;\nlet b = c ?.5 : d;\nlet e = f ")
    assert s.unmodelled == (Unmodelled("prefix", 11, 30, 2),)
    assert s.statistics.unmodelled == 1
    # What follows is judged as ever.
    refused = s.explain(VOCABULARY.encode(b"@")[0])
    assert not refused.admitted
    assert "read without what begins at prefix line 2" in refused.reason
    s.accept_text(b"+ 1;")
    assert s.explain(EOS).admitted
    assert session("typescript", "let a = 1;").statistics.unmodelled == 0


def test_a_gap_behind_the_cursor_lets_the_text_end() -> None:
    s = session("typescript", "let a = ", ";\nlet b = c ?.5 : d;\nlet e = 1;\n")
    assert not s.explain(EOS).admitted
    s.accept_text(b"f(1)")
    assert s.explain(EOS).admitted
    assert s.unmodelled == (Unmodelled("suffix", 2, 21, 2),)
    # A bracket that is open is none of the gap's.
    s.accept_text(b" + (2")
    assert not s.explain(EOS).admitted


def test_the_line_of_the_cursor_must_parse() -> None:
    s = session("typescript", "let a = ", " ?.5 : c;\nlet d = 1;\n")
    s.accept_text(b"b")
    assert not s.explain(EOS).admitted


def test_meaning_needs_the_whole_text() -> None:
    text = "a = = 1\nb = 2\n"
    assert session("python", text).unmodelled
    with pytest.raises(SpecError, match="line 1, column 5"):
        session("python", text, domains=["syntax", "types"])


def test_stretches_grow_together_where_one_is_within_the_other() -> None:
    text = b"f(() => {\n  using = 1\n  g()\n} ?.5 : h)\ni("
    read = read_given(load_grammar("typescript").start(), text)
    assert read.taken == len(text)
    assert read.stretches == (Stretch(0, text.index(b"i(")),)


def test_what_was_generated_is_no_gap_of_the_text_after_it() -> None:
    s = session("python", "def f(x):\n    ", "\n    return x\n\n\ndef g():\n    pass\n")
    eos = s.vocabulary.eos[0]
    s.accept_text(b"for a in x:")
    assert not s.explain(eos).admitted
    s.accept_text(b" pass")
    assert s.explain(eos).admitted
    assert not s.unmodelled
