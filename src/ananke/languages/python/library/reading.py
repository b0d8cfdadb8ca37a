"""From the source of a stub or a module to its outline, through Python's own parser.

Conditions on the version, the platform and type checking are decided for the target; of others
all branches count, and what they bind is marked conditional. A file that doesn't parse is read
statement by statement: what parses is kept, and the outline is open. Sizes and depths beyond the
limits make an open outline too: nothing here fails, hangs or runs the file.
"""

from __future__ import annotations

import ast
import io
import logging
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ananke.languages.python.library.conditions import Target, outcome
from ananke.languages.python.library.outline import Flag, Item, ItemKind, Outline
from ananke.languages.python.library.receivers import attributes_of
from ananke.languages.python.library.resolver import absolute_name
from ananke.languages.python.library.slices import Slices, annotation_text, value_text
from ananke.languages.python.library.source_tree import parse_source

__all__ = ["MOST_BYTES", "OPEN", "read_module"]

_log = logging.getLogger(__name__)

#: Bytes of the longest file that is read: a stub of 50,000 lines has about 3 MB.
MOST_BYTES = 16 << 20

#: Blocks inside blocks deeper than this are left out.
_DEEPEST = 50

#: Pieces that a broken file is cut into; beyond that it is not read.
_MOST_PIECES = 20_000

#: What is known of a file that can't be read: it may hold anything.
OPEN = Outline(is_open=True)

_FAILURES = (SyntaxError, ValueError, RecursionError, MemoryError)

#: A line that goes on with the statement above it.
_CONTINUES = re.compile(r"[\s)\]}#]|(?:else|elif|except|finally|case)\b|$")


def read_module(
    source: bytes, name: str, target: Target, *, is_stub: bool, is_package: bool
) -> Outline:
    """The outline of the module `name`, whose file holds `source`."""
    if len(source) > MOST_BYTES:
        _log.warning("imports: %s has %d bytes; its names are unknown", name, len(source))
        return OPEN
    text = _decoded(source)
    if text is None:
        _log.warning("imports: %s is not text in a known encoding; its names are unknown", name)
        return OPEN
    reader = _Reader(name, target, is_stub, is_package, "global " in text)
    try:
        tree = parse_source(text)
        reader.read(tree.body, Slices(text))
    except _FAILURES as error:
        _log.warning("imports: %s doesn't parse (%s); the rest of it is used", name, error)
        reader = _Reader(name, target, is_stub, is_package, False, is_open=True)
        for piece in _pieces(text):
            try:
                reader.read(parse_source(piece).body, Slices(piece))
            except _FAILURES:
                continue
    return reader.outline()


def _decoded(source: bytes) -> str | None:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        text = source.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _pieces(text: str) -> Iterator[str]:
    """The file's statements, cut where a line starts without indentation."""
    piece: list[str] = []
    count = 0
    for line in text.split("\n"):
        begins = not _CONTINUES.match(line) and not (piece and piece[-1].startswith("@"))
        if begins and piece:
            yield "\n".join(piece)
            piece = []
            count += 1
            if count == _MOST_PIECES:
                return
        piece.append(line)
    yield "\n".join(piece)


@dataclass
class _Names:
    """The names bound so far in one body."""

    found: dict[str, list[Item]] = field(default_factory=dict)

    def bind(self, name: str, item: Item) -> None:
        """Adds a binding; one that certainly happens replaces those before it."""
        before = self.found.get(name, [])
        if item.flags & (Flag.CONDITIONAL | Flag.INSTANCE):
            # A conditional binding of what was bound before makes both uncertain.
            self.found[name] = [*before, item]
        elif _continues(item, before):
            before.append(item)
        elif item.kind is ItemKind.VARIABLE and _are_variables(before):
            # All assignments count for a variable's type, the annotated one first.
            self.found[name] = [*before, item]
        else:
            kept = [one for one in before if one.flags & Flag.INSTANCE]
            self.found.pop(name, None)
            self.found[name] = [item, *kept]

    def table(self) -> dict[str, tuple[Item, ...]]:
        return {name: tuple(dict.fromkeys(items)) for name, items in self.found.items()}


_ADDS = re.compile(r"@[\w.]*\.(?:setter|getter|deleter|overload|register)\b|@overload\b")


def _continues(item: Item, before: list[Item]) -> bool:
    """Whether a function is a further overload or accessor of the name, or ends its overloads."""
    if item.kind is not ItemKind.FUNCTION or not before:
        return False
    if before[-1].kind is not ItemKind.FUNCTION:
        return False
    return bool(_ADDS.search(item.text) or _is_overload(before[-1].text))


def _is_overload(text: str) -> bool:
    return bool(re.search(r"^@(?:\w+\.)?overload\b", text, re.MULTILINE))


def _are_variables(items: Iterable[Item]) -> bool:
    return all(one.kind is ItemKind.VARIABLE for one in items)


class _Reader:
    """Collects the bindings of one file; `outline` gives what was found."""

    def __init__(
        self,
        name: str,
        target: Target,
        is_stub: bool,
        is_package: bool,
        has_globals: bool,
        is_open: bool = False,
    ) -> None:
        self._name, self._target = name, target
        self._is_stub, self._is_package = is_stub, is_package
        self._has_globals = has_globals
        self._is_open = is_open
        self._names = _Names()
        self._stars: dict[str, None] = {}
        self._exported: list[str] | None = None
        self._exports_unknown = False
        self._slices = Slices("")

    def read(self, body: list[ast.stmt], slices: Slices) -> None:
        self._slices = slices
        self._block(body, self._names, Flag(0), 0, in_class=False)
        if self._has_globals and not self._is_stub:
            self._bind_globals(body)

    def outline(self) -> Outline:
        exported = None if self._exports_unknown else self._exported
        return Outline(
            self._names.table(),
            tuple(self._stars),
            None if exported is None else tuple(dict.fromkeys(exported)),
            self._is_stub,
            self._is_open,
        )

    def _block(
        self, body: list[ast.stmt], names: _Names, flags: Flag, depth: int, in_class: bool
    ) -> None:
        if depth > _DEEPEST:
            _log.warning("imports: %s is nested too deeply; a part is left out", self._name)
            self._is_open = True
            return
        for statement in body:
            self._statement(statement, names, flags, depth, in_class)

    def _statement(
        self, statement: ast.stmt, names: _Names, flags: Flag, depth: int, in_class: bool
    ) -> None:
        def inside(*bodies: list[ast.stmt]) -> None:
            for body in bodies:
                self._block(body, names, flags | Flag.CONDITIONAL, depth + 1, in_class)

        match statement:
            case ast.Import(names=aliases):
                self._import(aliases, names, flags)
            case ast.ImportFrom():
                self._import_from(statement, names, flags)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                more = Flag.GENERATOR if not self._is_stub and _yields(statement) else Flag(0)
                text = self._slices.header(statement)
                names.bind(statement.name, Item(ItemKind.FUNCTION, text, flags | more))
                if in_class and not self._is_stub:
                    for attribute, item in attributes_of(statement, self._slices):
                        names.bind(attribute, item)
            case ast.ClassDef():
                inner = _Names()
                self._block(statement.body, inner, Flag(0), depth + 1, in_class=True)
                text = self._slices.header(statement)
                names.bind(statement.name, Item(ItemKind.CLASS, text, flags, inner.table()))
            case ast.If(test=test, body=body, orelse=orelse):
                known = outcome(test, self._target)
                if known is None:
                    inside(body, orelse)
                else:
                    self._block(body if known else orelse, names, flags, depth + 1, in_class)
            case ast.Try() | ast.TryStar():
                handled = [one.body for one in statement.handlers]
                for handler in statement.handlers:
                    if handler.name:
                        names.bind(handler.name, _unknown(flags | Flag.CONDITIONAL))
                if handled:
                    inside(statement.body, *handled, statement.orelse)
                else:
                    self._block(statement.body, names, flags, depth + 1, in_class)
                self._block(statement.finalbody, names, flags, depth + 1, in_class)
            case ast.For(target=target) | ast.AsyncFor(target=target):
                self._bind_targets(target, names, flags)
                inside(statement.body, statement.orelse)
            case ast.While(body=body, orelse=orelse):
                inside(body, orelse)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                for one in items:
                    if one.optional_vars is not None:
                        self._bind_targets(one.optional_vars, names, flags)
                self._block(body, names, flags, depth + 1, in_class)
            case ast.Match(cases=cases):
                for case in cases:
                    for pattern in ast.walk(case.pattern):
                        captured = getattr(pattern, "name", None) or getattr(pattern, "rest", None)
                        if isinstance(captured, str):
                            names.bind(captured, _unknown(flags | Flag.CONDITIONAL))
                inside(*(case.body for case in cases))
            case ast.Delete(targets=targets):
                for target in targets:
                    if isinstance(target, ast.Name) and not flags & Flag.CONDITIONAL:
                        names.found.pop(target.id, None)
            case _:
                self._assignment(statement, names, flags, in_class)
        if not self._is_stub:
            self._bind_walrus(statement, names, flags)

    def _assignment(self, statement: ast.stmt, names: _Names, flags: Flag, in_class: bool) -> None:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                text = f"{name}: {annotation_text(annotation, self._slices)}"
                if value is not None:
                    is_alias = text.endswith("TypeAlias")
                    shown = self._slices.whole(value) if is_alias else ""
                    text += f" = ({shown})" if is_alias else f" = {value_text(value, self._slices)}"
                names.bind(name, Item(ItemKind.VARIABLE, text, flags))
                if name == "__all__" and value is not None and not in_class:
                    self._exports(value)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    if isinstance(target, ast.Name):
                        text = f"{target.id} = {value_text(value, self._slices)}"
                        names.bind(target.id, Item(ItemKind.VARIABLE, text, flags))
                        if target.id == "__all__" and not in_class:
                            self._exported, self._exports_unknown = None, False
                            self._exports(value)
                    elif _is_globals(target):
                        self._is_open = True
                    else:
                        self._bind_targets(target, names, flags)
            case ast.AugAssign(target=ast.Name(id="__all__"), value=value) if not in_class:
                self._exports(value)
            case ast.AugAssign(target=ast.Name(id=name)):
                names.bind(name, _unknown(flags))
            case ast.Expr(value=ast.Call() as call):
                self._call(call)
            case _ if type(statement).__name__ == "TypeAlias":
                alias = getattr(statement, "name", None)
                if isinstance(alias, ast.Name):
                    names.bind(alias.id, Item(ItemKind.ALIAS, self._slices.whole(statement), flags))

    def _import(self, aliases: list[ast.alias], names: _Names, flags: Flag) -> None:
        for alias in aliases:
            is_private = self._is_stub and alias.asname != alias.name
            bound = alias.asname or alias.name.partition(".")[0]
            module = alias.name if alias.asname else bound
            private = Flag.PRIVATE if is_private else Flag(0)
            names.bind(bound, Item(ItemKind.MODULE, module, flags | private))

    def _import_from(self, node: ast.ImportFrom, names: _Names, flags: Flag) -> None:
        module = absolute_name(self._name, self._is_package, node.level, node.module)
        for alias in node.names:
            if alias.name == "*":
                if module is None:
                    self._is_open = True
                else:
                    self._stars[module] = None
                continue
            bound = alias.asname or alias.name
            if module is None:
                names.bind(bound, _unknown(flags))
                continue
            is_own = node.level > 0 and node.module is None and alias.asname is None
            is_private = self._is_stub and not is_own and alias.asname != alias.name
            private = Flag.PRIVATE if is_private else Flag(0)
            names.bind(bound, Item(ItemKind.FROM, f"{module}:{alias.name}", flags | private))

    def _exports(self, value: ast.expr) -> None:
        """Adds to `__all__` what a value written there lists."""
        match value:
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                found: list[str] = []
                for one in elements:
                    match one:
                        case ast.Constant(value=str() as text):
                            found.append(text)
                        case ast.Starred(value=inner):
                            self._exports(inner)
                        case _:
                            self._exports_unknown = True
                self._exported = (self._exported or []) + found
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                self._exports(left)
                self._exports(right)
            case ast.Call(func=ast.Name(id="list" | "tuple" | "sorted"), args=[inner]):
                self._exports(inner)
            case ast.Attribute(value=ast.Name(id=module), attr="__all__"):
                named = self._module_named(module)
                if named is None:
                    self._exports_unknown = True
                else:
                    self._exported = [*(self._exported or []), f"*{named}"]
            case _:
                self._exports_unknown = True

    def _module_named(self, name: str) -> str | None:
        """The module that a name of this file stands for."""
        items = self._names.found.get(name, [])
        if items and items[-1].kind is ItemKind.MODULE:
            return items[-1].text
        if items and items[-1].kind is ItemKind.FROM:
            return items[-1].text.replace(":", ".")
        # `from .a import *` in a package binds `a` too.
        return f"{self._name}.{name}" if self._is_package and not items else None

    def _call(self, call: ast.Call) -> None:
        match call:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="__all__"), attr=attr), args=[value]
            ):
                if attr == "extend":
                    self._exports(value)
                elif attr == "append":
                    self._exports(ast.List([value]))
                elif attr == "remove" and isinstance(value, ast.Constant):
                    self._exported = [one for one in self._exported or [] if one != value.value]
            case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="globals")))):
                self._is_open = True

    def _bind_targets(self, target: ast.expr, names: _Names, flags: Flag) -> None:
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.bind(node.id, _unknown(flags))

    def _bind_walrus(self, statement: ast.stmt, names: _Names, flags: Flag) -> None:
        match statement:
            case ast.If(test=test) | ast.While(test=test):
                inside: ast.expr | None = test
            case ast.Assign(value=value) | ast.Expr(value=value):
                inside = value
            case _:
                return
        if inside is not None and self._slices.holds(inside, ":="):
            for node in ast.walk(inside):
                if isinstance(node, ast.NamedExpr):
                    names.bind(node.target.id, _unknown(flags))

    def _bind_globals(self, body: list[ast.stmt]) -> None:
        """Names that functions assign as `global`: their type is open."""
        for statement in body:
            for node in ast.walk(statement):
                if isinstance(node, ast.Global):
                    for name in node.names:
                        self._names.bind(name, _unknown(Flag.CONDITIONAL))


def _unknown(flags: Flag) -> Item:
    return Item(ItemKind.VARIABLE, "", flags)


def _is_globals(target: ast.expr) -> bool:
    match target:
        case ast.Subscript(value=ast.Call(func=ast.Name(id="globals" | "vars" | "locals"))):
            return True
    return False


def _yields(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether the function's own body yields."""
    return _any_own(function.body, lambda node: isinstance(node, ast.Yield | ast.YieldFrom))


def _any_own(body: list[ast.stmt], test: Callable[[ast.AST], bool]) -> bool:
    """Whether a node of `body`, outside the functions and classes in it, passes the test."""
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        if test(node):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)
    return False
