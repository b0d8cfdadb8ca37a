"""What Python has less of than its grammar, by what came before in the same construct."""

from __future__ import annotations

from ananke.parsing.language import REFUSED, ContextRule, Step

__all__ = ["CONTEXTS", "FORBIDDEN"]

_EXTRAS = ("comment", "line_continuation")
#: Words that are keywords in some places only.
_NAMES = ("identifier", "match", "type")
_OPENING = ("(", "[", "{")

#: No positional argument after a named one.
_ARGUMENTS = ContextRule(
    steps=(
        Step(("keyword_argument",), to="named"),
        Step(("dictionary_splat",), to="named", after=("(", ",")),
        Step(("list_splat",), to="named", on=("next",)),
        Step(("argument_list_repeat1",), to="named", top=("named",)),
        Step(("argument_list_repeat1",), to=REFUSED, top=("next", "name")),
        Step(("primary_expression", "expression", "pattern"), to=REFUSED, top=("name",)),
        Step((",",), to="next", on=("named",)),
        Step(_NAMES, to="name", on=("next",)),
        Step(("*", "**", "=", *_OPENING), to=""),
    ),
    only={
        "next": (*_NAMES, "*", "**", ")", *_EXTRAS),
        "name": ("=", *_EXTRAS),
    },
)

_DEFAULTED = ("default_parameter", "typed_default_parameter")

#: No parameter without a default after one with, up to a star. No star after a bare one.
_PARAMETERS = ContextRule(
    steps=(
        Step((*_DEFAULTED, "typed_parameter"), to="bare", on=("starred",)),
        Step(_DEFAULTED, to="free", on=("free",)),
        Step(_DEFAULTED, to="bare", on=("bare",)),
        Step(_DEFAULTED, to="defaulted"),
        Step(("keyword_separator",), to="bare"),
        Step(("list_splat_pattern",), to="free"),
        Step(("positional_separator",), to="defaulted", on=("next",)),
        Step(("typed_parameter",), to="free", top=("free",)),
        Step(("typed_parameter",), to=REFUSED, top=("typed",)),
        Step(("parameter",), to="owing", top=("owing",)),
        Step(("parameter",), to="free", top=("free",)),
        Step(("parameter", "_parameters_repeat1"), to="bare", top=("bare",)),
        Step(("parameter",), to="defaulted", top=("defaulted",)),
        Step(("_parameters_repeat1",), to=REFUSED, top=("owing",)),
        Step(("_parameters_repeat1",), to="free", top=("free",)),
        Step(("_parameters_repeat1",), to="defaulted", top=("defaulted",)),
        Step(("_parameters_repeat1",), to="", top=("",)),
        Step((",",), to="next", on=("defaulted",)),
        Step((",",), to="starred", on=("bare",)),
        Step(("identifier",), to="owing", on=("next",)),
        Step((":",), to="typed", on=("owing",)),
        Step(("lambda", "=", *_OPENING), to=""),
        Step((), to="bare", on=("starred",)),
    ),
    refused={"starred": ("*",)},
)

#: The condition of a conditional expression is none itself, nor a lambda or an assignment.
_CONDITIONS = ContextRule(
    steps=(
        Step(("if",), to="condition", after=("expression", "primary_expression")),
        Step(("else", *_OPENING), to=""),
    ),
    refused={"condition": ("if", "lambda", ":=")},
)

#: An assignment expression stands alone in brackets, or where a condition or subject is due.
_ASSIGNMENTS = ContextRule(
    steps=(
        Step(_OPENING, to="inside"),
        Step(_NAMES, to="target", on=("",), after=("if", "elif", "while", "@")),
        Step(_NAMES, to="target", after=("match", *_OPENING)),
        Step(_NAMES, to="target", on=("inside", "subject"), after=(",",)),
        Step(("_named_expression_lhs",), to="target", top=("target",)),
        Step(("_named_expression_lhs",), to=""),
        # The subjects of a match statement; as a name it isn't assigned to here.
        Step(("match",), to="subject"),
        Step((":",), to="", on=("subject",)),
        Step(_NAMES, to="inside", on=("inside",)),
        Step(_NAMES, to="", on=("", "target")),
    ),
    refused={"": (":=",), "inside": (":=",), "subject": (":=",)},
)

#: `as` names what a `with` enters, an `except` catches, an `import` brings, a `case` finds.
_ALIASES = ContextRule(
    steps=(
        Step(("with",), to="item"),
        Step(("except",), to="caught"),
        Step(("import", "case"), to="free"),
        Step(_OPENING, to="pattern", on=("free", "pattern")),
        Step((":",), to="", on=("free", "item", "caught")),
        Step(("if",), to="", on=("free",)),
        Step((".",), to="target", on=("called",)),
        Step(("as",), to="target", on=("item",)),
        Step(("as",), to="name", on=("caught",)),
        Step(("(",), to="item", on=("item",), after=("with",)),
        Step(("(", "["), to="target", on=("target",), after=("as", "(", "[", ",")),
        Step(("call",), to="called", on=("target",)),
        Step(("primary_expression", "expression"), to="called", top=("called",)),
        Step(("as_pattern", "_collection_elements"), to=REFUSED, top=("called",)),
        Step((*_OPENING, "lambda"), to=""),
    ),
    refused={"": ("as",), "caught": (",",)},
    only={
        "target": (*_NAMES, *"([*.,:])", *_EXTRAS),
        "called": (*"([.", *_EXTRAS),
        "name": (*_NAMES, ":", *_EXTRAS),
    },
)

#: No `else` after the body of a `try` without an `except`.
_TRIES = ContextRule(
    steps=(
        Step(("try",), to="try"),
        Step(("_indent",), to="body", on=("try",)),
        Step(("block",), to="tried", on=("try", "body")),
        Step(("_simple_statements",), to="tried", on=("try",)),
        Step(("except_clause", "try_statement_repeat1"), to=""),
        Step(("except", "finally", "if", "for", "while", "with", "def", "class", "match"), to=""),
    ),
    refused={"tried": ("else",)},
)

#: What is imported from a module has no dots, and a list without brackets no comma at its end.
_IMPORTS = ContextRule(
    steps=(
        Step(("import",), to="members", after=("dotted_name", "relative_import", "__future__")),
        Step(("import",), to="modules"),
        Step(("(",), to="inside", on=("members",)),
        Step((",",), to="more members", on=("members",)),
        Step((",",), to="more modules", on=("modules",)),
        Step(("_import_list",), to=REFUSED, top=("more members", "more modules")),
        Step(("_import_list_repeat1",), to="members", top=("more members",)),
        Step(("_import_list_repeat1",), to="modules", top=("more modules",)),
    ),
    refused={"members": (".",), "inside": (".",), "more members": (".",)},
)

_AUGMENTED = ("+=", "-=", "*=", "/=", "@=", "//=", "%=", "**=", ">>=", "<<=", "&=", "^=", "|=")

#: What is assigned is no annotated or augmented assignment itself. No bracket begins with a comma.
_VALUES = ContextRule(
    steps=(
        Step(_OPENING, to="opened"),
        Step(("lambda",), to="inside"),
        Step((), to="inside", on=("opened",)),
        Step(("=",), to="value", on=("", "several")),
        Step(("pattern_list", "tuple_pattern", "list_pattern"), to="several"),
        Step(("pattern",), to="several", top=("several",)),
        Step(("in",), to="", on=("several",)),
        Step(_AUGMENTED, to="added"),
    ),
    refused={
        "value": (":", *_AUGMENTED),
        "several": (":", *_AUGMENTED),
        "added": (":", "=", *_AUGMENTED),
        "opened": (",",),
    },
)

_COMPARISONS = ("<", "<=", "==", "!=", ">=", ">", "is")
_OPERATORS = (*"+-/%@&|^", "**", "//", "<<", ">>")

#: Not `*`, which may also begin a target, nor `in`.
_COMPUTING = (*_COMPARISONS, *_OPERATORS, "and", "or", "if", "not")

#: A star stands before an operand as a whole: `*a == b` and `a == *b` are neither. `await` is no
#: name, and what is awaited neither `-x` nor awaited itself.
_OPERANDS = ContextRule(
    steps=(
        # The word, not the expression.
        Step(("await",), to="await", into=("integer",)),
        Step(("primary_expression", "expression", "pattern"), to=REFUSED, top=("await",)),
        Step(("_named_expression_lhs", "list_splat_pattern"), to=REFUSED, top=("await",)),
        Step(("dictionary_splat_pattern",), to=REFUSED, top=("await",)),
        Step(("list_splat_pattern",), to="starred"),
        Step(("primary_expression", "expression"), to="starred", top=("starred",)),
        Step((*_COMPARISONS, *_OPERATORS, "*", "~", "and", "or", "not"), to="operator"),
        Step(("if", "elif", "else", "while", "assert", "raise"), to="operator"),
        Step((), to="", on=("operator", "starred", "await")),
    ),
    refused={"starred": (*_COMPARISONS, "and", "or", "if", "not"), "operator": ("*",)},
    only={
        "await": (
            *_NAMES,
            *_OPENING,
            *("string_start", "integer", "float", "true", "false", "none", "ellipsis"),
            *_EXTRAS,
        )
    },
)

_NO_TARGETS = (*_COMPUTING, "~", "await")

#: What a comprehension goes through is one expression; targets aren't computed.
_COMPREHENSIONS = ContextRule(
    steps=(
        Step(("for",), to="targets", after=("expression", "primary_expression", "pair")),
        Step(("for",), to="targets", after=("for_in_clause", "_comprehension_clauses_repeat1")),
        Step(("for",), to="heads"),
        Step(("in",), to="iterable", on=("targets",)),
        Step(("in",), to="", on=("heads",)),
        Step((*_OPENING, "lambda"), to=""),
    ),
    refused={"iterable": (",",), "targets": _NO_TARGETS, "heads": _NO_TARGETS},
)

#: An annotation has no second one.
_ANNOTATIONS = ContextRule(
    steps=(Step(("type",), to="annotated", after=(":",)), Step((), to="")),
    refused={"annotated": (":",)},
)


_VALUES_OF_WORDS = ("await", "lambda", "true", "false", "none")

#: `del` takes what could be assigned to.
_DELETIONS = ContextRule(
    steps=(
        Step(("del",), to="target"),
        Step(("call", "string", "concatenated_string", "dictionary"), to="value", on=("target",)),
        Step(("primary_expression", "expression", "expression_list"), to="value", top=("value",)),
        Step(("delete_statement",), to=REFUSED, top=("value",)),
        Step(_OPENING, to=""),
    ),
    refused={
        "target": (*_COMPUTING, *_VALUES_OF_WORDS, "*", "~", "in", "integer", "float"),
        "value": (*_COMPUTING, "*", "in", ",", ";", "_newline"),
    },
)

#: `async` is no name.
_ASYNC = ContextRule(
    steps=(
        Step(("async",), to="async"),
        Step(("primary_expression", "expression", "pattern"), to=REFUSED, top=("async",)),
        Step(("_named_expression_lhs", "list_splat_pattern"), to=REFUSED, top=("async",)),
        Step(("dictionary_splat_pattern",), to=REFUSED, top=("async",)),
        Step((), to="", on=("async",)),
    ),
    # Not even a comment: where no such word may come, nothing may.
    only={"async": ("def", "for", "with")},
)

CONTEXTS = (
    _ARGUMENTS,
    _PARAMETERS,
    _CONDITIONS,
    _ASSIGNMENTS,
    _ALIASES,
    _TRIES,
    _IMPORTS,
    _VALUES,
    _OPERANDS,
    _COMPREHENSIONS,
    _ANNOTATIONS,
    _DELETIONS,
    _ASYNC,
)

#: A `try` with neither `except` nor `finally`.
FORBIDDEN = (("try_statement", 3, ""), ("try_statement", 4, "block"))
