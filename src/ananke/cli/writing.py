"""Writing with the embedded model, under a mask or without.

Under a mask a token is drawn before it is judged: each token's logarithm of its weight gets noise
(Gumbel's), after which the greatest of any set of tokens is one drawn from that set by weight. So
the session is asked for the likeliest token alone, by the noisy scores, and judges little more than
what is drawn (docs/decisions/0018-likely-masks.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ananke.analysis.holes import Region
from ananke.cli.ngram import Model
from ananke.holes import Draft
from ananke.masks import allocate
from ananke.outcome import NotAdmitted, Slip
from ananke.session import Session
from ananke.spec import ConstraintSpec
from ananke.vocabulary import Vocabulary, VocabularyError

__all__ = ["Drafts", "Sampling", "Written", "begin", "draw", "likely", "write"]

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
        is_draft: what isn't finished at the limit is cut back to where it may end, rather than that
            an end is searched for before.
    """

    max_tokens: int = 80
    temperature: float = 0.7
    top_p: float = 0.95
    seed: int = 0
    is_draft: bool = False


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
        is_cut: the limit came, and what was written after `text` was taken back.
        violations: what the text holds against domains that were left out of masks.
    """

    text: bytes
    closing: bytes
    tokens: int
    is_finished: bool
    stopped: str | None = None
    violations: tuple[Slip, ...] = ()
    is_cut: bool = False


def write(
    model: Model,
    prompt: str,
    sampling: Sampling,
    spec: ConstraintSpec | None,
    shown: Callable[[bytes], None] = lambda _: None,
    session: Session | None = None,
) -> Written:
    """Writes on after `prompt`, under the mask of `spec` (whose prefix it is) if there is one.

    `session`: one that `begin` made for the spec, which is not changed; else a new one.

    Where text follows, what the model gives to its first byte it gives to the end.

    `shown` is told the prompt, once it is known to be possible, and each piece of text after it.

    Raises:
        SpecError: the spec, or the prompt under it, can't be honoured.
    """
    if spec is not None:
        session = begin(model, spec) if session is None else session.fork()
    shown(prompt.encode())
    rng = np.random.default_rng(sampling.seed)
    context = list(model.encode(prompt))
    begun = len(context)
    words = allocate(1, model.vocabulary.size)
    written = bytearray()
    look = 0 if sampling.is_draft else _CLOSE_WITHIN
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
            scores = _drawn_scores(weights, sampling, rng)
            session.mask(words, 0, scores)
            if not words.any():
                if sampling.is_draft:
                    break
                reason = session.satisfiability().reason
                return Written(bytes(written), b"", drawn, is_finished=False, stopped=reason)
            scores[_bits(words[0], len(weights)) == 0] = -np.inf
            token = int(np.argmax(scores))
        else:
            token = draw(weights, sampling, rng)
        if session is not None:
            taken = _accept(session, token, scores)
            if taken is None:
                break
            token = taken
        if token in model.vocabulary.eos:
            violations = () if session is None else session.violations
            return Written(bytes(written), b"", drawn, is_finished=True, violations=violations)
        text = model.vocabulary.token_bytes(token)
        written += text
        shown(text)
        context.append(token)
    drawn = len(context) - begun
    if session is None or not sampling.is_draft or not _cut_back(session):
        return Written(bytes(written), b"", drawn, is_finished=False)
    return Written(session.text, b"", drawn, is_finished=True, is_cut=True)


def _accept(session: Session, token: int, scores: NDArray[np.float64]) -> int | None:
    """Accepts the token or, where the mask is wider than the verdict, the next by `scores` that may
    be; None if none may."""
    while scores[token] != -np.inf:
        try:
            session.accept(token)
            return token
        except NotAdmitted:
            scores[token] = -np.inf
        token = int(np.argmax(scores))
    return None


def _cut_back(session: Session) -> bool:
    """Whether the text could be cut back to where it may end."""
    (end,) = session.vocabulary.eos[:1]
    while session.text:
        session.rollback(1)
        if session.text and session.explain(end).admitted:
            return True
    return False


def likely(spec: ConstraintSpec, share: float) -> ConstraintSpec:
    """The spec under which only tokens that may be drawn are judged, if it says nothing else."""
    if spec.budgets.likely is not None:
        return spec
    budgets = spec.budgets.model_copy(update={"likely": share})
    return spec.model_copy(update={"budgets": budgets})


def begin(model: Model, spec: ConstraintSpec, region: Region | None = None) -> Session:
    """A session for `write`, inside of `region`."""
    return Session(likely(spec, 0.0), model.vocabulary, region=region)


def _drawn_scores(
    weights: NDArray[np.float64], sampling: Sampling, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Scores of which the greatest is a token drawn, of whatever tokens are left: of the likeliest
    that make up `top_p`, or where none of these is, of the others. No token has -inf: a model
    doesn't say what is impossible."""
    logits = np.log(np.maximum(weights, np.finfo(np.float64).tiny))
    if sampling.temperature == 0:
        return logits
    logits = (logits - logits.max()) / sampling.temperature
    order = np.argsort(-logits, kind="stable")
    shares = np.exp(logits[order])
    kept = int(np.searchsorted(np.cumsum(shares) / shares.sum(), sampling.top_p)) + 1
    scores: NDArray[np.float64] = logits + rng.gumbel(size=len(logits))
    scores[order[kept:]] += logits.min() - 1e3
    return scores


class Drafts:
    """Writes fills of holes. All attempts at one hole share what its session has found out; the
    first takes the likeliest tokens, the others are drawn."""

    def __init__(self, model: Model, sampling: Sampling) -> None:
        self._model = model
        self._sampling = sampling
        self._spec: ConstraintSpec | None = None
        self._session: Session | None = None

    def __call__(self, spec: ConstraintSpec, region: Region, number: int) -> Draft | None:
        is_first = self._spec is not spec
        if is_first:
            self._spec, self._session = spec, begin(self._model, spec, region)
        sampling = replace(
            self._sampling,
            temperature=0.0 if is_first else self._sampling.temperature,
            seed=self._sampling.seed + number,
            is_draft=True,
        )
        prompt = spec.context.prefix
        written = write(self._model, prompt, sampling, spec, session=self._session)
        if not written.is_finished:
            return None
        return Draft(written.text, is_closed=written.is_cut)


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
