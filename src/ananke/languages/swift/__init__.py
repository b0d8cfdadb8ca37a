"""Swift: inserted semicolons, operators, some keywords, comments and raw strings are scanned
externally."""

from __future__ import annotations

from ananke.parsing.language import Fold, Language

__all__ = ["LANGUAGE"]

_SPACES = ((b" \t\f\v", b" "), (b"\r", b"\r"), (b"\n", b"\n"))
_COMMENTS = ((b"//", b"\n"), (b"/*", b"*/"))

#: What an operator may begin with beyond ASCII (The Swift Programming Language, "Operators"), as
#: far as the scanner knows it.
_OPERATORS = (
    (0x2190, 0x23FF),
    (0x2500, 0x2775),
    (0x2794, 0x2BFF),
    (0x2E00, 0x2E7F),
    (0x2020, 0x2027),
    (0x2030, 0x203E),
    (0x2041, 0x2053),
    (0x2055, 0x205E),
    (0x3001, 0x3003),
    (0x3008, 0x3020),
)

LANGUAGE = Language(
    name="swift",
    module="tree_sitter_swift",
    extensions=(".swift",),
    folds=(
        Fold(
            where="",
            runs=_SPACES,
            comments=_COMMENTS,
            drops_lines=True,
            alike=_OPERATORS,
            repeats=b"-=+*%|^~.",
            hashes=True,
            nests=True,
        ),
    ),
    probes=(
        *(b"x", b"\nx", b" x", b"}", b"*/x", b"*/\nx", b'"#', b'"##', b"1", b"(", b")", b"]"),
        *(b"= x", b"+ x", b" ", b"/x\nx", b"**/\nx", b"if x"),
    ),
    words=tuple(
        b"-> && || ?? == throws rethrows default where else catch as as? as! async "
        b"if elseif endif".split()
    ),
    spellings={
        "_implicit_semi": b"\n",
        "_explicit_semi": b";",
        "_bang_custom": b"!",
        "_throws_keyword": b"throws",
        "_rethrows_keyword": b"rethrows",
        "default_keyword": b"default",
        "where_keyword": b"where",
        "else": b"else",
        "catch_keyword": b"catch",
        "raw_str_end_part": b'#""#',
    },
    retried=b"#",
    prunes=True,
    closers=(b'"#', b'"##', b'"###', b"*/", b"\n"),
)
