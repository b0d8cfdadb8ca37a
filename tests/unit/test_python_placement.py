"""What Python's compiler refuses that its grammar takes: we find the same, and nothing else."""

from __future__ import annotations

import pytest

from ananke.languages.python.library import PythonLibrary, open_library
from ananke.languages.python.meaning.context import Program
from ananke.languages.python.meaning.program import judge
from ananke.parsing.grammar import load_grammar


@pytest.fixture(scope="module")
def library() -> PythonLibrary:
    return open_library(version=(3, 11), platform="linux")


#: Bodies of `def f(a, b, s)`.
WRONG = [
    "x = *s",
    "*x = s",
    "for *x in s: pass",
    "for x in *s: pass",
    "x = 1 if a else *s",
    "x = lambda: *s",
    "x = {1: *s}",
    "x = (*s)",
    "x = [*s for i in s]",
    "x = s[1:*s]",
    "*s",
    "return *s",
    "yield *s",
    "raise *s",
    "assert *s",
    "if *s: pass",
    "if a: pass\n    elif *s: pass",
    "print(**a, *s)",
    "del (a, 1)",
    "del ~a",
    "global a",
    "nonlocal b",
    "nonlocal n",
    "n = 1\n    global n",
    "from os import *",
    "x = lambda *: 1",
    "x = lambda *a, *b: 1",
    "x = lambda a, a: 1",
    "def g(a, a): pass",
    "def g(*, **k): pass",
    "def g(*a, *b): pass",
    "def g((a, b)): pass",
    "def g(*a.b): pass",
    "x = lambda /: 1",
    "x = lambda **{1}.x: 1",
    'x = "\\N{no such character}"',
    'x = "\\x4"',
    'x = b"\\x4"',
    'x = "\\u12"',
    'x = b"é"',
    'x = "a" b"b"',
    "async for x in s: pass",
    "async with s: pass",
    "x = [y async for y in s]",
    "x = [i := 1 for i in s]",
    "x = [i for i in (j := s)]",
    "class C:\n        x = [j := 1 for i in s]",
    "async def g():\n        yield 1\n        return 1",
    "async def g():\n        if a: return 1\n        yield 1",
    "async def g(): yield from s",
    "x = {**not a}",
    "x = [*not s]",
    "x = [*s or b]",
    "x = {*s if a else b}",
    "x = (*a < b, 1)",
    "x = {**lambda: a}",
    "x = *s or b, 1",
    "x = a and lambda: b",
    "x = not lambda: b",
    "await (a)",
    "await",
    "x = lambda **await: 1",
    "x = lambda **async: 1",
    "x = lambda **a, b: 1",
    "async def g():\n        await -a",
    "async def g():\n        await await a",
    "__debug__ = 1",
    "for __debug__ in s: pass",
    "match a:\n        case x: pass\n        case 1: pass",
    "match a:\n        case [x, x]: pass",
    "match a:\n        case [x, C(y=x)]: pass",
]

RIGHT = [
    "x = *s, 1",
    "*x, y = s",
    "for x, *y in s: pass",
    "for *x, y in s: pass",
    "x = [y for *y, x in s]",
    "*x, y = *s, 1",
    "return *s, *s",
    "yield *s, 1",
    "x = [*s], {*s}, (*s,)",
    "x = s[*s]",
    "print(*s if a else b, *s or b, *a.b, **{}, **{})",
    "del (a, b.c), [s[0]], (b)",
    "global n\n    n = 1",
    "def g(a, /, *type, **match): pass",
    "x = lambda a=s[0], b=a.b, *c: 1",
    "def g():\n        nonlocal a\n        a = 1",
    "def g():\n        nonlocal n\n        n = 1\n    n = 2",
    "x = lambda a, *b, c, **d: 1",
    "x = lambda *, c: 1",
    "def g(a, /, b, *, c, **d): pass",
    'x = "\\N{BULLET}\\x41\\u0041\\U00000041\\d" r"\\N{x}\\x", b"\\N\\u"',
    'x = "a" r"b" "é", b"a" rb"b"',
    "async def g():\n        async for x in s: pass\n        async with a: pass\n"
    "        return [y async for y in s]",
    "x = (y async for y in s)",
    "x = [j := 1 for i in s]",
    "def g():\n        yield from s\n        return 1",
    "async def g():\n        def h(): return 1\n        if a: return\n        yield h()",
    "if __debug__: pass",
    "x = [*(s or b), *s + b], {**a.b, **(a if b else {})}, a if b else lambda: 1",
    "x = lambda: a and b, (lambda: a) and b",
    "async def g():\n        -await a ** await (await b)",
    "match a:\n        case str() | None: pass\n        case [x, y] | [y, x]: pass\n"
    "        case C(x=x): pass\n        case x if x: pass\n        case (x): pass",
]


@pytest.mark.parametrize("body", WRONG)
def test_what_the_compiler_refuses_is_found(body: str, library: PythonLibrary) -> None:
    with pytest.raises(SyntaxError):
        compile(_text(body), "", "exec")
    state = load_grammar("python").parse(_text(body).encode())
    assert state is None or judge(Program(library), state, at_end=True).defects


@pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")
@pytest.mark.parametrize("body", RIGHT)
def test_what_it_takes_is_taken_at_every_byte(body: str, library: PythonLibrary) -> None:
    text = _text(body)
    compile(text, "", "exec")
    state, program = load_grammar("python").start(), Program(library)
    for at in range(len(text.encode())):
        after = state.feed(text.encode()[at : at + 1])
        assert after is not None, text[: at + 1]
        state = after
        assert judge(program, state).defects == (), text[: at + 1]
    assert judge(program, state, at_end=True).defects == ()


def _text(body: str) -> str:
    return f"class C: pass\ndef f(a, b, s):\n    {body}\n"
