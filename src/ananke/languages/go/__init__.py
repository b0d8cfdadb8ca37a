"""Go: the grammar has no external scanner; its semicolons are ordinary newlines."""

from __future__ import annotations

from ananke.parsing.language import Language, LineRule, Twin

__all__ = ["LANGUAGE"]

LANGUAGE = Language(
    name="go",
    module="tree_sitter_go",
    extensions=(".go",),
    # Where a line ends after one of these a semicolon is inserted.
    lines=LineRule(
        ends=(
            *("identifier", "blank_identifier", "nil", "true", "false", "iota"),
            *("int_literal", "float_literal", "imaginary_literal", "rune_literal", '"', "`"),
            *("break", "continue", "fallthrough", "return", "++", "--", ")", "]", "}"),
        ),
        # A comment to the line end is none where the line may not end.
        breaks=("source_file_token1",),
        runs=("line comment",),
    ),
    twins=(Twin("line comment", of="comment", pattern="//.*"),),
    unbroken=("interpreted_string_literal_content",),
    patterns={
        "escape_sequence": (
            r"\\([abfnrtv\\\"]|[0-3][0-7]{2}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U00(0[0-9a-fA-F]|10)[0-9a-fA-F]{4})"
        ),
    },
)
