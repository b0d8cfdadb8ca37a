"""Python's constructs, read as strictly as by its compiler: `languages/python/constructs.py`."""

from __future__ import annotations

import ast
import warnings

import pytest

from tests.constructs import check_admitted, check_dies_at, completed

#: What the compiler accepts.
VALID = (
    b"f(a=1, b=2, *c, **d)\n",
    b"f(x, a=g(b, c), d=[1,2], **e, f=1)\n",
    b"f(**x, y=1)\n",
    b"d = {**x, y: 1, 'a': 2}\n",
    b"d = {a: 1, **x, y: 1, 'a': 2}\n",
    b"f(a=1, # c\n b=2)\n",
    b"f(a=1, match=2, type=3, print=4, exec=5, case=6, _=7)\n",
    b"class A(B, metaclass=C, x=1): pass\n",
    b"def f(a, b=1, *, c, d=2, e): pass\n",
    b"def f(a, b=1, *args, c, d=2, e): pass\n",
    b"def f(a, b=1, *args: int, c, d=2, e: int): pass\n",
    b"def f(a=1, b: int=2): pass\n",
    b"def f(a=1, /, b=2, **k): pass\n",
    b"lambda a=1, *b, c: 2\n",
    b"lambda *, a=1, b: 2\n",
    b"f(lambda a=1: 2, b)\n",
    b"def f(a=lambda x, y: 1, b=2): pass\n",
    b"def f(a: list[int]=[], b: dict[str, int]={}): pass\n",
    b"x = a if (b if c else d) else e\n",
    b"x = a if b else c if d else e\n",
    b"[x for x in y if a if b]\n",
    b"if a if b else c: pass\n",
    b"x = lambda: a if b else c\n",
    b"f(a if b else c for x in y)\n",
    b"f(a if g(b if c else d) else e, b if c else d)\n",
    b"try:\n  x\nexcept A:\n y\n",
    b"try:\n  x\nfinally:\n y\n",
    b"try: x\nexcept: y\n",
    b"try:\n  x\nexcept A:\n y\nelse:\n z\nfinally:\n w\n",
    b"with a as b, c(d) as e: pass\n",
    b"with (a as b, c as d.e): pass\n",
    b"with a as (b, c): pass\n",
    b"with a as f(x).y: pass\n",
    b"with a as x[f(1) + 2]: pass\n",
    b"with a as [b, *c]: pass\n",
    b"try:\n  a\nexcept (A, B) as c:\n  d\n",
    b"import a as b\n",
    b"from a import b as c, d\n",
    b"from a import (b as c, d as e)\n",
    b"match x:\n  case A(b) as c if d: pass\n  case (1 as e, f) : pass\n",
    (b"try:\n  if a:\n    b\n  else:\n    c\n  for x in y: z\n  else: w\nexcept: pass\nelse: d\n"),
    b"try:\n  x = a if b else c\nfinally: pass\n",
    b"try:\n  try:\n    a\n  except: b\n  else: c\nexcept: pass\nelse: d\nfinally: e\n",
    (b"try:\n  match x:\n    case 1: a\n  def f():\n    b\n  with a: b\n  x = 1\nexcept E: pass\n"),
    (b"match x:\n  case {'a': 1 as b, 'c': [d as e]} if f: g\n  case C(a=1, b=D() as c): pass\n"),
    b"f(a for a in b)\n",
    b"f((a for a in b), c)\n",
    b"[a for a in (b, c) if d in e]\n",
    b"{a: b for a, b in c}\n",
    b"for a in b, c: pass\n",
    b"f(a, [x for x in y], b)\n",
    b"(a for b[c, d] in e)\n",
    b'x = """\na"""\n',
    b"x = f'''{a}\nb'''\n",
    b"x = 'a\\\nb'\n",
    b"x = '\\\nb'\n",
    b"x = r'\\\nb'\n",
    b"del a, b.c, d[e + f], (g, h), [i]\n",
    b"del f().x, f()[0], f(a == b).c\n",
    b"del (a or b).c, {}['x']\n",
    b"del a # c\ndel b; del c\n",
    b"del f'{a}'.b\n",
    b"del x[a if b else c:d]\n",
    (b"if a:\n  def f(x=lambda y: 1): return x\n  for y in z: pass\n  else: pass\nreturns = 1\n"),
    b"(a, b) = c\n",
    b"a, b = c = d, e = f\n",
    b"for a, b in c: pass\n",
    b"for (a, b), c in d: pass\n",
    b"for [a, b] in c: d\nelse: e\n",
    b"{k: v for k, v in x}\n",
    b"f(lambda: [a for a, b in c])\n",
    b"[a for (b, c) in d[1:2] if e]\n",
    b"with a as (b, c): pass\n",
    b"with a as (b, c), d: e += f\n",
    b"def f(*, a: int = b * c, d=e * f, **g): pass\n",
    b"lambda *, a, b=1 * 2: c\n",
    b"def f(a=1, *, b, c=1): pass\n",
    b"def f(*, a, b: c, d): return e * f\n",
    b"(*a, *b)\n",
    b"for a.b[c + d] in e + f: pass\n",
    b"for f(a + b).c in d: pass\n",
    b"for *a, b in c: pass\n",
    b"[x for a.b in c + d if e or f]\n",
    b"async def f():\n  async for a, b in c * d: e\n",
    b"match a:\n  case b if c := d:\n    if e := f: g\n  case h:\n    x = {i: j, k: l}\n",
    b"match a, b := c:\n  case d: pass\n",
    b"[a for b in c if (d := e)]\n",
    b"if a:\n  while b := c: d\nelif e := f: g\n",
    b"f(a, b := c, *d)\n",
    b"from a.b import c, d as e, f\n",
    b"from . import a\nfrom .b.c import (d, e as f,)\nfrom .. import g\n",
    b"import a.b, c.d as e, f\n",
    b"from __future__ import annotations, division\n",
    b"import a.b.c; from d import e; f\n",
    b"from a import *\n",
    b"from a import b # c\n",
    b"try:\n  a\nexcept (A, B): c\n",
    b"try: a\nexcept: b = c if d else e\n",
    b"try:\n  a\nexcept b:\n  c, d = e if f else g, h\nfinally:\n  i = j if k else l\n",
    b"with a as b:\n  c, d = (e, f)\n",
    (b"try:\n  a = b if c else d\nexcept E as e:\n  try: f\n  except G: h\n  else: i\nelse: j\n"),
    b"with a if b else c as d: pass\n",
)

#: What it refuses, and the place of the first byte that no program has there.
INVALID = (
    (b"f(a=1, b)\n", 8),
    (b"f(a=1, *b, c)\n", 12),
    (b"f(**x, y)\n", 8),
    (b"f(a=1, b.c)\n", 8),
    (b"def f(a=1, b): pass\n", 12),
    (b"def f(a=1, b: int): pass\n", 17),
    (b"def f(a=1, /, b): pass\n", 15),
    (b"lambda a=1, b: 2\n", 13),
    (b"x = a if b if c else d else e\n", 12),
    (b"x = a if lambda: 1 else e\n", 15),
    (b"try:\n  x\ny\n", 9),
    (b"try: x\ny\n", 7),
    (b"x = a as b\n", 7),
    (b"with a as f(x): pass\n", 14),
    (b"with f(a as b): pass\n", 11),
    (b"try:\n  a\nexcept A as c.d:\n  d\n", 22),
    (b"try:\n  x\nelse:\n  y\n", 10),
    (b"try: x\nelse: y\n", 8),
    (b"[a for a in b, c]\n", 13),
    (b"[a for a, b in c if d for e in f, g]\n", 32),
    (b"[[a for a in b] for c in d, e]\n", 26),
    (b"[x for x in [y for y in z], 1]\n", 26),
    (b'x = "\na"\n', 5),
    (b"x = f'{a}\nb'\n", 9),
    (b"del a == b\n", 6),
    (b"del f()\n", 7),
    (b"a, b += c\n", 6),
    (b"a, b: int\n", 4),
    (b"def f(*, a, *, b): pass\n", 13),
    (b"def f(*, a, *b): pass\n", 13),
    (b"for a + b in c: pass\n", 6),
    (b"[x for a if b in c]\n", 10),
    (b"[a for b in c if d := e]\n", 19),
    (b"x = a if b := c else d\n", 11),
    (b"from a import b.c\n", 15),
    (b"from a import b, c.d\n", 18),
    (b"from . import a.b\n", 15),
    (b"from a import b,\n", 16),
    (b"import a,\n", 9),
    (b"from a import (b.c)\n", 16),
    (b"try:\n  a\nexcept A, B: c\n", 17),
    (b"with a:\n  x = y as z\n", 17),
    (b"async = 1\n", 6),
    (
        (
            b"async def f():\n  async for a in b: async with c as d: e\n  return [g as"
            b"ync for g in h]\n"
        ),
        40,
    ),
    (b"async\n", 5),
)


def _compiles(text: bytes) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "case", "exec", dont_inherit=True)
        except SyntaxError:
            return False
    return True


@pytest.mark.parametrize("text", VALID)
def test_what_the_compiler_accepts_is_admitted(text: bytes) -> None:
    assert _compiles(text)
    check_admitted("python", text)


@pytest.mark.parametrize(("text", "dead_at"), INVALID)
def test_what_it_refuses_dies_at_its_first_wrong_byte(text: bytes, dead_at: int) -> None:
    assert not _compiles(text)
    check_dies_at("python", text, dead_at)


@pytest.mark.parametrize("text", [text[:dead_at] for text, dead_at in INVALID])
def test_what_is_left_before_it_can_be_finished(text: bytes) -> None:
    ast.parse(completed("python", text))
