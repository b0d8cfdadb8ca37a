"""The domain of meaning knows no language: a tiny one, made of tables, masks by its names."""

from __future__ import annotations

import pytest

from ananke.domains.meaning import state
from ananke.masks import allocate, tokens_of
from ananke.session import NotAdmitted, Session
from ananke.spec import parse_spec
from ananke.vocabulary import Vocabulary, from_tokens
from tests.mini_meaning import MINI

_WORDS = "alpha beta gamma foo true if return break const var fn while u8 = ; ( ) { } + . ();"


@pytest.fixture(autouse=True)
def _zig_has_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "get_meaning", lambda name: MINI if name == "zig" else None)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    pieces = {word.encode() for word in _WORDS.split()}
    pieces |= {b" " + one for one in pieces} | {bytes([byte]) for byte in range(128)}
    tokens = [*sorted(pieces), b""]
    return from_tokens(tokens, eos=[len(tokens) - 1], name="words")


def session(vocabulary: Vocabulary, prefix: str, *domains: str) -> Session:
    names = ["syntax", *(domains or ("types", "controlflow"))]
    return Session(
        parse_spec({"language": "zig", "domains": names, "context": {"prefix": prefix}}),
        vocabulary,
    )


def admitted(one: Session) -> set[bytes]:
    rows = allocate(1, one.vocabulary.size)
    one.mask(rows)
    return {one.vocabulary.token_bytes(token) for token in tokens_of(rows[0]).tolist()}


FUNCTION = "const alpha = 1;\nfn foo(beta: u8) u8 {\n    const gamma = "


def test_names_that_are_declared_may_be_used(vocabulary: Vocabulary) -> None:
    found = admitted(session(vocabulary, FUNCTION))
    assert {b"alpha", b"beta", b"foo", b"true", b"if", b"("} <= found
    # Not before its own declaration has ended.
    assert b"gamma" not in found
    after = admitted(session(vocabulary, FUNCTION + "beta;\n    return "))
    assert b"gamma" in after


def test_blocks_end_what_they_declare(vocabulary: Vocabulary) -> None:
    one = session(vocabulary, "fn foo() u8 {\n    { const alpha = 1; }\n    ")
    with pytest.raises(NotAdmitted, match="types: `alpha` is not declared"):
        one.accept_text(b"_ = alpha;")


def test_the_module_owes_what_it_uses_first(vocabulary: Vocabulary) -> None:
    one = session(vocabulary, "const alpha = beta;\n")
    assert "`beta` is not defined" in one.explain(vocabulary.eos[0]).reason
    one.accept_text(b"const beta = 1;\n")
    assert one.explain(vocabulary.eos[0]).admitted


def test_break_stands_in_a_loop(vocabulary: Vocabulary) -> None:
    with pytest.raises(NotAdmitted, match="controlflow: `break` outside a loop"):
        session(vocabulary, "fn foo() void {\n    ").accept_text(b"break;")
    session(vocabulary, "fn foo() void {\n    while (true) { ").accept_text(b"break;")


def test_a_domain_that_is_off_only_widens(vocabulary: Vocabulary) -> None:
    both = admitted(session(vocabulary, FUNCTION))
    assert both < admitted(session(vocabulary, FUNCTION, "controlflow"))
    assert admitted(session(vocabulary, FUNCTION, "controlflow")) == admitted(
        session(vocabulary, FUNCTION, "imports")
    )


TEXT = (
    'const alpha = beta; // a "comment\n'
    "const beta = 1;\n"
    'fn foo(gamma: u8) u8 {\n    const text = "alpha + \\" zz";\n'
    "    while (gamma > 0x1) { if (alpha == 2) break; }\n"
    "    return gamma.len + text.zz;\n}\n"
)


def test_masks_equal_judging_every_token(vocabulary: Vocabulary) -> None:
    one = session(vocabulary, "")
    for at in range(0, len(TEXT), 3):
        mask = admitted(one)
        for token in range(vocabulary.size - 1):
            text = vocabulary.token_bytes(token)
            assert (text in mask) == one.explain(token).admitted, (TEXT[:at], text)
        one.accept_text(TEXT[at : at + 3].encode())
    assert one.explain(vocabulary.eos[0]).admitted


def test_rollback_equals_replay(vocabulary: Vocabulary) -> None:
    one = session(vocabulary, "")
    tokens = vocabulary.encode(FUNCTION.encode())
    for token in tokens:
        one.accept(token)
    before = admitted(one)
    for token in vocabulary.encode(b"beta; return gamma"):
        one.accept(token)
    one.rollback(len(vocabulary.encode(b"beta; return gamma")))
    assert admitted(one) == before == admitted(session(vocabulary, FUNCTION))
