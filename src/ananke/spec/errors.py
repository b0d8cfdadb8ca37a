"""What is wrong with a spec, and where: each violation has a path such as `spec.context.prefix`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong: `path` names the place, `problem` says what and how to mend it."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class SpecError(ValueError):
    """A spec that can't be honoured.

    `violations` holds every violation found, in the order of the document; `path` and `problem`
    are those of the first. The message has one line for each.
    """

    def __init__(self, violations: Sequence[Violation]) -> None:
        if not violations:
            raise ValueError("a SpecError needs at least one violation")
        super().__init__("\n".join(str(violation) for violation in violations))
        self.violations = tuple(violations)

    @property
    def path(self) -> str:
        return self.violations[0].path

    @property
    def problem(self) -> str:
        return self.violations[0].problem


def spec_error(path: str, problem: str) -> SpecError:
    """A SpecError with a single violation."""
    return SpecError([Violation(path, problem)])
