"""vLLM: a logits processor for `--logits-processors ananke.adapters.vllm:AnankeLogitsProcessor`.

A request names its spec under `ananke` in its extra arguments (`vllm_xargs` of the API that is
compatible with OpenAI's), as JSON text:

    {"vllm_xargs": {"ananke": "{\"version\": \"1.0\", \"language\": \"python\"}"}}

vLLM has two model runners with an interface each. It makes the class with the arguments of the one
that it runs: V1 hands over lists that hold a request's tokens so far, V2 the tokens on its device,
where with speculative decoding a request has a row for each of its drafts.

The spec is judged where the request comes in (`validate_params`), so that a bad one is refused
there: what raises in the worker ends the engine.

It comes by the flag, not by an entry point: vLLM hands a request's tokens over in time only to
classes that the flag names, and one entry point's class would have to serve everyone who installs
this package beside vLLM.

Written against vLLM 0.33.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import torch
from llguidance.torch import apply_token_bitmask_inplace
from vllm.config import VllmConfig
from vllm.sampling_params import SamplingParams
from vllm.tokenizers import cached_tokenizer_from_config
from vllm.v1.sample.logits_processor.builtin import process_dict_updates
from vllm.v1.sample.logits_processor.interface import BatchUpdate
from vllm.v1.sample.logits_processor.interface import LogitsProcessor as BatchProcessor
from vllm.v1.worker.gpu.sample.logits_processor import (
    LogitsContext,
    LogitsProcRequestState,
)
from vllm.v1.worker.gpu.sample.logits_processor import LogitsProcessor as SlotProcessor

from ananke.adapters.boundary import RequestFailed, boundary
from ananke.adapters.filling import Rows
from ananke.adapters.following import Follower, fill
from ananke.adapters.policies import VARIABLE, read_policies, under_policies
from ananke.domains.syntax.user_grammar import GrammarGaveUp
from ananke.masks import Scores, words_for
from ananke.session import Session
from ananke.spec import EXTRA_ARGUMENT, Constraint, ConstraintSpec, SpecError, parse_spec
from ananke.vocabulary import Vocabulary, from_tokens, from_transformers

_log = logging.getLogger(__name__)

#: Compiled requests kept, by the text of their spec.
_KEPT = 256

#: Where requests are judged no tokenizer is known; a spec that holds over bytes holds over tokens.
_BYTES = from_tokens([*(bytes([byte]) for byte in range(256)), b""], eos=[256], name="bytes")


class _Row(Follower):
    """A request; `output` is V1's own list of its tokens."""

    def __init__(self, session: Session, output: Sequence[int] = ()) -> None:
        super().__init__(session)
        self.output = output


class AnankeLogitsProcessor(BatchProcessor, SlotProcessor):
    """Masks what the sessions of a batch's requests do not admit, under either model runner.

    Raises VocabularyError at the start if the tokenizer's tokens have no exact bytes, SpecError if
    the policies named in the environment can't be honoured.
    """

    def __init__(
        self, vllm_config: VllmConfig, runner: torch.device | LogitsProcRequestState, *_: Any
    ) -> None:
        model = vllm_config.model_config
        tokenizer = cached_tokenizer_from_config(model_config=model)
        self.vocabulary = from_transformers(
            tokenizer, size=model.get_vocab_size(), eos=_ends(model, tokenizer)
        )
        _policies()
        #: By place in V1's batch, or by V2's slot.
        self._rows: dict[int, _Row] = {}
        #: V2's tokens; None under V1.
        self._requests = runner if isinstance(runner, LogitsProcRequestState) else None
        self._start = lru_cache(_KEPT)(self._started)
        self._nothing = self._started(parse_spec({"grammar": {"kind": "regex", "source": ""}}))
        self._mask = _host_rows(0, self.vocabulary)

    @classmethod
    def validate_params(cls, sampling_params: SamplingParams) -> None:
        """Raises ValueError, which vLLM answers with 400, for what can't be honoured."""
        spec = _spec_of(sampling_params)
        if spec is None:
            return
        try:
            with boundary("starting a request", spec, SpecError, GrammarGaveUp):
                Session(spec, _BYTES)
        except GrammarGaveUp as error:
            raise ValueError(f"spec.grammar.source: {error}") from error
        except RequestFailed as error:
            raise ValueError(str(error)) from error
        if sampling_params.structured_outputs is not None:
            raise ValueError(
                f"{EXTRA_ARGUMENT}: together with structured_outputs; give the grammar in the spec"
            )
        if sampling_params.min_tokens:
            raise ValueError(
                f"{EXTRA_ARGUMENT}: together with min_tokens, which forbids the end where nothing "
                "else may come; leave it out"
            )

    def is_argmax_invariant(self) -> bool:
        return False

    # V1: the batch's changes, then its logits

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        process_dict_updates(
            self._rows, batch_update, lambda params, _, output: self._row(params, output)
        )

    # V2: slots

    def add_request(self, req_idx: int, sampling_params: SamplingParams) -> bool:
        row = self._row(sampling_params, ())
        if row is None:
            self._rows.pop(req_idx, None)
            return False
        self._rows[req_idx] = row
        return True

    def apply(self, logits: torch.Tensor, ctx: LogitsContext | None = None) -> torch.Tensor:
        """Minus infinity, in place, for what may not come (float, shape (rows, vocabulary))."""
        if not self._rows:
            return logits
        mask = self._rows_for(len(logits))
        mask.fill_(-1)
        words = mask.numpy()
        if ctx is None:
            filled = self._fill_batch(words, logits)
        else:
            filled = self._fill_slots(words, logits, ctx)
        if filled:
            # Not asynchronous: the next step writes into the same memory.
            on_device = mask.to(logits.device)
            apply_token_bitmask_inplace(logits[:, : self.vocabulary.size], on_device)
            logits[filled, self.vocabulary.size :] = -torch.inf
        return logits

    def _fill_batch(self, mask: Rows, logits: torch.Tensor) -> list[int]:
        filled: dict[int, _Row] = {}
        for at, row in self._rows.items():
            if row.output and row.output[-1] < 0:
                # Sampled and not known here: only without this class in --logits-processors.
                _log.error(
                    "row %d: vLLM has not handed over its last token, and nothing is masked; name "
                    "the class with --logits-processors",
                    at,
                )
                continue
            row.follow(row.output)
            filled[at] = row
        fill(filled, mask, partial(_scores, logits))
        return list(filled)

    def _fill_slots(self, mask: Rows, logits: torch.Tensor, ctx: LogitsContext) -> list[int]:
        if not self._rows.keys() & set(ctx.idx_mapping_np.tolist()):
            return []
        rows = torch.stack(
            [
                ctx.expanded_idx_mapping.long(),
                ctx.expanded_local_pos.long(),
                ctx.pos.long(),
                ctx.input_ids.long(),
            ],
            dim=1,
        )
        scores = partial(_scores, logits)
        filled: list[int] = []
        #: Without drafts, which move a request's session on from row to row: filled together.
        alone: dict[int, _Row] = {}
        row: _Row | None = None
        drafted, follows = 0, True
        # A request's rows are adjacent: the one after its last token, then one per draft.
        lines = [*rows.tolist(), (-1, 0, 0, 0)]
        for at, (slot, draft, position, token) in enumerate(lines):
            if draft == 0:
                if row is not None and drafted:
                    row.take_back(drafted)
                row, drafted, follows = self._rows.get(slot), 0, True
                if row is not None and not self._follow_slot(row, slot, position, token):
                    row = None
            elif row is not None:
                drafted += 1
                follows = row.take(token)
            # What comes after a draft that is refused is never sampled.
            if row is not None and (follows or draft == 0):
                filled.append(at)
                if draft == 0 and lines[at + 1][1] == 0:
                    alone[at] = row
                else:
                    fill({at: row}, mask, scores)
        fill(alone, mask, scores)
        return filled

    def _follow_slot(self, row: _Row, slot: int, position: int, token: int) -> bool:
        """Bring the row to the token at `position`; False while its prompt is being read."""
        assert self._requests is not None
        prompt = int(self._requests.prompt_len.np[slot])
        length = position + 1 - prompt
        if length < 0:
            return False
        if length == len(row.taken) + 1:
            row.take(token)
        elif length != len(row.taken) or (length and row.taken[-1] != token):
            known = self._requests.all_token_ids.gpu[slot, prompt : position + 1]
            row.follow(known.cpu().tolist())
        return True

    # Inside

    def _row(self, params: SamplingParams, output: Sequence[int]) -> _Row | None:
        try:
            with boundary("reading a request", None, ValueError):
                spec = _spec_of(params)
            if spec is None:
                return None
            with boundary("starting a request", spec, SpecError, GrammarGaveUp):
                return _Row(self._start(spec).fork(), output)
        except (ValueError, GrammarGaveUp, RequestFailed) as error:
            # Judged over bytes it held. Raising here would end every other request.
            _log.error("%s; the text is ended at once", error)
            return _Row(self._nothing.fork(), output)

    def _started(self, spec: ConstraintSpec) -> Session:
        return Session(spec, self.vocabulary)

    def _rows_for(self, rows: int) -> torch.Tensor:
        if len(self._mask) < rows:
            self._mask = _host_rows(rows, self.vocabulary)
        return self._mask[:rows]


def _scores(logits: torch.Tensor, at: int) -> Scores:
    scores: Scores = logits[at].float().cpu().numpy()
    return scores


def _spec_of(params: SamplingParams) -> ConstraintSpec | None:
    """Raises SpecError, or ValueError for what is no document."""
    given = (params.extra_args or {}).get(EXTRA_ARGUMENT)
    if given is None:
        return None
    if not isinstance(given, str | Mapping):
        raise ValueError(f"{EXTRA_ARGUMENT}: expected a ConstraintSpec, as JSON text")
    return _read(given) if isinstance(given, str) else under_policies(_policies(), given)


@lru_cache(_KEPT)
def _read(text: str) -> ConstraintSpec:
    return under_policies(_policies(), text)


def _policies() -> Constraint:
    return _policies_named(os.environ.get(VARIABLE, ""))


@lru_cache(1)
def _policies_named(files: str) -> Constraint:
    return read_policies()


def _ends(model: Any, tokenizer: Any) -> list[int]:
    """The ids at which vLLM ends a text."""
    ends: set[int] = set()
    for given in (tokenizer.eos_token_id, model.try_get_generation_config().get("eos_token_id")):
        if isinstance(given, int):
            ends.add(given)
        elif isinstance(given, Iterable):
            ends.update(given)
    return sorted(ends)


def _host_rows(rows: int, vocabulary: Vocabulary) -> torch.Tensor:
    shape = (rows, words_for(vocabulary.size))
    return torch.full(shape, -1, dtype=torch.int32, pin_memory=torch.cuda.is_available())
