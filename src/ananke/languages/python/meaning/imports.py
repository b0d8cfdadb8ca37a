"""Import statements: modules that exist, names that they export."""

from __future__ import annotations

import sys

from ananke.analysis.declarations import Alias, Class, Module
from ananke.analysis.defects import Domain
from ananke.analysis.judgement import Constraint
from ananke.analysis.scopes import Entry
from ananke.analysis.types import UNKNOWN, ModuleObject, Type, Unknown
from ananke.languages.python.meaning.annotations import alias_of, special_form, special_names
from ananke.languages.python.meaning.context import Context
from ananke.parsing.opening import NOWHERE, Tree

__all__ = ["future_import", "import_from", "import_modules"]


def _names(tree: Tree) -> list[Tree]:
    return [one for one in tree.fields("name") if one.start != NOWHERE]


def _split(tree: Tree) -> tuple[Tree, Tree | None]:
    """The dotted name and the alias of an imported thing."""
    if tree.kind == "aliased_import":
        return tree.child("name") or tree, tree.child("alias")
    return tree, None


def _words(c: Context, tree: Tree) -> list[Tree]:
    return [one for one in tree.children if one.kind == "identifier" and one.start != NOWHERE]


def import_modules(c: Context, tree: Tree) -> None:
    """`import a.b, c as d`."""
    for one in _names(tree):
        dotted, alias = _split(one)
        name = _module(c, dotted, "")
        words = _words(c, dotted)
        if not words or not c.is_final(dotted):
            continue
        if alias is not None:
            if alias.is_present:
                _bind(c, c.text(alias), Entry(ModuleObject(name) if name else UNKNOWN))
            continue
        first = c.text(words[0])
        _bind(c, first, Entry(ModuleObject(first) if name else UNKNOWN))


def _module(c: Context, dotted: Tree, base: str) -> str:
    """The full name of the module that is named, checked part by part; "" if it is unknown."""
    name = base
    for word in _words(c, dotted):
        part = c.text(word)
        if c.is_pending(word):
            names = set(c.program.library.submodules(name))
            c.offer("modules", names, lambda _: None)
            if not name:
                # Stubs leave out what is private.
                names |= sys.stdlib_module_names - set(sys.builtin_module_names)
            elif c.text(word)[:1] in ("", "_") and _is_of_the_library(name):
                return ""
            if not c.program.library.is_open and not c.trying and names:
                # After the dots of `from .` no module need be named.
                _require(
                    c,
                    word,
                    names | {"import"} if name == base else names,
                    f"no module of {name or 'this environment'} begins with",
                )
            return ""
        name = f"{name}.{part}" if name else part
        if _forbidden(c, name):
            c.report(Domain.IMPORTS, f"`{name}` may not be imported here", word)
            return ""
        if c.program.library.module(name) is None:
            siblings = set(c.program.library.submodules(name.rpartition(".")[0]))
            is_native = _is_of_the_library(name)
            # Stubs leave out what is private, and some packages altogether.
            is_left_out = is_native and (part[:1] == "_" or name == part or not siblings)
            # Of what has no source there is nothing but stubs.
            is_left_out = is_left_out and name not in sys.builtin_module_names
            is_open = c.program.library.is_open and not is_native
            if not is_open and not c.trying and not is_left_out:
                near = [one for one in siblings if one[:2] == part[:2]]
                c.report(Domain.IMPORTS, f"there is no module `{name}`", word, near)
            return ""
    return name


def _is_of_the_library(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def _bind(c: Context, name: str, entry: Entry) -> None:
    """Binds an imported name; one that was declared to be anything stays so."""
    before = c.scope.names.get(name)
    if before is not None and isinstance(before.declared, Unknown):
        entry = before
    c.scope = c.scope.bind(name, entry)


def _forbidden(c: Context, name: str) -> bool:
    program = c.program

    def covers(prefix: str) -> bool:
        return name == prefix or name.startswith(prefix + ".")

    if any(covers(one) for one in program.denied):
        return True
    if program.allowed is None:
        return False
    return not any(covers(one) or one.startswith(name + ".") for one in program.allowed)


def _relative(c: Context, tree: Tree) -> tuple[str, bool]:
    """The package that the dots name; False if it can't be told."""
    dots = sum(c.text(one).count(".") for one in tree.children if one.kind == "import_prefix")
    parts = c.program.module.split(".")
    if not c.program.is_package:
        parts = parts[:-1]
    up = dots - 1
    if up > len(parts) and c.program.module != "__main__":
        c.report(Domain.IMPORTS, f"`{c.program.module}` has no package so far up", tree)
    if up > 0:
        parts = parts[: len(parts) - up] if up <= len(parts) else []
    base = ".".join(parts)
    return base, bool(base)


def import_from(c: Context, tree: Tree) -> None:
    """`from a import b as c, d`, `from . import e`, `from f import *`."""
    source = tree.child("module_name")
    if source is None or source.start == NOWHERE:
        return
    is_known = True
    if source.kind == "relative_import":
        base, is_known = _relative(c, source)
        dotted = [one for one in source.children if one.kind == "dotted_name"]
        if not is_known or c.program.library.module(base) is None:
            name, is_known = "", False
        elif dotted:
            name = _module(c, dotted[0], base)
        else:
            name = base
    else:
        name = _module(c, source, "")
    if source.kind == "relative_import" and c.program.is_package and c.scope.kind == "module":
        # A package's module is its attribute as soon as it is imported.
        parent, _, last = name.rpartition(".")
        if parent == c.program.module and last not in c.scope.names:
            c.bind(last, ModuleObject(name))
    if any(one.kind == "wildcard_import" and one.start != NOWHERE for one in tree.children):
        _star(c, name)
        return
    for one in _names(tree):
        if one is source:
            continue
        dotted_name, alias = _split(one)
        word = _words(c, dotted_name) if dotted_name.children else [dotted_name]
        if not word:
            continue
        entry = _exported(c, name, word[0])
        if alias is not None and not alias.is_present:
            continue
        bound = c.text(alias if alias is not None else word[0])
        if not c.is_pending(word[0]):
            _bind(c, bound, entry)


def _exported(c: Context, module: str, word: Tree) -> Entry:
    name = c.text(word)
    library = c.program.library
    found = library.module(module) if module else None
    if found is None:
        return Entry(UNKNOWN)
    if c.is_pending(word):
        exports = (*found.names(), *library.submodules(module))
        c.offer("exports", exports, lambda one: _value(c, found, one))
        if not found.is_open and not c.trying:
            names = {*found.names(), *library.submodules(module), *special_names(module)}
            _require(c, word, names, f"`{module}` exports nothing that begins with")
        return Entry(UNKNOWN)
    special = special_form(module, name)
    if special is not None:
        return Entry(special)
    if _forbidden(c, f"{module}.{name}"):
        c.report(Domain.IMPORTS, f"`{module}.{name}` may not be imported here", word)
        return Entry(UNKNOWN)
    declared = found.get(name)
    if declared is not None:
        value: Type = c.world.value_of(declared)
        meaning: Type | None = None
        if isinstance(declared, Alias):
            meaning = alias_of(c, module, name)
        elif not isinstance(declared, Class):
            meaning = None
        return Entry(value, means=meaning)
    if library.module(f"{module}.{name}") is not None:
        return Entry(ModuleObject(f"{module}.{name}"))
    if not found.is_open and found.get("__getattr__") is None and not c.trying:
        near = [one for one in found.names() if one[:2].lower() == name[:2].lower()]
        c.report(Domain.IMPORTS, f"`{module}` does not export `{name}`", word, near)
    return Entry(UNKNOWN)


def _value(c: Context, module: Module, name: str) -> Type | None:
    declared = module.get(name)
    return None if declared is None else c.world.value_of(declared)


def _require(c: Context, word: Tree, names: set[str], problem: str) -> None:
    c.require(
        Domain.IMPORTS,
        word,
        Constraint(frozenset(names)),
        lambda part: f"{problem} `{part}`",
        lambda part: [one for one in names if one[:1] == part[:1]],
    )


def _star(c: Context, module: str) -> None:
    found = c.program.library.module(module) if module else None
    if found is None or found.is_open:
        c.scope = c.scope.but(is_open=True)
    if found is None:
        return
    bound: dict[str, Entry] = {}
    for name in found.star_names():
        special = special_form(module, name)
        declared = found.get(name)
        if special is not None:
            bound[name] = Entry(special)
        elif declared is not None:
            bound[name] = Entry(
                c.world.value_of(declared),
                means=alias_of(c, module, name) if isinstance(declared, Alias) else None,
            )
        else:
            bound[name] = Entry(UNKNOWN)
    c.scope = c.scope.with_names(bound)


def future_import(c: Context, tree: Tree) -> None:
    """`from __future__ import annotations`."""
    names = [c.text(_split(one)[0]) for one in _names(tree)]
    c.scope = c.scope.with_names({name: Entry(UNKNOWN) for name in names})
    if "annotations" in names:
        c.scope = c.scope.but(flags=c.scope.flags | {"deferred annotations"})
