"""Which values Python's literals of numbers begin, and how the literals are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache

from ananke.analysis.literals import Literal, Number
from ananke.languages.python.semantics.lowering import SIMPLE
from ananke.parsing.grammar import Grammar
from ananke.parsing.opening import Tree, open_tree
from ananke.parsing.state import ParseState

__all__ = ["literals", "read_number"]

_BLANKS = re.compile(rb"(?:[ \t\f\r\n]|\\\r?\n)*")
_PENDING = re.compile(rb"[0-9][0-9A-Za-z_.]*")
_PREFIXED = re.compile(r"0(?:([xX])|([oO])|([bB]))([0-9A-Fa-f_]*)")
_DECIMAL = re.compile(r"([0-9][0-9_]*)(.*)", re.DOTALL)
_RADIXES = (16, 8, 2)

_NUMBERS = ("integer", "float")
#: Field of a value -> field of its name, by the kind that has both.
_NAMED = {
    ("assignment", "right"): "left",
    ("keyword_argument", "value"): "name",
    ("default_parameter", "value"): "name",
    ("typed_default_parameter", "value"): "name",
}
_PRUNED = SIMPLE | {"function_definition", "class_definition", "decorated_definition"}


@cache
def _symbols(grammar: Grammar) -> tuple[bytes, int]:
    """Which symbols' finished trees are one row; the symbol of an integer."""
    names = grammar.symbol_names
    return bytes(name in _PRUNED for name in names), names.index("integer")


def literals(parse: ParseState, since: int) -> tuple[tuple[Literal, ...], ...] | None:
    """For each reading of a text the literals that begin a value of something with a name, or stand
    nowhere else; those that begin at byte `since` or later. None: not all readings are known."""
    prune, integer = _symbols(parse.grammar)
    tail = parse.tail
    blanks = _BLANKS.match(tail)
    assert blanks is not None
    lexeme = tail[blanks.end() :]
    pending = parse.position - len(lexeme) if _PENDING.fullmatch(lexeme) else None
    opening = open_tree(parse, prune, None if pending is None else integer, pending or 0)
    if not opening.is_complete or not opening.readings:
        return None
    text = parse.text(since)
    found: list[tuple[Literal, ...]] = []
    for one in opening.readings:
        held = []
        for path in _numbers(one.root, (), since):
            leaf = path[-1]
            is_open = leaf.start == pending
            spelled = text[leaf.start - since : leaf.end - since]
            names, start, is_negative = _value(path, parse)
            held.append(Literal(names, start, leaf.end, is_negative, spelled, is_open))
        found.append(tuple(held))
    return tuple(found)


def _numbers(tree: Tree, above: tuple[Tree, ...], since: int) -> Iterator[tuple[Tree, ...]]:
    """The paths to the literals that begin late enough."""
    path = (*above, tree)
    if tree.kind in _NUMBERS:
        if tree.is_present and tree.start >= since:
            yield path
        return
    for child in tree.children:
        if child.is_present and child.end > since:
            yield from _numbers(child, path, since)


def _value(path: Sequence[Tree], parse: ParseState) -> tuple[frozenset[str], int, bool]:
    """Of the value that a literal begins: the names of what it is for, its start, its sign."""
    value, is_negative = path[-1], False
    for parent in reversed(path[:-1]):
        named = _NAMED.get((parent.kind, value.field))
        if named is not None:
            return _name_of(parent.child(named), parse), value.start, is_negative
        if parent.kind == "argument_list":
            first = next((one for one in parent.children if one.kind not in ("(", "comment")), None)
            call = path[path.index(parent) - 1]
            is_first = first is value and call.kind == "call"
            callee = call.child("function") if is_first else None
            return _name_of(callee, parse), value.start, is_negative
        if parent.kind == "unary_operator" and value.field == "argument":
            sign = parent.child("operator")
            if sign is None or sign.kind not in "+-":
                break
            is_negative ^= sign.kind == "-"
        elif parent.start != value.start:
            break
        value = parent
    return frozenset(), value.start, is_negative


def _name_of(tree: Tree | None, parse: ParseState) -> frozenset[str]:
    if tree is not None and tree.kind == "attribute":
        tree = tree.child("attribute")
    if tree is None or tree.kind != "identifier" or not tree.is_present:
        return frozenset()
    return frozenset((parse.text(tree.start)[: tree.end - tree.start].decode("utf-8", "replace"),))


def read_number(text: bytes) -> Number | None:
    """The text of a literal or its beginning; None: what it becomes isn't known."""
    spelled = text.decode("latin-1")
    prefixed = _PREFIXED.fullmatch(spelled)
    if prefixed is not None:
        radix = next(r for r, sign in zip(_RADIXES, prefixed.groups(), strict=False) if sign)
        digits = prefixed[4].replace("_", "")
        needs = not digits or spelled.endswith("_")
        value: int | float | None = None
        try:
            value = None if needs else int(digits, radix)
        except ValueError:
            return None
        return Number(digits, radix, needs_digit=needs and bool(digits), value=value)
    decimal = _DECIMAL.fullmatch(spelled)
    if decimal is None:
        with suppress(ValueError):
            return Number("", is_whole=False, value=float(spelled.replace("_", "")))
        return None
    whole, rest = decimal[1], decimal[2]
    digits = whole.replace("_", "")
    if not rest:
        needs = whole.endswith("_")
        return Number(
            digits,
            needs_digit=needs,
            may_change=whole == "0",
            value=None if needs else int(digits),
        )
    if rest[0] not in ".eE":
        # `1j` is no number of a range; `1if` ends at the word.
        return None
    value = None
    with suppress(ValueError):
        value = float(spelled.replace("_", ""))
    return Number(digits, is_whole=False, value=value)
