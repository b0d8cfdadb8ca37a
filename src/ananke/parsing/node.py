"""Syntax nodes: visible nodes with kinds, fields and byte ranges, children made lazily."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ananke.native import library

if TYPE_CHECKING:
    from ananke.parsing.grammar import Grammar

__all__ = ["Node", "read_rows"]

_NAMED, _EXTRA = 1, 2

ROW = np.dtype(
    [
        ("symbol", "<u2"),
        ("field", "<u2"),
        ("flags", "<u2"),
        ("production", "<u2"),
        ("start", "<u4"),
        ("end", "<u4"),
        ("children", "<u4"),
        ("parent", "<u4"),
    ]
)
_NO_PARENT = 0xFFFFFFFF


class Node:
    """A node of a syntax tree; a view of row `index` of the tree's preorder table."""

    __slots__ = ("_rows", "grammar", "index")

    def __init__(self, grammar: Grammar, rows: np.ndarray, index: int) -> None:
        self.grammar = grammar
        self._rows = rows
        self.index = index

    @property
    def kind(self) -> str:
        """The node kind, aliases resolved."""
        return self.grammar.symbol_names[int(self._rows["symbol"][self.index])]

    @property
    def field(self) -> str:
        """The field of the parent that this node fills, or the empty string."""
        return self.grammar.field_names[int(self._rows["field"][self.index])]

    @property
    def is_named(self) -> bool:
        return bool(self._rows["flags"][self.index] & _NAMED)

    @property
    def is_extra(self) -> bool:
        """Whether the node may stand anywhere (a comment)."""
        return bool(self._rows["flags"][self.index] & _EXTRA)

    @property
    def start(self) -> int:
        """Offset of the first byte."""
        return int(self._rows["start"][self.index])

    @property
    def end(self) -> int:
        """Offset past the last byte."""
        return int(self._rows["end"][self.index])

    @property
    def children(self) -> tuple[Node, ...]:
        return tuple(self._iterate_children())

    def _iterate_children(self) -> Iterator[Node]:
        left = int(self._rows["children"][self.index])
        at = self.index + 1
        parents = self._rows["parent"]
        while left:
            if int(parents[at]) == self.index:
                left -= 1
                yield Node(self.grammar, self._rows, at)
            at += 1

    def child(self, field: str) -> Node | None:
        """The first child that fills `field`, or None."""
        for node in self._iterate_children():
            if node.field == field:
                return node
        return None

    def walk(self) -> Iterator[Node]:
        """The node and all below it, in preorder."""
        ends = {self.index}
        yield self
        at = self.index + 1
        parents = self._rows["parent"]
        while at < len(parents) and int(parents[at]) in ends:
            ends.add(at)
            yield Node(self.grammar, self._rows, at)
            at += 1

    def __repr__(self) -> str:
        return f"<{self.kind} {self.start}..{self.end}>"


def read_rows(grammar: Grammar, handle: int | None, count: int) -> tuple[Node, ...]:
    """The roots of a native table of rows, which is copied and freed."""
    if not handle:
        return ()
    lib = library()
    try:
        if count == 0:
            return ()
        address = lib.ananke_rows_data(handle)
        raw = ctypes.string_at(address, count * ROW.itemsize)
    finally:
        lib.ananke_rows_free(handle)
    rows = np.frombuffer(raw, dtype=ROW)
    roots = np.flatnonzero(rows["parent"] == _NO_PARENT)
    return tuple(Node(grammar, rows, int(index)) for index in roots)
