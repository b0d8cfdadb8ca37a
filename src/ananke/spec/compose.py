"""Specs compose by meet: an organisation's policy ⊓ a service's defaults ⊓ a request ⊓ a hole.

    spec = compose(said_in(policy, "policy.json"), said_in(request, "request"))

A *constraint* is what some documents say together: for each field the values said, each with the
place that says it. Constraints are a bounded meet-semilattice: the top says nothing, the meet says
what both say, and the bottom is every constraint in which two things that were said can't both
hold. `FIELDS` has, for each field of a spec, how its values meet.

That a constraint is the bottom must not depend on the order of meets, so what clashes once must
clash whatever else is said. Therefore a constraint remembers each module that some list of allowed
ones names, also if another list drops it again: where a list allows what another document denies,
the two clash in any order.

Worked example: `policy.json` denies `subprocess`, the request allows `json` and `subprocess`:

    policy.json imports.deny[0] × request imports.allow[1]: 'subprocess' is denied and allowed; …
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, cast

from ananke.spec.base import Model
from ananke.spec.contracts import TypedName
from ananke.spec.errors import SpecError, Violation
from ananke.spec.imports import Imports, ModuleStub, above, covering
from ananke.spec.joining import Contract, joined, parts
from ananke.spec.joining import clashes as contract_clashes
from ananke.spec.model import DOMAIN_NAMES, ConstraintSpec, Grammar, Policy
from ananke.spec.parse import parse_policy, parse_spec
from ananke.spec.scope import Binding, ClassSource, FunctionSignature

__all__ = ["FIELDS", "TOP", "Clash", "Constraint", "Meet", "compose", "said_in"]


class Meet(Enum):
    """How the values that several documents give to a field become one."""

    SAME = "one value; two different ones clash"
    ALL = "the entries of all"
    LEAST = "the smallest"
    WITHIN = "the modules that every list covers"


#: Each field of a spec. `grammar` and `grammars` are one: a text must follow all of them.
FIELDS: dict[str, Meet] = {
    "version": Meet.SAME,
    "language": Meet.SAME,
    "context.prefix": Meet.SAME,
    "context.suffix": Meet.SAME,
    "context.path": Meet.SAME,
    "grammar": Meet.ALL,
    "grammars": Meet.ALL,
    "imports.allow": Meet.WITHIN,
    "imports.deny": Meet.ALL,
    "imports.stubs": Meet.ALL,
    "imports.environment": Meet.SAME,
    "imports.project": Meet.SAME,
    "scope.imports": Meet.ALL,
    "scope.classes": Meet.ALL,
    "scope.aliases": Meet.ALL,
    "scope.functions": Meet.ALL,
    "scope.bindings": Meet.ALL,
    "scope.inside": Meet.SAME,
    "scope.expects": Meet.SAME,
    "contracts.functions": Meet.ALL,
    "contracts.classes": Meet.ALL,
    "contracts.literals": Meet.ALL,
    "domains": Meet.ALL,
    "relax": Meet.SAME,
    "budgets.first": Meet.SAME,
    "budgets.token_microseconds": Meet.LEAST,
    "budgets.likely": Meet.LEAST,
    "limits.prefix_bytes": Meet.LEAST,
    "limits.suffix_bytes": Meet.LEAST,
    "limits.grammar_bytes": Meet.LEAST,
    "limits.forced_bytes": Meet.LEAST,
    "limits.completion_steps": Meet.LEAST,
}

#: Bounds on the length of what is said elsewhere.
_LENGTHS = (
    ("context.prefix", "limits.prefix_bytes"),
    ("context.suffix", "limits.suffix_bytes"),
    ("grammars", "limits.grammar_bytes"),
)

#: Domains that a scope is for.
_MEANING = frozenset(("imports", "types", "controlflow"))

#: Fields that describe names, each of them once.
_SCOPE_NAMES = ("scope.classes", "scope.aliases", "scope.functions", "scope.bindings")

#: Where the modules stand that some list allows, beside the meet of the lists.
_NAMED = "imports.allow[]"

#: Characters of a value shown in a message.
_SHOWN = 40

_Said = Mapping[str, Mapping[Hashable, str]]


@dataclass(frozen=True)
class Clash:
    """Two places that can't both hold, and why with the mend."""

    one: str
    other: str
    problem: str

    def __str__(self) -> str:
        return f"{self.one} × {self.other}: {self.problem}"


@dataclass(frozen=True, eq=False)
class Constraint:
    """What some documents say together.

    Attributes:
        said: by field the values, each with the first place that says it.

    Two are equal if they say the same, wherever; all that are the bottom are equal.
    """

    said: _Said = field(default_factory=dict)

    @cached_property
    def clashes(self) -> tuple[Clash, ...]:
        """All that can't hold together, in the order of `FIELDS`."""
        return tuple(_clashes(self.said))

    @property
    def is_bottom(self) -> bool:
        return bool(self.clashes)

    def meet(self, other: Constraint) -> Constraint:
        """What both say."""
        names = [*self.said, *(name for name in other.said if name not in self.said)]
        return Constraint(
            {name: _meet(name, self.said.get(name), other.said.get(name)) for name in names}
        )

    def __le__(self, other: Constraint) -> bool:
        """Whether this says all that the other says."""
        return self.meet(other) == self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Constraint):
            return NotImplemented
        return self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    @cached_property
    def _content(self) -> frozenset[tuple[str, frozenset[Hashable]]] | None:
        if self.is_bottom:
            return None
        return frozenset((name, frozenset(values)) for name, values in self.said.items())

    def place(self, path: str) -> str | None:
        """The place that says the field at `path` (`imports.deny[0]` of the composed spec)."""
        name, _, rest = path.partition("[")
        at = rest.partition("]")[0]
        if name == "grammar.source":
            name, at = "grammars", "0"
        elif name == "grammars":
            at = str(int(at) + 1)
        entries = _entries(self.said, name)
        return entries[int(at or 0)][1] if int(at or 0) < len(entries) else None

    def refuse_bottom(self) -> None:
        """Raises SpecError, with each pair of places, for the bottom."""
        if self.clashes:
            raise SpecError([Violation(f"{c.one} × {c.other}", c.problem) for c in self.clashes])

    def imports(self) -> Imports:
        """What may be imported, whether or not a language is said. Raises SpecError for the
        bottom."""
        self.refuse_bottom()
        said = {name: one for name, one in self.said.items() if name.startswith("imports.")}
        return parse_policy(_document(said)).imports

    def spec(self) -> ConstraintSpec:
        """The request that says all of it; what nobody says has the default.

        Without a language imports, scope, contracts and the domains of meaning bind nothing: they
        are left out.

        Raises SpecError for the bottom, with each pair of places, and for what is no whole request
        (neither language nor grammar).
        """
        self.refuse_bottom()
        document = _document(self.said)
        if "language" not in document:
            for name in ("imports", "scope", "contracts", "domains"):
                document.pop(name, None)
        try:
            return parse_spec(document)
        except SpecError as error:
            raise SpecError(
                [
                    Violation(self.place(one.path.removeprefix("spec.")) or one.path, one.problem)
                    for one in error.violations
                ]
            ) from None


#: Says nothing.
TOP = Constraint()


def compose(*constraints: Constraint) -> ConstraintSpec:
    """The request that says all that the constraints say. Raises SpecError as `spec` does."""
    met = TOP
    for one in constraints:
        met = met.meet(one)
    return met.spec()


def said_in(document: ConstraintSpec, source: str) -> Constraint:
    """What a document says; `source` names it in messages.

    A whole spec says all of its values, the defaults too; a `Policy` only the fields it was given.
    Neither says anything by null.
    """
    said: dict[str, dict[Hashable, str]] = {}
    for name, meet in FIELDS.items():
        value = _given(document, name.split("."))
        place = f"{source} {name}"
        if value is None or (name == "context.prefix" and value == ""):
            continue
        if meet is Meet.SAME and value == () and not isinstance(document, Policy):
            continue
        if name == "grammar":
            said.setdefault("grammars", {})[cast(Grammar, value)] = place
        elif name.startswith("contracts."):
            for at, contract in enumerate(cast(tuple[Contract, ...], value)):
                for inside, part in parts(contract):
                    said.setdefault(name, {}).setdefault(part, f"{place}[{at}]{inside}")
        elif meet is Meet.ALL:
            for at, one in enumerate(cast(tuple[Hashable, ...], value)):
                said.setdefault(name, {}).setdefault(one, f"{place}[{at}]")
        elif meet is Meet.WITHIN:
            modules = cast(tuple[str, ...], value)
            said[name] = {_outermost({*modules}): place}
            said[_NAMED] = {one: f"{place}[{at}]" for at, one in enumerate(modules)}
        else:
            said[name] = {value: place}
    return Constraint(said)


def _given(document: Model, steps: list[str]) -> object:
    """The value at a path, or None where the document doesn't say it."""
    value: object = document
    partial = isinstance(document, Policy)
    for step in steps:
        assert isinstance(value, Model)
        if partial and step not in value.model_fields_set:
            return None
        value = getattr(value, step)
    return value


def _meet(
    name: str, one: Mapping[Hashable, str] | None, other: Mapping[Hashable, str] | None
) -> Mapping[Hashable, str]:
    if one is None or other is None:
        found = one if other is None else other
        assert found is not None
        return found
    meet = Meet.ALL if name == _NAMED else FIELDS[name]
    if meet is Meet.LEAST:
        return min(one, other, key=lambda values: cast(int, next(iter(values))))
    if meet is Meet.WITHIN:
        (first, place), (second, elsewhere) = next(iter(one.items())), next(iter(other.items()))
        both = _within(cast(tuple[str, ...], first), cast(tuple[str, ...], second))
        return {both: place if both == first else elsewhere}
    return {**one, **{value: place for value, place in other.items() if value not in one}}


def _within(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """What both lists cover."""
    first, second = set(one), set(other)
    kept = [module for module in one if covering(module, second)]
    kept += [module for module in other if covering(module, first)]
    return _outermost({*kept})


def _outermost(modules: Collection[str]) -> tuple[str, ...]:
    """The modules without those below another one, sorted: lists that cover the same are one."""
    return tuple(sorted(m for m in modules if not any(one in modules for one in above(m))))


def _clashes(said: _Said) -> Iterator[Clash]:
    for name, meet in FIELDS.items():
        if meet is Meet.SAME and len(said.get(name, ())) > 1:
            (first, one), *others = said[name].items()
            for second, other in others:
                yield Clash(
                    one, other, f"{_shown(first)} and {_shown(second)} differ; keep one of the two"
                )
    denied = cast(Mapping[str, str], said.get("imports.deny", {}))
    for module, place in said.get(_NAMED, {}).items():
        by = covering(cast(str, module), denied)
        if by is not None:
            inside = "" if by == module else f" (with all of {by!r})"
            problem = f"{module!r} is allowed and denied{inside}; drop one of the two"
            yield Clash(denied[by], place, problem)
    described: dict[str, str] = {}
    for stub, place in said.get("imports.stubs", {}).items():
        module = cast(ModuleStub, stub).module
        if module in described:
            problem = f"{module!r} is described in two ways; keep one of the two"
            yield Clash(described[module], f"{place}.module", problem)
        described.setdefault(module, f"{place}.module")
    scoped: dict[str, str] = {}
    for name in _SCOPE_NAMES:
        for entry, place in said.get(name, {}).items():
            held = cast(ClassSource | TypedName | FunctionSignature | Binding, entry).name
            if held in scoped:
                problem = f"{held!r} is described in two ways; keep one of the two"
                yield Clash(scoped[held], f"{place}.name", problem)
            scoped.setdefault(held, f"{place}.name")
    for name in ("contracts.functions", "contracts.classes", "contracts.literals"):
        found = cast(list[tuple[Contract, str]], list(said.get(name, {}).items()))
        for one, other, problem in contract_clashes(found):
            yield Clash(one, other, problem)
    for name, limit in _LENGTHS:
        for bound, bounded in said.get(limit, {}).items():
            for value, place in said.get(name, {}).items():
                text = value.source if isinstance(value, Grammar) else cast(str, value)
                size = len(text.encode())
                if size > cast(int, bound):
                    yield Clash(place, bounded, f"has {size:,} bytes, {bound:,} are allowed")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _entries(said: _Said, name: str) -> list[tuple[Hashable, str]]:
    """The values of a field with their places, in an order that doesn't depend on the meets'."""
    found = list(said.get(name, {}).items())
    if FIELDS.get(name) is not Meet.ALL:
        return found
    return sorted(found, key=lambda entry: _order(entry[0]))


def _order(value: Hashable) -> tuple[str, ...]:
    if isinstance(value, Grammar):
        return value.kind, value.source
    if isinstance(value, ModuleStub):
        return value.module, value.source
    return (value.model_dump_json() if isinstance(value, Model) else str(value),)


def _document(said: _Said) -> dict[str, Any]:
    """The JSON document of a constraint that isn't the bottom."""
    document: dict[str, Any] = {}
    for name, meet in FIELDS.items():
        values = [value for value, _ in _entries(said, name)]
        if not values:
            continue
        value: object = values[0]
        if meet is Meet.ALL:
            if name.startswith("contracts."):
                values = list(joined(cast(list[Contract], values)))
            value = [one.model_dump() if isinstance(one, Model) else one for one in values]
        elif meet is Meet.WITHIN:
            value = list(cast(tuple[str, ...], value))
        elif isinstance(value, Model):
            value = value.model_dump()
        inner = document
        *outer, last = name.split(".")
        for step in outer:
            inner = inner.setdefault(step, {})
        inner[last] = value
    implied = [
        domain
        for domain, by in (("syntax", "grammars"), ("semantics", "contracts"))
        if by in document
    ]
    if "scope" in document and _MEANING.isdisjoint(document.get("domains", ())):
        implied.append("types")
    if implied or "domains" in document:
        named = {*document.get("domains", ["syntax"]), *implied}
        document["domains"] = [one for one in DOMAIN_NAMES if one in named]
    if "grammars" in document:
        document["grammar"], *document["grammars"] = document["grammars"]
    return document
