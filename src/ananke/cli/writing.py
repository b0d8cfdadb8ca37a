"""Writing with the embedded model, under a mask or without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ananke.analysis.holes import Region
from ananke.cli.ngram import Model
from ananke.masks import allocate
from ananke.outcome import NotAdmitted, Slip
from ananke.session import Session
from ananke.spec import ConstraintSpec
from ananke.vocabulary import Vocabulary, VocabularyError

__all__ = ["Sampling", "Written", "draw", "likely", "write"]

#: Tokens before the limit from which on the shortest completion is looked at.
_CLOSE_WITHIN = 64

#: A token drawn now may lengthen the shortest completion by so many tokens.
_SLACK = 4


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn.

    Attributes:
        max_tokens: at most so many are written, the closing ones included.
        temperature: 0 takes the likeliest token.
        top_p: the likeliest tokens that make up this share of the probability are drawn from.
        seed: equal seeds give equal texts.
    """

    max_tokens: int = 80
    temperature: float = 0.7
    top_p: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class Written:
    """The text written after the prompt.

    Attributes:
        text: all of it.
        closing: its end, where the session finished it because the limit was near.
        tokens: how many the model drew.
        is_finished: whether it ends as the mask demands; without a mask, whether the model ended
            it.
        stopped: why no text can be finished as asked, where that stopped the writing.
        violations: what the text holds against domains that were left out of masks.
    """

    text: bytes
    closing: bytes
    tokens: int
    is_finished: bool
    stopped: str | None = None
    violations: tuple[Slip, ...] = ()


def write(
    model: Model,
    prompt: str,
    sampling: Sampling,
    spec: ConstraintSpec | None,
    shown: Callable[[bytes], None] = lambda _: None,
    region: Region | None = None,
) -> Written:
    """Writes on after `prompt`, under the mask of `spec` (whose prefix it is) if there is one, and
    inside of `region`.

    Where text follows, what the model gives to its first byte it gives to the end.

    `shown` is told the prompt, once it is known to be possible, and each piece of text after it.

    Raises:
        SpecError: the spec, or the prompt under it, can't be honoured.
    """
    session = None
    if spec is not None:
        session = Session(likely(spec, sampling), model.vocabulary, region=region)
    shown(prompt.encode())
    rng = np.random.default_rng(sampling.seed)
    context = list(model.encode(prompt))
    words = allocate(1, model.vocabulary.size)
    written = bytearray()
    look = _CLOSE_WITHIN
    follows = None if spec is None else _beginning(model.vocabulary, spec.context.suffix or "")
    if session is not None and session.spec.all_grammars:
        # Whether grammars have a text in common isn't known before a session looks.
        found = session.satisfiability()
        if found.status == "unsat":
            return Written(b"", b"", 0, is_finished=False, stopped=found.reason)
    for drawn in range(sampling.max_tokens):
        left = sampling.max_tokens - drawn
        if session is not None and left <= look:
            closing = session.shortest_completion()
            if closing is not None:
                spare = left - _length(model.vocabulary, closing) - 1
                if spare <= _SLACK:
                    shown(closing)
                    return Written(
                        bytes(written) + closing,
                        closing,
                        drawn,
                        is_finished=True,
                        violations=session.violations,
                    )
                look = left - spare // (_SLACK + 1)
            else:
                # The search is bounded and costly; some tokens later it may be easier.
                look = left - max(1, left // 8)
        weights = model.probabilities(context)
        if session is not None:
            if follows is not None:
                ending = weights[follows].sum()
                weights = weights.copy()
                weights[list(model.vocabulary.eos)] += ending
            with np.errstate(divide="ignore"):
                scores = np.log(weights) / (sampling.temperature or 1.0)
            session.mask(words, 0, scores)
            if not words.any():
                reason = session.satisfiability().reason
                return Written(bytes(written), b"", drawn, is_finished=False, stopped=reason)
            weights = weights * _bits(words[0], len(weights))
        token = draw(weights, sampling, rng)
        while session is not None:
            try:
                session.accept(token)
                break
            except NotAdmitted:
                # The mask is wider than the verdict here: the token is drawn from the others.
                weights[token] = 0.0
            if not weights.any():
                return Written(bytes(written), b"", drawn, is_finished=False)
            token = draw(weights, sampling, rng)
        if token in model.vocabulary.eos:
            violations = () if session is None else session.violations
            return Written(bytes(written), b"", drawn, is_finished=True, violations=violations)
        text = model.vocabulary.token_bytes(token)
        written += text
        shown(text)
        context.append(token)
    return Written(bytes(written), b"", sampling.max_tokens, is_finished=False)


def likely(spec: ConstraintSpec, sampling: Sampling) -> ConstraintSpec:
    """The spec under which only tokens that may be drawn are judged, if it says nothing else."""
    if spec.budgets.likely is not None:
        return spec
    share = sampling.top_p if sampling.temperature else 0.0
    budgets = spec.budgets.model_copy(update={"likely": share})
    return spec.model_copy(update={"budgets": budgets})


def _beginning(vocabulary: Vocabulary, text: str) -> NDArray[np.int64] | None:
    """The tokens that begin with the first byte of a text; None if it is empty."""
    first = text.encode()[:1]
    if not first:
        return None
    return np.array(
        [at for at in range(vocabulary.size) if vocabulary.token_bytes(at)[:1] == first], np.int64
    )


def draw(weights: NDArray[np.float64], sampling: Sampling, rng: np.random.Generator) -> int:
    """A token drawn by its weight; float64 (vocabulary size,), some above 0."""
    if sampling.temperature == 0:
        return int(np.argmax(weights))
    order = np.argsort(-weights, kind="stable")[: int(np.count_nonzero(weights))]
    # Logarithms: a low temperature would take small weights below the smallest number.
    logits = np.log(weights[order] / weights[order[0]]) / sampling.temperature
    shares = np.exp(logits)
    shares /= shares.sum()
    kept = min(int(np.searchsorted(np.cumsum(shares), sampling.top_p)) + 1, len(shares))
    return int(order[rng.choice(kept, p=shares[:kept] / shares[:kept].sum())])


def _bits(words: NDArray[np.int32], size: int) -> NDArray[np.uint8]:
    return np.unpackbits(words.view(np.uint8), bitorder="little")[:size]


def _length(vocabulary: Vocabulary, text: bytes) -> int:
    try:
        return len(vocabulary.encode(text))
    except VocabularyError:
        return len(text)
