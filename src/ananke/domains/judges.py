"""Which judges a spec asks for, at the place where its text begins."""

from __future__ import annotations

from ananke.domains.meaning import start_meaning
from ananke.domains.semantics import start_literals, start_semantics
from ananke.domains.state import JudgeState
from ananke.parsing.state import ParseState
from ananke.spec import ConstraintSpec
from ananke.vocabulary import Vocabulary

__all__ = ["BUILT_DOMAINS", "start_judges"]

#: The domains that this build has, by the names a spec uses.
BUILT_DOMAINS: tuple[str, ...] = ("syntax", "imports", "types", "controlflow", "semantics")


def start_judges(
    spec: ConstraintSpec, vocabulary: Vocabulary, parse: ParseState, *, is_enclosed: bool = False
) -> tuple[JudgeState, ...]:
    """The judges of the domains that `spec` names, at the text of `parse` (the spec's prefix).

    `is_enclosed`: what is written stays inside of the construct around the cursor.

    Raises SpecError where a domain can't be set up as asked.
    """
    started: tuple[JudgeState | None, ...] = (
        start_meaning(spec, vocabulary, parse, is_enclosed=is_enclosed),
        start_semantics(spec, vocabulary, parse),
        start_literals(spec, vocabulary, parse),
    )
    return tuple(judge for judge in started if judge is not None)
