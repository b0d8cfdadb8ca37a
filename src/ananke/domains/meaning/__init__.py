"""The domains imports, types and controlflow: one judgement of the unfinished program.

`state.py` is the judge that a session drives. `narrowing.py` takes refused tokens out of a mask:
it judges one of all tokens that are judged alike, which `pieces.py` has sorted.
"""

from ananke.domains.meaning.state import MeaningState, start_meaning, surroundings_of

__all__ = ["MeaningState", "start_meaning", "surroundings_of"]
