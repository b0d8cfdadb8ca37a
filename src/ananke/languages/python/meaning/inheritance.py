"""What `super()` gives: the members that the classes above a method's own have."""

from __future__ import annotations

from dataclasses import dataclass

from ananke.analysis.scopes import Scope
from ananke.analysis.types import UNKNOWN, ClassOf, Nominal, Type
from ananke.analysis.world import Lineage
from ananke.languages.python.meaning.context import Context
from ananke.parsing.opening import Tree

__all__ = ["Above", "above"]

#: Flags of classes some of whose members no text declares.
_MADE_FLAGS = frozenset(
    ("dataclass", "namedtuple", "typeddict", "enum", "protocol", "transformed", "newtype")
)
#: Members that are made for such classes, or that are told by the class that is asked.
_MADE = frozenset(("__init__", "__new__", "__class__", "__init_subclass__", "__class_getitem__"))


@dataclass(frozen=True, slots=True)
class Above:
    """The classes above `symbol`, asked for a `receiver` that is an instance or the class."""

    symbol: str
    receiver: Type
    lineage: Lineage

    def member(self, c: Context, name: str) -> Type | None:
        """What `super().name` is; None if no class above has it."""
        if name in _MADE and any(
            one.class_.flags & _MADE_FLAGS for one in self.lineage.ancestors[1:]
        ):
            return UNKNOWN
        if name == "__new__":
            # What it makes is told by the class that it is given.
            return UNKNOWN
        return c.world.inherited(self.symbol, name, self.receiver)

    def names(self) -> set[str]:
        """All names that classes above have."""
        return {name for one in self.lineage.ancestors[1:] for name in one.class_.own}


def above(c: Context, tree: Tree) -> Above | None:
    """What `tree` gives if it is a plain `super()` in a method of a class all of whose bases are
    known, else None."""
    if tree.kind != "call" or not c.is_final(tree):
        return None
    function, arguments = tree.child("function"), tree.child("arguments")
    if function is None or arguments is None or c.text(function) != "super":
        return None
    if any(one.kind not in ("(", ")", "comment") for one in arguments.children):
        return None
    found = c.find("super")
    if found is None or found.scope is not None:
        return None
    scope: Scope | None = c.scope
    while scope is not None and scope.kind in ("comprehension", "lambda"):
        scope = scope.outer
    if (
        scope is None
        or scope.kind != "function"
        or not (scope.frame.owner and scope.frame.receiver)
    ):
        return None
    symbol = scope.frame.owner
    lineage = c.world.lineage(symbol)
    if lineage is None or lineage.is_open or "protocol" in lineage.ancestors[0].class_.flags:
        return None
    if any(
        one.class_.symbol != "builtins:object"
        and not one.class_.own.keys().isdisjoint(("__getattr__", "__getattribute__"))
        for one in lineage.ancestors
    ):
        return None
    if any(
        one.class_.metaclass is not None and "enum" in one.class_.flags for one in lineage.ancestors
    ):
        return None
    instance = Nominal(symbol)
    entry = scope.names.get(scope.frame.receiver)
    if entry is None or entry.type not in (instance, ClassOf(instance)):
        # The receiver was assigned, or it is a metaclass's.
        return None
    return Above(symbol, entry.type, lineage)
