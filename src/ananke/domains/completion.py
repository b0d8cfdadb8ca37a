"""The text that finishes a program where judges take part.

The language's parser knows a shortest text that ends the program; a judge may refuse it: `f(` asks
for an argument, a name that is used must be bound. Then what the judges propose comes first: the
rest of the word that is begun, or what may stand for an operand; and after the parser's text, what
is still due: a binding, a statement. The search takes the fewest proposals, then the shortest text;
what it finds need not be the least.
"""

from __future__ import annotations

from heapq import heappop, heappush

from ananke.domains.place import Place

__all__ = ["search_judged_completion"]


def search_judged_completion(place: Place, steps: int) -> bytes | None:
    """A short text after which every part lets the text end, or None if `steps` places don't show
    one."""
    waiting: list[tuple[int, int, int, bytes, Place]] = [(0, 0, 0, b"", place)]
    seen = {b""}

    def propose(text: bytes, here: Place, proposed: int) -> None:
        if text not in seen:
            seen.add(text)
            heappush(waiting, (proposed, len(text), len(seen), text, here))

    while waiting and steps > 0:
        proposed, _, _, text, here = heappop(waiting)
        closing = here.parts[0].shortest_completion()
        closed = None if closing is None else here.advance(closing)
        if closing is not None and closed is not None:
            if closed.can_end():
                return text + closing
            for judge in closed.judges:
                for more in judge.endings():
                    steps -= 1
                    after = closed.advance(more)
                    if after is not None:
                        propose(text + closing + more, after, proposed + 1)
        for judge in here.judges:
            for more in judge.proposals():
                steps -= 1
                after = here.advance(more)
                if after is not None:
                    propose(text + more, after, proposed + 1)
    return None
