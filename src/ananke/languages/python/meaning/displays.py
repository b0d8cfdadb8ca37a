"""Displays: lists, sets, tuples and dictionaries.

What stands in a long display is read stretch by stretch, and each finished stretch is remembered:
an element costs the same wherever it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from ananke.analysis.calls import widen_literal
from ananke.analysis.defects import Domain
from ananke.analysis.relation import assignable
from ananke.analysis.types import (
    NEVER,
    UNKNOWN,
    Nominal,
    Tuple,
    Type,
    join,
    members_of,
    show,
)
from ananke.languages.python.meaning import operators
from ananke.languages.python.meaning.context import NONE, Context, builtin
from ananke.languages.python.meaning.placement import check_single
from ananke.languages.python.meaning.trees import (
    PUNCTUATION,
    is_unclosed,
    known,
    parts,
    remember,
    spread_in,
)
from ananke.parsing.opening import Tree

__all__ = [
    "STRETCHES",
    "check_hashable",
    "comprehended",
    "dictionary",
    "list_",
    "set_",
    "tuple_",
    "wanted_of",
]

#: As what the grammar repeats elements.
STRETCHES = frozenset(("_collection_elements_repeat1", "dictionary_repeat1"))

#: Classes that a display is taken for, by the class that it makes.
_TAKEN_FOR = {
    "list": ("list", "Sequence", "MutableSequence", "Collection", "Iterable", "Reversible"),
    "set": ("set", "Set", "MutableSet", "AbstractSet", "Collection", "Iterable"),
    "dict": ("dict", "Mapping", "MutableMapping"),
}

#: The types of an element: of a pair two.
_Types = tuple[Type, ...]


def list_(c: Context, tree: Tree, expected: Type | None) -> Type:
    """The type of a list."""
    return _collection(c, "list", tree, expected)


def set_(c: Context, tree: Tree, expected: Type | None) -> Type:
    """The type of a set."""
    return _collection(c, "set", tree, expected)


def tuple_(c: Context, tree: Tree, expected: Type | None) -> Type:
    """The type of a tuple; of unknown length while it may grow."""
    inner = parts(tree)
    wanted = _wanted_items(expected)
    types: list[Type] = []
    with _first_alone(c, tree):
        for one in inner:
            item = wanted[len(types)] if len(types) < len(wanted) else None
            types += _element(c, one, item)
    if not c.is_final(tree) or any(map(spread_in, inner)):
        return Tuple((), UNKNOWN)
    return Tuple(tuple(types))


def dictionary(c: Context, tree: Tree, expected: Type | None) -> Type:
    """The type of a dictionary."""
    wanted = _wanted(expected, "dict", 2)
    key_wanted, value_wanted = wanted[0].arguments[:2] if len(wanted) == 1 else (None, None)

    def read(one: Tree) -> _Types:
        if one.kind != "pair":
            operators.spread(c, one)
            return UNKNOWN, UNKNOWN
        key, value = one.child("key"), one.child("value")
        check_single(c, value)
        held = UNKNOWN if key is None else c.infer(key, key_wanted)
        if key is not None:
            check_hashable(c, key, held)
        return held, UNKNOWN if value is None else c.infer(value, value_wanted)

    with _first_alone(c, tree):
        held = _held(c, tree, wanted, read, 2)
    typed = [one for one in members_of(expected or UNKNOWN) if _is_typed_dict(c, one)]
    if typed:
        return typed[0] if len(typed) == 1 else UNKNOWN
    return _made("dict", wanted, held)


def wanted_of(expected: Type | None, name: str) -> tuple[Type | None, ...]:
    """What is expected of an element of a comprehension that makes a `name` ("": a generator): two
    types of a pair."""
    width = 2 if name == "dict" else 1
    wanted = _wanted(expected, name, width) if name else ()
    return wanted[0].arguments[:width] if len(wanted) == 1 else (None,) * width


def comprehended(c: Context, name: str, expected: Type | None, types: _Types) -> Type:
    """The type of a comprehension that makes a `name` of elements of the types."""
    for one in _wanted(expected, name, len(types)):
        if all(map(partial(assignable, c.world), types, one.arguments)):
            return builtin(name, *one.arguments[: len(types)])
    return builtin(name, *map(widen_literal, types))


def _collection(c: Context, name: str, tree: Tree, expected: Type | None) -> Type:
    wanted = _wanted(expected, name, 1)
    element = wanted[0].arguments[0] if len(wanted) == 1 else None

    def read(one: Tree) -> _Types:
        types = _element(c, one, element)
        if name == "set":
            check_hashable(c, one, types[0])
        return types

    with _first_alone(c, tree):
        held = _held(c, tree, wanted, read, 1)
    return _made(name, wanted, held)


def check_hashable(c: Context, tree: Tree, type_: Type) -> None:
    """Reports a key, or an element of a set, that has no hash."""
    if not c.is_final(tree):
        return
    for one in members_of(type_):
        is_sure = operators.is_settled(one) or (isinstance(one, Nominal) and not c.unsettled)
        parts = one.items if isinstance(one, Tuple) else (one,)
        if is_sure and any(c.world.member(part, "__hash__") == NONE for part in parts):
            c.report(Domain.TYPES, f"`{show(one)}` has no hash", tree)
            return


def _element(c: Context, tree: Tree, wanted: Type | None) -> _Types:
    if spread_in(tree):
        operators.spread(c, tree)
        return (UNKNOWN,)
    c.binder = tree
    return (c.infer(tree, wanted),)


@contextmanager
def _first_alone(c: Context, tree: Tree) -> Iterator[None]:
    """Reads the elements: while only the first is there and the display is open, it may still
    become a comprehension, whose clauses bind names."""
    is_lenient = is_unclosed(c, tree) and not any(
        one.kind == "," or one.is_stretch for one in tree.pieces
    )
    c.lenient += is_lenient
    yield
    c.lenient -= is_lenient


# What is expected


def _wanted(expected: Type | None, name: str, width: int) -> tuple[Nominal, ...]:
    """The parts of what is expected that a display making a `name`, of `width` types for an
    element, may be taken for."""
    return tuple(
        one
        for one in members_of(expected or UNKNOWN)
        if isinstance(one, Nominal)
        and len(one.arguments) >= width
        and one.symbol.rpartition(":")[2] in _TAKEN_FOR[name]
    )


def _wanted_items(expected: Type | None) -> _Types:
    """What is expected of a tuple's items."""
    found = [one for one in members_of(expected or UNKNOWN) if isinstance(one, Tuple)]
    return found[0].items if len(found) == 1 and found[0].rest is None else ()


def _is_typed_dict(c: Context, type_: Type) -> bool:
    if not isinstance(type_, Nominal):
        return False
    lineage = c.world.lineage(type_.symbol)
    return lineage is not None and any("typeddict" in one.class_.flags for one in lineage.ancestors)


# What is held


@dataclass(frozen=True, slots=True)
class _Held:
    """What elements are.

    Attributes:
        types: the unions of their types, without literals.
        fits: for each type that is wanted of the display, whether all of them fit.
        misfit: the types of the first one that fits none.
    """

    types: _Types
    fits: tuple[bool, ...]
    misfit: _Types | None = None


def _held(
    c: Context,
    tree: Tree,
    wanted: tuple[Nominal, ...],
    read: Callable[[Tree], _Types],
    width: int,
) -> _Held:
    """What a display holds, of `width` types for an element."""

    def add(held: _Held, one: Tree) -> _Held:
        if one.is_stretch:
            return _both(held, stretch(one))
        if one.kind in PUNCTUATION:
            return held
        types = read(one)
        fits = tuple(
            all(map(partial(assignable, c.world), types, each.arguments)) for each in wanted
        )
        plain = tuple(map(widen_literal, types))
        return _both(held, _Held(plain, fits, plain if wanted and not any(fits) else None))

    def stretch(one: Tree) -> _Held:
        """A chain of stretches hangs to the left, as deep as there are elements."""
        chain: list[Tree] = []
        before = c.scope
        node = one
        found = known(c, node, wanted)
        while found is None and node.pieces and node.pieces[0].is_stretch:
            chain.append(node)
            node = node.pieces[0]
            found = known(c, node, wanted)
        defects, c.defects = c.defects, []
        held = nothing
        if found is not None:
            c.scope, held = found.scope, found.value
            c.defects += found.defects
        else:
            for each in node.pieces:
                held = add(held, each)
            remember(c, node, wanted, before, held)
        for longer in reversed(chain):
            for each in longer.pieces[1:]:
                held = add(held, each)
            remember(c, longer, wanted, before, held)
        c.defects = defects + c.defects
        return held

    nothing = _Held((NEVER,) * width, (True,) * len(wanted))
    held = nothing
    for one in tree.pieces:
        held = add(held, one)
    return held


def _both(one: _Held, other: _Held) -> _Held:
    return _Held(
        tuple(map(join, zip(one.types, other.types, strict=True))),
        tuple(mine and theirs for mine, theirs in zip(one.fits, other.fits, strict=True)),
        other.misfit if one.misfit is None else one.misfit,
    )


def _made(name: str, wanted: Sequence[Nominal], held: _Held) -> Type:
    """The display's type: one that is wanted if all elements fit it. An element that fits none
    makes it a misfit, whatever others are."""
    for one, fits in zip(wanted, held.fits, strict=True):
        if fits:
            return builtin(name, *one.arguments[: len(held.types)])
    if held.misfit is not None:
        return builtin(name, *held.misfit)
    return builtin(name, *map(_alike, held.types))


def _alike(whole: Type) -> Type:
    """The type of elements; unknown if they differ, or are only `None` so far."""
    return whole if sum(one != NONE for one in members_of(whole)) == 1 else UNKNOWN
