"""Scopes: what the names of a program mean at one place, as a value.

A scope holds the names bound so far in one block of names (a module, a class, a function), what
is known of their values on the way to this place, and what the text still owes. Binding a name
gives another scope; the scope before stays what it was.

What a scope says of a variable's type is one of the values that it may have: further ones may
come (a loop's body assigns it again, a later method assigns the attribute), so an operation that
fails for what is known fails for all of it, and `NEVER` (nothing known is left after a test)
means unknown, not unreachable.

*Other languages*: block scopes are scopes of the kind `block`; hoisted names (TypeScript's
functions, all of Go's, Rust's and Zig's module level) are owed like Python's forward references.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ananke.analysis.declarations import Class, Member
from ananke.analysis.types import UNKNOWN, Nominal, Type, Unknown, join, members_of

__all__ = ["Entry", "Frame", "Owed", "Scope", "changes", "merge", "together", "widen"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a name is bound to.

    Attributes:
        type: what it holds at this place.
        declared: the type that an annotation gives it.
        member: what it is as a member, if the scope is a class's.
        is_certain: bound on every way to this place.
        means: the type that the name stands for in annotations, if it isn't a class.
        is_free: it is a parameter that may be given anything, for no annotation says what it is.
    """

    type: Type
    declared: Type | None = None
    member: Member | None = None
    is_certain: bool = True
    means: Type | None = None
    is_free: bool = False


@dataclass(frozen=True, slots=True)
class Owed:
    """A use of a name that isn't bound yet: where it is, and how deep in loops of its scope the
    binding must come at the latest (0: anywhere).

    `inside`: how many loops of its own function are around a use that is made where it stands, so
    that the function may bind the name later only in one of these; None: it may anywhere.
    """

    start: int
    end: int
    loop: int = 0
    inside: int | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """The function around a place.

    Attributes:
        returns: the declared type of what `return` gives, or None.
        is_async, is_generator: what the function is known to be.
        receiver: the name of the parameter that holds the instance, or "".
        owner: symbol of the class whose method it is, or "".
    """

    returns: Type | None = None
    is_async: bool = False
    receiver: str = ""
    owner: str = ""
    name: str = ""


@dataclass(frozen=True, eq=False)
class Scope:
    """A place's names. Compared by identity, so that what was read in it can be remembered."""

    kind: str
    outer: Scope | None = None
    names: Mapping[str, Entry] = field(default_factory=dict)
    #: Narrowed types of paths such as `self.x`.
    facts: Mapping[str, Type] = field(default_factory=dict)
    is_alive: bool = True
    #: Whether something was called that may not come back.
    is_doubtful: bool = False
    frame: Frame = Frame()
    loop: int = 0
    owed: Mapping[str, Owed] = field(default_factory=dict)
    #: Uses of names that the function bound later, when it was too late for them.
    belated: Mapping[str, Owed] = field(default_factory=dict)
    #: Members that the receiver's class owes.
    owed_members: Mapping[str, Owed] = field(default_factory=dict)
    #: Whether names may be bound that aren't known.
    is_open: bool = False
    #: Names that belong to the module or an outer function.
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    #: Classes that this text declares, by symbol.
    classes: Mapping[str, Class] = field(default_factory=dict)
    #: Attributes assigned through the receiver: (type, was it declared).
    attributes: Mapping[str, tuple[Type, bool]] = field(default_factory=dict)
    #: What the function's statements have done: returned, and a value, yielded; the loop's: broken
    #: out.
    has_returned: bool = False
    has_returned_value: bool = False
    has_yielded: bool = False
    has_broken: bool = False
    #: Names and paths that were changed on ways that ended (by `break`, `raise`, …).
    clouded: frozenset[str] = frozenset()
    #: The types that were returned.
    returned: tuple[Type, ...] = ()
    #: The qualified name of the class or function, with a dot at the end.
    path: str = ""
    #: Words that hold from here on, such as `deferred annotations`.
    flags: frozenset[str] = frozenset()
    #: What is to be read again when a name is bound that was used before.
    waiting: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def but(self, **changes: Any) -> Scope:
        """The scope with some attributes changed: `dataclasses.replace` in a quarter of its time,
        which is a tenth of that of judging."""
        other = object.__new__(Scope)
        other.__dict__.update(self.__dict__)
        other.__dict__.update(changes)
        return other

    def with_names(self, added: Mapping[str, Entry]) -> Scope:
        """The scope after binding `added`; what was known of paths below them is forgotten, and
        what was owed of them is paid."""
        facts: Mapping[str, Type] = self.facts
        if facts:
            prefixes = tuple(f"{name}{sign}" for name in added for sign in ".[")
            if any(path.startswith(prefixes) for path in facts):
                facts = {p: t for p, t in facts.items() if not p.startswith(prefixes)}
        owed: Mapping[str, Owed] = self.owed
        belated: Mapping[str, Owed] = self.belated
        if owed and not owed.keys().isdisjoint(added):
            late = {
                name: one
                for name, one in owed.items()
                if name in added and one.inside is not None and (not one.inside or not self.loop)
            }
            # What is never reached is no binding for what was: that is looked for further out.
            is_paid = self.is_alive or self.kind != "function"
            paid = set(added) if is_paid else set[str]()
            belated = {**belated, **late} if self.is_alive else belated
            owed = {name: one for name, one in owed.items() if name not in paid}
        names = {**self.names, **added}
        return self.but(names=names, facts=facts, owed=owed, belated=belated)

    def bind(self, name: str, entry: Entry) -> Scope:
        return self.with_names({name: entry})

    def with_fact(self, path: str, type_: Type) -> Scope:
        """The scope in which the path holds `type_`; longer paths are forgotten."""
        below = (path + ".", path + "[")
        facts = {p: t for p, t in self.facts.items() if not p.startswith(below)}
        facts[path] = type_
        return self.but(facts=facts)

    def dead(self) -> Scope:
        """What follows is not reached."""
        return self.but(is_alive=False)


#: What a scope and a class say in one, and what they say of each name.
_SCOPE = tuple(
    one.name for one in fields(Scope) if one.name not in ("outer", "classes", "names", "attributes")
)
_CLASS = tuple(one.name for one in fields(Class) if one.name != "own")


def changes(one: Scope, other: Scope) -> frozenset[str] | None:
    """The names of which two scopes of one block say something else, members of its classes among
    them; None if they differ in more than that."""
    if one is other:
        return frozenset()
    if one.outer is not other.outer or not _agree(one, other, _SCOPE):
        return None
    if one.classes.keys() != other.classes.keys():
        return None
    changed = _changed(one.names, other.names) | _changed(one.attributes, other.attributes)
    for symbol, class_ in one.classes.items():
        now = other.classes[symbol]
        if class_ is not now:
            if not _agree(class_, now, _CLASS):
                return None
            changed |= _changed(class_.own, now.own)
    return frozenset(changed)


def _agree(one: object, other: object, names: tuple[str, ...]) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _changed(one: Mapping[str, object], other: Mapping[str, object]) -> set[str]:
    if one == other:
        return set()
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def merge(one: Scope, other: Scope) -> Scope:
    """The scope where two ways meet; both come from the same scope."""
    if one is other:
        return one
    if one.is_alive != other.is_alive:
        alive, gone = (one, other) if one.is_alive else (other, one)
        lost = {
            name: replace(entry, type=UNKNOWN, is_certain=False)
            for name, entry in gone.names.items()
            if name not in alive.names
        }
        clouded = _changes(alive, gone) | alive.clouded | gone.clouded
        merged = _with_history(
            alive, gone, {**lost, **alive.names} if lost else alive.names, alive.facts
        )
        return merged.but(clouded=clouded)
    if one.is_doubtful != other.is_doubtful:
        # Values that came the doubtful way may never arrive; those of the certain way do.
        sure, doubtful = (other, one) if one.is_doubtful else (one, other)
        known = {**doubtful.names, **sure.names}
        return _with_history(sure, doubtful, known, sure.facts).but(
            is_doubtful=doubtful.is_doubtful and sure.is_doubtful
        )
    names = dict(one.names)
    for name, entry in other.names.items():
        mine = names.get(name)
        if mine is None:
            names[name] = replace(entry, is_certain=False)
        elif mine is not entry:
            names[name] = _meet(mine, entry)
    for name, entry in one.names.items():
        if name not in other.names:
            names[name] = replace(entry, is_certain=False)
    facts: dict[str, Type] = {}
    for path in one.facts.keys() | other.facts.keys():
        first, second = one.facts.get(path), other.facts.get(path)
        if first is not None and second is not None:
            facts[path] = join((first, second))
        # Known on one way only: on the other it is what is declared, which the facts don't say.
    return _with_history(one, other, names, facts)


def together(one: Type, other: Type) -> Type:
    """What an attribute holds that is assigned values of both types in different places. Where one
    of them isn't known the other is still among what it may hold. That it may hold nothing
    (`None`) is not kept then: a test of it, in words that aren't followed, is too likely."""
    known, unknown = (other, one) if isinstance(one, Unknown) else (one, other)
    if not isinstance(unknown, Unknown):
        return join((one, other))
    kept = [part for part in members_of(known) if part != Nominal("types:NoneType")]
    return join(kept) if kept else UNKNOWN


def _changes(one: Scope, other: Scope) -> frozenset[str]:
    changed = {name for name, entry in other.names.items() if one.names.get(name) is not entry}
    changed |= {
        p for p in one.facts.keys() | other.facts.keys() if one.facts.get(p) != other.facts.get(p)
    }
    return frozenset(changed)


def _meet(one: Entry, other: Entry) -> Entry:
    same = one.declared == other.declared
    return Entry(
        join((one.type, other.type)),
        one.declared if same else (UNKNOWN if one.declared or other.declared else None),
        one.member if one.member == other.member else None,
        one.is_certain and other.is_certain,
        one.means if one.means == other.means else UNKNOWN,
    )


def _with_history(
    into: Scope, other: Scope, names: Mapping[str, Entry], facts: Mapping[str, Type]
) -> Scope:
    """`into` with the names and facts given, and what happened on either way."""
    owed = into.owed
    if other.owed is not into.owed:
        owed = {name: one for name, one in {**other.owed, **into.owed}.items() if name not in names}
    attributes = into.attributes
    if other.attributes is not into.attributes:
        joined = dict(into.attributes)
        for name, (type_, declared) in other.attributes.items():
            mine = joined.get(name)
            if mine is None or (declared and not mine[1]):
                joined[name] = (type_, declared)
            elif mine[1] == declared:
                joined[name] = (together(mine[0], type_), declared)
        attributes = joined
    return into.but(
        names=names,
        facts=facts,
        owed=owed,
        owed_members={**other.owed_members, **into.owed_members},
        waiting=into.waiting
        if other.waiting is into.waiting
        else {**other.waiting, **into.waiting},
        is_open=into.is_open or other.is_open,
        elsewhere={**other.elsewhere, **into.elsewhere},
        classes={**other.classes, **into.classes},
        attributes=attributes,
        has_returned=into.has_returned or other.has_returned,
        has_returned_value=into.has_returned_value or other.has_returned_value,
        has_yielded=into.has_yielded or other.has_yielded,
        has_broken=into.has_broken or other.has_broken,
        clouded=into.clouded | other.clouded,
        returned=into.returned
        if into.returned == other.returned
        else (*into.returned, *other.returned[len(_common(into.returned, other.returned)) :]),
    )


def _common(one: tuple[Type, ...], other: tuple[Type, ...]) -> tuple[Type, ...]:
    count = 0
    while count < min(len(one), len(other)) and one[count] == other[count]:
        count += 1
    return one[:count]


def widen(before: Scope, after: Scope) -> Scope:
    """The scope in which each name and path is as before where nothing changed it between, and
    unknown where something did: after a stretch that may have been left anywhere."""
    names: dict[str, Entry] = {}
    for name, entry in after.names.items():
        old = before.names.get(name)
        if old is entry and name not in after.clouded:
            names[name] = entry
        else:
            names[name] = replace(
                entry,
                type=entry.type
                if old is not None and old.type == entry.type and name not in after.clouded
                else UNKNOWN,
                is_certain=old is not None and old.is_certain,
            )
    facts: dict[str, Type] = {}
    for path in before.facts.keys() | after.facts.keys():
        old_fact, new_fact = before.facts.get(path), after.facts.get(path)
        same = old_fact is not None and old_fact == new_fact and path not in after.clouded
        facts[path] = old_fact if same and old_fact is not None else UNKNOWN
    for path in after.clouded:
        if path not in names:
            facts[path] = UNKNOWN
    return _with_history(after.but(is_alive=before.is_alive), before, names, facts)
