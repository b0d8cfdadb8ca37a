"""Types as values: what a name, an expression or a member of a program may hold.

A type is immutable, hashable and compared by content, so that verdicts can be remembered by the
types they depend on. Types name classes by *symbol*, `module:Qualified.Name` (`builtins:str`,
`collections.abc:Mapping`); what a symbol declares is looked up in `declarations.py`, never held
here. `UNKNOWN` is consistent with everything: whatever the analysis can't tell becomes it.

| value | Python | elsewhere |
|---|---|---|
| `Nominal` | an instance of a class | structs, enums, classes, Go's named types; primitives |
| `ClassOf` | `type[T]`: the class itself | a constructor; a Zig `type` value |
| `Structural` | anonymous protocols | TypeScript's objects, Go's interfaces |
| `Tuple` | `tuple[int, str]`, `tuple[int, ...]` | tuples of TypeScript, Rust, Swift |
| `Literal` | `Literal["a"]` | TypeScript literals, Zig comptime values, Go untyped constants |
| `Union` | `int | None` | TypeScript unions, optionals of Kotlin, Swift and Zig |
| `Function`, `Overloaded` | callables | functions, closures, method sets |
| `ModuleObject` | an imported module | a namespace, a Go package, a Rust module, a Zig file |
| `Variable` | TypeVar, ParamSpec, TypeVarTuple | type parameters everywhere |
| `Reference` | none | Rust's `&T` and `&mut T`, Go and Zig pointers |
| `UNKNOWN`, `NEVER` | `Any`, `NoReturn` | `any`, `never`, `!`, `noreturn` |

Python's `None` is the `Nominal` of `types:NoneType`; `Any` is `UNKNOWN`, `object` a `Nominal`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from operator import is_

__all__ = [
    "NEVER",
    "UNKNOWN",
    "ClassOf",
    "Function",
    "Kind",
    "Literal",
    "ModuleObject",
    "Nominal",
    "Overloaded",
    "Parameter",
    "Reference",
    "Structural",
    "Tuple",
    "Type",
    "Union",
    "Unknown",
    "Variable",
    "join",
    "map_type",
    "members_of",
    "show",
    "substitute",
]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Consistent with every type in both directions."""


@dataclass(frozen=True, slots=True)
class Never:
    """No value: the result of what does not return, the empty union."""


UNKNOWN = Unknown()
NEVER = Never()


@dataclass(frozen=True, slots=True)
class Nominal:
    """A value of the class `symbol` (`builtins:list`).

    `arguments` are in the order of the class's type parameters; fewer than those means that the
    rest are unknown.
    """

    symbol: str
    arguments: tuple[Type, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassOf:
    """The class of `instance` as a value (`type[instance]`): calling it makes an instance."""

    instance: Type


@dataclass(frozen=True, slots=True)
class Literal:
    """The one value `value` of the class `symbol`.

    An enum's member is its name as a str with the enum's symbol.
    """

    value: str | bytes | int | bool
    symbol: str

    # 1 == True and "1" of two classes must stay apart.
    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Literal)
            and self.symbol == other.symbol
            and type(self.value) is type(other.value)
            and self.value == other.value
        )

    def __hash__(self) -> int:
        return hash((self.symbol, self.value))


@dataclass(frozen=True, slots=True)
class Tuple:
    """Items of known types: `items`, then, if `rest` is given, any number of `rest`, then
    `after`. `tuple[int, ...]` is `Tuple((), int)`."""

    items: tuple[Type, ...]
    rest: Type | None = None
    after: tuple[Type, ...] = ()


@dataclass(frozen=True, slots=True)
class Union:
    """One of `members`: at least two, none of them a union, unknown or never. Made by `join`."""

    members: tuple[Type, ...]


class Kind(Enum):
    """How a parameter takes its argument."""

    POSITIONAL = "positional only"
    EITHER = "positional or by name"
    VARIADIC = "any number of positional ones"
    NAMED = "by name only"
    NAMED_VARIADIC = "any number by name"


@dataclass(frozen=True, slots=True)
class Parameter:
    """`type` of a variadic one is that of each argument it takes."""

    name: str
    type: Type
    kind: Kind = Kind.EITHER
    has_default: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """Something to call, its receiver (self) already taken away if it is bound.

    `result` is what a call gives: for an `async def` that is the coroutine, for a generator
    function the generator. `is_gradual`: the parameters are not known (`Callable[..., T]`).
    `narrows`: (type, also in the negative) that a TypeGuard or TypeIs result tells of the first
    argument.
    """

    parameters: tuple[Parameter, ...]
    result: Type
    is_gradual: bool = False
    narrows: tuple[Type, bool] | None = None


@dataclass(frozen=True, slots=True)
class Overloaded:
    """The first of `choices` that a call fits is the one that is called."""

    choices: tuple[Function, ...]


@dataclass(frozen=True, slots=True)
class Structural:
    """A value by its members alone: (name, type, is it optional), sorted by name.

    `is_open`: it may have other members too.
    """

    members: tuple[tuple[str, Type, bool], ...]
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class ModuleObject:
    """The module `name` as a value."""

    name: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A type parameter; `owner` is the symbol of the class or function it belongs to.

    `kind`: `type`, `parameters` (ParamSpec) or `types` (TypeVarTuple). A `Self` type is the
    variable `Self` of its class, bound to it.
    """

    name: str
    owner: str = ""
    bound: Type | None = None
    constraints: tuple[Type, ...] = ()
    kind: str = "type"


@dataclass(frozen=True, slots=True)
class Reference:
    """A pointer or reference to `target`."""

    target: Type
    is_mutable: bool = False


Type = (
    Unknown
    | Never
    | Nominal
    | ClassOf
    | Literal
    | Tuple
    | Union
    | Function
    | Overloaded
    | Structural
    | ModuleObject
    | Variable
    | Reference
)

#: A union with more members than this says nothing worth its cost.
_MOST_MEMBERS = 64


def join(types: Iterable[Type]) -> Type:
    """The union of `types`: flattened, without repetition; unknown if one is unknown."""
    found: dict[Type, None] = {}
    for one in types:
        for member in members_of(one):
            if isinstance(member, Unknown):
                return UNKNOWN
            found[member] = None
    for member in list(found):
        if isinstance(member, Literal) and Nominal(member.symbol) in found:
            del found[member]
    if len(found) > _MOST_MEMBERS:
        return UNKNOWN
    if not found:
        return NEVER
    return next(iter(found)) if len(found) == 1 else Union(tuple(found))


def members_of(type_: Type) -> tuple[Type, ...]:
    """The members of a union; of any other type, the type itself; of never, nothing."""
    if isinstance(type_, Union):
        return type_.members
    return () if isinstance(type_, Never) else (type_,)


def map_type(type_: Type, change: Callable[[Type], Type | None]) -> Type:
    """`type_` with each part for which `change` gives a type replaced by it, outermost first; where
    it gives none, `type_` itself."""
    changed = change(type_)
    if changed is not None:
        return changed

    def go(part: Type) -> Type:
        return map_type(part, change)

    def all_of(parts: tuple[Type, ...]) -> tuple[Type, ...]:
        made = tuple(map(go, parts))
        return parts if all(map(is_, made, parts)) else made

    match type_:
        case Nominal(symbol, arguments) if arguments:
            made = all_of(arguments)
            return type_ if made is arguments else Nominal(symbol, made)
        case ClassOf(instance):
            one = go(instance)
            return type_ if one is instance else ClassOf(one)
        case Tuple(items, rest, after):
            return Tuple(all_of(items), None if rest is None else go(rest), all_of(after))
        case Union(members):
            made = all_of(members)
            return type_ if made is members else join(made)
        case Function():
            return _map_function(type_, go)
        case Overloaded(choices):
            functions = tuple(_map_function(one, go) for one in choices)
            return type_ if all(map(is_, functions, choices)) else Overloaded(functions)
        case Structural(rows, is_open):
            return Structural(tuple((n, go(t), o) for n, t, o in rows), is_open)
        case Reference(target, is_mutable):
            return Reference(go(target), is_mutable)
    return type_


def _map_function(function: Function, go: Callable[[Type], Type]) -> Function:
    types = [go(one.type) for one in function.parameters]
    parameters = tuple(
        one if type_ is one.type else replace(one, type=type_)
        for one, type_ in zip(function.parameters, types, strict=True)
    )
    result, narrows = go(function.result), function.narrows
    if narrows is not None:
        narrows = (go(narrows[0]), narrows[1])
    elif result is function.result and all(map(is_, parameters, function.parameters)):
        return function
    return replace(function, parameters=parameters, result=result, narrows=narrows)


def substitute(type_: Type, values: Mapping[Variable, Type]) -> Type:
    """`type_` with the variables that `values` has replaced by their values."""
    if not values:
        return type_

    def change(part: Type) -> Type | None:
        return values.get(part) if isinstance(part, Variable) else None

    return map_type(type_, change)


def show(type_: Type) -> str:
    """The type as an error message writes it."""
    match type_:
        case Unknown():
            return "unknown"
        case Never():
            return "never"
        case Nominal(symbol, arguments):
            name = _short(symbol)
            return f"{name}[{', '.join(map(show, arguments))}]" if arguments else name
        case ClassOf(instance):
            return f"type[{show(instance)}]"
        case Literal(value, _):
            return f"Literal[{value!r}]"
        case Tuple(items, rest, after):
            shown = [show(one) for one in items]
            if rest is not None:
                shown += [show(rest), "..."] if not items + after else [f"*{show(rest)}"]
            return f"tuple[{', '.join(shown + [show(one) for one in after]) or '()'}]"
        case Union(members):
            return " | ".join(map(show, members))
        case Function(parameters, result):
            inside = "..." if type_.is_gradual else ", ".join(map(_show_parameter, parameters))
            return f"({inside}) -> {show(result)}"
        case Overloaded(choices):
            return f"{show(choices[0])} and {len(choices) - 1} overloads more"
        case Structural(rows):
            return "{" + ", ".join(f"{n}{'?' * o}: {show(t)}" for n, t, o in rows) + "}"
        case ModuleObject(name):
            return f"module {name}"
        case Variable(name):
            return name
        case Reference(target, is_mutable):
            return f"&{'mut ' * is_mutable}{show(target)}"


def _short(symbol: str) -> str:
    name = symbol.rpartition(":")[2]
    return "None" if symbol == "types:NoneType" else name.partition("@")[0]


def _show_parameter(parameter: Parameter) -> str:
    stars = {Kind.VARIADIC: "*", Kind.NAMED_VARIADIC: "**"}.get(parameter.kind, "")
    default = " = ..." if parameter.has_default else ""
    return f"{stars}{parameter.name}: {show(parameter.type)}{default}"
