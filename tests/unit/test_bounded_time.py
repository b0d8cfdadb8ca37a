"""A token's time, domains that give way, what slips through, which places are kept.

The judges here are stand-ins that refuse some bytes and take as long as they are told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ananke import session as sessions
from ananke.domains.cost import in_order
from ananke.domains.state import Words
from ananke.masks import Budget, allocate, budget, tokens_of
from ananke.outcome import NotAdmitted, Relaxation, Slip
from ananke.parsing.state import ParseState
from ananke.session import Checkpoints, Session
from ananke.spec import parse_spec
from ananke.vocabulary import Vocabulary, from_tokens

TEXTS = [b"a", b"b", b"c", b" ", b"=", b"1", b"\n", b"("]
EOS = len(TEXTS)


def vocabulary() -> Vocabulary:
    return from_tokens([*TEXTS, b""], special=[EOS], eos=[EOS], size=EOS + 1, name="letters")


VOCABULARY = vocabulary()


class Time:
    """Stands in for the module: only judges take time."""

    now = 0

    def perf_counter_ns(self) -> int:
        return self.now


TIME = Time()


@dataclass
class Clock:
    """Says how long the judges' narrowing takes, in milliseconds, and counts their work."""

    milliseconds: int = 0
    narrowed: int = 0


@dataclass(frozen=True)
class Refusing:
    """Refuses texts that hold one of `bytes`; the text may end unless `owes`."""

    part: str
    bytes: bytes
    clock: Clock
    parse: ParseState | None = None
    owes: bool = False

    def advance(self, parse: ParseState) -> Refusing | None:
        if set(parse.text()) & set(self.bytes):
            return None
        return Refusing(self.part, self.bytes, self.clock, parse, self.owes)

    def can_end(self) -> bool:
        return not self.owes

    def forgive(self, parse: ParseState) -> Refusing | None:
        return None

    def proposals(self) -> Iterable[Any]:
        return ()

    def trial(self) -> AbstractContextManager[None]:
        return nullcontext()

    def endings(self) -> Iterable[Any]:
        return ()

    def narrow(self, words: Words, deadline: int | None = None) -> bool:
        self.clock.narrowed += 1
        TIME.now += self.clock.milliseconds * 1_000_000
        for token, text in enumerate(TEXTS):
            if set(text) & set(self.bytes):
                words[token // 32] &= ~(1 << token % 32)
        if self.owes:
            words[EOS // 32] &= ~(1 << EOS % 32)
        return True

    def refusal(self, parse: ParseState) -> str:
        return f"{self.part} refuses {parse.text()!r}"

    def end_refusal(self) -> str:
        return f"{self.part} owes"


Start = Callable[..., Session]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    def started(*judges: Refusing, checkpoints: Checkpoints | None = None, **spec: Any) -> Session:
        monkeypatch.setattr(sessions, "start_judges", lambda *_, **__: judges)
        monkeypatch.setattr(sessions, "time", TIME)
        monkeypatch.setattr(budget, "time", TIME)
        request = parse_spec({"language": "python", **spec})
        return Session(request, VOCABULARY, checkpoints or Checkpoints())

    return started


def admitted(session: Session) -> bytes:
    """The letters admitted; `$` is EOS."""
    words = allocate(1, VOCABULARY.size)
    session.mask(words)
    found = tokens_of(words[0]).tolist()
    return b"".join([*TEXTS, b"$"][token] for token in found)


def token(letter: bytes) -> int:
    return TEXTS.index(letter)


def test_without_a_budget_nothing_is_left_out(start: Start) -> None:
    clock = Clock(2)
    session = start(Refusing("types", b"b", clock))
    assert b"b" not in admitted(session)
    with pytest.raises(NotAdmitted, match="types refuses"):
        session.accept(token(b"b"))
    assert session.statistics.skipped == {}
    assert session.violations == ()


def test_over_budget_a_judge_is_skipped_counted_and_caught_up_with(start: Start) -> None:
    clock = Clock(20)
    types, semantics = Refusing("types", b"b", clock), Refusing("semantics", b"c", clock)
    session = start(types, semantics, budgets={"token_microseconds": 10_000})
    assert set(b"bc") & set(admitted(session)) == set(b"c"), "types used up the time"
    session.accept(token(b"a"))
    # Now types are expected to take too long, and nothing is known of semantics.
    assert set(b"bc") & set(admitted(session)) == set(b"b")
    assert session.statistics.skipped == {"types": 1, "semantics": 1}
    assert session.statistics.over_budget == 2
    session.accept(token(b"b"))
    assert session.violations == (Slip("types", "budget", 1, "types refuses b'ab'"),)
    assert session.statistics.slipped == {"types": 1}
    # Out for the rest; the other judge still stands.
    assert clock.narrowed == 2
    assert set(b"bc") <= set(admitted(session))
    assert clock.narrowed == 2
    assert session.statistics.skipped == {"types": 1, "semantics": 2}
    session.accept(token(b"c"))
    assert [slip.part for slip in session.violations] == ["types", "semantics"]
    session.rollback(2)
    assert not session.violations
    assert "types was left out" in session.explain(token(b"b")).reason


def test_what_was_not_left_out_is_still_refused(start: Start) -> None:
    clock = Clock(20)
    session = start(
        Refusing("types", b"b", clock),
        Refusing("semantics", b"c", clock),
        budgets={"token_microseconds": 10_000},
    )
    admitted(session)
    with pytest.raises(NotAdmitted, match="types refuses"):
        session.accept(token(b"b"))
    fork = session.fork()
    fork.accept(token(b"c"))
    assert [slip.part for slip in fork.violations] == ["semantics"]
    session.accept(token(b"a"))
    # No mask was made here, so none left anything out.
    with pytest.raises(NotAdmitted, match="semantics refuses"):
        session.accept(token(b"c"))


@dataclass(frozen=True)
class Forgiving(Refusing):
    """Stops at its deadline, before it has judged anything; goes on after what it refuses."""

    forgiven: int = 0

    def advance(self, parse: ParseState) -> Forgiving | None:
        if sum(parse.text().count(one) for one in self.bytes) > self.forgiven:
            return None
        return replace(self, parse=parse)

    def forgive(self, parse: ParseState) -> Forgiving:
        forgiven = sum(parse.text().count(one) for one in self.bytes)
        return replace(self, parse=parse, forgiven=forgiven)

    def narrow(self, words: Words, deadline: int | None = None) -> bool:
        self.clock.narrowed += 1
        if deadline is not None:
            TIME.now = max(TIME.now, deadline)
            return False
        return True


def test_a_judge_that_stops_in_time_always_starts_and_goes_on_after_a_slip(start: Start) -> None:
    clock = Clock()
    session = start(Forgiving("types", b"b", clock), budgets={"token_microseconds": 10_000})
    for at in range(1, 4):
        admitted(session)
        session.accept(token(b"b"))
        assert clock.narrowed == at
        assert len(session.violations) == at
    assert session.statistics.cut_short == {"types": 3}
    assert session.statistics.skipped == {}
    session.accept(token(b"a"))
    with pytest.raises(NotAdmitted, match="types refuses"):
        # It was not left out here.
        session.accept(token(b"b"))


def test_an_end_may_slip_through(start: Start) -> None:
    session = start(
        Refusing("types", b"", Clock(20), owes=True),
        Refusing("semantics", b"", Clock(20), owes=True),
        budgets={"token_microseconds": 10_000},
    )
    admitted(session)
    with pytest.raises(NotAdmitted, match="types owes"):
        session.accept(EOS)
    for _ in range(2):
        session.accept(token(b"a"))
        admitted(session)
    assert b"$" in admitted(session)
    session.accept(EOS)
    assert session.is_finished
    assert {slip.reason for slip in session.violations} == {"types owes", "semantics owes"}
    session.accept(EOS)
    assert len(session.violations) == 2


def test_domains_take_turns_by_cost_or_as_asked() -> None:
    judges = [
        Refusing(part, b"", Clock())
        for part in ("semantics", "meaning: imports, types", "controlflow", "imports")
    ]

    def order(*first: Any) -> list[str]:
        return [judge.part.split()[-1] for judge in in_order(judges, first)]

    assert order() == ["imports", "types", "controlflow", "semantics"]
    assert order("semantics", "controlflow") == ["semantics", "controlflow", "imports", "types"]


def test_a_slow_part_is_tried_again() -> None:
    time = Budget(1_000_000_000)
    time.begin()
    time.took("part", 1_500_000_000)
    tries = 0
    while not time.admits("part"):
        tries += 1
        time.begin()
    assert 1 < tries < 10
    assert Budget(None).admits("part")


def test_domains_give_way_in_order_and_leave_a_trace(start: Start) -> None:
    everything = bytes(range(256))
    judges = [
        Refusing("imports", b"a", Clock()),
        Refusing("types", everything, Clock(), owes=True),
        Refusing("semantics", b"b", Clock()),
    ]
    session = start(*judges)
    assert admitted(session) == b""
    found = session.satisfiability()
    assert found.status == "unsat"
    assert found.reason == "types refuses every token that is left by syntax: language and imports"

    session = start(*judges, relax=["semantics", "types"])
    assert set(admitted(session)) & set(b"abc") == set(b"bc")
    assert session.relaxations == (Relaxation(0, ("types", "semantics")),)
    assert session.statistics.relaxed == {"types": 1, "semantics": 1}
    session.accept(token(b"c"))
    assert [(slip.part, slip.cause) for slip in session.violations] == [("types", "relaxation")]
    # Types are out; the others no longer give way.
    assert set(admitted(session)) & set(b"abc") == set(b"c")
    assert len(session.relaxations) == 1


def test_grammars_without_a_common_text_are_found_before_any_token() -> None:
    def status(*sources: str, prefix: str = "") -> tuple[str, bytes | None]:
        grammars = [{"kind": "regex", "source": source} for source in sources]
        spec = {"language": "python", "context": {"prefix": prefix}, "grammars": grammars}
        found = Session(parse_spec(spec), VOCABULARY).satisfiability()
        return found.status, found.witness

    assert status("a") == ("sat", b"a")
    assert status("a|b", "b|c") == ("sat", b"b")
    assert status("a", "b") == ("unsat", None)
    assert status("a(a|b)", "a(b|c)", prefix="x = ") == ("sat", b"ab")
    assert status("a =+", prefix="x = (") == ("unsat", None)
    assert status("a( a)*", "( a)*a b") == ("unsat", None)


def test_satisfiability_by_a_witness_that_the_judges_take(start: Start) -> None:
    session = start(context={"prefix": "x = ("})
    found = session.satisfiability()
    assert (found.status, found.witness) == ("sat", session.shortest_completion())
    session = start(Refusing("types", b")", Clock()), context={"prefix": "x = (a"})
    assert session.shortest_completion() is None
    assert session.satisfiability().status == "unknown"


POLICIES = st.builds(
    Checkpoints,
    every=st.integers(1, 5),
    on_change=st.booleans(),
    at_most=st.none() | st.integers(2, 6),
)
#: A step forward, by number of the admitted token, or back, by how far.
MOVES = st.lists(st.integers(0, 7) | st.integers(-6, -1), max_size=30)


@settings(max_examples=60, deadline=None)
@given(POLICIES, MOVES)
def test_checkpoints_bound_memory_and_change_nothing(policy: Checkpoints, moves: list[int]) -> None:
    spec = parse_spec(
        {"language": "python", "grammar": {"kind": "regex", "source": r"([abc1=\n (]|\n)*"}}
    )
    kept, sparse = Session(spec, VOCABULARY), Session(spec, VOCABULARY, policy)
    length = 0
    for move in moves:
        if move < 0:
            back = min(-move, length)
            kept.rollback(back)
            sparse.rollback(back)
            length -= back
        else:
            choices = admitted(kept).rstrip(b"$")
            if not choices:
                continue
            chosen = token(bytes([choices[move % len(choices)]]))
            kept.accept(chosen)
            sparse.accept(chosen)
            length += 1
        assert sparse.text == kept.text
        assert admitted(sparse) == admitted(kept)
        fork = sparse.fork()
        fork.rollback(length)
        assert admitted(fork) == admitted(Session(spec, VOCABULARY))
        held = sum(step.place is not None for step in sparse._history.steps)
        assert policy.at_most is None or held <= policy.at_most
        if not policy.on_change and policy.at_most is None:
            assert held == len({0, length, *range(0, length, policy.every)})


def test_a_place_found_again_leaves_out_what_had_slipped(start: Start) -> None:
    session = start(
        Refusing("types", b"b", Clock()),
        checkpoints=Checkpoints(every=100),
        relax=["types"],
        context={"prefix": "a = "},
        grammar={"kind": "regex", "source": "b[abc]*"},
    )
    assert admitted(session) == b"b"
    session.accept(token(b"b"))
    for _ in range(5):
        admitted(session)
        session.accept(token(b"c"))
    session.rollback(3)
    assert session.text == b"bcc"
    assert admitted(session) == b"abc$"
    assert [slip.part for slip in session.violations] == ["types"]


@pytest.mark.parametrize("wrong", [{"every": 0}, {"at_most": 1}])
def test_checkpoints_that_cannot_be_kept_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        Checkpoints(**wrong)  # type: ignore[arg-type]
