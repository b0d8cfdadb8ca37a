"""The published JSON Schema of ConstraintSpec (docs/spec.schema.json), made from the model."""

from __future__ import annotations

import json

from ananke.spec.model import ConstraintSpec


def published_schema() -> str:
    """JSON Schema 2020-12 text, ending in a newline.

    It holds the shape and the bounds; contradictions between fields are checked by `parse_spec`.
    """
    schema = ConstraintSpec.model_json_schema(mode="validation")
    header = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:ananke:constraint-spec:1.0",
    }
    return json.dumps(header | schema, indent=2, sort_keys=False) + "\n"
