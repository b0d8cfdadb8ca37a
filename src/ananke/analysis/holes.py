"""Typed holes: places of a program where something is still to be written.

A language finds them (`languages.get_hole_finder`), and writes them: a hole that isn't filled yet
stands in the text as the language's own sign for it, so that the text around it stays a program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

__all__ = ["Hole", "HoleError", "HoleFinder", "HoleKind", "HoleLanguage", "Region"]


class HoleKind(Enum):
    """What stands in a hole."""

    ARGUMENT = "argument"
    EXPRESSION = "expression"
    STATEMENT = "statement"
    BODY = "body"
    MODULE = "module"


class HoleError(ValueError):
    """The text has no such hole, or is no program; the message names the place and the mend."""


@dataclass(frozen=True, slots=True)
class Region:
    """The construct that what is written must stay inside of.

    Attributes:
        kind: its node's kind. What is written has left the construct once a finished node holds
            its start that begins before it, or with it and is of its kind.
        start: where it begins, in bytes.
        hole: where the hole begins.
        is_line: whether a line end outside of brackets leaves it.
        separators: terminals that leave it, outside of brackets.
        pairs: (opening, closing) terminals; a closing one without its own opening leaves, unless
            it is one of `loose`, which also stand alone.
        column: outside of brackets, a line that begins before this column leaves it; 0: none does.
    """

    kind: str
    start: int
    hole: int
    is_line: bool = False
    separators: frozenset[str] = frozenset()
    pairs: tuple[tuple[str, str], ...] = ()
    loose: frozenset[str] = frozenset()
    column: int = 0


@dataclass(frozen=True, slots=True)
class Hole:
    """One hole, `start` to `end` in bytes.

    Attributes:
        type: what is expected of its value, as the language writes it (a body: what the function
            gives back); None: nothing is known.
        names: (name, type) of what is in scope, innermost first, without builtins; the type is
            None where it isn't known.
        inside: the function or class around it, dotted; "" for the module.
    """

    start: int
    end: int
    kind: HoleKind
    type: str | None
    names: tuple[tuple[str, str | None], ...]
    inside: str
    region: Region


class HoleFinder(Protocol):
    """Finds the holes of a text."""

    def __call__(
        self,
        text: bytes,
        *,
        starts: frozenset[int] | None = None,
        environment: Path | None = None,
        folder: Path | None = None,
        allowed: tuple[str, ...] | None = None,
        denied: tuple[str, ...] = (),
        stubs: Mapping[str, str] | None = None,
    ) -> Sequence[Hole]:
        """The holes in order; with `starts` only those that begin there. Raises HoleError."""
        ...


@dataclass(frozen=True, slots=True)
class HoleLanguage:
    """How a language writes holes.

    Attributes:
        find: see `HoleFinder`.
        sign: the text of a hole; it may stand where an expression or a statement may.
        filler: an expression of unknown type for a hole that isn't filled yet, while others are.
        marker: a regex for comments that are a hole, with the line's indentation before.
    """

    find: HoleFinder
    sign: bytes
    filler: bytes
    marker: bytes
