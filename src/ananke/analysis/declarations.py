"""What a library tells of itself: modules, the names they export, and what each name is.

    library = ...                                  # any `Library`
    module = library.module("collections")         # Module, or None: there is no such module
    module.get("deque")                            # Class(symbol="collections:deque", ...)
    library.resolve("collections:deque")           # the same
    library.resolve("builtins:str").own["join"]    # Member(Callable(...), binding)

Everything is a value. A module and a class look their names up when they are asked
(`Mapping`s that read an index on first use), so a stub of 50,000 lines costs what is used of it.

Names inside types are symbols, `module:Qualified.Name`, of the place where the thing is declared:
what a module merely re-exports keeps the symbol of its home. `is_open` on a module or a class says
that it may have names that are not listed (a module-level `__getattr__`, a base that is unknown, a
file that could not be read to the end); then no name is refused.

*Python*: from stubs and inline annotations. *TypeScript*: a module is a `.d.ts`, an interface is
a `Class` with `is_structural`. *Go*: a module is a package, method sets are `own`, embedded fields
are bases. *Rust*: a module is a `mod`, `own` holds inherent members, traits are classes with
`is_structural` off and impls are `implementations`. *Zig*: a module is a file, its `pub`
declarations are exports; a struct is a class without bases.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from ananke.analysis.types import Function, Overloaded, Type, Variable

__all__ = [
    "Alias",
    "Binding",
    "Callable",
    "Class",
    "Declared",
    "Library",
    "Member",
    "Module",
    "Submodule",
    "Value",
]


@dataclass(frozen=True, slots=True)
class Value:
    """A variable or constant of a type. `is_final`: it may not be assigned."""

    type: Type
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Callable:
    """A function or method; `type` has all its parameters, the receiver's too.

    A function behind a decorator of unknown effect is a `Value(UNKNOWN)` instead.
    """

    type: Function | Overloaded
    is_async: bool = False
    is_abstract: bool = False


@dataclass(frozen=True, slots=True)
class Alias:
    """A type alias: the name stands for `type`, with `parameters` to be substituted."""

    type: Type
    parameters: tuple[Variable, ...] = ()


@dataclass(frozen=True, slots=True)
class Submodule:
    """The name is the module `name` (`import x.y as z`, a package's submodule)."""

    name: str


class Binding(Enum):
    """How a class's member is reached."""

    #: A method: its first parameter takes the instance.
    METHOD = "method"
    #: The first parameter takes the class.
    CLASS_METHOD = "class method"
    STATIC = "static"
    #: Reading an instance's member calls the function; its result is the type.
    PROPERTY = "property"
    #: A variable of instances and class alike.
    VARIABLE = "variable"
    #: A variable of instances only.
    INSTANCE = "instance variable"
    #: A nested class, alias or module.
    NESTED = "nested"


@dataclass(frozen=True, slots=True)
class Member:
    """A name in a class's body. `writable`: assignment to it is allowed. `is_declared`: its type
    is annotated, not inferred from what is assigned."""

    declared: Declared
    binding: Binding
    writable: bool = True
    is_declared: bool = True


@dataclass(frozen=True, eq=False)
class Class:
    """A class; compared by identity, named by `symbol`.

    Attributes:
        symbol: `module:Qualified.Name`.
        parameters: type parameters, in the order in which arguments are given.
        bases: instances of the base classes (`Nominal`), in order, with arguments that mention
            `parameters`. Something else (unknown) makes the class open.
        own: what the body declares, by name; lazily read. Attributes assigned through the
            receiver (`self.x = …`) are in it too.
        metaclass: of `bases`' kind, or None for the one inherited.
        flags: words such as `dataclass`, `frozen`, `kw_only`, `enum`, `protocol`, `namedtuple`,
            `typeddict`, `total=False`, `final`, `abstract`, `runtime_checkable`, `slots`, `stub`
            (declared by a stub, which may leave out what is private).
        fields: dataclass, NamedTuple and TypedDict fields in order: (name, type, has a default);
            own ones only.
        is_open: it may have members that are not listed.
        doc: the first line of what it is, for completions.
    """

    symbol: str
    parameters: tuple[Variable, ...] = ()
    bases: tuple[Type, ...] = ()
    own: Mapping[str, Member] = field(default_factory=dict)
    metaclass: Type | None = None
    flags: frozenset[str] = frozenset()
    fields: tuple[tuple[str, Type, bool], ...] = ()
    is_open: bool = False
    doc: str = ""

    @property
    def name(self) -> str:
        return self.symbol.rpartition(":")[2].rpartition(".")[2]


Declared = Value | Callable | Class | Alias | Submodule


class Module(Protocol):
    """A module's exports."""

    @property
    def name(self) -> str: ...

    @property
    def is_package(self) -> bool: ...

    @property
    def is_open(self) -> bool:
        """Whether it may export names that are not listed."""

    def names(self) -> Iterable[str]:
        """All names that `module.name` and `from module import name` may use, submodules
        included."""

    def star_names(self) -> Iterable[str]:
        """What `from module import *` binds: `__all__`, or the names without underscore."""

    def get(self, name: str) -> Declared | None:
        """What `name` is; None if the module doesn't export it (an open one may still)."""


class Library(Protocol):
    """All modules that the program may see."""

    def module(self, name: str) -> Module | None:
        """The module with the dotted name, or None."""

    def submodules(self, prefix: str) -> Iterable[str]:
        """The last parts of the names of the modules directly below `prefix`; "" for the
        top."""

    def resolve(self, symbol: str) -> Declared | None:
        """What `module:Qualified.Name` declares; None if there is no such thing."""

    @property
    def is_open(self) -> bool:
        """Whether modules that are not listed may exist."""
