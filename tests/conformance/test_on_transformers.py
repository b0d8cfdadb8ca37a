"""The suite over the Transformers adapter, driven as `generate` drives a logits processor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from ananke.adapters.transformers import ConstraintLogitsProcessor  # noqa: E402
from ananke.session import Session  # noqa: E402
from ananke.spec import SpecError, parse_spec  # noqa: E402
from ananke.vocabulary import Vocabulary, from_transformers  # noqa: E402
from tests.conformance.engine import Batch, Engine, Refused, Request, Setup  # noqa: E402
from tests.conformance.suite import Conformance  # noqa: E402
from tests.conformance.tokenizer import PAD, fast_tokenizer  # noqa: E402


class _Batch(Batch):
    """All rows' ids so far, as `generate` keeps them."""

    def __init__(self, sessions: Sequence[Session], columns: int) -> None:
        self._processor = ConstraintLogitsProcessor(sessions)
        self._columns = columns
        self._ids = torch.full((len(sessions), 3), PAD)
        self.admitted()

    def admitted(self) -> list[set[int]]:
        scores = self._processor(self._ids, torch.zeros(len(self._ids), self._columns))
        return [set(torch.isfinite(row).nonzero().flatten().tolist()) for row in scores]

    def step(self, tokens: Sequence[int]) -> None:
        self._ids = torch.cat([self._ids, torch.tensor(tokens)[:, None]], dim=1)

    def take_back(self, count: int) -> None:
        self._ids = self._ids[:, :-count]

    def copy_row(self, source: int, target: int) -> None:
        self._ids[target] = self._ids[source]


class _Engine(Engine):
    def __init__(self, setup: Setup) -> None:
        self._columns = setup.columns
        self.vocabulary: Vocabulary = from_transformers(fast_tokenizer(), eos=setup.eos)

    def start(self, requests: Sequence[Request]) -> _Batch:
        sessions = []
        for row, request in enumerate(requests):
            assert request is not None
            try:
                sessions.append(Session(parse_spec(request), self.vocabulary))
            except SpecError as error:
                raise Refused(row, str(error)) from error
        return _Batch(sessions, self._columns)


class TestTransformers(Conformance):
    """Transformers."""

    page = "transformers.md"
    cannot: ClassVar = {
        "test_what_must_come_is_not_sampled": "`generate` samples each token",
        "test_rows_without_a_constraint_are_free": "a batch has a session for each prompt",
        "test_an_aborted_request_leaves_the_others": "a batch runs to its end",
    }

    def make(self, setup: Setup) -> _Engine:
        return _Engine(setup)
