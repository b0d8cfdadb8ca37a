"""Swift: inserted semicolons, operators, some keywords, comments and raw strings are scanned
externally."""

from __future__ import annotations

from ananke.parsing.language import Fold, Language

__all__ = ["LANGUAGE"]

_SPACES = ((b" \t\f\v", b" "), (b"\r", b"\r"), (b"\n", b"\n"))
_COMMENTS = ((b"//", b"\n"), (b"/*", b"*/"))

LANGUAGE = Language(
    name="swift",
    module="tree_sitter_swift",
    extensions=(".swift",),
    folds=(Fold(where="", runs=_SPACES, comments=_COMMENTS, drops_lines=True),),
    probes=(
        *(b"x", b"\nx", b" x", b"}", b"*/x", b"*/\nx", b'"#', b'"##', b"1", b"(", b")", b"]"),
        *(b"= x", b"+ x", b" ", b"/x\nx", b"**/\nx"),
    ),
    words=tuple(
        b"-> && || ?? == throws rethrows default where else catch as as? as! async "
        b"if elseif endif".split()
    ),
)
