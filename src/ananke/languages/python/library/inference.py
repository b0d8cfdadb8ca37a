"""The type of an unannotated value, as far as it is certain: literals, classes, plain calls."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from ananke.analysis.declarations import Alias, Callable, Class, Submodule, Value
from ananke.analysis.types import (
    UNKNOWN,
    ClassOf,
    Function,
    ModuleObject,
    Nominal,
    Tuple,
    Type,
    join,
)
from ananke.languages.python.library.annotations import (
    BOOL,
    NONE,
    Place,
    find,
    variables_in,
)
from ananke.languages.python.library.linking import Home, ModuleHome

__all__ = ["infer"]

#: Expressions inside expressions deeper than this are not followed.
_DEEPEST = 12

_DISPLAYS: Mapping[type[ast.expr], str] = {
    ast.List: "list",
    ast.ListComp: "list",
    ast.Dict: "dict",
    ast.DictComp: "dict",
    ast.Set: "set",
    ast.SetComp: "set",
    ast.JoinedStr: "str",
    ast.Compare: "bool",
}


def infer(node: ast.expr, place: Place, depth: int = 0) -> Type:
    """The type that each value of the expression certainly has, or unknown."""
    if depth > _DEEPEST:
        return UNKNOWN
    match node:
        case ast.Constant(value=None):
            return NONE
        case ast.Constant(value=str() | bytes() | bool() | int() | float() | complex() as value):
            return Nominal(f"builtins:{type(value).__name__}")
        case ast.Compare(ops=ops) if not all(
            isinstance(op, ast.Is | ast.IsNot | ast.In | ast.NotIn) for op in ops
        ):
            # `==` of arrays gives arrays.
            return UNKNOWN
        case ast.UnaryOp(op=ast.Not()):
            return BOOL
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=ast.Constant(value=int() | float())):
            return infer(node.operand, place, depth + 1)
        case ast.BinOp(left=left, op=op, right=right):
            return _operation(infer(left, place, depth + 1), op, infer(right, place, depth + 1))
        case ast.Tuple(elts=elements):
            if any(isinstance(one, ast.Starred) for one in elements):
                return Tuple((), UNKNOWN)
            return Tuple(tuple(infer(one, place, depth + 1) for one in elements))
        case ast.IfExp(body=body, orelse=orelse):
            return join([infer(body, place, depth + 1), infer(orelse, place, depth + 1)])
        case ast.Name() | ast.Attribute():
            return _named(node, place)
        case ast.Call(func=ast.Name() | ast.Attribute() as function):
            return _called(function, place)
    display = _DISPLAYS.get(type(node))
    return UNKNOWN if display is None else Nominal(f"builtins:{display}")


def _operation(left: Type, op: ast.operator, right: Type) -> Type:
    both = {left, right}
    text, number = Nominal("builtins:str"), Nominal("builtins:int")
    if left == text and isinstance(op, ast.Mod):
        return text
    if both == {text} and isinstance(op, ast.Add):
        return text
    if both == {number} and not isinstance(op, ast.Div | ast.Pow | ast.MatMult):
        return number
    return UNKNOWN


def _named(node: ast.expr, place: Place) -> Type:
    match find(node, place):
        case ModuleHome(name):
            return ModuleObject(name)
        case Home(items=items) as home if items:
            match place.names.declare(home):
                case Class(symbol=symbol):
                    return ClassOf(Nominal(symbol))
                case Callable(type=type_):
                    return type_
                case Value(type=type_):
                    return type_
                case Submodule(name):
                    return ModuleObject(name)
                case Alias():
                    return UNKNOWN
    return UNKNOWN


def _called(node: ast.expr, place: Place) -> Type:
    """The result of a call whose arguments don't matter."""
    found = find(node, place)
    if not isinstance(found, Home) or not found.items:
        return UNKNOWN
    match place.names.declare(found):
        case Class(symbol=symbol, is_open=False) as class_ if _is_plain(class_, place):
            return Nominal(symbol)
        case Callable(type=Function(result=result)) if not variables_in([result]):
            return result
    return UNKNOWN


def _is_plain(class_: Class, place: Place, depth: int = 0) -> bool:
    """Whether calling the class certainly gives its instance."""
    if class_.metaclass is not None or "__new__" in class_.own or depth > _DEEPEST:
        known = class_.metaclass == Nominal("abc:ABCMeta") and "__new__" not in class_.own
        if not known and not class_.symbol.startswith("builtins:"):
            return False
    for base in class_.bases:
        if not isinstance(base, Nominal):
            return False
        module, _, path = base.symbol.partition(":")
        if base.symbol in ("builtins:object", "typing:Generic"):
            continue
        home = place.names.find(module, path) if "." not in path else None
        above = place.names.declare(home) if isinstance(home, Home) else None
        if not isinstance(above, Class) or not _is_plain(above, place, depth + 1):
            return False
    return True
