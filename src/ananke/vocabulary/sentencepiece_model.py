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

_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED, _BYTE = range(1, 7)
_MARK = "▁".encode()
_BYTE_PIECE = re.compile(rb"<0x([0-9A-Fa-f]{2})>")

#: Fields in a file; a model of a million pieces has four million.
_MAX_FIELDS = 1 << 23

#: Wire types of Protocol Buffers, and the bytes of those of one length.
_VARINT, _LENGTH = 0, 2
_FIXED = {1: 8, 5: 4}


def read_sentencepiece(raw: bytes, source: str) -> Contents:
    """The tokens of a SentencePiece model.

    Raises:
        VocabularyError: the file is malformed.
    """
    message = _Message(raw, source)
    tokens: dict[int, bytes] = {}
    special: set[int] = set()
    names: dict[str, int] = {}
    end_piece = "</s>"
    token = 0
    for field, wire, start, end in message.fields(0, len(raw)):
        if (field, wire) == (2, _LENGTH):
            for inner, inner_wire, at, to in message.fields(start, end):
                if (inner, inner_wire) == (47, _LENGTH):
                    end_piece = raw[at:to].decode("utf-8", "replace")
        if (field, wire) != (1, _LENGTH):
            continue
        piece, kind = b"", _NORMAL
        for inner, inner_wire, at, to in message.fields(start, end):
            if (inner, inner_wire) == (1, _LENGTH):
                piece = raw[at:to]
            elif (inner, inner_wire) == (3, _VARINT):
                kind = at
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
    if not tokens:
        raise VocabularyError(f"{source}: not a SentencePiece model: it has no pieces")
    eos = (names[end_piece],) if end_piece in names else ()
    return Contents(tokens, frozenset(special), names, eos, token)


class _Message:
    """Reads Protocol Buffers, and counts the fields, so that no file takes long."""

    def __init__(self, raw: bytes, source: str) -> None:
        self._raw = raw
        self._source = source
        self._left = _MAX_FIELDS

    def fields(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Field number, wire type, value (or where it starts) and where it ends."""
        at = start
        while at < end:
            self._left -= 1
            tag, value_at = self._varint(at, end)
            wire = tag & 7
            if wire == _VARINT:
                value, to = self._varint(value_at, end)
            elif wire == _LENGTH:
                length, value = self._varint(value_at, end)
                to = value + length
            else:
                value, to = value_at, value_at + _FIXED.get(wire, end)
            if to > end or wire not in (_VARINT, _LENGTH, *_FIXED) or self._left < 0:
                raise self._fault(at)
            yield tag >> 3, wire, value, to
            at = to

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        """The number at `at`, and where it ends."""
        value = shift = 0
        for index in range(at, min(end, at + 10)):
            byte = self._raw[index]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, index + 1
            shift += 7
        raise self._fault(at)

    def _fault(self, at: int) -> VocabularyError:
        what = "too many fields" if self._left < 0 else "or the file is cut short"
        return VocabularyError(f"{self._source}: byte {at}: not a SentencePiece model, {what}")
