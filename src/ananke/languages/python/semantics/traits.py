"""What is to be known of statements at a glance: names that they bind, whether they suspend."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ananke.parsing.opening import NOWHERE, Tree

__all__ = ["Traits", "traits_of"]

_SUSPENDS = frozenset(["yield", "await"])
_COMPREHENSIONS = frozenset(
    [
        "list_comprehension",
        "set_comprehension",
        "dictionary_comprehension",
        "generator_expression",
    ]
)
_IMPORTS = frozenset(["import_statement", "import_from_statement"])
#: Kind -> the fields whose names it binds.
_BINDS: dict[str, tuple[str, ...]] = {
    "assignment": ("left",),
    "augmented_assignment": ("left",),
    "named_expression": ("name",),
    "for_statement": ("left",),
    "as_pattern": ("alias",),
}
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Traits:
    """Of some statements of one scope.

    Attributes:
        bound: names that they bind in their scope.
        elsewhere: names of the scope that others bind too: other scopes, or comprehensions.
        words: all names in them.
        suspends: their function is a generator or a coroutine.
        leaves: a loop around them may be left, or its round.
        binds_all: any name may be bound (`from m import *`).
    """

    bound: frozenset[str] = _NONE
    elsewhere: frozenset[str] = _NONE
    words: frozenset[str] = _NONE
    suspends: bool = False
    leaves: bool = False
    binds_all: bool = False

    def with_(self, other: Traits) -> Traits:
        """Those of both."""
        if other == _NOTHING:
            return self
        return Traits(
            self.bound | other.bound,
            self.elsewhere | other.elsewhere,
            self.words | other.words,
            self.suspends or other.suspends,
            self.leaves or other.leaves,
            self.binds_all or other.binds_all,
        )


_NOTHING = Traits()


def traits_of(
    trees: Iterable[Tree], text: Callable[[Tree], str], memory: dict[int, Traits]
) -> Traits:
    """The traits of all; those of finished trees are kept in `memory` by identity."""
    found = [one for one in (_of(tree, text, memory) for tree in trees) if one is not _NOTHING]
    if len(found) < 2:
        return found[0] if found else _NOTHING
    return Traits(
        _NONE.union(*(one.bound for one in found)),
        _NONE.union(*(one.elsewhere for one in found)),
        _NONE.union(*(one.words for one in found)),
        any(one.suspends for one in found),
        any(one.leaves for one in found),
        any(one.binds_all for one in found),
    )


def _of(tree: Tree, text: Callable[[Tree], str], memory: dict[int, Traits]) -> Traits:
    if tree.start == NOWHERE:
        return _NOTHING
    known = memory.get(tree.identity) if tree.identity else None
    if known is None:
        known = _read(tree, text, memory)
        if tree.identity:
            memory[tree.identity] = known
    return known


def _read(tree: Tree, text: Callable[[Tree], str], memory: dict[int, Traits]) -> Traits:
    kind = tree.kind
    if kind == "identifier":
        return Traits(words=frozenset([text(tree)]))
    if kind in _SUSPENDS:
        return traits_of(tree.children, text, memory).with_(Traits(suspends=True))
    if kind in ("break_statement", "continue_statement"):
        return Traits(leaves=True)
    inner = traits_of(tree.children, text, memory)
    if kind in ("global_statement", "nonlocal_statement"):
        return Traits(elsewhere=inner.words, words=inner.words)
    if kind in ("function_definition", "class_definition"):
        name = tree.child("name")
        bound = frozenset([text(name)]) if name is not None and name.is_present else _NONE
        return Traits(bound, inner.elsewhere, inner.words, binds_all=inner.binds_all)
    if kind == "lambda":
        return Traits(words=inner.words)
    if kind in _COMPREHENSIONS:
        return Traits(
            elsewhere=inner.elsewhere | inner.bound,
            bound=inner.bound,
            words=inner.words,
            suspends=inner.suspends,
        )
    if kind == "wildcard_import":
        return Traits(binds_all=True)
    if kind in _IMPORTS or kind in ("case_pattern", "delete_statement"):
        return inner.with_(Traits(bound=inner.words))
    fields = _BINDS.get(kind, ())
    targets = [one for one in tree.children if one.field in fields]
    if not targets:
        return inner
    return inner.with_(Traits(bound=_names(targets, text)))


def _names(trees: Iterable[Tree], text: Callable[[Tree], str]) -> frozenset[str]:
    found: set[str] = set()
    for tree in trees:
        if tree.kind == "identifier":
            if tree.is_present:
                found.add(text(tree))
        elif tree.kind not in ("attribute", "subscript"):
            found |= _names(tree.children, text)
    return frozenset(found)
