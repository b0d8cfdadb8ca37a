"""Rules on what may come in a construct, by what came before in it (`native/contexts.zig`).

A `ContextRule` is a row of a language where its grammar is too loose: an automaton over the
symbols of the parser's stack. Each stack node has a *context*, one of the rule's words. It follows
from the context of the node below, by the first step that fits the symbol between them; without
one it is the same, so that a construct that has ended gives back the context it began in.

Example: no positional argument after a named one.

    ContextRule(
        steps=(
            Step(("keyword_argument",), to="named"),
            # What was reduced passes on the context it ended in.
            Step(("argument_list_repeat1",), to="named", top=("named",)),
            Step((",",), to="next", on=("named",)),
            Step(("identifier",), to="name", on=("next",)),
            Step(("=",), to=""),
        ),
        only={"next": ("identifier", ")"), "name": ("=",)},
    )
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

__all__ = ["REFUSED", "ContextError", "ContextRule", "Step"]

#: The context a step leads to, where what would be reduced is none of the language's.
REFUSED = "!"

#: As in `native/contexts.zig`.
_ANY, _REFUSED = 0xFF, 0xFE


class ContextError(ValueError):
    """A rule that names what the grammar or the rule hasn't; the message names it."""


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        symbols: names of terminals and nonterminals that it is taken on; empty: all (from the first
            context such a step leads nowhere else).
        to: the context of the node after the symbol, or `REFUSED` (nonterminals only).
        on: contexts of the node below; empty: any.
        top: contexts at the end of what was reduced to the symbol; empty: any.
        after: the node below is one after these symbols; empty: any.
        into: one of these may come next; empty: any.
    """

    symbols: tuple[str, ...]
    to: str
    on: tuple[str, ...] = ()
    top: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    into: tuple[str, ...] = ()


@dataclass(frozen=True)
class ContextRule:
    """A rule; its first context is "".

    Attributes:
        steps: tried in their order.
        refused: by context, terminals that may not come there.
        only: by context, all terminals that may come there. Comments are named too.
    """

    steps: tuple[Step, ...]
    refused: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def contexts(self) -> tuple[str, ...]:
        found = {"": None}
        found.update(dict.fromkeys(step.to for step in self.steps if step.to != REFUSED))
        return tuple(found)

    def numbered_steps(self, symbols: Mapping[str, Sequence[int]]) -> list[tuple[int, ...]]:
        """The steps as (symbol, after, into, on, top, to, whether it is one for all symbols) in
        numbers; `after` and `into` are 0 for any.

        Args:
            symbols: the numbers of the grammar's symbols, by name.

        Raises:
            ContextError: a symbol or a context that there isn't.
        """
        rows: list[tuple[int, ...]] = []
        for step in self.steps:
            to = _REFUSED if step.to == REFUSED else self._number(step.to)
            after = [number for name in step.after for number in _numbers(symbols, name)]
            into = [number for name in step.into for number in _numbers(symbols, name)]
            on = [self._number(context) for context in step.on]
            top = [self._number(context) for context in step.top]
            names = step.symbols or tuple(symbols)
            numbers = [number for name in names for number in _numbers(symbols, name)]
            conditions = itertools.product(
                numbers, after or [0], into or [0], on or [_ANY], top or [_ANY]
            )
            rows += [(*one, to, not step.symbols) for one in conditions]
        return rows

    def numbered_refusals(
        self, symbols: Mapping[str, Sequence[int]], terminal_count: int
    ) -> list[tuple[int, int]]:
        """(context, terminal that may not come there) in numbers.

        Raises:
            ContextError: as `numbered_steps`.
        """
        rows = [
            (self._number(context), number)
            for context, names in self.refused.items()
            for name in names
            for number in _numbers(symbols, name)
            if number < terminal_count
        ]
        for context, names in self.only.items():
            kept = {number for name in names for number in _numbers(symbols, name)}
            rows += [
                (self._number(context), terminal)
                for terminal in range(terminal_count)
                if terminal not in kept
            ]
        return rows

    def _number(self, context: str) -> int:
        if context not in self.contexts:
            raise ContextError(f"no step leads to the context {context!r}")
        return self.contexts.index(context)


def _numbers(symbols: Mapping[str, Sequence[int]], name: str) -> Sequence[int]:
    if name not in symbols:
        raise ContextError(f"the grammar has no symbol {name!r}")
    return symbols[name]
