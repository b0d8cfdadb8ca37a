"""Reads what the files beside a tokenizer say: EOS ids, the model's vocabulary size, added tokens.

    generation_config.json   eos_token_id (a number or a list)
    config.json              eos_token_id, vocab_size; of a multimodal model within text_config
    tokenizer_config.json    eos_token (a string or an object with content), added_tokens_decoder
    params.json              vocab_size (Mistral's and Meta's own format)

None of them need exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ananke.vocabulary.contents import kind_of, member, parse_json, read_file, token_id
from ananke.vocabulary.errors import VocabularyError

JSON = Mapping[str, object]


@dataclass(frozen=True)
class Companions:
    """What is known beside the tokenizer's own file.

    Attributes:
        size: the model's vocabulary size, if known.
        eos: ids that end a text.
        eos_names: spellings of tokens that end a text.
        added: id, spelling and whether it is special, of tokens added to the tokenizer's own.
    """

    size: int | None = None
    eos: tuple[int, ...] = ()
    eos_names: tuple[str, ...] = ()
    added: tuple[tuple[int, str, bool], ...] = ()


def read_companions(directory: Path) -> Companions:
    """What the files in a tokenizer's folder say.

    Raises:
        VocabularyError: one of them is malformed.
    """
    size: int | None = None
    eos: dict[int, None] = {}
    for name in ("generation_config.json", "config.json", "params.json"):
        path = directory / name
        if not path.exists():
            continue
        document: JSON = parse_json(read_file(path), str(path))
        for part, place in _parts(document, str(path)):
            eos |= dict.fromkeys(_ids(part.get("eos_token_id"), str(path), f"{place}eos_token_id"))
            given = part.get("vocab_size")
            # Some tools write -1 for "as many as the tokenizer has".
            if size is None and given is not None and given != -1:
                if type(given) is not int or given < 1:
                    raise VocabularyError(
                        f"{path}: {place}vocab_size: {given!r:.40} is not a positive number"
                    )
                size = given
    path = directory / "tokenizer_config.json"
    if not path.exists():
        return Companions(size, tuple(eos))
    document = parse_json(read_file(path), str(path))
    end = document.get("eos_token")
    if isinstance(end, dict):
        end = member(end, "content", str, str(path), "eos_token")
    if end is not None and not isinstance(end, str):
        raise VocabularyError(f"{path}: eos_token: must be a string, not {kind_of(end)}")
    return Companions(
        size, tuple(eos), () if end is None else (end,), tuple(_added(document, str(path)))
    )


def _parts(document: JSON, source: str) -> list[tuple[JSON, str]]:
    """The document's parts that may speak of the text model, the most precise first."""
    if "text_config" not in document:
        return [(document, "")]
    inner = cast(JSON, member(document, "text_config", dict, source, ""))
    return [(inner, "text_config."), (document, "")]


def _ids(given: object, source: str, place: str) -> list[int]:
    if given is None:
        return []
    if not isinstance(given, list):
        return [token_id(given, source, place)]
    return [token_id(value, source, f"{place}[{index}]") for index, value in enumerate(given)]


def _added(document: JSON, source: str) -> list[tuple[int, str, bool]]:
    if document.get("added_tokens_decoder") is None:
        return []
    rows = cast(dict[str, object], member(document, "added_tokens_decoder", dict, source, ""))
    added = []
    for key, row in rows.items():
        place = f"added_tokens_decoder[{key!r:.20}]"
        short = key.isascii() and key.isdigit() and len(key) < 10
        token = token_id(int(key) if short else key, source, place)
        if not isinstance(row, dict):
            raise VocabularyError(f"{source}: {place}: must be an object, not {kind_of(row)}")
        content = cast(str, member(row, "content", str, source, place))
        try:
            content.encode()
        except UnicodeEncodeError as error:
            raise VocabularyError(
                f"{source}: {place}.content: half of a surrogate pair is no text"
            ) from error
        added.append((token, content, row.get("special") is True))
    return added
