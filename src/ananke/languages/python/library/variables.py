"""What a variable of a module or a class is: a value, a type variable, an alias, or a class that a
call makes (`namedtuple`, `NewType`, …)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ananke.analysis.declarations import (
    Alias,
    Binding,
    Callable,
    Class,
    Declared,
    Member,
    Submodule,
    Value,
)
from ananke.analysis.types import (
    UNKNOWN,
    Function,
    Kind,
    Literal,
    Nominal,
    Parameter,
    Type,
    Variable,
    join,
)
from ananke.languages.python.library.annotations import (
    NONE,
    Place,
    dotted_symbol,
    evaluate,
    find,
    is_type_expression,
    typing_name,
    variables_in,
)
from ananke.languages.python.library.functions import type_parameters
from ananke.languages.python.library.inference import infer
from ananke.languages.python.library.linking import Home, ModuleHome
from ananke.languages.python.library.outline import Flag, Item, ItemKind
from ananke.languages.python.library.source_tree import parse_source

__all__ = ["Assignment", "assignments", "declare_variable"]

_VARIABLE_KINDS = {"TypeVar": "type", "ParamSpec": "parameters", "TypeVarTuple": "types"}

#: More assignments than this to one name say nothing worth their cost.
_MOST_ASSIGNMENTS = 20


@dataclass(frozen=True, slots=True)
class Assignment:
    """`annotation` and `value` of one assignment; both None if nothing is known of it."""

    annotation: ast.expr | None
    value: ast.expr | None
    flags: Flag


def assignments(items: tuple[Item, ...]) -> Iterator[Assignment]:
    """The assignments that are kept as text."""
    for item in items[:_MOST_ASSIGNMENTS]:
        if item.kind is not ItemKind.VARIABLE:
            continue
        try:
            body = parse_source(item.text).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            body = []
        match body:
            case [ast.AnnAssign(annotation=annotation, value=value)]:
                yield Assignment(annotation, value, item.flags)
            case [ast.Assign(value=value)]:
                yield Assignment(None, value, item.flags)
            case _:
                yield Assignment(None, None, item.flags)


def declare_variable(home: Home, place: Place) -> Declared:
    """What the name of `home` is, all of whose items are variables or aliases."""
    if home.items[0].kind is ItemKind.ALIAS:
        return _type_statement(home, place)
    found = list(assignments(home.items))
    declared = [one for one in found if one.annotation is not None]
    written = [one for one in declared if not one.flags & Flag.INFERRED]
    if written:
        return _annotated(written[0], home, place)
    if len(found) == 1 and found[0].value is not None:
        special = _special(found[0].value, home, place)
        if special is not None and not found[0].flags & (Flag.CONDITIONAL | Flag.INSTANCE):
            return special
    if len(home.items) > _MOST_ASSIGNMENTS:
        return Value(UNKNOWN)
    return Value(_inferred(found, place))


def _inferred(found: list[Assignment], place: Place) -> Type:
    types = []
    for one in found:
        if one.annotation is not None:
            types.append(evaluate(one.annotation, place))
        else:
            types.append(UNKNOWN if one.value is None else infer(one.value, place))
    whole = join(types)
    # A name that only None is assigned to is given another value elsewhere.
    return UNKNOWN if whole == NONE else whole


def _annotated(one: Assignment, home: Home, place: Place) -> Declared:
    annotation, value = one.annotation, one.value
    assert annotation is not None
    form = typing_name(annotation, place)
    if form == "TypeAlias" and value is not None:
        inside = replace(place, owner=home.symbol)
        type_ = evaluate(value, inside)
        return Alias(type_, tuple(variables_in([type_])))
    if form == "Final" and value is not None:
        return Value(_constant(value, place), is_final=True)
    if form == "ClassVar" and value is not None:
        return Value(infer(value, place))
    if isinstance(annotation, ast.Subscript):
        outer = typing_name(annotation.value, place)
        inner = annotation.slice
        if outer == "Final":
            return Value(evaluate(inner, place), is_final=True)
        if outer in ("ClassVar", "Annotated", "Required", "NotRequired", "ReadOnly"):
            first = inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner
            nested = replace(one, annotation=first)
            return _annotated(nested, home, place)
    return Value(evaluate(annotation, place))


def _constant(value: ast.expr, place: Place) -> Type:
    """The type of a final name: its literal."""
    match value:
        case ast.Constant(value=str() | bytes() | bool() | int() as literal):
            return Literal(literal, f"builtins:{type(literal).__name__}")
    return infer(value, place)


def _type_statement(home: Home, place: Place) -> Declared:
    try:
        node = parse_source(home.items[0].text).body[0]
    except (SyntaxError, ValueError, RecursionError, MemoryError, IndexError):
        return Value(UNKNOWN)
    inside = replace(place, owner=home.symbol)
    own = type_parameters(node, inside)
    value = getattr(node, "value", None)
    if not isinstance(value, ast.expr):
        return Value(UNKNOWN)
    variables = {**place.variables, **own}
    return Alias(evaluate(value, replace(inside, variables=variables)), tuple(own.values()))


def _special(value: ast.expr, home: Home, place: Place) -> Declared | None:
    """What a value makes of the name that is more than a variable; None if nothing."""
    match value:
        case ast.Name() | ast.Attribute():
            return _other_name(value, home, place)
        case ast.Call(func=ast.Name() | ast.Attribute() as function, args=arguments):
            return _made(function, arguments, value.keywords, home, place)
    if is_type_expression(value, place):
        type_ = evaluate(value, replace(place, owner=home.symbol))
        return Alias(type_, tuple(variables_in([type_])))
    return None


def _other_name(value: ast.expr, home: Home, place: Place) -> Declared | None:
    """`name = other`: what the other name is."""
    if place.body is not None and isinstance(value, ast.Name):
        inner = place.body.inner(value.id)
        if inner is not None and inner.path != home.path:
            return place.names.declare(inner)
    match find(value, place):
        case ModuleHome(name):
            return Submodule(name)
        case Home() as other if other.items and other.symbol != home.symbol:
            found = place.names.declare(other)
            # A variable's present value, not its type, is what is copied.
            return None if isinstance(found, Value) else found
    return None


def _made(
    function: ast.expr,
    arguments: list[ast.expr],
    keywords: list[ast.keyword],
    home: Home,
    place: Place,
) -> Declared | None:
    form, symbol = typing_name(function, place), dotted_symbol(function, place)
    if form in _VARIABLE_KINDS:
        return Alias(_type_variable(form, home.path[-1], arguments, keywords, place))
    if form == "NewType" and len(arguments) == 2:
        return _new_type(home, evaluate(arguments[1], place))
    if form == "NamedTuple" and len(arguments) == 2:
        return _named_tuple(home, _pairs(arguments[1], place))
    if symbol == "collections:namedtuple" and len(arguments) >= 2:
        return _named_tuple(home, _listed(arguments[1], {one.arg for one in keywords}))
    if form == "TypedDict":
        return Class(
            home.symbol,
            bases=(Nominal("typing:_TypedDict"),),
            flags=frozenset({"typeddict", "unsure"}),
            is_open=True,
        )
    if symbol in ("enum:Enum", "enum:IntEnum", "enum:Flag", "enum:IntFlag", "enum:StrEnum"):
        base = Nominal(symbol)
        return Class(home.symbol, bases=(base,), flags=frozenset({"enum"}), is_open=True)
    return None


def _type_variable(
    form: str, name: str, arguments: list[ast.expr], keywords: list[ast.keyword], place: Place
) -> Variable:
    limits = tuple(evaluate(one, place) for one in arguments[1:]) if form == "TypeVar" else ()
    bound = next((evaluate(one.value, place) for one in keywords if one.arg == "bound"), None)
    return Variable(name, "", bound, limits, _VARIABLE_KINDS[form])


def _new_type(home: Home, base: Type) -> Declared:
    if not isinstance(base, Nominal):
        return Value(UNKNOWN)
    instance = Nominal(home.symbol)
    parameters = (
        Parameter("self", instance, Kind.POSITIONAL),
        Parameter("item", base, Kind.POSITIONAL),
    )
    make = Member(Callable(Function(parameters, NONE)), Binding.METHOD)
    return Class(
        home.symbol, bases=(base,), own={"__init__": make}, flags=frozenset({"newtype", "final"})
    )


def _named_tuple(home: Home, fields: tuple[tuple[str, Type, bool], ...] | None) -> Declared:
    flags, base = frozenset({"namedtuple"}), Nominal("typing:NamedTuple")
    if fields is None:
        flags |= {"unsure"}
        return Class(home.symbol, bases=(base,), flags=flags, is_open=True)
    own = {
        name: Member(Value(type_), Binding.VARIABLE, writable=False) for name, type_, _ in fields
    }
    return Class(home.symbol, bases=(base,), own=own, flags=flags, fields=fields)


def _pairs(node: ast.expr, place: Place) -> tuple[tuple[str, Type, bool], ...] | None:
    """The fields of `NamedTuple("X", [("a", int), …])`."""
    found = []
    for one in node.elts if isinstance(node, ast.List | ast.Tuple) else [ast.Constant(0)]:
        match one:
            case ast.Tuple(elts=[ast.Constant(value=str() as name), type_]):
                found.append((name, evaluate(type_, place), False))
            case _:
                return None
    return tuple(found)


def _listed(node: ast.expr, keywords: set[str | None]) -> tuple[tuple[str, Type, bool], ...] | None:
    """The fields of `namedtuple("X", "a b")`."""
    if keywords & {"rename", None}:
        return None
    has_default = "defaults" in keywords
    match node:
        case ast.Constant(value=str() as text):
            names = text.replace(",", " ").split()
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            names = [
                one.value
                for one in elements
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
            if len(names) != len(elements):
                return None
        case _:
            return None
    return tuple((name, UNKNOWN, has_default) for name in names)
