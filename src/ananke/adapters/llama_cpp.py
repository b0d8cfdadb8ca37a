"""llama.cpp: a logits processor for llama-cpp-python.

    llama = Llama("model.gguf")
    session = Session(spec, vocabulary_of(llama))
    processor = ConstraintLogitsProcessor(session)
    llama.create_completion(prompt, logits_processor=LogitsProcessorList([processor]))

Llama hands over all tokens of its context so far and the logits of the next one, once for each
token that it samples. The tokens of the first call are the prompt and are never judged. With a
draft model the context holds drafts ahead of the token that is sampled; so a call counts as one
token, and what lies beyond is not looked at.

The processor is called from llama.cpp's own code, through which no exception passes: Python prints
it, and the token would be sampled from what the logits then hold. So they admit the end alone until
the mask is there.

Written against llama-cpp-python 0.3.36.
"""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt
from llama_cpp import Llama, llama_token_to_piece, llama_vocab_is_eog

from ananke.adapters.following import Follower, fill
from ananke.masks import allocate
from ananke.session import Session
from ananke.vocabulary import Vocabulary, from_tokens

__all__ = ["ConstraintLogitsProcessor", "vocabulary_of"]

Ids = npt.NDArray[np.intc]
Logits = npt.NDArray[np.single]


def vocabulary_of(llama: Llama) -> Vocabulary:
    """The vocabulary of a loaded model, as llama.cpp itself spells its tokens; every token at which
    it ends a text is an end."""
    vocab, count = llama._model.vocab, llama.n_vocab()
    tokens = [_piece(vocab, token) for token in range(count)]
    ends = [token for token in range(count) if llama_vocab_is_eog(vocab, token)]
    return from_tokens(tokens, eos=ends, name=llama.model_path)


def _piece(vocab: object, token: int, room: int = 64) -> bytes:
    """The bytes of a token; none of one that controls."""
    buffer = ctypes.create_string_buffer(room)
    length = llama_token_to_piece(vocab, token, buffer, room, 0, False)
    # Where there is too little room it says how much is needed, as a negative number.
    return _piece(vocab, token, -length) if length < 0 else buffer.raw[:length]


class ConstraintLogitsProcessor:
    """Masks what a session does not admit. One processor serves one completion; the session is not
    changed.

    A context that is not the prompt's any more, or logits of another vocabulary, end the text with
    a ValueError, which Python prints.
    """

    def __init__(self, session: Session) -> None:
        self._row = Follower(session.fork())
        self._mask = allocate(1, session.vocabulary.size)
        self._prompt: Ids | None = None
        #: Tokens that were sampled before this call.
        self._sampled = 0

    @property
    def session(self) -> Session:
        """The session at the last token that was seen."""
        return self._row.session

    def __call__(self, input_ids: Ids, scores: Logits) -> Logits:
        """Mask `scores` (shape (vocabulary,)) in place, for the tokens `input_ids` so far."""
        vocabulary = self.session.vocabulary
        given = scores.copy()
        ends = [token for token in vocabulary.eos if token < len(scores)]
        scores[:] = -np.inf
        scores[ends] = 0
        if len(scores) != vocabulary.size:
            raise ValueError(
                f"{len(scores):,} logits for a vocabulary of {vocabulary.size:,} tokens; make the "
                "session's with vocabulary_of(llama)"
            )
        self._row.follow(self._generated(input_ids))
        fill({0: self._row}, self._mask, lambda _: given)
        self._sampled += 1
        admitted = np.unpackbits(self._mask.view(np.uint8), bitorder="little")[: len(scores)]
        scores[:] = np.where(admitted, given, -np.inf)
        return scores

    def _generated(self, input_ids: Ids) -> list[int]:
        if self._prompt is None:
            self._prompt = input_ids.copy()
        length = len(self._prompt)
        if not np.array_equal(input_ids[:length], self._prompt):
            raise ValueError("one processor serves one completion; make a new one for the next")
        self._sampled = min(self._sampled, len(input_ids) - length)
        generated: list[int] = input_ids[length : length + self._sampled].tolist()
        return generated
