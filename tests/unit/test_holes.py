"""Typed holes: what is found, what stays inside, how fills are searched for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ananke.analysis.holes import Hole, HoleError, Region
from ananke.holes import Draft, Filled, HoleText, Limits, Task, fill, find
from ananke.languages import get_checker, get_hole_language
from ananke.masks import allocate, tokens_of
from ananke.outcome import NotAdmitted, Satisfiability
from ananke.parsing import load_grammar
from ananke.session import Session
from ananke.spec import (
    Constraint,
    ConstraintSpec,
    HoleRange,
    SpecError,
    parse_holes,
    parse_policy,
    parse_spec,
    said_in,
)
from ananke.vocabulary import Vocabulary, from_tokens

FOUND = get_hole_language("python")
assert FOUND is not None
PYTHON = FOUND


def holes_in(text: str, starts: Sequence[int] | None = None) -> list[Hole]:
    return list(PYTHON.find(text.encode(), starts=None if starts is None else frozenset(starts)))


def only(text: str) -> Hole:
    """The one hole of a text, whatever else `...` may mean there."""
    (hole,) = holes_in(text, [text.index("...")])
    return hole


@pytest.mark.parametrize(
    ("text", "kind", "type_"),
    [
        ("x: int = ...\n", "expression", "int"),
        ("x = ...\n", "expression", None),
        ("def f(a: str): pass\nf(...)\n", "argument", "str"),
        ("def f(a: str, b: float): pass\nf('', b=...)\n", "argument", "float"),
        ("def f() -> list[int]:\n    return ...\n", "expression", "list[int]"),
        ("def f(a: int) -> str:\n    ...\n", "body", "str"),
        ("def f(a: int) -> str:\n    a = 1\n    ...\n    return ''\n", "statement", None),
        ("if a:\n    ...\n", "body", None),
        ("...\n", "module", None),
        ("x = [1, (...)]\n", "expression", None),
    ],
)
def test_kind_and_expected_type(text: str, kind: str, type_: str | None) -> None:
    hole = only(text)
    assert (hole.kind.value, hole.type) == (kind, type_)
    assert text[hole.start : hole.end] == "..."


def test_the_names_in_scope_are_those_of_the_place() -> None:
    hole = only(
        "import os\n"
        "class A:\n"
        "    limit = 3\n"
        "    def f(self, n: int) -> int:\n"
        "        text = 'a'\n"
        "        g = ...\n"
        "        later = 1\n"
    )
    assert hole.inside == "A.f"
    assert list(hole.names) == [
        ("text", "Literal['a']"),
        ("n", "int"),
        ("self", "A"),
        ("A", "type[A]"),
        ("os", "module os"),
    ]


def test_what_the_language_means_by_the_sign_is_no_hole() -> None:
    text = (
        "from typing import Callable, Protocol, overload\n"
        "from abc import abstractmethod\n"
        "x: tuple[int, ...] = (1,)\n"
        "y: Callable[..., int]\n"
        "z = a[..., 0]\n"
        "class P(Protocol):\n    def f(self) -> int: ...\n"
        "class Q:\n    @abstractmethod\n    def f(self) -> int: ...\n"
        "@overload\ndef g(a: int) -> int: ...\n"
        "def h(): ...\n"
    )
    (hole,) = holes_in(text)
    assert hole.inside == "h"


def test_marked_comments_and_ranges_are_holes() -> None:
    text = b"def f(a):\n    b = a\n    # hole: sum up\n    return b + 1\n"
    marked = find(text, PYTHON, lambda text, starts: PYTHON.find(text, starts=starts))
    assert [hole.kind.value for hole in marked.holes] == ["statement"]
    assert marked.text[marked.holes[0].start :].startswith(b"...")
    begin = text.index(b"b + 1")
    ranges = parse_holes(
        {
            "holes": [
                {"start": 18, "end": 19},
                {"start": begin, "end": begin + 5, "spec": {"imports": {"allow": []}}},
            ]
        }
    )
    listed = find(text, PYTHON, lambda text, starts: PYTHON.find(text, starts=starts), ranges)
    assert [hole.kind.value for hole in listed.holes] == ["expression", "expression"]
    assert listed.text == b"def f(a):\n    b = ...\n    # hole: sum up\n    return ...\n"
    assert listed.policies[0] is None
    assert listed.policies[1] is not None


@pytest.mark.parametrize(
    ("ranges", "problem"),
    [
        ([(0, 99)], "has 8 bytes"),
        ([(1, 3)], "no program"),
        ([(0, 8)], None),
    ],
)
def test_ranges_must_be_expressions_or_statements(
    ranges: list[tuple[int, int]], problem: str | None
) -> None:
    found = [HoleRange(start=start, end=end) for start, end in ranges]
    if problem is None:
        assert find(b"import a", PYTHON, _find, found).holes
        return
    with pytest.raises(HoleError, match=problem):
        find(b"import a", PYTHON, _find, found)


def _find(text: bytes, starts: frozenset[int] | None) -> Sequence[Hole]:
    return PYTHON.find(text, starts=starts)


def test_lists_of_ranges_are_checked() -> None:
    with pytest.raises(SpecError, match=r"spec\.holes\[1\]\.start: lies before byte 5"):
        parse_holes({"holes": [{"start": 0, "end": 5}, {"start": 4, "end": 6}]})
    with pytest.raises(SpecError, match=r"spec\.holes\[0\]\.spec\.limits\.prefix_bytes"):
        parse_holes({"holes": [{"start": 0, "end": 5, "spec": {"limits": {"prefix_bytes": "x"}}}]})


TEXTS = [bytes([byte]) for byte in range(32, 127)] + [
    b"\n", b"\n    ", b"\n        ", b"a)", b"b) + (c", b"(b)", b"]\n", b"x\ny", b"'''", b"\\\n",
    b"return", b"else", b"    ", b";", b"1; y",
]  # fmt: skip
EOS = len(TEXTS)
VOCABULARY: Vocabulary = from_tokens(
    [*TEXTS, b""], special=[EOS], eos=[EOS], size=EOS + 1, name="printable"
)

#: Text with a hole, what is written there, and how much of it may be (`|`, else all).
STAYS = [
    ("x = ...\n", "1 + 2"),
    ("x = ...\n", "1 + 2|\n"),
    ("x = ...\n", "1|; y = 2"),
    ("x = ...\n", "(1,\n    2)"),
    ("x = ...\n", "'''a\nb'''"),
    ("x = ...\n", "1 \\\n + 2"),
    ("x = 1 + ...\n", "2 * 3 if a else b"),
    ("x: int = ...\n", "y |= 1"),
    ("x = ...\n", "lambda z=1: f(y=z) == 2"),
    ("f(a, ...)\n", "b|) + (c"),
    ("f(a, ...)\n", "(b)|, [c]"),
    ("f(a, ...)\n", "(b, [c])|)"),
    ("f(a, ...)\n", "b|, c"),
    ("f(a, ...)\n", "b|=c"),
    ("f(a, ...)\n", "b\n + c == d"),
    ("f(a, ...)\n", "lambda a, b: a[1:2]|, c"),
    ("f(a, ...)\n", "(lambda *a, b=1: a)"),
    ("f(a, ...)\n", "')' + \"}\""),
    ("x = [...]\n", "a for a in b if c|]"),
    ("x = {1: ...}\n", "2|, 3: 4"),
    ("x = lambda: ...\n", "a, b"),
    ("if ...:\n    pass\n", "a == b and (c)"),
    ("def f():\n    ...\n", "x = 1\n    return 2"),
    ("def f():\n    ...\n\ny = 2\n", "x = 1\n    return 2\n|x = 1"),
    ("def f():\n    x = 1\n    ...\n    y\n", "\n|z = 1"),
    ("def f():\n    x = 1\n    ...\n    y\n", "if a:\n        b\n    else:\n        c"),
    ("def f():\n    if a:\n        ...\n    y\n", "x = 1\n    |z\n"),
    ("class A:\n    def f(self):\n        ...\n", "return 1\n\n    |def g(self)"),
    ("...\n", "x = 1\n\ndef f():\n    a\nclass A: pass"),
]


@pytest.mark.parametrize(("text", "written"), STAYS)
def test_what_is_written_stays_in_the_hole(text: str, written: str) -> None:
    hole = only(text)
    good, bar, bad = written.partition("|")
    session = started(text, hole)
    assert not admits(session, EOS), "a hole isn't filled with nothing"
    feed(session, good)
    if not bar:
        session.accept(EOS)
        return
    with pytest.raises(NotAdmitted, match=r"leaves the|goes on with"):
        feed(session, bad)


def feed(session: Session, text: str) -> None:
    for letter in text:
        session.accept_text(letter.encode())


def started(text: str, hole: Hole) -> Session:
    context = {"prefix": text[: hole.start], "suffix": text[hole.end :]}
    spec = parse_spec({"language": "python", "context": context})
    return Session(spec, VOCABULARY, region=hole.region)


def admits(session: Session, token: int) -> bool:
    words = allocate(1, VOCABULARY.size)
    session.mask(words)
    return token in tokens_of(words[0]).tolist()


@pytest.mark.parametrize(("text", "written"), STAYS)
def test_the_mask_of_a_hole_is_what_may_be_fed(text: str, written: str) -> None:
    session = started(text, only(text))
    words = allocate(1, VOCABULARY.size)
    for letter in ["", *written.replace("|", "")]:
        try:
            session.accept_text(letter.encode())
        except NotAdmitted:
            break
        session.mask(words)
        fed = [token for token in range(EOS + 1) if session.explain(token).admitted]
        assert tokens_of(words[0]).tolist() == fed


class Script:
    """Writes what it is told, one after another, and notes what it was asked."""

    def __init__(self, *texts: bytes | Draft | None) -> None:
        self.texts = list(texts)
        self.asked: list[ConstraintSpec] = []

    def __call__(self, spec: ConstraintSpec, region: Region, number: int) -> Draft | None:
        assert number >= len(self.asked)
        self.asked.append(spec)
        text = self.texts.pop(0)
        return Draft(text) if isinstance(text, bytes) else text


def look(spec: ConstraintSpec, region: Region) -> Satisfiability:
    return Session(spec, VOCABULARY, region=region).satisfiability()


def filled(
    text: str,
    writer: Script,
    *,
    limits: Limits | None = None,
    request: Constraint | None = None,
    found: HoleText | None = None,
    chosen: Sequence[int] | None = None,
) -> Filled:
    checker = get_checker("python")
    assert checker is not None

    def defects(text: bytes) -> Sequence[object]:
        state = load_grammar("python").parse(text)
        assert state is not None
        return checker(state)

    said = said_in(parse_policy({"language": "python"}), "test")
    task = Task(
        PYTHON,
        said if request is None else said.meet(request),
        _find,
        look,
        defects,  # type: ignore[arg-type]
        limits or Limits(),
    )
    return fill(task, found or find(text.encode(), PYTHON, _find), writer, chosen)


TWO = "def f(a: int) -> int:\n    b = ...\n    return b + ...\n"


def test_holes_are_filled_in_order_between_what_is_known() -> None:
    writer = Script(b"a", b"1")
    result = filled(TWO, writer)
    assert result.is_complete
    assert result.text == b"def f(a: int) -> int:\n    b = a\n    return b + 1\n"
    assert [one.outcome for one in result.attempts] == ["kept", "kept"]
    first, second = (spec.context for spec in writer.asked)
    assert first.prefix.endswith("b = ")
    assert first.suffix is not None
    assert first.suffix.startswith("\n    return b + ")
    assert "..." not in first.suffix.replace('eval("...")', "")
    assert second.prefix.endswith("b = a\n    return b + ")


def test_a_fill_with_a_defect_is_tried_again() -> None:
    result = filled(TWO, Script(b"c", None, b"a", b"'x'", b"2"))
    assert result.text == b"def f(a: int) -> int:\n    b = a\n    return b + 2\n"
    outcomes = [one.outcome for one in result.attempts]
    assert outcomes[0] == "types: `c` is not defined"
    assert outcomes[1] == "could not be finished"
    assert outcomes[2] == "kept"
    assert outcomes[3] == "types: `+` is not defined for `int` and `Literal['x']`"
    assert outcomes[4] == "kept"


def test_a_fill_that_leaves_a_later_hole_nothing_is_undone() -> None:
    limits = Limits(in_a_row=2)
    writer = Script(b"'x'", b"1", b"2", b"a", b"1")
    result = filled(TWO, writer, limits=limits)
    assert result.text == b"def f(a: int) -> int:\n    b = a\n    return b + 1\n"
    outcomes = [one.outcome for one in result.attempts]
    assert outcomes[0] == "kept"
    assert outcomes[3] == "undone: a later hole could not be filled"
    assert outcomes[-2:] == ["kept", "kept"]


def test_a_hole_without_any_solution_is_seen_before_it_is_written() -> None:
    def nothing_after_b(spec: ConstraintSpec, region: Region) -> Satisfiability:
        if spec.context.prefix.endswith("b = 1\n    return b + "):
            return Satisfiability("unsat", "nothing fits 1")
        return Satisfiability("unknown", "")

    said = said_in(parse_policy({"language": "python"}), "test")
    task = Task(PYTHON, said, _find, nothing_after_b)
    result = fill(task, find(TWO.encode(), PYTHON, _find), Script(b"1", b"2", b"3"))
    assert [one.outcome for one in result.attempts] == [
        "leaves hole 2 without a solution: nothing fits 1",
        "kept",
        "kept",
    ]


def test_a_hole_fills_no_hole() -> None:
    result = filled("x = ...\n", Script(b"...", b"[...]", b"'...'"))
    assert [one.outcome for one in result.attempts] == ["leaves a hole"] * 2 + ["kept"]
    assert result.text == b"x = '...'\n"


def test_a_fill_that_had_to_be_closed_waits_for_one_that_was_ended() -> None:
    limits = Limits(in_a_row=4, in_all=30)
    closed = Draft(b"a.real", is_closed=True)
    result = filled(TWO, Script(closed, b"c", b"a", closed, b"1"), limits=limits)
    assert result.fills == (b"a", b"1")
    assert [one.outcome for one in result.attempts] == [
        "waits: it had to be closed",
        "types: `c` is not defined",
        "kept",
        "waits: it had to be closed",
        "kept",
    ]
    # Where nothing better comes it is taken, after as many as may wait.
    result = filled(TWO, Script(closed, b"c", b"c", b"c", b"1"), limits=limits)
    assert result.fills == (b"a.real", b"1")
    few = Limits(in_a_row=4, in_all=30, waiting=1)
    again = Draft(b"a.imag", is_closed=True)
    assert filled(TWO, Script(closed, again, b"1"), limits=few).fills == (b"a.imag", b"1")
    # Nor is it lost where no attempt is left.
    limits = Limits(in_a_row=4, in_all=2)
    assert filled(TWO, Script(closed, closed), limits=limits).fills == (b"a.real", None)


def test_the_search_is_bounded() -> None:
    limits = Limits(in_a_row=2, in_all=30)
    result = filled(TWO, Script(*[b"c"] * 8), limits=limits)
    # Each hole twice, and the two that were given up twice more.
    assert [one.hole for one in result.attempts] == [0, 0, 1, 1, 0, 0, 1, 1][: len(result.attempts)]
    assert len(result.attempts) == 8
    assert result.text == TWO.encode()
    result = filled(TWO, Script(b"a", *[b"c"] * 9), limits=Limits(in_a_row=9, in_all=4))
    assert len(result.attempts) == 4
    assert result.fills == (b"a", None)


def test_a_hole_that_cannot_be_filled_is_left_open_for_the_others() -> None:
    limits = Limits(in_a_row=2, in_all=30)
    result = filled(TWO, Script(b"c", b"c", b"1", b"c", b"c"), limits=limits)
    assert result.fills == (None, b"1")
    assert result.text == TWO.replace("b + ...", "b + 1").encode()


def test_one_hole_may_be_chosen() -> None:
    result = filled(TWO, Script(b"1"), chosen=[1])
    assert result.text == TWO.replace("b + ...", "b + 1").encode()


def test_what_a_hole_is_asked_for_is_met_with_the_rest() -> None:
    ranges = parse_holes({"holes": [{"start": 4, "end": 5, "spec": {"language": "go"}}]})
    found = find(b"x = 1\n", PYTHON, _find, ranges)
    with pytest.raises(SpecError, match=r"test language × holes\[0\]\.spec language"):
        filled("", Script(), found=found)
    ranges = parse_holes(
        {
            "holes": [
                {
                    "start": 4,
                    "end": 5,
                    "spec": {"grammar": {"kind": "regex", "source": "[0-9]+"}},
                }
            ]
        }
    )
    writer = Script(b"7")
    assert filled("", writer, found=find(b"x = 1\n", PYTHON, _find, ranges)).text == b"x = 7\n"
    assert writer.asked[0].grammar is not None


def test_parameters_after_a_hole_are_known_in_the_body() -> None:
    text = b"class A:\n    def f(self, a=..., *, b=None, **c):\n        print(a, b, c)\n"
    at = text.index(b"...")
    context = {"prefix": text[:at].decode(), "suffix": text[at + 3 :].decode()}
    spec = {"language": "python", "domains": ["syntax", "types"], "context": context}
    one = Session(parse_spec(spec), VOCABULARY)
    one.accept_text(b"1")
    assert one.explain(VOCABULARY.eos[0]).admitted
