"""Where a name of a module is declared: imports, re-exports and star imports followed to the end.

What a module merely re-exports belongs to the module that declares it, so `Home` names that one.
Circular imports end where they come back, as a name that is not found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ananke.languages.python.library.outline import Flag, Item, ItemKind, Outline

__all__ = ["Home", "Linker", "ModuleHome", "is_private"]

#: Links of one chain of imports.
_LONGEST_CHAIN = 64


@dataclass(frozen=True, slots=True)
class Home:
    """The place of a declaration: `path` is the qualified name inside `module`.

    Without `items` the name exists, but which of several things it is can't be told.
    """

    module: str
    path: tuple[str, ...]
    items: tuple[Item, ...] = field(default=(), compare=False)

    @property
    def symbol(self) -> str:
        return f"{self.module}:{'.'.join(self.path)}"

    def inner(self, name: str) -> Home | None:
        """The declaration of `name` in the body of this class."""
        for item in self.items:
            if item.inner is not None and name in item.inner:
                return Home(self.module, (*self.path, name), item.inner[name])
        return None


@dataclass(frozen=True, slots=True)
class ModuleHome:
    """The name stands for the module `name`."""

    name: str


@dataclass
class Linker:
    """Follows names over modules.

    Args:
        outline: a module's outline; None if there is no such module.
        exists: whether there is a module of the name.
    """

    outline: Callable[[str], Outline | None]
    exists: Callable[[str], bool]
    _found: dict[tuple[str, str], Home | ModuleHome | None] = field(default_factory=dict)
    _exported: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def find(self, module: str, name: str) -> Home | ModuleHome | None:
        """What `name` in the file of `module` stands for, exported or not."""
        key = module, name
        if key not in self._found:
            self._found[key] = self._find(module, name, frozenset())
        return self._found[key]

    def _find(
        self, module: str, name: str, seen: frozenset[tuple[str, str]]
    ) -> Home | ModuleHome | None:
        if (module, name) in seen or len(seen) > _LONGEST_CHAIN:
            return None
        seen |= {(module, name)}
        outline = self.outline(module)
        if outline is None:
            return None
        items = outline.names.get(name, ())
        if items:
            return self._follow_all(module, name, items, seen)
        for star in reversed(outline.stars):
            if star != module and name in self.star_names(star):
                return self._find(star, name, seen)
        return self._submodule(module, name)

    def _follow_all(
        self, module: str, name: str, items: tuple[Item, ...], seen: frozenset[tuple[str, str]]
    ) -> Home | ModuleHome | None:
        if all(item.kind not in (ItemKind.FROM, ItemKind.MODULE) for item in items):
            return Home(module, (name,), items)
        found = {self._follow(module, item, seen) for item in items}
        if len(found) == 1 and None not in found:
            return found.pop()
        if len(items) == 1 and not self._may_be_unknown(items[0]):
            return None
        return Home(module, (name,))

    def _follow(
        self, module: str, item: Item, seen: frozenset[tuple[str, str]]
    ) -> Home | ModuleHome | None:
        if item.kind is ItemKind.MODULE:
            return ModuleHome(item.text) if self.exists(item.text) else None
        if item.kind is not ItemKind.FROM:
            return None
        source, _, name = item.text.partition(":")
        if source == module and (own := self._submodule(source, name)) is not None:
            # `from . import name` in a package: its own module, not a name it binds to that.
            return own
        found = self._find(source, name, seen)
        return self._submodule(source, name) if found is None else found

    def _may_be_unknown(self, item: Item) -> bool:
        """Whether the import may succeed although nothing was found."""
        if item.kind is not ItemKind.FROM:
            return True
        outline = self.outline(item.text.partition(":")[0])
        return outline is None or outline.is_open

    def _submodule(self, module: str, name: str) -> ModuleHome | None:
        whole = f"{module}.{name}"
        return ModuleHome(whole) if self.exists(whole) else None

    def star_names(self, module: str) -> tuple[str, ...]:
        """What `from module import *` binds."""
        if module not in self._exported:
            # A module that is asked for while it is computed imports itself in a circle.
            self._exported[module] = ()
            self._exported[module] = tuple(dict.fromkeys(self._star_names(module)))
        return self._exported[module]

    def _star_names(self, module: str) -> Iterable[str]:
        outline = self.outline(module)
        if outline is None:
            return
        if outline.exported is not None:
            for name in outline.exported:
                if name.startswith("*"):
                    yield from self.star_names(name[1:])
                else:
                    yield name
            return
        for star in outline.stars:
            yield from self.star_names(star)
        for name, items in outline.names.items():
            if not name.startswith("_") and not is_private(items):
                yield name

    def is_star_open(self, module: str, seen: frozenset[str] = frozenset()) -> bool:
        """Whether star imports bring in names that can't be told."""
        outline = self.outline(module)
        if outline is None or outline.is_open:
            return True
        seen |= {module}
        return any(star not in seen and self.is_star_open(star, seen) for star in outline.stars)


def is_private(items: Iterable[Item]) -> bool:
    """Whether a stub imports the name for its own use only."""
    return all(item.flags & Flag.PRIVATE for item in items)
