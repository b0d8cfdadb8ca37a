"""Python programs made wrong in one place, each in a way that a type checker should see.

    for mutant in mutants(text, "misspelt method", rng, 2):
        mutant.text, mutant.start, mutant.end       # what was changed, in the new text

Whether a mutant is wrong is not decided here: that is the checker's word.
"""

from __future__ import annotations

import ast
import random
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["OPERATORS", "PythonMutant", "mutants"]


@dataclass(frozen=True)
class PythonMutant:
    """A changed text. From byte `start` to `end` it is new; the error can be known from `end` on
    (that is later than the change where an import was dropped)."""

    operator: str
    text: bytes
    start: int
    end: int


#: (start, end, replacement): byte offsets in the original.
Edit = tuple[int, int, bytes]

#: Values of a wrong type for most places.
_WRONG = (b'"mutant"', b"12345", b"None", b"b'mutant'", b"object()")


class _Program:
    """A parsed text and the offsets of its nodes."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.tree = ast.parse(text)
        self._lines = [0, *(m.end() for m in re.finditer(rb"\n", text))]
        self.parents: dict[ast.AST, ast.AST] = {}
        for node in ast.walk(self.tree):
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node

    def span(self, node: ast.expr | ast.stmt | ast.keyword | ast.alias) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._lines[node.lineno - 1] + node.col_offset
        return start, self._lines[node.end_lineno - 1] + node.end_col_offset

    def nodes(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        for node in ast.walk(self.tree):
            if isinstance(node, kinds) and not self._in_string(node):
                yield node

    def _in_string(self, node: ast.AST) -> bool:
        """Offsets of what stands inside an f-string are not told right by Python 3.11."""
        above: ast.AST | None = node
        while above is not None:
            if isinstance(above, ast.JoinedStr):
                return True
            above = self.parents.get(above)
        return False

    def around(self, node: ast.AST, *kinds: type[ast.AST]) -> ast.AST | None:
        above = self.parents.get(node)
        while above is not None and not isinstance(above, kinds):
            above = self.parents.get(above)
        return above

    def indent(self, node: ast.stmt) -> bytes | None:
        """The white space before a statement that begins its line."""
        start = self.span(node)[0]
        before = self.text[self._lines[node.lineno - 1] : start]
        return before if not before.strip() else None

    def line_start(self, node: ast.stmt) -> int:
        return self._lines[node.lineno - 1]


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _misspelt(name: str, rng: random.Random) -> bytes:
    at = rng.randrange(1, len(name) + 1)
    return (name[:at] + rng.choice("qzxj") + name[at:]).encode()


def _undefined_name(p: _Program, rng: random.Random) -> Iterator[Edit]:
    for node in p.nodes(ast.Name):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and len(node.id) > 1:
            yield (*p.span(node), _misspelt(node.id, rng))


def _attributes(p: _Program) -> Iterator[tuple[ast.Attribute, bool]]:
    for node in p.nodes(ast.Attribute):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            above = p.parents[node]
            yield node, isinstance(above, ast.Call) and above.func is node


def _modules(p: _Program) -> set[str]:
    return {
        (alias.asname or alias.name).partition(".")[0]
        for node in p.nodes(ast.Import)
        if isinstance(node, ast.Import)
        for alias in node.names
    }


def _misspelt_member(p: _Program, node: ast.Attribute, rng: random.Random) -> Edit:
    end = p.span(node)[1]
    return end - len(node.attr.encode()), end, _misspelt(node.attr, rng)


def _attribute(p: _Program, rng: random.Random) -> Iterator[Edit]:
    known = _modules(p)
    for node, called in _attributes(p):
        if not called and not (isinstance(node.value, ast.Name) and node.value.id in known):
            yield _misspelt_member(p, node, rng)


def _method(p: _Program, rng: random.Random) -> Iterator[Edit]:
    known = _modules(p)
    for node, called in _attributes(p):
        if called and not (isinstance(node.value, ast.Name) and node.value.id in known):
            yield _misspelt_member(p, node, rng)


def _module_member(p: _Program, rng: random.Random) -> Iterator[Edit]:
    known = _modules(p)
    for node, _ in _attributes(p):
        if isinstance(node.value, ast.Name) and node.value.id in known:
            yield _misspelt_member(p, node, rng)


def _dropped_import(p: _Program, rng: random.Random) -> Iterator[Edit]:
    for node in p.nodes(ast.Import, ast.ImportFrom):
        assert isinstance(node, ast.Import | ast.ImportFrom)
        if len(node.names) == 1 and p.indent(node) is not None and node.names[0].name != "*":
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                continue
            yield (*p.span(node), b"pass")


def _wrong_module(p: _Program, rng: random.Random) -> Iterator[Edit]:
    for node in p.nodes(ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            for alias in node.names:
                start = p.span(alias)[0]
                yield start, start + len(alias.name), _misspelt(alias.name.split(".")[0], rng)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__":
            start, end = p.span(node)
            at = p.text.find(node.module.encode(), start + 4, end)
            if at >= 0:
                yield at, at + len(node.module), _misspelt(node.module, rng)


def _wrong_imported_name(p: _Program, rng: random.Random) -> Iterator[Edit]:
    for node in p.nodes(ast.ImportFrom):
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            if alias.name != "*" and node.module != "__future__":
                start = p.span(alias)[0]
                yield start, start + len(alias.name), _misspelt(alias.name, rng)


def _calls(p: _Program) -> Iterator[ast.Call]:
    for node in p.nodes(ast.Call):
        assert isinstance(node, ast.Call)
        is_spread = any(isinstance(one, ast.Starred) for one in node.args)
        if not is_spread and not any(one.arg is None for one in node.keywords):
            yield node


def _missing_argument(p: _Program, rng: random.Random) -> Iterator[Edit]:
    for node in _calls(p):
        given: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
        spans = [p.span(one) for one in given]
        if not spans or isinstance(given[0], ast.GeneratorExp):
            continue
        end = p.span(node)[1] - 1
        if len(spans) == 1:
            yield spans[0][0], end, b""
        else:
            yield spans[-2][1], end, b""


def _extra_argument(p: _Program, rng: random.Random) -> Iterator[Edit]:
    for node in _calls(p):
        if node.args and isinstance(node.args[0], ast.GeneratorExp):
            continue
        start, end = p.span(node.func)[1], p.span(node)[1]
        if node.args:
            at = p.span(node.args[-1])[1]
            yield at, at, b", None"
        elif not node.keywords and p.text[start:end].replace(b" ", b"") == b"()":
            yield end - 1, end - 1, b"None"


def _misnamed_argument(p: _Program, rng: random.Random) -> Iterator[Edit]:
    for node in _calls(p):
        for one in node.keywords:
            if one.arg is not None:
                start = p.span(one)[0]
                yield start, start + len(one.arg), _misspelt(one.arg, rng)


def _wrong_argument_type(p: _Program, rng: random.Random) -> Iterator[Edit]:
    for node in _calls(p):
        if node.args and isinstance(node.args[0], ast.GeneratorExp):
            continue
        for one in [*node.args, *(each.value for each in node.keywords)]:
            yield (*p.span(one), rng.choice(_WRONG))


def _wrong_return_type(p: _Program, rng: random.Random) -> Iterator[Edit]:
    for node in p.nodes(ast.Return):
        assert isinstance(node, ast.Return)
        function = p.around(node, *_FUNCTIONS, ast.Lambda)
        if node.value is not None and isinstance(function, _FUNCTIONS) and function.returns:
            yield (*p.span(node.value), rng.choice(_WRONG))


def _wrong_assigned_type(p: _Program, rng: random.Random) -> Iterator[Edit]:
    for node in p.nodes(ast.AnnAssign, ast.Assign):
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            yield (*p.span(node.value), rng.choice(_WRONG))
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            yield (*p.span(node.value), rng.choice(_WRONG))


def _bad_operand(p: _Program, rng: random.Random) -> Iterator[Edit]:
    for node in p.nodes(ast.BinOp, ast.Compare):
        if isinstance(node, ast.BinOp):
            yield (*p.span(rng.choice([node.left, node.right])), b"None")
        elif isinstance(node, ast.Compare) and isinstance(
            node.ops[0], ast.Lt | ast.Gt | ast.LtE | ast.GtE | ast.In
        ):
            yield (*p.span(node.comparators[0]), b"None")


def _bad_index(p: _Program, rng: random.Random) -> Iterator[Edit]:
    for node in p.nodes(ast.Subscript):
        assert isinstance(node, ast.Subscript)
        if isinstance(node.ctx, ast.Load) and not p.around(node, ast.AnnAssign, ast.arg):
            yield (*p.span(node.slice), rng.choice((b'"mutant"', b"None", b"99", b"object()")))


def _call_of_uncallable(p: _Program, rng: random.Random) -> Iterator[Edit]:
    for node in p.nodes(ast.Call, ast.Constant):
        assert isinstance(node, ast.Call | ast.Constant)
        if not isinstance(p.parents[node], ast.Expr):
            end = p.span(node)[1]
            yield end, end, b"()"


def _misplaced_await(p: _Program, rng: random.Random) -> Iterator[Edit]:
    for node in p.nodes(ast.Call):
        assert isinstance(node, ast.Call)
        function = p.around(node, *_FUNCTIONS, ast.Lambda)
        if isinstance(function, ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(p.parents[node], ast.Expr | ast.Assign | ast.Return):
            start = p.span(node)[0]
            yield start, start, b"await "


def _statements(p: _Program, inside: Callable[[ast.stmt], bool]) -> Iterator[tuple[int, bytes]]:
    """(start of the line, white space) of statements that begin a line."""
    for node in p.nodes(ast.stmt):
        assert isinstance(node, ast.stmt)
        indent = p.indent(node)
        if indent is not None and inside(node) and not getattr(node, "decorator_list", None):
            yield p.line_start(node), indent


def _misplaced(word: bytes, inside: Callable[[_Program, ast.stmt], bool]) -> Operator:
    def edits(p: _Program, rng: random.Random) -> Iterator[Edit]:
        for at, indent in _statements(p, lambda node: inside(p, node)):
            yield at, at, indent + word + b"\n"

    return edits


def _outside_function(p: _Program, node: ast.stmt) -> bool:
    return p.around(node, *_FUNCTIONS) is None


def _outside_loop(p: _Program, node: ast.stmt) -> bool:
    above = p.around(node, ast.For, ast.While, ast.AsyncFor, *_FUNCTIONS)
    return above is None or isinstance(above, _FUNCTIONS)


def _missing_return(p: _Program, rng: random.Random) -> Iterator[Edit]:
    for node in p.nodes(ast.Return):
        assert isinstance(node, ast.Return)
        function = p.around(node, *_FUNCTIONS)
        if node.value is not None and isinstance(function, _FUNCTIONS) and function.returns:
            yield (*p.span(node), b"pass")


def _use_before_assignment(p: _Program, rng: random.Random) -> Iterator[Edit]:
    for function in p.nodes(*_FUNCTIONS):
        assert isinstance(function, _FUNCTIONS)
        taken = {one.arg for one in ast.walk(function.args) if isinstance(one, ast.arg)}
        for node in function.body:
            if isinstance(node, ast.Global | ast.Nonlocal):
                taken.update(node.names)
            if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
                continue
            name, indent = node.targets[0].id, p.indent(node)
            if indent is not None and name not in taken:
                at = p.line_start(node)
                yield at, at, indent + b"print(" + name.encode() + b")\n"
            taken.add(name)


Operator = Callable[[_Program, random.Random], Iterator[Edit]]

OPERATORS: dict[str, Operator] = {
    "undefined name": _undefined_name,
    "misspelt attribute": _attribute,
    "misspelt method": _method,
    "misspelt module member": _module_member,
    "dropped import": _dropped_import,
    "wrong module": _wrong_module,
    "wrong imported name": _wrong_imported_name,
    "missing argument": _missing_argument,
    "extra argument": _extra_argument,
    "misnamed argument": _misnamed_argument,
    "wrong argument type": _wrong_argument_type,
    "wrong return type": _wrong_return_type,
    "wrong assigned type": _wrong_assigned_type,
    "bad operand": _bad_operand,
    "bad index": _bad_index,
    "call of a non-callable": _call_of_uncallable,
    "misplaced await": _misplaced_await,
    "misplaced yield": _misplaced(b"yield 1", _outside_function),
    "misplaced return": _misplaced(b"return", _outside_function),
    "misplaced break": _misplaced(b"break", _outside_loop),
    "missing return": _missing_return,
    "use before assignment": _use_before_assignment,
}


def mutants(text: bytes, operator: str, rng: random.Random, count: int) -> list[PythonMutant]:
    """At most `count` mutants by the operator, at places drawn without repetition.

    Raises:
        SyntaxError: the text is no Python of this version.
    """
    program = _Program(text)
    edits = list(OPERATORS[operator](program, rng))
    rng.shuffle(edits)
    found: list[PythonMutant] = []
    for start, end, new in edits:
        if len(found) == count:
            break
        changed = text[:start] + new + text[end:]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ast.parse(changed)
        except SyntaxError:
            continue
        known_from = start + len(new)
        if operator == "dropped import":
            use = _first_use(text[start:end], changed, known_from)
            if use is None:
                continue
            known_from = use
        found.append(PythonMutant(operator, changed, start, known_from))
    return found


def _first_use(statement: bytes, text: bytes, after: int) -> int | None:
    """The end of the first use of what the import statement binds; None if there is none."""
    node = ast.parse(statement).body[0]
    assert isinstance(node, ast.Import | ast.ImportFrom)
    name = (node.names[0].asname or node.names[0].name).partition(".")[0]
    program = _Program(text)
    uses = [
        program.span(one)[1]
        for one in program.nodes(ast.Name)
        if isinstance(one, ast.Name) and one.id == name
    ]
    return min((end for end in uses if end > after), default=None)
