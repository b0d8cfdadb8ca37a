"""Where a session stands: one immutable state of each part that admits tokens."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ananke.domains.state import DomainState, JudgeState
from ananke.domains.syntax.program import ProgramState

__all__ = ["Place"]


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """What holds after some text.

    Attributes:
        parts: the grammars: the language's first, if there is one, then the user's.
        judges: the domains that judge what the language's grammar admits, in the order of cost.
    """

    parts: tuple[DomainState, ...]
    judges: tuple[JudgeState, ...] = ()

    def advance(
        self, text: bytes, token: int | None = None, times: dict[str, int] | None = None
    ) -> Place | None:
        """The place after `text`, or None if a part refuses it.

        Args:
            token: the id that spells `text`, if it was one token: a hint, never a meaning.
            times: nanoseconds by part, to be added to.
        """
        parts: list[DomainState] = []
        judges: list[JudgeState] = []
        for part in self.parts:
            began = time.perf_counter_ns()
            after = part.advance(text, token)
            _add(times, part.part, began)
            if after is None:
                return None
            parts.append(after)
        for judge in self.judges:
            program = parts[0]
            assert isinstance(program, ProgramState)
            began = time.perf_counter_ns()
            judged = judge.advance(program.parse)
            _add(times, judge.part, began)
            if judged is None:
                return None
            judges.append(judged)
        return Place(tuple(parts), tuple(judges))

    def can_end(self) -> bool:
        """Whether every part lets the text stop here."""
        return all(part.can_end() for part in self.parts) and all(
            judge.can_end() for judge in self.judges
        )

    def refusal(self, text: bytes) -> tuple[str, str] | None:
        """The first part that refuses `text`, and why; None if none does."""
        for part in self.parts:
            if part.advance(text) is None:
                return part.part, part.refusal(text)
        for judge in self.judges:
            program = self.parts[0].advance(text)
            assert isinstance(program, ProgramState)
            if judge.advance(program.parse) is None:
                return judge.part, judge.refusal(program.parse)
        return None

    def end_refusal(self) -> tuple[str, str] | None:
        """The first part that doesn't let the text stop here, and why; None if all do."""
        for part in self.parts:
            if not part.can_end():
                return part.part, part.end_refusal()
        for judge in self.judges:
            if not judge.can_end():
                return judge.part, judge.end_refusal()
        return None


def _add(times: dict[str, int] | None, part: str, began: int) -> None:
    if times is not None:
        times[part] = times.get(part, 0) + time.perf_counter_ns() - began
