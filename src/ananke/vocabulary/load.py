"""Finds out what kind of tokenizer a path holds, reads it, and keeps what it read on disk."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from ananke.vocabulary.cache import DiskCache
from ananke.vocabulary.companions import Companions, read_companions
from ananke.vocabulary.contents import Contents, parse_json, read_file, token_id
from ananke.vocabulary.errors import VocabularyError
from ananke.vocabulary.model import MAX_TOKENS, Vocabulary, from_tokens
from ananke.vocabulary.rank_file import is_rank_file, read_rank_file
from ananke.vocabulary.sentencepiece_model import read_sentencepiece
from ananke.vocabulary.stored import restore, store
from ananke.vocabulary.tekken import read_tekken
from ananke.vocabulary.tokenizer_json import read_tokenizer_json

_log = logging.getLogger(__name__)

#: Raised when a reader or the stored form changes its meaning: what was kept before is not used.
_STORED_VERSION = 1

#: Tokenizer files of a folder, the most precise first.
_PATTERNS = ("tokenizer.json", "tekken.json", "tokenizer.model", "*.tiktoken", "tokenizer.model.*")


@dataclass(frozen=True)
class _Request:
    """What was asked for, and what lies beside the file; with the file it decides the result."""

    size: int | None
    eos: tuple[int, ...] | None
    companions: Companions


def load_vocabulary(
    path: str | PathLike[str],
    *,
    size: int | None = None,
    eos: int | Sequence[int] | None = None,
    cache: DiskCache | None = None,
) -> Vocabulary:
    """The vocabulary of a tokenizer's file, or of a model's folder.

    The kind is told by the content: Hugging Face's `tokenizer.json`, Mistral's `tekken.json`, a
    tiktoken rank file, a SentencePiece model. EOS ids and the vocabulary size come also from the
    files beside it (`companions`).

    Args:
        path: the file, or a folder that holds one.
        size: the model's vocabulary size if that is larger than the tokenizer's.
        eos: the ids that end a text, instead of those that the files say. A rank file of an
            unknown tokenizer says none.
        cache: where to keep what was read; None is the user's cache.

    Raises:
        VocabularyError: the file can't be read, or its tokens have no exact bytes; the message
            says where and what to do.
    """
    try:
        file = _tokenizer_file(Path(fspath(path)))
        companions = read_companions(file.parent)
    except (OSError, ValueError) as error:
        if isinstance(error, VocabularyError):
            raise
        raise VocabularyError(f"{path!r:.300}: can't be read: {error}") from error
    return _load(read_file(file), str(file), _request(size, eos, companions, str(file)), cache)


def from_transformers(
    tokenizer: Any,
    *,
    size: int | None = None,
    eos: int | Sequence[int] | None = None,
    cache: DiskCache | None = None,
) -> Vocabulary:
    """The vocabulary of a fast tokenizer of the transformers (or the tokenizers) library.

    Args:
        tokenizer: one with a `backend_tokenizer`, or that backend itself.
        size: the model's vocabulary size (`model.config.vocab_size`) if that is larger.
        eos: the ids that end a text; None is the tokenizer's `eos_token_id`.
        cache: where to keep what was read; None is the user's cache.

    Raises:
        VocabularyError: it is not a fast tokenizer, or its tokens have no exact bytes.
    """
    name = str(getattr(tokenizer, "name_or_path", "") or type(tokenizer).__name__)
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if not callable(getattr(backend, "to_str", None)):
        raise VocabularyError(
            f"{name}: {type(tokenizer).__name__} is not a fast tokenizer: its tokens' bytes can't "
            "be told; load a fast one, or give the tokenizer's file to load_vocabulary"
        )
    if eos is None:
        given = getattr(tokenizer, "eos_token_id", None)
        eos = () if given is None else given
    return _load(backend.to_str().encode(), name, _request(size, eos, Companions(), name), cache)


def _tokenizer_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    for pattern in _PATTERNS:
        found = sorted(path.glob(pattern))
        if len(found) == 1:
            return found[0]
        if found:
            raise VocabularyError(
                f"{path}: several tokenizers: {', '.join(each.name for each in found[:5])}; "
                "give the path of one"
            )
    raise VocabularyError(f"{path}: no tokenizer here; looked for {', '.join(_PATTERNS)}")


def _request(
    size: int | None, eos: int | Sequence[int] | None, companions: Companions, source: str
) -> _Request:
    if size is not None and (type(size) is not int or not 0 < size <= MAX_TOKENS):
        raise VocabularyError(f"{source}: size {size!r:.40}: must be 1 to {MAX_TOKENS}")
    ends = None
    if eos is not None:
        listed = [eos] if isinstance(eos, int) else list(eos)
        ends = tuple(dict.fromkeys(token_id(token, source, "eos") for token in listed))
    return _Request(size, ends, companions)


def _load(raw: bytes, source: str, request: _Request, cache: DiskCache | None) -> Vocabulary:
    cache = DiskCache() if cache is None else cache
    digest = hashlib.sha256(raw).hexdigest()
    key = hashlib.sha256(repr((_STORED_VERSION, digest, request)).encode()).hexdigest()
    payload = cache.get("vocabulary", key)
    if payload is not None:
        kept = restore(payload, source)
        if kept is not None:
            return kept
        _log.warning("%s: what the cache holds for it is not a vocabulary; read anew", source)
    vocabulary = _assemble(_parse(raw, digest, source), request, source)
    cache.put("vocabulary", key, store(vocabulary))
    return vocabulary


def _parse(raw: bytes, digest: str, source: str) -> Contents:
    if raw.lstrip(b" \t\r\n\xef\xbb\xbf")[:1] == b"{":
        document = parse_json(raw, source)
        if "model" in document:
            return read_tokenizer_json(document, source)
        if "config" in document and "vocab" in document:
            return read_tekken(document, source)
        raise VocabularyError(
            f"{source}: JSON, but neither a tokenizer.json (no 'model') nor a tekken.json "
            "(no 'config' and 'vocab')"
        )
    if is_rank_file(raw):
        return read_rank_file(raw, digest, source)
    if raw[:1] == b"\n":  # field 1 with a length: the first piece
        return read_sentencepiece(raw, source)
    raise VocabularyError(
        f"{source}: not a tokenizer that is known here: neither tokenizer.json, tekken.json, "
        f"a tiktoken rank file nor a SentencePiece model; it starts with {raw[:16]!r}"
    )


def _assemble(contents: Contents, request: _Request, source: str) -> Vocabulary:
    """Lays the tokens out by id, with padding, added tokens and EOS."""
    tokens = dict(contents.tokens)
    special = set(contents.special)
    names = dict(contents.names)
    for token, content, is_special in request.companions.added:
        if token in tokens or token in special:
            continue
        names[content] = token
        if is_special:
            special.add(token)
        else:
            tokens[token] = content.encode()
    eos = _eos(contents, request, names, source)
    size = max(
        contents.size,
        max(tokens, default=-1) + 1,
        max(special, default=-1) + 1,
        max(eos, default=-1) + 1,
    )
    if request.size is None and request.companions.size is not None:
        if request.companions.size < size:
            _log.warning(
                "%s: the model has %d tokens, the tokenizer %d: the rest are left out",
                source,
                request.companions.size,
                size,
            )
        size = request.companions.size
    elif request.size is not None:
        if request.size < size:
            raise VocabularyError(
                f"{source}: size {request.size}: the tokenizer has {size} tokens; give the model's "
                "vocabulary size, or leave it out"
            )
        size = request.size
    if size > MAX_TOKENS:
        raise VocabularyError(f"{source}: {size} tokens are too many (at most {MAX_TOKENS})")
    return from_tokens(
        [tokens.get(token, b"") for token in range(size)],
        special=[token for token in special if token < size],
        eos=[token for token in eos if token < size],
        size=size,
        name=source,
    )


def _eos(
    contents: Contents, request: _Request, names: dict[str, int], source: str
) -> tuple[int, ...]:
    if request.eos is not None:
        return request.eos
    ends = dict.fromkeys((*request.companions.eos, *contents.eos))
    for name in request.companions.eos_names:
        if name in names:
            ends[names[name]] = None
        elif not ends:
            raise VocabularyError(
                f"{source}: tokenizer_config.json beside it says eos_token {name!r:.60}, which is "
                "none of the tokens; pass eos="
            )
    return tuple(ends)
