"""The parse tables of a compiled grammar: read, edited, and written as a grammar of their own.

The layout is that of `native/tslanguage.zig`. A `ParseTables` holds the tables of one language with
room for more symbols and states; `to_bytes` writes them, and `CompiledLanguage` is a `TSLanguage`
over such bytes that takes all else (lexers, external scanner, names) from the wheel's.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

__all__ = [
    "CompiledError",
    "CompiledLanguage",
    "ParseTables",
    "Row",
    "names_of",
    "reduction",
    "shift",
]

#: By symbol: the number of an action group for a terminal, a state for a nonterminal.
Row = dict[int, int]
Group = tuple[int, ...]
_Array = np.ndarray[Any, np.dtype[Any]]

_P = ctypes.c_void_p
_U16, _U32 = ctypes.c_uint16, ctypes.c_uint32
_SHIFT, _REDUCE = 0, 1
_EXTRA, _REPETITION = 1 << 32, 1 << 40
_MAGIC = 0x31474E41
#: States and action groups are numbered in 16 bits.
_MOST = 0xFFFF


class CompiledError(ValueError):
    """Tables that can't hold what was added, or bytes that aren't tables of the language."""


class _Language(ctypes.Structure):
    _fields_ = (
        ("abi_version", _U32),
        ("symbol_count", _U32),
        ("alias_count", _U32),
        ("token_count", _U32),
        ("external_token_count", _U32),
        ("state_count", _U32),
        ("large_state_count", _U32),
        ("production_id_count", _U32),
        ("field_count", _U32),
        ("max_alias_sequence_length", _U16),
        ("parse_table", _P),
        ("small_parse_table", _P),
        ("small_parse_table_map", _P),
        ("parse_actions", _P),
        ("symbol_names", _P),
        ("field_names", _P),
        ("field_map_slices", _P),
        ("field_map_entries", _P),
        ("symbol_metadata", _P),
        ("public_symbol_map", _P),
        ("alias_map", _P),
        ("alias_sequences", _P),
        ("lex_modes", _P),
        ("lex_fn", _P),
        ("keyword_lex_fn", _P),
        ("keyword_capture_token", _U16),
        ("scanner_states", _P),
        ("scanner_symbol_map", _P),
        ("scanner_create", _P),
        ("scanner_destroy", _P),
        ("scanner_scan", _P),
        ("scanner_serialize", _P),
        ("scanner_deserialize", _P),
        ("primary_state_ids", _P),
        ("name", _P),
        ("reserved_words", _P),
        ("max_reserved_word_set_size", _U16),
        ("supertype_count", _U32),
        ("supertype_symbols", _P),
        ("supertype_map_slices", _P),
        ("supertype_map_entries", _P),
    )


#: What the bytes of edited tables hold, in this order, each with its length in bytes before it.
_PARTS = (
    *("parse_table", "small_parse_table", "small_parse_table_map", "parse_actions"),
    *("field_map_slices", "field_map_entries", "symbol_metadata", "public_symbol_map"),
    *("alias_sequences", "lex_modes", "scanner_states", "primary_state_ids"),
)
_COUNTS = ("symbol_count", "token_count", "state_count", "production_id_count")


def shift(state: int) -> int:
    """The action that goes to a state."""
    return _SHIFT | state << 16


def reduction(symbol: int, child_count: int, production: int = 0) -> int:
    """The action that makes a symbol of the topmost parts."""
    return _REDUCE | child_count << 8 | symbol << 16 | production << 48


def names_of(pointer: int) -> tuple[list[str], int, list[str]]:
    """The names of a language's symbols (aliases left out), how many of them are terminals, and
    the names of its fields, of which the first is none."""
    base = _Language.from_address(pointer)
    symbols = (ctypes.c_char_p * base.symbol_count).from_address(base.symbol_names)
    fields = (ctypes.c_char_p * (base.field_count + 1)).from_address(base.field_names)

    def text(raw: bytes | None) -> str:
        return "" if raw is None else raw.decode("utf-8", "replace")

    return [text(one) for one in symbols], base.token_count, [text(one) for one in fields]


def _view(address: int | None, kind: str, count: int) -> _Array:
    dtype = np.dtype(kind)
    if not address or not count:
        return np.empty(0, dtype)
    memory = (ctypes.c_uint8 * (count * dtype.itemsize)).from_address(address)
    return np.ndarray((count,), dtype, memoryview(memory))


class ParseTables:
    """The tables of a language with room for new terminals and nonterminals.

    New terminals are numbered after the grammar's; its nonterminals and aliases move up. New
    nonterminals come after all others. Rows of states are dicts; a row that was given out by
    `edited` is written as it then is.
    """

    def __init__(self, pointer: int, twins: Sequence[int], nonterminals: int) -> None:
        """`twins`: for each new terminal the terminal that it may come like."""
        base = self._base = _Language.from_address(pointer)
        self._twins = tuple(twins)
        self._nonterminals = nonterminals
        self.token_count: int = base.token_count + len(twins)
        self.first_new_nonterminal: int = base.symbol_count + len(twins)
        self.symbol_count: int = self.first_new_nonterminal + nonterminals
        self.original_states: int = base.state_count
        self.state_count: int = self.original_states
        self.word: int = base.keyword_capture_token
        self._rows: dict[int, Row] = {}
        self._fields: list[tuple[tuple[int, int], ...]] = []
        self._read_entries()
        self._read_actions()
        self._add_twins()
        width = self._mode_width = 3 if base.abi_version >= 15 else 2
        self.modes: list[list[int]] = (
            _view(base.lex_modes, "<u2", base.state_count * width).reshape(-1, width).tolist()
        )
        externals = base.external_token_count
        rows = 1 + max(mode[1] for mode in self.modes) if externals else 0
        self.external_rows: list[tuple[bool, ...]] = [
            tuple(map(bool, row))
            for row in _view(base.scanner_states, "u1", rows * externals)
            .reshape(rows, externals)
            .tolist()
        ]
        self.external_symbols: tuple[int, ...] = tuple(
            _view(base.scanner_symbol_map, "<u2", externals).tolist()
        )

    def _moved(self, symbols: _Array) -> _Array:
        """The symbols' new numbers."""
        base = self._base
        terminals, others = len(self._twins), len(self._twins) + self._nonterminals
        more = np.where(symbols < base.symbol_count, terminals, others)
        return np.asarray(symbols + np.where(symbols < base.token_count, 0, more))

    def _read_entries(self) -> None:
        base = self._base
        large = _view(base.parse_table, "<u2", base.large_state_count * base.symbol_count)
        large = large.reshape(base.large_state_count, base.symbol_count)
        states, symbols = np.nonzero(large)
        found = [(states, symbols, large[states, symbols])]
        small = base.state_count - base.large_state_count
        at = _view(base.small_parse_table_map, "<u4", small).astype(np.int64)
        if small:
            # The length isn't known: at most what the last row could need.
            most = int(at.max()) + 1 + 3 * base.symbol_count
            data = _view(base.small_parse_table, "<u2", most)
            left = data[at].astype(np.int64)
            state = np.arange(base.large_state_count, base.state_count)
            at = at + 1
            while at.size:
                keep = left > 0
                at, left, state = at[keep], left[keep] - 1, state[keep]
                value, count = data[at], data[at + 1].astype(np.int64)
                first = np.cumsum(count) - count
                inside = np.arange(int(count.sum())) - np.repeat(first, count)
                place = np.repeat(at + 2, count) + inside
                found.append((np.repeat(state, count), data[place], np.repeat(value, count)))
                at = at + 2 + count
        state, symbol, value = (
            np.concatenate([part[i].astype(np.int64) for part in found]) for i in range(3)
        )
        order = np.lexsort((symbol, state))
        self.states, self.symbols, self.values = (
            state[order],
            self._moved(symbol[order]),
            value[order],
        )

    def _read_actions(self) -> None:
        base = self._base
        used = np.unique(self.values[self.symbols < base.token_count])
        counts = _view(base.parse_actions, "<u8", int(used.max()) + 1)[used] & 0xFF
        actions = _view(base.parse_actions, "<u8", int((used + counts).max()) + 1).copy()
        self._groups: dict[int, Group] = {}
        limit, moved = base.token_count, len(self._twins)
        for value, count in zip(used.tolist(), counts.tolist(), strict=True):
            group = actions[value + 1 : value + 1 + count].tolist()
            for i, action in enumerate(group):
                if action & 0xFF == _REDUCE and (action >> 16 & 0xFFFF) >= limit:
                    group[i] = action + (moved << 16)
            actions[value + 1 : value + 1 + count] = group
            self._groups[value] = tuple(group)
        self._numbers = {group: value for value, group in self._groups.items()}
        self._actions: list[int] = actions.tolist()

    def _add_twins(self) -> None:
        first = self._base.token_count
        parts = [(self.states, self.symbols, self.values)]
        for number, of in enumerate(self._twins):
            like = self.symbols == of
            parts.append(
                (self.states[like], np.full(int(like.sum()), first + number), self.values[like])
            )
        self.states, self.symbols, self.values = (
            np.concatenate([part[i] for part in parts]) for i in range(3)
        )
        order = np.lexsort((self.symbols, self.states))
        self.states, self.symbols, self.values = (
            self.states[order],
            self.symbols[order],
            self.values[order],
        )
        self._bounds = np.searchsorted(self.states, np.arange(self._base.state_count + 1))

    def row(self, state: int) -> Row:
        """The state's row, not to be changed."""
        return self._rows[state] if state in self._rows else self.original(state)

    def original(self, state: int) -> Row:
        """The row that a state of the grammar was compiled with, and twins."""
        first, last = self._bounds[state], self._bounds[state + 1]
        return dict(
            zip(self.symbols[first:last].tolist(), self.values[first:last].tolist(), strict=True)
        )

    def size(self, state: int) -> int:
        """How many entries the row of a state of the grammar was compiled with."""
        return int(self._bounds[state + 1] - self._bounds[state])

    def edited(self, state: int) -> Row:
        """The state's row, to be changed."""
        if state not in self._rows:
            self._rows[state] = self.row(state)
        return self._rows[state]

    def group(self, value: int) -> Group:
        """The actions of a terminal's entry; none for 0."""
        return self._groups[value] if value else ()

    def number(self, actions: Iterable[int]) -> int:
        """The entry of a terminal with these actions."""
        group = tuple(actions)
        if not group:
            return 0
        if group not in self._numbers:
            value = len(self._actions)
            if value + len(group) > _MOST:
                raise CompiledError("the grammar has no room for more actions")
            self._actions += [len(group) | 1 << 8, *group]
            self._groups[value] = group
            self._numbers[group] = value
        return self._numbers[group]

    def add_state(self, row: Row, mode: Sequence[int]) -> int:
        if self.state_count > _MOST:
            raise CompiledError("the grammar has no room for more states")
        state = self.state_count
        self.state_count += 1
        self._rows[state] = row
        self.modes.append(list(mode))
        return state

    def add_production(self, fields: tuple[tuple[int, int], ...]) -> int:
        """The number of a production whose parts fill fields: (index of a part, field)."""
        if not fields:
            return 0
        if fields not in self._fields:
            self._fields.append(fields)
        return int(self._base.production_id_count) + self._fields.index(fields)

    def unite(self, source: int, target: int, *, only_free: bool) -> None:
        """Gives `target` the reductions of `source` in every state; `only_free`: where it has no
        action yet."""
        held_in = self.states[self.symbols == source].tolist()
        for state in (*held_in, *range(self.original_states, self.state_count)):
            row = self.row(state)
            kept = [a for a in self.group(row.get(source, 0)) if a & 0xFF == _REDUCE]
            held = self.group(row.get(target, 0))
            if not kept or (only_free and held):
                continue
            more = [action for action in kept if action not in held]
            if more:
                self.edited(state)[target] = self.number((*held, *more))

    def entries(self) -> tuple[_Array, _Array, _Array]:
        """(states, symbols, values) of all entries as they now are."""
        touched = np.zeros(self.state_count, bool)
        touched[list(self._rows)] = True
        kept = ~touched[self.states]
        rows = sorted(self._rows.items())
        states, symbols, values = (
            np.concatenate([old[kept], np.array(new, np.int64)])
            for old, new in (
                (self.states, [state for state, row in rows for _ in row]),
                (self.symbols, [symbol for _, row in rows for symbol in row]),
                (self.values, [value for _, row in rows for value in row.values()]),
            )
        )
        keep = values != 0
        return states[keep], symbols[keep], values[keep]

    def to_bytes(self) -> bytes:
        """The tables, for `CompiledLanguage`."""
        base = self._base
        states, symbols, values = self.entries()
        order = np.lexsort((symbols, values, symbols >= self.token_count, states))
        states, symbols, values = states[order], symbols[order], values[order]
        dense = states < base.large_state_count
        large = np.zeros((base.large_state_count, self.symbol_count), "<u2")
        large[states[dense], symbols[dense]] = values[dense]
        small, offsets = self._small(states[~dense], symbols[~dense], values[~dense])
        parts = {
            "parse_table": large,
            "small_parse_table": small,
            "small_parse_table_map": offsets,
            "parse_actions": np.array(self._actions, "<u8"),
            "lex_modes": np.array(self.modes, "<u2"),
            "scanner_states": np.array(self.external_rows, "u1"),
            "primary_state_ids": self._primary(),
            **self._symbol_parts(),
            **self._production_parts(),
        }
        header = [self._mode_width, len(self._twins), self._nonterminals]
        header += [self.symbol_count, self.token_count, self.state_count]
        header += [base.production_id_count + len(self._fields)]
        blob = [np.array([_MAGIC, *header], "<u4").tobytes()]
        for name in _PARTS:
            data = parts[name].tobytes()
            blob += [np.array([len(data)], "<u8").tobytes(), data, b"\0" * (-len(data) % 8)]
        return b"".join(blob)

    def _small(self, states: _Array, symbols: _Array, values: _Array) -> tuple[_Array, _Array]:
        """The rows of the small states: a count of groups, and for each its value, its count of
        symbols, the symbols."""
        first_state = self._base.large_state_count
        count = len(states)
        kinds = symbols >= self.token_count
        begins = np.ones(count, bool)
        begins[1:] = (
            (states[1:] != states[:-1]) | (values[1:] != values[:-1]) | (kinds[1:] != kinds[:-1])
        )
        group_of = np.cumsum(begins) - 1
        starts = np.flatnonzero(begins)
        sizes = np.diff(np.append(starts, count))
        group_states = states[starts] - first_state
        small_count = self.state_count - first_state
        groups_before = np.searchsorted(group_states, np.arange(small_count + 1))
        # A state's row begins after one word for each row before, two for each group, the symbols.
        entries_before = np.searchsorted(states, np.arange(small_count + 1) + first_state)
        offsets = np.arange(small_count + 1) + 2 * groups_before + entries_before
        data = np.zeros(int(offsets[-1]), "<u2")
        data[offsets[:-1]] = np.diff(groups_before)
        heads = starts + 2 * np.arange(len(starts)) + group_states + 1
        data[heads] = values[starts]
        data[heads + 1] = sizes
        inside = np.arange(count) - starts[group_of] if count else np.empty(0, np.int64)
        data[heads[group_of] + 2 + inside] = symbols
        return data, offsets[:-1].astype("<u4")

    def _primary(self) -> _Array:
        base = self._base
        old = _view(base.primary_state_ids, "<u2", base.state_count)
        return np.concatenate([old, np.arange(base.state_count, self.state_count).astype("<u2")])

    def _symbol_parts(self) -> dict[str, _Array]:
        base = self._base
        total = base.symbol_count + base.alias_count
        metadata = _view(base.symbol_metadata, "u1", 3 * total).reshape(-1, 3)
        twins = list(self._twins)
        fresh = np.zeros((self._nonterminals, 3), "u1")
        public = self._moved(_view(base.public_symbol_map, "<u2", total).astype(np.int64))
        new = np.arange(self.first_new_nonterminal, self.symbol_count)
        return {
            "symbol_metadata": np.concatenate(
                [
                    metadata[: base.token_count],
                    metadata[twins],
                    metadata[base.token_count : base.symbol_count],
                    fresh,
                    metadata[base.symbol_count :],
                ]
            ),
            "public_symbol_map": np.concatenate(
                [
                    public[: base.token_count],
                    public[twins],
                    public[base.token_count : base.symbol_count],
                    new,
                    public[base.symbol_count :],
                ]
            ).astype("<u2"),
        }

    def _production_parts(self) -> dict[str, _Array]:
        base = self._base
        width = base.max_alias_sequence_length
        aliases = _view(base.alias_sequences, "<u2", base.production_id_count * width)
        more = np.zeros(len(self._fields) * width, "<u2")
        if base.field_count:
            slices = _view(base.field_map_slices, "<u2", 2 * base.production_id_count)
            ends = slices.reshape(-1, 2).sum(axis=1)
            entries = _view(base.field_map_entries, "<u4", int(ends.max(initial=0)))
        else:
            slices, entries = np.empty(0, "<u2"), np.empty(0, "<u4")
        new_slices: list[int] = []
        new_entries: list[int] = []
        for fields in self._fields:
            new_slices += [len(entries) + len(new_entries), len(fields)]
            new_entries += [field | index << 16 for index, field in fields]
        return {
            "alias_sequences": np.concatenate(
                [self._moved(aliases.astype(np.int64)).astype("<u2"), more]
            ),
            "field_map_slices": np.concatenate([slices, np.array(new_slices, "<u2")]),
            "field_map_entries": np.concatenate([entries, np.array(new_entries, "<u4")]),
        }


class CompiledLanguage:
    """A `TSLanguage` of a wheel with edited tables, at `pointer` as long as this object lives."""

    def __init__(self, pointer: int, data: bytes | memoryview, twins: Sequence[int]) -> None:
        """`twins`: as given to `ParseTables`.

        Raises:
            CompiledError: the bytes aren't tables of the language.
        """
        base = _Language.from_address(pointer)
        self._data = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        header = list(struct.unpack_from("<8I", data)) if len(data) >= 32 else [0] * 8
        width = 3 if base.abi_version >= 15 else 2
        terminals, nonterminals = header[2], header[3]
        expected = base.symbol_count + terminals + nonterminals
        if header[:2] != [_MAGIC, width] or header[4] != expected or terminals != len(twins):
            raise CompiledError("not the tables of this grammar")
        # Before ABI 15 the struct ended where the fields that are new in it begin.
        known = ctypes.sizeof(_Language) if width == 3 else _Language.name.offset
        self._language = _Language()
        ctypes.memmove(ctypes.byref(self._language), pointer, known)
        for name, value in zip(_COUNTS, header[4:], strict=True):
            setattr(self._language, name, value)
        at, start = 32, ctypes.addressof(self._data)
        for name in _PARTS:
            length = int.from_bytes(bytes(self._data[at : at + 8]), "little")
            at += 8
            if length:
                setattr(self._language, name, start + at)
            at += length + -length % 8
        if at != len(data):
            raise CompiledError("not the tables of this grammar")
        self.twins = tuple(twins)
        self._names = self._symbol_names(base, twins, nonterminals)
        self._language.symbol_names = ctypes.addressof(self._names)
        self.pointer = ctypes.addressof(self._language)

    def _symbol_names(
        self, base: _Language, twins: Sequence[int], nonterminals: int
    ) -> ctypes.Array[ctypes.c_void_p]:
        total = base.symbol_count + base.alias_count
        old = (_P * total).from_address(base.symbol_names)
        self._unnamed = ctypes.create_string_buffer(b"_read")
        names = [
            *old[: base.token_count],
            *(old[of] for of in twins),
            *old[base.token_count : base.symbol_count],
            *[ctypes.addressof(self._unnamed)] * nonterminals,
            *old[base.symbol_count :],
        ]
        return (_P * len(names))(*names)
