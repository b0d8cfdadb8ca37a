"""Writing with the embedded model: what is written is right, whatever the mask leaves."""

from __future__ import annotations

import ast

import numpy as np
import numpy.typing as npt
import pytest

from ananke.cli.ngram import Model, train
from ananke.cli.writing import Sampling, write
from ananke.session import Session
from ananke.spec import parse_spec

TEXTS = [f"def {name}(x):\n    return x + 1\n\n\nprint({name}(2))\n" for name in "abcde"] * 4
SPEC = {
    "language": "python",
    "domains": ["syntax", "imports", "types", "controlflow"],
    "context": {"prefix": "def a(x):\n    return "},
}


@pytest.fixture(scope="module")
def model() -> Model:
    return train(TEXTS, 300)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("likely", [None, 1.0])
def test_what_is_written_is_a_program(
    model: Model, temperature: float, likely: float | None
) -> None:
    spec = parse_spec({**SPEC, "budgets": {"likely": likely}})
    sampling = Sampling(max_tokens=30, temperature=temperature, seed=3)
    written = write(model, spec.context.prefix, sampling, spec)
    assert written.is_finished
    ast.parse(spec.context.prefix.encode() + written.text)


def test_a_token_that_the_session_refuses_is_drawn_again(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everything(_: Session, out: npt.NDArray[np.int32], *__: object) -> None:
        out.fill(-1)

    monkeypatch.setattr(Session, "mask", everything)
    spec = parse_spec(SPEC)
    finished = 0
    for seed in range(5):
        written = write(model, spec.context.prefix, Sampling(max_tokens=20, seed=seed), spec)
        Session(spec, model.vocabulary).accept_text(written.text)
        if written.is_finished:
            ast.parse(spec.context.prefix.encode() + written.text)
            finished += 1
    assert finished
