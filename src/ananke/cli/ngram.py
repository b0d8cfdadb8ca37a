"""The embedded models of the demo: n-gram models of code, made on this machine in seconds.

They are no neural networks. A model keeps its sources as one stream of tokens and the order of
the stream's places by the tokens that stand there (a suffix array, compared to `ORDER` tokens).
The places where a context occurred are then neighbours, found by bisection, and the tokens after
them are the counts. Contexts of no token up to `ORDER - 1` tokens are mixed by Witten and Bell's
method C (Witten and Bell 1991, "The zero-frequency problem"): a context that was followed by many
different tokens leaves more to the shorter one. What comes out looks like code and knows nothing
of syntax, which is what a demonstration of masks needs.

Example: after the tokens of `for i in`, the places of `in` give the distribution of one token of
context, those of `i in` sharpen it, those of `for i in` once more.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ananke.cli.corpus import corpus_for
from ananke.vocabulary import DiskCache, Vocabulary, from_transformers

__all__ = ["STEPS", "MissingPackageError", "Model", "load_model", "train"]

#: Tokens that are looked at together: the context and the predicted one.
ORDER = 6
#: Tokens of the vocabulary, trained on the same sources. Below 2**15: see `_packed`.
VOCABULARY_SIZE = 12_000
#: Raised when the stored form or the training changes.
_VERSION = 3
#: What `load_model` tells of while it makes a model.
STEPS = 4
_EOS = "<end of text>"
_EOS_ID = 0
_KIND = "ngram"
_HEADER = struct.Struct("<IQQ")
#: Bits of a token in a packed key, and tokens in such a key.
_BITS, _PACK = 15, 4

#: A line end, indentation, a word or a number with the space before it, a run of signs. A prompt
#: that ends after a line end or an indentation is then cut as the sources were.
_PIECES = r"\n|(?<=\n)[ \t]+| ?\p{L}[\p{L}\p{N}]*|_+| ?\p{N}+| ?[^\s\p{L}\p{N}_]+|\s+"

Tokens = NDArray[np.uint16]


class MissingPackageError(RuntimeError):
    """The package `tokenizers` isn't installed, which the embedded models are made with."""


@dataclass(frozen=True, eq=False)
class Model:
    """An n-gram model.

    Attributes:
        vocabulary: the tokens; token 0 ends a text.
        stream: the sources, uint16 (n,), each text after an end of text.
        places: uint32 (n,), the places of the stream ordered by the tokens from there on.
        encode: cuts text into tokens.
        description: what it was made from.
    """

    vocabulary: Vocabulary
    stream: Tokens
    places: NDArray[np.uint32]
    encode: Callable[[str], list[int]]
    description: str
    _keys: tuple[NDArray[np.uint64], NDArray[np.uint64]] = field(init=False, repr=False)
    _unigrams: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        keys = _sort_keys(self.stream)
        object.__setattr__(self, "_keys", tuple(key[self.places] for key in keys))
        base = np.full(self.vocabulary.size, 1.0 / self.vocabulary.size)
        object.__setattr__(self, "_unigrams", _mixed(base, np.sort(self.stream)))

    def probabilities(self, context: Sequence[int]) -> NDArray[np.float64]:
        """The probability of each token after `context`; float64 (vocabulary size,), all above 0.

        The last `ORDER - 1` tokens of the context count.
        """
        result = self._unigrams
        for length in range(1, min(ORDER - 1, len(context)) + 1):
            first, last = self._find(context[len(context) - length :])
            if first == last:
                break
            after = self.places[first:last].astype(np.int64) + length
            # Ascending, as the places are ordered by these tokens too.
            result = _mixed(result, self.stream[np.minimum(after, len(self.stream) - 1)])
        return result

    def next_logits(self, context: Sequence[int]) -> NDArray[np.float32]:
        """The logarithms of `probabilities`; float32 (vocabulary size,)."""
        return np.log(self.probabilities(context)).astype(np.float32)

    def _find(self, context: Sequence[int]) -> tuple[int, int]:
        """The range of `places` at which `context` stands."""
        head, rest = context[:_PACK], context[_PACK:]
        low, high = _bounds(head)
        first = int(np.searchsorted(self._keys[0], low))
        last = int(np.searchsorted(self._keys[0], high))
        if rest:
            low, high = _bounds(rest)
            tail = self._keys[1][first:last]
            first, last = (
                first + int(np.searchsorted(tail, low)),
                first + int(np.searchsorted(tail, high)),
            )
        return first, last


def load_model(
    language: str | None, progress: Callable[[str], None], cache: DiskCache | None = None
) -> Model:
    """The embedded model for a language: from the cache, or made now.

    Args:
        language: whose sources; one without sources here gets those of Python.
        progress: told each step that takes time.
        cache: where it is kept; None is the user's cache.

    Raises:
        MissingPackageError: `tokenizers` isn't installed.
    """
    cache = cache or DiskCache()
    corpus = corpus_for(language)
    key = f"{_VERSION} {ORDER} {VOCABULARY_SIZE} {corpus.key}"
    stored = cache.get(_KIND, key)
    model = None if stored is None else _restore(bytes(stored), corpus.description)
    if model is None:
        progress(f"reading {corpus.description} (once)")
        model, tokenizer = _make(list(corpus.read()), VOCABULARY_SIZE, corpus.description, progress)
        cache.put(_KIND, key, _store(model, tokenizer))
    return model


def train(texts: Iterable[str], vocabulary_size: int, description: str = "given texts") -> Model:
    """A model of `texts` over a byte-level BPE vocabulary that is trained on them.

    Raises:
        MissingPackageError: `tokenizers` isn't installed.
        ValueError: `vocabulary_size` is not in 257 … 32,767.
    """
    return _make(list(texts), vocabulary_size, description, lambda _: None)[0]


def _tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise MissingPackageError(
            "the embedded model needs the package tokenizers: run `pip install 'ananke[demo]'`, "
            "or name a model with --model"
        ) from error
    return tokenizers


def _make(
    texts: list[str], vocabulary_size: int, description: str, progress: Callable[[str], None]
) -> tuple[Model, str]:
    if not 257 <= vocabulary_size < 1 << _BITS:
        raise ValueError(f"vocabulary_size: {vocabulary_size} is not in 257 … {(1 << _BITS) - 1:,}")
    lib = _tokenizers()
    tokenizer = lib.Tokenizer(lib.models.BPE())
    tokenizer.pre_tokenizer = lib.pre_tokenizers.Sequence(
        [
            lib.pre_tokenizers.Split(lib.Regex(_PIECES), "isolated"),
            lib.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = lib.decoders.ByteLevel()
    trainer = lib.trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[_EOS],
        initial_alphabet=sorted(lib.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    progress(f"training a vocabulary of {vocabulary_size:,} tokens")
    tokenizer.train_from_iterator(texts, trainer)
    progress("cutting the sources into tokens")
    parts = [np.zeros(1, np.uint16)]
    for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False):
        parts += (np.asarray(encoding.ids, np.uint16), parts[0])
    stream = np.concatenate(parts)
    progress(f"ordering {len(stream):,} tokens")
    high, low = _sort_keys(stream)
    places = np.lexsort((low, high)).astype(np.uint32)
    return _model(tokenizer, stream, places, description), tokenizer.to_str()


def _model(tokenizer: Any, stream: Tokens, places: NDArray[np.uint32], description: str) -> Model:
    def encode(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    return Model(from_transformers(tokenizer, eos=_EOS_ID), stream, places, encode, description)


def _store(model: Model, tokenizer: str) -> bytes:
    raw = tokenizer.encode()
    return b"".join(
        (
            _HEADER.pack(_VERSION, len(raw), len(model.stream)),
            model.places.astype("<u4").tobytes(),
            model.stream.astype("<u2").tobytes(),
            raw,
        )
    )


def _restore(raw: bytes, description: str) -> Model | None:
    """The model that `_store` wrote; None for anything else (the cache has checked the bytes)."""
    if len(raw) < _HEADER.size:
        return None
    version, text, count = _HEADER.unpack_from(raw)
    start = _HEADER.size
    if version != _VERSION or len(raw) != start + 6 * count + text:
        return None
    places = np.frombuffer(raw, "<u4", count, start)
    stream = np.frombuffer(raw, "<u2", count, start + 4 * count)
    if places.max(initial=0) >= count:
        return None
    tokenizer = _tokenizers().Tokenizer.from_str(raw[start + 6 * count :].decode())
    return _model(tokenizer, stream, places, description)


def _sort_keys(stream: Tokens) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """For each place its first four tokens and the four after them, each as one number."""
    padded = np.concatenate([stream, np.zeros(2 * _PACK, stream.dtype)]).astype(np.uint64)
    keys = []
    for begin in (0, _PACK):
        key = np.zeros(len(stream), np.uint64)
        for offset in range(begin, begin + _PACK):
            key = key << np.uint64(_BITS) | padded[offset : offset + len(stream)]
        keys.append(key)
    return keys[0], keys[1]


def _bounds(tokens: Sequence[int]) -> tuple[np.uint64, np.uint64]:
    """The least key that begins with `tokens` (at most four), and the least one past those."""
    number = 0
    for token in tokens:
        number = number << _BITS | token
    shift = _BITS * (_PACK - len(tokens))
    return np.uint64(number << shift), np.uint64(number + 1 << shift)


def _mixed(shorter: NDArray[np.float64], tokens: Tokens) -> NDArray[np.float64]:
    """What `tokens` (ascending), seen after a context, make of the distribution of the shorter
    context."""
    begins = np.flatnonzero(np.diff(tokens, prepend=-1))
    total = len(tokens) + len(begins)
    result = shorter * (len(begins) / total)
    result[tokens[begins]] += np.diff(begins, append=len(tokens)) / total
    return result
