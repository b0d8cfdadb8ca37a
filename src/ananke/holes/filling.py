"""Filling holes one by one, so that all fills hold together.

A hole is filled with what a writer writes between the text before it, with the fills so far, and
the text after it, in which later holes stand as something that nothing is known of. A fill is kept
if it brings no defect and leaves every later hole with a solution, as far as that can be told. One
that the writer ended itself is preferred to one that had to be closed for it, which says less of
what the writer meant: such a one waits until some attempts more gave no better. A hole that can't
be filled takes back the fill before it: a search by depth, with bounds. If the first can't be
filled whatever is tried, it stays open and the others are filled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ananke.analysis.defects import Defect
from ananke.analysis.holes import HoleError, HoleLanguage, Region
from ananke.holes.text import Find, HoleText, stand_in
from ananke.outcome import Satisfiability
from ananke.spec import Constraint, ConstraintSpec, parse_policy, said_in

__all__ = ["Attempt", "Draft", "Filled", "Limits", "Task", "Writer", "fill"]


@dataclass(frozen=True)
class Draft:
    """What a writer wrote; `is_closed`: a limit came near, so that its end is not the writer's."""

    text: bytes
    is_closed: bool = False


#: Writes what stands between a spec's prefix and suffix and stays in a region; None if it could not
#: be finished. The number is another one for each attempt.
Writer = Callable[[ConstraintSpec, Region, int], Draft | None]


@dataclass(frozen=True)
class Limits:
    """Bounds of the search: attempts at one hole in a row, and in all; and fills of a hole that had
    to be closed, which wait for a better one."""

    in_a_row: int = 20
    in_all: int = 100
    waiting: int = 3


@dataclass(frozen=True)
class Attempt:
    """One attempt: which hole (from 0), what was written, and what became of it: `kept`, or why
    not."""

    hole: int
    text: bytes | None
    outcome: str


@dataclass(frozen=True)
class Filled:
    """What filling gave.

    Attributes:
        text: the whole text; holes that were not filled stand in it as the language's sign.
        fills: by hole what was written, or None.
        attempts: all of them, in order.
    """

    text: bytes
    fills: tuple[bytes | None, ...]
    attempts: tuple[Attempt, ...]

    @property
    def is_complete(self) -> bool:
        return None not in self.fills


@dataclass(frozen=True)
class Task:
    """What a filling is asked for.

    Attributes:
        language: how holes are written.
        request: what holds for every hole: the language's name, policies.
        find: the language's holes, in the text's surroundings.
        look: whether what stands between a spec's texts can be finished within a region.
        defects: what is wrong with a text; None: nothing is known.
        limits: bounds of the search.
    """

    language: HoleLanguage
    request: Constraint
    find: Find
    look: Callable[[ConstraintSpec, Region], Satisfiability]
    defects: Callable[[bytes], Sequence[Defect]] | None = None
    limits: Limits = field(default_factory=Limits)


def fill(
    task: Task, holes: HoleText, writer: Writer, chosen: Sequence[int] | None = None
) -> Filled:
    """Fills all holes, or those chosen (from 0), in order.

    Raises:
        SpecError: what is asked for a hole clashes; nothing is written then.
    """
    search = _Search(task, holes, writer, chosen)
    search.start()
    return Filled(search.text(), tuple(search.fills), tuple(search.attempts))


class _Search:
    def __init__(
        self, task: Task, holes: HoleText, writer: Writer, chosen: Sequence[int] | None
    ) -> None:
        self._task = task
        self._holes = holes
        self._writer = writer
        self._chosen = list(range(len(holes.holes))) if chosen is None else sorted(chosen)
        self.fills: list[bytes | None] = [None] * len(holes.holes)
        self.attempts: list[Attempt] = []
        #: What was found out, by the fills so far; all read the whole text.
        self._looks: dict[tuple[object, ...], Satisfiability] = {}
        self._places: dict[tuple[object, ...], tuple[ConstraintSpec, Region]] = {}
        self._known_defects: dict[tuple[bytes | None, ...], Counter[str]] = {}
        ends = [0, *(one.end for one in holes.holes)]
        starts = [*(one.start for one in holes.holes), len(holes.text)]
        #: The text between the holes.
        self._between = [holes.text[begin:end] for begin, end in zip(ends, starts, strict=True)]
        self._constraints = [
            task.request
            if policy is None
            else task.request.meet(said_in(policy, f"holes[{at}].spec"))
            for at, policy in enumerate(holes.policies)
        ]
        for one in self._constraints:
            one.refuse_bottom()

    def start(self) -> None:
        """Fills what can be filled: a hole that can't be is left open for the others' sake."""
        given_up: list[int] = []
        while self._chosen and not self._fill_from(0) and not self._is_spent:
            given_up.append(self._chosen.pop(0))
        # With all others open one was not to be filled with them; alone it may be.
        for hole in given_up:
            self._chosen = [hole]
            if not self._is_spent:
                self._fill_from(0)

    @property
    def _is_spent(self) -> bool:
        return len(self.attempts) >= self._task.limits.in_all

    def text(self, filler: bool = False) -> bytes:
        """The text as it is now; open holes as the sign, or as what nothing is known of."""
        return self._before(len(self.fills), filler)

    def _before(self, hole: int, filler: bool = False) -> bytes:
        pieces = [self._between[0]]
        for at in range(hole):
            pieces += [self._written(at, filler), self._between[at + 1]]
        return b"".join(pieces)

    def _written(self, at: int, filler: bool) -> bytes:
        written = self.fills[at]
        if written is not None:
            return written
        language = self._task.language
        return stand_in(language, self._holes.holes[at]) if filler else language.sign

    def _fill_from(self, index: int) -> bool:
        """Whether the chosen holes from this one on could be filled."""
        if index == len(self._chosen):
            return True
        hole = self._chosen[index]
        waiting: list[bytes] = []
        for _ in range(self._task.limits.in_a_row):
            if self._is_spent:
                break
            problem = self._without_solution(hole)
            if problem is not None:
                self.attempts.append(Attempt(hole, None, problem))
                break
            if not self._attempt(hole, index, waiting):
                continue
            if self._fill_from(index + 1):
                return True
            self._undo(hole)
        return any(self._take_up(hole, index, text) for text in waiting)

    def _take_up(self, hole: int, index: int, text: bytes) -> bool:
        """Whether the later holes can be filled beside a fill that waited for a better one."""
        if self.fills[hole] is not None:
            # No attempt was left to take back what stands there.
            return False
        self.fills[hole] = text
        self.attempts.append(Attempt(hole, text, "kept"))
        if self._fill_from(index + 1):
            return True
        self._undo(hole)
        return False

    def _undo(self, hole: int) -> None:
        written = self.fills[hole]
        self.fills[hole] = None
        if not self._is_spent:
            self.attempts.append(Attempt(hole, written, "undone: a later hole could not be filled"))
        else:
            # Better some holes filled than none.
            self.fills[hole] = written

    def _attempt(self, hole: int, index: int, waiting: list[bytes]) -> bool:
        """Writes one fill. Whether it is kept; one that is right but for its end may be added to
        those that wait."""
        spec, region = self._place(hole)
        number = len(self.attempts)
        draft = self._writer(spec, region, number)
        if draft is None:
            self.attempts.append(Attempt(hole, None, "could not be finished"))
            return False
        text = draft.text
        before = self._defects()
        self.fills[hole] = text
        outcome = self._new_hole(hole, text) or self._new_defect(before)
        for later in self._chosen[index + 1 :] if outcome is None else ():
            problem = self._without_solution(later)
            if problem is not None:
                outcome = f"leaves hole {later + 1} without a solution: {problem}"
                break
        if outcome is None and draft.is_closed and len(waiting) < self._task.limits.waiting:
            outcome = "waits: it had to be closed"
            waiting.append(text)
        self.attempts.append(Attempt(hole, text, outcome or "kept"))
        if outcome is not None:
            self.fills[hole] = None
        return outcome is None

    def _new_hole(self, hole: int, text: bytes) -> str | None:
        """Why a text that is a hole itself, or holds one, fills none."""
        if self._task.language.sign not in text:
            return None
        begin = len(self._before(hole))
        inside = range(begin, begin + len(text))
        if any(one.start in inside for one in self._task.find(self.text(), None)):
            return "leaves a hole"
        return None

    def _without_solution(self, hole: int) -> str | None:
        """Why nothing can fill the hole; None if something may."""
        try:
            spec, region = self._place(hole)
        except HoleError as error:
            return str(error)
        key = (hole, *self.fills)
        if key not in self._looks:
            self._looks[key] = self._task.look(spec, region)
        found = self._looks[key]
        return found.reason if found.status == "unsat" else None

    def _place(self, hole: int) -> tuple[ConstraintSpec, Region]:
        """What is asked of the hole, with the fills so far around it."""
        key = (hole, *self.fills)
        if key not in self._places:
            self._places[key] = self._read_place(hole)
        return self._places[key]

    def _read_place(self, hole: int) -> tuple[ConstraintSpec, Region]:
        prefix = self._before(hole)
        (now,) = self._task.find(self.text(), frozenset((len(prefix),)))
        suffix = self.text(filler=True)[len(self._before(hole + 1, filler=True)) :]
        suffix = self._between[hole + 1] + suffix
        context = {"prefix": prefix.decode(), "suffix": suffix.decode()}
        asked = self._constraints[hole].meet(
            said_in(parse_policy({"context": context}), "the text around the hole:")
        )
        return asked.spec(), now.region

    def _defects(self) -> Counter[str]:
        if self._task.defects is None:
            return Counter()
        key = tuple(self.fills)
        if key not in self._known_defects:
            found = self._task.defects(self.text(filler=True))
            self._known_defects[key] = Counter(one.text() for one in found)
        return self._known_defects[key]

    def _new_defect(self, before: Counter[str]) -> str | None:
        found = self._defects() - before
        return min(found) if found else None
