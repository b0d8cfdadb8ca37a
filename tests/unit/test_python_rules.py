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
    "a method's header doesn't know the method": """
import socket
class Factory:
    def socket(self, family: socket.AddressFamily | int = socket.AF_INET) -> int:
        return self.socket(1)
""",
    "what follows a condition that never holds is not read": """
import sys
x = sys.version_info >= (4, 0) and "".lower2()
if sys.version_info < (4, 0) or "".lower2():
    y: dict[str, int] = __annotations__
""",
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
    "words and strings after an operand": """
def f(msg: str, n: int | None, xs: list[str]) -> int:
    f(
        "a"
        f"{n}" rf"" if n else
        u"b", None, xs
    )
    if n is None or n not in (1, 2) and "x" in xs:
        return f(msg, 1 if n is not None else 2, [x for x in xs if x])
    return n
async def g(xs: list[str]):
    return [x async for x in xs_()] if xs else (x for x in xs)
async def xs_():
    yield 1
""",
    "operands of a condition in brackets": """
def f(delay: float | None, xs: list[int | None]) -> float:
    x = (1.0 + delay) if delay is not None else 2
    y = [1.0 + delay] if delay else []
    (z, *w) = (delay + 1, 2) if delay is not None else (1, 2)
    return x + len(y)
""",
    "a member that one class of several still lacks": """
class B:
    n = 1
class A:
    def f(self, other: "A | B") -> None:
        print(other.n)
    def g(self) -> None:
        self.n = 2
""",
    "Self": """
from typing import Self
class A:
    def f(self, other: Self) -> Self:
        x: Self = other
        self.f(x).h().bit_length()
        if x:
            return x.f(self)
        return self.__class__()
    def h(self) -> int:
        return 1
    @classmethod
    def make(cls) -> Self:
        return cls()
    def pair(self) -> tuple[Self, Self]:
        return self, self.make()
class B(A):
    def k(self) -> Self:
        return super().f(self)
    def m(self) -> list[Self]:
        return [self, self.make()]
B().k().f(B()).k().h().bit_length()
""",
    "classes as operands": """
import enum
class E(enum.Enum):
    A = 1
x = int | None
y = E.A in E
z = {int: 1}[int] if int == str or int != float else 0
""",
    "items of all kinds": """
import os
def f(x: dict[str, list[int]], y: list[str], z: bytearray, w: dict[str | int, object]):
    x["a"] = [1]
    x.setdefault("b", [])[0] = 2
    y[0], y[1:2] = "a", ["b"]
    z[0] = 1
    w[1] = w["b"] = None
    os.environ["a"] = "b"
    v = {}
    v["a"] = 1
    v[1] = "a"
""",
    "what is bound like a method, or isn't": """
from typing import Annotated, Any, Callable, ClassVar
sniffio: Any
try:
    import os as sniffio
except ImportError:
    sniffio = None
def f(args):
    sniffio.anything.reset(args)
    return Annotated[args]
class A:
    call: ClassVar[Callable[["A"], None]]
    def _get(self): return self._data
    def _set(self, data): self._data = data
    data = name = property(_get, _set)
    def g(self, offset):
        self.call()
        if offset < len(self.data):
            self.data = ""
        return self.data[offset:]
""",
    "displays that are assigned to what is declared": """
from typing import Awaitable, Callable, TypedDict, TypeVar
T = TypeVar("T")
Handler = Callable[[T], Awaitable[object]]
async def h(n: int): pass
class S(TypedDict):
    a: int
class A:
    def __init__(self, s: S, all: dict[str, S], handler: Handler[int]) -> None:
        self.s: S = s
        self.all = all
        self.xs: list[int | str] = []
        self.t: S | None = None
    def f(self, n: int) -> None:
        if n:
            self.s = {
                "a": n,
            }
            self.xs = [1, 2]
        self.all["a"] = {"a": 1}
        A(self.s, self.all, h)
        self.t = self.t or S(a=1)
        self.t["a"].bit_length()
        self.xs = [n] if n else []
""",
    "a method that may not return": """
from typing import NoReturn
def g(f): return f
class V:
    @g
    def fail(self) -> NoReturn: raise
def f(name: str | V | None, message: str | None = None):
    if message is None:
        if isinstance(name, V):
            name.fail()
        message = name
""",
    "what may be raised, returned, and said of types": """
from typing import Annotated, Callable, Iterator, Literal, ParamSpec, Tuple
P = ParamSpec("P")
def f(x: "int" | None, y: Callable[[int], str], z: Annotated[int, len("a")]) -> Iterator[int]:
    if x:
        return iter([1])
    elif z:
        return (n for n in [1])
    raise ValueError from None
def g(x: Literal["a", -1], y: Tuple[()], e: type[Exception] | None) -> Iterator[int]:
    if e:
        raise e
    yield 1
    return None
""",
    "displays and comprehensions of what is declared": """
import typing as t
class T(t.TypedDict): a: int
def f(x: str, y: int | None, z: t.Any) -> list[T]:
    a: list[T] = [{"a": i} for i in range(3)]
    b: dict[str, T] = {k: {"a": 1} for k in "abc"}
    c: list[list[float]] = [[1], [2.0], []]
    d: list[t.Callable[[int], int]] = [lambda v: v, abs]
    e: list[tuple[str, float]] = [("a", 1), *z]
    g: t.Mapping[str, t.Sequence[str]] = {"a": [], "b": (), **z}
    h: list[t.Literal["a", "b"]] = ["a", "b"]
    i: list[type[Exception]] = [ValueError, KeyError]
    j: list[str] = [x if y else "a", x or "b", z.a]
    k: list[str] | str = ["a"]
    l: list[list[str]] = [v.split() for v in "ab"]
    return [{"a": 1} if y else {"a": 2}]
""",
    "classes that say what stands in brackets, loops and `with`": """
import enum
class E(enum.Enum):
    A = 1
class M(type):
    def __iter__(self): return iter([1])
class N(metaclass=M): pass
class G:
    def __class_getitem__(cls, k): return cls
def f(t: type[Exception], w: BaseException | None, x: object, m: tuple[int, ...]):
    a = [e for e in E for n in N], "a" in E, E["A"], G[1], type[int], tuple[int]
    b = {(): {}}, {frozenset([1]), (1, 2), m}, {[1][0]: 1}
    try:
        raise t from w
    except ValueError as e:
        raise x
    return a, b
""",
    "a class below what a call gives": """
from collections import namedtuple as _namedtuple
class A(_namedtuple("B", "x y")):
    def f(self): return self.x
""",
    "what is cast to anything": """
import operator
from typing import Any, cast
def f(n: str) -> int:
    return operator.index(cast(Any, n))
""",
    "lazy names, generators and quoted types": """
from typing import Any, Generator, Iterable
def f(x: "list['int'] | None", a: object) -> Iterable[int] | None:
    y: "int | None" = 1
    z = (b for b in [1] for c in later(b))
    "a" in "b", b"a" in b"c", 1 in b"a", str(x) in "b", a in [], a in {}
    yield 1
def g() -> Any:
    yield 1
def h() -> Generator[int, None, int]:
    yield 1
    return 1
def later(b): return [b]
""",
    "a slot of a class of the library": """
import collections.abc
class A(collections.abc.KeysView):
    def f(self):
        return self._mapping
""",
    "what is spread is a member": """
class A:
    def __init__(self, args=(), options=None):
        self.args = args
        self.options = options or {}
    def run(self):
        print(*self.args, **self.options)
        return [*self.args, *self.args[0]], {**self.options}, (*self.args, 1)
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
    "what the classes above have": """
from collections import OrderedDict
class A:
    def __init__(self, x: int) -> None: ...
    def m(self) -> "A": return self
    @property
    def p(self) -> str: return ""
    @classmethod
    def c(cls, x: int): return cls(x)
class B(A):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        print(super().m().p.upper(), super().p.upper(), super().__str__().upper())
    def __new__(cls, *args):
        return super().__new__(cls)
    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
    @classmethod
    def c(cls, x: int):
        return super().c(x)
class C(OrderedDict):
    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        super().move_to_end(key)
class M(type):
    def __call__(cls, *args):
        return super().__call__(*args)
class N(M):
    def __new__(mcs, name, bases, space, **more):
        return super().__new__(mcs, name, bases, space)
class U(Unknown := object):
    def f(self): return super().__hash__()
""",
    "what is one of several things, any of them": """
import re, sys
def f(text: str, out=None):
    found = re.match("a", text)
    if found is None:
        return ""
    one = found.group(1)
    if one is None:
        return ""
    if isinstance(one, bytes):
        return one.decode()
    out = out or sys.stdout
    out.write(one.upper())
    name = getattr(text, "name", None)
    if name == 3:
        return name + 1
    if not name:
        return name.first
    sys.stdout = out
    return found[0] or name.second
""",
    "one of type parameters": """
from typing import Callable, Generic, TypeVar
from typing_extensions import Self
T = TypeVar("T")
S = TypeVar("S", str, bytes)
N = TypeVar("N", bound=int)
F = TypeVar("F", bound=Callable)
class A(Generic[T]):
    x: T
    def a(self, x: T, y) -> T:
        if y:
            return self.x
        return y
    def b(self, x: T) -> T | None:
        pass
    def c(self) -> Self:
        return self
    @classmethod
    def d(cls) -> Self:
        return cls()
    def e(self, x: S) -> S:
        if isinstance(x, str):
            return x.upper()
        return x
    def f(self, x: N) -> N:
        return x
    def g(self, x: F) -> F | Callable[[F], F]:
        def inner(x): return x
        return inner
    def h(self, x: list[T]) -> T:
        for y in x:
            return y
        raise ValueError
def first(x: T) -> list[T]:
    return [x]
first(A().x)[0].anything
""",
    "overloads": """
from typing import Literal, overload
@overload
def f(a: Literal[False] = False) -> int: ...
@overload
def f(a: bool) -> int | None: ...
def f(a: bool = False) -> int | None:
    return None
f().real
f(a=True)
class A:
    @overload
    def g(self, a: int) -> int: ...
    @overload
    def g(self, a: str) -> str: ...
    def g(self, a): return a
    @overload
    @staticmethod
    def h(a: int) -> int: ...
    @overload
    @staticmethod
    def h(a: str) -> str: ...
    @staticmethod
    def h(a): return a
    def i(self):
        self.g(1).real
        self.g("a").upper()
        A.h("a").upper()
""",
    "what is defined further down": """
import sys
def a():
    def inner():
        return b(1, 2), later
    return [d(1) for d in inner()], C(1).x, e(1), g(1, 2, 3)
class K:
    def m(self, d):
        return d(1, 2, 3), C(2).x
def b(x, y): return x
class C:
    def __init__(self, z): self.x = z
def d(x, y): return y
if sys.argv:
    def e(x, y): return x
else:
    def e(x): return x
def f(h): return h
@f
def g(x): return x
later = 1
""",
    "what functions without annotations return": """
import sys
def a(x):
    if x:
        return 1
    return None
def b(x):
    if x:
        return x
    return 1
def c(x: int):
    if isinstance(x, int):
        return 1
    return "a"
class A:
    def d(self): raise NotImplementedError
    def __lt__(self, other):
        if other:
            return NotImplemented
        return True
    def e(self): return 1
class B(A):
    def d(self): return "a"
    def e(self): return "b"
def f():
    yield 1
    return "a"
if (one := a(1)) is not None:
    one.real
b("").upper()
c(1) + 1
A().d().anything
(A() < A()) + 1
B().e().upper()
list(f())
""",
    "attributes that are assigned in several places": """
class A:
    def __init__(self, p):
        self.n = 0
        self.o = None
        self.s = "" if p else None
    def f(self, x):
        self.n += x
        self.o = x
        self.o.anything
        self.n = x.y
        self.n.anything
        self.s = x
    def g(self):
        if self.o: self.o.anything
        if isinstance(self.n, str): self.n.upper()
        return self.n + 1, self.s.upper()
class B(A):
    def h(self):
        self.n += 1
        self.p += 1
    p = 0
""",
    "items of tuples": """
import struct, pwd
def f(x: tuple[int, str] | tuple[str, str], y: tuple[int, ...], k):
    a, b = x
    b.upper()
    c, d = y
    c.real
    e, *g = y
    h, i = struct.unpack("2s", k)
    h.anything
    y[1:], y[True], y[k]
    pwd.getpwuid(1)[0], pwd.getpwuid(1)[1:], pwd.getpwuid(1).pw_name.upper()
    return (1 < a < 2) if isinstance(a, int) else False
""",
    "what defaults, slots and quoted names tell": """
import typing as t
from typing import Final
class M(str):
    __slots__ = ()
    def f(self, level=0, x=None, y=(), z=False, w="a"):
        level.real
        if isinstance(w, int): w.real
        level = x
        level.anything
        return x.anything, y.anything, self.upper()
class A:
    __slots__ = SLOTS = ["a"]
    def f(self): return self.b
class P:
    def g(self, n: object): ...
class Q(P):
    def g(self, n=0): return n.anything if n else 1
N: Final = "a"
N.upper()
def f(a: "t.Any | None", b: "A | None", c: "t.Optional[A]", d: "collections.abc.Sized"):
    if b: print(b.a)
    a.anything, c.anything
import collections.abc
""",
    "what is yielded": """
from collections.abc import Generator, Iterator, Iterable
from typing import Any
def a(x) -> Iterator[float]:
    yield 1
    yield x
    yield from [1]
def b() -> Generator[None, int, str]:
    x = yield
    x = yield None
    return "a"
def c() -> Iterable[tuple[int, str | None]]:
    yield 1, None
def d() -> Iterator[list[int | None]]:
    yield [1]
    yield []
def e() -> Iterator[dict[str, object]]:
    yield {"a": 1}
    yield dict(a=1)
def f() -> Iterator:
    yield 1
""",
    "what stubs and defaults say of attributes and arguments": """
import codecs, re, threading
from typing import Annotated, Callable, Dict
class A(codecs.IncrementalDecoder):
    errors = "a"
    def f(self, n=0):
        self.errors = "b"
        self.extra = object()
        return self.errors.upper(), self.extra, self.f(1)
class T(threading.Thread):
    def __init__(self):
        self.name = "a"
        self.daemon = True
class B(A):
    def f(self, n="a"): return n.anything
def f(errors="strict", none=None, both=(), **more): ...
f("a", 1, [2], errors_too=3)
W = Callable[[int], str]
V = Dict[str, W] | Annotated[int, 1] | dict[(str, int)] | list["W"]
from typing import TypeVar
T = TypeVar("T")
R = Dict[str, T]
U = dict[T, T]
def m(x: R[int], y: U[str]) -> list[T]:
    S = Dict[str, T]
    z: S[int] = dict[str, int](x)
    print(S[int]().values(), z.keys())
    return list[T]()
def g(x: Dict[str, int], y: Callable[[], int], z: Annotated[int, 1], v: "dict[str, int] | None"):
    if v: v.update(x)
    lines = "a b".split()
    if len(lines) == 2 and any(lines): print(lines[0].upper())
    pair = (1, 2) if y() else (1, 2, 3)
    if len(pair) == 3: print(pair[2])
def h(line):
    found = re.compile("a").search(line)
    return found.group() if found else re.compile(b"a").split(line)[0].anything
""",
    "a type parameter beside a class of it": """
import os
from pathlib import Path
def f(path: Path):
    with os.scandir(path) as entries:
        return [os.path.join(path, entry.name.upper()) for entry in entries]
""",
    "what holds one of several things takes the others": """
import re
from configparser import RawConfigParser
def f(config: RawConfigParser, text: str):
    found = re.match("a", text)
    if found:
        parts = [found.group(1)]
        parts.append(None)
        values = {"a": config.get("a", "b")}
        values["b"] = None
""",
    "tests of what may be anything": """
from collections.abc import Callable, Mapping
from typing import Any
class A:
    def m(self, x: "B"): ...
class B(str):
    extra = 1
class C(A):
    def m(self, x):
        if isinstance(x, str): print(x.extra)
def f(x, y: Any, b: B | int, z=None):
    if isinstance(x, type): print(x.anything)
    if isinstance(x, Callable): print(x.anything)
    if isinstance(x, Mapping) and x["a"].b: print(x.get("a").c)
    if not isinstance(y, (str, bytes)):
        return y.anything
    y = y.upper()
    if isinstance(b, str): print(b.extra)
    if isinstance(z, str): print(z.upper())
    x = B()
    if isinstance(x, str): print(x.extra)
    return y
class D(unknown := object):
    def m(self, x):
        if isinstance(x, list): x.append(1)
        return type(x), type("a", (), {})
""",
    "values before a loop": """
def f(xs, n: int):
    first = None
    count = 0
    name = ""
    found = False
    state = "a"
    for x in xs:
        if first is not None: first.anything
        if count: count.anything
        if name: name.anything
        if found: found.anything
        if state == "b": state.anything
        if count != 0: count.anything
        if found is True: found.anything
        first = count = name = found = state = x
    count.anything, first.anything
    i = 0
    while i < n:
        i += 1
    while True:
        if not i:
            i = xs
        i.anything if isinstance(i, list) else 1
        break
""",
    "numbers where they are no types": """
from typing import Annotated, Literal
import unknown_module
x: Annotated[int, 3] = 1
y: Literal[3] = 3
def f(z: unknown_module.Shape[3, 4]): ...
class V:
    def __class_getitem__(cls, n): return cls
def g(z: V[3]): ...
""",
    "one of several values that isn't known, and none that is wrong": """
import sys
from typing import TYPE_CHECKING
def f(c, unknown, x: int | None, text: str) -> str:
    a: str = None if sys.version_info < (3, 0) else unknown
    b: str = None if not TYPE_CHECKING else unknown
    d: int = x or unknown
    e: int = x if x is not None else unknown
    g: int | None = None if c else unknown
    return text and unknown
""",
    "functions, classes and modules as what they are": """
import os
from collections.abc import Callable, Hashable, Sized
from types import FunctionType, MethodType, ModuleType
from typing import Protocol
class Q(Protocol):
    def __call__(self) -> None: ...
class M(type):
    def __len__(self): return 1
class C(metaclass=M):
    def m(self) -> None: ...
def f() -> None: ...
a: ModuleType = os
b: list[Hashable] = [f, C]
g: Q = f
h: Q = C().m
i: type = C
j: FunctionType = f
k: MethodType = C().m
l: Callable = C
m: Sized = C
""",
    "a binding that is never reached beside one further out": """
def f(x):
    if x:
        raise ValueError
        a = 1
    return a
    a = 2
a = 1
class A:
    def f(self):
        return [__class__ for _ in "a"]
print(__cached__, __annotations__, __builtins__, __path__, __debug__)
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
    "the module's dictionary": ("x: int = __dict__\n", "`dict[str, unknown]` can't be assigned"),
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
    "a call in the place of a type": ("def f() -> tuple[object()]: ...\n", "`object()` is no type"),
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
    "what is private, where the class is known": ("x = 'a'\nx._y\n", "no attribute `_y`"),
    "a member of a class that has no slots of its own": (
        "class A(str):\n    __slots__ = ()\n    def f(self):\n        return self.x\n",
        "no attribute `x`",
    ),
    "another class in place of Self": (
        "from typing import Self\nclass A:\n    def f(self) -> Self:\n        return 1\n",
        "`f` returns `Self`",
    ),
    "a class as an operand": ("x = 1 - ValueError\n", "`-` is not defined"),
    "an argument of which one member fits no overload": (
        "def f(x: str | int):\n    return 'a'.split(x)\n",
        "no overload takes",
    ),
    "what stands in a tuple": (
        "from typing import Iterable\ndef f(x: Iterable[None]): ...\n"
        "def g(a: str | None):\n    f((a, None))\n",
        "not what the parameter `x` takes",
    ),
    "a key of another type": (
        "def f(x: dict[str, int], y: str | int):\n    x[y] = 1\n",
        "takes no",
    ),
    "a module that has neither source nor stub": (
        "from _collections import deque\n",
        "no module `_collections`",
    ),
    "items of what has none, at the bracket": ("x = 1.5[", "has no items"),
    "what can't be spread": ("x = [*True]\n", "not iterable"),
    "what is no mapping": ("x = {**1}\n", "is no mapping"),
    "the class in place of an instance": ("x: list[int] = list\n", "can't be assigned"),
    "an argument of what is above": (
        "class A:\n    def m(self, x: int): ...\nclass B(A):\n"
        "    def m(self, x: int):\n        super().m('a')\n",
        "not what the parameter `x` takes",
    ),
    "a member that nothing above has": (
        "class A: ...\nclass B(A):\n    def m(self):\n        super().m()\n",
        "no class above has an attribute `m`",
    ),
    "a type parameter's keyword": (
        "from typing import TypeVar\nT = TypeVar('T', bond=int)\n",
        "no parameter named `bond`",
    ),
    "a value for a type parameter": (
        "from typing import TypeVar\nT = TypeVar('T')\ndef f(x: T) -> T:\n    return 'a'\n",
        "`f` returns `T`",
    ),
    "nothing for a type parameter": (
        "from typing import TypeVar\nT = TypeVar('T')\ndef f(x: T) -> T:\n    pass\n",
        "`f` must return `T`",
    ),
    "a number for the class itself": (
        "from typing_extensions import Self\nclass A:\n    def f(self) -> Self:\n"
        "        return 1\n",
        "`f` returns `Self`",
    ),
    "a number as a type's argument": (
        "from typing import Iterator\ndef f() -> Iterator[99]:\n    yield 1\n",
        "`99` is no type",
    ),
    "what no overload takes": (
        "from typing import overload\n@overload\ndef f(a: int) -> int: ...\n@overload\n"
        "def f(a: str) -> str: ...\ndef f(a): return a\nf(None)\n",
        "no overload takes",
    ),
    "an argument of a function further down": (
        "def f():\n    return g(1, z=2)\ndef g(x, y): ...\n",
        "no parameter named `z`",
    ),
    "a member of a class further down": (
        "class A:\n    def m(self):\n        return B().y\nclass B:\n    x = 1\n",
        "`B` has no attribute `y`",
    ),
    "what a function without annotation returns": (
        "def f(x):\n    if x:\n        return 1\n    return 2\nf(1).push(1)\n",
        "`int` has no attribute `push`",
    ),
    "what an attribute is among other things": (
        "class A:\n    def __init__(self): self.n = 0\n    def f(self, x): self.n += x\n"
        "    def g(self): return self.n >= None\n",
        "`>=` is not defined",
    ),
    "the index of a tuple of any length": (
        "def f(x: tuple[int, ...]):\n    return x['a']\n",
        "can't be indexed",
    ),
    "the index of a named tuple": (
        "import pwd\npwd.getpwuid(1)['pw_name']\n",
        "can't be indexed",
    ),
    "what is unpacked from one of two tuples": (
        "def f(x: tuple[int, str] | tuple[str, str]):\n    a, b = x\n    b.push(1)\n",
        "`str` has no attribute `push`",
    ),
    "a part of a chain": ("def f(x: int):\n    return 1 < x < 'a'\n", "`<` is not defined"),
    "an argument for a class below a protocol": ("range(1, None)\n", "no overload takes"),
    "a member of what a test tells": (
        "def f(x):\n    if isinstance(x, str):\n        x.push(1)\n",
        "`str` has no attribute `push`",
    ),
    "a type of two things": ("type(1, 2)\n", "takes 1 or 3 arguments"),
    "an attribute that a stub declares": (
        "import codecs\nclass A(codecs.IncrementalDecoder):\n    def f(self):\n"
        "        self.errors = 1\n",
        "can't be assigned to `errors`",
    ),
    "an argument beside what a default says": (
        "def f(x, errors='strict'): ...\nf(1, object())\n",
        "not what the parameter `errors` takes",
    ),
    "a class with too few arguments": ("def f(x: dict[None]): ...\n", "has 2 parameters"),
    "a form with too few arguments": (
        "from typing import Callable\nW = Callable[None]\n",
        "takes more than one argument",
    ),
    "a class with too few arguments in a base": ("class A(dict[None]): ...\n", "has 2 parameters"),
    "a generic class in quotes": (
        "import collections\ndef f(x: 'collections.OrderedDict[str, int]'): x.push(1)\n",
        "no attribute `push`",
    ),
    "an item of a list of a known length": (
        "def f(x: list[str]):\n    if len(x) == 2: x['a']\n",
        "can't be indexed",
    ),
    "what is found in something unknown": (
        "import re\ndef f(x):\n    found = re.compile('a').search(x)\n    if found: found.grp()\n",
        "`Match[str]` has no attribute `grp`",
    ),
    "what a default says of a parameter": (
        "def f(level=0):\n    return None * level\n",
        "`*` is not defined",
    ),
    "a member of a class with empty slots": (
        "class A(str):\n    __slots__ = ()\n    def f(self): return self.uper()\n",
        "`A` has no attribute `uper`",
    ),
    "a member of what is final": (
        "import threading\nfrom typing import Final\nx: Final = threading.Event()\nx.sett()\n",
        "no attribute `sett`",
    ),
    "a module's class in quotes": (
        "import threading\ndef f(x: 'threading.Event'):\n    x.sett()\n",
        "no attribute `sett`",
    ),
    "a value that is not to be yielded": (
        "from typing import Iterator\ndef f() -> Iterator[int]:\n    yield 'a'\n",
        "`f` yields `int`",
    ),
    "a text that is asked for what none holds": (
        "x = 1 in 'a'\n",
        "`in` is not defined for",
    ),
    "a generator that none is declared to be": (
        "def f() -> str:\n    yield 'a'\n",
        "`f` returns `str`, which no generator is",
    ),
    "an iterator that is not made": (
        "from typing import Iterator\ndef f() -> Iterator[int]:\n    x = 1\n",
        "`f` must return `Iterator[int]` on every way",
    ),
    "an assignment to what is not bound here": (
        "n = 1\ndef f():\n    n += 1\n",
        "`n` is used before it is bound",
    ),
    "a use in a list before the name is bound": (
        "def f():\n    x = [a for a in y]\n    y = 1\n",
        "`y` is used before it is bound",
    ),
    "a class where its instances are due": (
        "x = len(list)\n",
        "not what the parameter `obj` takes",
    ),
    "no type in quotes": (
        "def f(a: 'a b'): pass\n",
        "what stands in quotes is no type",
    ),
    "a property that needs an argument": (
        "class A:\n    @property\n    def f(self, a): pass\n",
        "`property` gives `f` the instance alone",
    ),
    "an operator of a function": (
        "x = len % int - 1\n",
        "`%` is not defined",
    ),
    "a value that is no exception": (
        "def f():\n    raise 1.5\n",
        "can't be raised",
    ),
    "an item of a function": (
        "x = len[0]\n",
        "has no items",
    ),
    "no type in an annotation": (
        "x: -1 = 2\n",
        "`-1` is no type",
    ),
    "what a generator that yields nothing returns": (
        "from typing import Iterator\ndef f() -> Iterator[int]:\n    return False\n",
        "a generator that yields nothing returns `bool`",
    ),
    "a value before a loop": (
        "def f(xs):\n    n = 0\n    for x in xs:\n        assert n < None\n        n += 1\n",
        "`<` is not defined",
    ),
    "a module that a package of the library lacks": (
        "from collections.abcd import Mapping\n",
        "there is no module `collections.abcd`",
    ),
    "a value that is wrong, or one that isn't known": (
        "def f(c, unknown):\n    g: str = None if c else unknown\n",
        "`None` can't be assigned to `g`, declared as `str`",
    ),
    "an operand that is wrong, after one that isn't known": (
        "def f(unknown, x: int) -> str:\n    return unknown or x\n",
        "`f` returns `str`, not `int`",
    ),
    "what a comment ends": (
        "x = ~len # said",
        "`~` is not defined",
    ),
    "what a line end after a backslash ends": (
        "x = ~len \\\n\n",
        "`~` is not defined",
    ),
    "an operator of `...`": (
        "x = {... + 1}\n",
        "`+` is not defined",
    ),
    "a truth value that is spread": (
        "x = print(*not",
        "holds nothing to spread",
    ),
    "an owner of items, among targets": (
        "a, zork.x['b']",
        "`zork` is not defined",
    ),
    "what stands in the brackets of a target": (
        "def f(a: list[int]):\n    a[0], a[-'b'",
        "`-` is not defined",
    ),
    "a class that is no exception": (
        "raise int\n",
        "`type[int]` can't be raised",
    ),
    "a cause that is no exception": (
        "raise ValueError from 3\n",
        "`Literal[3]` can't be raised",
    ),
    "a loop over a class": (
        "for x in str: pass\n",
        "`type[str]` is not iterable",
    ),
    "an async loop over a list": (
        "async def f():\n    async for x in [1]: pass\n",
        "`list[int]` is not iterable by `async for`",
    ),
    "a class as a context": (
        "with int: pass\n",
        "`type` is no context manager",
    ),
    "an element of a class": (
        "x = 1 in str\n",
        "`in` is not defined for `type`",
    ),
    "type arguments of a class that has none": (
        "x = str[1]\n",
        "`str` has no type parameters",
    ),
    "a key without a hash": (
        "x = {[]: 1}\n",
        "`list[unknown]` has no hash",
    ),
    "an element without a hash": (
        "x = {1, ([], 1)}\n",
        "has no hash",
    ),
    "an element without a hash, many times": (
        "x = {{} for a in 'b'}\n",
        "has no hash",
    ),
    "an element that isn't what is returned, beside one that isn't known": (
        "def f(a) -> list[str]:\n    return [a, 1]\n",
        "`f` returns `list[str]`, not `list[int]`",
    ),
    "a pair that isn't what is declared": (
        "x: dict[str, int] = {1: 2}\n",
        "`dict[int, int]` can't be assigned to `x`",
    ),
    "what is made of other elements": (
        "def f(xs: list[str]) -> list[int]:\n    return [x for x in xs]\n",
        "`f` returns `list[int]`, not `list[str]`",
    ),
    "a class for a protocol that it doesn't follow": (
        "from datetime import date\ndate(date, 1, 1)\n",
        "`type[date]`",
    ),
    "a function for an instance": (
        "class C: ...\ndef f(): ...\ndef g(x: C): ...\ng(f)\n",
        "`() -> unknown` is not what the parameter `x` takes",
    ),
}

#: What is written where a type is due, and is none.
NO_TYPES = [
    "-u",
    "int + int",
    "{1}[0]",
    "[int]",
    "(int, str)",
    "list[-u]",
    "list[int and str]",
    "1.5.real",
    "lambda: int",
    "u",
    "w",
    "u.v",
    "'a'.b",
    "A.__dict__['']",
    "list[u]",
    "u | None",
    "len",
    "os.path",
    "one",
]
#: What is one.
TYPES = [
    "(int)",
    "int | None | A",
    "list[int]",
    "t.Callable[[A, int], T]",
    "t.Callable[..., int]",
    "t.Annotated[int, 3, -u]",
    "t.Literal[-1, 'a', True]",
    "tuple[()]",
    "tuple[int, ...]",
    "os.PathLike[str]",
    "B | N | U | V | W | NT",
    "'A | u'",
    "type[A]",
    "None",
]


def _annotated(said: str) -> str:
    return f"""import os
import typing as t
T = t.TypeVar("T")
N = t.NewType("N", int)
NT = t.NamedTuple("NT", [("a", int)])
U = t.Union[int, str]
V = int | str
W: t.TypeAlias = "int | str"
one = 1
class A:
    B = int
B = A.B
def f(u, v, w: int):
    x: {said} = v
"""


@pytest.mark.parametrize("said", NO_TYPES)
def test_what_is_no_type_is_found(said: str, library: PythonLibrary) -> None:
    state = load_grammar("python").parse(_annotated(said).encode())
    assert state is not None
    defects = judge(Program(library), state, at_end=True).defects
    assert any("is no type" in one.message for one in defects), defects


@pytest.mark.parametrize("said", TYPES)
def test_what_is_a_type_is_taken(said: str, library: PythonLibrary) -> None:
    text = _annotated(said).encode()
    for at in range(text.index(b"x: "), len(text)):
        state = load_grammar("python").start().feed(text[:at])
        assert state is not None
        assert judge(Program(library), state).defects == (), text[:at]


#: Names that nothing binds.
UNBOUND = {
    "a": "def f():\n    return a\n    a = 1\n",
    "__all__": "print(__all__)\n",
    "__class__": "def f():\n    return __class__\n",
    "__qualname__": "print(__qualname__)\n",
}


@pytest.mark.parametrize("name", UNBOUND)
def test_a_name_that_nothing_binds_is_owed(name: str, library: PythonLibrary) -> None:
    state = load_grammar("python").parse(UNBOUND[name].encode())
    assert state is not None
    found = judge(Program(library), state, at_end=True)
    told = [one.message for one in found.defects]
    assert [one for one, _ in found.owed] == [name] or told == [f"`{name}` is not defined"]


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_found(case: str, library: PythonLibrary) -> None:
    text, message = WRONG[case]
    state = load_grammar("python").parse(text.encode())
    assert state is not None, "the text does not parse"
    defects = judge(Program(library), state, at_end=True).defects
    assert any(message in one.message for one in defects), defects


def test_no_package_is_above_the_topmost(library: PythonLibrary) -> None:
    program = Program(library, "asyncio.tasks")
    found = {}
    for dots in (".", "...", "...."):
        state = load_grammar("python").start().feed(f"from {dots} import".encode())
        assert state is not None
        found[dots] = bool(judge(program, state).defects)
    assert found == {".": False, "...": True, "....": True}


def test_a_package_has_the_modules_that_it_imports_from(library: PythonLibrary) -> None:
    program = Program(library, "asyncio", is_package=True)
    state = load_grammar("python").parse(b"from .events import *\nx = events.__all__\n")
    assert state is not None
    judgement = judge(program, state, at_end=True)
    assert (judgement.defects, judgement.owed) == ((), ())


@pytest.mark.parametrize(
    ("before", "word"),
    [("x = ~1.5", " is"), ("x = ''\ny = -x", " i"), ("x = 1\nx.foo", " and"), ("len(1)", " a")],
)
def test_a_word_closes_the_operand_before_it(
    before: str, word: str, library: PythonLibrary
) -> None:
    state = load_grammar("python").parse((before + word).encode())
    assert state is not None
    assert judge(Program(library), state).defects
