"""A text and its holes: those that it says itself, or those of a list of ranges."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ananke.analysis.holes import Hole, HoleError, HoleKind, HoleLanguage
from ananke.spec import HoleRange, Policy

__all__ = ["Find", "HoleText", "find", "stand_in"]

_STATEMENTS = frozenset((HoleKind.STATEMENT, HoleKind.BODY, HoleKind.MODULE))

#: The holes of a text; with starts, those that begin there.
Find = Callable[[bytes, frozenset[int] | None], Sequence[Hole]]


@dataclass(frozen=True, slots=True)
class HoleText:
    """A text in which the language's sign stands for each hole.

    Attributes:
        holes: in order.
        policies: for each hole what holds for it alone, or None.
    """

    text: bytes
    holes: tuple[Hole, ...]
    policies: tuple[Policy | None, ...]


def stand_in(language: HoleLanguage, hole: Hole) -> bytes:
    """What stands for a hole that isn't filled, where the text is judged."""
    return language.sign if hole.kind in _STATEMENTS else language.filler


def find(
    text: bytes, language: HoleLanguage, find: Find, ranges: Sequence[HoleRange] | None = None
) -> HoleText:
    """The holes of a text: its own signs and marked comments, or else the ranges.

    Raises HoleError: the text is no program, or a range is none of its expressions or statements.
    """
    if ranges is None:
        marked = _marked(text, language)
        holes = tuple(find(marked, None))
        return HoleText(marked, holes, (None,) * len(holes))
    pieces: list[bytes] = []
    starts: list[int] = []
    last = length = 0
    for one in ranges:
        if one.end > len(text):
            raise HoleError(f"byte {one.end}: the text has {len(text)} bytes; end the hole in it")
        pieces += [text[last : one.start], language.sign]
        length += one.start - last
        starts.append(length)
        length += len(language.sign)
        last = one.end
    signed = b"".join([*pieces, text[last:]])
    holes = tuple(find(signed, frozenset(starts)))
    return HoleText(signed, holes, tuple(one.spec for one in ranges))


def _marked(text: bytes, language: HoleLanguage) -> bytes:
    """The text with the sign in place of each marking comment, and as long."""

    def signed(match: re.Match[bytes]) -> bytes:
        indentation, comment = match.group(1), match.group(2)
        return indentation + language.sign.ljust(len(comment))

    return re.sub(language.marker, signed, text)
