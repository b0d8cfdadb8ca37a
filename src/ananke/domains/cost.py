"""What the domains cost, and in which order their judges use a token's time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

from ananke.domains.state import JudgeState
from ananke.spec import DOMAIN_NAMES, DomainName

__all__ = ["COSTS", "Cost", "domains_of", "in_order"]


class Cost(IntEnum):
    """Classes of cost, the cheapest first."""

    NATIVE = 0
    SET = 1
    RULES = 2
    SOLVER = 3


COSTS: dict[DomainName, Cost] = {
    "syntax": Cost.NATIVE,
    "imports": Cost.SET,
    "types": Cost.RULES,
    "controlflow": Cost.RULES,
    "semantics": Cost.SOLVER,
}


def domains_of(judge: JudgeState) -> frozenset[DomainName]:
    """The domains that a judge answers for: those that its part names."""
    words = judge.part.replace(",", " ").replace(":", " ").split()
    return frozenset(name for name in DOMAIN_NAMES if name in words)


def in_order(judges: Iterable[JudgeState], first: Sequence[DomainName]) -> tuple[JudgeState, ...]:
    """The judges as they take their turns: those of the domains `first` in that order, then by
    cost. A judge of several domains comes with the first of them and costs what the dearest does.
    """

    def rank(judge: JudgeState) -> tuple[int, Cost]:
        domains = domains_of(judge)
        named = min((first.index(one) for one in domains if one in first), default=len(first))
        return named, max((COSTS[one] for one in domains), default=Cost.SOLVER)

    return tuple(sorted(judges, key=rank))
