"""Incremental parsing on tree-sitter's compiled grammars: the face of the native core."""
