"""What is known of a place in a file, in the words of Python: the `Given` of its line.

    given = extract(surroundings, text, line=12)

The place is where the statement of that line stands; the statement itself, and all of the file,
stays what it is. A text for the place is written at the left margin. What Python's words can't
say (a function behind a decorator, a type without a name here) is given without a type.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from ananke.analysis.judgement import (
    ExtractionError,
    Given,
    Inside,
    Judgement,
    Surroundings,
    SurroundingsError,
)
from ananke.analysis.scopes import Entry, Scope
from ananke.analysis.types import (
    NEVER,
    UNKNOWN,
    ClassOf,
    Function,
    Nominal,
    Type,
    Unknown,
)
from ananke.languages.python.meaning.context import Program
from ananke.languages.python.meaning.given import begin_scope
from ananke.languages.python.meaning.program import judge
from ananke.languages.python.meaning.request import begin
from ananke.languages.python.meaning.writing import written
from ananke.parsing.grammar import load_grammar
from ananke.parsing.node import Node

__all__ = ["extract"]

_Entry = TypeVar("_Entry")

_SIGN = b"..."
_IMPORTS = ("import_statement", "import_from_statement", "future_import_statement")
#: Statements and expressions that bind names.
_BINDING = frozenset(
    (
        "assignment",
        "augmented_assignment",
        "for_statement",
        "named_expression",
        "as_pattern_target",
        "function_definition",
        "class_definition",
        "nonlocal_statement",
    )
)
_PLACE = re.compile(r"scope\.(\w+)(?:\[(\d+)\])?")


def extract(surroundings: Surroundings, text: bytes, line: int) -> Given:
    """What is known at the statement of a line (from 1), or where a line is empty.

    Raises:
        ExtractionError: no statement may stand there.
        SurroundingsError: something of the surroundings is not there.
    """
    program = begin(surroundings)
    place = _find(program, text, line)
    given = _Extraction(program, place).given()
    while True:
        # What can't be read back is left out, or said without a type.
        try:
            begin_scope(program.afresh(), given)
        except SurroundingsError as error:
            given = _without(given, error.field)
        else:
            return given


@dataclass(frozen=True)
class _Place:
    """A text with a sign at the place: the scope there, the one at the end, and the tree."""

    text: bytes
    start: int
    scope: Scope
    end: Scope
    tree: Node


def _find(program: Program, text: bytes, line: int) -> _Place:
    lines = text.splitlines(keepends=True)
    if not 1 <= line <= len(lines) + 1:
        raise ExtractionError(f"the file has {len(lines)} lines; choose one of them")
    here = lines[line - 1] if line <= len(lines) else b""
    before = b"".join(lines[: line - 1])
    if before and not before.endswith((b"\n", b"\r")):
        before += b"\n"
    after = b"".join(lines[line - 1 :])
    if not here.strip():
        # An empty line belongs to the block of the line before.
        here = next((one for one in reversed(lines[: line - 1]) if one.strip()), b"")
        deeper = b"    " if here.split(b"#")[0].rstrip().endswith(b":") else b""
        here = here[: len(here) - len(here.lstrip(b" \t"))] + deeper
    margin = here[: len(here) - len(here.lstrip(b" \t\f"))]
    # The whole file, or where it is unfinished what is before.
    for whole in (before + margin + _SIGN + b"\n" + after, before + margin + _SIGN + b"\n"):
        start = len(before) + len(margin)
        found = _scopes(program, whole, start)
        if found is not None:
            return _Place(whole, start, *found)
    raise ExtractionError("no statement begins in this line, or it is never reached")


def _scopes(program: Program, text: bytes, start: int) -> tuple[Scope, Scope, Node] | None:
    state = load_grammar("python").parse(text)
    tree = None if state is None or not state.can_end() else state.tree()
    if state is None or tree is None:
        return None
    program = program.afresh(holes={})
    judgement: Judgement = judge(program, state, at_end=True)
    assert program.holes is not None
    if start not in program.holes or judgement.scope is None:
        return None
    return program.holes[start][1], judgement.scope, tree


class _Extraction:
    """Writes what holds at a place."""

    def __init__(self, program: Program, place: _Place) -> None:
        self._program = program
        self._place = place
        self._chain: list[Scope] = []
        scope: Scope | None = place.scope
        while scope is not None:
            self._chain.append(scope)
            scope = scope.outer
        #: What each name is at the place; functions see what the module binds later.
        self._names: dict[str, Entry] = {}
        #: Those of the innermost scope.
        self._own = {*place.scope.names}
        for at, one in enumerate(self._chain):
            if at == 0 or one.kind != "class":
                for name, entry in one.names.items():
                    self._names.setdefault(name, entry)
        for name in self._later():
            self._names.setdefault(name, Entry(UNKNOWN))
        if len(self._chain) > 1:
            for name, entry in place.end.names.items():
                self._names.setdefault(name, entry)
        #: Own classes by symbol: the name that they have here.
        self._symbols = {
            entry.type.instance.symbol: name
            for name, entry in self._names.items()
            if isinstance(entry.type, ClassOf)
            and isinstance(entry.type.instance, Nominal)
            and "@" in entry.type.instance.symbol
        }

    def given(self) -> Given:
        imports = [*self._imports()]
        brought = {name for _, names in imports for name in names}
        classes, functions, aliases, bindings = [], [], [], []
        for name, entry in self._names.items():
            if name in brought:
                continue
            source = self._class_source(entry)
            signature = self._signature(name, entry)
            meaning = entry.means
            if source is not None:
                classes.append((name, source))
            elif signature is not None:
                functions.append((name, *signature))
            elif meaning is not None and (alias := self._written(meaning)) is not None:
                aliases.append((name, alias))
            else:
                declared = entry.declared is not None and name in self._own
                type_ = self._written(entry.declared if declared else entry.type)
                bindings.append((name, type_, declared and type_ is not None))
        for path, fact in self._facts().items():
            bindings.append((path, self._written(fact), False))
        return Given(
            tuple(statement for statement, _ in imports),
            tuple(classes),
            tuple(aliases),
            tuple(functions),
            tuple(bindings),
            self._inside(),
        )

    def _written(self, type_: Type | None) -> str | None:
        if type_ is None or isinstance(type_, Unknown) or type_ == NEVER:
            return None
        return written(type_, self._symbols, self._names)

    def _facts(self) -> dict[str, Type]:
        found: dict[str, Type] = {}
        for scope in self._chain:
            for path, fact in scope.facts.items():
                found.setdefault(path, fact)
            if scope.kind in ("function", "module"):
                break
        return found

    def _inside(self) -> Inside:
        scope = self._place.scope
        if scope.kind != "function":
            return Inside(loops=scope.loop)
        frame = scope.frame
        return Inside(
            scope.path.rstrip("."),
            frame.is_async,
            self._written(frame.returns),
            frame.receiver or None,
            scope.loop,
        )

    def _later(self) -> Iterator[str]:
        """Names that functions around the innermost bind anywhere."""
        around = [
            node
            for node in self._place.tree.walk()
            if node.kind == "function_definition" and node.start <= self._place.start < node.end
        ]
        for function in around[:-1]:
            for node in function.walk():
                if node.kind in _BINDING:
                    target = node.child("left") or node.child("name") or node.child("alias") or node
                    for one in target.walk():
                        if one.kind == "identifier":
                            yield self._place.text[one.start : one.end].decode()

    # Imports

    def _imports(self) -> Iterator[tuple[str, list[str]]]:
        """Import statements of one thing each that give a name what it is here, and the names."""
        for statement in self._visible(self._place.tree):
            for one in self._single(statement):
                brought = self._brings(one)
                if brought is not None:
                    yield one, brought

    def _visible(self, node: Node) -> Iterator[Node]:
        """Import statements of the scopes around the place."""
        for one in node.children:
            if one.kind in _IMPORTS:
                yield one
            elif one.kind == "function_definition" or one.kind == "class_definition":
                if one.start <= self._place.start < one.end:
                    yield from self._visible(one)
            else:
                yield from self._visible(one)

    def _single(self, statement: Node) -> Iterator[str]:
        text = self._place.text
        module = statement.child("module_name")
        named = [
            text[one.start : one.end].decode() for one in statement.children if one.field == "name"
        ]
        if statement.kind == "import_statement":
            yield from (f"import {one}" for one in named)
            return
        if statement.kind == "future_import_statement":
            yield from (f"from __future__ import {one}" for one in named)
            return
        source = "" if module is None else text[module.start : module.end].decode()
        is_star = any(one.kind == "wildcard_import" for one in statement.children)
        yield from (f"from {source} import {one}" for one in (["*"] if is_star else named))

    def _brings(self, statement: str) -> list[str] | None:
        """The names to which the statement gives what they are; None if it doesn't."""
        try:
            scope, _ = begin_scope(
                self._program.afresh(),
                Given(imports=(statement,)),
            )
        except SurroundingsError:
            return None
        if scope.is_open or not scope.names:
            return []
        same = [name for name, entry in scope.names.items() if self._is(name, entry)]
        return same or None

    def _is(self, name: str, entry: Entry) -> bool:
        here = self._names.get(name)
        return here is not None and (here.type, here.means) == (entry.type, entry.means)

    # Classes and functions

    def _class_source(self, entry: Entry) -> str | None:
        type_ = entry.type
        if not isinstance(type_, ClassOf) or not isinstance(type_.instance, Nominal):
            return None
        _, is_own, start = type_.instance.symbol.partition("@")
        return self._statement(int(start)) if is_own else None

    def _statement(self, name: int) -> str | None:
        """The class whose name stands at a place, decorators and all, at the left margin."""
        for node in self._place.tree.walk():
            if node.kind not in ("class_definition", "decorated_definition"):
                continue
            inner = node if node.kind == "class_definition" else node.child("definition")
            word = None if inner is None else inner.child("name")
            if word is not None and word.start == name:
                text = self._place.text[: node.end]
                margin = text.rfind(b"\n", 0, node.start) + 1
                if text[margin : node.start].strip():
                    return None
                return textwrap.dedent(text[margin:].decode())
        return None

    def _signature(self, name: str, entry: Entry) -> tuple[str, bool] | None:
        """What stands after a function's name, and whether it is async."""
        function = entry.type
        if not isinstance(function, Function) or entry.member is None:
            return None
        for node in self._place.tree.walk():
            word = node.child("name") if node.kind == "function_definition" else None
            if word is None or self._place.text[word.start : word.end].decode() != name:
                continue
            if isinstance(node_type := self._returned(node, function), str):
                is_async = node.children[0].kind == "async"
                return self._parameters(node) + node_type, is_async
        return None

    def _returned(self, node: Node, function: Function) -> str | None:
        """The arrow and what is returned; None if the node isn't the function's."""
        words = [one for one in self._listed(node) if one.kind not in ("*", "/")]
        if len(words) != len(function.parameters):
            return None
        returns = node.child("return_type")
        if returns is not None:
            return f" -> {self._place.text[returns.start : returns.end].decode()}"
        return " -> typing.NoReturn" if function.result == NEVER else ""

    def _listed(self, node: Node) -> list[Node]:
        parameters = node.child("parameters")
        return [
            one
            for one in (() if parameters is None else parameters.children)
            if one.is_named
            and one.kind not in ("comment", "positional_separator", "keyword_separator")
        ]

    def _parameters(self, node: Node) -> str:
        """The parameters, `...` in place of each default."""
        text, parts = self._place.text, list[bytes]()
        parameters = node.child("parameters")
        variables = node.child("type_parameters")
        assert parameters is not None
        at = (parameters if variables is None else variables).start
        for one in parameters.children:
            value = one.child("value") if one.kind.endswith("default_parameter") else None
            if value is not None:
                parts += [text[at : value.start], _SIGN]
                at = value.end
        return b"".join([*parts, text[at : parameters.end]]).decode()


def _without(given: Given, place: str) -> Given:
    """What is given but for the entry at a place: its name has no type any more."""
    found = _PLACE.match(place)
    assert found is not None, place
    kind, number = found[1], found[2]
    if kind == "inside":
        return replace(given, inside=replace(given.inside, result=None))
    at = int(number)
    name = getattr(given, kind)[at][0]
    nameless = (*given.bindings, (name, None, False))
    match kind:
        case "imports":
            return replace(given, imports=_but(given.imports, at))
        case "classes":
            return replace(given, classes=_but(given.classes, at), bindings=nameless)
        case "aliases":
            return replace(given, aliases=_but(given.aliases, at), bindings=nameless)
        case "functions":
            return replace(given, functions=_but(given.functions, at), bindings=nameless)
    left = _but(given.bindings, at)
    is_typed = given.bindings[at][1] is not None
    return replace(given, bindings=(*left, (name, None, False)) if is_typed else left)


def _but(entries: tuple[_Entry, ...], at: int) -> tuple[_Entry, ...]:
    return entries[:at] + entries[at + 1 :]
