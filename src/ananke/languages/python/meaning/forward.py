"""Functions and classes of a module that are used further up, before they are defined.

While a body is read such a name is owed and unknown. As soon as the name is bound to a function
or a class the bodies that used it are read once more, now knowing it: what doesn't fit is wrong
from there on, whatever follows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ananke.analysis.scopes import Entry, Scope
from ananke.analysis.types import ClassOf, Function, Overloaded, Unknown
from ananke.languages.python.meaning.context import Context
from ananke.parsing.opening import Tree

__all__ = ["Waiting", "settle"]

#: Definitions that wait for one name: beyond them the first ones are forgotten.
_MOST = 32


@dataclass(frozen=True, slots=True)
class Waiting:
    """A definition that used names before they were bound, the scope in which it stands, and how
    it is read once more."""

    before: Scope
    names: frozenset[str]
    read: Callable[[Context], None]


def settle(
    c: Context, tree: Tree, name: str, before: Scope, read: Callable[[Context], None]
) -> None:
    """After the definition `tree` of `name` in the scope `before`: reads again what waited for
    it, and notes what it waits for itself."""
    if c.scope.kind != "module" or not c.is_final(tree) or c.is_looking_back:
        return
    if c.muted or c.lenient or c.program.trace is not None or c.program.holes is not None:
        return
    if _is_at_top(c, tree) and _is_first(before.names.get(name)):
        for one in c.scope.waiting.get(name, ()):
            _look_back(c, one)
    fresh = frozenset(
        owed for owed, place in c.scope.owed.items() if before.owed.get(owed) is not place
    )
    if not fresh:
        return
    own = Waiting(before, fresh, read)
    waiting = dict(c.scope.waiting)
    for owed in fresh:
        waiting[owed] = (*waiting.get(owed, ()), own)[-_MOST:]
    c.scope = c.scope.but(waiting=waiting)


def _is_at_top(c: Context, tree: Tree) -> bool:
    """Whether it isn't in a branch of the module, beside which there may be another."""
    return not tree.start or c.text(Tree("", "", tree.start - 1, tree.start, 0, [])) == "\n"


def _is_first(entry: Entry | None) -> bool:
    """Whether the name was bound to nothing before, or to overloads of which it is the end."""
    return entry is None or (isinstance(entry.type, Unknown) and entry.member is not None)


def _look_back(c: Context, one: Waiting) -> None:
    now = c.scope
    known = {
        name: entry
        for name in one.names
        if (entry := now.names.get(name)) is not None
        and isinstance(entry.type, ClassOf | Function | Overloaded)
    }
    held, c.defects = c.defects, []
    entrances, c.entrances = c.entrances, None
    c.is_looking_back = True
    c.scope = one.before.but(
        names={**one.before.names, **known}, classes=now.classes, is_alive=now.is_alive
    )
    one.read(c)
    c.is_looking_back = False
    c.entrances = entrances
    c.scope, c.defects = now, held + c.defects
