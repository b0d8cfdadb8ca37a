"""Assignability: whether a value of one type may stand where another is expected.

The answer is *no* only where it is sure. Type arguments are compared only where both are known
and only in ways that hold whatever their variance is (unrelated classes); what is inferred of a
value may be less than what it is (see `scopes.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from ananke.analysis.declarations import Binding
from ananke.analysis.types import (
    ClassOf,
    Function,
    Literal,
    ModuleObject,
    Never,
    Nominal,
    Overloaded,
    Reference,
    Structural,
    Tuple,
    Type,
    Union,
    Unknown,
    Variable,
)
from ananke.analysis.world import World, symbol_of

__all__ = ["assignable"]

#: Classes of data that no function, class or module is an instance of.
_PLAIN = frozenset(
    f"builtins:{name}"
    for name in [
        "str",
        "int",
        "float",
        "complex",
        "bytes",
        "bytearray",
        "bool",
        "list",
        "dict",
        "set",
        "frozenset",
        "tuple",
        "range",
        "slice",
        "memoryview",
    ]
) | {"types:NoneType"}

#: What functions are instances of.
_FUNCTIONS = tuple(
    f"types:{name}Type" for name in ("Function", "Method", "BuiltinFunction", "BuiltinMethod")
)

#: What is taken for what without being a subclass (PEP 484's numeric tower, bytes-like data).
_PROMOTED = {
    ("builtins:int", "builtins:float"),
    ("builtins:int", "builtins:complex"),
    ("builtins:bool", "builtins:float"),
    ("builtins:bool", "builtins:complex"),
    ("builtins:float", "builtins:complex"),
    ("builtins:bytearray", "builtins:bytes"),
    ("builtins:memoryview", "builtins:bytes"),
}


def assignable(world: World, source: Type, target: Type, depth: int = 0) -> bool:
    """Whether a value of `source` may be taken for a `target`; True if it can't be told."""
    if source == target or depth > 8:
        return True
    match source, target:
        case (Unknown(), _) | (_, Unknown()) | (Never(), _):
            return True
        case (Variable(bound=bound, constraints=constraints), _):
            if bound is not None:
                return assignable(world, bound, target, depth + 1)
            return not constraints or any(
                assignable(world, one, target, depth + 1) for one in constraints
            )
        case (_, Variable()) | (Structural(), _) | (_, Structural()) | (Reference(), _):
            return True
        case (Union(members), _):
            fits = (assignable(world, one, target, depth + 1) for one in members)
            return any(fits) if world.is_loose else all(fits)
        case (_, Union(members)):
            return any(assignable(world, source, one, depth + 1) for one in members)
        case (_, Never()):
            return False
        case (_, Nominal("builtins:object")):
            return True
        case (Literal(), Literal()):
            return source == target
        case (_, Literal(_, symbol)):
            # A computed value may be the literal.
            return world.is_subclass(symbol_of(source) or "", symbol) is not False and not (
                isinstance(source, Function | Overloaded | ClassOf | ModuleObject)
            )
        case (Tuple(), Tuple()):
            return _tuples(world, source, target, depth)
        case (Tuple() | Literal() | Nominal(), Nominal(symbol)):
            own = symbol_of(source)
            assert own is not None
            return _nominal(world, source, own, target, symbol, depth)
        case (Nominal(symbol), Tuple()):
            return _nominal(world, source, symbol, Nominal("builtins:tuple"), "builtins:tuple", 0)
        case (Literal(), Tuple()):
            return False
        case (Function() | Overloaded() | ModuleObject(), Nominal(symbol)):
            return symbol not in _PLAIN and _object_as(world, source, symbol)
        case (ClassOf(instance), Nominal(symbol)):
            return symbol not in _PLAIN and _class_as(world, instance, symbol)
        case (Function() | Overloaded() | ModuleObject(), Tuple() | ClassOf()):
            return False
        case (ClassOf(one), ClassOf(other)):
            return assignable(world, one, other, depth + 1)
        case (Nominal(symbol), ClassOf()):
            return symbol not in _PLAIN
        case (Literal() | Tuple(), ClassOf()) | (ClassOf(), Tuple()):
            return False
        case (Literal() | Tuple(), Function() | Overloaded()):
            return False
        case (Nominal(), Function() | Overloaded()):
            return (
                world.is_under_way(symbol_of(source) or "")
                or world.member(source, "__call__") is not None
            )
        case (Nominal(symbol), ModuleObject()):
            return symbol not in _PLAIN
        case (ModuleObject(), Function() | Overloaded()):
            return False
    return True


def _arguments_fit(world: World, source: Type, target: Nominal, depth: int) -> bool:
    """Whether no type argument is surely of another kind: one that fits in neither direction."""
    if not target.arguments:
        return True
    class_ = world.class_of(target.symbol)
    if class_ is None or any(one.kind != "type" for one in class_.parameters):
        return True
    if isinstance(source, Tuple) and len(target.arguments) == 1:
        # What a tuple holds can't be changed, so all of it must fit.
        held = source.items if source.rest is None else (*source.items, source.rest, *source.after)
        return all(assignable(world, one, target.arguments[0], depth + 1) for one in held)
    given = world.arguments_as(source, target.symbol)
    return all(
        assignable(world, one, other, depth + 1) or assignable(world, other, one, depth + 1)
        for one, other in zip(given, target.arguments, strict=False)
    )


def _object_as(world: World, source: Type, symbol: str) -> bool:
    """Whether a function or a module may be taken for an instance of the class `symbol`."""
    wanted = world.class_of(symbol)
    if wanted is None:
        return True
    if "protocol" in wanted.flags:
        return isinstance(source, ModuleObject) or _satisfies(world, source, symbol)
    kinds = ("types:ModuleType",) if isinstance(source, ModuleObject) else _FUNCTIONS
    return any(
        world.is_subclass(kind, symbol) is not False
        or (world.is_loose and world.is_subclass(symbol, kind) is not False)
        for kind in kinds
    )


def _class_as(world: World, instance: Type, symbol: str) -> bool:
    """Whether the class of `instance` may be taken for an instance of the class `symbol`."""
    wanted = world.class_of(symbol)
    if wanted is None:
        return True
    own = symbol_of(instance)
    lineage = None if own is None else world.lineage(own)
    is_protocol = "protocol" in wanted.flags
    if own is None or lineage is None or lineage.is_open:
        # Whatever its class is made by is a kind of type.
        return is_protocol or any(
            world.is_subclass(*pair) is not False
            for pair in (("builtins:type", symbol), (symbol, "builtins:type"))
        )
    metas = [one.class_.metaclass for one in lineage.ancestors if one.class_.metaclass is not None]
    if is_protocol:
        metas.append(Nominal("builtins:type"))
        return all(_class_has(world, own, metas, name) for name in _demanded(world, symbol))
    for meta in metas or [Nominal("builtins:type")]:
        if not isinstance(meta, Nominal) or world.is_subclass(meta.symbol, symbol) is not False:
            return True
    return False


def _class_has(world: World, symbol: str, metas: Sequence[Type], name: str) -> bool:
    """Whether the class itself may have a member that a protocol names. Special methods are looked
    up in the class of the value, here the metaclass."""
    if not name.startswith("__") or name == "__call__" or world.is_under_way(symbol):
        return True
    for meta in metas:
        if not isinstance(meta, Nominal) or world.member(meta, name) is not None:
            return True
    found = world.find(symbol, name)
    return found is not None and found[0].binding is not Binding.METHOD


def _tuples(world: World, source: Tuple, target: Tuple, depth: int) -> bool:
    if source.rest is not None or target.rest is not None:
        if source.rest is None and target.rest is not None and not target.after:
            least = len(target.items)
            if len(source.items) < least:
                return False
            pairs = [*zip(source.items, target.items, strict=False)]
            pairs += [(one, target.rest) for one in source.items[least:]]
            return all(assignable(world, one, other, depth + 1) for one, other in pairs)
        return True
    if len(source.items) != len(target.items):
        return False
    return all(
        assignable(world, one, other, depth + 1)
        for one, other in zip(source.items, target.items, strict=True)
    )


def _nominal(
    world: World, source: Type, own: str, target: Nominal, symbol: str, depth: int
) -> bool:
    if (own, symbol) in _PROMOTED:
        return True
    related = world.is_subclass(own, symbol)
    if related:
        return _arguments_fit(world, source, target, depth)
    if related is None:
        return True
    if world.is_loose and world.is_subclass(symbol, own) is not False:
        # A test may still find it to be of that class.
        return True
    if world.is_under_way(own):
        # Its bases are known, so it is no subclass; what a protocol asks may still come.
        wanted = world.class_of(symbol)
        return wanted is None or "protocol" in wanted.flags
    wanted = world.class_of(symbol)
    if wanted is None:
        return True
    if "protocol" in wanted.flags:
        return _satisfies(world, source, symbol)
    own_class = world.class_of(own)
    return own_class is not None and "typeddict" in own_class.flags and symbol != "types:NoneType"


def _satisfies(world: World, source: Type, protocol: str) -> bool:
    """Whether the value has every member that the protocol names."""
    return all(world.member(source, name) is not None for name in _demanded(world, protocol))


def _demanded(world: World, protocol: str) -> list[str]:
    """The members that a protocol names; none where not all of it is known."""
    lineage = world.lineage(protocol)
    if lineage is None or lineage.is_open:
        return []
    return [
        name
        for one in lineage.ancestors
        if "protocol" in one.class_.flags
        for name in one.class_.own
        if name not in ("__slots__", "__class_getitem__", "__doc__", "__module__")
    ]
