"""Laws that hold for every session, whatever its spec, on random walks through its masks."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ananke.masks import allocate, tokens_of
from ananke.outcome import NotAdmitted
from ananke.session import Session
from ananke.spec import parse_spec
from ananke.vocabulary import Vocabulary, from_tokens

WORDS = [
    *b"def return x ( ) ): if else for class in = == += ** // # ' f' fn var pub const".split(),
    *b"struct func let val fun type interface { } {} [ ] ; : , . -> => :: ! & * < > 0 1".split(),
    *b"12 1.5 0x true null undefined import use a ab abc a.b (a) // /* */ ...".split(),
    *(b'"', b'"""', b'{"', b'":', b'",', b" ", b"\n", b"\n\n", b"\n    ", b"\t", b"\\\n"),
]
TEXTS = list(dict.fromkeys([*(bytes([byte]) for byte in range(256)), *WORDS]))
EOS = (len(TEXTS), len(TEXTS) + 1)

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"type": "array", "items": {"type": "number"}}},
    "required": ["a"],
    "additionalProperties": False,
}
SPECS: dict[str, dict[str, Any]] = {
    "regex": {"grammar": {"kind": "regex", "source": r"(a|ab|\(a*\))*(true|null)"}},
    "json schema": {"grammar": {"kind": "json_schema", "source": SCHEMA}},
    "ebnf": {"grammar": {"kind": "ebnf", "source": 'root ::= "a"* | "(" root ")" root?'}},
    "structural tag": {
        "grammar": {
            "kind": "structural_tag",
            "source": {
                "structures": [{"begin": "<a>", "schema": SCHEMA, "end": "</a>"}],
                "triggers": ["<a"],
            },
        }
    },
    "python": {"language": "python"},
    "python after a prefix": {
        "language": "python",
        "context": {"prefix": "class A:\n  def f(x):\n", "suffix": "\ny = 1\n"},
    },
    "python and a regex": {
        "language": "python",
        "grammar": {"kind": "regex", "source": r"[a-z(), \n:=0-9]{0,40}"},
    },
    "typescript": {"language": "typescript"},
    "rust": {"language": "rust", "context": {"prefix": "fn main() {\n", "suffix": "}\n"}},
    "go": {"language": "go", "context": {"prefix": "package a\n"}},
    "kotlin": {"language": "kotlin"},
    "swift": {"language": "swift"},
    "zig": {"language": "zig"},
}

laws = pytest.mark.parametrize("name", SPECS)
seeds = st.integers(min_value=0, max_value=2**32)
few = settings(max_examples=8)


@cache
def vocabulary() -> Vocabulary:
    return from_tokens(
        [*TEXTS, b"", b"", b""], special=[*EOS, EOS[1] + 1], eos=EOS, size=450, name="small"
    )


@cache
def origin(name: str) -> Session:
    return Session(parse_spec(SPECS[name]), vocabulary())


def mask(session: Session) -> frozenset[int]:
    out = allocate(1, session.vocabulary.size)
    session.mask(out)
    return frozenset(tokens_of(out[0]).tolist())


def choose(session: Session, chance: random.Random) -> int | None:
    """An admitted token, seldom EOS; printable ones more often than not."""
    admitted = mask(session)
    assert admitted, "a dead end: no token is admitted"
    going_on = sorted(admitted.difference(EOS))
    if not going_on:
        return None
    readable = [token for token in going_on if token >= 256 or 32 <= token < 127]
    return chance.choice(readable if readable and chance.random() < 0.9 else going_on)


def walk(name: str, chance: random.Random, length: int = 12) -> tuple[Session, list[int]]:
    session = origin(name).fork()
    taken: list[int] = []
    for _ in range(length):
        token = choose(session, chance)
        if token is None:
            break
        session.accept(token)
        taken.append(token)
    return session, taken


@laws
@few
@given(seed=seeds)
def test_a_mask_bit_is_what_feeding_says(name: str, seed: int) -> None:
    chance = random.Random(seed)
    session, _ = walk(name, chance, chance.randrange(12))
    admitted = mask(session)
    for token in range(vocabulary().size):
        fork = session.fork()
        assert session.explain(token).admitted == (token in admitted)
        if token in admitted:
            fork.accept(token)
        else:
            with pytest.raises(NotAdmitted) as caught:
                fork.accept(token)
            assert caught.value.explanation.reason
    assert mask(session) == admitted


@laws
@few
@given(seed=seeds)
def test_rollback_and_replay_give_the_same_masks(name: str, seed: int) -> None:
    chance = random.Random(seed)
    session, taken = walk(name, chance)
    fresh = origin(name).fork()
    masks = [mask(fresh)]
    for token in taken:
        fresh.accept(token)
        masks.append(mask(fresh))
    assert mask(session) == masks[-1]
    at = len(taken)
    for _ in range(6):
        back = chance.randint(0, at)
        session.rollback(back)
        at -= back
        assert mask(session) == masks[at]
        assert session.text == b"".join(map(vocabulary().token_bytes, taken[:at]))
        forward = chance.randint(0, len(taken) - at)
        for token in taken[at : at + forward]:
            session.accept(token)
        at += forward
        assert mask(session) == masks[at]


@laws
@few
@given(seed=seeds)
def test_forks_do_not_disturb_each_other(name: str, seed: int) -> None:
    chance = random.Random(seed)
    session, taken = walk(name, chance, 6)
    family = [session, session.fork(), session.fork()]
    histories = [list(taken) for _ in family]
    for _ in range(12):
        at = chance.randrange(len(family))
        if histories[at] and chance.random() < 0.3:
            back = chance.randint(1, len(histories[at]))
            family[at].rollback(back)
            del histories[at][-back:]
        else:
            token = choose(family[at], chance)
            if token is not None:
                family[at].accept(token)
                histories[at].append(token)
    for member, history in zip(family, histories, strict=True):
        alone = origin(name).fork()
        for token in history:
            alone.accept(token)
        assert mask(member) == mask(alone)
        assert member.text == alone.text


@laws
@few
@given(seed=seeds)
def test_the_cut_into_tokens_does_not_matter(name: str, seed: int) -> None:
    chance = random.Random(seed)
    session, _ = walk(name, chance)
    text = session.text
    bytewise, whole, cut = (origin(name).fork() for _ in range(3))
    for byte in text:
        bytewise.accept(byte)
    whole.accept_text(text)
    at = 0
    while at < len(text):
        fitting = [token for token, known in enumerate(TEXTS) if text.startswith(known, at)]
        token = chance.choice(fitting)
        cut.accept(token)
        at += len(TEXTS[token])
    assert mask(bytewise) == mask(whole) == mask(cut) == mask(session)
    assert bytewise.text == whole.text == cut.text == text


@laws
@few
@given(seed=seeds)
def test_a_refusal_leaves_everything_as_it_was(name: str, seed: int) -> None:
    chance = random.Random(seed)
    session, _ = walk(name, chance)
    before, text = mask(session), session.text
    refused = [token for token in range(vocabulary().size) if token not in before]
    for token in chance.sample(refused, min(20, len(refused))):
        with pytest.raises(NotAdmitted):
            session.accept(token)
        known = vocabulary().token_bytes(token)
        if known:
            with pytest.raises(NotAdmitted):
                session.accept_text(known)
    assert mask(session) == before
    assert session.text == text


@laws
@few
@given(seed=seeds)
def test_forced_text_begins_every_continuation(name: str, seed: int) -> None:
    chance = random.Random(seed)
    session, _ = walk(name, chance)
    forced, before = session.forced(), mask(session)
    assert mask(session) == before
    fork = session.fork()
    for at in range(len(forced)):
        for token in mask(fork):
            known = vocabulary().token_bytes(token)
            assert known
            assert forced.startswith(known, at) or known.startswith(forced[at:])
        fork.accept_text(forced[at : at + 1])
    # It is the longest: here the text may end, or two bytes may come.
    firsts = {vocabulary().token_bytes(token)[:1] for token in mask(fork)}
    assert b"" in firsts or len(firsts) > 1


@laws
@few
@given(seed=seeds)
def test_a_completion_completes(name: str, seed: int) -> None:
    session, _ = walk(name, random.Random(seed))
    completion = session.shortest_completion()
    # The searches are bounded; None is an honest answer, a wrong text is not.
    assume(completion is not None)
    assert completion is not None
    assert (completion == b"") == bool(mask(session) & set(EOS))
    session.accept_text(completion)
    session.accept(EOS[0])
    assert session.is_finished
