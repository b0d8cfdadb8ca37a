"""Which modules a request lets a program import: the lists `allow` and `deny` of its spec.

An entry covers the module and all below it. `deny` wins over `allow`; without `allow` everything
is allowed that isn't denied.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Policy"]


@dataclass(frozen=True, slots=True)
class Policy:
    """`allow` None: all modules."""

    allow: frozenset[str] | None = None
    deny: frozenset[str] = frozenset()

    @property
    def is_open(self) -> bool:
        return self.allow is None and not self.deny

    def refusal(self, module: str) -> str | None:
        """Why the module may not be imported; None if it may."""
        above = _above(module)
        denied = next((one for one in above if one in self.deny), None)
        if denied is not None:
            inside = "" if denied == module else f" (with all of `{denied}`)"
            return f"the request denies the import of `{module}`{inside}"
        if self.allow is not None and not any(one in self.allow for one in above):
            return f"the request doesn't allow the import of `{module}`"
        return None

    def may_lead(self, module: str) -> bool:
        """Whether the module or one below it may be imported (`import a` on the way to
        `a.b`)."""
        if self.refusal(module) is None:
            return True
        if any(one in self.deny for one in _above(module)) or self.allow is None:
            return False
        start = f"{module}."
        return any(one.startswith(start) and self.refusal(one) is None for one in self.allow)

    def filter(self, prefix: str, names: Iterable[str]) -> list[str]:
        """Of the parts directly below `prefix` ("" for the top) those that may be gone through."""
        return [n for n in names if self.may_lead(f"{prefix}.{n}" if prefix else n)]


def _above(module: str) -> list[str]:
    """The module and all that it is inside of, outermost first."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
