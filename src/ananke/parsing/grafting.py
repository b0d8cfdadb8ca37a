"""Adds productions to a compiled grammar's parse tables.

The tables no longer say which productions a state is in the midst of, but that can be read off
them: if a state reduces n parts to B, then a state n steps before it begins a B, for each way of
n steps into it spells those parts. (A production of one part that has no name of its own is
compiled away: its part then leads where the whole does.)

For a production A → X1 … Xn, each state s in which A may come, leading to t, gets a step on X1 into
a new state, that one on X2, and so on; the last one reduces n parts to A before all that may come
in t. Where a nonterminal Xi is due a new state begins it as the grammar's own states do, with the
steps that begin Xi in a state that expects one. The parser is a generalised one, so that what was
possible stays possible: steps are added beside those that there are.

Where s was reached by a reduction that looks ahead, that reduction has to know X1 too: it gets all
reductions that are made before what A begins with in the grammar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ananke.parsing.addition import Production, Twin
from ananke.parsing.compiled import (
    CompiledError,
    ParseTables,
    Row,
    names_of,
    reduction,
    shift,
)

__all__ = ["GraftError", "graft", "twinned"]

_Bools = np.ndarray[Any, np.dtype[np.bool_]]

_END = 0
_KIND, _SHIFT, _REDUCE = 0xFF, 0, 1
_EXTRA, _REPETITION = 1 << 32, 1 << 40
#: The lex state of a state that ends an extra.
_NO_LOOKAHEAD = 0xFFFF


class GraftError(ValueError):
    """A row that the tables can't take; the message names it and says why."""


def twinned(pointer: int, twins: Sequence[Twin]) -> list[int]:
    """For each twin the terminal that it is one of.

    Raises:
        GraftError: there is none of that name.
    """
    names, token_count, _ = names_of(pointer)
    for twin in twins:
        if twin.of not in names[:token_count]:
            raise GraftError(f"twins: {twin.name!r} is one of {twin.of!r}, which is no terminal")
        if twin.name in names:
            raise GraftError(f"twins: the grammar has a symbol {twin.name!r} of its own")
    return [names.index(twin.of) for twin in twins]


def graft(
    pointer: int,
    twins: Sequence[Twin],
    productions: Sequence[Production],
    reads: Callable[[int], int],
) -> ParseTables:
    """The tables of the language at `pointer` with the productions.

    Args:
        reads: for a lex state, the terminals that may be lexed in it, a bit each.

    Returns:
        The tables, edited.

    Raises:
        GraftError: a row that doesn't fit the grammar.
    """
    return _Grafter(pointer, twins, productions, reads).run()


class _Grafter:
    def __init__(
        self,
        pointer: int,
        twins: Sequence[Twin],
        productions: Sequence[Production],
        reads: Callable[[int], int],
    ) -> None:
        self.productions = productions
        self.reads = reads
        names, token_count, self.fields = names_of(pointer)
        self.of_twins: list[int] = twinned(pointer, twins)
        # A terminal that is made of parts has a nonterminal in the tables.
        terminals = set(names[:token_count])
        made = list(dict.fromkeys(p.symbol for p in productions if p.symbol in terminals))
        self.tables = ParseTables(pointer, self.of_twins, len(made))
        moved = len(twins)
        self.symbols: dict[str, list[int]] = {}
        for number, name in enumerate(names):
            self.symbols.setdefault(name, []).append(
                number if number < token_count else number + moved
            )
        for number, twin in enumerate(twins):
            self.symbols[twin.name] = [token_count + number]
        first = self.tables.first_new_nonterminal
        self.made = {name: first + number for number, name in enumerate(made)}
        self._steps_of: dict[int, list[tuple[_Bools, ...]]] = {}
        self._lex_states = sorted({mode[0] for mode in self.tables.modes} - {_NO_LOOKAHEAD})

    def run(self) -> ParseTables:
        for number, production in enumerate(self.productions):
            where = f"additions[{number}] ({production.symbol})"
            try:
                self._add(production, where)
            except CompiledError as error:
                raise GraftError(f"{where}: {error}") from None
        return self.tables

    # What the tables say.

    @cached_property
    def _edges(self) -> tuple[Any, Any]:
        """(from, to) of all steps of the grammar as it was compiled."""
        tables = self.tables
        of_old = tables.symbols >= tables.token_count
        sources = [tables.states[of_old]]
        targets = [tables.values[of_old]]
        values = tables.values[~of_old]
        states = tables.states[~of_old]
        limit = int(values.max()) + 1
        for i in range(2):
            # A group has few steps: almost always one.
            target_of = np.zeros(limit, np.int64)
            for value in np.unique(values).tolist():
                steps = self._targets(value)
                if len(steps) > i:
                    target_of[value] = steps[i]
            target = target_of[values]
            sources.append(states[target > 0])
            targets.append(target[target > 0])
        return np.concatenate(sources), np.concatenate(targets)

    def _targets(self, value: int) -> list[int]:
        """The states that a terminal's entry steps to."""
        return [
            action >> 16 & 0xFFFF
            for action in self.tables.group(value)
            if action & _KIND == _SHIFT and not action & (_EXTRA | _REPETITION)
        ]

    def _moves(self, row: Row) -> list[tuple[int, int]]:
        """(symbol, state it leads to)."""
        found = []
        for symbol, value in row.items():
            if symbol >= self.tables.token_count:
                found.append((symbol, value))
            else:
                found += [(symbol, target) for target in self._targets(value)]
        return found

    def _productions_of(self, symbol: int) -> list[tuple[_Bools, ...]]:
        """For each count of parts that the symbol is made of: the states after 0, 1, … of them."""
        if symbol not in self._steps_of:
            tables = self.tables
            is_terminal = tables.symbols < tables.token_count
            by_count: dict[int, set[int]] = {}
            for value in np.unique(tables.values[is_terminal]).tolist():
                for action in tables.group(value):
                    if action & _KIND == _REDUCE and action >> 16 & 0xFFFF == symbol:
                        by_count.setdefault(action >> 8 & 0xFF, set()).add(value)
            sources, targets = self._edges
            found = []
            for count, values in by_count.items():
                at = np.zeros(tables.original_states, bool)
                at[tables.states[is_terminal & np.isin(tables.values, list(values))]] = True
                steps = [at]
                for _ in range(count):
                    before = np.zeros(tables.original_states, bool)
                    before[sources[steps[0][targets]]] = True
                    steps.insert(0, before)
                found.append(tuple(steps))
            self._steps_of[symbol] = found
        return self._steps_of[symbol]

    def _is_part_of(self, state: int, symbol: int) -> bool:
        """Whether the state is one after some parts of the symbol."""
        return any(
            bool(after[state]) for steps in self._productions_of(symbol) for after in steps[1:]
        )

    def _beginnings(self, symbol: int, state: int) -> dict[int, set[int]]:
        """What may begin a `symbol` in a state that expects one: by symbol the states it leads to;
        for a terminal none if some reduction of nothing may come before it."""
        row = self.tables.original(state)
        moves = self._moves(row)
        found: dict[int, set[int]] = {}
        wanted, seen = [symbol], {symbol}
        while wanted:
            one = wanted.pop()
            whole = row[one]
            for steps in self._productions_of(one):
                if len(steps) == 1 and steps[0][state]:
                    for terminal, value in row.items():
                        if terminal < self.tables.token_count and reduction(one, 0) in {
                            action & 0xFFFFFFFF for action in self.tables.group(value)
                        }:
                            found.setdefault(terminal, set())
            for part, target in moves:
                is_first = target == whole or any(
                    len(steps) > 1 and steps[0][state] and steps[1][target]
                    for steps in self._productions_of(one)
                )
                if not is_first:
                    continue
                found.setdefault(part, set()).add(target)
                if part >= self.tables.token_count and part not in seen:
                    seen.add(part)
                    wanted.append(part)
        return found

    # Adding.

    def _add(self, production: Production, where: str) -> None:
        tables = self.tables
        result = self.made.get(production.symbol)
        parts = [self._numbers(name, where) for name in production.parts]
        before = {number for name in production.before for number in self._numbers(name, where)}
        within = [number for name in production.within for number in self._numbers(name, where)]
        fields = tuple((index, self._field(name, where)) for index, name in production.fields)
        label = tables.add_production(fields)
        finals: dict[tuple[int, int], int] = {}
        places = 0
        for symbol in self._numbers(production.symbol, where):
            of = symbol if result is None else result
            action = reduction(of, len(parts), label)
            expecting = np.unique(tables.states[tables.symbols == symbol]).tolist()
            for state in expecting:
                value = tables.row(state)[symbol]
                targets = [value] if symbol >= tables.token_count else self._targets(value)
                targets = [
                    t
                    for t in targets
                    if t < tables.original_states
                    and (not within or any(self._is_part_of(t, one) for one in within))
                ]
                if not targets:
                    continue
                places += 1
                target = targets[0]
                if symbol < tables.token_count:
                    tables.edited(state)[of] = target
                first = self._begin(state, symbol)
                if not parts:
                    self._reduce_before(state, action, before, target)
                    heads: Iterable[int] = before
                else:
                    if (target, symbol) not in finals:
                        finals[target, symbol] = self._chain(
                            parts[1:], target, action, before, where
                        )
                    self._expect_in(state, parts[0], finals[target, symbol], where)
                    heads = self._heads(state, parts[0])
                for head in heads:
                    self._foresee(symbol, first, head)
        if not places:
            raise GraftError(f"{where}: there is no place for it")

    def _begin(self, state: int, symbol: int) -> frozenset[int]:
        """The terminals that begin a symbol in a state, where that was reached by a reduction."""
        tables = self.tables
        if symbol < tables.token_count:
            return frozenset((symbol,))
        reached = tables.symbols[(tables.values == state) & (tables.symbols >= tables.token_count)]
        if not reached.size:
            return frozenset()
        return frozenset(
            part for part in self._beginnings(symbol, state) if part < tables.token_count
        )

    def _heads(self, state: int, part: list[int]) -> list[int]:
        tables = self.tables
        heads: list[int] = []
        for one in part:
            if one < tables.token_count:
                heads.append(one)
            else:
                if one in tables.original(state):
                    heads += [p for p in self._beginnings(one, state) if p < tables.token_count]
        return heads

    def _foresee(self, symbol: int, first: frozenset[int], head: int) -> None:
        key = (first, head)
        if key in self._foreseen or head in first:
            return
        self._foreseen.add(key)
        for one in first:
            self.tables.unite(one, head, only_free=symbol >= self.tables.token_count)

    @cached_property
    def _foreseen(self) -> set[tuple[frozenset[int], int]]:
        return set()

    def _reduce_before(self, state: int, action: int, before: set[int], target: int) -> None:
        row = self.tables.edited(state)
        for terminal in before or self._lookaheads(target):
            held = self.tables.group(row.get(terminal, 0))
            if action not in held:
                row[terminal] = self.tables.number((*held, action))
        self._fit_mode(state)

    def _lookaheads(self, state: int) -> list[int]:
        """The terminals that may come next in a state, extras left out."""
        tables = self.tables
        row = tables.row(state)
        extras = {
            part
            for symbol, value in row.items()
            if symbol >= tables.token_count and value == state
            for part in self._beginnings(symbol, state)
        }
        return [
            symbol
            for symbol, value in row.items()
            if symbol < tables.token_count
            and symbol not in extras
            and any(
                action & _KIND != _SHIFT or not action & _EXTRA for action in tables.group(value)
            )
        ]

    def _chain(
        self, parts: list[list[int]], target: int, action: int, before: set[int], where: str
    ) -> int:
        """The state in which `parts` are due, after which `action` reduces before what may come in
        `target`."""
        tables = self.tables
        row: Row = {}
        ahead = [a for a in self._lookaheads(target) if not before or a in before]
        for terminal in ahead:
            row[terminal] = tables.number((action,))
        state = tables.add_state(row, tables.modes[target])
        self._add_extras(state, target)
        self._fit_mode(state)
        for part in reversed(parts):
            fresh = tables.add_state({}, tables.modes[target])
            self._expect_in(fresh, part, state, where)
            self._add_extras(fresh, target)
            self._fit_mode(fresh)
            state = fresh
        return state

    def _add_extras(self, state: int, like: int) -> None:
        tables = self.tables
        row, source = tables.edited(state), tables.row(like)
        for symbol, value in source.items():
            if symbol < tables.token_count:
                kept = [
                    action
                    for action in tables.group(value)
                    if action & _KIND == _SHIFT and action & _EXTRA
                ]
                if kept and symbol not in row:
                    row[symbol] = tables.number(kept)
            elif value == like:
                row.setdefault(symbol, state)
                for part in self._beginnings(symbol, like):
                    row.setdefault(part, source[part])

    def _expect_in(self, state: int, part: list[int], after: int, where: str) -> None:
        """Lets a part come in a state, leading to the state `after`."""
        for one in part:
            if one < self.tables.token_count:
                self._step_in(state, one, after)
                if not self._rows_mode_is_set(state):
                    self.tables.modes[state] = list(self.tables.modes[self._narrowest(one)])
            elif one in self.tables.row(state):
                self._widen(state, one, after, where)
            else:
                self._begin_in(state, one, after, where)
        self._fit_mode(state)

    def _rows_mode_is_set(self, state: int) -> bool:
        return state < self.tables.original_states or len(self.tables.row(state)) > 1

    def _step_in(self, state: int, terminal: int, after: int) -> None:
        row = self.tables.edited(state)
        held = self.tables.group(row.get(terminal, 0))
        if shift(after) not in held:
            row[terminal] = self.tables.number((*held, shift(after)))

    def _widen(self, state: int, symbol: int, after: int, where: str) -> None:
        """Where the nonterminal is due already: what may come after it is that of both states."""
        tables = self.tables
        old = tables.row(state)[symbol]
        both = tables.add_state(dict(tables.row(old)), tables.modes[old])
        row = tables.edited(both)
        for other, value in tables.row(after).items():
            if other >= tables.token_count:
                if row.setdefault(other, value) != value:
                    raise GraftError(f"{where}: what comes after its first part clashes")
                continue
            held = tables.group(row.get(other, 0))
            more = [action for action in tables.group(value) if action not in held]
            row[other] = tables.number((*held, *more))
        self._fit_mode(both)
        self._redirect(state, old, both)

    def _redirect(self, state: int, old: int, new: int) -> None:
        """All steps of a state into `old` go to `new`."""
        tables = self.tables
        row = tables.edited(state)
        for symbol, value in list(row.items()):
            if symbol >= tables.token_count:
                if value == old:
                    row[symbol] = new
            elif old in self._targets(value):
                row[symbol] = tables.number(
                    shift(new) if action == shift(old) else action for action in tables.group(value)
                )

    def _begin_in(self, state: int, symbol: int, after: int, where: str) -> None:
        """Lets a nonterminal come in a state as it does where the grammar expects it."""
        tables = self.tables
        follow = set(self._lookaheads(after))
        like = self._donor(symbol, follow, where)
        source = tables.original(like)
        whole = source[symbol]
        beginnings = self._beginnings(symbol, like)
        if symbol in beginnings:
            after = self._or_on(like, whole, [symbol, *beginnings], after)
        row = tables.edited(state)
        if not row:
            tables.modes[state] = list(tables.modes[like])
        for part, targets in beginnings.items():
            if part >= tables.token_count:
                value = after if source[part] == whole else source[part]
                if row.setdefault(part, value) != value:
                    raise GraftError(f"{where}: its part of that name clashes with others there")
                continue
            held = tables.group(row.get(part, 0))
            kept = [
                shift(after) if action == shift(whole) else action
                for action in tables.group(source[part])
                if (action & 0xFFFF == _REDUCE)
                or (action & _KIND == _SHIFT and action >> 16 & 0xFFFF in targets)
            ]
            row[part] = tables.number((*held, *(a for a in kept if a not in held)))
        row[symbol] = after

    def _or_on(self, like: int, whole: int, symbols: list[int], after: int) -> int:
        """The state `after`, or on as `whole` goes on where it begins one of the symbols."""
        tables = self.tables
        both = tables.add_state(dict(tables.row(after)), tables.modes[after])
        row = tables.edited(both)
        nonterminals = [one for one in symbols if one >= tables.token_count]
        for part, value in tables.original(whole).items():
            targets = [value] if part >= tables.token_count else self._targets(value)
            kept = [
                target
                for target in targets
                if any(
                    len(steps) > 2 and steps[0][like] and steps[1][whole] and steps[2][target]
                    for one in nonterminals
                    for steps in self._productions_of(one)
                )
            ]
            if part >= tables.token_count:
                if kept:
                    row.setdefault(part, value)
            else:
                for target in kept:
                    self._step_in(both, part, target)
        self._fit_mode(both)
        return both

    def _donor(self, symbol: int, follow: set[int], where: str) -> int:
        """A state that expects the symbol, where the most of what follows may follow too."""
        tables = self.tables
        best, best_key = -1, (0, 0)
        at = np.flatnonzero(tables.symbols == symbol)
        for state, value in zip(
            tables.states[at].tolist(), tables.values[at].tolist(), strict=True
        ):
            have = len(follow & set(tables.row(value)))
            key = (have, -len(tables.row(state)))
            if best < 0 or key > best_key:
                best, best_key = state, key
        if best < 0:
            raise GraftError(f"{where}: the grammar expects one of its parts nowhere")
        return best

    # Lexing.

    def _narrowest(self, terminal: int) -> int:
        """The state with the fewest terminals in which this one may come."""
        tables = self.tables
        states: list[int] = np.unique(tables.states[tables.symbols == terminal]).tolist()
        return min(states, key=tables.size)

    def _fit_mode(self, state: int) -> None:
        """Chooses a lex mode in which all that may come in the state is read."""
        tables = self.tables
        row = tables.row(state)
        external = {
            symbol
            for symbol in row
            if symbol < tables.token_count and symbol in tables.external_symbols
        }
        mode = tables.modes[state] = list(tables.modes[state])
        if mode[0] == _NO_LOOKAHEAD:
            return
        wanted = 0
        for symbol in row:
            if symbol < tables.token_count and symbol != _END and symbol not in external:
                wanted |= 1 << self._read_as(symbol)

        def lacking_in(one: int) -> int:
            return (wanted & ~self.reads(one)).bit_count()

        if lacking_in(mode[0]):
            chosen = min(
                self._lex_states, key=lambda one: (lacking_in(one), self.reads(one).bit_count())
            )
            if lacking_in(chosen) < lacking_in(mode[0]):
                mode[0] = chosen
        if external:
            held = tables.external_rows[mode[1]]
            lacking = external - {
                s for s, v in zip(tables.external_symbols, held, strict=True) if v
            }
            if lacking:
                fresh = tuple(
                    valid or symbol in lacking
                    for symbol, valid in zip(tables.external_symbols, held, strict=True)
                )
                if fresh not in tables.external_rows:
                    tables.external_rows.append(fresh)
                mode[1] = tables.external_rows.index(fresh)

    def _read_as(self, symbol: int) -> int:
        """The terminal that the lexer takes it for: keywords are words."""
        first = self.tables.token_count - len(self.of_twins)
        if symbol >= first:
            symbol = self.of_twins[symbol - first]
        is_read = self._internal >> symbol & 1
        return symbol if is_read else self.tables.word

    @cached_property
    def _internal(self) -> int:
        """The terminals that some lex state reads."""
        bits = 0
        for one in self._lex_states:
            bits |= self.reads(one)
        return bits

    # Names.

    def _numbers(self, name: str, where: str) -> list[int]:
        if name not in self.symbols:
            raise GraftError(f"{where}: the grammar has no symbol {name!r}")
        return self.symbols[name]

    def _field(self, name: str, where: str) -> int:
        if name not in self.fields:
            raise GraftError(f"{where}: the grammar has no field {name!r}")
        return self.fields.index(name)
