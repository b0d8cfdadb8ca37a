"""The peers, driven the way their own documentation says: llguidance and XGrammar.

Both get the same vocabulary as we, the same texts and the same cut into tokens. What is timed is
one call: fill a packed mask in a given buffer; consume one token.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import llguidance
import llguidance.numpy
import numpy as np
import torch
import xgrammar

from ananke.vocabulary import Vocabulary
from benchmarks.timing import Times, once, steady_clock
from benchmarks.workloads import EBNF, LARK, SCHEMA, json_texts, program_texts

__all__ = ["PeerFigures", "measure_peers"]


@dataclass(frozen=True)
class PeerFigures:
    """One engine on one grammar. `compile_seconds` is the first use of the grammar; `first` are the
    masks of the first text, `mask` and `accept` those of the later ones; `rollback` takes 200
    tokens back."""

    engine: str
    grammar: str
    compile_seconds: float
    first: Times
    mask: Times
    accept: Times
    rollback: Times


@dataclass(frozen=True)
class _Driver:
    """One matcher: fill the mask, take a token, take tokens back."""

    fill: Callable[[], object]
    take: Callable[[int], bool]
    rollback: Callable[[int], object]


def measure_peers(vocabulary: Vocabulary, texts: int, seed: int) -> list[PeerFigures]:
    """Every peer on every workload.

    Raises:
        RuntimeError: a peer refuses a token of a text of its own grammar.
    """
    cut = {
        "JSON schema": [vocabulary.encode(text) for text in json_texts(texts, seed)],
        "small language": [vocabulary.encode(text) for text in program_texts(texts, seed)],
    }
    figures = []
    lark_name = f"llguidance {version('llguidance')}"
    llguidance_tokenizer = _llguidance_tokenizer(vocabulary)
    for grammar, source in (
        ("JSON schema", llguidance.LLMatcher.grammar_from_json_schema(_compact_schema())),
        ("small language", llguidance.LLMatcher.grammar_from_lark(LARK)),
    ):
        make = _llguidance_maker(llguidance_tokenizer, source, vocabulary)
        figures.append(_drive(lark_name, grammar, make, cut[grammar]))
    info = _xgrammar_info(vocabulary)
    compiler = xgrammar.GrammarCompiler(info, max_threads=2)
    xgrammar_name = f"XGrammar {version('xgrammar')}"
    compilations: dict[str, Callable[[], xgrammar.CompiledGrammar]] = {
        "JSON schema": lambda: compiler.compile_json_schema(
            json.dumps(SCHEMA), any_whitespace=False, separators=(",", ":")
        ),
        "small language": lambda: compiler.compile_grammar(EBNF),
    }
    for grammar, compile_grammar in compilations.items():
        make_driver = _xgrammar_maker(compile_grammar, vocabulary)
        figures.append(_drive(xgrammar_name, grammar, make_driver, cut[grammar]))
    return figures


def _compact_schema() -> str:
    return json.dumps(
        {**SCHEMA, "x-guidance": {"whitespace_flexible": False, "item_separator": ",",
                                  "key_separator": ":"}}
    )  # fmt: skip


def _drive(
    engine: str, grammar: str, make: Callable[[], _Driver], texts: Sequence[Sequence[int]]
) -> PeerFigures:
    began = time.perf_counter()
    make()
    compile_seconds = time.perf_counter() - began
    passes: list[tuple[Times, Times]] = []
    rollbacks: list[int] = []
    with steady_clock():
        for tokens in texts:
            driver = make()
            masks: list[int] = []
            accepts: list[int] = []
            for token in tokens:
                masks.append(once(driver.fill))
                clock = time.perf_counter_ns()
                taken = driver.take(token)
                accepts.append(time.perf_counter_ns() - clock)
                if not taken:
                    raise RuntimeError(f"{engine} refuses token {token} of a {grammar} text")
            passes.append((Times(tuple(masks)), Times(tuple(accepts))))
            if len(tokens) > 200:
                rollbacks.append(once(lambda driver=driver: driver.rollback(200)))  # type: ignore[misc]
    later = passes[1:]
    return PeerFigures(
        engine,
        grammar,
        compile_seconds,
        passes[0][0],
        sum((masks for masks, _ in later), Times(())),
        sum((accepts for _, accepts in later), Times(())),
        Times(tuple(rollbacks)),
    )


def _tokens(vocabulary: Vocabulary) -> list[bytes]:
    return [vocabulary.token_bytes(token) for token in range(vocabulary.size)]


class _Table:
    """The vocabulary as llguidance's TokenizerWrapper reads it."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.tokens = [text[:255] for text in _tokens(vocabulary)]
        self.special_token_ids = sorted(vocabulary.special)
        for number, token in enumerate(self.special_token_ids):
            self.tokens[token] = b"\xff<|special%d|>" % number
        self.eos_token_id = vocabulary.eos[0]
        self.bos_token_id = None
        self._vocabulary = vocabulary

    def __call__(self, text: bytes) -> list[int]:
        return self._vocabulary.encode(text)


def _llguidance_tokenizer(vocabulary: Vocabulary) -> llguidance.LLTokenizer:
    return llguidance.LLTokenizer(
        llguidance.TokenizerWrapper(_Table(vocabulary)), n_vocab=vocabulary.size
    )


def _llguidance_maker(
    tokenizer: llguidance.LLTokenizer, grammar: str, vocabulary: Vocabulary
) -> Callable[[], _Driver]:
    words = np.zeros((1, -(-vocabulary.size // 32)), dtype=np.int32)
    pointer, size = words.ctypes.data, words.nbytes

    def make() -> _Driver:
        matcher = llguidance.LLMatcher(tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise RuntimeError(f"llguidance: {matcher.get_error()}")
        return _Driver(
            lambda: matcher.unsafe_compute_mask_ptr(pointer, size),
            matcher.consume_token,
            matcher.rollback,
        )

    make.words = words  # type: ignore[attr-defined]  # keeps the buffer that `pointer` names
    return make


def _xgrammar_info(vocabulary: Vocabulary) -> xgrammar.TokenizerInfo:
    return xgrammar.TokenizerInfo(
        _tokens(vocabulary),
        xgrammar.VocabType.RAW,
        vocab_size=vocabulary.size,
        stop_token_ids=list(vocabulary.eos),
    )


def _xgrammar_maker(
    compile_grammar: Callable[[], xgrammar.CompiledGrammar], vocabulary: Vocabulary
) -> Callable[[], _Driver]:
    words: torch.Tensor = xgrammar.allocate_token_bitmask(1, vocabulary.size)

    def make() -> _Driver:
        matcher = xgrammar.GrammarMatcher(compile_grammar())
        return _Driver(
            lambda: matcher.fill_next_token_bitmask(words), matcher.accept_token, matcher.rollback
        )

    return make
