"""What a request says of the names at its place, as the scope that the text begins in.

    scope, expects = begin_scope(program, given)

Each entry becomes a declaration that the language's own rules read: a binding `x: list[int]`, a
function `def f(a: int) -> str: ...`. Classes and aliases stand before what names them, in whatever
order they are given. Types may name what the text itself may not: all of `typing`, and what a
dotted path leads to (`pathlib.Path`), without an import.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ananke.analysis.judgement import Given, Inside, SurroundingsError
from ananke.analysis.scopes import Entry, Frame, Scope
from ananke.analysis.types import UNKNOWN, ClassOf, Nominal, Type
from ananke.languages.python.meaning.annotations import special_names
from ananke.languages.python.meaning.context import Program
from ananke.languages.python.meaning.program import judge
from ananke.parsing.grammar import load_grammar
from ananke.parsing.node import Node

__all__ = ["begin_scope"]

_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
#: The body of a class.
_HEADER = re.compile(r":[ \t]*(#.*)?\n(.|\n)*|:[^\n:]*\Z")
#: A variable, or what can be narrowed of it.
_PATH = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*|\[-?\d+\]|\[\"[^\"\\\s]*\"\]|\['[^'\\\s]*'\])*")
_IMPORTS = ("import_statement", "import_from_statement", "future_import_statement")
#: Stands for the name of what is only a type, and for a type that isn't known.
_NAMELESS, _ANY = "_nameless_", "object"


@dataclass(frozen=True, slots=True)
class _Declaration:
    """A declaration: its place in the request, the name it declares ("": none), its text."""

    place: str
    name: str
    text: str


def begin_scope(program: Program, given: Given) -> tuple[Scope, Type | None]:
    """The scope that a text begins in, and the type of the whole where one is due.

    Raises:
        SurroundingsError: what an entry says is not Python, or names what there isn't.
    """
    imports = [
        _Declaration(f"scope.imports[{at}]", "", text) for at, text in enumerate(given.imports)
    ]
    bindings = [
        _Declaration(f"scope.bindings[{at}].type", name, type_ or _ANY)
        for at, (name, type_, _) in enumerate(given.bindings)
    ]
    for at, one in enumerate(bindings):
        if _PATH.fullmatch(one.name) is None or keyword.iskeyword(one.name):
            raise SurroundingsError(f"scope.bindings[{at}].name", f"{one.name!r} is no variable")
    inside = given.inside
    types = [
        _Declaration(place, "", type_)
        for place, type_ in (
            ("scope.inside.result", inside.result),
            ("scope.expects", given.expects),
        )
        if type_ is not None
    ]
    declared = _in_order(
        [
            *(
                _Declaration(f"scope.classes[{at}].source", name, source)
                for at, (name, source) in enumerate(given.classes)
            ),
            *(
                _Declaration(f"scope.aliases[{at}].type", name, f"type {name} = {type_}")
                for at, (name, type_) in enumerate(given.aliases)
            ),
            *(
                _Declaration(
                    f"scope.functions[{at}].signature",
                    name,
                    f"{'async ' * is_async}def {name}{signature}: ...",
                )
                for at, (name, signature, is_async) in enumerate(given.functions)
            ),
            *(one for one in bindings if one.name.isidentifier()),
        ]
    )
    reader = _Reader(program, [*declared, *bindings, *types])
    for one in imports:
        reader.read(one, _IMPORTS, many=True)
    for one in declared:
        kinds = _KINDS.get(one.place.partition("[")[0])
        if kinds is None:
            reader.foresee(one)
        else:
            reader.read(one, kinds)
    reader.settle()
    result = expects = None
    for one in types:
        if one.place == "scope.expects":
            expects = reader.type(one)
        else:
            result = reader.type(one)
    scope = _around(reader.scope(), inside, result)
    for one, (name, type_, is_declared) in zip(bindings, given.bindings, strict=True):
        held = UNKNOWN if type_ is None else reader.type(one)
        if name.isidentifier():
            scope = scope.bind(name, Entry(held, held if is_declared else None))
        else:
            scope = scope.with_fact(name, held)
    return scope.but(loop=inside.loops), expects


#: The fields of nodes whose insides aren't judged.
_GIVEN = {
    "function_definition": "body",
    "default_parameter": "value",
    "typed_default_parameter": "value",
}
_KINDS = {
    "scope.classes": ("class_definition", "decorated_definition"),
    "scope.aliases": ("type_alias_statement",),
    "scope.functions": ("function_definition",),
}


def _around(module: Scope, inside: Inside, result: Type | None) -> Scope:
    """The scope at the place: the module's, or that of a function in it."""
    if inside.function is None:
        return module
    owner, _, name = inside.function.rpartition(".")
    entry = module.names.get(owner)
    symbol = ""
    if entry is not None and isinstance(entry.type, ClassOf):
        instance = entry.type.instance
        symbol = instance.symbol if isinstance(instance, Nominal) else ""
    outer = module
    if owner:
        outer = Scope(
            "class",
            module,
            frame=Frame(owner=symbol),
            classes=module.classes,
            path=f"{owner}.",
            flags=module.flags,
        )
    return Scope(
        "function",
        outer,
        frame=Frame(result, inside.is_async, inside.receiver or "", symbol, name),
        classes=module.classes,
        path=f"{inside.function}.",
        flags=module.flags,
    )


def _in_order(declarations: Iterable[_Declaration]) -> list[_Declaration]:
    """Each declaration after those that it names, as far as they don't name each other; a class
    after those in its header in any case."""
    waiting = {one.name: one for one in declarations}
    needed = {name: _needed(one) & waiting.keys() for name, one in waiting.items()}
    ordered: list[_Declaration] = []
    path: list[_Declaration] = []
    names: set[str] = set()

    def is_due(name: str) -> bool:
        """Whether the name is to be declared first: it doesn't need what is under way itself."""
        seen, left = {name}, [name]
        while left:
            for one in needed[left.pop()] - seen:
                if one in names:
                    return False
                seen.add(one)
                left.append(one)
        return True

    while waiting or path:
        if not path:
            path.append(waiting.pop(next(iter(waiting))))
            names.add(path[-1].name)
        here = path[-1]
        due = next(
            (
                name
                for name in (*needed[here.name], *_used(here.text))
                if name in waiting and is_due(name)
            ),
            None,
        )
        if due is None:
            ordered.append(path.pop())
            names.remove(here.name)
        else:
            path.append(waiting.pop(due))
            names.add(due)
    return ordered


def _needed(one: _Declaration) -> set[str]:
    """The names without which a declaration says nothing."""
    is_class = one.place.startswith("scope.classes")
    return {*_used(_HEADER.sub("", one.text, count=1) if is_class else one.text)} - {one.name}


def _used(text: str) -> list[str]:
    return [one.partition(".")[0] for one in _NAME.findall(text)]


class _Reader:
    """Reads declarations one after the other; each is bound where the next is read."""

    def __init__(self, program: Program, declared: Iterable[_Declaration]) -> None:
        self._program = program
        names: Mapping[str, None] = dict.fromkeys(
            found for one in declared for found in _NAME.findall(one.text)
        )
        #: Names that types may use beside those in scope.
        self._types = self._run(
            replace(program, allowed=None, denied=()), Scope("module"), self._imports(names)
        )[0]
        self._scope = Scope("module", self._types, flags=frozenset({"deferred annotations"}))
        #: Names that are used and not yet declared: which entry used them first.
        self._owed: dict[str, _Declaration] = {}
        self._is_deferred = False

    def _imports(self, names: Iterable[str]) -> str:
        library, builtin = self._program.library, self._program.builtin_names
        typing = library.module("typing")
        lines: dict[str, None] = {}
        for dotted in names:
            first, *more = dotted.split(".")
            if more:
                parts = dotted.split(".")
                for end in range(1, len(parts)):
                    module = ".".join(parts[:end])
                    if library.module(module) is not None and not keyword.iskeyword(parts[end - 1]):
                        lines[f"import {module}"] = None
            elif first not in builtin and (
                first in special_names("typing") or (typing is not None and typing.get(first))
            ):
                lines[f"from typing import {first}"] = None
        return "".join(f"{line}\n" for line in lines)

    def read(self, one: _Declaration, kinds: tuple[str, ...], *, many: bool = False) -> None:
        """Declares what an entry says: one statement of the kinds, or several."""
        statements = _statements(one.text)
        if not statements or any(each.kind not in kinds for each in statements):
            raise SurroundingsError(one.place, f"{_shown(one.text)} is no {_words(kinds)}")
        if not many and (len(statements) > 1 or _declares(statements[0], one.text) != one.name):
            raise SurroundingsError(
                one.place, f"must declare `{one.name}` and nothing else: {_shown(one.text)}"
            )
        if kinds is _IMPORTS and any(each.kind == "future_import_statement" for each in statements):
            self._is_deferred |= "annotations" in one.text
        # What bodies of methods and defaults say is given, not judged.
        bodies = [
            (body.start, body.end)
            for each in statements
            for node in each.walk()
            if (field := _GIVEN.get(node.kind)) and (body := node.child(field)) is not None
        ]
        known = self._scope.owed
        self._scope = self._run(self._program, self._scope, one.text, one, bodies)[0]
        for name, owed in [*self._scope.owed.items()]:
            if name in known:
                continue
            if any(start <= owed.start < end for start, end in bodies):
                left = {each: o for each, o in self._scope.owed.items() if each != name}
                self._scope = self._scope.but(owed=left)
            else:
                self._owed.setdefault(name, one)

    def foresee(self, one: _Declaration) -> None:
        """Binds a variable that bodies may use, as far as its type can be read yet."""
        type_: Type = UNKNOWN
        with suppress(SurroundingsError):
            type_ = self.type(one)
        self._scope = self._scope.bind(one.name, Entry(UNKNOWN if one.text == _ANY else type_))

    def settle(self) -> None:
        """Everything that was used must be declared by now."""
        for name in self._scope.owed:
            raise SurroundingsError(self._owed[name].place, f"types: `{name}` is not defined")

    def type(self, one: _Declaration) -> Type:
        """The type that an annotation says."""
        text = f"{_NAMELESS}: {one.text}"
        statements = _statements(text)
        inner = statements[0].children if len(statements) == 1 else ()
        is_annotation = (
            len(inner) == 1
            and inner[0].kind == "assignment"
            and inner[0].child("type") is not None
            and inner[0].child("right") is None
        )
        if not is_annotation:
            raise SurroundingsError(one.place, f"{_shown(one.text)} is no type expression")
        # A type is due now: a name in it can't come later.
        here = self._scope.but(flags=frozenset())
        scope, owed = self._run(self._program, here, text, one)
        for name in owed:
            raise SurroundingsError(one.place, f"types: `{name}` is not defined")
        declared = scope.names[_NAMELESS].declared
        return UNKNOWN if declared is None else declared

    def scope(self) -> Scope:
        """The module's scope with all that was declared."""
        flags = frozenset({"deferred annotations"} if self._is_deferred else ())
        return self._scope.but(outer=None, flags=flags)

    def _run(
        self,
        program: Program,
        scope: Scope,
        text: str,
        one: _Declaration | None = None,
        bodies: Sequence[tuple[int, int]] = (),
    ) -> tuple[Scope, tuple[str, ...]]:
        """The scope after the text; what is wrong with it is the entry's error."""
        state = load_grammar("python").parse(f"{text}\n".encode())
        assert state is not None
        # Nothing is remembered beyond the one text.
        fresh = program.afresh(start=scope, expects=None)
        judgement = judge(fresh, state, at_end=True)
        if one is not None and judgement.scope is None:
            raise SurroundingsError(one.place, "is nested deeper than can be read")
        if one is not None:
            for each in judgement.defects:
                if not any(start <= each.start <= end for start, end in bodies):
                    raise SurroundingsError(one.place, each.text())
        assert judgement.scope is not None
        return judgement.scope, tuple(name for name, _ in judgement.owed)


def _statements(text: str) -> tuple[Node, ...]:
    """The statements of a text, as far as it is a program."""
    state = load_grammar("python").parse(f"{text}\n".encode())
    tree = None if state is None or not state.can_end() else state.tree()
    if tree is None:
        return ()
    return tuple(each for each in tree.children if not each.is_extra)


def _declares(statement: Node, text: str) -> str:
    """The name that a statement declares."""
    node: Node | None = statement
    if statement.kind == "decorated_definition":
        node = statement.child("definition")
    name = None if node is None else node.child("name") or node.child("left")
    return "" if name is None else text.encode()[name.start : name.end].decode()


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


def _words(kinds: tuple[str, ...]) -> str:
    return kinds[0].replace("_", " ")
