"""Python's statements as the engine's: the functions of a text, so far as it is written.

    functions_of(tree, Edge(edge, column), text, memory)

A statement counts once it is final: it ends before the text's last lexeme. A compound statement is
final once it has ended too; of one that is still open what is final counts. What has no row is
forgotten: the names in it are unknown afterwards, and it may have done anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile

from ananke.analysis.formulas.expressions import Expression, Name, Operation, Unmodelled
from ananke.analysis.formulas.statements import (
    Assert,
    Assign,
    Block,
    Branch,
    Change,
    Evaluate,
    ForEach,
    Forget,
    Function,
    Leave,
    Return,
    Statement,
    Stop,
    While,
)
from ananke.languages.python.semantics.expressions import PUNCTUATION, Reader, column_of, parts
from ananke.languages.python.semantics.traits import Traits, traits_of
from ananke.parsing.opening import NOWHERE, Tree

__all__ = ["MODULE", "SIMPLE", "Edge", "Memory", "functions_of"]

#: The name of a module's own statements.
MODULE = "<module>"

_IN_PLACE = {"append": ("append", 1), "extend": ("extend", 1)}
_AUGMENTED = {
    f"{op}=": op for op in ("+", "-", "*", "/", "//", "%", "**", "&", "|", "^", "<<", ">>", "@")
}
#: Statements without blocks.
SIMPLE = frozenset(
    [
        "expression_statement",
        "return_statement",
        "assert_statement",
        "raise_statement",
        "pass_statement",
        "break_statement",
        "continue_statement",
        "delete_statement",
        "global_statement",
        "nonlocal_statement",
        "import_statement",
        "import_from_statement",
        "future_import_statement",
        "type_alias_statement",
    ]
)
#: With these a module's names may be bound by other means than statements.
_MODULE_CHANGERS = frozenset(["exec", "eval", "globals", "locals", "vars", "setattr"])
#: Finished statements remembered before all are forgotten.
_REMEMBERED = 20_000
#: Rows of them, each as long as its block.
_JOINED = 500


@dataclass
class Memory:
    """Finished statements that were read before, by the tree's identity."""

    statements: dict[tuple[int, frozenset[str]], Statement | None] = field(default_factory=dict)
    traits: dict[int, Traits] = field(default_factory=dict)
    joined: dict[tuple[int, ...], Traits] = field(default_factory=dict)
    functions: dict[tuple[int, str, frozenset[str]], tuple[Function, ...]] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True)
class Edge:
    """How far a text goes: a statement that ends before `end` is final. `column` is that of the
    line which the text's last lexeme begins, if it does: blocks deeper than it have ended."""

    end: int
    column: int | None = None


def functions_of(
    roots: list[Tree], edge: Edge, text: Callable[[int, int], bytes], memory: Memory
) -> list[Function]:
    """The functions and methods of a text, and its module's own statements as one."""
    for store in (memory.statements, memory.traits, memory.functions):
        if len(store) > _REMEMBERED:
            store.clear()
    if len(memory.joined) > _JOINED:
        memory.joined.clear()
    return list(_Lowering(edge, text, memory).module(roots))


def _has_identity(tree: Tree) -> bool:
    return tree.identity != 0


class _Lowering:
    def __init__(self, edge: Edge, text: Callable[[int, int], bytes], memory: Memory) -> None:
        self._edge = edge
        self._reader = Reader(text)
        self._memory = memory

    def _is_final(self, tree: Tree) -> bool:
        return tree.end < self._edge.end

    def _has_ended(self, tree: Tree) -> bool:
        """Whether nothing more can come in a compound statement."""
        if not self._is_final(tree):
            return False
        if tree.identity:
            return True
        return self._edge.column is not None and self._edge.column <= self._column(tree)

    def _column(self, tree: Tree) -> int:
        """Blanks before a statement on its line."""
        return column_of(self._reader.line_start(tree.start))

    def _traits(self, trees: list[Tree]) -> Traits:
        """Those of all; of the finished statements before the last they are known together."""
        text, known = self._reader.text, self._memory.traits
        identities = tuple(one.identity for one in takewhile(_has_identity, trees[:-1]))
        first = self._memory.joined.get(identities)
        if first is None:
            first = self._memory.joined[identities] = traits_of(
                trees[: len(identities)], text, known
            )
        return first.with_(traits_of(trees[len(identities) :], text, known))

    # Functions

    def module(self, roots: list[Tree]) -> Iterator[Function]:
        traits = self._traits(roots)
        yield from self._functions(roots, "", traits.bound)
        if not traits.binds_all and not traits.words & _MODULE_CHANGERS:
            body = self._block(roots, traits.elsewhere)
            yield Function(MODULE, (), "", body, False, 0, False, traits.bound)

    def _functions(
        self, trees: list[Tree], outer: str, shadowed: frozenset[str]
    ) -> Iterator[Function]:
        for tree in trees:
            if tree.start == NOWHERE or tree.kind in SIMPLE or tree.kind in PUNCTUATION:
                continue
            key = (tree.identity, outer, shadowed)
            found = self._memory.functions.get(key) if tree.identity else None
            if found is None:
                found = tuple(self._functions_in(tree, outer, shadowed))
                if tree.identity and self._has_ended(tree):
                    self._memory.functions[key] = found
            yield from found

    def _functions_in(self, tree: Tree, outer: str, shadowed: frozenset[str]) -> Iterator[Function]:
        definition = tree.child("definition") if tree.kind == "decorated_definition" else tree
        if definition is None:
            return
        name, body = definition.child("name"), definition.child("body")
        trees = body.children if body is not None and body.is_present else []
        if name is None or not name.is_present:
            if definition is tree:
                yield from self._functions(tree.children, outer, shadowed)
        elif definition.kind == "function_definition":
            yield self._function(tree, definition, outer, shadowed)
            inner = f"{outer}{self._reader.text(name)}.<locals>."
            yield from self._functions(trees, inner, shadowed)
        elif definition.kind == "class_definition":
            inner = f"{outer}{self._reader.text(name)}."
            yield from self._functions(trees, inner, shadowed)

    def _function(
        self, tree: Tree, definition: Tree, outer: str, shadowed: frozenset[str]
    ) -> Function:
        name = definition.child("name")
        assert name is not None
        body = definition.child("body")
        result = definition.child("return_type")
        trees = body.children if body is not None and body.is_present else []
        parameters, is_known = self._parameters(definition)
        traits = self._traits(trees)
        is_plain = (
            is_known
            and tree.kind == "function_definition"
            and not any(one.kind == "async" for one in definition.children)
            and not traits.suspends
        )
        is_closed = self._has_ended(definition)
        return Function(
            outer + self._reader.text(name),
            tuple(parameters),
            self._reader.text(result) if result is not None and self._is_final(result) else "",
            self._block(trees, traits.elsewhere) if is_known else (),
            is_plain,
            definition.end if is_closed else NOWHERE,
            is_closed,
            shadowed | traits.bound | {one for one, _ in parameters},
        )

    def _parameters(self, definition: Tree) -> tuple[list[tuple[str, str]], bool]:
        listed = definition.child("parameters")
        if listed is None or not self._is_final(listed):
            return [], False
        found: list[tuple[str, str]] = []
        for one in parts(listed):
            kind = one.kind
            if kind == "identifier":
                found.append((self._reader.text(one), ""))
                continue
            if kind in ("keyword_separator", "positional_separator"):
                continue
            name = one.child("name")
            type_ = one.child("type")
            if kind == "typed_parameter":
                inner = [part for part in parts(one) if part.field != "type"]
                name = inner[0] if inner and inner[0].kind == "identifier" else None
            if name is None or name.kind != "identifier":
                return [], False
            found.append((self._reader.text(name), self._reader.text(type_) if type_ else ""))
        return found, True

    def _names(self, tree: Tree) -> Iterator[str]:
        if tree.kind == "identifier":
            if tree.is_present:
                yield self._reader.text(tree)
        elif tree.kind not in ("attribute", "subscript"):
            for one in tree.children:
                yield from self._names(one)

    # Statements

    def _block(self, trees: list[Tree], volatile: frozenset[str]) -> Block:
        found = [self._statement(tree, volatile) for tree in trees if tree.kind not in PUNCTUATION]
        return tuple(one for one in found if one is not None)

    def _statement(self, tree: Tree, volatile: frozenset[str]) -> Statement | None:
        if tree.start == NOWHERE:
            return None
        is_simple = tree.kind in SIMPLE
        is_final = self._is_final(tree) if is_simple else self._has_ended(tree)
        key = (tree.identity, volatile)
        if is_final and tree.identity and key in self._memory.statements:
            return self._memory.statements[key]
        if not is_final and is_simple:
            if tree.kind == "assert_statement":
                return self._assert(tree, self._with(volatile))
            return None
        lowered = self._lower(tree, self._with(volatile))
        if is_final and tree.identity:
            self._memory.statements[key] = lowered
        return lowered

    def _with(self, volatile: frozenset[str]) -> Reader:
        self._reader.volatile = volatile
        return self._reader

    def _lower(self, tree: Tree, r: Reader) -> Statement | None:
        row = _ROWS.get(tree.kind)
        if row is not None:
            return row(self, tree, r)
        return self._forget(tree, r)

    def _forget(self, tree: Tree, r: Reader) -> Statement:
        traits = self._traits([tree])
        return Forget(tuple(sorted(traits.words)), leaves=traits.leaves)

    def _expression_statement(self, tree: Tree, r: Reader) -> Statement | None:
        inner = parts(tree)
        if len(inner) != 1:
            return self._forget(tree, r)
        one = inner[0]
        if one.kind == "assignment":
            return self._assignment(one, r)
        if one.kind == "augmented_assignment":
            return self._augmented(one, r)
        if one.kind == "string":
            return None
        if one.kind == "call":
            change = self._change(one, r)
            if change is not None:
                return change
        return Evaluate(r.expression(one))

    def _change(self, call: Tree, r: Reader) -> Statement | None:
        function, arguments = call.child("function"), call.child("arguments")
        if function is None or arguments is None or function.kind != "attribute":
            return None
        owner, method = function.child("object"), function.child("attribute")
        given = parts(arguments)
        if owner is None or method is None or owner.kind != "identifier":
            return None
        row = _IN_PLACE.get(r.text(method))
        name = r.text(owner)
        if row is None or len(given) != row[1] or name in r.volatile:
            return None
        if any(one.kind in ("keyword_argument", "list_splat") for one in given):
            return None
        if arguments.kind == "generator_expression":
            return None
        return Change(name, row[0], tuple(map(r.expression, given)), call.end)

    def _assignment(self, tree: Tree, r: Reader) -> Statement | None:
        left, right = tree.child("left"), tree.child("right")
        if left is None:
            return self._forget(tree, r)
        if right is None:
            return None
        if right.kind in ("assignment", "augmented_assignment"):
            return self._forget(tree, r)
        value = r.expression(right)
        return self._target(left, value, tree, r)

    def _target(self, left: Tree, value: Expression, tree: Tree, r: Reader) -> Statement:
        if left.kind in ("identifier", "attribute"):
            target = r.expression(left)
            if isinstance(target, Name):
                return Assign((target.name,), value)
        if left.kind in ("pattern_list", "tuple_pattern", "list_pattern"):
            names = list(parts(left))
            texts = tuple(r.text(one) for one in names)
            if all(one.kind == "identifier" for one in names) and not set(texts) & r.volatile:
                return Assign(texts, value)
        if left.kind == "subscript":
            owner, keys = left.child("value"), left.fields("subscript")
            if owner is not None and owner.kind == "identifier" and len(keys) == 1:
                name = r.text(owner)
                if keys[0].kind != "slice" and name not in r.volatile:
                    # The value is evaluated before the place that it goes to.
                    return Change(name, "put", (value, r.expression(keys[0])), tree.end)
        names_bound = tuple(sorted(set(self._names(left))))
        return Forget(names_bound)

    def _augmented(self, tree: Tree, r: Reader) -> Statement | None:
        left, operator = tree.child("left"), tree.child("operator")
        if left is None or operator is None:
            return self._forget(tree, r)
        op = _AUGMENTED.get(r.text(operator), "?")
        target = r.expression(left)
        value = Operation(op, (target, r.child(tree, "right")), tree.end)
        if isinstance(target, Name):
            # A list is changed in place: other names for it see that.
            return Assign((target.name,), value, is_in_place=True)
        return self._target(left, value, tree, r)

    def _assert(self, tree: Tree, r: Reader) -> Statement | None:
        inner = [one for one in parts(tree) if one.kind != "assert"]
        if not inner or not self._is_final(inner[0]):
            return None
        return Assert(r.expression(inner[0]), tree.end if self._is_final(tree) else inner[0].end)

    def _return(self, tree: Tree, r: Reader) -> Statement | None:
        inner = [one for one in parts(tree) if one.kind != "return"]
        return Return(r.expression(inner[0]) if inner else None, tree.end)

    def _raise(self, tree: Tree, r: Reader) -> Statement | None:
        # What makes the exception may fail itself, which raises all the same.
        return Stop()

    def _pass(self, tree: Tree, r: Reader) -> Statement | None:
        return None

    def _break(self, tree: Tree, r: Reader) -> Statement | None:
        return Leave(goes_on=False)

    def _continue(self, tree: Tree, r: Reader) -> Statement | None:
        return Leave(goes_on=True)

    def _definition(self, tree: Tree, r: Reader) -> Statement | None:
        bound = self._traits([tree]).bound
        return Forget(tuple(sorted(bound)), runs=tree.kind != "function_definition")

    def _if(self, tree: Tree, r: Reader) -> Statement | None:
        volatile = r.volatile
        arms: list[tuple[Tree | None, Tree | None]] = [
            (tree.child("condition"), tree.child("consequence"))
        ]
        for one in tree.fields("alternative"):
            if one.kind == "elif_clause":
                arms.append((one.child("condition"), one.child("consequence")))
            else:
                arms.append((None, one.child("body")))
        result: Block = ()
        for condition, body in reversed(arms):
            block = self._body(body, volatile)
            if condition is None:
                result = block
            elif not condition.is_present or not self._is_final(condition):
                result = (Forget(()),)
            else:
                test = self._with(volatile).expression(condition)
                result = (Branch(test, block, result),)
        return result[0] if result else None

    def _body(self, body: Tree | None, volatile: frozenset[str]) -> Block:
        if body is None or not body.is_present:
            return ()
        return self._block(body.children, volatile)

    def _while(self, tree: Tree, r: Reader) -> Statement | None:
        volatile = r.volatile
        condition, body = tree.child("condition"), tree.child("body")
        if condition is None or not condition.is_present or not self._is_final(condition):
            return Forget(())
        test = r.expression(condition)
        is_open = not self._has_ended(tree) and not (body and self._has_ended(body))
        otherwise = self._otherwise(tree, volatile)
        block = self._body(body, volatile)
        return While(test, block, otherwise, condition.end, is_open)

    def _otherwise(self, tree: Tree, volatile: frozenset[str]) -> Block:
        alternative = tree.child("alternative")
        return self._body(alternative.child("body"), volatile) if alternative is not None else ()

    def _for(self, tree: Tree, r: Reader) -> Statement | None:
        volatile = r.volatile
        left, right, body = tree.child("left"), tree.child("right"), tree.child("body")
        if any(one.kind == "async" for one in tree.children):
            return self._forget(tree, r)
        if left is None or right is None or not right.is_present or not self._is_final(right):
            return Forget(())
        targets = list(self._names(left))
        source, counter = self._source(right, r)
        is_simple = left.kind == "identifier" or (
            left.kind == "pattern_list" and all(one.kind == "identifier" for one in parts(left))
        )
        if not is_simple or set(targets) & r.volatile:
            return self._forget(tree, r)
        name: str | None = None
        if counter:
            if len(targets) != 2:
                source = Unmodelled()
            else:
                name, *targets = targets
        is_open = not self._has_ended(tree) and not (body and self._has_ended(body))
        otherwise = self._otherwise(tree, volatile)
        block = self._body(body, volatile)
        return ForEach(tuple(targets), name, source, block, otherwise, right.end, is_open)

    def _source(self, tree: Tree, r: Reader) -> tuple[Expression, bool]:
        """What a loop runs over, and whether it is counted (`enumerate`)."""
        if tree.kind == "call":
            function, arguments = tree.child("function"), tree.child("arguments")
            if function is not None and r.text(function) == "enumerate" and arguments is not None:
                given = parts(arguments)
                if len(given) == 1 and given[0].kind not in ("keyword_argument", "list_splat"):
                    return r.source(given[0]), True
        return r.source(tree), False


_ROWS: dict[str, Callable[[_Lowering, Tree, Reader], Statement | None]] = {
    "expression_statement": _Lowering._expression_statement,
    "assert_statement": _Lowering._assert,
    "return_statement": _Lowering._return,
    "raise_statement": _Lowering._raise,
    "pass_statement": _Lowering._pass,
    "break_statement": _Lowering._break,
    "continue_statement": _Lowering._continue,
    "global_statement": _Lowering._pass,
    "nonlocal_statement": _Lowering._pass,
    "function_definition": _Lowering._definition,
    "class_definition": _Lowering._definition,
    "decorated_definition": _Lowering._definition,
    "if_statement": _Lowering._if,
    "while_statement": _Lowering._while,
    "for_statement": _Lowering._for,
}
