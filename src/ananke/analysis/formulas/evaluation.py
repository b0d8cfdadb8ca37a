"""Evaluating an expression at a place: its term, what it takes for granted, what it must not do.

    found = Evaluation(rules, environment, is_exact=True)
    term = found.value(expression)
    found.demands       # what must hold, or an exception is raised there
    found.assumed       # what the term is only true for

An *exact* evaluation describes some runs without doubt: where it can't follow an expression it
assumes that the run doesn't come there. One that isn't exact describes all runs: what it can't
follow is opaque.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ananke.analysis.formulas.expressions import (
    And,
    Binding,
    Choice,
    Collection,
    Constant,
    Display,
    Expression,
    Name,
    Not,
    Operation,
    Or,
)
from ananke.analysis.formulas.sorts import ANY, BOOL, INT, STR, Sort
from ananke.analysis.formulas.terms import (
    CAPACITY,
    FALSE,
    NOTHING,
    TRUE,
    Term,
    append,
    boolean,
    both,
    either,
    integer,
    length_of_string,
    less,
    less_or_equal,
    listing,
    negation,
    opaque,
    select,
    string,
    string_operation,
    tupling,
)

__all__ = ["Demand", "Evaluation", "Rule", "Rules", "elements_of", "number_of"]


@dataclass(frozen=True, slots=True)
class Demand:
    """What must hold, or an exception is raised.

    Attributes:
        guard: when it is asked for.
        holds: the condition.
        kind: `division`, `index` or `type`.
    """

    guard: Term
    holds: Term
    kind: str
    place: int


#: What an operation means: the term, or None where nothing is known of it and it may do anything.
Rule = Callable[["Evaluation", tuple[Term, ...], int], Term | None]


@dataclass(frozen=True)
class Rules:
    """A language's table: what its operations mean.

    Attributes:
        operations: by the operation's name.
        truth: the condition that a value counts as true; None: not known.
        sorts: the sorts that a type, as the language writes it, may have; None: not known.
    """

    operations: Mapping[str, Rule]
    truth: Callable[[Term], Term | None]
    sorts: Callable[[str], tuple[Sort, ...] | None]


@dataclass
class Evaluation:
    """One evaluation, or several one after the other at the same place."""

    rules: Rules
    environment: Mapping[str, Term]
    is_exact: bool
    shadowed: frozenset[str] = frozenset()
    guard: Term = TRUE
    demands: list[Demand] = field(default_factory=list)
    assumed: Term = TRUE
    #: Names that expressions bound.
    bound: dict[str, Term] = field(default_factory=dict)
    #: Something ran that may have changed lists.
    has_run: bool = False

    def value(self, expression: Expression) -> Term:
        """The term of an expression."""
        if isinstance(expression, Constant):
            return _constant(expression.value)
        if isinstance(expression, Name):
            return self._name(expression.name)
        if isinstance(expression, Operation):
            return self._operation(expression)
        if isinstance(expression, And | Or):
            return self._either_value(expression)
        if isinstance(expression, Not):
            return negation(self.truth(self.value(expression.operand)))
        if isinstance(expression, Choice):
            test = self.truth(self.value(expression.test))
            then = self._under(test, expression.then)
            other = self._under(negation(test), expression.other)
            return self._select(test, then, other)
        if isinstance(expression, Display):
            return self._display(expression)
        if isinstance(expression, Collection):
            return self._collection(expression)
        if isinstance(expression, Binding):
            term = self.value(expression.value)
            # Where the guard fails the name keeps what it was.
            self.bound[expression.name] = term if self.guard is TRUE else opaque(ANY)
            return term
        for part in expression.parts:
            self.value(part)
        return self.unclear() if expression.runs else opaque(ANY)

    def truth(self, term: Term) -> Term:
        """The condition that a value counts as true."""
        found = self.rules.truth(term)
        return self.unclear(BOOL) if found is None else found

    def test(self, expression: Expression) -> Term:
        """The condition that an expression is true."""
        return self.truth(self.value(expression))

    def unclear(self, sort: Sort = ANY) -> Term:
        """The value of what may do anything: an exact run doesn't come here."""
        self.assume(negation(self.guard))
        self.has_run = True
        return opaque(sort)

    def demand(self, holds: Term, kind: str, place: int) -> None:
        """Says what must hold here, or an exception is raised."""
        if holds is TRUE:
            return
        if holds.is_opaque or self.guard.is_opaque:
            self.assume(negation(self.guard))
            return
        self.demands.append(Demand(self.guard, holds, kind, place))

    def assume(self, condition: Term) -> None:
        """Looks at runs only for which this holds; ignored if all runs are looked at."""
        if self.is_exact:
            self.assumed = FALSE if condition.is_opaque else both(self.assumed, condition)

    def suppose(self, condition: Term) -> None:
        """Like `assume`, where evaluation comes here."""
        self.assume(either(negation(self.guard), condition))

    # The kinds of expressions

    def _name(self, name: str) -> Term:
        if name in self.bound:
            return self.bound[name]
        found = self.environment.get(name)
        # A name may be unbound, or another scope's.
        return self.unclear() if found is None else found

    def _operation(self, expression: Operation) -> Term:
        args = tuple(self.value(one) for one in expression.args)
        rule = None if expression.op in self.shadowed else self.rules.operations.get(expression.op)
        found = None if rule is None else rule(self, args, expression.place)
        return self.unclear() if found is None else found

    def _either_value(self, expression: And | Or) -> Term:
        left = self.value(expression.left)
        test = self.truth(left)
        goes_on = test if isinstance(expression, And) else negation(test)
        right = self._under(goes_on, expression.right)
        if left.sort == right.sort == BOOL:
            return (both if isinstance(expression, And) else either)(left, right)
        return self._select(goes_on, right, left)

    def _under(self, guard: Term, expression: Expression) -> Term:
        held, self.guard = self.guard, both(self.guard, guard)
        if self.guard.is_opaque and self.is_exact:
            # Whether this runs is not known: the rest of the run is followed only if it can't
            # matter, which nothing tells here.
            self.assume(negation(held))
            self.guard = held
            return opaque(ANY)
        term = self.value(expression)
        self.guard = held
        return term

    def _select(self, test: Term, then: Term, other: Term) -> Term:
        return select(test, then, other) if then.sort == other.sort else _one(test, then, other)

    def _display(self, expression: Display) -> Term:
        elements = [self.value(one) for one in expression.elements]
        if expression.kind == "tuple":
            return tupling(elements)
        sorts = {one.sort for one in elements}
        nests = any(one.name in ("list", "tuple") for one in sorts)
        if len(elements) > CAPACITY or len(sorts) > 1 or nests:
            return opaque(ANY)
        return listing(integer(len(elements)), elements, sorts.pop() if sorts else ANY)

    def _collection(self, expression: Collection) -> Term:
        source = self.value(expression.each.source)
        each = elements_of(source)
        if each is None or len(expression.each.targets) != 1:
            return self.unclear()
        count, elements = each
        target = expression.each.targets[0]
        held, guard = dict(self.bound), self.guard
        found: list[tuple[Term, Term]] = []
        going = TRUE
        for at, element in enumerate(elements):
            self.bound[target] = element
            present = both(going, less(integer(at), count))
            self.guard = both(guard, present)
            for one in expression.each.tests:
                test = self.test(one)
                present = both(present, test)
                self.guard = both(self.guard, test)
            value = opaque(ANY) if self.guard.is_opaque else self.value(expression.value)
            if self.guard.is_opaque or (found and value.sort != found[0][1].sort):
                self.guard, self.bound = guard, held
                return self.unclear()
            found.append((present, value))
            if expression.stops_at is not None:
                hit = self.truth(value)
                hit = hit if expression.stops_at else negation(hit)
                going = both(going, negation(both(present, hit)))
        self.guard, self.bound = guard, held
        if source.sort == STR:
            self.suppose(less_or_equal(count, integer(CAPACITY)))
        return self._collected(expression, count, found)

    def _collected(
        self, expression: Collection, count: Term, found: list[tuple[Term, Term]]
    ) -> Term:
        """The list of the values, each there under a condition."""
        sort = found[0][1].sort if found else ANY
        if not expression.each.tests:
            # Those after a stop are asked for by nobody.
            return listing(count, [value for _, value in found], sort)
        if expression.stops_at is not None:
            # One that isn't there counts as one that doesn't stop.
            tests = [(present, self.truth(value)) for present, value in found]
            if expression.stops_at:
                return listing(count, [both(present, test) for present, test in tests], BOOL)
            return listing(
                count, [either(negation(present), test) for present, test in tests], BOOL
            )
        values: list[Term] = []
        length = integer(0)
        for present, value in found:
            values, length, fits = append(values, length, value, present)
            self.suppose(fits)
        return listing(length, values, sort)


def elements_of(source: Term) -> tuple[Term, list[Term]] | None:
    """How many elements a value has, and its first ones; None: not known.

    Of a string only the first `CAPACITY` characters are given, however many there are.
    """
    if source.op == "list":
        return source.args[0], list(source.args[1:])
    if source.sort == STR and not source.is_opaque:
        places = range(CAPACITY)
        if source.is_constant:
            places = range(min(CAPACITY, len(str(source.value))))
        one = integer(1)
        return length_of_string(source), [
            string_operation("part", source, integer(at), one) for at in places
        ]
    if source.op == "tuple" and len({one.sort for one in source.args}) <= 1:
        return integer(len(source.args)), list(source.args)
    return None


def _one(test: Term, then: Term, other: Term) -> Term:
    """One of two values of different sorts."""
    if test is TRUE:
        return then
    return other if negation(test) is TRUE else opaque(ANY)


def _constant(value: int | bool | str | None) -> Term:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return boolean(value)
    return integer(value) if isinstance(value, int) else string(value)


def number_of(term: Term) -> Term | None:
    """A value as an integer, where it is one or counts as one."""
    if term.sort == INT:
        return term
    if term.sort == BOOL:
        return select(term, integer(1), integer(0))
    return None
