"""Places after which all tokens are judged alike: the mask of one is the mask of the other.

Inside of a comment or string what is there already doesn't matter, while all before it is the same,
but where types tell one string from another.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from ananke.analysis.judgement import Inert
from ananke.analysis.types import (
    ClassOf,
    Literal,
    Nominal,
    Structural,
    Type,
    Variable,
    map_type,
)
from ananke.languages.python.meaning.annotations import form_of
from ananke.languages.python.meaning.context import Context
from ananke.languages.python.meaning.expressions import constructor
from ananke.languages.python.meaning.lexemes import is_cut, lexeme_of
from ananke.languages.python.meaning.statements import expected_of_target
from ananke.languages.python.meaning.trees import open_path
from ananke.parsing.opening import NOWHERE, Reading, Tree
from ananke.parsing.state import ParseState

__all__ = ["likeness"]

_FORMATTED = frozenset("fFtT")
_BYTES = frozenset("bB")
#: What has the value of what stands in it, or holds it.
_HOLDERS = frozenset(
    (
        "parenthesized_expression",
        "expression_list",
        "tuple",
        "list",
        "set",
        "dictionary",
        "pair",
        "keyword_argument",
        "argument_list",
    )
)
#: What has names of its own, which nothing is known of where only the path is read.
_IN_SCOPES = frozenset(
    (
        "lambda",
        "list_comprehension",
        "set_comprehension",
        "dictionary_comprehension",
        "generator_expression",
    )
)


def likeness(c: Context, reading: Reading, state: ParseState, inert: Inert) -> Hashable | None:
    """Equal at two places of one program after which all tokens are judged alike, but for the end
    of the text; None: not told.

    Args:
        c, reading: the only reading of the state's text, run.
        inert: the string or comment that the text ends in.
    """
    if c.defects or is_cut(state.tail):
        return None
    lexeme = lexeme_of(state.tail)
    if lexeme[:1] == b"#":
        end: int | None = state.position - len(lexeme)
    else:
        end = _content_start(c, open_path(reading.root), state, inert)
    if end is None:
        return None
    return inert, reading.before, state.text(reading.root.start)[: end - reading.root.start]


def _content_start(c: Context, path: Sequence[Tree], state: ParseState, inert: Inert) -> int | None:
    """Where the text of the string begins that the text ends in, if that text doesn't matter."""
    at = next((at for at, one in enumerate(path) if one.kind == "string"), None)
    if at is None or inert.begun or inert.is_escaped:
        return None
    if any(one.kind in _IN_SCOPES for one in path):
        return None
    fixed = [
        one
        for one in path[at].pieces
        if one.start != NOWHERE and one.kind in ("string_start", "interpolation")
    ]
    if not fixed or fixed[0].kind != "string_start":
        return None
    start = fixed[-1].end
    content = state.text(start)
    if not content or b"\\" in content or content[-1:] in b"{}":
        return None
    prefix = c.text(fixed[0])
    if not _BYTES.isdisjoint(prefix):
        return None
    if not _FORMATTED.isdisjoint(prefix) or not _matters(c, path[: at + 1]):
        return start
    return None


def _matters(c: Context, path: Sequence[Tree]) -> bool:
    """Whether it may matter which string it is that ends the path."""
    for at in range(len(path) - 2, -1, -1):
        one = path[at]
        match one.kind:
            case "expression_statement" | "raise_statement":
                return False
            case "call":
                return _tells_arguments(c, one)
            case "return_statement":
                returns = c.scope.frame.returns
                return returns is not None and _tells(c, returns)
            case "assignment":
                left = one.child("left")
                if left is None or one.child("type") is not None or c.scope.kind == "class":
                    return True
                if left.kind not in ("identifier", "attribute") or c.text(left).endswith("__"):
                    return True
                expected = expected_of_target(c, left)
                return expected is not None and _tells(c, expected)
            case kind if kind not in _HOLDERS:
                return True
    return True


def _tells_arguments(c: Context, tree: Tree) -> bool:
    """Whether a call that is open may tell one string from another among its arguments."""
    function_tree = tree.child("function")
    if function_tree is None or "import" in c.text(function_tree):
        return True
    with c.quiet():
        function: Type | None = c.infer(function_tree, None)
        if function is None or form_of(function):
            return True
        if isinstance(function, ClassOf):
            function = constructor(c, function.instance)
        elif isinstance(function, Nominal):
            function = c.world.member(function, "__call__")
    return function is None or _tells(c, function)


def _tells(c: Context, type_: Type) -> bool:
    """Whether some strings may fit the type, or what it is solved to, and others not."""
    found = False

    def look(part: Type) -> None:
        nonlocal found
        if isinstance(part, Literal):
            found = found or isinstance(part.value, str)
        elif isinstance(part, Variable | Structural):
            found = True
        elif isinstance(part, Nominal):
            class_ = c.world.class_of(part.symbol)
            flags = frozenset[str]() if class_ is None else class_.flags
            found = found or part.symbol == "typing:LiteralString" or "typeddict" in flags

    map_type(type_, look)
    return found
