"""Zig: a grammar without an external scanner."""

from __future__ import annotations

from ananke.languages.zig.constructs import CONTEXTS
from ananke.parsing.language import Language, Production

__all__ = ["LANGUAGE"]

#: Not `async`, `await`, `usingnamespace`: newer versions of the language have them no more.
_RESERVED = [
    "addrspace",
    "align",
    "allowzero",
    "and",
    "anyframe",
    "asm",
    "break",
    "callconv",
    "catch",
    "comptime",
    "const",
    "continue",
    "defer",
    "else",
    "enum",
    "errdefer",
    "error",
    "export",
    "extern",
    "fn",
    "for",
    "if",
    "inline",
    "linksection",
    "noalias",
    "noinline",
    "nosuspend",
    "opaque",
    "or",
    "orelse",
    "packed",
    "pub",
    "resume",
    "return",
    "struct",
    "suspend",
    "switch",
    "test",
    "threadlocal",
    "try",
    "union",
    "unreachable",
    "var",
    "volatile",
    "while",
]

LANGUAGE = Language(
    name="zig",
    module="tree_sitter_zig",
    extensions=(".zig",),
    reserved=tuple(_RESERVED),
    contexts=CONTEXTS,
    absent=("usingnamespace", "async", "await"),
    # Not those that are prefixes too.
    balanced=(
        *("==", "!=", ">", ">=", "<=", "<", "+", "/", "%", "++", "+%", "+|", "-|"),
        *("<<", "<<|", ">>", "^", "||"),
    ),
    balanced_words=(b"and", b"or", b"orelse", b"catch"),
    word="_identifier",
    unbroken=("string_content", "character_content"),
    additions=(
        Production("_container_members", (), before=("}",)),
        Production("asm_clobbers", (":", "expression")),
        Production(
            "primary_type_expression", ("error_set_declaration",), within=("container_field",)
        ),
    ),
    patterns={
        "escape_sequence": r"\\([nrt'\"\\]|x[0-9a-fA-F]{2}|u\{[0-9a-fA-F]+\})",
    },
)
