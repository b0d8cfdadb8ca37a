"""The text that finishes a program where judges take part.

The language's parser knows a shortest text that ends the program; a judge may refuse it: `f(` asks
for an argument, a name that is used must be bound. So it is written as far as the judges let it,
and where they don't, what they propose is tried: the rest of the word that is begun, what may stand
for an operand, what makes another value of the one before; and where the program could end but for
what is still due, a binding or a statement. What has least left to close is followed first; what is
found need not be the least.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

from ananke.domains.place import Place

__all__ = ["search_judged_completion"]

#: A proposal counts like so many bytes that are left to close.
_PROPOSED = 4
#: Bytes of what closes a program on the way of which something is proposed.
_LEVELS = 6


def search_judged_completion(place: Place, steps: int) -> bytes | None:
    """A short text after which every part lets the text end, or None if `steps` places don't show
    one."""
    return _Search(steps).run(place)


@dataclass(frozen=True, slots=True)
class _Found:
    """A place on the way: the text that leads there, how many of its pieces were proposed, what
    would close the program by the language's grammar, and the place after that, None if it isn't
    taken."""

    text: bytes
    here: Place
    proposed: int
    closing: bytes
    closed: Place | None

    @property
    def cost(self) -> int:
        return len(self.closing) + _PROPOSED * self.proposed


class _Search:
    """The places to go on from, those with least to write first."""

    def __init__(self, steps: int) -> None:
        self._left = steps
        self._seen = {b""}
        self._waiting: list[tuple[int, int, int, _Found]] = []

    def run(self, place: Place) -> bytes | None:
        found = self._found(b"", place, 0)
        while found is not None and not self._ends(found):
            further = self._goals(found)
            ended = next((one for one in further if self._ends(one)), None)
            if ended is not None:
                return ended.text + ended.closing
            found = heappop(self._waiting)[-1] if self._waiting and self._left > 0 else None
        return None if found is None else found.text + found.closing

    def _ends(self, found: _Found) -> bool:
        return found.closed is not None and found.closed.can_end()

    def _goals(self, found: _Found) -> Iterator[_Found]:
        """What proposals lead to, each of which is gone on from later."""
        closing, proposed = found.closing, found.proposed
        if found.closed is not None:
            closed, text = found.closed, found.text + closing
            for judge in closed.judges:
                for more in judge.endings():
                    yield from self._proposed(text, closed, [(more,)], proposed)
            yield from self._proposals(text, closed, proposed)
        if closing or found.closed is None:
            yield from self._proposals(found.text, found.here, proposed)
        yield from self._within(found)

    def _within(self, found: _Found) -> Iterator[_Found]:
        """What is proposed on the way of what closes the program: after each of its first bytes
        where all is taken, else where it goes no further."""
        place = found.here
        count = len(found.closing) if found.closed is None else _LEVELS - 1
        for at, byte in enumerate(found.closing[:count]):
            after = self._advance(place, bytes([byte]))
            if after is None and at:
                yield from self._proposals(found.text + found.closing[:at], place, found.proposed)
            if after is None:
                return
            place = after
            if found.closed is not None:
                written = found.text + found.closing[: at + 1]
                yield from self._proposals(written, place, found.proposed)

    def _proposals(self, text: bytes, here: Place, proposed: int) -> Iterator[_Found]:
        for judge in here.judges:
            yield from self._proposed(text, here, judge.proposals(), proposed)

    def _proposed(
        self, text: bytes, here: Place, proposals: Iterable[tuple[bytes, ...]], proposed: int
    ) -> Iterator[_Found]:
        """The places after what is proposed; of texts that are alike after the first one taken."""
        for alike in proposals:
            for more in alike:
                if text + more in self._seen:
                    break
                after = self._advance(here, more)
                if after is None:
                    continue
                self._seen.add(text + more)
                found = self._found(text + more, after, proposed + 1)
                if found is not None:
                    heappush(self._waiting, (found.cost, len(text), len(self._seen), found))
                    yield found
                break

    def _found(self, text: bytes, here: Place, proposed: int) -> _Found | None:
        closing = here.parts[0].shortest_completion()
        if closing is None:
            return None
        return _Found(text, here, proposed, closing, self._advance(here, closing))

    def _advance(self, place: Place, text: bytes) -> Place | None:
        self._left -= 1
        return place.advance(text) if self._left > 0 else None
