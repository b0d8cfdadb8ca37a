"""From the kept text of a class to its bases, type parameters, flags, fields and members."""

from __future__ import annotations

import ast
from collections.abc import Callable as Maker
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ananke.analysis.declarations import Alias, Binding, Callable, Class, Member, Submodule, Value
from ananke.analysis.types import (
    UNKNOWN,
    Literal,
    Nominal,
    Tuple,
    Type,
    Variable,
    join,
)
from ananke.languages.python.library.annotations import (
    Names,
    Place,
    dotted_symbol,
    evaluate,
    find,
    typing_name,
    variables_in,
)
from ananke.languages.python.library.functions import declare_method, type_parameters
from ananke.languages.python.library.linking import Home, ModuleHome
from ananke.languages.python.library.outline import Flag, Item, ItemKind
from ananke.languages.python.library.source_tree import parse_source
from ananke.languages.python.library.variables import Assignment, assignments, declare_variable

__all__ = ["declare_class"]

_OBJECT = "builtins:object"
_ENUM_METACLASSES = {"enum:EnumMeta", "enum:EnumType"}

#: Flags of a base that its subclasses have too.
_INHERITED = {"enum", "typeddict", "dataclass_transform"}

#: Class decorators that add no members.
_TRANSPARENT = {"final", "runtime_checkable", "type_check_only", "deprecated", "disjoint_base"}
_TRANSPARENT_SYMBOLS = {
    "enum:unique",
    "enum:verify",
    "warnings:deprecated",
}

#: Options of `dataclass` that become flags.
_OPTIONS = ("frozen", "kw_only", "slots", "order")


@dataclass(frozen=True, slots=True)
class _Head:
    """What decorators and bases say."""

    bases: tuple[Type, ...]
    parameters: tuple[Variable, ...]
    metaclass: Type | None
    flags: frozenset[str]
    is_open: bool


def declare_class(home: Home, outer: Home | None, names: Names, is_stub: bool) -> Class:
    """The class of `home`, which stands in the body of `outer`."""
    symbol = home.symbol
    place = Place(names, home.module, symbol, outer)
    try:
        node = parse_source(home.items[0].text).body[0]
    except (SyntaxError, ValueError, RecursionError, MemoryError, IndexError):
        return Class(symbol, is_open=True)
    if not isinstance(node, ast.ClassDef):
        return Class(symbol, is_open=True)
    head = _head(node, symbol, place)
    instance = Nominal(symbol, head.parameters)
    body = replace(
        place,
        body=home,
        variables={one.name: one for one in head.parameters},
        receiver=Variable("Self", symbol, instance),
    )
    inner = home.items[0].inner or {}
    flags = head.flags
    fields: tuple[tuple[str, Type, bool], ...] = ()
    if flags & {"dataclass", "namedtuple", "typeddict", "dataclass_transform"}:
        fields, is_sure = _fields(inner, body, is_typed_dict="typeddict" in flags)
        flags |= frozenset() if is_sure else {"unsure"}
    slots = frozenset[str]()
    if "__slots__" in inner:
        flags |= {"slots"}
        slots = _slots(inner["__slots__"][0].text) - inner.keys()
    if is_stub:
        flags |= {"stub"}
    is_enum = "enum" in flags

    def member(name: str) -> Member:
        if name in slots:
            return Member(Value(UNKNOWN), Binding.INSTANCE, is_declared=False)
        inside = Home(home.module, (*home.path, name), inner[name])
        return _member(inside, body, is_enum=is_enum, is_stub=is_stub)

    return Class(
        symbol,
        head.parameters,
        head.bases,
        _Members({**inner, **dict.fromkeys(slots)}, member),
        head.metaclass,
        flags,
        fields,
        head.is_open,
    )


def _slots(text: str) -> frozenset[str]:
    """The names that `__slots__ = ("a", "b")` lists, as far as they are told."""
    try:
        (node,) = parse_source(text).body
        value = ast.literal_eval(node.value) if isinstance(node, ast.Assign) else ()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        return frozenset()
    return frozenset(one for one in names if isinstance(one, str))


class _Members(Mapping[str, Member]):
    """A class's members, each made when it is first asked for."""

    __slots__ = ("_inner", "_made", "_make")

    def __init__(self, inner: Mapping[str, object], make: Maker[[str], Member]) -> None:
        self._inner, self._make = inner, make
        self._made: dict[str, Member] = {}

    def __getitem__(self, name: str) -> Member:
        found = self._made.get(name)
        if found is None:
            if name not in self._inner:
                raise KeyError(name)
            found = self._made[name] = self._make(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._inner)

    def __len__(self) -> int:
        return len(self._inner)

    def __contains__(self, name: object) -> bool:
        return name in self._inner


def _head(node: ast.ClassDef, symbol: str, place: Place) -> _Head:
    own = type_parameters(node, place)
    if own:
        place = replace(place, variables={**place.variables, **own})
    bases: list[Type] = []
    stated: list[Type] | None = None
    flags: set[str] = set()
    for base in node.bases:
        form = typing_name(base.value if isinstance(base, ast.Subscript) else base, place)
        if form in ("Generic", "Protocol"):
            if form == "Protocol":
                flags.add("protocol")
            if isinstance(base, ast.Subscript):
                inside = base.slice.elts if isinstance(base.slice, ast.Tuple) else [base.slice]
                stated = [evaluate(_unstarred(one), place) for one in inside]
        elif form == "TypedDict":
            flags.add("typeddict")
            bases.append(Nominal("typing:_TypedDict"))
        elif form == "NamedTuple":
            flags.add("namedtuple")
            bases.append(Nominal("typing:NamedTuple"))
        else:
            bases.append(_base(evaluate(base, place)))
    metaclass: Type | None = None
    for keyword in node.keywords:
        if keyword.arg == "metaclass":
            metaclass = evaluate(keyword.value, place)
        elif keyword.arg == "total" and isinstance(keyword.value, ast.Constant):
            flags |= set() if keyword.value.value else {"total=False"}
    is_open = any(not isinstance(base, Nominal) for base in bases)
    if isinstance(metaclass, Nominal) and metaclass.symbol in _ENUM_METACLASSES:
        flags.add("enum")
    for base_type in (*bases, *(() if metaclass is None else (metaclass,))):
        above = _class_of(base_type, place)
        if above is not None:
            flags |= above.flags & (_INHERITED if base_type in bases else {"dataclass_transform"})
    decorated, is_known = _decorated(node, place)
    flags |= decorated
    if own:
        parameters = tuple(own.values())
    else:
        parameters = tuple(variables_in(bases if stated is None else stated))
    if not bases and symbol != _OBJECT:
        bases = [Nominal(_OBJECT)]
    return _Head(tuple(bases), parameters, metaclass, frozenset(flags), is_open or not is_known)


def _unstarred(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Starred) else node


def _base(type_: Type) -> Type:
    """A base class as a nominal type, if it is one."""
    if isinstance(type_, Tuple):
        items = [*type_.items, *(() if type_.rest is None else (type_.rest,)), *type_.after]
        return Nominal("builtins:tuple", (join(items),) if items else ())
    return type_


def _class_of(type_: Type, place: Place) -> Class | None:
    if not isinstance(type_, Nominal):
        return None
    module, _, path = type_.symbol.partition(":")
    first, *rest = path.split(".")
    found = place.names.find(module, first)
    for name in rest:
        found = found.inner(name) if isinstance(found, Home) else None
    if not isinstance(found, Home) or not found.items:
        return None
    declared = place.names.declare(found)
    return declared if isinstance(declared, Class) else None


def _decorated(node: ast.ClassDef, place: Place) -> tuple[set[str], bool]:
    """(flags, whether all decorators are known)."""
    flags: set[str] = set()
    is_known = True
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        form, symbol = typing_name(called, place), dotted_symbol(called, place)
        if symbol == "dataclasses:dataclass":
            flags.add("dataclass")
            for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
                is_on = isinstance(keyword.value, ast.Constant) and keyword.value.value is True
                if keyword.arg in _OPTIONS and is_on:
                    flags.add(keyword.arg)
                elif keyword.arg == "init":
                    flags.add("unsure")
        elif form == "dataclass_transform" or _is_transform(called, place):
            flags.add("dataclass_transform")
        elif form in _TRANSPARENT or symbol in _TRANSPARENT_SYMBOLS:
            flags |= {form} & {"final", "runtime_checkable"}
        else:
            is_known = False
    return flags, is_known


def _is_transform(node: ast.expr, place: Place) -> bool:
    """Whether a decorator is itself marked with `dataclass_transform`."""
    found = find(node, place)
    return isinstance(found, Home) and any("dataclass_transform" in i.text for i in found.items)


def _fields(
    inner: Mapping[str, tuple[Item, ...]], place: Place, *, is_typed_dict: bool
) -> tuple[tuple[tuple[str, Type, bool], ...], bool]:
    """(fields in order, whether calls take just these by position)."""
    found: list[tuple[str, Type, bool]] = []
    is_sure = True
    for name, items in inner.items():
        if items[0].kind is not ItemKind.VARIABLE:
            continue
        for one in assignments(items):
            if one.annotation is None or one.flags & Flag.INSTANCE:
                continue
            outer = one.annotation
            form = typing_name(outer.value if isinstance(outer, ast.Subscript) else outer, place)
            if form == "ClassVar":
                break
            if dotted_symbol(outer, place) == "dataclasses:KW_ONLY":
                is_sure = False
                break
            if one.flags & Flag.CONDITIONAL:
                is_sure = False
            has_default, is_plain = _default(one.value, place)
            is_sure &= is_plain
            if is_typed_dict:
                has_default = form == "NotRequired"
            if has_default is not None:
                found.append((name, evaluate(outer, place), has_default))
            break
    return tuple(found), is_sure


def _default(value: ast.expr | None, place: Place) -> tuple[bool | None, bool]:
    """(whether a field has a default; None if it isn't set by calls, whether that is sure)."""
    if not isinstance(value, ast.Call):
        return value is not None, True
    if dotted_symbol(value.func, place) != "dataclasses:field":
        # Another library's field function: what it takes is not known.
        return True, False
    options = {one.arg: one.value for one in value.keywords}
    init = options.get("init")
    if isinstance(init, ast.Constant) and init.value is False:
        return None, True
    is_sure = "kw_only" not in options and None not in options
    return bool(options.keys() & {"default", "default_factory"}), is_sure


def _member(home: Home, place: Place, *, is_enum: bool, is_stub: bool) -> Member:
    items = home.items
    kinds = {item.kind for item in items}
    if kinds == {ItemKind.FUNCTION}:
        return declare_method(home, place)
    if kinds <= {ItemKind.VARIABLE, ItemKind.ALIAS}:
        return _variable(home, place, is_enum=is_enum, is_stub=is_stub)
    if kinds == {ItemKind.CLASS} and len(items) == 1:
        return Member(place.names.declare(home), Binding.NESTED)
    if len(items) == 1:
        source, _, name = items[0].text.partition(":")
        if items[0].kind is ItemKind.MODULE:
            return Member(Submodule(source), Binding.NESTED)
        match place.names.find(source, name):
            case ModuleHome(module):
                return Member(Submodule(module), Binding.NESTED)
            case Home() as found:
                declared = place.names.declare(found)
                is_method = isinstance(declared, Callable)
                return Member(declared, Binding.METHOD if is_method else Binding.VARIABLE)
    return Member(Value(UNKNOWN), Binding.VARIABLE)


def _variable(home: Home, place: Place, *, is_enum: bool, is_stub: bool) -> Member:
    name = home.path[-1]
    found = list(assignments(home.items))
    if is_enum and not name.startswith("_"):
        enumerated = _enumerated(name, found, place, is_stub=is_stub)
        if enumerated is not None:
            return enumerated
    same = _same_member(found, home, place)
    if same is not None:
        return same
    if all(one.annotation is None and _is_call(one.value) for one in found) and found:
        # A call may make a descriptor, whose value is anything.
        return Member(Value(_from_builtin(found, place)), _bound(home.items))
    declared = declare_variable(home, place)
    match declared:
        case Value(type=Nominal(symbol="builtins:property")):
            return Member(Value(UNKNOWN), Binding.VARIABLE)
        case Value(is_final=is_final):
            return Member(declared, _bound(home.items), writable=not is_final)
        case Callable():
            return Member(declared, Binding.METHOD)
        case Class() | Alias() | Submodule():
            return Member(declared, Binding.NESTED)
    return Member(declared, Binding.VARIABLE)


def _bound(items: tuple[Item, ...]) -> Binding:
    is_instance = all(item.flags & Flag.INSTANCE for item in items)
    return Binding.INSTANCE if is_instance else Binding.VARIABLE


def _is_call(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Call)


def _from_builtin(found: list[Assignment], place: Place) -> Type:
    """The type if each value is a call of one of builtins' containers or numbers."""
    types: list[Type] = []
    for one in found:
        if not isinstance(one.value, ast.Call):
            return UNKNOWN
        symbol = dotted_symbol(one.value.func, place)
        plain = ("dict", "list", "set", "frozenset", "int", "str", "float", "bytes", "bool")
        if symbol not in {f"builtins:{name}" for name in plain}:
            return UNKNOWN
        types.append(Nominal(symbol))
    return join(types)


def _enumerated(
    name: str, found: list[Assignment], place: Place, *, is_stub: bool
) -> Member | None:
    """The member of an enumeration, if the variable is one; unknown if that isn't certain."""
    if len(found) != 1:
        return Member(Value(UNKNOWN), Binding.VARIABLE)
    one = found[0]
    if one.annotation is not None:
        # Older stubs write members so; attributes are written the same way.
        unsure = is_stub and one.value is None
        return Member(Value(UNKNOWN), Binding.VARIABLE) if unsure else None
    if one.flags & Flag.INSTANCE:
        return None
    if isinstance(one.value, ast.Call):
        symbol = dotted_symbol(one.value.func, place)
        if symbol in ("builtins:property", "enum:nonmember", "types:DynamicClassAttribute"):
            return Member(Value(UNKNOWN), Binding.VARIABLE)
    literal = Literal(name, place.owner)
    return Member(Value(literal, is_final=True), Binding.VARIABLE, writable=False)


def _same_member(found: list[Assignment], home: Home, place: Place) -> Member | None:
    """`__radd__ = __add__`: the other method."""
    if len(found) == 1 and isinstance(found[0].value, ast.Name) and found[0].annotation is None:
        inner = place.body.inner(found[0].value.id) if place.body is not None else None
        if inner is not None and {item.kind for item in inner.items} == {ItemKind.FUNCTION}:
            return declare_method(inner, place)
    return None
