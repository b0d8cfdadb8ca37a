"""Policies of a serving process: files named in the environment variable `ANANKE_POLICY`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ananke.spec import (
    TOP,
    Constraint,
    ConstraintSpec,
    SpecError,
    Violation,
    compose,
    parse_policy,
    parse_spec,
    said_in,
    spec_error,
)

__all__ = ["VARIABLE", "read_policies", "under_policies"]

#: Names files with parts of ConstraintSpecs, separated as in PATH.
VARIABLE = "ANANKE_POLICY"


def read_policies() -> Constraint:
    """What the files named in `VARIABLE` say together; all requests are met with it.

    Raises SpecError where a file can't be read, holds no part of a spec, or two clash.
    """
    met = TOP
    for name in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        try:
            policy = parse_policy(Path(name).read_bytes())
        except OSError as error:
            raise spec_error(
                name, f"can't be read ({error.strerror}); correct {VARIABLE}"
            ) from None
        except SpecError as error:
            raise SpecError(
                [Violation(f"{name}: {one.path}", one.problem) for one in error.violations]
            ) from None
        met = met.meet(said_in(policy, name))
    met.refuse_bottom()
    return met


def under_policies(policies: Constraint, request: str | Mapping[str, Any]) -> ConstraintSpec:
    """What a request asks for, met with the policies. Raises SpecError."""
    if policies == TOP:
        return parse_spec(request)
    return compose(policies, said_in(parse_policy(request), "request"))
