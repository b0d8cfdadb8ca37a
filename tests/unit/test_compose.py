"""Composition by example: what policies and a request make, and which places clash."""

from __future__ import annotations

from typing import Any

import pytest

from ananke.masks import allocate, tokens_of
from ananke.session import Session
from ananke.spec import Constraint, SpecError, compose, parse_policy, parse_spec, said_in
from ananke.vocabulary import from_tokens


def said(source: str, **document: Any) -> Constraint:
    return said_in(parse_policy(document), source)


def clash(*constraints: Constraint) -> list[str]:
    with pytest.raises(SpecError) as caught:
        compose(*constraints)
    return [str(one) for one in caught.value.violations]


def test_policies_and_a_request_are_one_spec() -> None:
    spec = compose(
        said("policy.json", imports={"deny": ["subprocess"]}, budgets={"token_microseconds": 500}),
        said("service.json", language="python", domains=["imports"], limits={"prefix_bytes": 99}),
        said(
            "request",
            context={"prefix": "import "},
            imports={"allow": ["os", "json"]},
            budgets={"token_microseconds": 900},
            domains=["syntax", "types"],
        ),
        said("hole", imports={"allow": ["os.path", "json", "re"]}),
    )
    assert spec == parse_spec(
        {
            "language": "python",
            "context": {"prefix": "import "},
            "imports": {"allow": ["json", "os.path"], "deny": ["subprocess"]},
            "domains": ["syntax", "imports", "types"],
            "budgets": {"token_microseconds": 500},
            "limits": {"prefix_bytes": 99},
        }
    )


def test_a_policy_alone_is_no_request() -> None:
    assert clash(said("policy.json", imports={"deny": ["os"]})) == [
        "spec.language: give a language, a grammar, or both"
    ]


def test_what_is_denied_and_allowed_clashes_in_any_order() -> None:
    policy = said("policy.json", imports={"deny": ["subprocess"]})
    narrow = said("service.json", imports={"allow": ["json"]})
    request = said(
        "request", language="python", imports={"allow": ["os", "json", "subprocess.list2cmdline"]}
    )
    expected = (
        "policy.json imports.deny[0] × request imports.allow[2]: 'subprocess.list2cmdline' is "
        "allowed and denied (with all of 'subprocess'); drop one of the two"
    )
    for order in ((policy, narrow, request), (narrow, request, policy), (request, policy, narrow)):
        assert clash(*order) == [expected]


def test_every_clash_is_reported_with_both_places() -> None:
    found = clash(
        said("a", language="go", imports={"stubs": [{"module": "m", "source": "x: int"}]}),
        said("b", language="rust", imports={"stubs": [{"module": "m", "source": "x: str"}]}),
        said("c", limits={"prefix_bytes": 2}),
        said("d", context={"prefix": "long", "suffix": ""}),
        said("e", context={"suffix": "x"}),
    )
    assert found == [
        "a language × b language: 'go' and 'rust' differ; keep one of the two",
        "d context.suffix × e context.suffix: '' and 'x' differ; keep one of the two",
        "a imports.stubs[0].module × b imports.stubs[0].module: 'm' is described in two ways; "
        "keep one of the two",
        "d context.prefix × c limits.prefix_bytes: has 4 bytes, 2 are allowed",
    ]


def test_a_whole_spec_says_its_defaults_and_a_part_does_not() -> None:
    generous = said("policy.json", limits={"forced_bytes": 9999})
    part = said("request", language="python")
    whole = said_in(parse_spec({"language": "python"}), "request")
    assert compose(generous, part).limits.forced_bytes == 9999
    assert compose(generous, whole).limits.forced_bytes == 4096


def test_contracts_of_a_function_are_joined() -> None:
    x = {"name": "x", "type": "int"}
    one = said("a", contracts={"functions": [{"name": "f", "parameters": [x], "pre": ["x > 0"]}]})
    other = said(
        "b",
        language="python",
        contracts={"functions": [{"name": "f", "parameters": [x], "post": ["result > x"]}]},
    )
    assert compose(one, other) == parse_spec(
        {
            "language": "python",
            "domains": ["syntax", "semantics"],
            "contracts": {
                "functions": [
                    {"name": "f", "parameters": [x], "pre": ["x > 0"], "post": ["result > x"]}
                ]
            },
        }
    )
    text = {"name": "f", "parameters": [{"name": "x", "type": "str"}]}
    bounds = {"literals": [{"name": "t", "min": 3}]}
    assert clash(
        one,
        said("c", contracts={"functions": [text], "literals": [{"name": "t", "max": 2}]}),
        said("d", contracts=bounds),
    ) == [
        "a contracts.functions[0].parameters[0] × c contracts.functions[0].parameters[0]: 'int' "
        "and 'str' differ; keep one of the two",
        "d contracts.literals[0] × c contracts.literals[0]: no integer is at least 3 and at most "
        "2; widen one",
    ]


def test_scopes_are_joined() -> None:
    x = {"name": "x", "type": "int"}
    one = said("a", scope={"bindings": [x], "imports": ["import os"]})
    other = said("b", language="python", scope={"bindings": [x, {"name": "y"}], "expects": "str"})
    spec = compose(one, other)
    assert spec == parse_spec(
        {
            "language": "python",
            "domains": ["syntax", "types"],
            "scope": {
                "bindings": [x, {"name": "y"}],
                "imports": ["import os"],
                "expects": "str",
            },
        }
    )
    text = {"functions": [{"name": "x", "signature": "() -> int"}], "expects": "int"}
    assert clash(one, other, said("c", scope=text)) == [
        "b scope.expects × c scope.expects: 'str' and 'int' differ; keep one of the two",
        "c scope.functions[0].name × a scope.bindings[0].name: 'x' is described in two ways; "
        "keep one of the two",
    ]


def test_the_place_in_a_function_is_one() -> None:
    inside = {"function": "f", "loops": 1}
    one = said("a", language="python", domains=["controlflow"], scope={"inside": inside})
    assert (
        compose(one, one).scope.inside == parse_policy({"scope": {"inside": inside}}).scope.inside
    )
    assert compose(one, one).domains == ("controlflow",)


def test_without_a_language_imports_and_meaning_bind_nothing() -> None:
    policy = said("policy.json", imports={"deny": ["os"]}, domains=["syntax", "types"])
    request = said("request", grammar={"kind": "regex", "source": "a+"})
    assert compose(policy, request) == parse_spec({"grammar": {"kind": "regex", "source": "a+"}})


def test_a_text_follows_all_grammars() -> None:
    spec = compose(
        said("policy.json", grammar={"kind": "regex", "source": "[ab]*"}),
        said("request", grammar={"kind": "regex", "source": "[bc]{2}"}),
    )
    assert spec.grammar is not None
    assert len(spec.grammars) == 1
    vocabulary = from_tokens([b"a", b"b", b"c", b""], special=[3], eos=[3], size=4, name="abc")
    session = Session(spec, vocabulary)
    words = allocate(1, vocabulary.size)
    for admitted in ([1], [1], [3]):
        session.mask(words)
        assert tokens_of(words[0]).tolist() == admitted
        session.accept(admitted[0])
    assert session.text == b"bb"


def test_which_grammar_is_wrong_is_named() -> None:
    vocabulary = from_tokens([b"a", b""], special=[1], eos=[1], size=2, name="a")
    good = {"kind": "regex", "source": "a"}
    bad = {"kind": "regex", "source": "("}
    with pytest.raises(SpecError, match=r"spec\.grammars\[0\]\.source: regex: "):
        Session(parse_spec({"grammar": good, "grammars": [bad]}), vocabulary)
