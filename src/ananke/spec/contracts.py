"""What code must mean: the `contracts` of a spec, for the semantics domain.

    "contracts": {
      "functions": [{
        "name": "clamp",
        "parameters": [{"name": "x", "type": "int"}, {"name": "low", "type": "int"}],
        "result": "int",
        "pre": ["low >= 0"],
        "post": ["result >= low"]
      }],
      "classes": [{"name": "Account", "fields": [{"name": "balance", "type": "int"}],
                   "invariant": ["self.balance >= 0"]}],
      "literals": [{"name": "timeout", "min": 1, "max": 60}]
    }

Conditions are expressions of the target language. They are parsed and type-checked when a session
starts, since only the language can; here they are text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, StringConstraints

from ananke.spec.base import Model, Text

__all__ = [
    "ClassContract",
    "Contracts",
    "FunctionContract",
    "LiteralBound",
    "LoopContract",
    "TypedName",
    "contradictions",
]

_Name = Annotated[Text, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\s.]+$")]
_DottedName = Annotated[
    Text, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\s.]+(\.[^\s.]+)*$")
]
_Type = Annotated[Text, StringConstraints(min_length=1, max_length=1024)]
_Condition = Annotated[Text, StringConstraints(min_length=1, max_length=4096)]
_Conditions = Annotated[tuple[_Condition, ...], Field(max_length=100)]
#: Integers of JSON are exact up to here in every reader.
_Bound = Annotated[int, Field(ge=-(2**53) + 1, le=2**53 - 1)]


class TypedName(Model):
    """A parameter or a field, and its type as the language writes it."""

    name: _Name
    type: _Type


class LoopContract(Model):
    """What holds whenever the condition of a loop is about to be evaluated."""

    loop: int = Field(default=0, ge=0, le=1000, description="Which loop of the function, from 0.")
    invariant: _Conditions = ()


class FunctionContract(Model):
    """What a function may assume of its parameters and must give back."""

    name: _DottedName = Field(description="The function; for a method, Class.method.")
    parameters: Annotated[tuple[TypedName, ...], Field(max_length=255)] = Field(
        default=(),
        description="Types of the parameters that the conditions use; one left out has the type "
        "that the program's text gives it.",
    )
    result: _Type | None = Field(
        default=None, description="Type of the result; null: what the program's text says."
    )
    pre: _Conditions = Field(default=(), description="Hold for every call, over parameters.")
    post: _Conditions = Field(
        default=(),
        description="Hold for what is returned, over the parameters' values at the call and "
        "`result`.",
    )
    loops: Annotated[tuple[LoopContract, ...], Field(max_length=100)] = ()


class ClassContract(Model):
    """What holds for an instance whenever one of its methods is called or returns."""

    name: _DottedName
    fields: Annotated[tuple[TypedName, ...], Field(max_length=255)] = ()
    invariant: _Conditions = ()


class LiteralBound(Model):
    """The range of the literal of a number that stands as the value of a name.

    Each digit is masked by what a whole number may still become; one with a fraction counts too
    (`60.5` is more than 60), but its whole part is written as any whole number is. It binds the
    literal that begins the value: of an assignment to the name, of a keyword argument or a
    parameter's default of that name, or of the first argument of a call of that name.
    """

    name: _Name | None = Field(
        default=None, description="The name; null: the literal that begins at the cursor."
    )
    min: _Bound | None = Field(default=None, description="Least value; null: no bound.")
    max: _Bound | None = Field(default=None, description="Greatest value; null: no bound.")


class Contracts(Model):
    """All that a spec says of the meaning of code."""

    functions: Annotated[tuple[FunctionContract, ...], Field(max_length=1000)] = ()
    classes: Annotated[tuple[ClassContract, ...], Field(max_length=1000)] = ()
    literals: Annotated[tuple[LiteralBound, ...], Field(max_length=1000)] = ()


def contradictions(contracts: Contracts) -> Iterator[tuple[str, str]]:
    """(place, problem) for each pair of entries that can't both be meant."""
    for kind, names in (
        ("functions", [one.name for one in contracts.functions]),
        ("classes", [one.name for one in contracts.classes]),
    ):
        for at, name in enumerate(names):
            first = names.index(name)
            if first < at:
                yield (
                    f"contracts.{kind}[{at}].name",
                    f"{name!r} has a contract in contracts.{kind}[{first}] already; join the two",
                )
    for place, items in (
        *(
            (f"contracts.functions[{at}].parameters", function.parameters)
            for at, function in enumerate(contracts.functions)
        ),
        *(
            (f"contracts.classes[{at}].fields", class_.fields)
            for at, class_ in enumerate(contracts.classes)
        ),
    ):
        listed = [item.name for item in items]
        for at, name in enumerate(listed):
            if listed.index(name) < at:
                yield f"{place}[{at}].name", f"{name!r} is listed twice; keep one"
    for at, bound in enumerate(contracts.literals):
        if bound.min is not None and bound.max is not None and bound.min > bound.max:
            yield (
                f"contracts.literals[{at}]",
                f"no integer is at least {bound.min} and at most {bound.max}",
            )
