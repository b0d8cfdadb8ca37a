"""Reads Hugging Face's `tokenizer.json`.

The file has a model (tokens as strings), added tokens, and a decoder that turns a token's string
into text. What decides is the decoder, as it does when the model's output is shown:

    ByteLevel                            each character is a byte (`byte_level`)
    Replace "▁" " ", ByteFallback,       "▁" is a space, "<0x0A>" a byte, the rest is UTF-8;
      Fuse, Strip " "                      Strip after Fuse touches the start of a text only
    Metaspace                            "▁" is a space

Special added tokens and the unknown token match no text. Added tokens that aren't special match
their content as it stands.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from typing import cast

from ananke.vocabulary.byte_level import byte_level_bytes
from ananke.vocabulary.contents import Contents, kind_of, member, token_id
from ananke.vocabulary.errors import VocabularyError

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")

#: Decoders that leave the bytes of a token in the midst of a text alone.
_NEUTRAL = ("Fuse",)

#: Nested sequences of decoders beyond this are refused.
_MAX_NESTING = 8

JSON = Mapping[str, object]


def read_tokenizer_json(document: JSON, source: str) -> Contents:
    """The tokens of a `tokenizer.json`.

    Args:
        document: the parsed file.
        source: for messages.

    Raises:
        VocabularyError: the file is malformed, or of a kind whose tokens aren't bytes of a text
            (WordPiece, word-level, decoders that join words).
    """
    model = cast(JSON, member(document, "model", dict, source, ""))
    pieces, unknown = _pieces(model, source)
    decoder = _Decoder(document, model, source)
    tokens: dict[int, bytes] = {}
    for piece, token in pieces.items():
        if type(token) is not int or token in tokens:
            token_id(token, source, f"model.vocab[{piece!r:.60}]")
            raise VocabularyError(f"{source}: model.vocab[{piece!r:.60}]: id {token} is used twice")
        tokens[token] = decoder.bytes_of(piece)
    if tokens:
        for extreme in (min(tokens), max(tokens)):
            token_id(extreme, source, "model.vocab")

    special = {unknown} if unknown is not None else set()
    added: dict[str, int] = {}
    given = document.get("added_tokens")
    if given is not None and not isinstance(given, list):
        raise VocabularyError(f"{source}: added_tokens: must be a list, not {kind_of(given)}")
    taken: dict[int, str] = {}
    for index, entry in enumerate(given or ()):
        place = f"added_tokens[{index}]"
        if not isinstance(entry, dict):
            raise VocabularyError(f"{source}: {place}: must be an object, not {kind_of(entry)}")
        content = cast(str, member(entry, "content", str, source, place))
        # A content that the model has too keeps the model's id, whatever is written here.
        token = token_id(pieces.get(content, entry.get("id")), source, f"{place}.id")
        if taken.setdefault(token, content) != content or (
            token in tokens and content not in pieces
        ):
            raise VocabularyError(f"{source}: {place}: id {token} is used by another token too")
        added[content] = token
        if entry.get("special") is True:
            special.add(token)
        elif token not in tokens:
            tokens[token] = decoder.bytes_of_added(content)
    for token in special:
        tokens.pop(token, None)
    return Contents(tokens, frozenset(special), ChainMap(added, pieces))


def _pieces(model: JSON, source: str) -> tuple[dict[str, int], int | None]:
    """Spelling -> id (ids unchecked), and the unknown token's id."""
    vocab = model.get("vocab")
    kind = model.get("type")
    if kind is None and isinstance(vocab, list):
        kind = "Unigram"
    if kind is None and "merges" in model:
        kind = "BPE"
    if kind == "BPE":
        pieces = cast(dict[str, int], member(model, "vocab", dict, source, "model"))
        for field in ("continuing_subword_prefix", "end_of_word_suffix"):
            if model.get(field):
                raise VocabularyError(
                    f"{source}: model.{field}: marks of word parts are not supported; "
                    "use a byte-level or SentencePiece tokenizer"
                )
        unknown = model.get("unk_token")
        return pieces, pieces.get(unknown) if isinstance(unknown, str) else None
    if kind == "Unigram":
        rows = cast(list[object], member(model, "vocab", list, source, "model"))
        pieces = {}
        for index, row in enumerate(rows):
            if not isinstance(row, list) or not row or not isinstance(row[0], str):
                raise VocabularyError(
                    f"{source}: model.vocab[{index}]: must be a list of a string and a score"
                )
            if row[0] in pieces:
                raise VocabularyError(
                    f"{source}: model.vocab[{index}]: {row[0]!r:.60} occurs twice"
                )
            pieces[row[0]] = index
        unknown = model.get("unk_id")
        if unknown is not None and token_id(unknown, source, "model.unk_id") >= len(rows):
            raise VocabularyError(f"{source}: model.unk_id: there is no token {unknown}")
        return pieces, cast("int | None", unknown)
    raise VocabularyError(
        f"{source}: model.type: {kind!r:.40} is not supported: its tokens don't say their bytes; "
        "use a tokenizer of type BPE (byte-level or with byte fallback) or Unigram"
    )


class _Decoder:
    """The bytes of a token's string."""

    def __init__(self, document: JSON, model: JSON, source: str) -> None:
        self._source = source
        self._byte_level = False
        self._replacements: list[tuple[str, str]] = []
        self._fallback = model.get("byte_fallback") is True
        fused = False
        found = False
        for step, place in self._steps(document):
            kind = step.get("type")
            found = True
            if kind == "ByteLevel":
                self._byte_level = fused = True
            elif kind == "ByteFallback":
                self._fallback = True
            elif kind == "Metaspace":
                mark = step.get("replacement", "▁")
                if not isinstance(mark, str) or not mark:
                    raise VocabularyError(f"{source}: {place}.replacement: must be a string")
                self._replacements.append((mark, " "))
            elif kind == "Replace" and not fused:
                self._replacements.append(self._replacement(step, place))
            elif kind == "Strip" and fused:
                pass  # the start and the end of the whole text only
            elif kind in _NEUTRAL:
                fused = True
            else:
                raise VocabularyError(
                    f"{source}: {place}: {kind!r:.40} here makes a token's text depend on its "
                    "neighbours, which is not supported; use a byte-level or SentencePiece kind"
                )
        if not found:
            raise VocabularyError(
                f"{source}: decoder: missing, so the tokens don't say their bytes; "
                "use a tokenizer with a ByteLevel, ByteFallback or Metaspace decoder"
            )

    def bytes_of(self, piece: str) -> bytes:
        for old, new in self._replacements:
            piece = piece.replace(old, new)
        if self._fallback and (byte := _BYTE.fullmatch(piece)):
            return bytes((int(byte[1], 16),))
        return self._encoded(byte_level_bytes if self._byte_level else str.encode, piece)

    def bytes_of_added(self, content: str) -> bytes:
        # A byte-level decoder would turn some Latin letters of the content into bytes, though the
        # tokenizer matched them as they stand.
        if self._byte_level:
            return self._encoded(str.encode, content)
        return self.bytes_of(content)

    def _encoded(self, encode: Callable[[str], bytes], piece: str) -> bytes:
        try:
            return encode(piece)
        except UnicodeEncodeError as error:
            raise VocabularyError(
                f"{self._source}: token {piece!r:.60}: half of a surrogate pair is no text"
            ) from error

    def _steps(self, document: JSON) -> Iterator[tuple[JSON, str]]:
        """The decoders in order; what the pre-tokenizer implies if there are none."""
        if document.get("decoder") is not None:
            yield from self._flat(document["decoder"], "decoder", "decoders", 0)
            return
        if document.get("pre_tokenizer") is None:
            return
        for step, place in self._flat(
            document["pre_tokenizer"], "pre_tokenizer", "pretokenizers", 0
        ):
            if step.get("type") in ("ByteLevel", "Metaspace"):
                yield step, place

    def _flat(
        self, node: object, place: str, inner: str, nesting: int
    ) -> Iterator[tuple[JSON, str]]:
        if not isinstance(node, dict):
            raise VocabularyError(
                f"{self._source}: {place}: must be an object, not {kind_of(node)}"
            )
        if node.get("type") != "Sequence":
            yield node, place
            return
        if nesting == _MAX_NESTING:
            raise VocabularyError(f"{self._source}: {place}: nested too deeply")
        steps = cast(list[object], member(node, inner, list, self._source, place))
        for index, step in enumerate(steps):
            yield from self._flat(step, f"{place}.{inner}[{index}]", inner, nesting + 1)

    def _replacement(self, step: JSON, place: str) -> tuple[str, str]:
        pattern = step.get("pattern")
        old = pattern.get("String") if isinstance(pattern, dict) else None
        new = step.get("content")
        if not isinstance(old, str) or not old or not isinstance(new, str):
            raise VocabularyError(
                f"{self._source}: {place}: only a Replace of a string by a string is supported"
            )
        return old, new
