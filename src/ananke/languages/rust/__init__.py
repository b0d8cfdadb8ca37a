"""Rust: strings, raw strings, doc comments, nested comments and floats are scanned externally."""

from __future__ import annotations

from ananke.parsing.language import Fold, Language

__all__ = ["LANGUAGE"]

#: Serves ordinary strings (which end at `"` or an escape) and raw ones (at `"#`).
_STRING = bytes(b for b in range(1, 256) if b not in b'"\\#')
_BLOCK = bytes(b for b in range(1, 256) if b not in b"*/!")
_LINE = bytes(b for b in range(1, 256) if b not in b"\n")
_SPACES = ((b" \t\f\v", b" "), (b"\r", b"\r"), (b"\n", b"\n"))

LANGUAGE = Language(
    name="rust",
    module="tree_sitter_rust",
    extensions=(".rs",),
    folds=(
        Fold(where="_block_comment_content", runs=((_BLOCK, b"x"),)),
        Fold(where="doc_comment", runs=((_LINE, b"x"),)),
        Fold(where="float_literal", runs=(*_SPACES, (b"123456789", b"1"))),
        Fold(where="string_content", runs=((_STRING, b"x"),), forgets=b'x"#\\'),
    ),
    probes=(b"x", b'"', b"*/", b"\n", b'"#', b'"##', b'"###', b"/x", b" ", b"\\n", b"0 ", b'#"'),
    # Those that are words of token trees too, but lifetimes: `static`.
    reserved=(
        *("as", "async", "await", "break", "const", "continue", "enum", "fn", "for", "if"),
        *("impl", "let", "loop", "match", "mod", "pub", "return", "struct", "trait"),
        *("type", "unsafe", "use", "where", "while"),
    ),
    patterns={
        "escape_sequence": (
            r"\\([nrt0\\\"']|x[0-9a-fA-F]{2}|u\{_*([0-9a-fA-F]_*){1,6}\}|[ \t\n\r]+)"
        ),
    },
    spellings={
        "string_content": b"x",
        "float_literal": b"1.0",
        "_block_comment_content": b"x",
    },
)
