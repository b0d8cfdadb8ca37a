"""What a caller may ask for: ConstraintSpec 1.0, its validation, its published JSON Schema, and the
meet by which several make one.

**Invariant:** a leaf. It knows no language, no vocabulary and no grammar engine.
"""

from ananke.spec.compose import TOP, Clash, Constraint, compose, said_in
from ananke.spec.contracts import (
    ClassContract,
    Contracts,
    FunctionContract,
    LiteralBound,
    LoopContract,
    TypedName,
)
from ananke.spec.envelope import (
    EXTRA_ARGUMENT,
    SCHEMA_KEYWORD,
    extra_arguments_with,
    schema_with,
)
from ananke.spec.errors import SpecError, Violation, spec_error
from ananke.spec.holes import HoleRange
from ananke.spec.imports import Imports, ModuleStub
from ananke.spec.model import (
    DOMAIN_NAMES,
    GRAMMAR_KINDS,
    Budgets,
    ConstraintSpec,
    Context,
    DomainName,
    Grammar,
    Limits,
    Policy,
)
from ananke.spec.parse import MAX_DEPTH, MAX_SPEC_BYTES, parse_holes, parse_policy, parse_spec
from ananke.spec.schema import published_schema
from ananke.spec.scope import Binding, ClassSource, FunctionSignature, Inside, Scope

__all__ = [
    "DOMAIN_NAMES",
    "EXTRA_ARGUMENT",
    "GRAMMAR_KINDS",
    "MAX_DEPTH",
    "MAX_SPEC_BYTES",
    "SCHEMA_KEYWORD",
    "TOP",
    "Binding",
    "Budgets",
    "Clash",
    "ClassContract",
    "ClassSource",
    "Constraint",
    "ConstraintSpec",
    "Context",
    "Contracts",
    "DomainName",
    "FunctionContract",
    "FunctionSignature",
    "Grammar",
    "HoleRange",
    "Imports",
    "Inside",
    "Limits",
    "LiteralBound",
    "LoopContract",
    "ModuleStub",
    "Policy",
    "Scope",
    "SpecError",
    "TypedName",
    "Violation",
    "compose",
    "extra_arguments_with",
    "parse_holes",
    "parse_policy",
    "parse_spec",
    "published_schema",
    "said_in",
    "schema_with",
    "spec_error",
]
