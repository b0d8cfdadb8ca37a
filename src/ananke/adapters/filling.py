"""A row of a batch's masks: what a session admits, and never nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ananke.domains.syntax.user_grammar import GrammarGaveUp
from ananke.masks import set_tokens
from ananke.session import Session
from ananke.vocabulary import Vocabulary

Rows = npt.NDArray[np.int32]


def fill_or_end(session: Session, rows: Rows, at: int) -> str | None:
    """Overwrite `rows[at]` with the admitted tokens.

    Where nothing may come the row admits EOS alone, so that no row is without a finite logit; the
    answer is then why (a sentence), else None.
    """
    try:
        session.mask(rows, at)
        if rows[at].any():
            return None
        reason = session.satisfiability().reason
    except GrammarGaveUp as error:
        reason = str(error)
    admit_end(session.vocabulary, rows, at)
    return reason


def admit_end(vocabulary: Vocabulary, rows: Rows, at: int) -> None:
    """Overwrite `rows[at]` with EOS alone."""
    rows[at] = 0
    set_tokens(rows[at], vocabulary.eos, vocabulary.size)
