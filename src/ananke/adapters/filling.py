"""Rows of a batch's masks: what sessions admit, and never nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from ananke.adapters.boundary import RequestFailed, boundary
from ananke.domains.syntax.user_grammar import GrammarGaveUp
from ananke.masks import MaskError, Scores, set_tokens
from ananke.session import Session, mask_programs
from ananke.vocabulary import Vocabulary

Rows = npt.NDArray[np.int32]


def fill_or_end(
    session: Session, rows: Rows, at: int, scores: Callable[[], Scores] | None = None
) -> str | None:
    """Overwrite `rows[at]` with the admitted tokens; `scores` gives the model's, if they are asked
    for (`budgets.likely`).

    Where nothing may come, or the mask fails, the row admits EOS alone, so that no row is without a
    finite logit; the answer is then why (a sentence), else None.
    """
    shown = None if scores is None or session.spec.budgets.likely is None else scores()
    try:
        with boundary("masking", session.spec, GrammarGaveUp, MaskError):
            if shown is None:
                session.mask(rows, at)
            else:
                session.mask(rows, at, shown)
            if rows[at].any():
                return None
            reason = session.satisfiability().reason
    except (GrammarGaveUp, RequestFailed) as error:
        reason = str(error)
    admit_end(session.vocabulary, rows, at)
    return reason


def fill_batch_or_end(
    sessions: Sequence[Session],
    rows: Rows,
    ats: Sequence[int],
    scores: Callable[[int], Scores] | None = None,
) -> list[str | None]:
    """`fill_or_end` for each session and its row; what languages' grammars decide alone is filled
    side by side. Sessions and rows are all different; `scores` takes the row's number."""
    programs = [which for which, one in enumerate(sessions) if one.is_program_alone]
    has_token = dict(zip(programs, _fill_programs(sessions, programs, rows, ats), strict=True))
    return [
        None
        if has_token.get(which)
        else fill_or_end(session, rows, at, None if scores is None else partial(scores, at))
        for which, (session, at) in enumerate(zip(sessions, ats, strict=True))
    ]


def _fill_programs(
    sessions: Sequence[Session], which: Sequence[int], rows: Rows, ats: Sequence[int]
) -> list[bool]:
    """Whether the row of each has a token; where the common call fails none is known to."""
    try:
        with boundary("masking a batch", None, MaskError):
            return mask_programs(
                [sessions[one] for one in which], rows, [ats[one] for one in which]
            )
    except RequestFailed:
        return [False] * len(which)


def admit_end(vocabulary: Vocabulary, rows: Rows, at: int) -> None:
    """Overwrite `rows[at]` with EOS alone."""
    rows[at] = 0
    set_tokens(rows[at], vocabulary.eos, vocabulary.size)
