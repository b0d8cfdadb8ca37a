"""Following a function symbolically: what must hold where, on which runs.

    found = Execution(rules, task).run()
    found.checks        # places, what is claimed there, and the runs that come there
    found.lost          # the runs that no exact path describes

Loops are unrolled on exact paths and run once on the rough one, with what they assign forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ananke.analysis.formulas.evaluation import Evaluation, Rules, elements_of
from ananke.analysis.formulas.expressions import (
    Collection,
    Constant,
    Display,
    Expression,
    Name,
    Not,
    Operation,
    names_in,
)
from ananke.analysis.formulas.sorts import ANY
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
    assigned_names,
)
from ananke.analysis.formulas.terms import (
    FALSE,
    NOTHING,
    TRUE,
    Term,
    both,
    either,
    every,
    integer,
    less,
    negation,
    opaque,
)
from ananke.domains.semantics.paths import AT_CALL, NOWHERE, Path, State, fresh, join

__all__ = ["Check", "Execution", "Task"]

#: Rounds of a loop that are followed.
_ROUNDS = 5
#: Statements that one function's execution takes on exact paths, unrolled; later ones aren't
#: followed exactly. A token is to be judged in milliseconds.
_MAX_STEPS = 1_500
#: No name of a program: what a statement has just evaluated.
_VALUE = "<value>"
#: Rounds in which what a loop changes is found out, at most.
_SETTLING = 4


@dataclass(frozen=True)
class Task:
    """A function and what is asked of it.

    Attributes:
        entry: the exact paths at the start, their conditions what a call may be like.
        cover: what every call is like.
        fields: paths such as `self.balance` that are followed as variables.
        post: conditions on the result; named by their places in the spec.
        invariants: conditions on the fields, at a return.
        loops: by the loop's number, conditions before each round.
        has_contract: every call must return or raise by a statement of its own.
    """

    function: Function
    entry: tuple[Path, ...]
    cover: Path
    fields: frozenset[str] = frozenset()
    post: tuple[tuple[str, Expression], ...] = ()
    invariants: tuple[tuple[str, Expression], ...] = ()
    loops: Mapping[int, tuple[tuple[str, Expression], ...]] = field(default_factory=dict)
    has_contract: bool = False


@dataclass
class Check:
    """A claim at a place.

    Attributes:
        kind: `post`, `invariant`, `loop`, `assert`, `division`, `index`.
        name: for conditions of the spec, where they stand there.
        for_all: the claim must hold on every run that comes here; else on one at least.
        runs: (condition, claim) of the exact paths that come here.
        rough: condition and claim of what covers all runs that come here.
        undecided: a claim could not be made a term.
        waits: it stands in a loop whose body goes on, and what comes there may still break it.
    """

    kind: str
    place: int
    name: str
    for_all: bool
    runs: list[tuple[Term, Term]] = field(default_factory=list)
    rough: list[Term] = field(default_factory=list)
    undecided: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """Where runs go from a block: on, out of the loop, to its next round."""

    after: State
    breaks: State = NOWHERE
    rounds: State = NOWHERE


class Execution:
    """One function, followed once."""

    def __init__(self, rules: Rules, task: Task) -> None:
        self.rules = rules
        self.task = task
        self.checks: dict[tuple[int, str, str], Check] = {}
        self.lost: list[Term] = []
        self._steps = 0
        self._loops = 0
        self._muted = 0
        self._open_loops = 0

    def run(self) -> Execution:
        flow = self._block(self.task.function.body, State(self.task.entry, self.task.cover))
        if self.task.function.is_closed:
            self._return(flow.after, None, self.task.function.place)
        return self

    # Statements

    def _block(self, block: Block, state: State) -> Flow:
        breaks = rounds = NOWHERE
        for one in block:
            if state.is_dead:
                break
            flow = self._statement(one, state)
            state = flow.after
            breaks = join(breaks, flow.breaks, self.lost)
            rounds = join(rounds, flow.rounds, self.lost)
        return Flow(state, breaks, rounds)

    def _statement(self, one: Statement, state: State) -> Flow:
        self._steps += len(state.exact)
        if self._steps > _MAX_STEPS and state.exact:
            self.lost += (path.condition for path in state.exact)
            state = State((), state.rough)
        if isinstance(one, Assign):
            return Flow(self._each(state, lambda e, path: self._assign(e, path, one)))
        if isinstance(one, Change):
            return Flow(self._each(state, lambda e, path: self._change(e, path, one)))
        if isinstance(one, Evaluate):
            dropped = one.is_dropped and not self.task.has_contract
            return Flow(self._evaluate(state, one.value, is_checked=not dropped))
        if isinstance(one, Assert):
            return Flow(self._assert(state, one))
        if isinstance(one, Return):
            self._return(state, one.value, one.place)
            return Flow(NOWHERE)
        if isinstance(one, Stop):
            if one.value is not None:
                self._evaluate(state, one.value)
            return Flow(NOWHERE)
        if isinstance(one, Leave):
            return Flow(NOWHERE, NOWHERE, state) if one.goes_on else Flow(NOWHERE, state)
        if isinstance(one, Branch):
            return self._branch(state, one)
        if isinstance(one, While | ForEach):
            return self._loop(state, one)
        return self._forget(state, one)

    def _each(
        self,
        state: State,
        step: Callable[[Evaluation, Path], Path],
        *,
        is_checked: bool = True,
    ) -> State:
        """The state after `step` on each path. `step` evaluates what it needs."""
        exact: list[Path] = []
        for path in state.exact:
            e = self._evaluation(path, is_exact=True)
            after = self._settle(path, e, step(e, path), is_checked)
            if not after.is_dead:
                exact.append(after)
        rough = state.rough
        if rough is not None:
            e = self._evaluation(rough, is_exact=False)
            rough = self._settle(rough, e, step(e, rough), is_checked)
            if rough.is_dead:
                rough = None
        return State(tuple(exact), rough)

    def _evaluation(self, path: Path, is_exact: bool) -> Evaluation:
        shadowed = self.task.function.shadowed
        return Evaluation(self.rules, path.values, is_exact, shadowed)

    def _settle(self, before: Path, e: Evaluation, after: Path, is_checked: bool) -> Path:
        """`after`, under what the evaluation took for granted; its demands become checks."""
        here = before.condition
        if e.is_exact and e.assumed is not TRUE:
            self._lose(both(here, negation(e.assumed)))
            here = both(here, e.assumed)
            after = after.under(e.assumed)
        for demand in e.demands:
            reached = both(here, demand.guard)
            if is_checked and demand.kind != "type":
                check = self._check(demand.kind, demand.place, "", self.task.has_contract)
                self._claim(check, e.is_exact, reached, demand.holds)
            passed = either(negation(demand.guard), demand.holds)
            if not passed.is_opaque:
                after = after.under(passed)
                here = both(here, passed)
        after = _with_bound(after, e)
        if e.has_run and not e.is_exact:
            after = _run_anything(after)
        return after

    def _check(self, kind: str, place: int, name: str, for_all: bool) -> Check:
        key = (place, kind, name)
        found = self.checks.get(key)
        if found is None:
            found = self.checks[key] = Check(kind, place, name, for_all)
            found.waits = self._open_loops > 0
        return found

    def _claim(self, check: Check, is_exact: bool, reached: Term, claim: Term) -> None:
        if self._muted:
            return
        if is_exact:
            if claim.is_opaque:
                check.undecided = True
                self._lose(reached)
            elif reached is not FALSE:
                check.runs.append((reached, claim))
        else:
            check.rough.append(both(_known(reached), _known(claim)))

    def _lose(self, condition: Term) -> None:
        if not self._muted and condition is not FALSE:
            self.lost.append(condition)

    def _evaluate(self, state: State, value: Expression, *, is_checked: bool = True) -> State:
        def step(e: Evaluation, path: Path) -> Path:
            e.value(value)
            return path

        return self._each(state, step, is_checked=is_checked)

    def _assign(self, e: Evaluation, path: Path, one: Assign) -> Path:
        term = e.value(one.value)
        path = _with_bound(path, e)
        if len(one.names) == 1:
            return self._bind(e, path, one.names[0], term, one.value, one.is_in_place)
        if term.op == "tuple" and len(term.args) == len(one.names):
            values = [one.value] * len(one.names)
            if isinstance(one.value, Display):
                values = list(one.value.elements)
            for name, member, value in zip(one.names, term.args, values, strict=True):
                path = self._bind(e, path, name, member, value, False)
            return path
        e.unclear()
        return path.bind(dict.fromkeys(one.names, opaque(ANY)))

    def _bind(
        self,
        e: Evaluation,
        path: Path,
        name: str,
        term: Term,
        value: Expression,
        is_in_place: bool,
    ) -> Path:
        if "." in name and name not in self.task.fields:
            # It may be another name of a field, or run anything.
            e.unclear()
            return path
        shared = path.shared
        if is_in_place:
            if term.sort.name in ("list", "any") and name in shared:
                e.unclear()
                term = opaque(ANY)
        elif term.sort.name == "list":
            others = set() if _is_new(value) else set(names_in(value))
            shared = shared | {name} | others if others else shared - {name}
        elif _holds_lists(term):
            # Its members may be changed under other names.
            term = opaque(ANY)
        return Path(path.condition, MappingProxyType({**path.values, name: term}), shared)

    def _change(self, e: Evaluation, path: Path, one: Change) -> Path:
        held = e.value(Name(one.name))
        args = tuple(e.value(argument) for argument in one.args)
        rule = self.rules.operations.get(one.op)
        if rule is None or one.name in path.shared or held.sort.name != "list":
            e.unclear()
            return path
        found = rule(e, (held, *args), one.place)
        if found is None:
            e.unclear()
            return path
        return path.bind({one.name: found})

    def _assert(self, state: State, one: Assert) -> State:
        # A constant condition (`assert False`) says that nothing comes here.
        test_of = one.test.operand if isinstance(one.test, Not) else one.test
        is_idiom = isinstance(test_of, Constant)
        state = self._each(state, lambda e, path: path.bind({_VALUE: e.test(one.test)}))
        paths = [(path, True) for path in state.exact]
        if state.rough is not None:
            paths.append((state.rough, False))
        if not is_idiom:
            check = self._check("assert", one.place, "", False)
            for path, is_exact in paths:
                self._claim(check, is_exact, path.condition, path.values[_VALUE])
        for path in state.exact:
            if path.values[_VALUE].is_opaque:
                self._lose(path.condition)
        after = [path.under(path.values[_VALUE]) for path in state.exact]
        rough = state.rough and _alive(state.rough.under(_known(state.rough.values[_VALUE])))
        alive = tuple(path for path in after if not (path.is_dead or path.condition.is_opaque))
        return State(alive, rough)

    def _return(self, state: State, value: Expression | None, place: int) -> None:
        def step(e: Evaluation, path: Path) -> Path:
            return path.bind({_VALUE: NOTHING if value is None else e.value(value)})

        after = self._each(state, step)
        if self.task.function.is_plain:
            for path in after.exact:
                self._returned(path, path.values[_VALUE], place)

    def _returned(self, path: Path, result: Term, place: int) -> None:
        task = self.task
        entry = {
            name.removesuffix(AT_CALL): term
            for name, term in path.values.items()
            if name.endswith(AT_CALL)
        }
        fields = {name: term for name, term in path.values.items() if name in task.fields}
        for kind, conditions in (("post", task.post), ("invariant", task.invariants)):
            for name, condition in conditions:
                e = Evaluation(self.rules, {**entry, **fields, "result": result}, is_exact=True)
                claim = e.test(condition)
                # A condition that can't be evaluated doesn't hold.
                claim = both(
                    claim,
                    every(either(negation(d.guard), d.holds) for d in e.demands),
                )
                check = self._check(kind, place, name, True)
                here = path.condition
                if e.assumed is not TRUE:
                    self._lose(both(here, negation(e.assumed)))
                    here = both(here, e.assumed)
                self._claim(check, True, here, claim)

    def _branch(self, state: State, one: Branch) -> Flow:
        then, other, test = self._split(state, one.test)
        first = self._block(one.then, then)
        second = self._block(one.other, other)
        return Flow(
            join(first.after, second.after, self.lost, test),
            join(first.breaks, second.breaks, self.lost, test),
            join(first.rounds, second.rounds, self.lost, test),
        )

    def _split(self, state: State, expression: Expression) -> tuple[State, State, Term | None]:
        """The states where a test holds and where it doesn't; the test, if it is the same term on
        all paths."""
        tests: dict[int, Term] = {}

        def step(e: Evaluation, path: Path) -> Path:
            tests[len(tests)] = e.test(expression)
            return path

        after: list[tuple[Path, Term, bool]] = []
        for path in state.exact:
            tests.clear()
            moved = self._each(State((path,)), step).exact
            after += ((one, tests[0], True) for one in moved)
        if state.rough is not None:
            tests.clear()
            moved_rough = self._each(State((), state.rough), step).rough
            if moved_rough is not None:
                after.append((moved_rough, tests[0], False))
        then: list[Path] = []
        other: list[Path] = []
        then_rough = other_rough = None
        for path, test, is_exact in after:
            if not is_exact:
                then_rough = _alive(path.under(_known(test)))
                other_rough = _alive(path.under(_known(negation(test))))
            elif test.is_opaque:
                self._lose(path.condition)
            else:
                then += filter(None, [_alive(path.under(test))])
                other += filter(None, [_alive(path.under(negation(test)))])
        terms = {id(test): test for _, test, _ in after}
        common = next(iter(terms.values())) if len(terms) == 1 else None
        if common is not None and common.is_opaque:
            common = None
        return State(tuple(then), then_rough), State(tuple(other), other_rough), common

    def _forget(self, state: State, one: Forget) -> Flow:
        if one.runs:
            for path in state.exact:
                self._lose(path.condition)
            state = State((), state.rough and _run_anything(state.rough))
        values = dict.fromkeys(one.names, opaque(ANY))
        after = State(
            tuple(path.bind(values) for path in state.exact),
            state.rough and state.rough.bind(values),
        )
        return Flow(after, after, after) if one.leaves else Flow(after)

    # Loops

    def _loop(self, state: State, one: While | ForEach) -> Flow:
        self._open_loops += one.is_open
        number, self._loops = self._loops, self._loops + 1
        rules = self.task.loops.get(number, ())
        after_exact = self._unroll(State(state.exact), one, rules)
        inner = self._loops
        self._loops = number + 1
        after_rough = self._cover(state.rough, one, rules)
        self._loops = max(inner, self._loops)
        self._open_loops -= one.is_open
        return Flow(join(after_exact, after_rough, self.lost))

    def _unroll(
        self, state: State, one: While | ForEach, rules: tuple[tuple[str, Expression], ...]
    ) -> State:
        """Exact runs through a loop."""
        first_inner = self._loops
        ends, breaks = NOWHERE, NOWHERE
        results = NOWHERE
        if isinstance(one, While):
            for _ in range(1 if one.is_open else _ROUNDS):
                if state.is_dead:
                    break
                self._keep(state, rules, one.place)
                state, out, _ = self._split(state, one.test)
                ends = join(ends, out, self.lost)
                self._loops = first_inner
                flow = self._block(one.body, state)
                breaks = join(breaks, flow.breaks, self.lost)
                state = join(flow.after, flow.rounds, self.lost)
            if not state.is_dead and not one.is_open:
                self._keep(state, rules, one.place)
                state, out, _ = self._split(state, one.test)
                ends = join(ends, out, self.lost)
            for path in state.exact:
                self._lose(path.condition)
        else:
            for path in state.exact:
                out, left = self._for_each(path, one, rules, first_inner)
                ends, breaks = join(ends, out, self.lost), join(breaks, left, self.lost)
        otherwise = self._block(one.otherwise, ends)
        results = join(otherwise.after, breaks, self.lost)
        return State(results.exact)

    def _for_each(
        self,
        path: Path,
        one: ForEach,
        rules: tuple[tuple[str, Expression], ...],
        first_inner: int,
    ) -> tuple[State, State]:
        sources: list[Term] = []

        def step(e: Evaluation, path: Path) -> Path:
            sources.append(e.value(one.source))
            return path

        state = self._each(State((path,)), step)
        if state.is_dead:
            return NOWHERE, NOWHERE
        each = elements_of(sources[0])
        changed = isinstance(one.source, Name) and one.source.name in assigned_names(one.body)
        if each is None or changed or not one.targets:
            for lost in state.exact:
                self._lose(lost.condition)
            return NOWHERE, NOWHERE
        count, elements = each
        ends = breaks = NOWHERE
        for at, element in enumerate(elements):
            if state.is_dead or (one.is_open and at):
                break
            self._keep(state, rules, one.place)
            present = less(integer(at), count)
            ends = join(ends, _restrict(state, negation(present)), self.lost)
            state = self._bind_round(_restrict(state, present), one, at, element)
            self._loops = first_inner
            flow = self._block(one.body, state)
            breaks = join(breaks, flow.breaks, self.lost)
            state = join(flow.after, flow.rounds, self.lost)
        else:
            done = less(integer(len(elements)), count)
            self._keep(state, rules, one.place)
            ends = join(ends, _restrict(state, negation(done)), self.lost)
            state = _restrict(state, done)
        for lost in state.exact:
            self._lose(lost.condition)
        return ends, breaks

    def _bind_round(self, state: State, one: ForEach, at: int, element: Term) -> State:
        values: dict[str, Term] = {}
        if one.counter is not None:
            values[one.counter] = integer(at)
        if len(one.targets) == 1:
            values[one.targets[0]] = element
        elif element.op == "tuple" and len(element.args) == len(one.targets):
            values |= dict(zip(one.targets, element.args, strict=True))
        if not values.keys() >= set(one.targets) or any(
            term.sort.name == "list" or _holds_lists(term) for term in values.values()
        ):
            for path in state.exact:
                self._lose(path.condition)
            return NOWHERE
        return State(tuple(path.bind(values) for path in state.exact))

    def _keep(self, state: State, rules: tuple[tuple[str, Expression], ...], place: int) -> None:
        """Claims the loop's invariants."""
        for name, condition in rules:
            for path in state.exact:
                e = self._evaluation(path, is_exact=True)
                claim = e.test(condition)
                check = self._check("loop", place, name, True)
                self._claim(check, True, both(path.condition, e.assumed), claim)

    def _cover(
        self,
        rough: Path | None,
        one: While | ForEach,
        rules: tuple[tuple[str, Expression], ...],
    ) -> State:
        """All runs through a loop."""
        if rough is None:
            return NOWHERE
        first_inner = self._loops
        known = set(assigned_names(one.body))
        if isinstance(one, ForEach):
            known |= {*one.targets, *([one.counter] if one.counter else [])}
        if one.is_open:
            known |= rough.values.keys()
        anything: set[str] = set(known) if one.is_open else set()
        self._muted += 1
        for _ in range(_SETTLING):
            head = self._head(rough, known, anything, rules)
            self._loops = first_inner
            end = self._round(head, one).after
            more = {
                name
                for name, term in (end.rough.values.items() if end.rough else ())
                if name in head.values
                and name not in anything
                and _differs(name, head, term, known)
            }
            if not more:
                break
            for name in more:
                sort = end.rough.values[name].sort if end.rough else ANY
                if name in known or sort != head.values[name].sort:
                    anything.add(name)
                known.add(name)
        else:
            known |= rough.values.keys()
            anything |= known
        self._muted -= 1
        head = self._head(rough, known, anything, rules)
        self._loops = first_inner
        flow = self._round(head, one)
        out: State
        if isinstance(one, While):
            self._muted += 1
            _, out, _ = self._split(State((), head), one.test)
            self._muted -= 1
        else:
            out = State((), head)
        otherwise = self._block(one.otherwise, out)
        return State((), join(otherwise.after, flow.breaks, self.lost).rough)

    def _head(
        self,
        rough: Path,
        known: set[str],
        anything: set[str],
        rules: tuple[tuple[str, Expression], ...],
    ) -> Path:
        values = {
            name: opaque(ANY) if name in anything else fresh(rough.values[name].sort)
            for name in known
            if name in rough.values
        }
        head = rough.bind(values)
        for _, condition in rules:
            e = self._evaluation(head, is_exact=False)
            head = head.under(_known(e.test(condition)))
        return head

    def _round(self, head: Path, one: While | ForEach) -> Flow:
        state = State((), head)
        if isinstance(one, While):
            state, _, _ = self._split(state, one.test)
        else:
            state = self._evaluate(state, one.source)
            if state.rough is not None:
                names = {*one.targets, *([one.counter] if one.counter else [])}
                state = State((), state.rough.bind(dict.fromkeys(names, opaque(ANY))))
        flow = self._block(one.body, state)
        lost: list[Term] = []
        return Flow(join(flow.after, flow.rounds, lost), flow.breaks)


def _with_bound(path: Path, e: Evaluation) -> Path:
    """The path with the names that an evaluation bound."""
    if not e.bound:
        return path
    # A list that has a second name isn't followed.
    bound = {
        name: opaque(ANY) if term.sort.name in ("list", "tuple") else term
        for name, term in e.bound.items()
    }
    e.bound.clear()
    return path.bind(bound)


def _is_new(value: Expression) -> bool:
    """Whether a list that an expression gives is held by nothing else."""
    return isinstance(value, Display | Collection) or (
        isinstance(value, Operation) and value.op != "[]"
    )


def _holds_lists(term: Term) -> bool:
    return term.sort.name in ("tuple", "list") and any(
        one.name in ("list", "tuple", "any") for one in term.sort.parts
    )


def _differs(name: str, head: Path, term: Term, known: set[str]) -> bool:
    before = head.values[name]
    return term.sort != before.sort if name in known else term is not before


def _known(condition: Term) -> Term:
    """A condition, or true where nothing is known of it."""
    return TRUE if condition.is_opaque else condition


def _alive(path: Path) -> Path | None:
    return None if path.is_dead else path


def _restrict(state: State, condition: Term) -> State:
    paths = [path.under(condition) for path in state.exact]
    return State(tuple(path for path in paths if not path.is_dead))


def _run_anything(path: Path) -> Path:
    """After something ran that may have changed lists and fields."""
    values = {
        name: opaque(ANY)
        for name, term in path.values.items()
        if not name.endswith(AT_CALL)
        and ("." in name or term.sort.name in ("list", "any", "tuple"))
    }
    return path.bind(values) if values else path
