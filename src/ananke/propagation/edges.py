"""Monotone edges between facts, run to a fixpoint.

A *place* holds a set of facts; sets grow, and there are finitely many facts, so the lattice has a
finite height. An *edge* carries facts from one place to another: what it carries of a set is the
union of what it carries of each fact, hence more facts in, more facts out. The least solution does
not depend on the order of work.

    solution = propagate({"a": {1}}, [Edge("a", "b", lambda fact: {fact + 1} if fact < 3 else ())])
    solution.facts["b"]             # {2}
    solution.chain("b", 2)          # [("b", 2), ("a", 1)]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Edge", "Solution", "propagate"]

Place = TypeVar("Place", bound=Hashable)
Fact = TypeVar("Fact", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Edge(Generic[Place, Fact]):
    """Carries facts from `source` to `target`.

    `carry` gives, for one fact, those that follow; over all edges only finitely many do.
    """

    source: Place
    target: Place
    carry: Callable[[Fact], Iterable[Fact]]


@dataclass(frozen=True, slots=True)
class Solution(Generic[Place, Fact]):
    """The least sets that hold what was given and are closed under the edges.

    Attributes:
        facts: by place.
        origins: for each fact that was derived, where it was first derived from.
    """

    facts: Mapping[Place, frozenset[Fact]]
    origins: Mapping[tuple[Place, Fact], tuple[Place, Fact]]

    def chain(self, place: Place, fact: Fact) -> list[tuple[Place, Fact]]:
        """The fact, what it was derived from, and so on to one that was given."""
        found = [(place, fact)]
        while found[-1] in self.origins:
            found.append(self.origins[found[-1]])
        return found


def propagate(
    given: Mapping[Place, Iterable[Fact]], edges: Iterable[Edge[Place, Fact]]
) -> Solution[Place, Fact]:
    """Runs the edges until nothing is new; nearest derivations come first, so chains are short."""
    leaving: dict[Place, list[Edge[Place, Fact]]] = {}
    for edge in edges:
        leaving.setdefault(edge.source, []).append(edge)
    facts: dict[Place, set[Fact]] = {place: set(some) for place, some in given.items()}
    origins: dict[tuple[Place, Fact], tuple[Place, Fact]] = {}
    waiting = deque((place, fact) for place, some in facts.items() for fact in some)
    while waiting:
        place, fact = waiting.popleft()
        for edge in leaving.get(place, ()):
            held = facts.setdefault(edge.target, set())
            for derived in edge.carry(fact):
                if derived not in held:
                    held.add(derived)
                    origins[edge.target, derived] = (place, fact)
                    waiting.append((edge.target, derived))
    return Solution({place: frozenset(some) for place, some in facts.items()}, origins)
