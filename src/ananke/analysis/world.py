"""Classes and members: what a value of a type has.

`World` answers for the library and for the classes that the text itself declares. A member that
is surely not there is `None`; one that may be there, of a type that can't be told, is `UNKNOWN`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ananke.analysis.declarations import (
    Alias,
    Binding,
    Callable,
    Class,
    Declared,
    Library,
    Member,
    Submodule,
    Value,
)
from ananke.analysis.types import (
    UNKNOWN,
    ClassOf,
    Function,
    Kind,
    Literal,
    ModuleObject,
    Nominal,
    Overloaded,
    Parameter,
    Structural,
    Tuple,
    Type,
    Union,
    Variable,
    join,
    map_type,
    members_of,
    substitute,
)

__all__ = ["Ancestor", "Learnt", "Lineage", "World", "bind", "symbol_of"]

#: Classes in one line of descent; a longer one is not followed (it is hostile or cyclic).
_DEEPEST = 200


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A class in the line of descent, and what its type parameters are there."""

    class_: Class
    values: Mapping[Variable, Type]


@dataclass(frozen=True, slots=True)
class Lineage:
    """A class and its ancestors in the order in which members are looked up.

    `is_open`: an ancestor is unknown, so that there may be other members.
    """

    ancestors: tuple[Ancestor, ...]
    is_open: bool

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(one.class_.symbol for one in self.ancestors)


#: Members that are remembered of some classes before all are forgotten.
_MEMBERS = 4096


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is remembered while some classes are those of a text: lineages, members (by the value's
    type, their name and `World.is_loose`), the functions that make instances, and calls (see
    `calls.call`)."""

    lineages: dict[str, Lineage | None] = field(default_factory=dict)
    members: dict[tuple[Type, str, bool], Type | None] = field(default_factory=dict)
    constructors: dict[Type, Type | None] = field(default_factory=dict)
    calls: dict[Hashable, tuple[Type, Any]] = field(default_factory=dict)


class World:
    """The library with the text's own classes on top."""

    def __init__(
        self,
        library: Library,
        classes: Mapping[str, Class],
        known: dict[str, Lineage | None],
        learnt: Learnt | None = None,
    ) -> None:
        """`known`: lineages of the library's classes, shared by all worlds over it; `learnt` is
        shared by those over the same `classes`."""
        self.library = library
        self.classes = classes
        self._known = known
        self.learnt = Learnt() if learnt is None else learnt
        #: Whether one fitting member of a union is enough (the value may still be narrowed).
        self.is_loose = False

    # Classes

    def class_of(self, symbol: str) -> Class | None:
        """The class that the symbol names, or None if it is unknown."""
        local = self.classes.get(symbol)
        if local is not None:
            return local
        found = self.library.resolve(symbol)
        return found if isinstance(found, Class) else None

    def lineage(self, symbol: str) -> Lineage | None:
        """The class's line of descent, with its own parameters as variables."""
        memo = self.learnt.lineages if "@" in symbol else self._known
        if symbol not in memo:
            memo[symbol] = None
            memo[symbol] = self._descend(symbol)
        return memo[symbol]

    def _descend(self, symbol: str) -> Lineage | None:
        class_ = self.class_of(symbol)
        if class_ is None:
            return None
        is_open = class_.is_open
        sequences: list[list[Ancestor]] = []
        for base in class_.bases:
            if not isinstance(base, Nominal):
                is_open = True
                continue
            if base.symbol == symbol:
                continue
            above = self.lineage(base.symbol)
            if above is None:
                is_open = True
                continue
            is_open = is_open or above.is_open
            values = dict(zip(above.ancestors[0].class_.parameters, base.arguments, strict=False))
            sequences.append(
                [
                    Ancestor(
                        one.class_,
                        {
                            variable: substitute(
                                type_, {**_unknown(above.ancestors[0].class_), **values}
                            )
                            for variable, type_ in one.values.items()
                        },
                    )
                    for one in above.ancestors
                ]
            )
        own = Ancestor(class_, {one: one for one in class_.parameters})
        merged = _linearise(sequences)
        if len(merged) > _DEEPEST:
            return Lineage((own,), True)
        if symbol != "builtins:object" and not any(
            one.class_.symbol == "builtins:object" for one in merged
        ):
            top = self.class_of("builtins:object")
            if top is not None:
                merged.append(Ancestor(top, {}))
        return Lineage((own, *merged), is_open)

    def is_subclass(self, symbol: str, of: str) -> bool | None:
        """Whether the class is `of` or below it; None if it can't be told."""
        if symbol == of:
            return True
        lineage = self.lineage(symbol)
        if lineage is None or self.class_of(of) is None:
            return None
        if of in lineage.symbols:
            return True
        if lineage.is_open:
            return None
        # Modules that import each other: a class of the text as the library has it.
        wanted = of.partition("@")[0]
        return any(one.partition("@")[0] == wanted for one in lineage.symbols)

    def arguments_as(self, type_: Type, symbol: str) -> tuple[Type, ...]:
        """The type arguments of a value seen as an instance of the class `symbol`; none if it
        isn't known to be one."""
        own: str
        given: tuple[Type, ...]
        match type_:
            case Nominal(own, given):
                pass
            case Tuple(items, rest, after):
                own = "builtins:tuple"
                given = (join([*items, *after, *((rest,) if rest is not None else ())]),)
                if not items and rest is None:
                    given = (UNKNOWN,)
            case Literal(_, own):
                given = ()
            case _:
                return (UNKNOWN,) * 4
        lineage = self.lineage(own)
        if lineage is None:
            return (UNKNOWN,) * 4
        parameters = lineage.ancestors[0].class_.parameters
        values: dict[Variable, Type] = dict.fromkeys(parameters, UNKNOWN)
        values.update(zip(parameters, given, strict=False))
        for one in lineage.ancestors:
            if one.class_.symbol == symbol:
                return tuple(
                    self._vaguely(one.values.get(parameter, UNKNOWN), values)
                    for parameter in one.class_.parameters
                )
        return (UNKNOWN,) * 4

    def _vaguely(self, type_: Type, values: Mapping[Variable, Type]) -> Type:
        """The type with its variables replaced; those without a value are unknown."""
        if not isinstance(type_, Variable) and not values:
            return type_
        return map_type(
            type_, lambda part: values.get(part, UNKNOWN) if isinstance(part, Variable) else None
        )

    # Members

    def find(self, symbol: str, name: str, skip: int = 0) -> tuple[Member, Ancestor] | None:
        """The member `name` of the class, and where it was found."""
        lineage = self.lineage(symbol)
        if lineage is None:
            return None
        for one in lineage.ancestors[skip:]:
            member = one.class_.own.get(name)
            if member is not None:
                return member, one
        return None

    def inherited(self, symbol: str, name: str, receiver: Type) -> Type | None:
        """What the classes above `symbol` have as `name`, for a receiver that is its instance or
        (`ClassOf`) the class itself; None if they surely have no such thing."""
        found = self.find(symbol, name, skip=1)
        if found is None:
            lineage = self.lineage(symbol)
            return UNKNOWN if lineage is None or lineage.is_open else None
        is_instance = not isinstance(receiver, ClassOf)
        instance = receiver.instance if isinstance(receiver, ClassOf) else receiver
        return self._read(*found, instance, symbol, is_instance=is_instance)

    def member(self, type_: Type, name: str) -> Type | None:
        """What `value.name` is for a value of the type; None if there is surely no such thing."""
        known = self.learnt.members
        key = (type_, name, self.is_loose)
        if key not in known:
            found = self._member(type_, name)
            if len(known) >= _MEMBERS:
                known.clear()
            known[key] = found
            return found
        return known[key]

    def _member(self, type_: Type, name: str) -> Type | None:
        match type_:
            case Nominal(symbol):
                return self._instance_member(type_, symbol, name)
            case Literal(_, symbol):
                return self._instance_member(Nominal(symbol), symbol, name)
            case Tuple():
                return self._instance_member(type_, "builtins:tuple", name)
            case ClassOf(instance):
                return self._class_member(instance, name)
            case Union(members):
                found = [self.member(one, name) for one in members]
                if None in found and not (self.is_loose and any(found)):
                    return None
                return join(one for one in found if one is not None)
            case ModuleObject(module):
                return self.module_member(module, name)
            case Function() | Overloaded():
                return self._instance_member(
                    Nominal("types:FunctionType"), "types:FunctionType", name
                ) or self._instance_member(Nominal("types:MethodType"), "types:MethodType", name)
            case Structural(rows, is_open):
                for row, row_type, _ in rows:
                    if row == name:
                        return row_type
                return UNKNOWN if is_open else None
            case Variable(bound=bound) if bound is not None:
                return self.member(bound, name)
        return UNKNOWN

    def _instance_member(self, receiver: Type, symbol: str, name: str) -> Type | None:
        lineage = self.lineage(symbol)
        if lineage is None:
            return UNKNOWN
        found = self.find(symbol, name)
        if found is not None:
            if self.is_under_way(symbol) and found[1].class_.symbol != symbol:
                # What is inherited may still be overridden.
                return UNKNOWN
            if self.is_under_way(symbol) and not found[0].is_declared:
                # Something of an unknown type may still be assigned.
                return UNKNOWN
            return self._read(found[0], found[1], receiver, symbol, is_instance=True)
        if lineage.is_open or self._answers_all(lineage) or _is_made(lineage, name):
            return UNKNOWN
        return None

    def is_under_way(self, symbol: str) -> bool:
        """Whether the class's body isn't finished, so that it may have further members."""
        class_ = self.classes.get(symbol)
        return class_ is not None and "under way" in class_.flags

    def _answers_all(self, lineage: Lineage) -> bool:
        return any(
            one.class_.symbol != "builtins:object"
            and ("__getattr__" in one.class_.own or "__getattribute__" in one.class_.own)
            for one in lineage.ancestors
        )

    def _class_member(self, instance: Type, name: str) -> Type | None:
        if isinstance(instance, Union):
            found = [self._class_member(one, name) for one in instance.members]
            if None in found and not (self.is_loose and any(found)):
                return None
            return join(one for one in found if one is not None)
        if isinstance(instance, Variable) and instance.bound is not None:
            return self._class_member(instance.bound, name)
        symbol = symbol_of(instance)
        if symbol is None:
            return UNKNOWN
        lineage = self.lineage(symbol)
        if lineage is None or symbol.startswith(("typing:", "typing_extensions:")):
            return UNKNOWN
        found_member = self.find(symbol, name)
        if (found_member is not None and self.is_under_way(symbol)) and (
            found_member[1].class_.symbol != symbol
        ):
            return UNKNOWN
        if found_member is not None:
            return self._read(*found_member, instance, symbol, is_instance=False)
        if _is_made(lineage, name):
            return UNKNOWN
        for one in lineage.ancestors:
            meta = one.class_.metaclass
            if isinstance(meta, Nominal):
                result = self._instance_member(meta, meta.symbol, name)
                if result is not None:
                    return result
            elif meta is not None:
                return UNKNOWN
        result = self._instance_member(Nominal("builtins:type"), "builtins:type", name)
        if result is not None:
            return result
        return UNKNOWN if lineage.is_open else None

    def _read(
        self, member: Member, home: Ancestor, receiver: Type, symbol: str, *, is_instance: bool
    ) -> Type:
        declared = member.declared
        binding = member.binding
        if isinstance(declared, Class):
            return ClassOf(Nominal(declared.symbol))
        if isinstance(declared, Submodule):
            return ModuleObject(declared.name)
        if isinstance(declared, Alias):
            return UNKNOWN
        values = self._values(home, receiver, symbol)
        flags = home.class_.flags
        if isinstance(declared, Value):
            if "enum" in flags and binding not in (Binding.INSTANCE, Binding.PROPERTY):
                return Nominal(home.class_.symbol)
            type_ = self.substitute(declared.type, values, receiver)
            if binding is Binding.PROPERTY:
                return type_ if is_instance else UNKNOWN
            return UNKNOWN if self._is_descriptor(type_) else type_
        type_ = self.substitute(declared.type, values, receiver)
        assert isinstance(type_, Function | Overloaded)
        if binding is Binding.PROPERTY:
            if not is_instance:
                return UNKNOWN
            return type_.result if isinstance(type_, Function) else UNKNOWN
        if binding is Binding.STATIC or (binding is Binding.METHOD and not is_instance):
            return type_
        if isinstance(type_, Overloaded) and binding is Binding.METHOD:
            type_ = self._for_receiver(type_, receiver)
        return bind(type_)

    def _for_receiver(self, function: Overloaded, receiver: Type) -> Overloaded:
        """The overloads without those that are for receivers with other type arguments."""
        kept = tuple(
            one
            for one in function.choices
            if not one.parameters or not self._differ(receiver, one.parameters[0].type)
        )
        return Overloaded(kept) if kept else function

    def _differ(self, receiver: Type, wanted: Type) -> bool:
        """Whether two instances of one class surely have different type arguments."""
        if not (isinstance(receiver, Nominal) and isinstance(wanted, Nominal)):
            return False
        if receiver.symbol != wanted.symbol:
            return False
        return any(
            isinstance(one, Nominal)
            and isinstance(other, Nominal)
            and self.is_subclass(one.symbol, other.symbol) is False
            and self.is_subclass(other.symbol, one.symbol) is False
            for one, other in zip(receiver.arguments, wanted.arguments, strict=False)
        )

    def substitute(self, type_: Type, values: Mapping[Variable, Type], receiver: Type) -> Type:
        """The member's type for the receiver: parameters and Self replaced."""

        def change(part: Type) -> Type | None:
            if isinstance(part, Variable):
                if part.name == "Self":
                    return receiver
                return values.get(part)
            return None

        return map_type(type_, change)

    def _values(self, home: Ancestor, receiver: Type, symbol: str) -> dict[Variable, Type]:
        """The type parameters of the member's home for this receiver."""
        class_ = self.class_of(symbol)
        if class_ is None:
            return {}
        given: dict[Variable, Type] = dict(_unknown(class_))
        if isinstance(receiver, Nominal):
            given.update(zip(class_.parameters, receiver.arguments, strict=False))
        elif isinstance(receiver, Tuple) and class_.parameters:
            parts = [*receiver.items, *receiver.after]
            if receiver.rest is not None:
                parts.append(receiver.rest)
            given[class_.parameters[0]] = join(parts) if parts else UNKNOWN
        return {
            **given,
            **{variable: substitute(type_, given) for variable, type_ in home.values.items()},
        }

    def _is_descriptor(self, type_: Type) -> bool:
        return any(
            isinstance(one, Nominal) and self.find(one.symbol, "__get__") is not None
            for one in members_of(type_)
        )

    # Modules

    def module_member(self, module: str, name: str) -> Type | None:
        """What `module.name` is."""
        found = self.library.module(module)
        if found is None:
            return UNKNOWN
        declared = found.get(name)
        if declared is not None:
            return self.value_of(declared)
        if self.library.module(f"{module}.{name}") is not None:
            return ModuleObject(f"{module}.{name}")
        if found.is_open or found.get("__getattr__") is not None or name.startswith("__"):
            return UNKNOWN
        return None

    def value_of(self, declared: Declared) -> Type:
        """What a declared name holds as a value."""
        match declared:
            case Value(type_):
                return type_
            case Callable(type_):
                return type_
            case Class(symbol=symbol):
                return ClassOf(Nominal(symbol))
            case Submodule(name):
                return ModuleObject(name)
            case Alias(type_, parameters):
                if isinstance(type_, Nominal) and not parameters:
                    return ClassOf(type_)
        return UNKNOWN

    # Names, for masks and explanations

    def names_of(self, type_: Type) -> set[str] | None:
        """All names that `member` knows of the type; None if there may be others."""
        match type_:
            case Nominal(symbol) | Literal(_, symbol):
                return self._names_of_class(symbol)
            case Tuple():
                return self._names_of_class("builtins:tuple")
            case Function() | Overloaded():
                one = self._names_of_class("types:FunctionType")
                other = self._names_of_class("types:MethodType")
                return None if one is None or other is None else one | other
            case Union(members):
                result: set[str] | None = None
                for one_type in members:
                    names = self.names_of(one_type)
                    if names is None and self.is_loose:
                        return None
                    if names is not None and result is not None:
                        result = result | names if self.is_loose else result & names
                    elif names is not None:
                        result = names
                return result
            case ClassOf(instance):
                symbol_ = symbol_of(instance)
                if symbol_ is None or symbol_.startswith(("typing:", "typing_extensions:")):
                    return None
                own = self._names_of_class(symbol_)
                lineage = self.lineage(symbol_)
                if own is None or lineage is None:
                    return None
                for ancestor in lineage.ancestors:
                    meta = ancestor.class_.metaclass
                    if isinstance(meta, Nominal):
                        more = self._names_of_class(meta.symbol)
                        if more is None:
                            return None
                        own |= more
                    elif meta is not None:
                        return None
                plain = self._names_of_class("builtins:type")
                return None if plain is None else own | plain
            case ModuleObject(module):
                found = self.library.module(module)
                if found is None or found.is_open or found.get("__getattr__") is not None:
                    return None
                return {*found.names(), *self.library.submodules(module)}
            case Structural(rows, False):
                return {name for name, _, _ in rows}
            case Variable(bound=bound) if bound is not None:
                return self.names_of(bound)
        return None

    def _names_of_class(self, symbol: str) -> set[str] | None:
        lineage = self.lineage(symbol)
        if lineage is None or lineage.is_open or self._answers_all(lineage):
            return None
        if self.is_under_way(symbol):
            return None
        return {name for one in lineage.ancestors for name in one.class_.own}


def bind(type_: Type) -> Type:
    """The function without its first parameter."""
    if isinstance(type_, Overloaded):
        bound = [bind(one) for one in type_.choices]
        return Overloaded(tuple(one for one in bound if isinstance(one, Function)))
    if not isinstance(type_, Function) or type_.is_gradual or not type_.parameters:
        return type_
    first: Parameter = type_.parameters[0]
    if first.kind in (Kind.POSITIONAL, Kind.EITHER):
        return replace(type_, parameters=type_.parameters[1:])
    return type_


def symbol_of(type_: Type) -> str | None:
    """The class that values of the type are of, if it has one."""
    match type_:
        case Nominal(symbol) | Literal(_, symbol):
            return symbol
        case Tuple():
            return "builtins:tuple"
    return None


#: Members that a decorator of the flag makes.
_MADE = {
    "__dataclass_fields__": "dataclass",
    "__dataclass_params__": "dataclass",
    "__match_args__": "dataclass",
    "__replace__": "dataclass",
    "__attrs_attrs__": "transformed",
}


def _is_made(lineage: Lineage, name: str) -> bool:
    """Whether a decorator gives the class a member that no text declares."""
    flag = _MADE.get(name)
    return flag is not None and any(flag in one.class_.flags for one in lineage.ancestors)


def _unknown(class_: Class) -> dict[Variable, Type]:
    return dict.fromkeys(class_.parameters, UNKNOWN)


def _linearise(sequences: Iterable[list[Ancestor]]) -> list[Ancestor]:
    """C3; where there is no consistent order, the order of first appearance."""
    left = [list(one) for one in sequences if one]
    result: list[Ancestor] = []
    while left:
        for sequence in left:
            head = sequence[0].class_
            if not any(one.class_ is head for other in left for one in other[1:]):
                break
        else:
            head = left[0][0].class_
        result.append(next(one[0] for one in left if one[0].class_ is head))
        left = [rest for one in left if (rest := [item for item in one if item.class_ is not head])]
    return result
