"""What several threads share: nothing is used after it was freed, nothing is made twice."""

from __future__ import annotations

import ast
import gc
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ananke.analysis.formulas.sorts import INT
from ananke.analysis.formulas.terms import both, equal, integer, less, multiply, variable
from ananke.domains.semantics.solver import Answer, Solver
from ananke.languages.python.library.source_tree import parse_expression, parse_source
from ananke.masks import MaskError, allocate
from ananke.native import library
from ananke.parsing.classifier import Classifier, load_classifier
from ananke.parsing.grammar import load_grammar
from ananke.session import Session, mask_programs
from ananke.spec import parse_spec
from ananke.vocabulary import from_tokens

BYTES = from_tokens([*(bytes([byte]) for byte in range(256)), b""], eos=[256], name="threads")


def test_a_classifier_that_is_being_freed_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Freeing lets other threads run; one that asks for the classifier then gets a new one."""
    grammar = load_grammar("zig")
    native = library()
    found: list[Classifier] = []

    class Watched:
        def __getattr__(self, name: str) -> object:
            return getattr(native, name)

        def ananke_classifier_free(self, handle: int) -> None:
            if handle == freed:
                found.append(load_classifier(grammar, BYTES))
            native.ananke_classifier_free(handle)

    kept = load_classifier(grammar, BYTES)
    freed = kept._handle
    monkeypatch.setattr("ananke.parsing.classifier.library", Watched)
    del kept
    (other,) = found
    assert other._handle != freed
    found.clear()


class _Stop:
    """Garbage that gives other threads their turn when it is collected, and then is there anew."""

    def __init__(self, counter: list[int]) -> None:
        self.itself = self
        self.counter = counter

    def __del__(self) -> None:
        time.sleep(0)
        if self.counter[0] > 0:
            self.counter[0] -= 1
            _Stop(self.counter)


@pytest.fixture
def restless() -> Iterator[None]:
    """Within it garbage is collected all the time, and other threads come in between."""
    before = gc.get_threshold()
    gc.set_threshold(50)
    left = [2000]
    _Stop(left)
    yield
    left[0] = 0
    gc.set_threshold(*before)
    gc.collect()


def test_sources_are_parsed_by_several_threads(restless: None) -> None:
    text = "\n".join(
        f"def f{at}(a: int = {at}) -> list[int]: return [a, (a + {at}) * 2]" for at in range(200)
    )
    expected = ast.dump(ast.parse(text))

    def parse(_: int) -> str:
        return ast.dump(parse_source(text))

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(parse, range(40))) == {expected}


def test_parsing_is_tried_again_where_another_thread_came_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parse, tries = ast.parse, []

    def disturbed(text: str, mode: str) -> ast.AST:
        tries.append(text)
        if len(tries) < 3:
            raise SystemError("AST constructor recursion depth mismatch (before=2, after=1)")
        return parse(text, mode=mode)

    monkeypatch.setattr(ast, "parse", disturbed)
    assert isinstance(parse_expression("a + b"), ast.BinOp)
    assert len(tries) == 3


def test_equal_formulas_of_several_threads_are_one(restless: None) -> None:
    """Each thread makes the same terms at the same moment."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    barrier = threading.Barrier(4)

    def make(_: int) -> list[object]:
        terms: list[object] = []
        for at in range(300):
            if at % 50 == 0:
                barrier.wait()
            terms += [integer(1_000_000 + at), variable(f"thread {at}", INT)]
        return terms

    try:
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(make, range(4)))
    finally:
        sys.setswitchinterval(interval)
    for same in zip(*made, strict=True):
        assert len({id(one) for one in same}) == 1


def test_few_of_z3s_contexts_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each holds 16 MB: however many sessions have asked, and from however many threads."""
    import z3

    monkeypatch.setattr("ananke.domains.semantics.solver._CONTEXTS_KEPT", 5)

    def ask(number: int) -> tuple[Answer, Answer]:
        n = variable("n", INT)
        square = equal(multiply(n, n), integer((number + 50) ** 2))
        positive = less(integer(0), n)
        asked = Solver()
        kept.append(asked)
        found, values = asked.find(both(square, positive))
        assert values == {"n": number + 50}
        # A later question of the same solver, whose context may be gone by then.
        return found, asked.find(both(square, equal(n, integer(7))))[0]

    kept: list[Solver] = []
    gc.collect()
    before = sum(isinstance(one, z3.Context) for one in gc.get_objects())
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(40))) == {(Answer.SOME, Answer.NONE)}
    gc.collect()
    assert sum(isinstance(one, z3.Context) for one in gc.get_objects()) - before <= 5
    assert kept[0].find(less(variable("n", INT), integer(-100)))[0] is Answer.SOME


_TEXTS = {
    "python": b"def f(a):\n    if a:\n        return [a, 'x'][0]\n    return a\n",
    "typescript": b"function f(a: number) {\n  return `x${a + 1}`;\n}\n",
    "go": b"package p\n\nfunc f(a int) int {\n\tx := a\n\treturn x\n}\n",
}


def _sessions(suffix: str | None = None) -> list[Session]:
    """A session after each byte of each text, those of the languages mixed."""
    found: list[tuple[int, Session]] = []
    for language, text in _TEXTS.items():
        context = {} if suffix is None else {"suffix": suffix}
        session = Session(parse_spec({"language": language, "context": context}), BYTES)
        for at, byte in enumerate(text):
            found.append((at, session.fork()))
            session.accept(byte)
    return [session for _, session in sorted(found, key=lambda one: one[0])]


@pytest.mark.parametrize("suffix", [None, "\n"])
def test_masks_of_a_batch_are_those_of_its_rows(suffix: str | None) -> None:
    sessions = _sessions(suffix)
    expected = allocate(len(sessions), BYTES.size)
    for row, session in enumerate(sessions):
        session.fork().mask(expected, row)
    # First as nothing is known of these states, then as all is.
    for _ in range(2):
        rows = allocate(len(sessions) + 1, BYTES.size)
        places = list(range(1, len(sessions) + 1))
        has_token = mask_programs([one.fork() for one in sessions], rows, places)
        assert np.array_equal(rows[1:], expected)
        assert not rows[0].any()
        assert has_token == expected.any(axis=1).tolist()
        assert all(has_token)


def test_a_session_that_asks_more_than_a_grammar_is_no_part_of_a_batch() -> None:
    rows = allocate(1, BYTES.size)
    user = Session(parse_spec({"grammar": {"kind": "regex", "source": "a*"}}), BYTES)
    assert not user.is_program_alone
    with pytest.raises(ValueError, match="more to ask"):
        mask_programs([user], rows, [0])
    with pytest.raises(MaskError, match="no row 1"):
        mask_programs(_sessions()[:1], rows, [1])


def test_batches_are_filled_while_others_change_what_they_read() -> None:
    """Some threads fill batches of known states, others feed text that is new to the grammars."""
    sessions = _sessions()
    expected = allocate(len(sessions), BYTES.size)
    mask_programs(sessions, expected, range(len(sessions)))

    def fill(_: int) -> bool:
        rows = allocate(len(sessions), BYTES.size)
        mask_programs([one.fork() for one in sessions], rows, range(len(sessions)))
        return bool(np.array_equal(rows, expected))

    def write(number: int) -> bool:
        spec = parse_spec({"language": "python"})
        session = Session(spec, BYTES)
        row = allocate(1, BYTES.size)
        for at in range(12):
            for byte in b"v%d_%d = [%s]\n" % (number, at, b"(" * at + b"1" + b")" * at):
                session.mask(row)
                session.accept(byte)
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(lambda number: (fill, write)[number % 2](number), range(24)))
