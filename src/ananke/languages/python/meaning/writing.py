"""Types in the words of Python, as `given.py` reads them back."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ananke.analysis.scopes import Entry
from ananke.analysis.types import (
    ClassOf,
    Function,
    Kind,
    Literal,
    ModuleObject,
    Nominal,
    Tuple,
    Type,
    Union,
    Unknown,
)
from ananke.languages.python.meaning.annotations import special_names

__all__ = ["written"]

_ANY = "typing.Any"


def written(type_: Type, own: Mapping[str, str], names: Mapping[str, Entry]) -> str | None:
    """A type expression for the type; None if it has none.

    Args:
        own: the names of the text's own classes, by symbol.
        names: what the names mean where it is read.
    """
    write = partial(_part, own=own, names=names)
    match type_:
        case Nominal("types:NoneType"):
            return "None"
        case Nominal(symbol, arguments):
            name = _class(symbol, own, names)
            if name is None or not arguments:
                return name
            return f"{name}[{', '.join(map(write, arguments))}]"
        case ClassOf(instance):
            inner = written(instance, own, names)
            return None if inner is None else f"type[{inner}]"
        case Literal(value, symbol):
            is_plain = symbol == f"builtins:{type(value).__name__}"
            if not is_plain or (isinstance(value, int) and value < 0):
                return _class(symbol, own, names)
            return f"typing.Literal[{value!r}]"
        case Tuple(items, None, ()):
            return f"tuple[{', '.join(map(write, items)) or '()'}]"
        case Tuple((), rest, ()) if rest is not None:
            return f"tuple[{write(rest)}, ...]"
        case Union(members):
            parts = [written(one, own, names) for one in members]
            # With a part left out it would say less than is known to be possible.
            return None if None in parts else " | ".join(one for one in parts if one)
        case Function(parameters, result):
            plain = all(
                one.kind in (Kind.POSITIONAL, Kind.EITHER) and not one.has_default
                for one in parameters
            )
            if type_.is_gradual:
                return f"typing.Callable[..., {write(result)}]"
            if not plain:
                return None
            listed = ", ".join(write(one.type) for one in parameters)
            return f"typing.Callable[[{listed}], {write(result)}]"
    return None


def _part(type_: Type, own: Mapping[str, str], names: Mapping[str, Entry]) -> str:
    found = None if isinstance(type_, Unknown) else written(type_, own, names)
    return _ANY if found is None else found


def _class(symbol: str, own: Mapping[str, str], names: Mapping[str, Entry]) -> str | None:
    """How the class can be named, whatever the names here mean."""
    if "@" in symbol:
        return own.get(symbol)
    module, _, name = symbol.partition(":")
    if name in special_names(module):
        return None
    root = name.partition(".")[0] if module == "builtins" else module.partition(".")[0]
    dotted = name if module == "builtins" else f"{module}.{name}"
    entry = names.get(root)
    if entry is None or (module != "builtins" and entry.type == ModuleObject(root)):
        return dotted
    return None
