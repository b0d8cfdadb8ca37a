"""Productions that a language has and its grammar lacks (`parsing/grafting.py` adds them).

A wheel's grammar is compiled and older than the language. A row says what it lacks as the grammar
itself would: "this symbol may also be made of these parts". It applies wherever the grammar
expects the symbol, with whatever may follow it there. A symbol that is a terminal may be made of
parts too: a lexeme sequence that is read as one the grammar knows.

    Production("asm_clobbers", (":", "expression"))
    Production("_container_members", (), before=("}",))        # of nothing
    Production("else", ("_semi", "else"))                      # a terminal, read from two

A `Twin` is a terminal of its own for some of another terminal's lexemes: a word of the names, some
spellings, or what follows a line end. It may come wherever the other may, and is named like it, so
that a twin by itself changes nothing; productions and the rows of a language tell the two apart.

    Twin("out", of="identifier", word=b"out")
    Twin("line comment", of="comment", pattern="//.*")
    Twin("line <", of="<")                                     # after a line end
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Production", "Twin"]


@dataclass(frozen=True)
class Twin:
    """A terminal for some lexemes of another one.

    Attributes:
        name: what productions call it; no symbol of the grammar has that name.
        of: the terminal; the grammar's word token if there is a `word`.
        word: its one spelling.
        pattern: its spellings (`parsing/pattern.py`). With neither it is every `of` that begins a
            line.
    """

    name: str
    of: str
    word: bytes = b""
    pattern: str = ""


@dataclass(frozen=True)
class Production:
    """One production.

    Attributes:
        symbol: a nonterminal or terminal of the grammar.
        parts: terminals, twins and nonterminals.
        before: it is read only before one of these; empty: before all that may follow `symbol`.
        within: it is read only where `symbol` is a direct part of one of these; empty: anywhere.
        fields: the parts that fill fields: (index, name of the field).
    """

    symbol: str
    parts: tuple[str, ...]
    before: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    fields: tuple[tuple[int, str], ...] = ()
