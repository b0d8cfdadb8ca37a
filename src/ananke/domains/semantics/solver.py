"""Asking Z3: is there a run? Bounded, remembered, counted.

Every answer is remembered by the question, also that there was none: a mask and the token accepted
after it see the same answers. Effort is measured in Z3's own resource units, so that a question
has the same answer on any machine; a wall-clock bound catches what the units don't see.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ananke.analysis.formulas.sorts import BOOL, INT, STR
from ananke.analysis.formulas.terms import FALSE, TRUE, Term, variables_of
from ananke.analysis.formulas.values import Value, value_of

__all__ = ["Answer", "Model", "Solver", "SolverStatistics"]

#: Z3's resource units for one question: some 50 ms where the arithmetic is linear.
_QUERY_UNITS = 400_000
#: The bound that units don't give: preprocessing.
_QUERY_MILLISECONDS = 500
#: Questions that may be put for one function.
_FUNCTION_QUERIES = 64
#: Parts of a formula that is put to Z3 at all.
_MAX_PARTS = 20_000
#: Answers remembered.
_REMEMBERED = 50_000
#: Z3's contexts that are kept, of the solvers that asked last. Each holds 16 MB and takes 11 ms to
#: make: as many as a batch may have rows.
_CONTEXTS_KEPT = 32

Model = dict[str, Value]

_ESCAPE = re.compile(r"\\u\{([0-9a-fA-F]+)\}")


class Answer(Enum):
    """Whether some values make a formula true."""

    SOME = "some"
    NONE = "none"
    UNDECIDED = "undecided"


@dataclass
class SolverStatistics:
    """What was asked. `remembered` of the `asked` were answered before; `undecided` had no answer
    within their bounds; `skipped` were not put, because the function had used up its questions."""

    asked: int = 0
    remembered: int = 0
    undecided: int = 0
    skipped: int = 0


#: By the solver's key, the one that asked last at the end.
_contexts: OrderedDict[object, Any] = OrderedDict()
_contexts_lock = threading.Lock()


class Solver:
    """The questions of one session and its forks."""

    def __init__(self) -> None:
        import z3

        self._z3: Any = z3
        self._key = object()
        #: Z3's, while a question is put.
        self._context: Any = None
        self._lock = threading.Lock()
        self._answers: OrderedDict[Term, tuple[Answer, Model]] = OrderedDict()
        self._left = _FUNCTION_QUERIES
        self.statistics = SolverStatistics()

    def begin_function(self) -> None:
        """A function is judged: its questions are counted from here."""
        self._left = _FUNCTION_QUERIES

    def find(self, formula: Term) -> tuple[Answer, Model]:
        """Whether `formula` can be true, and values of its variables that make it so."""
        if formula is FALSE:
            return Answer.NONE, {}
        if formula is TRUE:
            return Answer.SOME, {}
        if formula.is_opaque:
            return Answer.UNDECIDED, {}
        with self._lock:
            self.statistics.asked += 1
            # What is remembered counts too, so that an answer doesn't depend on the past.
            self._left -= 1
            if self._left < 0:
                self.statistics.skipped += 1
                return Answer.UNDECIDED, {}
            known = self._answers.get(formula)
            if known is not None:
                self.statistics.remembered += 1
                self._answers.move_to_end(formula)
                return known
            found = self._ask(formula)
            self.statistics.undecided += found[0] is Answer.UNDECIDED
            self._answers[formula] = found
            if len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)
            return found

    def _ask(self, formula: Term) -> tuple[Answer, Model]:
        guess = _guess(formula)
        if guess is not None:
            return Answer.SOME, guess
        self._context = self._take_context()
        try:
            return self._put(formula)
        finally:
            self._keep_context()

    def _take_context(self) -> Any:
        """The context of the last question, or a new one; no other thread has it."""
        with _contexts_lock:
            kept = _contexts.pop(self._key, None)
        return self._z3.Context() if kept is None else kept

    def _keep_context(self) -> None:
        with _contexts_lock:
            _contexts[self._key], self._context = self._context, None
            oldest = [_contexts.popitem(last=False) for _ in range(len(_contexts) - _CONTEXTS_KEPT)]
        # Freed here, where the lock isn't held.
        del oldest

    def _put(self, formula: Term) -> tuple[Answer, Model]:
        z3 = self._z3
        expression = self._translate(formula)
        if expression is None:
            return Answer.UNDECIDED, {}
        solver = z3.Solver(ctx=self._context)
        solver.set("rlimit", _QUERY_UNITS)
        solver.set("timeout", _QUERY_MILLISECONDS)
        solver.add(expression)
        try:
            answer = solver.check()
        except z3.Z3Exception:
            return Answer.UNDECIDED, {}
        if answer == z3.unsat:
            return Answer.NONE, {}
        if answer != z3.sat:
            return Answer.UNDECIDED, {}
        model = self._read(solver.model(), formula)
        # A model that doesn't satisfy the formula proves nothing.
        if value_of(formula, model) is not True:
            return Answer.UNDECIDED, {}
        return Answer.SOME, model

    def _read(self, model: Any, formula: Term) -> Model:
        values: Model = {}
        for one in variables_of(formula):
            value = model.eval(self._variable(one), model_completion=True)
            name = str(one.value)
            if one.sort == INT:
                values[name] = value.as_long()
            elif one.sort == BOOL:
                values[name] = self._z3.is_true(value)
            else:
                values[name] = _characters(value)
        return values

    def _variable(self, term: Term) -> Any:
        z3 = self._z3
        make = {INT: z3.Int, BOOL: z3.Bool, STR: z3.String}[term.sort]
        return make(str(term.value), ctx=self._context)

    def _translate(self, formula: Term) -> Any | None:
        known: dict[int, Any] = {}
        pending = [formula]
        while pending:
            one = pending[-1]
            if id(one) in known:
                pending.pop()
                continue
            missing = [arg for arg in one.args if id(arg) not in known]
            if missing:
                pending += missing
                continue
            pending.pop()
            if len(known) > _MAX_PARTS or one.op in ("list", "tuple", "opaque"):
                return None
            known[id(one)] = self._make(one, [known[id(arg)] for arg in one.args])
        return known[id(formula)]

    def _make(self, term: Term, args: list[Any]) -> Any:
        z3, context, op = self._z3, self._context, term.op
        if op == "constant":
            if term.sort == INT:
                return z3.IntVal(term.value, ctx=context)
            if term.sort == BOOL:
                return z3.BoolVal(term.value, ctx=context)
            if term.sort == STR:
                return z3.StringVal(_escaped(str(term.value)), ctx=context)
            # The value that stands for no value is equal to itself only, and that is folded.
            return z3.BoolVal(False, ctx=context)
        if op == "variable":
            return self._variable(term)
        if op in ("divide", "modulo"):
            return self._quotient(term, *args)
        rows = {
            "not": z3.Not,
            "and": z3.And,
            "or": z3.Or,
            "select": z3.If,
            "length": z3.Length,
            "concatenation": z3.Concat,
            "contains": z3.Contains,
            "part": z3.SubString,
        }
        if op in rows:
            return rows[op](*args)
        if op == "equal":
            return args[0] == args[1]
        if op == "add":
            return args[0] + args[1]
        if op == "multiply":
            return args[0] * args[1]
        if op == "negate":
            return -args[0]
        if op == "less":
            return args[0] < args[1]
        if op == "prefix":
            return z3.PrefixOf(args[1], args[0])
        if op == "suffix":
            return z3.SuffixOf(args[1], args[0])
        assert op == "string_less", op
        return args[0] < args[1]

    def _quotient(self, term: Term, left: Any, right: Any) -> Any:
        """Z3 rounds so that the rest isn't negative; here it has the divisor's sign."""
        z3 = self._z3
        divisor = term.args[1]
        if divisor.is_constant and isinstance(divisor.value, int) and divisor.value > 0:
            quotient = left / right
        else:
            quotient = z3.If(right > 0, left / right, (-left) / (-right))
        return quotient if term.op == "divide" else left - right * quotient


#: Values tried for all variables of a sort before Z3 is asked.
_GUESSES: tuple[tuple[int, bool, str], ...] = (
    (0, False, ""),
    (1, True, "a"),
    (2, True, "ab"),
    (-1, False, "a"),
    (3, True, "b"),
)


def _guess(formula: Term) -> Model | None:
    """Values that make the formula true, if the simplest do."""
    names = sorted(variables_of(formula), key=lambda one: str(one.value))
    if not names:
        return {} if value_of(formula, {}) is True else None
    for shift in (0, 1):
        for number, truth, text in _GUESSES:
            values: Model = {}
            for at, one in enumerate(names):
                value: Value = text
                if one.sort == INT:
                    value = number + shift * at
                elif one.sort == BOOL:
                    value = truth
                values[str(one.value)] = value
            if value_of(formula, values) is True:
                return values
    return None


def _escaped(text: str) -> str:
    """A string as Z3 reads it: what isn't plain is written by its number."""
    return "".join(
        one if " " <= one <= "~" and one != "\\" else f"\\u{{{ord(one):x}}}" for one in text
    )


def _characters(value: Any) -> str:
    """The text of a Z3 string, whose escapes are those of `_escaped`."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), value.as_string())
