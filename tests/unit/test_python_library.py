"""What Python programs may import: the real typeshed, and made-up environments and projects."""

from __future__ import annotations

import importlib
import os
import sys
import types
import warnings
from collections.abc import Callable as Maker
from pathlib import Path

import pytest

from ananke.analysis.declarations import (
    Alias,
    Binding,
    Callable,
    Class,
    Declared,
    Library,
    Member,
    Submodule,
    Value,
)
from ananke.analysis.types import (
    UNKNOWN,
    Function,
    Kind,
    Literal,
    Nominal,
    Overloaded,
    Tuple,
    Type,
    Variable,
    show,
)
from ananke.languages.python.library import PythonLibrary, open_library
from ananke.vocabulary.cache import DiskCache

STR, INT = Nominal("builtins:str"), Nominal("builtins:int")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> DiskCache:
    return DiskCache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def standard(cache: DiskCache) -> PythonLibrary:
    return open_library(version=(3, 11), platform="linux", cache=cache)


Project = Maker[..., PythonLibrary]


@pytest.fixture
def project(tmp_path: Path, cache: DiskCache) -> Project:
    """Writes files into a project's folder and opens its library."""

    def make(files: dict[str, str | bytes], **options: object) -> PythonLibrary:
        write(tmp_path, files)
        settings: dict[str, object] = {"version": (3, 11), "platform": "linux"}
        return open_library(project=(tmp_path,), cache=cache, **(settings | options))  # type: ignore[arg-type]

    return make


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def get(library: PythonLibrary, symbol: str) -> Declared | None:
    module, _, name = symbol.partition(":")
    found = library.module(module)
    assert found is not None, f"no module {module}"
    return found.get(name)


def type_of(library: PythonLibrary, symbol: str) -> Type:
    found = get(library, symbol)
    assert isinstance(found, Value | Callable | Alias), found
    return found.type


def class_of(library: PythonLibrary, symbol: str) -> Class:
    found = get(library, symbol)
    assert isinstance(found, Class), found
    return found


def member(library: PythonLibrary, symbol: str, name: str) -> Member:
    return class_of(library, symbol).own[name]


# The standard library.


def test_it_is_a_library(standard: PythonLibrary) -> None:
    library: Library = standard
    assert library.is_open
    assert library.module("no_such_module") is None
    assert library.module("os..path") is None
    assert "os" in library.submodules("")
    assert {"abc"} <= set(library.submodules("collections"))


def test_members_of_str(standard: PythonLibrary) -> None:
    text = class_of(standard, "builtins:str")
    assert text.bases == (Nominal("typing:Sequence", (STR,)),)
    assert {name for name in dir(str) if not name.startswith("__")} <= set(text.own)
    join = text.own["join"]
    assert join.binding is Binding.METHOD
    assert isinstance(join.declared, Callable)
    assert isinstance(join.declared.type, Overloaded)
    receiver, iterable = join.declared.type.choices[-1].parameters
    assert iterable.type == Nominal("typing:Iterable", (STR,))
    assert (receiver.kind, iterable.kind) == (Kind.POSITIONAL, Kind.POSITIONAL)
    assert join.declared.type.choices[-1].result == STR


def test_modules_under_other_names(standard: PythonLibrary) -> None:
    assert get(standard, "os:path") == Submodule("os.path")
    assert get(standard, "os.path:join") is get(standard, "posixpath:join")
    assert class_of(standard, "collections.abc:Mapping").symbol == "typing:Mapping"
    assert class_of(standard, "builtins:IOError").symbol == "builtins:OSError"
    assert get(standard, "os:sys") is None, "a stub's own import is not exported"


def test_overloads(standard: PythonLibrary) -> None:
    run = type_of(standard, "subprocess:run")
    assert isinstance(run, Overloaded)
    assert len(run.choices) == 6
    assert run.choices[0].result == Nominal("subprocess:CompletedProcess", (STR,))
    assert {p.name for p in run.choices[0].parameters} >= {"args", "check", "capture_output"}


def test_type_parameters(standard: PythonLibrary) -> None:
    mapping = class_of(standard, "builtins:dict")
    key, value = mapping.parameters
    assert (key.name, key.owner) == ("_KT", "builtins:dict")
    assert mapping.bases == (Nominal("typing:MutableMapping", (key, value)),)
    get_ = mapping.own["get"].declared
    assert isinstance(get_, Callable)
    assert "_T" in show(get_.type.choices[-1].result)  # type: ignore[union-attr]
    assert isinstance(type_of(standard, "typing:AnyStr"), Variable)


def test_properties_and_enumerations(standard: PythonLibrary) -> None:
    name = member(standard, "enum:Enum", "name")
    assert name.binding is Binding.PROPERTY
    assert not name.writable
    status = class_of(standard, "http:HTTPStatus")
    assert "enum" in status.flags
    assert status.own["OK"].declared == Value(Literal("OK", "http:HTTPStatus"), is_final=True)


def test_special_forms_tell_their_names(standard: PythonLibrary) -> None:
    for module in ("typing", "typing_extensions"):
        form = type_of(standard, f"{module}:Optional")
        assert form == Nominal("typing:_SpecialForm", (Literal("Optional", "builtins:str"),))
        assert class_of(standard, f"{module}:List").symbol == "builtins:list"


def test_version_and_platform_decide(cache: DiskCache) -> None:
    old = open_library(version=(3, 11), platform="linux", cache=cache)
    new = open_library(version=(3, 13), platform="win32")
    assert old.module("distutils.core") is not None
    assert new.module("distutils.core") is None
    assert new.module("distutils") is None
    assert old.module("tomllib") is not None
    assert get(old, "os:fork") is not None
    assert get(new, "os:fork") is None
    assert get(new, "os:startfile") is not None
    assert get(old, "builtins:WindowsError") is None
    assert class_of(new, "builtins:WindowsError").symbol == "builtins:OSError"
    assert get(old, "itertools:batched") is None
    assert class_of(new, "itertools:batched").symbol == "itertools:batched"


#: Names that the modules have at run time only because they import them for themselves, or that
#: the stubs leave out on purpose.
KNOWN_GAPS = {
    "builtins": {"False", "None", "True"},
    "imp": {"SourcelessFileLoader"},
    "mmap": {"error"},
    "sqlite3": {"Timestamp"},
    "stringprep": {"unicodedata"},
    "uuid": {"bytes_", "int_", "Enum"},
    "asynchat": {"deque", "find_prefix_at_end"},
    "cgitb": {"html_escape"},
}


@pytest.mark.skipif(sys.platform != "linux", reason="compared with the running interpreter")
def test_exports_are_those_of_the_interpreter(cache: DiskCache) -> None:
    """Of each module's public names, those made elsewhere and merely imported left aside."""
    library = open_library(cache=cache)
    compared = 0
    missing: dict[str, set[str]] = {}
    skipped = {"antigravity", "this", "idlelib", "turtledemo", "tkinter", "turtle"}
    for name in sorted(sys.stdlib_module_names - skipped):
        if name.startswith("_"):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                real = importlib.import_module(name)
        except ImportError:
            continue
        module = library.module(name)
        assert module is not None, name
        names = set(module.names())
        wanted = set(getattr(real, "__all__", ()))
        if not wanted:
            wanted = {one for one in dir(real) if not one.startswith("_") and belongs(real, one)}
        lost = {one for one in wanted if one not in names or module.get(one) is None}
        compared += 1
        if lost - KNOWN_GAPS.get(name, set()):
            missing[name] = lost - KNOWN_GAPS.get(name, set())
    assert compared > 100
    assert missing == {}


def belongs(module: types.ModuleType, name: str) -> bool:
    """Whether the module declares the name; what it only imports is not for others."""
    value = getattr(module, name)
    home = getattr(value, "__module__", None)
    return not isinstance(value, types.ModuleType) and home == module.__name__


# Packages and projects.


def test_declarations_of_inline_code(project: Project) -> None:
    library = project(
        {
            "app/__init__.py": "from .core import Thing as Thing, helper\nVERSION = '1.2'\n",
            "app/core.py": """
import logging
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple, TypedDict

LIMIT: Final = 3
log = logging.getLogger(__name__)
pair = (1, "a")
anything = compute()

@dataclass(frozen=True)
class Thing:
    name: str
    size: int = 0
    parts: list[str] = field(default_factory=list)
    cache: dict = field(init=False)

    def __post_init__(self, extra: "int | None" = None):
        self.extra = extra
        self.other = self.compute()
        self.count = 0

    @property
    def label(self) -> str:
        return self.name

    @label.setter
    def label(self, value: str) -> None: ...

    @cached_property
    def big(self) -> bytes: return b""

    @classmethod
    def make(cls, name: str) -> "Thing": return cls(name)

    @staticmethod
    def free(x: int) -> int: return x

    @magic
    def unknown(self): ...

class Point(NamedTuple):
    x: int
    y: int = 0

class Options(TypedDict, total=False):
    deep: bool

async def load(path: str): ...
async def stream():
    yield 1
def helper(a, /, b: int = 1, *rest: str, c, **more: bytes) -> None: ...
""",
        }
    )
    assert get(library, "app:Thing") is get(library, "app.core:Thing")
    assert type_of(library, "app:VERSION") == STR
    assert type_of(library, "app.core:log") == Nominal("logging:Logger")
    assert type_of(library, "app.core:pair") == Tuple((INT, STR))
    assert type_of(library, "app.core:anything") == UNKNOWN
    assert get(library, "app.core:LIMIT") == Value(Literal(3, "builtins:int"), is_final=True)
    thing = class_of(library, "app:Thing")
    assert thing.flags == {"dataclass", "frozen"}
    parts = Nominal("builtins:list", (STR,))
    assert thing.fields == (("name", STR, False), ("size", INT, True), ("parts", parts, True))
    shown = {
        name: (one.binding.name, show(one.declared.type))  # type: ignore[union-attr]
        for name in thing.own
        if (one := thing.own[name]) and name != "__post_init__"
    }
    assert shown == {
        "name": ("VARIABLE", "str"),
        "size": ("VARIABLE", "int"),
        "parts": ("VARIABLE", "list[str]"),
        "cache": ("VARIABLE", "dict"),
        "extra": ("INSTANCE", "int | None"),
        "other": ("INSTANCE", "unknown"),
        "count": ("INSTANCE", "int"),
        "label": ("PROPERTY", "(self: Self) -> str"),
        "big": ("PROPERTY", "(self: Self) -> bytes"),
        "make": ("CLASS_METHOD", "(cls: type[Self], name: str) -> Thing"),
        "free": ("STATIC", "(x: int) -> int"),
        "unknown": ("VARIABLE", "unknown"),
    }
    assert thing.own["label"].writable
    assert class_of(library, "app.core:Point").fields == (("x", INT, False), ("y", INT, True))
    assert {"typeddict", "total=False"} <= class_of(library, "app.core:Options").flags
    load = type_of(library, "app.core:load")
    assert show(load) == "(path: str) -> CoroutineType[unknown, unknown, unknown]"
    assert show(type_of(library, "app.core:stream")) == "() -> unknown"
    helper = type_of(library, "app:helper")
    assert isinstance(helper, Function)
    assert [(p.name, p.kind, p.has_default) for p in helper.parameters] == [
        ("a", Kind.POSITIONAL, False),
        ("b", Kind.EITHER, True),
        ("rest", Kind.VARIADIC, False),
        ("c", Kind.NAMED, False),
        ("more", Kind.NAMED_VARIADIC, False),
    ]


def test_what_is_uncertain_is_unknown(project: Project) -> None:
    library = project(
        {
            "a.py": """
import json
try:
    import orjson as fast
except ImportError:
    fast = None
if flag:
    def f(x: int): ...
else:
    def f(x: str): ...
value = 1
value = "a"
later = None
class Odd(base()):
    a = property(fget)
    b = b2 = 3
@register
class Registered: ...
def set_it():
    global hidden
    hidden = 3
for index in range(3): pass
with open("x") as file: pass
first, second = 1, 2
print(walrus := 3)
"""
        }
    )
    for name in ("fast", "f", "later", "hidden", "index", "file", "first", "second", "walrus"):
        assert get(library, f"a:{name}") == Value(UNKNOWN), name
    assert show(type_of(library, "a:value")) == "int | str"
    assert get(library, "a:json") == Submodule("json")
    odd = class_of(library, "a:Odd")
    assert odd.is_open
    assert odd.own["a"].declared == Value(UNKNOWN)
    assert odd.own["b"].declared == Value(INT)
    assert class_of(library, "a:Registered").is_open
    module = library.module("a")
    assert module is not None
    assert not module.is_open
    assert module.get("nothing") is None


def test_exports(project: Project) -> None:
    library = project(
        {
            "p/__init__.py": "from .a import *\nfrom . import b\n__all__ = a.__all__ + ['own']\nown=1",  # noqa: E501
            "p/a.py": "__all__ = ['x', '_y']\n__all__ += ['z']\nx = 1\n_y = 2\nz = 3\nw = 4",
            "p/b.py": "from p import *\nfrom .missing import gone\nimport sys as _sys\nq = 1",
            "p/open.py": "def __getattr__(name): ...",
            "p/dynamic.py": "globals().update(x=1)",
            "s.pyi": "import os\nimport re as re\nfrom p.a import x\nfrom p.a import z as z\nn: int",  # noqa: E501
        }
    )
    package = library.module("p")
    assert package is not None
    assert package.is_package
    assert set(package.star_names()) == {"own", "x", "_y", "z"}
    assert {"a", "b", "open", "dynamic", "x", "_y", "z", "own"} <= set(package.names())
    assert package.get("w") is None
    assert package.get("a") == Submodule("p.a")
    below = library.module("p.b")
    assert below is not None
    assert {"x", "own", "q", "gone"} <= set(below.star_names())
    assert below.get("gone") == Value(UNKNOWN)
    assert [library.module(f"p.{n}").is_open for n in ("a", "open", "dynamic")] == [  # type: ignore[union-attr]
        False,
        True,
        True,
    ]
    stub = library.module("s")
    assert stub is not None
    assert set(stub.star_names()) == {"re", "z", "n"}
    assert [stub.get(name) is None for name in ("os", "re", "x", "z")] == [True, False, True, False]


def test_an_environment_is_found_without_running_it(tmp_path: Path, cache: DiskCache) -> None:
    packages = tmp_path / "venv" / "lib" / "python3.12" / "site-packages"
    write(
        tmp_path,
        {
            "venv/pyvenv.cfg": "home = /nowhere/bin\nversion_info = 3.12.4\n",
            "venv/bin/python": "#!/bin/sh\necho executed > executed\n",
            "elsewhere/edited/__init__.py": "e = 1",
            "mapped/m.py": "m = 1",
        },
    )
    write(
        packages,
        {
            "typed/__init__.py": "x: int = 1",
            "typed/py.typed": "",
            "stubbed/__init__.py": "raise SystemExit('executed')\ny = 1",
            "stubbed/extra.py": "only_inline = 1",
            "stubbed-stubs/__init__.pyi": "y: str",
            "half/__init__.py": "z = 1",
            "half/rest.py": "r = 1",
            "half-stubs/__init__.pyi": "z: str",
            "half-stubs/py.typed": "partial\n",
            "space/part/__init__.py": "",
            "fast.cpython-312-x86_64-linux-gnu.so": b"\x7fELF",
            "more.pth": f"# folders\n{tmp_path / 'elsewhere'}\nimport os; os.abort()\n",
            "__editable___m_1_0_finder.py": "import os\nos.abort()\n"
            f"MAPPING: dict[str, str] = {{'m': {str(tmp_path / 'mapped' / 'm.py')!r}}}\n",
            "__editable__.m-1.0.pth": "import __editable___m_1_0_finder; "
            "__editable___m_1_0_finder.install()",
        },
    )
    for named in (tmp_path / "venv", tmp_path / "venv/bin/python", packages):
        library = open_library(environment=named, platform="linux", cache=cache)
        assert library.target.version == (3, 12)
        assert not library.is_open
        assert type_of(library, "typed:x") == INT
        assert type_of(library, "stubbed:y") == STR
        assert library.module("stubbed.extra") is None
        assert type_of(library, "half:z") == STR
        assert type_of(library, "half.rest:r") == INT
        space = library.module("space")
        assert space is not None
        assert space.is_package
        assert not space.is_open
        assert space.get("part") == Submodule("space.part")
        assert library.module("fast").is_open  # type: ignore[union-attr]
        assert type_of(library, "edited:e") == INT
        assert type_of(library, "m:m") == INT
        assert library.module("absent") is None
        assert {"typed", "stubbed", "half", "space", "fast", "edited", "m", "os"} <= set(
            library.submodules("")
        )
    assert not list(tmp_path.rglob("executed"))


@pytest.mark.parametrize("kind", ["missing", "file", "folder"])
def test_what_is_no_environment_says_so(tmp_path: Path, kind: str) -> None:
    named = tmp_path / "thing"
    if kind == "file":
        named.write_text("")
    elif kind == "folder":
        named.mkdir()
    with pytest.raises(ValueError, match="thing: "):
        open_library(environment=named)


def test_the_requests_own_stubs_come_first(project: Project) -> None:
    library = project(
        {"host/api.py": "x = 1", "own.py": "y = 1"},
        stubs={"host.api": "def send(text: str) -> int: ...", "new.deep.mod": "v: int"},
    )
    assert get(library, "host.api:x") is None
    assert show(type_of(library, "host.api:send")) == "(text: str) -> int"
    assert type_of(library, "new.deep.mod:v") == INT
    assert get(library, "new:deep") == Submodule("new.deep")
    assert "new" in library.submodules("")


def test_new_types_and_made_classes(project: Project) -> None:
    library = project(
        {
            "n.py": """
from collections import namedtuple
from typing import NamedTuple, NewType, TypeVar, Union, Callable, ParamSpec
T = TypeVar("T", bound="Sized")
P = ParamSpec("P")
UserId = NewType("UserId", int)
Pair = namedtuple("Pair", "left right")
Row = NamedTuple("Row", [("id", int), ("name", str)])
Either = Union[int, list[T]]
Handler = Callable[P, T]
Both = int | None
same = UserId
def use(x: Either[str], h: Handler[[int], str], n: "Both", u: UserId) -> Either: ...
class Sized: ...
"""
        }
    )
    assert class_of(library, "n:UserId").bases == (INT,)
    assert [name for name, _, _ in class_of(library, "n:Pair").fields] == ["left", "right"]
    assert class_of(library, "n:Row").fields == (("id", INT, False), ("name", STR, False))
    assert get(library, "n:same") is get(library, "n:UserId")
    use = type_of(library, "n:use")
    assert isinstance(use, Function)
    shown = [show(p.type) for p in use.parameters]
    assert shown[0] == "int | list[str]"
    assert shown[2:] == ["int | None", "UserId"]
    assert show(use.result) == "int | list[unknown]"
    variable = type_of(library, "n:T")
    assert isinstance(variable, Variable)
    assert variable.bound == Nominal("n:Sized")


# What is broken or hostile.


def test_a_broken_file_keeps_what_parses(project: Project) -> None:
    library = project(
        {"b.py": "x = 1\ndef f(a: int) -> str:\n    return (\n\nclass C:\n    y = 2\n"}
    )
    module = library.module("b")
    assert module is not None
    assert module.is_open
    assert type_of(library, "b:x") == INT
    assert isinstance(get(library, "b:C"), Class)


def test_circles_end(project: Project) -> None:
    library = project(
        {
            "a.py": "from b import *\nfrom b import x\nfrom a import y\nclass A(B): ...\n",
            "b.py": "from a import *\nfrom a import x\nclass B(a.A): ...\nimport a\nz = w\nw = z\n",
            "s.py": "class S(S): ...\nT = list[T]\nU = U | int\n@s\ndef s(): ...\ns = s\n",
        }
    )
    for module in ("a", "b", "s"):
        found = library.module(module)
        assert found is not None
        for name in found.names():
            found.get(name)
    assert get(library, "b:z") == Value(UNKNOWN)
    assert get(library, "a:x") == Value(UNKNOWN)


@pytest.mark.parametrize(
    "content",
    [
        b"\0\1\2" * 1000,
        b"\xff\xfe\xfa",
        b"# coding: no-such-codec\nx = 1",
        b"x = " + b"(" * 5000 + b")" * 5000,
        b"x = " + b"-" * 100_000 + b"1",
        b"x = " + b"1+" * 50_000 + b"1",
        b"x: " + b"list[" * 150 + b"int" + b"]" * 150,
        b"".join(b" " * at + b"if x:\n" for at in range(99)) + b" " * 99 + b"y = 1",
        b"class A:\n" + b"".join(b" " * at + b"class A:\n" for at in range(1, 90)) + b" " * 90 + b"x=1",  # noqa: E501
        b"x = " + b"a." * 3000 + b"b",
        b"x: " + b"'" + b"\\'" * 100 + b"'",
    ],
)  # fmt: skip
def test_hostile_files_become_unknown(project: Project, content: bytes) -> None:
    library = project({"h.py": content, "use.py": "from h import *\nfrom h import x\n"})
    module = library.module("use")
    assert module is not None
    for name in (*module.names(), "x"):
        module.get(name)
    h = library.module("h")
    assert h is not None
    found = h.get("x")
    assert h.is_open or isinstance(found, Value | Class) or h.get("A") is not None


def test_a_stub_of_50_000_lines(project: Project, cache: DiskCache) -> None:
    lines = [f"def f{at}(x: int, y: str = ...) -> list[C{at % 9}]: ..." for at in range(50_000)]
    text = "\n".join([*lines, *(f"class C{at}: ..." for at in range(9))])
    library = project({"big.pyi": text})
    assert show(type_of(library, "big:f49999")) == "(x: int, y: str = ...) -> list[C4]"
    assert not library.module("big").is_open  # type: ignore[union-attr]
    again = project({})
    assert show(type_of(again, "big:f49999")) == "(x: int, y: str = ...) -> list[C4]"


def test_folders_that_lead_in_circles(tmp_path: Path, project: Project) -> None:
    write(tmp_path, {"pkg/__init__.py": "", "locked/__init__.py": "x = 1"})
    (tmp_path / "pkg" / "again").symlink_to(tmp_path / "pkg")
    (tmp_path / "pkg" / "loop.py").symlink_to(tmp_path / "pkg" / "loop.py")
    os.mkfifo(tmp_path / "pkg" / "pipe.py")
    library = project({})
    assert library.module(".".join(["pkg"] + ["again"] * 40)) is None
    assert library.module("pkg.again.again") is not None
    assert library.module("pkg.loop") is None
    assert library.module("pkg.pipe").is_open  # type: ignore[union-attr]
    (tmp_path / "locked").chmod(0)
    try:
        again = project({})
        list(again.submodules("locked"))
        assert again.module("locked") is not None
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_a_damaged_index_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, standard: PythonLibrary
) -> None:
    cache = DiskCache(tmp_path)
    monkeypatch.setattr(cache, "get", lambda kind, key: memoryview(b"\xff" * 1000))
    seen: list[tuple[int, int]] = []
    library = open_library(
        version=(3, 11),
        platform="linux",
        cache=cache,
        progress=lambda done, whole: seen.append((done, whole)),
    )
    assert get(library, "os:getcwd") is not None
    assert seen[0][0] == 0
    assert seen[-1][0] == seen[-1][1] > 600
