"""Writing with a model, under a mask or without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ananke.cli.ngram import Model
from ananke.masks import allocate
from ananke.session import Session
from ananke.spec import parse_spec

__all__ = ["Sampling", "Written", "write"]


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn: at most `max_tokens`; temperature 0 is greedy; the likeliest tokens
    that make up `top_p` of the probability are drawn from."""

    max_tokens: int = 80
    temperature: float = 0.7
    top_p: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class Written:
    """The text written after the prompt; `closing` is the part that the session added to finish
    it at the token limit, `ended` whether the model ended it itself."""

    text: bytes
    closing: bytes
    ended: bool


def write(
    model: Model,
    prompt: str,
    sampling: Sampling,
    *,
    language: str | None,
    spec: dict[str, object] | None = None,
    shown: Callable[[bytes], None] = lambda _: None,
) -> Written:
    """Writes on after `prompt`; `language` None (and no `spec`) writes without a mask.

    Raises:
        SpecError: the spec, or the prompt under it, is not possible.
    """
    session = None
    if language is not None or spec is not None:
        request = spec or {
            "version": "1.0",
            "language": language,
            "context": {"prefix": prompt},
        }
        session = Session(parse_spec(request), model.vocabulary)
    rng = np.random.default_rng(sampling.seed)
    context = list(model.encode(prompt))
    words = allocate(1, model.vocabulary.size)
    written = bytearray()
    for _ in range(sampling.max_tokens):
        weights = model.probabilities(context)
        if session is not None:
            session.mask(words)
            weights = np.where(_bits(words[0], len(weights)), weights, 0.0)
        token = _draw(weights, sampling, rng)
        if session is not None:
            session.accept(token)
        if token in model.vocabulary.eos:
            return Written(bytes(written), b"", ended=True)
        text = model.vocabulary.token_bytes(token)
        written += text
        shown(text)
        context.append(token)
    closing = (session.shortest_completion() or b"") if session is not None else b""
    shown(closing)
    return Written(bytes(written) + closing, closing, ended=False)


def _bits(words: NDArray[np.int32], size: int) -> NDArray[np.bool_]:
    return np.unpackbits(words.view(np.uint8), bitorder="little")[:size].astype(bool)


def _draw(weights: NDArray[np.float64], sampling: Sampling, rng: np.random.Generator) -> int:
    if sampling.temperature <= 0:
        return int(np.argmax(weights))
    order = np.argsort(-weights)
    ranked = weights[order]
    ranked = (ranked / ranked.sum()) ** (1.0 / sampling.temperature)
    ranked /= ranked.sum()
    kept = max(1, int(np.searchsorted(np.cumsum(ranked), sampling.top_p)) + 1)
    ranked = ranked[:kept] / ranked[:kept].sum()
    return int(order[rng.choice(kept, p=ranked)])
