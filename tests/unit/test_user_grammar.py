"""The user's grammar: all kinds, exact masks, immutable states, hostile input."""

from __future__ import annotations

import gc
import json
import re
from typing import Any

import numpy as np
import pytest

from ananke.domains.syntax.ebnf import EbnfError, ebnf_to_lark
from ananke.domains.syntax.user_grammar import (
    GrammarGaveUp,
    UserGrammarState,
    compile_user_grammar,
)
from ananke.masks import allocate, tokens_of
from ananke.spec import Grammar, SpecError
from ananke.vocabulary import Vocabulary, from_tokens

BYTES = [bytes([byte]) for byte in range(256)]
WORDS = [
    b"ab",
    b"ab",
    b'{"',
    b'":',
    b"true",
    b"</",
    b"x" * 255,
    b"x" * 256,
    b"x" * 300,
    b"\xc3\xa9",
]
TEXTS = [*BYTES, *WORDS]
EOS = (len(TEXTS), len(TEXTS) + 1)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    """All bytes, duplicates, tokens too long for llguidance's trie, two EOS, a control, padding."""
    specials = [*EOS, EOS[1] + 1]
    return from_tokens(
        [*TEXTS, b"", b"", b""], special=specials, eos=EOS, size=301, name="bytes and words"
    )


def start(kind: str, source: Any, vocabulary: Vocabulary) -> UserGrammarState:
    text = source if isinstance(source, str) else json.dumps(source)
    grammar = Grammar(kind=kind, source=text)  # type: ignore[arg-type]
    return compile_user_grammar(grammar, vocabulary).start()


def start_or_error(kind: str, source: Any, vocabulary: Vocabulary) -> UserGrammarState | SpecError:
    try:
        return start(kind, source, vocabulary)
    except SpecError as error:
        return error


def after(state: UserGrammarState, text: bytes) -> UserGrammarState | None:
    """`text` fed a byte at a time."""
    current: UserGrammarState | None = state
    for byte in text:
        current = current and current.advance(bytes([byte]))
    return current


def admitted(state: UserGrammarState, vocabulary: Vocabulary) -> set[int]:
    words = allocate(1, vocabulary.size)[0]
    words.fill(-1)
    state.fill(words)
    tokens = set(tokens_of(words).tolist())
    assert all(token < vocabulary.size for token in tokens)
    return tokens


def by_feeding(state: UserGrammarState, vocabulary: Vocabulary) -> set[int]:
    tokens = {
        token
        for token in range(vocabulary.size)
        if (text := vocabulary.token_bytes(token)) and state.advance(text) is not None
    }
    return tokens | (set(EOS) if state.can_end() else set())


OBJECT = {
    "type": "object",
    "properties": {"ab": {"type": "string", "maxLength": 8}, "n": {"enum": [1, 12, True]}},
    "required": ["ab", "n"],
    "additionalProperties": False,
}
JSON_EBNF = r"""
root ::= object  # a comment
object ::= "{" ws (pair ("," ws pair)*)? "}" ws
pair ::= string ":" ws value
value ::= object | string | number
        | "true" | "null"
string ::= "\"" ([^"\\\x00-\x1f] | "\\" ["\\/bfnrt])* "\"" ws
number ::= "-"? [0-9]+ ("." [0-9]+)? ws
ws ::= [ \t\n]*
"""
LEGACY_TAGS = {
    "structures": [
        {"begin": "<f=add>", "schema": OBJECT, "end": "</f>"},
        {"begin": "<f=addx>", "schema": {"type": "integer"}, "end": "</f>"},
    ],
    "triggers": ["<f="],
}


def tag(content: Any, begin: str = "<t>", end: Any = "</t>") -> dict[str, Any]:
    return {"type": "tag", "begin": begin, "content": content, "end": end}


def tagged(form: Any) -> dict[str, Any]:
    return {"type": "structural_tag", "format": form}


ANY = {"type": "any_text"}
ACCEPTED = [
    ("regex", "(ab)*", [b"", b"ab", b"abab"], [b"b", b"abb"]),
    ("regex", "", [b""], [b"a"]),
    ("regex", "a/b\\d", [b"a/b3"], [b"a/bx"]),
    ("regex", "é|ü+", ["é".encode(), "üü".encode()], ["éé".encode(), b"\xc3\xa8"]),
    ("json_schema", OBJECT, [b'{"ab":"x","n":12}', b'{ "ab" : "" ,\n"n": true}'], [b'{"n"', b"["]),
    ("json_schema", "true", [b"[1, {}]", b'"x"'], [b"x"]),
    ("lark", 'start: A ("," A)*\nA: /[0-9]+/', [b"1,22"], [b"1,,"]),
    # A rule after another that could swallow it: what a lexer with longest match gets wrong.
    ("ebnf", 'root ::= word "x"\nword ::= [a-z]+', [b"ax", b"xx", b"xxxx"], [b"1"]),
    ("ebnf", 'root ::= w "x"\nw ::= [a-z]+ | "(" w ")"', [b"ax", b"xx", b"((ab))x"], [b"()"]),
    ("ebnf", 'root ::= s\ns ::= "a" "b" "c" s? | "ab" "d"', [b"abc", b"abd", b"abcabd"], [b"abe"]),
    (
        "ebnf",
        JSON_EBNF,
        [b"{}", b'{"a": {"b": -12.5 , "c\\"":true}}'],
        [b'{"a" "', b"[", b'{"a":n"'],
    ),
    (
        "ebnf",
        'root ::= "a" root | b\nb ::= "b" c | "d"\nc ::= "c" c',
        [b"d", b"aad"],
        [b"b", b"ab"],
    ),
    ("ebnf", "root ::= [^a] . [\\]\\-x] [a-]", [b"b\n]-", b"bc-a"], [b"a", b"bca"]),
    ("ebnf", 'root ::= "\\u00e9\\x41"{2} [\\U0001F600-\\U0001F64F]?', ["éAéA😀".encode()], [b"e"]),
    ("structural_tag", LEGACY_TAGS, [b"", b"x<f", b"a<f=addx>4</f>b"], [b"<f=q", b"<f=addx>x"]),
    (
        "structural_tag",
        LEGACY_TAGS,
        [b'he <f=add>{"ab":"","n":1}</f> and <f=addx>-4</f>z'],
        [b'<f=add>{"ab":""}'],
    ),
    ("structural_tag", tagged(tag(ANY)), [b"<t>a<b></t>", b"<t></t>"], [b"<t></t>x", b"x"]),
    ("structural_tag", tagged(tag(ANY, end=["!", "?"])), [b"<t>a!", b"<t>?"], [b"<t>!!"]),
    (
        "structural_tag",
        tagged({"type": "sequence", "elements": [tag(ANY), {"type": "regex", "pattern": "a/?"}]}),
        [b"<t>x</t>a", b"<t></t>a/"],
        [b"<t></t>b"],
    ),
    (
        "structural_tag",
        tagged(tag({"type": "regex", "pattern": ".*"})),
        [b"<t>abc</t>"],
        [b"<t>a</t>b"],
    ),
    (
        "structural_tag",
        tagged(
            {
                "type": "tags_with_separator",
                "separator": ",",
                "tags": [tag({"type": "grammar", "grammar": 'root ::= [a-z]+ | "(" root ")"'})],
            }
        ),
        [b"", b"<t>a</t>", b"<t>((a))</t>,<t>b</t>"],
        [b",", b"<t>(a</"],
    ),
    (
        "structural_tag",
        tagged(
            {
                "type": "triggered_tags",
                "triggers": ["<"],
                "tags": [tag({"type": "json_schema", "json_schema": True}, "<x>", "!")],
                "at_least_one": True,
                "stop_after_first": True,
            }
        ),
        [b"a<x>[1]!"],
        [b"a<y", b"<x>[]!!"],
    ),
    (
        "structural_tag",
        tagged(
            {
                "type": "repeat",
                "min": 1,
                "max": 2,
                "content": {
                    "type": "or",
                    "elements": [
                        {"type": "const_string", "value": "ab"},
                        {"type": "optional", "content": {"type": "const_string", "value": "<["}},
                    ],
                },
            }
        ),
        [b"", b"ab<[", b"<[<["],
        [b"ababa"],
    ),
]


@pytest.mark.parametrize(("kind", "source", "texts", "dead"), ACCEPTED)
def test_texts_of_the_grammar_and_others(
    kind: str, source: Any, texts: list[bytes], dead: list[bytes], vocabulary: Vocabulary
) -> None:
    begin = start(kind, source, vocabulary)
    for text in texts:
        state = after(begin, text)
        assert state is not None, text
        assert state.can_end(), text
        whole = begin.advance(text)
        assert whole is not None, text
        assert whole.can_end(), text
    for text in dead:
        state = after(begin, text)
        assert state is None or not state.can_end(), text
        assert begin.advance(text) is None or not state or not state.can_end()


@pytest.mark.parametrize(("kind", "source", "texts", "dead"), ACCEPTED)
def test_the_mask_is_what_feeding_says(
    kind: str, source: Any, texts: list[bytes], dead: list[bytes], vocabulary: Vocabulary
) -> None:
    state = start(kind, source, vocabulary)
    for byte in max(texts, key=len):
        assert admitted(state, vocabulary) == by_feeding(state, vocabulary)
        advanced = state.advance(bytes([byte]))
        assert advanced is not None
        state = advanced
    assert admitted(state, vocabulary) == by_feeding(state, vocabulary)


def test_tokens_longer_than_llguidance_can_hold(vocabulary: Vocabulary) -> None:
    state = start("regex", "x{0,299}", vocabulary)
    long = {len(text): TEXTS.index(text) for text in WORDS if text.startswith(b"x")}
    assert {long[255], long[256]} <= admitted(state, vocabulary)
    assert long[300] not in admitted(state, vocabulary)
    spelled = state.advance(b"x" * 256, long[256])
    assert spelled is not None
    assert long[255] not in admitted(spelled, vocabulary)


def test_states_are_values_whatever_the_order_of_use(vocabulary: Vocabulary) -> None:
    root = start("regex", "(a|b)*c", vocabulary)
    first, second = root.advance(b"ab"), root.advance(b"b")
    assert first is not None
    assert second is not None
    expected = {state: by_feeding(state, vocabulary) for state in (root, first, second)}
    for state in (second, root, first, first, root, second):
        assert admitted(state, vocabulary) == expected[state]
    ended = first.advance(b"c")
    del first
    gc.collect()
    assert ended is not None
    assert ended.can_end()
    assert not root.can_end()
    again = root.advance(b"abc")
    assert again is not None
    assert admitted(again, vocabulary) == set(EOS)
    del again, ended
    assert admitted(root, vocabulary) == expected[root]


def test_a_refused_text_changes_nothing(vocabulary: Vocabulary) -> None:
    state = start("json_schema", OBJECT, vocabulary).advance(b'{"ab"')
    assert state is not None
    before = admitted(state, vocabulary)
    assert state.advance(b':"x"}') is None
    assert state.advance(b"ab", 256) is None
    assert admitted(state, vocabulary) == before


def test_a_vocabulary_without_single_bytes(vocabulary: Vocabulary) -> None:
    coarse = from_tokens([b"ab", b"c", b""], special=[2], eos=[2], size=40, name="coarse")
    state = start("regex", "abc|ac", coarse)
    assert admitted(state, coarse) == {0}
    inside = state.advance(b"a")
    assert inside is not None
    assert admitted(inside, coarse) == {1}
    assert inside.first_bytes() == b"bc"


def test_a_refusal_says_what_may_come(vocabulary: Vocabulary) -> None:
    state = start("regex", "ab[0-9]|ac", vocabulary)
    assert "after b'a' only 'b'-'c' may come" in state.refusal(b"ax")
    assert "'a'" in state.end_refusal()
    ended = state.advance(b"ac")
    assert ended is not None
    assert "can only end" in ended.refusal(b"x")


@pytest.mark.parametrize(
    ("kind", "source", "path", "words"),
    [
        ("regex", "(", "", "unclosed group"),
        ("regex", "(?=a)b", "", "look-around"),
        ("regex", r"(a)\1", "", "backreferences"),
        ("regex", "[^\\s\\S]", "", "admits no text"),
        ("json_schema", "{", "", "json_schema"),
        ("json_schema", "3", "", "object or boolean"),
        ("json_schema", '{"type":"string","not":{}}', "", "Unimplemented keys"),
        ("json_schema", '{"$ref":"https://example.org/x"}', "", "not"),
        ("lark", "start = 3", "", "lark"),
        ("lark", 'start: "a" nope', "", "nope"),
        ("lark", "start: <[262]>", "", "special token"),
        ("lark", 'start: "a" <|end|>', "", "special token"),
        ("ebnf", 'root ::= "a" root', "", "never end"),
        ("ebnf", "root ::= x", "", "x is not defined; used at line 1, column 10"),
        ("structural_tag", "{", "", "not JSON"),
        ("structural_tag", [], "", "object"),
        ("structural_tag", {}, ".structures", "missing"),
        ("structural_tag", {"type": "x"}, ".type", "structural_tag"),
        ("structural_tag", tagged({"type": "token", "token": 3}), ".format.type", "'token'"),
        ("structural_tag", tagged(tag(ANY, begin=3)), ".format.begin", "string"),  # type: ignore[arg-type]
        ("structural_tag", tagged(ANY | {"max_chars": 3}), ".format.max_chars", "not supported"),
        ("structural_tag", tagged(ANY | {"colour": 3}), ".format.colour", "no such field"),
        (
            "structural_tag",
            tagged(tag({"type": "grammar", "grammar": "root ::= ("})),
            ".format.content.grammar",
            "never closed",
        ),
        (
            "structural_tag",
            tagged({"type": "sequence", "elements": [ANY, ANY]}),
            ".format.elements[0]",
            "last",
        ),
        (
            "structural_tag",
            {"structures": [{"begin": "a", "schema": {}, "end": ""}], "triggers": ["b"]},
            ".structures[0].begin",
            "exactly one trigger",
        ),
    ],
)
def test_a_bad_grammar_is_named(
    kind: str, source: Any, path: str, words: str, vocabulary: Vocabulary
) -> None:
    with pytest.raises(SpecError) as caught:
        start(kind, source, vocabulary)
    assert caught.value.path == f"spec.grammar.source{path}"
    assert words in caught.value.problem


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "no rule is named root"),
        ('x ::= "a"', "no rule is named root"),
        ("root = 3", "line 1, column 6"),
        ("root ::= (", "never closed"),
        ('root ::= "a', "line 1, column 10"),
        ("root ::= [z-a]", "range z-a is empty"),
        ("root ::= []", "no characters"),
        ('root ::= Token("a")', "not supported"),
        ("root ::= " + "(" * 30 + '"a"' + ")" * 30, "deeper"),
        ('root ::= "a"' + "*" * 1000, "counts"),
        ('root ::= "a"{5,2}', "range of counts"),
        ('root ::= "a"{1000000}', "range of counts"),
        ("root ::= *", "nothing before it"),
        ('root ::= "\\q"', "unknown escape"),
        ('root ::= "\\ud800"', "no character"),
        ('root ::= "\\x4"', "hex digits"),
        ('root ::= "a"\nroot ::= "b"', "line 2, column 1"),
        ('root ::= "a" ) b', "unexpected ')'"),
    ],
)
def test_a_bad_ebnf_grammar_is_named(source: str, words: str) -> None:
    with pytest.raises(EbnfError, match=re.escape(words)):
        ebnf_to_lark(source)


@pytest.mark.parametrize(
    ("kind", "source", "text"),
    [
        ("regex", "((a{0,1000}){0,1000}){0,1000}", b"a" * 50),
        ("regex", "(a|b)*a(a|b){200}", b"ab" * 100),
        ("regex", "(x+x+)+y", b"x" * 300),
        ("regex", "(" * 3000 + ")" * 3000, b""),
        ("regex", "|".join(str(number * 7919) for number in range(30_000)), b""),
        ("json_schema", '{"type":"array","items":' * 10_000 + "{}" + "}" * 10_000, b""),
        ("json_schema", {"enum": [f"v{number}" for number in range(20_000)]}, b'"v1'),
        ("json_schema", {"$ref": "#"}, b"[" * 50),
        ("json_schema", {"properties": {f"p{n}": {"type": "string"} for n in range(3_000)}}, b"{"),
        ("lark", "start: " + "(" * 20_000 + '"a"' + ")" * 20_000, b""),
        ("lark", 'start: s\ns: s s | s s s | "a"', b"a" * 60),
        ("lark", 'start: ("a"{0,1000} "b"){0,100000}', b"ab" * 20),
        ("ebnf", "root ::= " + " | ".join(f'"{n}x"' for n in range(15_000)), b"12"),
        ("ebnf", 'root ::= a{9999}\na ::= "x"{9999}', b"x" * 9),
        ("structural_tag", tagged(tag(ANY, "<" * 1000, ">" * 1000)), b"<" * 1000),
    ],
)
def test_hostile_grammars_end_in_an_answer_or_a_typed_error(
    kind: str, source: Any, text: bytes, vocabulary: Vocabulary
) -> None:
    state = start_or_error(kind, source, vocabulary)
    if isinstance(state, SpecError):
        assert state.path.startswith("spec.grammar.source")
        assert len(str(state)) < 2000
        return
    words = allocate(1, vocabulary.size)[0]

    def step(here: UserGrammarState, byte: int) -> UserGrammarState | None:
        here.fill(words)
        assert np.count_nonzero(words)
        return here.advance(bytes([byte]))

    for byte in text:
        try:
            following = step(state, byte)
        except GrammarGaveUp:
            # What one text broke is whole for the next.
            again = start(kind, source, vocabulary)
            again.fill(words)
            assert np.count_nonzero(words)
            return
        if following is None:
            return
        state = following
    state.fill(words)
    assert np.count_nonzero(words)
