"""The session's own behaviour: contexts, typed errors, explanations, forced text, completions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ananke.masks import MaskError, allocate, tokens_of
from ananke.outcome import NotAdmitted, RollbackError, TokenError
from ananke.session import Session
from ananke.spec import SpecError, parse_spec
from ananke.vocabulary import Vocabulary, from_tokens

TEXTS = [
    *(bytes([byte]) for byte in range(256)),
    *b"def return (x) pass import ** \n    ):\n const fn += ab".split(b" "),
]
TEXTS = [text for text in TEXTS if text]
EOS = (len(TEXTS), len(TEXTS) + 1)
CONTROL = len(TEXTS) + 2
PADDING = len(TEXTS) + 3


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return from_tokens(
        [*TEXTS, b"", b"", b""], special=[*EOS, CONTROL], eos=EOS, size=PADDING + 30, name="small"
    )


def token(text: bytes) -> int:
    return TEXTS.index(text)


def session(vocabulary: Vocabulary, **spec: Any) -> Session:
    return Session(parse_spec(spec), vocabulary)


def mask(session: Session) -> set[int]:
    out = allocate(3, session.vocabulary.size)
    out.fill(-1)
    session.mask(out, 1)
    assert (out[0] == -1).all()
    assert (out[2] == -1).all()
    return set(tokens_of(out[1]).tolist())


def test_a_program_token_by_token(vocabulary: Vocabulary) -> None:
    s = session(vocabulary, language="python")
    assert mask(s) >= {token(b"def"), token(b"x"), *EOS}
    for text in (b"def", b" ", b"f", b"(", b"x", b"):\n", b" ", b"pass"):
        assert token(text) in mask(s)
        s.accept(token(text))
    assert s.text == b"def f(x):\n pass"
    assert not s.is_finished
    s.accept(EOS[1])
    assert s.is_finished
    assert mask(s) == set(EOS)
    s.accept(EOS[0])
    with pytest.raises(NotAdmitted, match="has ended"):
        s.accept(token(b"x"))
    with pytest.raises(NotAdmitted, match="has ended"):
        s.accept_text(b"x")
    s.rollback(2)
    assert not s.is_finished
    assert s.text == b"def f(x):\n pass"
    s.rollback(8)
    assert s.text == b""


def test_the_prefix_counts_and_is_no_part_of_the_text(vocabulary: Vocabulary) -> None:
    s = session(vocabulary, language="python", context={"prefix": "def f("})
    with pytest.raises(NotAdmitted):
        s.accept(token(b"+"))
    s.accept_text(b"x): pass")
    assert s.text == b"x): pass"
    assert set(EOS) <= mask(s)


def test_a_suffix_decides_where_the_text_may_end(vocabulary: Vocabulary) -> None:
    context = {"prefix": "f(", "suffix": ")\nx = 1\n"}
    s = session(vocabulary, language="python", context=context)
    assert set(EOS) <= mask(s)
    s.accept_text(b"[a")
    assert not set(EOS) & mask(s)
    assert "text after the cursor" in s.explain(EOS[0]).reason
    assert s.shortest_completion() == b"]"
    s.accept_text(b"]")
    assert set(EOS) <= mask(s)
    s.accept_text(b")")
    assert not set(EOS) & mask(s)
    with pytest.raises(NotAdmitted, match="text after the cursor"):
        s.accept(EOS[0])


def test_a_known_empty_suffix_ends_like_no_suffix(vocabulary: Vocabulary) -> None:
    for suffix in (None, ""):
        s = session(vocabulary, language="zig", context={"prefix": "const a = 1", "suffix": suffix})
        assert not set(EOS) & mask(s)
        assert s.shortest_completion() == b";"


def test_two_grammars_must_both_admit(vocabulary: Vocabulary) -> None:
    grammar = {"kind": "regex", "source": r"(a|b|\+|\(|\))*"}
    s = session(vocabulary, language="python", grammar=grammar)
    only_language = session(vocabulary, language="python")
    only_grammar = session(vocabulary, grammar=grammar)
    for text in (b"", b"a", b"+", b"(", b"ab", b")"):
        for each in (s, only_language, only_grammar):
            each.accept_text(text)
        assert mask(s) == mask(only_language) & mask(only_grammar)
    s.accept_text(b"+")
    assert s.explain(token(b")")).domain == "syntax: language"
    assert s.explain(token(b"x")).domain == "syntax: user grammar"
    assert s.explain(EOS[0]).domain == "syntax: language"
    assert s.shortest_completion() in (b"a", b"b")


def test_an_explanation_is_a_sentence_with_the_reason(vocabulary: Vocabulary) -> None:
    s = session(vocabulary, language="python", context={"prefix": "x = ("})
    admitted = s.explain(token(b"x"))
    assert admitted.admitted
    assert admitted.domain is None
    refused = s.explain(token(b"+="))
    assert not refused.admitted
    assert refused.domain == "syntax: language"
    assert "python" in refused.reason
    assert "identifier" in refused.reason
    for special in (CONTROL, PADDING):
        found = s.explain(special)
        assert (found.admitted, found.domain) == (False, "vocabulary")


def test_special_and_padding_tokens_are_never_admitted(vocabulary: Vocabulary) -> None:
    for s in (
        session(vocabulary, language="python"),
        session(vocabulary, grammar={"kind": "regex", "source": "(?s:.*)"}),
    ):
        assert max(mask(s)) == max(EOS)
        for hidden in (CONTROL, PADDING, vocabulary.size - 1):
            with pytest.raises(NotAdmitted) as caught:
                s.accept(hidden)
            assert caught.value.token == hidden


@pytest.mark.parametrize("number", [-1, 10**6, 2**40])
def test_tokens_out_of_range(number: int, vocabulary: Vocabulary) -> None:
    s = session(vocabulary, language="python")
    for call in (s.accept, s.explain):
        with pytest.raises(TokenError, match=str(number)):
            call(number)
    with pytest.raises(TypeError):
        s.accept("x")  # type: ignore[arg-type]


def test_rollback_too_far(vocabulary: Vocabulary) -> None:
    s = session(vocabulary, language="python")
    s.accept_text(b"x")
    for count in (2, -1, 10**9):
        with pytest.raises(RollbackError, match="between 0 and 1"):
            s.rollback(count)
    s.rollback(0)
    assert s.text == b"x"


def test_masks_of_a_wrong_kind(vocabulary: Vocabulary) -> None:
    s = session(vocabulary, language="python")
    words = -(-vocabulary.size // 32)
    read_only = np.zeros((1, words), dtype=np.int32)
    read_only.flags.writeable = False
    for out, row in (
        (np.zeros(words, dtype=np.int32), 0),
        (np.zeros((1, words), dtype=np.int64), 0),
        (np.zeros((1, words), dtype=np.uint32), 0),
        (np.zeros((1, words + 1), dtype=np.int32), 0),
        (np.zeros((1, words), dtype=np.int32), 1),
        (np.zeros((1, words), dtype=np.int32), -1),
        (np.zeros((words, 1), dtype=np.int32).T[:, ::-1], 0),
        (np.zeros((1, 2 * words), dtype=np.int32)[:, ::2], 0),
        (read_only, 0),
        ([[0] * words], 0),
    ):
        with pytest.raises(MaskError, match="mask"):
            s.mask(out, row)  # type: ignore[arg-type]
    assert set(EOS) <= mask(s)


@pytest.mark.parametrize(
    ("spec", "path", "words"),
    [
        ({"language": "nonesuch"}, "spec.language", "nonesuch"),
        ({"language": "zig", "domains": ["syntax", "types"]}, "spec.domains[1]", "types"),
        (
            {"language": "python", "context": {"prefix": "x = 1\ny = )\n"}},
            "spec.context.prefix",
            "line 2, column 5",
        ),
        (
            {"grammar": {"kind": "regex", "source": "("}},
            "spec.grammar.source",
            "unclosed",
        ),
    ],
)
def test_a_spec_this_build_cannot_honour(
    spec: dict[str, Any], path: str, words: str, vocabulary: Vocabulary
) -> None:
    with pytest.raises(SpecError) as caught:
        session(vocabulary, **spec)
    assert caught.value.path == path
    assert words in caught.value.problem


@pytest.mark.parametrize(
    ("spec", "forced"),
    [
        ({"grammar": {"kind": "regex", "source": "abc(d|e)"}}, b"abc"),
        ({"grammar": {"kind": "regex", "source": "(ab)?"}}, b""),
        ({"grammar": {"kind": "regex", "source": "return"}}, b"return"),
        ({"grammar": {"kind": "regex", "source": "a{9}b"}, "limits": {"forced_bytes": 4}}, b"aaaa"),
        ({"grammar": {"kind": "regex", "source": "é|è"}}, b"\xc3"),
        ({"language": "python"}, b""),
        ({"language": "python", "grammar": {"kind": "regex", "source": r"\(x[\])]"}}, b"(x)"),
    ],
)
def test_forced_text(spec: dict[str, Any], forced: bytes, vocabulary: Vocabulary) -> None:
    s = session(vocabulary, **spec)
    assert s.forced() == forced
    assert s.text == b""


def test_forced_text_where_the_vocabulary_has_no_single_bytes() -> None:
    coarse = from_tokens([b"ab", b"abc", b"cd", b"d", b""], special=[4], eos=[4], name="coarse")
    s = session(coarse, grammar={"kind": "regex", "source": "abcd"})
    assert s.forced() == b"ab"


@pytest.mark.parametrize(
    ("source", "text", "completion"),
    [
        ("a{3000}", b"", b"a" * 3000),
        ("[a-y]{3}[a-y]*z", b"", b"aaaz"),
        ("x*", b"xx", b""),
        ('\\{"k": "[^"]*"\\}', b'{"k": "a', b'"}'),
    ],
)
def test_a_completion_under_a_users_grammar(
    source: str, text: bytes, completion: bytes, vocabulary: Vocabulary
) -> None:
    s = session(vocabulary, grammar={"kind": "regex", "source": source})
    s.accept_text(text)
    assert s.shortest_completion() == completion


def test_a_json_completion_satisfies_the_schema(vocabulary: Vocabulary) -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 2},
            "tags": {"type": "array", "items": {"enum": ["red", "green"]}, "minItems": 1},
        },
        "required": ["name", "tags"],
    }
    for text in (b"", b'{"na', b'{"name": "x', b'{"name":"xy",\n', b'{"name":"xy","tags":["gr'):
        s = session(vocabulary, grammar={"kind": "json_schema", "source": schema})
        s.accept_text(text)
        completion = s.shortest_completion()
        assert completion is not None
        s.accept_text(completion)
        s.accept(EOS[0])


def test_a_tag_of_free_text_is_closed_by_its_end(vocabulary: Vocabulary) -> None:
    tag = {"type": "tag", "begin": "<t>", "content": {"type": "any_text"}, "end": ["</t>", "</u>"]}
    source = {"type": "structural_tag", "format": tag}
    s = session(vocabulary, grammar={"kind": "structural_tag", "source": source})
    s.accept_text(b"<t>ab")
    assert s.shortest_completion() in (b"</t>", b"</u>")


def test_no_completion_within_the_bound(vocabulary: Vocabulary) -> None:
    grammar = {"kind": "regex", "source": "([a-z]{2}[0-9]{2}){50}"}
    s = session(vocabulary, grammar=grammar, limits={"completion_steps": 60})
    assert s.shortest_completion() is None


def test_statistics_count_what_happened(vocabulary: Vocabulary) -> None:
    s = session(
        vocabulary,
        language="python",
        grammar={"kind": "regex", "source": "[ab]*"},
        budgets={"token_microseconds": 1},
    )
    s.accept(token(b"a"))
    mask(s)
    mask(s)
    with pytest.raises(NotAdmitted):
        s.accept(token(b"x"))
    s.accept(token(b"ab"))
    mask(s)
    s.rollback(2)
    found = s.statistics
    assert (found.accepted, found.refused, found.rolled_back) == (2, 1, 2)
    assert (found.masks, found.reused) == (3, 1)
    assert found.skipped == {}
    assert set(found.parts) == {"syntax: language", "syntax: user grammar"}
    assert all(part.mask > 0 and part.accept > 0 for part in found.parts.values())
    assert 0 <= found.over_budget <= 2
    assert s.fork().statistics.accepted == 0
