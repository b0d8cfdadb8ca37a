"""What Python's operators and builtin functions mean, by the sorts of what they are given.

A rule gives None where nothing is known and anything may happen; an opaque term where a value of
a known sort comes out, and nothing else happens. Floats are numbers whose values aren't followed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from ananke.analysis.formulas.evaluation import Evaluation, Rule, Rules, number_of
from ananke.analysis.formulas.sorts import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    NONE,
    STR,
    Sort,
    list_of,
    tuple_of,
)
from ananke.analysis.formulas.terms import (
    CAPACITY,
    FALSE,
    NOTHING,
    TRUE,
    Term,
    add,
    at_least_one,
    both,
    contains,
    divide,
    either,
    equal,
    every,
    integer,
    joined,
    length_of_string,
    less,
    less_or_equal,
    listing,
    modulo,
    multiply,
    negate,
    negation,
    opaque,
    select,
    string_operation,
    subtract,
    tupling,
)

__all__ = ["RULES"]

Terms = tuple[Term, ...]

_ZERO, _ONE = integer(0), integer(1)
_NUMBERS = (INT, BOOL, FLOAT)


def _arithmetic(
    of_integers: Callable[[Term, Term], Term], others: Callable[[Term, Term], Term | None]
) -> Rule:
    def rule(e: Evaluation, args: Terms, place: int) -> Term | None:
        left, right = args
        a, b = number_of(left), number_of(right)
        if a is not None and b is not None:
            return of_integers(a, b)
        if left.sort in _NUMBERS and right.sort in _NUMBERS:
            return opaque(FLOAT)
        found = others(left, right)
        if found is None and ANY not in (left.sort, right.sort):
            e.demand(FALSE, "type", place)
        return found

    return rule


def _nothing(left: Term, right: Term) -> Term | None:
    return None


def _plus(e: Evaluation, args: Terms, place: int) -> Term | None:
    left, right = args
    if left.op == right.op == "list":
        sorts = {one.sort.parts[0] for one in args if len(one.args) > 1} or {ANY}
        if len(sorts) > 1:
            return None
        whole, fits = joined(left, right)
        e.suppose(fits)
        return listing(whole.args[0], whole.args[1:], sorts.pop())
    if left.op == right.op == "tuple":
        return tupling(left.args + right.args)

    def others(a: Term, b: Term) -> Term | None:
        if a.sort == b.sort == STR:
            return string_operation("concatenation", a, b)
        return None

    return _arithmetic(add, others)(e, args, place)


def _times(e: Evaluation, args: Terms, place: int) -> Term | None:
    def others(a: Term, b: Term) -> Term | None:
        if {a.sort, b.sort} == {INT, STR}:
            text, count = (a, b) if a.sort == STR else (b, a)
            if count.is_constant and isinstance(count.value, int) and count.value <= CAPACITY:
                empty = string_operation("part", text, _ZERO, _ZERO)
                whole = [text] * count.value
                return reduce(lambda x, y: string_operation("concatenation", x, y), whole, empty)
            return opaque(STR)
        return None

    return _arithmetic(multiply, others)(e, args, place)


def _division(result: Callable[[Term, Term], Term]) -> Rule:
    def rule(e: Evaluation, args: Terms, place: int) -> Term | None:
        left, right = args
        if left.sort == STR and result is modulo:
            return None
        a, b = number_of(left), number_of(right)
        if b is not None and left.sort in _NUMBERS:
            e.demand(negation(equal(b, _ZERO)), "division", place)
            return opaque(FLOAT) if a is None else result(a, b)
        return None

    return rule


def _quotient(a: Term, b: Term) -> Term:
    return opaque(FLOAT)


def _power(e: Evaluation, args: Terms, place: int) -> Term | None:
    base, exponent = number_of(args[0]), number_of(args[1])
    if base is None or exponent is None:
        return None
    if not exponent.is_constant or not isinstance(exponent.value, int):
        return None
    if not 0 <= exponent.value <= 4:
        return None
    return reduce(multiply, [base] * exponent.value, _ONE)


def _bits(e: Evaluation, args: Terms, place: int) -> Term | None:
    left, right = args
    if left.sort == right.sort == BOOL:
        return None
    if number_of(left) is None or number_of(right) is None:
        return None
    return opaque(INT)


def _boolean_bits(combine: Callable[[Term, Term], Term]) -> Rule:
    def rule(e: Evaluation, args: Terms, place: int) -> Term | None:
        if args[0].sort == args[1].sort == BOOL:
            return combine(*args)
        return _bits(e, args, place)

    return rule


def _differ(left: Term, right: Term) -> Term:
    return negation(equal(left, right))


def _minus(e: Evaluation, args: Terms, place: int) -> Term | None:
    number = number_of(args[0])
    if number is not None:
        return negate(number)
    return opaque(FLOAT) if args[0].sort == FLOAT else None


def _plain(e: Evaluation, args: Terms, place: int) -> Term | None:
    number = number_of(args[0])
    return number if number is not None else (args[0] if args[0].sort == FLOAT else None)


# Comparisons


def _equality(left: Term, right: Term) -> Term | None:
    """`==`; None where a class may say what it means."""
    a, b = number_of(left), number_of(right)
    if a is not None and b is not None:
        return equal(left, right) if left.sort == right.sort == BOOL else equal(a, b)
    if ANY in (left.sort, right.sort):
        return None
    if left.sort == right.sort:
        if left.sort == FLOAT:
            return opaque(BOOL)
        return equal(left, right)
    if left.sort in _NUMBERS and right.sort in _NUMBERS:
        return opaque(BOOL)
    if left.sort.name == right.sort.name:
        if left.op == right.op == "list" and _ZERO in (left.args[0], right.args[0]):
            return both(equal(left.args[0], _ZERO), equal(right.args[0], _ZERO))
        if left.op == right.op == "tuple" and len(left.args) == len(right.args):
            pairs = [_equality(x, y) for x, y in zip(left.args, right.args, strict=True)]
            return None if None in pairs else every(one for one in pairs if one is not None)
        return FALSE if left.op == right.op == "tuple" else opaque(BOOL)
    return FALSE


def _equal(e: Evaluation, args: Terms, place: int) -> Term | None:
    return _equality(*args)


def _unequal(e: Evaluation, args: Terms, place: int) -> Term | None:
    found = _equality(*args)
    return None if found is None else negation(found)


def _order(of_integers: Callable[[Term, Term], Term], is_swapped: bool, is_strict: bool) -> Rule:
    def rule(e: Evaluation, args: Terms, place: int) -> Term | None:
        left, right = args
        a, b = number_of(left), number_of(right)
        if a is not None and b is not None:
            return of_integers(a, b)
        if left.sort in _NUMBERS and right.sort in _NUMBERS:
            return opaque(BOOL)
        if left.sort == right.sort == STR:
            first, second = (right, left) if is_swapped == is_strict else (left, right)
            found = string_operation("string_less", first, second)
            return found if is_strict else negation(found)
        if ANY in (left.sort, right.sort) or left.sort.name == right.sort.name:
            return None if NONE not in (left.sort, right.sort) else _never(e, place)
        return _never(e, place)

    return rule


def _never(e: Evaluation, place: int) -> Term:
    """An exception is raised for sure."""
    e.demand(FALSE, "type", place)
    return opaque(BOOL)


def _greater(left: Term, right: Term) -> Term:
    return less(right, left)


def _greater_or_equal(left: Term, right: Term) -> Term:
    return less_or_equal(right, left)


def _is(e: Evaluation, args: Terms, place: int) -> Term | None:
    left, right = args
    if NONE in (left.sort, right.sort):
        if left.sort == right.sort:
            return TRUE
        return opaque(BOOL) if ANY in (left.sort, right.sort) else FALSE
    if left.sort == right.sort == BOOL:
        return equal(left, right)
    return opaque(BOOL)


def _is_not(e: Evaluation, args: Terms, place: int) -> Term | None:
    found = _is(e, args, place)
    return None if found is None else negation(found)


def _in(e: Evaluation, args: Terms, place: int) -> Term | None:
    part, whole = args
    if part.sort == whole.sort == STR:
        return contains(whole, part)
    if whole.op not in ("list", "tuple"):
        return None
    members = whole.args[1:] if whole.op == "list" else whole.args
    found: list[Term] = []
    for at, member in enumerate(members):
        same = _equality(part, member)
        if same is None:
            return None
        present = less(integer(at), whole.args[0]) if whole.op == "list" else TRUE
        found.append(both(present, same))
    return at_least_one(found)


def _not_in(e: Evaluation, args: Terms, place: int) -> Term | None:
    found = _in(e, args, place)
    return None if found is None else negation(found)


# Sequences


def _length(value: Term) -> Term | None:
    if value.op == "list":
        return value.args[0]
    if value.op == "tuple":
        return integer(len(value.args))
    if value.sort == STR:
        return length_of_string(value)
    return opaque(INT) if value.sort.name == "list" else None


def _len(e: Evaluation, args: Terms, place: int) -> Term | None:
    return _length(args[0])


def _index(e: Evaluation, args: Terms, place: int) -> Term | None:
    value, key = args[0], number_of(args[1])
    count = _length(value)
    if key is None or count is None:
        return None
    e.demand(both(less_or_equal(negate(count), key), less(key, count)), "index", place)
    if value.op == "tuple":
        if not key.is_constant or not isinstance(key.value, int):
            return opaque(ANY)
        inside = -len(value.args) <= key.value < len(value.args)
        return value.args[key.value] if inside else opaque(ANY)
    at = select(less(key, _ZERO), add(key, count), key)
    if value.sort == STR:
        return string_operation("part", value, at, _ONE)
    if value.op != "list":
        return opaque(value.sort.parts[0])
    elements = value.args[1:]
    if not elements:
        return opaque(value.sort.parts[0])
    result = elements[-1]
    for place_of, element in reversed(list(enumerate(elements[:-1]))):
        result = select(equal(at, integer(place_of)), element, result)
    return result


def _clamped(bound: Term, count: Term) -> Term:
    """A bound of a slice as a place from 0 to the length."""
    bound = select(less(bound, _ZERO), add(bound, count), bound)
    bound = select(less(bound, _ZERO), _ZERO, bound)
    return select(less(count, bound), count, bound)


def _slice(shape: str) -> Rule:
    def rule(e: Evaluation, args: Terms, place: int) -> Term | None:
        value, bounds = args[0], list(args[1:])
        count = _length(value)
        if count is None or any(number_of(one) is None for one in bounds):
            return None
        if shape == "--x":
            step = bounds[0]
            if step.is_constant and step.value == -1:
                return _reverse(value)
            return opaque(value.sort) if step.is_constant and step.value else None
        start = _clamped(bounds.pop(0), count) if shape[0] == "x" else _ZERO
        stop = _clamped(bounds.pop(0), count) if shape[1] == "x" else count
        if bounds:
            return None
        size = select(less(start, stop), subtract(stop, start), _ZERO)
        if value.sort == STR:
            return string_operation("part", value, start, size)
        if value.op != "list":
            return opaque(value.sort) if value.sort.name == "list" else None
        elements = value.args[1:]
        moved: list[Term] = []
        for at in range(len(elements)):
            chosen = elements[at]
            for shift in range(1, len(elements) - at):
                chosen = select(equal(start, integer(shift)), elements[at + shift], chosen)
            moved.append(chosen)
        return listing(size, moved, value.sort.parts[0])

    return rule


def _reverse(value: Term) -> Term:
    if value.op != "list":
        return opaque(value.sort)
    count, elements = value.args[0], value.args[1:]
    moved: list[Term] = []
    for at in range(len(elements)):
        chosen = elements[0]
        for size in range(at + 1, len(elements) + 1):
            chosen = select(equal(count, integer(size)), elements[size - 1 - at], chosen)
        moved.append(chosen)
    return listing(count, moved, value.sort.parts[0])


def _reversed(e: Evaluation, args: Terms, place: int) -> Term | None:
    return _reverse(args[0]) if args[0].op == "list" else None


def _copy(e: Evaluation, args: Terms, place: int) -> Term | None:
    if not args:
        return listing(_ZERO, (), ANY)
    return args[0] if args[0].sort.name == "list" else None


def _present(value: Term) -> list[tuple[Term, Term]] | None:
    """(whether it is there, element) of a sequence's elements; None: not known."""
    if value.op == "tuple":
        return [(TRUE, one) for one in value.args]
    if value.op != "list":
        return None
    return [(less(integer(at), value.args[0]), one) for at, one in enumerate(value.args[1:])]


def _sum(e: Evaluation, args: Terms, place: int) -> Term | None:
    members = _present(args[0])
    if members is None:
        return None
    total = _ZERO
    for there, one in members:
        number = number_of(one)
        if number is None:
            return opaque(FLOAT) if one.sort == FLOAT else None
        total = add(total, select(there, number, _ZERO))
    return total


def _extreme(is_better: Callable[[Term, Term], Term]) -> Rule:
    def rule(e: Evaluation, args: Terms, place: int) -> Term | None:
        members = _present(args[0]) if len(args) == 1 else [(TRUE, one) for one in args]
        if members is None:
            return None
        if any(one.sort == FLOAT for _, one in members):
            return opaque(FLOAT) if all(one.sort in _NUMBERS for _, one in members) else None
        if any(one.sort != INT for _, one in members):
            return None
        if len(args) == 1:
            there = members[0][0] if members else FALSE
            e.demand(there, "index", place)
        best: Term | None = None
        for there, one in members:
            best = one if best is None else select(both(there, is_better(one, best)), one, best)
        return opaque(INT) if best is None else best

    return rule


def _quantified(combine: Callable[[Sequence[Term]], Term], is_any: bool) -> Rule:
    def rule(e: Evaluation, args: Terms, place: int) -> Term | None:
        members = _present(args[0])
        if members is None:
            return None
        tests: list[Term] = []
        for there, one in members:
            test = _truth(one)
            if test is None:
                return None
            tests.append(both(there, test) if is_any else either(negation(there), test))
        return combine(tests)

    return rule


def _sorted(e: Evaluation, args: Terms, place: int) -> Term | None:
    value = args[0]
    if value.op != "list" or any(one.sort != INT for one in value.args[1:]):
        return None
    count, elements = value.args[0], list(value.args[1:])
    for end in range(len(elements) - 1, 0, -1):
        for at in range(end):
            swap = both(less(integer(at + 1), count), less(elements[at + 1], elements[at]))
            elements[at], elements[at + 1] = (
                select(swap, elements[at + 1], elements[at]),
                select(swap, elements[at], elements[at + 1]),
            )
    return listing(count, elements, INT)


def _range(e: Evaluation, args: Terms, place: int) -> Term | None:
    numbers = [number_of(one) for one in args]
    if any(one is None for one in numbers):
        return None
    given = [one for one in numbers if one is not None]
    start = given[0] if len(given) > 1 else _ZERO
    stop = given[1] if len(given) > 1 else given[0]
    step = given[2] if len(given) > 2 else _ONE
    if not step.is_constant or not isinstance(step.value, int) or step.value == 0:
        return None
    if step.value == 1:
        size = subtract(stop, start)
    elif step.value > 0:
        size = divide(add(subtract(stop, start), integer(step.value - 1)), step)
    else:
        size = divide(add(subtract(start, stop), integer(-step.value - 1)), integer(-step.value))
    size = select(less(size, _ZERO), _ZERO, size)
    most = CAPACITY
    if size.is_constant and isinstance(size.value, int):
        most = min(most, size.value)
    e.suppose(less_or_equal(size, integer(CAPACITY)))
    elements = [add(start, multiply(integer(at), step)) for at in range(most)]
    return listing(size, elements, INT)


# In place


def _append(e: Evaluation, args: Terms, place: int) -> Term | None:
    value, item = args
    if value.op != "list":
        return opaque(value.sort if value.sort.parts == (item.sort,) else list_of(ANY))
    if len(value.args) > 1 and value.sort.parts[0] != item.sort:
        return None
    whole, fits = joined(value, listing(_ONE, (item,), item.sort))
    e.suppose(fits)
    return listing(whole.args[0], whole.args[1:], item.sort)


def _put(e: Evaluation, args: Terms, place: int) -> Term | None:
    value, item, key = args
    number = number_of(key)
    if value.op != "list" or number is None or value.sort.parts[0] != item.sort:
        return None
    count = value.args[0]
    e.demand(both(less_or_equal(negate(count), number), less(number, count)), "index", place)
    at = select(less(number, _ZERO), add(number, count), number)
    elements = [
        select(equal(at, integer(one)), item, old) for one, old in enumerate(value.args[1:])
    ]
    return listing(count, elements, item.sort)


def _extend(e: Evaluation, args: Terms, place: int) -> Term | None:
    return _plus(e, args, place) if args[1].op == "list" else None


# Values


def _abs(e: Evaluation, args: Terms, place: int) -> Term | None:
    number = number_of(args[0])
    if number is None:
        return opaque(FLOAT) if args[0].sort == FLOAT else None
    return select(less(number, _ZERO), negate(number), number)


def _truth(term: Term) -> Term | None:
    if term.sort == BOOL:
        return term
    if term.sort == INT:
        return negation(equal(term, _ZERO))
    if term.sort == NONE:
        return FALSE
    if term.sort == FLOAT:
        return opaque(BOOL)
    count = _length(term)
    return None if count is None else negation(equal(count, _ZERO))


def _bool(e: Evaluation, args: Terms, place: int) -> Term | None:
    return _truth(args[0])


def _int(e: Evaluation, args: Terms, place: int) -> Term | None:
    # A float may be no number or infinite.
    return number_of(args[0])


def _divmod(e: Evaluation, args: Terms, place: int) -> Term | None:
    quotient = _division(divide)(e, args, place)
    rest = _division(modulo)(e, args, place)
    return None if quotient is None or rest is None else tupling((quotient, rest))


def _with_edge(op: str) -> Rule:
    def rule(e: Evaluation, args: Terms, place: int) -> Term | None:
        if args[0].sort == args[1].sort == STR:
            return string_operation(op, *args)
        return None

    return rule


def _given(sort: Sort, *takes: Sort) -> Rule:
    """A value of a sort, of arguments of these sorts, without any exception."""

    def rule(e: Evaluation, args: Terms, place: int) -> Term | None:
        return opaque(sort) if tuple(one.sort for one in args) == takes else None

    return rule


def _text_of(e: Evaluation, args: Terms, place: int) -> Term | None:
    if args[0].sort == STR:
        return args[0]
    return None if args[0].sort == ANY else opaque(STR)


def _as_float(e: Evaluation, args: Terms, place: int) -> Term | None:
    return opaque(FLOAT) if args[0].sort in (INT, BOOL, FLOAT) else None


def _print(e: Evaluation, args: Terms, place: int) -> Term | None:
    return NOTHING if all(one.sort != ANY for one in args) else None


def _round(e: Evaluation, args: Terms, place: int) -> Term | None:
    return number_of(args[0])


def _count(e: Evaluation, args: Terms, place: int) -> Term | None:
    if args[0].sort == args[1].sort == STR:
        return opaque(INT)
    members = _present(args[0])
    if members is None:
        return None
    total = _ZERO
    for there, one in members:
        same = _equality(one, args[1])
        if same is None:
            return None
        total = add(total, select(both(there, same), _ONE, _ZERO))
    return total


_OPERATIONS: dict[str, Rule] = {
    "+": _plus,
    "-": _arithmetic(subtract, _nothing),
    "*": _times,
    "//": _division(divide),
    "%": _division(modulo),
    "/": _division(_quotient),
    "**": _power,
    "&": _boolean_bits(both),
    "|": _boolean_bits(either),
    "^": _boolean_bits(_differ),
    "unary -": _minus,
    "unary +": _plain,
    "==": _equal,
    "!=": _unequal,
    "<": _order(less, False, True),
    "<=": _order(less_or_equal, False, False),
    ">": _order(_greater, True, True),
    ">=": _order(_greater_or_equal, True, False),
    "is": _is,
    "is not": _is_not,
    "in": _in,
    "not in": _not_in,
    "[]": _index,
    "[x--]": _slice("x--"),
    "[-x-]": _slice("-x-"),
    "[xx-]": _slice("xx-"),
    "[---]": _slice("---"),
    "[--x]": _slice("--x"),
    "len": _len,
    "abs": _abs,
    "min": _extreme(less),
    "max": _extreme(_greater),
    "sum": _sum,
    "any": _quantified(at_least_one, True),
    "all": _quantified(every, False),
    "range": _range,
    "bool": _bool,
    "int": _int,
    "list": _copy,
    "tuple": lambda e, args, place: args[0] if args[0].op == "tuple" else None,
    "sorted": _sorted,
    "reversed": _reversed,
    "divmod": _divmod,
    "str": _text_of,
    "float": _as_float,
    "round": _round,
    "print": _print,
    "float literal": _given(FLOAT),
    ".startswith": _with_edge("prefix"),
    ".endswith": _with_edge("suffix"),
    **{f".{name}": _given(STR, STR) for name in ("upper", "lower", "strip", "lstrip", "rstrip")},
    **{f".{name}": _given(STR, STR) for name in ("title", "capitalize")},
    **{f".{name}": _given(BOOL, STR) for name in ("isdigit", "isalpha", "isupper", "islower")},
    ".isspace": _given(BOOL, STR),
    ".replace": _given(STR, STR, STR, STR),
    ".join": _given(STR, STR, list_of(STR)),
    ".count": _count,
    ".copy": _copy,
    "append": _append,
    "extend": _extend,
    "put": _put,
}

_PLAIN_SORTS: dict[str, Sort] = {
    "int": INT,
    "bool": BOOL,
    "str": STR,
    "float": FLOAT,
    "None": NONE,
}


def _sorts(text: str) -> tuple[Sort, ...] | None:
    """The sorts of an annotation."""
    text = text.strip().strip("\"'").strip()
    pieces = _cut(text, "|")
    if len(pieces) > 1:
        each = [_sorts(one) for one in pieces]
        return None if None in each else tuple(s for one in each if one is not None for s in one)
    if text in _PLAIN_SORTS:
        return (_PLAIN_SORTS[text],)
    head, bracket, rest = text.partition("[")
    if not bracket or not rest.endswith("]"):
        return None
    inner = [_sorts(one) for one in _cut(rest[:-1], ",")]
    known = [one for one in inner if one is not None]
    if len(known) != len(inner):
        return None
    if head == "Optional" and len(known) == 1:
        return (*known[0], NONE)
    if any(len(one) != 1 for one in known):
        return None
    members = tuple(one[0] for one in known)
    if head in ("list", "List") and len(members) == 1 and not members[0].parts:
        return (list_of(members[0]),)
    return (tuple_of(*members),) if head in ("tuple", "Tuple") else None


def _cut(text: str, separator: str) -> list[str]:
    """The pieces between separators that stand in no brackets."""
    pieces, depth = [""], 0
    for one in text:
        depth += (one in "[(") - (one in "])")
        if one == separator and not depth:
            pieces.append("")
        else:
            pieces[-1] += one
    return pieces


RULES = Rules(_OPERATIONS, _truth, _sorts)
