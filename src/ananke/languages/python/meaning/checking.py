"""Checking a whole text at once: all that is surely wrong with it, in order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ananke.analysis.defects import Defect, Domain
from ananke.analysis.tracing import Event
from ananke.languages.python.library import open_library
from ananke.languages.python.meaning.context import Program
from ananke.languages.python.meaning.program import judge
from ananke.parsing.state import ParseState
from ananke.vocabulary.cache import DiskCache

__all__ = ["check_state"]


def check_state(
    state: ParseState,
    *,
    environment: Path | None = None,
    folder: Path | None = None,
    allowed: tuple[str, ...] | None = None,
    denied: tuple[str, ...] = (),
    stubs: Mapping[str, str] | None = None,
    trace: list[Event] | None = None,
) -> list[Defect]:
    """The defects of a text that parses; of a finished one also the names that it never binds.

    Args:
        environment: what is installed, as in `open_library`; None: any module may exist.
        folder: where the text's own modules are.
        allowed, denied: modules, each with all below, that may and may not be imported; None: any.
        stubs: stub text by module name, before all else.
        trace: what the statements did is added to it.

    Raises:
        EnvironmentMissingError: `environment` is none.
    """
    library = open_library(
        environment=environment,
        project=() if folder is None else (folder,),
        stubs=stubs,
        cache=DiskCache(),
    )
    program = Program(library, allowed=allowed, denied=denied)
    if trace is not None:
        program.trace = {}
    judgement = judge(program, state, at_end=state.can_end())
    if trace is not None and program.trace is not None:
        trace += program.trace.values()
    found = list(judgement.defects)
    if state.can_end():
        found += [
            Defect(Domain.TYPES, f"`{name}` is not defined", one.start, one.end)
            for name, one in judgement.owed
        ]
    return sorted(set(found), key=lambda one: (one.start, one.end, one.message))
