"""What the rules of expressions ask of a tree's form, and how finished ones are remembered."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from ananke.analysis.scopes import Scope
from ananke.languages.python.meaning.context import Context, Inferred
from ananke.parsing.opening import NOWHERE, Tree

__all__ = [
    "PUNCTUATION",
    "is_unclosed",
    "known",
    "open_path",
    "parts",
    "remember",
    "remembered",
    "spread_in",
]

_T = TypeVar("_T")

PUNCTUATION = frozenset("()[]{},:") | {"comment"}


def parts(tree: Tree) -> list[Tree]:
    """The children that aren't punctuation."""
    return [one for one in tree.children if one.kind not in PUNCTUATION]


def is_unclosed(c: Context, tree: Tree) -> bool:
    """Whether more may be written in the tree's brackets."""
    last = tree.pieces[-1] if tree.pieces else None
    return not c.is_final(tree) and not (
        last is not None and last.kind in (")", "]", "}") and last.is_present
    )


def open_path(root: Tree) -> list[Tree]:
    """The open trees at the end of the text, from the root on, and the lexeme that it ends in."""
    path = [root]
    # Finished trees have an identity.
    while not path[-1].identity:
        present = [one for one in path[-1].pieces if one.start != NOWHERE]
        if not present:
            break
        path.append(present[-1])
    return path


def spread_in(tree: Tree) -> str:
    """The kind of the splat that an operand is or begins with, else "": the grammar reads `*a[0]`
    and `*a.b` as an item or a member of what is spread."""
    while tree.kind in ("subscript", "attribute", "call") and tree.children:
        tree = tree.children[0]
    return tree.kind if tree.kind.endswith("_splat") else ""


def remembered(c: Context, tree: Tree, expected: Hashable, rule: Callable[[], _T]) -> _T:
    """What a finished tree is, does to the scope and has wrong with it, which is the same wherever
    all that it depends on is."""
    found = known(c, tree, expected)
    if found is None:
        before = c.scope
        held, c.defects = c.defects, []
        made = rule()
        remember(c, tree, expected, before, made)
        c.defects = held + c.defects
        return made
    c.scope = found.scope
    c.defects += found.defects
    value: _T = found.value
    return value


def known(c: Context, tree: Tree, expected: Hashable) -> Inferred | None:
    """What is remembered of a finished tree that is read here."""
    return c.program.inferred.get(_key(c, tree, expected, c.scope))


def remember(c: Context, tree: Tree, expected: Hashable, before: Scope, value: object) -> None:
    """Remembers a finished tree, read from the scope `before` to here with all defects here."""
    # Where holes are looked for each is to be read.
    if c.program.holes is None:
        done = Inferred(before, c.scope, value, tuple(c.defects))
        c.program.inferred[_key(c, tree, expected, before)] = done


def _key(
    c: Context, tree: Tree, expected: Hashable, scope: Scope
) -> tuple[int, int, Hashable, tuple[bool, ...]]:
    modes = (c.unsettled > 0, c.lenient > 0, c.deferred > 0, c.trying > 0, c.muted > 0)
    return tree.identity, id(scope), expected, modes
