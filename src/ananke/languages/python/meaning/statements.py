"""Statements: what they bind, where they lead, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ananke.analysis.calls import widen_literal
from ananke.analysis.defects import Defect, Domain
from ananke.analysis.relation import assignable
from ananke.analysis.scopes import Entry, Owed, Scope, merge, widen
from ananke.analysis.tracing import Event
from ananke.analysis.types import (
    NEVER,
    UNKNOWN,
    ClassOf,
    Function,
    ModuleObject,
    Overloaded,
    Type,
    Unknown,
    join,
    members_of,
    show,
)
from ananke.analysis.world import symbol_of
from ananke.languages.python.meaning import definitions, displays, imports, operators
from ananke.languages.python.meaning.annotations import fits_result, own_variable, read_type
from ananke.languages.python.meaning.context import NONE, Context
from ananke.languages.python.meaning.expressions import (
    bind_target,
    check_assigned,
    check_target,
    declared_member,
    infer,
)
from ananke.languages.python.meaning.narrowing import narrow, static_value
from ananke.languages.python.meaning.placement import check_placement, takes_all
from ananke.languages.python.meaning.trees import is_unclosed, parts
from ananke.parsing.opening import NOWHERE, Tree

__all__ = [
    "ENTERED",
    "PRUNED",
    "STATEMENTS",
    "expected_of_target",
    "run_statement",
    "run_statements",
]

_SEQUENCES = frozenset(
    ("module_repeat1", "_simple_statements_repeat1", "_match_block_repeat1", "block")
)
#: Kinds of statements.
STATEMENTS = frozenset(
    [
        "function_definition",
        "class_definition",
        "decorated_definition",
        "if_statement",
        "for_statement",
        "while_statement",
        "try_statement",
        "with_statement",
        "match_statement",
        "expression_statement",
        "return_statement",
        "import_statement",
        "import_from_statement",
        "assert_statement",
        "raise_statement",
        "delete_statement",
    ]
)
#: Kinds from whose beginning on an open one is read. What decorators make of a definition is the
#: business of the statement around it.
ENTERED = STATEMENTS - {"function_definition", "class_definition"} | {"block"}
#: Kinds whose finished trees are read by their identity.
PRUNED = STATEMENTS | displays.STRETCHES | {"module_repeat1", "_simple_statements_repeat1", "block"}


def run_statements(c: Context, trees: list[Tree]) -> None:
    """Runs statements one after the other."""
    for one in trees:
        run_statement(c, one)


def run_statement(c: Context, tree: Tree) -> None:
    """Runs a statement, a block, or a stretch of statements; remembers what finished ones do.

    Raises:
        Reached: the statement is the one that the text ends in.
    """
    if tree.start == NOWHERE:
        return
    if c.entrances is not None and tree.kind in ENTERED:
        c.note_entrance(tree)
    if tree.end >= c.edge:
        _run(c, tree)
        c.reach()
    elif not tree.identity or c.muted or c.lenient:
        _run(c, tree)
    elif tree.kind == "module_repeat1":
        _run_stretch(c, tree)
    else:
        _remembered(c, tree, lambda: _run(c, tree))


def _remembered(c: Context, tree: Tree, run: Callable[[], None]) -> None:
    before = c.scope
    key = (id(before), tree.identity * 2 + (c.trying > 0))
    known = c.program.memo.get(key)
    if known is None:
        held, c.defects = c.defects, []
        run()
        known = (before, c.scope, tuple(c.defects))
        c.defects = held
        c.program.memo[key] = known
    c.scope = known[1]
    c.defects += known[2]


def _run_stretch(c: Context, tree: Tree) -> None:
    """A chain of statements hangs to the left, as deep as there are statements."""
    chain: list[Tree] = []
    node = tree
    first = id(c.scope)
    known: tuple[Scope, Scope, tuple[Defect, ...]] | None = None
    while node.kind == "module_repeat1" and node.identity:
        known = c.program.memo.get((first, node.identity * 2 + (c.trying > 0)))
        if known is not None:
            break
        chain.append(node)
        node = node.pieces[0]
    start = c.scope
    held, c.defects = c.defects, []
    if known is not None:
        c.scope = known[1]
        c.defects += known[2]
    else:
        run_statement(c, node)
    for one in reversed(chain):
        for child in one.pieces[1:]:
            run_statement(c, child)
        key = (first, one.identity * 2 + (c.trying > 0))
        c.program.memo[key] = (start, c.scope, tuple(c.defects))
    c.defects = held + c.defects


def _run(c: Context, tree: Tree) -> None:
    _run_traced(c, tree)
    if c.scope.belated and not tree.kind.startswith("_") and tree.kind not in _SEQUENCES:
        for name, one in c.scope.belated.items():
            # A condition may bind what stands before it in its statement; a name may go on.
            if one.start < tree.start and not c.ends_in(name):
                place = Tree("end", "", one.start, min(tree.end, c.edge), 0, [])
                c.report(Domain.TYPES, f"`{name}` is used before it is bound", place)
        c.scope = c.scope.but(belated={})


def _run_traced(c: Context, tree: Tree) -> None:
    if c.program.trace is None or c.muted or tree.kind in _SEQUENCES or tree.kind.startswith("_"):
        _run_rule(c, tree)
        return
    before = c.scope
    key = (tree.start, min(tree.end, c.edge))
    # Outer statements stand before inner ones.
    c.program.trace.setdefault(key, Event(*key, Domain.TYPES, before, before, ()))
    _run_rule(c, tree)
    uses = tuple((c.text(one), one.start) for one in _names_in(tree))
    domain = _BRINGS.get(tree.kind, Domain.TYPES)
    c.program.trace[key] = Event(*key, domain, before, c.scope, uses)


#: Domains whose facts statements bring, if not types.
_BRINGS = {
    "import_statement": Domain.IMPORTS,
    "import_from_statement": Domain.IMPORTS,
    "future_import_statement": Domain.IMPORTS,
    "if_statement": Domain.CONTROLFLOW,
    "while_statement": Domain.CONTROLFLOW,
    "for_statement": Domain.CONTROLFLOW,
    "try_statement": Domain.CONTROLFLOW,
    "match_statement": Domain.CONTROLFLOW,
    "assert_statement": Domain.CONTROLFLOW,
}


def _names_in(tree: Tree) -> Iterator[Tree]:
    """The names that stand in a statement, not in a block of it."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node.kind == "identifier" and node.is_present:
            yield node
        elif node.kind != "block":
            waiting += reversed(node.children)


def _run_rule(c: Context, tree: Tree) -> None:
    rule = _RULES.get(tree.kind)
    check_placement(c, tree)
    if rule is not None:
        rule(c, tree)
        return
    if tree.kind in _SEQUENCES or tree.kind.startswith("_"):
        run_statements(c, tree.pieces)
        return
    if tree.kind not in ("comment", ";", "pass_statement"):
        infer(c, tree)


def _word(tree: Tree) -> Tree:
    return tree.children[0]


# Simple statements


def _expression_statement(c: Context, tree: Tree) -> None:
    inner = parts(tree)
    if len(inner) == 1 and inner[0].kind in ("assignment", "augmented_assignment"):
        _run_rule(c, inner[0])
        return
    is_open = not c.is_final(tree)
    for one in inner:
        type_ = _maybe_target(c, one) if is_open else infer(c, one)
        if c.is_final(tree) and type_ == NEVER:
            c.scope = c.scope.dead()
        elif c.is_final(tree) and isinstance(type_, Unknown) and _calls_decorated(c, one):
            c.scope = c.scope.but(is_doubtful=True)


def _calls_decorated(c: Context, tree: Tree) -> bool:
    """Whether it calls a method of a known class of which no more is known than that it is there,
    mostly since it is decorated: it may be one that doesn't return."""
    function = tree.child("function") if tree.kind == "call" else None
    target = None if function is None else function.child("object")
    if function is None or target is None:
        return False
    with c.quiet():
        is_unknown = isinstance(infer(c, function), Unknown)
        return is_unknown and not isinstance(infer(c, target), Unknown)


def _maybe_target(c: Context, tree: Tree) -> Type:
    """An expression that may still become the target of an assignment."""
    if tree.kind == "identifier":
        check_target(c, tree)
        return UNKNOWN
    if tree.kind in ("tuple", "list", "parenthesized_expression", "pattern_list", "list_splat"):
        # A comprehension may still follow its element.
        is_lenient = is_unclosed(c, tree) and not any(one.kind == "," for one in tree.children)
        is_unsettled = not c.is_final(tree)
        c.lenient += is_lenient
        c.unsettled += is_unsettled
        for one in parts(tree):
            if one.kind not in ("*", "**"):
                _maybe_target(c, one)
        c.unsettled -= is_unsettled
        c.lenient -= is_lenient
        return UNKNOWN
    return infer(c, tree)


def _assignment(c: Context, tree: Tree) -> None:
    left, right, type_tree = tree.child("left"), tree.child("right"), tree.child("type")
    if left is None:
        return
    if not c.is_final(tree):
        check_target(c, left)
    declared: Type | None = None
    if type_tree is not None:
        declared = read_type(c, type_tree, deferred=c.scope.kind == "function")
        if right is not None and c.text(type_tree).rpartition(".")[2] == "Final":
            # What it is follows from the value.
            declared = None
    expected = declared if declared is not None else expected_of_target(c, left)
    if right is None or right.start == NOWHERE:
        if type_tree is not None and right is None:
            _declare(c, left, declared)
        return
    if right.kind == "assignment":
        _run_rule(c, right)
        inner = right
        while inner.kind == "assignment" and inner.child("right") is not None:
            inner = inner.child("right") or inner
        with c.quiet():
            type_ = infer(c, inner)
    else:
        # `a = b` may still become `a = b = c`.
        may_grow = not c.is_final(tree) and type_tree is None
        type_ = _maybe_target(c, right) if may_grow else infer(c, right, expected)
    if declared is not None and c.text(type_tree or tree).endswith("TypeAlias"):
        declared = None
        type_ = UNKNOWN
    is_final = c.is_final(tree)
    if (is_final and expected is not None and not _shaped_by(c, right, expected)) and (
        left.kind in ("identifier",) or declared is not None
    ):
        check_assigned(c, right, type_, expected, f"`{c.text(left)}`")
    if (left.kind == "attribute" and expected is not None and _shaped_by(c, right, expected)) and (
        not assignable(c.world, type_, expected)
    ):
        # It may be what is expected all the same.
        type_ = UNKNOWN
    if not is_final:
        c.muted += 1
    if _makes_a_class(c, right) or (right.kind == "call" and isinstance(type_, ClassOf)):
        type_ = UNKNOWN
    bind_target(c, left, type_, declared)
    if declared is None and left.kind == "identifier" and is_final:
        _note_alias(c, left, right, type_)
    if not is_final:
        c.muted -= 1


def _shaped_by(c: Context, tree: Tree, expected: Type) -> bool:
    """Whether the expression takes its type from what is expected, in ways that aren't followed."""
    return (
        tree.kind
        in (
            "lambda",
            "conditional_expression",
            "boolean_operator",
            "parenthesized_expression",
        )
        and not isinstance(expected, Unknown)
        and not _is_simple(expected)
    )


def _is_simple(type_: Type) -> bool:
    from ananke.analysis.types import Nominal, members_of

    plain = ("str", "int", "float", "bool", "bytes")
    return all(
        isinstance(one, Nominal)
        and (one.symbol in [f"builtins:{name}" for name in plain] or one == NONE)
        for one in members_of(type_)
    )


def _makes_a_class(c: Context, tree: Tree) -> bool:
    if tree.kind != "call":
        return False
    function = tree.child("function")
    text = "" if function is None else c.text(function).rpartition(".")[2]
    return text in (
        "namedtuple",
        "NamedTuple",
        "TypedDict",
        "Enum",
        "IntEnum",
        "NewType",
        "Flag",
        "IntFlag",
        "StrEnum",
        "make_dataclass",
        "new_class",
    )


def _note_alias(c: Context, left: Tree, right: Tree, type_: Type) -> None:
    """`X = Union[int, str]`: the name stands for a type."""
    if isinstance(type_, ClassOf) or c.scope.kind == "function":
        return
    if right.kind not in ("subscript", "binary_operator", "call", "identifier", "attribute"):
        return
    name = c.text(left)
    entry = c.scope.names.get(name)
    if entry is None:
        return
    with c.quiet():
        before = c.scope
        is_call = right.kind == "call"
        meaning: Type = (own_variable(c, right) or UNKNOWN) if is_call else read_type(c, right)
        c.scope = before
    if isinstance(meaning, Unknown) and right.kind in ("identifier", "attribute"):
        found = c.find(c.text(right)) if right.kind == "identifier" else None
        if found is None or found.entry.means is None:
            return
    c.scope = c.scope.but(names={**c.scope.names, name: replace(entry, means=meaning)})


def expected_of_target(c: Context, left: Tree) -> Type | None:
    """What is declared of the target of an assignment."""
    if left.kind == "attribute":
        target, name = left.child("object"), left.child("attribute")
        if target is None or name is None or not c.is_final(left):
            return None
        with c.quiet():
            return declared_member(c, infer(c, target), c.text(name))
    if left.kind != "identifier":
        return None
    entry = c.scope.names.get(c.text(left))
    return None if entry is None else entry.declared


def _declare(c: Context, left: Tree, declared: Type | None) -> None:
    """`x: int` without a value."""
    if left.kind == "identifier" and declared is not None:
        name = c.text(left)
        if c.scope.kind == "class" or name not in c.scope.names:
            c.scope = c.scope.bind(name, Entry(declared, declared))
    elif left.kind == "attribute":
        bind_target(c, left, declared or UNKNOWN, declared)


def _augmented(c: Context, tree: Tree) -> None:
    left, right, sign = tree.child("left"), tree.child("right"), tree.child("operator")
    if left is None:
        return
    old = infer(c, left)
    if left.kind == "identifier" and _is_unbound(c, c.text(left)):
        c.report(Domain.TYPES, f"`{c.text(left)}` is used before it is bound", left)
    if right is None or sign is None or not right.is_present:
        return
    new = infer(c, right)
    if not c.is_final(tree):
        return
    result = operators.augmented(c, tree, sign.kind.rstrip("="), old, new)
    expected = expected_of_target(c, left)
    if expected is not None:
        check_assigned(c, right, result, expected, f"`{c.text(left)}`")
    if left.kind == "attribute" and isinstance(result, Unknown):
        # Something else gives the attribute its first value: it is not less known by this.
        result = NEVER
    with c.quiet():
        bind_target(c, left, result)


def _is_unbound(c: Context, name: str) -> bool:
    """Whether the function, of which the name is because it is assigned to here, hasn't bound it:
    what the name is further out doesn't count."""
    scope = c.scope
    is_own = name in scope.names or name in scope.elsewhere
    return scope.kind == "function" and not (scope.loop or scope.is_open or is_own)


def _return(c: Context, tree: Tree) -> None:
    values = [one for one in parts(tree) if one.kind != "return"]
    scope = c.scope
    if scope.kind != "function":
        c.report(Domain.CONTROLFLOW, "`return` outside a function", _word(tree))
    returns = scope.frame.returns
    type_: Type = NONE
    if values:
        type_ = infer(c, values[0], returns)
    if (
        c.is_final(tree)
        and returns is not None
        and scope.kind == "function"
        and not isinstance(returns, Unknown)
        and not c.scope.has_yielded
        and not definitions.may_be_generator(returns)
    ):
        place = values[0] if values else _word(tree)
        shaped = bool(values) and _shaped_by(c, values[0], returns)
        if not shaped and not fits_result(c, type_, returns):
            name = scope.frame.name
            c.report(
                Domain.TYPES,
                f"`{name}` returns `{show(returns)}`, not `{show(type_)}`",
                place,
            )
    if values and c.is_final(tree):
        c.scope = c.scope.but(has_returned_value=True)
    if c.is_final(tree) and c.scope.is_alive:
        ended = c.scope.dead()
        is_kept = returns is None or definitions.may_be_generator(returns)
        if is_kept and scope.kind == "function":
            # Where the way to here isn't sure the value may never be returned.
            sure = UNKNOWN if c.scope.is_doubtful else widen_literal(type_)
            is_value = not values or c.text(values[0]) != "NotImplemented"
            ended = ended.but(returned=(*ended.returned, *([sure] if is_value else [])))
        c.scope = ended.but(has_returned=True)


def _raise(c: Context, tree: Tree) -> None:
    values = [one for one in parts(tree) if one.kind not in ("raise", "from")]
    types = [infer(c, one) for one in values]
    if not c.is_final(tree):
        return
    # `None` is often only what a name has had so far, and right after `from`.
    for value, type_ in zip(values, types, strict=True):
        if type_ != NONE and not _may_be_raised(c, type_):
            c.report(Domain.TYPES, f"`{show(type_)}` can't be raised", value)
    c.scope = c.scope.dead()


def _may_be_raised(c: Context, type_: Type) -> bool:
    """Whether a value may be an exception, or a class of exceptions."""
    if isinstance(type_, Function | Overloaded | ModuleObject):
        return False
    symbol = symbol_of(type_.instance if isinstance(type_, ClassOf) else type_)
    if symbol is None or symbol == "builtins:object":
        return True
    class_ = c.world.class_of(symbol)
    may_be_any = class_ is None or "protocol" in class_.flags
    return may_be_any or c.world.is_subclass(symbol, "builtins:BaseException") is not False


def _break(c: Context, tree: Tree) -> None:
    if not c.scope.loop:
        c.report(Domain.CONTROLFLOW, "`break` outside a loop", tree)
    c.scope = c.scope.dead().but(has_broken=True)


def _continue(c: Context, tree: Tree) -> None:
    if not c.scope.loop:
        c.report(Domain.CONTROLFLOW, "`continue` outside a loop", tree)
    c.scope = c.scope.dead()


def _delete(c: Context, tree: Tree) -> None:
    stack = [one for one in parts(tree) if one.kind != "del"]
    for one in stack:
        if one.kind in ("expression_list", "tuple", "list", "parenthesized_expression"):
            stack += parts(one)
            continue
        infer(c, one)
        if one.kind == "identifier" and c.is_final(one):
            name = c.text(one)
            if name in c.scope.names:
                # It may be bound again, and a later use is checked where that is done.
                entry = replace(c.scope.names[name], type=UNKNOWN, is_certain=False)
                c.scope = c.scope.but(names={**c.scope.names, name: entry})


def _assert(c: Context, tree: Tree) -> None:
    inner = [one for one in parts(tree) if one.kind != "assert"]
    if not inner:
        return
    infer(c, inner[0])
    if len(inner) > 1:
        before = c.scope
        narrow(c, inner[0], False)
        infer(c, inner[1])
        c.scope = before
    if c.is_final(tree):
        if static_value(c, inner[0]) is False:
            c.scope = c.scope.dead()
            return
        narrow(c, inner[0], True)


def _global(c: Context, tree: Tree) -> None:
    word = _word(tree).kind
    names = [c.text(one) for one in tree.children if one.kind == "identifier" and one.is_present]
    c.scope = c.scope.but(elsewhere={**c.scope.elsewhere, **dict.fromkeys(names, word)})


def _type_alias(c: Context, tree: Tree) -> None:
    """`type X = …`, `type X[T] = …`: what it stands for may name what comes later, and itself."""
    left, right = tree.child("left"), tree.child("right")
    names = [] if left is None else [one for one in _names_in(left) if c.is_final(one)]
    if not names:
        return
    name = c.text(names[0])
    before = c.scope
    # The parameters, and the bounds that they may have, are no alias's names.
    parameters = {c.text(one): Entry(UNKNOWN, means=UNKNOWN) for one in names[1:]}
    c.scope = before.with_names({**parameters, name: Entry(UNKNOWN, means=UNKNOWN)})
    meaning = read_type(c, right, deferred=True)
    owed = c.scope.owed
    c.scope = before.but(owed=owed, owed_members=c.scope.owed_members)
    c.scope = c.scope.bind(name, Entry(UNKNOWN, means=UNKNOWN if parameters else meaning))


# Compound statements


def _if(c: Context, tree: Tree) -> None:
    condition, body = tree.child("condition"), tree.child("consequence")
    if condition is None:
        return
    clauses: list[tuple[Tree, Tree | None]] = [(condition, body)]
    otherwise: Tree | None = None
    for one in tree.fields("alternative"):
        if one.kind == "elif_clause":
            test = one.child("condition")
            if test is not None:
                clauses.append((test, one.child("consequence")))
        elif one.kind == "else_clause":
            otherwise = one.child("body")
    ends: list[Scope] = []
    for test, block in clauses:
        c.binder = test
        infer(c, test)
        fixed = static_value(c, test)
        before = c.scope
        narrow(c, test, True)
        if fixed is False:
            c.scope = c.scope.dead()
        c.enter("if", (test,), block, before)
        if block is not None:
            run_statement(c, block)
        ends.append(c.scope)
        c.scope = before
        narrow(c, test, False)
        if fixed is True:
            c.scope = c.scope.dead()
        c.enter("else", (test,), block, before)
    if otherwise is not None:
        run_statement(c, otherwise)
    result = c.scope
    for end in reversed(ends):
        result = merge(result, end)
    c.scope = result


def _loop_scope(c: Context) -> Scope:
    # The body may give what merely has a first value another, of any type, for its next round.
    names = {
        name: replace(entry, type=UNKNOWN)
        if entry.declared is None and entry.member is None and _is_first_value(entry.type)
        else entry
        for name, entry in c.scope.names.items()
    }
    facts = {p: UNKNOWN if _is_first_value(t) else t for p, t in c.scope.facts.items()}
    return c.scope.but(names=names, facts=facts, loop=c.scope.loop + 1, has_broken=False)


def _is_first_value(type_: Type) -> bool:
    """Whether the value may be there only because a name needs one. Whatever else the name gets,
    a number or a text is still among what it may be; `None` is tested for in too many ways."""
    return NONE in members_of(type_)


def _end_loop(c: Context, before: Scope, tree: Tree, body: Tree | None, *, forever: bool) -> None:
    """Leaves a loop's body: what is bound in it may have been bound any number of times."""
    inner = c.scope
    left: dict[str, Owed] = {}
    for name, one in inner.owed.items():
        if (one.loop and one.loop >= inner.loop and name not in inner.names) and (
            body is not None and c.is_final(body)
        ):
            place = Tree("end", "", one.start, min(body.end, c.edge), 0, [])
            c.scope = inner.but(is_alive=before.is_alive)
            c.report(Domain.TYPES, f"`{name}` is not defined", place)
            continue
        left[name] = one
    inner = inner.but(owed=left)
    after = widen(before, inner.but(is_alive=before.is_alive))
    has_broken = inner.has_broken
    c.scope = after.but(
        loop=before.loop,
        has_broken=before.has_broken,
        is_alive=before.is_alive and (not forever or has_broken),
        is_doubtful=before.is_doubtful,
    )


def _while(c: Context, tree: Tree) -> None:
    condition, body = tree.child("condition"), tree.child("body")
    if condition is None:
        return
    before = c.scope
    c.scope = _loop_scope(c)
    c.binder = condition
    infer(c, condition)
    fixed = static_value(c, condition)
    entered = c.scope
    narrow(c, condition, True)
    c.enter("while", (condition,), body, before)
    if body is not None:
        run_statement(c, body)
    c.scope = c.scope.but(names={**entered.names, **c.scope.names})
    is_open = body is None or not c.is_final(body)
    has_broken = c.scope.has_broken
    _end_loop(c, before, tree, body, forever=fixed is True and not is_open)
    _else(c, tree, has_broken)


def _else(c: Context, tree: Tree, has_broken: bool) -> None:
    for one in tree.fields("alternative"):
        block = one.child("body")
        if block is None:
            continue
        before = c.scope
        run_statement(c, block)
        if has_broken:
            c.scope = merge(before, c.scope)


def _for(c: Context, tree: Tree) -> None:
    left, right, body = tree.child("left"), tree.child("right"), tree.child("body")
    if left is None:
        return
    is_async = any(one.kind == "async" for one in tree.children)
    item: Type = UNKNOWN
    rights = tree.fields("right")
    if right is not None and right.is_present:
        types = [infer(c, one) for one in rights if one.kind != ","]
        if len(types) == 1 and c.is_final(right):
            loop = operators.iterate_async if is_async else operators.iterate
            item = loop(c, right, types[0])
    before = c.scope
    c.scope = _loop_scope(c)
    bind_target(c, left, widen_literal(item))
    c.enter("for", (left, *rights), body, before)
    if body is not None:
        run_statement(c, body)
    has_broken = c.scope.has_broken
    _end_loop(c, before, tree, body, forever=False)
    _else(c, tree, has_broken)


def _try(c: Context, tree: Tree) -> None:
    body = tree.child("body")
    before = c.scope
    c.trying += 1
    if body is not None:
        run_statement(c, body)
    c.trying -= 1
    tried = c.scope
    ends: list[Scope] = []
    c.scope = widen(before, tried).but(has_returned=tried.has_returned)
    c.enter("thrown", (body,), body, before, tried)
    thrown = c.scope
    finally_block: Tree | None = None
    for one in tree.children:
        if one.kind in ("except_clause", "except_group_clause"):
            c.scope = thrown
            c.enter("except", one.children[:1], one.children[0], thrown)
            _except(c, one)
            ends.append(c.scope)
        elif one.kind == "else_clause":
            c.scope = tried
            block = one.child("body")
            if block is not None:
                run_statement(c, block)
            tried = c.scope
        elif one.kind == "finally_clause":
            finally_block = one
    result = tried
    for end in ends:
        result = merge(result, end)
    c.scope = result
    if finally_block is not None:
        # It runs after anything that came before.
        blocks = [one for one in finally_block.children if one.kind == "block"]
        c.scope = widen(before, result).but(is_alive=before.is_alive)
        c.enter("finally", finally_block.children[:1], finally_block.children[-1], before, result)
        for block in blocks:
            run_statement(c, block)
        ended = c.scope
        c.scope = ended.but(
            names={
                **ended.names,
                **{
                    n: e
                    for n, e in result.names.items()
                    if n in ended.names
                    and ended.names[n] is c.scope.names[n]
                    and n in before.names
                    and before.names[n] is e
                },
            },
            is_alive=ended.is_alive and result.is_alive,
        )


def _except(c: Context, tree: Tree) -> None:
    bound: str | None = None
    start = c.scope
    for one in tree.children:
        if one.kind in ("except", "except*", "*", ":", ",", "comment", "as"):
            continue
        if one.kind == "block":
            header = [part for part in tree.children if part.kind not in ("block", "comment")]
            c.enter("caught", header, one, start)
            run_statement(c, one)
        elif one.kind == "as_pattern":
            target = one.child("alias")
            value = [part for part in one.children if part.field != "alias" and part.kind != "as"]
            type_ = infer(c, value[0]) if value else UNKNOWN
            if target is not None and target.is_present:
                bind_target(c, target, _caught(c, type_))
                bound = c.text(target)
        elif one.field == "alias" or one.kind == "as_pattern_target":
            bind_target(c, one, UNKNOWN)
            bound = c.text(one)
        else:
            infer(c, one)
    if bound is not None and bound in c.scope.names:
        names = dict(c.scope.names)
        names[bound] = replace(names[bound], type=UNKNOWN, is_certain=False)
        c.scope = c.scope.but(names=names)


def _caught(c: Context, type_: Type) -> Type:
    from ananke.analysis.types import Tuple

    if isinstance(type_, ClassOf):
        return type_.instance
    if isinstance(type_, Tuple) and type_.rest is None:
        return join([_caught(c, one) for one in type_.items])
    return UNKNOWN


def _with(c: Context, tree: Tree) -> None:
    is_async = any(one.kind == "async" for one in tree.children)
    begun = c.scope
    stack = [one for one in tree.children if one.kind == "with_clause"]
    items: list[Tree] = []
    while stack:
        one = stack.pop(0)
        if one.kind == "with_item":
            items.append(one)
        else:
            stack = [*one.children, *stack]
    for item in items:
        value = item.child("value")
        if value is None:
            continue
        _with_item(c, value, is_async)
    body = tree.child("body")
    if body is not None:
        c.enter("with", items, body, begun)
        before = c.scope
        run_statement(c, body)
        if not c.scope.is_alive and before.is_alive:
            # It may swallow what is raised in it.
            c.scope = c.scope.but(flags=c.scope.flags | {"left a with"})


def _with_item(c: Context, tree: Tree, is_async: bool) -> None:
    if tree.kind == "as_pattern":
        target = tree.child("alias")
        value = [one for one in tree.children if one.field != "alias" and one.kind != "as"]
        type_ = infer(c, value[0]) if value else UNKNOWN
        held = operators.entered(c, value[0], type_, is_async=is_async) if value else UNKNOWN
        if target is not None:
            bind_target(c, target, held)
        return
    if tree.kind in ("tuple", "parenthesized_expression"):
        for one in parts(tree):
            _with_item(c, one, is_async)
        return
    type_ = infer(c, tree)
    operators.entered(c, tree, type_, is_async=is_async)


def _match(c: Context, tree: Tree) -> None:
    for one in tree.fields("subject"):
        infer(c, one)
    body = tree.child("body")
    cases = [] if body is None else _cases(body)
    before = c.scope
    ends: list[Scope] = []
    exhaustive = False
    for one in cases:
        # What a pattern tells of the subject isn't followed.
        c.scope = _blurred(c, before, tree)
        patterns = [part for part in one.children if part.kind == "case_pattern"]
        for pattern in patterns:
            _bind_pattern(c, pattern)
        guard = one.child("guard")
        if guard is not None:
            for part in parts(guard):
                if part.kind != "if":
                    infer(c, part)
                    narrow(c, part, True)
        block = one.child("consequence")
        if block is not None:
            c.enter("case", (*patterns, guard), block, before)
            run_statement(c, block)
        ends.append(c.scope)
        if guard is None and len(patterns) == 1 and takes_all(c, patterns[0]):
            exhaustive = True
    result: Scope | None = None if exhaustive else _blurred(c, before, tree)
    for end in ends:
        result = end if result is None else merge(result, end)
    c.scope = before if result is None else result
    if not exhaustive:
        c.scope = c.scope.but(is_doubtful=True)


def _blurred(c: Context, scope: Scope, tree: Tree) -> Scope:
    from ananke.languages.python.meaning.paths import assign_path, path_of

    for one in tree.fields("subject"):
        path = path_of(c, one)
        if path is not None:
            scope = assign_path(scope, path, UNKNOWN)
    return scope


def _cases(tree: Tree) -> list[Tree]:
    found: list[Tree] = []
    stack = [tree]
    while stack:
        one = stack.pop(0)
        if one.kind == "case_clause":
            found.append(one)
        else:
            stack = [*one.children, *stack]
    return found


def _bind_pattern(c: Context, tree: Tree) -> None:
    """Binds the names that a pattern captures, and reads those that it compares with."""
    if tree.start == NOWHERE:
        return
    kind = tree.kind
    if kind == "dotted_name":
        words = [one for one in tree.children if one.kind == "identifier"]
        if len(words) == 1:
            name = c.text(words[0])
            if name != "_":
                c.bind(name, UNKNOWN)
        elif words:
            _check_name(c, words[0])
        return
    if kind == "class_pattern":
        for one in tree.children:
            if one.kind == "dotted_name":
                words = [part for part in one.children if part.kind == "identifier"]
                if words:
                    _check_name(c, words[0])
            else:
                _bind_pattern(c, one)
        return
    if kind == "keyword_pattern":
        for one in tree.children[1:]:
            _bind_pattern(c, one)
        return
    if kind == "identifier":
        name = c.text(tree)
        if name != "_":
            c.bind(name, UNKNOWN)
        return
    for one in tree.children:
        _bind_pattern(c, one)


def _check_name(c: Context, tree: Tree) -> None:
    if c.is_final(tree):
        infer(c, tree)


def _decorated(c: Context, tree: Tree) -> None:
    decorators: list[tuple[str, Type]] = []
    for one in tree.children:
        if one.kind == "decorator":
            inner = [part for part in one.children if part.kind not in ("@", "comment")]
            if inner and inner[0].is_present:
                type_ = infer(c, inner[0])
                decorators.append((c.text(inner[0]), type_))
    definition = tree.child("definition")
    if definition is None or definition.start == NOWHERE:
        return
    if definition.kind == "class_definition":
        definitions.define_class(c, definition, run_statement, decorators)
    else:
        definitions.define_function(c, definition, run_statement, decorators)


_RULES: dict[str, Callable[[Context, Tree], None]] = {
    "expression_statement": _expression_statement,
    "assignment": _assignment,
    "augmented_assignment": _augmented,
    "return_statement": _return,
    "raise_statement": _raise,
    "break_statement": _break,
    "continue_statement": _continue,
    "delete_statement": _delete,
    "assert_statement": _assert,
    "global_statement": _global,
    "nonlocal_statement": _global,
    "type_alias_statement": _type_alias,
    "import_statement": imports.import_modules,
    "import_from_statement": imports.import_from,
    "future_import_statement": imports.future_import,
    "if_statement": _if,
    "while_statement": _while,
    "for_statement": _for,
    "try_statement": _try,
    "with_statement": _with,
    "match_statement": _match,
    "function_definition": lambda c, tree: definitions.define_function(c, tree, run_statement),
    "class_definition": lambda c, tree: definitions.define_class(c, tree, run_statement),
    "decorated_definition": _decorated,
}
