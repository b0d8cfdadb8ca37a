"""What is known of the place that a text is written for: the `scope` of a spec.

    "scope": {
      "imports": ["import json", "from app.models import User"],
      "classes": [{"name": "Point", "source": "class Point:\\n    x: int"}],
      "aliases": [{"name": "Rows", "type": "list[dict[str, Point]]"}],
      "functions": [{"name": "area", "signature": "(of: Point, *, scale: float = ...) -> float"}],
      "bindings": [{"name": "rows", "type": "Rows"}],
      "inside": {"function": "load", "is_async": true, "result": "Rows", "loops": 1},
      "expects": "int"
    }

All of it is written as the language writes it. It is parsed and checked when a session starts,
since only the language can; here it is text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, StringConstraints

from ananke.spec.base import Model, Text
from ananke.spec.contracts import TypedName

__all__ = [
    "Binding",
    "ClassSource",
    "FunctionSignature",
    "Inside",
    "Scope",
    "contradictions",
    "named",
]

_Name = Annotated[Text, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\s.]+$")]
_DottedName = Annotated[
    Text, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\s.]+(\.[^\s.]+)*$")
]
_Type = Annotated[Text, StringConstraints(min_length=1, max_length=4096)]
_MIB = 1024 * 1024
_MOST = 10_000


class Binding(Model):
    """A variable, or a path from one (`self.parent`), and the type of what it holds."""

    name: Annotated[Text, StringConstraints(min_length=1, max_length=1024, pattern=r"^\S+$")]
    type: _Type | None = Field(default=None, description="null: not known.")
    is_declared: bool = Field(
        default=False, description="Whether what is assigned to it must be of the type."
    )


class FunctionSignature(Model):
    """A function that may be called."""

    name: _Name
    signature: Annotated[Text, StringConstraints(min_length=1, max_length=16_384)] = Field(
        description="What the language writes after the name (Python: '(text: str) -> None')."
    )
    is_async: bool = False


class ClassSource(Model):
    """A class, a struct, an interface: a declaration of a type with members."""

    name: _Name
    source: Annotated[Text, StringConstraints(min_length=1, max_length=_MIB)] = Field(
        description="Its declaration; bodies of methods may be left out as in a stub."
    )


class Inside(Model):
    """The constructs around the place."""

    function: _DottedName | None = Field(
        default=None, description="The function around it; for a method, Class.method."
    )
    is_async: bool = False
    result: _Type | None = Field(default=None, description="What the function is to give back.")
    receiver: _Name | None = Field(
        default=None, description="The parameter that holds the instance (Python: self)."
    )
    loops: int = Field(default=0, ge=0, le=1000, description="Loops around it in the function.")


class Scope(Model):
    """The names at the place with their types, the constructs around it, and what is due."""

    imports: Annotated[
        tuple[Annotated[Text, StringConstraints(min_length=1, max_length=4096)], ...],
        Field(max_length=_MOST),
    ] = Field(default=(), description="Import statements in force.")
    classes: Annotated[tuple[ClassSource, ...], Field(max_length=_MOST)] = ()
    aliases: Annotated[tuple[TypedName, ...], Field(max_length=_MOST)] = Field(
        default=(), description="Names that stand for a type."
    )
    functions: Annotated[tuple[FunctionSignature, ...], Field(max_length=_MOST)] = ()
    bindings: Annotated[tuple[Binding, ...], Field(max_length=_MOST)] = ()
    inside: Inside | None = Field(default=None, description="null: no function and no loop.")
    expects: _Type | None = Field(
        default=None,
        description="The text as a whole (prefix and suffix too) is one expression of this type; "
        "null: it is statements.",
    )


def named(scope: Scope) -> Iterator[tuple[str, str]]:
    """(place in the scope, name) for each name that it describes."""
    for kind in ("classes", "aliases", "functions", "bindings"):
        for at, one in enumerate(getattr(scope, kind)):
            yield f"{kind}[{at}]", one.name


def contradictions(scope: Scope) -> Iterator[tuple[str, str]]:
    """(place, problem) for each pair of entries that can't both be meant."""
    first: dict[str, str] = {}
    for place, name in named(scope):
        if name in first:
            yield (
                f"scope.{place}.name",
                f"{name!r} is described by scope.{first[name]} already; keep one",
            )
        first.setdefault(name, place)
    inside = scope.inside
    if inside is not None and inside.function is None:
        for field, is_given in (
            ("is_async", inside.is_async),
            ("result", inside.result is not None),
            ("receiver", inside.receiver is not None),
        ):
            if is_given:
                yield (
                    f"scope.inside.{field}",
                    "belongs to a function: name it in scope.inside.function",
                )
