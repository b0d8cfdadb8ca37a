"""Expressions as a language lowers them: what is evaluated, in which order, under which tests.

An operation is named as the language spells it (`//`, `len`, `.startswith`); what it means is told
by the language's rules (`evaluation.py`). What has no lowering is `Unmodelled`: its parts are
evaluated, and nothing is known of its value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = [
    "And",
    "Binding",
    "Choice",
    "Collection",
    "Constant",
    "Display",
    "Each",
    "Expression",
    "Name",
    "Not",
    "Operation",
    "Or",
    "Unmodelled",
    "names_in",
]


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal of a sort that has terms."""

    value: int | bool | str | None


@dataclass(frozen=True, slots=True)
class Name:
    """A variable of the program, or a path such as a field's (`self.balance`)."""

    name: str


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation on values. `place` is where it stands, for what is said of it."""

    op: str
    args: tuple[Expression, ...]
    place: int = -1


@dataclass(frozen=True, slots=True)
class And:
    """The second is evaluated only if the first is true; the value is one of theirs."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Or:
    """The second is evaluated only if the first is false; the value is one of theirs."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Not:
    """Whether the value is false."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Choice:
    """One of two, by a test."""

    test: Expression
    then: Expression
    other: Expression


@dataclass(frozen=True, slots=True)
class Display:
    """A new list or tuple of these elements. `kind` is `list` or `tuple`."""

    kind: str
    elements: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Each:
    """One source of a collection: for each of its elements that passes the tests."""

    targets: tuple[str, ...]
    source: Expression
    tests: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Collection:
    """The values of an expression for each element of a source: a comprehension.

    `stops_at`: whoever takes the values takes none after the first that counts as this.
    """

    value: Expression
    each: Each
    stops_at: bool | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """Binds a name within an expression; its value is the value bound."""

    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Unmodelled:
    """Nothing is known of the value.

    Attributes:
        parts: what is evaluated for it.
        runs: whether evaluating it may do anything at all (call, raise, change lists); if not,
            it is a value and nothing else.
    """

    parts: tuple[Expression, ...] = ()
    runs: bool = True


Expression = (
    Constant
    | Name
    | Operation
    | And
    | Or
    | Not
    | Choice
    | Display
    | Collection
    | Binding
    | Unmodelled
)


def names_in(expression: Expression) -> Iterator[str]:
    """The names that an expression reads, its own targets among them."""
    if isinstance(expression, Name):
        yield expression.name
    for one in _parts(expression):
        yield from names_in(one)


def _parts(expression: Expression) -> tuple[Expression, ...]:
    if isinstance(expression, Operation):
        return expression.args
    if isinstance(expression, And | Or):
        return expression.left, expression.right
    if isinstance(expression, Not):
        return (expression.operand,)
    if isinstance(expression, Choice):
        return expression.test, expression.then, expression.other
    if isinstance(expression, Display):
        return expression.elements
    if isinstance(expression, Collection):
        return expression.value, expression.each.source, *expression.each.tests
    if isinstance(expression, Binding):
        return (expression.value,)
    return expression.parts if isinstance(expression, Unmodelled) else ()
