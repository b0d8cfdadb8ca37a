"""Reading tokenizers: what the formats mean, folders, sizes, EOS; and files that are broken."""

from __future__ import annotations

import base64
import json
import os
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from ananke.vocabulary import (
    Vocabulary,
    VocabularyError,
    from_tokens,
    from_transformers,
    load_vocabulary,
)
from ananke.vocabulary.byte_level import ALPHABET, byte_level_bytes
from tests.vocabularies import qwen_rank_file, sentencepiece_file, tekken_file

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
LLAMA = {
    "type": "Sequence",
    "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ],
}
METASPACE = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}


def added(token: int, content: str, special: bool = True) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": token, "content": content, "special": special, **flags}


def tokenizer_json(vocab: object, decoder: object = BYTE_LEVEL, **more: Any) -> dict[str, Any]:
    model = {"type": "BPE", "vocab": vocab, "merges": [], **more.pop("model", {})}
    document: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
    }
    parts = {"normalizer": None, "pre_tokenizer": None, "post_processor": None}
    return {**document, **parts, "decoder": decoder, "model": model, **more}


def read(folder: Path, content: object, name: str = "tokenizer.json", **more: Any) -> Vocabulary:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / name).write_bytes(raw)
    return load_vocabulary(folder / name, **more)


def texts(vocabulary: Vocabulary) -> list[bytes]:
    return [vocabulary.token_bytes(token) for token in range(vocabulary.size)]


# What a vocabulary is


def test_from_tokens() -> None:
    vocabulary = from_tokens(
        [b"a", b"", b"</s>", b"ab", b"a"], special=[2], eos=[6, 2, 6], size=40, name="toy"
    )
    assert texts(vocabulary)[:5] == [b"a", b"", b"", b"ab", b"a"]
    assert (vocabulary.size, vocabulary.eos, vocabulary.name) == (40, (6, 2), "toy")
    assert vocabulary.special == {1, 2, *range(5, 40)}
    assert vocabulary.offsets.tolist() == [0, 1, 1, 1, 3, 4] + [4] * 35
    assert not vocabulary.offsets.flags.writeable
    for token in (-1, 40):
        with pytest.raises(VocabularyError, match=f"^toy: token {token} is not in the vocabulary"):
            vocabulary.token_bytes(token)


def test_the_fingerprint_is_that_of_the_content() -> None:
    def fingerprint(*tokens: bytes, **more: Any) -> str:
        return from_tokens(tokens, **more).fingerprint

    assert fingerprint(b"a", b"b", name="x") == fingerprint(b"a", b"b", name="y")
    different = [
        fingerprint(b"a", b"b"),
        fingerprint(b"ab"),
        fingerprint(b"ab", b""),
        fingerprint(b"", b"ab"),
        fingerprint(b"a", b"b", size=3),
        fingerprint(b"a", b"b", eos=[2]),
        fingerprint(b"a", b"b", eos=[2, 3]),
        fingerprint(b"a", b"b", eos=[3, 2]),
    ]
    assert len(set(different)) == len(different)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tokens": [b"a"], "eos": [-1]}, "special token -1"),
        ({"tokens": [b"a"], "special": [10**9]}, "special token 1000000000"),
        ({"tokens": [b"a"], "special": [True]}, "special token True"),
        ({"tokens": [b"a", b"b"], "size": 1}, "size 1: must be at least 2"),
        ({"tokens": [b"a"], "size": 10**9}, "1000000000 tokens: must be 1 to"),
        ({"tokens": []}, "0 tokens"),
        ({"tokens": [b"a", "b"]}, "token 1: must be bytes, not 'b'"),
        ({"tokens": [b"x" * 4097]}, "token 0: 4097 bytes; at most 4096"),
        ({"tokens": [b"x" * 4096] * 20_000}, "the tokens have 81920000 bytes together"),
    ],
)
def test_tokens_that_are_no_vocabulary(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(VocabularyError, match=f"^toy: {message}"):
        from_tokens(**arguments, name="toy")


# Formats


def test_the_alphabet_of_bytes() -> None:
    assert sorted(ALPHABET) == list(range(256))
    assert len(set(ALPHABET.values())) == 256
    assert [ALPHABET[byte] for byte in b" \n\0a\xff\xad"] == ["Ġ", "Ċ", "Ā", "a", "ÿ", "Ń"]


@given(st.binary())
def test_byte_level_tokens_are_their_bytes(token: bytes) -> None:
    assert byte_level_bytes("".join(ALPHABET[byte] for byte in token)) == token


@given(st.text(min_size=1, max_size=8))
def test_byte_level_like_the_tokenizers_library(token: str) -> None:
    outside = not set(token) <= set(ALPHABET.values())
    assert not outside or byte_level_bytes(token) == token.encode()
    document = tokenizer_json({token: 0})
    expected = Tokenizer.from_str(json.dumps(document)).decode([0])
    assert byte_level_bytes(token).decode(errors="replace") == expected


def test_byte_level(tmp_path: Path) -> None:
    document = tokenizer_json(
        {"Ġthe": 0, "Ċ": 1, "é": 2, "<unk>": 3, "日": 5, "x": 9},
        model={"unk_token": "<unk>"},
        added_tokens=[added(10, "<eos>"), added(11, "<think>", False), added(12, "é日 ", False)],
    )
    vocabulary = read(tmp_path, document)
    assert texts(vocabulary) == [
        *(b" the", b"\n", b"\xe9", b"", b"", "日".encode(), b"", b"", b"", b"x", b""),
        *(b"<think>", "é日 ".encode()),
    ]
    assert vocabulary.special == {3, 4, 6, 7, 8, 10}
    assert vocabulary.eos == ()


def test_where_the_byte_level_may_be_written(tmp_path: Path) -> None:
    nested = {"type": "Sequence", "decoders": [{"type": "Fuse"}, BYTE_LEVEL]}
    for decoder in (BYTE_LEVEL, nested, {"type": "Sequence", "decoders": [nested]}):
        assert texts(read(tmp_path, tokenizer_json({"Ġ": 0}, decoder))) == [b" "]
    split = {"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Isolated", "invert": False}
    before = {"type": "Sequence", "pretokenizers": [split, BYTE_LEVEL]}
    document = tokenizer_json({"Ġ": 0}, None, pre_tokenizer=before)
    assert texts(read(tmp_path, document)) == [b" "]


@pytest.mark.parametrize("decoder", [LLAMA, METASPACE], ids=["sequence", "metaspace"])
def test_byte_fallback(tmp_path: Path, decoder: object) -> None:
    pieces = ["<unk>", "<0x0A>", "<0xfF>", "▁▁a", "é", "<0x0A>b", "<s>"]
    document = tokenizer_json(
        {piece: token for token, piece in enumerate(pieces)},
        decoder,
        model={"unk_token": "<unk>", "byte_fallback": True},
        added_tokens=[added(6, "<s>"), added(3, "▁▁a", False), added(7, "[INST]", False)],
    )
    vocabulary = read(tmp_path, document)
    assert texts(vocabulary) == [
        *(b"", b"\n", b"\xff", b"  a", "é".encode(), b"<0x0A>b", b"", b"[INST]")
    ]
    assert vocabulary.special == {0, 6}


def test_unigram_like_the_tokenizers_library(tmp_path: Path) -> None:
    rows = [["<unk>", 0.0], ["▁", -1.0], ["▁ab", -2.0], ["é", -3.0], ["a", -3.0], ["<0xE6>", -9.0]]
    for kind in ({"type": "Unigram"}, {"type": None}):
        document = tokenizer_json(rows, METASPACE, model={**kind, "unk_id": 0})
        vocabulary = read(tmp_path, document)
        assert texts(vocabulary) == [b"", b" ", b" ab", "é".encode(), b"a", b"<0xE6>"]
    document["model"]["type"] = "Unigram"
    tokenizer = Tokenizer.from_str(json.dumps(document))
    for token in range(1, len(rows)):
        ours = b"a" + vocabulary.token_bytes(token)
        assert tokenizer.decode([4, token]) == ours.decode()


def test_an_added_token_that_the_model_has_keeps_the_models_id(tmp_path: Path) -> None:
    document = tokenizer_json({"a": 0, "<s>": 1}, added_tokens=[added(5, "<s>")])
    assert Tokenizer.from_str(json.dumps(document)).token_to_id("<s>") == 1
    vocabulary = read(tmp_path, document)
    assert texts(vocabulary) == [b"a", b""]
    assert vocabulary.special == {1}


def test_a_tokenizer_object_of_the_tokenizers_library(tmp_path: Path) -> None:
    document = tokenizer_json({"a": 0, "Ġb": 1}, added_tokens=[added(2, "</s>")])
    backend = Tokenizer.from_str(json.dumps(document))

    class Fast:
        """The part of a fast tokenizer of transformers that is read."""

        backend_tokenizer = backend
        eos_token_id = 2
        name_or_path = "some/model"

    vocabulary = from_transformers(Fast(), size=8)
    assert texts(vocabulary) == [b"a", b" b", b"", b"", b"", b"", b"", b""]
    assert (vocabulary.eos, vocabulary.name) == ((2,), "some/model")
    assert from_transformers(backend).eos == ()
    assert from_transformers(backend, eos=[2]).fingerprint == from_transformers(Fast()).fingerprint
    with pytest.raises(VocabularyError, match="^str: str is not a fast tokenizer: .*load_vocab"):
        from_transformers("some/model")


def ranks(tokens: Sequence[bytes]) -> bytes:
    return b"".join(base64.b64encode(t) + b" %d\n" % i for i, t in enumerate(tokens))


def test_rank_files(tmp_path: Path) -> None:
    tokens = [b"a", b"\0", b"\xff\n", b"abc"]
    plain = read(tmp_path, ranks(tokens), "toy.tiktoken")
    assert (texts(plain), plain.eos) == (tokens, ())
    dos = ranks(tokens).replace(b"\n", b"\r\n") + b"\n\n"
    assert read(tmp_path, dos, "dos.tiktoken").fingerprint == plain.fingerprint
    unended = read(tmp_path, ranks(tokens)[:-1], "unended.tiktoken")
    assert unended.fingerprint == plain.fingerprint
    padded = read(tmp_path, b"YQ== 3\n", "holes.tiktoken", size=6, eos=4)
    assert (texts(padded), padded.eos) == ([b"", b"", b"", b"a", b"", b""], (4,))


def test_the_special_tokens_of_a_published_rank_file() -> None:
    vocabulary = load_vocabulary(qwen_rank_file())
    assert (vocabulary.size, vocabulary.eos) == (151_851, (151_643, 151_645))


def tekken(tokens: Sequence[bytes], special: int, size: int, **more: Any) -> dict[str, Any]:
    config = {"pattern": ".", "default_vocab_size": size, "default_num_special_tokens": special}
    rows = [
        {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
        for rank, token in enumerate(tokens)
    ]
    return {"config": config, "vocab": rows, **more}


def test_tekken(tmp_path: Path) -> None:
    old = read(tmp_path, tekken([b"a", b"\xff", b"unused"], 4, 6), "tekken.json")
    assert (texts(old), old.eos) == ([b"", b"", b"", b"", b"a", b"\xff"], (2,))
    named = [{"rank": 0, "token_str": "<s>", "is_control": True}, {"rank": 1, "token_str": "</s>"}]
    new = read(tmp_path, tekken([b"a"], 2, 3, special_tokens=named), "tekken.json")
    assert (texts(new), new.eos) == ([b"", b"", b"a"], (1,))


def field(number: int, content: bytes) -> bytes:
    """A field of Protocol Buffers with fewer than 128 bytes."""
    tag = number << 3 | 2
    head = [tag] if tag < 0x80 else [tag & 0x7F | 0x80, tag >> 7]
    return bytes([*head, len(content)]) + content


def piece(text: bytes, kind: int | None = None) -> bytes:
    return field(1, field(1, text) + (b"" if kind is None else bytes([3 << 3, kind])))


def test_sentencepiece(tmp_path: Path) -> None:
    mark = "▁".encode()
    raw = b"".join(
        [
            piece(b"<unk>", 2),
            piece(b"<end>", 3),
            piece(mark + b"the"),
            piece(b"a" + mark, 1),
            piece(mark * 2 + b"{", 4),
            piece(b"old", 5),
            piece(b"<0x0a>", 6),
            piece(b"<0x0a>", 1),
            field(2, field(47, b"<end>")),
            field(9, b"some later field"),
        ]
    )
    vocabulary = read(tmp_path, raw, "tokenizer.model")
    assert texts(vocabulary) == [b"", b"", b" the", b"a ", b"  {", b"old", b"\n", b"<0x0a>"]
    assert vocabulary.special == {0, 1}
    assert vocabulary.eos == (1,)


# Folders


def test_a_models_folder(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"vocab_size": 8, "eos_token_id": 4}')
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [3, 4]}')
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "eos_token": {"content": "<end>"},
                "added_tokens_decoder": {
                    "4": {"content": "<pad>", "special": True},
                    "5": {"content": "<end>", "special": True},
                    "6": {"content": "<tool>", "special": False},
                },
            }
        )
    )
    document = tokenizer_json({"a": 0, "b": 1}, added_tokens=[added(2, "<s>"), added(3, "</s>")])
    vocabulary = read(tmp_path, document)
    assert texts(vocabulary) == [b"a", b"b", b"", b"", b"", b"", b"<tool>", b""]
    assert vocabulary.eos == (3, 4, 5)
    assert load_vocabulary(tmp_path).fingerprint == vocabulary.fingerprint
    assert load_vocabulary(str(tmp_path), eos=3).eos == (3,)
    assert load_vocabulary(tmp_path, size=20).size == 20
    with pytest.raises(VocabularyError, match="size 6: the tokenizer has 7 tokens"):
        load_vocabulary(tmp_path, size=6)


def test_a_model_with_fewer_tokens_than_its_tokenizer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "config.json").write_text('{"text_config": {"vocab_size": 2}, "vocab_size": 9}')
    assert texts(read(tmp_path, ranks([b"a", b"b", b"c"]), "x.tiktoken")) == [b"a", b"b"]
    assert "the model has 2 tokens, the tokenizer 3" in caplog.text


def test_which_file_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match="no tokenizer here; looked for tokenizer.json, "):
        load_vocabulary(tmp_path)
    read(tmp_path, ranks([b"r"]), "a.tiktoken")
    assert texts(load_vocabulary(tmp_path)) == [b"r"]
    read(tmp_path, ranks([b"r"]), "b.tiktoken")
    with pytest.raises(VocabularyError, match="several tokenizers: a.tiktoken, b.tiktoken; give"):
        load_vocabulary(tmp_path)
    (tmp_path / "tokenizer.model.v1").write_bytes(sentencepiece_file().read_bytes())
    (tmp_path / "tokenizer.model.v1").rename(tmp_path / "tokenizer.model")
    assert load_vocabulary(tmp_path).size == 32_000
    read(tmp_path, tekken([b"t"], 1, 2), "tekken.json")
    assert texts(load_vocabulary(tmp_path)) == [b"", b"t"]
    read(tmp_path, tokenizer_json({"j": 0}))
    assert texts(load_vocabulary(tmp_path)) == [b"j"]


# Broken and hostile input

BROKEN: list[tuple[str, object, str]] = [
    ("nothing", b"", "not a tokenizer that is known here"),
    ("other", b"\x7fELF and more", "not a tokenizer that is known here.*ELF"),
    ("truncated", b'{"model": {"vocab": {"a": ', ":1:27: not JSON"),
    ("latin", b'{"model": "\xe9"}', "byte 11 is not UTF-8"),
    ("deep", b'{"model": ' + b"[" * 100_000, "nested too deeply"),
    ("deep objects", b'{"a": ' * 100_000, "nested too deeply"),
    ("digits", b'{"model": ' + b"9" * 5000 + b"}", "not JSON: "),
    ("neither", {"a": 1}, "neither a tokenizer.json"),
    ("model", {"model": []}, "model: must be an object, not a list"),
    ("no vocab", {"model": {"type": "BPE"}}, "model.vocab: missing"),
    ("vocab", tokenizer_json([]), "model.vocab: must be an object, not a list"),
    ("word piece", tokenizer_json({}, model={"type": "WordPiece"}), "'WordPiece' is not supp.*use"),
    ("words", {"model": {"vocab": {"a": 0}}}, "model.type: None is not supported"),
    ("nested type", tokenizer_json({}, model={"type": {}}), "model.type: {} is not supported"),
    ("suffix", tokenizer_json({}, model={"end_of_word_suffix": "</w>"}), "end_of_word_suffix"),
    ("negative", tokenizer_json({"a": -1}), "model.vocab: -1 is not a token id"),
    ("huge", tokenizer_json({"a": 10**9}), "model.vocab: 1000000000 is not a token id"),
    ("vast", tokenizer_json({"a": 10**30}), "model.vocab: 1000000.* is not a token id"),
    ("fraction", tokenizer_json({"a": 1.5}), r"model.vocab\['a'\]: 1.5 is not a token id"),
    ("boolean", tokenizer_json({"a": True}), r"model.vocab\['a'\]: True is not a token id"),
    ("twice", tokenizer_json({"a": 1, "b": 1}), r"model.vocab\['b'\]: id 1 is used twice"),
    ("long", tokenizer_json({"a" * 5000: 1}), "token 1: 5000 bytes; at most 4096"),
    ("surrogate", tokenizer_json({"\ud800": 0}), "half of a surrogate pair"),
    ("no decoder", tokenizer_json({"a": 0}, None), "decoder: missing, so.*use a tokenizer"),
    ("decoder", tokenizer_json({"a": 0}, [1]), "decoder: must be an object, not a list"),
    ("decoders", tokenizer_json({}, {"type": "Sequence"}), "decoder.decoders: missing"),
    (
        "word decoder",
        tokenizer_json({}, {"type": "Sequence", "decoders": [{"type": "WordPiece"}]}),
        r"decoder.decoders\[0\]: 'WordPiece' here",
    ),
    (
        "strip first",
        tokenizer_json({}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}),
        "decoder: 'Strip' here",
    ),
    (
        "pattern",
        tokenizer_json({}, {"type": "Replace", "pattern": {"Regex": "a"}, "content": ""}),
        "decoder: only a Replace of a string",
    ),
    ("metaspace", tokenizer_json({}, {"type": "Metaspace", "replacement": 3}), "replacement: must"),
    ("added", tokenizer_json({}, added_tokens={}), "added_tokens: must be a list, not an object"),
    ("added entry", tokenizer_json({}, added_tokens=[7]), r"added_tokens\[0\]: must be an object"),
    (
        "content",
        tokenizer_json({}, added_tokens=[{"id": 1}]),
        r"added_tokens\[0\].content: missing",
    ),
    (
        "added id",
        tokenizer_json({}, added_tokens=[added(2**22, "x")]),
        r"added_tokens\[0\].id: 4194304 is not a token id",
    ),
    (
        "added over",
        tokenizer_json({"a": 1}, added_tokens=[added(1, "x")]),
        r"added_tokens\[0\]: id 1 is used by another token too",
    ),
    (
        "added twice",
        tokenizer_json({}, added_tokens=[added(1, "x"), added(1, "y")]),
        r"added_tokens\[1\]: id 1 is used by another token too",
    ),
    ("row", tokenizer_json([["a"], 3], model={"type": "Unigram"}), r"model.vocab\[1\]: must be"),
    (
        "piece twice",
        tokenizer_json([["a", 0], ["a", 0]], model={"type": "Unigram"}),
        r"model.vocab\[1\]: 'a' occurs twice",
    ),
    (
        "unknown",
        tokenizer_json([["a", 0]], METASPACE, model={"type": "Unigram", "unk_id": 1}),
        "model.unk_id: there is no token 1",
    ),
    ("empty", tokenizer_json({}), "0 tokens"),
    ("rank", b"YQ== 0\nYg== x\n", ":2: not a token in base64 and an id: b'Yg== x'"),
    ("rank sign", b"YQ== 0\nYg== -1\n", ":2: not a token"),
    ("rank huge", b"YQ== 0\nYg== 999999999\n", "the highest id: 999999999 is not a token id"),
    ("rank vast", b"YQ== 0\nYg== " + b"9" * 5000, ":2: not a token"),
    ("rank twice", b"YQ== 0\nYg== 1\n\nYw== 1\n", ":4: id 1 is used twice"),
    ("base64", b"YQ== 0\nYg= 1\n", ":2: "),
    ("base64 tail", b"YQ== 0\nYg==Yg 1\n", ":2: not a token"),
    ("rank fields", b"YQ== 0\nYg== 1 2\n", ":2: not a token"),
    ("rank cut", b"YQ== 0\nYg==", ":2: not a token"),
    ("rank lines", b"YQ== 0\n" + b"\n" * 2**22, "more than 4194304 lines"),
    ("rank bytes", b"YQ== 0\n\xff\xfe 1\n", ":2: not a token"),
    ("config", {"config": 1, "vocab": []}, "config: must be an object, not a number"),
    ("sizes", {"config": {}, "vocab": []}, "config.default_vocab_size: None is not a token id"),
    ("short", tekken([b"a"], 2, 9), "9 with 2 special tokens needs 7 tokens; vocab has 1"),
    ("order", tekken([b"a"], 9, 2), "2 with 9 special tokens needs -7 tokens"),
    (
        "tekken rank",
        tekken([], 1, 2, vocab=[{"rank": 1, "token_bytes": ""}]),
        r"vocab\[0\]: must be an object with rank 0",
    ),
    (
        "tekken bytes",
        tekken([], 1, 2, vocab=[{"rank": 0, "token_bytes": "!"}]),
        r"vocab\[0\].token_bytes: must be a string of base64",
    ),
    ("tekken none", tekken([], 1, 2, vocab=[{"rank": 0}]), r"vocab\[0\].token_bytes"),
    ("tekken names", tekken([b"a"], 1, 2, special_tokens={}), "special_tokens: must be a list"),
    (
        "tekken name",
        tekken([b"a"], 1, 2, special_tokens=[{"rank": 1, "token_str": "<s>"}]),
        r"special_tokens\[0\]: rank 1 or '<s>' is out of range",
    ),
    ("message", b"\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "byte 1: not a SentencePiece"),
    ("message cut", piece(b"abc")[:-1], "byte 0: not a SentencePiece model, or the file is cut"),
    ("message long", b"\n\xff\xff\xff\x7f", "byte 0: not a SentencePiece"),
    (
        "message fields",
        b"\n\3\n\1a" + b"\x18\0" * 2**23,
        "not a SentencePiece model, too many fields",
    ),
    ("wire type", piece(b"a") + b"\x0f", "byte 5: not a SentencePiece"),
    ("piece bytes", piece(b"\xff"), "piece 0: not UTF-8"),
    ("piece byte", piece(b"<0xZZ>", 6), "piece 0: b'<0xZZ>' is not a byte"),
    ("piece kind", piece(b"a", 9), "piece 0: type 9 is unknown"),
    ("no pieces", piece(b"<unk>", 2), "not a SentencePiece model: it has no pieces"),
]


@pytest.mark.parametrize(
    ("content", "message"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN]
)
def test_broken_files(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(VocabularyError, match=message) as caught:
        read(tmp_path, content, "broken")
    assert str(caught.value).startswith(str(tmp_path / "broken"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", b"[]", "config.json: must hold a JSON object, not a list"),
        ("config.json", b"{", "config.json:1:2: not JSON"),
        ("config.json", b'{"vocab_size": "8"}', "config.json: vocab_size: '8' is not a positive"),
        ("config.json", b'{"vocab_size": 1000000000}', "1000000000 tokens are too many"),
        ("config.json", b'{"eos_token_id": -1}', "config.json: eos_token_id: -1 is not a token"),
        ("config.json", b'{"text_config": 3}', "text_config: must be an object, not a number"),
        ("generation_config.json", b'{"eos_token_id": [1, "2"]}', r"eos_token_id\[1\]: '2' is not"),
        ("tokenizer_config.json", b'{"eos_token": 3}', "eos_token: must be a string, not a number"),
        ("tokenizer_config.json", b'{"eos_token": {}}', "eos_token.content: missing"),
        ("tokenizer_config.json", b'{"eos_token": "</s>"}', "'</s>', which is none.*pass eos="),
        ("tokenizer_config.json", b'{"added_tokens_decoder": {"x": {}}}', "'x' is not a token id"),
        ("tokenizer_config.json", b'{"added_tokens_decoder": {"1": 2}}', "must be an object, not"),
    ],
)
def test_broken_companions(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(VocabularyError, match=message):
        read(tmp_path, ranks([b"a"]), "x.tiktoken")


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match="missing: can't be read: No such file"):
        load_vocabulary(tmp_path / "missing")
    with pytest.raises(VocabularyError, match="can't be read|not a path"):
        load_vocabulary("nul\0byte")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(VocabularyError, match="pipe: not a regular file"):
        load_vocabulary(tmp_path / "pipe")
    with pytest.raises(VocabularyError, match="not a regular file"):
        load_vocabulary("/dev/zero")
    with open(tmp_path / "large", "wb") as large:
        large.truncate(200 << 20)
    with pytest.raises(VocabularyError, match="large: 209715200 bytes are too many"):
        load_vocabulary(tmp_path / "large")


@pytest.mark.parametrize("eos", [-1, 10**9, [0, True], ["</s>"]])
def test_eos_that_is_no_id(tmp_path: Path, eos: Any) -> None:
    with pytest.raises(VocabularyError, match="toy: eos: .* is not a token id"):
        read(tmp_path, ranks([b"a"]), "toy", eos=eos)


@pytest.mark.parametrize("size", [0, -5, 2**22 + 1, True, "9"])
def test_size_that_is_none(tmp_path: Path, size: Any) -> None:
    with pytest.raises(VocabularyError, match="toy: size .*: must be 1 to"):
        read(tmp_path, ranks([b"a"]), "toy", size=size)


@cache
def shortened() -> list[bytes]:
    """Small real files of each kind."""
    tiny = json.loads(tekken_file().read_bytes())
    tiny["vocab"] = tiny["vocab"][:40]
    tiny["config"] |= {"default_vocab_size": 43, "default_num_special_tokens": 3}
    pieces = b"".join([piece(b"<unk>", 2), piece(b"</s>", 3), piece(b"ab"), piece(b"<0x41>", 6)])
    document = tokenizer_json({"a": 0, "Ġb": 1}, added_tokens=[added(2, "</s>")])
    return [
        json.dumps(tiny).encode(),
        json.dumps(document).encode(),
        b"\n".join(qwen_rank_file().read_bytes().split(b"\n")[:40]),
        pieces,
    ]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@given(st.integers(0, 3), st.integers(), st.booleans())
def test_damaged_files_are_refused_or_read(
    scratch: Path, kind: int, seed: int, is_cut: bool
) -> None:
    rng = random.Random(seed)
    raw = bytearray(shortened()[kind])
    if is_cut:
        del raw[rng.randrange(len(raw)) :]
    for _ in range(rng.randrange(4)):
        if raw:
            raw[rng.randrange(len(raw))] = rng.randrange(256)
    failure = None
    try:
        vocabulary = read(scratch, bytes(raw), "damaged")
    except VocabularyError as error:
        failure = str(error)
    if failure is None:
        assert b"".join(texts(vocabulary)) == vocabulary.data
    else:
        assert failure.startswith(str(scratch / "damaged"))
