"""Where a run of a program may stand: the values of its variables, under a condition.

A path is *exact* if each run that satisfies its condition stands there with these values, or not
(then runs are among those that it describes, and values may be opaque). States hold both: exact
paths, of which there may be none, and one that covers all runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from types import MappingProxyType

from ananke.analysis.formulas.sorts import ANY, BOOL, INT, STR, Sort
from ananke.analysis.formulas.terms import FALSE, Term, both, either, opaque, select, variable

__all__ = ["AT_CALL", "NOWHERE", "Path", "State", "fresh", "join", "join_all", "merge"]

#: Exact paths that differ in the sorts of their values, at most; others are not followed.
_MAX_PATHS = 6

#: A parameter's value at the call is a variable of its own: its name with this behind it.
AT_CALL = "@"

_numbers = count()


def fresh(sort: Sort) -> Term:
    """Some value of a sort: a variable of its own where terms have such variables."""
    return variable(f"?{next(_numbers)}", sort) if sort in (INT, BOOL, STR) else opaque(sort)


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """Runs, and the values of the variables in them.

    Attributes:
        condition: over the function's inputs.
        values: of the names that are bound.
        shared: names of lists that other names may hold as well.
    """

    condition: Term
    values: Mapping[str, Term]
    shared: frozenset[str] = frozenset()

    def under(self, condition: Term) -> Path:
        return replace(self, condition=both(self.condition, condition))

    def bind(self, values: Mapping[str, Term]) -> Path:
        return replace(self, values=MappingProxyType({**self.values, **values}))

    @property
    def is_dead(self) -> bool:
        return self.condition is FALSE


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """All runs at a place: `rough` covers them (None: none comes here), `exact` describes some."""

    exact: tuple[Path, ...] = ()
    rough: Path | None = None

    @property
    def is_dead(self) -> bool:
        return self.rough is None and not self.exact


NOWHERE = State()


def merge(selector: Term, one: Path, other: Path, is_exact: bool) -> Path | None:
    """One path for two. `selector` holds on `one` and not on `other`; None: not without loss."""
    values: dict[str, Term] = {}
    for name in one.values.keys() & other.values.keys():
        a, b = one.values[name], other.values[name]
        if a is b:
            values[name] = a
        elif a.sort != b.sort:
            if is_exact:
                return None
            values[name] = opaque(ANY)
        else:
            chosen = select(selector, a, b)
            values[name] = fresh(a.sort) if chosen.is_opaque and not is_exact else chosen
    condition = either(one.condition, other.condition)
    return Path(condition, MappingProxyType(values), one.shared | other.shared)


def join(one: State, other: State, lost: list[Term], selector: Term | None = None) -> State:
    """The state where the runs of two meet.

    Args:
        lost: gets the conditions of the exact paths that are not followed any more.
        selector: holds on the runs of `one` and not on those of `other`, if that is known.
    """
    if one.is_dead or other.is_dead:
        return other if one.is_dead else one
    exact: list[Path] = list(one.exact)
    for path in other.exact:
        for at, known in enumerate(exact):
            chosen = selector if selector is not None and at < len(one.exact) else None
            merged = merge(chosen or known.condition, known, path, is_exact=True)
            if merged is not None:
                exact[at] = merged
                break
        else:
            exact.append(path)
    lost += (path.condition for path in exact[_MAX_PATHS:])
    if one.rough is None or other.rough is None:
        rough = one.rough or other.rough
    else:
        rough = merge(selector or opaque(BOOL), one.rough, other.rough, is_exact=False)
    return State(tuple(exact[:_MAX_PATHS]), rough)


def join_all(states: Iterable[State], lost: list[Term]) -> State:
    """The state where the runs of all meet."""
    result = NOWHERE
    for state in states:
        result = join(result, state, lost)
    return result
