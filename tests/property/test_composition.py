"""Composition: constraints are a bounded meet-semilattice, whatever documents they come from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from ananke.spec import (
    TOP,
    Constraint,
    ConstraintSpec,
    Policy,
    SpecError,
    compose,
    parse_policy,
    parse_spec,
    said_in,
)
from ananke.spec.compose import FIELDS

MODULES = ["a", "a.b", "a.b.c", "a.c", "b", "b/c", "c::d", "c"]

modules = st.lists(st.sampled_from(MODULES), max_size=4, unique=True)
grammars = st.builds(
    lambda source: {"kind": "regex", "source": source}, st.sampled_from(["a*", "[ab]", "b"])
)
stubs = st.builds(
    lambda module, source: {"module": module, "source": source},
    st.sampled_from(MODULES),
    st.sampled_from(["x: int", "y: str"]),
)
conditions = st.lists(st.sampled_from(["x > 0", "x < 9"]), max_size=2, unique=True)
typed = st.lists(
    st.builds(
        lambda name, type_: {"name": name, "type": type_},
        st.sampled_from("xy"),
        st.sampled_from(["int", "int", "int", "str"]),
    ),
    max_size=2,
    unique_by=lambda one: one["name"],
)


def partly(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


functions = st.fixed_dictionaries(
    {"name": st.sampled_from("fg")},
    optional={
        "parameters": typed,
        "result": st.sampled_from(["int", "int", "str"]),
        "pre": conditions,
        "loops": st.lists(partly({"loop": st.integers(0, 1), "invariant": conditions}), max_size=2),
    },
)
classes = st.fixed_dictionaries(
    {"name": st.just("C")}, optional={"fields": typed, "invariant": conditions}
)
literals = st.sampled_from(
    [{"name": "t", "min": 3}, {"name": "t", "max": 5}, {"name": "t", "max": 2}, {"min": 9}]
)
domains = st.lists(
    st.sampled_from(["syntax", "imports", "types"]), min_size=1, max_size=3, unique=True
)


DOCUMENTS = partly(
    {
        "language": st.sampled_from(["one", "one", "one", "other"]),
        "context": partly({"prefix": st.sampled_from(["", "x", "xxxx"]), "path": st.just("p")}),
        "grammar": grammars,
        "grammars": st.lists(grammars, max_size=2),
        "imports": partly(
            {
                "allow": st.none() | modules,
                "deny": st.lists(st.sampled_from(["a.b", "b", "c::d"]), max_size=2),
                "stubs": st.lists(stubs, max_size=2, unique_by=lambda one: one["module"]),
                "project": st.sampled_from([".", ".", "p"]),
            }
        ),
        "scope": partly(
            {
                "imports": st.lists(st.sampled_from(["import a", "import b"]), max_size=2),
                "aliases": st.lists(st.just({"name": "A", "type": "int"}), max_size=1),
                "bindings": st.lists(
                    st.sampled_from([{"name": "x"}, {"name": "y", "type": "int"}]),
                    max_size=2,
                    unique_by=lambda one: one["name"],
                ),
                "inside": st.sampled_from([{"loops": 1}, {"function": "f"}]),
                "expects": st.sampled_from(["int", "int", "str"]),
            }
        ),
        "contracts": partly(
            {
                "functions": st.lists(functions, max_size=2, unique_by=lambda one: one["name"]),
                "classes": st.lists(classes, max_size=1),
                "literals": st.lists(literals, max_size=2),
            }
        ),
        "domains": domains,
        "budgets": partly({"token_microseconds": st.integers(1, 3)}),
        "limits": partly({"prefix_bytes": st.integers(0, 3), "completion_steps": st.just(5)}),
    }
)


def constraint(document: dict[str, Any]) -> Constraint:
    try:
        return said_in(parse_policy(document), "document")
    except SpecError:
        # It contradicts itself: its halves are two documents that do.
        imports = document["imports"]
        rest = {name: value for name, value in imports.items() if name != "deny"}
        return said_in(parse_policy({**document, "imports": rest}), "document").meet(
            said_in(parse_policy({"imports": {"deny": imports["deny"]}}), "document")
        )


constraints = st.builds(constraint, DOCUMENTS)


@given(constraints)
def test_idempotent_with_top_as_identity(one: Constraint) -> None:
    assert one.meet(one) == one
    assert TOP.meet(one) == one == one.meet(TOP)
    assert one <= TOP
    assert one <= one


@given(constraints, constraints)
def test_commutative(one: Constraint, other: Constraint) -> None:
    met = one.meet(other)
    assert met == other.meet(one)
    assert met <= one
    assert met <= other
    assert hash(met) == hash(other.meet(one))


@given(constraints, constraints, constraints)
def test_associative(a: Constraint, b: Constraint, c: Constraint) -> None:
    assert a.meet(b).meet(c) == a.meet(b.meet(c))


@given(constraints, constraints, constraints)
def test_monotone(a: Constraint, b: Constraint, c: Constraint) -> None:
    below = a.meet(b)
    assert below.meet(c) <= a.meet(c)


BOTTOM = said_in(parse_policy({"language": "one"}), "p").meet(
    said_in(parse_policy({"language": "two"}), "q")
)


@given(constraints)
def test_the_bottom_absorbs(one: Constraint) -> None:
    assert BOTTOM.meet(one) == BOTTOM == one.meet(BOTTOM)
    assert BOTTOM.meet(one) <= one
    assert one.is_bottom == (one == BOTTOM)
    assert one.is_bottom == (one <= BOTTOM)


@given(constraints, constraints)
def test_equal_constraints_are_equal_requests(one: Constraint, other: Constraint) -> None:
    try:
        spec = compose(one, other)
    except SpecError:
        with pytest.raises(SpecError):
            compose(other, one)
        return
    assert compose(other, one) == spec
    assert compose(one, other, one) == spec
    assert parse_spec(spec.to_json()) == spec


@given(constraints, constraints, st.sampled_from(MODULES))
def test_a_meet_allows_what_both_allow(one: Constraint, other: Constraint, module: str) -> None:
    met = one.meet(other)
    if not met.is_bottom:
        assert allows(met, module) == (allows(one, module) and allows(other, module))


def allows(constraint: Constraint, module: str) -> bool:
    imports = constraint.imports()

    def is_under(entry: str) -> bool:
        return module == entry or module.startswith(tuple(entry + sign for sign in (".", "/", ":")))

    allowed = imports.allow is None or any(map(is_under, imports.allow))
    return allowed and not any(map(is_under, imports.deny))


def test_each_field_of_a_spec_has_a_meet() -> None:
    assert set(FIELDS) == set(fields_of(ConstraintSpec)), "give the new field its meet in FIELDS"
    assert Policy.model_fields.keys() == ConstraintSpec.model_fields.keys()


def fields_of(model: type[BaseModel], above: str = "") -> list[str]:
    """The paths of a model's fields; those of fields that are models themselves are their own."""
    found: list[str] = []
    for name, one in model.model_fields.items():
        if isinstance(one.annotation, type) and issubclass(one.annotation, BaseModel):
            found += fields_of(one.annotation, f"{above}{name}.")
        else:
            found.append(above + name)
    return found
