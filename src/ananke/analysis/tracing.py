"""What the statements of a text did, as a language's rules ran them: the raw matter of reasons."""

from __future__ import annotations

from dataclasses import dataclass

from ananke.analysis.defects import Domain
from ananke.analysis.scopes import Scope

__all__ = ["Event"]


@dataclass(frozen=True, slots=True)
class Event:
    """One statement, `start` to `end` in bytes.

    Attributes:
        domain: the domain whose facts it brings: imports for an import, control flow for what
            branches or repeats, else types.
        before, after: the scopes around it.
        uses: the names that stand in it outside of inner statements, and where.
    """

    start: int
    end: int
    domain: Domain
    before: Scope
    after: Scope
    uses: tuple[tuple[str, int], ...]
