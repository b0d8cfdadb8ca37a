"""What Python programs mean while they are unfinished: names, members, calls, control flow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytest

from ananke.analysis.declarations import Binding, Callable, Class, Declared, Member, Value
from ananke.analysis.judgement import Judgement
from ananke.analysis.types import Function, Nominal, Parameter
from ananke.languages.python.meaning.context import Program
from ananke.languages.python.meaning.program import judge
from ananke.parsing import load_grammar

STR, INT, NONE = Nominal("builtins:str"), Nominal("builtins:int"), Nominal("types:NoneType")
SELF = Parameter("self", Nominal("builtins:object"))


@dataclass(frozen=True)
class FakeModule:
    """A module with the given names."""

    name: str
    declared: Mapping[str, Declared] = field(default_factory=dict)
    is_package: bool = False
    is_open: bool = False

    def names(self) -> Iterable[str]:
        return self.declared

    def star_names(self) -> Iterable[str]:
        return self.declared

    def get(self, name: str) -> Declared | None:
        return self.declared.get(name)


@dataclass(frozen=True)
class FakeLibrary:
    """The modules given, and no others."""

    modules: Mapping[str, FakeModule]
    is_open: bool = False

    def module(self, name: str) -> FakeModule | None:
        return self.modules.get(name)

    def submodules(self, prefix: str) -> Iterable[str]:
        start = prefix + "." if prefix else ""
        return [
            name[len(start) :].partition(".")[0] for name in self.modules if name.startswith(start)
        ]

    def resolve(self, symbol: str) -> Declared | None:
        module, _, name = symbol.partition(":")
        found = self.modules.get(module)
        return None if found is None else found.get(name)


def method(result: Nominal, *parameters: Parameter) -> Member:
    return Member(Callable(Function((SELF, *parameters), result)), Binding.METHOD)


OBJECT = Class("builtins:object", own={"__init__": method(NONE), "__eq__": method(INT, SELF)})
BASES = (Nominal("builtins:object"),)
BUILTINS: dict[str, Declared] = {
    "object": OBJECT,
    "type": Class("builtins:type", bases=BASES, own={"mro": method(INT)}),
    "str": Class(
        "builtins:str",
        bases=BASES,
        own={
            "upper": method(STR),
            "split": method(STR, Parameter("sep", STR, has_default=True)),
            "__add__": method(STR, Parameter("other", STR)),
            "__iter__": method(STR),
        },
    ),
    "int": Class(
        "builtins:int", bases=BASES, own={"__add__": method(INT, Parameter("other", INT))}
    ),
    "bool": Class("builtins:bool", bases=(INT,)),
    "print": Value(Function((), NONE, is_gradual=True)),
    "len": Callable(Function((Parameter("value", STR),), INT)),
}
LIBRARY = FakeLibrary(
    {
        "builtins": FakeModule("builtins", BUILTINS),
        "types": FakeModule("types", {"NoneType": Class("types:NoneType", bases=BASES)}),
        "shapes": FakeModule("shapes", {"area": Callable(Function((Parameter("n", INT),), INT))}),
    }
)


FUNCTION = Callable(Function((), INT))


def judged(text: str, *, at_end: bool = False, program: Program | None = None) -> Judgement:
    state = load_grammar("python").parse(text.encode())
    assert state is not None, "the text does not parse"
    return judge(program or Program(LIBRARY), state, at_end=at_end)


WRONG = {
    "undefined name": ("x = 1\ny = zz\n", "`zz` is not defined"),
    "no name begins so": ("y = 1 + qqq", "no name begins with `qqq`"),
    "no member": ("'a'.push(", "no attribute `push`"),
    "no member begins so": ("s = 'a'\ns.q", "begins with `q`"),
    "no module": ("import nothing\n", "there is no module `nothing`"),
    "not exported": ("from shapes import volume\n", "does not export `volume`"),
    "module member": ("import shapes\nshapes.volume(", "no attribute `volume`"),
    "missing argument": ("len()\n", "missing argument `value`"),
    "too many arguments": ("len('a', 'b')\n", "at most 1 positional argument"),
    "no such parameter": ("len(what='a')\n", "no parameter named `what`"),
    "argument type": ("len(1)\n", "is not what the parameter `value` takes"),
    "operand": ("'a' + 1\n", "`+` is not defined"),
    "call of a str": ("'a'()\n", "can't be called"),
    "return type": ("def f() -> int:\n    return 'a'\n", "returns `int`"),
    "assignment": ("x: int = 'a'\n", "can't be assigned"),
    "missing return": ("def f() -> int:\n    x = 1\nprint(", "must return `int`"),
    "break": ("break\n", "`break` outside a loop"),
    "return": ("return 1\n", "`return` outside a function"),
    "await": ("def f():\n    await g()\n", "`await` outside an async function"),
    "member of self": (
        "class A:\n    def f(self):\n        return self.gg\nprint(",
        "no attribute `gg`",
    ),
    "in a comprehension": ("a = [b for c in 'x']\n", "`b` is not defined"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_nothing_can_mend_is_found(case: str) -> None:
    text, message = WRONG[case]
    defects = judged(text).defects
    assert any(message in one.message for one in defects), defects
    assert all(0 <= one.start <= one.end <= len(text) for one in defects)


RIGHT = {
    "may become an assignment": "zz",
    "may become a chain of targets": "a = b = c = 1\nprint(b)\n",
    "may become a tuple of targets": "a, b",
    "may become a comprehension": "[zz",
    "may become a generator": "print(zz.foo",
    "may become a walrus": "if zz",
    "may become the name of an argument": "len(val",
    "a default left out": "def f(x: int = ..., y: str = None): pass\n",
    "recursion": "def f(n):\n    return f(n)\n",
    "a later global": "def f():\n    return later\n",
    "loops bind for later rounds": "while 1:\n    if x:\n        print(y)\n    x = 1\n    y = 2\n",
    "comprehension": "a = [b for b in 'x' if b]\n",
    "walrus": "if (n := 1) and n:\n    print(n)\n",
    "except": "try:\n    import shapes\nexcept object as e:\n    print(e)\n",
    "global": "def f():\n    global g\n    g = 1\nf()\nprint(g)\n",
    "later member": (
        "class A:\n    def f(self):\n        self.g()\n    def g(self): pass\nprint(A)\n"
    ),
    "narrowed": "def f(x: str | None):\n    if x is not None:\n        x.upper()\n",
    "raised": "def f(x: str | None):\n    if x is None:\n        raise x\n    x.upper()\n",
    "unknown values": "def f(x):\n    return x.anything(1, y=2) + 1\n",
    "match": "def f(x):\n    match x:\n        case [a, *b]:\n            print(a, b)\n",
    "dead code": "def f():\n    return 1\n    zz.foo\n",
    "class body": "class A:\n    x = 1\n    y = x\n",
    "f-string": "n = 1\nprint(f'{n} {n!r}')\n",
    "two ways return": (
        "def f(a) -> int:\n    if a:\n        return 1\n    else:\n        return 2\n"
    ),
    "forever": "def f() -> int:\n    while True:\n        print(1)\n",
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_may_still_be_right_is_not_refused_at_any_byte(case: str) -> None:
    text = RIGHT[case]
    program = Program(LIBRARY)
    for end in range(len(text) + 1):
        assert judged(text[:end], program=program).defects == (), text[:end]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y = zz", "`zz` is not defined"),
        ("x: int = 1\ny: str = x", "can't be assigned"),
        ("def f() -> int:\n    x = 1", "`f` must return `int`"),
        ("class A:\n    def f(self):\n        return self.gg\n", "no attribute `gg`"),
    ],
)
def test_the_end_finishes_what_is_open(text: str, message: str) -> None:
    assert not any(message in one.message for one in judged(text).defects)
    assert any(message in one.message for one in judged(text, at_end=True).defects)


@pytest.mark.parametrize("text", ["from . import a\n", "from .a import f\n", "from .. import q\n"])
def test_relative_imports_at_every_byte(text: str) -> None:
    names = ("p", "p.q", "p.q.a", "p.q.b")
    modules = {name: FakeModule(name, {"f": FUNCTION}, is_package=name < "p.q.") for name in names}
    library = FakeLibrary({**LIBRARY.modules, **modules})
    program = Program(library, "p.q.b")
    for end in range(len(text) + 1):
        assert judged(text[:end], program=program).defects == (), text[:end]


def test_what_is_nested_too_deep_is_not_judged() -> None:
    deep = "x = " + "[" * 2000 + "zz" + "]" * 2000 + "\n"
    assert judged(deep) == Judgement(())


def test_what_is_owed_is_paid_by_a_later_binding() -> None:
    text = "def f():\n    return later\n"
    assert [name for name, _ in judged(text, at_end=True).owed] == ["later"]
    assert judged(text + "later = 1\n", at_end=True).owed == ()


def test_an_explanation_names_the_domain_and_what_is_admitted() -> None:
    (defect,) = judged("'a'.upped(").defects
    assert defect.text().startswith("types: `str` has no attribute `upped`")
    assert defect.admitted == ("upper",)


def test_remembered_statements_say_the_same() -> None:
    program = Program(LIBRARY)
    text = "x = 1\nx.foo\n" + "y = x\n" * 50
    first = judged(text, program=program)
    assert program.memo
    assert judged(text, program=program).defects == first.defects
    assert judged(text).defects == first.defects


def test_a_header_that_grew_is_read_anew() -> None:
    text = "try:\n    print(1)\nexcept object as e:\n    print(e)\nfor c in 'x':\n    c.upper()\n"
    program = Program(LIBRARY)
    for end in range(len(text)):
        judged(text[:end], program=program)
    assert judged(text, at_end=True, program=program).owed == ()
    assert judged(text + "'a'.q\n", program=program).defects == judged(text + "'a'.q\n").defects


def test_a_class_that_is_finished_token_by_token_is_judged_as_at_once() -> None:
    text = (
        "class A:\n    def use(self):\n        return self.x.upper()\n"
        "    def give(self):\n        self.x = 1\n        self.y = 'a'\n"
        "    def more(self):\n        self.x = 'a'\n        self.y.foo\n"
    )
    program = Program(LIBRARY)
    found = set[tuple[str, ...]]()
    for end in range(text.index("def give"), len(text) + 1):
        alone = judged(text[:end], at_end=True).defects
        assert judged(text[:end], at_end=True, program=program).defects == alone, text[:end]
        found.add(tuple(one.text().partition(";")[0] for one in alone))
    # What `use` makes of `x` is wrong as long as `x` is a number on all ways.
    assert any("`int` has no attribute `upper`" in message for one in found for message in one)
    assert not any("`int` has no" in one.text() for one in judged(text).defects)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("for ab in 'x':\n    ab.z", "for cd in 'x':\n    cd.z"),
        ("def f(ab: str):\n    ab.z", "def f(cd: str):\n    cd.z"),
        ("def f(a, b=1):\n    a.b", "def f(a, c=1):\n    c.zz"),
        ("class A(int):\n    x = real", "class A(str):\n    x = real"),
        ("try: pass\nexcept ab as e:\n    e.z", "try: pass\nexcept cd as f:\n    f.z"),
        ("with ab as e:\n    e.z", "with cd as f:\n    f.z"),
        ("match 1:\n    case ab:\n        ab.z", "match 1:\n    case cd:\n        cd.z"),
    ],
)
def test_a_header_as_long_is_another_one(one: str, other: str) -> None:
    program = Program(LIBRARY)
    for text in (one, other, one):
        assert judged(text + "\n", program=program).defects == judged(text + "\n").defects
        assert [name for name, _ in judged(text, at_end=True, program=program).owed] == [
            name for name, _ in judged(text, at_end=True).owed
        ]
