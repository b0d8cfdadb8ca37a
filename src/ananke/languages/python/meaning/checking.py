"""Checking a whole text at once: all that is surely wrong with it, in order."""

from __future__ import annotations

from ananke.analysis.defects import Defect
from ananke.analysis.judgement import Surroundings
from ananke.analysis.tracing import Event
from ananke.languages.python.meaning.program import judge
from ananke.languages.python.meaning.request import begin
from ananke.parsing.state import ParseState

__all__ = ["check_state"]


def check_state(
    state: ParseState,
    surroundings: Surroundings = Surroundings(),  # noqa: B008 - a value
    *,
    trace: list[Event] | None = None,
) -> list[Defect]:
    """The defects of a text that parses; of a finished one also the names that it never binds.

    Args:
        surroundings: the place that the text is for.
        trace: what the statements did is added to it.

    Raises:
        SurroundingsError: something of the surroundings is not there or can't be read.
    """
    program = begin(surroundings)
    if trace is not None:
        program.trace = {}
    judgement = judge(program, state, at_end=state.can_end())
    if trace is not None and program.trace is not None:
        trace += program.trace.values()
    found = judgement.due if state.can_end() else judgement.defects
    return sorted(set(found), key=lambda one: (one.start, one.end, one.message))
