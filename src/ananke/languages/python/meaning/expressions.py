"""Expressions: their types, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ananke.analysis.calls import Argument, Outcome, call, expected_type, widen_literal
from ananke.analysis.declarations import Binding, Class, Declared
from ananke.analysis.declarations import Callable as CallableDeclared
from ananke.analysis.defects import Domain
from ananke.analysis.judgement import Constraint
from ananke.analysis.relation import assignable
from ananke.analysis.scopes import Entry, Owed, Scope, together
from ananke.analysis.types import (
    NEVER,
    UNKNOWN,
    ClassOf,
    Function,
    Kind,
    Literal,
    ModuleObject,
    Nominal,
    Overloaded,
    Parameter,
    Tuple,
    Type,
    Union,
    Unknown,
    Variable,
    join,
    members_of,
    show,
)
from ananke.analysis.world import symbol_of
from ananke.languages.python.meaning import displays, operators
from ananke.languages.python.meaning.annotations import (
    check_count,
    fits_result,
    form_of,
    is_plain_value,
    special_form,
    special_names,
)
from ananke.languages.python.meaning.context import (
    BOOL,
    BYTES,
    COMPLEX,
    ELLIPSIS,
    FLOAT,
    INT,
    NONE,
    STR,
    Context,
    builtin,
)
from ananke.languages.python.meaning.fields import FIELDED, made_by_fields
from ananke.languages.python.meaning.inheritance import Above, above
from ananke.languages.python.meaning.narrowing import narrow, static_value
from ananke.languages.python.meaning.paths import path_of
from ananke.languages.python.meaning.placement import (
    check_assigned_name,
    check_bound,
    check_placement,
)
from ananke.languages.python.meaning.trees import is_unclosed, parts, remembered, spread_in
from ananke.parsing.opening import NOWHERE, Tree

__all__ = ["bind_target", "check_target", "declared_member", "infer"]

#: Builtins that modules are known to bind anew further down, after functions that use the new one.
_OFTEN_REPLACED = frozenset(
    ("open", "compile", "input", "format", "filter", "help", "exit", "quit")
)

_Rule = Callable[[Context, Tree, Type | None], Type]
#: Kinds that are read as fast as they are remembered.
_LEAVES = frozenset(("identifier", "integer", "float", "true", "false", "none", "ellipsis"))


def infer(c: Context, tree: Tree, expected: Type | None = None) -> Type:
    """The type of an expression; its defects go to the context."""
    if tree.start == NOWHERE:
        return UNKNOWN
    rule = _RULES.get(tree.kind)
    if rule is None:
        for one in parts(tree):
            infer(c, one)
        return UNKNOWN
    if c.is_final(tree):
        if not tree.identity or tree.kind in _LEAVES:
            return _read(c, tree, expected, rule)
        return remembered(c, tree, expected, lambda: _read(c, tree, expected, rule))
    c.unsettled += 1
    found = _read(c, tree, expected, rule)
    c.unsettled -= 1
    return found


def _read(c: Context, tree: Tree, expected: Type | None, rule: _Rule) -> Type:
    check_placement(c, tree)
    return rule(c, tree, expected)


# Names and literals


def _identifier(c: Context, tree: Tree, expected: Type | None) -> Type:
    name = c.text(tree)
    if c.is_pending(tree):
        _offer_names(c)
        if c.has_open_names():
            return UNKNOWN
        if not _may_be_bound(c, tree):
            c.require(
                Domain.TYPES,
                tree,
                Constraint(frozenset(c.names()), is_operand=True),
                lambda part: f"no name begins with `{part}`",
                lambda part: _near(c, part),
            )
        return UNKNOWN
    if name == "await":
        # What it would wait for isn't there yet.
        _check_await(c, tree)
        return UNKNOWN
    found = c.find(name)
    if found is None:
        if c.lenient or c.owe(name, tree):
            if not c.lenient:
                c.scope = c.scope.but(is_doubtful=True) if _is_called(c, tree) else c.scope
            return UNKNOWN
        if c.is_final(tree) or not _may_be_bound(c, tree):
            c.report(Domain.TYPES, f"`{name}` is not defined", tree, _near(c, name))
        return UNKNOWN
    if c.lenient and c.offers is None and found.scope is not None and _may_be_rebound(c, name):
        return UNKNOWN
    fact = _fact(c, name, found.scope)
    if fact is not None:
        return fact
    entry = found.entry
    if found.scope is None and name in _OFTEN_REPLACED and c.scope.kind != "module":
        later = c.program.later
        if later is None or name in later:
            return UNKNOWN
    if found.scope is not c.scope and found.scope is not None and found.scope.kind == "class":
        return UNKNOWN
    if found.scope is not c.scope and entry.type == NONE:
        # A class or a function may still take the name.
        return UNKNOWN if entry.declared is None else entry.declared
    return c.settle(entry.type)


def _may_be_rebound(c: Context, name: str) -> bool:
    """Whether a comprehension that may follow may well use a variable's name for its own.

    Modules, classes and the receiver are taken for what they are.
    """
    if name == c.scope.frame.receiver:
        return False
    found = c.find(name)
    kinds = (ModuleObject, ClassOf)
    return found is not None and not isinstance(found.entry.type, kinds)


def _is_called(c: Context, tree: Tree) -> bool:
    return True


def _fact(c: Context, name: str, home: Scope | None) -> Type | None:
    scope: Scope | None = c.scope
    while scope is not None and scope is not home:
        if name in scope.facts:
            return scope.facts[name]
        scope = scope.outer
    return None


def _offer_names(c: Context) -> None:
    if c.offers is None:
        return
    found = {name: one for name in c.names() if (one := c.find(name)) is not None}
    own = [name for name, one in found.items() if one.scope is not None]
    builtins = [name for name, one in found.items() if one.scope is None]
    c.offer("names", own, lambda name: found[name].entry.type)
    c.offer("builtins", builtins, lambda name: found[name].entry.type)
    c.offer("parameters", c.labels, lambda _: None)


def _may_be_bound(c: Context, tree: Tree) -> bool:
    """Whether the open name at the end of the text may become the target of a binding."""
    # A keyword may be the beginning of a name.
    return c.binder is tree and (c.follows(b" :=") or (c.is_pending(tree) and c.follows(b"_ :=")))


def _near(c: Context, name: str) -> list[str]:
    """Known names that are alike, for explanations."""
    start = name[:2].lower()
    return sorted(one for one in c.names() if one[:2].lower() == start and not one.startswith("__"))


def _literal_of(type_: Nominal) -> Callable[[Context, Tree, Type | None], Type]:
    return lambda _c, _tree, _expected: type_


def _ellipsis(c: Context, tree: Tree, expected: Type | None) -> Type:
    if c.program.holes is None:
        return ELLIPSIS
    c.program.holes[tree.start] = (expected, c.scope)
    return UNKNOWN


def _integer(c: Context, tree: Tree, expected: Type | None) -> Type:
    text = c.text(tree).replace("_", "").lower()
    if text.endswith("j"):
        return COMPLEX
    if not c.is_final(tree):
        return UNKNOWN if c.is_pending(tree) else INT
    try:
        return Literal(int(text, 0), "builtins:int")
    except ValueError:
        # Of a number that is begun the point is read as part of it.
        return FLOAT if "." in text or "e" in text else INT


def _float(c: Context, tree: Tree, expected: Type | None) -> Type:
    return COMPLEX if c.text(tree).lower().endswith("j") else FLOAT


def _true(c: Context, tree: Tree, expected: Type | None) -> Type:
    return Literal(True, "builtins:bool")


def _false(c: Context, tree: Tree, expected: Type | None) -> Type:
    return Literal(False, "builtins:bool")


#: What an open string that is taken for closed holds: it may be none of those that are wanted.
_ANY_TEXT = "\0"


def _string(c: Context, tree: Tree, expected: Type | None) -> Type:
    prefix = ""
    plain = True
    content = ""
    for one in tree.children:
        if one.kind == "string_start":
            prefix = c.text(one).rstrip("'\"").lower()
        elif one.kind == "interpolation":
            plain = False
            _interpolation(c, one)
        elif one.kind == "string_content":
            text = c.text(one)
            content += text
            plain = plain and "\\" not in text
    if "b" in prefix:
        return BYTES
    if not plain or "f" in prefix or "t" in prefix:
        return STR
    if tree.end == NOWHERE:
        return Literal(_ANY_TEXT, "builtins:str") if c.is_closed else STR
    return Literal(content, "builtins:str")


def _interpolation(c: Context, tree: Tree) -> None:
    for one in parts(tree):
        if one.kind in ("type_conversion", "string_start", "string_content", "="):
            continue
        if one.kind == "format_specifier":
            for inner in one.children:
                if inner.kind in ("format_expression", "interpolation"):
                    _interpolation(c, inner)
            continue
        infer(c, one)


def _concatenated(c: Context, tree: Tree, expected: Type | None) -> Type:
    types = [infer(c, one) for one in tree.children if one.kind == "string"]
    return BYTES if types and types[0] == BYTES else STR


# Comprehensions and brackets


def _comprehension(c: Context, tree: Tree, expected: Type | None) -> Type:
    outer = c.scope
    body: Tree | None = None
    c.scope = Scope(
        "comprehension",
        outer,
        is_alive=outer.is_alive,
        frame=outer.frame,
        classes=outer.classes,
        path=outer.path,
        flags=outer.flags | ({"lazy"} if tree.kind == "generator_expression" else set()),
    )
    for one in parts(tree):
        if one.field == "body":
            body = one
        elif one.kind == "for_in_clause":
            left = one.child("left")
            rights = one.fields("right")
            types = [infer(c, right) for right in rights]
            is_eager = not any(part.kind == "async" for part in one.children)
            item: Type = UNKNOWN
            if len(types) == 1 and c.is_final(rights[0]):
                loop = operators.iterate if is_eager else operators.iterate_async
                item = loop(c, rights[0], types[0])
            if left is not None:
                bind_target(c, left, item)
        elif one.kind == "if_clause":
            for condition in parts(one):
                if condition.kind == "if":
                    continue
                c.binder = condition
                infer(c, condition)
                narrow(c, condition, True)
    made = _COMPREHENDED.get(tree.kind, "")
    held: list[Type] = []
    if body is not None:
        # Further clauses may bind more names.
        is_lenient = is_unclosed(c, tree)
        c.lenient += is_lenient
        elements = [body.child("key"), body.child("value")] if made == "dict" else [body]
        for element, wanted in zip(elements, displays.wanted_of(expected, made), strict=True):
            held.append(UNKNOWN if element is None else infer(c, element, wanted))
        if made == "set":
            displays.check_hashable(c, body, held[0])
        c.lenient -= is_lenient
    inner = c.scope
    c.scope = outer.but(
        owed={**outer.owed, **{n: o for n, o in inner.owed.items() if n not in inner.names}},
        owed_members={**outer.owed_members, **inner.owed_members},
    )
    if made:
        return displays.comprehended(c, made, expected, tuple(held))
    item_type = widen_literal(held[0]) if held else UNKNOWN
    return (
        Nominal("collections.abc:Generator", (item_type, NONE, NONE))
        if _has_generator(c)
        else UNKNOWN
    )


#: What comprehensions make.
_COMPREHENDED = {
    "list_comprehension": "list",
    "set_comprehension": "set",
    "dictionary_comprehension": "dict",
}


def _has_generator(c: Context) -> bool:
    return c.world.class_of("collections.abc:Generator") is not None


def _parenthesized(c: Context, tree: Tree, expected: Type | None) -> Type:
    inner = parts(tree)
    is_lenient = is_unclosed(c, tree)
    c.lenient += is_lenient
    c.binder = inner[0] if inner else None
    types = [infer(c, one, expected) for one in inner]
    c.lenient -= is_lenient
    return types[0] if len(types) == 1 else UNKNOWN


# Members


def _attribute(c: Context, tree: Tree, expected: Type | None) -> Type:
    target, name_tree = tree.child("object"), tree.child("attribute")
    if target is None or name_tree is None:
        return UNKNOWN
    owner = infer(c, target)
    if not name_tree.is_present:
        return UNKNOWN
    super_ = above(c, target)
    if super_ is not None and c.scope.is_alive:
        return _inherited_member(c, super_, name_tree)
    path = path_of(c, tree)
    if path is not None and not c.is_pending(name_tree):
        known = _known_fact(c, path)
        if known is not None:
            return c.settle(known)
    return read_member(c, owner, name_tree, target)


def _known_fact(c: Context, path: str) -> Type | None:
    """What is known of the path here, or where the scopes around left it."""
    scope: Scope | None = c.scope
    root = path.partition(".")[0].partition("[")[0]
    while scope is not None:
        fact = scope.facts.get(path)
        if fact is not None:
            return fact
        if root in scope.names or scope.kind == "class":
            return None
        scope = scope.outer
        if scope is not None and scope.kind in ("module", "class"):
            # Seen from inside a function it may have changed.
            return UNKNOWN if path in scope.facts else None
    return None


def read_member(c: Context, owner: Type, name_tree: Tree, target: Tree) -> Type:
    """The type of `owner.name`, reporting a name that the owner doesn't have."""
    name = c.text(name_tree)
    if isinstance(owner, Unknown) or not c.scope.is_alive:
        return UNKNOWN
    if name == "__new__" and not c.is_pending(name_tree):
        # What it makes is told by the class that it is given.
        return UNKNOWN
    if isinstance(owner, ModuleObject):
        special = special_form(owner.name, name)
        if special is not None and not c.is_pending(name_tree):
            return special
    if c.is_pending(name_tree):
        names = _member_names(c, owner)
        if names is not None:
            known = names
            c.offer("members", names, lambda one: c.world.member(owner, one))
            c.require(
                Domain.TYPES,
                name_tree,
                Constraint(frozenset(names)),
                lambda part: (
                    f"`{show(widen_literal(owner))}` has no attribute that begins with `{part}`"
                ),
                lambda part: _public(known, part),
            )
        return UNKNOWN
    found = c.world.member(owner, name)
    if found is not None and name in _BY_KEY and _may_be_typed_dict(c, owner):
        # What it gives depends on the key.
        return UNKNOWN
    if found is not None:
        if isinstance(found, Unknown):
            _owe_member(c, owner, name, name_tree)
        return found
    if _owe_member(c, owner, name, name_tree):
        return UNKNOWN
    if c.unsettled and any(c.world.member(one, name) is not None for one in _narrower(c, owner)):
        return UNKNOWN
    missing: Type = owner
    for one in members_of(owner):
        if c.world.member(one, name) is None:
            missing = one
            break
    names = c.world.names_of(missing)
    c.report(
        Domain.TYPES,
        f"`{show(widen_literal(missing))}` has no attribute `{name}`",
        name_tree,
        _public(names or set(), name),
    )
    return UNKNOWN


def _inherited_member(c: Context, super_: Above, name_tree: Tree) -> Type:
    """The type of `super().name`, reporting a name that no class above has."""
    name = c.text(name_tree)
    if c.is_pending(name_tree):
        names = super_.names()
        c.offer("members", names, lambda one: super_.member(c, one))
        c.require(
            Domain.TYPES,
            name_tree,
            Constraint(frozenset(names)),
            lambda part: f"no class above has an attribute that begins with `{part}`",
            lambda part: _public(names, part),
        )
        return UNKNOWN
    found = super_.member(c, name)
    if found is not None:
        return found
    c.report(
        Domain.TYPES,
        f"no class above has an attribute `{name}`",
        name_tree,
        _public(super_.names(), name),
    )
    return UNKNOWN


#: Methods of dictionaries whose results a TypedDict types by key.
_BY_KEY = frozenset(("get", "pop", "setdefault", "popitem", "items", "values", "copy", "update"))


def _may_be_typed_dict(c: Context, owner: Type) -> bool:
    for one in members_of(owner):
        class_ = c.world.class_of(one.symbol) if isinstance(one, Nominal) else None
        if class_ is not None and "typeddict" in class_.flags:
            return True
    return False


def _public(names: set[str], name: str) -> list[str]:
    alike = [one for one in names if one[:1] == name[:1] and not one.startswith("__")]
    return sorted(alike or [one for one in names if not one.startswith("_")])


def _member_names(c: Context, owner: Type) -> set[str] | None:
    names = c.world.names_of(owner)
    if names is None:
        return None
    if isinstance(owner, ModuleObject):
        return names | special_names(owner.name)
    for one in _narrower(c, owner) if c.unsettled else ():
        more = c.world.names_of(one)
        if more is None:
            return None
        names = names | more
    return names


def _narrower(c: Context, owner: Type) -> list[Type]:
    """Instances of the classes that have a name here and that a test may find the owner to be."""
    own = [one.symbol for one in members_of(owner) if isinstance(one, Nominal)]
    own = [one for one in own if one not in operators.SETTLED]
    if not own:
        return []
    if "builtins:object" in own:
        return [UNKNOWN]
    found: list[Type] = []
    scope: Scope | None = c.scope
    while scope is not None:
        values = [entry.type for entry in scope.names.values()]
        found += [one.instance for one in values if isinstance(one, ClassOf)]
        scope = scope.outer
    found += [builtin(name) for name in ("str", "int", "list", "dict", "set", "tuple", "bytes")]
    return [
        one
        for one in found
        if isinstance(one, Nominal)
        and any(c.world.is_subclass(one.symbol, symbol) is not False for symbol in own)
    ]


def _owe_member(c: Context, owner: Type, name: str, tree: Tree) -> bool:
    """Whether the member may still be declared, because its class is under way; notes the debt."""
    if isinstance(owner, Union):
        lacking = [one for one in owner.members if c.world.member(one, name) is None]
        return bool(lacking) and all(_owe_member(c, one, name, tree) for one in lacking)
    symbol = symbol_of(owner)
    if symbol is None and isinstance(owner, ClassOf):
        symbol = symbol_of(owner.instance)
    if symbol is None:
        return False
    class_ = c.world.class_of(symbol)
    if class_ is None or "under way" not in class_.flags:
        return False
    found = c.world.find(symbol, name)
    if found is not None:
        if _may_not_return(found[0].declared):
            c.scope = c.scope.but(is_doubtful=True)
        return True
    if not c.muted and c.scope.is_alive and c.is_final(tree):
        owed = Owed(tree.start, min(tree.end, c.edge))
        c.scope = c.scope.but(
            owed_members={**c.scope.owed_members, f"{symbol}.{name}": owed},
            is_doubtful=True,
        )
    return True


def _may_not_return(declared: Declared) -> bool:
    """Whether what a class under way inherits may be a function after which nothing is reached."""
    if not isinstance(declared, CallableDeclared):
        return True
    type_ = declared.type
    return not isinstance(type_, Function) or type_.result in (NEVER, UNKNOWN)


# Calls


def arguments_of(c: Context, tree: Tree, function: Type) -> list[Argument]:
    """The arguments of an argument list, read."""
    found: list[Argument] = []
    inner = parts(tree)
    is_open = not c.is_final(tree)
    is_alone = is_unclosed(c, tree) and not any(one.kind == "," for one in tree.children)
    is_lenient = is_alone and _takes_generator(c, function)
    position = 0
    for one in inner:
        final = c.is_final(one)
        if one.kind == "keyword_argument":
            name, value = one.child("name"), one.child("value")
            label = "" if name is None else c.text(name)
            wanted = expected_type(function, 0, label)
            given = UNKNOWN if value is None else infer(c, value, wanted)
            found.append(Argument(label, given, one.start, min(one.end, c.edge), final))
            if not final and name is not None and c.is_final(name):
                # The name is there already, whatever its value will be.
                found[-1] = replace(found[-1], type=UNKNOWN, is_final=True)
            continue
        spread = spread_in(one)
        if spread:
            operators.spread(c, one)
            sign = "**" if spread == "dictionary_splat" else "*"
            found.append(Argument(sign, UNKNOWN, one.start, one.end, final))
            continue
        c.lenient += is_lenient
        c.binder = one
        if is_open and one.kind == "identifier" and not final:
            type_ = _open_argument(c, one, function)
        else:
            type_ = infer(c, one, expected_type(function, position, ""))
        c.lenient -= is_lenient
        if one.kind == "ERROR":
            continue
        position += 1
        found.append(Argument("", type_, one.start, min(one.end, c.edge), final))
    return found


def _takes_generator(c: Context, function: Type) -> bool:
    """Whether a generator, of which the first argument may be the element, may be all arguments."""
    made = constructor(c, function.instance) if isinstance(function, ClassOf) else function
    if not isinstance(made, Function | Overloaded):
        return True
    if not _has_generator(c):
        return True
    given = Argument("", Nominal("collections.abc:Generator", (UNKNOWN, NONE, NONE)), 0, 0)
    return not call(c.world, made, [given], is_complete=True).misfits


def _labels(function: Type) -> set[str] | None:
    """The names that arguments of a call may have; None if any."""
    if isinstance(function, Overloaded):
        found: set[str] = set()
        for one in function.choices:
            more = _labels(one)
            if more is None:
                return None
            found |= more
        return found
    if not isinstance(function, Function) or function.is_gradual:
        return None
    if any(one.kind is Kind.NAMED_VARIADIC for one in function.parameters):
        return None
    return {one.name for one in function.parameters if one.kind in (Kind.EITHER, Kind.NAMED)}


def _open_argument(c: Context, tree: Tree, function: Type) -> Type:
    """A name that may still become the name of a parameter (`key=`)."""
    name = c.text(tree)
    labels = _labels(function)
    if labels is None:
        with c.quiet():
            return infer(c, tree)
    if c.is_pending(tree):
        held, c.labels = c.labels, frozenset(labels)
        type_ = infer(c, tree)
        c.labels = held
        return type_
    if name in labels:
        with c.quiet():
            return infer(c, tree)
    return infer(c, tree)


def _call(c: Context, tree: Tree, expected: Type | None) -> Type:
    function_tree, arguments_tree = tree.child("function"), tree.child("arguments")
    if function_tree is None or arguments_tree is None:
        return UNKNOWN
    function = infer(c, function_tree)
    if arguments_tree.kind == "generator_expression":
        if arguments_tree.start == NOWHERE:
            return UNKNOWN
        item = infer(c, arguments_tree)
        arguments = [Argument("", item, arguments_tree.start, arguments_tree.end)]
        is_complete = c.is_final(arguments_tree) or _is_closed(c, arguments_tree)
    else:
        if function_tree.kind == "identifier" and c.text(function_tree) == "super":
            return _super(c, arguments_tree)
        arguments = arguments_of(c, arguments_tree, _callee(c, function))
        is_complete = _is_closed(c, arguments_tree)
    form = form_of(function)
    if form and _symbol_in_typing(function):
        _check_labels(c, form, arguments)
        return UNKNOWN
    return _ended(c, tree, call_value(c, function, arguments, tree, is_complete, function_tree))


#: The keyword arguments of forms that make type parameters.
_FORM_LABELS = {
    "TypeVar": frozenset(("bound", "covariant", "contravariant", "infer_variance", "default")),
    "ParamSpec": frozenset(("bound", "covariant", "contravariant", "infer_variance", "default")),
    "TypeVarTuple": frozenset(("default",)),
}


def _check_labels(c: Context, form: str, arguments: list[Argument]) -> None:
    known = _FORM_LABELS.get(form)
    for one in arguments if known is not None else ():
        if one.name and one.is_final and one.name not in (*(known or ()), "*", "**", "name"):
            place = Tree("argument", "", one.start, one.end, 0, [])
            message = f"`{form}` has no parameter named `{one.name}`"
            c.report(Domain.TYPES, message, place, known or ())


def _symbol_in_typing(function: Type) -> bool:
    return (
        isinstance(function, ClassOf)
        and isinstance(function.instance, Nominal)
        and function.instance.symbol.startswith("typing:")
    )


def _ended(c: Context, tree: Tree, result: Type) -> Type:
    """After a call that never returns nothing is reached."""
    if result == NEVER and c.is_final(tree):
        c.scope = c.scope.dead()
    # `cast(Any, x)`: a form, taken for a class, has no instances that we know.
    return UNKNOWN if _symbol_in_typing(ClassOf(result)) and form_of(ClassOf(result)) else result


def _is_closed(c: Context, tree: Tree) -> bool:
    last = tree.children[-1] if tree.children else None
    return c.is_closed or (last is not None and last.kind == ")" and last.is_present)


def _callee(c: Context, function: Type) -> Type:
    """The function that a call of the value calls, to know its parameters."""
    if isinstance(function, ClassOf):
        made = constructor(c, function.instance)
        return UNKNOWN if made is None else made
    if isinstance(function, Nominal):
        return c.world.member(function, "__call__") or UNKNOWN
    return function


def _super(c: Context, arguments: Tree) -> Type:
    """What it gives is asked member by member (`inheritance.above`)."""
    for one in parts(arguments):
        infer(c, one)
    return UNKNOWN


def call_value(
    c: Context,
    function: Type,
    arguments: list[Argument],
    tree: Tree,
    is_complete: bool,
    function_tree: Tree,
) -> Type:
    """Calls a value; reports what doesn't fit."""
    if not c.scope.is_alive:
        return UNKNOWN
    match function:
        case Unknown() | Variable():
            return UNKNOWN
        case Union(members):
            results = operators.each(
                c,
                members,
                lambda one: call_value(c, one, arguments, tree, is_complete, function_tree),
            )
            return join(results)
        case Function() | Overloaded():
            outcome = call(c.world, function, arguments, is_complete=is_complete)
            _report_misfits(c, outcome, tree)
            return outcome.result
        case ClassOf(instance):
            return _construct(c, instance, arguments, tree, is_complete)
        case Nominal() | Literal() | Tuple():
            method = c.world.member(function, "__call__")
            if method is None and (
                c.world.is_under_way(symbol_of(function) or "")
                # `x() if callable(x) else x`
                or (c.unsettled and not operators.is_settled(function))
            ):
                return UNKNOWN
            if method is None:
                c.report(Domain.TYPES, f"`{show(function)}` can't be called", function_tree)
                return UNKNOWN
            if isinstance(method, Function | Overloaded):
                outcome = call(c.world, method, arguments, is_complete=is_complete)
                _report_misfits(c, outcome, tree)
                return outcome.result
            return UNKNOWN
        case ModuleObject():
            c.report(Domain.TYPES, f"`{show(function)}` can't be called", function_tree)
    return UNKNOWN


def _report_misfits(c: Context, outcome: Outcome, tree: Tree) -> None:
    for one in outcome.misfits:
        if one.argument is not None:
            place = Tree(tree.kind, "", one.argument.start, one.argument.end, 0, [])
        else:
            place = tree
        c.report(Domain.TYPES, one.message, place, one.admitted)


#: Classes whose construction isn't judged: their metaclass or their own rules decide.
_UNJUDGED_FLAGS = frozenset(("enum", "typeddict", "transformed", "dataclass_transform"))


#: Classes above those with fields that say nothing of calls.
_FIELDLESS = frozenset(
    one + name
    for one, names in (
        ("builtins:", ("object", "tuple")),
        (
            "typing:",
            ("NamedTuple", "Sequence", "Reversible", "Collection", "Iterable", "Container"),
        ),
    )
    for name in names
)


def constructor(c: Context, instance: Type) -> Type | None:
    """The function that makes an instance, receiver taken away; None if it can't be told."""
    if not isinstance(instance, Nominal):
        return None
    known = c.world.learnt.constructors
    if instance not in known:
        known[instance] = _constructor(c, instance)
    return known[instance]


def _constructor(c: Context, instance: Nominal) -> Type | None:
    lineage = c.world.lineage(instance.symbol)
    if lineage is None or lineage.is_open or "under way" in lineage.ancestors[0].class_.flags:
        return None
    is_fielded = any(one.class_.flags & FIELDED for one in lineage.ancestors)
    for one in lineage.ancestors:
        if is_fielded and one.class_.symbol in _FIELDLESS:
            continue
        if one.class_.flags & _UNJUDGED_FLAGS:
            return None
        if "protocol" in one.class_.flags and one is lineage.ancestors[0]:
            return None
        meta = one.class_.metaclass
        if (
            meta is not None
            and (not isinstance(meta, Nominal) or c.world.find(meta.symbol, "__call__") is not None)
            and meta != Nominal("abc:ABCMeta")
        ):
            return None
    if is_fielded:
        # What it declares itself, and generic ones, isn't told apart here.
        is_plain = not any(
            one.class_.own.keys() & {"__init__", "__new__"} or one.class_.parameters
            for one in lineage.ancestors
            if one.class_.symbol not in _FIELDLESS
        )
        return made_by_fields(lineage, instance) if is_plain else None
    init = c.world.find(instance.symbol, "__init__")
    new = c.world.find(instance.symbol, "__new__")
    own_init = init is not None and init[1].class_.symbol != "builtins:object"
    own_new = new is not None and new[1].class_.symbol != "builtins:object"
    if own_init and own_new:
        # The one that is nearer decides; both would have to fit.
        assert init is not None
        assert new is not None
        order = [one.class_.symbol for one in lineage.ancestors]
        if order.index(new[1].class_.symbol) < order.index(init[1].class_.symbol):
            return None
    receiver = _generic_self(c, instance)
    if own_init:
        method = c.world.member(receiver, "__init__")
    elif own_new:
        assert new is not None
        method = _new_method(c, receiver, instance)
    else:
        return Function((), instance)
    return method if isinstance(method, Function | Overloaded) else None


def _new_method(c: Context, receiver: Type, instance: Nominal) -> Type | None:
    from ananke.analysis.world import bind

    found = c.world.find(instance.symbol, "__new__")
    assert found is not None
    if found[0].binding is Binding.CLASS_METHOD:
        return c.world.member(ClassOf(receiver), "__new__")
    method = c.world.member(ClassOf(receiver), "__new__")
    return None if method is None else bind(method)


def _generic_self(c: Context, instance: Nominal) -> Nominal:
    """The instance with its class's own parameters as arguments, to be solved."""
    class_ = c.world.class_of(instance.symbol)
    if instance.arguments or class_ is None:
        return instance
    return Nominal(instance.symbol, class_.parameters)


def _construct(
    c: Context, instance: Type, arguments: list[Argument], tree: Tree, is_complete: bool
) -> Type:
    if not isinstance(instance, Nominal):
        return instance if isinstance(instance, Variable) else UNKNOWN
    if instance.symbol == "builtins:type":
        is_plain = not any(one.name for one in arguments)
        if is_complete and is_plain and len(arguments) not in (1, 3):
            c.report(Domain.TYPES, f"`type` takes 1 or 3 arguments, not {len(arguments)}", tree)
        return UNKNOWN
    function = constructor(c, instance)
    class_ = c.world.class_of(instance.symbol)
    lineage = c.world.lineage(instance.symbol)
    made: Type = instance
    if class_ is not None and class_.flags & {"enum"}:
        made = UNKNOWN
    if lineage is None or any(
        one.class_.metaclass is not None and one.class_.metaclass != Nominal("abc:ABCMeta")
        for one in lineage.ancestors
    ):
        made = UNKNOWN
    if _makes_anything(c, instance):
        made = UNKNOWN
    if function is None:
        return made
    outcome = call(c.world, function, arguments, is_complete=is_complete)
    _report_misfits(c, outcome, tree)
    if made == UNKNOWN:
        return made
    if class_ is not None and class_.parameters and not instance.arguments:
        found = [outcome.solved.get(one, UNKNOWN) for one in class_.parameters]
        return (
            Nominal(instance.symbol, tuple(found))
            if not all(isinstance(one, Unknown) for one in found)
            else instance
        )
    if instance.symbol in ("builtins:tuple",):
        return Tuple((), UNKNOWN)
    return made


def _makes_anything(c: Context, instance: Nominal) -> bool:
    """Whether a `__new__` whose result isn't declared makes the instances."""
    new = c.world.find(instance.symbol, "__new__")
    if new is None or new[1].class_.symbol == "builtins:object":
        return False
    declared = new[0].declared
    if not isinstance(declared, CallableDeclared):
        return True
    return isinstance(declared.type, Function) and isinstance(declared.type.result, Unknown)


# Operators


def _binary(c: Context, tree: Tree, expected: Type | None) -> Type:
    left, right, sign = tree.child("left"), tree.child("right"), tree.child("operator")
    if left is None or sign is None:
        return UNKNOWN
    one = infer(c, left)
    if right is None:
        return UNKNOWN
    other = infer(c, right)
    if not c.is_final(tree) or not right.is_present:
        return UNKNOWN
    return operators.binary(c, tree, sign.kind, one, other)


def _boolean(c: Context, tree: Tree, expected: Type | None) -> Type:
    left, right, sign = tree.child("left"), tree.child("right"), tree.child("operator")
    if left is None or sign is None:
        return UNKNOWN
    one = infer(c, left, expected)
    if right is None:
        return UNKNOWN
    before = c.scope
    if c.is_final(left) and static_value(c, left) is (sign.kind == "or"):
        # What follows is never done, here and on this platform.
        with c.quiet():
            infer(c, right, expected)
        c.scope = before
        return one
    narrow(c, left, sign.kind == "and")
    other = infer(c, right, expected)
    c.scope = (
        before.but(
            names={
                **before.names,
                **{n: e for n, e in c.scope.names.items() if n not in before.names},
            },
            owed={**before.owed, **c.scope.owed},
            owed_members={**before.owed_members, **c.scope.owed_members},
        )
        if c.scope is not before
        else before
    )
    if sign.kind == "and":
        kept = [_kept(c, part, truthy=False) for part in members_of(one)]
    else:
        kept = [_kept(c, part, truthy=True) for part in members_of(one)]
    if isinstance(one, Unknown):
        kept = [UNKNOWN]
    return _one_of(c, (*kept, other), expected)


def _kept(c: Context, type_: Type, *, truthy: bool) -> Type:
    from ananke.languages.python.meaning.narrowing import falsy_part, truthy_part

    return truthy_part(c, type_) if truthy else falsy_part(c, type_)


def _not(c: Context, tree: Tree, expected: Type | None) -> Type:
    argument = tree.child("argument")
    if argument is not None:
        infer(c, argument)
    return BOOL


def _unary(c: Context, tree: Tree, expected: Type | None) -> Type:
    argument, sign = tree.child("argument"), tree.child("operator")
    if argument is None or sign is None:
        return UNKNOWN
    type_ = infer(c, argument)
    if isinstance(type_, Literal) and isinstance(type_.value, int) and sign.kind == "-":
        return Literal(-type_.value, "builtins:int")
    return operators.unary(c, tree, sign.kind, type_) if c.is_final(tree) else UNKNOWN


def _comparison(c: Context, tree: Tree, expected: Type | None) -> Type:
    operands = [one for one in tree.children if one.field != "operators"]
    types = [infer(c, one) for one in operands]
    signs = [one.kind for one in tree.fields("operators")]
    results: list[Type] = []
    for at, sign in enumerate(signs):
        if at + 1 < len(types) and c.is_final(operands[at + 1]) and operands[at + 1].is_present:
            results.append(operators.compare(c, tree, sign, types[at], types[at + 1]))
    # A chain gives what its last part gives, or what a part before it gives that isn't true.
    return join(results) if results else BOOL


def _conditional(c: Context, tree: Tree, expected: Type | None) -> Type:
    inner = [one for one in tree.children if one.kind not in ("if", "else", "comment")]
    if len(inner) < 2:
        return infer(c, inner[0]) if inner else UNKNOWN
    condition = inner[1]
    infer(c, condition)
    before = c.scope
    narrow(c, condition, True)
    one = infer(c, inner[0], expected)
    c.scope = _joined(before, c.scope)
    other: Type = UNKNOWN
    if len(inner) > 2:
        before = c.scope
        narrow(c, condition, False)
        other = infer(c, inner[2], expected)
        c.scope = _joined(before, c.scope)
    fixed = static_value(c, condition) if c.is_final(condition) else None
    if fixed is not None:
        # What a checker takes for never done says nothing.
        return one if fixed else other
    return _one_of(c, (one, other), expected)


def _one_of(c: Context, types: Iterable[Type], expected: Type | None) -> Type:
    """The type of what is one of several values. Where it isn't known what some are, another that
    is surely not what is expected: it is wrong whatever they are."""
    found = join(types)
    if expected is None or not isinstance(found, Unknown):
        return found
    known = (part for one in types for part in members_of(one) if not isinstance(part, Unknown))
    return next((part for part in known if not assignable(c.world, part, expected)), found)


def _joined(before: Scope, after: Scope) -> Scope:
    """The scope before, with what was bound and owed on the way."""
    if after is before:
        return before
    added = {n: e for n, e in after.names.items() if n not in before.names}
    return before.but(
        names={**before.names, **added} if added else before.names,
        owed={**before.owed, **after.owed},
        owed_members={**before.owed_members, **after.owed_members},
    )


def _subscript(c: Context, tree: Tree, expected: Type | None) -> Type:
    value = tree.child("value")
    if value is None:
        return UNKNOWN
    owner = infer(c, value)
    indexes = tree.fields("subscript")
    c.binder = indexes[-1] if indexes else None
    types = [infer(c, one) for one in indexes]
    path = path_of(c, tree)
    if path is not None:
        known = _known_fact(c, path)
        if known is not None:
            return c.settle(known)
    if not c.is_final(tree) and not (tree.children and tree.children[-1].is_present):
        operators.check_items(c, tree, owner)
        return UNKNOWN
    index = types[0] if len(types) == 1 else Tuple(tuple(types))
    if len(indexes) == 1 and indexes[0].kind == "slice":
        index = Nominal("builtins:slice")
    if not isinstance(index, Unknown):
        check_count(c, tree, owner, indexes)
    return operators.subscript(c, tree, owner, index)


def _slice(c: Context, tree: Tree, expected: Type | None) -> Type:
    for one in parts(tree):
        infer(c, one)
    return Nominal("builtins:slice")


def _lambda(c: Context, tree: Tree, expected: Type | None) -> Type:
    outer = c.scope
    parameters = tree.child("parameters")
    body = tree.child("body")
    names: dict[str, Entry] = {}
    found: list[Parameter] = []
    if parameters is not None:
        found = lambda_parameters(c, parameters)
        names = {one.name: Entry(one.type) for one in found if one.name}
    c.scope = Scope(
        "lambda",
        outer,
        names=names,
        is_alive=outer.is_alive,
        frame=outer.frame,
        classes=outer.classes,
        path=outer.path,
        flags=outer.flags,
    )
    result = UNKNOWN if body is None else infer(c, body)
    inner = c.scope
    c.scope = outer.but(
        owed={**outer.owed, **{n: o for n, o in inner.owed.items() if n not in inner.names}},
        owed_members={**outer.owed_members, **inner.owed_members},
    )
    del result
    return Function((), UNKNOWN, is_gradual=True)


def lambda_parameters(c: Context, tree: Tree) -> list[Parameter]:
    """The parameters of a lambda; their defaults are read."""
    found: list[Parameter] = []
    for one in parts(tree):
        name = one
        if one.kind == "default_parameter":
            value = one.child("value")
            if value is not None:
                infer(c, value)
            name = one.child("name") or one
        elif one.kind in ("list_splat_pattern", "dictionary_splat_pattern"):
            inner = [part for part in one.children if part.kind == "identifier"]
            if not inner:
                continue
            name = inner[0]
        if name.kind == "identifier":
            found.append(Parameter(c.text(name), UNKNOWN))
    return found


def _check_await(c: Context, word: Tree) -> None:
    if not c.may_await():
        c.report(Domain.CONTROLFLOW, "`await` outside an async function", word)


def _await(c: Context, tree: Tree, expected: Type | None) -> Type:
    inner = [one for one in tree.children if one.kind != "await"]
    _check_await(c, tree.children[0])
    type_ = infer(c, inner[0]) if inner else UNKNOWN
    return operators.awaited(c, inner[0], type_) if inner and c.is_final(inner[0]) else UNKNOWN


#: What a generator may be declared to give, by whether it is asynchronous; their first argument is
#: what it yields.
_YIELDING = {
    False: frozenset(("Iterator", "Iterable", "Generator")),
    True: frozenset(("AsyncIterator", "AsyncIterable", "AsyncGenerator")),
}


_DISPLAYS = frozenset(
    (
        "list",
        "set",
        "dictionary",
        "tuple",
        "list_comprehension",
        "set_comprehension",
        "dictionary_comprehension",
        "generator_expression",
        "lambda",
        "conditional_expression",
        "boolean_operator",
        "parenthesized_expression",
    )
)


def _yielded(c: Context) -> Type:
    """What the function around declares to yield."""
    returns = c.scope.frame.returns
    if c.scope.kind != "function" or not isinstance(returns, Nominal) or not returns.arguments:
        return UNKNOWN
    is_known = any(_is_among(returns, names) for names in _YIELDING.values())
    return returns.arguments[0] if is_known else UNKNOWN


def _is_among(type_: Type, names: frozenset[str]) -> bool:
    """Whether it is an instance of one of some classes of `typing`."""
    if not isinstance(type_, Nominal):
        return False
    module, _, name = type_.symbol.partition(":")
    return module in ("typing", "collections.abc") and name in names


def _may_yield(c: Context) -> bool:
    """Whether the function around may be a generator by what it declares to return."""
    frame = c.scope.frame
    if frame.returns is None or _is_among(frame.returns, _YIELDING[frame.is_async]):
        return True
    kind = "AsyncGenerator" if frame.is_async else "Generator"
    made = Nominal(f"collections.abc:{kind}", (UNKNOWN,) * (2 if frame.is_async else 3))
    is_known = c.world.class_of(made.symbol) is not None
    return not is_known or assignable(c.world, made, frame.returns)


def _yield(c: Context, tree: Tree, expected: Type | None) -> Type:
    wanted = _yielded(c)
    is_from = any(one.kind == "from" for one in tree.children)
    values = [one for one in parts(tree) if one.kind not in ("yield", "from")]
    type_: Type = NONE
    for one in values:
        type_ = infer(c, one, None if is_from else wanted)
    # A display's items are what is expected of them, as far as that is told.
    is_told = is_plain_value(type_) or not values or values[0].kind not in _DISPLAYS
    is_wrong = is_told and not fits_result(c, type_, wanted)
    if is_wrong and not is_from and c.is_final(tree):
        said = f"`{c.scope.frame.name}` yields `{show(wanted)}`, not `{show(type_)}`"
        c.report(Domain.TYPES, said, values[0] if values else tree)
    if c.scope.kind not in ("function", "lambda"):
        c.report(Domain.CONTROLFLOW, "`yield` outside a function", tree.children[0])
    elif c.scope.kind == "function" and not _may_yield(c):
        returns = show(c.scope.frame.returns or UNKNOWN)
        said = f"`{c.scope.frame.name}` returns `{returns}`, which no generator is"
        c.report(Domain.TYPES, said, tree.children[0])
    c.scope = c.scope.but(has_yielded=True)
    return UNKNOWN


def _named(c: Context, tree: Tree, expected: Type | None) -> Type:
    name, value = tree.child("name"), tree.child("value")
    type_ = UNKNOWN if value is None else infer(c, value, expected)
    if name is not None and name.is_present:
        check_assigned_name(c, name)
        # It binds in the scope around a comprehension.
        entry = Entry(type_)
        chain: list[Scope] = []
        scope = c.scope
        while scope.kind == "comprehension" and scope.outer is not None:
            chain.append(scope)
            scope = scope.outer
        bound = scope.bind(c.text(name), entry)
        for one in reversed(chain):
            bound = one.but(outer=bound)
        c.scope = bound
    return type_


def _splat(c: Context, tree: Tree, expected: Type | None) -> Type:
    for one in tree.children:
        if one.kind not in ("*", "**"):
            infer(c, one)
    return UNKNOWN


def _expression_list(c: Context, tree: Tree, expected: Type | None) -> Type:
    types = [infer(c, one) for one in parts(tree)]
    if any(map(spread_in, parts(tree))) or not c.is_final(tree):
        return Tuple((), UNKNOWN)
    return Tuple(tuple(types))


def _type(c: Context, tree: Tree, expected: Type | None) -> Type:
    inner = parts(tree)
    return infer(c, inner[0]) if len(inner) == 1 else UNKNOWN


def _none(c: Context, tree: Tree, expected: Type | None) -> Type:
    return NONE


_RULES: dict[str, _Rule] = {
    "identifier": _identifier,
    "integer": _integer,
    "float": _float,
    "true": _true,
    "false": _false,
    "none": _none,
    "ellipsis": _ellipsis,
    "string": _string,
    "concatenated_string": _concatenated,
    "list": displays.list_,
    "set": displays.set_,
    "tuple": displays.tuple_,
    "dictionary": displays.dictionary,
    "list_comprehension": _comprehension,
    "set_comprehension": _comprehension,
    "dictionary_comprehension": _comprehension,
    "generator_expression": _comprehension,
    "parenthesized_expression": _parenthesized,
    "attribute": _attribute,
    "call": _call,
    "binary_operator": _binary,
    "boolean_operator": _boolean,
    "not_operator": _not,
    "unary_operator": _unary,
    "comparison_operator": _comparison,
    "conditional_expression": _conditional,
    "subscript": _subscript,
    "slice": _slice,
    "lambda": _lambda,
    "await": _await,
    "yield": _yield,
    "named_expression": _named,
    "list_splat": _splat,
    "dictionary_splat": _splat,
    "parenthesized_list_splat": _splat,
    "expression_list": _expression_list,
    "pattern_list": _expression_list,
    "type": _type,
}


# Targets


def bind_target(c: Context, tree: Tree, type_: Type, declared: Type | None = None) -> None:
    """Binds what stands at the left of an assignment, after `for`, `as` and the like."""
    if tree.start == NOWHERE:
        return
    kind = tree.kind
    if kind == "identifier":
        check_bound(c, tree)
        name = c.text(tree)
        if name in c.scope.elsewhere:
            c.bind(name, UNKNOWN)
            return
        old = c.scope.names.get(name)
        known = declared if declared is not None else (old.declared if old is not None else None)
        held = type_
        if known is not None and isinstance(type_, Unknown):
            # It is one of what is declared, but which one isn't known.
            held = known if operators.is_settled(known) else UNKNOWN
        elif known is not None:
            held = narrowed_to(c, type_, known)
        c.scope = c.scope.bind(name, Entry(held, known))
        return
    if kind == "attribute":
        _bind_attribute(c, tree, type_, declared)
        return
    if kind == "subscript":
        _bind_subscript(c, tree, type_)
        return
    if kind in ("list_splat_pattern", "list_splat", "dictionary_splat_pattern"):
        for one in tree.children:
            if one.kind not in ("*", "**"):
                bind_target(c, one, builtin("list", UNKNOWN))
        return
    if kind in ("parenthesized_expression", "as_pattern_target", "type"):
        for one in parts(tree):
            bind_target(c, one, type_)
        return
    if kind in (
        "tuple",
        "list",
        "pattern_list",
        "tuple_pattern",
        "list_pattern",
        "expression_list",
    ):
        targets = parts(tree)
        items = _unpacked(c, tree, targets, type_)
        for one, item in zip(targets, items, strict=True):
            bind_target(c, one, item)
        return
    infer(c, tree)


def narrowed_to(c: Context, type_: Type, declared: Type) -> Type:
    """What a variable of a declared type holds after an assignment."""
    if isinstance(declared, Unknown):
        return UNKNOWN
    if not assignable(c.world, type_, declared):
        return declared
    if isinstance(type_, Nominal) and isinstance(declared, Nominal | Union):
        if any(isinstance(one, Unknown) for one in type_.arguments):
            for one in members_of(declared):
                if isinstance(one, Nominal) and one.symbol == type_.symbol:
                    return one
        for one in members_of(declared):
            if isinstance(one, Nominal) and one.symbol == type_.symbol:
                return one if one.arguments else type_
    return type_


def _unpacked(c: Context, tree: Tree, targets: list[Tree], type_: Type) -> list[Type]:
    starred = [one.kind in ("list_splat_pattern", "list_splat") for one in targets]
    if isinstance(type_, Tuple) and type_.rest is None and not any(starred):
        if len(type_.items) == len(targets):
            return list(type_.items)
        if c.is_final(tree) and len(type_.items) != len(targets):
            count = len(type_.items)
            c.report(
                Domain.TYPES,
                f"{len(targets)} targets for a tuple of {count} items",
                tree,
            )
        return [UNKNOWN] * len(targets)
    if isinstance(type_, Union):
        # A member that doesn't fit may be ruled out by a test that isn't followed.
        each = [_items_of(one, len(targets)) for one in type_.members]
        if any(starred) or any(one is None for one in each):
            return [UNKNOWN] * len(targets)
        return [join(items) for items in zip(*(one or () for one in each), strict=True)]
    if isinstance(type_, Tuple) and not any(starred):
        return _items_of(type_, len(targets)) or [UNKNOWN] * len(targets)
    if isinstance(type_, Unknown | Tuple):
        return [UNKNOWN] * len(targets)
    item = operators.iterate(c, tree, type_)
    return [item] * len(targets)


def _items_of(type_: Type, count: int) -> list[Type] | None:
    """The types of `count` items that a tuple is unpacked into; None if it isn't told."""
    if not isinstance(type_, Tuple):
        return None
    if type_.rest is None:
        return list(type_.items) if len(type_.items) == count else None
    if type_.items or type_.after:
        return None
    return [type_.rest] * count


def _bind_attribute(c: Context, tree: Tree, type_: Type, declared: Type | None) -> None:
    target, name_tree = tree.child("object"), tree.child("attribute")
    if target is None or name_tree is None or not name_tree.is_present:
        return
    name = c.text(name_tree)
    owner = infer(c, target)
    frame = c.scope.frame
    if target.kind == "identifier" and frame.receiver and c.text(target) == frame.receiver:
        known = c.scope.attributes.get(name)
        if declared is not None:
            c.scope = c.scope.but(attributes={**c.scope.attributes, name: (declared, True)})
        elif known is None:
            added = (widen_literal(type_), False)
            c.scope = c.scope.but(attributes={**c.scope.attributes, name: added})
        elif not known[1]:
            joined = (together(known[0], widen_literal(type_)), False)
            c.scope = c.scope.but(attributes={**c.scope.attributes, name: joined})
        wanted = declared_member(c, owner, name)
        if wanted is not None and declared is None:
            check_assigned(c, tree, type_, wanted, f"`{name}`")
    elif not isinstance(owner, Unknown):
        found = read_member(c, owner, name_tree, target)
        wanted = declared_member(c, owner, name)
        if wanted is not None:
            check_assigned(c, tree, type_, wanted, f"`{name}`")
        del found
    path = path_of(c, tree)
    if path is not None:
        wanted = declared_member(c, owner, name)
        held = type_ if wanted is None else narrowed_to(c, type_, wanted)
        held = UNKNOWN if held == NEVER else held
        c.scope = c.scope.with_fact(path, widen_literal(held) if wanted is None else held)


def check_target(c: Context, tree: Tree) -> None:
    """Reports what an unfinished assignment can't assign to: an attribute or items that its owner
    doesn't have, and what is wrong with the owner or in the brackets."""
    if tree.kind in ("pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern"):
        for one in parts(tree):
            check_target(c, one)
    if tree.kind == "identifier" and c.text(tree) == "await" and not c.is_pending(tree):
        _check_await(c, tree)
    target, value = tree.child("object"), tree.child("value")
    if tree.kind == "attribute" and target is not None:
        receiver = c.scope.frame.receiver
        is_own = target.kind == "identifier" and receiver and c.text(target) == receiver
        # The receiver may get attributes that it doesn't have.
        infer(c, target if is_own else tree)
    elif tree.kind == "subscript" and value is not None:
        owner = infer(c, value)
        indexes = tree.fields("subscript")
        c.binder = indexes[-1] if indexes else None
        for one in indexes:
            infer(c, one)
        operators.check_items(c, tree, owner)


def declared_member(c: Context, owner: Type, name: str) -> Type | None:
    """The declared type of a plain variable of the owner's class; None if there is none."""
    if not isinstance(owner, Nominal):
        return None
    found = c.world.find(owner.symbol, name)
    if found is None or not found[0].writable:
        return None
    if found[0].binding not in (Binding.VARIABLE, Binding.INSTANCE):
        return None
    setter = c.world.find(owner.symbol, "__setattr__")
    if setter is not None and setter[1].class_.symbol != "builtins:object":
        return None
    class_: Class = found[1].class_
    if "@" in class_.symbol and not found[0].is_declared:
        return None
    type_ = c.world.member(owner, name)
    return None if type_ is None or isinstance(type_, Unknown) else type_


def check_assigned(c: Context, tree: Tree, type_: Type, wanted: Type, what: str) -> None:
    """Reports a value that what is declared doesn't take."""
    if not assignable(c.world, type_, wanted):
        c.report(
            Domain.TYPES,
            f"`{show(type_)}` can't be assigned to {what}, declared as `{show(wanted)}`",
            tree,
        )


#: Classes that give back what was put in.
_KEEPS = frozenset(("builtins:list", "builtins:dict"))


def _bind_subscript(c: Context, tree: Tree, type_: Type) -> None:
    value = tree.child("value")
    if value is None:
        return
    owner = infer(c, value)
    keys = [infer(c, one) for one in tree.fields("subscript")]
    if c.is_final(tree):
        operators.set_item(c, tree, owner, keys[0] if len(keys) == 1 else UNKNOWN, type_)
    path = path_of(c, tree)
    if path is not None:
        # Other classes may give something else back than what they were given.
        is_kept = isinstance(owner, Nominal) and owner.symbol in _KEEPS
        c.scope = c.scope.with_fact(path, type_ if is_kept else UNKNOWN)
