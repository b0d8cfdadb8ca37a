"""A text that as a whole is one expression of an expected type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ananke.analysis.defects import Domain
from ananke.analysis.relation import assignable
from ananke.analysis.types import Tuple, Type, show
from ananke.languages.python.meaning.context import Context
from ananke.parsing.opening import Tree

__all__ = ["run_whole"]


def run_whole(c: Context, trees: Sequence[Tree], expected: Type) -> None:
    """Reads the text's only statement, which must be an expression that fits."""
    is_first = True
    one = None
    for one in _statements(trees):
        if not is_first or one.kind != "expression_statement":
            c.report(Domain.TYPES, f"one expression of type `{show(expected)}` is due", one)
            return
        is_first = False
        parts = [each for each in one.children if each.is_present and each.kind != "comment"]
        if len(parts) == 1 and parts[0].kind in ("assignment", "augmented_assignment"):
            c.report(Domain.TYPES, f"a value of type `{show(expected)}` is due", parts[0])
            return
        # Commas make a tuple.
        items = [c.infer(each, None if len(parts) > 1 else expected) for each in parts[::2]]
        type_ = items[0] if len(parts) == 1 else Tuple(tuple(items))
        if c.is_final(one) and not assignable(c.world, type_, expected):
            c.report(
                Domain.TYPES, f"`{show(type_)}` is not the `{show(expected)}` that is due", one
            )
    if one is None and c.at_end:
        nothing = Tree("end", "", 0, 0, 0, [])
        c.report(Domain.TYPES, f"an expression of type `{show(expected)}` is due", nothing)


def _statements(trees: Sequence[Tree]) -> Iterator[Tree]:
    waiting = list(reversed(trees))
    while waiting:
        one = waiting.pop()
        if not one.is_present or one.kind == "comment":
            continue
        if one.kind == "module" or one.kind.startswith("_") or one.kind.endswith("repeat1"):
            waiting += reversed(one.pieces)
        else:
            yield one
