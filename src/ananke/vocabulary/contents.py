"""What a tokenizer file says, whatever its format; and the checks that all formats share."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ananke.vocabulary.errors import VocabularyError
from ananke.vocabulary.model import MAX_TOKENS

#: Files larger than this are refused unread. The largest known tokenizer files have 35 MB.
MAX_FILE_BYTES = 64 << 20


@dataclass(frozen=True)
class Contents:
    """A tokenizer file's tokens.

    Attributes:
        tokens: id -> bytes of the tokens that match text.
        special: ids that match no text.
        names: spelling -> id, for tokens that another file may call by name.
        eos: ids that end a text, as far as this file says.
        size: the vocabulary's size if the file says one, else 0.
    """

    tokens: Mapping[int, bytes]
    special: frozenset[int] = frozenset()
    names: Mapping[str, int] = field(default_factory=dict)
    eos: tuple[int, ...] = ()
    size: int = 0


def token_id(value: object, source: str, place: str) -> int:
    """`value` as a token id.

    Raises:
        VocabularyError: it is none.
    """
    if type(value) is not int or not 0 <= value < MAX_TOKENS:
        raise VocabularyError(
            f"{source}: {place}: {value!r:.40} is not a token id (0 to {MAX_TOKENS - 1})"
        )
    return value


def read_file(path: Path) -> bytes:
    """The bytes of a tokenizer's file.

    Raises:
        VocabularyError: it can't be read, is no regular file, or is larger than 64 MiB.
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise VocabularyError(f"{path}: not a regular file; give a tokenizer's file")
            if status.st_size > MAX_FILE_BYTES:
                raise VocabularyError(
                    f"{path}: {status.st_size} bytes are too many for a tokenizer "
                    f"(at most {MAX_FILE_BYTES})"
                )
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise VocabularyError(f"{path}: can't be read: {error.strerror or error}") from error
    except ValueError as error:
        if isinstance(error, VocabularyError):
            raise
        raise VocabularyError(f"{str(path)!r}: not a path: {error}") from error


def parse_json(raw: bytes, source: str) -> dict[str, object]:
    """The JSON object in `raw`.

    Raises:
        VocabularyError: it is not UTF-8, no JSON, nested too deeply, or no object.
    """
    try:
        document = json.loads(raw.decode())
    except UnicodeDecodeError as error:
        raise VocabularyError(f"{source}: byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise VocabularyError(
            f"{source}:{error.lineno}:{error.colno}: not JSON: {error.msg}"
        ) from error
    except RecursionError as error:
        raise VocabularyError(f"{source}: JSON nested too deeply for a tokenizer") from error
    except ValueError as error:  # a number of thousands of digits
        raise VocabularyError(f"{source}: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise VocabularyError(f"{source}: must hold a JSON object, not {kind_of(document)}")
    return document


def member(parent: Mapping[str, object], key: str, kind: type, source: str, place: str) -> object:
    """`parent[key]`, which must be there and of the kind; `place` is the parent's.

    Raises:
        VocabularyError: it is missing, or something else.
    """
    where = f"{place}.{key}" if place else key
    if key not in parent:
        raise VocabularyError(f"{source}: {where}: missing")
    value = parent[key]
    if type(value) is not kind:
        wanted = kind_of(kind())
        raise VocabularyError(f"{source}: {where}: must be {wanted}, not {kind_of(value)}")
    return value


def kind_of(value: object) -> str:
    """The kind of a JSON value, in words."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    names |= {int: "a number", float: "a number"}
    return "null" if value is None else names[type(value)]
