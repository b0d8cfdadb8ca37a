"""The places of a session, one for each token or fewer.

A place is a value that shares what it can with the one before, so keeping all of them is cheap, but
not free. `Checkpoints` says which are kept. The place of any other step is found again from the
nearest kept one before it, by the texts between: rolling back then costs those few tokens.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ananke.domains.place import Place
from ananke.domains.syntax.program import ProgramState
from ananke.outcome import Slip

__all__ = ["Checkpoints", "History", "Step"]

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Checkpoints:
    """Which places a session keeps. The first and the last are always there.

    Attributes:
        every: each so many steps.
        on_change: of those, only where a lexeme has closed since the last one kept: within a
            lexeme no domain learns anything.
        at_most: so many in all; when they become more, every second is dropped and `every`
            doubles. None: no bound.
    """

    every: int = 1
    on_change: bool = False
    at_most: int | None = None

    def __post_init__(self) -> None:
        if self.every < 1 or (self.at_most is not None and self.at_most < 2):
            raise ValueError(
                "Checkpoints: `every` is at least 1 and `at_most` at least 2 (first and last)"
            )


@dataclass(slots=True, eq=False)
class Step:
    """After one token or text: what it added, where that leads, whether it ended the text.

    Attributes:
        place: None where it isn't kept.
        token: the token that spelled the text, if it was one.
        slips: violations that this step brought in.
        left_out: by part why masks of this place were made without it: `budget`, `relaxation`.

    All but `left_out` is settled when the step is made, and forks share it: what a mask leaves out
    holds for all forks, and only ever grows.
    """

    text: bytes
    place: Place | None
    token: int | None = None
    finished: bool = False
    slips: tuple[Slip, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


class History:
    """The steps of a session. The last one has its place."""

    def __init__(self, start: Place, checkpoints: Checkpoints) -> None:
        self.steps = [Step(b"", start)]
        self._checkpoints = checkpoints
        self._every = checkpoints.every
        self._keeps_all = checkpoints == Checkpoints()
        #: Indices of the steps before the last whose places are kept, in order, if not all are.
        self._kept: list[int] = []

    def copy(self) -> History:
        """An independent history of the same steps."""
        other = History.__new__(History)
        other.steps, other._kept = self.steps.copy(), self._kept.copy()
        other._checkpoints, other._every = self._checkpoints, self._every
        other._keeps_all = self._keeps_all
        return other

    @property
    def last(self) -> Step:
        return self.steps[-1]

    @property
    def place(self) -> Place:
        """Where the text stands."""
        place = self.steps[-1].place
        assert place is not None
        return place

    def append(self, step: Step) -> None:
        """Goes on; `step` has its place."""
        at = len(self.steps) - 1
        if self._keeps_all:
            pass
        elif self._is_kept(at):
            self._kept.append(at)
            bound = self._checkpoints.at_most
            # The last one's place counts too.
            while bound is not None and len(self._kept) + 1 > bound and len(self._kept) > 1:
                self._drop(self._kept[1::2])
                self._every *= 2
        else:
            self._drop([at])
        self.steps.append(step)

    def take_back(self, count: int) -> list[Step]:
        """Goes back by some steps, at most all but the first; gives them."""
        taken = self.steps[-count:]
        del self.steps[-count:]
        at = len(self.steps) - 1
        if not self._keeps_all:
            del self._kept[bisect_left(self._kept, at) :]
        if self.steps[at].place is None:
            self.steps[at] = replace(self.steps[at], place=self._found_again(at))
        return taken

    def _is_kept(self, at: int) -> bool:
        if at == 0:
            return True
        if at % self._every:
            return False
        if not self._checkpoints.on_change:
            return True
        here, before = self.steps[at].place, self.steps[self._kept[-1]].place
        assert here is not None
        assert before is not None
        return _lexeme(here) is None or _lexeme(here) != _lexeme(before)

    def _drop(self, places: Iterable[int]) -> None:
        dropped = set(places)
        self._kept = [at for at in self._kept if at not in dropped]
        for at in dropped:
            self.steps[at] = replace(self.steps[at], place=None)

    def _found_again(self, at: int) -> Place:
        place = self.steps[self._kept[-1]].place
        for step in self.steps[self._kept[-1] + 1 : at + 1]:
            assert place is not None
            out = {slip.part for slip in step.slips}
            place = place.end(out) if step.finished else place.advance(step.text, step.token, out)
        assert place is not None, "a text that was accepted is accepted again"
        return place


def _lexeme(place: Place) -> int | None:
    """Where the unfinished lexeme begins; None without a language."""
    program = place.parts[0]
    return program.parse.lexeme_start if isinstance(program, ProgramState) else None
