"""Token bytes of real vocabularies, against the tokenizers that they belong to.

Two laws decide: what the tokenizer makes of a text is, as bytes, that text; and what it decodes a
token to in the midst of a text is what our bytes decode to.
"""

from __future__ import annotations

import json
import random
import sysconfig
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from ananke.vocabulary import Vocabulary, from_transformers, load_vocabulary
from tests.vocabularies import (
    byte_fallback_tokenizer,
    deepseek_folder,
    deepseek_tokenizer,
    qwen_rank_file,
    qwen_tokenizer,
    sentencepiece_file,
    sentencepiece_tokenizer,
    tekken_file,
    tekken_tokenizer,
)


@cache
def qwen() -> Vocabulary:
    return load_vocabulary(qwen_rank_file(), size=151_936)


@cache
def tekken() -> Vocabulary:
    return load_vocabulary(tekken_file())


@cache
def deepseek() -> Vocabulary:
    return load_vocabulary(deepseek_folder())


@cache
def sentencepiece() -> Vocabulary:
    return load_vocabulary(sentencepiece_file())


@cache
def byte_fallback() -> Vocabulary:
    return from_transformers(byte_fallback_tokenizer(), eos=2)


def encode_qwen(text: str) -> list[int]:
    return qwen_tokenizer().encode_ordinary(text)


def encode_tekken(text: str) -> list[int]:
    tokenizer, special = tekken_tokenizer()
    return [token + special for token in tokenizer.encode_ordinary(text)]


def encode_deepseek(text: str) -> list[int]:
    return deepseek_tokenizer().encode(text, add_special_tokens=False).ids


def encode_sentencepiece(text: str) -> list[int]:
    tokens: list[int] = sentencepiece_tokenizer().encode(text)
    return tokens


def encode_byte_fallback(text: str) -> list[int]:
    return byte_fallback_tokenizer().encode(text, add_special_tokens=False).ids


KINDS: list[tuple[Callable[[], Vocabulary], Callable[[str], Sequence[int]], bytes]] = [
    (qwen, encode_qwen, b""),
    (tekken, encode_tekken, b""),
    (deepseek, encode_deepseek, b""),
    (sentencepiece, encode_sentencepiece, b" "),
    (byte_fallback, encode_byte_fallback, b" "),
]
each_kind = pytest.mark.parametrize(
    ("vocabulary", "encode", "prefix"), KINDS, ids=[kind[0].__name__ for kind in KINDS]
)

# Spellings of special and added tokens are no text to a tokenizer, and SentencePiece's mark is a
# space to it: both are left out.
LAWFUL = st.text(
    st.one_of(
        st.sampled_from(" \t\r\n\0'\"{}()éäß日本語한글🎉👩‍👩‍👧\u2028\u0301"),
        st.characters(exclude_categories=["Cs"], exclude_characters="▁<\uff5c"),
    ),
    max_size=60,
).filter(lambda text: text != "")


@each_kind
@given(text=LAWFUL)
def test_what_the_tokenizer_makes_of_a_text_spells_it(
    vocabulary: Callable[[], Vocabulary],
    encode: Callable[[str], Sequence[int]],
    prefix: bytes,
    text: str,
) -> None:
    spelled = b"".join(map(vocabulary().token_bytes, encode(text)))
    assert spelled == prefix + text.encode()


@each_kind
def test_source_files_too(
    vocabulary: Callable[[], Vocabulary], encode: Callable[[str], Sequence[int]], prefix: bytes
) -> None:
    folder = Path(sysconfig.get_path("stdlib"))
    for name in ("ast.py", "textwrap.py", "html/entities.py", "encodings/cp437.py"):
        text = (folder / name).read_text()
        vocab = vocabulary()
        assert b"".join(map(vocab.token_bytes, encode(text))) == prefix + text.encode()
        for cut in (vocab.encode(text.encode()), vocab.random_encode(text.encode(), RNG)):
            assert b"".join(map(vocab.token_bytes, cut)) == text.encode()


RNG = random.Random(7)


def decodes_alike(vocabulary: Vocabulary, tokenizer: Tokenizer) -> None:
    """Each token after an "x" and before a "y" decodes to its bytes."""
    x, y = tokenizer.get_vocab()["x"], tokenizer.get_vocab()["y"]
    rows = [[x, token, y] for token in range(tokenizer.get_vocab_size())]
    ours = [b"".join(map(vocabulary.token_bytes, row)).decode(errors="replace") for row in rows]
    assert tokenizer.decode_batch(rows, skip_special_tokens=True) == ours


def test_qwen_token_by_token() -> None:
    vocabulary, tokenizer = qwen(), qwen_tokenizer()
    assert vocabulary.size == 151_936
    assert vocabulary.special == frozenset(range(151_643, 151_936))
    assert vocabulary.eos == (151_643, 151_645)
    for token in range(151_643):
        assert vocabulary.token_bytes(token) == tokenizer.decode_single_token_bytes(token)


def test_tekken_token_by_token() -> None:
    vocabulary = tekken()
    tokenizer, special = tekken_tokenizer()
    assert (vocabulary.size, special, vocabulary.eos) == (131_072, 1000, (2,))
    assert vocabulary.special == frozenset(range(1000))
    for token in range(1000, 131_072):
        assert vocabulary.token_bytes(token) == tokenizer.decode_single_token_bytes(token - special)


def test_deepseek_token_by_token() -> None:
    vocabulary, tokenizer = deepseek(), deepseek_tokenizer()
    assert vocabulary.eos == (1,)  # from tokenizer_config.json, by name
    added = json.loads((deepseek_folder() / "tokenizer.json").read_bytes())["added_tokens"]
    special = {entry["id"] for entry in added if entry["special"]}
    assert special == vocabulary.special
    assert vocabulary.size == max(entry["id"] for entry in added) + 1
    for entry in added:
        if not entry["special"]:
            assert vocabulary.token_bytes(entry["id"]) == entry["content"].encode()
    decodes_alike(vocabulary, tokenizer)


def test_sentencepiece_token_by_token() -> None:
    vocabulary, tokenizer = sentencepiece(), sentencepiece_tokenizer()
    assert (vocabulary.size, vocabulary.eos) == (tokenizer.get_piece_size(), (tokenizer.eos_id(),))
    x, y = tokenizer.piece_to_id("x"), tokenizer.piece_to_id("y")
    for token in range(vocabulary.size):
        is_special = tokenizer.is_control(token) or tokenizer.is_unknown(token)
        assert (token in vocabulary.special) == is_special
        if not is_special:
            ours = b"x" + vocabulary.token_bytes(token) + b"y"
            assert tokenizer.decode([x, token, y]) == ours.decode(errors="replace")


def test_byte_fallback_token_by_token() -> None:
    decodes_alike(byte_fallback(), byte_fallback_tokenizer())


def test_a_model_has_the_same_bytes_in_both_forms() -> None:
    one, other = sentencepiece(), byte_fallback()
    assert one.fingerprint == other.fingerprint
    assert (one.data, one.eos) == (other.data, other.eos)


def test_a_fast_tokenizer_of_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=byte_fallback_tokenizer(), eos_token="</s>", unk_token="<unk>"
    )
    assert from_transformers(tokenizer).fingerprint == sentencepiece().fingerprint
    assert from_transformers(tokenizer, size=32_064).special >= set(range(32_000, 32_064))
