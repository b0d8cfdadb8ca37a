"""Zig: a grammar without an external scanner."""

from __future__ import annotations

from ananke.parsing.language import Language

__all__ = ["LANGUAGE"]

LANGUAGE = Language(name="zig", module="tree_sitter_zig", extensions=(".zig",))
