"""Edges between facts: the least fixpoint, whatever the order; every fact has a derivation."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ananke.propagation import Edge, propagate

PLACES = "abcde"
#: Facts are 0 … 7; an edge adds a number to some of them, modulo 8, so that cycles feed themselves.
facts = st.frozensets(st.integers(0, 7), max_size=3)
given_facts = st.dictionaries(st.sampled_from(PLACES), facts, max_size=3)
steps = st.lists(
    st.tuples(
        st.sampled_from(PLACES), st.sampled_from(PLACES), st.integers(0, 7), st.integers(0, 7)
    ),
    max_size=12,
)
Steps = list[tuple[str, str, int, int]]
Given = dict[str, frozenset[int]]


def edges(steps: Steps) -> list[Edge[str, int]]:
    return [Edge(source, target, _carry(step, least)) for source, target, step, least in steps]


def _carry(step: int, least: int) -> Callable[[int], tuple[int, ...]]:
    return lambda fact: ((fact + step) % 8,) if fact >= least else ()


def naive(known: Given, steps: Steps) -> dict[str, set[int]]:
    """Goes over all edges again and again until nothing is new."""
    found: dict[str, set[int]] = {place: set(some) for place, some in known.items()}
    while True:
        before = sum(map(len, found.values()))
        for edge in edges(steps):
            for fact in list(found.get(edge.source, ())):
                found.setdefault(edge.target, set()).update(edge.carry(fact))
        if sum(map(len, found.values())) == before:
            return found


@given(given_facts, steps)
def test_it_ends_with_the_least_fixpoint(known: Given, steps: Steps) -> None:
    solution = propagate(known, edges(steps))
    expected = naive(known, steps)
    for place in PLACES:
        assert solution.facts.get(place, frozenset()) == expected.get(place, set())


@given(given_facts, given_facts, steps)
def test_more_facts_give_no_fewer(one: Given, other: Given, steps: Steps) -> None:
    both = {place: one.get(place, frozenset()) | other.get(place, frozenset()) for place in PLACES}
    less, more = propagate(one, edges(steps)), propagate(both, edges(steps))
    for place, some in less.facts.items():
        assert some <= more.facts[place]


@given(given_facts, steps, st.integers())
def test_the_order_of_edges_does_not_matter(known: Given, steps: Steps, seed: int) -> None:
    shuffled = list(steps)
    random.Random(seed).shuffle(shuffled)
    one, other = propagate(known, edges(steps)), propagate(known, edges(shuffled))
    for place in PLACES:
        assert one.facts.get(place, frozenset()) == other.facts.get(place, frozenset())


@given(given_facts, steps)
def test_every_fact_has_a_derivation_from_what_was_given(known: Given, steps: Steps) -> None:
    solution = propagate(known, edges(steps))
    for place, some in solution.facts.items():
        for fact in some:
            chain = solution.chain(place, fact)
            assert len(set(chain)) == len(chain)
            first_place, first = chain[-1]
            assert first in known[first_place]
            for (target, derived), (source, premise) in pairwise(chain):
                assert any(
                    edge.source == source
                    and edge.target == target
                    and derived in edge.carry(premise)
                    for edge in edges(steps)
                )
