"""Conditions of a contract: Python expressions, checked as if they stood in a function.

    condition("result >= low", {"low": "int", "result": "int"}, is_open=False)

is checked as the body of

    def _condition(low: int, result: int):
        (result >= low)
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping

from ananke.analysis.formulas.expressions import Expression
from ananke.analysis.formulas.semantics import ConditionError
from ananke.languages.python.meaning.checking import check_state
from ananke.languages.python.semantics.expressions import Reader
from ananke.languages.python.semantics.traits import traits_of
from ananke.parsing.grammar import Grammar
from ananke.parsing.opening import Tree, open_tree

__all__ = ["check_type", "condition"]

_BUILTINS = frozenset(dir(builtins))


def condition(
    grammar: Grammar, text: str, names: Mapping[str, str], *, is_open: bool
) -> Expression:
    """The expression of a condition over `names` (name or `owner.field` -> type).

    Raises:
        ConditionError: it is no expression, uses an unknown name, or has a type error.
    """
    source = f"({text}\n)\n".encode()
    tree = _expression(grammar, source)

    def piece(start: int, end: int) -> bytes:
        return source[start:end]

    reader = Reader(piece)
    words = traits_of([tree], reader.text, {}).words
    owners = {name.split(".")[0] for name in names}
    _check(grammar, text, _signature(names, sorted(words - owners - _BUILTINS) if is_open else []))
    return reader.expression(tree)


def check_type(grammar: Grammar, text: str) -> None:
    """Raises ConditionError for a text that is no type."""
    source = f"x: {text}\n".encode()
    statement = _only(grammar, source)
    tree = statement.child("type") if statement is not None else None
    if tree is None or tree.end != len(source) - 1 or statement is None or statement.child("right"):
        raise ConditionError(f"`{text}` is not a type")


def _only(grammar: Grammar, source: bytes) -> Tree | None:
    """The expression of a text that is one expression statement; None if it isn't."""
    state = grammar.start().feed(source)
    if state is None or not state.can_end():
        return None
    newline = grammar.symbol_names.index("_newline")
    opening = open_tree(state, bytes(len(grammar.symbol_names)), newline, len(source))
    if len(opening.readings) != 1:
        return None
    roots = opening.readings[0].root.children
    if len(roots) != 1 or roots[0].kind != "expression_statement" or len(roots[0].children) != 1:
        return None
    return roots[0].children[0]


def _expression(grammar: Grammar, source: bytes) -> Tree:
    tree = _only(grammar, source)
    if tree is None or tree.kind != "parenthesized_expression" or tree.end != len(source) - 1:
        raise ConditionError(f"`{source[1:-3].decode()}` is not an expression")
    return tree


def _signature(names: Mapping[str, str], others: list[str]) -> str:
    """The classes and the head of the function that a condition is checked in."""
    fields: dict[str, dict[str, str]] = {}
    parameters: dict[str, str] = dict.fromkeys(others, "")
    for name, type_ in names.items():
        owner, dot, attribute = name.partition(".")
        if dot:
            fields.setdefault(owner, {})[attribute] = type_
        else:
            parameters[name] = type_
    classes = ""
    for at, (owner, members) in enumerate(fields.items()):
        lines = "".join(f"    {name}: {type_}\n" for name, type_ in members.items() if type_)
        classes += f"class _Owner{at}:\n{lines or '    pass' + chr(10)}"
        parameters[owner] = f"_Owner{at}" if all(members.values()) else ""
    listed = ", ".join(f"{name}: {type_}" if type_ else name for name, type_ in parameters.items())
    return f"{classes}def _condition({listed}):\n"


def _check(grammar: Grammar, text: str, head: str) -> None:
    state = grammar.start().feed(f"{head}    return bool({text}\n    )\n".encode())
    if state is None:
        raise ConditionError(f"`{text}` does not stand alone; write one expression")
    defects = check_state(state)
    if defects:
        raise ConditionError(f"`{text}`: {defects[0].message}")
