"""Functions and classes: their signatures, and what their bodies leave behind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from ananke.analysis.calls import widen_literal
from ananke.analysis.declarations import Binding, Class, Member, Value
from ananke.analysis.declarations import Callable as CallableDeclared
from ananke.analysis.defects import Domain
from ananke.analysis.scopes import Entry, Frame, Owed, Scope, changes, together
from ananke.analysis.types import (
    NEVER,
    UNKNOWN,
    ClassOf,
    Function,
    Kind,
    Literal,
    Nominal,
    Overloaded,
    Parameter,
    Tuple,
    Type,
    Unknown,
    join,
    members_of,
    show,
)
from ananke.analysis.world import Ancestor
from ananke.languages.python.meaning.annotations import (
    fits_result,
    flexible,
    form_of,
    read_type,
)
from ananke.languages.python.meaning.context import (
    NONE,
    Again,
    Context,
)
from ananke.languages.python.meaning.fields import FIELDED, declared_fields, statements_of
from ananke.languages.python.meaning.forward import settle
from ananke.languages.python.meaning.parameters import held_by, read_parameters
from ananke.parsing.opening import NOWHERE, Tree

__all__ = ["define_class", "define_function"]

Run = Callable[[Context, Tree], None]

_WORD = re.compile(r"\w+")

#: Annotations under which a function may be a generator.
_ITERATORS = frozenset(
    ["Iterator", "Iterable", "Generator", "AsyncIterator", "AsyncIterable", "AsyncGenerator"]
)
#: Decorators that leave a function what it is.
_PLAIN = frozenset(
    [
        "abstractmethod",
        "override",
        "final",
        "no_type_check",
        "abc.abstractmethod",
        "typing.final",
        "typing.override",
        "typing_extensions.override",
        "typing_extensions.final",
    ]
)


def _header(tree: Tree) -> list[Tree | None]:
    """What of a definition stands before its body."""
    parts = ("name", "type_parameters", "parameters", "return_type", "superclasses")
    return [tree.child(part) for part in parts]


def _parts(tree: Tree) -> list[Tree]:
    return [one for one in tree.children if one.kind not in ("(", ")", ",", "comment")]


# Functions


def define_function(
    c: Context, tree: Tree, run: Run, decorators: list[tuple[str, Type]] | None = None
) -> None:
    """Reads a function: its header here, its body in a scope of its own, and binds its name."""
    name_tree, body = tree.child("name"), tree.child("body")
    if name_tree is None or not name_tree.is_present:
        return
    name = c.text(name_tree)
    outer = c.scope
    _type_parameters(c, tree)
    defaults: dict[str, Type] = {}
    free: set[str] = set()
    parameters = read_parameters(c, tree.child("parameters"), defaults, free)
    returns_tree = tree.child("return_type")
    has_returns = returns_tree is not None and returns_tree.is_present
    rigid = read_type(c, returns_tree, is_rigid=True) if has_returns else None
    # A caller sees what its type parameters stand for there, which isn't followed.
    returns = None if rigid is None else flexible(rigid)
    is_async = any(one.kind == "async" for one in tree.children)
    header = c.scope
    c.scope = outer.but(owed=header.owed, owed_members=header.owed_members)
    binding = _binding(c, name, decorators or [])
    owner = outer.path and outer.kind == "class"
    own_symbol = outer.frame.owner if owner else ""
    receiver = ""
    typed = list(parameters)
    if (
        own_symbol and typed and typed[0].kind is not Kind.NAMED and binding is not Binding.STATIC
    ) and (isinstance(typed[0].type, Unknown) and typed[0].kind in (Kind.EITHER, Kind.POSITIONAL)):
        instance = Nominal(own_symbol)
        is_class = binding is Binding.CLASS_METHOD or _is_metaclass(c, own_symbol)
        held: Type = ClassOf(instance) if binding is Binding.CLASS_METHOD else instance
        if is_class and binding is not Binding.CLASS_METHOD:
            held = UNKNOWN
        typed[0] = replace(typed[0], type=held)
        receiver = typed[0].name
    if own_symbol and _overrides(c, own_symbol, name):
        # A checker takes what the method above says of its parameters.
        defaults, free = {}, set()
    # So a checker takes arguments too.
    parameters = [replace(one, type=defaults.get(one.name, one.type)) for one in parameters]
    if binding is Binding.PROPERTY:
        _check_property(c, tree, parameters, decorators or [])
    narrows = _narrows(c, returns_tree)
    given = _result(c, returns, is_async, returns is None)
    function = Function(tuple(parameters), given, narrows=narrows)
    known = _decorated(c, name, function, binding, decorators or [])
    before = c.scope
    if outer.kind != "class":
        c.scope = before.bind(name, Entry(known[0], member=known[1]))
    if body is None or body.start == NOWHERE:
        c.scope = before.bind(name, Entry(known[0], member=known[1]))
        return
    names = {
        one.name: Entry(
            defaults.get(one.name) or held_by(one),
            None if isinstance(one.type, Unknown) or one.name == receiver else held_by(one),
            is_free=one.name in free and one.name != receiver,
        )
        for one in typed
    }
    around = c.scope.but(names={**c.scope.names, **_added(outer, header)})
    c.scope = Scope(
        "function",
        around,
        names=names,
        is_alive=outer.is_alive,
        frame=Frame(
            rigid,
            is_async,
            receiver,
            own_symbol,
            name,
        ),
        classes=_with_snapshot(c, outer, own_symbol),
        path=f"{outer.path}{name}.",
        flags=outer.flags,
    )
    # The first parameter of a method is what its decorators make of it.
    said = " ".join(("function", *(text for text, _ in decorators or ())))
    c.enter(said, _header(tree), body, outer)
    held_lenient, c.lenient = c.lenient, 0
    held_trying, c.trying = c.trying, 0
    run(c, body)
    c.lenient, c.trying = held_lenient, held_trying
    inner = c.scope
    if c.is_final(tree) or (c.is_final(body) and body.end != NOWHERE):
        _check_end(c, tree, body, inner, rigid, decorators or [])
    result = _inferred(c, tree, body, inner, returns, is_async)
    if returns is None and result != NEVER and _overrides(c, own_symbol, name):
        # A checker takes what the method above says, where it says something.
        result = UNKNOWN
    function = Function(tuple(parameters), result, narrows=narrows)
    c.scope = _leave(c, before, inner)
    value, member = _decorated(c, name, function, binding, decorators or [])
    c.scope = c.scope.bind(name, Entry(value, member=member))
    settle(c, tree, name, outer, lambda c: define_function(c, tree, run, decorators))


def _check_property(
    c: Context, tree: Tree, parameters: list[Parameter], decorators: list[tuple[str, Type]]
) -> None:
    """A property is asked with the instance alone."""
    name, listed = tree.child("name"), tree.child("parameters")
    kinds = (Kind.EITHER, Kind.POSITIONAL, Kind.NAMED)
    needed = [one for one in parameters if one.kind in kinds and not one.has_default]
    is_read = any(text == "property" for text, _ in decorators)
    is_told = name is not None and listed is not None and c.is_final(listed)
    if name is not None and is_told and is_read and len(needed) > 1:
        c.report(Domain.TYPES, f"`property` gives `{c.text(name)}` the instance alone", name)


def _narrows(c: Context, returns: Tree | None) -> tuple[Type, bool] | None:
    """What a result of `TypeGuard[X]` tells of the argument: here only that it tells something."""
    text = "" if returns is None or not returns.is_present else c.text(returns)
    return (UNKNOWN, True) if "TypeGuard[" in text or "TypeIs[" in text else None


def _added(outer: Scope, header: Scope) -> Mapping[str, Entry]:
    return {n: e for n, e in header.names.items() if outer.names.get(n) is not e}


def _type_parameters(c: Context, tree: Tree) -> None:
    """PEP 695: the names in brackets are types in the header and the body."""
    listed = tree.child("type_parameters")
    if listed is None:
        return
    names: dict[str, Entry] = {}
    stack = [listed]
    while stack:
        one = stack.pop()
        if one.kind == "identifier" and one.is_present:
            names[c.text(one)] = Entry(UNKNOWN, means=UNKNOWN)
        stack += one.children
    c.scope = c.scope.with_names(
        {n: e for n, e in names.items() if c.find(n) is None or len(n) < 4}
    )


def _is_metaclass(c: Context, symbol: str) -> bool:
    lineage = c.world.lineage(symbol)
    return lineage is None or lineage.is_open or "builtins:type" in lineage.symbols


def _result(c: Context, returns: Type | None, is_async: bool, unknown: bool) -> Type:
    if returns is None or unknown:
        return UNKNOWN
    if not is_async:
        return returns
    if may_be_generator(returns):
        return UNKNOWN
    if c.world.class_of("types:CoroutineType") is None:
        return UNKNOWN
    return Nominal("types:CoroutineType", (UNKNOWN, UNKNOWN, returns))


def _inferred(
    c: Context, tree: Tree, body: Tree, inner: Scope, returns: Type | None, is_async: bool
) -> Type:
    if returns is not None:
        if is_async and inner.has_yielded:
            return returns
        return _result(c, returns, is_async, unknown=False)
    never = (
        not inner.is_alive
        and not inner.has_returned
        and not inner.has_yielded
        and not is_async
        and c.is_final(body)
        and "NotImplementedError" not in c.text(body)
    )
    if never:
        return NEVER
    if inner.is_alive or inner.has_yielded or not inner.returned or not c.is_final(body):
        return UNKNOWN
    found = join(inner.returned)
    return UNKNOWN if isinstance(found, Unknown) else _result(c, found, is_async, unknown=False)


def _overrides(c: Context, symbol: str, name: str) -> bool:
    """Whether a class above may have a method of the name."""
    lineage = c.world.lineage(symbol) if symbol else None
    if not symbol:
        return False
    return lineage is None or lineage.is_open or c.world.find(symbol, name, skip=1) is not None


def may_be_generator(type_: Type) -> bool:
    return any(
        isinstance(one, Nominal) and one.symbol.rpartition(":")[2] in _ITERATORS
        for one in members_of(type_)
    )


def _binding(c: Context, name: str, decorators: list[tuple[str, Type]]) -> Binding:
    for text, value in decorators:
        if text == "staticmethod":
            return Binding.STATIC
        if text == "classmethod":
            return Binding.CLASS_METHOD
        if text == "property" or text.endswith((".getter", ".setter", ".deleter")):
            return Binding.PROPERTY
        del value
    if name in ("__new__",):
        return Binding.STATIC
    if name in ("__init_subclass__", "__class_getitem__"):
        return Binding.CLASS_METHOD
    return Binding.METHOD


def _decorated(
    c: Context,
    name: str,
    function: Function,
    binding: Binding,
    decorators: list[tuple[str, Type]],
) -> tuple[Type, Member]:
    """The value and the member that a function is after its decorators."""
    texts = [text for text, _ in decorators]
    value: Type = function
    declared: Value | CallableDeclared = CallableDeclared(function)
    writable = True
    if binding is Binding.PROPERTY:
        setter = any(text.endswith((".setter", ".deleter")) for text in texts)
        old = c.scope.names.get(name)
        if setter:
            member = (
                replace(old.member, writable=True)
                if old is not None and old.member is not None
                else Member(Value(UNKNOWN), Binding.VARIABLE)
            )
            return UNKNOWN, member
        known = all(
            text in ("property", "functools.cached_property") or text in _PLAIN for text in texts
        )
        result = function.result if known else UNKNOWN
        return UNKNOWN, Member(Value(result), Binding.PROPERTY, writable=False)
    ordinary = {"staticmethod", "classmethod"} | _PLAIN
    old = c.scope.names.get(name)
    choices = _overloads(old)
    if any(_is_overload(text) for text in texts):
        if (old is not None and not choices) or any(
            not _is_overload(text) and text not in ordinary for text in texts
        ):
            return UNKNOWN, Member(Value(UNKNOWN), Binding.VARIABLE)
        # Further ones may come, and what implements them: until then none is called.
        together = CallableDeclared(Overloaded((*choices, function)))
        return UNKNOWN, Member(together, binding, is_declared=False)
    if any(text not in ordinary for text in texts):
        return UNKNOWN, Member(Value(UNKNOWN), Binding.VARIABLE)
    if choices:
        # A call sees the overloads, not what implements them.
        several = Overloaded(choices)
        is_value = c.scope.kind != "class" or binding is Binding.METHOD
        return several if is_value else UNKNOWN, Member(CallableDeclared(several), binding)
    if (old is not None and old.member is not None and isinstance(old.member.declared, Value)) and (
        not old.is_certain or isinstance(old.type, Unknown)
    ):
        # The implementation behind overloads.
        return UNKNOWN, Member(Value(UNKNOWN), Binding.VARIABLE)
    if c.scope.kind == "class" and binding is not Binding.METHOD:
        value = UNKNOWN
    return value, Member(declared, binding, writable)


def _is_overload(text: str) -> bool:
    return text.rpartition(".")[2] == "overload"


def _overloads(entry: Entry | None) -> tuple[Function, ...]:
    """The overloads that a name was given so far, if it is nothing else."""
    member = None if entry is None else entry.member
    if entry is None or member is None or member.is_declared or not entry.is_certain:
        return ()
    match member.declared:
        case CallableDeclared(Overloaded(choices)):
            return choices
    return ()


def _with_snapshot(c: Context, outer: Scope, symbol: str) -> Mapping[str, Class]:
    """The classes known in a method's body: its own as far as it goes."""
    if not symbol:
        return outer.classes
    under_way = outer.classes.get(symbol)
    if under_way is None:
        return outer.classes
    return {**outer.classes, symbol: replace(under_way, own=_members(c, outer, under_way))}


def _leave(c: Context, before: Scope, inner: Scope) -> Scope:
    """The scope after a function's body: what the body owes is owed there, or further out."""
    owed: dict[str, Owed] = dict(before.owed)
    for name, one in inner.owed.items():
        if name in inner.names and name not in inner.elsewhere and one.inside is None:
            continue
        if name not in before.names or before.kind == "class":
            owed[name] = Owed(one.start, one.end)
    exported = {
        name: Entry(UNKNOWN)
        for name in inner.elsewhere
        if name in inner.names and name not in before.names
    }
    after = before.with_names(exported) if exported else before
    if exported and before.kind != "module":
        after = before.but(elsewhere=before.elsewhere)
    attributes = dict(before.attributes)
    if before.kind == "class":
        for name, (type_, declared) in inner.attributes.items():
            mine = attributes.get(name)
            if mine is None or (declared and not mine[1]):
                attributes[name] = (type_, declared)
            elif mine[1] == declared:
                attributes[name] = (together(mine[0], type_), declared)
    return after.but(
        owed={n: o for n, o in owed.items() if n not in exported},
        owed_members={**before.owed_members, **inner.owed_members},
        attributes=attributes,
    )


def _check_end(
    c: Context,
    tree: Tree,
    body: Tree,
    inner: Scope,
    returns: Type | None,
    decorators: list[tuple[str, Type]],
) -> None:
    """A function whose result is declared must not end without one, nor return another."""
    if returns is None or inner.has_yielded:
        return
    place = Tree("end", "", min(body.end, c.edge), min(tree.end, c.edge), 0, [])
    if may_be_generator(returns):
        _check_returned(c, inner, returns, place)
    if not inner.is_alive or inner.is_doubtful:
        return
    if isinstance(returns, Unknown) or fits_result(c, NONE, returns) or returns == NEVER:
        return
    if _is_stub(c, body):
        return
    if any("overload" in text or "abstract" in text for text, _ in decorators):
        return
    scope: Scope | None = inner.outer
    while scope is not None:
        if "protocol" in scope.flags or "may swallow" in scope.flags:
            return
        scope = scope.outer
    if inner.clouded & {"with"}:
        return
    name = tree.child("name")
    text = "" if name is None else c.text(name)
    c.report(Domain.CONTROLFLOW, f"`{text}` must return `{show(returns)}` on every way", place)


def _check_returned(c: Context, inner: Scope, returns: Type, place: Tree) -> None:
    """What a function returns that may be a generator by its declaration: that it is none is known
    where it ends, which needn't be reached."""
    wrong = [one for one in inner.returned if not fits_result(c, one, returns)]
    if wrong:
        said = f"a generator that yields nothing returns `{show(wrong[0])}`"
        c.scope = inner.but(is_alive=inner.outer is None or inner.outer.is_alive)
        c.report(Domain.TYPES, f"{said}, not `{show(returns)}`", place)
        c.scope = inner


def _is_stub(c: Context, body: Tree) -> bool:
    statements = [one for one in body.children if one.kind not in ("comment",)]
    text = c.text(body)
    if "NotImplementedError" in text:
        return True
    for one in statements:
        inner = one.children
        plain = one.kind == "pass_statement" or (
            one.kind == "expression_statement"
            and len(inner) == 1
            and inner[0].kind in ("string", "ellipsis", "concatenated_string")
        )
        if not plain or one.kind == "pass_statement":
            return False
    return True


# Classes


def define_class(
    c: Context, tree: Tree, run: Run, decorators: list[tuple[str, Type]] | None = None
) -> None:
    """Reads a class: its bases here, its body in a scope of its own, and binds its name."""
    name_tree, body = tree.child("name"), tree.child("body")
    if name_tree is None or not name_tree.is_present:
        return
    name = c.text(name_tree)
    outer = c.scope
    symbol = f"{c.program.module}:{outer.path}{name}@{name_tree.start}"
    _type_parameters(c, tree)
    bases, metaclass, flags, is_open = _bases(c, tree.child("superclasses"))
    header = c.scope
    for text, _ in decorators or []:
        plain = text.partition("(")[0]
        if plain in ("dataclass", "dataclasses.dataclass"):
            flags |= {"dataclass"}
            # What its options change isn't followed.
            if "init" in text or "kw_only" in text or "*" in text:
                flags |= {"unsure"}
        elif plain in _PLAIN or plain in ("runtime_checkable", "typing.runtime_checkable"):
            pass
        elif plain in ("total_ordering", "functools.total_ordering", "unique", "enum.unique"):
            is_open = is_open or "ordering" in plain
        else:
            is_open = True
            flags |= {"transformed"}
    c.scope = outer.but(owed=header.owed, owed_members=header.owed_members)
    under_way = Class(
        symbol,
        bases=tuple(bases),
        metaclass=metaclass,
        flags=frozenset(flags | {"under way"}),
        is_open=is_open,
    )
    value = ClassOf(Nominal(symbol))
    before = c.scope.but(classes={**c.scope.classes, symbol: under_way})
    if body is None or body.start == NOWHERE:
        c.scope = before.bind(name, Entry(value))
        return
    around = before.bind(name, Entry(value))
    around = around.but(names={**around.names, **_added(outer, header)})
    c.scope = Scope(
        "class",
        around,
        is_alive=outer.is_alive,
        frame=Frame(owner=symbol),
        classes=before.classes,
        path=f"{outer.path}{name}.",
        flags=outer.flags | ({"protocol"} if "protocol" in flags else set()),
    )
    said = " ".join(("class", *(text for text, _ in decorators or ())))
    c.enter(said, _header(tree), body, outer)
    held_lenient, c.lenient = c.lenient, 0
    run(c, body)
    c.lenient = held_lenient
    inner = c.scope
    fields: tuple[tuple[str, Type, bool], ...] = ()
    if flags & FIELDED:
        fields, is_sure = declared_fields(c, body, inner)
        flags |= set() if is_sure else {"unsure"}
    finished = replace(
        under_way,
        is_open=is_open or ("__slots__" in inner.names and _slots(inner) is None),
        own=_members(c, inner, under_way),
        fields=fields,
        flags=frozenset(flags | ({"under way"} if not c.is_final(tree) else set())),
    )
    left = _leave(c, before, inner.but(attributes={}))
    c.scope = left.but(classes={**inner.classes, symbol: finished})
    c.scope = c.scope.bind(name, Entry(value, member=Member(finished, Binding.NESTED)))
    if c.is_final(tree):
        _settle_members(c, tree, symbol)
        _look_again(c, name_tree, body, run, inner)
        settle(c, tree, name, outer, lambda c: define_class(c, tree, run, decorators))


def _look_again(c: Context, name_tree: Tree, body: Tree, run: Run, inner: Scope) -> None:
    """Reads the methods of a finished class once more: while it was under way much of what they
    use of it was unknown. Those that were read so before are read only if they hold a name of which
    something else is known by now."""
    after, found = c.scope, c.defects
    # What the body owes is seen to already.
    fresh = inner.but(classes=after.classes, owed={}, owed_members={}, belated={})
    c.enter_again(name_tree, fresh)
    begun = c.scope
    known = {(one.start, one.end) for one in found}
    changed: dict[int, frozenset[str] | None] = {}
    for one in statements_of(body):
        decorated = one.child("definition") if one.kind == "decorated_definition" else one
        if decorated is None or decorated.kind != "function_definition":
            continue
        key = (id(begun.outer), one.identity)
        again = c.program.again.get(key) if one.identity and not c.muted else None
        if again is not None and id(again.scope) not in changed:
            changed[id(again.scope)] = changes(again.scope, begun)
        if again is None or _concerns(changed[id(again.scope)], again):
            c.scope, c.defects = begun, []
            run(c, one)
            words = frozenset(_WORD.findall(c.text(one))) if again is None else again.words
            # Headers were read where they stand, before the class had what comes after them.
            inside = decorated.child("body")
            start = one.end if inside is None else inside.start
            defects = tuple(each for each in c.defects if each.start >= start)
            again = Again(begun, words, defects)
            if one.identity and c.is_final(one) and not c.muted:
                c.program.again[key] = again
        found = [*found, *(one for one in again.defects if (one.start, one.end) not in known)]
    c.scope, c.defects = after, found


def _concerns(changed: frozenset[str] | None, again: Again) -> bool:
    """Whether a method may be something else where so much has changed. Names with two underscores
    are used by operators and the like; what was wrong says what would have been right."""
    if changed is None or (changed and again.defects):
        return True
    return not changed.isdisjoint(again.words) or any(name.startswith("__") for name in changed)


def _settle_members(c: Context, tree: Tree, symbol: str) -> None:
    """What methods used of the class must be there now."""
    left: dict[str, Owed] = {}
    prefix = symbol + "."
    for key, one in c.scope.owed_members.items():
        if not key.startswith(prefix):
            left[key] = one
            continue
        name = key[len(prefix) :]
        if (
            c.world.member(Nominal(symbol), name) is None
            and c.world.member(ClassOf(Nominal(symbol)), name) is None
        ):
            place = Tree("end", "", one.start, min(tree.end, c.edge), 0, [])
            names = c.world.names_of(Nominal(symbol)) or set()
            c.report(
                Domain.TYPES,
                f"`{show(Nominal(symbol))}` has no attribute `{name}`",
                place,
                [each for each in names if each[:1] == name[:1] and not each.startswith("__")],
            )
    c.scope = c.scope.but(owed_members=left)


def _bases(c: Context, tree: Tree | None) -> tuple[list[Type], Type | None, set[str], bool]:
    bases: list[Type] = []
    metaclass: Type | None = None
    flags: set[str] = set()
    is_open = False
    for one in [] if tree is None else _parts(tree):
        if one.kind == "keyword_argument":
            value = one.child("value")
            type_ = UNKNOWN if value is None else c.infer(value, None)
            label = one.child("name")
            if label is not None and c.text(label) == "metaclass":
                is_class = isinstance(type_, ClassOf)
                metaclass = type_.instance if is_class and isinstance(type_, ClassOf) else UNKNOWN
            continue
        if not one.is_present:
            continue
        head = one.child("value") if one.kind == "subscript" else one
        with c.quiet():
            before = c.scope
            form = form_of(c.infer(head or one, None))
            c.scope = before
        if form in ("Generic", "Protocol"):
            read_type(c, one)
            flags |= {"protocol"} if form == "Protocol" else set()
            continue
        if form == "TypedDict":
            flags.add("typeddict")
        if form == "NamedTuple" and one.kind != "call":
            read_type(c, one)
            flags.add("namedtuple")
            bases.append(Nominal("typing:NamedTuple"))
            continue
        # A name may still become a keyword, and any keyword may be one that a base takes.
        is_open_name = one.kind == "identifier" and not c.is_final(one)
        c.lenient += is_open_name
        base = read_type(c, one)
        c.lenient -= is_open_name
        if isinstance(base, Tuple):
            base = Nominal("builtins:tuple")
        bases.append(base)
        if not isinstance(base, Nominal):
            is_open = True
            continue
        lineage = c.world.lineage(base.symbol)
        if lineage is None:
            is_open = True
            continue
        for ancestor in lineage.ancestors:
            flags |= ancestor.class_.flags & {"enum", "typeddict", "namedtuple", "transformed"}
            if ancestor.class_.symbol == "enum:Enum":
                flags.add("enum")
    return bases, metaclass, flags, is_open


def _slots(scope: Scope) -> list[str] | None:
    """The names in a class's `__slots__`; None if there are none, or not all are known."""
    entry = scope.names.get("__slots__")
    if entry is None or (isinstance(entry.type, Tuple) and entry.type.rest is not None):
        return None
    parts = entry.type.items if isinstance(entry.type, Tuple) else (entry.type,)
    values = [one.value if isinstance(one, Literal) else None for one in parts]
    names = [one for one in values if isinstance(one, str)]
    return names if len(names) == len(values) else None


def _members(c: Context, scope: Scope, class_: Class) -> dict[str, Member]:
    """The members that a class's body has declared so far."""
    own: dict[str, Member] = {}
    for name in _slots(scope) or ():
        own[name] = Member(Value(UNKNOWN), Binding.INSTANCE, is_declared=False)
    for name, entry in scope.names.items():
        member = entry.member
        if member is None:
            declared = entry.declared
            inferred = widen_literal(entry.type)
            if any(isinstance(one, Function | Overloaded) for one in members_of(inferred)):
                # A function under another name is a method too, and one of several.
                inferred = UNKNOWN
            member = Member(
                Value(inferred if declared is None else declared),
                Binding.VARIABLE,
                is_declared=declared is not None,
            )
        own[name] = member
    for name, (type_, declared_here) in scope.attributes.items():
        held = own[name].declared if name in own else None
        if held is None:
            known = UNKNOWN if type_ == NEVER else type_
            own[name] = Member(Value(known), Binding.INSTANCE, is_declared=declared_here)
        elif not own[name].is_declared and isinstance(held, Value):
            own[name] = replace(own[name], declared=Value(together(held.type, type_)))
    for name in [one for one, member in own.items() if not member.is_declared]:
        # What a base declares holds for what is merely assigned here.
        for base in class_.bases:
            if not isinstance(base, Nominal):
                own[name] = replace(own[name], declared=Value(UNKNOWN))
                break
            lineage = c.world.lineage(base.symbol)
            if lineage is None or lineage.is_open:
                own[name] = replace(own[name], declared=Value(UNKNOWN))
                break
            found = c.world.find(base.symbol, name)
            if found is not None and _is_told_by(*found):
                del own[name]
                break
            if found is not None:
                own[name] = replace(own[name], declared=Value(UNKNOWN))
                break
    return own


def _is_told_by(member: Member, home: Ancestor) -> bool:
    """Whether an annotation of a class above says what an attribute is."""
    is_annotated = "stub" in home.class_.flags or "@" in home.class_.symbol
    return is_annotated and member.is_declared and isinstance(member.declared, Value)
