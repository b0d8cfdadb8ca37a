"""Operators, subscripts, iteration, `await` and `with`: the special methods behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ananke.analysis.calls import Argument, call, widen_literal
from ananke.analysis.defects import Defect, Domain
from ananke.analysis.types import (
    UNKNOWN,
    ClassOf,
    Function,
    Literal,
    ModuleObject,
    Nominal,
    Overloaded,
    Structural,
    Tuple,
    Type,
    Union,
    Unknown,
    Variable,
    join,
    members_of,
    show,
)
from ananke.analysis.world import symbol_of
from ananke.languages.python.meaning.context import BOOL, NONE, Context
from ananke.parsing.opening import Tree

__all__ = [
    "SETTLED",
    "awaited",
    "binary",
    "compare",
    "each",
    "entered",
    "is_settled",
    "iterate",
    "iterate_async",
    "set_item",
    "subscript",
    "unary",
]

_BINARY = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "truediv",
    "//": "floordiv",
    "%": "mod",
    "**": "pow",
    "@": "matmul",
    "&": "and",
    "|": "or",
    "^": "xor",
    "<<": "lshift",
    ">>": "rshift",
}
_COMPARED = {"<": ("__lt__", "__gt__"), "<=": ("__le__", "__ge__"), ">": ("__gt__", "__lt__")}
_COMPARED[">="] = ("__ge__", "__le__")
_UNARY = {"-": "__neg__", "+": "__pos__", "~": "__invert__"}


#: Classes whose instances no test in the same expression makes something else.
SETTLED = frozenset(
    f"builtins:{name}"
    for name in (
        *("str", "int", "float", "bool", "bytes", "list", "dict", "set", "tuple", "complex"),
        "type",
    )
) | {"types:NoneType", "types:EllipsisType"}


#: Classes whose instances hold only what is like them.
_TEXTS = frozenset(("builtins:str", "builtins:bytes"))


def is_settled(type_: Type) -> bool:
    """Whether a condition that still comes can't narrow a value of the type."""
    return isinstance(type_, Literal | Tuple) or (
        isinstance(type_, Nominal) and type_.symbol in SETTLED
    )


def _is_fixed(type_: Type) -> bool:
    """Whether an operand stays what it is: no test makes a number of a function or module."""
    return is_settled(type_) or isinstance(type_, Function | Overloaded | ModuleObject)


def is_plain(type_: Type) -> bool:
    """Whether it is of a class of single values: no display is."""
    return isinstance(type_, Nominal) and not type_.arguments and type_.symbol in SETTLED


def each(c: Context, members: Sequence[Type], rule: Callable[[Type], Type]) -> list[Type]:
    """What the rule gives for the members of a union. In an expression that may still be narrowed
    those that it refuses don't count, unless it refuses all."""
    if not c.unsettled:
        return [rule(one) for one in members]
    held, scope = c.defects, c.scope
    found: list[Type] = []
    refused: list[Defect] = []
    for one in members:
        c.defects = []
        c.scope = scope
        result = rule(one)
        if c.defects:
            refused += c.defects
        else:
            found.append(result)
    c.defects = held
    if not found:
        c.defects += refused[:1]
        return [UNKNOWN]
    return found


def _vague(c: Context, type_: Type) -> bool:
    """Whether nothing is to be said of operations on it."""
    if isinstance(type_, Nominal):
        return c.world.is_under_way(type_.symbol)
    return isinstance(type_, Unknown | Variable | Structural | ClassOf) or (
        isinstance(type_, Union) and any(_vague(c, one) for one in type_.members)
    )


def _operand(c: Context, type_: Type) -> Type:
    """What an operator sees: of a class its metaclass."""
    if isinstance(type_, Union):
        return join(_operand(c, one) for one in type_.members)
    if not isinstance(type_, ClassOf):
        return type_
    symbol = symbol_of(type_.instance)
    lineage = None if symbol is None else c.world.lineage(symbol)
    if lineage is None or lineage.is_open or symbol is None or c.world.is_under_way(symbol):
        return UNKNOWN
    metas = [one.class_.metaclass for one in lineage.ancestors if one.class_.metaclass is not None]
    return metas[0] if metas else Nominal("builtins:type")


def _apply(c: Context, owner: Type, method: str, arguments: tuple[Type, ...]) -> Type | None:
    """What `owner.method(arguments)` gives; None if there is no such method or it refuses."""
    found = c.world.member(owner, method)
    if found is None or found == NONE:
        return None
    if not isinstance(found, Function | Overloaded):
        return UNKNOWN
    given = [Argument("", one, 0, 0) for one in arguments]
    outcome = call(c.world, found, given, is_complete=True)
    return None if outcome.misfits else outcome.result


def _combined(c: Context, left: Type, right: Type, method: str, reflected: str) -> Type | None:
    result = _apply(c, left, method, (right,))
    if result is not None:
        return result
    return _apply(c, right, reflected, (left,))


def binary(c: Context, tree: Tree, sign: str, left: Type, right: Type) -> Type:
    """The type of `left sign right`."""
    name = _BINARY.get(sign)
    left, right = _operand(c, left), _operand(c, right)
    if name is None or _vague(c, left) or _vague(c, right):
        return UNKNOWN
    results: list[Type] = []
    failed = 0
    for one in members_of(left):
        for other in members_of(right):
            if isinstance(one, Tuple) and isinstance(other, Tuple) and sign == "+":
                if one.rest is None and other.rest is None:
                    results.append(Tuple(one.items + other.items))
                else:
                    results.append(Tuple((), UNKNOWN))
                continue
            found = _combined(c, one, other, f"__{name}__", f"__r{name}__")
            if found is None:
                if isinstance(left, Union) and isinstance(right, Union):
                    return UNKNOWN
                failed += 1
                if c.unsettled and not (
                    _is_fixed(one)
                    and _is_fixed(other)
                    and failed == len(members_of(left)) * len(members_of(right))
                ):
                    continue
                c.report(
                    Domain.TYPES,
                    f"`{sign}` is not defined for `{show(one)}` and `{show(other)}`",
                    tree,
                )
                return UNKNOWN
            results.append(found)
    return join(results) if results else UNKNOWN


def augmented(c: Context, tree: Tree, sign: str, left: Type, right: Type) -> Type:
    """The type of the target after `left sign= right`."""
    name = _BINARY.get(sign)
    if name is None or _vague(c, left) or _vague(c, right):
        return UNKNOWN
    results: list[Type] = []
    for one in members_of(left):
        found = _apply(c, one, f"__i{name}__", (right,))
        if found is None:
            found = binary(c, tree, sign, one, right)
        results.append(found)
    return join(results)


def unary(c: Context, tree: Tree, sign: str, type_: Type) -> Type:
    """The type of `sign value`."""
    method = _UNARY.get(sign)
    type_ = _operand(c, type_)
    if method is None or _vague(c, type_):
        return UNKNOWN
    results: list[Type] = []
    for one in members_of(type_):
        found = _apply(c, one, method, ())
        if found is None and c.unsettled and (one != type_ or not _is_fixed(one)):
            return UNKNOWN
        if found is None:
            c.report(Domain.TYPES, f"`{sign}` is not defined for `{show(one)}`", tree)
            return UNKNOWN
        results.append(found)
    return join(results)


def compare(c: Context, tree: Tree, sign: str, left: Type, right: Type) -> Type:
    """The type of a comparison."""
    if sign in ("is", "is not", "not in", "in"):
        right = _operand(c, right)
        # Of a left that isn't known a checker says nothing.
        if sign in ("in", "not in") and not _vague(c, _operand(c, left)) and not _vague(c, right):
            for one in members_of(right):
                if c.unsettled and (one != right or not is_settled(one)):
                    continue
                if c.world.member(one, "__contains__") is None and not _iterable(c, one):
                    c.report(
                        Domain.TYPES,
                        f"`{sign}` is not defined for `{show(one)}` at its right",
                        tree,
                    )
                elif symbol_of(one) in _TEXTS and not _may_hold(c, one, left):
                    c.report(
                        Domain.TYPES,
                        f"`{sign}` is not defined for `{show(left)}` and `{show(one)}`",
                        tree,
                    )
        return BOOL
    methods = _COMPARED.get(sign)
    left, right = _operand(c, left), _operand(c, right)
    if methods is None or _vague(c, left) or _vague(c, right):
        return BOOL if methods is None and not (_vague(c, left) or _vague(c, right)) else UNKNOWN
    for one in members_of(left):
        for other in members_of(right):
            if isinstance(one, Tuple) and isinstance(other, Tuple):
                continue
            if _combined(c, one, other, *methods) is None:
                if c.unsettled and not (
                    one == left and other == right and _is_fixed(one) and _is_fixed(other)
                ):
                    continue
                c.report(
                    Domain.TYPES,
                    f"`{sign}` is not defined for `{show(one)}` and `{show(other)}`",
                    tree,
                )
                return UNKNOWN
    return BOOL


def _may_hold(c: Context, text: Type, item: Type) -> bool:
    """Whether a text or bytes, which don't take just any item, may be asked for one of the type."""
    if _vague(c, item) or (c.unsettled and not is_settled(item)):
        return True
    return any(_apply(c, text, "__contains__", (one,)) is not None for one in members_of(item))


def _iterable(c: Context, type_: Type) -> bool:
    return (
        c.world.member(type_, "__iter__") is not None
        or c.world.member(type_, "__getitem__") is not None
    )


def subscript(c: Context, tree: Tree, owner: Type, index: Type) -> Type:
    """The type of `owner[index]`."""
    if isinstance(owner, Union):
        return join(each(c, owner.members, lambda one: subscript(c, tree, one, index)))
    if isinstance(owner, ClassOf):
        return _specialised(c, tree, owner)
    if _vague(c, owner):
        return UNKNOWN
    if isinstance(owner, Nominal) and owner.symbol == "typing:_SpecialForm":
        return UNKNOWN
    if isinstance(owner, Tuple):
        return _tuple_item(c, tree, owner, index)
    if isinstance(owner, Function | Overloaded | ModuleObject):
        c.report(Domain.TYPES, f"`{show(owner)}` has no items", tree)
        return UNKNOWN
    method = c.world.member(owner, "__getitem__")
    if _is_tuple_like(c, owner):
        # Each item has a type of its own, but what an index may be is told.
        if isinstance(method, Function | Overloaded):
            _check_index(c, tree, owner, method, index)
        return UNKNOWN
    if method is None:
        if c.unsettled and not is_settled(owner):
            return UNKNOWN
        if c.world.member(ClassOf(owner), "__class_getitem__") is None or isinstance(
            owner, Nominal | Literal
        ):
            c.report(Domain.TYPES, f"`{show(owner)}` has no items", tree)
        return UNKNOWN
    if not isinstance(method, Function | Overloaded) or isinstance(index, Unknown):
        return method.result if isinstance(method, Function) else UNKNOWN
    symbol = owner.symbol if isinstance(owner, Nominal) else ""
    class_ = c.world.class_of(symbol) if symbol else None
    if class_ is not None and "typeddict" in class_.flags:
        return UNKNOWN
    outcome = call(c.world, method, [Argument("", index, 0, 0)], is_complete=True)
    if outcome.misfits:
        c.report(Domain.TYPES, f"`{show(owner)}` can't be indexed with `{show(index)}`", tree)
        return UNKNOWN
    return outcome.result


def check_items(c: Context, tree: Tree, owner: Type) -> None:
    """Checks that the owner has items at all, to be read or written."""
    if _vague(c, owner) or not _is_fixed(owner):
        return
    methods = ("__getitem__", "__setitem__", "__delitem__")
    if all(c.world.member(owner, one) is None for one in methods):
        c.report(Domain.TYPES, f"`{show(owner)}` has no items", tree)


def _check_index(c: Context, tree: Tree, owner: Type, method: Type, index: Type) -> None:
    if isinstance(index, Nominal | Literal):
        outcome = call(c.world, method, [Argument("", index, 0, 0)], is_complete=True)
        if outcome.misfits:
            c.report(Domain.TYPES, f"`{show(owner)}` can't be indexed with `{show(index)}`", tree)


def _is_tuple_like(c: Context, type_: Type) -> bool:
    """Whether it is of a class below tuple: each item may have a type of its own."""
    lineage = c.world.lineage(type_.symbol) if isinstance(type_, Nominal) else None
    return lineage is not None and "builtins:tuple" in lineage.symbols


def _specialised(c: Context, tree: Tree, owner: ClassOf) -> Type:
    if isinstance(owner.instance, Nominal):
        class_ = c.world.class_of(owner.instance.symbol)
        if class_ is not None and "enum" in class_.flags:
            return owner.instance
        if class_ is not None and not class_.parameters:
            if _is_plain_class(c, owner.instance.symbol):
                c.report(Domain.TYPES, f"`{show(owner.instance)}` has no type parameters", tree)
            return UNKNOWN
        # Which arguments were given isn't kept, but that some were is.
        given = () if class_ is None else (UNKNOWN,) * len(class_.parameters)
        return ClassOf(Nominal(owner.instance.symbol, given))
    return UNKNOWN


def _is_plain_class(c: Context, symbol: str) -> bool:
    """Whether all is known of a class, and it says nothing of what stands in brackets after it. Of
    the text's own classes it isn't known what parameters they have."""
    lineage = c.world.lineage(symbol)
    if lineage is None or lineage.is_open or "@" in symbol or symbol == "builtins:type":
        return False
    return not symbol.startswith("typing:") and not any(
        one.class_.metaclass not in (None, Nominal("abc:ABCMeta"))
        or "__class_getitem__" in one.class_.own
        for one in lineage.ancestors
    )


def _tuple_item(c: Context, tree: Tree, owner: Tuple, index: Type) -> Type:
    if owner.rest is not None or owner.after:
        known = [*owner.items, *owner.after]
        if isinstance(index, Nominal) and index.symbol == "builtins:slice":
            return Tuple((), UNKNOWN)
        method = c.world.member(Nominal("builtins:tuple"), "__getitem__")
        if isinstance(method, Function | Overloaded):
            _check_index(c, tree, owner, method, index)
        return join([*known, owner.rest]) if owner.rest is not None else UNKNOWN
    if isinstance(index, Literal) and isinstance(index.value, int):
        if -len(owner.items) <= index.value < len(owner.items):
            return owner.items[index.value]
        c.report(Domain.TYPES, f"`{show(owner)}` has no item {index.value}", tree)
        return UNKNOWN
    if isinstance(index, Nominal) and index.symbol == "builtins:slice":
        return Tuple((), UNKNOWN)
    if isinstance(index, Nominal) and index.symbol == "builtins:int":
        return join(owner.items) if owner.items else UNKNOWN
    if (
        isinstance(index, Nominal | Literal)
        and _apply(c, Nominal("builtins:tuple"), "__getitem__", (index,)) is None
    ):
        c.report(Domain.TYPES, f"a tuple can't be indexed with `{show(index)}`", tree)
    return UNKNOWN


def set_item(c: Context, tree: Tree, owner: Type, key: Type, value: Type) -> None:
    """Checks that items of the owner can be assigned, and this value under this key. What a display
    is depends on what is expected, which isn't known here."""
    if not all(isinstance(one, Literal) or is_plain(one) for one in members_of(value)):
        value = UNKNOWN
    if _vague(c, owner) or isinstance(owner, Function | Overloaded | ModuleObject):
        return
    for one in members_of(owner):
        class_ = c.world.class_of(one.symbol) if isinstance(one, Nominal) else None
        if class_ is not None and "typeddict" in class_.flags:
            continue
        if c.world.member(one, "__setitem__") is None:
            c.report(Domain.TYPES, f"items of `{show(one)}` can't be assigned", tree)
            return
        if _apply(c, one, "__setitem__", (key, value)) is None:
            shown = f"`{show(widen_literal(value))}` at `{show(widen_literal(key))}`"
            c.report(Domain.TYPES, f"`{show(one)}` takes no {shown}", tree)
            return


def iterate_async(c: Context, tree: Tree, type_: Type) -> Type:
    """What an async loop over the value gives: that isn't told, but that it goes through it is."""
    for one in members_of(_operand(c, type_)):
        is_sure = is_settled(one) or not c.unsettled
        if is_sure and not _vague(c, one) and c.world.member(one, "__aiter__") is None:
            c.report(Domain.TYPES, f"`{show(one)}` is not iterable by `async for`", tree)
            break
    return UNKNOWN


def iterate(c: Context, tree: Tree, type_: Type) -> Type:
    """What a loop over the value gives."""
    if isinstance(type_, Union):
        return join(each(c, type_.members, lambda one: iterate(c, tree, one)))
    if isinstance(type_, ClassOf):
        # What a metaclass gives depends on the class.
        meta = _operand(c, type_)
        if not _vague(c, meta) and not _iterable(c, meta) and c.is_final(tree):
            c.report(Domain.TYPES, f"`{show(type_)}` is not iterable", tree)
        return UNKNOWN
    if _vague(c, type_):
        return UNKNOWN
    if isinstance(type_, Tuple):
        parts = [*type_.items, *type_.after]
        if type_.rest is not None:
            parts.append(type_.rest)
        return join([widen_literal(one) for one in parts]) if parts else UNKNOWN
    if _is_tuple_like(c, type_):
        return UNKNOWN
    iterator = _apply(c, type_, "__iter__", ())
    if iterator is None:
        if c.world.member(type_, "__iter__") is not None:
            return UNKNOWN
        item = _apply(c, type_, "__getitem__", (Nominal("builtins:int"),))
        if item is None and c.world.member(type_, "__getitem__") is None and c.is_final(tree):
            c.report(Domain.TYPES, f"`{show(type_)}` is not iterable", tree)
        return UNKNOWN if item is None else item
    if _vague(c, iterator):
        return UNKNOWN
    result = _apply(c, iterator, "__next__", ())
    return UNKNOWN if result is None else result


#: Kinds of operands of which it is told where they begin that they are no iterable: nothing binds
#: looser that could make them one.
_TOLD = frozenset(("not_operator", "lambda"))


def spread(c: Context, tree: Tree) -> None:
    """Reads an operand that begins with `*` or `**`, which must be iterable or a mapping."""
    value = tree.children[-1] if tree.kind in ("list_splat", "dictionary_splat") else None
    if value is not None and value.kind in _TOLD and not c.is_final(tree):
        c.report(Domain.TYPES, f"`{c.text(value)}` holds nothing to spread", value)
        return
    if value is None or not c.is_final(tree):
        # `*a.b` is read as a member of what is spread.
        c.infer(tree, None)
        return
    type_ = c.infer(value, None)
    if tree.kind == "list_splat":
        iterate(c, tree, type_)
    elif not _vague(c, type_) and is_settled(type_) and c.world.member(type_, "keys") is None:
        c.report(Domain.TYPES, f"`{show(type_)}` is no mapping", tree)


def awaited(c: Context, tree: Tree, type_: Type) -> Type:
    """What `await value` gives."""
    if isinstance(type_, Union):
        return join(each(c, type_.members, lambda one: awaited(c, tree, one)))
    type_ = _operand(c, type_)
    if _vague(c, type_):
        return UNKNOWN
    if (isinstance(type_, Nominal) and len(type_.arguments) == 3) and (
        type_.symbol in ("types:CoroutineType", "typing:Coroutine", "collections.abc:Coroutine")
    ):
        return type_.arguments[2]
    if c.world.member(type_, "__await__") is None:
        c.report(Domain.TYPES, f"`{show(type_)}` can't be awaited", tree)
    return UNKNOWN


def entered(c: Context, tree: Tree, type_: Type, *, is_async: bool) -> Type:
    """What `with value as` binds."""
    if isinstance(type_, Union):
        return join(each(c, type_.members, lambda one: entered(c, tree, one, is_async=is_async)))
    type_ = _operand(c, type_)
    if _vague(c, type_):
        return UNKNOWN
    enter, leave = ("__aenter__", "__aexit__") if is_async else ("__enter__", "__exit__")
    if c.is_final(tree):
        for method in (enter, leave):
            if c.world.member(type_, method) is None:
                c.report(
                    Domain.TYPES, f"`{show(type_)}` is no context manager: no `{method}`", tree
                )
                return UNKNOWN
    result = _apply(c, type_, enter, ())
    if result is None:
        return UNKNOWN
    return awaited(c, tree, result) if is_async else result
