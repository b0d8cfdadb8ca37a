"""Which places of a file are holes, where the file itself doesn't say: a list of ranges.

    {"holes": [{"start": 120, "end": 131, "spec": {"imports": {"allow": []}}}]}

What a hole's `spec` says holds for what is written there, besides all that holds for the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from ananke.spec.base import Model
from ananke.spec.model import Policy, refuse_contradictions

__all__ = ["HoleRange", "HoleRanges"]


class HoleRange(Model):
    """From byte `start` of the file up to `end`, which is not in it."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    spec: Policy | None = None


class HoleRanges(Model):
    """The holes of a file, in order, none in another."""

    holes: Annotated[tuple[HoleRange, ...], Field(max_length=10_000)]

    @model_validator(mode="after")
    def _in_order(self) -> HoleRanges:
        refuse_contradictions(list(self._disordered()))
        return self

    def _disordered(self) -> Iterator[tuple[str, str]]:
        last = 0
        for at, one in enumerate(self.holes):
            if one.end < one.start:
                yield f"holes[{at}].end", "lies before its start"
            if one.start < last:
                yield f"holes[{at}].start", f"lies before byte {last}, where the hole before ends"
            last = max(last, one.end)
