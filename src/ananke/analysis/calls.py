"""Calls: which parameters take which arguments, and what a call gives.

An unfinished call is judged too: what is there must fit whatever arguments may still come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from ananke.analysis.relation import assignable
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
    Tuple,
    Type,
    Union,
    Unknown,
    Variable,
    join,
    map_type,
    members_of,
    show,
)
from ananke.analysis.world import World, symbol_of

__all__ = ["Argument", "Misfit", "Outcome", "call", "expected_type", "widen_literal"]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its name, or "" for a positional one, "*" and "**" for spread ones.

    `is_final`: it can't become another argument (`a` may still become `a.b` or `a=1`).
    """

    name: str
    type: Type
    start: int
    end: int
    is_final: bool = True


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a call does not fit: the argument it is about, or None for the call as a whole."""

    message: str
    argument: Argument | None = None
    admitted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call gives, or why it doesn't fit."""

    result: Type
    misfits: tuple[Misfit, ...] = ()
    solved: Mapping[Variable, Type] = field(default_factory=dict)


def call(
    world: World, function: Type, arguments: Sequence[Argument], *, is_complete: bool
) -> Outcome:
    """Calls a function or an overloaded one; anything else is not looked at.

    `is_complete`: no further arguments come.
    """
    if not isinstance(function, Function | Overloaded):
        return Outcome(UNKNOWN)
    # Where the arguments stand doesn't matter: each is known by its number.
    given = tuple((one.name, one.type, one.is_final) for one in arguments)
    key = (id(function), given, is_complete, world.is_loose)
    calls = world.learnt.calls
    known = calls.get(key)
    if known is None:
        numbered = [replace(one, start=at, end=at + 1) for at, one in enumerate(arguments)]
        outcome = _call(world, function, numbered, is_complete)
        if len(calls) >= _CALLS:
            calls.clear()
        # The function is kept for its identity.
        known = calls[key] = (function, outcome)
    outcome = known[1]
    if not outcome.misfits:
        return outcome
    misfits = [
        one if one.argument is None else replace(one, argument=arguments[one.argument.start])
        for one in outcome.misfits
    ]
    return replace(outcome, misfits=tuple(misfits))


def _call(
    world: World, function: Function | Overloaded, arguments: Sequence[Argument], is_complete: bool
) -> Outcome:
    if isinstance(function, Function):
        return _call_one(world, function, arguments, is_complete)
    if function.choices:
        return _call_overloaded(world, function, arguments, is_complete)
    return Outcome(UNKNOWN)


#: Calls that are remembered before all are forgotten.
_CALLS = 4096
#: Combinations of members of unions that are tried.
_MOST_COMBINATIONS = 16


def _call_by_members(
    world: World, function: Overloaded, arguments: Sequence[Argument], at: int, is_complete: bool
) -> Outcome:
    """A call in which the type of one argument is a union, for each of its members."""
    outcomes = [
        _call_overloaded(
            world,
            function,
            [*arguments[:at], replace(arguments[at], type=member), *arguments[at + 1 :]],
            is_complete,
        )
        for member in members_of(arguments[at].type)
    ]
    wrong = [one for one in outcomes if one.misfits]
    if wrong and (len(wrong) == len(outcomes) or not world.is_loose):
        return wrong[0]
    return Outcome(join(one.result for one in outcomes if not one.misfits))


def _call_overloaded(
    world: World, function: Overloaded, arguments: Sequence[Argument], is_complete: bool
) -> Outcome:
    fitting: list[Outcome] = []
    first_misfit: Outcome | None = None
    doubtful = any(_is_vague(one.type) or one.name in ("*", "**") for one in arguments)
    for choice in function.choices:
        outcome = _call_one(world, choice, arguments, is_complete)
        if outcome.misfits:
            first_misfit = outcome
            continue
        fitting.append(outcome)
        if not doubtful:
            break
    if fitting:
        if len({one.result for one in fitting}) == 1 or not doubtful:
            return fitting[0]
        return Outcome(UNKNOWN)
    assert first_misfit is not None
    # An argument that is a union may be served by several overloads together.
    if prod(max(1, len(members_of(one.type))) for one in arguments) > _MOST_COMBINATIONS:
        return Outcome(UNKNOWN)
    for at, one in enumerate(arguments):
        if isinstance(one.type, Union):
            return _call_by_members(world, function, arguments, at, is_complete)
    if len(function.choices) == 1:
        return first_misfit
    shown = ", ".join(_shown(one) for one in arguments)
    last = max(
        (one.argument for one in first_misfit.misfits if one.argument is not None),
        key=lambda one: one.end,
        default=None,
    )
    message = f"no overload takes ({shown})"
    return Outcome(UNKNOWN, (Misfit(message, last, first_misfit.misfits[0].admitted),))


def _shown(argument: Argument) -> str:
    label = {"": "", "*": "*", "**": "**"}.get(argument.name, f"{argument.name}=")
    return f"{label}{show(argument.type)}"


def _is_vague(type_: Type) -> bool:
    """Whether a part of the type is unknown."""
    found = False

    def look(part: Type) -> Type | None:
        nonlocal found
        found = found or isinstance(part, Unknown)
        return part if found else None

    map_type(type_, look)
    return found


def match(
    function: Function, arguments: Sequence[Argument], is_complete: bool
) -> tuple[list[tuple[Argument, Parameter]], list[Misfit]]:
    """Which parameter takes which argument, and what finds no place."""
    pairs: list[tuple[Argument, Parameter]] = []
    misfits: list[Misfit] = []
    parameters = function.parameters
    positional = [one for one in parameters if one.kind in (Kind.POSITIONAL, Kind.EITHER)]
    named = {one.name: one for one in parameters if one.kind in (Kind.EITHER, Kind.NAMED)}
    variadic = next((one for one in parameters if one.kind is Kind.VARIADIC), None)
    keywords = next((one for one in parameters if one.kind is Kind.NAMED_VARIADIC), None)
    taken: set[str] = set()
    at = 0
    spread = spread_named = False
    for argument in arguments:
        if argument.name == "*":
            spread = True
        elif argument.name == "**":
            spread_named = True
        elif argument.name:
            parameter = named.get(argument.name)
            if parameter is None:
                if keywords is not None:
                    pairs.append((argument, keywords))
                elif argument.is_final:
                    rest = tuple(one for one in named if one not in taken)
                    misfits.append(
                        Misfit(f"there is no parameter named `{argument.name}`", argument, rest)
                    )
            elif parameter.name in taken and not spread:
                misfits.append(Misfit(f"the parameter `{argument.name}` is given twice", argument))
            else:
                taken.add(parameter.name)
                pairs.append((argument, parameter))
        elif spread:
            continue
        elif at < len(positional):
            parameter = positional[at]
            at += 1
            if parameter.name in taken and parameter.kind is Kind.EITHER:
                # A name that stands before: Python's grammar forbids it but for spread ones.
                continue
            taken.add(parameter.name)
            pairs.append((argument, parameter))
        elif variadic is not None:
            pairs.append((argument, variadic))
        elif argument.is_final and at == len(positional):
            at += 1
            count = len(positional)
            misfits.append(
                Misfit(
                    f"at most {count} positional argument{'s' * (count != 1)} expected", argument
                )
            )
    if is_complete and not spread_named:
        lacking = [
            one.name
            for one in parameters
            if not one.has_default
            and one.name not in taken
            and (
                one.kind is Kind.NAMED
                or (one.kind in (Kind.POSITIONAL, Kind.EITHER) and not spread)
            )
        ]
        if lacking:
            names = ", ".join(f"`{name}`" for name in lacking)
            misfits.append(Misfit(f"missing argument{'s' * (len(lacking) > 1)} {names}"))
    return pairs, misfits


def _fits(world: World, type_: Type, wanted: Type) -> bool:
    """Whether an argument is what is wanted. A truth value beside others in a union may be ruled
    out by tests that aren't followed (`x is True`), so it alone is no misfit."""
    members = members_of(type_)
    if len(members) > 1:
        type_ = join(one for one in members if one != Nominal("builtins:bool"))
    return assignable(world, type_, wanted)


def _call_one(
    world: World, function: Function, arguments: Sequence[Argument], is_complete: bool
) -> Outcome:
    if function.is_gradual:
        return Outcome(_vague(function.result))
    pairs, misfits = match(function, arguments, is_complete)
    if misfits:
        # Which argument is which isn't sure any more.
        return Outcome(_vague(function.result), tuple(misfits[:1]))
    solved: dict[Variable, Type] = {}
    for argument, parameter in pairs:
        if _has_packs(parameter.type):
            continue
        solve(world, parameter.type, argument.type, solved)
        wanted = _vague(parameter.type)
        if isinstance(parameter.type, Variable):
            bounds = parameter.type.constraints or (parameter.type.bound or UNKNOWN,)
            wanted = join(_vague(one) for one in bounds)
        if argument.is_final and not _fits(world, argument.type, wanted):
            misfits.append(
                Misfit(
                    f"`{show(argument.type)}` is not what the parameter `{parameter.name}` takes, "
                    f"`{show(parameter.type)}`",
                    argument,
                )
            )
    if any(_has_packs(one.type) for one in function.parameters):
        misfits = []
    result = _vague(function.result, solved)
    return Outcome(result, tuple(misfits), solved)


def _has_packs(type_: Type) -> bool:
    found = False

    def look(part: Type) -> Type | None:
        nonlocal found
        if isinstance(part, Variable) and part.kind != "type":
            found = True
        return None

    map_type(type_, look)
    return found


def _vague(type_: Type, solved: Mapping[Variable, Type] | None = None) -> Type:
    """The type with its variables replaced: by what they were found to be, else unknown."""

    def change(part: Type) -> Type | None:
        if isinstance(part, Variable):
            return (solved or {}).get(part, UNKNOWN)
        return None

    return map_type(type_, change)


def solve(
    world: World, parameter: Type, argument: Type, solved: dict[Variable, Type], depth: int = 0
) -> None:
    """Notes what the variables in `parameter` are for `argument`."""
    if depth > 6:
        return
    match parameter:
        case Variable():
            plain = widen_literal(argument)
            known = solved.get(parameter)
            if known is None:
                solved[parameter] = plain
            elif known != plain:
                solved[parameter] = join((known, plain))
        case Nominal(symbol, arguments) if arguments:
            for one in members_of(argument):
                for mine, theirs in zip(arguments, world.arguments_as(one, symbol), strict=False):
                    solve(world, mine, theirs, solved, depth + 1)
        case Union(members):
            plain_members = [one for one in members if not isinstance(one, Variable)]
            rest = join(
                one
                for one in members_of(argument)
                if not any(one == other for other in plain_members)
            )
            if isinstance(argument, Unknown):
                rest = UNKNOWN
            # What is of one of the classes (`PathLike[T]`) is not what a bare `T` beside it is.
            own = [one for one in members_of(rest) if _is_of_one(world, one, plain_members)]
            bare = join(one for one in members_of(rest) if one not in own)
            for one in members:
                if not isinstance(one, Variable):
                    solve(world, one, rest, solved, depth + 1)
                elif bare != NEVER:
                    solve(world, one, bare, solved, depth + 1)
        case ClassOf(instance) if isinstance(argument, ClassOf):
            solve(world, instance, argument.instance, solved, depth + 1)
        case ClassOf(instance):
            solve(world, instance, UNKNOWN, solved, depth + 1)
        case Tuple(items, rest_type) if isinstance(argument, Tuple):
            for mine, theirs in zip(items, argument.items, strict=False):
                solve(world, mine, theirs, solved, depth + 1)
            if rest_type is not None:
                for theirs in argument.items[len(items) :]:
                    solve(world, rest_type, theirs, solved, depth + 1)
        case Function(_, result) if isinstance(argument, Function):
            solve(world, result, argument.result, solved, depth + 1)
        case Function(_, result) if isinstance(argument, ClassOf):
            solve(world, result, argument.instance, solved, depth + 1)
        case Function() | Tuple():

            def give_up(part: Type) -> Type | None:
                if isinstance(part, Variable):
                    solved[part] = UNKNOWN
                return None

            map_type(parameter, give_up)


def _is_of_one(world: World, type_: Type, wanted: Sequence[Type]) -> bool:
    """Whether a value of the type surely is of one of the generic classes."""
    symbol = symbol_of(type_)
    return symbol is not None and any(
        isinstance(one, Nominal) and one.arguments and world.is_subclass(symbol, one.symbol) is True
        for one in wanted
    )


def widen_literal(type_: Type) -> Type:
    """`Literal["a"]` as `str`."""
    if isinstance(type_, Literal):
        return Nominal(type_.symbol)
    if isinstance(type_, Union):
        return join(widen_literal(one) for one in type_.members)
    if isinstance(type_, Tuple):
        return Tuple(
            tuple(widen_literal(one) for one in type_.items),
            None if type_.rest is None else widen_literal(type_.rest),
            tuple(widen_literal(one) for one in type_.after),
        )
    return type_


def expected_type(function: Type, position: int, name: str) -> Type:
    """What the argument at `position` (or with `name`) is expected to be."""
    if not isinstance(function, Function) or function.is_gradual:
        return UNKNOWN
    for parameter in function.parameters:
        if name:
            if parameter.name == name and parameter.kind in (Kind.EITHER, Kind.NAMED):
                return _vague(parameter.type)
        elif parameter.kind in (Kind.POSITIONAL, Kind.EITHER):
            if position == 0:
                return _vague(parameter.type)
            position -= 1
        elif parameter.kind is Kind.VARIADIC:
            return _vague(parameter.type)
    return UNKNOWN
