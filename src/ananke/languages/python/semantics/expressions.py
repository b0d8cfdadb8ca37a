"""Python's expressions as the engine's: one row for each kind of node."""

from __future__ import annotations

import ast
from collections.abc import Callable

from ananke.analysis.formulas.expressions import (
    And,
    Binding,
    Choice,
    Collection,
    Constant,
    Display,
    Each,
    Expression,
    Name,
    Not,
    Operation,
    Or,
    Unmodelled,
)
from ananke.parsing.opening import Tree

__all__ = ["PUNCTUATION", "Reader", "column_of", "parts"]

PUNCTUATION = frozenset("()[]{},:;") | {"comment", "line_continuation"}

#: Arguments that builtin functions take, by number; others are not known.
_BUILTINS: dict[str, tuple[int, ...]] = {
    "len": (1,),
    "abs": (1,),
    "min": (1, 2, 3),
    "max": (1, 2, 3),
    "sum": (1,),
    "any": (1,),
    "all": (1,),
    "range": (1, 2, 3),
    "bool": (1,),
    "int": (1,),
    "list": (0, 1),
    "tuple": (1,),
    "sorted": (1,),
    "reversed": (1,),
    "divmod": (2,),
    "str": (1,),
    "float": (1,),
    "round": (1,),
    "ord": (1,),
    "isinstance": (2,),
    "print": (0, 1, 2, 3),
}
#: Functions that go through their only argument at once.
_GO_THROUGH = frozenset(["list", "tuple", "sum", "any", "all", "sorted", "min", "max"])
#: Functions whose result is no list, but is gone through like one.
_LAZY = frozenset(["range", "reversed"])
#: Methods by the number of arguments.
_METHODS: dict[str, tuple[int, ...]] = {
    "startswith": (1,),
    "endswith": (1,),
    "upper": (0,),
    "lower": (0,),
    "strip": (0,),
    "lstrip": (0,),
    "rstrip": (0,),
    "title": (0,),
    "capitalize": (0,),
    "isdigit": (0,),
    "isalpha": (0,),
    "isupper": (0,),
    "islower": (0,),
    "isspace": (0,),
    "replace": (2,),
    "count": (1,),
    "copy": (0,),
    "join": (1,),
    "split": (0, 1),
}
_NAMED_CONSTANTS: dict[str, Constant] = {
    "true": Constant(True),
    "false": Constant(False),
    "none": Constant(None),
}
#: Larger literals are legal, and no contract's business.
_MAX_DIGITS = 30


class Reader:
    """Lowers expressions of one text. `volatile` names have values that nothing here follows."""

    def __init__(
        self, text: Callable[[int, int], bytes], volatile: frozenset[str] = frozenset()
    ) -> None:
        self._text = text
        self.volatile = volatile

    def text(self, tree: Tree) -> str:
        return self._text(tree.start, tree.end).decode(errors="replace")

    def line_start(self, place: int) -> bytes:
        """What stands before a place on its line."""
        reach = 128
        while True:
            before = self._text(max(0, place - reach), place)
            at = before.rfind(b"\n")
            if at >= 0 or reach >= place:
                return before[at + 1 :]
            reach *= 2

    def expression(self, tree: Tree) -> Expression:
        """The expression; `Unmodelled` where there is no row for it."""
        if not tree.is_present:
            return Unmodelled()
        named = _NAMED_CONSTANTS.get(tree.kind)
        if named is not None:
            return named
        row = _ROWS.get(tree.kind)
        return self.unmodelled(tree) if row is None else row(self, tree)

    def source(self, tree: Tree) -> Expression:
        """What is gone through at once: there a generator or a range is as good as a list."""
        if tree.kind == "parenthesized_expression" and len(parts(tree)) == 1:
            return self.source(parts(tree)[0])
        if tree.kind == "generator_expression":
            return _collection(self, tree)
        if tree.kind == "call":
            return _call(self, tree, is_source=True)
        return self.expression(tree)

    def unmodelled(self, tree: Tree) -> Expression:
        return Unmodelled(tuple(self.expression(one) for one in parts(tree) if one.is_present))

    def child(self, tree: Tree, field: str) -> Expression:
        found = tree.child(field)
        return Unmodelled() if found is None else self.expression(found)


def column_of(blanks: bytes) -> int:
    """The column after the blanks that a line begins with."""
    column = 0
    for one in blanks:
        if one == ord("\t"):
            column += 8 - column % 8
        elif one == ord(" "):
            column += 1
        else:
            break
    return column


def parts(tree: Tree) -> list[Tree]:
    """The children that aren't punctuation."""
    return [one for one in tree.children if one.kind not in PUNCTUATION]


def _name(r: Reader, tree: Tree) -> Expression:
    name = r.text(tree)
    return Unmodelled() if name in r.volatile else Name(name)


def _integer(r: Reader, tree: Tree) -> Expression:
    text = r.text(tree).replace("_", "").lower()
    if text.endswith("j") or len(text) > _MAX_DIGITS:
        return Unmodelled(runs=False)
    if text.isdecimal():
        return Constant(int(text.lstrip("0") or "0"))
    return Constant(int(text, 0))


def _float(r: Reader, tree: Tree) -> Expression:
    if "j" in r.text(tree).lower():
        return Unmodelled(runs=False)
    return Operation("float literal", ())


def _string(r: Reader, tree: Tree) -> Expression:
    kinds = {one.kind for one in tree.children}
    if "interpolation" in kinds:
        inner = [
            r.expression(part)
            for one in tree.children
            if one.kind == "interpolation"
            for part in parts(one)
            if part.kind not in ("type_conversion", "format_specifier", "=")
        ]
        return Unmodelled(tuple(inner))
    text = r.text(tree)
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return Unmodelled(runs=False)
    # Characters past the third plane have no terms.
    if isinstance(value, str) and all(ord(one) < 0x2FF00 for one in value):
        return Constant(value)
    return Unmodelled(runs=False)


def _parenthesized(r: Reader, tree: Tree) -> Expression:
    inner = parts(tree)
    return r.expression(inner[0]) if len(inner) == 1 else r.unmodelled(tree)


def _binary(r: Reader, tree: Tree) -> Expression:
    operator = tree.child("operator")
    op = "?" if operator is None else r.text(operator)
    return Operation(op, (r.child(tree, "left"), r.child(tree, "right")), tree.end)


def _unary(r: Reader, tree: Tree) -> Expression:
    operator = tree.child("operator")
    op = "?" if operator is None else r.text(operator)
    return Operation(f"unary {op}", (r.child(tree, "argument"),), tree.end)


def _not(r: Reader, tree: Tree) -> Expression:
    return Not(r.child(tree, "argument"))


def _boolean(r: Reader, tree: Tree) -> Expression:
    operator = tree.child("operator")
    kind = And if operator is not None and operator.kind == "and" else Or
    return kind(r.child(tree, "left"), r.child(tree, "right"))


def _comparison(r: Reader, tree: Tree) -> Expression:
    operands: list[Expression] = []
    operators: list[str] = []
    for one in tree.children:
        if one.field == "operators":
            words = r.text(one).split()
            # `not in` and `is not` may come in two pieces.
            if operators and len(operators) > len(operands) - 1 and operands:
                operators[-1] += " " + " ".join(words)
            else:
                operators.append(" ".join(words))
        elif one.kind not in PUNCTUATION:
            is_in = operators[-1:] in (["in"], ["not in"])
            operands.append(r.source(one) if is_in else r.expression(one))
    if len(operands) != len(operators) + 1:
        return r.unmodelled(tree)
    result: Expression | None = None
    for at, op in enumerate(operators):
        link: Expression = Operation(op, (operands[at], operands[at + 1]), tree.end)
        result = link if result is None else And(result, link)
    return Unmodelled() if result is None else result


def _conditional(r: Reader, tree: Tree) -> Expression:
    found = [one for one in parts(tree) if one.kind not in ("if", "else")]
    if len(found) != 3:
        return r.unmodelled(tree)
    then, test, other = map(r.expression, found)
    return Choice(test, then, other)


def _named(r: Reader, tree: Tree) -> Expression:
    name = tree.child("name")
    value = r.child(tree, "value")
    if name is None or r.text(name) in r.volatile:
        return Unmodelled((value,))
    return Binding(r.text(name), value)


def _display(kind: str) -> Callable[[Reader, Tree], Expression]:
    def row(r: Reader, tree: Tree) -> Expression:
        inner = parts(tree)
        if any(one.kind in ("list_splat", "parenthesized_list_splat") for one in inner):
            return r.unmodelled(tree)
        return Display(kind, tuple(map(r.expression, inner)))

    return row


def _collection(r: Reader, tree: Tree) -> Expression:
    body = tree.child("body")
    clauses = [one for one in parts(tree) if one is not body]
    if body is None or not clauses or clauses[0].kind != "for_in_clause":
        return Unmodelled()
    if any(one.kind != "if_clause" for one in clauses[1:]):
        return Unmodelled()
    left, right = clauses[0].child("left"), clauses[0].child("right")
    if left is None or right is None or left.kind != "identifier":
        return Unmodelled()
    if any(one.kind == "async" for one in clauses[0].children):
        return Unmodelled()
    tests = tuple(
        r.expression(part) for one in clauses[1:] for part in parts(one) if part.kind != "if"
    )
    return Collection(r.expression(body), Each((r.text(left),), r.source(right), tests))


def _lazy(r: Reader, tree: Tree) -> Expression:
    """A generator that is kept: what is in it runs later, or never."""
    return Unmodelled()


def _call(r: Reader, tree: Tree, is_source: bool = False) -> Expression:
    function = tree.child("function")
    arguments = tree.child("arguments")
    if function is None or arguments is None or not tree.is_present:
        return Unmodelled()
    given = [arguments] if arguments.kind == "generator_expression" else parts(arguments)
    if any(one.kind in ("keyword_argument", "list_splat", "dictionary_splat") for one in given):
        return Unmodelled(
            tuple(
                r.child(one, "value") if one.kind == "keyword_argument" else Unmodelled()
                for one in given
            )
        )
    name = r.text(function) if function.kind == "identifier" else ""
    goes_through = name in _GO_THROUGH and len(given) == 1
    values = tuple(map(r.source if goes_through else r.expression, given))
    if name in _LAZY and not is_source:
        return Unmodelled(values)
    if name and len(values) in _BUILTINS.get(name, ()) and name not in r.volatile:
        if name in ("any", "all") and isinstance(values[0], Collection):
            lazy = given[0].kind == "generator_expression"
            stop = (name == "any") if lazy else None
            values = (Collection(values[0].value, values[0].each, stop),)
        return Operation(name, values, tree.end)
    if function.kind == "attribute":
        method = function.child("attribute")
        if method is not None and len(values) in _METHODS.get(r.text(method), ()):
            receiver = r.child(function, "object")
            return Operation(f".{r.text(method)}", (receiver, *values), tree.end)
        return Unmodelled((r.child(function, "object"), *values))
    return Unmodelled((r.expression(function), *values))


def _subscript(r: Reader, tree: Tree) -> Expression:
    value = r.child(tree, "value")
    keys = tree.fields("subscript")
    if len(keys) != 1:
        return r.unmodelled(tree)
    if keys[0].kind != "slice":
        return Operation("[]", (value, r.expression(keys[0])), tree.end)
    bounds: list[Expression | None] = [None]
    for one in keys[0].children:
        if one.kind == ":":
            bounds.append(None)
        elif one.kind not in PUNCTUATION:
            bounds[-1] = r.expression(one)
    bounds += [None] * (3 - len(bounds))
    shape = "".join("-" if one is None else "x" for one in bounds)
    given = tuple(one for one in bounds if one is not None)
    return Operation(f"[{shape}]", (value, *given), tree.end)


def _attribute(r: Reader, tree: Tree) -> Expression:
    owner, name = tree.child("object"), tree.child("attribute")
    if owner is not None and name is not None and owner.kind == "identifier":
        path = f"{r.text(owner)}.{r.text(name)}"
        return Unmodelled() if r.text(owner) in r.volatile else Name(path)
    return r.unmodelled(tree)


def _closed(r: Reader, tree: Tree) -> Expression:
    """What makes a value and does nothing (a lambda's body runs when it is called)."""
    return Unmodelled(runs=False)


_ROWS: dict[str, Callable[[Reader, Tree], Expression]] = {
    "identifier": _name,
    "integer": _integer,
    "float": _float,
    "string": _string,
    "parenthesized_expression": _parenthesized,
    "binary_operator": _binary,
    "unary_operator": _unary,
    "not_operator": _not,
    "boolean_operator": _boolean,
    "comparison_operator": _comparison,
    "conditional_expression": _conditional,
    "named_expression": _named,
    "list": _display("list"),
    "tuple": _display("tuple"),
    "expression_list": _display("tuple"),
    "list_comprehension": _collection,
    "generator_expression": _lazy,
    "call": _call,
    "subscript": _subscript,
    "attribute": _attribute,
    "lambda": _closed,
    "ellipsis": _closed,
}
