"""TypeScript and TSX: inserted semicolons, templates and JSX text are scanned externally."""

from __future__ import annotations

from dataclasses import replace

from ananke.parsing.language import ContextRule, Fold, Language, Production, Step, Twin

__all__ = ["LANGUAGE", "TSX"]

_TEMPLATE = bytes(b for b in range(1, 256) if b not in b"`$\\{}")
_JSX = bytes(b for b in range(1, 256) if b not in b"<>{}& \t\r\n\f\v")
_SPACES = ((b" \t\f\v", b" "), (b"\r", b"\r"), (b"\n", b"\n"))
_HTML_COMMENTS = ((b"<!--", b"\n"), (b"-->", b"\n"))
_COMMENTS = ((b"//", b"\n"), (b"/*", b"*/"), *_HTML_COMMENTS)

_FOLDS = (
    Fold(where="string_fragment", runs=((_TEMPLATE, b"x"),), forgets=b"x$"),
    Fold(where="jsx_text", runs=(*_SPACES, (_JSX, b"x"))),
    Fold(where="_automatic_semicolon", runs=_SPACES, comments=_COMMENTS, drops_lines=True),
    Fold(where="_function_signature_automatic_semicolon", runs=_SPACES, comments=_COMMENTS),
    Fold(where="?", runs=_SPACES, comments=_HTML_COMMENTS),
    Fold(where="html_comment", runs=_SPACES, comments=_HTML_COMMENTS),
)
_PROBES = (
    *(b"x", b"\nx", b"}", b"`", b"${", b"*/x", b"*/\nx", b"\\n", b"<", b"1", b":", b" x"),
    *(b"->x", b"=x", b"/x"),
)
_SPELLINGS = {
    "_automatic_semicolon": b"\n",
    "_function_signature_automatic_semicolon": b"\n",
}

#: A regular expression stands on one line: no white space and no comment within its slashes.
_REGEX = ContextRule(
    steps=(
        Step(("/",), to="", on=("pattern",)),
        Step(("/",), to="opened", into=("regex_pattern",)),
        Step(("regex_pattern",), to="pattern"),
    ),
    only={"opened": ("regex_pattern",), "pattern": ("/",)},
)

#: What may be missing has no private members: TypeScript's own rule, JavaScript has none.
_CHAIN = ContextRule(
    steps=(Step(("optional_chain",), to="chained"),),
    refused={"chained": ("private_property_identifier",)},
)

#: Comments end at these; those of HTML may have begun with `--` or `<!`.
_CLOSERS = (b"*/", b"\n", b">\n", b"->\n", b"--\n")

LANGUAGE = Language(
    name="typescript",
    module="tree_sitter_typescript",
    function="language_typescript",
    extensions=(".ts", ".mts", ".cts"),
    folds=_FOLDS,
    probes=_PROBES,
    words=(b"in", b"instanceof", b"<!--", b"-->"),
    unbroken=("string_fragment",),
    # Neither `catch` nor `finally`.
    forbidden=(("try_statement", 2, ""),),
    twins=(
        Twin("out", of="identifier", word=b"out"),
        Twin("line <", of="<"),
    ),
    additions=(
        Production("type_parameter", ("in", "type_parameter")),
        Production("type_parameter", ("out", "type_parameter")),
        Production("type_parameter", ("in", "out", "type_parameter")),
        # A type isn't applied across a line end: a signature begins.
        Production("_automatic_semicolon", (), before=("line <",), within=("object_type_repeat1",)),
    ),
    contexts=(_REGEX, _CHAIN),
    prunes=True,
    followers={"regex_pattern": b"/"},
    spellings=_SPELLINGS,
    closers=_CLOSERS,
)

TSX = replace(
    LANGUAGE,
    name="tsx",
    function="language_tsx",
    extensions=(".tsx",),
    # In text, if no reference follows.
    alone={"html_character_reference": b"&"},
)
