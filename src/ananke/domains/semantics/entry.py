"""What a function's calls are like: values of its parameters, under its preconditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from types import MappingProxyType

from ananke.analysis.formulas.evaluation import Evaluation, Rules
from ananke.analysis.formulas.sorts import ANY, BOOL, INT, NONE, STR, Sort
from ananke.analysis.formulas.statements import Function
from ananke.analysis.formulas.terms import (
    NOTHING,
    TRUE,
    Term,
    both,
    either,
    every,
    integer,
    less_or_equal,
    listing,
    negation,
    opaque,
    tupling,
    variable,
)
from ananke.domains.semantics.contracts import Condition, Contract
from ananke.domains.semantics.paths import AT_CALL, Path

__all__ = ["Entry", "enter"]

#: Elements of lists that calls are tried with: most faults show on short ones.
_LENGTH = 4
#: Combinations of sorts (`int | None`) that are followed one by one.
_MAX_COMBINATIONS = 4


class Entry:
    """Where a function's runs begin.

    Attributes:
        exact: paths that describe calls without doubt.
        cover: describes all calls.
        inputs: terms of the parameters, by name, for each exact path.
        is_whole: the exact paths describe all calls.
    """

    def __init__(
        self,
        exact: tuple[Path, ...],
        cover: Path,
        inputs: tuple[Mapping[str, Term], ...],
        is_whole: bool,
    ) -> None:
        self.exact = exact
        self.cover = cover
        self.inputs = inputs
        self.is_whole = is_whole


def enter(function: Function, contract: Contract, rules: Rules, *, is_constructor: bool) -> Entry:
    """The entry of a function."""
    types = {name: contract.types.get(name, given) for name, given in function.parameters}
    if not is_constructor and _owner(function) is not None:
        types |= contract.fields
    each = {name: rules.sorts(type_) if type_ else None for name, type_ in types.items()}
    sorts = {name: found or (ANY,) for name, found in each.items()}
    combinations = list(product(*sorts.values()))
    is_whole = None not in each.values()
    if len(combinations) > _MAX_COMBINATIONS:
        combinations = [
            tuple(one[0] if len(one) == 1 else ANY for one in sorts.values()),
        ]
        is_whole = False
    invariant = () if is_constructor else contract.invariant
    conditions = (*contract.pre, *invariant)
    exact: list[Path] = []
    inputs: list[Mapping[str, Term]] = []
    for chosen in combinations:
        terms: dict[str, Term] = {}
        bounds = TRUE
        for name, sort in zip(sorts, chosen, strict=True):
            terms[name], bound, is_all = _input(name, sort)
            bounds = both(bounds, bound)
            is_whole = is_whole and is_all
        path = _path(terms, bounds, conditions, rules, function, is_exact=True)
        if path.condition.is_opaque:
            is_whole = False
        elif not path.is_dead:
            exact.append(path)
            inputs.append(terms)
    rough = {name: _any_of(name, one[0] if len(one) == 1 else ANY) for name, one in sorts.items()}
    cover = _path(rough, TRUE, conditions, rules, function, is_exact=False)
    return Entry(tuple(exact), cover, tuple(inputs), is_whole)


def _owner(function: Function) -> str | None:
    """The parameter that holds the instance whose method the function is."""
    if "." not in function.name or not function.parameters:
        return None
    name = function.parameters[0][0]
    return name if name == "self" else None


def _path(
    terms: Mapping[str, Term],
    bounds: Term,
    conditions: Iterable[Condition],
    rules: Rules,
    function: Function,
    *,
    is_exact: bool,
) -> Path:
    e = Evaluation(rules, terms, is_exact, function.shadowed - terms.keys())
    met = [e.test(one.expression) for one in conditions]
    # A condition that can't be evaluated isn't met.
    met += [either(negation(one.guard), one.holds) for one in e.demands]
    if not is_exact:
        met = [one for one in met if not one.is_opaque]
    condition = every((bounds, *met, e.assumed))
    values = {**terms, **{f"{name}{AT_CALL}": term for name, term in terms.items()}}
    return Path(condition, MappingProxyType(values))


def _input(name: str, sort: Sort) -> tuple[Term, Term, bool]:
    """A value of the sort, what it is bounded by, and whether that is every value."""
    if sort in (INT, BOOL, STR):
        return variable(name, sort), TRUE, True
    if sort == NONE:
        return NOTHING, TRUE, True
    if sort.name == "tuple":
        members = [_input(f"{name}[{at}]", part) for at, part in enumerate(sort.parts)]
        bounds = every(bound for _, bound, _ in members)
        return tupling(one for one, _, _ in members), bounds, all(one for _, _, one in members)
    if sort.name == "list":
        length = variable(f"{name}.length", INT)
        elements = [_input(f"{name}[{at}]", sort.parts[0]) for at in range(_LENGTH)]
        bounds = both(
            both(less_or_equal(integer(0), length), less_or_equal(length, integer(_LENGTH))),
            every(bound for _, bound, _ in elements),
        )
        return listing(length, [one for one, _, _ in elements], sort.parts[0]), bounds, False
    return opaque(sort), TRUE, False


def _any_of(name: str, sort: Sort) -> Term:
    if sort in (INT, BOOL, STR):
        return variable(name, sort)
    return NOTHING if sort == NONE else opaque(sort)
