"""The suite over the SGLang backend: its grammar manager, sampling batch and jump-forward."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("sglang", reason="SGLang is set up by `make sglang`")

from tests import sglang_process  # isort: skip  # before anything else of SGLang

import torch
from sglang.srt.constrained.grammar_manager import GrammarManager
from sglang.srt.runtime_context import get_parallel
from sglang.srt.sampling.sampling_batch_info import SamplingBatchInfo

from ananke.spec import SCHEMA_KEYWORD
from ananke.vocabulary import Vocabulary
from tests.conformance.engine import Batch, Engine, Refused, Request, Setup
from tests.conformance.suite import Conformance
from tests.conformance.tokenizer import fast_tokenizer


class _Request:
    """What SGLang's grammar manager reads and writes of a request."""

    def __init__(self, schema: str | None) -> None:
        self.sampling_params = SimpleNamespace(
            json_schema=schema,
            regex=None,
            ebnf=None,
            structural_tag=None,
            ebnf_full_assistant=False,
            custom_params=None,
        )
        self.rid = str(id(self))
        self.origin_input_ids: list[int] = []
        self.require_reasoning = False
        self.grammar: Any = None
        self.grammar_key: Any = None
        self.grammar_wait_ct = 0
        self.error: str | None = None

    def set_finish_with_abort(self, message: str) -> None:
        self.error = message

    def finished(self) -> bool:
        return self.error is not None


class _Batch(Batch):
    def __init__(self, engine: _Engine, grammars: list[Any]) -> None:
        self._engine = engine
        self._grammars = grammars
        self._taken: list[list[int]] = [[] for _ in grammars]

    def admitted(self) -> list[set[int]]:
        rows = len(self._grammars)
        info = SimpleNamespace(
            grammars=self._grammars,
            temperatures=torch.ones(rows, 1),
            vocab_size=self._engine.columns,
            device="cpu",
        )
        SamplingBatchInfo.update_regex_vocab_mask(info)
        logits = torch.zeros(rows, self._engine.columns)
        info.grammar_mask.apply(logits)
        return [set(torch.isfinite(row).nonzero().flatten().tolist()) for row in logits]

    def step(self, tokens: Sequence[int]) -> None:
        aborted: Refused | None = None
        for row, (grammar, taken, token) in enumerate(
            zip(self._grammars, self._taken, tokens, strict=True)
        ):
            if grammar is not None and not grammar.is_terminated():
                try:
                    grammar.accept_token(token)
                except ValueError as error:
                    # The scheduler logs it and aborts this request.
                    aborted = Refused(row, str(error))
                else:
                    taken.append(token)
        if aborted is not None:
            raise aborted

    def take_back(self, count: int) -> None:
        for grammar, taken in zip(self._grammars, self._taken, strict=True):
            grammar.rollback(count)
            del taken[-count:]

    def copy_row(self, source: int, target: int) -> None:
        self._grammars[target] = self._grammars[source].copy()
        self._taken[target] = self._taken[source].copy()

    def replace(self, row: int, request: Request) -> None:
        self._grammars[row] = self._engine.grammars([request])[0]
        self._taken[row] = []

    def jump(self, row: int) -> bytes:
        grammar, taken = self._grammars[row], self._taken[row]
        found = grammar.try_jump_forward(fast_tokenizer())
        if found is None:
            return b""
        text, state = grammar.jump_forward_str_state(found)
        tokens = [*taken, *fast_tokenizer().encode(text, add_special_tokens=False)]
        grammar.jump_and_retokenize(taken, tokens, state)
        self._taken[row] = tokens
        return str(text).encode()


class _Engine(Engine):
    """A scheduler's grammar manager; requests are compiled in its executor."""

    def __init__(self, setup: Setup) -> None:
        self.columns = setup.columns
        scheduler = SimpleNamespace(
            server_args=None,
            tokenizer=fast_tokenizer(),
            model_config=SimpleNamespace(
                vocab_size=setup.columns, hf_eos_token_id=set(setup.eos), think_end_ids=None
            ),
            dp_tp_cpu_group=None,
            dp_tp_group=SimpleNamespace(world_size=1, first_rank=0, is_first_rank=True),
            pp_group=None,
        )
        # Of the process, not of a thread: what the manager reads of it is kept in the manager.
        with get_parallel().override(pp_rank=0, pp_size=1):
            self._manager = GrammarManager(scheduler)
        #: The manager is its scheduler's alone, which has one thread.
        self._scheduler = threading.Lock()
        self.vocabulary: Vocabulary = self._manager.grammar_backend.vocabulary

    def start(self, requests: Sequence[Request]) -> _Batch:
        return _Batch(self, self.grammars(requests))

    def grammars(self, requests: Sequence[Request]) -> list[Any]:
        """Raises Refused with what the manager aborted a request with."""
        sent = [_Request(_envelope(request)) for request in requests]
        with self._scheduler:
            self._compile(sent)
        for row, each in enumerate(sent):
            if each.error is not None:
                raise Refused(row, each.error)
        return [each.grammar for each in sent]

    def _compile(self, sent: list[_Request]) -> None:
        waiting = [each for each in sent if self._manager.process_req_with_grammar(each)]
        until = time.monotonic() + 120
        while waiting:
            assert time.monotonic() < until, "the grammar manager has not answered"
            done = self._manager.get_ready_grammar_requests()
            waiting = [each for each in waiting if each not in done]
            time.sleep(0.001)


def _envelope(request: Request) -> str | None:
    if request is None:
        return None
    text = request if isinstance(request, str) else json.dumps(request)
    return f'{{"{SCHEMA_KEYWORD}": {text}}}'


class TestSGLang(Conformance):
    """SGLang."""

    page = "sglang.md"

    def make(self, setup: Setup) -> _Engine:
        sglang_process.begin()
        return _Engine(setup)
