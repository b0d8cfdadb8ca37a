"""How a spec travels in a request of a serving engine's OpenAI-compatible API.

SGLang passes a JSON schema on unchanged; vLLM passes on text under `vllm_xargs`. In both the
spec's own `version` is the envelope's.
"""

from __future__ import annotations

import json
from typing import Any

from ananke.spec.model import ConstraintSpec

#: The keyword of a JSON schema under which a spec stands, alone (SGLang).
SCHEMA_KEYWORD = "x-ananke"

#: The extra argument that holds a spec as JSON text (vLLM).
EXTRA_ARGUMENT = "ananke"


def written_fields(spec: ConstraintSpec) -> dict[str, Any]:
    """The spec as JSON values: its version, and what differs from the defaults."""
    return {"version": spec.version, **spec.model_dump(mode="json", exclude_defaults=True)}


def schema_with(spec: ConstraintSpec) -> dict[str, Any]:
    """The JSON schema that carries `spec`."""
    return {SCHEMA_KEYWORD: written_fields(spec)}


def extra_arguments_with(spec: ConstraintSpec) -> dict[str, str]:
    """The extra arguments that carry `spec`."""
    return {EXTRA_ARGUMENT: json.dumps(written_fields(spec), separators=(",", ":"))}
