"""Reasons: the statements that a defect rests on, through imports, bindings and flow."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import pytest

from ananke import session as sessions
from ananke.analysis.tracing import Event
from ananke.domains.state import Words
from ananke.languages import get_checker
from ananke.parsing import ParseState, load_grammar
from ananke.propagation import reasons_for
from ananke.spec import parse_spec
from ananke.vocabulary import from_tokens


def told(text: str) -> list[str]:
    """The reasons for the one defect of a text, as (name, line) in order."""
    state = load_grammar("python").parse(text.encode())
    checker = get_checker("python")
    assert state is not None
    assert checker is not None
    trace: list[Event] = []
    (defect,) = checker(state, trace=trace)
    found = reasons_for(trace, defect)
    return [one.text(text.encode()).removeprefix("because ") for one in found]


def test_types_follow_from_parameters_and_bindings() -> None:
    assert told("def f(n: int):\n    a = n\n    b = a\n    return b + 'x'\n") == [
        "`b` is `int` (line 3: `b = a`)",
        "`a` is `int` (line 2: `a = n`)",
        "`n` is `int` (line 1: `def f(n: int):`)",
    ]


def test_imports_bind_names_for_types() -> None:
    (reason,) = told("import os\nfrom os import path as p\nq = p.nothing\n")
    assert reason.startswith("`p` is `module ")
    assert reason.endswith("(line 2: `from os import path as p`)")


def test_flow_narrows_types() -> None:
    text = "def f(n: int | None):\n    if n is None:\n        pass\n    else:\n        n.nothing\n"
    assert told(text) == [
        "`n` is `int` (line 2: `if n is None:`)",
        "`n` is `int | None` (line 1: `def f(n: int | None):`)",
    ]


def test_where_ways_meet_all_of_them_are_named() -> None:
    text = (
        "def f(flag: bool):\n    if flag:\n        a = 1\n    else:\n        a = 2\n    a.nothing\n"
    )
    found = told(text)
    assert found[0].startswith("`a` is ")
    assert found[0].endswith("(line 2: `if flag:`)")
    assert {line.partition("(")[2] for line in found[1:]} >= {
        "line 3: `a = 1`)",
        "line 5: `a = 2`)",
    }


def test_statements_in_a_loop_may_rest_on_each_other() -> None:
    text = (
        "def f(n: int):\n"
        "    a = 1\n"
        "    b = 2\n"
        "    while n:\n"
        "        a = b\n"
        "        b = a\n"
        "    n.nothing\n"
    )
    assert told(text)[-1].endswith("(line 1: `def f(n: int):`)")


def test_without_a_name_there_is_no_reason() -> None:
    assert told("(1).nothing\n") == []
    assert told("print(undefined_name)\n") == []


@dataclass(frozen=True)
class Strict:
    """Stands in for a domain: refuses every further line."""

    part: str

    def advance(self, parse: ParseState) -> Strict | None:
        return None if parse.text().endswith(b"'x'\n") else self

    def can_end(self) -> bool:
        return True

    def forgive(self, parse: ParseState) -> Strict | None:
        return None

    def proposals(self) -> Iterable[tuple[bytes, ...]]:
        return ()

    def trial(self) -> AbstractContextManager[None]:
        return nullcontext()

    def endings(self) -> Iterable[bytes]:
        return ()

    def narrow(self, words: Words, deadline: int | None = None) -> bool:
        return True

    def refusal(self, parse: ParseState) -> str:
        return "no"

    def end_refusal(self) -> str:
        return "no"


@pytest.mark.parametrize("part", ["meaning: types", "hole"])
def test_a_session_explains_a_refusal_by_its_reasons(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "start_judges", lambda *_, **__: (Strict(part),))
    vocabulary = from_tokens([b"\n", b" "], eos=[], size=2, name="small")
    prefix = "def f(n: int):\n    a = n\n    return a + 'x'"
    spec = parse_spec({"language": "python", "context": {"prefix": prefix}})
    session = sessions.Session(spec, vocabulary)
    found = session.explain(0)
    assert (found.admitted, found.domain) == (False, part)
    expected = (
        "because `a` is `int` (line 2: `a = n`)",
        "because `n` is `int` (line 1: `def f(n: int):`)",
    )
    assert found.because == (expected if part != "hole" else ())
    assert session.explain(1).because == ()
