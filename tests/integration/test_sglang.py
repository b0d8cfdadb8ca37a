"""SGLang's own classes drive our backend: plug-in, grammar manager, sampler's masks, draft trees.

Runs where `make sglang` has set up SGLang. No model: SGLang's engine doesn't run without a GPU's
kernels.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sglang", reason="SGLang is set up by `make sglang`")

from tests import sglang_process  # isort: skip  # before anything else of SGLang

import tokenizers
import torch
import transformers
from sglang.srt.arg_groups.choices import GRAMMAR_BACKEND_CHOICES
from sglang.srt.constrained.base_grammar_backend import (
    GrammarRow,
    InvalidGrammarObject,
    create_grammar_backend,
    get_vocab_mask_buffer,
)
from sglang.srt.constrained.grammar_manager import GrammarManager
from sglang.srt.entrypoints.openai.protocol import ChatCompletionRequest, CompletionRequest
from sglang.srt.entrypoints.openai.serving_completions import OpenAIServingCompletion
from sglang.srt.runtime_context import get_parallel, get_serving
from sglang.srt.sampling.sampling_batch_info import SamplingBatchInfo
from sglang.srt.speculative.spec_utils import traverse_tree

from ananke.adapters.sglang import AnankeBackend, AnankeGrammar
from ananke.client import request_fields
from ananke.spec import SCHEMA_KEYWORD, SpecError, parse_spec

WORDS = [
    "def ",
    "return ",
    "return",
    "pass",
    "if ",
    "():",
    "x = ",
    "\n    ",
    '{"',
    '":',
    "</think>",
]
EOS, PAD = 300, 301
#: The model's vocabulary is padded: its last columns are no tokens.
COLUMNS = 330


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: at for at, letter in enumerate(alphabet)}
    inner = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = tokenizers.decoders.ByteLevel()
    inner.add_tokens(WORDS)
    inner.add_tokens([f"w{at}" for at in range(256 + len(WORDS), EOS)])
    inner.add_special_tokens(["<eos>", "<pad>"])
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<eos>", pad_token="<pad>"
    )
    assert fast.eos_token_id == EOS
    return fast


@pytest.fixture(scope="module")
def served() -> None:
    sglang_process.begin()


@pytest.fixture
def backend(served: None, tokenizer: Any) -> Any:
    return create_grammar_backend(SimpleNamespace(), tokenizer, COLUMNS, {EOS})


def python(**context: Any) -> str:
    return json.dumps(
        {SCHEMA_KEYWORD: {"version": "1.0", "language": "python", "context": context}}
    )


def compiled(backend: Any, kind: str, source: str) -> Any:
    value, is_hit = backend.get_cached_or_future_value((kind, source), False)
    return value if is_hit else value.result(timeout=60)


def admitted(grammar: Any) -> set[int]:
    mask = grammar.allocate_vocab_mask(COLUMNS, 1, "cpu")
    grammar.fill_vocab_mask(mask, 0)
    bits = np.unpackbits(mask.numpy().view(np.uint8), bitorder="little")
    return set(np.flatnonzero(bits).tolist())


def tokens_of(tokenizer: Any, text: str) -> list[int]:
    found: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return found


def letters(tokenizer: Any, text: str) -> set[int]:
    return {tokens_of(tokenizer, letter)[0] for letter in text}


def feed(grammar: Any, tokenizer: Any, text: str) -> list[int]:
    tokens = tokens_of(tokenizer, text)
    for token in tokens:
        assert token in admitted(grammar), (text, token)
        grammar.accept_token(token)
    return tokens


def test_the_plugin_is_found_and_chosen(backend: Any) -> None:
    assert "ananke" in GRAMMAR_BACKEND_CHOICES
    assert isinstance(backend, AnankeBackend)


def test_a_program_is_written_to_its_end(backend: Any, tokenizer: Any) -> None:
    grammar = compiled(backend, "json", python(prefix="def f():\n    "))
    feed(grammar, tokenizer, "return 1")
    (close,) = tokens_of(tokenizer, ")")
    assert EOS in admitted(grammar)
    assert close not in admitted(grammar)
    with pytest.raises(ValueError, match="no python program goes on"):
        grammar.accept_token(close)
    grammar.accept_token(EOS)
    assert grammar.is_terminated()
    grammar.rollback(1)
    assert not grammar.is_terminated()
    with pytest.raises(ValueError, match="rollback"):
        grammar.rollback(1000)


@pytest.mark.parametrize(
    ("kind", "source", "good", "bad"),
    [
        ("json", '{"type": "object", "properties": {"a": {"type": "integer"}}}', '{"a":1}', "["),
        ("json", "$$ANY$$", "[1,2]", "]"),
        ("regex", "[ab]+c", "abac", "c"),
        ("ebnf", 'root ::= "yes" | "no"', "yes", "maybe"),
        (
            "structural_tag",
            '{"structures": [{"begin": "<f>", "schema": {"type": "integer"}, "end": "</f>"}],'
            ' "triggers": ["<f>"]}',
            "hello <f>12</f>",
            None,
        ),
    ],
)
def test_plain_requests(
    backend: Any, tokenizer: Any, kind: str, source: str, good: str, bad: str | None
) -> None:
    grammar = compiled(backend, kind, source)
    assert isinstance(grammar, AnankeGrammar), grammar
    assert grammar.grammar_stats is not None
    assert grammar.grammar_stats.compilation_time > 0
    if bad is not None:
        assert tokens_of(tokenizer, bad)[0] not in admitted(grammar)
    feed(grammar, tokenizer, good)
    assert EOS in admitted(grammar)


@pytest.mark.parametrize(
    ("kind", "source", "message"),
    [
        ("json", json.dumps({SCHEMA_KEYWORD: {"language": "cobol"}}), "spec.language"),
        ("json", json.dumps({SCHEMA_KEYWORD: {"langauge": "python"}}), "langauge"),
        ("json", json.dumps({SCHEMA_KEYWORD: {"version": "9.0", "language": "go"}}), "version"),
        ("json", json.dumps({SCHEMA_KEYWORD: 3}), "an object"),
        ("json", json.dumps({SCHEMA_KEYWORD: {"language": "go"}, "type": "object"}), "'type'"),
        ("json", "{", "spec.grammar.source"),
        ("json", python(prefix=")"), "spec.context.prefix"),
        ("regex", "(", "spec.grammar.source"),
        ("regex", "a\0b", "NUL"),
        ("ebnf", "root ::= missing", "spec.grammar.source"),
        ("structural_tag", "{}", "spec.grammar.source"),
        ("smoke", "signal", "smoke"),
    ],
)
def test_a_bad_request_is_its_own_error(backend: Any, kind: str, source: str, message: str) -> None:
    grammar = compiled(backend, kind, source)
    assert isinstance(grammar, InvalidGrammarObject)
    assert message in grammar.error_message


def test_a_policy_of_the_server_binds_every_request(
    served: None, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"language": "python", "grammar": {"kind": "regex", "source": "[a-z]*"}}')
    monkeypatch.setenv("ANANKE_POLICY", str(policy))
    backend = create_grammar_backend(SimpleNamespace(), tokenizer, COLUMNS, {EOS})
    grammar = compiled(backend, "json", python(prefix="x = "))
    assert admitted(grammar) & letters(tokenizer, "a(1") == letters(tokenizer, "a")
    other = compiled(backend, "json", json.dumps({SCHEMA_KEYWORD: {"language": "go"}}))
    assert isinstance(other, InvalidGrammarObject)
    assert f"{policy} language × request language" in other.error_message
    policy.write_text('{"imports": 3}')
    with pytest.raises(SpecError, match="imports"):
        create_grammar_backend(SimpleNamespace(), tokenizer, COLUMNS, {EOS})


def test_a_copy_goes_its_own_way(backend: Any, tokenizer: Any) -> None:
    one = compiled(backend, "regex", "a(bc|d)")
    feed(one, tokenizer, "a")
    other = one.copy()
    feed(one, tokenizer, "bc")
    feed(other, tokenizer, "d")
    one.rollback(2)
    assert admitted(one) == letters(tokenizer, "bd")


def test_jump_forward(backend: Any, tokenizer: Any) -> None:
    grammar = compiled(backend, "regex", "x(yz é){1}[01]")
    old = feed(grammar, tokenizer, "x")
    text, state = grammar.jump_forward_str_state(grammar.try_jump_forward(tokenizer))
    assert text == "yz é"
    new = tokens_of(tokenizer, "xyz é")
    grammar.jump_and_retokenize(old, new, state)
    assert admitted(grammar) == letters(tokenizer, "01")
    assert grammar.try_jump_forward(tokenizer) is None
    with pytest.raises(ValueError, match="may come"):
        grammar.jump_and_retokenize(new, tokens_of(tokenizer, "xyz é2"), -1)
    assert admitted(grammar) == letters(tokenizer, "01")


def test_the_samplers_masks(backend: Any, tokenizer: Any) -> None:
    """`SamplingBatchInfo` fills the rows of a batch; rows without a grammar stay free."""
    first = compiled(backend, "regex", "[ab]")
    last = compiled(backend, "json", python())
    ended = compiled(backend, "regex", "a")
    feed(ended, tokenizer, "a")
    ended.accept_token(EOS)
    info = SimpleNamespace(
        grammars=[first, None, ended, last],
        temperatures=torch.ones(4, 1),
        vocab_size=COLUMNS,
        device="cpu",
    )
    SamplingBatchInfo.update_regex_vocab_mask(info)
    logits = torch.zeros(4, COLUMNS)
    info.grammar_mask.apply(logits)
    finite = torch.isfinite(logits)
    assert set(finite[0].nonzero().flatten().tolist()) == admitted(first)
    assert finite[1].all()
    assert finite[2].all()
    assert set(finite[3].nonzero().flatten().tolist()) == admitted(last)
    assert not finite[3, PAD:].any()


def test_the_reusable_buffer(backend: Any) -> None:
    grammar = compiled(backend, "regex", "[ab]")
    mask = backend.initialize_vocab_mask_buffer("masks", COLUMNS, 3, "cpu")
    rows = get_vocab_mask_buffer("masks", 2)
    assert rows is not None
    assert rows.data_ptr() == mask.data_ptr()
    grammar.fill_vocab_mask_batched([GrammarRow(1, grammar)], rows)
    assert (rows[0] == -1).all()
    assert (rows[1] != -1).any()
    grammar.reset_vocab_mask(mask)
    assert (mask == -1).all()


def test_a_draft_tree(backend: Any, tokenizer: Any) -> None:
    """SGLang's own walk over a draft tree: each node's row, and everything rolled back."""
    a, b, d = (tokens_of(tokenizer, letter)[0] for letter in "abd")
    grammar = compiled(backend, "regex", "a(b(c|d)|c)")
    feed(grammar, tokenizer, "a")
    # Below the accepted `a`: `b` with `d` after it, and `d`, which is not admitted there.
    masks = grammar.allocate_vocab_mask(COLUMNS, 4, "cpu")
    traverse_tree(
        torch.tensor([1, 3, -1, -1]),
        torch.tensor([-1, 2, -1, -1]),
        torch.tensor([a, b, d, d]),
        grammar,
        masks,
    )
    rows = np.unpackbits(masks.numpy().view(np.uint8), axis=1, bitorder="little")
    assert set(np.flatnonzero(rows[0]).tolist()) == letters(tokenizer, "bc")
    assert set(np.flatnonzero(rows[1]).tolist()) == letters(tokenizer, "cd")
    assert rows[2].all()
    assert set(np.flatnonzero(rows[3]).tolist()) == {EOS}
    assert admitted(grammar) == letters(tokenizer, "bc")


class Request:
    """What the grammar manager reads and writes of a request."""

    def __init__(self, **constraint: str) -> None:
        kinds = ("json_schema", "regex", "ebnf", "structural_tag")
        self.sampling_params = SimpleNamespace(
            **{kind: constraint.get(kind) for kind in kinds},
            ebnf_full_assistant=False,
            custom_params=None,
        )
        self.rid = "request"
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


@pytest.fixture
def manager(served: None, tokenizer: Any) -> Any:
    scheduler = SimpleNamespace(
        server_args=None,
        tokenizer=tokenizer,
        model_config=SimpleNamespace(vocab_size=COLUMNS, hf_eos_token_id={EOS}, think_end_ids=None),
        dp_tp_cpu_group=None,
        dp_tp_group=SimpleNamespace(world_size=1, first_rank=0, is_first_rank=True),
        pp_group=None,
    )
    with get_parallel().override(pp_rank=0, pp_size=1):
        return GrammarManager(scheduler)


def ready(manager: Any, count: int) -> None:
    found = 0
    for _ in range(600):
        found += len(manager.get_ready_grammar_requests())
        if found == count:
            return
        time.sleep(0.01)
    raise AssertionError(f"{found} of {count} requests are ready")


def test_the_grammar_manager(manager: Any, tokenizer: Any) -> None:
    """A good request, a bad one and an aborted one; then two again, from the cache."""
    good, bad, aborted = (
        Request(json_schema=python()),
        Request(json_schema=json.dumps({SCHEMA_KEYWORD: {"language": "cobol"}})),
        Request(regex="[ab]"),
    )
    aborted.rid = "aborted"
    for request in (good, bad, aborted):
        assert manager.process_req_with_grammar(request)
    manager.abort_requests(SimpleNamespace(abort_all=False, rid="aborted"))
    ready(manager, 3)
    feed(good.grammar, tokenizer, "x = 1")
    assert bad.error is not None
    assert "spec.language" in bad.error
    assert aborted.error == "Aborted by AbortReq."
    again, still_bad = Request(json_schema=python()), Request(json_schema=bad.grammar_key[1])
    assert not manager.process_req_with_grammar(again)
    assert not manager.process_req_with_grammar(still_bad)
    assert again.grammar is not good.grammar
    feed(again.grammar, tokenizer, "pass")
    assert still_bad.error == bad.error


@pytest.mark.parametrize("source", ["[" * 100_000, '{"a":' * 100_000, '"\\ud800"'])
def test_a_hostile_request_is_its_own_error(manager: Any, source: str) -> None:
    request = Request(json_schema=source)
    assert manager.process_req_with_grammar(request)
    ready(manager, 1)
    assert request.error is not None
    assert "Failed to compile json grammar" in request.error


def test_reasoning_is_free_and_what_follows_is_not(served: None, tokenizer: Any) -> None:
    with get_serving().override(reasoning_parser="qwen3"):
        backend = create_grammar_backend(SimpleNamespace(), tokenizer, COLUMNS, {EOS})
    grammar = compiled(backend, "regex", "[ab]+")
    grammar.maybe_init_reasoning(True)
    for token in tokens_of(tokenizer, "let me see</think>"):
        assert len(admitted(grammar)) > EOS
        grammar.accept_token(token)
    assert admitted(grammar) == letters(tokenizer, "ab")


def test_strict_thinking(served: None, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """SGLang's budget of thinking ends it by a mask of one token."""
    monkeypatch.setenv("SGLANG_MAX_THINK_TOKENS", "3")
    with get_serving().override(reasoning_parser="qwen3", enable_strict_thinking=True):
        backend = create_grammar_backend(SimpleNamespace(), tokenizer, COLUMNS, {EOS})
    grammar = backend.init_strict_reasoning_grammar(True)
    for token in tokens_of(tokenizer, "abc"):
        grammar.accept_token(token)
    assert admitted(grammar) == {tokenizer.convert_tokens_to_ids("</think>")}


def test_where_nothing_may_come_the_text_ends(backend: Any, tokenizer: Any) -> None:
    """Language and grammar exclude each other: EOS alone, which is taken and taken back."""
    spec = {"language": "python", "grammar": {"kind": "regex", "source": r"x\)"}}
    grammar = compiled(backend, "json", json.dumps({SCHEMA_KEYWORD: spec}))
    feed(grammar, tokenizer, "x")
    assert admitted(grammar) == {EOS}
    grammar.accept_token(EOS)
    assert grammar.is_terminated()
    assert grammar.copy().is_terminated()
    grammar.rollback(1)
    assert not grammar.is_terminated()
    assert admitted(grammar) == {EOS}
    grammar.rollback(1)
    assert admitted(grammar) == letters(tokenizer, "x")


@pytest.mark.parametrize("way", ["chat", "completions"])
def test_what_the_client_sends_arrives(backend: Any, tokenizer: Any, way: str) -> None:
    """Through SGLang's own form of a request, to the session that it asks for."""
    spec = parse_spec({"language": "python", "context": {"prefix": "def f(x):\n    "}})
    body = request_fields(spec, "sglang")["extra_body"]
    if way == "chat":
        chat = ChatCompletionRequest(messages=[{"role": "user", "content": "go"}], **body)
        parameters = chat.to_sampling_params([], {})
    else:
        plain = CompletionRequest(prompt="def f(x):\n    ", **body)
        parameters = OpenAIServingCompletion._build_sampling_params(None, plain)
    grammar = compiled(backend, "json", parameters["json_schema"])
    feed(grammar, tokenizer, "return x")
    assert grammar.session.spec == spec


def test_old_requests_are_forgotten(backend: Any) -> None:
    for at in range(300):
        backend.set_cache(("regex", f"a{at}"), InvalidGrammarObject("x"))
    assert len(backend.cache) == 256
    assert ("regex", "a299") in backend.cache
