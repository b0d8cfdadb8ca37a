"""Kotlin: inserted semicolons, comments, raw strings and a few operators are scanned externally."""

from __future__ import annotations

from ananke.parsing.language import ContextRule, Fold, Language, Step

__all__ = ["LANGUAGE"]

_TEXT = bytes(b for b in range(1, 256) if b not in b'"${')
#: The words whose presence on the next line decides whether a semicolon is inserted.
_WORDS = tuple(
    b"public private protected internal abstract final open override lateinit vararg noinline "
    b"crossinline external suspend inline else in instanceof get set constructor by as where "
    b"import is".split()
)
_SPACES = ((b" \t\f\v", b" "), (b"\r", b"\r"), (b"\n", b"\n"))
#: An annotation is read to the white space after it, whatever it says.
_COMMENTS = ((b"//", b"\n"), (b"/*", b"*/"), (b"@", b" "))

_CHARACTERS = ("character_literal_token1", "escape_sequence")

#: A character stands between its quotes without white space and comments.
_CHARACTER = ContextRule(
    steps=(
        Step(("'",), to="", on=("character",)),
        Step(("'",), to="opened"),
        Step(_CHARACTERS, to="character", on=("opened",)),
    ),
    only={"opened": _CHARACTERS, "character": ("'",)},
)

#: Of these the grammar has the first and the last alone, as the Unicode data file lists them:
#: ideographs, and Hangul.
_LETTERS = (("\u3400", "\u4dbf"), ("\u4e00", "\u9fff"), ("\uac00", "\ud7a3"))

LANGUAGE = Language(
    name="kotlin",
    module="tree_sitter_kotlin",
    extensions=(".kt", ".kts"),
    folds=(
        Fold(where="string_content", runs=((_TEXT, b"x"),), forgets=b'x"', ending=b'"""'),
        Fold(
            where="_semi",
            runs=_SPACES,
            comments=_COMMENTS,
            drops_lines=True,
            words=_WORDS,
            nests=True,
        ),
        Fold(
            where="_class_member_semi", runs=_SPACES, comments=_COMMENTS, words=_WORDS, nests=True
        ),
        Fold(where="block_comment", runs=_SPACES, comments=_COMMENTS, nests=True),
    ),
    probes=(
        *(
            b"x",
            b"x ",
            b"\nx",
            b"}",
            b"*/x",
            b"*/\nx",
            b'"""',
            b'"',
            b" x",
            b"1",
            b".x",
            b"(",
            b")",
        ),
        *(b"]", b"-1", b"=x", b"s ", b"n ", b" ", b"?.x", b" by x", b">x"),
    ),
    words=_WORDS,
    contexts=(_CHARACTER,),
    filled=_LETTERS,
    prunes=True,
    unprobed=b"@(",
    spellings={"_semi": b"\n", "_class_member_semi": b"\n"},
    closers=(b"*/", b"*/\n", b"\n", b";", b"\n}", b";}"),
)
