"""The value of a term where its variables have values: what a solver's answer is checked with."""

from __future__ import annotations

from collections.abc import Mapping

from ananke.analysis.formulas.sorts import BOOL, INT
from ananke.analysis.formulas.terms import Term

__all__ = ["Value", "value_of"]

Value = int | bool | str | None


def value_of(term: Term, values: Mapping[str, Value]) -> Value:
    """The value of a term without lists, tuples and opaque parts.

    `values` are those of the variables, by name; a variable that isn't there is 0, false or "".
    """
    known: dict[int, Value] = {}
    pending = [term]
    while pending:
        one = pending[-1]
        if id(one) in known:
            pending.pop()
            continue
        missing = [arg for arg in one.args if id(arg) not in known]
        if missing:
            pending += missing
            continue
        pending.pop()
        known[id(one)] = _apply(one, [known[id(arg)] for arg in one.args], values)
    return known[id(term)]


def _apply(term: Term, args: list[Value], values: Mapping[str, Value]) -> Value:
    op = term.op
    if op == "constant":
        return term.value
    if op == "variable":
        blank: Value = 0 if term.sort == INT else False if term.sort == BOOL else ""
        return values.get(str(term.value), blank)
    a = args[0]
    b = args[1] if len(args) > 1 else None
    if op == "not":
        return not a
    if op == "and":
        return bool(a) and bool(b)
    if op == "or":
        return bool(a) or bool(b)
    if op == "equal":
        return a == b
    if op == "select":
        return args[1] if a else args[2]
    if isinstance(a, str):
        return _of_strings(op, a, args[1:])
    assert isinstance(a, int)
    if op == "negate":
        return -a
    assert isinstance(b, int)
    if op == "add":
        return a + b
    if op == "multiply":
        return a * b
    if op == "less":
        return a < b
    # What a division by zero gives doesn't matter, but must give something.
    if op == "divide":
        return a // b if b else 0
    assert op == "modulo", op
    return a % b if b else a


def _of_strings(op: str, text: str, rest: list[Value]) -> Value:
    if op == "length":
        return len(text)
    if op == "part":
        at, size = rest
        assert isinstance(at, int)
        assert isinstance(size, int)
        return text[at : at + size] if 0 <= at < len(text) and size > 0 else ""
    other = rest[0]
    assert isinstance(other, str)
    if op == "concatenation":
        return text + other
    if op == "contains":
        return other in text
    if op == "prefix":
        return text.startswith(other)
    if op == "suffix":
        return text.endswith(other)
    assert op == "string_less", op
    return text < other
