"""What a spec says of the scope, and the sessions that begin in it."""

from __future__ import annotations

from typing import Any

import pytest

from ananke.masks import allocate, tokens_of
from ananke.session import NotAdmitted, Session
from ananke.spec import SpecError, parse_spec
from ananke.vocabulary import Vocabulary, from_tokens

POINT = {
    "name": "Point",
    "source": "class Point:\n    x: int\n    def move(self, by: Step) -> Pair: ...\n",
}
SCOPE: dict[str, Any] = {
    "imports": ["import json", "from os import path as p"],
    "classes": [POINT, {"name": "Step", "source": "class Step: ..."}],
    "aliases": [{"name": "Pair", "type": "tuple[int, Step]"}],
    "functions": [
        {"name": "area", "signature": "(of: Point, *, scale: float = ...) -> float"},
        {"name": "load", "signature": "() -> Iterable[Point]", "is_async": True},
    ],
    "bindings": [
        {"name": "n", "type": "int", "is_declared": True},
        {"name": "m", "type": "int"},
        {"name": "where", "type": "pathlib.Path"},
        {"name": "by_name", "type": "collections.abc.Mapping[str, Point]"},
        {"name": "points", "type": "list[Point]"},
        {"name": "pairs", "type": "list[Pair]"},
        {"name": "anything"},
    ],
}


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    words = b"n m s where foo x y zz int area points append push return break await".split()
    tokens = [*(bytes([byte]) for byte in range(256)), *words, b""]
    return from_tokens(tokens, eos=[len(tokens) - 1], name="words")


def session(vocabulary: Vocabulary, scope: dict[str, Any], prefix: str = "") -> Session:
    return Session(
        parse_spec(
            {
                "language": "python",
                "domains": ["syntax", "imports", "types", "controlflow"],
                "context": {"prefix": prefix},
                "scope": scope,
            }
        ),
        vocabulary,
    )


RIGHT = [
    "n = 3\n",
    "m = 'a'\nm.upper()\n",
    "where.parent.exists()\n",
    "by_name['a'].x.bit_length()\n",
    "points[0].move(Step())\n",
    "pairs[0][0].bit_length()\n",
    "area(points[0], scale=2.0) + 1\n",
    "json.loads(p.join('a', 'b'))\n",
    "anything.whatever(1)\n",
    "q: Pair = (1, Step())\n",
    "class More(Point):\n    y: int\nMore().x.bit_length()\n",
]
WRONG = {
    "n = 'a'\n": "can't be assigned to `n`, declared as `int`",
    "where.foo\n": "`Path` has no attribute `foo`",
    "by_name['a'].y\n": "`Point` has no attribute `y`",
    "points[0].move(3)\n": "not what the parameter `by` takes, `Step`",
    "pairs[0][0].push()\n": "`int` has no attribute `push`",
    "area(n)\n": "not what the parameter `of` takes, `Point`",
    "area(points[0], size=1)\n": "no parameter named `size`",
    "json.lods('')\n": "no attribute `lods`",
    "q: Pair = 3\n": "declared as `tuple[int, Step]`",
    "zz\n": "`zz` is not defined",
    # Types may name it, the text may not.
    "pathlib\n": "`pathlib` is not defined",
    "Iterable\n": "`Iterable` is not defined",
    "return 1\n": "`return` outside a function",
    "break\n": "`break` outside a loop",
}


@pytest.mark.parametrize("text", RIGHT)
def test_what_fits_the_scope(vocabulary: Vocabulary, text: str) -> None:
    one = session(vocabulary, SCOPE)
    one.accept_text(text.encode())
    assert one.explain(vocabulary.eos[0]).admitted


@pytest.mark.parametrize(("text", "message"), WRONG.items())
def test_what_does_not(vocabulary: Vocabulary, text: str, message: str) -> None:
    with pytest.raises(NotAdmitted) as refused:
        session(vocabulary, SCOPE).accept_text(text.encode())
    assert message in str(refused.value)


INSIDE: dict[str, Any] = SCOPE | {
    "bindings": [*SCOPE["bindings"], {"name": "self", "type": "Point"}],
    "inside": {
        "function": "Point.load",
        "is_async": True,
        "result": "int",
        "receiver": "self",
        "loops": 1,
    },
}


@pytest.mark.parametrize(
    "text",
    ["return n\n", "break\n", "await load()\n", "self.y = 1\n", "return self.x\n", "global k\n"],
)
def test_inside_a_function(vocabulary: Vocabulary, text: str) -> None:
    session(vocabulary, INSIDE).accept_text(text.encode())


@pytest.mark.parametrize(
    ("change", "text", "message"),
    [
        ({}, "return 'a'\n", "`load` returns `int`, not `Literal['a']`"),
        ({"loops": 0}, "break\n", "`break` outside a loop"),
        ({"is_async": False}, "await load()\n", "`await` outside an async function"),
        ({"receiver": None}, "self.y = 1\n", "`Point` has no attribute `y`"),
    ],
)
def test_what_may_not_stand_there(
    vocabulary: Vocabulary, change: dict[str, Any], text: str, message: str
) -> None:
    scope = INSIDE | {"inside": INSIDE["inside"] | change}
    with pytest.raises(NotAdmitted) as refused:
        session(vocabulary, scope).accept_text(text.encode())
    assert message in str(refused.value)


def test_names_of_a_function_may_come_later_but_must_come(vocabulary: Vocabulary) -> None:
    one = session(vocabulary, INSIDE)
    one.accept_text(b"zz()\n")
    assert "`zz` is not defined" in one.explain(vocabulary.eos[0]).reason


WHOLE = {
    "bindings": [{"name": "n", "type": "int"}, {"name": "s", "type": "str"}],
    "expects": "int",
}


def test_the_whole_is_an_expression_of_a_type(vocabulary: Vocabulary) -> None:
    eos = vocabulary.eos[0]
    one = session(vocabulary, WHOLE)
    assert "an expression of type `int` is due" in one.explain(eos).reason
    one.accept_text(b"s")
    assert "`str` is not the `int` that is due" in one.explain(eos).reason
    for refused in (b"\n", b" = 3", b",n\n", b"z"):
        with pytest.raises(NotAdmitted):
            one.fork().accept_text(refused)
    one.accept_text(b".count('x')")
    assert one.explain(eos).admitted
    one.accept_text(b"\n")
    with pytest.raises(NotAdmitted, match="one expression of type `int` is due"):
        one.accept_text(b"n")


@pytest.mark.parametrize("prefix", ["", "s", "s.count(", "[n for n in ", "(s, ", "n if n"])
def test_masks_under_an_expected_type(vocabulary: Vocabulary, prefix: str) -> None:
    one = session(vocabulary, WHOLE, prefix)
    rows = allocate(1, vocabulary.size)
    one.mask(rows)
    mask = set(tokens_of(rows[0]).tolist())
    for token in range(vocabulary.size):
        assert (token in mask) == one.explain(token).admitted, vocabulary.token_bytes(token)


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "bindings[1].type": (
        {"bindings": [{"name": "a", "type": "int"}, {"name": "b", "type": "list["}]},
        "'list[' is no type expression",
    ),
    "bindings[0].type": (
        {"bindings": [{"name": "a", "type": "int\nimport os"}]},
        "is no type expression",
    ),
    "aliases[0].type": ({"aliases": [{"name": "A", "type": "Nope"}]}, "`Nope` is not defined"),
    "inside.result": ({"inside": {"function": "f", "result": "Nope"}}, "`Nope` is not defined"),
    "expects": ({"expects": "1 +"}, "'1 +' is no type expression"),
    "imports[0]": ({"imports": ["from json import lods"]}, "`json` does not export `lods`"),
    "imports[1]": ({"imports": ["import os", "x = 1"]}, "'x = 1' is no import statement"),
    "classes[0].source": (
        {"classes": [{"name": "A", "source": "class B: ..."}]},
        "must declare `A` and nothing else: 'class B: ...'",
    ),
    "functions[0].signature": (
        {"functions": [{"name": "f", "signature": "(): ...\nimport os\ndef g()"}]},
        "is no function definition",
    ),
}


@pytest.mark.parametrize("place", BROKEN)
def test_what_can_not_be_read_is_named(vocabulary: Vocabulary, place: str) -> None:
    scope, problem = BROKEN[place]
    with pytest.raises(SpecError) as refused:
        session(vocabulary, scope)
    assert refused.value.path == f"spec.scope.{place}"
    assert problem in refused.value.problem


def test_a_hostile_type_is_refused_and_does_no_harm(vocabulary: Vocabulary) -> None:
    deep = "list[" * 600 + "int" + "]" * 600
    for type_ in (deep, "[" * 4000, "x" * 4000):
        with pytest.raises(SpecError) as refused:
            session(vocabulary, {"bindings": [{"name": "a", "type": type_}]})
        assert refused.value.path == "spec.scope.bindings[0].type"
