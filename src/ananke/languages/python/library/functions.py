"""From the kept text of a function to its type, and to how a class's instances reach it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from ananke.analysis.declarations import Binding, Callable, Declared, Member, Value
from ananke.analysis.types import (
    UNKNOWN,
    ClassOf,
    Function,
    Kind,
    Nominal,
    Overloaded,
    Parameter,
    Tuple,
    Type,
    Variable,
)
from ananke.languages.python.library.annotations import (
    NONE,
    Place,
    dotted_symbol,
    evaluate,
    narrowed,
    typing_name,
)
from ananke.languages.python.library.linking import Home
from ananke.languages.python.library.outline import Flag, Item
from ananke.languages.python.library.source_tree import parse_source

__all__ = ["declare_function", "declare_method", "type_parameters"]

_Definition = ast.FunctionDef | ast.AsyncFunctionDef

#: Decorators that leave the function's type as it is.
_TRANSPARENT = {
    "final",
    "override",
    "deprecated",
    "type_check_only",
    "no_type_check",
    "runtime_checkable",
    "dataclass_transform",
    "overload",
    "disjoint_base",
}
_TRANSPARENT_SYMBOLS = {
    "abc:abstractmethod",
    "warnings:deprecated",
    "typing:no_type_check_decorator",
    "functools:wraps",
    "reprlib:recursive_repr",
}
_PROPERTIES = {
    "builtins:property",
    "functools:cached_property",
    "abc:abstractproperty",
    "types:DynamicClassAttribute",
    "enum:property",
    "enum:_magic_enum_attr",
}

#: Methods whose first argument is the class although nothing says so.
_OF_CLASS = {"__new__", "__init_subclass__", "__class_getitem__"}


@dataclass(frozen=True, slots=True)
class _Read:
    """One `def` and what its decorators make of it."""

    function: Function
    name: str
    binding: Binding
    is_known: bool
    is_async: bool
    is_abstract: bool
    is_overload: bool
    accessor: str


def declare_function(home: Home, place: Place) -> Declared:
    """What a module's function is."""
    reads = _read_all(home.items, home.symbol, place, in_class=False)
    return Value(UNKNOWN) if reads is None else _joined(reads)


def declare_method(home: Home, place: Place) -> Member:
    """What a class's function is, and how it is reached; `place` is the class's body."""
    reads = _read_all(home.items, home.symbol, place, in_class=True)
    if reads is None:
        return Member(Value(UNKNOWN), Binding.VARIABLE)
    first = reads[0]
    if first.binding is Binding.PROPERTY:
        writable = any(one.accessor == "setter" for one in reads) or first.accessor == "cached"
        return Member(_callable([first]), Binding.PROPERTY, writable)
    return Member(_joined(reads), first.binding)


def _read_all(
    items: tuple[Item, ...], symbol: str, place: Place, *, in_class: bool
) -> list[_Read] | None:
    """The definitions that count; None if it can't be told which do."""
    definitions = [(item, _definition(item.text)) for item in items]
    reads = [
        _read(node, item, symbol, place, in_class) for item, node in definitions if node is not None
    ]
    if not reads or len(reads) < len(items):
        return None
    overloads = [one for one in reads if one.is_overload]
    if overloads:
        reads = overloads
    elif len(reads) > 1 and not any(one.accessor for one in reads):
        return None  # redefined under conditions
    return reads if all(one.is_known for one in reads) else None


def _definition(text: str) -> _Definition | None:
    try:
        body = parse_source(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return body[0] if len(body) == 1 and isinstance(body[0], _Definition) else None


def _joined(reads: list[_Read]) -> Declared:
    return _callable(reads) if all(one.is_known for one in reads) else Value(UNKNOWN)


def _callable(reads: list[_Read]) -> Callable:
    choices = tuple(one.function for one in reads)
    return Callable(
        choices[0] if len(choices) == 1 else Overloaded(choices),
        any(one.is_async for one in reads),
        any(one.is_abstract for one in reads),
    )


def _read(node: _Definition, item: Item, symbol: str, place: Place, in_class: bool) -> _Read:
    binding = Binding.METHOD
    if in_class and node.name in _OF_CLASS:
        binding = Binding.CLASS_METHOD
    is_known, is_abstract, is_overload, accessor = True, False, False, ""
    wrapped = ""
    for decorator in reversed(node.decorator_list):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(called, ast.Attribute) and called.attr in ("setter", "getter", "deleter"):
            accessor, binding = called.attr, Binding.PROPERTY
            continue
        form, found = typing_name(called, place), dotted_symbol(called, place)
        if found == "builtins:staticmethod":
            binding = Binding.STATIC
        elif found == "builtins:classmethod":
            binding = Binding.CLASS_METHOD
        elif found in _PROPERTIES:
            binding = Binding.PROPERTY
            accessor = "cached" if found == "functools:cached_property" else accessor
            is_abstract |= found == "abc:abstractproperty"
        elif form in _TRANSPARENT or found in _TRANSPARENT_SYMBOLS:
            is_abstract |= found == "abc:abstractmethod"
            is_overload |= form == "overload"
            is_known &= found != "functools:wraps"
        elif found in ("contextlib:contextmanager", "contextlib:asynccontextmanager"):
            wrapped = found
        else:
            is_known = False
    scope = _scope(node, symbol, place)
    function = _function(node, item, scope, binding if in_class else None)
    if wrapped:
        function = replace(function, result=_context_manager(wrapped, function.result))
    is_async = isinstance(node, ast.AsyncFunctionDef)
    return _Read(
        function, node.name, binding, is_known, is_async, is_abstract, is_overload, accessor
    )


def _scope(node: _Definition, symbol: str, place: Place) -> Place:
    """Where the signature's annotations stand."""
    inside = replace(place, owner=symbol)
    own = type_parameters(node, inside)
    return replace(inside, variables={**place.variables, **own}) if own else inside


def type_parameters(node: ast.AST, place: Place) -> dict[str, Variable]:
    """The type parameters in brackets after a name (PEP 695), by name."""
    found: dict[str, Variable] = {}
    for one in getattr(node, "type_params", ()):
        kind = {"ParamSpec": "parameters", "TypeVarTuple": "types"}.get(type(one).__name__, "type")
        bound = getattr(one, "bound", None)
        limits: tuple[Type, ...] = ()
        top: Type | None = None
        if isinstance(bound, ast.Tuple):
            limits = tuple(evaluate(each, place) for each in bound.elts)
        elif bound is not None:
            top = evaluate(bound, place)
        found[one.name] = Variable(one.name, place.owner, top, limits, kind)
    return found


def _function(node: _Definition, item: Item, place: Place, binding: Binding | None) -> Function:
    arguments = node.args
    parameters: list[Parameter] = []
    places = [*arguments.posonlyargs, *arguments.args]
    first_default = len(places) - len(arguments.defaults)
    for at, one in enumerate(places):
        is_receiver = at == 0 and binding not in (None, Binding.STATIC)
        type_ = _annotated(one, place)
        if is_receiver and one.annotation is None:
            type_ = _receiver(place, binding)
        kind = Kind.POSITIONAL if at < len(arguments.posonlyargs) else Kind.EITHER
        # Before PEP 570 stubs wrote positional parameters so.
        if one.arg.startswith("__") and not one.arg.endswith("__"):
            kind = Kind.POSITIONAL
        parameters.append(Parameter(one.arg, type_, kind, at >= first_default))
    if arguments.vararg is not None:
        type_ = _annotated(arguments.vararg, place)
        parameters.append(Parameter(arguments.vararg.arg, type_, Kind.VARIADIC))
    for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        type_ = _annotated(one, place)
        parameters.append(Parameter(one.arg, type_, Kind.NAMED, default is not None))
    if arguments.kwarg is not None:
        last = arguments.kwarg
        unpacked = (
            isinstance(last.annotation, ast.Subscript)
            and typing_name(last.annotation.value, place) == "Unpack"
        )
        type_ = UNKNOWN if unpacked else _annotated(last, place)
        parameters.append(Parameter(last.arg, type_, Kind.NAMED_VARIADIC))
    result = UNKNOWN if node.returns is None else evaluate(node.returns, place)
    if node.returns is None and node.name == "__init__" and binding is not None:
        result = NONE
    if isinstance(node, ast.AsyncFunctionDef) and not item.flags & Flag.GENERATOR:
        result = Nominal("types:CoroutineType", (UNKNOWN, UNKNOWN, result))
    return Function(tuple(parameters), result, narrows=narrowed(node.returns, place))


def _annotated(argument: ast.arg, place: Place) -> Type:
    annotation = argument.annotation
    if annotation is None:
        return UNKNOWN
    if isinstance(annotation, ast.Starred):
        # `*args: *Ts`; of a tuple type no single item's type is told.
        whole = evaluate(annotation.value, place)
        return whole if isinstance(whole, Variable) else UNKNOWN
    found = evaluate(annotation, place)
    is_unpacked = (
        isinstance(annotation, ast.Subscript) and typing_name(annotation.value, place) == "Unpack"
    )
    return UNKNOWN if is_unpacked and isinstance(found, Tuple) else found


def _receiver(place: Place, binding: Binding | None) -> Type:
    """The type of an unannotated `self` or `cls`."""
    if place.receiver is None:
        return UNKNOWN
    return ClassOf(place.receiver) if binding is Binding.CLASS_METHOD else place.receiver


def _context_manager(decorator: str, result: Type) -> Type:
    """What a generator's result becomes behind `contextmanager`."""
    name = "_GeneratorContextManager"
    if decorator.endswith(":asynccontextmanager"):
        name = "_AsyncGeneratorContextManager"
    given: Type = UNKNOWN
    if isinstance(result, Nominal) and result.arguments:
        given = result.arguments[0]
    return Nominal(f"contextlib:{name}", (given,))
