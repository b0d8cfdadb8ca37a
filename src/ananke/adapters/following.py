"""A session that follows the tokens of one running request, whatever its engine does with them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from ananke.adapters.boundary import RequestFailed, boundary
from ananke.adapters.filling import Rows, admit_end, fill_batch_or_end
from ananke.domains.syntax.user_grammar import GrammarGaveUp
from ananke.masks import Scores
from ananke.outcome import NotAdmitted, TokenError
from ananke.session import Session

_log = logging.getLogger(__name__)


_ANSWERED = (NotAdmitted, TokenError, GrammarGaveUp)


class Follower:
    """A request's session, brought to the tokens that the engine shows.

    `_lost`: the number of tokens after which the session could not follow. From there on the
    request may only end.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.taken: list[int] = []
        self._lost: int | None = None

    def follow(self, tokens: Sequence[int]) -> None:
        """Bring the session to these generated tokens; most often one more than before."""
        common = len(self.taken)
        if list(tokens[:common]) != self.taken:
            common = next(
                (
                    at
                    for at, (token, taken) in enumerate(zip(tokens, self.taken, strict=False))
                    if token != taken
                ),
                min(len(tokens), len(self.taken)),
            )
            self.take_back(len(self.taken) - common)
        for token in tokens[common:]:
            self.take(token)

    def take(self, token: int) -> bool:
        """Whether the session could follow."""
        self.taken.append(token)
        if self._lost is None and not self.session.is_finished:
            try:
                with boundary("accepting", self.session.spec, *_ANSWERED):
                    self.session.accept(token)
            except (*_ANSWERED, RequestFailed) as error:
                self._lost = len(self.taken) - 1
                if token not in self.session.vocabulary.eos:
                    _log.warning("token %d: %s; the text is ended", token, error)
        return self._lost is None

    def take_back(self, count: int) -> None:
        kept = len(self.taken) - count
        in_session = self.session.statistics
        held = in_session.accepted - in_session.rolled_back
        if held > kept:
            self.session.rollback(held - kept)
        del self.taken[kept:]
        if self._lost is not None and kept <= self._lost:
            self._lost = None

    @property
    def is_lost(self) -> bool:
        """Whether the request may only end."""
        return self._lost is not None


def fill(
    followers: Mapping[int, Follower], rows: Rows, scores: Callable[[int], Scores] | None = None
) -> None:
    """Overwrite each follower's row, by number, with what may come; never with nothing. See
    `fill_batch_or_end`."""
    alive = {at: one for at, one in followers.items() if not one.is_lost}
    for at in followers.keys() - alive.keys():
        admit_end(followers[at].session.vocabulary, rows, at)
    sessions = [one.session for one in alive.values()]
    reasons = fill_batch_or_end(sessions, rows, list(alive), scores)
    for at, reason in zip(alive, reasons, strict=True):
        if reason is not None:
            _log.warning("row %d: %s; the text is ended", at, reason)
