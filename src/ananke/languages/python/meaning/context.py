"""What the rules of Python's meaning share while they read: the text, the scope, the defects."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ananke.analysis.declarations import Class, Library
from ananke.analysis.defects import Defect, Domain
from ananke.analysis.judgement import Constraint
from ananke.analysis.scopes import Entry, Owed, Scope, changes
from ananke.analysis.tracing import Event
from ananke.analysis.types import NEVER, UNKNOWN, Nominal, Type
from ananke.analysis.world import Learnt, Lineage, World
from ananke.languages.python.library.conditions import Target
from ananke.parsing.opening import NOWHERE, Tree

__all__ = [
    "BLOCKS",
    "Again",
    "Context",
    "Entrance",
    "Found",
    "Inferred",
    "Program",
    "Reached",
    "builtin",
    "is_none",
]

NONE = Nominal("types:NoneType")
OBJECT = Nominal("builtins:object")
STR = Nominal("builtins:str")
INT = Nominal("builtins:int")
FLOAT = Nominal("builtins:float")
COMPLEX = Nominal("builtins:complex")
BOOL = Nominal("builtins:bool")
BYTES = Nominal("builtins:bytes")
ELLIPSIS = Nominal("types:EllipsisType")

#: What a line end doesn't close.
BLOCKS = frozenset(
    [
        "module",
        "module_repeat1",
        "block",
        "function_definition",
        "class_definition",
        "decorated_definition",
        "if_statement",
        "elif_clause",
        "else_clause",
        "for_statement",
        "while_statement",
        "try_statement",
        "except_clause",
        "except_group_clause",
        "finally_clause",
        "with_statement",
        "match_statement",
        "case_clause",
    ]
)

#: Names that every module has.
MODULE_NAMES = frozenset(
    [
        "__name__",
        "__file__",
        "__doc__",
        "__spec__",
        "__loader__",
        "__package__",
        "__builtins__",
        "__path__",
        "__dict__",
        "__annotations__",
        "__debug__",
        "__cached__",
    ]
)
#: Names that a class's body has besides.
CLASS_NAMES = frozenset(["__qualname__", "__module__"])
#: Names that type checkers know.
CHECKER_NAMES = frozenset(["reveal_type", "reveal_locals", "WindowsError"])

_RUNNING = Target((sys.version_info.major, sys.version_info.minor), sys.platform)
_BUILTINS = frozenset(dir(builtins)) | CHECKER_NAMES


def builtin(name: str, *arguments: Type) -> Nominal:
    """An instance of a builtin class."""
    return Nominal(f"builtins:{name}", arguments)


#: What names of modules and classes hold, as far as that is sure.
_GIVEN_TYPES: dict[str, Type] = {
    **dict.fromkeys(("__name__", "__file__", "__qualname__", "__module__", "__cached__"), STR),
    **dict.fromkeys(("__dict__", "__annotations__"), builtin("dict", STR, UNKNOWN)),
    "__debug__": BOOL,
}


def is_none(type_: Type) -> bool:
    """Whether the type is that of `None`."""
    return type_ == NONE


class Reached(Exception):  # noqa: N818 - not an error
    """The end of an unfinished text: what follows in its tree isn't there."""


#: Finished statements and expressions remembered before all are forgotten.
_REMEMBERED = 50_000
#: Sets of the text's own classes of which something is.
_CLASSES_REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class Entrance:
    """What holds where an open block or statement begins, at byte `start`, and what was wrong
    before it."""

    start: int
    scope: Scope
    trying: int
    muted: int
    lenient: int
    deferred: int
    defects: tuple[Defect, ...]


@dataclass(frozen=True, slots=True)
class Inferred:
    """What an expression, or a stretch of a display, is (a type, or what the display's rule makes
    of it) and does where the scope is `before`, which is kept for its identity."""

    before: Scope
    scope: Scope
    value: Any
    defects: tuple[Defect, ...]


@dataclass(frozen=True, slots=True)
class Again:
    """What was wrong with a method when it was read once more, and in which scope; `words` are all
    that stand in it."""

    scope: Scope
    words: frozenset[str]
    defects: tuple[Defect, ...]


@dataclass(eq=False)
class Program:
    """What all readings of one text share.

    Attributes:
        module: the dotted name of the module that the text is, for relative imports.
        is_package: whether it is a package's `__init__`.
        allowed, denied: prefixes of module names that may and may not be imported; None: any.
        entered: the scopes in which bodies begin, so that the same header gives the same scope.
        entrances: what holds where blocks and statements begin, by the name of all that comes
            before them.
        domains: those that judge; the others' defects are not reported.
        given: where defects begin that are none.
        memo: what finished statements did to a scope, by the scope and the statement.
        again: what finished methods were when they were read once more, by the scope around their
            class and the tree.
        inferred: what finished expressions are, by the tree, the scope, what is expected and how
            they are read.
        lineages: see `World`.
        start: the scope in which the text begins.
    """

    library: Library
    module: str = "__main__"
    is_package: bool = False
    allowed: tuple[str, ...] | None = None
    denied: tuple[str, ...] = ()
    memo: dict[tuple[int, int], tuple[Scope, Scope, tuple[Defect, ...]]] = field(
        default_factory=dict
    )
    entered: dict[tuple[str, tuple[int, ...], tuple[int, ...]], tuple[Scope, ...]] = field(
        default_factory=dict
    )
    entrances: dict[int, Entrance] = field(default_factory=dict)
    again: dict[tuple[int, int], Again] = field(default_factory=dict)
    inferred: dict[tuple[int, int, Hashable, tuple[bool, ...]], Inferred] = field(
        default_factory=dict
    )
    lineages: dict[str, Lineage | None] = field(default_factory=dict)
    start: Scope = field(default_factory=lambda: Scope("module"))
    #: Where `...` stands for something that is to be written: what is expected there and the scope,
    #: by the place. None: it is the value.
    holes: dict[int, tuple[Type | None, Scope]] | None = None
    #: What the statements did, by their start and end, if it is to be told.
    trace: dict[tuple[int, int], Event] | None = None
    domains: frozenset[Domain] = frozenset(Domain)
    given: frozenset[int] = frozenset()
    #: The type of the expression that the whole text is; None: it is statements.
    expects: Type | None = None
    #: Where what is written stays inside of a construct: all names that stand in the text after
    #: it. Others are bound before they are used, or never. None: anything may follow.
    later: frozenset[str] | None = None
    #: What is remembered of the text's own classes, by their identity, for which they are kept.
    _learnt: dict[int, tuple[Mapping[str, Class], Learnt]] = field(default_factory=dict, init=False)
    _builtin_values: dict[str, Type] = field(default_factory=dict, init=False)

    @property
    def target(self) -> Target:
        """The version and platform that the program is for."""
        found = getattr(self.library, "target", None)
        return found if isinstance(found, Target) else _RUNNING

    def forgive(self, places: frozenset[int]) -> Program:
        """The same, but that what is wrong at some bytes is given; what is remembered is shared."""
        return replace(self, given=self.given | places)

    def afresh(self, **changes: Any) -> Program:
        """The same with some attributes changed; of statements nothing is remembered."""
        return replace(self, memo={}, entered={}, entrances={}, again={}, **changes)

    @property
    def _remembered(self) -> tuple[dict[Any, Any], ...]:
        """All that is remembered of trees; in each what was learnt last comes last."""
        return self.memo, self.entered, self.entrances, self.again, self.inferred

    def bound(self) -> None:
        """Forgets all that is remembered of trees if it is too much."""
        if sum(map(len, self._remembered)) > _REMEMBERED:
            self.forget()

    def forget(self) -> None:
        """Forgets what is remembered of trees."""
        for remembered in self._remembered:
            remembered.clear()

    @contextmanager
    def trial(self) -> Iterator[None]:
        """What is learnt of trees within is forgotten after it. A fork in another thread may lose
        what it learnt meanwhile, and learns it again."""
        before = [len(remembered) for remembered in self._remembered]
        try:
            yield
        finally:
            for remembered, length in zip(self._remembered, before, strict=True):
                with suppress(KeyError):
                    while len(remembered) > length:
                        remembered.popitem()

    def learnt(self, classes: Mapping[str, Class]) -> Learnt:
        """What is remembered while these are the text's classes."""
        known = self._learnt.get(id(classes))
        if known is None:
            if len(self._learnt) >= _CLASSES_REMEMBERED:
                self._learnt.clear()
            known = self._learnt[id(classes)] = (classes, Learnt())
        return known[1]

    def builtin_value(self, name: str) -> Type | None:
        """What a name of `builtins` is; None if there is no such name."""
        if name not in self.builtin_names:
            return None
        value = self._builtin_values.get(name)
        if value is None:
            module = self.library.module("builtins")
            found = None if module is None else module.get(name)
            world = World(self.library, {}, self.lineages)
            value = UNKNOWN if found is None else world.value_of(found)
            self._builtin_values[name] = value
        return value

    @cached_property
    def builtin_names(self) -> frozenset[str]:
        module = self.library.module("builtins")
        if module is None:
            return _BUILTINS
        return _BUILTINS | {name for name in module.names() if not _is_of_the_stubs(name)}


def _is_of_the_stubs(name: str) -> bool:
    """Whether a name of `builtins` is one that only its stubs have, for themselves, or every module
    as an object."""
    return name[:1] == "_" and name not in _BUILTINS


@dataclass(frozen=True, slots=True)
class Found:
    """What a name is at a place: its entry, and the scope that binds it (None: builtins)."""

    entry: Entry
    scope: Scope | None


class Context:
    """One reading of one text. `scope` is where it stands; `defects` what it has found."""

    def __init__(
        self,
        program: Program,
        text: Callable[[int, int], bytes],
        edge: int,
        *,
        at_end: bool = False,
        is_closed: bool = False,
        reads_pending: bool = False,
        follows: Callable[[bytes], bool] = lambda _: True,
        words: Callable[[], Iterable[str]] = tuple,
        infer: Callable[[Context, Tree, Type | None], Type],
    ) -> None:
        self.program = program
        self._text = text
        self.edge = edge
        self.at_end = at_end
        #: Whether all that is open is taken for closed here.
        self.is_closed = is_closed
        #: Where set, what holds where open blocks and statements begin is noted, by the place.
        self.entrances: dict[int, Entrance] | None = None
        #: What ends there is open, even where it is taken for closed.
        self.open_end = edge
        #: Whether the last lexeme is unfinished.
        self.reads_pending = reads_pending
        self.follows = follows
        #: Words that may stand where an operand is due, beside names.
        self.words = words
        self.scope = program.start
        self.defects: list[Defect] = []
        self._infer = infer
        #: The expression that may become the target of `:=`, if it is a bare name.
        self.binder: Tree | None = None
        #: Inside brackets that a comprehension's clause may still follow.
        self.lenient = 0
        #: Where nothing is reported (code for another platform).
        self.muted = 0
        #: Where annotations may use names that come later.
        self.deferred = 0
        #: Inside an expression that isn't finished: `if x is not None` may still follow it and
        #: narrow what stands in it, so one member of a union that fits is enough.
        self.unsettled = 0
        #: Inside the body of a `try`.
        self.trying = 0
        #: Whether a definition is read once more because a name that it uses is bound by now.
        self.is_looking_back = False
        self._world: World | None = None
        self._world_classes: Mapping[str, Class] | None = None
        #: Where set, what is asked of the unfinished word is noted here instead of judged.
        self.constraints: list[Constraint] | None = None
        #: Where set, also what it could be: the group, the names, and what each of them is.
        self.offers: list[tuple[str, Iterable[str], Callable[[str], Type | None]]] | None = None
        #: What the unfinished word may be besides: a parameter's name before `=`.
        self.labels: frozenset[str] = frozenset()

    @property
    def world(self) -> World:
        if self._world is None or self._world_classes is not self.scope.classes:
            self._world_classes = self.scope.classes
            program = self.program
            learnt = program.learnt(self.scope.classes)
            self._world = World(program.library, self.scope.classes, program.lineages, learnt)
        self._world.is_loose = self.unsettled > 0
        return self._world

    def enter(
        self,
        word: str,
        header: Iterable[Tree | None],
        body: Tree | None,
        *before: Scope,
    ) -> None:
        """Begins a body: the scope here follows from the scopes `before` and all that is in the
        finished header, so it is the one that they gave the last time, and what is remembered of it
        holds."""
        if self.muted or body is None or not body.is_present:
            # The header may still grow.
            return
        said = [one.identity for one in header if one is not None]
        if not said or not all(said):
            return
        key = (word, tuple(map(id, before)), tuple(said))
        known = self.program.entered.setdefault(key, (*before, self.scope))
        self.scope = known[-1]

    def enter_again(self, tree: Tree, scope: Scope) -> None:
        """Begins a body that has been read, whose finished header is `tree`, in `scope`: in the one
        of the last time if that said the same, so that what is remembered of it holds."""
        key = ("again", (id(scope.outer),), (tree.identity,))
        known = self.program.entered.get(key)
        if known is None or changes(known[-1], scope) != frozenset():
            known = self.program.entered[key] = (scope,)
        self.scope = known[-1]

    def note_entrance(self, tree: Tree) -> None:
        """Notes what holds here, where the block or statement begins, if it is open and asked
        for."""
        if self.entrances is None or tree.end < self.open_end:
            return
        self.entrances[tree.start] = Entrance(
            tree.start,
            self.scope,
            self.trying,
            self.muted,
            self.lenient,
            self.deferred,
            tuple(self.defects),
        )

    def resume(self, entrance: Entrance) -> None:
        """Goes on where a block or statement begins."""
        self.scope, self.trying, self.muted = entrance.scope, entrance.trying, entrance.muted
        self.lenient, self.deferred = entrance.lenient, entrance.deferred
        self.defects = list(entrance.defects)

    def reach(self) -> None:
        """Ends the reading after what is open at the end of the text."""
        if not self.at_end:
            raise Reached

    def infer(self, tree: Tree, expected: Type | None) -> Type:
        """See `expressions.infer`, which needs annotations that need it."""
        return self._infer(self, tree, expected)

    # The text

    def text(self, tree: Tree) -> str:
        if tree.start == NOWHERE:
            return ""
        return self._text(tree.start, min(tree.end, self.edge)).decode("utf-8", "replace")

    def ends_in(self, word: str) -> bool:
        """Whether the unfinished lexeme is the word."""
        start = self.edge - len(word.encode())
        return self.reads_pending and start >= 0 and self._text(start, self.edge) == word.encode()

    def is_final(self, tree: Tree) -> bool:
        """Whether the tree can't grow any more."""
        return tree.end < self.edge or (self.is_closed and tree.kind not in BLOCKS)

    def is_pending(self, tree: Tree) -> bool:
        """Whether the tree is the unfinished lexeme."""
        return self.reads_pending and tree.end == self.edge and not tree.children

    # Defects

    def report(
        self, domain: Domain, message: str, tree: Tree, admitted: Iterable[str] = ()
    ) -> None:
        if self.scope.is_alive and not self.muted and domain in self.program.domains:
            end = min(tree.end, self.edge)
            self.defects.append(
                Defect(domain, message, min(tree.start, end), end, tuple(sorted(admitted)))
            )

    def refuse(self, message: str, tree: Tree) -> None:
        """Reports what no program may hold, whether it is reached or not."""
        if not self.muted and Domain.CONTROLFLOW in self.program.domains:
            end = min(tree.end, self.edge)
            self.defects.append(Defect(Domain.CONTROLFLOW, message, min(tree.start, end), end, ()))

    def require(
        self,
        domain: Domain,
        tree: Tree,
        constraint: Constraint,
        message: Callable[[str], str],
        near: Callable[[str], Iterable[str]],
    ) -> None:
        """Reports an unfinished word that nothing which would be right begins with.

        Args:
            message, near: what to say of the word, and what would have been right.
        """
        if not self.scope.is_alive or self.muted or domain not in self.program.domains:
            return
        if tree.start in self.program.given:
            # Whatever the word becomes is forgiven.
            return
        if self.labels:
            constraint = replace(constraint, names=constraint.names | self.labels)
        if self.constraints is not None:
            self.constraints.append(constraint)
            return
        part = self.text(tree)
        if part.startswith(constraint.openings) or any(
            name.startswith(part) for name in constraint.names
        ):
            return
        if constraint.is_operand and any(word.startswith(part) for word in self.words()):
            return
        self.report(domain, message(part), tree, near(part))

    def may_await(self) -> bool:
        """Whether the place is in an async function, or in a comprehension or lambda of one."""
        scope: Scope | None = self.scope
        while scope is not None and scope.kind in ("comprehension", "lambda"):
            scope = scope.outer
        return scope is not None and scope.kind == "function" and scope.frame.is_async

    def offer(
        self, group: str, names: Iterable[str], type_of: Callable[[str], Type | None]
    ) -> None:
        """Notes what the unfinished word could be, where that is asked for."""
        if self.offers is not None and self.scope.is_alive and not self.muted:
            self.offers.append((group, names, type_of))

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Reads without reporting."""
        self.muted += 1
        try:
            yield
        finally:
            self.muted -= 1

    # Names

    def find(self, name: str) -> Found | None:
        """What the name is here."""
        scope: Scope | None = self.scope
        is_first = True
        while scope is not None:
            if is_first or scope.kind != "class":
                entry = scope.names.get(name)
                if entry is not None:
                    return Found(entry, scope)
                if scope.is_open:
                    return Found(Entry(UNKNOWN), scope)
            # A comprehension directly in a class's body sees its names once, which is lenient.
            is_first = is_first and scope.kind in ("comprehension", "lambda")
            scope = scope.outer
        if name in MODULE_NAMES or (name in CLASS_NAMES and self._in_class()):
            return Found(Entry(_GIVEN_TYPES.get(name, UNKNOWN)), None)
        if name == "__class__" and self._in_method():
            return Found(Entry(UNKNOWN), None)
        value = self.program.builtin_value(name)
        return None if value is None else Found(Entry(value), None)

    def _in_class(self) -> bool:
        scope: Scope | None = self.scope
        while scope is not None:
            if scope.kind == "class":
                return True
            scope = scope.outer
        return False

    def _in_method(self) -> bool:
        """Whether a function around the place is in a class."""
        scope: Scope | None = self.scope
        is_function = False
        while scope is not None:
            if scope.kind == "class" and is_function:
                return True
            is_function = is_function or scope.kind in ("function", "lambda")
            scope = scope.outer
        return False

    def names(self) -> set[str]:
        """All names that `find` knows, and those that stand in the text after the place."""
        names = {*self.program.builtin_names, *MODULE_NAMES, *(self.program.later or ())}
        scope: Scope | None = self.scope
        while scope is not None:
            names.update(scope.names)
            scope = scope.outer
        return names

    def has_open_names(self) -> bool:
        """Whether a name that isn't known may be bound here, or later in time for this use."""
        if self._is_closed_world():
            return self.scope.is_open or bool(self.lenient or self.deferred)
        scope: Scope | None = self.scope
        while scope is not None:
            if scope.is_open or scope.kind in ("function", "lambda") or scope.loop:
                return True
            scope = scope.outer
        return bool(self.lenient or self.deferred)

    def _is_closed_world(self) -> bool:
        """Whether a name that is used here can't be bound by what is still to be written: that is
        inside of the function around, after the use, and in no loop."""
        if self.program.later is None or self.scope.loop or self.trying:
            return False
        scope: Scope | None = self.scope
        functions = 0
        while scope is not None:
            functions += scope.kind in ("function", "lambda", "comprehension")
            scope = scope.outer
        return self.scope.kind == "function" and functions == 1

    def owe(self, name: str, tree: Tree) -> bool:
        """Notes that the name must be bound later; False if it would be too late."""
        if self._is_closed_world() and not self.deferred and name not in (self.program.later or ()):
            return False
        scope: Scope | None = self.scope
        is_lazy = self.deferred > 0
        loop = 0
        while scope is not None:
            if scope.kind in ("function", "lambda"):
                is_lazy = True
            if not is_lazy and scope.loop:
                loop = max(loop, scope.loop)
            scope = scope.outer
        if not is_lazy and not loop:
            return False
        if not self.muted and self.scope.is_alive and self.is_final(tree):
            here = self.scope
            while here.kind == "comprehension" and "lazy" not in here.flags and here.outer:
                here = here.outer
            is_here = here.kind == "function" and not (self.deferred or self.lenient or self.trying)
            inside = here.loop if is_here and name not in here.elsewhere else None
            owed = Owed(tree.start, min(tree.end, self.edge), 0 if is_lazy else loop, inside)
            self.scope = self.scope.but(owed={**self.scope.owed, name: owed})
        return True

    # Types

    def bind(self, name: str, type_: Type, **more: object) -> None:
        entry = Entry(type_, **more)  # type: ignore[arg-type]
        self.scope = self.scope.bind(name, entry)

    def settle(self, type_: Type) -> Type:
        return UNKNOWN if type_ == NEVER else type_
