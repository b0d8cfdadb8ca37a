"""ConstraintSpec 1.0: what a caller may ask for.

A spec is a frozen value: two specs with the same content are equal, have the same hash and the
same fingerprint. Nothing here knows which languages exist or which domains a build has (the
session asks the registry); the model knows the shape, the bounds and the contradictions.

Worked example, a Python function body between two known texts, limited to one line:

    {
      "version": "1.0",
      "language": "python",
      "context": {"prefix": "def f(x):\\n    return ", "suffix": "\\n", "path": "pkg/f.py"},
      "grammar": {"kind": "regex", "source": "[^\\\\n]*"}
    }
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ananke.spec.base import FilePath, Model, Text, encodable
from ananke.spec.contracts import Contracts
from ananke.spec.contracts import contradictions as contract_contradictions
from ananke.spec.imports import Imports
from ananke.spec.imports import contradictions as import_contradictions
from ananke.spec.scope import Scope
from ananke.spec.scope import contradictions as scope_contradictions

GrammarKind = Literal["json_schema", "regex", "lark", "ebnf", "structural_tag"]
DomainName = Literal["syntax", "imports", "types", "controlflow", "semantics"]

GRAMMAR_KINDS: tuple[GrammarKind, ...] = get_args(GrammarKind)
DOMAIN_NAMES: tuple[DomainName, ...] = get_args(DomainName)

#: Kinds whose source is JSON and may be written in place instead of as text.
_JSON_KINDS: frozenset[str] = frozenset({"json_schema", "structural_tag"})

#: Domains that judge names and types, and where statements stand.
_MEANING: frozenset[str] = frozenset({"imports", "types", "controlflow"})

MIB = 1024 * 1024


class Context(Model):
    """The text around the place where generation writes."""

    prefix: Text = Field(default="", description="Text before the cursor. Given, not judged.")
    suffix: Text | None = Field(
        default=None,
        description="Text after the cursor. null: not known (open world); "
        '"": known to be empty (the generated text ends the file).',
    )
    path: FilePath | None = Field(
        default=None, description="Path of the file being written; it need not exist."
    )


def _compact_json(value: object) -> object:
    """JSON written in place becomes compact text; the order of keys is kept (it has a meaning)."""
    if isinstance(value, dict | bool):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return encodable(value) if isinstance(value, str) else value


class Grammar(Model):
    """The user's own grammar; it binds the generated text only, neither prefix nor suffix."""

    kind: GrammarKind
    source: Annotated[
        str,
        BeforeValidator(_compact_json),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}, {"type": "boolean"}]}),
    ] = Field(
        description="The grammar's text. A json_schema or a structural_tag may be given as JSON "
        "in place; it is kept as compact JSON text."
    )

    @model_validator(mode="before")
    @classmethod
    def _text_for_text_kinds(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("source"), dict | bool):
            kind = data.get("kind")
            if kind in GRAMMAR_KINDS and kind not in _JSON_KINDS:
                raise PydanticCustomError(
                    "contradiction", "a grammar of this kind is text, not JSON in place"
                )
        return data

    @field_validator("source")
    @classmethod
    def _present(cls, source: str, info: ValidationInfo) -> str:
        if not source and info.data.get("kind") != "regex":
            raise PydanticCustomError("empty", "the grammar is empty; leave it out or write one")
        return source


class Budgets(Model):
    """Time allowed. What is over budget is counted in the session's statistics, never hidden."""

    token_microseconds: Annotated[int, Field(ge=1, le=60_000_000)] | None = Field(
        default=None,
        description="Time for one mask. The syntax domain always runs; a costlier domain stops "
        "here, the likeliest tokens judged first, or is skipped for that token if it can't, and is "
        "reported. null: nothing is ever skipped.",
    )
    likely: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None,
        description="Where the engine shows the model's scores, the likeliest tokens are judged "
        "one by one until those admitted and these hold this share of the probability; the others "
        "are masked without being judged. 0: the likeliest admitted token alone. null: every token "
        "is judged.",
    )
    first: Annotated[tuple[DomainName, ...], Field(json_schema_extra={"uniqueItems": True})] = (
        Field(default=(), description="Domains that use the time first; the others by their cost.")
    )


class Limits(Model):
    """Bounds on input and search. Each has a ceiling, since a spec may come from a stranger."""

    prefix_bytes: int = Field(
        default=10 * MIB, ge=0, le=64 * MIB, description="UTF-8 bytes of prefix."
    )
    suffix_bytes: int = Field(
        default=10 * MIB, ge=0, le=64 * MIB, description="UTF-8 bytes of suffix."
    )
    grammar_bytes: int = Field(
        default=256 * 1024, ge=0, le=512 * 1024, description="UTF-8 bytes of the grammar's source."
    )
    forced_bytes: int = Field(
        default=4096, ge=0, le=MIB, description="Longest forced text that one call looks for."
    )
    completion_steps: int = Field(
        default=2000,
        ge=0,
        le=1_000_000,
        description="States computed in one search for a completion under a user's grammar.",
    )


class ConstraintSpec(Model):
    """One request: a language, a user's grammar, or both (then both must admit each token)."""

    version: Literal["1.0"] = Field(default="1.0", description="Version of this format.")
    language: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_+-]{0,31}$")] | None = Field(
        default=None, description="Programming language; null where only a user's grammar binds."
    )
    context: Context = Context()
    grammar: Grammar | None = None
    grammars: Annotated[tuple[Grammar, ...], Field(max_length=16)] = Field(
        default=(), description="Further grammars; each binds the generated text as well."
    )
    imports: Imports = Imports()
    scope: Scope = Scope()
    contracts: Contracts = Contracts()
    domains: Annotated[
        tuple[DomainName, ...], Field(min_length=1, json_schema_extra={"uniqueItems": True})
    ] = ("syntax",)
    relax: Annotated[tuple[DomainName, ...], Field(json_schema_extra={"uniqueItems": True})] = (
        Field(
            default=(),
            description="Domains that give way, the first one first, where together they would "
            "leave no token. Syntax never does. Empty: none does.",
        )
    )
    budgets: Budgets = Budgets()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _consistent(self) -> ConstraintSpec:
        refuse_contradictions(list(_contradictions(self)))
        return self

    @property
    def all_grammars(self) -> tuple[Grammar, ...]:
        """The user's grammars: the text must follow each."""
        return self.grammars if self.grammar is None else (self.grammar, *self.grammars)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over the spec's canonical JSON: equal specs, equal fingerprints."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Canonical JSON: every field, keys sorted, no white space."""
        return json.dumps(
            self.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":")
        )


class Policy(ConstraintSpec):
    """What a spec may hold in part: no field is needed, and a field that is left out says nothing.

    Layers of these are composed (`compose.py`) before they are one request.
    """

    @model_validator(mode="after")
    def _consistent(self) -> Policy:
        refuse_contradictions(
            [
                *_repeated_domains(self),
                *import_contradictions(self.imports),
                *scope_contradictions(self.scope),
                *contract_contradictions(self.contracts),
            ]
        )
        return self


def refuse_contradictions(found: list[tuple[str, str]]) -> None:
    """Raises pydantic's error for the contradictions found, (place, problem) each."""
    if found:
        raise PydanticCustomError(
            "contradiction",
            "{text}",
            {
                "text": "; ".join(f"{place}: {problem}" for place, problem in found),
                "all": found,
            },
        )


def _repeated_domains(spec: ConstraintSpec) -> Iterator[tuple[str, str]]:
    for place, domains in (
        ("domains", spec.domains),
        ("relax", spec.relax),
        ("budgets.first", spec.budgets.first),
    ):
        for at, domain in enumerate(domains):
            if domain in domains[:at]:
                yield f"{place}[{at}]", f"{domain} is named twice"
    if "syntax" in spec.relax:
        yield f"relax[{spec.relax.index('syntax')}]", "syntax never gives way; leave it out"


def _contradictions(spec: ConstraintSpec) -> Iterator[tuple[str, str]]:
    """(place, problem) for each pair of fields that can't both be meant."""
    context, limits = spec.context, spec.limits
    if spec.language is None:
        if not spec.all_grammars:
            yield "language", "give a language, a grammar, or both"
        for name, given in (
            ("prefix", context.prefix != ""),
            ("suffix", context.suffix is not None),
            ("path", context.path is not None),
        ):
            if given:
                yield (
                    f"context.{name}",
                    "needs a language: a user's grammar binds the generated text only",
                )
        if spec.imports != Imports():
            yield "imports", "needs a language: modules are a language's"
        if spec.scope != Scope():
            yield "scope", "needs a language: it is written in one"
        if spec.contracts != Contracts():
            yield "contracts", "needs a language: conditions are its expressions"
        for at, domain in enumerate(spec.domains):
            if domain != "syntax":
                yield f"domains[{at}]", f"the {domain} domain needs a language"
    yield from _repeated_domains(spec)
    yield from import_contradictions(spec.imports)
    yield from scope_contradictions(spec.scope)
    yield from contract_contradictions(spec.contracts)
    if spec.scope != Scope() and _MEANING.isdisjoint(spec.domains):
        yield "scope", 'belongs to the domains of meaning: add "types" to domains'
    if spec.contracts != Contracts() and "semantics" not in spec.domains:
        yield "contracts", 'belongs to the semantics domain: add "semantics" to domains'
    if spec.all_grammars and "syntax" not in spec.domains:
        yield "domains", 'a grammar belongs to the syntax domain: add "syntax" or drop the grammar'
    for place, text, limit, bound in (
        ("context.prefix", context.prefix, "prefix_bytes", limits.prefix_bytes),
        ("context.suffix", context.suffix, "suffix_bytes", limits.suffix_bytes),
        (
            "grammar.source",
            spec.grammar and spec.grammar.source,
            "grammar_bytes",
            limits.grammar_bytes,
        ),
        *(
            (f"grammars[{at}].source", one.source, "grammar_bytes", limits.grammar_bytes)
            for at, one in enumerate(spec.grammars)
        ),
    ):
        size = len(text.encode()) if text else 0
        if size > bound:
            yield place, f"has {size:,} bytes, spec.limits.{limit} allows {bound:,}"
