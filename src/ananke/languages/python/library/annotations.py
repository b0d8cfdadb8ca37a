"""From a type expression as it is written to a type.

    evaluate(parse("dict[str, Sequence[_T] | None]"), place)

Names are looked up where the expression stands (`Place`): the class's body, the module, builtins.
What can't be told, by this or by Python's typing rules, is unknown; no expression is an error.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from ananke.analysis.declarations import Alias, Class, Declared
from ananke.analysis.types import (
    NEVER,
    UNKNOWN,
    ClassOf,
    Function,
    Kind,
    Literal,
    Nominal,
    Overloaded,
    Parameter,
    Reference,
    Structural,
    Tuple,
    Type,
    Union,
    Variable,
    join,
    substitute,
)
from ananke.languages.python.library.linking import Home, ModuleHome
from ananke.languages.python.library.outline import ItemKind
from ananke.languages.python.library.source_tree import parse_expression

__all__ = [
    "BOOL",
    "NONE",
    "STANDS_FOR",
    "TYPING",
    "Names",
    "Place",
    "dotted_symbol",
    "evaluate",
    "find",
    "is_type_expression",
    "narrowed",
    "typing_name",
    "variables_in",
]

NONE = Nominal("types:NoneType")
BOOL = Nominal("builtins:bool")
_STR = Nominal("builtins:str")

#: Modules whose names have the meaning that `typing` gives them.
TYPING = ("typing", "typing_extensions", "_typeshed", "mypy_extensions")

#: Names of `typing` that stand for a class elsewhere.
STANDS_FOR = {
    "List": "builtins:list",
    "Dict": "builtins:dict",
    "Set": "builtins:set",
    "FrozenSet": "builtins:frozenset",
    "DefaultDict": "collections:defaultdict",
    "OrderedDict": "collections:OrderedDict",
    "Counter": "collections:Counter",
    "ChainMap": "collections:ChainMap",
    "Deque": "collections:deque",
}

_PLAIN: dict[str, Type] = {
    "Any": UNKNOWN,
    "NoReturn": NEVER,
    "Never": NEVER,
    "LiteralString": _STR,
    "Text": _STR,
    "Callable": Function((), UNKNOWN, is_gradual=True),
    "Tuple": Tuple((), UNKNOWN),
    "Type": Nominal("builtins:type"),
    "TypedDict": Nominal("typing:_TypedDict"),
    "TypeGuard": BOOL,
    "TypeIs": BOOL,
    **{name: Nominal(symbol) for name, symbol in STANDS_FOR.items()},
}

#: Forms that say something about the name, not about its type.
_WRAPPERS = {"Annotated", "ClassVar", "Final", "Required", "NotRequired", "ReadOnly", "Unpack"}


class Names(Protocol):
    """What the evaluation asks of the library."""

    def find(self, module: str, name: str) -> Home | ModuleHome | None: ...

    def declare(self, home: Home) -> Declared: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a type expression stands.

    Attributes:
        module: whose names it sees.
        owner: symbol of the class, function or alias that its type variables belong to.
        body: the class whose body it stands in.
        variables: type parameters in force, by name.
        receiver: what `Self` stands for.
    """

    names: Names
    module: str
    owner: str = ""
    body: Home | None = None
    variables: Mapping[str, Variable] = field(default_factory=dict)
    receiver: Variable | None = None


def find(node: ast.expr, place: Place) -> Home | ModuleHome | None:
    """What a (dotted) name stands for."""
    match node:
        case ast.Name(id=name):
            if place.body is not None:
                inner = place.body.inner(name)
                if inner is not None and _may_be_type(inner):
                    return _followed(inner, place)
            found = place.names.find(place.module, name)
            return place.names.find("builtins", name) if found is None else found
        case ast.Attribute(value=value, attr=attr):
            match find(value, place):
                case ModuleHome(name):
                    return place.names.find(name, attr)
                case Home() as home:
                    inner = home.inner(attr)
                    return None if inner is None else _followed(inner, place)
    return None


def _may_be_type(home: Home) -> bool:
    return any(item.kind is not ItemKind.FUNCTION for item in home.items)


def _followed(home: Home, place: Place) -> Home | ModuleHome | None:
    """A class's member that an import binds is what was imported."""
    if len(home.items) == 1:
        item = home.items[0]
        if item.kind is ItemKind.FROM:
            module, _, name = item.text.partition(":")
            return place.names.find(module, name)
        if item.kind is ItemKind.MODULE:
            return ModuleHome(item.text)
    return home


def dotted_symbol(node: ast.expr, place: Place) -> str:
    """The symbol of the declaration that a (dotted) name stands for; "" if it isn't known."""
    found = find(node, place)
    return found.symbol if isinstance(found, Home) else ""


def typing_name(node: ast.expr, place: Place) -> str:
    """The name within `typing` that a (dotted) name stands for, or ""."""
    found = find(node, place)
    if isinstance(found, Home) and found.module in TYPING and len(found.path) == 1:
        return found.path[0]
    return ""


def is_type_expression(node: ast.expr, place: Place) -> bool:
    """Whether a value that is assigned to a name is a type written out (`X = list[int]`)."""
    match node:
        case ast.Subscript(value=value):
            found = find(value, place)
            return isinstance(found, Home) and (_is_form(found) or _names_type(found, place))
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _is_operand(left, place) and _is_operand(right, place)
    return False


def _is_operand(node: ast.expr, place: Place) -> bool:
    if isinstance(node, ast.Constant):
        return node.value is None or isinstance(node.value, str)
    if isinstance(node, ast.Name | ast.Attribute):
        found = find(node, place)
        return isinstance(found, Home) and (_is_form(found) or _names_type(found, place))
    return is_type_expression(node, place)


def _is_form(home: Home) -> bool:
    return home.module in TYPING and len(home.path) == 1


def _names_type(home: Home, place: Place) -> bool:
    if len(home.items) == 1 and home.items[0].kind is ItemKind.CLASS:
        return True
    if not home.items or home.items[0].kind is ItemKind.FUNCTION:
        return False
    return isinstance(place.names.declare(home), Alias | Class)


def evaluate(node: ast.expr, place: Place) -> Type:
    """The type that the expression writes."""
    match node:
        case ast.Constant(value=None):
            return NONE
        case ast.Constant(value=str() as text):
            inner = _parsed(text)
            return UNKNOWN if inner is None else evaluate(inner, place)
        case ast.BinOp(op=ast.BitOr()):
            return join(evaluate(one, place) for one in _operands(node))
        case ast.Attribute(value=value, attr="args" | "kwargs"):
            whole = evaluate(value, place)
            if isinstance(whole, Variable) and whole.kind == "parameters":
                return whole
            return _bare(node, place)
        case ast.Name() | ast.Attribute():
            return _bare(node, place)
        case ast.Subscript(value=value, slice=inside):
            arguments = inside.elts if isinstance(inside, ast.Tuple) else [inside]
            return _subscripted(value, arguments, place)
        case ast.List(elts=elements):
            # The argument for a ParamSpec: a function that says nothing of its result.
            return Function(_positional(elements, place), UNKNOWN)
        case ast.Constant(value=value) if value is ...:
            return Function((), UNKNOWN, is_gradual=True)
    return UNKNOWN


def _parsed(text: str) -> ast.expr | None:
    try:
        return parse_expression(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _operands(node: ast.expr) -> list[ast.expr]:
    """The parts of `a | b | c`, however many."""
    found = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        found.append(node.right)
        node = node.left
    return [node, *reversed(found)]


def _bare(node: ast.expr, place: Place) -> Type:
    if isinstance(node, ast.Name) and node.id in place.variables:
        return place.variables[node.id]
    found = find(node, place)
    if not isinstance(found, Home):
        return UNKNOWN
    if _is_form(found):
        name = found.path[0]
        if name == "Self":
            return UNKNOWN if place.receiver is None else place.receiver
        if name in _PLAIN:
            return _PLAIN[name]
    if found.symbol == "builtins:tuple":
        return Tuple((), UNKNOWN)
    if len(found.items) == 1 and found.items[0].kind is ItemKind.CLASS:
        return Nominal(found.symbol)
    if not found.items or found.items[0].kind is ItemKind.FUNCTION:
        return UNKNOWN
    match place.names.declare(found):
        case Class(symbol=symbol):
            return Nominal(symbol)
        case Alias(type=Variable() as variable):
            return place.variables.get(variable.name) or replace(variable, owner=place.owner)
        case Alias(type=type_, parameters=parameters):
            return substitute(type_, dict.fromkeys(parameters, UNKNOWN))
    return UNKNOWN


def _subscripted(node: ast.expr, arguments: list[ast.expr], place: Place) -> Type:
    found = find(node, place)
    if not isinstance(found, Home):
        return UNKNOWN
    if _is_form(found):
        form = _form(found.path[0], arguments, place)
        if form is not None:
            return form
    if found.symbol == "builtins:tuple":
        return _tuple(arguments, place)
    if found.symbol == "builtins:type":
        return ClassOf(evaluate(arguments[0], place))
    if found.symbol == "dataclasses:InitVar":
        return evaluate(arguments[0], place)
    if len(found.items) == 1 and found.items[0].kind is ItemKind.CLASS:
        return Nominal(found.symbol, _arguments(arguments, place))
    if not found.items or found.items[0].kind is ItemKind.FUNCTION:
        return UNKNOWN
    match place.names.declare(found):
        case Class(symbol=symbol):
            return Nominal(symbol, _arguments(arguments, place))
        case Alias(type=type_, parameters=parameters) if parameters:
            if any(one.kind != "type" for one in parameters) and len(parameters) > 1:
                return substitute(type_, dict.fromkeys(parameters, UNKNOWN))
            given = _arguments(arguments, place)
            values: dict[Variable, Type] = dict.fromkeys(parameters, UNKNOWN)
            values |= dict(zip(parameters, given, strict=False))
            return substitute(type_, values)
    return UNKNOWN


def _arguments(nodes: list[ast.expr], place: Place) -> tuple[Type, ...]:
    if any(_unpacked(node, place) is not None for node in nodes):
        # Which parameter takes which of them is not told here.
        return ()
    return tuple(evaluate(node, place) for node in nodes)


def _form(name: str, arguments: list[ast.expr], place: Place) -> Type | None:
    """What a special form with arguments stands for; None if `name` is an ordinary class."""
    first = arguments[0] if arguments else ast.Constant(None)
    match name:
        case "Union":
            return join(evaluate(one, place) for one in arguments)
        case "Optional":
            return join([evaluate(first, place), NONE])
        case "Tuple":
            return _tuple(arguments, place)
        case "Type":
            return ClassOf(evaluate(first, place))
        case "Literal":
            return join(_literal(one, place) for one in arguments)
        case "Callable":
            return _callable(arguments, place)
        case "TypeGuard" | "TypeIs":
            return BOOL
        case "Concatenate":
            return Function(_concatenated(arguments, place), UNKNOWN, _is_ellipsis(arguments[-1]))
        case _ if name in _WRAPPERS:
            return evaluate(first, place)
        case _ if name in STANDS_FOR:
            return Nominal(STANDS_FOR[name], _arguments(arguments, place))
        case _ if name in _PLAIN:
            return UNKNOWN
    return None


def _unpacked(node: ast.expr, place: Place) -> ast.expr | None:
    """`X` of `*X` and `Unpack[X]`."""
    if isinstance(node, ast.Starred):
        return node.value
    if isinstance(node, ast.Subscript) and typing_name(node.value, place) == "Unpack":
        return node.slice
    return None


def _tuple(arguments: list[ast.expr], place: Place) -> Type:
    if len(arguments) == 2 and _is_ellipsis(arguments[1]):
        return Tuple((), evaluate(arguments[0], place))
    if len(arguments) == 1 and isinstance(arguments[0], ast.Tuple) and not arguments[0].elts:
        return Tuple(())
    before: list[Type] = []
    after: list[Type] = []
    rest: Type | None = None
    for node in arguments:
        inner = _unpacked(node, place)
        if inner is None:
            (before if rest is None else after).append(evaluate(node, place))
            continue
        match evaluate(inner, place):
            case Tuple(items, None, ()):
                (before if rest is None else after).extend(items)
            case Tuple(items, more, more_after) if rest is None:
                before.extend(items)
                rest = more
                after.extend(more_after)
            case other if rest is None:
                rest = other
            case _:
                return Tuple((), UNKNOWN)
    return Tuple(tuple(before), rest, tuple(after))


def _literal(node: ast.expr, place: Place) -> Type:
    match node:
        case ast.Constant(value=None):
            return NONE
        case ast.Constant(value=str() | bytes() | bool() | int() as value):
            return Literal(value, f"builtins:{type(value).__name__}")
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as number)):
            return Literal(-number, "builtins:int")
        case ast.Attribute(value=value, attr=attr):
            found = find(value, place)
            if isinstance(found, Home) and found.inner(attr) is not None:
                return Literal(attr, found.symbol)
        case ast.Subscript():
            return evaluate(node, place)
    return evaluate(node, place) if isinstance(node, ast.Name | ast.Attribute) else UNKNOWN


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _callable(arguments: list[ast.expr], place: Place) -> Type:
    if len(arguments) != 2:
        return Function((), UNKNOWN, is_gradual=True)
    taken, given = arguments
    result = evaluate(given, place)
    if isinstance(taken, ast.List):
        return Function(_positional(taken.elts, place), result, narrows=narrowed(given, place))
    if _is_ellipsis(taken):
        return Function((), result, is_gradual=True)
    match evaluate(taken, place):
        case Variable(kind="parameters") as whole:
            return Function(_forwarded(whole), result)
        case Function(parameters, _, is_gradual):
            return Function(parameters, result, is_gradual)
    return Function((), result, is_gradual=True)


def narrowed(node: ast.expr | None, place: Place) -> tuple[Type, bool] | None:
    """What a result annotation `TypeGuard[X]` or `TypeIs[X]` tells of the argument."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        node = _parsed(node.value)
    if isinstance(node, ast.Subscript):
        name = typing_name(node.value, place)
        if name in ("TypeGuard", "TypeIs"):
            return evaluate(node.slice, place), name == "TypeIs"
    return None


def _positional(nodes: list[ast.expr], place: Place) -> tuple[Parameter, ...]:
    found: list[Parameter] = []
    for at, node in enumerate(nodes):
        inner = _unpacked(node, place)
        if inner is None:
            found.append(Parameter(f"__{at}", evaluate(node, place), Kind.POSITIONAL))
        else:
            found.append(Parameter("args", evaluate(inner, place), Kind.VARIADIC))
    return tuple(found)


def _concatenated(nodes: list[ast.expr], place: Place) -> tuple[Parameter, ...]:
    found = _positional(nodes[:-1], place)
    last = evaluate(nodes[-1], place)
    return found + (_forwarded(last) if isinstance(last, Variable) else ())


def _forwarded(whole: Variable) -> tuple[Parameter, ...]:
    """The parameters of `(*args: P.args, **kwargs: P.kwargs)`."""
    return (
        Parameter("args", whole, Kind.VARIADIC),
        Parameter("kwargs", whole, Kind.NAMED_VARIADIC),
    )


def variables_in(types: Iterable[Type]) -> list[Variable]:
    """The type variables that occur in `types`, in order, each once; `Self` is none."""
    found: dict[Variable, None] = {}

    def walk(part: Type) -> None:
        match part:
            case Variable(name="Self"):
                pass
            case Variable():
                found[part] = None
            case Nominal(_, arguments):
                for one in arguments:
                    walk(one)
            case ClassOf(inner) | Reference(inner):
                walk(inner)
            case Tuple(items, rest, after):
                for one in (*items, *(() if rest is None else (rest,)), *after):
                    walk(one)
            case Union(members):
                for one in members:
                    walk(one)
            case Function(parameters, result):
                for parameter in parameters:
                    walk(parameter.type)
                walk(result)
            case Overloaded(choices):
                for choice in choices:
                    walk(choice)
            case Structural(rows):
                for _, one, _ in rows:
                    walk(one)

    for type_ in types:
        walk(type_)
    return list(found)
