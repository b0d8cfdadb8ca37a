"""The suite over the vLLM adapter: both model runners' batches and samplers."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Sequence
from itertools import count
from typing import Any, ClassVar

import pytest

pytest.importorskip("vllm", reason="vLLM is set up by `make vllm`")

from tests import vllm_process  # isort: skip  # before anything else of vLLM

import numpy as np
import torch
from vllm import SamplingParams
from vllm.exceptions import VLLMValidationError
from vllm.v1.sample.logits_processor import (
    build_logitsprocs,
    validate_logits_processors_parameters,
)
from vllm.v1.sample.sampler import Sampler as FirstSampler
from vllm.v1.worker.gpu.sample.logits_processor import (
    build_custom_logits_processors,
    build_custom_logits_processors_params_validator,
)
from vllm.v1.worker.gpu.sample.sampler import Sampler as SecondSampler
from vllm.v1.worker.gpu.states import RequestState
from vllm.v1.worker.gpu_input_batch import CachedRequestState, InputBatch

from ananke.spec import EXTRA_ARGUMENT
from ananke.vocabulary import Vocabulary
from tests.conformance.engine import Batch, Engine, Refused, Request, Setup
from tests.conformance.suite import Conformance

CPU = torch.device("cpu")
PROMPT = [5, 6, 7]


def _params(request: Request) -> SamplingParams:
    if request is None:
        return SamplingParams()
    text = request if isinstance(request, str) else json.dumps(request)
    return SamplingParams(extra_args={EXTRA_ARGUMENT: text})


def _finite(logits: torch.Tensor) -> list[set[int]]:
    return [set(torch.isfinite(row).nonzero().flatten().tolist()) for row in logits]


class FirstBatch(Batch):
    """The first runner: an `InputBatch`, which tells processors what changed in it."""

    def __init__(self, engine: FirstEngine, requests: Sequence[Request]) -> None:
        self._engine = engine
        processors = build_logitsprocs(engine.config, CPU, False, False, [vllm_process.PROCESSOR])
        (ours,) = (one for one in processors.all if hasattr(one, "vocabulary"))
        self.vocabulary: Vocabulary = ours.vocabulary
        self._names = count()
        self._batch = InputBatch(
            max_num_reqs=vllm_process.MOST_REQUESTS,
            max_model_len=vllm_process.MOST_TOKENS,
            max_num_batched_tokens=vllm_process.MOST_TOKENS,
            device=CPU,
            vocab_size=engine.setup.columns,
            block_sizes=[16],
            max_num_blocks_per_req=[vllm_process.MOST_TOKENS // 16],
            logitsprocs=processors,
            logitsprocs_need_output_token_ids=True,
        )
        self._states = [self._add(request) for request in requests]
        self._replaced: dict[int, Request] = {}

    def _add(self, request: Request) -> CachedRequestState:
        state = CachedRequestState(
            req_id=str(next(self._names)),
            prompt_token_ids=PROMPT,
            mm_features=[],
            sampling_params=_params(request),
            generator=None,
            block_ids=([0],),
            num_computed_tokens=0,
            output_token_ids=[],
        )
        self._batch.add_request(state)
        return state

    def metadata(self) -> Any:
        """What the next step's sampler reads."""
        # What ended is taken out, then what is new comes in.
        for row in self._replaced:
            self._batch.remove_request(self._states[row].req_id)
        for row, request in self._replaced.items():
            self._states[row] = self._add(request)
        self._replaced = {}
        self._batch.condense()
        # Backends of attention want their rows in an order of their own.
        if self._batch.num_reqs > 1:
            self._batch.swap_states(0, self._batch.num_reqs - 1)
        self._batch.refresh_metadata()
        self._batch.update_async_output_token_ids()
        return self._batch.sampling_metadata

    def places(self) -> list[int]:
        """Where in the batch each row is."""
        return [self._batch.req_id_to_index[state.req_id] for state in self._states]

    def admitted(self) -> list[set[int]]:
        metadata = self.metadata()
        logits = torch.zeros(self._batch.num_reqs, self._engine.setup.columns)
        masked = _finite(FirstSampler().apply_logits_processors(logits, metadata, False))
        return [masked[place] for place in self.places()]

    def arrive(self, tokens: Sequence[int], event: Any) -> None:
        """The last step's tokens are on the host."""
        self._batch.prev_req_id_to_index = dict(self._batch.req_id_to_index)
        self._batch.sampled_token_ids_cpu = torch.tensor(tokens)[:, None]
        self._batch.async_copy_ready_event = event

    def step(self, tokens: Sequence[int]) -> None:
        for state, token in zip(self._states, tokens, strict=True):
            state.output_token_ids.append(token)

    def take_back(self, count: int) -> None:
        for state in self._states:
            del state.output_token_ids[-count:]

    def replace(self, row: int, request: Request) -> None:
        self._replaced[row] = request


class FirstEngine(Engine):
    """Judges requests as the front end does with the first runner."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.config = vllm_process.configuration(setup)
        self.vocabulary = FirstBatch(self, []).vocabulary

    def start(self, requests: Sequence[Request]) -> FirstBatch:
        for row, request in enumerate(requests):
            try:
                validate_logits_processors_parameters([vllm_process.PROCESSOR], _params(request))
            except VLLMValidationError as error:
                raise Refused(row, str(error)) from error
        return FirstBatch(self, requests)


#: A worker has one thread, and so has Triton's interpreter.
_WORKER = threading.Lock()


class SecondBatch(Batch):
    """The second runner: slots with tokens on the device; rows in any order."""

    def __init__(self, engine: SecondEngine, requests: Sequence[Request]) -> None:
        self._columns = engine.setup.columns
        self._order = random.Random(4)
        self._names = count()
        self._states = RequestState(
            max_num_reqs=vllm_process.MOST_REQUESTS,
            max_model_len=vllm_process.MOST_TOKENS,
            max_num_batched_tokens=vllm_process.MOST_TOKENS,
            num_speculative_steps=0,
            vocab_size=self._columns,
            device=CPU,
        )
        processors = build_custom_logits_processors(
            engine.config, self._states, False, [vllm_process.PROCESSOR]
        )
        self.vocabulary: Vocabulary = processors[0].vocabulary
        self.sampler = SecondSampler(
            engine.config,
            vllm_process.MOST_REQUESTS,
            self._columns,
            CPU,
            self._states,
            custom_logits_processors=processors,
        )
        self._rows = [self._add(request) for request in requests]
        self._lengths = [len(PROMPT)] * len(requests)

    def _add(self, request: Request, output: Sequence[int] = ()) -> str:
        name = str(next(self._names))
        with _WORKER:
            self._states.add_request(name, len(PROMPT), [*PROMPT, *output], 0, 500)
            self._states.apply_staged_writes()
            self.sampler.add_request(self._states.req_id_to_index[name], _params(request))
            self.sampler.apply_staged_writes()
        return name

    def layout(self, rows: Sequence[int], drafts: Sequence[Sequence[int]] = ()) -> dict[str, Any]:
        """What the sampler is told of its rows: of each request one, and one for each draft."""
        slots = [self._states.req_id_to_index[self._rows[row]] for row in rows]
        drafted = drafts or [()] * len(rows)
        expanded, places, given, positions = [], [], [], []
        for row, slot, ahead in zip(rows, slots, drafted, strict=True):
            last = self._lengths[row] - 1
            for at, token in enumerate([int(self._states.all_token_ids.gpu[slot, last]), *ahead]):
                expanded.append(slot)
                places.append(at)
                given.append(token)
                positions.append(last + at)
        return {
            "expanded_idx_mapping": torch.tensor(expanded, dtype=torch.int32),
            "idx_mapping": torch.tensor(slots, dtype=torch.int32),
            "idx_mapping_np": np.array(slots),
            "pos": torch.tensor(positions),
            "input_ids": torch.tensor(given, dtype=torch.int32),
            "expanded_local_pos": torch.tensor(places, dtype=torch.int32),
            "seq_lens_upper_bound_np": np.array([self._lengths[row] for row in rows]),
        }

    def admitted(self) -> list[set[int]]:
        order = self._order.sample(range(len(self._rows)), len(self._rows))
        masked = dict(zip(order, self._masks(self.layout(order)), strict=True))
        return [masked[row] for row in range(len(order))]

    def admitted_with_drafts(self, drafts: Sequence[Sequence[int]]) -> list[list[set[int]]]:
        """For each row what may come before its first draft, and after each."""
        masks = iter(self._masks(self.layout(range(len(self._rows)), drafts)))
        return [[next(masks) for _ in range(len(ahead) + 1)] for ahead in drafts]

    def _masks(self, layout: dict[str, Any]) -> list[set[int]]:
        logits = torch.zeros(len(layout["pos"]), self._columns)
        with _WORKER:
            return _finite(
                self.sampler.apply_sampling_params(logits, **layout, skip_top_k_top_p=True)
            )

    def take(self, row: int, tokens: Sequence[int]) -> None:
        """The row gets these tokens."""
        slot = self._states.req_id_to_index[self._rows[row]]
        for token in tokens:
            self._states.all_token_ids.gpu[slot, self._lengths[row]] = token
            self._lengths[row] += 1

    def set_aside(self, row: int, request: Request, tokens: Sequence[int]) -> None:
        """The row's request was preempted, and comes back with these tokens."""
        self._states.remove_request(self._rows[row])
        self._rows[row] = self._add(request, tokens)
        self._lengths[row] = len(PROMPT) + len(tokens)

    def step(self, tokens: Sequence[int]) -> None:
        for row, token in enumerate(tokens):
            self.take(row, [token])

    def take_back(self, count: int) -> None:
        self._lengths = [length - count for length in self._lengths]

    def replace(self, row: int, request: Request) -> None:
        self._states.remove_request(self._rows[row])
        self._rows[row] = self._add(request)
        self._lengths[row] = len(PROMPT)


class SecondEngine(Engine):
    """Judges requests as the front end does with the second runner."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.config = vllm_process.configuration(setup)
        self.judge: Any = build_custom_logits_processors_params_validator([vllm_process.PROCESSOR])
        self.vocabulary = SecondBatch(self, []).vocabulary

    def start(self, requests: Sequence[Request]) -> SecondBatch:
        for row, request in enumerate(requests):
            try:
                self.judge(_params(request))
            except VLLMValidationError as error:
                raise Refused(row, str(error)) from error
        return SecondBatch(self, requests)


CANNOT = {
    "test_what_must_come_is_not_sampled": "vLLM samples each token",
    "test_rows_are_copied": (
        "vLLM's beams are requests of one token each, which take no extra arguments"
    ),
}


class TestFirstRunner(Conformance):
    """vLLM's first model runner."""

    page = "vllm.md"
    cannot: ClassVar = CANNOT

    def make(self, setup: Setup) -> FirstEngine:
        return FirstEngine(setup)


class TestSecondRunner(Conformance):
    """vLLM's second model runner."""

    page = "vllm.md"
    cannot: ClassVar = CANNOT

    def make(self, setup: Setup) -> SecondEngine:
        return SecondEngine(setup)
