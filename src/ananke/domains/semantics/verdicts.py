"""What is proven of a function: where it breaks its contract, an assertion, or can't go on.

A claim that must hold on every run is broken if one exact path breaks it. Any other (an assertion;
a division or an index in a function without a contract) is broken if runs come there and it holds
on none of them: not on the path that covers all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from ananke.analysis.formulas.semantics import Semantics
from ananke.analysis.formulas.statements import Function
from ananke.analysis.formulas.terms import Term, both, negation
from ananke.analysis.formulas.values import Value, value_of
from ananke.domains.semantics.contracts import Condition, Contract
from ananke.domains.semantics.entry import Entry, enter
from ananke.domains.semantics.execution import Check, Execution, Task
from ananke.domains.semantics.solver import Answer, Model, Solver

__all__ = ["Breach", "Judge", "Verdict"]

#: Verdicts remembered.
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Breach:
    """A claim that is broken: where in the text, of what kind, and why, in a sentence.

    `witness`: arguments of a call that breaks it, by parameter; None where they aren't all known.
    """

    place: int
    kind: str
    name: str
    message: str
    witness: tuple[tuple[str, object], ...] | None = field(default=None, hash=False)

    @property
    def key(self) -> tuple[int, str, str]:
        return self.place, self.kind, self.name


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one function.

    Attributes:
        is_decided: every call was followed to its end and every claim decided.
        waiting: places of claims in loops whose bodies go on: what comes there may break them.
    """

    breaches: tuple[Breach, ...]
    is_decided: bool
    waiting: tuple[int, ...] = ()


class Judge:
    """Judges functions; remembers."""

    def __init__(self, semantics: Semantics) -> None:
        self._semantics = semantics
        self.solver = Solver()
        self._known: OrderedDict[tuple[Function, Contract], Verdict] = OrderedDict()

    def verdict(self, function: Function, contract: Contract) -> Verdict:
        """What is proven of the function, so far as it is written."""
        if not function.body and not function.is_closed:
            return Verdict((), False)
        key = (function, contract)
        found = self._known.get(key)
        if found is not None:
            return found
        self.solver.begin_function()
        found = self._known[key] = self._judge(function, contract)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return found

    def _judge(self, function: Function, contract: Contract) -> Verdict:
        semantics = self._semantics
        is_constructor = function.name.rpartition(".")[2] in semantics.constructors
        entry = enter(function, contract, semantics.rules, is_constructor=is_constructor)
        named = {
            one.place: one
            for one in (*contract.post, *contract.invariant, *sum(contract.loops.values(), ()))
        }
        task = Task(
            function,
            entry.exact,
            entry.cover,
            frozenset(contract.fields),
            tuple((one.place, one.expression) for one in contract.post),
            tuple((one.place, one.expression) for one in contract.invariant),
            {
                at: tuple((one.place, one.expression) for one in conditions)
                for at, conditions in contract.loops.items()
            },
            contract.is_stated,
        )
        run = Execution(semantics.rules, task).run()
        breaches: list[Breach] = []
        is_decided = entry.is_whole and function.is_closed
        for check in run.checks.values():
            found, is_sure = self._check(check, entry, named, function)
            is_decided = is_decided and is_sure
            if found is not None:
                breaches.append(found)
        if is_decided:
            is_decided = all(self.solver.find(one)[0] is Answer.NONE for one in run.lost)
        waiting = tuple(check.place for check in run.checks.values() if check.waits)
        return Verdict(tuple(breaches), is_decided, waiting)

    def _check(
        self, check: Check, entry: Entry, named: Mapping[str, Condition], function: Function
    ) -> tuple[Breach | None, bool]:
        """The claim's breach, if it is broken, and whether that was decided."""
        if not check.for_all and not self._never_holds(check):
            return None, True
        is_sure = not check.undecided
        for condition, claim in check.runs:
            answer, model = self.solver.find(both(condition, negation(claim)))
            if answer is Answer.SOME:
                known = _arguments(entry, model)
                message = self._message(check, named.get(check.name), known)
                is_all = len(known) == len(function.parameters) and len(entry.inputs) == 1
                witness = tuple(known.items()) if is_all else None
                return Breach(check.place, check.kind, check.name, message, witness), True
            is_sure = is_sure and answer is Answer.NONE
        return None, is_sure

    def _never_holds(self, check: Check) -> bool:
        return bool(check.rough) and all(
            self.solver.find(one)[0] is Answer.NONE for one in check.rough
        )

    def _message(
        self, check: Check, condition: Condition | None, arguments: Mapping[str, object]
    ) -> str:
        show = self._semantics.show
        given = ", ".join(f"{name} = {show(value)}" for name, value in arguments.items())
        call = f", with {given}" if given else ""
        if check.kind == "division":
            return f"divides by zero{call}" if check.for_all else "always divides by zero"
        if check.kind == "index":
            return f"is out of range{call}" if check.for_all else "is always out of range"
        if check.kind == "assert":
            return "the assertion holds on no path"
        assert condition is not None
        held = {"post": "what is returned", "invariant": "a return", "loop": "the loop"}[check.kind]
        return f"{held} breaks `{condition.text}` ({condition.place}){call}"


def _arguments(entry: Entry, model: Model) -> dict[str, object]:
    """The arguments of the call that a model describes, as far as they are known."""
    if len(entry.inputs) != 1:
        return {}
    found = {name: _shown(term, model) for name, term in entry.inputs[0].items()}
    return {name: one[0] for name, one in found.items() if one is not None}


def _shown(term: Term, model: Model) -> tuple[object] | None:
    """The value of an input; None if it isn't known."""
    if term.is_opaque:
        return None
    if term.op not in ("list", "tuple"):
        value: Value = value_of(term, model)
        return (value,)
    members = term.args
    if term.op == "list":
        size = value_of(members[0], model)
        assert isinstance(size, int)
        members = members[1 : 1 + size]
    found = [_shown(one, model) for one in members]
    values = [one[0] for one in found if one is not None]
    if len(values) < len(found):
        return None
    return (values if term.op == "list" else tuple(values),)
