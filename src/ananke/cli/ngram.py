"""The embedded model of the demo: an n-gram model of code, made on this machine in seconds.

It is no neural network: it counts which token followed which in the Python standard library and
Zig's standard library, and mixes the counts of contexts of up to four tokens by Witten and Bell's
method (Witten and Bell 1991, method C). It writes code-like text without any sense of syntax,
which is what a demonstration of masks needs.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ananke.vocabulary import Vocabulary, load_vocabulary
from ananke.vocabulary.cache import DiskCache

__all__ = ["MissingPackageError", "Model", "load_model"]

#: Longest context and the predicted token.
ORDER = 5
#: Tokens of the vocabulary that is trained on the same sources.
VOCABULARY_SIZE = 16_000
#: Bytes of source per language: enough for sensible counts, read in a second.
SOURCE_BYTES = 4_000_000
_VERSION = "2"
_EOS = "<eos>"
_PRIME = np.uint64(0x9E3779B97F4A7C15)


class MissingPackageError(RuntimeError):
    """A package that the embedded model is made with isn't installed."""


@dataclass(frozen=True)
class Table:
    """Counts of one order: contexts (hashed, ascending), where each one's successors begin, the
    successors and how often each came."""

    contexts: NDArray[np.uint64]
    starts: NDArray[np.int64]
    tokens: NDArray[np.int32]
    counts: NDArray[np.float32]


@dataclass(frozen=True)
class Model:
    """An n-gram model over `vocabulary`; `encode` cuts text into its tokens."""

    vocabulary: Vocabulary
    tables: tuple[Table, ...]
    encode: Callable[[str], Sequence[int]]

    def probabilities(self, context: Sequence[int]) -> NDArray[np.float64]:
        """Probability of each token after the token ids `context`, shape (vocabulary size,)."""
        size = self.vocabulary.size
        result = np.full(size, 1.0 / size)
        for length, table in enumerate(self.tables):
            if length > len(context):
                break
            key = _hash_context(np.asarray(context[len(context) - length :], np.int64))
            at = int(np.searchsorted(table.contexts, key))
            if at == len(table.contexts) or table.contexts[at] != key:
                break
            tokens = table.tokens[table.starts[at] : table.starts[at + 1]]
            counts = table.counts[table.starts[at] : table.starts[at + 1]]
            total = float(counts.sum()) + len(tokens)
            result *= len(tokens) / total
            result[tokens] += counts / total
        return result


def _hash_context(tokens: NDArray[np.int64]) -> np.uint64:
    key = np.uint64(1)
    with np.errstate(over="ignore"):
        for token in tokens:
            key = (key ^ np.uint64(token + 1)) * _PRIME
    return key


def load_model(progress: Callable[[str], None], cache: DiskCache | None = None) -> Model:
    """The embedded model, from the cache or made now.

    Args:
        progress: told each step that takes time.

    Raises:
        MissingPackageError: `tokenizers` isn't installed.
    """
    try:
        import tokenizers
    except ImportError as error:
        raise MissingPackageError(
            "the embedded model needs the package tokenizers; run `pip install tokenizers`, "
            "or name a model with --model"
        ) from error
    kept = cache or DiskCache()
    texts = list(_sources())
    digest = hashlib.sha256(_VERSION.encode())
    for text in texts:
        digest.update(text.encode())
    key = digest.hexdigest()
    stored = kept.get("ngram", key)
    if stored is None:
        progress(f"making the embedded model from {len(texts)} source files (once)")
        stored = memoryview(_make(texts, progress))
        kept.put("ngram", key, stored)
    return _read(bytes(stored), tokenizers.Tokenizer.from_str)


def _sources() -> Iterator[str]:
    stdlib = Path(sysconfig.get_path("stdlib"))
    yield from _some(
        path
        for path in sorted(stdlib.glob("*.py")) + sorted(stdlib.glob("[a-z]*/*.py"))
        if path.parent.name not in ("test", "site-packages", "idlelib", "encodings")
    )
    zig = importlib.util.find_spec("ziglang")
    if zig is not None and zig.origin is not None:
        yield from _some(sorted((Path(zig.origin).parent / "lib" / "std").rglob("*.zig")))


def _some(paths: Iterable[Path]) -> Iterator[str]:
    left = SOURCE_BYTES
    for path in paths:
        raw = path.read_bytes()
        if len(raw) > 200_000:
            continue
        left -= len(raw)
        if left < 0:
            return
        yield raw.decode("utf-8", "replace")


def _make(texts: list[str], progress: Callable[[str], None]) -> bytes:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=[_EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    progress(f"training a vocabulary of {VOCABULARY_SIZE} tokens")
    tokenizer.train_from_iterator(texts, trainer)
    progress("counting")
    ids: list[int] = []
    for encoding in tokenizer.encode_batch(texts):
        ids.append(0)
        ids.extend(encoding.ids)
    ids.append(0)
    stream = np.asarray(ids, np.int64)
    arrays = {"tokenizer": np.frombuffer(tokenizer.to_str().encode(), np.uint8)}
    for length in range(ORDER):
        for name, array in _count(stream, length).items():
            arrays[f"{name}{length}"] = array
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, **arrays)
    return out.getvalue()


def _count(stream: NDArray[np.int64], length: int) -> dict[str, NDArray[np.generic]]:
    keys = np.ones(len(stream) - length, np.uint64)
    with np.errstate(over="ignore"):
        for back in range(length):
            part = stream[back : back + len(keys)].astype(np.uint64)
            keys = (keys ^ (part + np.uint64(1))) * _PRIME
    following = stream[length:]
    order = np.lexsort((following, keys))
    keys, following = keys[order], following[order]
    new = np.ones(len(keys), bool)
    new[1:] = (keys[1:] != keys[:-1]) | (following[1:] != following[:-1])
    places = np.flatnonzero(new)
    counts = np.diff(np.append(places, len(keys))).astype(np.float32)
    keys, following = keys[places], following[places]
    first = np.ones(len(keys), bool)
    first[1:] = keys[1:] != keys[:-1]
    starts = np.flatnonzero(first)
    return {
        "contexts": keys[starts],
        "starts": np.append(starts, len(keys)).astype(np.int64),
        "tokens": following.astype(np.int32),
        "counts": counts,
    }


def _read(raw: bytes, parse: Callable[[str], object]) -> Model:
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        text = arrays["tokenizer"].tobytes().decode()
        tables = tuple(
            Table(
                arrays[f"contexts{n}"], arrays[f"starts{n}"], arrays[f"tokens{n}"], arrays[f"counts{n}"]
            )
            for n in range(ORDER)
        )
    tokenizer = parse(text)
    vocabulary = _vocabulary(text)

    def encode(prompt: str) -> Sequence[int]:
        return tuple(tokenizer.encode(prompt).ids)  # type: ignore[attr-defined]

    return Model(vocabulary, tables, encode)


def _vocabulary(text: str) -> Vocabulary:
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "tokenizer.json"
        path.write_text(text, encoding="utf-8")
        return load_vocabulary(path, eos=(0,))
