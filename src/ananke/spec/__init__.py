"""What a caller may ask for: ConstraintSpec 1.0, its validation, its published JSON Schema.

**Invariant:** a leaf. It knows no language, no vocabulary and no grammar engine.
"""

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
from ananke.spec.imports import Imports, ModuleStub
from ananke.spec.model import (
    DOMAIN_NAMES,
    GRAMMAR_KINDS,
    Budgets,
    ConstraintSpec,
    Context,
    Grammar,
    Limits,
)
from ananke.spec.parse import MAX_DEPTH, MAX_SPEC_BYTES, parse_spec
from ananke.spec.schema import published_schema

__all__ = [
    "DOMAIN_NAMES",
    "EXTRA_ARGUMENT",
    "GRAMMAR_KINDS",
    "MAX_DEPTH",
    "MAX_SPEC_BYTES",
    "SCHEMA_KEYWORD",
    "Budgets",
    "ClassContract",
    "ConstraintSpec",
    "Context",
    "Contracts",
    "FunctionContract",
    "Grammar",
    "Imports",
    "Limits",
    "LiteralBound",
    "LoopContract",
    "ModuleStub",
    "SpecError",
    "TypedName",
    "Violation",
    "extra_arguments_with",
    "parse_spec",
    "published_schema",
    "schema_with",
    "spec_error",
]
