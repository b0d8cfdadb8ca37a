"""Statements as a language lowers them: a small program that can be followed symbolically.

`place` is a byte of the text: what is found there is reported there. A loop that `is_open` has a
body that the text hasn't finished: more of it may come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ananke.analysis.formulas.expressions import Expression

__all__ = [
    "Assert",
    "Assign",
    "Block",
    "Branch",
    "Change",
    "Evaluate",
    "ForEach",
    "Forget",
    "Function",
    "Leave",
    "Return",
    "Statement",
    "Stop",
    "While",
    "assigned_names",
]


@dataclass(frozen=True, slots=True)
class Assign:
    """Binds a name. With several names, the value is taken apart.

    `is_in_place`: if the name holds a list, that list is changed.
    """

    names: tuple[str, ...]
    value: Expression
    is_in_place: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """Changes the list that a name holds, in place, by an operation of the language."""

    name: str
    op: str
    args: tuple[Expression, ...]
    place: int


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Evaluates an expression for what it does. `is_dropped`: its value is used by nothing."""

    value: Expression
    is_dropped: bool = True


@dataclass(frozen=True, slots=True)
class Assert:
    """A condition that the program itself says holds here."""

    test: Expression
    place: int


@dataclass(frozen=True, slots=True)
class Return:
    """Leaves the function with a value; None: with none."""

    value: Expression | None
    place: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Leaves the function otherwise: an exception is raised."""

    value: Expression | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """Leaves the innermost loop (`break`), or its round (`continue`)."""

    goes_on: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """One of two blocks, by a test."""

    test: Expression
    then: Block
    other: Block


@dataclass(frozen=True, slots=True)
class While:
    """A loop with a condition. `otherwise` runs when the condition is false."""

    test: Expression
    body: Block
    otherwise: Block
    place: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class ForEach:
    """A loop over the elements of a list or the characters of a string.

    `targets` are bound for each round; none: what is bound isn't followed. `counter` is a name
    that counts the rounds from 0.
    """

    targets: tuple[str, ...]
    counter: str | None
    source: Expression
    body: Block
    otherwise: Block
    place: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class Forget:
    """Something without a rule: what it does is not known.

    Attributes:
        names: what it may bind.
        runs: whether it may do anything but bind the names.
        leaves: whether it may leave the loop that it is in, or its round.
    """

    names: tuple[str, ...]
    runs: bool = True
    leaves: bool = False


Statement = (
    Assign | Change | Evaluate | Assert | Return | Stop | Leave | Branch | While | ForEach | Forget
)
Block = tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the text, so far as it is written.

    Attributes:
        name: with the classes around it (`Account.deposit`).
        parameters: names, and the types that the text gives them ("" if none).
        result: the type that the text gives it, or "".
        is_plain: a call runs the body from its start to a return (no generator, no coroutine).
        place: where it ends, if it has.
        is_closed: no more of it can come.
        shadowed: names of the language's own functions that the text binds anew.
    """

    name: str
    parameters: tuple[tuple[str, str], ...]
    result: str
    body: Block
    is_plain: bool
    place: int
    is_closed: bool
    shadowed: frozenset[str] = frozenset()
    #: Asked for at each token, and a body is deep.
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        value = (self.name, self.parameters, self.body, self.place, self.shadowed)
        object.__setattr__(self, "_hash", hash(value))

    def __hash__(self) -> int:
        return self._hash


def assigned_names(block: Block) -> Iterator[str]:
    """The names that a block's own statements may bind or change (not those in expressions)."""
    for one in block:
        if isinstance(one, Assign):
            yield from one.names
        elif isinstance(one, Change):
            yield one.name
        elif isinstance(one, Forget):
            yield from one.names
        elif isinstance(one, Branch):
            yield from assigned_names(one.then)
            yield from assigned_names(one.other)
        elif isinstance(one, While | ForEach):
            if isinstance(one, ForEach):
                yield from one.targets
                if one.counter is not None:
                    yield one.counter
            yield from assigned_names(one.body)
            yield from assigned_names(one.otherwise)
