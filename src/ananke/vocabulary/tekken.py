"""Reads Mistral's `tekken.json`: tokens in base64 by rank, with the special tokens in front.

Of the file's vocabulary the first `default_vocab_size - default_num_special_tokens` are used; the
token of rank r has the id r + `default_num_special_tokens`.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import cast

from ananke.vocabulary.contents import Contents, kind_of, member, token_id
from ananke.vocabulary.errors import VocabularyError

_EOS = "</s>"

#: Files of the first versions name no special tokens; these three are the same in all.
_UNNAMED = {"<unk>": 0, "<s>": 1, _EOS: 2}


def read_tekken(document: Mapping[str, object], source: str) -> Contents:
    """The tokens of a `tekken.json`.

    Raises:
        VocabularyError: the file is malformed.
    """
    config = cast(dict[str, object], member(document, "config", dict, source, ""))
    sizes = [
        token_id(config.get(key), source, f"config.{key}")
        for key in ("default_vocab_size", "default_num_special_tokens")
    ]
    size, first = sizes
    rows = cast(list[object], member(document, "vocab", list, source, ""))
    count = size - first
    if not 0 <= count <= len(rows):
        raise VocabularyError(
            f"{source}: config.default_vocab_size: {size} with {first} special tokens needs "
            f"{count} tokens; vocab has {len(rows)}"
        )
    tokens: dict[int, bytes] = {}
    for rank, row in enumerate(rows[:count]):
        if not isinstance(row, dict) or row.get("rank") != rank:
            raise VocabularyError(f"{source}: vocab[{rank}]: must be an object with rank {rank}")
        try:
            tokens[first + rank] = binascii.a2b_base64(row["token_bytes"], strict_mode=True)
        except (KeyError, TypeError, ValueError) as error:
            raise VocabularyError(
                f"{source}: vocab[{rank}].token_bytes: must be a string of base64"
            ) from error
    names = _names(document.get("special_tokens"), first, source)
    eos = (names[_EOS],) if _EOS in names else ()
    return Contents(tokens, frozenset(range(first)), names, eos, size)


def _names(given: object, first: int, source: str) -> dict[str, int]:
    if given is None:
        return {name: token for name, token in _UNNAMED.items() if token < first}
    if not isinstance(given, list):
        raise VocabularyError(f"{source}: special_tokens: must be a list, not {kind_of(given)}")
    names: dict[str, int] = {}
    for index, row in enumerate(given):
        place = f"special_tokens[{index}]"
        if not isinstance(row, dict):
            raise VocabularyError(f"{source}: {place}: must be an object, not {kind_of(row)}")
        name = cast(str, member(row, "token_str", str, source, place))
        token = token_id(row.get("rank"), source, f"{place}.rank")
        if token >= first or name in names or token in names.values():
            raise VocabularyError(
                f"{source}: {place}: rank {token} or {name!r:.40} is out of range or used twice"
            )
        names[name] = token
    return names
