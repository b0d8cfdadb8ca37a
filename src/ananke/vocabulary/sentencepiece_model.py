"""Reads SentencePiece's `.model` files.

They hold a Protocol Buffers message (`sentencepiece_model.proto`); of its fields these are read:

    ModelProto       1 pieces (repeated SentencePiece)   2 trainer_spec
    SentencePiece    1 piece (string)   3 type (1 normal, 2 unknown, 3 control, 4 user-defined,
                     5 unused, 6 byte; 1 if absent)
    TrainerSpec      47 eos_piece ("</s>" if absent)

A control or unknown piece matches no text, a byte piece is written "<0x0A>", "▁" is a space in
all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ananke.vocabulary.contents import Contents
from ananke.vocabulary.errors import VocabularyError
from ananke.vocabulary.model import MAX_TOKENS

_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED, _BYTE = range(1, 7)
_MARK = "▁".encode()
_BYTE_PIECE = re.compile(rb"<0x([0-9A-Fa-f]{2})>")

#: Wire types of Protocol Buffers, and the bytes of those of one length.
_VARINT, _LENGTH = 0, 2
_FIXED = {1: 8, 5: 4}


def read_sentencepiece(raw: bytes, source: str) -> Contents:
    """The tokens of a SentencePiece model.

    Raises:
        VocabularyError: the file is malformed.
    """
    tokens: dict[int, bytes] = {}
    special: set[int] = set()
    names: dict[str, int] = {}
    end_piece = "</s>"
    token = 0
    for field, start, end in _messages(raw, 0, len(raw), source):
        if field == 2:
            for inner, at, to in _messages(raw, start, end, source):
                if inner == 47:
                    end_piece = raw[at:to].decode("utf-8", "replace")
        if field != 1:
            continue
        piece, kind = _piece(raw, start, end, source)
        try:
            name = piece.decode()
        except UnicodeDecodeError as error:
            raise VocabularyError(f"{source}: piece {token}: not UTF-8: {piece!r:.60}") from error
        if kind in (_UNKNOWN, _CONTROL):
            special.add(token)
            names[name] = token
        elif kind == _BYTE:
            byte = _BYTE_PIECE.fullmatch(piece)
            if byte is None:
                raise VocabularyError(f"{source}: piece {token}: {piece!r:.60} is not a byte")
            tokens[token] = bytes((int(byte[1], 16),))
        elif kind in (_NORMAL, _USER_DEFINED, _UNUSED):
            tokens[token] = piece.replace(_MARK, b" ")
        else:
            raise VocabularyError(f"{source}: piece {token}: type {kind} is unknown")
        token += 1
        if token == MAX_TOKENS:
            raise VocabularyError(f"{source}: more than {MAX_TOKENS} pieces")
    if not tokens:
        raise VocabularyError(f"{source}: not a SentencePiece model: it has no pieces")
    eos = (names[end_piece],) if end_piece in names else ()
    return Contents(tokens, frozenset(special), names, eos, token)


def _piece(raw: bytes, start: int, end: int, source: str) -> tuple[bytes, int]:
    piece, kind = b"", _NORMAL
    for field, wire, value, to in _fields(raw, start, end, source):
        if field == 1 and wire == _LENGTH:
            piece = raw[value:to]
        elif field == 3 and wire == _VARINT:
            kind = value
    return piece, kind


def _messages(raw: bytes, start: int, end: int, source: str) -> Iterator[tuple[int, int, int]]:
    """Field number, start and end of the fields that have a length."""
    for field, wire, value, to in _fields(raw, start, end, source):
        if wire == _LENGTH:
            yield field, value, to


def _fields(raw: bytes, start: int, end: int, source: str) -> Iterator[tuple[int, int, int, int]]:
    """Field number, wire type, value (or where it starts) and where it ends."""
    at = start
    while at < end:
        tag, value_at = _varint(raw, at, end, source)
        wire = tag & 7
        if wire == _VARINT:
            value, to = _varint(raw, value_at, end, source)
        elif wire == _LENGTH:
            length, value = _varint(raw, value_at, end, source)
            to = value + length
        else:
            value, to = value_at, value_at + _FIXED.get(wire, end)
        if to > end or wire not in (_VARINT, _LENGTH, *_FIXED):
            raise VocabularyError(
                f"{source}: byte {at}: not a SentencePiece model, or the file is cut short"
            )
        yield tag >> 3, wire, value, to
        at = to


def _varint(raw: bytes, at: int, end: int, source: str) -> tuple[int, int]:
    """The number at `at`, and where it ends."""
    value = shift = 0
    for index in range(at, min(end, at + 10)):
        byte = raw[index]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, index + 1
        shift += 7
    raise VocabularyError(
        f"{source}: byte {at}: not a SentencePiece model, or the file is cut short"
    )
