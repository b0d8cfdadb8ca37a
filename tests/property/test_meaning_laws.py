"""Laws of the domains of meaning, on random programs and random places in them.

Programs are written from templates that hold each kind of construct, with right and wrong uses
mixed, so that verdicts of both kinds occur.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ananke.masks import allocate, tokens_of
from ananke.session import NotAdmitted, Session
from ananke.spec import parse_spec
from ananke.vocabulary import Vocabulary, from_tokens

few = settings(max_examples=15)
seeds = st.integers(0, 2**32)

DOMAINS = ("imports", "types", "controlflow")

_LINES = (
    "import os, json",
    "from os import path, sep",
    "from os import pathh",
    "x = {0}",
    "x = y = [{0}]",
    "x.append({0})",
    "x.push(1)",
    "z = os.path.join('a', {0})",
    "json.loads('{{}}').anything.goes({0})",
    "print(f'{{x}} {{len(x)}}', sep={0})",
    "def g(a: int, *, b: str = '') -> str:\n    return b * a",
    "g({0})",
    "g(1, b={0})",
    "class A:\n    n: int = 0\n    def m(self) -> int:\n        return self.n + later()",
    "A().m().bit_length()",
    "A().k",
    "if x:\n    w = 1\nelse:\n    w = 'a'",
    "for i in {0}:\n    if i: break\n    x = i",
    "break",
    "def later():\n    return 1",
    "with open('f') as f:\n    f.read().upper()",
    "try:\n    x = int({0})\nexcept (ValueError, TypeError) as e:\n    raise RuntimeError() from e",
    "del x",
    "lambda q: q + 1",
    "[j for j in {0} if j]",
    "match x:\n    case [a, *_]:\n        print(a)\n    case _:\n        pass",
    "assert isinstance(x, str), x.upper()",
    "x = (1, 'a')[0] + {0}",
)
_VALUES = ("1", "'s'", "None", "[1, 2]", "x", "os.sep", "{'k': 1}", "range(3)", "nowhere", "(1, 2)")

_PIECES = (
    "append push upper join os path json loads x y z w f self len print import from class def in "
    "return break and or is not None if else : ( ) [ ] { } . , = == + * - ( ()) ). ): ): )\n \n "
    ".append .push [0] [] () (x (1 =x += 1 12 'a' ' '' , #"
)


def vocabulary() -> Vocabulary:
    pieces = {one.encode() for one in _PIECES.split(" ") if one}
    pieces |= {b" " + one for one in pieces}
    pieces |= {bytes([byte]) for byte in range(256)}
    pieces |= {b"    ", b"\n    "}
    tokens = [*sorted(pieces), b""]
    return from_tokens(tokens, eos=[len(tokens) - 1], name="pieces")


VOCABULARY = vocabulary()
EOS = VOCABULARY.eos[0]


def program(chance: random.Random) -> bytes:
    lines = chance.choices(_LINES, k=chance.randint(2, 8))
    return "\n".join(line.format(chance.choice(_VALUES)) for line in lines).encode() + b"\n"


def session(
    prefix: bytes = b"", domains: tuple[str, ...] = DOMAINS, likely: float | None = None
) -> Session:
    spec = {
        "language": "python",
        "domains": ["syntax", *domains],
        "context": {"prefix": prefix.decode()},
        "budgets": {"likely": likely},
    }
    return Session(parse_spec(spec), VOCABULARY)


def admitted(one: Session) -> frozenset[int]:
    rows = allocate(1, VOCABULARY.size)
    one.mask(rows)
    return frozenset(tokens_of(rows[0]).tolist())


def begun(chance: random.Random) -> Session:
    """A session somewhere in a program, as far as it is admitted."""
    text = program(chance)
    cut = chance.randrange(len(text) + 1)
    one = session(text[: chance.randrange(cut + 1)])
    for token in VOCABULARY.random_encode(text[len(one.spec.context.prefix or "") : cut], chance):
        if not one.explain(token).admitted:
            break
        one.accept(token)
    return one


@few
@given(seeds)
def test_a_mask_bit_is_the_verdict_on_the_token(seed: int) -> None:
    one = begun(random.Random(seed))
    found = admitted(one)
    for token in range(VOCABULARY.size):
        said, text = one.explain(token), VOCABULARY.token_bytes(token)
        if text[-1:] >= b"\x80":
            # A character cut in two is judged when it is whole; the mask may know before.
            assert said.admitted or token not in found, (one.text, text, said)
        else:
            assert said.admitted == (token in found), (one.text, text, said)


@few
@given(seeds)
def test_the_cut_into_tokens_does_not_matter(seed: int) -> None:
    chance = random.Random(seed)
    text = program(chance)
    taken = {_taken(text, chance) for _ in range(3)}
    # A token that holds the place is refused as a whole.
    longest = max(taken, key=len)
    assert all(longest.startswith(one) for one in taken)
    slack = max(len(VOCABULARY.token_bytes(token)) for token in range(VOCABULARY.size))
    assert all(len(longest) - len(one) < slack for one in taken)


def _taken(text: bytes, chance: random.Random) -> bytes:
    """As much of the text as is admitted, in some tokens."""
    one = session()
    for token in VOCABULARY.random_encode(text, chance):
        try:
            one.accept(token)
        except NotAdmitted:
            break
    return one.text


@few
@given(seeds)
def test_rollback_equals_replay(seed: int) -> None:
    chance = random.Random(seed)
    one = begun(chance)
    before, text = admitted(one), one.text
    steps = 0
    for _ in range(4):
        choices = sorted(admitted(one) - {EOS})
        if not choices:
            break
        one.accept(chance.choice(choices))
        steps += 1
    one.rollback(steps)
    assert one.text == text
    assert admitted(one) == before
    again = session((one.spec.context.prefix or "").encode())
    again.accept_text(text)
    assert admitted(again) == before


@few
@given(seeds, st.sampled_from((0.0, 0.5, 0.9, 0.999, 1.0)), st.sampled_from((1.0, 8.0)))
def test_likely_masks_hold_the_likeliest_admitted_tokens(
    seed: int, share: float, spread: float
) -> None:
    whole = begun(random.Random(seed))
    every = admitted(whole)
    one = session((whole.spec.context.prefix or "").encode(), likely=share)
    one.accept_text(whole.text)
    chance = np.random.default_rng(seed)
    scores = (chance.standard_normal(VOCABULARY.size) * spread).astype(np.float32)
    rows = allocate(1, VOCABULARY.size)
    one.mask(rows, 0, scores)
    found = frozenset(tokens_of(rows[0]).tolist())
    assert found <= every
    assert share < 1 or found == every
    shares = np.exp(scores - scores.max())
    held, all_held = shares[[*found]].sum(), shares[[*every]].sum()
    assert held >= share * all_held - 1e-5
    if every:
        likeliest = max(every, key=lambda token: scores[token])
        assert likeliest in found
    # What was judged for the mask is known when it is taken; what wasn't is judged then.
    for token in sorted(every)[:5]:
        fork = one.fork() if token % 2 else one
        fork.accept(token)
        if fork is one:
            one.rollback(1)


def _subsets() -> Iterator[tuple[str, ...]]:
    for left_out in DOMAINS:
        yield tuple(one for one in DOMAINS if one != left_out)
    yield ()


@few
@given(seeds)
def test_a_domain_that_is_off_only_widens_the_mask(seed: int) -> None:
    one = begun(random.Random(seed))
    whole = admitted(one)
    for domains in _subsets():
        wider = session((one.spec.context.prefix or "").encode(), domains)
        wider.accept_text(one.text)
        assert whole <= admitted(wider), (one.text, domains)


@few
@given(seeds, st.sampled_from(("u", "u.v", "u()", "u[0]", "u.v(1)[2]")))
def test_unknown_never_rejects(seed: int, unknown: str) -> None:
    """Where nothing is known of a value every use of it is admitted that syntax admits."""
    chance = random.Random(seed)
    uses = (
        "x = {0}\n", "{0}.a.b(1, c=2)\n", "for i in {0}:\n    i.j\n", "{0} + 1 - 'a' @ {0}\n",
        "with {0} as w:\n    w.x\n", "x: int = {0}\n", "del {0}[1]\n", "len({0}) + abs({0})\n",
        "if {0} < 3 and not {0}:\n    pass\n", "{0}[1:2, ...] = {0}\n", "raise {0}\n",
        "print(*{0}, **{0})\n", "x, *y = {0}\n", "assert {0} in {0}\n", "''.join({0})\n",
    )  # fmt: skip
    body = "".join(use.format(unknown) for use in chance.sample(uses, 4) if use[:5] != "raise")
    text = "def f(u):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    one = session()
    for token in VOCABULARY.random_encode(text.encode(), chance):
        one.accept(token)
    assert one.explain(EOS).admitted


def test_both_verdicts_occur() -> None:
    """The laws above say something of these programs."""
    chance = random.Random(1)
    texts = [program(chance) for _ in range(40)]
    whole = sum(_taken(text, chance) == text for text in texts)
    assert 0 < whole < len(texts)


@pytest.mark.parametrize("domain", DOMAINS)
def test_each_domain_refuses_something(domain: str) -> None:
    wrong = {
        "imports": b"from os import pathh\n",
        "types": b"x = 1\nx.push()\n",
        "controlflow": b"break\n",
    }
    with pytest.raises(NotAdmitted):
        session(domains=(domain,)).accept_text(wrong[domain])
    others = tuple(one for one in DOMAINS if one != domain)
    session(domains=others).accept_text(wrong[domain])
