"""Fields of dataclasses and named tuples: what their bodies declare, and what calls they take."""

from __future__ import annotations

from collections.abc import Iterator

from ananke.analysis.scopes import Scope
from ananke.analysis.types import UNKNOWN, Function, Kind, Nominal, Parameter, Type
from ananke.analysis.world import Lineage
from ananke.languages.python.meaning.context import Context
from ananke.parsing.opening import Tree

__all__ = ["FIELDED", "declared_fields", "made_by_fields", "statements_of"]

#: Flags of classes whose fields are the parameters of their construction.
FIELDED = frozenset(("dataclass", "namedtuple"))


def declared_fields(
    c: Context, body: Tree, inner: Scope
) -> tuple[tuple[tuple[str, Type, bool], ...], bool]:
    """((name, type, has a default) of each field in order, whether calls take just these)."""
    found: dict[str, tuple[str, Type, bool]] = {}
    is_sure = True
    for statement in statements_of(body):
        if statement.kind != "expression_statement":
            # A field may be declared under a condition.
            is_sure &= statement.kind not in ("if_statement", "try_statement", "with_statement")
            continue
        for one in statement.children:
            left, type_tree = one.child("left"), one.child("type")
            if one.kind != "assignment" or left is None or type_tree is None:
                continue
            written, name = c.text(type_tree), c.text(left)
            if "ClassVar" in written:
                continue
            value = one.child("right")
            is_sure &= "KW_ONLY" not in written and "InitVar" not in written
            if value is not None and value.kind == "call":
                function = value.child("function")
                if function is None or c.text(function).rpartition(".")[2] != "field":
                    is_sure = False
                options = c.text(value)
                # What `field(…)` is told may leave it out of calls.
                is_sure &= "init" not in options and "kw_only" not in options and "*" not in options
                has_default = "default" in options
            else:
                has_default = value is not None
            entry = inner.names.get(name)
            declared = None if entry is None else entry.declared
            found[name] = (name, UNKNOWN if declared is None else declared, has_default)
    return tuple(found.values()), is_sure


def statements_of(body: Tree) -> Iterator[Tree]:
    """The statements of a block."""
    waiting = [body]
    while waiting:
        one = waiting.pop()
        if one.kind == "block" or one.kind.startswith("_") or one.kind.endswith("repeat1"):
            waiting += reversed(one.pieces)
        elif one.is_present:
            yield one


def made_by_fields(lineage: Lineage, instance: Nominal) -> Function | None:
    """The function that makes an instance by its fields; None if it can't be told."""
    found: dict[str, Parameter] = {}
    for one in reversed(lineage.ancestors):
        class_ = one.class_
        if class_.flags & {"unsure", "kw_only", "transformed", "dataclass_transform"}:
            return None
        if class_.flags & FIELDED:
            for name, type_, has_default in class_.fields:
                found[name] = Parameter(name, type_, Kind.EITHER, has_default)
    return Function(tuple(found.values()), instance)
