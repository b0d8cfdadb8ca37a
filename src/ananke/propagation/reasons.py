"""Why a defect is one: the chain of statements that its names have their values from.

What a name is at a place was settled by a statement: an import, a binding, a test that narrows it.
That statement used other names, whose values were settled by others. Each such *version* of a name
is a place for `propagate`; the facts in it are the statements that it rests on. Statements in a
loop rest on each other, which the fixpoint takes as it is.

    a.py:3:9: types: `+` is not defined for `int` and `str`
        because `b` is `str` (line 2: `b = name`)
        because `name` is `str` (line 1: `def f(name: str):`)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ananke.analysis.defects import Defect, Domain
from ananke.analysis.scopes import Scope
from ananke.analysis.tracing import Event
from ananke.analysis.types import Type, Unknown, show
from ananke.propagation.edges import Edge, propagate

__all__ = ["Reason", "reasons_for"]

#: Reasons given for one defect.
_GIVEN = 6
#: Characters of a line that are shown.
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Reason:
    """What a name is, and the statement that settled it.

    Attributes:
        domain: the domain whose fact it is.
        start: where the statement begins, in bytes.
        depth: how many steps it is away from the defect.
    """

    name: str
    type: str | None
    domain: Domain
    start: int
    depth: int

    def text(self, source: bytes) -> str:
        """The reason in words, with the statement's first line."""
        line = source.count(b"\n", 0, self.start) + 1
        shown = source[self.start :].split(b"\n", 1)[0].decode("utf-8", "replace").strip()
        if len(shown) > _SHOWN:
            shown = f"{shown[:_SHOWN]}…"
        what = f"is `{self.type}`" if self.type else f"comes from {_FROM[self.domain]}"
        return f"because `{self.name}` {what} (line {line}: `{shown}`)"


_FROM = {
    Domain.IMPORTS: "an import",
    Domain.TYPES: "a binding",
    Domain.CONTROLFLOW: "where ways meet",
}

#: A name and its version: what it is bound to, by identity, or what is known of it here.
_Version = tuple[str, object]


def reasons_for(events: Sequence[Event], defect: Defect) -> list[Reason]:
    """The reasons for a defect, nearest first, at most a few.

    Args:
        events: what the statements of the text did, outer ones before inner ones.
    """
    at = _innermost(events, defect.start)
    if at is None:
        return []
    told = _Told(events)
    roots = list(dict.fromkeys(told.used(at, defect)))
    origins = told.origins(roots)
    # Facts run against the arrows of what rests on what: from the defect's names to their reasons.
    edges: list[Edge[_Version, _Version]] = [
        Edge(version, other, lambda fact: (fact,))
        for version, (_, rests_on) in origins.items()
        for other in rests_on
    ]
    solution = propagate({root: [root] for root in roots}, edges)
    found: list[Reason] = []
    for version, facts in solution.facts.items():
        event = origins[version][0] if version in origins else None
        if event is None:
            continue
        depth = min(len(solution.chain(version, fact)) for fact in facts)
        found.append(Reason(version[0], told.shown(version), event.domain, event.start, depth - 1))
    nearest: dict[tuple[str, int], Reason] = {}
    for one in sorted(found, key=lambda one: (one.depth, -one.start)):
        nearest.setdefault((one.name, one.start), one)
    return list(nearest.values())[:_GIVEN]


class _Told:
    """What the events tell of names' versions."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self._types: dict[_Version, Type] = {}

    def version(self, name: str, scope: Scope | None) -> _Version | None:
        """What the name is in a scope."""
        while scope is not None:
            if name in scope.facts:
                known = scope.facts[name]
                return self._noted((name, ("known", known)), known)
            entry = scope.names.get(name)
            if entry is not None:
                return self._noted((name, id(entry)), entry.type)
            scope = scope.outer
        return None

    def used(self, at: Event, defect: Defect) -> Iterator[_Version]:
        """What the names in the defect's place are; of a member, the name before it that is one."""
        nearest: _Version | None = None
        is_inside = False
        for name, where in sorted(at.uses, key=lambda use: use[1]):
            found = self.version(name, at.before)
            if found is None or where >= defect.end:
                continue
            if where >= defect.start:
                is_inside = True
                yield found
            else:
                nearest = found
        if not is_inside and nearest is not None:
            yield nearest

    def _noted(self, version: _Version, type_: Type) -> _Version:
        self._types[version] = type_
        return version

    def shown(self, version: _Version) -> str | None:
        type_ = self._types[version]
        return None if isinstance(type_, Unknown) else show(type_)

    def origins(
        self, roots: Iterable[_Version]
    ) -> dict[_Version, tuple[Event, tuple[_Version, ...]]]:
        """For each version that the roots rest on the event that settled it, and what that one
        rests on itself."""
        found: dict[_Version, tuple[Event, tuple[_Version, ...]]] = {}
        waiting = list(roots)
        while waiting:
            version = waiting.pop()
            if version in found:
                continue
            event = self._settled_by(version)
            if event is None:
                continue
            rests_on = tuple(dict.fromkeys(self._rests_on(event, version)))
            found[version] = (event, rests_on)
            waiting += rests_on
        return found

    def _settled_by(self, version: _Version) -> Event | None:
        """The innermost statement after which the name has this version and before which not; else
        the one whose header gave it: a parameter, a loop's variable, a test."""
        name = version[0]
        best: Event | None = None
        for event in self._events:
            if self.version(name, event.after) != version:
                continue
            if self.version(name, event.before) == version:
                continue
            if best is None or event.end - event.start < best.end - best.start:
                best = event
        if best is not None:
            return best
        for event in self._events:
            if self.version(name, event.before) == version:
                outer = self._around(event)
                if outer is not None and self.version(name, outer.before) != version:
                    return outer
        return None

    def _around(self, inner: Event) -> Event | None:
        around = [
            event
            for event in self._events
            if event.start <= inner.start
            and inner.end <= event.end
            and event.end - event.start > inner.end - inner.start
        ]
        return min(around, key=lambda event: event.end - event.start, default=None)

    def _rests_on(self, event: Event, version: _Version) -> Iterator[_Version]:
        name = version[0]
        # The names in an import are the modules', not the text's.
        for used, _ in event.uses if event.domain is not Domain.IMPORTS else ():
            found = self.version(used, event.before)
            if found is not None and found != version:
                yield found
        # A statement that holds others merges what they did.
        for inner in self._events:
            if event.start <= inner.start and inner.end <= event.end and inner is not event:
                found = self.version(name, inner.after)
                if found not in (None, version, self.version(name, inner.before)):
                    assert found is not None
                    yield found


def _innermost(events: Iterable[Event], place: int) -> Event | None:
    around = [event for event in events if event.start <= place < event.end]
    return min(around, key=lambda event: event.end - event.start, default=None)
