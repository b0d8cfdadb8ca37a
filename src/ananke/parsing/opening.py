"""The syntax tree of an unfinished program: the face of `opening.zig`.

    for reading in open_tree(state, prune).readings:
        reading.root            # `Tree`: the finished parts, and holes where more is due
        reading.edge            # where the last lexeme ends
        reading.before          # a name of all that comes before the root; 0: nothing does

A tree with `end < edge` is final. One that ends at `edge` or `NOWHERE` may still grow, and what
lies at `NOWHERE` isn't there: it only stands for what must come.
"""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass

from ananke.native import library
from ananke.parsing.grammar import Grammar
from ananke.parsing.state import ParseError, ParseState

__all__ = ["BEGINS", "NOWHERE", "PRUNES", "Opening", "Reading", "Tree", "open_tree"]

#: Offset of what is not there.
NOWHERE = 0xFFFF_FFFF
#: The pending lexeme is left out.
_NOTHING = 0xFFFF
_PRUNED = 4
_HIDDEN = 8

#: Symbol, field, flags, number of children, start, end, parent, unused, identity, tree.
_ROW = struct.Struct("<HHHHIIIIQQ")
#: End, whether the pending lexeme was read, what comes before.
_EDGE = struct.Struct("<IIQ")
#: What `prune` says of a symbol.
PRUNES = 1
BEGINS = 2


class Tree:
    """A node. `identity` is 0 for what was added to finish the text, else a hash of what the tree
    is, where it stands and what it is made of.

    A pruned tree's children are read when first asked for.
    """

    __slots__ = (
        "_address", "_children", "_rows", "_spread",
        "end", "field", "identity", "is_stretch", "kind", "start",
    )  # fmt: skip

    def __init__(
        self, kind: str, field: str, start: int, end: int, identity: int, children: list[Tree]
    ) -> None:
        self.kind = kind
        self.field = field
        self.start = start
        self.end = end
        self.identity = identity
        #: Whether it is a pruned hidden tree, as which a grammar repeats what stands in a row.
        self.is_stretch = False
        self._children: list[Tree] | None = children
        #: The children, with those of stretches in their places; None: not asked for yet.
        self._spread: list[Tree] | None = children
        self._address = 0
        self._rows: _Rows | None = None

    @property
    def pieces(self) -> list[Tree]:
        """The children, of which stretches stand for what they hold."""
        if self._children is None:
            assert self._rows is not None
            self._children = self._rows.expand(self._address, keeps_hidden=True)
            if not self.is_stretch:
                self._rows = None
        return self._children

    @property
    def children(self) -> list[Tree]:
        """The visible children."""
        if self._spread is None:
            if self.is_stretch:
                assert self._rows is not None
                self._spread = self._rows.expand(self._address, keeps_hidden=False)
            else:
                self._spread = [
                    child
                    for one in self.pieces
                    for child in (one.children if one.is_stretch else (one,))
                ]
        return self._spread

    @property
    def is_present(self) -> bool:
        return self.start != NOWHERE

    def child(self, field: str) -> Tree | None:
        """The first child that fills `field`, or None."""
        for one in self.children:
            if one.field == field:
                return one
        return None

    def fields(self, field: str) -> list[Tree]:
        """All children that fill `field`."""
        return [one for one in self.children if one.field == field]

    def __repr__(self) -> str:
        return f"<{self.kind} {self.start}..{self.end}>"


@dataclass(frozen=True, slots=True)
class Reading:
    """One version of the parse. `reads_pending`: the pending lexeme is in the tree. `before`: a
    hash of all that comes before `root`, 0 if that is the whole program."""

    root: Tree
    edge: int
    reads_pending: bool
    before: int


@dataclass(frozen=True, slots=True)
class Opening:
    """The readings of a state. `is_complete`: no other reading was left out."""

    readings: tuple[Reading, ...]
    is_complete: bool


class _Rows:
    """The native rows, for as long as a tree may be expanded.

    Trees know their rows, but rows no trees: a circle would keep both until it is looked for.
    """

    __slots__ = ("_grammar", "_handle")

    def __init__(self, grammar: Grammar, handle: int) -> None:
        self._grammar = grammar
        self._handle = handle

    def __del__(self) -> None:
        library().ananke_opening_free(self._grammar.handle, self._handle)

    def read(self) -> Opening:
        lib, handle = library(), self._handle
        counts = (ctypes.c_uint32 * 3)()
        lib.ananke_opening_counts(handle, counts)
        address = lib.ananke_opening_edges(handle)
        edges = ctypes.string_at(address, counts[1] * _EDGE.size) if counts[1] else b""
        readings = tuple(
            Reading(root, end, bool(is_read), before)
            for root, (end, is_read, before) in zip(
                self._build(counts[0]), _EDGE.iter_unpack(edges), strict=True
            )
        )
        return Opening(readings, bool(counts[2]))

    def expand(self, address: int, *, keeps_hidden: bool) -> list[Tree]:
        """The children of a pruned tree; hidden ones are spread unless they are kept."""
        count = library().ananke_opening_expand(
            self._grammar.handle, self._handle, address, keeps_hidden
        )
        if not count:
            raise ParseError("out of memory")
        return self._build(count)[0].pieces

    def _build(self, count: int) -> list[Tree]:
        if not count:
            return []
        address = library().ananke_opening_rows(self._handle)
        raw = ctypes.string_at(address, count * _ROW.size)
        names, fields = self._grammar.symbol_names, self._grammar.field_names
        roots: list[Tree] = []
        trees: list[Tree] = []
        for symbol, field, flags, _, start, end, parent, _, identity, at in _ROW.iter_unpack(raw):
            tree = Tree(names[symbol], fields[field], start, end, identity, [])
            if flags & _PRUNED:
                tree._children = tree._spread = None
                tree._address = at
                tree._rows = self
                tree.is_stretch = flags & _HIDDEN != 0
            trees.append(tree)
            if parent == NOWHERE:
                roots.append(tree)
            else:
                above = trees[parent]
                assert above._children is not None
                above._children.append(tree)
                if tree.is_stretch:
                    above._spread = None
        return roots


def open_tree(
    state: ParseState, prune: bytes, symbol: int | None = None, start: int = 0
) -> Opening:
    """The readings of the text so far.

    Args:
        prune: a byte for each symbol of the grammar. PRUNES: its finished trees are one row, see
            `Tree.pieces`;
            BEGINS: the innermost open tree of such a symbol is the root.
        symbol: the terminal that the pending lexeme is read as, from byte `start` on; None
            leaves it out.
    """
    handle = library().ananke_state_open(
        state.grammar.handle,
        state.handle,
        _NOTHING if symbol is None else symbol,
        start,
        prune,
        len(prune),
    )
    if not handle:
        raise ParseError("the unfinished program's tree could not be made")
    return _Rows(state.grammar, handle).read()
