"""The parameters of functions: what annotations and defaults say of them."""

from __future__ import annotations

from dataclasses import replace

from ananke.analysis.calls import widen_literal
from ananke.analysis.defects import Domain
from ananke.analysis.relation import assignable
from ananke.analysis.types import UNKNOWN, Kind, Nominal, Parameter, Tuple, Type, Unknown, show
from ananke.languages.python.meaning.annotations import read_type
from ananke.languages.python.meaning.context import (
    BOOL,
    BYTES,
    FLOAT,
    INT,
    STR,
    Context,
    builtin,
)
from ananke.parsing.opening import Tree

__all__ = ["held_by", "read_parameters"]

#: Annotations that say nothing, as they are mostly written.
_ANY = frozenset(("Any", "t.Any", "typing.Any"))
#: Types of defaults from which a checker takes the type of the parameter.
_TELLING = frozenset((STR, BYTES, INT, FLOAT, BOOL))


def read_parameters(
    c: Context,
    tree: Tree | None,
    defaults: dict[str, Type] | None = None,
    free: set[str] | None = None,
) -> list[Parameter]:
    """The parameters of a function; annotations and defaults are read. `defaults` takes the types
    of those defaults that tell, in the body, what a parameter without an annotation is; `free` the
    names of parameters that may be given anything."""
    found: list[Parameter] = []
    named_only = False
    for one in () if tree is None else tree.children:
        kind = Kind.NAMED if named_only else Kind.EITHER
        match one.kind:
            case "identifier":
                if one.is_present:
                    found.append(Parameter(c.text(one), UNKNOWN, kind))
                    if free is not None:
                        free.add(c.text(one))
            case "positional_separator":
                found = [
                    replace(p, kind=Kind.POSITIONAL) if p.kind is Kind.EITHER else p for p in found
                ]
            case "keyword_separator":
                named_only = True
            case "default_parameter" | "typed_default_parameter":
                type_ = read_type(c, one.child("type")) if one.child("type") else UNKNOWN
                value, name = one.child("value"), one.child("name")
                if value is not None:
                    given = c.infer(value, type_)
                    if (
                        c.is_final(one)
                        # `...` stands for a default that another signature gives.
                        and value.kind not in ("ellipsis", "none")
                        and not assignable(c.world, given, type_)
                    ):
                        c.report(
                            Domain.TYPES,
                            f"`{show(given)}` can't be the default of a `{show(type_)}`",
                            value,
                        )
                    plain = widen_literal(given)
                    if (one.kind == "default_parameter" and defaults is not None) and (
                        name is not None and plain in _TELLING
                    ):
                        defaults[c.text(name)] = plain
                if name is not None and name.kind == "identifier":
                    found.append(Parameter(c.text(name), type_, kind, has_default=True))
            case "typed_parameter":
                type_ = read_type(c, one.child("type"))
                inner = one.children[0]
                if inner.kind == "identifier":
                    found.append(Parameter(c.text(inner), type_, kind))
                    annotation = one.child("type")
                    is_any = annotation is not None and c.text(annotation) in _ANY
                    if free is not None and is_any and isinstance(type_, Unknown):
                        free.add(c.text(inner))
                else:
                    named_only |= _splat(c, inner, type_, found)
            case "list_splat_pattern" | "dictionary_splat_pattern":
                named_only |= _splat(c, one, UNKNOWN, found)
    return found


def _splat(c: Context, tree: Tree, type_: Type, found: list[Parameter]) -> bool:
    names = [one for one in tree.children if one.kind == "identifier"]
    if names and names[0].is_present:
        is_list = tree.kind == "list_splat_pattern"
        kind = Kind.VARIADIC if is_list else Kind.NAMED_VARIADIC
        found.append(Parameter(c.text(names[0]), type_, kind))
    return tree.kind == "list_splat_pattern"


def held_by(parameter: Parameter) -> Type:
    """What the name of the parameter holds in the body."""
    if parameter.kind is Kind.VARIADIC:
        return Tuple((), parameter.type)
    if parameter.kind is Kind.NAMED_VARIADIC:
        return builtin("dict", Nominal("builtins:str"), parameter.type)
    if parameter.has_default and isinstance(parameter.type, Unknown):
        return UNKNOWN
    return parameter.type
