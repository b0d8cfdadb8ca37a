"""Type expressions: what an annotation, a base class or an alias says.

Read leniently: what is not understood is unknown. Names in them are checked like others, but may
be bound later (in strings, under `from __future__ import annotations`, in bodies of functions).
"""

from __future__ import annotations

import keyword
from functools import lru_cache

from ananke.analysis.declarations import Alias, Class
from ananke.analysis.defects import Domain
from ananke.analysis.relation import assignable
from ananke.analysis.scopes import Scope
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
    Unknown,
    Variable,
    join,
    map_type,
    members_of,
    show,
    substitute,
)
from ananke.languages.python.meaning.context import NONE, Context, builtin
from ananke.parsing.grammar import load_grammar
from ananke.parsing.opening import NOWHERE, Tree

__all__ = [
    "alias_of",
    "check_count",
    "fits_result",
    "flexible",
    "own_variable",
    "read_type",
    "special_form",
    "special_names",
    "type_of_value",
]

#: Characters of a type in quotes that is looked at.
_LONGEST_QUOTED = 500

_TYPING = ("typing", "typing_extensions", "_typeshed")

#: Names of `typing` that stand for a class elsewhere.
_CLASSES = {
    "List": "builtins:list",
    "Dict": "builtins:dict",
    "Set": "builtins:set",
    "FrozenSet": "builtins:frozenset",
    "Type": "builtins:type",
    "Tuple": "builtins:tuple",
    "Text": "builtins:str",
    "Deque": "collections:deque",
    "DefaultDict": "collections:defaultdict",
    "OrderedDict": "collections:OrderedDict",
    "Counter": "collections:Counter",
    "ChainMap": "collections:ChainMap",
}
#: Names of `typing` that are no classes.
FORMS = frozenset(
    [
        "Any",
        "Optional",
        "Union",
        "Callable",
        "Literal",
        "Final",
        "ClassVar",
        "Annotated",
        "Generic",
        "Protocol",
        "NoReturn",
        "Never",
        "Self",
        "Concatenate",
        "TypeGuard",
        "TypeIs",
        "Required",
        "NotRequired",
        "ReadOnly",
        "LiteralString",
        "TypeAlias",
        "Unpack",
        "TypeVar",
        "ParamSpec",
        "TypeVarTuple",
        "NewType",
        "NamedTuple",
        "TypedDict",
        "AnyStr",
    ]
) | frozenset(_CLASSES)


#: What is never a type.
_VALUES = frozenset(("integer", "float", "true", "false"))
#: What is none where a type is expected, and can't become the beginning of one.
_NO_TYPES = _VALUES | frozenset(
    (
        "boolean_operator",
        "comparison_operator",
        "concatenated_string",
        "conditional_expression",
        "dictionary",
        "dictionary_comprehension",
        "generator_expression",
        "lambda",
        "list_comprehension",
        "not_operator",
        "set",
        "set_comprehension",
        "unary_operator",
    )
)
#: The words that tell it before the end.
_WORDS = frozenset(("and", "or", "if", "lambda", "not"))
#: What stands before what is never a type either: `[int].x`.
_HEADS = frozenset(("subscript", "attribute", "call"))


def special_names(module: str) -> frozenset[str]:
    """The names of a module that the rules know by themselves."""
    return FORMS if module in _TYPING else frozenset()


def special_form(module: str, name: str) -> Type | None:
    """The value of a name of `typing` that the rules know by itself."""
    if (module, name) == ("collections.abc", "Callable"):
        return ClassOf(Nominal("typing:Callable"))
    if module not in _TYPING or name not in FORMS:
        return None
    if name in _CLASSES:
        return ClassOf(Nominal(_CLASSES[name]))
    return ClassOf(Nominal(f"typing:{name}"))


def form_of(value: Type) -> str:
    """The name of the typing form that a value is, or ""."""
    if isinstance(value, ClassOf) and isinstance(value.instance, Nominal):
        module, _, name = value.instance.symbol.partition(":")
        if module in _TYPING and name in FORMS:
            return name
        if value.instance.symbol in ("builtins:tuple", "builtins:type"):
            return {"builtins:tuple": "Tuple", "builtins:type": "Type"}[value.instance.symbol]
        if value.instance.symbol == "collections.abc:Callable":
            return "Callable"
    return ""


#: What owns the type parameters that the text itself declares.
_OWN = "the text"


def read_type(
    c: Context, tree: Tree | None, *, deferred: bool = False, is_rigid: bool = False
) -> Type:
    """The type that a type expression says. Reads (and checks) its names.

    Args:
        is_rigid: `Self` and the text's own type parameters are kept, which stand for one type
            inside of the function. Outside of it what they are isn't followed: they are unknown.
    """
    found = _read_type(c, tree, deferred)
    return found if is_rigid else flexible(found)


def flexible(type_: Type) -> Type:
    """The type as it is seen from outside of what its type parameters belong to."""
    return map_type(type_, _unless_own)


def _unless_own(part: Type) -> Type | None:
    return UNKNOWN if isinstance(part, Variable) and part.owner == _OWN else None


def own_variable(c: Context, tree: Tree) -> Variable | None:
    """The type parameter that a call makes (`TypeVar("T")`); None if it makes something else."""
    function, listed = tree.child("function"), tree.child("arguments")
    if function is None or listed is None or form_of(c.infer(function, None)) != "TypeVar":
        return None
    bound: Type | None = None
    limits: list[Type] = []
    given = [one for one in listed.children if one.kind not in ("(", ")", ",", "comment")]
    for one in given[1:]:
        if one.kind != "keyword_argument":
            limits.append(read_type(c, one))
            continue
        label, value = one.child("name"), one.child("value")
        if label is not None and value is not None and c.text(label) == "bound":
            bound = read_type(c, value)
    name = c.text(given[0]).strip("\"'") if given else ""
    return Variable(name, _OWN, bound, tuple(limits))


def _self(c: Context) -> Type:
    """What `Self` stands for here."""
    scope: Scope | None = c.scope
    while scope is not None:
        if scope.kind == "class":
            symbol = scope.frame.owner
            return Variable("Self", _OWN, Nominal(symbol)) if symbol else UNKNOWN
        scope = scope.outer
    return UNKNOWN


def fits_result(c: Context, type_: Type, returns: Type) -> bool:
    """Whether a function that is declared to return `returns` may return a value of the type. A
    type parameter is whatever the caller chose, so no value of a plain class surely is one."""
    return all(
        any(_fits_one(c, value, wanted) for wanted in members_of(returns) or (returns,))
        for value in members_of(type_)
    )


def _fits_one(c: Context, value: Type, wanted: Type) -> bool:
    if not isinstance(wanted, Variable) or wanted.owner != _OWN or isinstance(value, Variable):
        return assignable(c.world, value, wanted)
    if wanted.name == "Self" or wanted.bound is not None:
        return assignable(c.world, value, wanted.bound or UNKNOWN)
    if wanted.constraints:
        return any(assignable(c.world, value, one) for one in wanted.constraints)
    return not is_plain_value(value)


def is_plain_value(type_: Type) -> bool:
    """Whether it is a value of a class that no test in the same function makes something else."""
    return isinstance(type_, Literal | Tuple) or (
        isinstance(type_, Nominal) and type_.symbol in _PLAIN_CLASSES
    )


_PLAIN_CLASSES = frozenset(
    f"builtins:{name}" for name in ("str", "int", "float", "bool", "bytes", "list", "dict", "set")
) | {"types:NoneType"}


#: Classes of values that stand for no type.
_VALUE_CLASSES = _PLAIN_CLASSES | {"types:MappingProxyType"}


def _read_type(c: Context, tree: Tree | None, deferred: bool) -> Type:
    if tree is None or tree.start == NOWHERE:
        return UNKNOWN
    if tree.kind == "type":
        _check_form(c, tree)
    elif tree.kind in _VALUES and c.is_final(tree):
        c.report(Domain.TYPES, f"`{c.text(tree)}` is no type", tree)
    if deferred or "deferred annotations" in c.scope.flags:
        c.deferred += 1
        try:
            return _read(c, tree)
        finally:
            c.deferred -= 1
    return _read(c, tree)


def _check_form(c: Context, tree: Tree, *, may_be_list: bool = False) -> None:
    """Reports what is written where a type is due and can't be one, whatever its names are.

    Args:
        may_be_list: it is an argument of a generic type, which may be a list of types.
    """
    kind = tree.kind
    if kind in ("type", "parenthesized_expression") and len(tree.children) in (1, 3):
        _check_form(c, tree.children[len(tree.children) // 2], may_be_list=may_be_list)
        return
    if kind == "binary_operator":
        sign, right = tree.child("operator"), tree.child("right")
        left = tree.child("left")
        if left is not None:
            _check_form(c, left)
        if sign is not None and sign.is_present and sign.kind == "|":
            if right is not None and right.is_present:
                _check_form(c, right)
            return
        # Until then a mask takes the sign for one that may be written.
        is_wrong = sign is not None and right is not None and c.is_final(right)
    elif kind in ("list", "tuple"):
        is_wrong = not may_be_list and c.is_final(tree)
    elif kind == "call":
        is_wrong = c.is_final(tree)
    else:
        head = tree
        while head.kind in _HEADS and head.children:
            head = head.children[0]
        is_told = c.is_final(head) or any(
            one.kind in _WORDS and one.is_present and c.is_final(one) for one in head.children
        )
        is_wrong = head.kind in _NO_TYPES and is_told
        # Of a type in quotes, and of brackets, nothing is asked.
        is_wrong |= tree is not head and head.kind in ("string", "list", "tuple")
    if is_wrong:
        c.report(Domain.TYPES, f"`{c.text(tree)}` is no type", tree)


def _check_value(c: Context, tree: Tree, value: Type) -> None:
    """Reports a name or member that holds something else than a type."""
    if not c.is_final(tree):
        return
    head = tree
    while head.kind == "attribute" and head.children:
        head = head.children[0]
    found = c.find(c.text(head)) if head.kind == "identifier" else None
    entry = None if found is None or found.scope is None else found.entry
    is_variable = (
        entry is not None
        and entry.means is None
        and (entry.is_free or not isinstance(entry.declared, Unknown | None))
    )
    is_value = isinstance(value, Function | Overloaded | ModuleObject | Tuple | Literal) or (
        isinstance(value, Nominal) and value != NONE and value.symbol in _VALUE_CLASSES
    )
    if is_variable or is_value:
        c.report(Domain.TYPES, f"`{c.text(tree)}` is no type", tree)


def _read(c: Context, tree: Tree) -> Type:
    kind = tree.kind
    if kind in ("type", "parenthesized_expression", "expression_statement", "member_type"):
        inner = [one for one in tree.children if one.kind not in ("(", ")")]
        if kind == "member_type":
            for one in inner:
                _read(c, one)
            return UNKNOWN
        return _read(c, inner[0]) if len(inner) == 1 else UNKNOWN
    if kind == "none":
        return NONE
    if kind in ("identifier", "attribute"):
        value = c.infer(tree, None)
        if kind == "identifier":
            found = c.find(c.text(tree))
            if found is not None and found.entry.means is not None:
                return found.entry.means
            if form_of(value) == "Self":
                return _self(c)
        else:
            meaning = _attribute_alias(c, tree)
            if meaning is not None:
                return meaning
            if form_of(value) == "Self":
                return _self(c)
        _check_value(c, tree, value)
        return type_of_value(c, value)
    if kind == "string":
        return _quoted(c, tree)
    if kind in ("binary_operator", "union_type"):
        parts = [one for one in tree.children if one.kind != "|"]
        return join([_read(c, one) for one in parts])
    if kind in ("subscript", "generic_type"):
        return _read_subscript(c, tree)
    if kind == "list":
        for one in tree.children:
            if one.kind not in ("[", "]", ","):
                _read(c, one)
        return UNKNOWN
    c.infer(tree, None)
    return UNKNOWN


def _quoted(c: Context, tree: Tree) -> Type:
    """Names in quotes may be bound later: `"A"`, `"a.B"` and `"A | None"` are read, no more."""
    if not c.is_final(tree):
        return UNKNOWN
    text = c.text(tree)[1:-1]
    if not _is_expression(text):
        c.report(Domain.TYPES, "what stands in quotes is no type", tree)
    return join([_quoted_name(c, tree, one.strip()) for one in _alternatives(text)])


@lru_cache(maxsize=1024)
def _is_expression(text: str) -> bool:
    """Whether it is read as one expression; what is long, or in more quotes, isn't looked at."""
    if len(text) > _LONGEST_QUOTED or text[:1] in ("'", '"') or "\\" in text:
        return True
    after = load_grammar("python").start().feed(f"({text.strip()})".encode())
    return after is not None and after.can_end()


def _alternatives(text: str) -> list[str]:
    """The parts of `A | B[C | D]`."""
    found = [""]
    depth = 0
    for sign in text:
        depth += (sign in "[(") - (sign in "])")
        if sign == "|" and not depth:
            found.append("")
        else:
            found[-1] += sign
    return found


def _quoted_name(c: Context, tree: Tree, name: str) -> Type:
    if name == "None":
        return NONE
    head, bracket, _ = name.partition("[")
    if bracket and name.endswith("]"):
        # What stands in brackets isn't read; of a form it is all that is told.
        whole = _quoted_name(c, tree, head)
        return Nominal(whole.symbol) if isinstance(whole, Nominal) else UNKNOWN
    first, *rest = name.split(".")
    if (rest[-1:] or [first])[0] in ("NoReturn", "Never"):
        return NEVER
    if not all(one.isidentifier() and not keyword.iskeyword(one) for one in (first, *rest)):
        return UNKNOWN
    found = c.find(first)
    if found is None:
        c.deferred += 1
        c.owe(first, tree)
        c.deferred -= 1
        return UNKNOWN
    if not rest:
        return found.entry.means or type_of_value(c, found.entry.type)
    value = found.entry.type
    for at, one in enumerate(rest):
        if not isinstance(value, ModuleObject):
            return UNKNOWN
        alias = alias_of(c, value.name, one)
        if alias is not None:
            return alias if at + 1 == len(rest) else UNKNOWN
        value = special_form(value.name, one) or c.world.module_member(value.name, one) or UNKNOWN
    return type_of_value(c, value)


def _attribute_alias(c: Context, tree: Tree) -> Type | None:
    target, name = tree.child("object"), tree.child("attribute")
    if target is None or name is None:
        return None
    with c.quiet():
        owner = c.infer(target, None)
    return alias_of(c, owner.name, c.text(name)) if isinstance(owner, ModuleObject) else None


def alias_of(c: Context, module: str, name: str) -> Type | None:
    """The type that an alias of a module stands for, its parameters unknown."""
    if module in _TYPING and name in FORMS:
        return None
    found = c.program.library.module(module)
    declared = None if found is None else found.get(name)
    if isinstance(declared, Alias):
        return substitute(declared.type, dict.fromkeys(declared.parameters, UNKNOWN))
    return None


def type_of_value(c: Context, value: Type) -> Type:
    """The type that a value stands for in an annotation."""
    form = form_of(value)
    if form in ("NoReturn", "Never"):
        return NEVER
    if form == "LiteralString":
        return builtin("str")
    if form == "Callable":
        return Function((), UNKNOWN, is_gradual=True)
    if form == "Self":
        return UNKNOWN
    if isinstance(value, ClassOf):
        instance = value.instance
        if isinstance(instance, Nominal):
            if instance.symbol.startswith("typing:") and form:
                if form == "Tuple":
                    return Tuple((), UNKNOWN)
                return UNKNOWN
            if instance.symbol == "builtins:type" and not instance.arguments:
                return UNKNOWN
            if instance.symbol == "builtins:tuple" and not instance.arguments:
                return Tuple((), UNKNOWN)
        return instance
    if value == NONE:
        return NONE
    return UNKNOWN


def _subscripts(c: Context, tree: Tree) -> tuple[Tree | None, list[Tree]]:
    if tree.kind == "generic_type":
        named = [one for one in tree.children if one.kind in ("identifier", "attribute")]
        arguments = [
            one
            for part in tree.children
            if part.kind == "type_parameter"
            for one in part.children
            if one.kind not in ("[", "]", ",")
        ]
        return (named[0] if named else None), arguments
    indexes = tree.fields("subscript")
    if len(indexes) == 1 and indexes[0].kind == "tuple":
        indexes = [one for one in indexes[0].children if one.kind not in ("(", ")", ",")]
    return tree.child("value"), indexes


def _read_subscript(c: Context, tree: Tree) -> Type:
    base, arguments = _subscripts(c, tree)
    if base is None:
        return UNKNOWN
    value = c.infer(base, None)
    form = form_of(value)
    _check_value(c, base, value)
    if form == "Literal":
        return join([_literal(c, one) for one in arguments]) if arguments else UNKNOWN
    check_count(c, tree, value, arguments)
    if form == "Annotated":
        if not arguments:
            return UNKNOWN
        with_type = _read(c, arguments[0])
        for one in arguments[1:]:
            c.infer(one, None)
        return with_type
    if form == "Callable":
        return _callable(c, arguments)
    if form == "Tuple":
        return _tuple(c, arguments)
    is_strict = bool(form) or _takes_types(c, value)
    read = [_argument(c, one, is_strict=is_strict) for one in arguments if one.kind != "ellipsis"]
    if form == "Optional":
        return join([*read, NONE])
    if form == "Union":
        return join(read) if read else UNKNOWN
    if form == "ClassVar" and any(isinstance(one, Function) for one in read):
        # It may be bound like a method.
        return UNKNOWN
    if form in ("Final", "ClassVar", "Required", "NotRequired", "ReadOnly"):
        return read[0] if read else UNKNOWN
    if form == "Type":
        return ClassOf(read[0]) if read else UNKNOWN
    if form in ("TypeGuard", "TypeIs"):
        return builtin("bool")
    if form:
        return UNKNOWN
    found = c.find(c.text(base)) if base.kind == "identifier" else None
    if found is not None and found.entry.means is not None:
        return UNKNOWN
    if isinstance(value, ClassOf) and isinstance(value.instance, Nominal):
        if value.instance.symbol == "dataclasses:InitVar":
            return read[0] if read else UNKNOWN
        class_ = c.world.class_of(value.instance.symbol)
        if class_ is None or not _is_plain(class_, len(read)):
            return Nominal(value.instance.symbol)
        return Nominal(value.instance.symbol, tuple(read))
    return UNKNOWN


#: How many type arguments there are.
_COUNTS = {
    "builtins:list": 1,
    "builtins:set": 1,
    "builtins:frozenset": 1,
    "builtins:dict": 2,
    "collections:defaultdict": 2,
    "collections:OrderedDict": 2,
    "typing:Mapping": 2,
    "typing:MutableMapping": 2,
    "typing:Coroutine": 3,
}


def check_count(c: Context, tree: Tree, value: Type, arguments: list[Tree]) -> None:
    """Reports `tree`, what stands in whose brackets are `arguments` of the generic class or form
    `value`, if they are too few or too many."""
    if not c.is_final(tree) or any(one.kind in _SEVERAL for one in arguments):
        return
    form = form_of(value)
    # Not of an alias with parameters of its own.
    is_named = c.text(tree).partition("[")[0].strip().rpartition(".")[2] == form
    if form in ("Annotated", "Callable") and is_named and len(arguments) == 1:
        c.report(Domain.TYPES, f"`{form}` takes more than one argument", tree)
    if isinstance(value, ClassOf) and isinstance(value.instance, Nominal):
        count = _COUNTS.get(value.instance.symbol)
        if count not in (None, len(arguments)) and not value.instance.arguments:
            c.report(Domain.TYPES, f"`{show(value.instance)}` has {count} parameters", tree)


#: Kinds of arguments that stand for several.
_SEVERAL = frozenset(("tuple", "list_splat", "splat_type", "ERROR", "slice"))


def _takes_types(c: Context, value: Type) -> bool:
    """Whether what stands in brackets after the value must be types: it is a generic class."""
    if not isinstance(value, ClassOf) or not isinstance(value.instance, Nominal):
        return False
    class_ = c.world.class_of(value.instance.symbol)
    return class_ is not None and bool(class_.parameters)


def _argument(c: Context, tree: Tree, *, is_strict: bool = True) -> Type:
    """An argument of a generic type; strictly, no value."""
    inner = tree
    while inner.kind == "type" and len(inner.children) == 1:
        inner = inner.children[0]
    if is_strict or inner.kind == "call":
        _check_form(c, inner, may_be_list=True)
    return _read(c, tree)


def _is_plain(class_: Class, count: int) -> bool:
    return len(class_.parameters) == count and all(one.kind == "type" for one in class_.parameters)


def _literal(c: Context, tree: Tree) -> Type:
    if tree.kind == "type" and tree.children:
        return _literal(c, tree.children[0])
    if tree.kind == "none":
        return NONE
    if tree.kind in ("string", "integer", "true", "false"):
        value = c.infer(tree, None)
        return value if isinstance(value, Literal) else UNKNOWN
    c.infer(tree, None)
    return UNKNOWN


def _callable(c: Context, arguments: list[Tree]) -> Type:
    if not arguments:
        return Function((), UNKNOWN, is_gradual=True)
    first = arguments[0]
    while first.kind == "type" and len(first.children) == 1:
        first = first.children[0]
    result = _read(c, arguments[1]) if len(arguments) > 1 else UNKNOWN
    if first.kind != "list":
        if first.kind != "ellipsis":
            _read(c, first)
        return Function((), result, is_gradual=True)
    parts = [_read(c, one) for one in first.children if one.kind not in ("[", "]", ",")]
    if not c.is_final(first):
        return Function((), result, is_gradual=True)
    return Function(
        tuple(Parameter(f"_{at}", one, Kind.POSITIONAL) for at, one in enumerate(parts)), result
    )


def _tuple(c: Context, arguments: list[Tree]) -> Type:
    plain = [one.children[0] if one.kind == "type" and one.children else one for one in arguments]
    if len(plain) == 2 and plain[1].kind == "ellipsis":
        return Tuple((), _read(c, plain[0]))
    read = [_argument(c, one) for one in plain]
    if any(one.kind in ("list_splat", "splat_type", "ellipsis") for one in plain):
        return Tuple((), UNKNOWN)
    if len(plain) == 1 and plain[0].kind == "tuple":
        return Tuple(())
    if any(isinstance(one, Variable) and one.kind != "type" for one in read):
        return Tuple((), UNKNOWN)
    return Tuple(tuple(read))
