"""Narrowing: what a condition tells of the values in it, where it holds and where it doesn't.

What a test isn't understood to tell makes the values it is about unknown, if they could have been
of several types. When nothing that is known passes a test, something unknown may (`scopes.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from ananke.analysis.relation import assignable
from ananke.analysis.types import (
    NEVER,
    UNKNOWN,
    ClassOf,
    Function,
    Literal,
    ModuleObject,
    Nominal,
    Overloaded,
    Tuple,
    Type,
    Union,
    Unknown,
    Variable,
    join,
    members_of,
)
from ananke.analysis.world import symbol_of
from ananke.languages.python.library.conditions import Target, outcome
from ananke.languages.python.library.source_tree import parse_expression
from ananke.languages.python.meaning.context import NONE, Context
from ananke.languages.python.meaning.paths import assign_path, path_of
from ananke.parsing.opening import Tree

__all__ = ["narrow", "static_value"]


def narrow(c: Context, tree: Tree, holds: bool) -> None:
    """Goes to the scope in which the condition holds, or doesn't."""
    kind = tree.kind
    if kind == "parenthesized_expression":
        inner = [one for one in tree.children if one.kind not in ("(", ")")]
        if len(inner) == 1:
            narrow(c, inner[0], holds)
        return
    if kind == "not_operator":
        argument = tree.child("argument")
        if argument is not None:
            narrow(c, argument, not holds)
        return
    if kind == "boolean_operator":
        _narrow_both(c, tree, holds)
        return
    if kind == "comparison_operator":
        _narrow_comparison(c, tree, holds)
        return
    if kind == "call":
        _narrow_call(c, tree, holds)
        return
    if kind == "named_expression":
        value = tree.child("value")
        if value is not None:
            narrow(c, value, holds)
    if kind in ("identifier", "attribute", "subscript", "named_expression"):
        _change(c, tree, lambda one: _truthy(c, one) if holds else _falsy(c, one))
        _blur_owner(c, tree)


def _narrow_both(c: Context, tree: Tree, holds: bool) -> None:
    left, right = tree.child("left"), tree.child("right")
    sign = tree.child("operator")
    if left is None or right is None or sign is None:
        return
    if (sign.kind == "and") == holds:
        narrow(c, left, holds)
        narrow(c, right, holds)
        return
    # One of the two decided it: either the left did, or the right with the left the other way.
    from ananke.analysis.scopes import merge

    before = c.scope
    narrow(c, left, holds)
    one = c.scope
    c.scope = before
    narrow(c, left, not holds)
    narrow(c, right, holds)
    c.scope = merge(one, c.scope)


def _type_at(c: Context, tree: Tree) -> Type:
    with c.quiet():
        return c.infer(tree, None)


def _change(c: Context, tree: Tree, change: Callable[[Type], Type]) -> None:
    """Narrows the path that the expression is, if it is one, member by member."""
    path = path_of(c, tree)
    if path is None or not c.scope.is_alive:
        return
    before = c.scope
    name = tree.child("name") if tree.kind == "named_expression" else None
    type_ = _type_at(c, name if name is not None else tree)
    c.scope = before
    if isinstance(type_, Unknown):
        return
    changed = [change(one) for one in members_of(type_)]
    # What surely passes is enough: others that may pass besides only add to it.
    known = [one for one in changed if one not in (UNKNOWN, NEVER)]
    after = join(known or changed)
    if after == NEVER:
        c.scope = assign_path(c.scope, path, UNKNOWN).but(is_doubtful=True)
    elif after != type_:
        c.scope = assign_path(c.scope, path, after)


def _blur_owner(c: Context, tree: Tree) -> None:
    """A test of `x.kind` or `x[0]` tells something of `x` too, if `x` is one of several types."""
    owner = tree.child("object") or tree.child("value")
    if owner is None or tree.kind not in ("attribute", "subscript"):
        return
    path = path_of(c, owner)
    if path is None:
        return
    before = c.scope
    type_ = _type_at(c, owner)
    c.scope = before
    if isinstance(type_, Union):
        c.scope = assign_path(c.scope, path, UNKNOWN)


def _truthy(c: Context, type_: Type) -> Type:
    if type_ == NONE or (isinstance(type_, Literal) and not type_.value):
        return NEVER
    if type_ == Tuple(()):
        return NEVER
    return type_


def _falsy(c: Context, type_: Type) -> Type:
    if isinstance(type_, Literal):
        return NEVER if type_.value else type_
    if isinstance(type_, Function | Overloaded | ClassOf | ModuleObject):
        return NEVER
    if isinstance(type_, Tuple) and type_.items:
        return NEVER
    if isinstance(type_, Nominal):
        has_length = c.world.member(type_, "__len__") is not None
        if not has_length and c.world.member(type_, "__bool__") is None:
            return NEVER
    return type_


def _narrow_comparison(c: Context, tree: Tree, holds: bool) -> None:
    signs = [one.kind for one in tree.fields("operators")]
    parts = [one for one in tree.children if one.field != "operators"]
    if len(signs) != 1 or len(parts) != 2:
        for one in parts:
            _blur(c, one)
        return
    left, right = parts
    sign = signs[0]
    if sign in ("is not", "!=", "<>", "not in"):
        sign = {"is not": "is", "!=": "==", "not in": "in"}.get(sign, "==")
        holds = not holds
    if sign not in ("is", "==", "in"):
        return
    if sign in ("is", "=="):
        for one, other in ((left, right), (right, left)):
            if other.kind == "none":
                _change(
                    c,
                    one,
                    lambda type_: _only_none(type_, holds),
                )
                _blur_owner(c, one)
                return
    if left.kind == "call" and holds:
        function = left.child("function")
        name = "" if function is None else c.text(function)
        if name in ("type", "len"):
            for one in _arguments(left):
                if name == "type" or _has_length_in_type(c, one):
                    _set(c, one, UNKNOWN)
            return
    for one in (left, right):
        _blur(c, one)
        _blur_owner(c, one)


def _has_length_in_type(c: Context, tree: Tree) -> bool:
    """Whether the type of the expression, or of one of several that it may have, tells a length."""
    before = c.scope
    type_ = _type_at(c, tree)
    c.scope = before
    return isinstance(type_, Tuple | Union)


def _only_none(type_: Type, holds: bool) -> Type:
    if isinstance(type_, Variable):
        return UNKNOWN if type_.bound is None else type_
    if type_ == NONE:
        return NONE if holds else NEVER
    if type_ == Nominal("builtins:object"):
        return UNKNOWN
    if not holds:
        return type_
    return NEVER


def _set(c: Context, tree: Tree, type_: Type) -> None:
    path = path_of(c, tree)
    if path is not None:
        c.scope = assign_path(c.scope, path, type_)


def _blur(c: Context, tree: Tree) -> None:
    """What is compared in a way that isn't understood is unknown, if it may be several things."""
    if tree.kind == "call":
        for one in _arguments(tree):
            _blur(c, one)
        return
    path = path_of(c, tree)
    if path is None:
        return
    before = c.scope
    type_ = _type_at(c, tree)
    c.scope = before
    if isinstance(type_, Union | Literal) or type_ in (
        Nominal("builtins:bool"),
        Nominal("builtins:object"),
    ):
        c.scope = assign_path(c.scope, path, UNKNOWN)
    elif isinstance(type_, Nominal):
        class_ = c.world.class_of(type_.symbol)
        if class_ is not None and "enum" in class_.flags:
            c.scope = assign_path(c.scope, path, UNKNOWN)


def _arguments(tree: Tree) -> list[Tree]:
    arguments = tree.child("arguments")
    if arguments is None:
        return []
    return [one for one in arguments.children if one.kind not in ("(", ")", ",", "comment")]


def _narrow_call(c: Context, tree: Tree, holds: bool) -> None:
    function = tree.child("function")
    arguments = _arguments(tree)
    if function is None or not arguments:
        return
    name = c.text(function)
    first = arguments[0]
    if name == "isinstance" and len(arguments) == 2:
        classes = _classes(c, arguments[1])
        if holds and classes and _is_free(c, first):
            _set(c, first, join(classes))
            return
        _change(c, first, lambda one: _instance(c, one, classes, holds))
        _blur_owner(c, first)
        return
    if name == "bool" and len(arguments) == 1:
        narrow(c, first, holds)
        return
    if name in ("issubclass", "callable", "hasattr", "len", "any", "all"):
        for one in arguments:
            # How many items there are, and what they are, tells something of tuples only.
            if name in ("issubclass", "callable", "hasattr") or _has_length_in_type(c, one):
                _set(c, one, UNKNOWN)
        return
    before = c.scope
    callee = _type_at(c, function)
    c.scope = before
    functions = callee.choices if isinstance(callee, Overloaded) else (callee,)
    if any(not isinstance(one, Function) or one.narrows is not None for one in functions):
        if isinstance(callee, ClassOf):
            return
        for one in arguments:
            _set(c, one, UNKNOWN)


def _is_free(c: Context, tree: Tree) -> bool:
    """Whether it is a parameter that may be given anything, so that a test tells all of it."""
    if tree.kind != "identifier" or not c.scope.is_alive:
        return False
    found = c.find(c.text(tree))
    if found is None or found.scope is not c.scope or not found.entry.is_free:
        return False
    return c.text(tree) not in c.scope.facts


def _classes(c: Context, tree: Tree) -> list[Type] | None:
    """The instances of the classes that a test names; None if one can't be told."""
    if tree.kind == "tuple":
        found: list[Type] = []
        for one in tree.children:
            if one.kind in ("(", ")", ","):
                continue
            more = _classes(c, one)
            if more is None:
                return None
            found += more
        return found
    if tree.kind == "binary_operator":
        return None
    before = c.scope
    value = _type_at(c, tree)
    c.scope = before
    if isinstance(value, ClassOf) and isinstance(value.instance, Nominal):
        if value.instance.symbol.startswith("typing:"):
            return None
        if value.instance.symbol in ("collections.abc:Callable", "builtins:type"):
            # Of what it then is the result, or the members, aren't known.
            return None
        return [Nominal(value.instance.symbol)]
    return None


def _instance(c: Context, type_: Type, classes: list[Type] | None, holds: bool) -> Type:
    if classes is None or isinstance(type_, Variable):
        return UNKNOWN
    symbol = symbol_of(type_)
    if holds:
        if symbol is None:
            return UNKNOWN
        passed: list[Type] = []
        for one in classes:
            wanted = symbol_of(one)
            if wanted is None:
                return UNKNOWN
            below = c.world.is_subclass(symbol, wanted)
            if below:
                passed.append(type_)
            elif below is None:
                passed.append(UNKNOWN)
            elif c.world.is_subclass(wanted, symbol) or assignable(c.world, one, type_):
                passed.append(one)
            else:
                # An instance of both may exist.
                passed.append(UNKNOWN)
        known = [one for one in passed if not isinstance(one, Unknown)]
        # A member that passes by itself leaves the others nothing to add.
        return known[0] if type_ in known else (join(passed) if passed else UNKNOWN)
    if symbol is None:
        return type_ if isinstance(type_, Function | Overloaded | ClassOf) else UNKNOWN
    answers = [c.world.is_subclass(symbol, symbol_of(one) or "") for one in classes]
    if True in answers:
        return NEVER
    if None in answers:
        return UNKNOWN
    for one in classes:
        wanted_class = c.world.class_of(symbol_of(one) or "")
        if wanted_class is not None and "protocol" in wanted_class.flags:
            return UNKNOWN
    return type_


#: Words without which a condition has no outcome that is known beforehand.
_STATIC_WORDS = ("sys.", "version_info", "platform", "TYPE_CHECKING", "os.name", "True", "False")


def static_value(c: Context, tree: Tree) -> bool | None:
    """What a type checker takes a condition for without running it; None: nothing."""
    if tree.kind in ("true", "false"):
        return tree.kind == "true"
    text = c.text(tree)
    if text in ("0", "1"):
        return text == "1"
    if len(text) > 200 or not any(word in text for word in _STATIC_WORDS):
        return None
    return _static_outcome(text, c.program.target)


@lru_cache(maxsize=256)
def _static_outcome(text: str, target: Target) -> bool | None:
    try:
        condition = parse_expression(f"({text})")
    except (SyntaxError, ValueError):
        return None
    return outcome(condition, target)


def truthy_part(c: Context, type_: Type) -> Type:
    """What of the type may be true."""
    return _truthy(c, type_)


def falsy_part(c: Context, type_: Type) -> Type:
    """What of the type may be false."""
    return _falsy(c, type_)
