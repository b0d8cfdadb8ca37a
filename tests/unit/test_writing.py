"""Writing with the embedded model: what is written is right, whatever the mask leaves."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ananke.analysis.holes import Region
from ananke.cli import writing
from ananke.cli.ngram import Model, train
from ananke.cli.writing import Drafts, Sampling, write
from ananke.holes import Draft
from ananke.languages import get_hole_language
from ananke.session import Session
from ananke.spec import ConstraintSpec, parse_spec

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


HOLE = "def a(x):\n    return ...\n\n\nprint(a(2))\n"


def place(text: str) -> tuple[ConstraintSpec, Region]:
    language = get_hole_language("python")
    assert language is not None
    (hole,) = language.find(text.encode())
    context = {"prefix": text[: hole.start], "suffix": text[hole.end :]}
    return parse_spec({**SPEC, "context": context}), hole.region


def test_drafts_of_a_hole_share_their_session(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[ConstraintSpec] = []

    class Counted(Session):
        def __init__(self, spec: ConstraintSpec, *rest: Any, **more: Any) -> None:
            made.append(spec)
            super().__init__(spec, *rest, **more)

    monkeypatch.setattr(writing, "Session", Counted)
    drafts = Drafts(model, Sampling(max_tokens=12, temperature=1.0))
    spec, region = place(HOLE)
    texts = {draft.text for number in range(8) if (draft := drafts(spec, region, number))}
    assert len(made) == 1
    assert len(texts) > 1
    for text in texts:
        ast.parse(HOLE.replace("...", text.decode()))
    drafts(*place(HOLE), 8)
    assert len(made) == 2


def test_a_draft_is_cut_back_to_where_it_may_end(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model never ends, nor may its last token: what stands before that does."""
    ids = {model.vocabulary.token_bytes(at): at for at in range(model.vocabulary.size)}
    pattern = [ids[b"1"], ids[b"+"]]

    def probabilities(_: Model, context: list[int]) -> npt.NDArray[np.float64]:
        weights = np.full(model.vocabulary.size, 1e-9)
        weights[pattern[context[-1] == pattern[0]]] = 1.0
        return weights

    monkeypatch.setattr(Model, "probabilities", probabilities)
    spec, region = place(HOLE)
    draft = Drafts(model, Sampling(max_tokens=4))(spec, region, 0)
    assert draft == Draft(b"1+1", is_closed=True)
