"""Places in texts: where a parse dies, and how to show it."""

from __future__ import annotations

from ananke.parsing.grammar import Grammar

__all__ = ["dead_at", "excerpt", "line_of"]


def dead_at(grammar: Grammar, text: bytes) -> int | None:
    """The offset of the byte after which no continuation is a program; None if all is viable."""
    state = grammar.start()
    low, high = 0, len(text)
    if state.feed(text) is not None:
        return None
    # Invariant: text[:low] is viable (and `state` is after it), text[:high] is not.
    while high - low > 1:
        middle = (low + high) // 2
        after = state.feed(text[low:middle])
        if after is None:
            high = middle
        else:
            state, low = after, middle
    return low


def line_of(text: bytes, offset: int) -> int:
    """The line number of an offset, from 1."""
    return text.count(b"\n", 0, offset) + 1


def excerpt(text: bytes, offset: int, width: int = 60) -> str:
    """What stands around an offset on its line, with `⟦` at the offset; no back-quotes."""
    start = max(text.rfind(b"\n", 0, offset) + 1, offset - width)
    end = text.find(b"\n", offset)
    end = min(len(text) if end < 0 else end, offset + width)
    before = text[start:offset].decode("utf-8", "replace").lstrip()
    after = text[offset:end].decode("utf-8", "replace").rstrip()
    return f"{before}⟦{after}".replace("`", "'")
