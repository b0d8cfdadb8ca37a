"""The least text that finishes a program; the search is native (`completion.zig`)."""

from __future__ import annotations

import ctypes

from ananke.native import library
from ananke.parsing.state import ParseState

__all__ = ["shortest_completion"]


def shortest_completion(state: ParseState, suffix: bytes = b"") -> bytes | None:
    """The least text that makes the state's text, followed by `suffix`, a complete program.

    None if the search, which is bounded, finds none.
    """
    out = ctypes.c_void_p()
    length = library().ananke_state_complete(
        state.grammar.handle, state.handle, suffix, len(suffix), ctypes.byref(out)
    )
    if length < 0:
        return None
    try:
        return ctypes.string_at(out, length) if length else b""
    finally:
        if out.value:
            library().ananke_text_free(out, length)
