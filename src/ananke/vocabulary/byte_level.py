"""The byte alphabet of GPT-2, in which byte-level tokenizers write their tokens.

Bytes that are printable in Latin-1 stand for themselves; the other 68, in ascending order, are
written U+0100, U+0101, … (so a space is "Ġ", U+0120).
"""

from __future__ import annotations

_THEMSELVES = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_OTHERS = tuple(sorted(set(range(256)) - set(_THEMSELVES)))

#: Byte -> its character.
ALPHABET: dict[int, str] = {
    **{byte: chr(byte) for byte in _THEMSELVES},
    **{byte: chr(0x100 + rank) for rank, byte in enumerate(_OTHERS)},
}

# For `str.translate`, so that Latin-1 then gives the bytes. A character below U+0100 that is not in
# the alphabet becomes one that Latin-1 can't encode.
_TO_LATIN = {ord(char): byte for byte, char in ALPHABET.items()} | dict.fromkeys(_OTHERS, 0xFFFF)


def byte_level_bytes(token: str) -> bytes:
    """The bytes that `token` stands for; its UTF-8 if a character is outside the alphabet.

    Raises:
        UnicodeEncodeError: it has a lone surrogate.
    """
    # ASCII stands for itself, in the alphabet and outside it.
    if token.isascii():
        return token.encode()
    try:
        return token.translate(_TO_LATIN).encode("latin-1")
    except UnicodeEncodeError:
        return token.encode()
