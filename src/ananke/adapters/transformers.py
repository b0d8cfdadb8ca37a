"""Hugging Face Transformers: a LogitsProcessor for `model.generate(...)`.

    processor = ConstraintLogitsProcessor(Session(spec, vocabulary), new_tokens=200)
    model.generate(**inputs, max_new_tokens=200, logits_processor=LogitsProcessorList([processor]))

`generate` hands over, at each step, all rows of token ids so far. The columns of the first call
are the prompt (left padded or not) and are never judged. After that every row's generated ids are
matched with the rows of the step before: sampling continues each row; beam search permutes and
doubles rows (a doubled row forks its session); assisted generation goes back and forth (rollback).

A row whose text has ended, that holds a token which was never admitted (a dead beam, a rejected
draft), or whose grammar llguidance gave up on, admits EOS alone, so that no row is without a finite
score.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from transformers import LogitsProcessor

from ananke.adapters.boundary import RequestFailed, boundary
from ananke.adapters.filling import fill_batch_or_end
from ananke.domains.syntax.user_grammar import GrammarGaveUp
from ananke.masks import allocate, set_tokens, words_for
from ananke.outcome import NotAdmitted, TokenError
from ananke.session import Session
from ananke.spec import ConstraintSpec, compose, said_in
from ananke.vocabulary import Vocabulary, VocabularyError

_log = logging.getLogger(__name__)

#: TokenError is for the caller: ids of another vocabulary.
_ANSWERED = (NotAdmitted, TokenError, GrammarGaveUp)

Ids = npt.NDArray[np.int64]


@dataclass(slots=True)
class _Row:
    """A row of the batch: `taken` of its generated tokens are in its session.

    `plan` holds the tokens that close the text, once that must begin; until then the shortest
    completion is looked at again when `look` tokens are left.
    """

    session: Session
    look: int
    taken: int = 0
    plan: tuple[int, ...] = ()


class ConstraintLogitsProcessor(LogitsProcessor):
    """Masks what the sessions do not admit. One processor serves one call of `generate`.

    `sessions`: one for all prompts of the batch, or one per prompt; none is changed.
    `new_tokens`: `generate`'s max_new_tokens. If given, a row that nears it is closed with its
    session's shortest completion; without it a text may be cut off at the limit.
    `in_place`: write into the scores that `generate` passes. Turn it off with `output_logits=True`,
    which keeps a reference to them.

    Raises ValueError for scores or rows that don't fit the sessions.
    """

    def __init__(
        self,
        sessions: Session | Sequence[Session],
        *,
        new_tokens: int | None = None,
        in_place: bool = True,
    ) -> None:
        self._given = [sessions] if isinstance(sessions, Session) else list(sessions)
        if not self._given or len({id(s.vocabulary) for s in self._given}) > 1:
            raise ValueError("sessions: expected one or more over the same vocabulary")
        self._vocabulary = self._given[0].vocabulary
        self._in_place = in_place
        self._new_tokens = new_tokens
        self._prompt: int | None = None
        self._rows: list[_Row] = []
        self._seen: Ids = np.empty((0, 0), dtype=np.int64)
        self._masks = _Masks(self._vocabulary.size)

    @classmethod
    def of_requests(
        cls,
        requests: Sequence[ConstraintSpec],
        vocabulary: Vocabulary,
        *,
        policies: Sequence[ConstraintSpec] = (),
        new_tokens: int | None = None,
        in_place: bool = True,
    ) -> ConstraintLogitsProcessor:
        """The processor of some requests (`parse_spec`, or parts by `parse_policy`), each composed
        with all policies.

        Raises SpecError where they clash (the places are `policies[0] …` and `requests[0] …`), or
        where a request can't be honoured.
        """
        said = [said_in(one, f"policies[{at}]") for at, one in enumerate(policies)]
        specs = [compose(*said, said_in(one, f"requests[{at}]")) for at, one in enumerate(requests)]
        sessions = [Session(spec, vocabulary) for spec in specs]
        return cls(sessions, new_tokens=new_tokens, in_place=in_place)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Mask `scores` (float, shape (rows, model vocabulary)) for `input_ids` (rows, length)."""
        if scores.shape[-1] < self._vocabulary.size:
            raise ValueError(
                f"scores have {scores.shape[-1]:,} columns, the vocabulary "
                f"{self._vocabulary.size:,} tokens: load it with size={scores.shape[-1]}"
            )
        if self._prompt is None:
            self._begin(input_ids)
        assert self._prompt is not None
        if input_ids.shape[0] != len(self._rows) or input_ids.shape[1] < self._prompt:
            raise ValueError("one processor serves one call of generate(); make a new one")
        generated = input_ids[:, self._prompt :].cpu().numpy()
        self._follow(generated)
        packed = self._masks.packed(len(self._rows))
        free = [at for at in range(len(packed)) if not self._is_decided(generated[at], packed, at)]
        reasons = fill_batch_or_end(
            [self._rows[at].session for at in free],
            packed,
            free,
            lambda at: scores[at].float().cpu().numpy(),
        )
        for at, reason in zip(free, reasons, strict=True):
            if reason is not None:
                _log.warning("row %d: %s; the row is ended", at, reason)
        return self._masks.apply(scores, self._in_place)

    def _begin(self, input_ids: torch.Tensor) -> None:
        rows, self._prompt = input_ids.shape
        each, left = divmod(rows, len(self._given))
        if left:
            raise ValueError(f"{rows} rows can't be shared out among {len(self._given)} sessions")
        self._rows = [
            _Row(session.fork(), _CLOSE_WITHIN) for session in self._given for _ in range(each)
        ]
        self._seen = np.empty((rows, 0), dtype=np.int64)

    def _follow(self, generated: Ids) -> None:
        """Bring a session to each row's history: its own, or a fork of the row it came from."""
        length = self._seen.shape[1]
        straight = generated.shape[1] >= length and np.array_equal(
            generated[:, :length], self._seen
        )
        if not straight:
            self._rows = self._permuted(generated)
        for row, history in zip(self._rows, generated, strict=True):
            for token in history[row.taken :]:
                if row.session.is_finished:
                    break
                try:
                    with boundary("accepting", row.session.spec, *_ANSWERED):
                        row.session.accept(int(token))
                except NotAdmitted:
                    break
                except (GrammarGaveUp, RequestFailed) as error:
                    _log.warning("%s; the row is ended", error)
                    break
                row.taken += 1
                row.plan = row.plan[1:] if row.plan[:1] == (token,) else ()
        self._seen = generated.copy()

    def _permuted(self, generated: Ids) -> list[_Row]:
        """For each new row the old row with the longest common history, forked where shared."""
        shared = min(generated.shape[1], self._seen.shape[1])
        each = len(self._rows) // len(self._given)
        used: set[int] = set()
        result: list[tuple[_Row, int]] = []
        for at, history in enumerate(generated):
            first = at // each * each
            same = self._seen[first : first + each, :shared] == history[:shared]
            common = np.logical_and.accumulate(same, axis=1).sum(axis=1)
            # Prefer, among equals, the row's own session.
            own = at - first
            source = own if common[own] == common.max() else int(common.argmax())
            old = self._rows[first + source]
            session = old.session.fork() if first + source in used else old.session
            used.add(first + source)
            result.append((replace(old, session=session), int(common[source])))
        for row, common_length in result:
            if row.taken > common_length:
                row.session.rollback(row.taken - common_length)
                row.taken, row.look, row.plan = common_length, _CLOSE_WITHIN, ()
        return [row for row, _ in result]

    def _is_decided(self, history: Ids, packed: npt.NDArray[np.int32], at: int) -> bool:
        """Whether it is known without the row's session what comes: `packed[at]` then holds it."""
        row = self._rows[at]
        ended = row.session.is_finished or row.taken < len(history)
        forced = list(self._vocabulary.eos) if ended else self._closing_tokens(row, len(history))
        if not forced:
            # A vocabulary without an end leaves what follows one free.
            packed[at] = -1
            return ended
        packed[at] = 0
        set_tokens(packed[at], forced, self._vocabulary.size)
        return True

    def _closing_tokens(self, row: _Row, length: int) -> list[int]:
        """The next token of the completion that must begin now, if the limit is so near."""
        eos = list(self._vocabulary.eos)
        if self._new_tokens is None or not eos:
            return []
        left = self._new_tokens - length
        if not row.plan and left <= row.look:
            completion = _spelled_completion(row.session)
            if completion is None:
                row.look = left // 2
                return []
            spare = left - len(completion) - 1
            if spare <= _SLACK:
                row.plan = (*completion, eos[0])
            else:
                row.look = left - spare // (_SLACK + 1)
        return eos if row.plan[:1] == (eos[0],) else list(row.plan[:1])


#: Tokens before the limit from which on the shortest completion is looked at.
_CLOSE_WITHIN = 64

#: A token sampled now may lengthen the shortest completion by so many tokens.
_SLACK = 4


def _spelled_completion(session: Session) -> list[int] | None:
    """Tokens that spell the shortest completion; None if there is none or it can't be spelled."""
    try:
        with boundary("closing", session.spec, VocabularyError, GrammarGaveUp):
            text = session.shortest_completion()
            return None if text is None else session.vocabulary.encode(text)
    except (VocabularyError, GrammarGaveUp, RequestFailed):
        return None


class _Masks:
    """Buffers for the packed rows and for the ceilings they mean, kept between steps."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._words = words_for(size)
        self._packed = allocate(0, size)
        self._index = torch.empty(0)
        self._ceiling = torch.empty(0)
        self._table = torch.empty(0)

    def packed(self, rows: int) -> npt.NDArray[np.int32]:
        """int32, shape (rows, words); the same memory at each step."""
        if self._packed.shape[0] != rows:
            self._packed = allocate(rows, self._size)
        return self._packed

    def apply(self, scores: torch.Tensor, in_place: bool) -> torch.Tensor:
        """Minus infinity wherever the packed bit is 0 and in columns past the vocabulary.

        Each byte of the packed mask picks eight ceilings from a table (infinity where the bit is
        set, minus infinity where not), then one minimum: two kernels on the scores' device for
        the whole batch, and ten times faster on a CPU than `masked_fill_`.
        """
        rows = self._packed.shape[0]
        count = rows * self._words * 4
        if (self._ceiling.shape, self._ceiling.dtype, self._ceiling.device) != (
            (count, 8),
            scores.dtype,
            scores.device,
        ):
            bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
            ceilings = np.where(bits == 1, np.inf, -np.inf)
            self._table = torch.from_numpy(ceilings).to(scores.device, scores.dtype)
            self._index = torch.empty(count, dtype=torch.int32, device=scores.device)
            self._ceiling = torch.empty((count, 8), dtype=scores.dtype, device=scores.device)
        self._index.copy_(torch.from_numpy(self._packed.view(np.uint8).reshape(-1)))
        torch.index_select(self._table, 0, self._index, out=self._ceiling)
        result = scores if in_place else scores.clone()
        known = result[:, : self._size]
        torch.minimum(known, self._ceiling.view(rows, -1)[:, : self._size], out=known)
        result[:, self._size :].fill_(-torch.inf)
        return result
