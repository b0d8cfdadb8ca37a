"""What the compiler refuses where it stands, whatever its names and types are.

The grammar has it all the same: stars before what isn't spread, names declared twice, what only
async functions hold, escapes that stand for nothing.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Callable, Iterator

from ananke.analysis.scopes import Scope
from ananke.languages.python.meaning.context import Context
from ananke.languages.python.meaning.trees import is_unclosed, parts, spread_in
from ananke.parsing.opening import Tree

__all__ = [
    "check_assigned_name",
    "check_bound",
    "check_placement",
    "check_single",
    "is_async",
    "takes_all",
]


def check_placement(c: Context, tree: Tree) -> None:
    """Reports what the tree itself has wrong, not what stands in it."""
    rule = _RULES.get(tree.kind)
    if rule is not None:
        rule(c, tree)


# Stars


def check_single(c: Context, tree: Tree | None) -> None:
    """Reports a value that is spread where one alone is due."""
    if tree is not None and spread_in(tree):
        c.refuse("a value that is spread can't stand here", tree)


#: What binds looser than what may be spread in a display.
_LOOSE = frozenset(
    (
        "not_operator",
        "boolean_operator",
        "comparison_operator",
        "conditional_expression",
        "lambda",
        "named_expression",
    )
)


def _display(c: Context, tree: Tree) -> None:
    """In displays, not in calls, what is spread is an operand."""
    for one in parts(tree):
        value = one.children[-1] if one.kind in ("list_splat", "dictionary_splat") else None
        if value is not None and value.kind in _LOOSE:
            c.refuse("what is spread here needs brackets", value)


def _tuple(c: Context, tree: Tree) -> None:
    # Of what stands alone in brackets the grammar makes either.
    _parenthesized(c, tree)
    _display(c, tree)


def _operands(c: Context, tree: Tree) -> None:
    """A lambda takes all that follows, so none stands after `and`, `or` and `not`."""
    for one in parts(tree):
        if one.kind == "lambda":
            c.refuse("a lambda needs brackets here", one)


def _single_values(c: Context, tree: Tree) -> None:
    for one in parts(tree):
        check_single(c, one)


def _condition(c: Context, tree: Tree) -> None:
    check_single(c, tree.child("condition"))
    for one in tree.fields("alternative"):
        check_single(c, one.child("condition"))


def _conditional(c: Context, tree: Tree) -> None:
    for one in parts(tree)[1:]:
        check_single(c, one)


def _lone_value(c: Context, tree: Tree) -> None:
    """In a list without brackets a value may be spread, not alone."""
    values = [one for one in parts(tree) if one.kind not in ("return", "yield", "from")]
    if len(values) == 1 and c.is_final(tree):
        check_single(c, values[0])


def _assignment(c: Context, tree: Tree) -> None:
    _target(c, tree)
    if c.is_final(tree):
        check_single(c, tree.child("right"))


def _target(c: Context, tree: Tree) -> None:
    """The left of an assignment, of a loop, of a clause."""
    left = tree.child("left")
    is_star = left is not None and left.kind in ("list_splat_pattern", "list_splat")
    if left is not None and is_star and _has(tree, "=", "in", ":"):
        c.refuse("a target that takes the rest stands among others", left)


def _has(tree: Tree, *signs: str) -> bool:
    """Whether one of the signs is there: an unfinished tree has those that it still waits for."""
    return any(one.kind in signs and one.is_present for one in tree.children)


def _call(c: Context, tree: Tree) -> None:
    listed = tree.child("arguments")
    is_named = False
    for one in () if listed is None else parts(listed):
        if is_named and one.kind == "list_splat":
            c.refuse("`*` after `**`", one)
        is_named |= one.kind == "dictionary_splat"


# Loops, comprehensions and what is async


def _for(c: Context, tree: Tree) -> None:
    _target(c, tree)
    _async_header(c, tree)
    rights = [one for one in tree.fields("right") if one.kind != ","]
    if len(rights) == 1 and _has(tree, ":"):
        check_single(c, rights[0])


def _async_header(c: Context, tree: Tree) -> None:
    words = [one for one in tree.children if one.kind == "async"]
    if words and not is_async(c):
        c.refuse(f"`async` before `{_second(tree)}` outside an async function", words[0])


def _second(tree: Tree) -> str:
    return tree.children[1].kind if len(tree.children) > 1 else ""


def _comprehension(c: Context, tree: Tree) -> None:
    body = tree.child("body")
    clauses = [one for one in tree.children if one.kind == "for_in_clause"]
    if clauses and body is not None:
        check_single(c, body)
    for one in clauses:
        _target(c, one)
        for right in one.fields("right"):
            check_single(c, right)
            if any(part.kind == ":=" for part in _within(right)):
                c.refuse("`:=` in what a comprehension goes through", right)
        is_eager = tree.kind != "generator_expression" and one.children[0].kind == "async"
        if is_eager and not is_async(c, through=("comprehension",)):
            c.refuse("`async for` outside an async function", one.children[0])


def is_async(c: Context, *, through: tuple[str, ...] = ()) -> bool:
    """Whether the place is in an async function, within nothing but scopes of the kinds given."""
    scope: Scope | None = c.scope
    while scope is not None and scope.kind in through:
        scope = scope.outer
    return scope is not None and scope.kind == "function" and scope.frame.is_async


def _within(tree: Tree) -> Iterator[Tree]:
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += one.children


def _yield(c: Context, tree: Tree) -> None:
    _lone_value(c, tree)
    words = [one for one in tree.children if one.kind == "from"]
    if words and is_async(c):
        c.refuse("`yield from` in an async function", words[0])
    if is_async(c) and c.scope.has_returned_value:
        c.refuse("an async generator returns no value", tree.children[0])


def _return(c: Context, tree: Tree) -> None:
    _lone_value(c, tree)
    values = [one for one in parts(tree) if one.kind != "return"]
    if values and c.scope.frame.is_async and c.scope.has_yielded and values[0].is_present:
        c.refuse("an async generator returns no value", values[0])


# Names


def check_bound(c: Context, tree: Tree) -> None:
    """Reports a name that nothing may bind."""
    if c.is_final(tree) and c.text(tree) == "__debug__":
        c.refuse("`__debug__` can't be assigned", tree)


def check_assigned_name(c: Context, tree: Tree) -> None:
    """Reports the name before `:=` that the comprehensions around it don't let be bound."""
    name = c.text(tree)
    scope = c.scope
    while scope.kind == "comprehension" and scope.outer is not None:
        if name in scope.names:
            c.refuse(f"`{name}` is what the comprehension goes through", tree)
            return
        scope = scope.outer
    if scope is not c.scope and scope.kind == "class":
        c.refuse("a comprehension in a class binds nothing", tree)


def _elsewhere(c: Context, tree: Tree) -> None:
    """`global` and `nonlocal`."""
    word = tree.children[0]
    names = [one for one in tree.children if one.kind == "identifier" and c.is_final(one)]
    if word.kind == "nonlocal" and not _has_function_around(c.scope):
        c.refuse("`nonlocal` where no function is around", word)
    if c.scope.kind != "function":
        return
    for one in names:
        name = c.text(one)
        if name in c.scope.names and name not in c.scope.elsewhere:
            c.refuse(f"`{name}` is bound before this `{word.kind}`", one)


def _has_function_around(scope: Scope) -> bool:
    outer = scope.outer
    while outer is not None:
        if outer.kind == "function":
            return True
        outer = outer.outer
    return False


def _wildcard(c: Context, tree: Tree) -> None:
    for one in tree.children:
        if one.kind == "wildcard_import" and c.scope.kind != "module":
            c.refuse("`import *` in a class or function", one)


#: What is assigned to, but no parameter.
_NO_NAMES = frozenset(("attribute", "subscript", "tuple_pattern", "list_pattern"))


def _parameters(c: Context, tree: Tree) -> None:
    listed = tree.child("parameters")
    if listed is None:
        return
    seen: set[str] = set()
    stars = 0
    bare: Tree | None = None
    is_last = False
    for one in parts(listed):
        name = _parameter_name(one)
        if is_last:
            c.refuse("nothing stands after a `**` among parameters", one)
        is_last |= _is_star(one, "dictionary_splat_pattern")
        stars += one.kind == "keyword_separator" or _is_star(one)
        if stars > 1:
            c.refuse("a second `*` among parameters", one)
        is_first = one.kind == "positional_separator" and not seen
        if is_first or one.kind in _NO_NAMES or any(p.kind in _NO_NAMES for p in one.children[:2]):
            c.refuse("a parameter is a name", one)
        if bare is not None and (one.kind == "dictionary_splat_pattern" and c.is_final(one)):
            c.refuse("a bare `*` stands before parameters", bare)
        bare = one if one.kind == "keyword_separator" else None
        if name is None or not c.is_final(name):
            continue
        if c.text(name) in seen:
            c.refuse(f"a second parameter `{c.text(name)}`", name)
        seen.add(c.text(name))
    if bare is not None and c.is_final(listed):
        c.refuse("a bare `*` stands before parameters", bare)


def _is_star(tree: Tree, kind: str = "list_splat_pattern") -> bool:
    inner = tree.children[0] if tree.kind == "typed_parameter" and tree.children else tree
    return inner.kind == kind


def _parameter_name(tree: Tree) -> Tree | None:
    if tree.kind == "identifier":
        return tree if tree.is_present else None
    if tree.kind in ("default_parameter", "typed_default_parameter"):
        return tree.child("name")
    if tree.kind in ("typed_parameter", "list_splat_pattern", "dictionary_splat_pattern"):
        found = [one for one in map(_parameter_name, tree.children) if one is not None]
        return found[0] if found else None
    return None


def _type_alias(c: Context, tree: Tree) -> None:
    left = tree.child("left")
    named = left.children[0] if left is not None and left.children else None
    is_name = named is None or named.kind in ("identifier", "generic_type", "subscript")
    if named is not None and not is_name and _has(tree, "="):
        c.refuse("an alias is a name", named)


def _lambda(c: Context, tree: Tree) -> None:
    _parameters(c, tree)
    check_single(c, tree.child("body"))


def _delete(c: Context, tree: Tree) -> None:
    """In brackets too only targets are deleted; the grammar sees to those without."""
    waiting = [one for one in parts(tree) if one.kind != "del"]
    while waiting:
        one = waiting.pop()
        if one.kind in ("expression_list", "tuple", "list", "parenthesized_expression"):
            waiting += parts(one)
        elif one.kind not in ("identifier", "attribute", "subscript") and c.is_final(tree):
            c.refuse("only names, members and items can be deleted", one)


# Patterns


def _match(c: Context, tree: Tree) -> None:
    body = tree.child("body")
    earlier: Tree | None = None
    for one in () if body is None else body.children:
        if one.kind != "case_clause" or not one.children:
            continue
        if earlier is not None:
            c.refuse("a pattern before takes everything", one.children[0])
        patterns = [part for part in one.children if part.kind == "case_pattern"]
        for pattern in patterns:
            _captures(c, pattern, set())
        is_last = len(patterns) == 1 and one.child("guard") is None and takes_all(c, patterns[0])
        earlier = one if is_last else None


def takes_all(c: Context, tree: Tree) -> bool:
    """Whether a pattern takes anything: it is a name, perhaps in brackets."""
    text = c.text(tree).strip()
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    return text.isidentifier() and not keyword.iskeyword(text)


def _captures(c: Context, tree: Tree, seen: set[str]) -> set[str]:
    """The names that a pattern captures, with those `seen` before in it."""
    if tree.kind == "union_pattern":
        each = [_captures(c, one, set(seen)) for one in tree.children]
        return set().union(seen, *each)
    if tree.kind == "keyword_pattern":
        # The name of the attribute is none.
        inner = tree.children[1:]
    elif tree.kind == "class_pattern":
        inner = [one for one in tree.children if one.kind != "dotted_name"]
    elif tree.kind in ("dotted_name", "splat_pattern"):
        words = [one for one in tree.children if one.kind == "identifier"]
        name = c.text(words[0]) if len(words) == 1 and c.is_final(words[0]) else "_"
        if name in seen:
            c.refuse(f"`{name}` is captured twice", tree)
        return seen if name == "_" else seen | {name}
    else:
        inner = tree.children
    for one in inner:
        seen = _captures(c, one, seen)
    return seen


# Strings

#: What a backslash must be followed by, by the next character: at least so much of it.
_ESCAPES = {
    "x": re.compile(r"[0-9a-fA-F]{2}"),
    "u": re.compile(r"[0-9a-fA-F]{4}"),
    "U": re.compile(r"00(?:10|0[0-9a-fA-F])[0-9a-fA-F]{4}"),
    "N": re.compile(r"\{([^}]+)\}"),
}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def _string(c: Context, tree: Tree) -> None:
    prefix = _prefix(c, tree)
    for one in tree.children:
        if one.kind != "string_content":
            continue
        text = c.text(one)
        if "b" in prefix and not text.isascii():
            c.refuse("bytes hold ASCII only", one)
        if "\\" in text and "r" not in prefix and c.is_final(tree):
            wrong = _wrong_escape(text, "x" if "b" in prefix else "xuUN")
            if wrong:
                c.refuse(f"`{wrong}` stands for nothing", one)


def _wrong_escape(text: str, kinds: str) -> str:
    """The first escape of the kinds that stands for no character, or ""."""
    for found in _ESCAPE.finditer(text):
        kind = found.group(1)
        if kind not in kinds:
            continue
        rest = _ESCAPES[kind].match(text, found.end())
        if rest is None or (kind == "N" and not _is_character(rest.group(1))):
            return found.group(0)
    return ""


def _is_character(name: str) -> bool:
    try:
        unicodedata.lookup(name)
    except KeyError:
        return False
    return True


def _concatenated(c: Context, tree: Tree) -> None:
    strings = [one for one in tree.children if one.kind == "string" and one.children]
    for one in strings[1:]:
        # A prefix may grow.
        is_told = c.is_final(one.children[0])
        if is_told and ("b" in _prefix(c, one)) is not ("b" in _prefix(c, strings[0])):
            c.refuse("text and bytes in one", one)


def _prefix(c: Context, tree: Tree) -> str:
    start = tree.children[0] if tree.children else None
    is_start = start is not None and start.kind == "string_start"
    return c.text(start).rstrip("'\"").lower() if start is not None and is_start else ""


def _parenthesized(c: Context, tree: Tree) -> None:
    is_alone = len(parts(tree)) == 1 and not any(one.kind == "," for one in tree.children)
    if is_alone and not is_unclosed(c, tree):
        check_single(c, parts(tree)[0])


def _parenthesized_star(c: Context, tree: Tree) -> None:
    if not is_unclosed(c, tree):
        check_single(c, tree)


_RULES: dict[str, Callable[[Context, Tree], None]] = {
    "assert_statement": _single_values,
    "assignment": _assignment,
    "boolean_operator": _operands,
    "call": _call,
    "concatenated_string": _concatenated,
    "conditional_expression": _conditional,
    "delete_statement": _delete,
    "dictionary": _display,
    "dictionary_comprehension": _comprehension,
    "expression_list": _display,
    "expression_statement": _lone_value,
    "for_statement": _for,
    "function_definition": _parameters,
    "generator_expression": _comprehension,
    "global_statement": _elsewhere,
    "if_statement": _condition,
    "import_from_statement": _wildcard,
    "lambda": _lambda,
    "list": _display,
    "list_comprehension": _comprehension,
    "match_statement": _match,
    "nonlocal_statement": _elsewhere,
    "not_operator": _operands,
    "parenthesized_expression": _parenthesized,
    "parenthesized_list_splat": _parenthesized_star,
    "raise_statement": _single_values,
    "return_statement": _return,
    "set": _display,
    "set_comprehension": _comprehension,
    "slice": _single_values,
    "string": _string,
    "tuple": _tuple,
    "type_alias_statement": _type_alias,
    "while_statement": _condition,
    "with_statement": _async_header,
    "yield": _yield,
}
