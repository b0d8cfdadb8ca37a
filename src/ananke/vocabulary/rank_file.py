"""Reads rank files as tiktoken has them: a line per token, its bytes in base64 and its id.

Such a file holds no special tokens: programs add them. Those of a few published files are known
here by the file's digest; for others the caller says the size and the EOS ids.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from functools import partial

from ananke.vocabulary.contents import Contents, token_id
from ananke.vocabulary.errors import VocabularyError
from ananke.vocabulary.model import MAX_TOKENS

#: More digits than nine are no token's id.
_LINE = re.compile(rb"^([A-Za-z0-9+/]+={0,2})[ \t]+([0-9]{1,9})[ \t\r]*$", re.MULTILINE)
_BLANK = re.compile(rb"[ \t\r]*")


@dataclass(frozen=True)
class _Known:
    """Special tokens that go with a published file, and which of them end a text."""

    names: dict[str, int]
    eos: tuple[int, ...]


_GPT2 = _Known({"<|endoftext|>": 50256}, (50256,))

#: SHA-256 of the file -> its special tokens, as the publishers' programs add them.
_KNOWN: dict[str, _Known] = {
    # r50k_base
    "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930": _GPT2,
    # p50k_base
    "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069": _GPT2,
    # cl100k_base
    "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7": _Known(
        {
            "<|endoftext|>": 100257,
            "<|fim_prefix|>": 100258,
            "<|fim_middle|>": 100259,
            "<|fim_suffix|>": 100260,
            "<|endofprompt|>": 100276,
        },
        (100257,),
    ),
    # o200k_base
    "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d": _Known(
        {"<|endoftext|>": 199999, "<|endofprompt|>": 200018}, (199999,)
    ),
    # Qwen
    "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186": _Known(
        {
            "<|endoftext|>": 151643,
            "<|im_start|>": 151644,
            "<|im_end|>": 151645,
            **{f"<|extra_{index}|>": 151646 + index for index in range(205)},
        },
        (151643, 151645),
    ),
}


def is_rank_file(raw: bytes) -> bool:
    """Whether the first line is a rank file's."""
    return _LINE.match(raw) is not None


def read_rank_file(raw: bytes, digest: str, source: str) -> Contents:
    """The tokens of a rank file.

    Args:
        raw: the file.
        digest: its SHA-256 in hex.
        source: for messages.

    Raises:
        VocabularyError: a line is malformed, or an id occurs twice.
    """
    if raw.count(b"\n") > MAX_TOKENS:
        raise VocabularyError(
            f"{source}: more than {MAX_TOKENS} lines are too many for a tokenizer"
        )
    decode = partial(binascii.a2b_base64, strict_mode=True)
    rows = _LINE.findall(raw)
    try:
        tokens = {int(rank): decode(text) for text, rank in rows}
    except binascii.Error:
        tokens = {}
    lines = raw.split(b"\n")
    if len(tokens) + sum(1 for line in lines if _BLANK.fullmatch(line)) != len(lines):
        raise _fault(lines, source)
    token_id(max(tokens), source, "the highest id")
    known = _KNOWN.get(digest, _Known({}, ()))
    return Contents(tokens, frozenset(known.names.values()), known.names, known.eos)


def _fault(lines: list[bytes], source: str) -> VocabularyError:
    """The first line that is malformed or uses an id again."""
    seen: set[int] = set()
    for number, line in enumerate(lines, 1):
        if _BLANK.fullmatch(line):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            return VocabularyError(
                f"{source}:{number}: not a token in base64 and an id: {line[:40]!r}"
            )
        try:
            binascii.a2b_base64(match[1], strict_mode=True)
        except binascii.Error as error:
            return VocabularyError(f"{source}:{number}: {error}: {line[:40]!r}")
        if int(match[2]) in seen:
            return VocabularyError(f"{source}:{number}: id {int(match[2])} is used twice")
        seen.add(int(match[2]))
    return VocabularyError(f"{source}: not a rank file")
