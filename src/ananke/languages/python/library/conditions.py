"""Conditions whose outcome is known without running: version, platform, type checking.

What can't be told is None; both branches count then.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Target", "outcome"]


@dataclass(frozen=True, slots=True)
class Target:
    """The interpreter that a program is for: (major, minor), and `sys.platform`."""

    version: tuple[int, int]
    platform: str

    @property
    def os_name(self) -> str:
        return "nt" if self.platform == "win32" else "posix"


_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}

#: Stands for the unknown micro version: above what a condition asks for.
_ANY_MICRO = 99


def outcome(test: ast.expr, target: Target) -> bool | None:
    """Whether `test` holds for `target`; None if that can't be told."""
    match test:
        case ast.Constant(value=bool() | int() as value):
            return bool(value)
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = outcome(operand, target)
            return None if inner is None else not inner
        case ast.BoolOp(op=op, values=values):
            # `or` is settled by one that holds, `and` by one that doesn't.
            settling = isinstance(op, ast.Or)
            found = [outcome(value, target) for value in values]
            if settling in found:
                return settling
            return None if None in found else not settling
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _comparison(left, op, right, target)
        case ast.Call(func=ast.Attribute(value=value, attr="startswith"), args=[prefix]):
            start = _literal(prefix)
            if _dotted(value) == "sys.platform" and isinstance(start, str):
                return target.platform.startswith(start)
    return None


def _comparison(left: ast.expr, op: ast.cmpop, right: ast.expr, target: Target) -> bool | None:
    known, wanted = _known(left, target), _literal(right)
    if known is None or wanted is None:
        return None
    if isinstance(op, ast.In | ast.NotIn):
        if isinstance(known, str) and isinstance(wanted, tuple):
            return (known in wanted) is isinstance(op, ast.In)
        return None
    compare = _COMPARISONS.get(type(op))
    if compare is None or type(known) is not type(wanted):
        return None
    if isinstance(known, tuple) and isinstance(wanted, tuple):
        if not all(isinstance(one, int) for one in wanted):
            return None
        known = known[: len(wanted)] if len(wanted) <= 2 else known
        if isinstance(op, ast.Gt | ast.LtE) and len(wanted) == 2:
            # (3, 11, 4) > (3, 11), as the interpreter's tuple is the longer one.
            known = (*known, _ANY_MICRO)
    return bool(compare(known, wanted))


def _known(node: ast.expr, target: Target) -> object:
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value=int() as at)):
            if _dotted(value) == "sys.version_info" and at in (0, 1):
                return target.version[at]
        case ast.Subscript(
            value=value, slice=ast.Slice(lower=None, upper=ast.Constant(value=int() as n))
        ):
            if _dotted(value) == "sys.version_info" and n in (1, 2):
                return target.version[:n]
    return {
        "sys.version_info": (*target.version, _ANY_MICRO),
        "sys.platform": target.platform,
        "os.name": target.os_name,
        "sys.implementation.name": "cpython",
    }.get(_dotted(node))


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{_dotted(value)}.{attr}"
    return "?"


def _literal(node: ast.expr) -> object:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            values = tuple(_literal(one) for one in elements)
            return None if None in values else values
    return None
