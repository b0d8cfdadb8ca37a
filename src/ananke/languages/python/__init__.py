"""Python: indentation and strings are the business of the grammar's external scanner."""

from __future__ import annotations

from itertools import product
from typing import TypedDict

from ananke.languages.python.constructs import CONTEXTS, FORBIDDEN
from ananke.parsing.language import Fold, Language, LineRule, StateShape

__all__ = ["LANGUAGE"]


class _Columns(TypedDict):
    escape: bytes
    runs: tuple[tuple[bytes, bytes], ...]
    comments: tuple[tuple[bytes, bytes], ...]
    drops_lines: bool
    leading: bool
    words: tuple[bytes, ...]
    fatal: bytes


#: Inside a string all bytes act alike but quotes, escapes, braces and line ends.
_PLAIN = bytes(b for b in range(1, 256) if b not in b"\"'`\\{}\r\n")

#: Flags of an open string in the scanner's state.
_SINGLE, _DOUBLE, _BACK, _RAW, _FORMAT, _TRIPLE = 1, 2, 4, 8, 16, 32

#: Any other word before a quote is a name.
_PREFIXES = tuple(
    b"".join(word)
    for letters in (b"r", b"u", b"b", b"f", b"t", b"br", b"rb", b"fr", b"rf", b"tr", b"rt")
    for word in product(*((bytes([c]), bytes([c]).upper()) for c in letters))
)

#: Quotes that the scanner has and Python 3 has not.
_QUOTES = b"`"

#: At a line end the columns of the next line count, and of the comments between only the first.
_BY_COLUMN: _Columns = {
    "escape": b"\\",
    "runs": ((b"\n", b"\n"), (b" \t\f\r", b" ")),
    "comments": ((b"#", b"\n"),),
    "drops_lines": True,
    "leading": True,
    "words": _PREFIXES,
    "fatal": _QUOTES,
}

#: A line end is decided by the next line's indentation, which may have to be deeper.
_INDENTS = tuple(
    start + b" " * columns + b"x" for start in (b"", b"\n") for columns in range(1, 81)
)

LANGUAGE = Language(
    name="python",
    module="tree_sitter_python",
    extensions=(".py", ".pyi"),
    folds=(
        Fold(
            where="_string_content",
            runs=((_PLAIN, b"x"),),
            escape=b"\\",
            forgets=b"x\"'`\\\r\n",
            opening=b"{}",
            live_in=((_SINGLE, b"'"), (_DOUBLE, b'"'), (_BACK, b"`"), (_FORMAT, b"{}")),
            plain_in=((_TRIPLE, b"\r\n"),),
            raw_in=_RAW,
            # A string in single quotes ends on its line.
            fatal=b"\n",
        ),
        *(Fold(where=name, **_BY_COLUMN) for name in ("_indent", "_dedent")),
        *(
            Fold(
                where=name,
                runs=((b" \t\f\r\n", b" "),),
                skips=b" \t\f\r\n",
                escape=b"\\",
                words=_PREFIXES,
                fatal=_QUOTES,
            )
            for name in (")", "]", "}")
        ),
        *(Fold(where=name, **_BY_COLUMN) for name in ("_newline", "comment")),
    ),
    probes=(b"x", b'"', b"'", b'"""', b"'''", b"\nx", b"(", b")", b"]", b"}", b"}}", *_INDENTS),
    spellings={
        "_newline": b"\n",
        "_indent": b"\n ",
        "string_start": b'"',
        "string_end": b'"',
        "_string_content": b"x",
    },
    certain=("string_start", "_string_content", "_newline"),
    # Whether inside an interpolation; the open strings; the columns of the open blocks.
    state_shape=StateShape(
        header=1,
        counted=1,
        rest=2,
        restless="_string_content",
        dedent="_dedent",
        indent="_indent",
        ends_outside=True,
    ),
    # A block isn't empty: where it may be indented it may not be left out.
    exclusions=(("_indent", "_newline"),),
    # A line end is white space in brackets only; a line doesn't begin with a backslash.
    lines=LineRule(
        brackets=(("(", ")"), ("[", "]"), ("{", "}")),
        starts=("_newline", "_indent", "_dedent"),
        runs=("comment",),
        is_strict=True,
        never_first=b"\\",
    ),
    spaces=b" \t\f\n\r",
    patterns={
        "integer": (
            r"0[xX](_?[0-9a-fA-F])+|0[oO](_?[0-7])+|0[bB](_?[01])+"
            r"|0(_?0)*|[1-9](_?[0-9])*|[0-9](_?[0-9])*[jJ]"
        ),
        "float": (
            r"([0-9](_?[0-9])*\.([0-9](_?[0-9])*)?|\.[0-9](_?[0-9])*)"
            r"([eE][+\-]?[0-9](_?[0-9])*)?[jJ]?"
            r"|[0-9](_?[0-9])*[eE][+\-]?[0-9](_?[0-9])*[jJ]?"
        ),
        "type_conversion": r"![sra]",
    },
    # Joiners, which the grammar's edition of Unicode has in names.
    without={"identifier": ("\u200c", "\u200d")},
    forbidden=FORBIDDEN,
    contexts=CONTEXTS,
    prunes=True,
    # Python 2.
    absent=("print", "exec", "<>"),
)
