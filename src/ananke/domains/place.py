"""Where a session stands: one immutable state of each part that admits tokens."""

from __future__ import annotations

import time
from collections.abc import Container
from dataclasses import dataclass, replace

from ananke.domains.state import DomainState, JudgeState
from ananke.domains.syntax.program import ProgramState

__all__ = ["Place"]


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """What holds after some text.

    Attributes:
        parts: the grammars: the language's first, if there is one, then the user's.
        judges: the domains that judge what the language's grammar admits, in the order of cost.
        slipped: judges (part, why) that the last text violated; they take what is wrong for given
            since, or are out.
    """

    parts: tuple[DomainState, ...]
    judges: tuple[JudgeState, ...] = ()
    slipped: tuple[tuple[str, str], ...] = ()

    def advance(
        self,
        text: bytes,
        token: int | None = None,
        lenient: Container[str] = (),
        times: dict[str, int] | None = None,
    ) -> Place | None:
        """The place after `text`, or None if a part refuses it.

        Args:
            token: the id that spells `text`, if it was one token: a hint, never a meaning.
            lenient: judges that don't refuse: one that would forgives, and is in `slipped`.
            times: nanoseconds by part, to be added to.
        """
        parts: list[DomainState] = []
        for part in self.parts:
            began = time.perf_counter_ns()
            after = part.advance(text, token)
            _add(times, part.part, began)
            if after is None:
                return None
            parts.append(after)
        if not self.judges:
            return Place(tuple(parts))
        judges: list[JudgeState] = []
        slipped: list[tuple[str, str]] = []
        program = parts[0]
        assert isinstance(program, ProgramState)
        for judge in self.judges:
            began = time.perf_counter_ns()
            judged = judge.advance(program.parse)
            _add(times, judge.part, began)
            if judged is not None:
                judges.append(judged)
            elif judge.part in lenient:
                slipped.append((judge.part, judge.refusal(program.parse)))
                forgiving = judge.forgive(program.parse)
                if forgiving is not None:
                    judges.append(forgiving)
            else:
                return None
        return Place(tuple(parts), tuple(judges), tuple(slipped))

    def end(self, lenient: Container[str] = ()) -> Place | None:
        """The place of a text that ends here, or None if a part doesn't let it.

        `lenient` and `slipped` as in `advance`.
        """
        if not all(part.can_end() for part in self.parts):
            return None
        owing = [judge for judge in self.judges if not judge.can_end()]
        if not owing:
            return replace(self, slipped=()) if self.slipped else self
        if not all(judge.part in lenient for judge in owing):
            return None
        return Place(
            self.parts,
            tuple(judge for judge in self.judges if judge not in owing),
            tuple((judge.part, judge.end_refusal()) for judge in owing),
        )

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
