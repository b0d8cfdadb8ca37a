"""A module's outline: which names it binds, and the least source text that declares each.

An outline depends on one file and the target alone, so that it can be kept: names that come from
elsewhere stay as they are written and are followed when they are used (`linking.py`). Declarations
are kept as source text without bodies (`def join(self, iterable: Iterable[str], /) -> str:...`),
which Python's own parser reads in some microseconds when the name is asked for.

The encoding of a table of names, all numbers little-endian u32:

    count of names, bytes of names, names joined by line ends, then for each name the end of its
    items (relative to where items start), then the items:
        kind, flags, length of text, length of inner table, text, inner table (of a class)

Reading a table makes one dict of names; items are read when looked up. What doesn't add up raises
`DamagedOutlineError`; nothing in it is ever unpickled or executed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

__all__ = [
    "DamagedOutlineError",
    "Flag",
    "Item",
    "ItemKind",
    "Outline",
    "Table",
    "decode",
    "encode",
    "pack_sections",
    "unpack_sections",
]


class DamagedOutlineError(ValueError):
    """Bytes that are no encoded outline."""


class ItemKind(IntEnum):
    """What binds the name."""

    #: `import a.b`; the text is the module that the name stands for.
    MODULE = 1
    #: `from a import b`; the text is `a:b`.
    FROM = 2
    CLASS = 3
    FUNCTION = 4
    #: An assignment or annotation; without a text nothing is known of the value.
    VARIABLE = 5
    #: A `type` statement.
    ALIAS = 6


class Flag(IntFlag):
    """What else is known of a binding."""

    #: Imported by a stub for its own use: `from module import name` doesn't find it.
    PRIVATE = 1
    #: Bound on some ways only, or one of several bindings.
    CONDITIONAL = 2
    #: Assigned through the receiver (`self.x = …`).
    INSTANCE = 4
    #: The annotation was taken from a parameter that is assigned.
    INFERRED = 8
    #: A function whose body yields.
    GENERATOR = 16


NO_FLAGS = Flag(0)


@dataclass(frozen=True, slots=True)
class Item:
    """One binding of a name; `inner` is what a class's body binds."""

    kind: ItemKind
    text: str = ""
    flags: Flag = NO_FLAGS
    inner: Table | None = field(default=None, hash=False)


Table = Mapping[str, tuple[Item, ...]]


@dataclass(frozen=True, slots=True)
class Outline:
    """What one file binds.

    Attributes:
        names: bindings by name, in the order of the text.
        stars: modules that are star-imported, in order.
        exported: `__all__`; an entry `*module` stands for that module's `__all__`; None if the
            file has none, or one that can't be told.
        is_stub: the rules of stubs on what is exported hold.
        is_open: there may be more names than these.
    """

    names: Table = field(default_factory=dict)
    stars: tuple[str, ...] = ()
    exported: tuple[str, ...] | None = None
    is_stub: bool = False
    is_open: bool = False


_PAIR = struct.Struct("<II")
_ITEM = struct.Struct("<IIII")


def encode(outline: Outline) -> bytes:
    """The outline as bytes that `decode` reads."""
    words = [
        "stub" if outline.is_stub else "",
        "open" if outline.is_open else "",
        "\n".join(outline.stars),
        "-" if outline.exported is None else "\n".join(("+", *outline.exported)),
    ]
    head = "\0".join(words).encode()
    return _PAIR.pack(len(head), 0) + head + _encode_table(outline.names)


def decode(data: bytes | memoryview) -> Outline:
    """The outline that `encode` wrote.

    Raises:
        DamagedOutlineError: the bytes are something else; inner tables tell when they are read.
    """
    view = memoryview(data)
    try:
        length, _ = _PAIR.unpack_from(view)
        start = _PAIR.size + length
        if start > len(view):
            raise DamagedOutlineError("the head is cut short")
        stub, open_, stars, exported = str(view[_PAIR.size : start], "utf-8").split("\0")
    except (struct.error, ValueError) as error:
        raise DamagedOutlineError(f"the head doesn't read: {error}") from None
    return Outline(
        _EncodedTable(view[start:]),
        tuple(stars.split("\n")) if stars else (),
        tuple(exported.split("\n")[1:]) if exported != "-" else None,
        bool(stub),
        bool(open_),
    )


def _encode_table(table: Table) -> bytes:
    ends: list[int] = []
    items = bytearray()
    for bindings in table.values():
        for item in bindings:
            text = item.text.encode()
            inner = b"" if item.inner is None else _encode_table(item.inner)
            items += _ITEM.pack(item.kind, item.flags, len(text), len(inner)) + text + inner
        ends.append(len(items))
    return pack_sections(table, ends, items)


def pack_sections(names: Iterable[str], ends: Sequence[int], content: bytes | bytearray) -> bytes:
    """Named stretches of `content`, each from the end of the one before to its own."""
    joined = "\n".join(names).encode()
    head = _PAIR.pack(len(ends), len(joined))
    return b"".join((head, joined, struct.pack(f"<{len(ends)}I", *ends), content))


def unpack_sections(view: memoryview, what: str) -> tuple[list[str], tuple[int, ...], int]:
    """The names, their ends, and where the content begins. `what` is named in the error.

    Raises:
        DamagedOutlineError: the bytes are something else.
    """
    try:
        count, length = _PAIR.unpack_from(view)
        start = _PAIR.size + length
        names = str(view[_PAIR.size : start], "utf-8").split("\n") if count else []
        ends = struct.unpack_from(f"<{count}I", view, start)
    except (struct.error, ValueError) as error:
        raise DamagedOutlineError(f"{what} doesn't read: {error}") from None
    first = start + 4 * count
    if first + (ends[-1] if ends else 0) > len(view):
        raise DamagedOutlineError(f"{what} is cut short")
    return names, ends, first


class _EncodedTable(Mapping[str, tuple[Item, ...]]):
    """A table read from its bytes name by name."""

    __slots__ = ("_ends", "_items", "_places", "_read", "_view")

    def __init__(self, view: memoryview) -> None:
        names, self._ends, self._items = unpack_sections(view, "a table")
        self._view = view
        self._places = dict(zip(names, range(len(self._ends)), strict=False))
        self._read: dict[str, tuple[Item, ...]] = {}
        if len(self._places) != len(self._ends):
            raise DamagedOutlineError("a table's names and items don't agree")

    def __getitem__(self, name: str) -> tuple[Item, ...]:
        found = self._read.get(name)
        if found is None:
            at = self._places[name]
            start = self._ends[at - 1] if at else 0
            found = self._read[name] = tuple(self._bindings(start, self._ends[at]))
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def _bindings(self, start: int, end: int) -> Iterator[Item]:
        at, end = self._items + start, self._items + end
        while at < end:
            try:
                kind, flags, text_length, inner_length = _ITEM.unpack_from(self._view, at)
                text_at = at + _ITEM.size
                inner_at = text_at + text_length
                at = inner_at + inner_length
                if at > end:
                    raise DamagedOutlineError("an item is cut short")
                yield Item(
                    ItemKind(kind),
                    str(self._view[text_at:inner_at], "utf-8"),
                    Flag(flags),
                    _EncodedTable(self._view[inner_at:at]) if inner_length else None,
                )
            except (struct.error, ValueError) as error:
                raise DamagedOutlineError(f"an item doesn't read: {error}") from None
