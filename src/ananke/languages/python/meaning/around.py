"""What is wrong around a place whatever is written there.

Text with a place that is to be written may have defects that are no fault of what comes: a wrong
call further down, a member that is used in vain. To tell them from what the place still has to
bring, it is filled with something of unknown type, and with what might mend the rest: a binding of
the names and members that are missing, and, for how a function ends, a return. What is wrong with
each of them is wrong whatever is written.

Only a place that begins a line may bring names: what goes on in one has a work of its own. Where a
later statement is still to be written too (`...` alone on a line) that may bring them.
"""

from __future__ import annotations

import re

from ananke.analysis.defects import Defect, Domain
from ananke.languages.python.meaning.completion import UNDEFINED, missing_member
from ananke.languages.python.meaning.context import Program
from ananke.languages.python.meaning.program import judge
from ananke.parsing.state import ParseState

__all__ = ["wrong_around"]

_ANYTHING = b'eval("...")'
_TO_BE_WRITTEN = re.compile(rb"(?m)^[ \t]*\.\.\.[ \t]*$")


def wrong_around(program: Program, before: ParseState, after: bytes) -> frozenset[int]:
    """Where defects begin that nothing written between two texts mends: in the first counted from
    its start, in the second from its end, which is -1."""
    filler: bytes | None = _ANYTHING
    found = _filled(program, before, _ANYTHING, after)
    if found is None:
        filler = before.shortest_completion(after)
        found = None if filler is None else _filled(program, before, filler, after)
    if not found or filler is None:
        return frozenset()
    text = before.text()
    begins_line = not text[text.rfind(b"\n") + 1 :].strip()
    missing = _missing(found, text + filler + after) if begins_line else {}
    if missing and not _TO_BE_WRITTEN.search(after):
        bound = b"".join(b"%s = " % name.encode() for name in missing) + _ANYTHING
        found = _lasting(found, _filled(program, before, bound, after))
    if any(one.domain is Domain.CONTROLFLOW for one in found.values()):
        ended = _filled(program, before, b"return " + _ANYTHING, after)
        found = _lasting(found, ended, Domain.CONTROLFLOW)
    return frozenset(found)


def _filled(
    program: Program, before: ParseState, filler: bytes, after: bytes
) -> dict[int, Defect] | None:
    """What is wrong around the filler, by its place; None where it doesn't fit."""
    here = before.feed(filler)
    last = None if here is None else here.feed(after)
    if here is None or last is None or not last.can_end():
        return None
    found: dict[int, Defect] = {}
    for one in judge(program, last, at_end=True).due:
        # What the unfinished lexeme becomes is not told yet.
        if one.end <= before.lexeme_start:
            found[one.start] = one
        elif one.start >= here.position:
            found[one.start - last.position - 1] = one
    return found


def _missing(found: dict[int, Defect], text: bytes) -> dict[str, None]:
    """The names that aren't bound and the members that the receiver lacks."""
    targets: dict[str, None] = {}
    for one in found.values():
        name = UNDEFINED.search(one.message)
        target = missing_member(one, text) if name is None else name.group(1)
        if target is not None:
            targets[target] = None
    return targets


def _lasting(
    found: dict[int, Defect], mended: dict[int, Defect] | None, domain: Domain | None = None
) -> dict[int, Defect]:
    """Those (of a domain) that are there with another filler too; all if that one doesn't fit."""
    if mended is None:
        return found
    return {
        at: one for at, one in found.items() if at in mended or domain not in (None, one.domain)
    }
