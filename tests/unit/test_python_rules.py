"""Rules of Python's meaning over the real standard library: programs as people write them.

What is right must be taken at every byte; what is wrong must be found by the end. Each program
was refused or taken wrongly once, in a file or a mutant of the evaluations.
"""

from __future__ import annotations

import pytest

from ananke.languages.python.library import PythonLibrary, open_library
from ananke.languages.python.meaning.context import Program
from ananke.languages.python.meaning.program import judge
from ananke.parsing import load_grammar


@pytest.fixture(scope="module")
def library() -> PythonLibrary:
    return open_library(version=(3, 11), platform="linux")


RIGHT = {
    "a comprehension takes a variable's name for its own": """
s = 3
x = ["a"]
y = [None if s is None else s.encode() for s in x]
print(any(s.upper() for s in x))
z = {s.upper(): (1, s.upper()) for s in x}
w = [f(1) for f in [int, str]]
v = {k: n.real for k, n in {1: 2}.items()}
""",
    "names that are bound in time": """
def f(a, b: bool):
    while a:
        if b:
            print(x)
        x = 1
    y = z if (z := a) else 0
    def g():
        return later
    later = 3
    try:
        print(w)
    except NameError:
        w = 1
    for xs in a:
        pass
    return g, y
""",
    "a name that goes on": "def f(a):\n    print(g_)\n    g_1 = a\n    return g_1\ng_ = 1\n",
    "names in quotes": """
from typing import TypeVar
T = TypeVar("T", bound="A")
def f(x: "A", y: list["B"]) -> "A":
    return x
class A:
    def g(self, b: "C") -> "B": ...
    class C: ...
class B: ...
""",
    "dataclasses and named tuples are made by their fields": """
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple
@dataclass
class A:
    a: int
    kind: ClassVar[str] = ""
    b: list[int] = field(default_factory=list)
@dataclass
class B(A):
    c: str = ""
    def again(self): return B(self.a, self.b, c=self.c)
A(1)
B(1, [2], "c")
class P(NamedTuple):
    x: int
    y: int = 0
    def moved(self) -> "P": return P(self.x + 1, y=self.y)
first, second = P(1)
P(1, 2)._replace(x=3)._asdict()
""",
    "what a TypedDict gives depends on the key": """
from typing import Optional, TypedDict
class A(TypedDict):
    client: Optional[tuple[str, int]]
def f(a: A):
    client = a.get("client")
    return (client[0], client[1]) if client else ""
""",
    "private modules of the standard library": """
import _strptime
from email._parseaddr import quote
""",
    "keywords of a class": """
import abc
from typing import TypedDict
class A(metaclass=abc.ABCMeta): pass
class B(TypedDict, total=False):
    a: int
class C(A, **{}): pass
""",
    "what a dataclass takes and doesn't keep": """
from dataclasses import dataclass, InitVar
@dataclass
class A:
    encoding: InitVar[str] = "utf-8"
A("utf-16")
""",
    "values that are given later": """
class P:
    def __init__(self):
        self.first = [None, None]
        self.last = self.first
    def next(self):
        found = self.first[1][0]
        self.first[1] = self.first[1][1]
        return found
""",
    "a method that doesn't come back, named in quotes": """
import typing_extensions as te
class A:
    def fail(self) -> "te.NoReturn":
        raise ValueError
    def f(self, x) -> int:
        if x:
            return 1
        self.fail()
""",
    "a header is not what it was set to": """
from email.message import EmailMessage
def f(value: str):
    m = EmailMessage()
    m["content-type"] = value
    return m["content-type"].defects
""",
    "a truth value that tests rule out": """
def ask(text: str): return text
def f(again: bool | str = False):
    if again is True:
        again = "again"
    if not again:
        return ""
    return ask(again)
""",
    "a method of one of two definitions": """
import os
class A:
    if os.name != "nt":
        def close(self, unlink=os.unlink): unlink("a")
    else:
        def close(self): pass
class B:
    def __init__(self): self.a = A()
    def close(self): self.a.close()
""",
    "a class's method under another name": """
from multiprocessing import reduction
reduction.register(int, lambda one: (int, (one,)))
""",
    "what a class declares later": """
class A:
    def f(self) -> int:
        return self.n + self.g()
    def g(self) -> int:
        self.m = None
        return 1
    def h(self):
        if self.m is not None:
            self.m.anything()
        self.n = 3
""",
    "aliases by statement, generic and recursive": """
type Number = int | float
type Rows[T] = list[T]
type Nested = int | list[Nested]
a: Number = 3
b: Rows[int] = [a]
c: Nested = [3]
""",
    "a keyword begins the name that is bound": "x = (1, return_value := 2)\n",
    "a letter of several bytes begins the name that is bound": "x = (1, é := 2)\n",
    "a condition that follows narrows None away": """
def f(x: str | None) -> int:
    return int(x) if x is not None else 0
""",
    "a condition that follows narrows a union": """
def f(x: str | bytes):
    return x.encode() if isinstance(x, str) else x
""",
    "a condition that follows narrows to a subclass": """
class A: pass
class B(A):
    y: int = 1
def f(x: A):
    return x.y if isinstance(x, B) else 0
""",
    "operands, arguments and values of displays are narrowed later": """
from typing import Optional
def f(x: Optional[int], d: dict[str, int]):
    y = d["a"] + x if x is not None else 3
    print(x + 1 if x else 2)
    g = {"a": x + 1 if x else 2}
    return len(str(x + y)) + 1 if x else g
""",
    "tuples are ordered": "x = (10, 3) >= (10, 4)\n",
    "a member of an enum ends what is left": """
from enum import Enum, auto
from typing_extensions import assert_never
class A(Enum):
    X = auto()
    Y = auto()
    @property
    def q(self) -> int:
        if self is A.X:
            return 1
        elif self is A.Y:
            return 2
        else:
            assert_never(self)
""",
    "code for another platform is not judged": """
import sys
if sys.platform == "win32":
    import winreg
    winreg.OpenKey(1, 2, 3, 4, 5, 6, 7)
else:
    x = 1
print(x)
""",
    "a display takes the type that is expected": """
from collections.abc import Mapping, Sequence
a: list[int | str] = [1]
b: dict[str, object] = {"a": 1}
c: Mapping[str, Sequence[float]] = {"a": [1, 2]}
d: tuple[list[object], int] = ([1], 2)
""",
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_is_taken_at_every_byte(case: str, library: PythonLibrary) -> None:
    text = RIGHT[case].encode()
    program = Program(library)
    state = load_grammar("python").start()
    for at in range(len(text)):
        after = state.feed(text[at : at + 1])
        assert after is not None, f"the grammar refuses {text[: at + 1]!r}"
        state = after
        assert judge(program, state).defects == (), text[: at + 1].decode()
    judgement = judge(program, state, at_end=True)
    assert judgement.defects == ()
    assert judgement.owed == ()


WRONG = {
    "a use before the name is bound": (
        "def f(a):\n    print(x)\n    x = a\n",
        "`x` is used before it is bound",
    ),
    "a use before a loop that binds the name": (
        "def f(a):\n    print(x)\n    for x in a: pass\n",
        "`x` is used before it is bound",
    ),
    "what is assigned to an attribute, once the class is finished": (
        "class A:\n    def f(self):\n        self.n.upper()\n    def g(self): self.n = 3\n",
        "`int` has no attribute `upper`",
    ),
    "a field of another type": (
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    a: int\nA('x')\n",
        "not what the parameter `a` takes",
    ),
    "a missing field": (
        "from typing import NamedTuple\nclass A(NamedTuple):\n    a: int\nA()\n",
        "missing argument `a`",
    ),
    "a member of a named tuple": (
        "from typing import NamedTuple\nclass A(NamedTuple):\n    a: int\nA(1).b\n",
        "`A` has no attribute `b`",
    ),
    "a name of the stubs of builtins": (
        "x = _LiteralInteger\n",
        "`_LiteralInteger` is not defined",
    ),
    "what a module's file is": ("x = 'a' * __file__\n", "`*`"),
    "a number in the place of a type": ("def f(a):\n    a: 0\n", "`0` is no type"),
    "a call in the place of a type": ("def f() -> tuple[object()]: ...\n", "a call is no type"),
    "the type behind a name in quotes": (
        "class A: ...\ndef f() -> 'A':\n    return 1\n",
        "`f` returns `A`",
    ),
    "an argument of another class": ("int([1])\n", "takes"),
    "a settled value can't be narrowed": (
        "x = 'a'\ny = x + 1 if x else 2\n",
        "`+` is not defined",
    ),
    "what no member of a union takes": (
        "def f(x: list[int] | None):\n    return x.push(1) if x else 0\n",
        "no attribute `push`",
    ),
    "type arguments of another kind": ("y = ['a']\nx: list[int] = y\n", "can't be assigned"),
    "the class in place of an instance": ("x: list[int] = list\n", "can't be assigned"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_found(case: str, library: PythonLibrary) -> None:
    text, message = WRONG[case]
    state = load_grammar("python").parse(text.encode())
    assert state is not None, "the text does not parse"
    defects = judge(Program(library), state, at_end=True).defects
    assert any(message in one.message for one in defects), defects


def test_a_package_has_the_modules_that_it_imports_from(library: PythonLibrary) -> None:
    program = Program(library, "asyncio", is_package=True)
    state = load_grammar("python").parse(b"from .events import *\nx = events.__all__\n")
    assert state is not None
    judgement = judge(program, state, at_end=True)
    assert (judgement.defects, judgement.owed) == ((), ())
