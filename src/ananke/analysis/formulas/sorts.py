"""Sorts: which values a term may have."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ANY",
    "BOOL",
    "FLOAT",
    "INT",
    "NONE",
    "STR",
    "Sort",
    "list_of",
    "show_sort",
    "tuple_of",
]


@dataclass(frozen=True, slots=True)
class Sort:
    """A set of values. `parts` are the sorts of a list's elements or of a tuple's members."""

    name: str
    parts: tuple[Sort, ...] = ()


#: Integers without bound.
INT = Sort("int")
BOOL = Sort("bool")
#: Sequences of characters.
STR = Sort("string")
#: The value that stands for no value.
NONE = Sort("none")
#: Floating-point numbers: known to be numbers, never by value.
FLOAT = Sort("float")
#: Nothing is known.
ANY = Sort("any")


def list_of(element: Sort) -> Sort:
    """Lists of elements of one sort."""
    return Sort("list", (element,))


def tuple_of(*members: Sort) -> Sort:
    """Tuples with these members."""
    return Sort("tuple", members)


def show_sort(sort: Sort) -> str:
    """A sort in words."""
    if not sort.parts:
        return sort.name
    return f"{sort.name} of {', '.join(map(show_sort, sort.parts))}"
