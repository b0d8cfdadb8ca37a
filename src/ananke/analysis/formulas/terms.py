"""Terms: formulas as interned values, simplified as they are made.

    add(variable("n", INT), integer(1))        # n + 1
    less(integer(1), integer(2))               # true

Equal terms are one object, so that a question about one can be remembered by it. A term of which
nothing but the sort is known is `opaque`; what is made of an opaque term is opaque too, unless the
rest decides it (`and` with false). Two opaque terms are never the same value.

A list is its length and its first elements (`listing`): what stands past the length doesn't matter.
No list here has more elements than `CAPACITY`.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable

from ananke.analysis.formulas.sorts import BOOL, INT, NONE, STR, Sort, list_of, tuple_of

__all__ = [
    "CAPACITY",
    "FALSE",
    "NOTHING",
    "TRUE",
    "Term",
    "add",
    "append",
    "at_least_one",
    "boolean",
    "both",
    "contains",
    "divide",
    "either",
    "equal",
    "every",
    "integer",
    "joined",
    "length_of_string",
    "less",
    "less_or_equal",
    "listing",
    "modulo",
    "multiply",
    "negate",
    "negation",
    "opaque",
    "select",
    "string",
    "string_operation",
    "subtract",
    "tupling",
    "variable",
    "variables_of",
]

#: Elements of a list that terms hold: loops over more are not followed.
CAPACITY = 8
#: A term with more parts than this is opaque. Parts are shared, but counted each time.
_MAX_SIZE = 10**9

Value = int | bool | str | None


class Term:
    """A formula. `value` is a constant's value or a variable's name; `size` counts its parts."""

    __slots__ = ("__weakref__", "args", "op", "size", "sort", "value")

    def __init__(self, op: str, args: tuple[Term, ...], sort: Sort, value: Value) -> None:
        self.op = op
        self.args = args
        self.sort = sort
        self.value = value
        self.size: int = 1 + sum(one.size for one in args)

    @property
    def is_opaque(self) -> bool:
        return self.op == "opaque"

    @property
    def is_constant(self) -> bool:
        return self.op == "constant"

    def __repr__(self) -> str:
        if self.op in ("constant", "variable"):
            return repr(self.value) if self.is_constant else str(self.value)
        return f"{self.op}({', '.join(map(repr, self.args))})"


_known: weakref.WeakValueDictionary[object, Term] = weakref.WeakValueDictionary()
#: Equal terms are the same object, also those of several threads.
_lock = threading.Lock()


def _make(op: str, args: tuple[Term, ...], sort: Sort, value: Value = None) -> Term:
    key = (op, tuple(map(id, args)), sort, type(value), value)
    with _lock:
        found = _known.get(key)
        if found is None:
            found = Term(op, args, sort, value)
            if found.size <= _MAX_SIZE:
                _known[key] = found
    return found if found.size <= _MAX_SIZE else opaque(sort)


def _strict(op: str, args: tuple[Term, ...], sort: Sort) -> Term:
    return opaque(sort) if any(one.is_opaque for one in args) else _make(op, args, sort)


def opaque(sort: Sort) -> Term:
    """A value of which only the sort is known."""
    return _make("opaque", (), sort)


def variable(name: str, sort: Sort) -> Term:
    """An unknown of the sort int, bool or string, the same wherever it is named."""
    return _make("variable", (), sort, name)


def integer(value: int) -> Term:
    """A constant integer."""
    return _make("constant", (), INT, value)


def boolean(value: bool) -> Term:
    """A constant truth value."""
    return _make("constant", (), BOOL, value)


def string(value: str) -> Term:
    """A constant string."""
    return _make("constant", (), STR, value)


TRUE = boolean(True)
FALSE = boolean(False)
#: The value that stands for no value.
NOTHING = _make("constant", (), NONE)


# Integers


def _number(term: Term) -> int | None:
    return term.value if term.is_constant and isinstance(term.value, int) else None


def add(left: Term, right: Term) -> Term:
    """The sum."""
    a, b = _number(left), _number(right)
    if a is not None and b is not None:
        return integer(a + b)
    if a == 0:
        return right
    if b == 0:
        return left
    return _strict("add", (left, right), INT)


def subtract(left: Term, right: Term) -> Term:
    """The difference."""
    b = _number(right)
    if b is not None:
        return add(left, integer(-b))
    return integer(0) if left is right and not left.is_opaque else add(left, negate(right))


def negate(term: Term) -> Term:
    """The number with the other sign."""
    a = _number(term)
    if a is not None:
        return integer(-a)
    return term.args[0] if term.op == "negate" else _strict("negate", (term,), INT)


def multiply(left: Term, right: Term) -> Term:
    """The product."""
    a, b = _number(left), _number(right)
    if a is not None and b is not None:
        return integer(a * b)
    if 1 in (a, b):
        return right if a == 1 else left
    if 0 in (a, b) and not (left.is_opaque or right.is_opaque):
        return integer(0)
    return _strict("multiply", (left, right), INT)


def divide(left: Term, right: Term) -> Term:
    """The quotient rounded towards minus infinity; `right` isn't 0."""
    a, b = _number(left), _number(right)
    if a is not None and b:
        return integer(a // b)
    return left if b == 1 else _strict("divide", (left, right), INT)


def modulo(left: Term, right: Term) -> Term:
    """The rest that has the sign of `right`; `right` isn't 0."""
    a, b = _number(left), _number(right)
    if a is not None and b:
        return integer(a % b)
    return _strict("modulo", (left, right), INT)


def less(left: Term, right: Term) -> Term:
    """Whether one is less than the other."""
    a, b = _number(left), _number(right)
    if a is not None and b is not None:
        return boolean(a < b)
    if left is right and not left.is_opaque:
        return FALSE
    return _strict("less", (left, right), BOOL)


def less_or_equal(left: Term, right: Term) -> Term:
    """Whether one is not greater than the other."""
    return negation(less(right, left))


# Truth


def negation(term: Term) -> Term:
    """Whether it doesn't hold."""
    if term is TRUE:
        return FALSE
    if term is FALSE:
        return TRUE
    return term.args[0] if term.op == "not" else _strict("not", (term,), BOOL)


def both(left: Term, right: Term) -> Term:
    """Whether both hold."""
    if left is FALSE or right is FALSE:
        return FALSE
    if left is TRUE or left is right:
        return right
    return left if right is TRUE else _strict("and", (left, right), BOOL)


def either(left: Term, right: Term) -> Term:
    """Whether one of them holds, or both."""
    if left is TRUE or right is TRUE:
        return TRUE
    if left is FALSE or left is right:
        return right
    return left if right is FALSE else _strict("or", (left, right), BOOL)


def every(terms: Iterable[Term]) -> Term:
    """The conjunction."""
    result = TRUE
    for one in terms:
        result = both(result, one)
    return result


def at_least_one(terms: Iterable[Term]) -> Term:
    """The disjunction."""
    result = FALSE
    for one in terms:
        result = either(result, one)
    return result


def select(test: Term, then: Term, other: Term) -> Term:
    """`then` where `test` holds, else `other`; both of one sort."""
    if test is TRUE or (then is other and not then.is_opaque):
        return then
    if test is FALSE:
        return other
    sort = then.sort
    if sort != other.sort or test.is_opaque:
        return opaque(sort)
    if then.op == other.op == "list":
        return _join_lists(test, then, other)
    if then.op == other.op == "tuple":
        return tupling([select(test, a, b) for a, b in zip(then.args, other.args, strict=True)])
    if sort == BOOL and not (then.is_opaque or other.is_opaque):
        return either(both(test, then), both(negation(test), other))
    return _strict("select", (test, then, other), sort)


def equal(left: Term, right: Term) -> Term:
    """Equality of terms of one sort."""
    if left.is_opaque or right.is_opaque:
        return opaque(BOOL)
    if left is right:
        return TRUE
    if left.is_constant and right.is_constant:
        return boolean(left.value == right.value)
    if left.op == right.op == "list":
        places = range(min(len(left.args), len(right.args)) - 1)
        return both(
            equal(left.args[0], right.args[0]),
            every(
                either(
                    less_or_equal(left.args[0], integer(at)),
                    equal(left.args[at + 1], right.args[at + 1]),
                )
                for at in places
            ),
        )
    if left.op == right.op == "tuple":
        return every(equal(a, b) for a, b in zip(left.args, right.args, strict=True))
    if left.sort == BOOL:
        if TRUE in (left, right):
            return right if left is TRUE else left
        if FALSE in (left, right):
            return negation(right if left is FALSE else left)
    return _strict("equal", (left, right), BOOL)


# Strings

_FOLDS: dict[str, tuple[Sort, Callable[..., Value]]] = {
    "length": (INT, len),
    "concatenation": (STR, lambda a, b: a + b),
    "contains": (BOOL, lambda a, b: b in a),
    "prefix": (BOOL, lambda a, b: a.startswith(b)),
    "suffix": (BOOL, lambda a, b: a.endswith(b)),
    "part": (STR, lambda a, at, n: a[at : at + n]),
    "string_less": (BOOL, lambda a, b: a < b),
}


def string_operation(op: str, *args: Term) -> Term:
    """An operation on strings: `length`, `concatenation`, `contains` (the second in the first),
    `prefix` and `suffix` (the second of the first), `part` (from a place within, so many),
    `string_less` (by code points)."""
    sort, fold = _FOLDS[op]
    if all(one.is_constant for one in args):
        value = fold(*(one.value for one in args))
        return _make("constant", (), sort, value)
    return _strict(op, args, sort)


def length_of_string(term: Term) -> Term:
    """The number of characters."""
    return string_operation("length", term)


def contains(whole: Term, part: Term) -> Term:
    """Whether the second is a part of the first."""
    return string_operation("contains", whole, part)


# Lists and tuples


def listing(length: Term, elements: Iterable[Term], element: Sort) -> Term:
    """A list. `elements` are at least as many as `length` can be, at most `CAPACITY`."""
    return _make("list", (length, *elements), list_of(element))


def tupling(members: Iterable[Term]) -> Term:
    """A tuple of these members."""
    members = tuple(members)
    return _make("tuple", members, tuple_of(*(one.sort for one in members)))


def joined(left: Term, right: Term) -> tuple[Term, Term]:
    """The list of both lists' elements, and the condition that it has no more than `CAPACITY`."""
    elements = list(left.args[1:])
    length = left.args[0]
    fits = TRUE
    for at, value in enumerate(right.args[1:]):
        present = less(integer(at), right.args[0])
        elements, length, ok = append(elements, length, value, present)
        fits = both(fits, ok)
    return listing(length, elements, left.sort.parts[0]), fits


def append(
    elements: list[Term], length: Term, value: Term, present: Term
) -> tuple[list[Term], Term, Term]:
    """The elements and the length after `value` was put at the end if `present`, and the condition
    that it fits."""
    if present is FALSE:
        return elements, length, TRUE
    result = []
    for at in range(min(len(elements) + 1, CAPACITY)):
        old = elements[at] if at < len(elements) else value
        here = both(present, equal(length, integer(at)))
        result.append(select(here, value, old))
    after = add(length, select(present, integer(1), integer(0)))
    fits = TRUE
    if len(elements) == CAPACITY:
        fits = either(negation(present), less(length, integer(CAPACITY)))
    return result, after, fits


def _join_lists(test: Term, then: Term, other: Term) -> Term:
    most = max(len(then.args), len(other.args))
    element = then.sort.parts[0]
    elements = []
    for at in range(1, most):
        a = then.args[at] if at < len(then.args) else other.args[at]
        b = other.args[at] if at < len(other.args) else then.args[at]
        elements.append(select(test, a, b))
    return listing(select(test, then.args[0], other.args[0]), elements, element)


def variables_of(term: Term) -> set[Term]:
    """The variables in a term."""
    found: set[Term] = set()
    seen: set[int] = set()
    left = [term]
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if one.op == "variable":
            found.add(one)
        left += one.args
    return found
