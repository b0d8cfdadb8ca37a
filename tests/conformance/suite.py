"""What holds under every engine. A class per adapter inherits it (see `engine.py`).

The judge is a session of our own beside each row: whatever the engine did to its logits, the
columns that are left must be those that the session admits.
"""

from __future__ import annotations

import json
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from ananke.domains.meaning.state import MeaningState
from ananke.masks import allocate
from ananke.session import Session
from ananke.spec import parse_spec
from ananke.vocabulary import Vocabulary
from tests.conformance.engine import Batch, Engine, Refused, Request, Setup

PLAIN = Setup(columns=330, eos=(300,))
#: As many columns as tokens, and two tokens that end a text.
TWO_ENDS = Setup(columns=303, eos=(300, 302))

PYTHON = {"version": "1.0", "language": "python", "context": {"prefix": "def f():\n    "}}
TYPED = {**PYTHON, "domains": ["syntax", "imports", "types", "controlflow"]}
ZIG = {"language": "zig", "context": {"prefix": "const x = ", "suffix": ";\n"}}
WORDS = {"grammar": {"kind": "regex", "source": "(ab|cd)*e"}}
ACCENT = {"grammar": {"kind": "regex", "source": "x(yz é){1}[01]"}}
SCHEMA = {
    "grammar": {
        "kind": "json_schema",
        "source": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}},
            "required": ["a", "b"],
            "additionalProperties": False,
        },
    }
}
LINE = {**PYTHON, "grammar": {"kind": "regex", "source": r"[a-z0-9 +()=]{0,12}"}}
#: Python has no use for what the grammar wants.
DEAD_END = {"language": "python", "grammar": {"kind": "regex", "source": r"x\)"}}
#: llguidance begins it, and reaches one of its limits in the middle of the text.
GIVEN_UP = {"grammar": {"kind": "regex", "source": "((a{0,300}b{0,300}){0,300}){0,300}"}}

TEXTS: list[tuple[Mapping[str, Any], bytes]] = [
    (PYTHON, b"x = (1)\n    return x"),
    (ZIG, b"(1 + 2)"),
    (WORDS, b"abcde"),
    (SCHEMA, b'{"a":-12,"b":true}'),
    (LINE, b"return (a)"),
]

BAD: list[tuple[Request, str]] = [
    ({"language": "cobol"}, "spec.language"),
    ({"langauge": "python"}, "langauge"),
    ({"version": "9.0", "language": "go"}, "version"),
    ({"language": "python", "context": {"prefix": ")"}}, "spec.context.prefix"),
    ({"grammar": {"kind": "regex", "source": "("}}, "spec.grammar.source"),
    ({"grammar": {"kind": "lark", "source": "start: missing"}}, "spec.grammar.source"),
    ({}, "language"),
]

HOSTILE: list[str] = [
    '{"language":' * 50_000,
    '{"language": "python", "context": ' + "[" * 50_000 + "]" * 50_000 + "}",
    '{"language": "\\ud800"}',
    json.dumps({"language": "python", "context": {"prefix": "(" * 200_000 + "]"}}),
    json.dumps({"grammar": {"kind": "json_schema", "source": {"$ref": "#/nowhere"}}}),
    json.dumps({"grammar": {"kind": "lark", "source": "start: " + "(" * 30_000}}),
]


@cache
def _start(spec: str, vocabulary: Vocabulary) -> Session:
    return Session(parse_spec(spec), vocabulary)


class Reference:
    """What our session says of a row."""

    def __init__(self, request: Request, vocabulary: Vocabulary) -> None:
        text = request if isinstance(request, str) else json.dumps(request)
        self.session = _start(text, vocabulary).fork()
        #: Nothing may come, and the engine ended the text.
        self.is_stuck = False

    def admitted(self) -> set[int]:
        words = allocate(1, self.session.vocabulary.size)
        self.session.mask(words)
        bits = np.unpackbits(words.view(np.uint8), bitorder="little")
        return set(np.flatnonzero(bits).tolist())


class Conformance(ABC):
    """The suite. A subclass says how its engine is made."""

    #: The tests that the engine has no hook for, each with the reason.
    cannot: ClassVar[Mapping[str, str]] = {}
    #: The engine's page in `docs/serving/`.
    page: ClassVar[str]

    @abstractmethod
    def make(self, setup: Setup) -> Engine: ...

    @pytest.fixture
    def engine(self, request: pytest.FixtureRequest) -> Engine:
        return self.make(PLAIN)

    @pytest.fixture(autouse=True)
    def declared(self, request: pytest.FixtureRequest) -> None:
        reason = self.cannot.get(request.node.originalname)
        if reason is not None:
            pytest.skip(f"declared: {reason}")

    def test_what_it_cannot_do_is_on_its_page(self) -> None:
        text = (Path(__file__).parents[2] / "docs/serving" / self.page).read_text()
        page = " ".join(text.split("## Not supported")[1].split())
        for name, reason in self.cannot.items():
            assert callable(getattr(self, name, None)), f"the suite has no {name}"
            assert reason in page, f"{self.page} does not say: {reason}"

    @pytest.mark.parametrize(("spec", "text"), TEXTS)
    def test_masks_are_the_sessions(
        self, engine: Engine, spec: Mapping[str, Any], text: bytes
    ) -> None:
        """A text to its end: at each token the engine's mask is the session's."""
        batch, reference = engine.start([spec]), Reference(spec, engine.vocabulary)
        for token in [*engine.vocabulary.encode(text), engine.vocabulary.eos[0]]:
            (admitted,) = batch.admitted()
            assert admitted == reference.admitted()
            assert token in admitted
            reference.session.accept(token)
            batch.step([token])
        assert reference.session.is_finished

    def test_eos_is_admitted_where_the_text_may_end(self, engine: Engine) -> None:
        batch = engine.start([WORDS])
        (end,) = engine.vocabulary.eos
        for token in engine.vocabulary.encode(b"abe"):
            assert end not in batch.admitted()[0]
            batch.step([token])
        assert batch.admitted() == [{end}]

    def test_padding_is_never_admitted(self, engine: Engine) -> None:
        """Neither the columns past the tokenizer nor its special tokens."""
        batch = engine.start([PYTHON])
        assert batch.admitted()[0] <= set(range(300))
        batch.step(engine.vocabulary.encode(b"pass")[:1])
        assert batch.admitted()[0] <= set(range(301))

    def test_several_tokens_end_a_text(self) -> None:
        engine = self.make(TWO_ENDS)
        for end in TWO_ENDS.eos:
            batch = engine.start([WORDS])
            assert not batch.admitted()[0] & set(TWO_ENDS.eos)
            batch.step(engine.vocabulary.encode(b"e"))
            assert batch.admitted() == [set(TWO_ENDS.eos)]
            batch.step([end])

    def test_steps_are_taken_back(self, engine: Engine) -> None:
        batch, reference = engine.start([PYTHON]), Reference(PYTHON, engine.vocabulary)
        session = reference.session

        def step(text: bytes) -> None:
            for token in engine.vocabulary.encode(text):
                assert batch.admitted() == [reference.admitted()]
                batch.step([token])
                session.accept(token)

        step(b"x = (1 + 2)")
        for count in (1, 3, 2):
            batch.take_back(count)
            session.rollback(count)
            # Something else comes there.
            step(b"12")
        batch.take_back(session.statistics.accepted - session.statistics.rolled_back)
        assert batch.admitted() == [Reference(PYTHON, engine.vocabulary).admitted()]

    def test_rows_are_copied(self, engine: Engine) -> None:
        """A beam is doubled and both go their own ways."""
        a, b, c, d, e = (_one(engine, bytes([letter])) for letter in b"abcde")
        batch = engine.start([WORDS, WORDS])
        batch.admitted()
        batch.step([a, c])
        batch.copy_row(0, 1)
        first, second = batch.admitted()
        assert first == second == {b}
        batch.step([b, b])
        batch.admitted()
        batch.step([c, e])
        assert batch.admitted() == [{d}, set(engine.vocabulary.eos)]

    def test_what_must_come_is_not_sampled(self, engine: Engine) -> None:
        batch = engine.start([ACCENT])
        batch.step(engine.vocabulary.encode(b"x"))
        assert batch.jump(0) == "yz é".encode()
        assert batch.admitted() == [{_one(engine, b"0"), _one(engine, b"1")}]
        assert batch.jump(0) == b""

    def test_a_batch_of_many_kinds(self, engine: Engine) -> None:
        walk(engine, [PYTHON, SCHEMA, WORDS, ZIG, LINE], random.Random(5), steps=25)

    def test_rows_without_a_constraint_are_free(self, engine: Engine) -> None:
        batch = engine.start([None, WORDS, None])
        for token in engine.vocabulary.encode(b"cde"):
            first, second, third = batch.admitted()
            assert set(range(300)) <= first & third
            assert token in second
            assert len(second) < 5
            batch.step([1, token, 2])

    @pytest.mark.parametrize(("spec", "message"), BAD)
    def test_a_bad_request_is_its_own_error(
        self, engine: Engine, spec: Request, message: str
    ) -> None:
        with pytest.raises(Refused) as refused:
            engine.start([WORDS, spec])
        assert message in str(refused.value)
        assert refused.value.row == 1
        walk(engine, [WORDS], random.Random(1), steps=5)

    @pytest.mark.parametrize("spec", HOSTILE, ids=range(len(HOSTILE)))
    def test_a_hostile_request_is_its_own_error(self, engine: Engine, spec: str) -> None:
        began = time.monotonic()
        with pytest.raises(Refused) as refused:
            engine.start([spec])
        assert len(str(refused.value)) < 2_000
        # Not a measure: what would not end shows.
        assert time.monotonic() - began < 60
        walk(engine, [WORDS], random.Random(1), steps=5)

    def test_an_aborted_request_leaves_the_others(self, engine: Engine) -> None:
        batch = engine.start([PYTHON, WORDS, SCHEMA])
        references = [Reference(spec, engine.vocabulary) for spec in (PYTHON, WORDS, SCHEMA)]
        draw = random.Random(3)
        advance(batch, references, draw, steps=4)
        batch.replace(1, ZIG)
        references[1] = Reference(ZIG, engine.vocabulary)
        advance(batch, references, draw, steps=4)
        batch.replace(0, WORDS)
        batch.replace(2, PYTHON)
        references[0] = Reference(WORDS, engine.vocabulary)
        references[2] = Reference(PYTHON, engine.vocabulary)
        advance(batch, references, draw, steps=8)

    def test_where_nothing_may_come_the_text_ends(self, engine: Engine) -> None:
        batch = engine.start([DEAD_END, WORDS])
        a, x = _one(engine, b"a"), _one(engine, b"x")
        assert batch.admitted()[0] == {x}
        batch.step([x, a])
        first, second = batch.admitted()
        assert first == set(engine.vocabulary.eos)
        assert second == {_one(engine, b"b")}
        batch.step([engine.vocabulary.eos[0], *second])
        assert _one(engine, b"c") in batch.admitted()[1]

    def test_a_grammar_that_is_given_up_ends_its_own_text(self, engine: Engine) -> None:
        batch, reference = engine.start([GIVEN_UP, PYTHON]), Reference(PYTHON, engine.vocabulary)
        ends, draw = set(engine.vocabulary.eos), random.Random(1)
        for _ in range(400):
            first, second = batch.admitted()
            assert second == reference.admitted()
            if first == ends:
                break
            token = min(second - ends)
            reference.session.accept(token)
            batch.step([draw.choice([_one(engine, b"a"), _one(engine, b"b")]), token])
        assert first == ends

    def test_a_fault_in_a_mask_ends_its_own_text(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batch = engine.start([TYPED, WORDS])
        batch.admitted()
        batch.step([_one(engine, b"x"), _one(engine, b"a")])
        monkeypatch.setattr(MeaningState, "narrow", _fail)
        assert batch.admitted() == [set(engine.vocabulary.eos), {_one(engine, b"b")}]
        batch.step([engine.vocabulary.eos[0], _one(engine, b"b")])
        assert _one(engine, b"c") in batch.admitted()[1]

    def test_a_fault_in_a_token_ends_its_own_text(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is aborted, or nothing but the end may follow."""
        batch = engine.start([TYPED, WORDS])
        assert _one(engine, b"x") in batch.admitted()[0]
        monkeypatch.setattr(MeaningState, "advance", _fail)
        aborted: list[tuple[int, bool]] = []
        try:
            batch.step([_one(engine, b"x"), _one(engine, b"a")])
        except Refused as refused:
            aborted.append((refused.row, "AssertionError" in str(refused)))
        if aborted:
            assert aborted == [(0, True)]
        else:
            assert batch.admitted() == [set(engine.vocabulary.eos), {_one(engine, b"b")}]
        monkeypatch.undo()
        assert batch.admitted()[1] == {_one(engine, b"b")}

    def test_a_fault_at_the_start_is_its_own_error(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of a request as an engine compiles it; where the user does, the fault is the user's."""
        with monkeypatch.context() as patch:
            patch.setattr("ananke.session.start_judges", _fail)
            with pytest.raises((Refused, AssertionError), match="AssertionError|nobody foresaw"):
                engine.start([{**TYPED, "context": {"prefix": "def g():\n    "}}])
        walk(engine, [WORDS], random.Random(1), steps=5)

    def test_batches_of_several_threads(self, engine: Engine) -> None:
        specs: list[Request] = [PYTHON, SCHEMA, LINE, WORDS]

        def run(seed: int) -> None:
            draw = random.Random(seed)
            walk(engine, draw.sample(specs, 2), draw, steps=15)

        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(run, seed) for seed in range(16)]:
                done.result()


def _fail(*_: object, **__: object) -> None:
    raise AssertionError("nobody foresaw this")


def _one(engine: Engine, text: bytes) -> int:
    (token,) = engine.vocabulary.encode(text)
    return token


def walk(engine: Engine, specs: Sequence[Request], draw: random.Random, steps: int) -> None:
    """A batch in which every row takes random admitted tokens."""
    references = [Reference(spec, engine.vocabulary) for spec in specs]
    advance(engine.start(specs), references, draw, steps)


def advance(batch: Batch, references: Sequence[Reference], draw: random.Random, steps: int) -> None:
    """`steps` random steps, each row's mask compared; a row whose text has ended rests."""
    for _ in range(steps):
        tokens = []
        masks = batch.admitted()
        for row, (admitted, reference) in enumerate(zip(masks, references, strict=True)):
            session, ends = reference.session, set(reference.session.vocabulary.eos)
            token = min(ends)
            if not session.is_finished and not reference.is_stuck:
                expected = reference.admitted()
                reference.is_stuck = not expected
                assert admitted == (expected or ends), (row, session.text)
                # The longest text possible: EOS only where nothing else may come.
                token = draw.choice(sorted(expected - ends or ends))
                if expected:
                    session.accept(token)
            tokens.append(token)
        batch.step(tokens)
