"""vLLM's own classes drive our logits processor: configuration, batches, samplers, drafts.

Runs where `make vllm` has set up vLLM. No model: the kernels in vLLM's package need a GPU.
"""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("vllm", reason="vLLM is set up by `make vllm`")

from tests import vllm_process  # isort: skip  # before anything else of vLLM

import numpy as np
import torch
from vllm import SamplingParams
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.entrypoints.openai.completion.protocol import CompletionRequest
from vllm.exceptions import VLLMValidationError
from vllm.sampling_params import StructuredOutputsParams
from vllm.v1.sample.sampler import Sampler

from ananke.client import request_fields
from ananke.spec import EXTRA_ARGUMENT, parse_spec
from tests.conformance.engine import Engine, Refused, Request
from tests.conformance.suite import PLAIN, PYTHON, WORDS
from tests.conformance.test_on_vllm import (
    PROMPT,
    FirstBatch,
    FirstEngine,
    SecondBatch,
    SecondEngine,
)

(EOS,) = PLAIN.eos


@pytest.fixture(scope="module")
def first() -> FirstEngine:
    return FirstEngine(PLAIN)


@pytest.fixture(scope="module")
def second() -> SecondEngine:
    return SecondEngine(PLAIN)


@pytest.fixture(params=["first", "second"])
def engine(request: pytest.FixtureRequest) -> Engine:
    made: Engine = request.getfixturevalue(request.param)
    return made


def tokens(engine: Engine, text: str) -> list[int]:
    return engine.vocabulary.encode(text.encode())


def letters(engine: Engine, text: str) -> set[int]:
    return {tokens(engine, letter)[0] for letter in text}


def test_the_flag_is_understood() -> None:
    configured = vllm_process.configuration(PLAIN)
    assert configured.model_config.logits_processors == [vllm_process.PROCESSOR]
    assert configured.use_v2_model_runner


@pytest.mark.parametrize("way", ["chat", "completion"])
def test_what_the_client_sends_arrives(engine: Engine, way: str) -> None:
    """Through vLLM's own form of a request, to the mask of its session."""
    spec = parse_spec({"language": "python", "context": {"prefix": "def f(x):\n    "}})
    body = request_fields(spec, "vllm")["extra_body"]
    form: Any
    if way == "chat":
        form = ChatCompletionRequest(messages=[{"role": "user", "content": "go"}], **body)
    else:
        form = CompletionRequest(prompt="def f(x):\n    ", **body)
    parameters = form.to_sampling_params(20, {})
    batch = engine.start([parameters.extra_args[EXTRA_ARGUMENT]])
    for token in tokens(engine, "return x"):
        assert token in batch.admitted()[0]
        batch.step([token])
    (admitted,) = batch.admitted()
    assert EOS in admitted
    assert not admitted & letters(engine, ")]")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"extra_args": {EXTRA_ARGUMENT: 3}}, "expected a ConstraintSpec"),
        (
            {"structured_outputs": StructuredOutputsParams(regex="a")},
            "together with structured_outputs",
        ),
        ({"min_tokens": 3}, "together with min_tokens"),
    ],
)
def test_what_goes_with_no_spec_is_refused(
    second: SecondEngine, parameters: dict[str, Any], message: str
) -> None:
    given = {"extra_args": {EXTRA_ARGUMENT: json.dumps(WORDS)}, **parameters}
    with pytest.raises(VLLMValidationError, match=message):
        second.judge(SamplingParams(**given))


def test_a_policy_of_the_server_binds_every_spec(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"language": "python", "grammar": {"kind": "regex", "source": "[a-z]*"}}')
    monkeypatch.setenv("ANANKE_POLICY", str(policy))
    batch = engine.start([{"context": {"prefix": "x = "}}])
    assert batch.admitted()[0] & letters(engine, "a(1") == letters(engine, "a")
    with pytest.raises(Refused, match="policy.json language × request language"):
        engine.start([{"language": "go"}])


def test_what_the_first_sampler_samples_is_a_program(first: FirstEngine) -> None:
    """vLLM's sampler over logits that know nothing."""
    torch.manual_seed(3)
    spec = {**PYTHON, "grammar": {"kind": "regex", "source": r"[x-z0-9+]*"}}
    batch = first.start([spec, spec])
    sampler = Sampler()
    # The package has no kernel for a CPU that draws; vLLM's own in PyTorch does the same.
    sampler.topk_topp_sampler.forward = sampler.topk_topp_sampler.forward_native

    def sample() -> list[int]:
        logits = torch.randn(2, PLAIN.columns)
        logits[:, EOS] += 2.0
        found = sampler(logits, batch.metadata()).sampled_token_ids.flatten().tolist()
        return [found[at] for at in batch.places()]

    check_programs(first, written(batch, sample))


def test_what_the_second_sampler_leaves_is_a_program(second: SecondEngine) -> None:
    """All but its last kernel, which draws: Triton's interpreter can't run that one."""
    torch.manual_seed(3)
    spec = {**PYTHON, "grammar": {"kind": "regex", "source": r"[x-z0-9+]*"}}
    batch = second.start([spec, spec])

    def sample() -> list[int]:
        logits = torch.randn(2, PLAIN.columns)
        logits[:, EOS] += 2.0
        masked = batch.sampler.apply_sampling_params(logits, **batch.layout([0, 1]))
        return [int(token) for token in masked.argmax(dim=1)]

    check_programs(second, written(batch, sample))


def written(batch: FirstBatch | SecondBatch, sample: Any) -> list[list[int]]:
    """The tokens of each row up to EOS."""
    texts: list[list[int]] = [[], []]
    ended = [False, False]
    for _ in range(400):
        found = sample()
        batch.step(found)
        for row, token in enumerate(found):
            ended[row] |= token == EOS
            if not ended[row]:
                texts[row].append(token)
        if all(ended):
            return texts
    raise AssertionError(f"not ended: {texts}")


def check_programs(engine: Engine, rows: Sequence[Sequence[int]]) -> None:
    """By the word of Python's own parser."""
    for row in rows:
        text = b"".join(engine.vocabulary.token_bytes(token) for token in row)
        ast.parse(b"def f():\n    " + text)


# With asynchronous scheduling a step begins before the last one's tokens are on the host.


class Copied:
    """The event that vLLM waits for."""

    def synchronize(self) -> None: ...


def test_tokens_that_arrive_late(first: FirstEngine) -> None:
    """vLLM puts them where it had left room, before it samples."""
    a, b = tokens(first, "a")[0], tokens(first, "b")[0]
    batch = first.start([WORDS])
    batch.admitted()
    batch.step([-1])
    batch.arrive([a], Copied())
    assert batch.admitted() == [{b}]


def test_tokens_that_never_arrive(first: FirstEngine, caplog: pytest.LogCaptureFixture) -> None:
    batch = first.start([WORDS])
    batch.step([-1])
    with caplog.at_level(logging.ERROR):
        assert len(batch.admitted()[0]) == PLAIN.columns
    assert "--logits-processors" in caplog.text


# Of a request with drafts the second runner has a row for what follows each of them.


def test_drafts(second: SecondEngine) -> None:
    batch = second.start([WORDS, None, WORDS])
    a, b, c, d, e = (tokens(second, letter)[0] for letter in "abcde")

    def masks(*drafted: list[int]) -> list[list[set[int]]]:
        return batch.admitted_with_drafts(list(drafted))

    one, free, other = masks([a, b, e], [a, a], [c, e])
    starts = letters(second, "ace") | set(tokens(second, "ab"))
    assert one == [starts, {b}, starts, {EOS}]
    assert all(len(mask) == PLAIN.columns for mask in free)
    # `ce` is refused: what would follow is never sampled, and not masked.
    assert other[:2] == [starts, {d}]
    assert len(other[2]) == PLAIN.columns
    # `a` and `b` were taken by the first, `c` by the third, and each sampled one more.
    batch.take(0, [a, b, c])
    batch.take(1, [a])
    batch.take(2, [c, d])
    one, free, other = masks([d], [], [])
    assert one == [{d}, starts]
    assert other == [starts]


def test_a_request_that_was_set_aside_goes_on(second: SecondEngine) -> None:
    """Preempted, and back with its text so far as the prompt's rest."""
    batch = second.start([WORDS])
    batch.admitted()
    batch.set_aside(0, WORDS, tokens(second, "abc"))
    assert batch.admitted() == [letters(second, "d")]


def test_a_prompt_in_pieces_is_not_masked(second: SecondEngine) -> None:
    batch = second.start([WORDS])
    logits = batch.sampler.apply_sampling_params(
        torch.zeros(1, PLAIN.columns),
        **{**batch.layout([0]), "pos": torch.tensor([len(PROMPT) - 2])},
        skip_top_k_top_p=True,
    )
    assert torch.isfinite(logits).all()
    assert batch.admitted()[0] & letters(second, "abcde") == letters(second, "ace")


def test_tokens_are_taken_back(second: SecondEngine) -> None:
    batch = second.start([WORDS])
    for letter in "abcd":
        batch.admitted()
        batch.step(tokens(second, letter))
    batch.admitted()
    batch.take_back(3)
    assert batch.admitted() == [letters(second, "b")]


@pytest.mark.parametrize("request_", [{"language": "cobol"}, "{"])
def test_what_only_the_worker_refuses_ends_its_own_text(
    second: SecondEngine, request_: Request, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        batch = SecondBatch(second, [request_, WORDS])
    broken, fine = batch.admitted()
    assert broken == {EOS}
    assert fine & letters(second, "abcde") == letters(second, "ace")
    assert "ended at once" in caplog.text


def test_a_batch_without_specs_is_left_alone(engine: Engine) -> None:
    batch = engine.start([None, None])
    assert all(len(row) == PLAIN.columns for row in batch.admitted())


def test_numbers_of_rows_change(second: SecondEngine) -> None:
    """A smaller batch after a larger one reads none of its rows."""
    large = second.start([WORDS] * 9)
    assert len({frozenset(row) for row in large.admitted()}) == 1
    small = second.start([PYTHON])
    assert small.admitted()[0] != large.admitted()[0]
    assert np.unique([len(row) for row in large.admitted()]).size == 1
