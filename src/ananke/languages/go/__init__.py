"""Go: the grammar has no external scanner; its semicolons are ordinary newlines."""

from __future__ import annotations

from ananke.parsing.language import Language

__all__ = ["LANGUAGE"]

LANGUAGE = Language(name="go", module="tree_sitter_go", extensions=(".go",))
