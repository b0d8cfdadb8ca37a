"""SGLang's scheduler drives our grammar objects: its overlapped loop, the verification of drafts,
and ranks that must agree.

The model is left out: where it would run, the tests put logits or drafts of their own. A session of
our own beside each request is the judge.
"""

from __future__ import annotations

import json
import random
from contextlib import nullcontext
from dataclasses import fields
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

pytest.importorskip("sglang", reason="SGLang is set up by `make sglang`")

from tests import sglang_process  # isort: skip  # before anything else of SGLang

import torch
from sglang.srt.managers.scheduler import Scheduler
from sglang.srt.managers.scheduler_components.batch_result_processor import (
    SchedulerBatchResultProcessor,
)
from sglang.srt.managers.utils import GenerationBatchResult
from sglang.srt.model_executor.forward_batch_info import ForwardMode
from sglang.srt.model_executor.model_runner import ModelRunner
from sglang.srt.sampling.sampling_batch_info import SamplingBatchInfo
from sglang.srt.speculative.spec_utils import GrammarTree, build_grammar_vocab_mask

from ananke.masks import allocate
from ananke.session import Session
from ananke.spec import parse_spec
from tests.conformance.engine import Setup
from tests.conformance.suite import LINE, PYTHON, SCHEMA, WORDS, ZIG, Reference
from tests.conformance.test_on_sglang import _Engine
from tests.conformance.tokenizer import EOS
from tests.sglang_ranks import masks_of_ranks

COLUMNS = 330
SPECS = [PYTHON, WORDS, SCHEMA, ZIG, LINE]


@pytest.fixture(scope="module")
def engine() -> _Engine:
    sglang_process.begin()
    return _Engine(Setup(COLUMNS, (EOS,)))


class Request:
    """What a scheduler's result processor reads and writes of a request; `reference`: what our own
    session says of it."""

    is_retracted = False
    inflight_middle_chunks = 0
    to_finish: Any = None

    def __init__(self, grammar: Any, reference: Reference | None) -> None:
        self.rid = "request"
        self.grammar = grammar
        self.reference = reference

    def finished(self) -> bool:
        return bool(self.grammar is not None and self.grammar.is_terminated())


def requests_for(engine: _Engine, specs: list[Any]) -> list[Request]:
    grammars = engine.grammars(specs)
    return [
        Request(grammar, None if spec is None else Reference(spec, engine.vocabulary))
        for grammar, spec in zip(grammars, specs, strict=True)
    ]


def result_processor() -> Any:
    given = {one.name: MagicMock() for one in fields(SchedulerBatchResultProcessor)}
    return SchedulerBatchResultProcessor(**given)


def decode_batch(requests: list[Request]) -> Any:
    return SimpleNamespace(reqs=requests, has_grammar=True, forward_mode=ForwardMode.DECODE)


class Loop(Scheduler):  # type: ignore[misc]
    """The scheduler's overlapped loop over one batch, without a model."""

    def __init__(self, requests: list[Request], steps: int, draw: random.Random) -> None:
        self.batch = MagicMock(reqs=requests, forward_mode=ForwardMode.DECODE)
        self.batch.copy.return_value = self.batch
        self.batch.spec_algorithm.is_none.return_value = True
        self.processor = result_processor()
        self.left, self.draw = steps, draw
        self.running_batch = self.last_batch = None
        self.gracefully_exit = self._engine_paused = self.require_mlp_sync = False
        self.enable_unified_memory = False
        self.is_generation = True
        self.forward_stream_ctx = nullcontext()
        self.forward_stream = self.schedule_stream = MagicMock()
        #: What happened, in order.
        self.order: list[str] = []

    def ingest_requests(self, stop_at_pause: bool = False) -> list[Any]:
        return []

    def get_next_batch_to_run(self, **_: Any) -> Any:
        self.left -= 1
        self.gracefully_exit = self.left == 0
        return SimpleNamespace(running_batch=self.batch, batch_to_run=self.batch)

    def run_batch(self, batch: Any, *_: Any) -> Any:
        """A forward pass is launched; its sampling waits until the last result is processed."""
        self.order.append("forward")
        requests = batch.reqs
        info = MagicMock(
            grammars=[request.grammar for request in requests],
            temperatures=torch.ones(len(requests), 1),
            vocab_size=COLUMNS,
            device="cpu",
        )
        info.update_regex_vocab_mask = partial(SamplingBatchInfo.update_regex_vocab_mask, info)
        info.apply_logits_bias = lambda logits: info.grammar_mask.apply(logits)
        output = SimpleNamespace(next_token_logits=torch.zeros(len(requests), COLUMNS))
        result = GenerationBatchResult(logits_output=output)

        def sample() -> Any:
            self.order.append("sample")
            ModelRunner._preprocess_logits(None, output, info)
            result.next_token_ids = self._sampled(requests, output.next_token_logits)
            return result

        result.delay_sample_func = sample
        return result

    def _sampled(self, requests: list[Request], logits: torch.Tensor) -> list[int]:
        tokens = []
        for request, row in zip(requests, logits, strict=True):
            admitted = set(torch.isfinite(row).nonzero().flatten().tolist())
            if request.reference is not None and not request.finished():
                assert admitted == (request.reference.admitted() or {EOS})
            tokens.append(self.draw.choice(sorted(admitted - {EOS} or {EOS})))
        return tokens

    def process_batch_result(self, batch: Any, result: Any) -> None:
        self.order.append("process")
        for request, token in zip(batch.reqs, result.next_token_ids, strict=True):
            if request.grammar is None or request.finished():
                continue
            self.processor._accept_grammar_tokens(request, token)
            assert request.to_finish is None
            if request.reference.admitted():
                request.reference.session.accept(token)

    def _apply_war_barrier(self) -> None: ...
    def _relay_forward_payload(self, *_: Any) -> None: ...
    def _copy_result_to_cpu(self, *_: Any) -> None: ...
    def on_idle(self) -> None: ...


@pytest.mark.parametrize("seed", range(3))
def test_the_overlapped_loop(engine: _Engine, seed: int) -> None:
    """Each forward pass is launched before the last result is there, and sampled from after."""
    requests = requests_for(engine, [*SPECS, None])
    loop = Loop(requests, steps=20, draw=random.Random(seed))
    loop.event_loop_overlap()
    assert loop.order[:5] == ["forward", "sample", "forward", "process", "sample"]
    assert loop.order.count("process") == loop.order.count("sample") - 1
    for request in requests[:-1]:
        assert request.grammar.session.text == request.reference.session.text  # type: ignore[union-attr]


def admitted_rows(mask: Any, rows: int) -> list[set[int]]:
    logits = torch.zeros(rows, COLUMNS)
    mask.apply(logits)
    return [set(torch.isfinite(row).nonzero().flatten().tolist()) for row in logits]


@pytest.mark.parametrize("seed", range(4))
def test_chains_of_drafts_are_verified_while_the_last_result_is_pending(
    engine: _Engine, seed: int
) -> None:
    """The masks of drafts are made during the next forward pass: SGLang's barrier brings the
    grammars to what was committed before, once."""
    draw, width = random.Random(seed), 4
    requests = requests_for(engine, [*SPECS, None])
    processor = result_processor()
    scheduler = SimpleNamespace(result_queue=[], batch_result_processor=processor)
    batch = decode_batch(requests)
    first = [_drawn(request, draw) for request in requests]
    extended = SimpleNamespace(reqs=requests, has_grammar=True, forward_mode=ForwardMode.EXTEND)
    pending = GenerationBatchResult(next_token_ids=torch.tensor(first))
    scheduler.result_queue.append((extended, pending))
    committed = [[token] for token in first]
    for _ in range(12):
        for request, run in zip(requests, committed, strict=True):
            _commit(request, run)
        drafts = [
            [run[-1], *_drafts(request, draw, width - 1)]
            for request, run in zip(requests, committed, strict=True)
        ]
        mask = build_grammar_vocab_mask(
            reqs=requests,
            tree=GrammarTree.from_linear_chain(torch.tensor(drafts)),
            sampling_info=SimpleNamespace(vocab_size=COLUMNS, grammar_mask=None),
            device="cpu",
            barrier=partial(Scheduler._advance_pending_grammar, scheduler),
        )
        rows = iter(admitted_rows(mask, len(requests) * width))
        committed = [
            _verified(request, run, [next(rows) for _ in run], draw)
            for request, run in zip(requests, drafts, strict=True)
        ]
        scheduler.result_queue[:] = [(batch, _result(committed, width))]
    ((_, result),) = scheduler.result_queue
    processor.advance_grammar_fsm(result, batch)
    # Idempotent: what the barrier did is not done again.
    processor.advance_grammar_fsm(result, batch)
    for request, run in zip(requests, committed, strict=True):
        _commit(request, run)
        if request.reference is not None:
            assert request.grammar.session.text == request.reference.session.text


def _drawn(request: Request, draw: random.Random) -> int:
    if request.reference is None:
        return draw.randrange(256)
    return draw.choice(sorted(request.reference.admitted() or {EOS}))


def _commit(request: Request, run: list[int]) -> None:
    reference = request.reference
    for token in run:
        if reference is not None and reference.admitted() and not reference.session.is_finished:
            reference.session.accept(token)


def _drafts(request: Request, draw: random.Random, count: int) -> list[int]:
    """Tokens that a draft model might propose: some of them can't come."""
    session = None if request.reference is None else request.reference.session.fork()
    drafts = []
    for _ in range(count):
        token = draw.randrange(256)
        if session is not None and not session.is_finished and draw.random() < 0.8:
            words = allocate(1, session.vocabulary.size)
            session.mask(words)
            admitted = [at for at in range(EOS + 1) if words[0, at // 32] >> (at % 32) & 1]
            token = draw.choice(admitted or [EOS])
            if admitted:
                session.accept(token)
        drafts.append(token)
    return drafts


def _verified(
    request: Request, run: list[int], rows: list[set[int]], draw: random.Random
) -> list[int]:
    """The tokens that the target model keeps of a chain, and one of its own."""
    if request.reference is None:
        assert all(len(row) == COLUMNS for row in rows)
        return [*run[1:2], draw.randrange(256)]
    session = request.reference.session.fork()
    kept: list[int] = []
    for at, row in enumerate(rows):
        if session.is_finished:
            # Rows of a text that has ended are free.
            assert len(row) == COLUMNS
            return kept or [EOS]
        words = allocate(1, session.vocabulary.size)
        session.mask(words)
        expected = {one for one in range(COLUMNS) if words[0, one // 32] >> (one % 32) & 1}
        assert row == (expected or {EOS})
        draft = run[at + 1] if at + 1 < len(run) else None
        if draft not in expected or draw.random() < 0.3:
            return [*kept, draw.choice(sorted(row))]
        assert draft is not None
        session.accept(draft)
        kept.append(draft)
    return kept


def _result(committed: list[list[int]], width: int) -> Any:
    padded = [token for run in committed for token in [*run, *[0] * width][:width]]
    return GenerationBatchResult(
        next_token_ids=torch.tensor(padded),
        accept_lens=torch.tensor([len(run) for run in committed]),
        speculative_num_draft_tokens=width,
    )


def test_what_is_drafted_past_the_end_is_dropped(engine: _Engine) -> None:
    (request,) = requests_for(engine, [WORDS])
    a, b, e = (engine.vocabulary.encode(letter)[0] for letter in (b"a", b"b", b"e"))
    result, batch = _result([[a, b, e, EOS, a]], 5), decode_batch([request])
    result_processor().advance_grammar_fsm(result, batch)
    assert result.grammar_retained_tokens == [[a, b, e, EOS]]
    assert request.grammar.is_terminated()


def test_a_token_that_can_not_come_aborts_its_own_request(engine: _Engine) -> None:
    bad, good = requests_for(engine, [WORDS, WORDS])
    a, b = (engine.vocabulary.encode(letter)[0] for letter in (b"a", b"b"))
    result, batch = _result([[a, a], [a, b]], 2), decode_batch([bad, good])
    result_processor().advance_grammar_fsm(result, batch)
    assert result.grammar_retained_tokens == [[a], [a, b]]
    assert "may come" in bad.to_finish.message
    assert good.to_finish is None


@pytest.mark.parametrize("seed", range(4))
def test_trees_of_drafts(engine: _Engine, seed: int) -> None:
    """Trees of several branches: each node's row is what the session admits there, and the
    grammars are where they were."""
    draw, nodes = random.Random(seed), 10
    requests = requests_for(engine, SPECS)
    for request in requests:
        for _ in range(3):
            token = _drawn(request, draw)
            if token != EOS:
                request.grammar.accept_token(token)
                _commit(request, [token])
    children: list[list[list[int]]] = []
    tokens: list[list[int]] = []
    for request in requests:
        parents = [-1, *(draw.randrange(max(0, at - 3), at) for at in range(1, nodes))]
        children.append([[at for at in range(nodes) if parents[at] == one] for one in range(nodes)])
        tokens.append([0, *_drafts(request, draw, nodes - 1)])
    first = [[kids[0] if kids else -1 for kids in tree] for tree in children]
    sibling = [[-1] * nodes for _ in requests]
    for row, tree in zip(sibling, children, strict=True):
        for kids in tree:
            for left, right in pairwise(kids):
                row[left] = right
    mask = build_grammar_vocab_mask(
        reqs=requests,
        tree=GrammarTree.from_host(
            torch.tensor(first), torch.tensor(sibling), torch.tensor(tokens)
        ),
        sampling_info=SimpleNamespace(vocab_size=COLUMNS, grammar_mask=None),
        device="cpu",
        barrier=None,
    )
    rows = admitted_rows(mask, nodes * len(requests))
    visited = 0
    for at, request in enumerate(requests):
        assert request.reference is not None
        below = [(0, request.reference.session.fork())]
        while below:
            node, session = below.pop()
            if session.is_finished:
                continue
            words = allocate(1, session.vocabulary.size)
            session.mask(words)
            admitted = {one for one in range(COLUMNS) if words[0, one // 32] >> (one % 32) & 1}
            assert rows[at * nodes + node] == (admitted or {EOS})
            visited += 1
            for kid in children[at][node]:
                token = tokens[at][kid]
                if token in admitted:
                    after = session.fork()
                    after.accept(token)
                    below.append((kid, after))
        assert request.grammar.session.text == request.reference.session.text
    assert visited > len(requests)


def test_ranks_make_the_same_masks(tmp_path: Path) -> None:
    """Two processes of a tensor-parallel group: their grammar managers agree on what is ready, and
    every step's masks are the same bits. One rank compiles later than the other."""
    specs = [json.dumps(spec) for spec in (*SPECS, {"language": "cobol"})]
    first, second = masks_of_ranks(specs, tmp_path)
    assert first == second
    assert "spec.language" in first["errors"][-1]
    assert len(first["masks"]) > 20
    text = bytes.fromhex(first["texts"][0])
    session = Session(parse_spec(PYTHON), _vocabulary())
    for token in session.vocabulary.encode(text):
        session.accept(token)


def _vocabulary() -> Any:
    return _Engine(Setup(COLUMNS, (EOS,))).vocabulary
