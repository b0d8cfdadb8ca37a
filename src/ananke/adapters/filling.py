"""Rows of a batch's masks: what sessions admit, and never nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ananke.domains.syntax.user_grammar import GrammarGaveUp
from ananke.masks import Scores, set_tokens
from ananke.session import Session, mask_programs
from ananke.vocabulary import Vocabulary

Rows = npt.NDArray[np.int32]


def fill_or_end(
    session: Session, rows: Rows, at: int, scores: Callable[[], Scores] | None = None
) -> str | None:
    """Overwrite `rows[at]` with the admitted tokens; `scores` gives the model's, if they are asked
    for (`budgets.likely`).

    Where nothing may come the row admits EOS alone, so that no row is without a finite logit; the
    answer is then why (a sentence), else None.
    """
    try:
        if scores is None or session.spec.budgets.likely is None:
            session.mask(rows, at)
        else:
            session.mask(rows, at, scores())
        if rows[at].any():
            return None
        reason = session.satisfiability().reason
    except GrammarGaveUp as error:
        reason = str(error)
    admit_end(session.vocabulary, rows, at)
    return reason


def fill_batch_or_end(
    sessions: Sequence[Session], rows: Rows, ats: Sequence[int]
) -> list[str | None]:
    """`fill_or_end` for each session and its row; what languages' grammars decide alone is filled
    side by side. Sessions and rows are all different."""
    programs = [which for which, one in enumerate(sessions) if one.is_program_alone]
    has_token = dict(
        zip(
            programs,
            mask_programs(
                [sessions[which] for which in programs], rows, [ats[which] for which in programs]
            ),
            strict=True,
        )
    )
    return [
        None if has_token.get(which) else fill_or_end(session, rows, at)
        for which, (session, at) in enumerate(zip(sessions, ats, strict=True))
    ]


def admit_end(vocabulary: Vocabulary, rows: Rows, at: int) -> None:
    """Overwrite `rows[at]` with EOS alone."""
    rows[at] = 0
    set_tokens(rows[at], vocabulary.eos, vocabulary.size)
