"""Takes out of a grammar's parse tables what can never be finished.

Where rules of a grammar conflict its generator drops actions, and may leave the way into a
construct without the way out: in Kotlin's `a & b` the `&` is shifted as that of a type, and no type
can stand there. A parser that repairs errors never notices; a mask would lead into a dead end.

In state p a symbol X leads to state q. What is under way in q are productions of which some parts
are read: a *rest* (A, n) says that with more text a reduction of the topmost n parts to A may come.
With n > 1 it began before p. With n = 1 it began in p: A is then what p goes on with, and X leads
to an end only if A does there. All other steps are taken out. Lookaheads aren't asked, so that
nothing is taken out that may be finished.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ananke.parsing.compiled import ParseTables

__all__ = ["prune"]

_Array = np.ndarray[Any, np.dtype[Any]]

_KIND, _SHIFT, _REDUCE, _ACCEPT = 0xFF, 0, 1, 2
_EXTRA, _REPETITION = 1 << 32, 1 << 40


def prune(tables: ParseTables) -> int:
    """Takes out the steps after which nothing can be finished; how many."""
    steps = _Steps(tables)
    taken = 0
    while True:
        dead = ~steps.lead_to_an_end()
        if not dead.any():
            return taken
        taken += int(dead.sum())
        for source, symbol, target in steps.rows(dead):
            row = tables.edited(source)
            if symbol >= tables.token_count:
                del row[symbol]
                continue
            kept = [a for a in tables.group(row[symbol]) if _target(a) != target]
            row[symbol] = tables.number(kept)
        steps.drop(dead)


def _target(action: int) -> int:
    """The state that a terminal's action leads to; -1 if to none of its own."""
    if action & _KIND != _SHIFT or action & (_EXTRA | _REPETITION):
        return -1
    return action >> 16 & 0xFFFF


class _Steps:
    """The steps of the automaton: source, symbol, target, sorted by their source."""

    def __init__(self, tables: ParseTables) -> None:
        states, symbols, values = tables.entries()
        self.state_count = tables.state_count
        self.words = (tables.symbol_count + 63) // 64
        self.accepting = np.zeros(tables.state_count, bool)
        #: (state, symbol, count of parts) of each reduction.
        reductions: list[_Array] = []
        of_parts = symbols >= tables.token_count
        sources, names, targets = [states[of_parts]], [symbols[of_parts]], [values[of_parts]]
        terminal = ~of_parts
        order = np.argsort(values[terminal], kind="stable")
        held_in, held_by = states[terminal][order], symbols[terminal][order]
        numbers, first = np.unique(values[terminal][order], return_index=True)
        bounds = [*first.tolist(), len(order)]
        for number, start, end in zip(numbers.tolist(), bounds, bounds[1:], strict=False):
            at = held_in[start:end]
            for action in tables.group(number):
                if action & _KIND == _ACCEPT:
                    self.accepting[at] = True
                elif action & _KIND == _REDUCE:
                    made, count = action >> 16 & 0xFFFF, action >> 8 & 0xFF
                    reductions.append(
                        np.stack([at, np.full_like(at, made), np.full_like(at, count)])
                    )
                elif (step := _target(action)) >= 0:
                    sources.append(at)
                    names.append(held_by[start:end])
                    targets.append(np.full_like(at, step))
        self.reductions = np.unique(np.concatenate(reductions, axis=1), axis=1)
        source, symbol, target = (np.concatenate(part) for part in (sources, names, targets))
        order = np.argsort(source, kind="stable")
        self.source, self.symbol, self.target = source[order], symbol[order], target[order]
        self.is_made = self.symbol >= tables.token_count

    def rows(self, chosen: _Array) -> list[tuple[int, int, int]]:
        """The chosen steps."""
        parts = (self.source[chosen], self.symbol[chosen], self.target[chosen])
        return list(zip(*(part.tolist() for part in parts), strict=True))

    def drop(self, chosen: _Array) -> None:
        kept = ~chosen
        self.source, self.symbol, self.target = (
            self.source[kept],
            self.symbol[kept],
            self.target[kept],
        )
        self.is_made = self.is_made[kept]

    def lead_to_an_end(self) -> _Array:
        """For each step whether something under way after it may be finished."""
        begun_before, begun_here = self._rests()
        alive: _Array = begun_before[self.target] | self.accepting[self.target]
        alive |= self.target == self.source
        # What each state goes on with once it is made, a bit each.
        goes_on = np.zeros((self.state_count, self.words), np.uint64)
        fresh = np.flatnonzero(alive & self.is_made)
        open_steps = np.flatnonzero(~alive)
        while fresh.size:
            symbol = self.symbol[fresh]
            bits = np.uint64(1) << (symbol % 64).astype(np.uint64)
            np.bitwise_or.at(goes_on, (self.source[fresh], symbol // 64), bits)
            found = begun_here[self.target[open_steps]] & goes_on[self.source[open_steps]]
            is_found = found.any(axis=1)
            alive[open_steps[is_found]] = True
            fresh = open_steps[is_found]
            fresh = fresh[self.is_made[fresh]]
            open_steps = open_steps[~is_found]
        return alive

    def _rests(self) -> tuple[_Array, _Array]:
        """For each state whether it has a rest of several parts, and the symbols of its rests of
        one part, a bit each."""
        state, made, count = self.reductions
        several = np.zeros(self.state_count, bool)
        first = np.flatnonzero(np.diff(self.source, prepend=-1))
        held = np.zeros((self.state_count, self.words), np.uint64)
        for parts in range(int(count.max()), 0, -1):
            chosen = count == parts
            bits = np.uint64(1) << (made[chosen] % 64).astype(np.uint64)
            np.bitwise_or.at(held, (state[chosen], made[chosen] // 64), bits)
            if parts == 1:
                break
            several |= held.any(axis=1)
            below = np.zeros_like(held)
            below[self.source[first]] = np.bitwise_or.reduceat(held[self.target], first, axis=0)
            held = below
        return several, held
