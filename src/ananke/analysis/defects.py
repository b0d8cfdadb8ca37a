"""Defects: what is wrong with a program, where, and what would have been admitted there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Defect", "Domain"]


class Domain(Enum):
    """Which domain judges; the value is the name that a spec uses."""

    IMPORTS = "imports"
    TYPES = "types"
    CONTROLFLOW = "controlflow"


@dataclass(frozen=True, slots=True)
class Defect:
    """Something that no completion of the text can mend.

    `start` and `end` are byte offsets of what is wrong; it is certain once the text passes `end`.
    `admitted`: some of the names that would have been right there.
    """

    domain: Domain
    message: str
    start: int
    end: int
    admitted: tuple[str, ...] = ()

    def text(self) -> str:
        """The defect in words, the domain first."""
        shown = ", ".join(self.admitted[:8])
        more = ", …" if len(self.admitted) > 8 else ""
        hint = f" (admitted here: {shown}{more})" if shown else ""
        return f"{self.domain.value}: {self.message}{hint}"
