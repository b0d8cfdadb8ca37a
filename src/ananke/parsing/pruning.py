"""Takes out of a grammar's parse tables what can never be finished.

Where rules of a grammar conflict its generator drops actions, and may leave the way into a
construct without the way out: in Kotlin's `a & b` the `&` is shifted as that of a type, and no type
can stand there. A parser that repairs errors never notices; a mask would lead into a dead end.

In state p a symbol X leads to state q. What is under way in q are productions of which some parts
are read: a *rest* (A, n, L) says that with more text a reduction of the topmost n parts to A may
come, before one of the terminals L. With n > 1 it began before p. With n = 1 it began in p: A is
then what p goes on with, and X leads to an end only if A does there and is *taken on* by a terminal
of L: after A it is shifted, or reduces what began before p. In TypeScript's `new r *= 1` only `!`
could come after the assignment, and the `!` binds to the 1. All other steps are taken out. What
terminals do below p isn't asked, so that nothing is taken out that may be finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ananke.parsing.compiled import ParseTables, names_of

__all__ = ["prune", "words_of"]

_Array = np.ndarray[Any, np.dtype[Any]]

_KIND, _SHIFT, _REDUCE, _ACCEPT = 0xFF, 0, 1, 2
_EXTRA, _REPETITION = 1 << 32, 1 << 40
#: The state that every parse starts from.
_START = 1
#: The lexer's state where a parser reduces without reading on.
_NO_LOOKAHEAD = 0xFFFF


def prune(tables: ParseTables, words: Sequence[int] = ()) -> int:
    """Takes out the steps after which nothing can be finished; how many.

    Args:
        words: the terminals that may also be read as the grammar's word, where a state has no
            action for them.
    """
    steps = _Steps(tables, words)
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


def words_of(pointer: int, twins: int = 0) -> list[int]:
    """The terminals of the language at `pointer` that may be keywords, its new twins among them."""
    names, count, _ = names_of(pointer)
    spelt = [number for number, name in enumerate(names[:count]) if name[:1].isidentifier()]
    return [*spelt, *range(count, count + twins)]


def _target(action: int) -> int:
    """The state that a terminal's action leads to; -1 if to none of its own."""
    if action & _KIND != _SHIFT or action & (_EXTRA | _REPETITION):
        return -1
    return action >> 16 & 0xFFFF


_Joint = tuple[_Array, _Array, _Array]


class _Rests(NamedTuple):
    """Pairs (state, symbol), each numbered as one, ascending; and for each a set of terminals."""

    pairs: _Array
    sets: _Array


class _Steps:
    """The steps of the automaton: source, symbol, target, sorted by source and symbol; and its
    reductions by their count of parts. Sets of terminals are rows of 64-bit words.
    """

    def __init__(self, tables: ParseTables, words: Sequence[int]) -> None:
        self._symbols = tables.symbol_count
        self._tokens = tables.token_count
        self._states = tables.state_count
        self._width = (tables.token_count + 63) // 64
        self._word = tables.word
        self.accepting = np.zeros(tables.state_count, bool)
        states, symbols, values = tables.entries()
        of_parts = symbols >= tables.token_count
        sources, names, targets = [states[of_parts]], [symbols[of_parts]], [values[of_parts]]
        self._shifted = self._no_sets(tables.state_count)
        acted = self._no_sets(tables.state_count)
        terminal = ~of_parts
        self._add(acted, states[terminal], symbols[terminal])
        blind = np.array([mode[0] == _NO_LOOKAHEAD for mode in tables.modes])
        found: list[tuple[_Array, int, int, _Array]] = []
        order = np.argsort(values[terminal], kind="stable")
        held_in, held_by = states[terminal][order], symbols[terminal][order]
        numbers, first = np.unique(values[terminal][order], return_index=True)
        bounds = [*first.tolist(), len(order)]
        for number, start, end in zip(numbers.tolist(), bounds, bounds[1:], strict=False):
            at, by = held_in[start:end], held_by[start:end]
            for action in tables.group(number):
                if action & _KIND == _ACCEPT:
                    self.accepting[at] = True
                    self._add(self._shifted, at, by)
                elif action & _KIND == _REDUCE:
                    found.append((at, action >> 16 & 0xFFFF, action >> 8 & 0xFF, by))
                elif action & _KIND == _SHIFT and not action & _REPETITION:
                    if (step := _target(action)) >= 0:
                        sources.append(at)
                        names.append(by)
                        targets.append(np.full_like(at, step))
                    self._add(self._shifted, at, by)
        self._reductions = self._merged(found, blind)
        #: Of each state, the words without an action of their own there.
        self._lost = self._no_sets(tables.state_count)
        for word in words:
            self._add(self._lost, np.arange(tables.state_count), np.array(word))
        self._lost &= ~acted
        parts = (sources, names, targets)
        self.source, self.symbol, self.target = (np.concatenate(part) for part in parts)
        order = np.lexsort((self.symbol, self.source))
        self._keep(order)
        self._keep(self._reached()[self.source])

    def _keep(self, chosen: _Array) -> None:
        self.source, self.symbol, self.target = (
            part[chosen] for part in (self.source, self.symbol, self.target)
        )

    def _reached(self) -> _Array:
        """The states that any text leads to."""
        reached = np.zeros(self._states, bool)
        reached[_START] = True
        while True:
            found = self.target[reached[self.source] & ~reached[self.target]]
            if not found.size:
                return reached
            reached[found] = True

    def _no_sets(self, count: int) -> _Array:
        return np.zeros((count, self._width), np.uint64)

    def _add(self, sets: _Array, at: _Array, terminals: _Array) -> None:
        bits = np.uint64(1) << (terminals % 64).astype(np.uint64)
        np.bitwise_or.at(sets, (at, terminals // 64), bits)

    def _merged(
        self, found: list[tuple[_Array, int, int, _Array]], blind: _Array
    ) -> dict[int, _Rests]:
        """The reductions by count of parts; before every terminal where a state is `blind`."""
        merged: dict[int, _Rests] = {}
        for parts in {count for _, _, count, _ in found}:
            chosen = [(at * self._symbols + made, by) for at, made, n, by in found if n == parts]
            pairs, by = (np.concatenate(part) for part in zip(*chosen, strict=True))
            unique, place = np.unique(pairs, return_inverse=True)
            sets = self._no_sets(len(unique))
            self._add(sets, place, by)
            sets[blind[unique // self._symbols]] = ~np.uint64(0)
            merged[parts] = _Rests(unique, sets)
        return merged

    def rows(self, chosen: _Array) -> list[tuple[int, int, int]]:
        """The chosen steps."""
        parts = (self.source[chosen], self.symbol[chosen], self.target[chosen])
        return list(zip(*(part.tolist() for part in parts), strict=True))

    def drop(self, chosen: _Array) -> None:
        self._keep(~chosen)
        self._keep(self._reached()[self.source])

    def lead_to_an_end(self) -> _Array:
        """For each step whether something under way after it may be finished."""
        alive: _Array = self.accepting[self.target] | (self.target == self.source)
        made = np.flatnonzero(self.symbol >= self._tokens)
        names = self.source[made] * self._symbols + self.symbol[made]
        # The terminals that finish what is under way below a step, by count of its parts there.
        finishing = self._taken_on(made, names)
        rests, below = self._rests()
        step, rest, at = self._matched(self.target, rests[0].pairs, self.source, names)
        is_finished = (rests[0].sets[rest] & finishing[at]).any(axis=1)
        needed, needing = made[at[is_finished]], step[is_finished]
        for level, joint in enumerate(below):
            finishing = self._gathered(len(rests[level].pairs), rest, finishing[at])
            step, rest, at = joint
            may_end = (rests[level + 1].sets[rest] & finishing[at]).any(axis=1)
            alive[step[may_end]] = True
        # What begins at a step needs the step that it is made by, which begins where it does.
        while True:
            fresh = alive[needed] & ~alive[needing]
            if not fresh.any():
                return alive
            alive[needing[fresh]] = True

    def _taken_on(self, made: _Array, names: _Array) -> _Array:
        """For each step by a part (`made`, with its name) the terminals that may come after it."""
        base, over = self.source[made], self.target[made]
        settled = self._shifted.copy()
        for parts, (pairs, sets) in self._reductions.items():
            # What is made of no part stands above: not looked into.
            if parts != 1:
                np.bitwise_or.at(settled, pairs // self._symbols, sets)
        single = self._reductions.get(1, _Rests(np.empty(0, np.int64), self._no_sets(0)))
        step, unit, at = self._matched(over, single.pairs, base, names)
        taken: _Array = settled[over]
        lost = self._lost[over]
        word, bit = self._word // 64, np.uint64(self._word % 64)
        while True:
            before = taken.copy()
            np.bitwise_or.at(taken, step, single.sets[unit] & before[at])
            as_word = (taken[:, word] >> bit & np.uint64(1)).astype(bool)
            taken[as_word] |= lost[as_word]
            if np.array_equal(taken, before):
                return taken

    def _rests(self) -> tuple[list[_Rests], list[_Joint]]:
        """The rests of one part, of two, …; and for each but the first how they are those of one
        part fewer before a step: (the step, the rest after it, the rest before it)."""
        rests: list[_Rests] = []
        joints: list[_Joint] = []
        carried = _Rests(np.empty(0, np.int64), self._no_sets(0))
        for parts in range(max(self._reductions), 0, -1):
            ready = self._reductions.get(parts, carried)
            pairs, place = np.unique(
                np.concatenate([carried.pairs, ready.pairs]), return_inverse=True
            )
            sets = self._gathered(len(pairs), place, np.concatenate([carried.sets, ready.sets]))
            if joints:
                step, rest, at = joints[0]
                joints[0] = step, rest, place[at]
            rests.insert(0, _Rests(pairs, sets))
            if parts == 1:
                break
            step, rest = self._joined(self.target, pairs // self._symbols)
            below = self.source[step] * self._symbols + pairs[rest] % self._symbols
            unique, at = np.unique(below, return_inverse=True)
            carried = _Rests(unique, self._gathered(len(unique), at, sets[rest]))
            joints.insert(0, (step, rest, at))
        return rests, joints

    def _gathered(self, count: int, at: _Array, sets: _Array) -> _Array:
        united = self._no_sets(count)
        np.bitwise_or.at(united, at, sets)
        return united

    def _matched(self, states: _Array, pairs: _Array, bases: _Array, names: _Array) -> _Joint:
        """All (i, j, k) where `pairs[j]` are a symbol in `states[i]`, and `names[k]` is the symbol
        in `bases[i]`."""
        i, j = self._joined(states, pairs // self._symbols)
        wanted = bases[i] * self._symbols + pairs[j] % self._symbols
        k = np.minimum(np.searchsorted(names, wanted), len(names) - 1)
        is_there = names[k] == wanted
        return i[is_there], j[is_there], k[is_there]

    @staticmethod
    def _joined(left: _Array, right: _Array) -> tuple[_Array, _Array]:
        """All (i, j) with left[i] == right[j], where `right` ascends."""
        first = np.searchsorted(right, left, "left")
        count = np.searchsorted(right, left, "right") - first
        i = np.repeat(np.arange(len(left)), count)
        inside = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        return i, np.repeat(first, count) + inside
