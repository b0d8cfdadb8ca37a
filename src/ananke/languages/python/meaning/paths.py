"""Paths: expressions whose type can be narrowed, as texts (`x`, `self.items`, `a.b[0]`)."""

from __future__ import annotations

from dataclasses import replace

from ananke.analysis.scopes import Scope
from ananke.analysis.types import Type
from ananke.languages.python.meaning.context import Context
from ananke.parsing.opening import Tree

__all__ = ["assign_path", "path_of"]


def path_of(c: Context, tree: Tree) -> str | None:
    """The path that the expression is, or None."""
    if tree.kind == "identifier":
        return c.text(tree)
    if tree.kind == "attribute":
        target, name = tree.child("object"), tree.child("attribute")
        if target is None or name is None or not name.is_present:
            return None
        below = path_of(c, target)
        return None if below is None else f"{below}.{c.text(name)}"
    if tree.kind == "subscript":
        target, index = tree.child("value"), tree.child("subscript")
        if target is None or index is None:
            return None
        if index.kind == "unary_operator":
            argument = index.child("argument")
            if argument is None or argument.kind != "integer":
                return None
        elif index.kind not in ("integer", "string"):
            return None
        below = path_of(c, target)
        return None if below is None else f"{below}[{c.text(index)}]"
    if tree.kind == "parenthesized_expression":
        inner = [one for one in tree.children if one.kind not in ("(", ")")]
        return path_of(c, inner[0]) if len(inner) == 1 else None
    if tree.kind == "named_expression":
        name = tree.child("name")
        return None if name is None else c.text(name)
    return None


def assign_path(scope: Scope, path: str, type_: Type) -> Scope:
    """The scope in which the path is known to hold `type_`."""
    if "." not in path and "[" not in path:
        entry = scope.names.get(path)
        if entry is not None:
            names = {**scope.names, path: replace(entry, type=type_)}
            return scope.but(names=names)
        # A name of an outer scope: narrowed here only.
    return scope.with_fact(path, type_)
