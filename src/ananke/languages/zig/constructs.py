"""What Zig has less of than its grammar, by what came before in the same construct."""

from __future__ import annotations

from ananke.parsing.language import REFUSED, ContextRule, Step

__all__ = ["CONTEXTS"]

_ASSIGNING = (
    *("=", "*=", "*%=", "*|=", "/=", "%=", "+=", "+%=", "+|=", "-=", "-%=", "-|="),
    *("<<=", "<<|=", ">>=", "&=", "^=", "|="),
)
_COMPARING = ("==", "!=", ">", ">=", "<=", "<")
_COMPUTING = (
    *("&", "^", "|", "<<", ">>", "<<|", "+", "-", "++", "+%", "-%", "+|", "-|"),
    *("*", "/", "%", "**", "*%", "*|", "||", "or", "and", "orelse", "catch"),
)
_TYPES = ("struct", "enum", "union", "opaque", "error", "switch")
_OPENING = ("(", "[", "{")

_OPERATORS = (*_COMPUTING, *_COMPARING)
#: Kinds that a reduction to which changes nothing but the name.
_REPEATS = ("initializer_list_repeat1", "call_expression_repeat1")
_EXPRESSIONS = ("primary_type_expression", "type_expression", "expression")

#: Only statements assign. An initializer has either fields, which the grammar takes for
#: assignments, or items.
_ASSIGNMENTS = ContextRule(
    steps=(
        Step(("{",), to="list", into=("field_initializer",)),
        Step(("{",), to=""),
        Step(("(",), to="", after=(":",)),
        Step(("=>",), to=""),
        Step((".",), to="dot", on=("list",), after=("{",)),
        Step((".",), to="named", on=("fields",)),
        Step(("field_expression",), to="field", top=("dot",)),
        Step(("field_expression",), to="owing", top=("named",)),
        Step(("assignment_expression",), to="assigned", on=("list", "fields")),
        Step(("assignment_expression",), to="done", on=("",)),
        *(
            Step(_EXPRESSIONS, to=context, top=(context,))
            for context in ("field", "owing", "assigned", "done")
        ),
        Step(_REPEATS, to="assigned", top=("assigned",)),
        Step(_REPEATS, to=REFUSED, top=("named", "owing")),
        Step((",",), to="fields", on=("assigned",)),
        Step((",",), to="items", on=("list", "dot", "field")),
        Step(("(", "[", *_ASSIGNING), to="value"),
    ),
    refused={
        **dict.fromkeys(("value", "list", "dot", "items"), _ASSIGNING),
        "named": (*_ASSIGNING, "{"),
        "done": (",",),
        "field": tuple(set(_ASSIGNING) - {"="}),
    },
    only={"fields": (".", "}", "comment"), "owing": ("=", "comment")},
)

#: Comparisons aren't compared.
_COMPARISONS = ContextRule(
    steps=(
        Step(_COMPARING, to="compared"),
        Step((*_COMPUTING, *_OPENING), to=""),
        Step(("binary_expression",), to="comparison", top=("compared",)),
        Step(_EXPRESSIONS, to="comparison", top=("comparison",)),
        Step((), to="", on=("comparison",)),
    ),
    refused={"comparison": _COMPARING},
)

_VALUES = (
    *('"', "multiline_string_token1", "'", "integer", "float", "true", "false"),
    *("unreachable", "undefined", "null"),
)

#: A parameter of a function that has a name has one too.
_PARAMETERS = ContextRule(
    steps=(
        Step(("identifier",), to="named", on=("fn",)),
        Step(("(",), to="parameters", on=("named",), into=("parameter",)),
        # A function from elsewhere may leave the names out.
        Step(("fn",), to="extern", after=("extern", "string")),
        Step(("fn",), to="fn"),
        Step(("(",), to="typed", after=("fn",)),
        Step(("(",), to="typed", on=("extern",)),
        Step((":", "..."), to="typed", on=("parameters",)),
        Step(("@",), to="", on=("parameters",)),
        Step(("parameter",), to=REFUSED, top=("parameters",)),
        Step(_OPENING, to=""),
    ),
    refused={
        **dict.fromkeys(("", "fn", "named", "extern"), ("anytype",)),
        "parameters": (
            *(*_TYPES, *"*?[{(", "fn", "if", "anyframe", "packed"),
            *("builtin_identifier", "anytype", ".", ".*", ".?", "..", "!", *_OPERATORS),
            *_VALUES,
        ),
    },
)

_LEADING = ("pub", "export", "extern", "inline", "noinline", "string")
_DECLARING = ("const", "var", "test", "comptime", "threadlocal", "usingnamespace", *_LEADING)
_NO_TYPES = (
    *({*_OPERATORS, *_ASSIGNING} - {"*", "**", "="}),
    *("..", "~", "try", "return", "break", "continue", "asm", "nosuspend", "resume"),
    *("async", "await", "for", "while"),
)

#: Contexts of `_MEMBERS` in which a type begins.
_TYPED = ("", "typed", "head", "function", "signed", "untitled")

#: A container holds declarations, and fields that are types. Its functions have names.
_MEMBERS = ContextRule(
    steps=(
        Step(("{",), to="", into=("container_field",)),
        Step(("(",), to="head", into=("parameter",)),
        # The length of an array type, whose items are of a type too.
        Step(("[",), to="length", on=_TYPED),
        Step(("]",), to="typed", on=("length",)),
        Step((*_OPENING, "="), to="inside"),
        Step((":",), to="typed", on=("",)),
        Step(_TYPES, to="head"),
        Step(_DECLARING, to="head", on=("",)),
        Step(("fn",), to="function", on=("",)),
        Step(("fn",), to="head", on=("signed", "untitled")),
        Step(("fn",), to="owing", on=("head",), after=_LEADING),
        Step(("_identifier", "@", "identifier"), to="function", on=("owing",)),
        Step(("parameters",), to="untitled", after=("fn",), on=("function",)),
        Step(("parameters",), to="signed", on=("function",)),
        Step(("_function_prototype",), to="untitled", top=("untitled",)),
        Step(("_function_prototype",), to="titled", top=("signed", "returned")),
        Step((*_EXPRESSIONS, "container_field"), to=REFUSED, top=("titled",)),
        Step(("_function_prototype",), to="head", on=("",)),
        # After a type an asterisk is no pointer's.
        Step(_EXPRESSIONS, to="field", on=("", "typed")),
        Step(_EXPRESSIONS, to="returned", on=("signed",)),
        Step(_EXPRESSIONS, to="type", on=("head", "function")),
        Step(("!",), to="typed", on=("field", "returned", "type")),
    ),
    refused={
        "": (*_NO_TYPES, "{"),
        "typed": (*_NO_TYPES, "{", ":", "inline"),
        "field": (*_NO_TYPES, "*", "**", "{"),
        "type": (*_NO_TYPES, "*", "**"),
        # Nothing is assigned to what a function gives.
        "returned": (*_NO_TYPES, "*", "**", "="),
        "head": _NO_TYPES,
        "owing": (*_NO_TYPES, "("),
        "function": _NO_TYPES,
        "signed": _NO_TYPES,
        "untitled": (*_NO_TYPES, "{", ";"),
    },
    only={"titled": ("{", ";", "comment")},
)

#: What an asterisk in front points to is a type, and no loop; so is what an error may stand for,
#: what arrays hold, and what a variable is.
_POINTERS = ContextRule(
    steps=(
        Step(("*", "**"), to="", after=_EXPRESSIONS),
        Step(("*", "**", "?"), to="pointer"),
        Step(("!",), to="pointer", after=_EXPRESSIONS),
        Step(("]",), to="pointer", into=("type_expression",)),
        Step(("const", "volatile", "allowzero"), to="pointer", on=("pointer",)),
        Step(("identifier",), to="named", on=("pointer",)),
        Step((":",), to="labeled", on=("named",)),
        Step(("const", "var"), to="declaring"),
        Step(("identifier",), to="declared", on=("declaring",)),
        Step((":",), to="pointer", on=("declared",)),
        Step(_EXPRESSIONS, to="type", on=("pointer",)),
        Step((), to="", on=("pointer", "named", "labeled", "declaring", "declared", "type")),
    ),
    refused={
        # Signs join values, but for the one between an error and a type.
        "type": tuple({*_OPERATORS, *_ASSIGNING} - {"!", "="}),
        "pointer": (
            *("-", "-%", "!", "~", "&", "try", "return", "break", "continue"),
            *("async", "await", "nosuspend", "resume"),
        ),
        "labeled": ("inline",),
    },
)

_DECLARATIONS = (
    *("test_declaration", "comptime_declaration", "variable_declaration"),
    *("function_declaration", "using_namespace_declaration"),
)

#: The fields of a container stand together.
_FIELDS = ContextRule(
    steps=(
        Step(("container_field",), to="fields"),
        Step(_DECLARATIONS, to="closed", on=("fields", "closed")),
        *(
            Step(("_container_members_repeat1",), to=context, top=(context,))
            for context in ("fields", "closed")
        ),
        Step((*set(_DECLARING) - {"string"}, "fn", *_OPENING), to=""),
        Step(("_variable_declaration_header", "_function_prototype"), to="", on=("closed",)),
    ),
    only={"closed": (*set(_DECLARING) - {"string"}, "fn", "}", "comment")},
)

#: A character stands between its quotes without a comment.
_CHARACTERS = ContextRule(
    steps=(
        Step(("'",), to="", on=("character",)),
        Step(("'",), to="opened"),
        Step(("character_content", "escape_sequence"), to="character", on=("opened",)),
    ),
    only={"opened": ("character_content", "escape_sequence"), "character": ("'",)},
)

CONTEXTS = (
    *(_ASSIGNMENTS, _COMPARISONS, _PARAMETERS, _MEMBERS, _POINTERS, _FIELDS),
    _CHARACTERS,
)
