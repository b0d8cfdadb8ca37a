"""llama.cpp end to end: completions of a tiny model, whose file the test makes."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llama_cpp", reason="llama-cpp-python is built by `make llama`")

import numpy as np
from llama_cpp import Llama, LogitsProcessorList
from llama_cpp.llama_speculative import LlamaPromptLookupDecoding

from ananke.adapters.llama_cpp import ConstraintLogitsProcessor, vocabulary_of
from ananke.session import Session
from ananke.spec import parse_spec
from ananke.vocabulary import from_tokens
from tests import llama_model
from tests.conformance.tokenizer import EOS, TURN

PROMPT = "def f():\n    "
WORDS = {"grammar": {"kind": "regex", "source": "(ab|cd){2,9}e"}}
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "boolean"}, "b": {"enum": ["x", "y"]}},
    "required": ["a", "b"],
    "additionalProperties": False,
}
PYTHON = {
    "language": "python",
    "context": {"prefix": PROMPT},
    "grammar": {"kind": "regex", "source": r"(return|x = ) ?[a-z0-9 +()]{1,12}\n"},
}
#: Python has no use for what the grammar wants.
DEAD_END = {"language": "python", "grammar": {"kind": "regex", "source": r"x\)"}}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    made = {"gpt2": llama_model.byte_level(320, turn=True), "llama": llama_model.pieces()}
    for name, tokens in made.items():
        llama_model.write(folder / f"{name}.gguf", tokens)
    return {name: folder / f"{name}.gguf" for name in made}


def load(path: Path, **options: Any) -> Llama:
    return Llama(str(path), n_ctx=512, n_threads=1, verbose=False, **options)


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def llama(files: Mapping[str, Path], request: pytest.FixtureRequest) -> Llama:
    return load(files[request.param])


def complete(llama: Llama, spec: Mapping[str, Any], **options: Any) -> tuple[str, str, Session]:
    """The text, why it ended, and the session at its last token but the end."""
    processor = ConstraintLogitsProcessor(Session(parse_spec(spec), vocabulary_of(llama)))
    answer: Any = llama.create_completion(
        PROMPT, logits_processor=LogitsProcessorList([processor]), max_tokens=200, **options
    )
    (choice,) = answer["choices"]
    return choice["text"], choice["finish_reason"], processor.session


def test_the_vocabulary_is_the_models(llama: Llama) -> None:
    vocabulary = vocabulary_of(llama)
    assert vocabulary.size == llama.n_vocab()
    assert llama.token_eos() in vocabulary.eos
    for text in ("def f(é):", "x = 1\n\treturn"):
        tokens = llama.tokenize(text.encode(), add_bos=False)
        assert b"".join(map(vocabulary.token_bytes, tokens)).strip() == text.encode()


def test_every_token_that_ends_a_text_is_an_end(files: Mapping[str, Path]) -> None:
    vocabulary = vocabulary_of(load(files["gpt2"]))
    assert vocabulary.eos == (EOS, TURN)
    # Words of the model's own, control tokens, padding.
    assert vocabulary.token_bytes(256) == b"def "
    assert not any(vocabulary.token_bytes(token) for token in range(EOS, 320))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_texts_match_their_grammar(llama: Llama, temperature: float, seed: int) -> None:
    options = {"temperature": temperature, "seed": seed, "top_k": 5}
    text, reason, _ = complete(llama, WORDS, **options)
    assert reason == "stop"
    assert text[-1] == "e"
    assert set(text[:-1:2] + text[1:-1:2]) <= set("abcd")
    text, reason, _ = complete(
        llama, {"grammar": {"kind": "json_schema", "source": SCHEMA}}, **options
    )
    if reason == "stop":
        assert set(json.loads(text)) == {"a", "b"}
    else:
        # White space is free.
        assert len(text) > 100


@pytest.mark.parametrize("seed", range(4))
def test_programs_parse(llama: Llama, seed: int) -> None:
    text, reason, session = complete(llama, PYTHON, temperature=1.2, seed=seed)
    assert reason == "stop"
    ast.parse(PROMPT + text)
    assert session.text.decode() == text


def test_a_stream(llama: Llama) -> None:
    processor = ConstraintLogitsProcessor(Session(parse_spec(WORDS), vocabulary_of(llama)))
    parts: Any = llama.create_completion(
        PROMPT, logits_processor=LogitsProcessorList([processor]), stream=True, max_tokens=100
    )
    text = "".join(part["choices"][0]["text"] for part in parts)
    assert text == processor.session.text.decode()
    assert text[-1] == "e"


@pytest.mark.parametrize("seed", range(3))
def test_drafts(files: Mapping[str, Path], seed: int) -> None:
    """With a draft model the context holds tokens ahead of the one that is sampled; the text is
    what it is without."""
    plain = load(files["gpt2"])
    drafting = load(
        files["gpt2"], draft_model=LlamaPromptLookupDecoding(num_pred_tokens=6), logits_all=True
    )
    seen: list[int] = []
    spec = {"grammar": {"kind": "regex", "source": "(abab|abcd){8}e"}}
    processor = ConstraintLogitsProcessor(Session(parse_spec(spec), vocabulary_of(drafting)))

    def watch(input_ids: Any, scores: Any) -> Any:
        seen.append(len(input_ids))
        return processor(input_ids, scores)

    answer: Any = drafting.create_completion(
        PROMPT,
        logits_processor=LogitsProcessorList([watch]),
        max_tokens=100,
        temperature=0.0,
        seed=seed,
    )
    # Some calls saw more of the context than the one before and a token.
    assert any(after > before + 1 for before, after in pairwise(seen))
    assert answer["choices"][0]["text"] == complete(plain, spec, temperature=0.0)[0]


def test_where_nothing_may_come_the_text_ends(llama: Llama) -> None:
    text, reason, _ = complete(llama, DEAD_END)
    assert (text, reason) == ("x", "stop")


def test_a_session_serves_many_completions(llama: Llama) -> None:
    session = Session(parse_spec(WORDS), vocabulary_of(llama))
    for _ in range(2):
        processor = ConstraintLogitsProcessor(session)
        answer: Any = llama.create_completion(
            PROMPT, logits_processor=LogitsProcessorList([processor]), max_tokens=100
        )
        assert answer["choices"][0]["text"][-1] == "e"
    assert session.text == b""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_fails_ends_the_text(llama: Llama) -> None:
    """No exception passes through llama.cpp: nothing unconstrained is sampled after one."""
    other = from_tokens([b"a", b"b"], eos=[llama.token_eos()], name="another model's")
    assert other.size != llama.n_vocab()
    processor = ConstraintLogitsProcessor(Session(parse_spec(WORDS), other))
    answer: Any = llama.create_completion(
        PROMPT, logits_processor=LogitsProcessorList([processor]), max_tokens=100
    )
    assert (answer["choices"][0]["text"], answer["choices"][0]["finish_reason"]) == ("", "stop")
    used = ConstraintLogitsProcessor(Session(parse_spec(WORDS), vocabulary_of(llama)))
    used(np.array([1, 2], np.intc), np.zeros(llama.n_vocab(), np.single))
    with pytest.raises(ValueError, match="one processor serves one completion"):
        used(np.array([3, 2, 1], np.intc), np.zeros(llama.n_vocab(), np.single))
