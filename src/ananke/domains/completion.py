"""The text that finishes a program where judges take part.

The language's parser knows a shortest text that ends the program; a judge may refuse it: `f(` asks
for an argument, a name that is used must be bound. So it is written as far as the judges let it,
and where they don't, what they propose is tried: the rest of the word that is begun, what may stand
for an operand, what makes another value of the one before; and where the program could end but for
what is still due, a binding or a statement. What has least left to close is followed first; what is
found need not be the least.
"""

from __future__ import annotations

from heapq import heappop, heappush

from ananke.domains.place import Place

__all__ = ["search_judged_completion"]

#: A proposal counts like so many bytes that are left to close.
_PROPOSED = 4


def search_judged_completion(place: Place, steps: int) -> bytes | None:
    """A short text after which every part lets the text end, or None if `steps` places don't show
    one."""
    return _Search(steps).run(place)


class _Search:
    """Places to go on from, with the text that leads there and what would close the program."""

    def __init__(self, steps: int) -> None:
        self._left = steps
        self._seen = {b""}
        self._waiting: list[tuple[int, int, int, bytes, bytes, Place, int]] = []

    def run(self, place: Place) -> bytes | None:
        self._add(b"", place, 0)
        while self._waiting and self._left > 0:
            _, _, _, text, closing, here, proposed = heappop(self._waiting)
            closed = self._advance(here, closing)
            if closed is not None:
                if closed.can_end():
                    return text + closing
                for judge in closed.judges:
                    for more in judge.endings():
                        self._propose(text + closing, closed, more, proposed)
                begun, further = closing, closed
            else:
                begun, further = self._written(here, closing)
            if begun:
                self._propose_all(text + begun, further, proposed)
            self._propose_all(text, here, proposed)
        return None

    def _written(self, place: Place, closing: bytes) -> tuple[bytes, Place]:
        """The longest beginning of what would close the program that is taken."""
        for at in range(len(closing)):
            after = self._advance(place, closing[at : at + 1])
            if after is None:
                return closing[:at], place
            place = after
        return closing, place

    def _propose_all(self, text: bytes, here: Place, proposed: int) -> None:
        for judge in here.judges:
            for alike in judge.proposals():
                any(self._propose(text, here, more, proposed) for more in alike)

    def _propose(self, text: bytes, here: Place, more: bytes, proposed: int) -> bool:
        """Whether more text is taken."""
        if text + more in self._seen:
            return True
        after = self._advance(here, more)
        if after is None:
            return False
        self._add(text + more, after, proposed + 1)
        return True

    def _add(self, text: bytes, here: Place, proposed: int) -> None:
        self._seen.add(text)
        closing = here.parts[0].shortest_completion()
        if closing is not None:
            cost = len(closing) + _PROPOSED * proposed
            entry = (cost, len(text), len(self._seen), text, closing, here, proposed)
            heappush(self._waiting, entry)

    def _advance(self, place: Place, text: bytes) -> Place | None:
        self._left -= 1
        return place.advance(text)
