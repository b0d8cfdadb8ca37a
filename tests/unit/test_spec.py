"""ConstraintSpec 1.0: round trips, bounds, contradictions, and the published JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ananke.spec import (
    ConstraintSpec,
    Context,
    Grammar,
    Limits,
    SpecError,
    parse_spec,
    published_schema,
)

LANGUAGE = "some_language"
PUBLISHED = Path(__file__).parents[2] / "docs" / "spec.schema.json"


def violations(source: Any) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        parse_spec(source)
    error = caught.value
    assert str(error) == "\n".join(f"{v.path}: {v.problem}" for v in error.violations)
    assert (error.path, error.problem) == (error.violations[0].path, error.violations[0].problem)
    return {violation.path: violation.problem for violation in error.violations}


def test_a_scope_describes_a_name_once_and_a_function_by_its_name() -> None:
    assert violations(
        {
            "language": LANGUAGE,
            "domains": ["syntax", "types"],
            "scope": {
                "classes": [{"name": "A", "source": "class A: ..."}],
                "bindings": [{"name": "x"}, {"name": "A", "type": "int"}],
                "inside": {"is_async": True},
            },
        }
    ) == {
        "spec.scope.bindings[1].name": "'A' is described by scope.classes[0] already; keep one",
        "spec.scope.inside.is_async": "belongs to a function: name it in scope.inside.function",
    }
    assert violations({"language": LANGUAGE, "scope": {"expects": "int"}}) == {
        "spec.scope": 'belongs to the domains of meaning: add "types" to domains'
    }


_AT = "spec.contracts."


def _contracts(**kinds: Any) -> dict[str, Any]:
    return {"language": LANGUAGE, "contracts": kinds, "domains": ["syntax", "semantics"]}


FULL = {
    "version": "1.0",
    "language": LANGUAGE,
    "context": {"prefix": "a é\n", "suffix": "", "path": "pkg/f"},
    "grammar": {"kind": "regex", "source": "[^\n]*"},
    "imports": {
        "allow": ["os.path", "net/http", "std::collections", "../local"],
        "deny": ["os.path.join"],
        "stubs": [{"module": "host.api", "source": "def send(text: str) -> None: ..."}],
        "environment": ".venv",
        "project": ".",
    },
    "scope": {
        "imports": ["import os"],
        "classes": [{"name": "A", "source": "class A: ..."}],
        "aliases": [{"name": "B", "type": "list[A]"}],
        "functions": [{"name": "f", "signature": "() -> B", "is_async": True}],
        "bindings": [{"name": "x", "type": "B", "is_declared": True}, {"name": "y"}],
        "inside": {
            "function": "A.g",
            "is_async": True,
            "result": "B",
            "receiver": "self",
            "loops": 2,
        },
        "expects": "int",
    },
    "contracts": {
        "functions": [
            {
                "name": "clamp",
                "parameters": [{"name": "x", "type": "int"}],
                "result": "int",
                "pre": ["x > 0"],
                "post": ["result >= x"],
                "loops": [{"loop": 0, "invariant": ["x > 0"]}],
            }
        ],
        "classes": [
            {
                "name": "Account",
                "fields": [{"name": "balance", "type": "int"}],
                "invariant": ["self.balance >= 0"],
            }
        ],
        "literals": [{"name": "timeout", "min": 1, "max": 60}, {"name": None, "min": 0}],
    },
    "domains": ["syntax", "types", "semantics"],
    "budgets": {"token_microseconds": 100},
    "limits": {
        "prefix_bytes": 100,
        "suffix_bytes": 0,
        "grammar_bytes": 10,
        "forced_bytes": 1,
        "completion_steps": 5,
    },
}


@pytest.mark.parametrize("source", [FULL, {"language": LANGUAGE}])
def test_a_spec_survives_the_round_trip(source: dict[str, Any]) -> None:
    spec = parse_spec(source)
    assert parse_spec(spec.to_json()) == spec
    assert parse_spec(json.loads(spec.to_json())) == spec
    assert parse_spec(json.dumps(source).encode()) == spec
    assert parse_spec(spec.to_json()).to_json() == spec.to_json()


def test_specs_are_values() -> None:
    one, same = parse_spec(FULL), parse_spec(json.dumps(FULL))
    other = parse_spec(FULL | {"domains": ["syntax", "imports", "semantics"]})
    assert one == same
    assert hash(one) == hash(same)
    assert one.fingerprint == same.fingerprint
    assert one != other
    assert one.fingerprint != other.fingerprint
    assert len(one.fingerprint) == 64
    with pytest.raises(ValueError, match="frozen"):
        one.language = "other"


def test_built_in_python_it_equals_the_parsed_one() -> None:
    built = ConstraintSpec(
        language=LANGUAGE,
        context=Context(prefix="x"),
        grammar=Grammar(kind="regex", source="a"),
        limits=Limits(forced_bytes=3),
    )
    assert built == parse_spec(
        {
            "language": LANGUAGE,
            "context": {"prefix": "x"},
            "grammar": {"kind": "regex", "source": "a"},
            "limits": {"forced_bytes": 3},
        }
    )


def test_a_schema_in_place_is_kept_as_text_in_its_own_order() -> None:
    schema = {"type": "object", "properties": {"b": {"const": 1.5}, "a": {"const": "é"}}}
    inline = parse_spec({"grammar": {"kind": "json_schema", "source": schema}})
    assert inline.grammar is not None
    assert inline.grammar.source == json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    text = parse_spec({"grammar": {"kind": "json_schema", "source": inline.grammar.source}})
    assert text == inline
    true = parse_spec({"grammar": {"kind": "json_schema", "source": True}})
    assert true.grammar is not None
    assert true.grammar.source == "true"


def test_unknown_suffix_and_empty_suffix_differ() -> None:
    unknown = parse_spec({"language": LANGUAGE})
    known = parse_spec({"language": LANGUAGE, "context": {"suffix": ""}})
    assert unknown.context.suffix is None
    assert known.context.suffix == ""
    assert unknown != known


@pytest.mark.parametrize(
    ("source", "path", "words"),
    [
        ({}, "spec.language", "a grammar, or both"),
        (
            {"language": LANGUAGE, "contracts": {"functions": [{"name": "f"}]}},
            "spec.contracts",
            'add "semantics"',
        ),
        (_contracts(functions=[{"name": "f"}, {"name": "f"}]), _AT + "functions[1].name", "join"),
        (_contracts(functions=[{"name": "f g"}]), _AT + "functions[0].name", "match"),
        (
            _contracts(classes=[{"name": "A", "fields": [{"name": "x", "type": "int"}] * 2}]),
            _AT + "classes[0].fields[1].name",
            "keep one",
        ),
        (
            _contracts(literals=[{"name": "n", "min": 2, "max": 1}]),
            _AT + "literals[0]",
            "no integer",
        ),
        (_contracts(literals=[{"min": 2**60}]), _AT + "literals[0].min", "less than"),
        (b"", "spec", "not JSON"),
        (b"[1]", "spec", "object"),
        (b"\xff", "spec", "not UTF-8"),
        (b'{"language": NaN}', "spec", "NaN"),
        (b'{"language": "a", "language": "b"}', "spec", "'language' twice"),
        (b"[" * 100_000, "spec", "nested deeper"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "spec", "nested deeper"),
        ({"language": LANGUAGE, "x": object()}, "spec", "no form"),
        ({"language": LANGUAGE, 3: 1}, "spec", "keys are text"),
        ({"language": LANGUAGE, "x": [0] * 1_000_001}, "spec", "more than"),
        (3, "spec", "not int"),
        ({"version": "2.0", "language": LANGUAGE}, "spec.version", "1.0"),
        ({"language": "No Such"}, "spec.language", "match"),
        ({"language": LANGUAGE, "colour": 1}, "spec.colour", "no such field"),
        ({"language": LANGUAGE, "context": {"sufix": ""}}, "spec.context.sufix", "no such field"),
        ({"language": LANGUAGE, "context": None}, "spec.context", "object"),
        ({"language": LANGUAGE, "context": {"prefix": 3}}, "spec.context.prefix", "string"),
        ({"language": LANGUAGE, "context": {"prefix": "\ud800"}}, "spec.context.prefix", "lone"),
        (b'{"language":"a","context":{"suffix":"\\udc00"}}', "spec.context.suffix", "lone"),
        ({"language": LANGUAGE, "context": {"path": "a\0"}}, "spec.context.path", "NUL"),
        ({"language": LANGUAGE, "context": {"path": ""}}, "spec.context.path", "at least 1"),
        ({"language": LANGUAGE, "domains": []}, "spec.domains", "at least 1"),
        ({"language": LANGUAGE, "domains": ["typos"]}, "spec.domains[0]", "syntax"),
        ({"language": LANGUAGE, "domains": ["types", "types"]}, "spec.domains[1]", "twice"),
        ({"language": LANGUAGE, "limits": {"prefix_bytes": -1}}, "spec.limits.prefix_bytes", "0"),
        (
            {"language": LANGUAGE, "limits": {"grammar_bytes": 10**9}},
            "spec.limits.grammar_bytes",
            "less than",
        ),
        (
            {"language": LANGUAGE, "limits": {"forced_bytes": True}},
            "spec.limits.forced_bytes",
            "integer",
        ),
        (
            {"language": LANGUAGE, "budgets": {"token_microseconds": 0}},
            "spec.budgets.token_microseconds",
            "greater",
        ),
        ({"grammar": {"kind": "bnf", "source": "a"}}, "spec.grammar.kind", "lark"),
        ({"grammar": {"kind": "regex"}}, "spec.grammar.source", "required"),
        ({"grammar": {"kind": "regex", "source": {}}}, "spec.grammar", "text"),
        ({"grammar": {"kind": "json_schema", "source": [1]}}, "spec.grammar.source", "string"),
        ({"grammar": {"kind": "lark", "source": ""}}, "spec.grammar.source", "empty"),
        (
            {
                "language": LANGUAGE,
                "domains": ["types"],
                "grammar": {"kind": "regex", "source": "a"},
            },
            "spec.domains",
            "syntax",
        ),
        (
            {"domains": ["syntax", "types"], "grammar": {"kind": "regex", "source": "a"}},
            "spec.domains[1]",
            "needs a language",
        ),
    ],
)
def test_what_is_wrong_is_named(source: Any, path: str, words: str) -> None:
    found = violations(source)
    assert path in found, found
    assert words in found[path]


def test_every_contradiction_is_reported_at_once() -> None:
    found = violations(
        {
            "grammar": {"kind": "regex", "source": "a"},
            "context": {"prefix": "x", "suffix": "", "path": "p"},
        }
    )
    assert list(found) == ["spec.context.prefix", "spec.context.suffix", "spec.context.path"]


@pytest.mark.parametrize(
    ("place", "limit"),
    [("prefix", "prefix_bytes"), ("suffix", "suffix_bytes"), ("source", "grammar_bytes")],
)
def test_limits_count_utf8_bytes(place: str, limit: str) -> None:
    def build(bound: int) -> dict[str, Any]:
        given = {"prefix": "", "suffix": "", "source": "a"} | {place: "é" * 5}
        return {
            "language": LANGUAGE,
            "context": {"prefix": given["prefix"], "suffix": given["suffix"]},
            "grammar": {"kind": "regex", "source": given["source"]},
            "limits": {limit: bound},
        }

    parse_spec(build(10))
    (path,) = violations(build(9))
    assert path.endswith(place)


def test_a_cyclic_value_is_refused() -> None:
    cyclic: dict[str, Any] = {}
    cyclic["context"] = cyclic
    assert "nested deeper" in violations(cyclic)["spec"]


def test_ten_megabytes_of_prefix_are_read() -> None:
    spec = parse_spec(json.dumps({"language": LANGUAGE, "context": {"prefix": "x" * 10_000_000}}))
    assert len(spec.context.prefix) == 10_000_000


def test_the_published_schema_is_current() -> None:
    assert PUBLISHED.read_text() == published_schema(), (
        "run `python -m ananke.spec > docs/spec.schema.json`"
    )


def test_the_published_schema_names_every_field() -> None:
    schema = json.loads(published_schema())
    assert set(schema["properties"]) == set(ConstraintSpec.model_fields)
    assert schema["additionalProperties"] is False
    for name, definition in schema["$defs"].items():
        assert definition["additionalProperties"] is False, name
