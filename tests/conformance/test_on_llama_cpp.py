"""The suite over llama-cpp-python's logits processors: its sampler calls ours."""

from __future__ import annotations

import ctypes
import tempfile
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest

pytest.importorskip("llama_cpp", reason="llama-cpp-python is built by `make llama`")

import llama_cpp
import numpy as np

from ananke.adapters.llama_cpp import ConstraintLogitsProcessor, vocabulary_of
from ananke.session import Session
from ananke.spec import SpecError, parse_spec
from ananke.vocabulary import Vocabulary
from tests import llama_model
from tests.conformance.engine import Batch, Engine, Refused, Request, Setup
from tests.conformance.suite import Conformance

#: The models' files, until the process ends.
_FOLDER = tempfile.TemporaryDirectory()
PROMPT = [65, 66, 67]


@cache
def _model(setup: Setup) -> Any:
    path = Path(_FOLDER.name, f"{setup.columns}-{len(setup.eos)}.gguf")
    llama_model.write(path, llama_model.byte_level(setup.columns, turn=len(setup.eos) > 1))
    return llama_cpp.Llama(str(path), n_ctx=llama_model.CONTEXT, n_threads=1, verbose=False)


class _Row:
    """A completion: its tokens, and its sampler, which calls the processor."""

    def __init__(self, model: Any, session: Session | None) -> None:
        self._model = model
        self.tokens = list(PROMPT)
        processors = [] if session is None else [ConstraintLogitsProcessor(session)]
        # What would drop improbable tokens is off.
        self._sampler = model._init_sampler(
            top_k=0,
            top_p=1.0,
            min_p=0.0,
            temp=1.0,
            logits_processor=llama_cpp.LogitsProcessorList(processors),
        )

    def admitted(self, columns: int) -> set[int]:
        """The model's state is this row's; its sampler is applied to logits that are all 0."""
        self._model.input_ids[: len(self.tokens)] = self.tokens
        self._model.n_tokens = len(self.tokens)
        data = (llama_cpp.llama_token_data * columns)()
        for token in range(columns):
            data[token].id = token
        array = llama_cpp.llama_token_data_array(data=data, size=columns, selected=-1, sorted=False)
        llama_cpp.llama_sampler_apply(self._sampler.sampler, ctypes.byref(array))
        found = array.data
        return {found[at].id for at in range(array.size) if np.isfinite(found[at].logit)}


#: A model has one context.
_CONTEXT = threading.Lock()


class _Batch(Batch):
    """Completions beside each other; llama-cpp-python runs one at a time."""

    def __init__(self, engine: _Engine, sessions: Sequence[Session | None]) -> None:
        self._engine = engine
        self._rows = [_Row(engine.model, session) for session in sessions]

    def admitted(self) -> list[set[int]]:
        with _CONTEXT:
            return [row.admitted(self._engine.columns) for row in self._rows]

    def step(self, tokens: Sequence[int]) -> None:
        for row, token in zip(self._rows, tokens, strict=True):
            row.tokens.append(token)

    def take_back(self, count: int) -> None:
        for row in self._rows:
            del row.tokens[-count:]

    def replace(self, row: int, request: Request) -> None:
        (session,) = self._engine.sessions([request])
        self._rows[row] = _Row(self._engine.model, session)


class _Engine(Engine):
    def __init__(self, setup: Setup) -> None:
        self.columns = setup.columns
        self.model = _model(setup)
        self.vocabulary: Vocabulary = vocabulary_of(self.model)
        assert self.vocabulary.eos == setup.eos

    def start(self, requests: Sequence[Request]) -> _Batch:
        return _Batch(self, self.sessions(requests))

    def sessions(self, requests: Sequence[Request]) -> list[Session | None]:
        made: list[Session | None] = []
        for row, request in enumerate(requests):
            try:
                spec = None if request is None else parse_spec(request)
                made.append(None if spec is None else Session(spec, self.vocabulary))
            except SpecError as error:
                raise Refused(row, str(error)) from error
        return made


class TestLlamaCpp(Conformance):
    """llama-cpp-python."""

    page = "llama-cpp.md"
    cannot: ClassVar = {
        "test_what_must_come_is_not_sampled": "llama-cpp-python samples each token",
        "test_rows_are_copied": "llama-cpp-python has no beams",
    }

    def make(self, setup: Setup) -> _Engine:
        return _Engine(setup)
