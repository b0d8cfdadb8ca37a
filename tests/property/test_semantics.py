"""The semantics domain against running the programs: what it refuses goes wrong, what it has
decided goes right, and masks are what may be accepted."""

from __future__ import annotations

import random
from types import CodeType

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ananke.domains.semantics.contracts import ContractBook, read_contracts
from ananke.domains.semantics.verdicts import Breach, Judge
from ananke.languages import get_semantics
from ananke.masks import allocate, tokens_of
from ananke.parsing import load_grammar
from ananke.parsing.state import ParseState
from ananke.session import NotAdmitted, Session
from ananke.spec import SpecError, parse_spec
from ananke.vocabulary import Vocabulary, from_tokens
from tests.small_programs import Program, compiled, holds, make_program, run

SEEDS = st.integers(0, 2**32)
QUIET = [HealthCheck.too_slow]

_SEMANTICS = get_semantics("python")
assert _SEMANTICS is not None
SEMANTICS = _SEMANTICS

#: What an exception of a kind of claim is.
_RAISES = {"division": ("ZeroDivisionError",), "index": ("IndexError", "ValueError")}


def spec_of(program: Program) -> dict[str, object]:
    asked = {
        "name": "f",
        "parameters": [{"name": name, "type": type_} for name, type_ in program.parameters],
        "result": "int",
        "pre": list(program.pre),
        "post": list(program.post),
    }
    contracts = {"functions": [asked]} if program.post else {}
    return {"language": "python", "domains": ["syntax", "semantics"], "contracts": contracts}


def random_program(seed: int) -> tuple[Program, CodeType, ContractBook] | None:
    """A program and its contracts; None if Python or the types refuse it."""
    program = make_program(random.Random(seed))
    code = compiled(program)
    if code is None:
        return None
    try:
        book = read_contracts(
            parse_spec(spec_of(program)).contracts, SEMANTICS, load_grammar("python")
        )
    except SpecError:
        return None
    return program, code, book


class Reader:
    """Reads a program bit by bit, as it is written."""

    def __init__(self, book: ContractBook) -> None:
        self._book = book
        self._judge = Judge(SEMANTICS)
        self._memory = SEMANTICS.begin()

    def breaches(self, state: ParseState, at_end: bool) -> set[Breach]:
        """What the reading of the text that breaks the least breaks."""
        readings = SEMANTICS.programs(self._memory, state, at_end=at_end) or ((),)
        found = [
            {
                breach
                for one in functions
                for breach in self._judge.verdict(one, self._book.of(one.name)).breaches
            }
            for functions in readings
        ]
        return min(found, key=len)

    def is_decided(self, state: ParseState) -> bool:
        readings = SEMANTICS.programs(self._memory, state, at_end=True) or ((),)
        return all(
            self._judge.verdict(one, self._book.of(one.name)).is_decided
            for functions in readings
            for one in functions
            if one.name == "f"
        )


def is_real(program: Program, code: CodeType, breach: Breach) -> bool:
    """Whether running the program shows what is held against it."""
    if breach.witness is None:
        # Its arguments aren't all of known sorts: there is nothing to run.
        return breach.kind == "assert"
    arguments = dict(breach.witness)
    outcome = run(code, arguments)
    if outcome.kind == "endless":
        return True
    if breach.kind == "assert":
        # Of the runs that come there one is shown; others may fail before.
        return outcome.kind != "returned"
    if program.post and not all(holds(one, arguments) for one in program.pre):
        return False
    if breach.kind in _RAISES:
        return outcome.kind in _RAISES[breach.kind]
    at = int(breach.name.rpartition("[")[2].removesuffix("]"))
    names = {**arguments, "result": outcome.result}
    return outcome.kind == "returned" and not holds(program.post[at], names)


@settings(max_examples=60, deadline=None, suppress_health_check=QUIET)
@given(SEEDS, st.lists(st.floats(0, 1), max_size=4))
@example(46434887, [0.5])  # A text that has two readings there.
def test_what_is_refused_goes_wrong(seed: int, cuts: list[float]) -> None:
    found = random_program(seed)
    if found is None:
        return
    program, code, book = found
    data = program.text.encode()
    reader = Reader(book)
    for end in [*(int(one * len(data)) for one in cuts), len(data)]:
        state = load_grammar("python").start().feed(data[:end])
        assert state is not None
        for breach in reader.breaches(state, at_end=end == len(data)):
            assert is_real(program, code, breach), (program, breach)


@settings(max_examples=60, deadline=None, suppress_health_check=QUIET)
@given(SEEDS)
def test_what_is_decided_goes_right(seed: int) -> None:
    found = random_program(seed)
    if found is None:
        return
    program, code, book = found
    state = load_grammar("python").start().feed(program.text.encode())
    assert state is not None
    reader = Reader(book)
    if not program.post or reader.breaches(state, at_end=True) or not reader.is_decided(state):
        return
    rng = random.Random(seed)
    for _ in range(30):
        arguments = {name: _value(rng, type_) for name, type_ in program.parameters}
        if not all(holds(one, arguments) for one in program.pre):
            continue
        outcome = run(code, arguments)
        assert outcome.kind not in ("ZeroDivisionError", "IndexError"), (program, arguments)
        if outcome.kind == "returned":
            names = {**arguments, "result": outcome.result}
            assert all(holds(one, names) for one in program.post), (program, arguments)


def _value(rng: random.Random, type_: str) -> object:
    if type_ == "int":
        return rng.randint(-5, 8)
    if type_ == "bool":
        return rng.random() < 0.5
    if type_ == "str":
        return rng.choice(["", "a", "ab", "ba", "abc"])
    return [rng.randint(-3, 4) for _ in range(rng.randint(0, 4))]


def test_programs_of_all_kinds_are_made():
    """The properties above say something: there are breaches of each kind, and decided ones."""
    kinds: set[str] = set()
    decided = 0
    for seed in range(150):
        found = random_program(seed)
        if found is None:
            continue
        program, _, book = found
        state = load_grammar("python").start().feed(program.text.encode())
        assert state is not None
        reader = Reader(book)
        breaches = reader.breaches(state, at_end=True)
        kinds |= {one.kind for one in breaches}
        decided += not breaches and bool(program.post) and reader.is_decided(state)
    assert kinds == {"post", "assert", "division", "index"}
    assert decided > 3


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    rng = random.Random(5)
    pieces = {bytes([byte]) for byte in range(256)}
    for seed in range(40):
        data = make_program(random.Random(seed)).text.encode()
        for _ in range(20):
            at = rng.randrange(len(data))
            pieces.add(data[at : at + rng.randint(2, 7)])
    tokens = [*sorted(pieces), b""]
    return from_tokens(tokens, eos=[len(tokens) - 1], name="pieces of programs")


@settings(max_examples=12, deadline=None, suppress_health_check=QUIET)
@given(seed=SEEDS, at=st.floats(0, 1))
def test_the_mask_is_what_may_be_accepted(vocabulary: Vocabulary, seed: int, at: float) -> None:
    found = random_program(seed)
    if found is None:
        return
    program, _, _ = found
    text = program.text[: int(at * len(program.text))]
    spec = {**spec_of(program), "context": {"prefix": text}}
    one = Session(parse_spec(spec), vocabulary)
    rows = allocate(1, vocabulary.size)
    one.mask(rows)
    masked = set(tokens_of(rows[0]).tolist())
    for token in range(vocabulary.size):
        fork = one.fork()
        try:
            fork.accept(token)
        except NotAdmitted:
            assert token not in masked, (text, vocabulary.token_bytes(token))
        else:
            assert token in masked, (text, vocabulary.token_bytes(token))
